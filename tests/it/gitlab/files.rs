//! The report files: whatever the outcome, each exists in the form that GitLab expects. What is checked of every job is
//! in [`super::job`].

use serde_json::json;

use super::fake_gitlab::FakeGitLab;
use super::job::{Job, files};
use super::{all, pause, platform, signal};
use crate::server::{Authority, Reply, SECRET, Server, reply};

#[tokio::test]
async fn a_success_leaves_its_outputs_its_summary_and_a_link_to_the_site() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "auto").with("CI_ENVIRONMENT_URL", "https://www.example.com/");
    let done = job.run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    assert!(done.output("DEPLOYMENT_ID").starts_with("dp_"), "{:?}", done.dotenv);
    assert_eq!(done.output("ENVIRONMENT_URL"), "https://www.example.com/");
    let summary = done.summary.expect("a summary");
    assert!(summary.starts_with("### ") && summary.contains("production"), "{summary}");
    assert_eq!(done.links.len(), 1, "{:?}", done.links);
    assert_eq!(done.links[0].1, "https://www.example.com/");
    let mut left: Vec<_> =
        files(&job.project()).into_iter().filter_map(|path| Some(path.file_name()?.to_owned())).collect();
    left.sort();
    assert_eq!(left, ["deploy-hook-annotations.json", "deploy-hook-summary.md", "deploy-hook.env"]);
    assert_eq!(
        files(&job.elsewhere()),
        Vec::<std::path::PathBuf>::new(),
        "it was not started in the project"
    );
}

/// A job at the real platform's host, which is behind a proxy of ours.
async fn at_fortrabbit(gitlab: &FakeGitLab, answer: &str) -> (Job, Authority, Server) {
    let authority = Authority::new();
    let server = Server::tunnel(&authority, "api.fortrabbit.com", reply(200, answer)).await;
    let hook = format!("https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/{SECRET}");
    let job = Job::through(gitlab, &hook, "summary")
        .with("HTTPS_PROXY", &format!("http://{}", server.address))
        .with("DEPLOY_HOOK_CA_FILE", &authority.pem.path().display().to_string());
    (job, authority, server)
}

#[tokio::test]
async fn the_platforms_page_is_a_link_as_well() {
    let gitlab = FakeGitLab::start().await;
    let (job, _authority, _server) = at_fortrabbit(&gitlab, "{\"data\":{\"publicId\":\"dp-abc123\"}}").await;
    let job =
        job.with("DEPLOY_HOOK_WAIT", "never").with("DEPLOY_HOOK_ENVIRONMENT_URL", "https://site.example/a");
    let done = job.run().await;
    assert_eq!(done.verdict(), (0, "triggered", vec![]), "{}", done.trace.text);
    let page = done.output("DEPLOYMENT_URL");
    assert!(page.starts_with("https://dash.fortrabbit.com/"), "{page}");
    let urls: Vec<&str> = done.links.iter().map(|(_, url)| url.as_str()).collect();
    assert_eq!(urls, ["https://site.example/a", page]);
    assert_ne!(done.links[0].0, done.links[1].0, "a reader must know which is which");
}

/// A scenario and variables, with the exit code and the outcome they lead to.
type Case = (&'static str, &'static [(&'static str, &'static str)], i32, &'static str);

#[tokio::test]
async fn every_way_out_leaves_its_outcome() {
    const HOOK: &str = "/webhooks/environments/en-wjl0ai/deploy/";
    let cases: [Case; 10] = [
        ("build-fails", &[], 1, "failed"),
        ("forbidden", &[], 3, "refused"),
        (
            "success",
            &[("DEPLOY_HOOK_URL", "http://127.0.0.1:9/v1/deploy-hook/a-secret-of-nobody")],
            4,
            "unreachable",
        ),
        ("stuck", &[("DEPLOY_HOOK_TIMEOUT", "5s")], 6, "timed-out"),
        ("canceled", &[], 8, "canceled"),
        ("canceled", &[("DEPLOY_HOOK_ON_CANCELED", "pass")], 0, "canceled"),
        ("superseded", &[], 8, "superseded"),
        ("success", &[("DEPLOY_HOOK_WAIT", "never")], 0, "triggered"),
        ("success", &[("DEPLOY_HOOK_URL", ""), ("DEPLOY_HOOK_IF_MISSING", "skip")], 0, "skipped"),
        ("success", &[("DEPLOY_HOOK_DRY_RUN", "true")], 0, "skipped"),
    ];
    all(cases.map(|(scenario, variables, code, outcome)| async move {
        let gitlab = FakeGitLab::start().await;
        let sandbox = platform(scenario, 20.0).await;
        let done = Job::new(&gitlab, &sandbox, "auto").with_all(variables).run().await;
        assert_eq!(done.end(), (code, outcome), "{}", done.trace.text);
        assert!(done.summary.is_some_and(|summary| summary.starts_with("### ")), "{outcome}");
        assert!(done.links.is_empty(), "there is no place to lead to: {:?}", done.links);
    }))
    .await;
    let (gitlab, server) = (FakeGitLab::start().await, Server::plain(Reply::Close).await);
    let done = Job::through(&gitlab, &format!("http://{}{HOOK}{SECRET}", server.address), "auto").run().await;
    assert_eq!(done.end(), (5, "uncertain"), "{}", done.trace.text);
}

#[tokio::test]
async fn a_wrong_command_line_leaves_the_same() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let done = Job::new(&gitlab, &sandbox, "auto").args(&["deploy", "--tiemout", "5m"]).run().await;
    assert_eq!(done.code, Some(2), "{}", done.trace.text);
    assert_eq!(done.dotenv.get("DEPLOY_HOOK_SUCCEEDED").map(String::as_str), Some("false"));
    assert!(done.summary.expect("a summary").contains("command line"), "the log has the rest");
    assert_eq!((gitlab.requests().len(), sandbox.requests().len()), (0, 0));
}

