//! The trigger left and no usable answer came: never a success by guess, never a second trigger.

use crate::common::Generation::{Draft, Live};

use super::run::{run, step};
use super::{platform, posts, together};
use crate::secrets::Secrets;
use crate::server::{Play, Server, hook_path, say};

/// Faults after which there is a deployment, though its answer cannot be used.
const ACCEPTED: [&str; 5] = ["answer-lost", "truncated", "not-json", "absurd", "huge"];

/// Faults after which there is none.
const NOT_ACCEPTED: [&str; 3] = ["answer-lost-nothing-started", "reset", "trigger-503"];

#[tokio::test]
async fn without_a_way_to_read_it_the_run_ends_uncertain() {
    let cases = ACCEPTED.map(|name| (name, 1)).into_iter().chain(NOT_ACCEPTED.map(|name| (name, 0)));
    together(cases.map(|(scenario, started)| async move {
        let sandbox = platform(scenario, Live).await;
        let told = step(run("deploy").on(&sandbox), &Secrets::on(&sandbox)).await;
        assert_eq!(told.end(), (5, "uncertain"), "{scenario}\n{}", told.log);
        assert!(told.summary.contains("A deployment may be running"), "{}", told.summary);
        assert!(told.log.contains("before you trigger again"), "{}", told.log);
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
        let told = step(program, &Secrets::on(&sandbox)).await;
        assert_eq!(told.end(), (0, "succeeded"), "{scenario} {generation:?}\n{}", told.log);
        assert_eq!((posts(&sandbox), sandbox.deployments()), (1, 1), "{scenario}");
        assert!(told.output("deployment-id").starts_with("dp"), "{:?}", told.outputs);
        assert!(told.log.contains("created after the trigger"), "{}", told.log);
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
        let told =
            step(run("deploy --timeout 1s").on(&sandbox).with_token(&sandbox), &Secrets::on(&sandbox)).await;
        assert_eq!(told.end(), (5, "uncertain"), "{scenario} {generation:?}\n{}", told.log);
        assert_eq!((posts(&sandbox), sandbox.deployments()), (1, 1), "{scenario}");
        assert_eq!(told.output("deployment-id"), "", "the old one is not named as ours");
    }))
    .await;
}

#[tokio::test]
async fn no_answer_that_breaks_off_passes_for_an_acceptance() {
    let deep = "[".repeat(100_000);
    let bodies = ["\u{feff}", "{\"deployment\":{\"id\":\"dp_abc123\"", &deep];
    let cases = bodies.map(|body| say(200, body));
    let broken = [
        "",
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"deployment\"",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ];
    let broken = broken.map(|bytes| Play::Say(bytes.to_owned()));
    together(cases.into_iter().chain(broken).chain([Play::HangUp]).map(|play| async move {
        let server = Server::plain(play.clone()).await;
        let told =
            step(run("deploy").env("DEPLOY_HOOK_URL", server.hook()), &Secrets::of(&server.hook(), &[]))
                .await;
        let Play::Say(said) = play else { return };
        let said: String = said.chars().take(200).collect();
        assert_eq!(told.end(), (5, "uncertain"), "{said}\n{}", told.log);
        assert_eq!(server.requests(), [format!("POST {}", hook_path())], "{said}");
    }))
    .await;
}

#[tokio::test]
async fn a_run_that_cannot_look_keeps_to_its_deadline() {
    let sandbox = platform("answer-lost-nothing-started", Live).await;
    let told =
        step(run("deploy --timeout 1s").on(&sandbox).with_token(&sandbox), &Secrets::on(&sandbox)).await;
    assert_eq!(told.end(), (5, "uncertain"));
    assert!(told.output("duration").parse::<u64>().unwrap() <= 2, "{:?}", told.outputs);
}
