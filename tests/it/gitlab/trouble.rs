//! A GitLab that refuses, redirects, breaks or says nothing: the outcome, exit code and outputs are as without it, and
//! the end comes in time.

use std::time::Duration;

use super::fake_gitlab::{Behaviour, FakeGitLab};
use super::job::{Done, Job};
use super::{ALL, all, platform};

/// How much longer than without GitLab a run may take: a request under way, the closing, and a busy machine.
const BOUND: Duration = Duration::from_mins(1);

/// Runs a deployment of a few seconds with a GitLab that behaves like this.
async fn meet(report: &str, behaviour: Option<Behaviour>) -> (FakeGitLab, Done) {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("build-fails", 20.0).await);
    if let Some(behaviour) = behaviour {
        gitlab.behave("", behaviour, usize::MAX);
    }
    let done = Job::of_merge_request(&gitlab, &sandbox, report).run().await;
    (gitlab, done)
}

#[tokio::test]
async fn a_record_that_cannot_be_written_changes_nothing() {
    let (_, without) = meet("none", None).await;
    assert_eq!(without.verdict(), (1, "failed", vec![]));
    let (expected, took) = (without.lasting(), without.took);
    let behaviours = [
        (Behaviour::Answer(404, "404 Project Not Found"), 2),
        (Behaviour::Answer(400, "ref is invalid"), 4),
        (Behaviour::Answer(409, "Another update to this commit status is in progress"), usize::MAX),
        (Behaviour::Answer(500, "500 Internal Server Error"), usize::MAX),
        (Behaviour::Page(502), usize::MAX),
        (Behaviour::Page(503), usize::MAX),
        (Behaviour::Away(302), 2),
        (Behaviour::Away(307), 2),
        (Behaviour::Limit(120), 1),
        (Behaviour::Hang, usize::MAX),
        (Behaviour::Close, usize::MAX),
        (Behaviour::Flood(200), usize::MAX),
        (Behaviour::Flood(500), usize::MAX),
    ];
    let cases = behaviours.into_iter().flat_map(|case| ALL.split(',').map(move |report| (case, report)));
    all(cases.map(|((behaviour, most), report)| {
        let expected = expected.clone();
        async move {
            let (gitlab, done) = meet(report, Some(behaviour)).await;
            let told = format!("{report} with {behaviour:?}: {}", done.trace.text);
            assert_eq!((done.code, done.lasting()), (Some(1), expected), "{told}");
            assert!(done.took < took + BOUND, "{:?}, without {took:?}: {told}", done.took);
            assert_eq!(done.warnings().len(), 1, "{told}");
            assert!(done.warnings()[0].contains("This does not change the outcome."), "{told}");
            assert!(!gitlab.seen().is_empty(), "{told}");
            assert!(gitlab.seen().len() <= most, "asked again in vain, {:?}: {told}", gitlab.seen());
        }
    }))
    .await;
}

#[tokio::test]
async fn all_kinds_at_once_are_told_one_by_one_and_delay_the_run_no_longer() {
    let (_, without) = meet("none", None).await;
    let all = format!("summary,{ALL}");
    let ways = [Behaviour::Answer(500, "500 Internal Server Error"), Behaviour::Hang, Behaviour::Page(200)];
    let [broken, hanging, garbage] = ways.map(|behaviour| meet(&all, Some(behaviour)));
    let (broken, hanging, garbage) = tokio::join!(broken, hanging, garbage);
    for (_, done) in [&broken, &hanging, &garbage] {
        assert_eq!((done.code, done.lasting()), (without.code, without.lasting()));
        assert!(done.took < without.took + BOUND, "{:?}, without {:?}", done.took, without.took);
    }
    for (_, done) in [&broken, &hanging] {
        assert_eq!(done.warnings().len(), 3, "{}", done.trace.text);
    }
    assert!(!garbage.0.seen().is_empty());
}

#[tokio::test]
async fn a_gitlab_that_is_not_there_or_a_base_that_is_none_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = format!("http://{}/api/v4", listener.local_addr().expect("an address"));
    drop(listener);
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
    gitlab.behave("Deployments", Behaviour::Answer(403, "403 Forbidden"), usize::MAX);
    let done = Job::of_merge_request(&gitlab, &sandbox, ALL).run().await;
    assert_eq!((done.end(), done.warnings().len()), ((0, "succeeded"), 1), "{}", done.trace.text);
    let kept = gitlab.kept();
    assert_eq!((gitlab.count("Deployments"), kept.open(), kept.told().len()), (2, vec![], 1));
    assert_eq!(kept.said(), [["running", "success"]]);
}

#[tokio::test]
async fn a_trouble_that_passes_is_not_told_and_the_end_is_written() {
    all([Behaviour::Answer(500, "500 Internal Server Error"), Behaviour::Close, Behaviour::Limit(2)].map(
        |behaviour| async move {
            let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 14.0).await);
            gitlab.behave("Statuses", behaviour, 1);
            let done = Job::new(&gitlab, &sandbox, "status").run().await;
            assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{behaviour:?}: {}", done.trace.text);
            let kept = gitlab.kept();
            assert_eq!((kept.statuses.len(), kept.statuses[0].state()), (1, "success"), "{behaviour:?}");
        },
    ))
    .await;
}

