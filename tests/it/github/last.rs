//! The final write of every report: repeated after a temporary failure, and left to the post step, with the verdict, where
//! the run itself could not write it.

use crate::common::wait_until;

use super::fake_github::FakeGitHub;
use super::runner::Job;
use super::{ALL, KINDS, all, platform, signal};
use crate::fake_api::{FINAL, Fault};

/// The final state of each report.
fn final_states(github: &FakeGitHub) -> Vec<String> {
    let stored = github.stored();
    let mut words: Vec<String> = Vec::new();
    words.extend(stored.statuses.last().map(|last| last["state"].to_string()));
    let lasts = stored.checks.values().chain(stored.deployments.values()).filter_map(|bodies| bodies.last());
    words.extend(lasts.map(|last| format!("{}{}", last["conclusion"], last["state"]).replace("null", "")));
    words.extend(
        stored.comments.values().filter_map(|(_, texts)| texts.last()?.lines().nth(1).map(str::to_owned)),
    );
    words
}

#[tokio::test]
async fn the_final_write_of_each_kind_is_repeated_after_a_temporary_failure() {
    let ways = [
        Fault::Message(500, "Server Error"),
        Fault::Message(502, "Bad Gateway"),
        Fault::Body(200, "<html>"),
        Fault::RateLimit(429, 1),
        Fault::RateLimit(403, 1),
        Fault::Close,
        Fault::AnswerLost,
        Fault::Hang,
        Fault::EndlessBody(200),
        Fault::EndlessHeaders,
    ];
    let cases = ways.into_iter().flat_map(|way| KINDS.map(|kind| (way, kind)));
    let ends = [("build-fails", 1), ("forbidden", 3)];
    // For a run with a single write, one kind is enough.
    let cases = cases.flat_map(|case| ends.map(|end| (case, end)));
    let cases = cases.filter(|((_, kind), (_, code))| *code == 1 || *kind == "check");
    all(cases.map(|((fault, kind), (scenario, code))| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform(scenario, 20.0).await);
        github.fail(FINAL, fault, 1);
        let job = Job::of_pull(&github, &sandbox, kind);
        let done = job.run().await;
        let context = format!("{kind}, {fault:?}, {scenario}: {}", done.log);
        assert_eq!((done.code, done.annotations("warning")), (Some(code), vec![]), "{context}");
        let words = final_states(&github);
        let fits = |word: &str| word.to_lowercase().contains("fail") || word.contains("Refused");
        assert!(
            github.stored().open().is_empty() && words.len() == 1 && fits(&words[0]),
            "{words:?}: {context}"
        );
        assert!(job.state()["deploy_hook_records"].contains("\"records\":[]"), "{context}");
    }))
    .await;
}

#[tokio::test]
async fn what_the_run_could_not_write_the_post_step_writes_as_the_run_ended() {
    let ways = [Fault::Message(502, "Bad Gateway"), Fault::Close, Fault::RateLimit(403, 120), Fault::Hang];
    // A deployment whose reports were opened, and one that ended before that.
    let ends = [("stuck", 143, true), ("forbidden", 3, false)];
    let cases = ways.into_iter().flat_map(|way| ends.map(|end| (way, end)));
    all(cases.map(|(fault, (scenario, code, opens))| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform(scenario, 1.0).await);
        let job = Job::of_pull(&github, &sandbox, ALL);
        let child = if opens {
            let child = job.spawn();
            wait_until("four reports", || {
                github.count("create") >= 4 && !github.stored().comments.is_empty()
            })
            .await;
            github.fail("", fault, usize::MAX);
            signal(&child, "TERM");
            child
        } else {
            github.fail("", fault, usize::MAX);
            job.spawn()
        };
        let done = job.wait(child).await;
        let context = format!("{scenario}, {fault:?}: {}", done.log);
        assert_eq!((done.code, done.annotations("warning").len()), (Some(code), 4), "{context}");
        github.recover();
        github.fail("", Fault::Message(502, "Bad Gateway"), 1); // the post step meets a temporary failure as well
        let post = job.post().await;
        assert_eq!((post.code, github.stored().open()), (Some(0), vec![]), "{context}: {}", post.log);
        assert_eq!(post.log.matches("Closed the ").count(), 4, "{context}: {}", post.log);
        let words = final_states(&github);
        let expected =
            if opens { ["error", "cancelled", "interrupted"] } else { ["fail", "fail", "refused"] };
        let fits = |word: &String| {
            let word = word.to_lowercase();
            expected.iter().any(|expected| word.contains(expected))
        };
        assert!(words.len() == 4 && words.iter().all(fits), "{words:?}: {context}");
        let stored = github.stored();
        let made = [stored.checks.len(), stored.deployments.len(), stored.comments.len()];
        assert_eq!(made, [1, 1, 1], "{context}");
    }))
    .await;
}

#[tokio::test]
async fn a_run_killed_while_closing_its_reports_has_saved_its_verdict() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 8.0).await);
    let job = Job::of_pull(&github, &sandbox, ALL);
    let child = job.spawn();
    wait_until("four reports", || github.count("create") >= 4 && !github.stored().comments.is_empty()).await;
    github.fail("", Fault::Hang, usize::MAX);
    wait_until("the verdict", || job.state().contains_key("deploy_hook_end")).await;
    signal(&child, "KILL");
    assert_eq!(job.wait(child).await.code, None);
    let state = format!("{:?}", job.state());
    assert!(!state.contains(&sandbox.hook_url()) && !state.contains(super::fake_github::TOKEN), "{state}");
    github.recover();
    let post = job.post().await;
    assert_eq!((post.code, github.stored().open()), (Some(0), vec![]), "{}", post.log);
    assert!(
        final_states(&github).iter().all(|word| word.to_lowercase().contains("succe")),
        "{:?}",
        final_states(&github)
    );
}

#[tokio::test]
async fn a_refused_progress_update_does_not_stop_the_final_one() {
    let ways = [
        Fault::Message(422, "Validation Failed"),
        Fault::Message(400, "Problems parsing JSON"),
        Fault::Message(409, "Conflict"),
        Fault::Message(403, "Unable to create comment because issue is locked."),
    ];
    all(ways.into_iter().flat_map(|way| KINDS.map(|kind| (way, kind))).map(|(fault, kind)| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("build-fails", 8.0).await);
        github.fail("", fault, 1);
        let done = Job::of_pull(&github, &sandbox, kind).run().await;
        let context = format!("{kind}, {fault:?}: {}", done.log);
        assert_eq!(
            (done.code, done.annotations("warning"), github.stored().open()),
            (Some(1), vec![], vec![]),
            "{context}"
        );
        assert_eq!(final_states(&github).len(), 1, "{context}");
    }))
    .await;
}

#[tokio::test]
async fn a_comment_that_was_deleted_meanwhile_is_written_anew() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 8.0).await);
    github.fail("update-comment", Fault::Message(404, "Not Found"), 1);
    let done = Job::of_pull(&github, &sandbox, "comment").run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    assert!(
        final_states(&github).iter().any(|word| word.contains("Succeeded")),
        "{:?}",
        final_states(&github)
    );
}
