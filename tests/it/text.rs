//! Snapshots of the texts that people read, made from fixed reports. After a wanted change of a text:
//! `INSTA_UPDATE=always cargo test --test it text::`, and read the difference.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use deploy_hook::core::report::{Cause, Event, Report, StateSpan, Task, TriggerState};
use deploy_hook::core::site::{SiteAnswer, SiteFault, SiteReport};
use deploy_hook::core::state::{CannotFollow, DeploymentId, MissingInput, Outcome, Phase, Snapshot};
use deploy_hook::core::trigger::{NotSent, NotSentReason, Refusal, RefusalReason, ResponseError, Unclear};
use deploy_hook::text::format::mark;
use deploy_hook::text::{
    CodeHost, Fix, ReportError, ReportKind, ReportResult, RunContext, json, log, markdown, messages,
};

use crate::docs_messages::ends;

/// 2026-11-26 12:00:00 UTC, since the epoch.
const STARTED: Duration = Duration::from_hours(498_804);

fn context() -> RunContext {
    RunContext {
        environment: Some("production".to_owned()),
        environment_url: Some("https://www.example.com/".to_owned()),
        platform: "render",
        building: "building",
        post_deploy: "post_deploy",
        hook: "https://hooks.example.com/deploy/***".to_owned(),
        cause: Some("push of 1234567 to main".to_owned()),
        timeout: Duration::from_mins(15),
        page: Some("/version".to_owned()),
        ..RunContext::default()
    }
}

/// The report with everything that a summary can show.
fn with_details(mut report: Report) -> Report {
    report.started = SystemTime::UNIX_EPOCH + STARTED;
    report.triggers = u32::from(report.outcome != Outcome::Skipped);
    if let Some(snapshot) = &mut report.snapshot {
        snapshot.created_at = Some(report.started);
        snapshot.dashboard_url = Some("https://dashboard.example.com/deployments/dp-abc123".to_owned());
        report.polls = 9;
    }
    if !report.stages.is_empty() {
        let first = StateSpan { word: "pending".to_owned(), phase: Phase::Waiting, at: Duration::ZERO };
        report.stages.insert(0, first);
        for (stage, at) in report.stages.iter_mut().zip([0, 12_000, 71_500]) {
            stage.at = Duration::from_millis(at);
        }
    }
    if report.outcome == Outcome::Failed {
        report.log = vec!["npm run build".to_owned(), "error: `x` is not defined".to_owned()];
    }
    report
}

fn written(kind: ReportKind, code_host: CodeHost) -> ReportResult {
    ReportResult { kind, code_host, error: None }
}

fn rejected(kind: ReportKind, code_host: CodeHost, fix: Fix, read_only: bool) -> ReportResult {
    let why = format!("{} answered 403: Forbidden", code_host.name());
    ReportResult { kind, code_host, error: Some(ReportError { why, fix, read_only }) }
}

#[test]
fn the_verdict_of_every_end() {
    let mut text = String::new();
    for report in ends() {
        let message = messages::verdict(&report, &context());
        let _ = writeln!(text, "{} {} {}", mark(report.outcome), message.happened, message.meaning);
        if !message.next.is_empty() {
            let _ = writeln!(text, "  Next: {}", message.next);
        }
    }
    let cut_short = RunContext { cut_short: true, ..context() };
    let late = ends().into_iter().find(|report| report.outcome == Outcome::TimedOut).unwrap();
    let _ = writeln!(text, "  Next: {}", messages::verdict(&late, &cut_short).next);
    let mut limited = ends().into_iter().find(|report| report.outcome == Outcome::Unverified).unwrap();
    if let Some(SiteReport { answer: Some(answer), until, .. }) = &mut limited.site {
        (answer.status, answer.fault) = (Some(429), Some(SiteFault::Status));
        (answer.retry_after, *until) =
            (Some(Duration::from_mins(10)), limited.duration + context().timeout / 9);
    }
    let _ = writeln!(text, "  {}", messages::verdict(&limited, &context()).meaning);
    insta::assert_snapshot!("verdicts", text);
}

#[test]
fn the_summary_of_every_outcome() {
    let results = [
        written(ReportKind::Status, CodeHost::GitHub),
        rejected(ReportKind::Check, CodeHost::GitHub, Fix::Permission, false),
    ];
    let mut seen = BTreeSet::new();
    for report in ends() {
        let outcome = report.outcome.as_str();
        if seen.insert(outcome) {
            let page = markdown::summary(&with_details(report), &context(), &results);
            insta::assert_snapshot!(format!("summary_{outcome}"), page);
        }
    }
    assert_eq!(seen.len(), Outcome::ALL.len(), "every outcome: {seen:?}");
}

