//! Nothing from the environment, the event, the state or an earlier answer reaches another path of the API, and no answer
//! takes more memory or time than an answer may.

use serde_json::{Value, json};

use super::fake_github::FakeGitHub;
use super::runner::{HEAD, Job, SHA, pull_request};
use super::{ALL, all, platform};
use crate::fake_api::Fault;

/// Texts that would change the path of a request.
const CROOKED: [&str; 8] = [
    "../../../user/keys",
    "..%2f..%2fuser",
    "main",
    "2222222222222222222222222222222222222222/../x",
    "2222222222222222222222222222222222222222?x=",
    "2222222222222222222222222222222222222222 ",
    "",
    "éééééééééééééééééééé",
];

async fn deploy(github: &FakeGitHub, set: impl FnOnce(Job) -> Job) -> super::runner::Done {
    let sandbox = platform("success", 20.0).await;
    set(Job::of_pull(github, &sandbox, "status").with("INPUT_WAIT", "never")).run().await
}

#[tokio::test]
async fn an_invalid_commit_is_ignored() {
    all(CROOKED.map(|crooked| async move {
        let github = FakeGitHub::start().await;
        let mut event = pull_request(Some("octo/site"));
        event["pull_request"]["head"]["sha"] = json!(crooked);
        let done = deploy(&github, |job| job.event("pull_request", &event)).await;
        assert_eq!((done.code, github.requests().len()), (Some(0), 1), "{crooked}: {}", done.log);
        assert!(github.requests()[0].path.ends_with(SHA), "{crooked}: {}", github.requests()[0].path);
        for (name, payload) in
            [("workflow_run", json!({ "workflow_run": { "head_sha": crooked } })), ("push", Value::Null)]
        {
            let github = FakeGitHub::start().await;
            let done = deploy(&github, |job| job.event(name, &payload).with("GITHUB_SHA", crooked)).await;
            let reported = usize::from(crooked == format!("{HEAD} ")); // the environment's is trimmed
            assert_eq!((done.code, github.requests().len()), (Some(0), reported), "{crooked}: {}", done.log);
        }
    }))
    .await;
}

#[tokio::test]
async fn a_repository_or_base_that_could_steer_a_path_gets_no_request() {
    let repositories = [
        "octo/..",
        "../octo",
        "octo/site/../../user",
        "octo/site?x",
        "octo/site#",
        "octo/%2e%2e",
        "octo",
        "octo/ site",
        "octo//site",
    ];
    let bases = ["?x=", "#", "/../../?"];
    all(repositories.map(|repository| async move {
        let github = FakeGitHub::start().await;
        let done = deploy(&github, |job| job.with("GITHUB_REPOSITORY", repository)).await;
        assert_eq!((done.code, github.requests().len()), (Some(0), 0), "{repository}: {}", done.log);
    }))
    .await;
    for base in bases {
        let github = FakeGitHub::start().await;
        let crooked = format!("{}{base}", github.base);
        let done = deploy(&github, |job| job.with("GITHUB_API_URL", &crooked)).await;
        assert_eq!((done.code, github.requests().len()), (Some(0), 0), "{base}: {}", done.log);
    }
}

#[tokio::test]
async fn a_redirect_leads_to_the_same_place_of_the_repository_alone() {
    let github = FakeGitHub::start().await;
    let status = format!("/statuses/{HEAD}");
    let followed = format!("/repositories/4711{status}");
    let crooked = [
        "/user/keys".to_owned(),
        format!("/repositories/4711/../../user{status}"),
        format!("/repos/octo/..{status}"),
        format!("/repos/octo/site/hooks{status}"),
        format!("/repositories/x{status}"),
        "/repositories/4711/hooks".to_owned(),
    ];
    for path in crooked {
        let path: &'static str = path.leak();
        github.fail("status", Fault::Redirect(307, path), 1);
        let before = github.requests().len();
        let done = deploy(&github, |job| job).await;
        assert_eq!((done.code, github.requests().len() - before), (Some(0), 1), "{path}: {}", done.log);
        assert!(done.log.contains("redirects elsewhere"), "{}", done.log);
    }
    github.fail("status", Fault::Redirect(307, followed.leak()), 1);
    let done = deploy(&github, |job| job).await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
}

#[tokio::test]
async fn a_state_that_could_steer_a_request_gets_none() {
    let github = FakeGitHub::start().await;
    let sandbox = platform("success", 20.0).await;
    let state = |sha: &str, id: Value| {
        let subject = json!({ "name": "Deploy", "sha": sha, "page": "", "environment": "x", "site": null, "pull": 7, "mark": "m" });
        json!({ "subject": subject, "records": [["check", { "as": id }], ["status", { "as": 0 }]] })
            .to_string()
    };
    for crooked in [
        state("../../../user/keys", json!(7)),
        state(HEAD, json!("../7")),
        state(HEAD, json!(-1)),
        "[]".to_owned(),
    ] {
        let job = Job::of_pull(&github, &sandbox, ALL).with("STATE_deploy_hook_records", &crooked);
        assert_eq!(job.post().await.code, Some(0));
        assert_eq!(github.requests().len(), 0, "{crooked}");
    }
}

#[cfg(target_os = "linux")] // `prlimit`
#[tokio::test]
async fn an_answer_without_end_takes_neither_the_memory_nor_the_run() {
    all([Fault::EndlessBody(200), Fault::EndlessBody(403), Fault::EndlessHeaders].map(|fault| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
        github.fail("", fault, usize::MAX);
        let job = Job::of_pull(&github, &sandbox, ALL).with("INPUT_WAIT", "never");
        let done = job.wait(job.spawn_under("--as=600000000")).await;
        assert_eq!((done.code, done.annotations("warning").len()), (Some(0), 4), "{fault:?}: {}", done.log);
        assert_eq!(done.outputs["outcome"], "triggered");
        let too_large = done.log.contains("larger than 1 MiB");
        assert_eq!(too_large, matches!(fault, Fault::EndlessBody(200)), "{fault:?}: {}", done.log);
    }))
    .await;
}

#[tokio::test]
async fn a_dry_run_ends_though_github_says_nothing() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    github.fail("repos/get", Fault::Hang, usize::MAX);
    let done = Job::of_pull(&github, &sandbox, ALL).with("INPUT_DRY-RUN", "true").run().await;
    assert_eq!(done.code, Some(0), "{}", done.log);
    assert!(done.log.contains("did not answer within 10s"), "{}", done.log);
}

#[tokio::test]
async fn a_page_of_long_comments_is_asked_for_in_smaller_parts() {
    let github = FakeGitHub::start().await;
    for id in 0..60 {
        github.prepare(|store| store.add_comment(id, 7, &"x".repeat(60_000)));
    }
    github.prepare(|store| store.add_comment(60, 7, "<!-- deploy-hook: Deploy -->\nan earlier run's"));
    let sandbox = platform("success", 20.0).await;
    let done = Job::of_pull(&github, &sandbox, "comment").with("INPUT_WAIT", "never").run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    assert_eq!((github.count("create-comment"), github.count("update-comment")), (0, 1));
}
