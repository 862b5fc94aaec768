//! Tests of `event.rs`.

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
    for crooked in ["../../../user/keys", "main", "", "2222", "2222222222222222222222222222222222222222?x"] {
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
    for none in [json!([]), json!(null), json!([{ "number": 7 }]), json!([pull(7, Value::Null)]), json!([7])]
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
