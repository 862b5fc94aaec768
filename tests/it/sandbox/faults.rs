//! The embedded platform's faults, as a client meets them on the wire.

use std::time::{Duration, Instant};

use crate::common::Generation;
use deploy_hook::sandbox::scenarios;
use serde_json::{Value, json};

use super::{AGENT, Answer, ask_api, exchange, get, post, send, start_sandbox, until};

#[tokio::test]
async fn a_lost_answer_sends_no_byte() {
    for (scenario, started) in [("answer-lost", 1), ("answer-lost-nothing-started", 0)] {
        let sandbox = start_sandbox(scenario, Generation::Draft, 1.0).await;
        let url = sandbox.hook_url();
        let answer = exchange("POST", &url, AGENT, "").await.expect("closed in good order");
        assert!(answer.is_empty(), "{scenario}");
        assert_eq!(sandbox.deployments(), started);
        let log = sandbox.requests();
        assert_eq!((log.len(), log[0].status), (1, 0));
        let newest = get(&url).await.json()["deployment"]["state"].clone();
        assert_eq!(newest, if started == 1 { "PENDING" } else { "SUCCEEDED" }, "the earlier one else");
    }
}

#[tokio::test]
async fn a_reset_resets_the_connection() {
    let sandbox = start_sandbox("reset", Generation::Live, 1.0).await;
    let error = exchange("POST", &sandbox.hook_url(), AGENT, "").await.expect_err("no answer");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(sandbox.deployments(), 0);
}

/// Checks that the answer announces more than it holds.
fn assert_truncated(answer: &Answer) {
    let length: usize = answer.header("content-length").and_then(|text| text.parse().ok()).expect("a length");
    assert_eq!(answer.status, 200);
    assert!(!answer.body.is_empty() && answer.body.len() < length, "{} of {length}", answer.body.len());
    assert!(serde_json::from_str::<Value>(&answer.body).is_err());
}

#[tokio::test]
async fn truncated_answers_end_in_the_middle() {
    for generation in [Generation::Draft, Generation::Live] {
        let sandbox = start_sandbox("truncated", generation, 1.0).await;
        assert_truncated(&post(&sandbox.hook_url()).await);
        assert_eq!(sandbox.deployments(), 1);
    }
    let sandbox = start_sandbox("truncated-reads", Generation::Draft, 1.0).await;
    let url = sandbox.hook_url();
    let id = post(&url).await.json()["deployment"]["id"].clone();
    assert_truncated(&get(&url).await);
    assert_truncated(
        &ask_api(&sandbox, "GET", &format!("/v1/deployments/{}", id.as_str().expect("an id"))).await,
    );
}

#[tokio::test]
async fn useless_answers_still_started_something() {
    for generation in [Generation::Draft, Generation::Live] {
        let sandbox = start_sandbox("not-json", generation, 1.0).await;
        let url = sandbox.hook_url();
        let page = post(&url).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(page.body.starts_with("<!doctype html>"));

        sandbox.set_scenario("absurd").expect("a scenario");
        let absurd = post(&url).await.json();
        match generation {
            Generation::Draft => {
                assert!(absurd["deployment"]["id"].is_array() && absurd["deployment"]["state"].is_u64());
                assert_eq!(absurd["deployment"]["createdAt"], json!(1e300));
            }
            Generation::Live => assert!(absurd["data"]["publicId"].is_array()),
        }

        sandbox.set_scenario("huge").expect("a scenario");
        let huge = post(&url).await;
        assert!(huge.body.len() > 1024 * 1024);
        assert!(huge.json().is_object());
        assert_eq!(sandbox.deployments(), 3);
    }
    let sandbox = start_sandbox("absurd-reads", Generation::Draft, 1.0).await;
    let url = sandbox.hook_url();
    assert!(post(&url).await.json()["deployment"]["id"].is_string());
    assert!(get(&url).await.json()["deployment"]["id"].is_array());
    sandbox.set_scenario("not-json-reads").expect("a scenario");
    assert!(get(&url).await.body.starts_with("<!doctype"));
    sandbox.set_scenario("huge-reads").expect("a scenario");
    assert!(get(&url).await.body.len() > 1024 * 1024);
}

#[tokio::test]
async fn a_delayed_answer_comes_late_but_the_deployment_runs() {
    let sandbox = start_sandbox("answer-delayed", Generation::Draft, 100.0).await;
    let begun = Instant::now();
    let answer = post(&sandbox.hook_url()).await;
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(answer.json()["deployment"]["state"], "PENDING");
}

#[tokio::test]
async fn rate_limits_of_the_trigger() {
    for (speed, wait) in [(1.0, "2"), (1000.0, "0")] {
        let sandbox = start_sandbox("rate-limited", Generation::Draft, speed).await;
        let refused = post(&sandbox.hook_url()).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some(wait)));
        assert_eq!(sandbox.deployments(), 0);
        assert_eq!(post(&sandbox.hook_url()).await.status, 200);
    }
    let sandbox = start_sandbox("always-rate-limited", Generation::Live, 1.0).await;
    for _ in 0..3 {
        assert_eq!(post(&sandbox.hook_url()).await.status, 429);
    }
    assert_eq!(sandbox.deployments(), 0);
}

