//! GitLab CI: the run's reports at GitLab, the job's time limit, and the image's entrypoint.
//!
//! Outputs, summary and links are report files there (`files.rs`), sections are the log's (`terminal.rs`).

mod api;
mod bodies;
pub(crate) mod entrypoint;
mod job;
mod reports;
pub(crate) mod section;

use std::time::{Duration, SystemTime};

use self::api::GitLabApi;
use self::job::Job;
use self::reports::{GitLabReports, GitLabTarget};
use super::output::Output;
use super::updater::report_state::WriteError;
use super::updater::requests::ApiRequest;
use super::updater::{Notice, ReportOptions, ReportTracker, TokenCheck};
use crate::core::report::Event;
use crate::env::Env;
use crate::http::{Http, Network};
use crate::text::{CodeHost, Fix, ReportKind, ReportResult, RunContext, messages};

/// Why no token is sent.
const NOT_SAFE: &str = "CI_API_V4_URL is not the https base of an API";

/// What a run reports in a job of GitLab.
pub(crate) struct GitLab {
    /// What began this run, for the summary.
    pub(crate) cause: String,
    tracker: ReportTracker,
}

impl GitLab {
    /// The job, where this process runs in one.
    pub(crate) fn detect(
        env: &Env,
        out: &Output,
        (http, network): (&Http, &Network),
        options: &ReportOptions<'_>,
        context: &RunContext,
    ) -> Option<Self> {
        if !env.in_gitlab() {
            return None;
        }
        let job = Job::detect(env, options.sha);
        let mut tracker = ReportTracker::new(out, CodeHost::GitLab, options, false);
        let has_comments = job.as_ref().is_none_or(|job| job.request.is_some());
        let supported = tracker.supported(&options.kinds, has_comments);
        // What a job's own token may not do is not tried with it.
        let has_token = |kind: &ReportKind| {
            let by_job = *kind == ReportKind::Deployment && options.job_token.is_some();
            options.gitlab_token.is_some() || by_job
        };
        let (kinds, without): (Vec<_>, Vec<_>) = supported.into_iter().partition(has_token);
        tracker.cannot_write(&without, "there is no gitlab-token", Fix::Permission, false);
        let cause = job.as_ref().map(|job| http.redactor().clean(&job.cause, 200)).unwrap_or_default();
        if kinds.is_empty() {
            return Some(Self { cause, tracker });
        }
        match (job, GitLabApi::new(env, http, network, options)) {
            (Some(job), Some(api)) => {
                let target = GitLabTarget {
                    name: options.name.to_owned(),
                    environment: context.environment.clone().unwrap_or_else(|| "production".to_owned()),
                    job,
                    began: SystemTime::now(),
                };
                tracker.start(GitLabReports { api, target }, kinds);
            }
            (None, _) => {
                let why = "the environment names no project and commit";
                tracker.cannot_write(&kinds, why, Fix::None, true);
            }
            (_, None) => tracker.cannot_write(&kinds, NOT_SAFE, Fix::None, true),
        }
        Some(Self { cause, tracker })
    }

    /// Reports an event. Returns notices and, at the end, the results of the reports.
    pub(crate) async fn report(
        &mut self,
        event: &Event,
        context: &RunContext,
    ) -> (Vec<Notice>, Vec<ReportResult>) {
        self.tracker.update(event);
        let Event::Finished { report } = event else { return (Vec::new(), Vec::new()) };
        let results = self.tracker.close(report, context, |_| ()).await;
        (self.tracker.notices(&results, report), results)
    }
}

/// What the tokens are, as far as reading shows: the job's own, and the one that was given.
pub(crate) async fn examine(
    env: &Env,
    (http, network): (&Http, &Network),
    options: &ReportOptions<'_>,
) -> Vec<TokenCheck> {
    let bad = |token, found: &str, fix| TokenCheck { token, good: false, found: found.to_owned(), fix };
    let (true, Some(job)) = (env.in_gitlab(), Job::detect(env, options.sha)) else {
        return Vec::new();
    };
    let Some(api) = GitLabApi::new(env, http, network, options) else {
        let fix = "No token is sent there and no report is written.".to_owned();
        return vec![bad("CI_API_V4_URL", NOT_SAFE, fix)];
    };
    let mut checks = Vec::new();
    let (of_job, of_user): (Vec<_>, Vec<_>) = options
        .written_at(CodeHost::GitLab)
        .partition(|kind| *kind == ReportKind::Deployment && options.job_token.is_some());
    if !of_job.is_empty() {
        // As for a deployment: with the job's own token.
        let answer = api.call(ReportKind::Deployment, &ApiRequest::get("/job")).await;
        checks.push(check("CI_JOB_TOKEN", answer.map(|_| "is this job's".to_owned()), &of_job));
    }
    if options.gitlab_token.is_some() {
        let project = ApiRequest::get(format!("/projects/{}", job.project));
        // As for a status: with the user's token.
        let answer = api.call(ReportKind::Status, &project).await;
        let found = answer.map(|project| match job::access_level(&project) {
            Some(level) => format!("reads this project with access level {level} (Developer is 30)"),
            None => "reads this project".to_owned(),
        });
        checks.push(check("gitlab-token", found, &of_user));
    } else if options.named && !of_user.is_empty() {
        let fix = messages::needed_permissions(&of_user, CodeHost::GitLab);
        checks.push(bad("gitlab-token", "none was given", fix));
    }
    checks
}

fn check(token: &'static str, found: Result<String, WriteError>, kinds: &[ReportKind]) -> TokenCheck {
    let code_host = CodeHost::GitLab;
    let error = match found {
        Ok(found) => {
            let fix = messages::maybe_missing_permissions(kinds, code_host);
            return TokenCheck { token, good: true, found, fix };
        }
        Err(error) => error,
    };
    let fix = match error {
        WriteError::Refused { fix: Fix::Permission, .. } => messages::needed_permissions(kinds, code_host),
        WriteError::Refused { fix, .. } => messages::fix_advice(fix, code_host).to_owned(),
        _ => "Check CI_API_V4_URL, and whether this machine may reach it.".to_owned(),
    };
    TokenCheck { token, good: false, found: error.message(code_host), fix }
}

/// How long the job may still go on, with time kept for the end; `None` where it is not known.
pub(crate) fn time_left(env: &Env, now: SystemTime) -> Option<Duration> {
    if env.in_gitlab() { job::time_left(env, now) } else { None }
}
