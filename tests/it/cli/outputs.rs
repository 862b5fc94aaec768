//! The outputs `message` and `platform`: set whatever the outcome, with the message of the log.

use crate::common::pause;
use std::collections::BTreeMap;

use serde_json::Value;

use super::run::{Run, run, signal, step};
use super::runner::GitHub;
use super::together;
use crate::dotenv;
use crate::secrets::Secrets;
use crate::server::answers_of_ours;

const RENDER: &str = "https://api.render.com/deploy/srv-d0c8k2h2dbo4?key=Zx9kkLONG";
const FORTRABBIT: &str = "https://api.fortrabbit.com/v1/deploy-hook/Zx9kkLONGSTRING";

/// What a run with bad input left: the outputs of the runner, the same in the dotenv file, and all that was printed.
async fn bad(program: Run) -> (BTreeMap<String, String>, String) {
    let github = GitHub::new();
    let done = program.in_github(&github).done().await;
    assert_eq!(done.code, 2, "{}", done.all());
    let outputs = github.outputs();
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["message", "platform", "succeeded"], "{}", done.all());
    let file = std::fs::read_to_string(github.path("files/deploy-hook.env")).expect("the file");
    let file = dotenv::read(&file);
    for (name, value) in &outputs {
        let variable = format!("DEPLOY_HOOK_{}", name.to_uppercase());
        assert_eq!(file.get(&variable), Some(&value.replace('$', "%24")), "{variable}");
    }
    assert_eq!((file.len(), outputs["succeeded"].as_str()), (3, "false"));
    assert_eq!(outputs["message"].lines().count(), 1, "{outputs:?}");
    (outputs, done.all())
}

#[tokio::test]
async fn bad_input_says_what_is_wrong_and_where_it_is_known_whose_hook_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hook");
    std::fs::write(&path, RENDER).expect("it can be written");
    let soon = || run("deploy --timeout soon");
    for (program, platform) in [
        (soon(), ""),
        (soon().env("DEPLOY_HOOK_URL", "***"), ""),
        (soon().env("DEPLOY_HOOK_URL", RENDER), "render"),
        (soon().env("INPUT_HOOK-URL", FORTRABBIT), "fortrabbit"),
        (soon().env("DEPLOY_HOOK_URL", "https://host.invalid/hooks/LONGSTRING"), "other"),
        (soon().env("DEPLOY_HOOK_URL", FORTRABBIT).env("DEPLOY_HOOK_PLATFORM", "render"), "render"),
        (soon().env("INPUT_PLATFORM", "vercel"), "vercel"),
        (soon().env("DEPLOY_HOOK_URL", RENDER).args("--platform auto"), "render"),
        (soon().env("DEPLOY_HOOK_URL", RENDER).args("--platform rendr"), "render"),
        (soon().env("DEPLOY_HOOK_URL_FILE", &path), "render"),
        (soon().arg("--hook-url-file").arg(&path), "render"),
        (soon().args("--hook-url-file -").stdin(RENDER), ""),
        (run("follow dp_abc123 --timeout soon").env("DEPLOY_HOOK_URL", RENDER), "render"),
        (run("deploy --timout 5m").env("DEPLOY_HOOK_URL", RENDER), "render"),
    ] {
        let (outputs, all) = bad(program).await;
        assert_eq!(outputs["platform"], platform, "{all}");
    }
    let (outputs, all) = bad(run("deploy --wait nver").env("DEPLOY_HOOK_URL", RENDER)).await;
    let wanted =
        "--wait: \"nver\" is not an allowed value. Did you mean never? Allowed: auto, always, never.";
    assert_eq!(outputs["message"], wanted);
    assert!(all.contains(wanted), "{all}");
    let (outputs, _) = bad(run("deploy --wait nver --timeout soon").env("DEPLOY_HOOK_URL", "***")).await;
    for input in ["--wait: ", "--timeout: ", "hook-url (DEPLOY_HOOK_URL): "] {
        assert!(outputs["message"].contains(input), "{outputs:?}");
    }
}

#[tokio::test]
async fn bad_input_is_an_event_with_the_same_outputs() {
    let done = run("deploy --wait nver --format json").env("DEPLOY_HOOK_URL", RENDER).done().await;
    let event: Value = serde_json::from_str(done.out.trim()).expect("one event");
    assert_eq!(event["event"], "invalid_input");
    assert_eq!(
        (&event["outputs"]["platform"], &event["outputs"]["succeeded"]),
        (&"render".into(), &"false".into())
    );
    assert_eq!(event["outputs"]["message"], event["message"], "one problem is one sentence");
}