#[tokio::test]
async fn refusals_start_nothing() {
    for (scenario, status) in [("trigger-503", 503), ("forbidden", 403), ("unprocessable", 422)] {
        for generation in [Generation::Draft, Generation::Live] {
            let sandbox = start_sandbox(scenario, generation, 1.0).await;
            let refused = post(&sandbox.hook_url()).await;
            assert_eq!((refused.status, refused.json()["error"].is_string()), (status, true));
            assert_eq!(sandbox.deployments(), 0);
        }
    }
}

#[tokio::test]
async fn a_redirect_leads_to_what_would_trigger() {
    for generation in [Generation::Draft, Generation::Live] {
        let sandbox = start_sandbox("redirect", generation, 1.0).await;
        let redirect = send("POST", &sandbox.hook_url(), AGENT, "").await;
        assert_eq!((redirect.status, sandbox.deployments()), (307, 0));
        let location = sandbox.hook_url().replace(&sandbox.url(), &format!("{}/redirected", sandbox.url()));
        let header = redirect.header("location").expect("a location").to_owned();
        assert!(location.to_lowercase().ends_with(&header));
        assert_eq!(post(&location).await.status, 200);
        assert_eq!(sandbox.deployments(), 1);
    }
}

/// The statuses of that many reads.
async fn statuses(scenario: &str, reads: usize) -> Vec<u16> {
    let sandbox = start_sandbox(scenario, Generation::Draft, 1.0).await;
    let url = sandbox.hook_url();
    get(&url).await;
    assert_eq!(post(&url).await.status, 200);
    let mut seen = Vec::new();
    for _ in 0..reads {
        let answer = get(&url).await;
        assert!(answer.status != 429 || answer.header("retry-after") == Some("1"));
        seen.push(answer.status);
    }
    seen
}

#[tokio::test]
async fn faults_of_reads_count_from_the_trigger() {
    assert_eq!(statuses("reads-503", 8).await, [200, 200, 503, 503, 503, 503, 200, 200]);
    assert_eq!(statuses("reads-rate-limited", 6).await, [200, 200, 429, 200, 200, 429]);
    assert_eq!(statuses("reads-dead", 2).await, [503, 503]);
}

#[tokio::test]
async fn deployments_that_hide() {
    assert_eq!(statuses("early-404", 1).await, [404]);
    assert_eq!(statuses("vanishes", 1).await, [200]);
    let sandbox = start_sandbox("early-404", Generation::Live, 100.0).await;
    let url = sandbox.hook_url();
    let id = post(&url).await.json()["data"]["publicId"].as_str().expect("an id").to_owned();
    let path = format!("/v1/deployments/{id}");
    until(|| ask_api(&sandbox, "GET", &path), |answer| answer.status == 200).await;
    let sandbox = start_sandbox("vanishes", Generation::Draft, 200.0).await;
    let url = sandbox.hook_url();
    post(&url).await;
    until(|| get(&url), |answer| answer.status == 404).await;
}

/// The texts of a finished deployment's log.
async fn log_of(scenario: &str) -> (String, Vec<String>) {
    let sandbox = start_sandbox(scenario, Generation::Draft, 1000.0).await;
    let url = sandbox.hook_url();
    let id = post(&url).await.json()["deployment"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/deployments/{id}/logs");
    let ended = |answer: &Answer| answer.status == 200 && answer.json()["logs"] != json!([]);
    let logs = until(|| ask_api(&sandbox, "GET", &path), ended).await.json();
    let texts = logs["logs"].as_array().expect("a list").iter();
    (url, texts.map(|entry| entry["log"].as_str().expect("a text").to_owned()).collect())
}

#[tokio::test]
async fn a_careless_platform_repeats_the_secret() {
    let sandbox = start_sandbox("echo", Generation::Live, 1.0).await;
    let wrong = format!("{}x", sandbox.hook_url());
    let answer = post(&wrong).await;
    assert_eq!(answer.status, 404);
    assert!(answer.json()["error"].as_str().is_some_and(|text| text.ends_with(&wrong)));
    let (url, log) = log_of("echo").await;
    assert!(log.iter().any(|line| line.contains(&url)));
}

#[tokio::test]
async fn a_hostile_log_holds_every_attack() {
    let (_, log) = log_of("hostile-log").await;
    for attack in [
        "::set-output name=x::y",
        "##[error]",
        "::add-mask::",
        "\u{1b}[31m",
        "\r",
        "</details><script>",
        "```",
        "\u{202e}",
    ] {
        assert!(log.iter().any(|line| line.contains(attack)), "{attack:?}");
    }
    assert!(log.iter().any(|line| line.len() == 5_000));
}

#[tokio::test]
async fn every_scenario_starts_and_describes_itself() {
    for (name, about) in scenarios(None).expect("the default platform") {
        assert!(!about.is_empty() && !about.contains('\n') && about.len() <= 100, "{name}");
        start_sandbox(name, Generation::Draft, 1000.0).await;
    }
}
