//! What GitHub says of the run: the repository, the commit to report on, the pull request, who or what began it.
//!
//! Source: GitHub's "Events that trigger workflows" and the payloads of its webhooks.

use std::path::Path;

use serde_json::Value;

use crate::encoding;
use crate::env::Env;
use crate::reporting::regular_file;
use crate::reporting::updater::api_text;
use crate::secrets::Redactor;
use crate::text::CodeHost;

/// An event's file larger than this is not read: GitHub's own limit for payloads is 25 MB.
const LARGEST: u64 = 25 * 1024 * 1024;

/// The run this process is a step of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WorkflowRun {
    pub(super) code_host: CodeHost,
    /// `owner/name`; empty where the runner does not say it.
    pub(super) repository: String,
    /// The commit to report on: a pull request's head, else the event's commit.
    pub(super) sha: String,
    /// Base of the REST API, as the runner gave it (`https://api.github.com`, `https://HOST/api/v3`).
    pub(super) api: String,
    /// The page of this run and attempt; at Gitea, whose versions number runs in two ways, of all runs.
    pub(super) run_url: String,
    /// The pull request, where there is one.
    pub(super) pull: Option<u64>,
    /// What began it, for people: `push to main by octocat`.
    pub(super) cause: String,
    /// Whether the token and secrets are those of a fork's pull request or of Dependabot's.
    pub(super) untrusted: bool,
}

impl WorkflowRun {
    /// Reads the run from the environment and the event's file; nothing where the runner does not say which repository
    /// this is. `sha`: the commit the user chose.
    pub(super) fn detect(env: &Env, sha: Option<&str>, redactor: &Redactor) -> Self {
        let code_host = code_host(env);
        let event = env.get("GITHUB_EVENT_PATH").map(|path| read(Path::new(path.trim()))).unwrap_or_default();
        let of = |name: &str| env.get(name).unwrap_or_default().trim().to_owned();
        let repository = of("GITHUB_REPOSITORY");
        if !is_repository(&repository) {
            return Self { code_host, ..Self::default() };
        }
        let name = of("GITHUB_EVENT_NAME");
        let own = || env.get("GITHUB_SHA").map(str::trim).and_then(api_text::commit);
        let sha = sha.or_else(|| head(&name, &event)).or_else(own).unwrap_or_default().to_owned();
        let ours = |found: &Value| is_repository_of_run(found, &repository, &event, env);
        let pull = pull(&name, &event, ours);
        Self {
            code_host,
            api: of("GITHUB_API_URL"),
            run_url: run_url(env, code_host, &repository).unwrap_or_default(),
            pull,
            cause: redactor.clean(&cause(&name, &event, pull, env), 200),
            untrusted: is_of_fork(&name, &event, &repository) || of("GITHUB_ACTOR") == "dependabot[bot]",
            repository,
            sha,
        }
    }
}

/// Whose runner it is: others that follow GitHub's contract say so.
fn code_host(env: &Env) -> CodeHost {
    if env.is_true("FORGEJO_ACTIONS") {
        CodeHost::Forgejo
    } else if env.is_true("GITEA_ACTIONS") {
        CodeHost::Gitea
    } else {
        CodeHost::GitHub
    }
}

/// The run's page, where the environment says where it is.
fn run_url(env: &Env, code_host: CodeHost, repository: &str) -> Option<String> {
    let number =
        |name: &str| env.get(name).map(str::trim).filter(|n| n.bytes().all(|byte| byte.is_ascii_digit()));
    let run = match code_host {
        CodeHost::Gitea => None,
        CodeHost::Forgejo => number("GITHUB_RUN_NUMBER").map(|run| format!("/runs/{run}")),
        CodeHost::GitHub | CodeHost::GitLab => number("GITHUB_RUN_ID").map(|run| {
            let attempt = number("GITHUB_RUN_ATTEMPT").map(|n| format!("/attempts/{n}")).unwrap_or_default();
            format!("/runs/{run}{attempt}")
        }),
    };
    let server = env.get("GITHUB_SERVER_URL").and_then(api_text::web_base)?;
    Some(format!("{server}/{repository}/actions{}", run.unwrap_or_default()))
}