#[test]
fn the_summary_without_facts_and_on_the_embedded_platform() {
    let report = Report { outcome: Outcome::Skipped, ..Report::new(Task::Deploy, SystemTime::UNIX_EPOCH) };
    let sandbox = RunContext { sandbox: Some(20.0), ..RunContext::default() };
    insta::assert_snapshot!("summary_least", markdown::summary(&report, &sandbox, &[]));
    let problems = ["timeout: \"5\" has no unit. Use `5s`.".to_owned(), "<b>\n# x".to_owned()];
    insta::assert_snapshot!("summary_bad_input", markdown::bad_input(&problems));
}

fn heartbeat(word: &str, usual_duration: Option<Duration>) -> Event {
    let (in_state, left) = (Duration::from_millis(65_400), Duration::from_secs(830));
    Event::Heartbeat { word: word.to_owned(), in_state, left, usual_duration }
}

/// How far verifying a page is, with this answer to the last of so many requests.
fn page(requests: u32, fault: Option<SiteFault>) -> SiteReport {
    let redirected_to = Some("https://example.com/version/".to_owned());
    let answer = SiteAnswer { status: Some(200), fault, redirected_to, retry_after: None };
    SiteReport {
        began: Duration::from_mins(1),
        requests,
        answer: Some(answer).filter(|_| requests > 0),
        changed: false,
        was_right: false,
        right_since: None,
        until: Duration::from_mins(3),
    }
}

/// One of every event.
fn events() -> Vec<Event> {
    let snapshot = Snapshot {
        id: DeploymentId::new("dp-abc123").unwrap(),
        word: "pending".to_owned(),
        phase: Phase::Waiting,
        created_at: Some(SystemTime::UNIX_EPOCH + STARTED),
        dashboard_url: None,
        message: String::new(),
        site: None,
    };
    let pause = Duration::from_secs(2);
    let refusal = Refusal {
        why: RefusalReason::RateLimited,
        status: 429,
        message: String::new(),
        retry_after: Some(pause),
        advice: None,
    };
    let not_sent = NotSent { why: NotSentReason::Connect, message: "connection refused".to_owned() };
    let unclear = Unclear { why: ResponseError::TimedOut, message: String::new() };
    let stage = StateSpan { word: "building".to_owned(), phase: Phase::Running, at: pause };
    let retrying = |cause| Event::Retrying { attempt: 1, pause, cause };
    vec![
        Event::Started { task: Task::Deploy, usual_duration: None },
        Event::Started {
            task: Task::Follow(snapshot.id.clone()),
            usual_duration: Some(Duration::from_secs(100)),
        },
        retrying(Cause::Refused(refusal)),
        retrying(Cause::NotSent(not_sent)),
        Event::Searching { unclear: Some(unclear) },
        Event::Searching { unclear: None },
        Event::Triggered { snapshot: None, adopted: false },
        Event::Triggered { snapshot: Some(snapshot.clone()), adopted: false },
        Event::Triggered { snapshot: Some(snapshot), adopted: true },
        Event::State { stage },
        Event::PollFailed { message: "the answer ended early".to_owned(), errors: 1, budget: 10 },
        Event::UnknownState { word: "thinking".to_owned() },
        Event::Verifying { report: page(0, None), site: None },
        Event::Verifying { report: page(2, Some(SiteFault::NoText)), site: None },
        Event::Verifying { report: page(2, None), site: None },
        heartbeat("", None),
        heartbeat("building", None),
        heartbeat("building", Some(Duration::from_secs(100))),
        Event::Polled { polls: 3, pause },
    ]
}

#[test]
fn the_line_of_every_event() {
    let lines: Vec<String> = events().iter().filter_map(|event| messages::event(event, &context())).collect();
    insta::assert_snapshot!("events", lines.join("\n"));
}

#[test]
fn the_json_of_every_event() {
    let now = SystemTime::UNIX_EPOCH + STARTED;
    let line = |event: &Event| json::event(Duration::from_millis(1500), event, &context(), now);
    let end = Event::Finished { report: Box::new(with_details(ends().remove(0))) };
    let lines: Vec<String> = events().iter().chain([&end]).map(line).collect();
    insta::assert_snapshot!("events_json", lines.join("\n"));
}

