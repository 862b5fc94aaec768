//! How much is printed: nothing with `--quiet` where all is well, everything where it is not; each poll with `--verbose`.

use crate::common::Generation::{Draft, Live};

use super::run::{Done, Run, run};
use super::runner::{self, GitHub};
use super::{platform, together};

#[tokio::test]
async fn a_quiet_run_that_ends_well_prints_nothing() {
    let ends_well = [
        ("success", "deploy -q"),
        ("success", "deploy --quiet --format json"),
        ("success", "deploy -q --wait never"),
        ("success", "deploy -q --dry-run"),
        ("success", "doctor -q"),
        ("canceled", "deploy -q --on-canceled pass"),
        ("unknown-state", "deploy -q"), // which is warned of
    ];
    together(ends_well.map(|(scenario, args)| async move {
        for verbose in ["", "true"] {
            let sandbox = platform(scenario, Draft).await;
            let files = tempfile::tempdir().expect("a folder");
            let program = run(args).on(&sandbox).env("DEPLOY_HOOK_VERBOSE", verbose);
            let program = program.env("DEPLOY_HOOK_OUTPUT_DIR", files.path());
            let done = program.done().await;
            assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "", ""), "{args}");
            let dotenv = std::fs::read_to_string(files.path().join("deploy-hook.env")).unwrap_or_default();
            assert_eq!(
                dotenv.contains("DEPLOY_HOOK_OUTCOME="),
                !args.starts_with("doctor"),
                "{args}: {dotenv}"
            );
        }
    }))
    .await;
    let done = run("deploy -q --sandbox --speed 400").done().await;
    assert_eq!((done.code, done.all().as_str()), (0, ""));
    let done = run("deploy -q --if-missing skip").done().await;
    assert_eq!((done.code, done.all().as_str()), (0, ""));
}

#[tokio::test]
async fn a_quiet_run_that_does_not_prints_what_it_would_have() {
    let cases = [
        ("build-fails", 1, ""),
        ("build-fails", 1, "--format json"),
        ("canceled", 8, ""),
        ("success", 2, "--timeout soon"),
    ];
    together(cases.map(|(scenario, code, more)| async move {
        let program = |quiet: &'static str, sandbox: &_| {
            run("deploy").args(quiet).args(more).on(sandbox).with_token(sandbox)
        };
        let sandbox = platform(scenario, Live).await;
        let quiet = program("-q", &sandbox).done().await;
        assert_eq!(quiet.code, code, "{}", quiet.all());
        assert!(!quiet.all().is_empty());
        if more.is_empty() {
            for wanted in ["Triggered", "Next:"] {
                assert!(quiet.err.contains(wanted), "{wanted}: {}", quiet.err);
            }
        }
    }))
    .await;
    let done = run("deploy -q").done().await;
    assert!(done.code == 2 && done.err.contains("hook-url"), "{}", done.all());
    let done =
        run("doctor -q").env("DEPLOY_HOOK_URL", "https://host.invalid/hooks/abcdefgh12345678").done().await;
    assert!(
        done.code == 4 && done.out.contains("✓ hook URL") | done.out.contains("? hook URL"),
        "{}",
        done.all()
    );
}

/// The runner takes the lines that mask secrets; nothing else is said, and what is written is written.
#[tokio::test]
async fn a_quiet_step_that_ends_well_prints_masks_alone() {
    let sandbox = platform("success", Draft).await;
    let github = GitHub::new();
    let done = run("deploy -q").on(&sandbox).in_github(&github).done().await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert_eq!(runner::without_masks(&done.out).trim(), "");
    assert!(done.out.contains("::add-mask::"), "{}", done.out);
    assert_eq!(github.outputs()["outcome"], "succeeded");
    assert!(std::fs::read_to_string(github.path("summary")).expect("a summary").starts_with("### "));
}

/// Arguments, variables, and whether each poll is printed.
type Case = (&'static str, &'static [(&'static str, &'static str)], bool);

#[tokio::test]
async fn each_poll_is_printed_where_any_source_asks_for_it() {
    let polls = |done: &Done| done.all().contains("\"event\":\"poll\"");
    let with = |args: &str, variables: &[(&str, &str)]| {
        let program =
            run("deploy --format json --sandbox --speed 100 --scenario stuck --timeout 10s").args(args);
        variables.iter().fold(program, |program, (name, value)| program.env(name, value))
    };
    let cases: [Case; 14] = [
        ("", &[], false),
        ("-v", &[], true),
        ("--verbose", &[], true),
        ("--verbose=true", &[], true),
        ("", &[("RUNNER_DEBUG", "1")], true),
        ("", &[("RUNNER_DEBUG", "0")], false),
        ("", &[("RUNNER_DEBUG", "")], false),
        ("", &[("DEPLOY_HOOK_VERBOSE", "true")], true),
        ("", &[("DEPLOY_HOOK_VERBOSE", "1")], true),
        ("", &[("DEPLOY_HOOK_VERBOSE", "")], false),
        ("", &[("INPUT_VERBOSE", "yes")], true),
        ("", &[("DEPLOY_HOOK_VERBOSE", "false"), ("RUNNER_DEBUG", "1")], false),
        ("--verbose=false", &[("DEPLOY_HOOK_VERBOSE", "true"), ("RUNNER_DEBUG", "1")], false),
        ("-v", &[("DEPLOY_HOOK_VERBOSE", "false")], true),
    ];
    together(cases.map(|(args, variables, wanted)| async move {
        let done = with(args, variables).done().await;
        assert_eq!((done.code, polls(&done)), (6, wanted), "{args} {variables:?}: {}", done.all());
    }))
    .await;
    let human: Run =
        run("deploy --sandbox --speed 100 --scenario stuck --timeout 10s").env("RUNNER_DEBUG", "1");
    assert!(human.done().await.err.contains("so far, next in"), "people see the same");
}

#[tokio::test]
async fn what_is_neither_yes_nor_no_is_bad_input_wherever_it_comes_from() {
    for (args, variable) in
        [("deploy --sandbox --verbose=maybe", ""), ("deploy --sandbox --wait nver", "maybe")]
    {
        let done = run(args).env("DEPLOY_HOOK_VERBOSE", variable).done().await;
        assert_eq!(done.code, 2, "{}", done.all());
        assert!(done.err.contains("verbose") && done.err.contains("is not true or false"), "{}", done.err);
        assert_eq!(done.err.contains("--wait"), args.contains("nver"), "all problems at once: {}", done.err);
    }
}
