//! `docs/troubleshooting.md` has the program's own message of every outcome.
#![cfg(test)]

use std::time::{Duration, SystemTime};

use deploy_hook::core::report::{Cause, Report, StateSpan, Task, TriggerState};
use deploy_hook::core::site::{SiteAnswer, SiteFault, SiteReport};
use deploy_hook::core::state::{CannotFollow, MissingInput, ReadDenied};
use deploy_hook::core::state::{DeploymentId, Outcome, Phase, Snapshot, Verdict};
use deploy_hook::core::trigger::{NotSent, NotSentReason, Refusal, RefusalReason, ResponseError, Unclear};
use deploy_hook::error::exit_code;
use deploy_hook::text::{RunContext, messages};

/// A report of a run that triggered and followed, with this end.
fn ended(outcome: Outcome, cause: Option<Cause>, stages: &[(&str, Phase)]) -> Report {
    let stage = |(word, phase): &(&str, Phase)| StateSpan {
        word: (*word).to_owned(),
        phase: *phase,
        at: Duration::from_secs(1),
    };
    let last = stages.last().unwrap_or(&("building", Phase::Running));
    Report {
        outcome,
        cause,
        sent: TriggerState::Yes,
        duration: Duration::from_secs(72),
        last_read: Some(Duration::from_secs(41)),
        snapshot: Some(Snapshot {
            id: DeploymentId::new("dp-abc123").unwrap(),
            word: last.0.to_owned(),
            phase: last.1,
            created_at: None,
            dashboard_url: None,
            message: String::new(),
            site: None,
        }),
        stages: stages.iter().map(stage).collect(),
        ..Report::new(Task::Deploy, SystemTime::UNIX_EPOCH)
    }
}

fn no_token() -> CannotFollow {
    CannotFollow::Missing(vec![MissingInput { input: "api-token", variable: "FRBIT_TOKEN" }])
}

/// A report of a run whose trigger failed, or has an unknown result.
fn not_accepted(outcome: Outcome, cause: Cause) -> Report {
    let sent = if outcome == Outcome::Uncertain { TriggerState::Maybe } else { TriggerState::No };
    Report { snapshot: None, sent, ..ended(outcome, Some(cause), &[]) }
}

fn refused(why: RefusalReason, status: u16) -> Report {
    let message = if why == RefusalReason::Unprocessable { "…" } else { "" };
    let refusal = Refusal { why, status, message: message.to_owned(), retry_after: None, advice: None };
    not_accepted(Outcome::Refused, Cause::Refused(refusal))
}

fn unreachable(why: NotSentReason) -> Report {
    not_accepted(Outcome::Unreachable, Cause::NotSent(NotSent { why, message: "…".to_owned() }))
}

fn uncertain(why: ResponseError) -> Report {
    not_accepted(Outcome::Uncertain, Cause::Unclear(Unclear { why, message: String::new() }))
}

fn lost(cause: Cause) -> Report {
    ended(Outcome::Lost, Some(cause), &[("building", Phase::Running)])
}

/// The end of verifying a page that answers so at last, in a run that had this report before.
fn verified(report: Report, status: Option<u16>, fault: Option<SiteFault>) -> Report {
    let requests = if fault == Some(SiteFault::NoAddress) { 0 } else { 9 };
    let changed = !matches!(report.cause, Some(Cause::Unreadable(_)));
    let site = SiteReport {
        began: Duration::from_mins(1),
        requests,
        changed,
        was_right: false,
        right_since: (fault.is_none() && report.outcome != Outcome::Interrupted).then_some(report.duration),
        until: Duration::from_mins(3),
        answer: Some(SiteAnswer { status, fault, redirected_to: None, retry_after: None }),
    };
    Report { site: Some(site), polls: 9, ..report }
}

/// The same after the platform's success.
fn after_success(outcome: Outcome, status: Option<u16>, fault: Option<SiteFault>) -> Report {
    let succeeded = [("succeeded", Phase::Ended(Verdict::Succeeded))];
    verified(ended(outcome, None, &succeeded), status, fault)
}

/// The same where the deployment is not followed.
fn not_followed(outcome: Outcome, cause: Cause, fault: Option<SiteFault>) -> Report {
    let report = Report { snapshot: None, ..ended(outcome, Some(cause), &[]) };
    Report { polls: 0, ..verified(report, Some(200), fault) }
}

