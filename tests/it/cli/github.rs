//! A step of a GitHub workflow: what the runner obeys, what it masks, what it keeps.

use crate::common::Generation::{Draft, Live};

use super::run::{OUTPUTS, ended, run, step};
use super::runner::{self, GitHub};
use super::{platform, together};
use crate::secrets::Secrets;
use crate::server::{Server, say};

#[tokio::test]
async fn a_hostile_build_log_is_shown_and_never_obeyed() {
    together(["never", "always", "auto"].map(|color| async move {
        let sandbox = platform("hostile-log", Live).await;
        let program = run("deploy --color").arg(color).on(&sandbox).with_token(&sandbox);
        let told = step(program, &Secrets::on(&sandbox)).await;
        assert_eq!(told.end(), (1, "failed"), "{}", told.log);
        for text in [
            "a forged annotation",
            "a forged error",
            "after a carriage return",
            "in one entry",
            "Forged section",
        ] {
            assert!(told.log.contains(text) && told.summary.contains(text), "{text} is shown\n{}", told.log);
        }
        assert_eq!(told.log.contains('\u{1b}'), color != "never", "only our own colours");
        assert!(!told.log.contains(['\u{202e}', '\u{200b}', '\u{feff}', '\u{0}', '\r']), "{:?}", told.log);
        let names: Vec<_> =
            runner::commands(&runner::without_masks(&told.log)).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["group", "endgroup", "error"]);
        assert_eq!(told.outputs.len(), OUTPUTS.len(), "no output of the log's: {:?}", told.outputs);
        let fence = told.summary.lines().find(|line| line.starts_with("```")).expect("the log's fence");
        let inner = told.summary.lines().filter(|line| line.trim_start().starts_with('`'));
        let closing = inner.filter(|line| line.trim() == fence.trim_end_matches("text")).count();
        assert_eq!(closing, 1, "nothing in the log closes its fence\n{}", told.summary);
    }))
    .await;
}

#[tokio::test]
async fn a_log_that_repeats_the_hook_is_shown_with_stars() {
    let sandbox = platform("echo", Live).await;
    let told = step(run("deploy").on(&sandbox).with_token(&sandbox), &Secrets::on(&sandbox)).await;
    assert_eq!(told.end(), (1, "failed"), "{}", told.log);
    assert!(told.log.contains("DEPLOY_HOOK_URL=***") && told.summary.contains("GET *** 404"), "{}", told.log);
}

#[tokio::test]
async fn a_state_nobody_knows_is_warned_of_once() {
    let program = run("deploy --sandbox --scenario unknown-state --speed 100");
    let told = step(program, &Secrets::of("/unknown", &[])).await;
    assert_eq!(told.end(), (0, "succeeded"), "{}", told.log);
    let (warnings, looks) = (warnings(&told.log), told.log.matches("QUANTUM_FLUX").count());
    assert_eq!(warnings.len(), 1, "{}", told.log);
    assert!(warnings[0].contains("QUANTUM_FLUX") && looks >= 2, "{warnings:?}");
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

/// The texts of the warnings that the runner makes annotations of.
fn warnings(log: &str) -> Vec<String> {
    runner::commands(log).into_iter().filter(|(name, _)| name == "warning").map(|(_, data)| data).collect()
}

#[tokio::test]
async fn not_following_is_warned_of_unless_it_was_asked_for() {
    for (args, warned) in [("deploy", 1), ("deploy --wait never", 0)] {
        let sandbox = platform("success", Live).await;
        let told = step(run(args).on(&sandbox), &Secrets::on(&sandbox)).await;
        assert_eq!(told.end(), (0, "triggered"));
        let warnings = warnings(&told.log);
        assert_eq!(warnings.len(), warned, "{}", told.log);
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
    let told = step(program, &Secrets::on(&sandbox)).await;
    let masks = runner::masks(&told.log);
    for token in ["ghs_0123456789abcdefghijklmnopqrstuvwxyz", "glpat-0123456789abcdefghij"] {
        assert!(masks.iter().any(|mask| mask == token), "{token}");
        assert!(!runner::without_masks(&told.log).contains(token));
    }
    assert_eq!(told.output("environment-url"), "https://www.example.com/");
    let shown = format!("{:?}{}production127.0.0.1", told.outputs, sandbox.environment());
    assert!(
        masks.iter().all(|mask| !shown.contains(mask.as_str())),
        "an output with a masked text is dropped: {masks:?}"
    );
    assert!(
        told.summary.contains("production") && told.summary.contains("https://www.example.com/"),
        "{}",
        told.summary
    );
}

#[tokio::test]
async fn what_others_wrote_to_the_files_stays() {
    let (server, github) =
        (Server::plain(say(200, "{\"data\":{\"publicId\":\"dp-abc123\"}}")).await, GitHub::new());
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
        (Server::plain(say(200, "{\"data\":{\"publicId\":\"dp-abc123\"}}")).await, GitHub::new());
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
    let told = step(run("deploy -q").on(&sandbox), &Secrets::on(&sandbox)).await;
    assert_eq!(told.end(), (1, "failed"));
    assert!(told.log.contains("failed after") && told.log.contains("Triggered deployment"), "{}", told.log);
}
