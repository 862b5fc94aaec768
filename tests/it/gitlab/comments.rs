//! The sticky note on a merge request: one for each name, found again on any page, and never a quick action.

use serde_json::json;

use super::fake_gitlab::FakeGitLab;
use super::job::{Done, Job, PAGE};
use super::{all, platform};
use crate::fake_api::Fault;
use crate::server::answers_of_ours;

/// The marker by which a note is found again.
const MARK: &str = "<!-- deploy-hook: Deploy / production -->";

async fn deploy(gitlab: &FakeGitLab, set: impl FnOnce(Job) -> Job) -> Done {
    let sandbox = platform("success", 400.0).await;
    let done =
        set(Job::of_merge_request(gitlab, &sandbox, "comment").with("DEPLOY_HOOK_WAIT", "never")).run().await;
    assert_eq!(done.verdict(), (0, "triggered", vec![]), "{}", done.trace.text);
    done
}

/// The merge requests in the paths of the requests, each as project and number.
fn asked(gitlab: &FakeGitLab) -> Vec<(String, String)> {
    let part = |path: &str, place: usize| path.split('/').nth(place).unwrap_or_default().to_owned();
    let mut asked: Vec<_> =
        gitlab.requests().iter().map(|request| (part(&request.path, 4), part(&request.path, 6))).collect();
    asked.dedup();
    asked
}

#[tokio::test]
async fn an_earlier_runs_note_is_found_on_a_later_page_and_updated() {
    let gitlab = FakeGitLab::start().await;
    gitlab.prepare(|store| (1..=230).for_each(|id| store.add_note(id, false, false, "Looks good to me")));
    deploy(&gitlab, |job| job).await;
    gitlab.prepare(|store| (5000..5230).for_each(|id| store.add_note(id, false, false, "Me too")));
    let before = gitlab.requests().len();
    deploy(&gitlab, |job| job).await;
    assert_eq!((gitlab.count("postApiV4"), gitlab.count("putApiV4")), (1, 1));
    assert_eq!(
        gitlab.requests().len() - before,
        4,
        "it is on the third page from either end, and no further one is asked for"
    );
    for request in gitlab.requests().iter().filter(|request| request.method == "GET") {
        assert!(request.query.contains("per_page=100"), "{}", request.query);
    }
    let stored = gitlab.stored();
    assert_eq!(stored.own_notes().iter().map(|texts| texts.len()).collect::<Vec<_>>(), [2]);
    for text in stored.own_notes()[0] {
        assert!(text.contains(MARK) && text.contains(PAGE), "{text}");
        assert!(text.contains("Triggered"), "{text}");
    }
}

#[tokio::test]
async fn each_name_has_a_note_of_its_own() {
    let gitlab = FakeGitLab::start().await;
    let names = ["Deploy / a-b", "Deploy / ab", "Deploy / a", "Deploy / a --> b", "Größe"];
    for name in names.iter().chain(&names) {
        deploy(&gitlab, |job| job.with("DEPLOY_HOOK_NAME", name)).await;
    }
    let stored = gitlab.stored();
    assert_eq!(stored.own_notes().iter().map(|texts| texts.len()).collect::<Vec<_>>(), vec![2; names.len()]);
}

#[tokio::test]
async fn what_gitlab_wrote_itself_or_what_only_quotes_ours_is_left_alone() {
    let gitlab = FakeGitLab::start().await;
    gitlab.prepare(|store| {
        store.add_note(1, true, true, MARK);
        store.add_note(2, false, false, &format!("> {MARK}\nWhat is this?"));
        store.add_note(3, false, false, "What is `<!-- deploy-hook: Deploy / production -->`?");
    });
    deploy(&gitlab, |job| job).await;
    assert_eq!(
        (gitlab.stored().notes.len(), gitlab.requests().last().map(|request| request.method.clone())),
        (4, Some("POST".to_owned()))
    );
}

#[tokio::test]
async fn a_note_of_somebody_elses_with_our_mark_is_passed_over() {
    let gitlab = FakeGitLab::start().await;
    gitlab.prepare(|store| store.add_note(1, true, false, &format!("{MARK}\nAll is well, trust me.")));
    gitlab.fail("NotesNoteId", Fault::Message(403, "403 Forbidden"), 1);
    deploy(&gitlab, |job| job).await;
    let last = gitlab.requests().last().map(|request| request.method.clone());
    assert_eq!((gitlab.stored().notes.len(), last), (2, Some("POST".to_owned())));
}

