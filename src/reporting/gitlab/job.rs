//! What GitLab says of the job: project, commit, pipeline, merge request, what began it, and how long it may take.
//!
//! Source: GitLab's predefined CI/CD variables.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::env::Env;
use crate::reporting::updater::api_text;

/// How much of a job's time is kept, so that a run that ends on its deadline can still report that: a tenth of the limit, and
/// between these. A last poll may take 15 seconds, closing the reports 10.
const RESERVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(1));

/// Even a job whose time is up by its own account follows for so long: its clock may be wrong.
const LEAST: Duration = Duration::from_secs(5);

/// The job this process runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// The project's number.
    pub(super) project: String,
    /// The commit to report on: the pipeline's, unless the user chose one.
    pub(super) sha: String,
    /// The commit that is to be live: of a pipeline for merged results the merge request's, as the merge is GitLab's own.
    pub(super) head: String,
    /// The branch or tag.
    pub(super) reference: String,
    pub(super) tag: bool,
    /// The pipeline, where the commit to report on is its commit.
    pub(super) pipeline: Option<u64>,
    /// The branch or tag the pipeline itself goes by; a merge request's goes by a reference of GitLab's own, which only
    /// GitLab knows.
    pub(super) pipeline_reference: Option<String>,
    pub(super) url: String,
    /// The merge request: its project's number and its own.
    pub(super) request: Option<(String, u64)>,
    /// What began it, for people: `push to main by octocat`.
    pub(super) cause: String,
}

impl Job {
    /// Reads the job from the environment; `None` where it does not say which project and commit this is. `sha`: the
    /// commit the user chose.
    pub(super) fn detect(env: &Env, sha: Option<&str>) -> Option<Self> {
        let of = |name: &str| env.get(name).unwrap_or_default().trim().to_owned();
        let project = number(env, "CI_PROJECT_ID")?.to_string();
        let commit = |name: &str| env.get(name).map(str::trim).and_then(api_text::commit);
        let own = commit("CI_COMMIT_SHA")?;
        let is_pipelines = sha.is_none_or(|sha| sha == own);
        let head = commit("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").unwrap_or(own);
        let reference = of("CI_COMMIT_REF_NAME");
        let of_request = env.get("CI_MERGE_REQUEST_IID").is_some()
            || env
                .get("CI_PIPELINE_SOURCE")
                .is_some_and(|source| source.trim().ends_with("merge_request_event"));
        Some(Self {
            sha: sha.unwrap_or(own).to_owned(),
            head: sha.unwrap_or(head).to_owned(),
            tag: env.get("CI_COMMIT_TAG").is_some(),
            pipeline: number(env, "CI_PIPELINE_ID").filter(|_| is_pipelines),
            pipeline_reference: Some(reference.clone()).filter(|name| !name.is_empty() && !of_request),
            reference,
            url: of("CI_JOB_URL"),
            request: request(env, &project),
            cause: cause(env),
            project,
        })
    }
}

/// The highest access level that a token has to a project, by itself or through its group.
pub(super) fn access_level(project: &Value) -> Option<u64> {
    let level = |access: &str| project["permissions"][access]["access_level"].as_u64();
    level("project_access").max(level("group_access"))
}

fn number(env: &Env, name: &str) -> Option<u64> {
    env.get(name)?.trim().parse().ok()
}

/// The merge request of the pipeline, else the first open one of its branch that is this project's.
fn request(env: &Env, project: &str) -> Option<(String, u64)> {
    if let Some(number) = number(env, "CI_MERGE_REQUEST_IID") {
        let target = self::number(env, "CI_MERGE_REQUEST_PROJECT_ID");
        return Some((target.map_or(project.to_owned(), |target| target.to_string()), number));
    }
    let path = env.get("CI_PROJECT_PATH")?.trim();
    let open = env.get("CI_OPEN_MERGE_REQUESTS")?.split(',').filter_map(|request| request.split_once('!'));
    let ours = open.into_iter().find(|(of, _)| of.trim() == path)?;
    Some((project.to_owned(), ours.1.trim().parse().ok()?))
}

