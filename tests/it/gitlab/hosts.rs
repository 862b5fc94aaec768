//! A self-managed GitLab: below a path, and with a certificate of a private authority.

use super::fake_gitlab::FakeGitLab;
use super::job::Job;
use super::{ALL, all, platform};
use crate::server::{Authority, Server, reply};

#[tokio::test]
async fn a_gitlab_may_be_below_a_path() {
    all(["", "/"].map(|end| async move {
        let (gitlab, sandbox) =
            (FakeGitLab::at("/tools/gitlab", None).await, platform("success", 20.0).await);
        let api = format!("{}{end}", gitlab.base);
        let job = Job::of_merge_request(&gitlab, &sandbox, ALL).with("CI_API_V4_URL", &api);
        let done = job.run().await;
        assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
        assert_eq!((gitlab.stored().open(), gitlab.stored().own_notes().len()), (vec![], 1));
    }))
    .await;
}

#[tokio::test]
async fn a_private_gitlab_is_trusted_by_the_file_the_runner_gives() {
    let authority = Authority::new();
    let gitlab = FakeGitLab::at("", Some(authority.acceptor(&["localhost"]))).await;
    let sandbox = platform("success", 20.0).await;
    let path = authority.pem.path().display().to_string();
    for variable in ["CI_SERVER_TLS_CA_FILE", "DEPLOY_HOOK_CA_FILE"] {
        let job = Job::of_merge_request(&gitlab, &sandbox, ALL).with(variable, &path);
        let done = job.with("DEPLOY_HOOK_WAIT", "never").run().await;
        assert_eq!(done.verdict(), (0, "triggered", vec![]), "{variable}: {}", done.trace.text);
        assert_eq!(gitlab.stored().open(), [""; 0]);
    }
    let before = gitlab.requests().len();
    let wary = Job::new(&gitlab, &sandbox, "status").with("DEPLOY_HOOK_WAIT", "never").run().await;
    assert_eq!((wary.end(), wary.warnings().len()), ((0, "triggered"), 1), "{}", wary.trace.text);
    assert!(wary.trace.text.to_lowercase().contains("certificate"), "{}", wary.trace.text);
    assert_eq!(gitlab.requests().len(), before);
}

/// The runner's file is for GitLab alone: a server with a certificate of that authority must not pass for the hosting platform.
#[tokio::test]
async fn the_runners_file_is_not_trusted_for_the_hook() {
    let authority = Authority::new();
    let (gitlab, server) = (
        FakeGitLab::at("", Some(authority.acceptor(&["localhost"]))).await,
        Server::tls(&authority, "127.0.0.1", reply(200, "{\"data\":{\"publicId\":\"dp-abc123\"}}")).await,
    );
    let path = authority.pem.path().display().to_string();
    let job = Job::through(&gitlab, &server.https_hook(), "status").with("DEPLOY_HOOK_WAIT", "never");
    let wary = job.with("CI_SERVER_TLS_CA_FILE", &path).run().await;
    assert_eq!(wary.verdict(), (4, "unreachable", vec![]), "{}", wary.trace.text);
    assert_eq!(
        (server.requests().len(), gitlab.stored().status_states()),
        (0, vec![vec!["failed"]]),
        "GitLab's status is written"
    );
    let job = Job::through(&gitlab, &server.https_hook(), "status").with("DEPLOY_HOOK_WAIT", "never");
    let trusting = job.with("DEPLOY_HOOK_CA_FILE", &path).run().await;
    assert_eq!(trusting.verdict(), (0, "triggered", vec![]), "{}", trusting.trace.text);
}

#[tokio::test]
async fn a_file_that_is_not_there_or_holds_nothing_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "no certificate\n").unwrap();
    for path in [folder.path().join("nowhere"), empty, folder.path().to_owned()] {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 400.0).await);
        let job =
            Job::new(&gitlab, &sandbox, "status").with("CI_SERVER_TLS_CA_FILE", &path.display().to_string());
        let done = job.with("DEPLOY_HOOK_WAIT", "never").run().await;
        assert_eq!(done.verdict(), (0, "triggered", vec![]), "{}", done.trace.text);
        assert_eq!(gitlab.stored().open(), [""; 0]);
        assert_eq!(gitlab.stored().statuses.len(), 1, "GitLab here is not even https");
    }
}
