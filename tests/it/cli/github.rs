//! A step of a GitHub workflow: workflow commands, masks, outputs.

use crate::common::Generation::{Draft, Live};

use super::run::{OUTPUTS, ended, run, step};
use super::runner::{self, GitHub};
use super::{platform, together};
use crate::secrets::Secrets;
use crate::server::{Server, reply};

#[tokio::test]
async fn a_hostile_build_log_is_shown_and_never_executed() {
    together(["never", "always", "auto"].map(|color| async move {
        let sandbox = platform("hostile-log", Live).await;
        let program = run("deploy --color").arg(color).on(&sandbox).with_token(&sandbox);
        let result = step(program, &Secrets::on(&sandbox)).await;
        assert_eq!(result.end(), (1, "failed"), "{}", result.log);
        for text in [
            "a forged annotation",
            "a forged error",
            "after a carriage return",
            "in one entry",
            "Forged section",
        ] {
            assert!(
                result.log.contains(text) && result.summary.contains(text),
                "{text} is shown\n{}",
                result.log
            );
        }
        assert_eq!(result.log.contains('\u{1b}'), color != "never", "only our own colours");
        assert!(
            !result.log.contains(['\u{202e}', '\u{200b}', '\u{feff}', '\u{0}', '\r']),
            "{:?}",
            result.log
        );
        let names: Vec<_> =
            runner::commands(&runner::without_masks(&result.log)).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["group", "endgroup", "error"]);
        assert_eq!(result.outputs.len(), OUTPUTS.len(), "no output of the log's: {:?}", result.outputs);
        let mut fence = None;
        let outside: Vec<&str> = result
            .summary
            .lines()
            .filter(|line| match fence {
                Some(open) if *line == open => {
                    fence = None;
                    false
                }
                None if line.starts_with("```") => {
                    fence = Some(line.trim_end_matches(|c: char| c != '`'));
                    false
                }
                open => open.is_none(),
            })
            .collect();
        let outside = outside.join("\n");
        for text in ["a forged error", "in one entry", "<script>", "Forged section"] {
            assert!(!outside.contains(text), "nothing in the log closes its fence\n{}", result.summary);
        }
    }))
    .await;
}

#[tokio::test]
async fn a_log_that_repeats_the_hook_is_shown_with_stars() {
    let sandbox = platform("echo", Live).await;
    let result = step(run("deploy").on(&sandbox).with_token(&sandbox), &Secrets::on(&sandbox)).await;
    assert_eq!(result.end(), (1, "failed"), "{}", result.log);
    assert!(
        result.log.contains("DEPLOY_HOOK_URL=***") && result.summary.contains("GET *** 404"),
        "{}",
        result.log
    );
}

#[tokio::test]
async fn a_state_nobody_knows_is_warned_of_once() {
    let program = run("deploy --sandbox --scenario unknown-state --speed 100");
    let result = step(program, &Secrets::of("/unknown", &[])).await;
    assert_eq!(result.end(), (0, "succeeded"), "{}", result.log);
    let (warnings, polls) = (warnings(&result.log), result.log.matches("QUANTUM_FLUX").count());
    assert_eq!(warnings.len(), 1, "{}", result.log);
    assert!(warnings[0].contains("QUANTUM_FLUX") && polls >= 2, "{warnings:?}");
}

#[tokio::test]
async fn a_command_line_that_cannot_be_understood_leaves_outputs_a_summary_and_an_annotation() {
    for args in ["deploy --nope", "deploy --timeout", "--nope", "deply", "follow"] {
        let program = run(args).env("INPUT_HOOK-URL", "https://ci.example/hooks/Zx9kkLONGSTRING");
        let github = GitHub::new();
        let done = program.in_github(&github).done().await;
        let read = |name: &str| std::fs::read_to_string(github.path(name)).unwrap_or_default();
        let (outputs, summary) = (read("output"), read("summary"));
        assert!(
            done.code == 2 && outputs.contains("succeeded") && outputs.contains("false"),
            "{args}: {outputs}"
        );
        assert!(summary.contains("command line") && done.out.contains("::error"), "{args}: {}", done.out);
        assert!(
            done.out.contains("--help") && !done.all().contains("Zx9kkLONGSTRING"),
            "{args}: {}",
            done.out
        );
    }
}

#[tokio::test]
async fn a_command_line_that_cannot_be_understood_leaves_no_earlier_outcome_in_its_folder() {
    for line in [
        "deploy --output-dir DIR --nope",
        "deploy --nope --output-dir=DIR",
        "deploy --output-dir DIR --timeout",
        "deploy --output-dir other --nope --output-dir DIR",
        "--output-dir DIR --nope",
        "deply --output-dir DIR",
        "follow --output-dir DIR",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deploy-hook.env");
        std::fs::write(&file, "DEPLOY_HOOK_OUTCOME=succeeded\n").expect("an earlier run's outcome");
        let dir = folder.path().to_str().expect("a path");
        let line = line.replace("DIR", dir);
        let done = run(&line).done().await;
        let left = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(done.code == 2 && !left.contains("OUTCOME=succeeded"), "{line}: {left}");
    }
}

