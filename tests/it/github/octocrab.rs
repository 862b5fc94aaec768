//! Why the reports have raw routes: what octocrab's typed calls make of answers that the reports can use. Where one of these
//! tests fails after an update of octocrab, a reason in `src/reporting/github/api.rs` is gone.

use octocrab::Octocrab;
use octocrab::models::checks::CheckRun;
use octocrab::models::issues::Comment;
use octocrab::models::repos::Deployment;
use octocrab::models::{CommentId, Status, StatusState};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::contract::example;
use crate::server::{Server, reply};

fn is_model<T: DeserializeOwned>(answer: Value) -> bool {
    serde_json::from_value::<T>(answer).is_ok()
}

fn without(mut answer: Value, field: &str) -> Value {
    answer.as_object_mut().and_then(|fields| fields.remove(field)).expect(field);
    answer
}

#[expect(clippy::disallowed_methods, reason = "octocrab alone is tested, without the program's client")]
fn client(server: &Server) -> Octocrab {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let octocrab = Octocrab::builder().base_uri(format!("http://{}", server.address)).expect("a base");
    octocrab.build_with_reqwest(client).expect("octocrab")
}

#[test]
fn an_answer_that_lacks_what_no_report_needs_is_no_model() {
    let status = example("repos/create-commit-status");
    let comment = example("issues/create-comment");
    let deployment = example("repos/create-deployment");
    assert!(is_model::<Status>(status.clone()) && is_model::<Comment>(comment.clone()));
    assert!(is_model::<Deployment>(deployment.clone()));
    let mut of_forgejo = without(status, "state");
    of_forgejo["status"] = json!("success");
    assert!(!is_model::<Status>(of_forgejo));
    assert!(!is_model::<Comment>(without(comment, "node_id")), "Forgejo and Gitea send none");
    assert!(!is_model::<Deployment>(without(deployment, "statuses_url")));
    assert!(!is_model::<CheckRun>(without(example("checks/create"), "pull_requests")));
}

#[test]
fn the_model_of_a_check_run_has_no_field_by_which_ours_is_found() {
    let check: CheckRun = serde_json::from_value(example("checks/create")).expect("a model");
    let fields = json!(check);
    assert!(fields.get("external_id").is_none() && fields.get("status").is_none(), "{fields}");
}

#[tokio::test]
async fn the_page_of_a_proxy_becomes_githubs_message() {
    let server = Server::plain(reply(404, "<html>no such host</html>")).await;
    let octocrab = client(&server);
    let repository = octocrab.repos("octo", "site");
    let error = repository.create_status("beef".to_owned(), StatusState::Pending).send().await;
    let Err(octocrab::Error::GitHub { source, .. }) = error else { panic!("{error:?}") };
    assert_eq!(source.message, "<html>no such host</html>");
}

#[tokio::test]
async fn a_comment_is_updated_with_another_method_than_the_documented_one() {
    let answer = example("issues/update-comment").to_string();
    let server =
        Server::by_request(
            move |head| {
                if head.starts_with("PATCH ") { reply(200, &answer) } else { reply(405, "") }
            },
        )
        .await;
    let updated = client(&server).issues("octo", "site").update_comment(CommentId(7), "text").await;
    assert!(updated.is_err());
}