#[tokio::test]
async fn a_run_that_triggers_nothing_has_them_too() {
    let none = Secrets::only(&[]);
    let skipped = || run("deploy --if-missing skip");
    for (program, platform) in [
        (skipped(), ""),
        (skipped().env("INPUT_PLATFORM", "netlify"), "netlify"),
        (skipped().env("RENDER_API_KEY", "rnd_0011"), "render"),
    ] {
        let result = step(program, &none).await;
        assert_eq!((result.end(), result.output("platform")), ((0, "skipped"), platform));
        assert_eq!(result.output("message"), "No hook URL is set, and `if-missing` is `skip`.");
    }
    let result = step(run("deploy --sandbox --dry-run --platform render"), &none).await;
    assert_eq!((result.end(), result.output("platform")), ((0, "skipped"), "render"), "{}", result.log);
    let message = result.output("message");
    assert!(
        message.starts_with("Dry run: nothing wrong was found; ") && message.ends_with("could not be made."),
        "{message}"
    );
}

#[tokio::test]
async fn a_run_has_them_whatever_its_outcome() {
    let cases = [
        ("fortrabbit", "--scenario success", "succeeded", " succeeded after "),
        ("fortrabbit", "--scenario build-fails", "failed", " failed after "),
        ("fortrabbit", "--scenario forbidden", "refused", "The platform denied access (HTTP 403"),
        ("other", "", "triggered", "The deployment was triggered."),
        ("render", "--wait never", "triggered", " was triggered."),
    ];
    together(cases.map(|(platform, args, outcome, message)| async move {
        let program = run("deploy --sandbox --speed 400 --platform").arg(platform).args(args);
        let result = step(program, &Secrets::only(&[])).await;
        assert_eq!(
            (result.output("outcome"), result.output("platform")),
            (outcome, platform),
            "{}",
            result.log
        );
        assert!(result.output("message").contains(message), "{:?}", result.output("message"));
        let done = run("deploy --sandbox --speed 400 --format json --platform")
            .arg(platform)
            .args(args)
            .done()
            .await;
        let last: Value = serde_json::from_str(done.out.lines().last().expect("events")).expect("an event");
        assert_eq!(last["outputs"]["platform"], platform);
        assert_eq!(last["outputs"]["message"], last["message"]);
    }))
    .await;
}

#[cfg(target_os = "linux")] // `/proc`
#[tokio::test]
async fn a_run_that_is_interrupted_before_it_starts_has_them_too() {
    let github = GitHub::new();
    let program = run("deploy --hook-url-file - --platform coolify").in_github(&github).waiting();
    let mut child = program.start();
    let stdin = child.stdin.take();
    super::signals::until_signals_are_handled(&child).await;
    signal(&child, "TERM").await;
    let done = super::run::ended(child).await;
    drop(stdin);
    let outputs = github.outputs();
    assert_eq!((done.code, outputs["outcome"].as_str()), (143, "interrupted"), "{}", done.all());
    assert_eq!(outputs["platform"], "coolify");
    assert!(done.out.contains(&outputs["message"]) && outputs["message"].ends_with('.'), "{outputs:?}");
}

/// The outputs of a run that is killed are those of its beginning.
#[tokio::test]
async fn the_platform_is_known_as_soon_as_the_hook_was_triggered() {
    let server = answers_of_ours(r#"{"publicId":"dp-abc123","status":"building"}"#.to_owned()).await;
    let github = GitHub::new();
    let program = run("deploy")
        .env("DEPLOY_HOOK_URL", server.hook())
        .env("DEPLOY_HOOK_API_URL", format!("http://{}", server.address))
        .env("FRBIT_TOKEN", "frbit-at-0011");
    let mut child = program.in_github(&github).start();
    while github.outputs().is_empty() {
        pause(20).await;
    }
    child.kill().await.expect("it is killed");
    let outputs = github.outputs();
    assert_eq!((outputs["platform"].as_str(), outputs["succeeded"].as_str()), ("fortrabbit", "false"));
    assert_eq!(outputs["deployment-id"], "dp-abc123");
}
