//! The last word of every record: repeated after a trouble that passes, and left to the post step with the verdict where
//! the run itself could not write it.

use std::time::{Duration, Instant};

use super::fake_github::{Behaviour, FakeGitHub, LAST};
use super::runner::Job;
use super::{ALL, KINDS, all, pause, platform, signal};

/// Comes back once this is so.
async fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_mins(1), "never came: {what}");
        pause(20).await;
    }
}

/// What each kind says at last.
fn last_words(github: &FakeGitHub) -> Vec<String> {
    let kept = github.kept();
    let mut words: Vec<String> = Vec::new();
    words.extend(kept.statuses.last().map(|last| last["state"].to_string()));
    let lasts = kept.checks.values().chain(kept.deployments.values()).filter_map(|bodies| bodies.last());
    words.extend(lasts.map(|last| format!("{}{}", last["conclusion"], last["state"]).replace("null", "")));
    words.extend(
        kept.comments.values().filter_map(|(_, texts)| texts.last()?.lines().nth(1).map(str::to_owned)),
    );
    words
}

#[tokio::test]
async fn the_last_write_of_each_kind_is_repeated_after_a_trouble_that_passes() {
    let ways = [
        Behaviour::Answer(500, "Server Error"),
        Behaviour::Answer(502, "Bad Gateway"),
        Behaviour::Body(200, "<html>"),
        Behaviour::Limit(429, 1),
        Behaviour::Limit(403, 1),
        Behaviour::Close,
        Behaviour::Lost,
        Behaviour::Hang,
        Behaviour::Flood(200),
        Behaviour::Headers,
    ];
    let cases = ways.into_iter().flat_map(|way| KINDS.map(|kind| (way, kind)));
    let ends = [("build-fails", 1), ("forbidden", 3)];
    // One kind is enough to see what happens to the only write of a run.
    let cases = cases.flat_map(|case| ends.map(|end| (case, end)));
    let cases = cases.filter(|((_, kind), (_, code))| *code == 1 || *kind == "check");
    all(cases.map(|((behaviour, kind), (scenario, code))| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform(scenario, 20.0).await);
        github.behave(LAST, behaviour, 1);
        let job = Job::of_pull(&github, &sandbox, kind);
        let done = job.run().await;
        let told = format!("{kind}, {behaviour:?}, {scenario}: {}", done.log);
        assert_eq!((done.code, done.annotations("warning")), (Some(code), vec![]), "{told}");
        let words = last_words(&github);
        let fits = |word: &str| word.to_lowercase().contains("fail") || word.contains("Refused");
        assert!(github.kept().open().is_empty() && words.len() == 1 && fits(&words[0]), "{words:?}: {told}");
        assert!(job.state()["deploy_hook_records"].contains("\"records\":[]"), "{told}");
    }))
    .await;
}

#[tokio::test]
async fn what_the_run_could_not_write_the_post_step_writes_as_the_run_ended() {
    let ways = [
        Behaviour::Answer(502, "Bad Gateway"),
        Behaviour::Close,
        Behaviour::Limit(403, 120),
        Behaviour::Hang,
    ];
    // A deployment whose records were opened, and one that was over before any was.
    let ends = [("stuck", 143, true), ("forbidden", 3, false)];
    let cases = ways.into_iter().flat_map(|way| ends.map(|end| (way, end)));
    all(cases.map(|(behaviour, (scenario, code, opens))| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform(scenario, 1.0).await);
        let job = Job::of_pull(&github, &sandbox, ALL);
        let child = if opens {
            let child = job.spawn();
            until("four records", || github.count("create") >= 4 && !github.kept().comments.is_empty()).await;
            github.behave("", behaviour, usize::MAX);
            signal(&child, "TERM");
            child
        } else {
            github.behave("", behaviour, usize::MAX);
            job.spawn()
        };
        let done = job.wait(child).await;
        let told = format!("{scenario}, {behaviour:?}: {}", done.log);
        assert_eq!((done.code, done.annotations("warning").len()), (Some(code), 4), "{told}");
        github.forgive();
        github.behave("", Behaviour::Answer(502, "Bad Gateway"), 1); // the post step meets a trouble that passes as well
        let post = job.post().await;
        assert_eq!((post.code, github.kept().open()), (Some(0), vec![]), "{told}: {}", post.log);
        assert_eq!(post.log.matches("Closed the ").count(), 4, "{told}: {}", post.log);
        let words = last_words(&github);
        let expected =
            if opens { ["error", "cancelled", "interrupted"] } else { ["fail", "fail", "refused"] };
        let fits = |word: &String| {
            let word = word.to_lowercase();
            expected.iter().any(|expected| word.contains(expected))
        };
        assert!(words.len() == 4 && words.iter().all(fits), "{words:?}: {told}");
        let kept = github.kept();
        let made = [kept.checks.len(), kept.deployments.len(), kept.comments.len()];
        assert_eq!(made, [1, 1, 1], "{told}");
    }))
    .await;
}

#[tokio::test]
async fn a_run_that_is_killed_while_it_closes_has_left_its_verdict() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 8.0).await);
    let job = Job::of_pull(&github, &sandbox, ALL);
    let child = job.spawn();
    until("four records", || github.count("create") >= 4 && !github.kept().comments.is_empty()).await;
    github.behave("", Behaviour::Hang, usize::MAX);
    until("the verdict", || job.state().contains_key("deploy_hook_end")).await;
    signal(&child, "KILL");
    assert_eq!(job.wait(child).await.code, None);
    let state = format!("{:?}", job.state());
    assert!(!state.contains(&sandbox.hook_url()) && !state.contains(super::fake_github::TOKEN), "{state}");
    github.forgive();
    let post = job.post().await;
    assert_eq!((post.code, github.kept().open()), (Some(0), vec![]), "{}", post.log);
    assert!(
        last_words(&github).iter().all(|word| word.to_lowercase().contains("succe")),
        "{:?}",
        last_words(&github)
    );
}

#[tokio::test]
async fn a_refused_update_in_between_does_not_stop_the_last_one() {
    let ways = [
        Behaviour::Answer(422, "Validation Failed"),
        Behaviour::Answer(400, "Problems parsing JSON"),
        Behaviour::Answer(409, "Conflict"),
        Behaviour::Answer(403, "Unable to create comment because issue is locked."),
    ];
    all(ways.into_iter().flat_map(|way| KINDS.map(|kind| (way, kind))).map(|(behaviour, kind)| async move {
        let (github, sandbox) = (FakeGitHub::start().await, platform("build-fails", 8.0).await);
        github.behave("", behaviour, 1);
        let done = Job::of_pull(&github, &sandbox, kind).run().await;
        let told = format!("{kind}, {behaviour:?}: {}", done.log);
        assert_eq!(
            (done.code, done.annotations("warning"), github.kept().open()),
            (Some(1), vec![], vec![]),
            "{told}"
        );
        assert_eq!(last_words(&github).len(), 1, "{told}");
    }))
    .await;
}

#[tokio::test]
async fn a_comment_that_was_deleted_meanwhile_is_written_anew() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 8.0).await);
    github.behave("update-comment", Behaviour::Answer(404, "Not Found"), 1);
    let done = Job::of_pull(&github, &sandbox, "comment").run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    assert!(last_words(&github).iter().any(|word| word.contains("Succeeded")), "{:?}", last_words(&github));
}