/// Every end with a message of its own.
pub(crate) fn ends() -> Vec<Report> {
    use Outcome::{
        Canceled, Failed, Interrupted, Skipped, Succeeded, Superseded, TimedOut, Triggered, Unverified,
    };
    let failed = Phase::Ended(Verdict::Failed);
    let newer = DeploymentId::new("dp-def456").unwrap();
    let denied = |status| Cause::Denied(ReadDenied { status, message: String::new(), with_token: true });
    let trouble = |errors| Cause::PollsFailed { message: "…".to_owned(), errors };
    vec![
        ended(Succeeded, None, &[("succeeded", Phase::Ended(Verdict::Succeeded))]),
        after_success(Succeeded, Some(200), None),
        ended(Triggered, Some(Cause::WaitNever), &[]),
        not_followed(Triggered, Cause::WaitNever, None),
        not_followed(Triggered, Cause::Unreadable(CannotFollow::UnknownPlatform), None),
        ended(Triggered, Some(Cause::Unreadable(no_token())), &[]),
        Report {
            snapshot: None,
            ..ended(Triggered, Some(Cause::Unreadable(CannotFollow::UnknownPlatform)), &[])
        },
        Report {
            snapshot: None,
            ..ended(Triggered, Some(Cause::Unreadable(CannotFollow::NoDeployment)), &[])
        },
        Report { snapshot: None, ..ended(Skipped, None, &[]) },
        Report { snapshot: None, ..ended(Skipped, Some(Cause::DryRun { unchecked: 1 }), &[]) },
        ended(Failed, None, &[("building", Phase::Running), ("failed", failed)]),
        ended(Failed, None, &[("post_deploy", Phase::Running), ("failed", failed)]),
        refused(RefusalReason::NotFound, 404),
        refused(RefusalReason::Redirected, 302),
        refused(RefusalReason::Gone, 410),
        refused(RefusalReason::Forbidden, 403),
        refused(RefusalReason::Unprocessable, 422),
        refused(RefusalReason::MethodNotAllowed, 405),
        refused(RefusalReason::RateLimited, 429),
        refused(RefusalReason::Other, 400),
        unreachable(NotSentReason::Dns),
        unreachable(NotSentReason::Connect),
        unreachable(NotSentReason::Tls),
        unreachable(NotSentReason::Proxy),
        uncertain(ResponseError::TimedOut),
        uncertain(ResponseError::Broken),
        uncertain(ResponseError::ServerError(503)),
        uncertain(ResponseError::Unreadable(200)),
        uncertain(ResponseError::BodyReportsError(200)),
        uncertain(ResponseError::AlreadyEnded(200)),
        ended(TimedOut, None, &[("building", Phase::Running)]),
        ended(TimedOut, Some(trouble(3)), &[("building", Phase::Running)]),
        ended(TimedOut, Some(Cause::AskedToWait), &[("building", Phase::Running)]),
        lost(denied(401)),
        lost(denied(400)),
        lost(trouble(10)),
        lost(Cause::NotThere),
        lost(Cause::Unreadable(no_token())),
        lost(Cause::Unreadable(CannotFollow::UnknownPlatform)),
        lost(Cause::Unreadable(CannotFollow::NoDeployment)),
        after_success(Unverified, Some(200), Some(SiteFault::NoText)),
        after_success(Unverified, Some(401), Some(SiteFault::Status)),
        after_success(Unverified, Some(404), Some(SiteFault::Status)),
        after_success(Unverified, Some(429), Some(SiteFault::Status)),
        after_success(Unverified, Some(503), Some(SiteFault::Status)),
        after_success(Unverified, Some(302), Some(SiteFault::Redirect("…".to_owned()))),
        after_success(Unverified, Some(200), Some(SiteFault::Unreadable("…".to_owned()))),
        after_success(Unverified, None, Some(SiteFault::NoAnswer("…".to_owned()))),
        after_success(Unverified, None, Some(SiteFault::NoAddress)),
        not_followed(Unverified, Cause::WaitNever, Some(SiteFault::NoText)),
        not_followed(Unverified, Cause::Unreadable(CannotFollow::UnknownPlatform), Some(SiteFault::NoText)),
        ended(Canceled, None, &[("building", Phase::Running), ("canceled", Phase::Ended(Verdict::Canceled))]),
        ended(Superseded, Some(Cause::Newer(newer)), &[("building", Phase::Running)]),
        ended(Interrupted, None, &[("building", Phase::Running)]),
        ended(Interrupted, Some(trouble(3)), &[("building", Phase::Running)]),
        after_success(Interrupted, Some(200), Some(SiteFault::NoText)),
        not_followed(Interrupted, Cause::WaitNever, Some(SiteFault::NoText)),
        Report { snapshot: None, sent: TriggerState::No, ..ended(Interrupted, None, &[]) },
        Report { snapshot: None, sent: TriggerState::Maybe, ..ended(Interrupted, None, &[]) },
    ]
}

#[test]
fn every_end_is_in_the_document_under_its_exit_code_in_the_programs_own_words() {
    let document = std::fs::read_to_string("docs/troubleshooting.md").unwrap();
    let section = |code: u8| {
        let heading = |line: &str| line.starts_with("### ") && line.contains(&code.to_string());
        let from = document.lines().skip_while(move |line| !heading(line)).skip(1);
        from.take_while(|line| !line.starts_with('#')).collect::<Vec<_>>()
    };
    let place = RunContext {
        timeout: Duration::from_mins(15),
        page: Some("https://www.example.com/version".to_owned()),
        building: "building",
        post_deploy: "post_deploy",
        ..RunContext::default()
    };
    let mut missing = Vec::new();
    for report in ends() {
        let message = messages::verdict(&report, &place);
        let next = if message.next.is_empty() { "–" } else { &message.next };
        let row = format!("| {} | {} | {next} |", message.happened, message.meaning);
        let code = exit_code(report.outcome, false, None);
        if !section(code).contains(&row.as_str()) {
            missing.push(format!("{code}: {row}"));
        }
    }
    assert!(missing.is_empty(), "these rows are not in the document:\n{}", missing.join("\n"));
}
