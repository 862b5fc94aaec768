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
mod tests {
    use serde_json::json;

    use super::*;

    const MERGE: &str = "1111111111111111111111111111111111111111";
    const HEAD: &str = "2222222222222222222222222222222222222222";

    fn run(name: &str, event: &Value) -> WorkflowRun {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), event.to_string()).unwrap();
        let env: Env = [
            ("GITHUB_EVENT_NAME", name),
            ("GITHUB_EVENT_PATH", file.path().to_str().unwrap()),
            ("GITHUB_REPOSITORY", "octo/site"),
            ("GITHUB_SHA", MERGE),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_ACTOR", "octocat"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_RUN_ATTEMPT", "2"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
        WorkflowRun::detect(&env, None, &Redactor::default())
    }

    #[test]
    fn the_commit_reported_on_is_the_one_people_look_at() {
        let pull = json!({ "pull_request": { "number": 5, "head": { "sha": HEAD, "repo": { "full_name": "octo/site" } } } });
        for name in ["pull_request", "pull_request_target", "pull_request_review"] {
            let run = run(name, &pull);
            assert_eq!((run.sha.as_str(), run.pull, run.untrusted), (HEAD, Some(5), false), "{name}");
        }
        assert_eq!(run("workflow_run", &json!({ "workflow_run": { "head_sha": HEAD } })).sha, HEAD);
        assert_eq!(run("merge_group", &json!({ "merge_group": { "head_sha": HEAD } })).sha, HEAD);
        for name in ["push", "schedule", "workflow_dispatch", "repository_dispatch", "release"] {
            assert_eq!(run(name, &json!({})).sha, MERGE, "{name}");
        }
    }

    #[test]
    fn a_commit_that_is_none_is_as_if_it_were_not_there() {
        for crooked in
            ["../../../user/keys", "main", "", "2222", "2222222222222222222222222222222222222222?x"]
        {
            let pull = json!({ "pull_request": { "head": { "sha": crooked } } });
            assert_eq!(run("pull_request", &pull).sha, MERGE, "{crooked}");
            let env: Env = [("GITHUB_REPOSITORY", "octo/site"), ("GITHUB_SHA", crooked)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .collect();
            assert_eq!(WorkflowRun::detect(&env, None, &Redactor::default()).sha, "", "{crooked}");
        }
    }

    #[test]
    fn a_page_is_only_where_server_and_run_are_what_they_should_be() {
        let page = |server: &str, run: &str| {
            let env: Env =
                [("GITHUB_REPOSITORY", "octo/site"), ("GITHUB_SERVER_URL", server), ("GITHUB_RUN_ID", run)]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into_iter()
                    .collect();
            WorkflowRun::detect(&env, None, &Redactor::default()).run_url
        };
        assert_eq!(page("https://github.com", "7/../8"), "https://github.com/octo/site/actions");
        for server in ["javascript:alert(1)//", "https://github.com?x=", "github.com", ""] {
            assert_eq!(page(server, "7"), "", "{server}");
        }
    }

    #[test]
    fn the_pull_request_is_one_of_this_repository() {
        let pull = |number: u64, repo: Value| json!({ "number": number, "base": { "repo": repo } });
        let ours = json!({ "id": 1, "url": "https://api.github.com/repos/octo/site", "name": "site" });
        let upstream = json!({ "id": 2, "url": "https://api.github.com/repos/up/site", "name": "site" });
        let number = |pulls: Value, id: Option<u64>| {
            let event = json!({ "workflow_run": { "pull_requests": pulls }, "repository": { "id": id } });
            run("workflow_run", &event).pull
        };
        for id in [Some(1), None] {
            let both = json!([pull(7, upstream.clone()), pull(8, ours.clone()), pull(9, ours.clone())]);
            assert_eq!(number(both, id), Some(8), "{id:?}");
            assert_eq!(number(json!([pull(7, upstream.clone())]), id), None, "{id:?}");
        }
        let by_name =
            json!([pull(7, json!({ "full_name": "up/site" })), pull(8, json!({ "full_name": "Octo/Site" }))]);
        assert_eq!(number(by_name, Some(1)), Some(8));
        for none in
            [json!([]), json!(null), json!([{ "number": 7 }]), json!([pull(7, Value::Null)]), json!([7])]
        {
            assert_eq!(number(none, Some(1)), None);
        }
        let own = |repo: Value| {
            run("pull_request", &json!({ "pull_request": pull(5, repo), "repository": { "id": 1 } })).pull
        };
        assert_eq!((own(ours), own(upstream)), (Some(5), None));
        let comment = |issue: Value| run("issue_comment", &json!({ "issue": issue })).pull;
        assert_eq!(comment(json!({ "number": 4, "pull_request": {} })), Some(4));
        assert_eq!(comment(json!({ "number": 4 })), None);
    }

    #[test]
    fn white_space_around_what_the_runner_says_is_taken_off() {
        let env: Env = [
            ("GITHUB_REPOSITORY", " octo/site\n"),
            ("GITHUB_SHA", "\t1111111111111111111111111111111111111111\r\n"),
            ("GITHUB_SERVER_URL", " https://github.com/ "),
            ("GITHUB_API_URL", "https://api.github.com\n"),
            ("GITHUB_RUN_ID", "7\n"),
            ("GITHUB_RUN_ATTEMPT", " 2"),
            ("GITHUB_EVENT_NAME", "push\n"),
            ("GITHUB_REF_NAME", "main"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
        let run = WorkflowRun::detect(&env, None, &Redactor::default());
        assert_eq!(
            (run.repository.as_str(), run.sha.as_str(), run.api.as_str()),
            ("octo/site", MERGE, "https://api.github.com")
        );
        assert_eq!(
            (run.run_url.as_str(), run.cause.as_str()),
            ("https://github.com/octo/site/actions/runs/7/attempts/2", "push to main")
        );
    }

    #[test]
    fn a_payload_with_a_byte_order_mark_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "\u{feff}{\"number\":5}";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes(), &utf16] {
            std::fs::write(file.path(), bytes).unwrap();
            assert_eq!(read(file.path()), json!({ "number": 5 }));
        }
    }

    #[test]
    fn a_fork_is_known_by_its_heads_repository_or_the_lack_of_one() {
        let fork = |repo: Value| {
            run("pull_request", &json!({ "pull_request": { "head": { "sha": "h", "repo": repo } } }))
        };
        assert!(fork(json!({ "full_name": "stranger/site" })).untrusted);
        assert!(fork(Value::Null).untrusted, "the fork was deleted");
        assert!(!run("push", &json!({})).untrusted);
        let event = json!({ "pull_request": { "head": { "sha": "h", "repo": null } } });
        assert!(!run("pull_request_target", &event).untrusted, "its token is the base repository's");
    }

    #[test]
    fn the_cause_of_the_run_is_reported() {
        assert_eq!(run("push", &json!({})).cause, "push to main by octocat");
        assert_eq!(run("schedule", &json!({ "schedule": "17 4 * * *" })).cause, "schedule (17 4 * * *)");
        let publish = run("repository_dispatch", &json!({ "action": "cms-publish" }));
        assert_eq!(publish.cause, "repository_dispatch (cms-publish) by octocat");
        assert_eq!(publish.run_url, "https://github.com/octo/site/actions/runs/7/attempts/2");
    }

    #[test]
    fn a_runs_page_is_where_its_forge_has_it() {
        let page = |code_host: &str| {
            let env: Env = [
                ("GITHUB_REPOSITORY", "octo/site"),
                ("GITHUB_SERVER_URL", "https://code.example.com/"),
                ("GITHUB_RUN_ID", "7001"),
                ("GITHUB_RUN_NUMBER", "12"),
                ("GITEA_ACTIONS", "true"), // Forgejo's runner sets both
                (code_host, "true"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
            WorkflowRun::detect(&env, None, &Redactor::default()).run_url
        };
        assert_eq!(page("FORGEJO_ACTIONS"), "https://code.example.com/octo/site/actions/runs/12");
        assert_eq!(page("GITEA_ACTIONS"), "https://code.example.com/octo/site/actions");
    }

    #[test]
    fn a_repository_that_could_steer_a_path_is_none() {
        for bad in ["", "octo", "octo/../x", "../x", "octo/..", "a b/c", "octo/site?x"] {
            assert!(!is_repository(bad), "{bad}");
        }
    }
}
