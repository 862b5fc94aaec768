//! Both generations of the hook: the contract, rotation, superseding.

use crate::common::Generation;
use serde_json::json;

use super::{ask_api, get, is_id, post, send, start_sandbox, until};

#[tokio::test]
async fn the_draft_hook_triggers_and_can_be_read() {
    let sandbox = start_sandbox("success", Generation::Draft, 1.0).await;
    let url = sandbox.hook_url();
    let secret = url.strip_prefix(&format!("{}/v1/deploy-hook/", sandbox.url())).expect("the draft's form");
    assert_eq!(secret.len(), 40);

    let earlier = get(&url).await.json();
    assert_eq!(earlier["deployment"]["state"], "SUCCEEDED", "one was there before");

    // No User-Agent, no payload: the draft demands neither.
    let accepted = send("POST", &url, "", "").await;
    assert_eq!(accepted.status, 200);
    assert_eq!(accepted.header("content-type"), Some("application/json"));
    assert!(accepted.header("date").is_some());
    let body = accepted.json();
    let deployment = &body["deployment"];
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1));
    assert_eq!(deployment.as_object().map(serde_json::Map::len), Some(3));
    assert!(is_id(&deployment["id"], "dp_"));
    assert_eq!(deployment["state"], "PENDING");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let created = deployment["createdAt"].as_u64().expect("milliseconds");
    assert!(now.as_millis().abs_diff(created.into()) < 10_000);

    for url in [url.clone(), url.replace("deploy-hook/", "deploy-hook//")] {
        let read = get(&url).await;
        assert_eq!((read.status, &read.json()["deployment"]["id"]), (200, &deployment["id"]));
    }
    assert_eq!(post(&url.replace("deploy-hook/", "deploy-hook//")).await.status, 404);
    let put = send("PUT", &url, "", "").await;
    assert_eq!((put.status, put.header("allow")), (405, Some("get, post")));
    assert_eq!(sandbox.deployments(), 1);

    let environment = sandbox.environment();
    for path in [
        format!("/v1/deploy/{environment}/deploy-hook/{secret}"),
        format!("/v1/webhooks/environments/{environment}/deploy/{secret}"),
    ] {
        let url = format!("{}{path}", sandbox.url());
        assert!(is_id(&post(&url).await.json()["deployment"]["id"], "dp_"));
        assert_eq!(get(&url).await.json()["deployment"]["state"], "PENDING");
        let elsewhere = url.replace(&environment, "en-absent");
        assert_eq!(post(&elsewhere).await.json(), json!({ "error": "Environment not found." }));
    }
    assert_eq!(sandbox.deployments(), 3);
}