/// What started the pipeline, for people.
fn cause(env: &Env) -> String {
    let by = env.get("GITLAB_USER_LOGIN").map(|who| format!(" by {who}")).unwrap_or_default();
    let reference = env.get("CI_COMMIT_REF_NAME").unwrap_or("a branch");
    let what = match env.get("CI_PIPELINE_SOURCE").unwrap_or_default().trim() {
        _ if env.is_true("CI_JOB_MANUAL") => "started by hand".to_owned(),
        "push" if env.get("CI_COMMIT_TAG").is_some() => format!("tag {reference}"),
        "push" => format!("push to {reference}"),
        // its user is the owner of the schedule
        "schedule" => return format!("schedule on {reference}"),
        "web" => "started by hand".to_owned(),
        "trigger" => "pipeline trigger".to_owned(),
        "pipeline" | "parent_pipeline" => "another pipeline".to_owned(),
        "merge_request_event" => match env.get("CI_MERGE_REQUEST_IID") {
            Some(number) => format!("merge request {number}"),
            None => "merge request".to_owned(),
        },
        other => other.to_owned(),
    };
    format!("{}{by}", what.trim()).trim().to_owned()
}

/// How long the job may still go on by its own account: its time limit counts from its start, its script's from now.
pub(super) fn time_left(env: &Env, now: SystemTime) -> Option<Duration> {
    let of_job = number(env, "CI_JOB_TIMEOUT").map(Duration::from_secs).filter(|limit| !limit.is_zero());
    let of_job = of_job.map(|limit| {
        let started = env.get("CI_JOB_STARTED_AT").and_then(time);
        let gone = started.and_then(|started| now.duration_since(started).ok());
        // Of a job that should long be dead, one clock or the other is wrong.
        let gone = gone.filter(|gone| *gone < limit).unwrap_or_default();
        (limit, limit.saturating_sub(gone))
    });
    let of_script = env.get("RUNNER_SCRIPT_TIMEOUT").and_then(|text| humantime::parse_duration(text).ok());
    let of_script = of_script.filter(|limit| !limit.is_zero()).map(|limit| (limit, limit));
    let left = |(limit, left): (Duration, Duration)| {
        let reserve = (limit / 10).clamp(RESERVE.0, RESERVE.1);
        left.saturating_sub(reserve).max(LEAST)
    };
    of_job.into_iter().chain(of_script).map(left).min()
}

