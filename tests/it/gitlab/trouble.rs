//! A GitLab that refuses, redirects, fails or does not answer: the outcome, exit code and outputs are as without it, and
//! the end comes in time.

use crate::common::{closed, pause, wait_until};
use std::time::Duration;

use super::fake_gitlab::FakeGitLab;
use super::job::{Done, Job};
use super::{ALL, all, platform};
use crate::fake_api::Fault;

/// How much longer than without GitLab a run may take: a request under way, the closing, and a busy machine.
const BOUND: Duration = Duration::from_mins(1);

/// Runs a deployment of a few seconds with a GitLab that fails like this.
async fn meet(report: &str, fault: Option<Fault>) -> (FakeGitLab, Done) {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("build-fails", 20.0).await);
    if let Some(fault) = fault {
        gitlab.fail("", fault, usize::MAX);
    }
    let done = Job::of_merge_request(&gitlab, &sandbox, report).run().await;
    (gitlab, done)
}

#[tokio::test]
async fn a_report_that_cannot_be_written_changes_nothing() {
    let (_, without) = meet("none", None).await;
    assert_eq!(without.verdict(), (1, "failed", vec![]));
    let (expected, took) = (without.lasting(), without.took);
    let faults = [
        (Fault::Message(404, "404 Project Not Found"), 2),
        (Fault::Message(400, "ref is invalid"), 4),
        (Fault::Message(409, "Another update to this commit status is in progress"), usize::MAX),
        (Fault::Message(500, "500 Internal Server Error"), usize::MAX),
        (Fault::Html(502), usize::MAX),
        (Fault::Html(503), usize::MAX),
        (Fault::RedirectAway(302), 2),
        (Fault::RedirectAway(307), 2),
        (Fault::RateLimit(429, 120), 1),
        (Fault::Hang, usize::MAX),
        (Fault::Close, usize::MAX),
        (Fault::EndlessBody(200), usize::MAX),
        (Fault::EndlessBody(500), usize::MAX),
    ];
    let cases = faults.into_iter().flat_map(|case| ALL.split(',').map(move |report| (case, report)));
    all(cases.map(|((fault, most), report)| {
        let expected = expected.clone();
        async move {
            let (gitlab, done) = meet(report, Some(fault)).await;
            let context = format!("{report} with {fault:?}: {}", done.trace.text);
            assert_eq!((done.code, done.lasting()), (Some(1), expected), "{context}");
            assert!(done.took < took + BOUND, "{:?}, without {took:?}: {context}", done.took);
            assert_eq!(done.warnings().len(), 1, "{context}");
            assert!(done.warnings()[0].contains("This does not change the outcome."), "{context}");
            assert!(!gitlab.requests().is_empty(), "{context}");
            assert!(gitlab.requests().len() <= most, "useless requests, {:?}: {context}", gitlab.requests());
        }
    }))
    .await;
}

#[tokio::test]
async fn all_kinds_at_once_are_reported_one_by_one_and_delay_the_run_no_longer() {
    let (_, without) = meet("none", None).await;
    let all = format!("summary,{ALL}");
    let ways = [Fault::Message(500, "500 Internal Server Error"), Fault::Hang, Fault::Html(200)];
    let [broken, hanging, garbage] = ways.map(|fault| meet(&all, Some(fault)));
    let (broken, hanging, garbage) = tokio::join!(broken, hanging, garbage);
    for (_, done) in [&broken, &hanging, &garbage] {
        assert_eq!((done.code, done.lasting()), (without.code, without.lasting()));
        assert!(done.took < without.took + BOUND, "{:?}, without {:?}", done.took, without.took);
    }
    for (_, done) in [&broken, &hanging] {
        assert_eq!(done.warnings().len(), 3, "{}", done.trace.text);
    }
    assert!(!garbage.0.requests().is_empty());
}

#[tokio::test]
async fn an_unreachable_gitlab_or_an_invalid_base_url_is_reported() {
    let closed = format!("http://{}/api/v4", closed());
    all([closed, String::new(), "not a url".to_owned(), "http://gitlab.example/api/v4".to_owned()].map(
        |base| async move {
            let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 400.0).await);
            let job = Job::new(&gitlab, &sandbox, "status").with("CI_API_V4_URL", &base);
            let done = job.with("DEPLOY_HOOK_WAIT", "never").run().await;
            assert_eq!(
                (done.end(), done.warnings().len()),
                ((0, "triggered"), 1),
                "{base}: {}",
                done.trace.text
            );
        },
    ))
    .await;
}

#[tokio::test]
async fn one_kind_that_is_refused_does_not_keep_the_others_from_being_written() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 20.0).await);
    gitlab.fail("Deployments", Fault::Message(403, "403 Forbidden"), usize::MAX);
    let done = Job::of_merge_request(&gitlab, &sandbox, ALL).run().await;
    assert_eq!((done.end(), done.warnings().len()), ((0, "succeeded"), 1), "{}", done.trace.text);
    let stored = gitlab.stored();
    assert_eq!((gitlab.count("Deployments"), stored.open(), stored.own_notes().len()), (2, vec![], 1));
    assert_eq!(stored.status_states(), [["running", "success"]]);
}