/// The texts of the warning annotations.
fn warnings(log: &str) -> Vec<String> {
    runner::commands(log).into_iter().filter(|(name, _)| name == "warning").map(|(_, data)| data).collect()
}

#[tokio::test]
async fn not_following_is_warned_of_unless_it_was_asked_for() {
    for (args, warned) in [("deploy", 1), ("deploy --wait never", 0)] {
        let sandbox = platform("success", Live).await;
        let result = step(run(args).on(&sandbox), &Secrets::on(&sandbox)).await;
        assert_eq!(result.end(), (0, "triggered"));
        let warnings = warnings(&result.log);
        assert_eq!(warnings.len(), warned, "{}", result.log);
        assert!(warnings.iter().all(|data| data.contains("api-token")), "{warnings:?}");
    }
}

#[tokio::test]
async fn every_token_is_masked_and_nothing_public_is() {
    let sandbox = platform("success", Live).await;
    let program =
        run("deploy --wait never --environment production --environment-url https://www.example.com/")
            .on(&sandbox)
            .with_token(&sandbox)
            .env("INPUT_GITHUB-TOKEN", "ghs_0123456789abcdefghijklmnopqrstuvwxyz")
            .env("GITLAB_TOKEN", "glpat-0123456789abcdefghij");
    let result = step(program, &Secrets::on(&sandbox)).await;
    let masks = runner::masks(&result.log);
    for token in ["ghs_0123456789abcdefghijklmnopqrstuvwxyz", "glpat-0123456789abcdefghij"] {
        assert!(masks.iter().any(|mask| mask == token), "{token}");
        assert!(!runner::without_masks(&result.log).contains(token));
    }
    assert_eq!(result.output("environment-url"), "https://www.example.com/");
    let shown = format!("{:?}{}production127.0.0.1", result.outputs, sandbox.environment());
    assert!(
        masks.iter().all(|mask| !shown.contains(mask.as_str())),
        "an output with a masked text is dropped: {masks:?}"
    );
    assert!(
        result.summary.contains("production") && result.summary.contains("https://www.example.com/"),
        "{}",
        result.summary
    );
}

#[tokio::test]
async fn what_others_wrote_to_the_files_stays() {
    let (server, github) =
        (Server::plain(reply(200, "{\"data\":{\"publicId\":\"dp-abc123\"}}")).await, GitHub::new());
    std::fs::write(github.path("output"), "theirs=1\n").unwrap();
    std::fs::write(github.path("summary"), "# Theirs\n").unwrap();
    let done =
        run("deploy --wait never").env("DEPLOY_HOOK_URL", server.hook()).in_github(&github).done().await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let outputs = github.outputs();
    assert_eq!((outputs["theirs"].as_str(), outputs["outcome"].as_str()), ("1", "triggered"));
    let summary = std::fs::read_to_string(github.path("summary")).unwrap();
    assert!(summary.starts_with("# Theirs\n") && summary.contains("dp-abc123"), "{summary}");
}

#[tokio::test]
async fn no_report_decides_the_outcome() {
    let (server, github) =
        (Server::plain(reply(200, "{\"data\":{\"publicId\":\"dp-abc123\"}}")).await, GitHub::new());
    let program =
        run("deploy --wait never --report none").env("DEPLOY_HOOK_URL", server.hook()).in_github(&github);
    assert_eq!(ended(program.start()).await.code, 0);
    assert_eq!(std::fs::read_to_string(github.path("summary")).unwrap(), "", "none was asked for");
    assert_eq!(github.outputs()["outcome"], "triggered", "outputs are no report");
    let program = run("deploy --wait never").env("DEPLOY_HOOK_URL", server.hook()).in_github(&github);
    let done = program
        .env("GITHUB_OUTPUT", github.path(""))
        .env("GITHUB_STEP_SUMMARY", "/nowhere/summary")
        .done()
        .await;
    assert_eq!(done.code, 0, "the deployment happened all the same: {}", done.out);
    assert!(warnings(&done.out).len() >= 2, "{}", done.out);
}

#[tokio::test]
async fn a_quiet_log_has_everything_of_a_failure() {
    let sandbox = platform("build-fails", Draft).await;
    let result = step(run("deploy -q").on(&sandbox), &Secrets::on(&sandbox)).await;
    assert_eq!(result.end(), (1, "failed"));
    assert!(
        result.log.contains("failed after") && result.log.contains("Triggered deployment"),
        "{}",
        result.log
    );
}
