//! Answers that are easily mistaken for our deployment, for a success, or for no deployment.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::TOKEN;
use crate::cli::run::{Done, Run, run};
use crate::cli::together;
use crate::server::{Reply, Server};

/// An answer with the server's clock.
fn reply(status: u16, body: &Value) -> Reply {
    let (date, body) = (httpdate::fmt_http_date(SystemTime::now()), body.to_string());
    Reply::Whole(format!(
        "HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

/// A time so long ago.
fn ago(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(SystemTime::now() - Duration::from_secs(seconds)).to_string()
}

/// A server with this answer to the `POST`, and one each to the reads before and after it.
async fn server(posted: Reply, reads: [Reply; 2]) -> Server {
    let triggers = AtomicUsize::new(0);
    Server::by_request(move |head| {
        if head.starts_with("POST") {
            triggers.fetch_add(1, Ordering::SeqCst);
            return posted.clone();
        }
        reads[usize::from(triggers.load(Ordering::SeqCst) > 0)].clone()
    })
    .await
}

fn program(args: &str, server: &Server, hook: &str) -> Run {
    let url = format!("http://{}", server.address);
    let program = run(args).env("DEPLOY_HOOK_URL", format!("{url}{hook}")).env("DEPLOY_HOOK_API_URL", &url);
    program.env("DEPLOY_HOOK_API_TOKEN", TOKEN).env("DEPLOY_HOOK_ACCOUNT", "account-1")
}

async fn deploy(server: &Server, hook: &str) -> Done {
    program("deploy --timeout 10s", server, hook).done().await
}

const COOLIFY: &str = "/api/v1/deploy?uuid=rrrrrrrrrrrrrrrrrrrrrrrr";
const WORKERS: &str = "/client/v4/workers/builds/deploy_hooks/1f0c7a52-7d3b-4b0e-8c55-9a2b3c4d5e6f";

/// A deployment of Coolify's in a list: a state, and further fields.
fn coolify(id: &str, state: &str, more: &Value) -> Value {
    let mut row = json!({ "deployment_uuid": id, "status": state, "created_at": ago(0) });
    row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    row
}

#[tokio::test]
async fn a_duplicate_joins_no_preview_no_push_and_nothing_that_has_ended() {
    let message = "Deployment already queued for this commit.";
    let posted =
        json!({ "deployments": [{ "message": message, "resource_uuid": "r", "deployment_uuid": "nnnnnn" }] });
    let cases = [
        (coolify("prev01", "in_progress", &json!({ "pull_request_id": 7 })), false),
        (coolify("push01", "in_progress", &json!({ "pull_request_id": 0, "is_webhook": true })), false),
        (coolify("ended1", "finished", &json!({ "is_api": true })), false),
        (coolify("ours01", "in_progress", &json!({ "is_api": true, "pull_request_id": 0 })), true),
    ];
    together(cases.map(|(row, is_joined)| {
        let posted = posted.clone();
        async move {
            let list = reply(200, &json!({ "count": 1, "deployments": [row] }));
            let server = server(reply(200, &posted), [list.clone(), list]).await;
            let done = deploy(&server, COOLIFY).await;
            // Joined, and never seen to end: one row is all that the server says.
            assert_eq!(done.all().contains("Found deployment ours01"), is_joined, "{row}: {}", done.all());
            assert_eq!(done.all().contains("Found deployment"), is_joined, "{row}: {}", done.all());
            assert_ne!(done.code, 0, "{row}: {}", done.all());
        }
    }))
    .await;
}

#[tokio::test]
async fn a_deployment_from_the_dashboard_is_not_taken_for_a_lost_trigger() {
    let old = coolify("old001", "finished", &json!({ "is_api": true, "created_at": ago(3600) }));
    let cases =
        [json!({ "is_api": false, "is_webhook": false }), json!({ "pull_request_id": 7, "is_api": true })];
    together(cases.map(|more| {
        let old = old.clone();
        async move {
            let before = reply(200, &json!({ "count": 1, "deployments": [old] }));
            let new = coolify("other1", "finished", &more);
            let after = reply(200, &json!({ "count": 2, "deployments": [new, old] }));
            let done = deploy(&server(Reply::Close, [before, after]).await, COOLIFY).await;
            assert_eq!(done.code, 5, "{more}: {}", done.all());
        }
    }))
    .await;
}

/// Neither platform lists its deployments, so only the times tell.
#[tokio::test]
async fn a_named_deployment_that_ended_before_the_trigger_is_not_ours() {
    let build = json!({ "success": true, "errors": [], "messages": [], "result": { "build_uuid": "b1", "status": "stopped", "build_outcome": "success", "created_on": ago(6000) } });
    let mut again = build.clone();
    again["result"]["already_exists"] = json!(true);
    let sevalla = json!({ "deployment": { "id": "d1", "status": "success", "created_at": ago(86_400), "finished_at": ago(86_000) } });
    let cases =
        [(WORKERS, build, ""), (WORKERS, again, ""), ("/hooks/Zx9kkLONGq7Wm2Tt5RrVv", sevalla, "sevalla")];
    together(cases.map(|(hook, body, name)| async move {
        let answer = reply(200, &body);
        let server = server(answer.clone(), [answer.clone(), answer]).await;
        let done =
            program("deploy --timeout 10s", &server, hook).env("DEPLOY_HOOK_PLATFORM", name).done().await;
        assert_eq!(done.code, 5, "{body}: {}", done.all());
    }))
    .await;
}

#[tokio::test]
async fn any_other_hook_is_never_read_whatever_is_given() {
    let server = server(reply(200, &json!({})), [reply(200, &json!([])), reply(200, &json!([]))]).await;
    let done = deploy(&server, "/hooks/Zx9kkLONGq7Wm2Tt5RrVv").await;
    assert_eq!(done.code, 0, "{}", done.all());
    let always = program("deploy --wait always", &server, "/hooks/Zx9kkLONGq7Wm2Tt5RrVv").done().await;
    assert_eq!(always.code, 2, "{}", always.all());
    assert_eq!(server.requests(), ["POST /hooks/Zx9kkLONGq7Wm2Tt5RrVv"]);
}

#[tokio::test]
async fn an_unreadable_list_is_reported() {
    let job = json!({ "job": { "id": "okzCd50AIap1O31g0gne", "createdAt": 1_662_825_789_999_u64 } });
    let empty = json!({ "deployments": [], "pagination": {} });
    let error = |message: &str| json!({ "error": { "code": "x", "message": message } });
    let cases = [
        (reply(403, &error("Not authorized")), "Not authorized"),
        (reply(404, &error("Project not found")), "Project not found"),
        (reply(500, &error("Oh no")), "Oh no"),
        (
            Reply::Whole("HTTP/1.1 200 X\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>".to_owned()),
            "lists no deployments",
        ),
        (reply(200, &empty), "no deployment appeared"),
    ];
    together(cases.map(|(after, wanted)| {
        let (job, empty) = (job.clone(), empty.clone());
        async move {
            let server = server(reply(201, &job), [reply(200, &empty), after]).await;
            let done = deploy(&server, "/v1/integrations/deploy/prj_aaaa/okzCd50AIa").await;
            assert_eq!(done.code, 7, "{}", done.all());
            assert!(done.all().contains(wanted), "{wanted}: {}", done.all());
        }
    }))
    .await;
}

/// Nothing is read before the trigger there, so that a run with a refused token triggers and ends as lost.
#[tokio::test]
async fn doctor_judges_a_token_where_nothing_is_listed() {
    let denied = json!({ "success": false, "errors": [{ "code": 12005, "message": "No token" }], "messages": [], "result": null });
    let absent = json!({ "success": false, "errors": [{ "code": 12000, "message": "Not found" }], "messages": [], "result": null });
    for (status, body, code, mark) in
        [(401, &denied, 2, "✗ API token"), (404, &absent, 0, "✓ API token"), (200, &denied, 0, "? API token")]
    {
        let answer = reply(status, body);
        let server = server(answer.clone(), [answer.clone(), answer]).await;
        let done = program("doctor", &server, WORKERS).done().await;
        assert_eq!(done.code, code, "{status}: {}", done.all());
        assert!(done.all().contains(mark), "{status}: {}", done.all());
    }
    let server = Server::plain(reply(200, &json!({}))).await;
    let url = format!("http://{}{COOLIFY}", server.address);
    let done = run("doctor").env("DEPLOY_HOOK_URL", &url).done().await;
    assert_eq!(done.code, 2, "{}", done.all());
    assert!(done.all().contains("COOLIFY_TOKEN"), "{}", done.all());
}
