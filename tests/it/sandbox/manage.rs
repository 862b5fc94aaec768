//! The management: scenarios, environments, and its access control.

use crate::common::Generation;
use deploy_hook::sandbox::scenarios;
use serde_json::json;

use super::{get, is_id, post, send, start_sandbox};

#[tokio::test]
async fn the_management_chooses_scenarios_and_makes_environments() {
    let sandbox = start_sandbox("success", Generation::Draft, 1.0).await;
    let base = format!("{}/sandbox", sandbox.url());
    let names = get(&format!("{base}/scenarios")).await.json();
    assert_eq!(names.as_array().map(Vec::len), Some(scenarios(None).expect("the default platform").len()));
    assert_eq!(names[0]["name"], "success");

    let chosen = send("PUT", &format!("{base}/scenario"), "", r#"{"name":"stuck"}"#).await;
    assert_eq!((chosen.status, &chosen.json()["name"]), (200, &json!("stuck")));
    assert_eq!(get(&base).await.json()["scenario"], "stuck");
    let slip = send("PUT", &format!("{base}/scenario"), "", r#"{"name":"stick"}"#).await;
    assert_eq!(slip.status, 422);
    assert!(slip.body.contains("did you mean `stuck`?"));
    assert_eq!(send("PUT", &format!("{base}/scenario"), "", "{").await.status, 400);

    let made = send("POST", &format!("{base}/environments"), "", "").await;
    let id = made.json()["publicId"].as_str().expect("an id").to_owned();
    assert_eq!((made.status, is_id(&made.json()["publicId"], "en-")), (201, true));
    let hook = sandbox.enable_hook(&id, "draft").expect("the new environment");
    assert_eq!(post(&hook).await.status, 200);
    assert_eq!(get(&format!("{base}/environments/{id}/deployments")).await.json()[0]["scenario"], "stuck");
    assert_eq!(get(&format!("{base}/environments/en-absent/deployments")).await.status, 404);
}

#[tokio::test]
async fn the_management_refuses_names_that_are_not_loopback() {
    let sandbox = start_sandbox("success", Generation::Draft, 1.0).await;
    for (headers, status) in [
        ("Host: rebound.example\r\n", 403),
        ("Host: 127.0.0.1.rebound.example:80\r\n", 403),
        ("Host: 192.168.0.2\r\n", 403),
        ("Origin: https://example.com\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Host: localhost:8080\r\n", 200),
        ("Host: [::1]:80\r\n", 200),
        ("Host: 127.0.0.1\r\nOrigin: http://localhost:3000\r\n", 200),
    ] {
        for path in ["/", "/sandbox", "/sandbox/scenarios"] {
            let answer = send("GET", &format!("{}{path}", sandbox.url()), headers, "").await;
            assert_eq!(answer.status, status, "{path} {headers}");
        }
    }
}
