//! The platforms whose answer to a trigger names no deployment: which one in their list is ours, and how it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{TOKEN, named};
use crate::cli::run::{Step, run, step};
use crate::cli::together;
use crate::common::sandbox_of;
use crate::secrets::Secrets;
use crate::server::{Reply, Server};

/// A platform: its hook, its state words, and how it describes a deployment of this id, state and time.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    hook: &'static str,
    accepted: &'static str,
    /// A state on the way to success, and success.
    states: [&'static str; 2],
    describe: fn(&str, &str, &Value) -> Value,
    list: fn(&[Value]) -> Value,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "forge",
        hook: "/servers/123456/sites/7654321/deploy/http?token=Zx9kkLONGq7Wm2Tt5RrVv8YyBb4NnHh1JjPp3Qq6",
        accepted: "",
        states: ["deploying", "finished"],
        describe: |id, state, created| json!({ "id": id, "type": "deployments", "attributes": { "status": state, "created_at": created } }),
        list: |all| json!({ "data": all }),
    },
    Kind {
        name: "laravel-cloud",
        hook: "/deploy/9f0a1b2c-3d4e-4f5a-8b6c-7d8e9f0a1b2c/Zx9kkLONGq7Wm2Tt",
        accepted: "",
        states: ["build.succeeded", "deployment.succeeded"],
        describe: |id, state, created| json!({ "id": id, "type": "deployments", "attributes": { "status": state, "started_at": created } }),
        list: |all| json!({ "data": all }),
    },
    Kind {
        name: "dokploy",
        hook: "/api/deploy/Zx9kkLONGq7Wm2Tt5RrVv",
        accepted: r#"{"message":"Application deployed successfully"}"#,
        states: ["running", "done"],
        describe: |id, state, created| json!({ "deploymentId": id, "status": state, "createdAt": created, "title": "NEW CHANGES" }),
        list: |all| json!(all),
    },
];

