//! Tests of `terminal.rs`.

use super::*;
use crate::core::report::{StateSpan, Task, TriggerState};
use crate::core::site::{SiteAnswer, SiteFault, SiteReport};
use crate::core::state::{DeploymentId, Snapshot};
use crate::secrets::Redactor;

fn context() -> RunContext {
    RunContext {
        building: "building",
        environment: Some("production".to_owned()),
        environment_url: Some("https://www.example.com/".to_owned()),
        hook: "https://hooks.example.com/deploy/***".to_owned(),
        timeout: Duration::from_mins(15),
        page: Some("/version".to_owned()),
        ..RunContext::default()
    }
}

fn snapshot(word: &str, phase: Phase) -> Snapshot {
    Snapshot {
        id: DeploymentId::new("dp-abc123").unwrap(),
        word: word.to_owned(),
        phase,
        created_at: None,
        dashboard_url: Some("https://dashboard.example.com/dp-abc123".to_owned()),
        message: String::new(),
        site: None,
    }
}

fn stage(word: &str, phase: Phase, at: u64) -> StateSpan {
    StateSpan { word: word.to_owned(), phase, at: Duration::from_secs(at) }
}

fn report(outcome: Outcome) -> Report {
    Report {
        outcome,
        sent: TriggerState::Yes,
        duration: Duration::from_secs(72),
        snapshot: Some(snapshot("building", Phase::Running)),
        stages: vec![stage("building", Phase::Running, 5)],
        triggers: 1,
        polls: 9,
        ..Report::new(Task::Deploy, SystemTime::UNIX_EPOCH)
    }
}

fn log_of_failure() -> Vec<String> {
    let mut log: Vec<String> = (1..=60).map(|n| format!("line {n}")).collect();
    log.splice(20..20, ["$ tsc", "src/a.ts(1,1): error TS2304: Cannot find name 'x'."].map(str::to_owned));
    log.push("error Command failed with exit code 2.".to_owned());
    log
}

fn heartbeat() -> Event {
    Event::Heartbeat {
        word: "building".to_owned(),
        in_state: Duration::from_secs(65),
        left: Duration::from_secs(830),
        usual_duration: Some(Duration::from_secs(100)),
    }
}

/// The events of a deployment that fails after everything that a terminal shows.
fn story() -> Vec<(u64, Event)> {
    let failed = Phase::Ended(Verdict::Failed);
    let stages = [("pending", Phase::Waiting, 0), ("building", Phase::Running, 5), ("failed", failed, 72)];
    let stages = stages.map(|(word, phase, at)| stage(word, phase, at));
    let poll_failed =
        |errors| Event::PollFailed { message: "502 Bad Gateway".to_owned(), errors, budget: 10 };
    let report = Report {
        snapshot: Some(snapshot("failed", failed)),
        stages: stages.to_vec(),
        log: log_of_failure(),
        usual_duration: Some(Duration::from_secs(100)),
        ..report(Outcome::Failed)
    };
    let [pending, building, failed] = stages.map(|stage| Event::State { stage });
    vec![
        (0, Event::Started { task: Task::Deploy, usual_duration: None }),
        (0, Event::Triggered { snapshot: Some(snapshot("pending", Phase::Waiting)), adopted: false }),
        (0, pending),
        (1, Event::Polled { polls: 1, pause: Duration::from_secs(1) }),
        (5, building),
        (20, poll_failed(1)),
        (22, poll_failed(2)),
        (40, Event::UnknownState { word: "thinking".to_owned() }),
        (70, heartbeat()),
        (72, failed),
        (72, Event::Finished { report: Box::new(report) }),
    ]
}

/// What is printed of these events, with a visible sign for the escapes.
fn printed(options: TerminalOptions, events: Vec<(u64, Event)>) -> String {
    let out = Output::new(Redactor::default(), options.grouping == LogGrouping::GitHub);
    let mut terminal = Terminal::new(out.clone(), options);
    for (at, event) in events {
        terminal.report(Duration::from_secs(at), &event, &context());
    }
    out.printed().replace('\u{1b}', "␛")
}

const NORMAL: TerminalOptions =
    TerminalOptions { verbose: false, color: false, live: false, grouping: LogGrouping::Never };

#[test]
fn a_failed_deployment() {
    insta::assert_snapshot!("normal", printed(NORMAL, story()));
    let color = TerminalOptions { color: true, ..NORMAL };
    insta::assert_snapshot!("color", printed(color, story()));
    let verbose = TerminalOptions { verbose: true, ..NORMAL };
    insta::assert_snapshot!("verbose", printed(verbose, story()));
    let github = TerminalOptions { grouping: LogGrouping::GitHub, ..NORMAL };
    insta::assert_snapshot!("github", printed(github, story()));
}

#[test]
fn a_page_that_is_verified() {
    let answer =
        |status, fault| SiteAnswer { status: Some(status), fault, redirected_to: None, retry_after: None };
    let site = |requests, answer, right: Option<u64>| SiteReport {
        began: Duration::from_secs(72),
        requests,
        answer,
        changed: true,
        was_right: false,
        right_since: right.map(Duration::from_secs),
        until: Duration::from_mins(3),
    };
    let verifying = |report| Event::Verifying { report, site: None };
    let end = |outcome, site| {
        let snapshot = Some(snapshot("succeeded", Phase::Ended(Verdict::Succeeded)));
        let (site, duration) = (Some(site), Duration::from_secs(88));
        Event::Finished { report: Box::new(Report { outcome, duration, snapshot, site, ..report(outcome) }) }
    };
    let error = Some(answer(503, Some(SiteFault::Status)));
    let old = Some(answer(200, Some(SiteFault::NoText)));
    let right = Some(answer(200, None));
    let events = |last| {
        let events =
            [(72, site(0, None, None)), (72, site(1, error.clone(), None)), (76, site(3, old.clone(), None))];
        let events = events.map(|(at, site)| (at, verifying(site))).into_iter();
        events.chain(last).collect::<Vec<_>>()
    };
    let good = events(vec![
        (88, verifying(site(5, right.clone(), None))),
        (89, end(Outcome::Succeeded, site(6, right.clone(), Some(88)))),
    ]);
    insta::assert_snapshot!("verified", printed(NORMAL, good));
    let bad = events(vec![(88, end(Outcome::Unverified, site(13, old.clone(), None)))]);
    let color = TerminalOptions { color: true, ..NORMAL };
    insta::assert_snapshot!("unverified", printed(color, bad));
}

#[test]
fn the_end_of_every_outcome_in_its_color() {
    let color = TerminalOptions { color: true, ..NORMAL };
    let end = |outcome| printed(color, vec![(72, Event::Finished { report: Box::new(report(outcome)) })]);
    insta::assert_snapshot!("outcomes", Outcome::ALL.map(end).join("\n"));
}