#[test]
fn the_messages_about_reports() {
    let fixes = [
        Fix::None,
        Fix::Token,
        Fix::TokenPolicy,
        Fix::SingleSignOn,
        Fix::App,
        Fix::AllowList,
        Fix::Unlock,
        Fix::Unarchive,
        Fix::Account,
    ];
    let hosts = [CodeHost::GitHub, CodeHost::GitLab, CodeHost::Forgejo, CodeHost::Gitea];
    let mut lines = Vec::new();
    for host in hosts {
        for kind in ReportKind::ALL.into_iter().skip(1) {
            if host.has(kind) {
                lines.extend(messages::error(&rejected(kind, host, Fix::Permission, false)));
            } else {
                lines.push(messages::unsupported(kind, host));
            }
        }
        lines.push(messages::no_comment_target(host).to_owned());
        lines.push(messages::maybe_missing_permissions(&[ReportKind::Status], host));
    }
    lines.extend(messages::error(&rejected(ReportKind::Status, CodeHost::GitHub, Fix::Permission, true)));
    for fix in fixes {
        lines.extend(messages::error(&rejected(ReportKind::Comment, CodeHost::GitHub, fix, false)));
    }
    lines.extend(messages::error(&rejected(ReportKind::Status, CodeHost::GitLab, Fix::Token, false)));
    lines.extend([
        messages::progress(None, "", None),
        messages::progress(Some("dp-abc123"), "building", None),
        messages::progress(Some("dp-abc123"), "building", Some(Duration::from_secs(100))),
    ]);
    lines.push(messages::RUN_KILLED.to_owned());
    insta::assert_snapshot!("reports", lines.join("\n"));
}

#[test]
fn the_other_messages() {
    let mut lines = Vec::new();
    let token = MissingInput { input: "api-token", variable: "VERCEL_TOKEN" };
    let project = MissingInput { input: "project", variable: "" };
    for why in [
        CannotFollow::Missing(vec![token.clone()]),
        CannotFollow::Missing(vec![token, project]),
        CannotFollow::UnknownPlatform,
        CannotFollow::NoDeployment,
    ] {
        let (problem, fix) = messages::cannot_follow(&why);
        lines.push(format!("wait: \"always\" {problem}. {fix}"));
    }
    let (problem, fix) = messages::token_denied(401, "Unauthenticated.", false);
    lines.push(format!("api-token: {problem}. {fix}"));
    lines.push(messages::unknown_host("hooks.example.com"));
    lines.push(messages::cut_short(Duration::from_mins(4)));
    lines.extend([messages::STARTED_BEFORE, messages::AFTER_SCRIPT].map(str::to_owned));
    lines.extend([messages::sandbox_intro(20.0), messages::SANDBOX_OUTRO.to_owned()]);
    let failed_check = Report {
        outcome: Outcome::Refused,
        sent: TriggerState::No,
        ..Report::new(Task::Deploy, SystemTime::UNIX_EPOCH)
    };
    let message = messages::verdict(&failed_check, &context());
    lines.push(format!("{} {} {}", message.happened, message.meaning, message.next));
    insta::assert_snapshot!("others", lines.join("\n"));
}

/// Logs of many tools, each with what the quoted lines must hold, `-` for none.
fn logs() -> impl Iterator<Item = (&'static str, &'static str, Vec<String>)> {
    include_str!("text/logs.txt").split("@@@ ").skip(1).map(|part| {
        let (head, text) = part.split_once('\n').unwrap();
        let (name, wanted) = head.rsplit_once(" | ").unwrap();
        (name, wanted, text.lines().map(str::to_owned).collect())
    })
}

#[test]
fn the_lines_of_a_log_that_say_what_failed() {
    let one_space = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut quoted = String::new();
    for (name, wanted, lines) in logs() {
        let cause = log::cause(&lines).map(|range| lines[range].join("\n"));
        match &cause {
            None => assert_eq!(wanted, "-", "{name}: nothing was found"),
            Some(cause) => assert!(one_space(cause).contains(&one_space(wanted)), "{name}:\n{cause}"),
        }
        let _ = writeln!(quoted, "@@@ {name}\n{}", cause.unwrap_or_default());
    }
    insta::assert_snapshot!("log_causes", quoted);
}

