//! The public API: deployments, rate limit, logs.

use crate::common::Generation;
use serde_json::json;

use super::{ask_api, is_id, post, send, start_sandbox, until};

#[tokio::test]
async fn the_api_follows_deployments() {
    let sandbox = start_sandbox("success", Generation::Live, 1.0).await;
    let created =
        ask_api(&sandbox, "POST", &format!("/v1/environments/{}/deployments", sandbox.environment())).await;
    assert_eq!(created.status, 201);
    let body = created.json();
    let id = body["publicId"].as_str().expect("an id").to_owned();
    assert!(is_id(&body["publicId"], "dp-"));
    assert_eq!(body["environment"], sandbox.environment());
    assert_eq!((&body["branch"], &body["status"]), (&json!("main"), &json!("pending")));
    assert_eq!(body["commitHash"].as_str().map(str::len), Some(40));
    assert!(body["committedAt"].as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 20));

    assert_eq!(ask_api(&sandbox, "GET", &format!("/v1/deployments/{id}")).await.json(), body);
    let logs = ask_api(&sandbox, "GET", &format!("/v1/deployments/{id}/logs")).await;
    assert_eq!(logs.json(), json!({ "logs": [] }));
    let newer = post(&sandbox.hook_url()).await.json()["data"]["publicId"].clone();
    let list = ask_api(&sandbox, "GET", "/v1/deployments").await.json();
    assert_eq!((&list[0]["publicId"], &list[1]["publicId"]), (&newer, &json!(id)));

    for (path, status) in [
        ("/v1/deployments/dp-zzzzzz", 404),
        ("/v1/deployments/zz-zzzzzz", 422),
        ("/v1/deployments/dp-ZZZZZZ/logs", 422),
        ("/v1/deployments/dp-zzzzzz/nothing", 404),
    ] {
        let refused = ask_api(&sandbox, "GET", path).await;
        assert_eq!(refused.status, status, "{path}");
        assert!(refused.json()["detail"].is_string());
        assert_eq!(refused.header("x-ratelimit-limit"), Some("20"));
    }
    for token in ["", "Authorization: Bearer frbit-at-0\r\n"] {
        let refused = send("GET", &format!("{}/v1/deployments", sandbox.url()), token, "").await;
        assert_eq!((refused.status, refused.json()["detail"].is_string()), (401, true));
    }
}

#[tokio::test]
async fn the_api_limits_the_rate_and_says_when_to_come_back() {
    let sandbox = start_sandbox("success", Generation::Live, 1.0).await;
    for left in (0..20).rev() {
        let answer = ask_api(&sandbox, "GET", "/v1/deployments").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(left.to_string().as_str()));
    }
    let refused = ask_api(&sandbox, "GET", "/v1/deployments").await;
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining")), (429, Some("0")));
    let wait: u64 = refused.header("retry-after").and_then(|wait| wait.parse().ok()).expect("seconds");
    assert!((1..=60).contains(&wait));
    let reset: u64 = refused.header("x-ratelimit-reset").and_then(|at| at.parse().ok()).expect("a time");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    assert!(now.as_secs().abs_diff(reset) <= 61);

    let quick = start_sandbox("success", Generation::Live, 200.0).await;
    until(|| ask_api(&quick, "GET", "/v1/deployments"), |answer| answer.status == 200).await;
    for _ in 0..20 {
        ask_api(&quick, "GET", "/v1/deployments").await;
    }
    until(|| ask_api(&quick, "GET", "/v1/deployments"), |answer| answer.status == 200).await;
}

#[tokio::test]
async fn logs_appear_after_the_end() {
    for (scenario, line) in [
        ("success", "Deployment finished"),
        ("build-fails", "npm error Exit status 1"),
        ("post-deploy-fails", "Deployment failed after the release was switched: the new code is live."),
        ("canceled", "Deployment canceled by a user. The previous release stays live."),
    ] {
        let sandbox = start_sandbox(scenario, Generation::Draft, 1000.0).await;
        let id = post(&sandbox.hook_url()).await.json()["deployment"]["id"].clone();
        let path = format!("/v1/deployments/{}/logs", id.as_str().expect("an id"));
        let logs = until(
            || ask_api(&sandbox, "GET", &path),
            |answer| answer.status == 200 && answer.json()["logs"] != json!([]),
        )
        .await
        .json();
        let logs = logs["logs"].as_array().expect("a list").clone();
        assert!((20..=45).contains(&logs.len()), "{scenario}: {} lines", logs.len());
        assert!(logs.iter().any(|entry| entry["log"] == line), "{scenario}");
        assert!(logs.iter().all(|entry| entry["time"].is_string()));
    }
}
