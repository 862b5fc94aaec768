//! The job's log: in colour, with sections that all end, and without sections or colours from the platform's texts.
//! What is checked of every log is in [`super::trace`].

use crate::common::Generation;
use deploy_hook::sandbox::Sandbox;

use super::fake_gitlab::FakeGitLab;
use super::job::{Done, Job};
use super::{all, platform, start_sandbox};

async fn run(sandbox: &Sandbox, variables: &[(&str, &str)], args: &[&str]) -> Done {
    let gitlab = FakeGitLab::start().await;
    let args: Vec<&str> = ["deploy"].iter().chain(args).copied().collect();
    let job = Job::new(&gitlab, sandbox, "auto").with_api_token(&sandbox.api_token());
    job.with_all(variables).args(&args).run().await
}

#[tokio::test]
async fn everything_is_printed_on_standard_error_in_colour_though_there_is_no_terminal() {
    let sandbox = platform("success", 400.0).await;
    let done = run(&sandbox, &[], &[]).await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]));
    assert_eq!(done.data, "", "messages go to standard error");
    assert!(done.trace.coloured, "{}", done.trace.text);
    for (variables, args) in [(&[("NO_COLOR", "1")][..], &[][..]), (&[], &["--color", "never"])] {
        assert!(!run(&sandbox, variables, args).await.trace.coloured, "{variables:?} {args:?}");
    }
}

#[tokio::test]
async fn a_failed_deployments_log_is_a_collapsed_section() {
    let variables: [&[(&str, &str)]; 2] = [&[], &[("NO_COLOR", "1")]];
    all(variables.map(|variables| async move {
        let sandbox = start_sandbox("build-fails", Generation::Live, 400.0).await;
        let done = run(&sandbox, variables, &[]).await;
        assert_eq!(done.end(), (1, "failed"), "{}", done.trace.text);
        let folded: Vec<_> = done.trace.sections.iter().filter(|section| section.collapsed).collect();
        assert_eq!(folded.len(), 1, "{:?}", done.trace.sections);
        assert!(folded[0].header.contains("log"), "{:?}", folded[0]);
        let last = "Build command `npm run build` failed with exit code 1";
        assert_eq!(folded[0].lines.iter().filter(|line| line.contains(last)).count(), 1, "{:?}", folded[0]);
        assert!(!folded[0].lines.iter().any(|line| line.contains("Next:")), "the verdict is not folded away");
        assert!(done.trace.text.contains("Next:"), "{}", done.trace.text);
    }))
    .await;
}

#[tokio::test]
async fn a_hostile_build_log_is_shown_and_never_executed() {
    all(["never", "always", "auto"].map(|color| async move {
        let sandbox = start_sandbox("hostile-log", Generation::Live, 400.0).await;
        let done = run(&sandbox, &[], &["-v", "--color", color]).await;
        assert_eq!(done.end(), (1, "failed"), "{}", done.trace.text);
        let folded = done.trace.sections.iter().find(|section| section.collapsed).expect("the log");
        let shown = folded.lines.join("\n");
        for text in
            ["a forged annotation", "after a carriage return", "in one entry", "Forged section", "add-mask"]
        {
            assert!(shown.contains(text), "{text} is shown, and in its section\n{shown}");
        }
        let forged = done.trace.sections.iter().any(|section| section.name.contains("forged"));
        assert!(!forged, "{:?}", done.trace.sections);
        assert!(
            !done.trace.text.contains(['\u{202e}', '\u{200b}', '\u{feff}', '\u{0}']),
            "{}",
            done.trace.text
        );
        assert_eq!(done.trace.coloured, color != "never");
    }))
    .await;
}

#[tokio::test]
async fn what_needs_a_reader_is_a_warning_in_words_and_no_runners_command() {
    let (unknown, live) =
        (platform("unknown-state", 20.0).await, start_sandbox("success", Generation::Live, 400.0).await);
    let gitlab = FakeGitLab::start().await;
    let done = Job::new(&gitlab, &unknown, "auto").run().await;
    assert_eq!(done.end(), (0, "succeeded"));
    assert_eq!(done.warnings().len(), 1, "{}", done.trace.text);
    assert!(done.warnings()[0].contains("QUANTUM_FLUX"), "{}", done.trace.text);
    let done = Job::new(&gitlab, &live, "auto").run().await;
    assert_eq!(done.end(), (0, "triggered"));
    assert!(done.trace.text.contains("api-token"), "why it was not followed: {}", done.trace.text);
    for done in [run(&unknown, &[("DEPLOY_HOOK_TIMEOUT", "soon")], &[]).await, done] {
        assert!(!done.trace.text.contains("::"), "{}", done.trace.text);
    }
}

#[tokio::test]
async fn a_quiet_log_has_everything_of_a_failure_and_its_sections_end() {
    let sandbox = start_sandbox("build-fails", Generation::Live, 400.0).await;
    let done = run(&sandbox, &[], &["-q"]).await;
    assert_eq!(done.end(), (1, "failed"));
    assert!(done.trace.text.contains("failed after"), "{}", done.trace.text);
    assert!(done.trace.text.contains("Triggered deployment"), "{}", done.trace.text);
}

#[tokio::test]
async fn for_programs_standard_output_holds_events_alone() {
    let sandbox = start_sandbox("hostile-log", Generation::Live, 400.0).await;
    let done = run(&sandbox, &[], &["--format", "json"]).await;
    assert_eq!(done.end(), (1, "failed"));
    let events: Vec<serde_json::Value> = done
        .data
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert!(events.len() >= 2, "{}", done.data);
    assert!(!done.data.contains("section_start:1700000000:forged[collapsed=true]\r"), "{}", done.data);
    assert!(done.trace.sections.is_empty(), "{:?}", done.trace);
}
