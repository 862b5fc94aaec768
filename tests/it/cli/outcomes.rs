//! Every outcome with its exit code, and exactly one trigger for each.

use crate::common::Generation::{self, Draft, Live};

use super::run::{run, step};
use super::{at_speed, platform, posts, together};
use crate::secrets::Secrets;
use crate::server::{Server, hook_path, say};

/// A scenario, the hook's generation, whether a token is there, further arguments, and how that must end.
type Case = (&'static str, Generation, bool, &'static str, (i32, &'static str));

async fn play((scenario, generation, token, args, wanted): Case) {
    let sandbox = platform(scenario, generation).await;
    let mut program = run("deploy").args(args).on(&sandbox);
    if token {
        program = program.with_token(&sandbox);
    }
    let told = step(program, &Secrets::on(&sandbox)).await;
    assert_eq!(told.end(), wanted, "{scenario} {generation:?} {args}\n{}", told.log);
    let triggers = match scenario {
        "rate-limited" => 2,
        "always-rate-limited" => 3,
        _ => 1,
    };
    assert_eq!(posts(&sandbox), triggers, "{scenario}");
    let (started, accepted) = (sandbox.deployments(), !matches!(wanted.1, "refused"));
    assert_eq!(started > 0, accepted, "{scenario}: {started} deployments");
    assert_eq!(told.output("deployment-id").is_empty(), !accepted, "{scenario}: {:?}", told.outputs);
}

async fn play_all(cases: impl IntoIterator<Item = Case>) {
    together(cases.into_iter().map(play)).await;
}

#[tokio::test]
async fn a_verdict_of_the_platform_is_the_verdict_of_the_run() {
    let ends = [
        ("success", (0, "succeeded")),
        ("instant", (0, "succeeded")),
        ("unknown-state", (0, "succeeded")),
        ("early-404", (0, "succeeded")),
        ("rate-limited", (0, "succeeded")),
        ("answer-delayed", (0, "succeeded")),
        ("build-fails", (1, "failed")),
        ("post-deploy-fails", (1, "failed")),
        ("canceled", (8, "canceled")),
        ("superseded", (8, "superseded")),
    ];
    let draft = ends.map(|(scenario, end)| (scenario, Draft, false, "", end));
    let live = ends.map(|(scenario, end)| (scenario, Live, true, "", end));
    play_all(draft.into_iter().chain(live)).await;
}

#[tokio::test]
async fn canceled_and_superseded_can_be_made_to_pass_and_nothing_else() {
    play_all([
        ("canceled", Draft, false, "--on-canceled pass", (0, "canceled")),
        ("superseded", Draft, false, "--on-canceled pass", (0, "superseded")),
        ("build-fails", Draft, false, "--on-canceled pass", (1, "failed")),
        ("stuck", Draft, false, "--on-canceled pass --timeout 5s", (6, "timed-out")),
    ])
    .await;
}

#[tokio::test]
async fn a_deployment_that_is_not_followed_is_triggered_and_one_that_cannot_be_read_is_lost() {
    play_all([
        ("success", Draft, false, "--wait never", (0, "triggered")),
        ("success", Live, true, "--wait never", (0, "triggered")),
        ("success", Live, false, "", (0, "triggered")),
        ("success", Live, false, "--wait never", (0, "triggered")),
        ("stuck", Draft, false, "--timeout 5s", (6, "timed-out")),
        ("stuck", Live, true, "--timeout 10s", (6, "timed-out")),
        ("reads-dead", Draft, false, "--timeout 5s", (7, "lost")),
        ("not-json-reads", Draft, false, "--timeout 5s", (7, "lost")),
        ("absurd-reads", Live, true, "--timeout 5s", (7, "lost")),
        ("truncated-reads", Draft, false, "--timeout 5s", (7, "lost")),
        ("huge-reads", Live, true, "--timeout 5s", (7, "lost")),
    ])
    .await;
}

#[tokio::test]
async fn a_refusal_is_final_and_nothing_was_triggered() {
    let refused = |scenario| [Draft, Live].map(|generation| (scenario, generation, true, "", (3, "refused")));
    play_all(["forbidden", "unprocessable", "always-rate-limited", "redirect"].into_iter().flat_map(refused))
        .await;
}

#[tokio::test]
async fn a_hook_that_is_wrong_or_revoked_is_told_apart_from_a_limit() {
    let cases = [("revoked", "revoked", "new hook"), ("unknown", "did not find this hook", "URL is wrong")];
    let cases = cases.into_iter().flat_map(|case| [(case, Draft), (case, Live)]);
    together(cases.map(|((what, happened, remedy), generation)| async move {
        let sandbox = platform("success", generation).await;
        let mut hook = sandbox.hook_url();
        match what {
            "revoked" => assert!(sandbox.revoke_hook(&sandbox.environment())),
            _ => hook.replace_range(hook.len() - 4.., "0000"),
        }
        let program = run("deploy").on(&sandbox).env("DEPLOY_HOOK_URL", &hook);
        let told = step(program, &Secrets::of(&hook, &[])).await;
        assert_eq!(told.end(), (3, "refused"));
        for place in [&told.log, &told.summary] {
            assert!(
                place.contains(happened) && place.contains(remedy) && place.contains("Nothing was triggered"),
                "{place}"
            );
        }
        assert_eq!((posts(&sandbox), sandbox.deployments()), (1, 0));
    }))
    .await;
}

#[tokio::test]
async fn every_status_that_says_no_is_a_refusal_in_the_platforms_own_words() {
    let cases = [301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 410, 418, 422];
    let mut cases: Vec<_> =
        cases.into_iter().map(|status| (status, "{\"error\":\"Because of reasons.\"}")).collect();
    cases.push((403, "{\"violations\":[{\"message\":\"Because of reasons.\"}]}"));
    together(cases.into_iter().map(|(status, body)| async move {
        let server = Server::plain(say(status, body)).await;
        let told =
            step(run("deploy").env("DEPLOY_HOOK_URL", server.hook()), &Secrets::of(&server.hook(), &[]))
                .await;
        assert_eq!(told.end(), (3, "refused"), "{status}\n{}", told.log);
        assert!(
            told.log.contains("Because of reasons") && told.log.contains(&status.to_string()),
            "{}",
            told.log
        );
        assert_eq!(server.requests(), [format!("POST {}", hook_path())], "{status}");
    }))
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_target_not_shown_as_a_secret() {
    for generation in [Draft, Live] {
        let sandbox = platform("redirect", generation).await;
        let told = step(run("deploy").on(&sandbox), &Secrets::on(&sandbox)).await;
        assert_eq!(told.end(), (3, "refused"));
        let asked = sandbox.requests();
        assert!(asked.iter().all(|request| !request.path.starts_with("/redirected")), "{asked:?}");
        assert_eq!((posts(&sandbox), sandbox.deployments()), (1, 0));
    }
}

#[tokio::test]
async fn a_rate_limit_on_the_trigger_is_waited_for_as_long_as_it_says() {
    let sandbox = at_speed("rate-limited", Live, 2.0).await; // Retry-After: 1
    let told = step(run("deploy --wait never").on(&sandbox), &Secrets::on(&sandbox)).await;
    assert_eq!((told.end(), posts(&sandbox)), ((0, "triggered"), 2), "{}", told.log);
    assert!(told.output("duration").parse::<u64>().unwrap() >= 1, "{:?}", told.outputs);
}

/// In the embedded platform's own time, so that the error budget does not take minutes.
#[tokio::test]
async fn a_state_that_can_never_be_read_is_lost_once_the_budget_is_used_up() {
    let told =
        step(run("deploy --sandbox --speed 500 --scenario reads-dead"), &Secrets::of("/no-secret-here", &[]))
            .await;
    assert_eq!(told.end(), (7, "lost"), "{}", told.log);
    assert!(told.log.contains("could not be read 10 times in a row"), "{}", told.log);
    assert!(told.output("duration").parse::<u64>().unwrap() < 10);
}

#[tokio::test]
async fn a_vanished_deployment_is_never_a_success() {
    let told =
        step(run("deploy --sandbox --speed 500 --scenario vanishes"), &Secrets::of("/no-secret-here", &[]))
            .await;
    assert_eq!(told.end(), (7, "lost"), "{}", told.log);
}

#[tokio::test]
async fn the_first_command_of_the_readme_needs_no_account() {
    let told = step(run("deploy --sandbox --speed 500"), &Secrets::of("/no-secret-here", &[])).await;
    assert_eq!(told.end(), (0, "succeeded"), "{}", told.log);
    assert!(told.summary.contains("Nothing was really deployed"), "{}", told.summary);
}

#[tokio::test]
async fn a_fork_without_secrets_is_skipped_only_where_that_is_asked_for() {
    let none = Secrets::of("/no-secret-here", &[]);
    let told = step(run("deploy --if-missing skip").env("DEPLOY_HOOK_URL", "  "), &none).await;
    assert_eq!(told.end(), (0, "skipped"));
    assert!(told.summary.contains("No hook URL is set"), "{}", told.summary);
    let done = run("deploy").env("DEPLOY_HOOK_URL", "").done().await;
    assert_eq!(done.code, 2);
    assert!(done.err.contains("hook-url: is empty") && done.err.contains("if-missing: skip"), "{}", done.err);
}
