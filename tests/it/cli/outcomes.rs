//! Every outcome with its exit code, and exactly one trigger for each.

use crate::common::Generation::{self, Draft, Live};

use super::run::{run, step};
use super::{platform, start_sandbox, together, triggers};
use crate::secrets::Secrets;
use crate::server::{Server, hook_path, reply};

/// A scenario, the hook's generation, whether a token is there, further arguments, and how that must end.
type Case = (&'static str, Generation, bool, &'static str, (i32, &'static str));

async fn run_case((scenario, generation, token, args, wanted): Case) {
    let sandbox = platform(scenario, generation).await;
    let mut program = run("deploy").args(args).on(&sandbox);
    if token {
        program = program.with_token(&sandbox);
    }
    let result = step(program, &Secrets::on(&sandbox)).await;
    assert_eq!(result.end(), wanted, "{scenario} {generation:?} {args}\n{}", result.log);
    let expected = match scenario {
        "rate-limited" => 2,
        "always-rate-limited" => 3,
        _ => 1,
    };
    assert_eq!(triggers(&sandbox), expected, "{scenario}");
    let (started, accepted) = (sandbox.deployments(), !matches!(wanted.1, "refused"));
    assert_eq!(started > 0, accepted, "{scenario}: {started} deployments");
    assert_eq!(result.output("deployment-id").is_empty(), !accepted, "{scenario}: {:?}", result.outputs);
}

async fn run_all(cases: impl IntoIterator<Item = Case>) {
    together(cases.into_iter().map(run_case)).await;
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
    run_all(draft.into_iter().chain(live)).await;
}

#[tokio::test]
async fn canceled_and_superseded_can_be_made_to_pass_and_nothing_else() {
    run_all([
        ("canceled", Draft, false, "--on-canceled pass", (0, "canceled")),
        ("superseded", Draft, false, "--on-canceled pass", (0, "superseded")),
        ("build-fails", Draft, false, "--on-canceled pass", (1, "failed")),
        ("stuck", Draft, false, "--on-canceled pass --timeout 10s", (6, "timed-out")),
    ])
    .await;
}

#[tokio::test]
async fn a_deployment_that_is_not_followed_is_triggered_and_one_that_cannot_be_read_is_lost() {
    run_all([
        ("success", Draft, false, "--wait never", (0, "triggered")),
        ("success", Live, true, "--wait never", (0, "triggered")),
        ("success", Live, false, "", (0, "triggered")),
        ("success", Live, false, "--wait never", (0, "triggered")),
        ("stuck", Draft, false, "--timeout 10s", (6, "timed-out")),
        ("stuck", Live, true, "--timeout 10s", (6, "timed-out")),
        ("reads-dead", Draft, false, "--timeout 10s", (7, "lost")),
        ("not-json-reads", Draft, false, "--timeout 10s", (7, "lost")),
        ("absurd-reads", Live, true, "--timeout 10s", (7, "lost")),
        ("truncated-reads", Draft, false, "--timeout 10s", (7, "lost")),
        ("huge-reads", Live, true, "--timeout 10s", (7, "lost")),
    ])
    .await;
}

#[tokio::test]
async fn a_refusal_is_final_and_nothing_was_triggered() {
    let refused = |scenario| [Draft, Live].map(|generation| (scenario, generation, true, "", (3, "refused")));
    run_all(["forbidden", "unprocessable", "always-rate-limited", "redirect"].into_iter().flat_map(refused))
        .await;
}

#[tokio::test]
async fn a_wrong_or_revoked_hook_differs_from_a_rate_limit() {
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
        let result = step(program, &Secrets::of(&hook, &[])).await;
        assert_eq!(result.end(), (3, "refused"));
        for place in [&result.log, &result.summary] {
            assert!(
                place.contains(happened) && place.contains(remedy) && place.contains("Nothing was triggered"),
                "{place}"
            );
        }
        assert_eq!((triggers(&sandbox), sandbox.deployments()), (1, 0));
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
        let server = Server::plain(reply(status, body)).await;
        let result =
            step(run("deploy").env("DEPLOY_HOOK_URL", server.hook()), &Secrets::of(&server.hook(), &[]))
                .await;
        assert_eq!(result.end(), (3, "refused"), "{status}\n{}", result.log);
        assert!(
            result.log.contains("Because of reasons") && result.log.contains(&status.to_string()),
            "{}",
            result.log
        );
        assert_eq!(server.requests(), [format!("POST {}", hook_path())], "{status}");
    }))
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_target_not_shown_as_a_secret() {
    for generation in [Draft, Live] {
        let sandbox = platform("redirect", generation).await;
        let result = step(run("deploy").on(&sandbox), &Secrets::on(&sandbox)).await;
        assert_eq!(result.end(), (3, "refused"));
        let asked = sandbox.requests();
        assert!(asked.iter().all(|request| !request.path.starts_with("/redirected")), "{asked:?}");
        assert_eq!((triggers(&sandbox), sandbox.deployments()), (1, 0));
    }
}

#[tokio::test]
async fn a_rate_limit_on_the_trigger_is_waited_for_as_long_as_it_says() {
    let sandbox = start_sandbox("rate-limited", Live, 2.0).await; // Retry-After: 1
    let result = step(run("deploy --wait never").on(&sandbox), &Secrets::on(&sandbox)).await;
    assert_eq!((result.end(), triggers(&sandbox)), ((0, "triggered"), 2), "{}", result.log);
    assert!(result.output("duration").parse::<u64>().unwrap() >= 1, "{:?}", result.outputs);
}

/// In the embedded platform's own time, so that the error budget does not take minutes.
#[tokio::test]
async fn a_state_that_can_never_be_read_is_lost_once_the_budget_is_used_up() {
    let result =
        step(run("deploy --sandbox --speed 500 --scenario reads-dead"), &Secrets::of("/no-secret-here", &[]))
            .await;
    assert_eq!(result.end(), (7, "lost"), "{}", result.log);
    assert!(result.log.contains("could not be read 10 times in a row"), "{}", result.log);
    assert!(result.output("duration").parse::<u64>().unwrap() < 10);
}

#[tokio::test]
async fn a_vanished_deployment_is_never_a_success() {
    let result =
        step(run("deploy --sandbox --speed 500 --scenario vanishes"), &Secrets::of("/no-secret-here", &[]))
            .await;
    assert_eq!(result.end(), (7, "lost"), "{}", result.log);
}

#[tokio::test]
async fn the_first_command_of_the_readme_needs_no_account() {
    let result = step(run("deploy --sandbox --speed 500"), &Secrets::of("/no-secret-here", &[])).await;
    assert_eq!(result.end(), (0, "succeeded"), "{}", result.log);
    assert!(result.summary.contains("Nothing was really deployed"), "{}", result.summary);
}

#[tokio::test]
async fn a_fork_without_secrets_is_skipped_only_where_that_is_asked_for() {
    let none = Secrets::of("/no-secret-here", &[]);
    for empty in ["  ", "\"\"", "' '"] {
        let result = step(run("deploy --if-missing skip").env("DEPLOY_HOOK_URL", empty), &none).await;
        assert_eq!(result.end(), (0, "skipped"), "{empty}");
        assert!(result.summary.contains("No hook URL is set"), "{}", result.summary);
    }
    let done = run("deploy").env("DEPLOY_HOOK_URL", "").done().await;
    assert_eq!(done.code, 2);
    assert!(done.err.contains("hook-url: is empty") && done.err.contains("if-missing: skip"), "{}", done.err);
}
