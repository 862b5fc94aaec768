//! The files a run leaves: whole or not at all, whatever was there before, and never through a link.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::common::Generation::Draft;

use super::run::run;
use super::runner::{self, GitHub};
use super::{platform, together};

fn fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Commands that write outputs and summary: a deployment, one with bad input, and a dry run.
const WAYS: [(&str, i32); 3] = [("deploy", 0), ("deploy --timeout soon", 2), ("deploy --dry-run", 0)];

#[tokio::test]
async fn an_unfinished_last_line_is_finished_first() {
    together(WAYS.map(|(args, code)| async move {
        let (sandbox, github) = (platform("success", Draft).await, GitHub::new());
        std::fs::write(github.path("output"), "version=1.2.3").expect("it can be written");
        std::fs::write(github.path("summary"), "### Built").expect("it can be written");
        let done = run(args).on(&sandbox).in_github(&github).done().await;
        assert_eq!(done.code, code, "{}", done.out);
        let outputs = github.outputs();
        assert_eq!(outputs["version"], "1.2.3", "{args}");
        assert!(outputs.contains_key("succeeded"), "{args}: {outputs:?}");
        assert!(read(&github.path("summary")).starts_with("### Built\n### "), "{args}");
    }))
    .await;
}

#[tokio::test]
async fn what_is_no_regular_file_is_reported_and_neither_waited_for_nor_written_to() {
    let kinds = ["fifo", "folder", "link", "device"];
    together(WAYS.into_iter().flat_map(|way| kinds.map(|kind| (way, kind))).map(
        |((args, code), kind)| async move {
            let (sandbox, github) = (platform("success", Draft).await, GitHub::new());
            let target = github.path("target");
            std::fs::write(&target, "theirs\n").expect("it can be written");
            let mut program = run(args).on(&sandbox).in_github(&github);
            for (name, variable) in
                [("o", "GITHUB_OUTPUT"), ("s", "GITHUB_STEP_SUMMARY"), ("t", "GITHUB_STATE")]
            {
                let path = github.path(name);
                match kind {
                    "fifo" => fifo(&path),
                    "folder" => std::fs::create_dir(&path).expect("a folder"),
                    "link" => symlink(&target, &path).expect("a link"),
                    _ => {}
                }
                let path = if kind == "device" { "/dev/null".into() } else { path };
                program = program.env(variable, path);
            }
            let event = github.path("event");
            fifo(&event);
            let done = program.env("GITHUB_EVENT_PATH", event).done().await;
            assert_eq!(done.code, code, "{args}, {kind}: {}", done.out);
            assert!(done.out.contains("could not be written"), "{args}, {kind}: {}", done.out);
            assert_eq!(read(&target), "theirs\n", "{args}, {kind}");
        },
    ))
    .await;
}

#[tokio::test]
async fn report_files_replace_links_and_leave_everything_else() {
    together(["deploy", "deploy --timeout soon", "deploy --no-such-option"].map(|args| async move {
        let (sandbox, github) = (platform("success", Draft).await, GitHub::new());
        let dir = github.path("reports");
        std::fs::create_dir(&dir).expect("a folder");
        let target = github.path("target");
        std::fs::write(&target, "theirs\n").expect("it can be written");
        symlink(&target, dir.join("deploy-hook.env")).expect("a link");
        fifo(&dir.join("deploy-hook-summary.md"));
        std::fs::create_dir(dir.join("deploy-hook-annotations.json")).expect("a folder");
        let done = run(args).on(&sandbox).env("DEPLOY_HOOK_OUTPUT_DIR", &dir).done().await;
        assert_eq!(done.code, if args == "deploy" { 0 } else { 2 }, "{}", done.all());
        for name in ["deploy-hook-summary.md", "deploy-hook-annotations.json"] {
            assert_eq!(
                done.all().matches(&format!("{name} could not be written")).count(),
                1,
                "{args}: {}",
                done.all()
            );
        }
        assert_eq!(read(&target), "theirs\n", "{args}");
        let own = dir.join("deploy-hook.env");
        assert!(!own.is_symlink() && read(&own).contains("DEPLOY_HOOK_SUCCEEDED="), "{args}: {}", read(&own));
        assert_eq!(
            std::fs::read_dir(&dir).expect("a folder").count(),
            3,
            "{args}: no temporary file is left"
        );
    }))
    .await;
}

#[cfg(target_os = "linux")] // `prlimit`
/// `RLIMIT_FSIZE`: the system's signal for it would end the process after the trigger, with half of a value written.
#[tokio::test]
async fn a_file_that_may_not_grow_is_left_as_it_was_and_the_outcome_stands() {
    let sizes = [0, 1, 14, 40, 100, 200, 300, 500, 700, 1000, 100_000];
    together(
        sizes.into_iter().flat_map(|size| [("success", 0), ("build-fails", 1)].map(|end| (size, end))).map(
            |(size, (scenario, code))| async move {
                let (sandbox, github) = (platform(scenario, Draft).await, GitHub::new());
                std::fs::write(github.path("output"), "version=1.2.3").expect("it can be written");
                let done = run("deploy")
                    .on(&sandbox)
                    .in_github(&github)
                    .under(&format!("--fsize={size}"))
                    .done()
                    .await;
                assert_eq!(done.code, code, "{size}: {}", done.all());
                let text = read(&github.path("output"));
                // Where our text does not fit, the earlier line stays unfinished.
                let outputs =
                    runner::outputs(&format!("{}\n", text.trim_end_matches('\n'))).expect("it can be read");
                assert_eq!(outputs["version"], "1.2.3", "{size}");
                let whole = outputs.contains_key("outcome");
                assert!(whole || done.out.contains("could not be written"), "{size}: {}", done.out);
                assert!(whole || size < 100_000, "{size}: {text}");
                for name in ["deploy-hook.env", "deploy-hook-summary.md", "deploy-hook-annotations.json"] {
                    let file = github.path("files").join(name);
                    let reported = done.out.contains(&format!("{name} could not be written"));
                    // A file may exist from an earlier write; a missing one is reported once.
                    assert!(reported || file.exists(), "{size}: {name}: {}", done.out);
                    assert!(!file.exists() || read(&file).ends_with('\n'), "{size}: {name} is whole");
                    let count = done.out.matches(&format!("{name} could not be written")).count();
                    assert_eq!(count, usize::from(reported), "{size}: {name}: {}", done.out);
                }
            },
        ),
    )
    .await;
}
