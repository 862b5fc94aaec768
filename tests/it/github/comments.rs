//! The sticky comment: one for each name, found again wherever it stands, and only where there is a pull request.

use super::hub::Hub;
use super::platform;
use super::runner::{Job, PULL};

async fn deploy(hub: &Hub, name: &str) {
    let sandbox = platform("success", 20.0).await;
    let job = Job::of_pull(hub, &sandbox, "comment").with("INPUT_NAME", name).with("INPUT_WAIT", "never");
    let done = job.run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
}

#[tokio::test]
async fn an_earlier_runs_comment_is_found_on_a_later_page_and_updated() {
    let hub = Hub::start().await;
    for id in 0..230 {
        hub.comment(id, PULL, "Looks good to me");
    }
    deploy(&hub, "Deploy / a-b").await;
    for id in 5000..5100 {
        hub.comment(id, PULL, "Me too");
    }
    assert_eq!((hub.count("list-comments"), hub.count("create-comment")), (3, 1));
    deploy(&hub, "Deploy / a-b").await;
    assert_eq!((hub.count("create-comment"), hub.count("update-comment")), (1, 1));
    let texts =
        hub.kept().comments.into_values().find(|(_, texts)| texts.len() == 2).expect("one was updated").1;
    let link = "[The run](https://github.example/octo/site/actions/runs/99/attempts/2)";
    assert!(texts.iter().all(|text| text.ends_with(link)), "{texts:?}");
}

#[tokio::test]
async fn each_name_has_a_comment_of_its_own() {
    let hub = Hub::start().await;
    let names = ["Deploy / a-b", "Deploy / ab", "Deploy / a", "Deploy / a --> b", "Größe"];
    for name in names.iter().chain(&names) {
        deploy(&hub, name).await;
    }
    let comments = hub.kept().comments;
    assert_eq!(comments.len(), names.len());
    assert!(comments.values().all(|(_, texts)| texts.len() == 2), "{comments:?}");
}

#[tokio::test]
async fn a_comment_that_only_quotes_ours_or_stands_elsewhere_is_left_alone() {
    let hub = Hub::start().await;
    hub.comment(1, PULL, "> <!-- deploy-hook: Deploy -->\nWhat is this?");
    hub.comment(2, PULL + 1, "<!-- deploy-hook: Deploy -->\nof another pull request");
    deploy(&hub, "Deploy").await;
    let comments = hub.kept().comments;
    assert_eq!((comments.len(), comments[&1].1.len(), comments[&2].1.len()), (3, 1, 1));
}

#[tokio::test]
async fn where_there_is_no_pull_request_there_is_a_line_and_no_request() {
    let (hub, sandbox) = (Hub::start().await, platform("success", 20.0).await);
    let done = Job::new(&hub, &sandbox, "comment").with("INPUT_WAIT", "never").run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    assert_eq!(done.log.matches("belongs to no pull request").count(), 1, "{}", done.log);
    assert!(hub.seen().is_empty());
}