/// RFC 3339 with any offset: GitLab writes its server's time zone.
pub(super) fn time(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    if let Ok(time) = humantime::parse_rfc3339(text) {
        return Some(time);
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, clock) = offset.split_at_checked(1)?;
    let (hours, minutes) = clock.split_once(':')?;
    let offset = Duration::from_secs(hours.parse::<u64>().ok()? * 3600 + minutes.parse::<u64>().ok()? * 60);
    let local = humantime::parse_rfc3339_weak(local).ok()?;
    match sign {
        "+" => local.checked_sub(offset),
        "-" => local.checked_add(offset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEEF: &str = "beefbeefbeefbeefbeefbeefbeefbeefbeefbeef";
    const FEED: &str = "feedfeedfeedfeedfeedfeedfeedfeedfeedfeed";

    fn env(variables: &[(&str, &str)]) -> Env {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn job(more_notices: &[(&str, &str)], sha: Option<&str>) -> Job {
        let usual = [
            ("CI_PROJECT_ID", "42"),
            ("CI_PROJECT_PATH", "acme/site"),
            ("CI_COMMIT_SHA", BEEF),
            ("CI_COMMIT_REF_NAME", "main"),
            ("CI_PIPELINE_ID", "7001"),
            ("CI_PIPELINE_SOURCE", "push"),
            ("GITLAB_USER_LOGIN", "octocat"),
        ];
        Job::detect(&env(&[&usual, more_notices].concat()), sha).unwrap()
    }

    #[test]
    fn a_status_goes_to_the_pipeline_whose_commit_it_is_about() {
        let branch = job(&[], None);
        assert_eq!((branch.pipeline, branch.pipeline_reference.as_deref()), (Some(7001), Some("main")));
        assert_eq!(job(&[], Some(FEED)).pipeline, None);
        let merged = [("CI_MERGE_REQUEST_IID", "5"), ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", FEED)];
        let merged = job(&merged, None);
        assert_eq!((merged.sha.as_str(), merged.head.as_str()), (BEEF, FEED));
        let crooked = job(&[("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "../x")], None);
        assert_eq!(crooked.head, BEEF, "as if it were not there");
        assert_eq!(merged.pipeline_reference, None, "the pipeline goes by refs/merge-requests/5/…");
        let closed = job(&[("CI_PIPELINE_SOURCE", "merge_request_event")], None);
        assert_eq!(closed.pipeline_reference, None, "its merge request is no longer open");
    }

    #[test]
    fn white_space_around_what_the_runner_says_is_taken_off() {
        let spaced = [
            ("CI_PROJECT_ID", " 42\n"),
            ("CI_COMMIT_SHA", "\tbeefbeefbeefbeefbeefbeefbeefbeefbeefbeef\r\n"),
            ("CI_PIPELINE_ID", "7001\n"),
            ("CI_COMMIT_REF_NAME", "main\n"),
        ];
        assert_eq!(job(&spaced, None), job(&[], None));
    }

    #[test]
    fn the_merge_request_is_the_pipelines_else_an_open_one_of_this_project() {
        let request = |more_notices: &[(&str, &str)]| job(more_notices, None).request;
        assert_eq!(request(&[]), None);
        assert_eq!(request(&[("CI_MERGE_REQUEST_IID", "5")]), Some(("42".to_owned(), 5)));
        let fork = [("CI_MERGE_REQUEST_IID", "5"), ("CI_MERGE_REQUEST_PROJECT_ID", "7")];
        assert_eq!(request(&fork), Some(("7".to_owned(), 5)));
        let open = [("CI_OPEN_MERGE_REQUESTS", "acme/other!4,acme/site!333")];
        assert_eq!(request(&open), Some(("42".to_owned(), 333)));
        assert_eq!(request(&[("CI_OPEN_MERGE_REQUESTS", "acme/other!4")]), None);
    }

    #[test]
    fn a_job_that_does_not_say_which_it_is_is_none() {
        for bad in [
            [("CI_PROJECT_ID", "../7"), ("CI_COMMIT_SHA", BEEF)],
            [("CI_PROJECT_ID", "7"), ("CI_COMMIT_SHA", "a/b")],
            [("CI_PROJECT_ID", "7"), ("CI_COMMIT_SHA", "beef")],
            [("CI_PROJECT_ID", "7"), ("CI_COMMIT_SHA", "../../../user/keys")],
        ] {
            assert_eq!(Job::detect(&env(&bad), None), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_left_of_the_jobs_time_is_reported_with_room_to_end() {
        let now = humantime::parse_rfc3339("2026-11-23T16:00:00Z").unwrap();
        let left = |variables: &[(&str, &str)]| time_left(&env(variables), now).map(|left| left.as_secs());
        let started = |at| [("CI_JOB_TIMEOUT", "3600"), ("CI_JOB_STARTED_AT", at)];
        assert_eq!(left(&[]), None);
        assert_eq!(left(&[("CI_JOB_TIMEOUT", "3600")]), Some(3540));
        assert_eq!(left(&started("2026-11-23T15:30:00Z")), Some(1740));
        assert_eq!(left(&started("2026-11-23T17:30:00+02:00")), Some(1740));
        assert_eq!(left(&started("2026-11-23T10:00:00-05:30")), Some(1740));
        assert_eq!(left(&[("CI_JOB_TIMEOUT", "45")]), Some(15));
        assert_eq!(left(&[("CI_JOB_TIMEOUT", "10")]), Some(5), "never nothing");
        for wrong in ["2001-01-01T00:00:00Z", "2026-11-23T18:00:00Z", "yesterday", "+02:00", "ü+02:00"] {
            assert_eq!(left(&started(wrong)), Some(3540), "{wrong}");
        }
        let both = [("CI_JOB_TIMEOUT", "3600"), ("RUNNER_SCRIPT_TIMEOUT", "12s")];
        assert_eq!(left(&both), Some(5));
        assert_eq!(left(&[("RUNNER_SCRIPT_TIMEOUT", "1h 30m")]), Some(5340));
        assert_eq!(left(&[("CI_JOB_TIMEOUT", "0")]), None);
    }

    #[test]
    fn the_cause_of_the_run_is_reported() {
        assert_eq!(job(&[], None).cause, "push to main by octocat");
        assert_eq!(job(&[("CI_PIPELINE_SOURCE", "schedule")], None).cause, "schedule on main");
        assert_eq!(job(&[("CI_JOB_MANUAL", "true")], None).cause, "started by hand by octocat");
        assert_eq!(
            job(&[("CI_COMMIT_TAG", "v1"), ("CI_COMMIT_REF_NAME", "v1")], None).cause,
            "tag v1 by octocat"
        );
    }
}
