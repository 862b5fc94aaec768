//! The sticky comment: one for each name, found again on any page, and only where there is a pull request.

use super::fake_github::FakeGitHub;
use super::platform;
use super::runner::{Job, PULL};
use crate::fake_api::Fault;

async fn deploy(github: &FakeGitHub, name: &str) {
    let sandbox = platform("success", 20.0).await;
    let job = Job::of_pull(github, &sandbox, "comment").with("INPUT_NAME", name).with("INPUT_WAIT", "never");
    let done = job.run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
}

#[tokio::test]
async fn an_earlier_runs_comment_is_found_on_a_later_page_and_updated() {
    let github = FakeGitHub::start().await;
    for id in 0..230 {
        github.prepare(|store| store.add_comment(id, PULL, "Looks good to me"));
    }
    deploy(&github, "Deploy / a-b").await;
    for id in 5000..5100 {
        github.prepare(|store| store.add_comment(id, PULL, "Me too"));
    }
    assert_eq!((github.count("list-comments"), github.count("create-comment")), (3, 1));
    deploy(&github, "Deploy / a-b").await;
    assert_eq!((github.count("create-comment"), github.count("update-comment")), (1, 1));
    let texts = github
        .stored()
        .comments
        .into_values()
        .find(|(_, texts)| texts.len() == 2)
        .expect("one was updated")
        .1;
    let link = "[The run](https://github.example/octo/site/actions/runs/99/attempts/2)";
    assert!(texts.iter().all(|text| text.ends_with(link)), "{texts:?}");
}

#[tokio::test]
async fn each_name_has_a_comment_of_its_own() {
    let github = FakeGitHub::start().await;
    let names = ["Deploy / a-b", "Deploy / ab", "Deploy / a", "Deploy / a --> b", "Größe"];
    for name in names.iter().chain(&names) {
        deploy(&github, name).await;
    }
    let comments = github.stored().comments;
    assert_eq!(comments.len(), names.len());
    assert!(comments.values().all(|(_, texts)| texts.len() == 2), "{comments:?}");
}

#[tokio::test]
async fn a_comment_that_only_quotes_ours_or_stands_elsewhere_is_left_alone() {
    let github = FakeGitHub::start().await;
    github.prepare(|store| store.add_comment(1, PULL, "> <!-- deploy-hook: Deploy -->\nWhat is this?"));
    github.prepare(|store| {
        store.add_comment(2, PULL + 1, "<!-- deploy-hook: Deploy -->\nof another pull request");
    });
    deploy(&github, "Deploy").await;
    let comments = github.stored().comments;
    assert_eq!((comments.len(), comments[&1].1.len(), comments[&2].1.len()), (3, 1, 1));
}

#[tokio::test]
async fn a_foreign_comment_with_a_copied_mark_does_not_keep_ours_from_being_written() {
    let github = FakeGitHub::start().await;
    github.prepare(|store| store.add_comment(1, PULL, "<!-- deploy-hook: Deploy -->\n### Copied"));
    github.fail("update-comment", Fault::Message(403, "Must have admin rights to Repository."), 1);
    deploy(&github, "Deploy").await;
    assert_eq!((github.count("update-comment"), github.count("create-comment")), (1, 1));
}

#[tokio::test]
async fn where_there_is_no_pull_request_there_is_a_line_and_no_request() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    let done = Job::new(&github, &sandbox, "comment").with("INPUT_WAIT", "never").run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    assert_eq!(done.log.matches("does not belong to a pull request").count(), 1, "{}", done.log);
    assert!(github.requests().is_empty());
}