fn read(path: &Path) -> Value {
    let text = regular_file::read(path, LARGEST).ok().and_then(|bytes| encoding::text(&bytes).ok());
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// A repository's name goes into the path of every request.
pub(super) fn is_repository(name: &str) -> bool {
    let plain = |part: &str| {
        let letters = part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        letters && part.chars().any(|c| c != '.')
    };
    name.split_once('/').is_some_and(|(owner, name)| plain(owner) && plain(name))
}

fn text_at<'a>(event: &'a Value, path: &str) -> Option<&'a str> {
    event.pointer(path)?.as_str().filter(|text| !text.is_empty())
}

/// The commit people look at: `GITHUB_SHA` of a pull request is a merge commit that nobody sees, of
/// `pull_request_target` and `workflow_run` the tip of another branch.
fn head<'a>(name: &str, event: &'a Value) -> Option<&'a str> {
    let path = match name {
        "workflow_run" => "/workflow_run/head_sha",
        "merge_group" => "/merge_group/head_sha",
        _ if name.starts_with("pull_request") => "/pull_request/head/sha",
        _ => return None,
    };
    text_at(event, path).and_then(api_text::commit)
}

/// The pull request of this repository that the event is about. The list of a `workflow_run` also holds those that the
/// same commit has in other repositories.
fn pull(name: &str, event: &Value, ours: impl Fn(&Value) -> bool) -> Option<u64> {
    let pull = match name {
        "workflow_run" => {
            let pulls = event.pointer("/workflow_run/pull_requests")?.as_array()?;
            pulls.iter().find(|pull| pull.pointer("/base/repo").is_some_and(&ours))?
        }
        "issue_comment" => event.get("issue").filter(|issue| issue.get("pull_request").is_some())?,
        _ => {
            let pull = event.get("pull_request")?;
            Some(pull).filter(|pull| pull.pointer("/base/repo").is_none_or(ours))?
        }
    };
    pull["number"].as_u64()
}

/// Whether a repository in an event is the one that this run belongs to: by its number, else by its name. A list's
/// entries have an API URL in place of `full_name`.
fn is_repository_of_run(found: &Value, name: &str, event: &Value, env: &Env) -> bool {
    let id = || env.get("GITHUB_REPOSITORY_ID").and_then(|id| id.trim().parse().ok());
    let id = event.pointer("/repository/id").and_then(Value::as_u64).or_else(id);
    if let (Some(found), Some(id)) = (found["id"].as_u64(), id) {
        return found == id;
    }
    let url = found["url"].as_str().and_then(|url| url.rsplit_once("/repos/")).map(|(_, name)| name);
    found["full_name"].as_str().or(url).is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// A fork's pull request; not `pull_request_target`, whose token is the base repository's.
fn is_of_fork(name: &str, event: &Value, repository: &str) -> bool {
    let is_pull = name != "pull_request_target" && event.pointer("/pull_request").is_some();
    is_pull && text_at(event, "/pull_request/head/repo/full_name") != Some(repository)
}

/// What started the run, for people.
fn cause(name: &str, event: &Value, pull: Option<u64>, env: &Env) -> String {
    let by = env.get("GITHUB_TRIGGERING_ACTOR").or_else(|| env.get("GITHUB_ACTOR"));
    let by = by.map(|who| format!(" by {who}")).unwrap_or_default();
    let what = match name {
        "schedule" => {
            let cron = text_at(event, "/schedule").unwrap_or("a schedule");
            return format!("schedule ({cron})"); // its actor is whoever touched the cron last
        }
        "push" => format!("push to {}", env.get("GITHUB_REF_NAME").unwrap_or("a branch")),
        "repository_dispatch" => match text_at(event, "/action") {
            Some(kind) => format!("repository_dispatch ({kind})"),
            None => "repository_dispatch".to_owned(),
        },
        "workflow_dispatch" => "started by hand".to_owned(),
        "release" => format!("release {}", text_at(event, "/release/tag_name").unwrap_or_default()),
        "workflow_run" => {
            format!("after the workflow {}", text_at(event, "/workflow_run/name").unwrap_or_default())
        }
        "merge_group" => "merge queue".to_owned(),
        _ if name.starts_with("pull_request") => match pull {
            Some(number) => format!("pull request {number}"),
            None => "pull request".to_owned(),
        },
        other => other.to_owned(),
    };
    format!("{}{by}", what.trim())
}

#[cfg(test)]
mod tests;
