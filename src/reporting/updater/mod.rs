//! The run's reports at a code host: commit status, check run, deployment, comment. They are opened, updated and always
//! closed. What could not be written is reported once and changes nothing about the run.

pub(super) mod answer;
pub(super) mod api_text;
mod inbox;
mod options;
pub(super) mod rate_limiter;
mod refusal;
pub(super) mod report_state;
pub(super) mod request;
pub(super) mod search;
pub(super) mod worker;

use std::time::Duration;

pub(crate) use self::options::{Notice, ReportOptions, Stop, TokenCheck};
use self::report_state::ReportState;
use self::worker::UpdaterHandle;
use super::output::Output;
use crate::core::report::{Cause, Event, Report};
use crate::core::state::{Outcome, Phase};
use crate::error::exit_code;
use crate::text::{CodeHost, Fix, ReportError, ReportKind, ReportResult, RunContext, markdown, messages};

/// Called with the final state as soon as it is known, before any report is closed.
type OnEnd = Box<dyn Fn(&ReportState) + Send>;

/// The reports of one run at one code host.
pub(super) struct ReportTracker {
    out: Output,
    code_host: CodeHost,
    reports: Option<(UpdaterHandle, OnEnd)>,
    /// Wanted kinds that cannot be written, with the reason; without those that were not to be expected here.
    without: Vec<(ReportKind, ReportError)>,
    /// Kinds that this code host or this run does not have, a line each.
    absent: Vec<String>,
    /// Whether the kinds were named one by one: then one that cannot be written is a warning, not a line.
    named: bool,
    /// Whether this run's token may only read, whatever the job asks for.
    read_only: bool,
    deployment: Option<String>,
    usual_duration: Option<Duration>,
    stop: Option<Stop>,
}

impl ReportTracker {
    pub(super) fn new(
        out: &Output,
        code_host: CodeHost,
        options: &ReportOptions<'_>,
        read_only: bool,
    ) -> Self {
        Self {
            out: out.clone(),
            code_host,
            reports: None,
            without: Vec::new(),
            absent: Vec::new(),
            named: options.named,
            read_only,
            deployment: None,
            usual_duration: None,
            stop: options.stop.clone(),
        }
    }

    /// Starts the updates. `ended` is called with the final state once it is known.
    pub(super) fn start(&mut self, reports: UpdaterHandle, ended: impl Fn(&ReportState) + Send + 'static) {
        self.reports = Some((reports, Box::new(ended)));
    }

    /// The wanted kinds that this code host and this run have. Any other is a line in the log.
    pub(super) fn supported(&mut self, wanted: &[ReportKind], has_comments: bool) -> Vec<ReportKind> {
        let code_host = self.code_host;
        let mut kinds = Vec::new();
        for kind in wanted.iter().copied().filter(|kind| *kind != ReportKind::Summary) {
            match kind {
                _ if !code_host.has(kind) => self.absent.push(messages::unsupported(kind, code_host)),
                ReportKind::Comment if !has_comments => {
                    self.absent.push(messages::no_comment_target(code_host).to_owned());
                }
                _ => kinds.push(kind),
            }
        }
        kinds
    }

    /// Records that these kinds cannot be written, and why. Under `auto` no report is expected where there is no token
    /// for one (`expected`).
    pub(super) fn cannot_write(&mut self, kinds: &[ReportKind], why: &str, fix: Fix, expected: bool) {
        if self.named || expected {
            let error = ReportError { why: why.to_owned(), fix, read_only: false };
            self.without.extend(kinds.iter().map(|kind| (*kind, error.clone())));
        }
    }

    /// Updates the state. The final one is [`ReportTracker::close`]'s.
    pub(super) fn note(&mut self, event: &Event) {
        let (phase, word) = match event {
            Event::Started { usual_duration, .. } => {
                self.usual_duration = *usual_duration;
                return;
            }
            Event::Triggered { snapshot: Some(snapshot), .. } => {
                self.deployment = Some(snapshot.id.to_string());
                (snapshot.phase, snapshot.word.as_str())
            }
            Event::State { stage } => (stage.phase, stage.word.as_str()),
            // Accepted, and looked for.
            Event::Searching { unclear: None } => (Phase::Waiting, ""),
            Event::Verifying { .. } => (Phase::Running, "verifying"),
            _ => return,
        };
        if let Some((reports, _)) = self.reports.as_ref().filter(|_| !matches!(phase, Phase::Ended(_))) {
            let text = messages::progress(self.deployment.as_deref(), word, self.usual_duration);
            reports.note(ReportState::going(phase, self.out.redact(&text)));
        }
    }

    /// Closes the reports and returns the result of each. A run that was not to trigger anything has none.
    pub(super) async fn close(&mut self, report: &Report, context: &RunContext) -> Vec<ReportResult> {
        let reports = self.reports.take();
        let rehearsed = matches!(report.cause, Some(Cause::DryRun { .. }));
        if rehearsed || report.outcome == Outcome::Skipped {
            return Vec::new();
        }
        let code_host = self.code_host;
        let without = self.without.drain(..);
        let mut results: Vec<ReportResult> =
            without.map(|(kind, error)| ReportResult { kind, code_host, error: Some(error) }).collect();
        if let Some((reports, ended)) = reports {
            let passed = exit_code(report.outcome, context.pass_canceled, None) == 0;
            let text = self.out.redact(&messages::verdict(report, context).happened);
            let page = self.out.redact(&markdown::summary(report, context, &[]));
            let hurried = report.outcome == Outcome::Interrupted;
            let site = report.snapshot.as_ref().and_then(|seen| seen.site.clone());
            let state = ReportState { site, ..ReportState::over(report.outcome, passed, text, page) };
            ended(&state);
            results.extend(reports.close(state, hurried, self.stop.take()).await);
        }
        results.iter_mut().filter_map(|result| result.error.as_mut()).for_each(|error| {
            error.read_only = self.read_only;
        });
        results
    }

    /// What the log says about reports that were not written.
    pub(super) fn notices(&self, results: &[ReportResult], report: &Report) -> Vec<Notice> {
        let notice = |error| if self.named { Notice::Warning(error) } else { Notice::Line(error) };
        let error = results.iter().filter_map(messages::error).map(notice);
        let absent = self.absent.iter().filter(|_| report.outcome != Outcome::Skipped);
        error.chain(absent.cloned().map(Notice::Line)).collect()
    }
}