#[test]
fn a_cause_is_found_behind_times_in_a_long_log_and_without_indentation() {
    for (name, wanted, lines) in logs().filter(|(_, wanted, _)| *wanted != "-") {
        let wanted = wanted.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = |lines: &[String]| {
            let cause = log::cause(lines).map(|range| lines[range].join(" ")).unwrap_or_default();
            cause.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let timed: Vec<String> = lines.iter().map(|line| format!("12:00:01 {line}")).collect();
        assert!(found(&timed).contains(&wanted), "{name}, with times:\n{}", found(&timed));
        let flat: Vec<String> = lines.iter().map(|line| line.trim().to_owned()).collect();
        assert!(found(&flat).contains(&wanted), "{name}, without indentation:\n{}", found(&flat));
        let before = (0..150).map(|n| format!("copied file {n}, 0 errors"));
        let after = (0..150).map(|n| format!("removed file {n}"));
        let long: Vec<String> = before.chain(lines).chain(after).collect();
        assert!(found(&long).contains(&wanted), "{name}, in a long log:\n{}", found(&long));
    }
}

#[test]
fn no_log_makes_the_search_for_its_cause_fail() {
    let hostile =
        ["", "error:", "\u{fffd}", "::error::x", "at ", "> ", "[", "File \"", "é:1:1: x", "error[", "#", "✖"];
    for line in hostile {
        for lines in [vec![line.to_owned()], vec![line.to_owned(); 400], vec![line.repeat(500); 50]] {
            let range = log::cause(&lines);
            assert!(range.is_none_or(|range| range.start < range.end && range.end <= lines.len()), "{line}");
            let shown = log::excerpt(&lines, 25);
            assert!(shown.iter().map(ExactSizeIterator::len).sum::<usize>() <= 25, "{line}: {shown:?}");
        }
    }
    assert_eq!(log::cause(&[]), None);
}

#[test]
fn the_summary_quotes_what_failed() {
    let failed = ends().into_iter().find(|report| report.outcome == Outcome::Failed).unwrap();
    let (_, _, tsc) = logs().find(|(name, ..)| *name == "npm: the cause stands far above the noise").unwrap();
    let mut report = Report { usual_duration: Some(Duration::from_secs(100)), ..with_details(failed) };
    report.log = [(1..=300).map(|n| format!("copied file {n}")).collect(), tsc].concat();
    insta::assert_snapshot!("summary_failed_long_log", markdown::summary(&report, &context(), &[]));
    insta::assert_snapshot!("annotation", messages::annotation(&report, &context()));
    report.log = vec!["copied".to_owned(); 300];
    let page = markdown::summary(&report, &context(), &[]);
    assert!(page.contains("<details><summary>The end of the deployment's log (200 of 300 lines)"), "{page}");
    assert!(page.contains("Read the end of the log"), "{page}");
}

/// Only a state of the platform says that the code was switched, and no state at all says nothing.
#[test]
fn which_code_is_live_follows_the_states_of_the_platform() {
    let failed = ends().into_iter().find(|report| report.outcome == Outcome::Failed).unwrap();
    let said = |outcome, word: &str, context: &RunContext| {
        let stage = StateSpan { word: word.to_owned(), phase: Phase::Running, at: Duration::ZERO };
        let report = Report { outcome, stages: vec![stage], ..failed.clone() };
        messages::annotation(&report, context)
    };
    for (outcome, word, wanted) in [
        (Outcome::Failed, "BUILDING", "If the build failed, the previous code is still live."),
        (Outcome::Failed, "Post-Deploy", "If a post-deploy command failed, the new code is already live."),
        (Outcome::Failed, "build.succeeded", "If a later step failed, the new code may be live already."),
        (Outcome::Canceled, "building", "The previous code is still live."),
        (Outcome::Canceled, "post deploy", "The new code may be live already."),
    ] {
        let text = said(outcome, word, &context());
        assert!(text.contains(wanted), "{word}: {text}");
    }
    let nothing_known = RunContext { building: "", post_deploy: "", ..context() };
    for word in ["", "building", "post_deploy"] {
        let text = said(Outcome::Failed, word, &nothing_known);
        assert!(
            text.contains("If a later step failed, the new code may be live already."),
            "{word:?}: {text}"
        );
        assert_eq!(text.contains("last seen"), !word.is_empty(), "{text}");
    }
}

/// No sentence is said twice, in a summary or in an annotation.
#[test]
fn no_sentence_stands_twice() {
    for report in ends() {
        let report = with_details(report);
        for text in [markdown::summary(&report, &context(), &[]), messages::annotation(&report, &context())] {
            let sentences = text.split(['\n', '.']).map(|part| part.trim_matches(['*', ' ']));
            let sentences: Vec<&str> = sentences.filter(|part| part.split(' ').count() > 3).collect();
            let once: BTreeSet<&str> = sentences.iter().copied().collect();
            assert_eq!(sentences.len(), once.len(), "{text}");
        }
    }
}

#[test]
fn the_live_line_fits_every_terminal() {
    let times = [(8, 900, None), (59, 828, Some(100)), (65, 3600, Some(100)), (7300, 5, Some(4000))];
    let mut text = String::new();
    for (in_state, left, usual) in times {
        for state in
            ["building", "looking for the deployment", "a_state_with_a_name_that_is_longer_than_any_terminal"]
        {
            let waiting = messages::Waiting {
                state,
                in_state: Duration::from_secs(in_state),
                usual_duration: usual.map(Duration::from_secs),
                left: Duration::from_secs(left),
            };
            for width in [0, 10, 28, 68, 108] {
                let (state, rest) = waiting.live(width);
                let line = format!("{state}{rest}");
                assert!(line.chars().count() <= width.max(10), "{width}: {line}");
                let _ = writeln!(text, "{width:>4} {line}");
            }
        }
    }
    insta::assert_snapshot!("live_line", text);
}