/// It may have been made though no answer came; a second one would be one too many.
#[tokio::test]
async fn what_may_have_been_made_is_looked_for_and_not_made_twice() {
    let ways = [Behaviour::Lost, Behaviour::Close, Behaviour::Page(201), Behaviour::Page(502)];
    let cases = ways.into_iter().flat_map(|way| ["deployment", "comment", "status"].map(|kind| (way, kind)));
    all(cases.map(|(behaviour, kind)| async move {
        for (scenario, code) in [("success", 0), ("forbidden", 3)] {
            let (gitlab, sandbox) = (FakeGitLab::start().await, platform(scenario, 14.0).await);
            gitlab.behave("postApiV4", behaviour, 1);
            let done = Job::of_merge_request(&gitlab, &sandbox, kind).run().await;
            let told = format!("{kind}, {behaviour:?}, {scenario}: {}", done.trace.text);
            assert_eq!((done.code, done.warnings()), (Some(code), vec![]), "{told}");
            let kept = gitlab.kept();
            assert_eq!(kept.open(), [""; 0], "{told}");
            let states: Vec<&str> = kept.said().iter().map(|states| states[states.len() - 1]).collect();
            assert!(
                states.iter().all(|state| *state == states[0]),
                "a repeated status says the same: {told}"
            );
            assert_eq!((kept.deployments.len() + kept.told().len()).max(1), 1, "{told}");
        }
    }))
    .await;
}

#[tokio::test]
async fn a_deployment_of_an_earlier_run_is_not_taken_for_ours() {
    for (scenario, code) in [("success", 0), ("forbidden", 3)] {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform(scenario, 14.0).await);
        gitlab.prepare(|kept| {
            kept.add_deployment(1, "success");
            kept.add_deployment(2, "failed");
        });
        gitlab.behave("postApiV4ProjectsIdDeployments", Behaviour::Close, 1);
        let done = Job::new(&gitlab, &sandbox, "deployment").run().await;
        assert_eq!((done.code, done.warnings()), (Some(code), vec![]), "{}", done.trace.text);
        let kept = gitlab.kept();
        assert_eq!((kept.deployments.len(), kept.open()), (3, vec![]), "{scenario}: {kept:?}");
    }
}

#[tokio::test]
async fn the_last_word_is_repeated_after_a_trouble_that_passes() {
    let ways = [
        Behaviour::Page(502),
        Behaviour::Close,
        Behaviour::Lost,
        Behaviour::Page(200),
        Behaviour::Limit(1),
        Behaviour::Answer(409, "Another update to this commit status is in progress"),
        Behaviour::Hang,
    ];
    all(ways.map(|behaviour| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("stuck", 1.0).await);
        let job = Job::of_merge_request(&gitlab, &sandbox, ALL);
        let child = job.spawn();
        let begun = std::time::Instant::now();
        while gitlab.count("NoteableIdNotes") < 2 {
            assert!(begun.elapsed() < Duration::from_mins(1), "never came: {:?}", gitlab.seen());
            super::pause(20).await;
        }
        super::pause(300).await;
        gitlab.behave("", behaviour, 1);
        super::signal(&child, "TERM");
        let done = job.wait(child).await;
        let kept = gitlab.kept();
        assert_eq!((done.warnings(), kept.open()), (vec![], vec![]), "{behaviour:?}: {}", done.trace.text);
        assert!(
            kept.told()[0].last().is_some_and(|text| text.contains("Interrupted")),
            "{behaviour:?}: {kept:?}"
        );
    }))
    .await;
}

#[tokio::test]
async fn a_refusals_reasons_are_told_in_whatever_form_they_come() {
    let cases = [
        (
            r#"{"message":{"name":["is too long"],"ref":["can't be blank"]}}"#,
            "name is too long; ref can't be blank",
        ),
        (r#"{"message":["one","two"]}"#, "one; two"),
        (r#"{"error":"invalid_token","error_description":"Token was revoked."}"#, "Token was revoked"),
        (r#"{"error":"state does not have a valid value"}"#, "state does not have a valid value"),
    ];
    all(cases.map(|(body, told)| async move {
        let (gitlab, sandbox) = (FakeGitLab::start().await, platform("forbidden", 20.0).await);
        gitlab.behave("", Behaviour::Body(400, body), usize::MAX);
        let done = Job::new(&gitlab, &sandbox, "status").run().await;
        assert!(matches!(&done.warnings()[..], [one] if one.contains(told)), "{told}: {}", done.trace.text);
    }))
    .await;
}

#[tokio::test]
async fn a_note_that_was_deleted_meanwhile_is_written_anew() {
    let (gitlab, sandbox) = (FakeGitLab::start().await, platform("success", 14.0).await);
    gitlab.behave("NotesNoteId", Behaviour::Answer(404, "404 Not found"), 1);
    let done = Job::of_merge_request(&gitlab, &sandbox, "comment").run().await;
    assert_eq!(done.verdict(), (0, "succeeded", vec![]), "{}", done.trace.text);
    assert!(
        gitlab.kept().told().iter().any(|texts| texts.last().is_some_and(|text| text.contains("Succeeded")))
    );
}