#[tokio::test]
async fn a_temporary_failure_is_not_reported_and_the_final_state_is_written() {
    all([Fault::Message(500, "500 Internal Server Error"), Fault::Close, Fault::RateLimit(429, 2)].map(
        |fault| async move {
            let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 14.0).await);
            gitlab.fail("Statuses", fault, 1);
            let done = Job::new(&gitlab, &sandbox, "status").run().await;
            assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{fault:?}: {}", done.trace.text);
            let stored = gitlab.stored();
            assert_eq!((stored.statuses.len(), stored.statuses[0].state()), (1, "success"), "{fault:?}");
        },
    ))
    .await;
}

/// It may have been created although no answer came.
#[tokio::test]
async fn what_may_have_been_made_is_looked_for_and_not_made_twice() {
    let ways = [Fault::AnswerLost, Fault::Close, Fault::Html(201), Fault::Html(502)];
    let cases = ways.into_iter().flat_map(|way| ["deployment", "comment", "status"].map(|kind| (way, kind)));
    all(cases.map(|(fault, kind)| async move {
        for (scenario, code) in [("success", 0), ("forbidden", 3)] {
            let (gitlab, sandbox) = (FakeGitLab::start().await, platform(scenario, 14.0).await);
            gitlab.fail("postApiV4", fault, 1);
            let done = Job::of_merge_request(&gitlab, &sandbox, kind).run().await;
            let context = format!("{kind}, {fault:?}, {scenario}: {}", done.trace.text);
            assert_eq!((done.code, done.warnings()), (Some(code), vec![]), "{context}");
            let stored = gitlab.stored();
            assert_eq!(stored.open(), [""; 0], "{context}");
            let states: Vec<&str> =
                stored.status_states().iter().map(|states| states[states.len() - 1]).collect();
            assert!(
                states.iter().all(|state| *state == states[0]),
                "a repeated status says the same: {context}"
            );
            assert_eq!((stored.deployments.len() + stored.own_notes().len()).max(1), 1, "{context}");
        }
    }))
    .await;
}

#[tokio::test]
async fn a_deployment_of_an_earlier_run_is_not_taken_for_ours() {
    for (scenario, code) in [("success", 0), ("forbidden", 3)] {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform(scenario, 14.0).await);
        gitlab.prepare(|store| {
            store.add_deployment(1, "success");
            store.add_deployment(2, "failed");
        });
        gitlab.fail("postApiV4ProjectsIdDeployments", Fault::Close, 1);
        let done = Job::new(&gitlab, &sandbox, "deployment").run().await;
        assert_eq!((done.code, done.warnings()), (Some(code), vec![]), "{}", done.trace.text);
        let stored = gitlab.stored();
        assert_eq!((stored.deployments.len(), stored.open()), (3, vec![]), "{scenario}: {stored:?}");
    }
}

#[tokio::test]
async fn the_final_write_is_repeated_after_a_temporary_failure() {
    let ways = [
        Fault::Html(502),
        Fault::Close,
        Fault::AnswerLost,
        Fault::Html(200),
        Fault::RateLimit(429, 1),
        Fault::Message(409, "Another update to this commit status is in progress"),
        Fault::Hang,
    ];
    all(ways.map(|fault| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
        let job = Job::of_merge_request(&gitlab, &sandbox, ALL);
        let child = job.spawn();
        wait_until("the requests", || gitlab.count("NoteableIdNotes") >= 2).await;
        pause(300).await;
        gitlab.fail("", fault, 1);
        super::signal(&child, "TERM");
        let done = job.wait(child).await;
        let stored = gitlab.stored();
        assert_eq!((done.warnings(), stored.open()), (vec![], vec![]), "{fault:?}: {}", done.trace.text);
        assert!(
            stored.own_notes()[0].last().is_some_and(|text| text.contains("Interrupted")),
            "{fault:?}: {stored:?}"
        );
    }))
    .await;
}

#[tokio::test]
async fn the_reasons_of_a_refusal_are_shown_in_every_form() {
    let cases = [
        (
            r#"{"message":{"name":["is too long"],"ref":["can't be blank"]}}"#,
            "name is too long; ref can't be blank",
        ),
        (r#"{"message":["one","two"]}"#, "one; two"),
        (r#"{"error":"invalid_token","error_description":"Token was revoked."}"#, "Token was revoked"),
        (r#"{"error":"state does not have a valid value"}"#, "state does not have a valid value"),
    ];
    all(cases.map(|(body, reason)| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("forbidden", 20.0).await);
        gitlab.fail("", Fault::Body(400, body), usize::MAX);
        let done = Job::new(&gitlab, &sandbox, "status").run().await;
        assert!(
            matches!(&done.warnings()[..], [one] if one.contains(reason)),
            "{reason}: {}",
            done.trace.text
        );
    }))
    .await;
}

#[tokio::test]
async fn a_note_that_was_deleted_meanwhile_is_written_anew() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 14.0).await);
    gitlab.fail("NotesNoteId", Fault::Message(404, "404 Not found"), 1);
    let done = Job::of_merge_request(&gitlab, &sandbox, "comment").run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    assert!(
        gitlab
            .stored()
            .own_notes()
            .iter()
            .any(|texts| texts.last().is_some_and(|text| text.contains("Succeeded")))
    );
}
