//! What programs read: one event a line, and the files of `--output-dir`.

use crate::common::Generation::{Draft, Live};
use crate::common::pause;
use serde_json::Value;

use super::run::{Done, OUTPUTS, ended, run, signal};
use super::{platform, start_sandbox, together, triggers};
use crate::dotenv;
use crate::secrets::Secrets;

/// The events of a run: every line of standard output is one, and nothing else is printed.
fn events(done: &Done) -> Vec<Value> {
    assert_eq!(done.err, "", "programs read standard output alone");
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let events: Vec<Value> = done.out.lines().map(parse).collect();
    for event in &events {
        let text = |name: &str| event[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(text("event") && text("time"), "{event}");
    }
    events
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["event"].as_str()).collect()
}

#[tokio::test]
async fn every_line_is_an_event_and_the_last_one_holds_the_outputs() {
    let cases = [
        ("success", Draft, "", "succeeded", true),
        ("build-fails", Live, "", "failed", true),
        ("hostile-log", Live, "", "failed", true),
        ("canceled", Draft, "", "canceled", true),
        ("stuck", Draft, "--timeout 10s", "timed-out", true),
        ("reads-dead", Draft, "--timeout 10s", "lost", true),
        ("success", Live, "--wait never", "triggered", true),
        ("answer-lost", Draft, "", "succeeded", true),
        ("rate-limited", Draft, "", "succeeded", true),
        ("forbidden", Draft, "", "refused", false),
        ("answer-lost-nothing-started", Draft, "--timeout 1s", "uncertain", false),
    ];
    together(cases.map(|(scenario, generation, args, outcome, triggered)| async move {
        let sandbox = platform(scenario, generation).await;
        let program = run("deploy --format json -v").args(args).on(&sandbox).with_token(&sandbox);
        let done = program.done().await;
        let events = events(&done);
        assert_eq!(names(&events)[0], "started", "{scenario}");
        assert_eq!(names(&events).contains(&"triggered"), triggered, "{scenario}");
        let last = events.last().unwrap();
        assert_eq!(last["event"], "finished");
        let outputs = last["outputs"].as_object().unwrap();
        let mut wanted = OUTPUTS.to_vec();
        wanted.sort_unstable();
        assert_eq!(outputs.keys().collect::<Vec<_>>(), wanted, "{scenario}");
        assert!(outputs.values().all(Value::is_string), "{outputs:?}");
        assert_eq!(outputs["outcome"], outcome, "{scenario}: {last}");
        assert_eq!(outputs["succeeded"] == "true", done.code == 0 && outcome == "succeeded");
        assert_eq!(outputs["deployment-id"] != "", triggered, "{scenario}");
        Secrets::on(&sandbox).assert_absent(&done.out, scenario);
        assert!(!done.out.contains('\u{1b}'), "JSON has no colours, and a log's are gone");
    }))
    .await;
}

#[tokio::test]
async fn a_run_that_sends_nothing_prints_json_as_well() {
    let done = run("deploy --format json --if-missing skip").done().await;
    let skipped = events(&done);
    assert_eq!((done.code, skipped.last().unwrap()["outputs"]["outcome"].as_str()), (0, Some("skipped")));
    let sandbox = platform("success", Draft).await;
    let done = run("deploy --format json --dry-run").on(&sandbox).done().await;
    let dry = events(&done);
    assert_eq!(
        (done.code, dry.last().unwrap()["outputs"]["outcome"].as_str()),
        (0, Some("skipped")),
        "{}",
        done.out
    );
    let done = run("doctor --format json").on(&sandbox).done().await;
    assert_eq!((done.code, events(&done).is_empty()), (0, false));
    assert_eq!(triggers(&sandbox), 0);
    assert_eq!(run("deploy --format json --wait never").on(&sandbox).done().await.code, 0);
    let done = run("status --format json").on(&sandbox).done().await;
    let status = events(&done);
    assert_eq!((done.code, status[0]["event"].as_str()), (0, Some("status")), "{}", done.out);
    assert!(status[0]["deployment_id"].as_str().unwrap().starts_with("dp_"), "{}", done.out);
}

#[tokio::test]
async fn an_interrupted_run_ends_its_events_in_order() {
    let sandbox = start_sandbox("always-rate-limited", Draft, 0.1).await; // asked to come back in 20 s
    let child = run("deploy --format json").on(&sandbox).start();
    while triggers(&sandbox) == 0 {
        pause(20).await;
    }
    pause(20).await;
    signal(&child, "INT").await;
    let done = ended(child).await;
    let events = events(&done);
    assert_eq!((done.code, names(&events)), (130, vec!["started", "retrying", "finished"]));
    assert_eq!(events[2]["outputs"]["outcome"], "interrupted");
    assert_eq!(events[2]["sent"], "no");
}

#[tokio::test]
async fn an_output_dir_is_made_and_filled() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a/new folder");
    let sandbox = platform("success", Draft).await;
    let program =
        run("deploy --environment-url https://www.example.com/?a=b --output-dir").arg(&dir).on(&sandbox);
    let done = program.done().await;
    assert_eq!((done.code, done.out.as_str()), (0, ""), "{}", done.err);
    let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["deploy-hook-annotations.json", "deploy-hook-summary.md", "deploy-hook.env"]);
    let variables = dotenv::read(&std::fs::read_to_string(dir.join("deploy-hook.env")).unwrap());
    let mut wanted = OUTPUTS.map(|name| format!("DEPLOY_HOOK_{}", name.to_uppercase().replace('-', "_")));
    wanted.sort();
    assert_eq!(variables.keys().collect::<Vec<_>>(), wanted.iter().collect::<Vec<_>>());
    assert_eq!(variables["DEPLOY_HOOK_OUTCOME"], "succeeded");
    assert_eq!(variables["DEPLOY_HOOK_SUCCEEDED"], "true");
    assert_eq!(variables["DEPLOY_HOOK_STATE"], "SUCCEEDED");
    assert_eq!(variables["DEPLOY_HOOK_ENVIRONMENT_URL"], "https://www.example.com/?a=b");
    assert!(variables["DEPLOY_HOOK_DEPLOYMENT_ID"].starts_with("dp_"), "{variables:?}");
    assert!(variables["DEPLOY_HOOK_CREATED_AT"].ends_with('Z'), "{variables:?}");
    let summary = std::fs::read_to_string(dir.join("deploy-hook-summary.md")).unwrap();
    assert!(summary.starts_with("### ✅ Succeeded"), "{summary}");
    Secrets::on(&sandbox).assert_absent(&summary, "summary");
}

#[tokio::test]
async fn an_earlier_runs_files_are_not_taken_for_this_ones() {
    let folder = tempfile::tempdir().unwrap();
    let stale = folder.path().join("deploy-hook-summary.md");
    std::fs::write(&stale, "### an earlier run").unwrap();
    let sandbox = platform("success", Draft).await;
    let program = run("deploy --wait never --report none --output-dir").arg(folder.path()).on(&sandbox);
    assert_eq!(program.done().await.code, 0);
    assert!(!stale.exists() && folder.path().join("deploy-hook.env").exists());
}

#[tokio::test]
async fn an_output_dir_that_cannot_be_made_is_found_before_anything_is_sent() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let sandbox = platform("success", Draft).await;
    let done = run("deploy --output-dir").arg(file.path()).on(&sandbox).done().await;
    assert!(done.code == 2 && done.err.contains("output-dir"), "{}", done.all());
    assert_eq!(sandbox.requests().len(), 0);
}
