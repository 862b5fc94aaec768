//! A trigger without a usable answer: never a guessed success, never a second trigger.

use crate::common::Generation::{Draft, Live};

use super::run::{run, step};
use super::{platform, together, triggers};
use crate::secrets::Secrets;
use crate::server::{Reply, Server, hook_path, reply};

/// Faults after which there is a deployment, though its answer cannot be used.
const ACCEPTED: [&str; 5] = ["answer-lost", "truncated", "not-json", "absurd", "huge"];

/// Faults after which there is none.
const NOT_ACCEPTED: [&str; 3] = ["answer-lost-nothing-started", "reset", "trigger-503"];

#[tokio::test]
async fn without_a_way_to_read_it_the_run_ends_uncertain() {
    let cases = ACCEPTED.map(|name| (name, 1)).into_iter().chain(NOT_ACCEPTED.map(|name| (name, 0)));
    together(cases.map(|(scenario, started)| async move {
        let sandbox = platform(scenario, Live).await;
        let result = step(run("deploy").on(&sandbox), &Secrets::on(&sandbox)).await;
        assert_eq!(result.end(), (5, "uncertain"), "{scenario}\n{}", result.log);
        assert!(result.summary.contains("A deployment may be running"), "{}", result.summary);
        assert!(result.log.contains("before you trigger again"), "{}", result.log);
        let asked: Vec<_> = sandbox.requests().into_iter().map(|request| request.method).collect();
        assert_eq!((asked, sandbox.deployments()), (vec!["POST".to_owned()], started), "{scenario}");
    }))
    .await;
}

#[tokio::test]
async fn a_deployment_whose_answer_was_lost_is_found_and_followed_to_its_end() {
    let cases = ACCEPTED.into_iter().flat_map(|scenario| [(scenario, Draft), (scenario, Live)]);
    together(cases.map(|(scenario, generation)| async move {
        let sandbox = platform(scenario, generation).await;
        let program = run("deploy").on(&sandbox);
        let program = if generation == Live { program.with_token(&sandbox) } else { program };
        let result = step(program, &Secrets::on(&sandbox)).await;
        assert_eq!(result.end(), (0, "succeeded"), "{scenario} {generation:?}\n{}", result.log);
        assert_eq!((triggers(&sandbox), sandbox.deployments()), (1, 1), "{scenario}");
        assert!(result.output("deployment-id").starts_with("dp"), "{:?}", result.outputs);
        assert!(result.log.contains("created after the trigger"), "{}", result.log);
    }))
    .await;
}

#[tokio::test]
async fn a_deployment_that_was_there_before_is_not_taken_for_ours() {
    let cases = NOT_ACCEPTED.into_iter().flat_map(|scenario| [(scenario, Draft), (scenario, Live)]);
    together(cases.map(|(scenario, generation)| async move {
        let sandbox = platform("success", generation).await;
        let first = run("deploy --wait never").on(&sandbox).done().await;
        assert_eq!((first.code, sandbox.deployments()), (0, 1));
        sandbox.set_scenario(scenario).unwrap();
        sandbox.rewind_requests();
        let result =
            step(run("deploy --timeout 5s").on(&sandbox).with_token(&sandbox), &Secrets::on(&sandbox)).await;
        assert_eq!(result.end(), (5, "uncertain"), "{scenario} {generation:?}\n{}", result.log);
        assert_eq!((triggers(&sandbox), sandbox.deployments()), (1, 1), "{scenario}");
        assert_eq!(result.output("deployment-id"), "", "the old one is not named as ours");
    }))
    .await;
}

#[tokio::test]
async fn no_answer_that_breaks_off_passes_for_an_acceptance() {
    let deep = "[".repeat(100_000);
    let bodies = ["\u{feff}", "{\"deployment\":{\"id\":\"dp_abc123\"", &deep];
    let cases = bodies.map(|body| reply(200, body));
    let broken = [
        "",
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"deployment\"",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ];
    let broken = broken.map(|bytes| Reply::Whole(bytes.to_owned()));
    together(cases.into_iter().chain(broken).chain([Reply::Close]).map(|answer| async move {
        let server = Server::plain(answer.clone()).await;
        let result =
            step(run("deploy").env("DEPLOY_HOOK_URL", server.hook()), &Secrets::of(&server.hook(), &[]))
                .await;
        let Reply::Whole(text) = answer else { return };
        let text: String = text.chars().take(200).collect();
        assert_eq!(result.end(), (5, "uncertain"), "{text}\n{}", result.log);
        assert_eq!(server.requests(), [format!("POST {}", hook_path())], "{text}");
    }))
    .await;
}

#[tokio::test]
async fn a_run_that_cannot_poll_keeps_to_its_deadline() {
    let sandbox = platform("answer-lost-nothing-started", Live).await;
    let result =
        step(run("deploy --timeout 5s").on(&sandbox).with_token(&sandbox), &Secrets::on(&sandbox)).await;
    assert_eq!(result.end(), (5, "uncertain"));
    // Not the default of 15 minutes.
    assert!(result.output("duration").parse::<u64>().unwrap() < 60, "{:?}", result.outputs);
}