#[tokio::test]
async fn the_live_hook_wants_a_user_agent_and_cannot_be_read() {
    let sandbox = start_sandbox("success", Generation::Live, 1.0).await;
    let url = sandbox.hook_url();
    let base = format!("{}/webhooks/environments/{}/deploy/", sandbox.url(), sandbox.environment());
    assert!(url.starts_with(&base));

    let nameless = send("POST", &url, "", "").await;
    assert_eq!(
        (nameless.status, nameless.json()),
        (400, json!({ "error": "A User-Agent header is required." }))
    );
    let read = get(&url).await;
    assert_eq!((read.status, read.header("allow")), (405, Some("post")));
    let wrong = post(&format!("{base}{}", "x".repeat(40))).await;
    assert_eq!((wrong.status, wrong.json()), (404, json!({ "error": "Environment not found." })));
    assert_eq!(sandbox.deployments(), 0);

    let accepted = post(&url).await;
    let body = accepted.json();
    assert_eq!(accepted.status, 200);
    assert!(is_id(&body["data"]["publicId"], "dp-"));
    assert_eq!(body, json!({ "data": { "publicId": body["data"]["publicId"] } }));

    let log = sandbox.requests();
    let seen: Vec<_> = log.iter().map(|one| (one.method.as_str(), one.status)).collect();
    assert_eq!(seen, [("POST", 400), ("GET", 405), ("POST", 404), ("POST", 200)]);
    assert_eq!(log[0].user_agent, None);
    assert_eq!(log[3].user_agent.as_deref(), Some("test"));
    assert!(url.ends_with(&log[3].path));
    sandbox.rewind_requests();
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn a_hook_is_shown_once_and_is_invalid_after_rotation_or_revocation() {
    let sandbox = start_sandbox("success", Generation::Draft, 1.0).await;
    let environment = sandbox.environment();
    let hook = format!("{}/sandbox/environments/{environment}/hook", sandbox.url());
    assert_eq!(get(&hook).await.json(), json!({ "enabled": false }));

    let enabled = send("POST", &hook, "", r#"{"generation":"draft"}"#).await;
    assert_eq!(enabled.status, 201);
    let first = enabled.json()["url"].as_str().expect("shown once").to_owned();
    let secret = first.rsplit('/').next().expect("a secret").to_owned();
    let shown = get(&hook).await;
    assert_eq!(shown.json()["generation"], "draft");
    assert!(shown.json()["enabledAt"].is_u64());
    for page in ["/", "/sandbox", &format!("/sandbox/environments/{environment}/deployments")] {
        let page = get(&format!("{}{page}", sandbox.url())).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains(&secret));
    }
    assert!(!shown.body.contains(&secret));
    assert_eq!(post(&first).await.status, 200);

    let second = sandbox.enable_hook(&environment, "live").expect("there is the environment");
    let gone = post(&first).await;
    assert_eq!((gone.status, gone.json()), (410, json!({ "error": "This deploy hook was revoked." })));
    assert_eq!(get(&first).await.status, 410);
    assert_eq!(post(&second).await.status, 200);

    assert_eq!(send("DELETE", &hook, "", "").await.status, 204);
    assert_eq!(post(&second).await.status, 410);
    assert_eq!(send("DELETE", &hook, "", "").await.status, 404);
    assert!(!sandbox.revoke_hook(&environment));
    assert_eq!(sandbox.enable_hook("en-absent", "draft"), None);
    assert_eq!(sandbox.deployments(), 2);
}

#[tokio::test]
async fn a_newer_trigger_supersedes_the_older_one() {
    let sandbox = start_sandbox("success", Generation::Draft, 1.0).await;
    let url = sandbox.hook_url();
    let first = post(&url).await.json()["deployment"]["id"].clone();
    let second = post(&url).await.json()["deployment"]["id"].clone();
    assert_eq!(get(&url).await.json()["deployment"]["id"], second);

    let path = format!("/v1/deployments/{}", first.as_str().expect("an id"));
    assert_eq!(ask_api(&sandbox, "GET", &path).await.json()["status"], "superseded");
    let history = format!("{}/sandbox/environments/{}/deployments", sandbox.url(), sandbox.environment());
    let history = get(&history).await.json();
    assert_eq!(history[0]["id"], second);
    assert_eq!(history[1]["supersededBy"], second);
    assert_eq!(history[1]["endedAt"], history[1]["states"][1]["at"]);
    assert_eq!(history[1]["trigger"], "hook");
}

#[tokio::test]
async fn somebody_else_supersedes_in_the_scenario_of_that_name() {
    let sandbox = start_sandbox("superseded", Generation::Draft, 500.0).await;
    let url = sandbox.hook_url();
    let id = post(&url).await.json()["deployment"]["id"].clone();
    let newer = until(|| get(&url), |read| read.json()["deployment"]["id"] != id).await;
    assert!(is_id(&newer.json()["deployment"]["id"], "dp_"));
    assert_eq!(sandbox.deployments(), 2);
    let path = format!("/v1/deployments/{}", id.as_str().expect("an id"));
    assert_eq!(ask_api(&sandbox, "GET", &path).await.json()["status"], "superseded");
}

#[tokio::test]
async fn the_states_come_in_their_order() {
    let sandbox = start_sandbox("success", Generation::Draft, 200.0).await;
    let url = sandbox.hook_url();
    post(&url).await;
    let seen = std::cell::RefCell::new(Vec::new());
    until(
        || get(&url),
        |read| {
            let state = read.json()["deployment"]["state"].as_str().expect("a word").to_owned();
            let over = state == "SUCCEEDED";
            seen.borrow_mut().push(state);
            over
        },
    )
    .await;
    let order = ["PENDING", "ALLOCATING", "SYNCING", "BUILDING", "DEPLOYING", "POST_DEPLOY", "SUCCEEDED"];
    let places: Vec<_> =
        seen.borrow().iter().map(|state| order.iter().position(|one| one == state)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{:?}", seen.borrow());
}
