//! What `doctor` and a dry run vouch for: only for what they have seen.

use super::platform;
use super::run::run;
use crate::common::Generation::Live;
use crate::server::{Server, reply};

#[tokio::test]
async fn a_hook_that_has_never_deployed_is_not_wrong() {
    let server = Server::plain(reply(404, r#"{"error":"No deployment yet."}"#)).await;
    let hook = format!("http://{}/v1/deploy-hook/Zx9kkLONGSTRINGq7Wm2Tt5RrVv8YyBb4NnHh1Jj", server.address);
    let done = run("doctor").env("DEPLOY_HOOK_URL", &hook).done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(done.out.contains("? hook        shows no deployment, as before the first one"), "{}", done.out);
    assert!(!done.out.contains('✗'), "{}", done.out);
    assert!(done.out.ends_with("Nothing wrong was found; 2 checks could not be made.\n"), "{}", done.out);
}

#[tokio::test]
async fn a_hook_that_wants_another_method_than_a_read_is_not_wrong() {
    // What another method would be answered says nothing about a `POST`; a refusal of whoever asks does.
    for (status, code) in [(405, 0), (406, 0), (501, 0), (401, 3), (403, 3), (410, 3)] {
        let server = Server::plain(reply(status, r#"{"error":"Not so."}"#)).await;
        let hook =
            format!("http://{}/v1/deploy-hook/Zx9kkLONGSTRINGq7Wm2Tt5RrVv8YyBb4NnHh1Jj", server.address);
        for command in ["doctor", "deploy --dry-run"] {
            let done = run(command).env("DEPLOY_HOOK_URL", &hook).done().await;
            assert_eq!(done.code, code, "{status} {command}: {}", done.all());
            assert_eq!(done.all().contains("? hook        "), code == 0, "{status}: {}", done.all());
        }
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_bad_input_also_where_a_trigger_would_not_notice() {
    let answer = r#"{"message":"Unauthenticated.","success":false,"errors":[{"code":10000,"message":"No"}]}"#;
    for (platform, hook) in
        [("sevalla", "/hooks/Zx9kkLONGSTRING"), ("render", "/deploy/srv-abc?key=Zx9kkLONG")]
    {
        let server = Server::plain(reply(401, answer)).await;
        let base = format!("http://{}", server.address);
        for command in ["doctor", "deploy --dry-run"] {
            let done = run(command)
                .env("DEPLOY_HOOK_URL", format!("{base}{hook}"))
                .env("DEPLOY_HOOK_PLATFORM", platform)
                .env("DEPLOY_HOOK_API_URL", &base)
                .env("DEPLOY_HOOK_API_TOKEN", "Zx9kkTOKENq7Wm2Tt5RrVv8YyBb4NnHh1Jj")
                .done()
                .await;
            assert_eq!(done.code, 2, "{platform} {command}: {}", done.all());
        }
    }
}

#[tokio::test]
async fn what_only_a_trigger_shows_is_named() {
    let sandbox = platform("success", Live).await;
    let done = run("doctor").on(&sandbox).with_token(&sandbox).done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    let line = done.out.lines().find(|line| line.starts_with("? trigger")).expect("a line");
    assert!(
        line.contains(
            "only a trigger shows whether the hook is right and enabled; the API token cannot show that"
        ),
        "{line}"
    );
    assert!(done.out.ends_with("Nothing wrong was found; 1 check could not be made.\n"), "{}", done.out);
    let done = run("deploy --dry-run").on(&sandbox).with_token(&sandbox).done().await;
    assert!(
        done.all().contains("Dry run: nothing wrong was found; 1 check could not be made."),
        "{}",
        done.all()
    );
    assert!(!done.all().contains("all checks passed"), "{}", done.all());
}

#[tokio::test]
async fn a_result_that_cannot_be_had_is_wrong_where_it_is_asked_for() {
    let sandbox = platform("success", Live).await;
    for (wait, code) in [("always", 2), ("auto", 0), ("never", 0)] {
        let done = run("doctor --wait").arg(wait).on(&sandbox).done().await;
        assert_eq!(done.code, code, "{wait}: {}", done.all());
        assert_eq!(done.out.contains("✗ platform"), code == 2, "{wait}: {}", done.out);
        let dry = run("deploy --dry-run --wait").arg(wait).on(&sandbox).done().await;
        assert_eq!(dry.code, code, "as the run: {}", dry.all());
    }
}

#[tokio::test]
async fn an_unknown_hook_may_be_of_a_platform_that_can_be_named() {
    let server = Server::plain(reply(200, "{}")).await;
    let hook = format!("http://{}/hooks/Zx9kkLONGSTRING", server.address);
    let done = run("doctor").env("DEPLOY_HOOK_URL", &hook).done().await;
    let line = done.out.lines().find(|line| line.starts_with("? hook URL")).expect("a line");
    assert!(line.contains("set `platform`") && line.contains("`api-url`"), "{line}");
    let done = run("doctor --platform other").env("DEPLOY_HOOK_URL", &hook).done().await;
    assert!(done.out.contains("✓ hook URL"), "{}", done.out);
}
