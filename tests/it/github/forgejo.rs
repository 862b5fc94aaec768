//! Forgejo and Gitea: their runners follow GitHub's protocol, and their APIs have only some of the reports.

use super::fake_github::FakeGitHub;
use super::runner::{Job, PULL};
use super::{ALL, platform};

#[tokio::test]
async fn what_it_has_is_written_and_what_it_lacks_is_a_line() {
    for (flag, name, page) in [
        ("FORGEJO_ACTIONS", "Forgejo", "https://github.example/octo/site/actions/runs/3"),
        ("GITEA_ACTIONS", "Gitea", "https://github.example/octo/site/actions"),
    ] {
        let (github, sandbox) = (FakeGitHub::at("/api/v1", None).await, platform("success", 20.0).await);
        let job = Job::of_pull(&github, &sandbox, ALL).with(flag, "true").with("GITHUB_RUN_NUMBER", "3");
        let done = job.run().await;
        assert_eq!(done.code, Some(0), "{}", done.log);
        assert_eq!(
            (done.annotations("warning"), done.annotations("error")),
            (vec![], vec![]),
            "{}",
            done.log
        );
        let stored = github.stored();
        let last = stored.statuses.last().map(|status| status["state"].clone());
        assert_eq!((last, stored.comments.len()), (Some("success".into()), 1));
        assert!(stored.checks.is_empty() && stored.deployments.is_empty());
        assert!(stored.statuses.iter().all(|status| status["target_url"] == page), "{:?}", stored.statuses);
        for kind in ["check run", "deployment"] {
            assert_eq!(done.log.matches(&format!("{name} has no {kind}s")).count(), 1, "{}", done.log);
        }
        assert!(!done.log.contains("GitHub"), "{}", done.log);
    }
}

#[tokio::test]
async fn comments_without_pages_are_asked_for_once() {
    let github = FakeGitHub::at("/api/v1", None).await;
    for id in 0..230 {
        github.prepare(|store| store.add_comment(id, PULL, "Looks good to me"));
    }
    let sandbox = platform("success", 20.0).await;
    let job = Job::of_pull(&github, &sandbox, "comment").with("INPUT_WAIT", "never");
    let done = job.with("FORGEJO_ACTIONS", "true").run().await;
    assert_eq!((done.code, github.count("list-comments"), github.count("create-comment")), (Some(0), 1, 1));
}
