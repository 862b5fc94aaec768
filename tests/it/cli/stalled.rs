//! A stalled reader: a full pipe that nobody reads. The run goes on, its files are written, signals and the deadline work;
//! a reader that comes back gets every line.
#![cfg(unix)]

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::common::Generation::Draft;
use crate::common::{pause, wait_until};

use super::run::{Run, run};
use super::runner::{self, GitHub};
use super::{platform, together};
use crate::server::{Reply, Server};

/// A pipe without room for one more byte, and its end that nobody reads from.
fn full_pipe() -> (File, Stdio, Stdio) {
    let (writer, reader) = tokio::net::unix::pipe::pipe().expect("a pipe");
    // In pages first, and then what is left of the last one.
    for piece in [4096, 1] {
        while writer.try_write(&vec![b'.'; piece]).is_ok() {}
    }
    let writer = File::from(writer.into_blocking_fd().expect("a file"));
    let reader = File::from(reader.into_blocking_fd().expect("a file"));
    let other = writer.try_clone().expect("a copy");
    (reader, Stdio::from(writer), Stdio::from(other))
}

/// Starts it with both streams on a full pipe.
fn stalled(run: Run) -> (File, Child) {
    let (reader, out, err) = full_pipe();
    (reader, run.start_on(out, err))
}

/// How it ended by itself.
async fn code(mut child: Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status.code();
        }
        if begun.elapsed() > Duration::from_mins(1) {
            child.kill().expect("it can be killed");
            panic!("it never ends");
        }
        pause(20).await;
    }
}

#[tokio::test]
async fn a_run_whose_output_nobody_reads_ends_normally() {
    let cases = [
        ("deploy", "success", 0),
        ("deploy --timeout 8s", "stuck", 6),
        ("deploy -v --format json", "build-fails", 1),
        ("deploy --timeout soon", "success", 2),
        ("deploy --no-such-option", "success", 2),
        ("deploy --dry-run", "success", 0),
    ];
    let cases = cases.into_iter().flat_map(|case| [true, false].map(|github| (case, github)));
    together(cases.map(|((args, scenario, expected), in_github)| async move {
        let (sandbox, github) = (platform(scenario, Draft).await, GitHub::new());
        let program = run(args).on(&sandbox).env("DEPLOY_HOOK_OUTPUT_DIR", github.path("files"));
        let program = if in_github { program.in_github(&github) } else { program };
        let (_reader, child) = stalled(program);
        assert_eq!(code(child).await, Some(expected), "{args}");
        let bad = expected == 2;
        if in_github && args != "deploy --no-such-option" {
            let outputs = github.outputs();
            assert_eq!(outputs["succeeded"], (expected == 0 && !args.contains("dry")).to_string(), "{args}");
            assert!(bad || outputs.contains_key("outcome"), "{args}: {outputs:?}");
        }
    }))
    .await;
}

#[tokio::test]
async fn other_commands_end_as_well() {
    together(["status", "doctor", "completions bash", "--help", "sandbox --scenario list", "nonsense"].map(
        |args| async move {
            let sandbox = platform("success", Draft).await;
            assert!(run("deploy --wait never").on(&sandbox).done().await.code == 0);
            let (_reader, child) = stalled(run(args).on(&sandbox));
            let expected = if args == "nonsense" { 2 } else { 0 };
            assert_eq!(code(child).await, Some(expected), "{args}");
        },
    ))
    .await;
}

#[tokio::test]
async fn signals_are_handled() {
    together([("INT", 130), ("TERM", 143), ("HUP", 143), ("QUIT", 143)].map(|(name, expected)| async move {
        let (server, github) = (Server::plain(Reply::Never).await, GitHub::new());
        let program = run("deploy").env("DEPLOY_HOOK_URL", server.hook()).in_github(&github);
        let (_reader, child) = stalled(program);
        wait_until("the trigger", || !server.requests().is_empty()).await;
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().expect("kill").success());
        assert_eq!(code(child).await, Some(expected));
        assert_eq!(github.outputs()["outcome"], "interrupted");
    }))
    .await;
}

#[tokio::test]
async fn a_reader_that_comes_back_finds_every_line_in_order() {
    let (sandbox, github) = (platform("success", Draft).await, GitHub::new());
    let program = run("deploy -v").on(&sandbox).with_token(&sandbox).in_github(&github);
    let (mut reader, child) = stalled(program);
    wait_until("the outputs", || has_outcome(&github.path("output"))).await;
    let read = std::thread::spawn(move || {
        let mut text = Vec::new();
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&text).contains("succeeded after") {
            let count = reader.read(&mut buffer).expect("it can be read");
            text.extend(buffer[..count].iter().filter(|byte| **byte != b'.' || count < 4096));
        }
        (reader, String::from_utf8_lossy(&text).into_owned())
    });
    assert_eq!(code(child).await, Some(0));
    let (_reader, text) = read.join().expect("it is read");
    let text: String = text.trim_start_matches('.').to_owned();
    assert!(text.trim_start_matches('.').starts_with("::add-mask::"), "masks come first: {text}");
    let shown = runner::without_masks(&text);
    let at = |words: &str| shown.find(words).unwrap_or_else(|| panic!("{words}: {shown}"));
    assert!(at("Deploying through") < at("Triggered deployment") && at("Triggered") < at("succeeded after"));
}

/// Whether the last outputs are in the file.
fn has_outcome(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.contains("succeeded<<"))
}

#[tokio::test]
async fn a_closed_pipe_does_not_stop_the_run() {
    let sandbox = platform("success", Draft).await;
    let mut child = run("deploy --format json").on(&sandbox).start();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().await.expect("it ends").code(), Some(0));
}