#[tokio::test]
async fn the_merge_request_is_the_pipelines_else_the_first_open_one_of_this_project() {
    let of = async |set: fn(Job) -> Job| {
        let gitlab = FakeGitLab::start().await;
        deploy(&gitlab, set).await;
        let asked = asked(&gitlab);
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked[0].clone()
    };
    let branch = |job: Job| job.without("CI_MERGE_REQUEST_IID").without("CI_MERGE_REQUEST_PROJECT_ID");
    let branch_of = |open: &'static str| move |job: Job| branch(job).with("CI_OPEN_MERGE_REQUESTS", open);
    let pair = |project: &str, number: &str| (project.to_owned(), number.to_owned());
    assert_eq!(of(|job| job.with("CI_MERGE_REQUEST_PROJECT_ID", "43")).await, pair("43", "12"));
    assert_eq!(of(|job| job.without("CI_MERGE_REQUEST_PROJECT_ID")).await, pair("42", "12"));
    assert_eq!(of(|job| job.with("CI_OPEN_MERGE_REQUESTS", "acme/site!333")).await, pair("42", "12"));
    for (open, number) in [
        ("acme/site!333,acme/other!4", "333"),
        ("acme/other!4,acme/site!334,acme/site!335", "334"),
        ("acme/site-two!1,evil/acme/site!2,acme/site!336", "336"),
    ] {
        let gitlab = FakeGitLab::start().await;
        deploy(&gitlab, branch_of(open)).await;
        assert_eq!(asked(&gitlab), [pair("42", number)], "{open}");
    }
}

#[tokio::test]
async fn where_there_is_no_merge_request_there_is_a_line_and_no_request() {
    all(["", "acme/other!4", "acme/site", "acme/site!x"].map(|open| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 400.0).await);
        let job = Job::new(&gitlab, &sandbox, "comment").with("CI_OPEN_MERGE_REQUESTS", open);
        let done = job.with("DEPLOY_HOOK_WAIT", "never").run().await;
        assert_eq!(done.verdict(), (0, "triggered", vec![]), "{}", done.trace.text);
        assert_eq!(done.trace.lines("merge request").len(), 1, "{open}: {}", done.trace.text);
        assert!(gitlab.requests().is_empty(), "{open}: {:?}", gitlab.requests());
    }))
    .await;
}

/// GitLab executes every line of a note that begins with `/`, in a code block too where its fence has a language.
#[tokio::test]
async fn no_line_of_a_build_log_is_a_quick_action() {
    let hostile = [
        "/close",
        "  /merge",
        "```",
        "/approve",
        "`\u{a0}/label ~done`",
        "~~~~",
        ">>>",
        "</details>",
        "/assign @root",
        "\r/lock",
        "x\n/target_branch evil",
    ];
    let entries: Vec<_> = hostile.iter().map(|line| json!({ "time": "", "log": line })).collect();
    let plain: Vec<_> = hostile.iter().map(|line| json!(line)).collect();
    for logs in [json!(entries), json!(plain)] {
        let answer = json!({ "data": { "publicId": "dp-abc123", "status": "FAILED" }, "logs": logs });
        let (gitlab, server) = (FakeGitLab::start().await, answers_of_ours(answer.to_string()).await);
        let job = Job::through(&gitlab, &server.hook(), "summary,comment").in_merge_request(&gitlab);
        let job = job.with("DEPLOY_HOOK_API_URL", &format!("http://{}", server.address));
        let job =
            job.with("CI_ENVIRONMENT_NAME", "/close me").with_api_token("frbit-at-1-0123456789abcdef0123");
        let done = job.run().await;
        assert_eq!(done.verdict(), (1, "failed", vec![]), "{}", done.trace.text);
        let stored = gitlab.stored();
        let texts: Vec<&String> = stored.own_notes().into_iter().flatten().collect();
        assert!(!texts.is_empty());
        for text in &texts {
            let action = text.split(['\n', '\r']).find(|line| line.trim_start().starts_with('/'));
            assert_eq!(action, None, "{text}");
        }
        let last = texts.last().expect("the end");
        for shown in ["close", "merge", "approve", "assign @root", "lock", "target_branch evil"] {
            assert!(last.contains(shown), "{shown} is still shown: {last}");
        }
    }
}

#[tokio::test]
async fn a_note_goes_from_going_on_to_its_end() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("build-fails", 14.0).await);
    let done = Job::of_merge_request(&gitlab, &sandbox, "comment").run().await;
    assert_eq!(done.verdict(), (1, "failed", vec![]), "{}", done.trace.text);
    let stored = gitlab.stored();
    let [texts] = stored.own_notes()[..] else { panic!("one note: {stored:?}") };
    assert!(texts.len() >= 2 && texts.iter().all(|text| text.contains(MARK)), "{texts:?}");
    assert!(
        !texts[0].contains("Failed") && texts.last().is_some_and(|text| text.contains("Failed")),
        "{texts:?}"
    );
    assert_eq!(gitlab.count("getApiV4"), 1, "it is looked for once");
}