#[tokio::test]
async fn bad_input_leaves_what_a_later_job_reads_and_sends_nothing() {
    let cases =
        [("DEPLOY_HOOK_TIMEOUT", "soon"), ("DEPLOY_HOOK_URL", ""), ("DEPLOY_HOOK_REPORT", "telegram")];
    all(cases.map(|(name, value)| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
        let done = Job::new(&gitlab, &sandbox, "auto").with(name, value).run().await;
        assert_eq!(done.code, Some(2), "{}", done.trace.text);
        let names: Vec<&str> = done.dotenv.keys().map(String::as_str).collect();
        assert_eq!(names, ["DEPLOY_HOOK_MESSAGE", "DEPLOY_HOOK_PLATFORM", "DEPLOY_HOOK_SUCCEEDED"], "{name}");
        assert_eq!(done.output("SUCCEEDED"), "false");
        assert!(done.trace.text.contains(&format!("error: {}", done.output("MESSAGE"))), "{name}");
        let summary = done.summary.expect("a summary");
        assert!(summary.contains("Bad input") && summary.contains("Nothing was sent"), "{summary}");
        assert!(done.links.is_empty());
        assert_eq!((gitlab.requests().len(), sandbox.requests().len()), (0, 0), "{name}");
    }))
    .await;
}

#[tokio::test]
async fn a_folder_that_is_named_goes_before_the_projects() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    let job = Job::new(&gitlab, &sandbox, "summary").with("DEPLOY_HOOK_WAIT", "never");
    let job = job.with("DEPLOY_HOOK_OUTPUT_DIR", &path.display().to_string());
    let done = job.run().await;
    assert_eq!(done.verdict(), (0, "triggered", vec![]), "{}", done.trace.text);
    assert_eq!((files(&path).len(), files(&job.project()).len()), (3, 0));
}

/// Groups are nested as deep as they are.
#[tokio::test]
async fn a_project_far_down_has_its_files_as_well() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let job = Job::new(&gitlab, &sandbox, "summary").with("DEPLOY_HOOK_WAIT", "never");
    let deep = (0..12).fold(job.project(), |path, n| path.join(format!("a-group-of-the-company-{n}")));
    std::fs::create_dir_all(&deep).unwrap();
    let printed = job.with("CI_PROJECT_DIR", &deep.display().to_string());
    let printed = printed.printed(printed.spawn()).await;
    assert_eq!((printed.code, files(&deep).len()), (Some(0), 3), "{}", printed.err);
}

#[tokio::test]
async fn a_summary_is_a_file_only_where_it_is_wanted() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    for (report, wanted) in [("none", false), ("status", false), ("summary", true), ("auto", true)] {
        let done = Job::new(&gitlab, &sandbox, report).with("DEPLOY_HOOK_WAIT", "never").run().await;
        assert_eq!((done.end(), done.summary.is_some()), ((0, "triggered"), wanted), "{report}");
    }
}

/// GitLab expands a value in later jobs, and the platform's texts are foreign.
#[tokio::test]
async fn no_text_of_the_platforms_can_ask_for_a_later_jobs_variables() {
    let answer = json!({ "deployment": { "id": "dp_abc123", "state": "BUILD ${CI_JOB_TOKEN} $HOME $$" } });
    let (gitlab, server) = (FakeGitLab::start().await, Server::plain(reply(200, &answer.to_string())).await);
    let job = Job::through(&gitlab, &server.hook(), "auto").with("DEPLOY_HOOK_WAIT", "never");
    let job = job.with("DEPLOY_HOOK_ENVIRONMENT_URL", "https://site.example/?a=$CI_JOB_TOKEN&b=1");
    let done = job.run().await;
    assert_eq!(done.end(), (0, "triggered"), "{}", done.trace.text);
    assert!(done.output("STATE").contains("BUILD"), "{:?}", done.dotenv);
    assert!(done.output("ENVIRONMENT_URL").starts_with("https://site.example/?a="), "{:?}", done.dotenv);
}

#[tokio::test]
async fn a_long_address_does_not_cost_the_outcome() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    let url = format!("https://site.example/{}", "x".repeat(6000));
    let job = Job::new(&gitlab, &sandbox, "auto")
        .with("DEPLOY_HOOK_WAIT", "never")
        .with("CI_ENVIRONMENT_URL", &url);
    let done = job.run().await;
    assert_eq!(done.end(), (0, "triggered"), "{}", done.trace.text);
}

#[tokio::test]
async fn the_deployments_id_is_there_as_soon_as_it_is_known() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
    let job = Job::new(&gitlab, &sandbox, "auto");
    let child = job.spawn();
    let mut early = String::new();
    for _ in 0..500 {
        early = job.file("deploy-hook.env");
        if early.contains("DEPLOY_HOOK_DEPLOYMENT_ID=dp_") {
            break;
        }
        pause(20).await;
    }
    assert!(
        !crate::dotenv::read(&early)["DEPLOY_HOOK_DEPLOYMENT_ID"].is_empty(),
        "for whoever kills the job"
    );
    signal(&child, "KILL");
    assert_eq!(job.printed(child).await.code, None);
}
