//! The run's reports at a code host: commit status, check run, deployment, comment. They are opened, updated and always
//! closed. What could not be written is reported once and changes nothing about the run.

pub(super) mod answer;
pub(super) mod api_text;
pub(super) mod rate_limiter;
mod refusal;
pub(super) mod report_state;
pub(super) mod requests;
pub(super) mod worker;

use std::time::Duration;

use self::report_state::ReportState;
use self::requests::{Creation, ReportRequests};
pub(crate) use self::worker::Stop;
use self::worker::UpdaterHandle;
use super::output::Output;
use crate::core::report::{Cause, Event, Report};
use crate::core::state::{Outcome, Phase};
use crate::error::exit_code;
use crate::secrets::Token;
use crate::text::{CodeHost, Fix, ReportError, ReportKind, ReportResult, RunContext, markdown, messages};

/// What a token of the CI's was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenCheck {
    /// The token's name among the inputs, or the runner's for it.
    pub token: &'static str,
    /// Whether the code host accepts it, as far as that can be known without writing.
    pub good: bool,
    /// What was found.
    pub found: String,
    /// What to do, or what cannot be known.
    pub fix: String,
}

/// What a user wants reported, and as what.
#[derive(Clone, Debug)]
pub(crate) struct ReportOptions<'a> {
    pub kinds: Vec<ReportKind>,
    /// Whether they were named one by one.
    pub named: bool,
    /// Context of the status, name of the check.
    pub name: &'a str,
    /// The commit, where the user chose one.
    pub sha: Option<&'a str>,
    pub github_token: Option<&'a Token>,
    pub gitlab_token: Option<&'a Token>,
    /// The GitLab job's own token, which may do little.
    pub job_token: Option<&'a Token>,
    /// Receives the runner's signals.
    pub stop: Option<Stop>,
}

impl ReportOptions<'_> {
    /// The wanted kinds that a token is needed for at this code host.
    pub(crate) fn written_at(&self, code_host: CodeHost) -> impl Iterator<Item = ReportKind> {
        let kinds = self.kinds.iter().copied();
        kinds.filter(move |kind| *kind != ReportKind::Summary && code_host.has(*kind))
    }
}

/// What the log says beside the run's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Something to act on.
    Warning(String),
    /// Something to know.
    Line(String),
}

/// The reports of one run at one code host.
pub(super) struct ReportTracker {
    out: Output,
    code_host: CodeHost,
    updater: Option<UpdaterHandle>,
    /// Wanted kinds that cannot be written, with the reason; without those that were not to be expected here.
    without: Vec<ReportResult>,
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
            updater: None,
            without: Vec::new(),
            absent: Vec::new(),
            named: options.named,
            read_only,
            deployment: None,
            usual_duration: None,
            stop: options.stop.clone(),
        }
    }

    /// Starts the updates.
    pub(super) fn start(&mut self, requests: impl ReportRequests, kinds: Vec<ReportKind>) {
        let reports = kinds.into_iter().map(|kind| (kind, Creation::No)).collect();
        self.updater = Some(UpdaterHandle::start(requests, reports));
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
            let error = Some(ReportError { why: why.to_owned(), fix, read_only: false });
            let result = |kind: &ReportKind| ReportResult {
                kind: *kind,
                code_host: self.code_host,
                error: error.clone(),
            };
            self.without.extend(kinds.iter().map(result));
        }
    }

    /// Updates the state. The final one is [`ReportTracker::close`]'s.
    pub(super) fn update(&mut self, event: &Event) {
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
        if let Some(updater) = self.updater.as_ref().filter(|_| !matches!(phase, Phase::Ended(_))) {
            let text = messages::progress(self.deployment.as_deref(), word, self.usual_duration);
            updater.update(ReportState::in_progress(phase, self.out.redact(&text)));
        }
    }

    /// Closes the reports and returns the result of each. A run that was not to trigger anything has none. `ended` is called
    /// with the final state before any report is closed.
    pub(super) async fn close(
        &mut self,
        report: &Report,
        context: &RunContext,
        ended: impl Fn(&ReportState),
    ) -> Vec<ReportResult> {
        let updater = self.updater.take();
        let is_dry_run = matches!(report.cause, Some(Cause::DryRun { .. }));
        if is_dry_run || report.outcome == Outcome::Skipped {
            return Vec::new();
        }
        let mut results = std::mem::take(&mut self.without);
        if let Some(updater) = updater {
            let passed = exit_code(report.outcome, context.pass_canceled, None) == 0;
            let text = self.out.redact(&messages::verdict(report, context).happened);
            let page = self.out.redact(&markdown::summary(report, context, &[]));
            let interrupted = report.outcome == Outcome::Interrupted;
            let site = report.snapshot.as_ref().and_then(|seen| seen.site.clone());
            let state = ReportState { site, ..ReportState::finished(report.outcome, passed, text, page) };
            ended(&state);
            results.extend(updater.close(state, interrupted, self.stop.take()).await);
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::Value;
    use tokio::time::Instant;

    use super::rate_limiter::RateLimiter;
    use super::report_state::ApiResult;
    use super::requests::ApiRequest;
    use super::*;
    use crate::core::report::Task;
    use crate::secrets::Redactor;

    /// A code host that never answers.
    struct Silent;

    impl ReportRequests for Silent {
        fn code_host(&self) -> CodeHost {
            CodeHost::GitHub
        }

        fn name(&self) -> &'static str {
            "Deploy"
        }

        fn write(&self, _: ReportKind, _: Option<u64>, _: &ReportState) -> ApiResult<Option<ApiRequest>> {
            Ok(Some(ApiRequest::get("/")))
        }

        fn comments(&self, _: usize, _: usize) -> ApiResult<ApiRequest> {
            unreachable!()
        }

        async fn send(&self, _: ReportKind, _: ApiRequest) -> ApiResult {
            std::future::pending().await
        }

        async fn find(&self, _: &mut RateLimiter, _: ReportKind) -> ApiResult<Vec<Value>> {
            Ok(Vec::new())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_interrupted_run_closes_its_reports_in_a_hurry() {
        let options = ReportOptions {
            kinds: Vec::new(),
            named: false,
            name: "Deploy",
            sha: None,
            github_token: None,
            gitlab_token: None,
            job_token: None,
            stop: None,
        };
        for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Skipped) {
            let out = Output::new(Redactor::default(), false);
            let mut tracker = ReportTracker::new(&out, CodeHost::GitHub, &options, false);
            tracker.start(Silent, vec![ReportKind::Status]);
            let report = Report { outcome, ..Report::new(Task::Deploy, SystemTime::UNIX_EPOCH) };
            let began = Instant::now();
            let results = tracker.close(&report, &RunContext::default(), |_| ()).await;
            assert!(results.iter().all(|result| result.error.is_some()), "{outcome}: {results:?}");
            let is_hurried = began.elapsed() <= Duration::from_secs(5);
            assert_eq!(is_hurried, outcome == Outcome::Interrupted, "{outcome}: {:?}", began.elapsed());
        }
    }
}