/// An answer with the server's clock.
fn reply(body: &str) -> Reply {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let length = body.len();
    Reply::Whole(format!(
        "HTTP/1.1 200 X\r\nDate: {date}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

/// The time so many seconds from now, by the platform's clock.
fn time(seconds: i64) -> Value {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    let time = if seconds < 0 { now - distance } else { now + distance };
    json!(humantime::format_rfc3339_millis(time).to_string())
}

/// A server of this kind on which one deployment had ended an hour before the trigger. Since the trigger there are these
/// as well, each by its id with its time; `state` is that of all of them, by how often they were read, and empty
/// where they are not listed.
async fn server(
    kind: Kind,
    new: Vec<(&'static str, Value)>,
    state: fn(Kind, usize) -> &'static str,
) -> Server {
    let (triggers, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Server::by_request(move |head| {
        if head.starts_with("POST") {
            triggers.fetch_add(1, Ordering::SeqCst);
            return reply(kind.accepted);
        }
        let old = (kind.describe)("1000", kind.states[1], &time(-3600));
        if triggers.load(Ordering::SeqCst) == 0 {
            return reply(&(kind.list)(&[old]).to_string());
        }
        let state = state(kind, reads.fetch_add(1, Ordering::SeqCst));
        let described = |(id, created): &(&str, Value)| (kind.describe)(id, state, created);
        let line = head.lines().next().unwrap_or_default();
        if let Some(one) = new.iter().find(|(id, _)| line.contains(&format!("/{id} "))) {
            return reply(&json!({ "data": described(one) }).to_string());
        }
        let listed = new.iter().filter(|_| !state.is_empty()).map(described);
        reply(&(kind.list)(&listed.chain([old]).collect::<Vec<_>>()).to_string())
    })
    .await
}

/// Runs `deploy` on it, with everything that following needs.
async fn deploy(kind: Kind, server: &Server, args: &str) -> Step {
    let hook = format!("http://{}{}", server.address, kind.hook);
    let program =
        run("deploy -v").args(args).env("DEPLOY_HOOK_URL", &hook).env("DEPLOY_HOOK_API_TOKEN", TOKEN);
    let program = program.env("DEPLOY_HOOK_API_URL", format!("http://{}", server.address));
    let program = match kind.name {
        "forge" => program.env("DEPLOY_HOOK_ACCOUNT", "my-organization"),
        "dokploy" => program.env("DEPLOY_HOOK_PROJECT", "app-1").env("DEPLOY_HOOK_PLATFORM", "dokploy"),
        _ => program,
    };
    step(program, &Secrets::of(&hook, &[TOKEN])).await
}

/// On the way to success at the first two reads.
fn usual(kind: Kind, reads: usize) -> &'static str {
    kind.states[usize::from(reads > 1)]
}

/// A test for each kind and each of these cases.
async fn each<T: Clone + Send + 'static, F: Future<Output = ()> + Send + 'static>(
    cases: Vec<T>,
    test: fn(Kind, T) -> F,
) {
    let all = KINDS.into_iter().flat_map(|kind| cases.clone().into_iter().map(move |case| test(kind, case)));
    together(all).await;
}

#[tokio::test]
async fn the_one_made_since_is_followed_to_its_end() {
    // How far the platform's clock is from that of its front end, and whether it gives times at all.
    let clocks = vec![Some(0), Some(-20), Some(20), None];
    each(clocks, |kind, clock| async move {
        let created = clock.map_or(Value::Null, time);
        let server = server(kind, vec![("2000", created)], usual).await;
        let done = deploy(kind, &server, "--timeout 30s").await;
        assert_eq!(done.end(), (0, "succeeded"), "{} {clock:?}\n{}", kind.name, done.log);
        assert_eq!(
            (done.output("deployment-id"), done.output("state")),
            ("2000", kind.states[1]),
            "{}",
            kind.name
        );
        assert!(done.log.contains(kind.states[0]), "{} is no end\n{}", kind.states[0], done.log);
        for head in server.heads() {
            let (is_post, has_token) = (head.starts_with("POST"), head.contains(TOKEN));
            assert_ne!(is_post, has_token, "{head}");
            let header = if kind.name == "dokploy" { "x-api-key: " } else { "authorization: Bearer " };
            assert!(is_post || head.contains(&format!("{header}{TOKEN}")), "{head}");
        }
    })
    .await;
}

#[tokio::test]
async fn none_of_an_hour_ago_is_ours_and_of_two_none_is_guessed() {
    let cases = vec![
        (vec![], "none is there"),
        (vec![("2000", -3600)], "an old one comes to light"),
        (vec![("2000", -31_536_000)], "a very old one"),
        (vec![("2000", 0), ("3000", 0)], "two at once"),
    ];
    each(cases, |kind, (new, what)| async move {
        let new = new.into_iter().map(|(id, ago)| (id, time(ago))).collect();
        let server = server(kind, new, usual).await;
        let done = deploy(kind, &server, "--timeout 10s").await;
        assert_eq!(done.end(), (7, "lost"), "{}: {what}\n{}", kind.name, done.log);
        assert_eq!(done.output("deployment-id"), "", "{}: {what}", kind.name);
        assert_eq!(server.triggers(), 1, "{}: {what}", kind.name);
    })
    .await;
}

/// Dokploy keeps the last ten: a list without ours is not about another deployment.
#[tokio::test]
async fn a_deployment_that_left_the_list_is_not_there() {
    let kind = KINDS[2];
    let server =
        server(kind, vec![("2000", time(0))], |kind, reads| if reads < 2 { kind.states[0] } else { "" })
            .await;
    let done = deploy(kind, &server, "--timeout 10s").await;
    assert_eq!(done.output("deployment-id"), "2000", "{}", done.log);
    assert_ne!(done.output("outcome"), "succeeded");
    assert!(done.log.contains("is not there any more"), "{}", done.log);
}

#[tokio::test]
async fn each_scenario_ends_as_it_says() {
    const SUCCEEDED: (i32, &str) = (0, "succeeded");
    const FAILED: (i32, &str) = (1, "failed");
    const REFUSED: (i32, &str) = (3, "refused");
    let cases = [
        ("forge", "success", SUCCEEDED, "finished"),
        ("forge", "instant", SUCCEEDED, "finished"),
        ("forge", "build-fails", FAILED, "failed-build"),
        ("forge", "post-deploy-fails", FAILED, "failed"),
        ("forge", "canceled", (8, "canceled"), "cancelled"),
        ("forge", "unknown-state", SUCCEEDED, "finished"),
        ("forge", "early-404", SUCCEEDED, "finished"),
        ("forge", "not-json", SUCCEEDED, "finished"),
        ("forge", "sign-in", REFUSED, ""),
        ("forge", "redirect", REFUSED, ""),
        ("laravel-cloud", "success", SUCCEEDED, "deployment.succeeded"),
        ("laravel-cloud", "instant", SUCCEEDED, "deployment.succeeded"),
        ("laravel-cloud", "build-fails", FAILED, "build.failed"),
        ("laravel-cloud", "post-deploy-fails", FAILED, "deployment.failed"),
        ("laravel-cloud", "never-begins", FAILED, "failed"),
        ("laravel-cloud", "canceled", (8, "canceled"), "cancelled"),
        ("laravel-cloud", "unknown-state", SUCCEEDED, "deployment.succeeded"),
        ("laravel-cloud", "sign-in", REFUSED, ""),
        ("dokploy", "success", SUCCEEDED, "done"),
        ("dokploy", "instant", SUCCEEDED, "done"),
        ("dokploy", "build-fails", FAILED, "error"),
        ("dokploy", "canceled", (8, "canceled"), "cancelled"),
        ("dokploy", "waits-in-the-queue", SUCCEEDED, "done"),
        ("dokploy", "branch-not-match", REFUSED, ""),
        ("dokploy", "auto-deploy-off", REFUSED, ""),
    ];
    let hooks =
        |name: &str| if name == "dokploy" { vec![Some("application"), Some("compose")] } else { vec![None] };
    let cases = cases.into_iter().flat_map(|case| hooks(case.0).into_iter().map(move |hook| (case, hook)));
    together(cases.map(|((platform, scenario, end, state), hook)| async move {
        let sandbox = sandbox_of(platform, hook, scenario, 100.0).await;
        let program =
            run("deploy --timeout 30s").on(&sandbox).env("DEPLOY_HOOK_API_TOKEN", sandbox.api_token());
        let program = named(program, platform, &sandbox.hook_url());
        let program =
            ["account", "project"].into_iter().fold(program, |program, name| match sandbox.value(name) {
                Some(value) => program.env(&format!("DEPLOY_HOOK_{}", name.to_uppercase()), value),
                None => program,
            });
        let done = step(program, &Secrets::on(&sandbox)).await;
        assert_eq!(
            (done.end(), done.output("state")),
            (end, state),
            "{platform} {hook:?} {scenario}\n{}",
            done.log
        );
        let has_log = done.log.contains("exit code 1") || done.log.contains("failed with exit code");
        assert_eq!(
            has_log,
            end == FAILED && scenario != "never-begins",
            "{platform} {hook:?} {scenario}\n{}",
            done.log
        );
    }))
    .await;
}
