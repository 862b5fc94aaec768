//! A verdict comes only from the platform, in its own format, about our own deployment.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use crate::common::Generation::Live;

use super::run::{Run, Step, run, step};
use super::{platform, together, triggers};
use crate::secrets::Secrets;
use crate::server::{Reply, SECRET, Server, hook_path, reply};

const OLD: &str = r#"{"deployment":{"id":"dp_old111","state":"SUCCEEDED","createdAt":1676567890000}}"#;

/// The `Date` header of an answer.
#[derive(Clone, Copy)]
enum Clock {
    Right,
    Epoch,
    None,
}

/// An answer with its own `Date`.
fn at(clock: Clock, status: u16, body: &str) -> Reply {
    let date = match clock {
        Clock::Right => format!("Date: {}\r\n", httpdate(SystemTime::now())),
        Clock::Epoch => format!("Date: {}\r\n", httpdate(SystemTime::UNIX_EPOCH)),
        Clock::None => String::new(),
    };
    let length = body.len();
    Reply::Whole(format!(
        "HTTP/1.1 {status} X\r\n{date}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

fn httpdate(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis()
}

fn draft_hook(server: &Server) -> String {
    format!("http://{}/v1/deploy-hook/{SECRET}", server.address)
}

/// Runs `deploy` with these arguments on a hook of this server.
async fn deploy(server: &Server, hook: &str, args: &str, more: impl FnOnce(Run) -> Run) -> Step {
    let program = run("deploy").args(args).env("DEPLOY_HOOK_URL", hook);
    let program = program.env("DEPLOY_HOOK_API_URL", format!("http://{}", server.address));
    step(more(program), &Secrets::of(hook, &[])).await
}

/// A draft hook that answers `lost` to the trigger, `before` to the reads before it, and `after` to those after it.
async fn changing(before: Reply, lost: Reply, after: Reply) -> Server {
    let triggered = AtomicBool::new(false);
    Server::by_request(move |head| match head.starts_with("POST") {
        true => {
            triggered.store(true, Ordering::SeqCst);
            lost.clone()
        }
        false if triggered.load(Ordering::SeqCst) => after.clone(),
        false => before.clone(),
    })
    .await
}

#[tokio::test]
async fn an_old_deployment_is_never_taken_for_ours_however_little_was_known_of_it() {
    let unknown = [
        (200, "[]"),
        (200, "null"),
        (200, "{}"),
        (200, r#"{"message":"We are back soon."}"#),
        (200, r#"{"deployment":null}"#),
        (200, r#"{"deployments":[]}"#),
        (200, r#"{"data":[]}"#),
        (200, "\"ok\""),
        (200, "<html>"),
        (404, r#"{"error":"No deployment yet."}"#),
        (404, "not found"),
        (503, "{}"),
        (200, r#"{"id":"req_1","message":"maintenance"}"#),
        (200, r#"{"status":"maintenance","id":"abc123"}"#),
        (200, r#"{"data":{"id":17,"text":"maintenance"}}"#),
    ];
    let clocks = [Clock::Right, Clock::Epoch, Clock::None];
    let cases = unknown.into_iter().flat_map(|before| clocks.map(|clock| (before, clock)));
    together(cases.map(|((status, before), clock)| async move {
        let after = at(clock, 200, OLD);
        let server = changing(at(clock, status, before), Reply::Close, after).await;
        let result = deploy(&server, &draft_hook(&server), "--timeout 10s", |run| run).await;
        assert_eq!(result.end(), (5, "uncertain"), "{status} {before}\n{}", result.log);
        assert_eq!((server.triggers(), result.output("deployment-id")), (1, ""));
    }))
    .await;
}

/// The platform's states after the build reach the message.
#[tokio::test]
async fn a_failure_after_the_code_was_switched_says_so() {
    let step = AtomicUsize::new(0);
    let server = Server::by_request(move |head| {
        let state = match (head.starts_with("POST"), step.load(Ordering::SeqCst)) {
            (true, _) => "PENDING",
            (false, 0) => return reply(200, OLD),
            (false, 1) => "POST_DEPLOY",
            _ => "FAILED",
        };
        step.fetch_add(1, Ordering::SeqCst);
        reply(200, &format!(r#"{{"deployment":{{"id":"dp_new222","state":"{state}"}}}}"#))
    })
    .await;
    let result = deploy(&server, &draft_hook(&server), "", |run| run).await;
    assert_eq!(result.end(), (1, "failed"), "{}", result.log);
    assert!(
        result.summary.contains("a post-deploy command failed, the new code is already live."),
        "{}",
        result.log
    );
}

/// Another old deployment appears: neither its id nor a missing clock makes it ours.
#[tokio::test]
async fn a_deployment_is_adopted_only_if_it_was_made_since_by_the_platforms_clock() {
    const HOUR: u64 = 3600;
    // How long before the trigger another deployment than the one that was there was made.
    let cases = [
        (Clock::Right, 0, (0, "succeeded")),
        (Clock::Right, HOUR, (5, "uncertain")),
        (Clock::Right, 24 * 365 * HOUR, (5, "uncertain")),
        (Clock::None, 0, (5, "uncertain")),
        (Clock::None, HOUR, (5, "uncertain")),
        (Clock::Epoch, 0, (5, "uncertain")),
        (Clock::Epoch, HOUR, (5, "uncertain")),
    ];
    together(cases.map(|(clock, ago, wanted)| async move {
        let made = OnceLock::new();
        let server = Server::by_request(move |head| {
            if head.starts_with("POST") {
                made.get_or_init(|| millis(SystemTime::now() - Duration::from_secs(ago)));
                return Reply::Close;
            }
            let new =
                |made| OLD.replace("dp_old111", "dp_new222").replace("1676567890000", &format!("{made}"));
            at(clock, 200, &made.get().map_or_else(|| OLD.to_owned(), new))
        });
        let server = server.await;
        let timeout = if wanted.0 == 0 { "" } else { "--timeout 10s" };
        let result = deploy(&server, &draft_hook(&server), timeout, |run| run).await;
        assert_eq!((result.end(), server.triggers()), (wanted, 1), "{ago}\n{}", result.log);
    }))
    .await;
}

/// What gives no time where the platform gives them, or one that cannot be read, cannot be judged.
#[tokio::test]
async fn a_deployment_of_unknown_age_is_not_adopted_where_the_platform_gives_times() {
    let times =
        ["", r#","createdAt":null"#, r#","createdAt":"2026-11-20""#, r#","createdAt":{"date":"2026-11-20"}"#];
    together(times.map(|time| async move {
        let after = format!(r#"{{"deployment":{{"id":"dp_new222","state":"SUCCEEDED"{time}}}}}"#);
        let server = changing(at(Clock::Right, 200, OLD), Reply::Close, at(Clock::Right, 200, &after)).await;
        let result = deploy(&server, &draft_hook(&server), "--timeout 10s", |run| run).await;
        assert_eq!((result.end(), server.triggers()), ((5, "uncertain"), 1), "{after}\n{}", result.log);
    }))
    .await;
}

#[tokio::test]
async fn an_old_deployment_in_the_apis_list_is_not_ours_either() {
    const TOKEN: &str = "frbit-at-0123456789abcdef";
    let list = r#"[{"publicId":"dp-old111","status":"succeeded","environment":"en-wjl0ai"}]"#;
    let notice = r#"{"id":"m1","message":"Back soon."}"#;
    let before = ["[]", "null", r#"{"message":"Back soon."}"#, r#"{"member":[]}"#, notice];
    together(before.map(|before| async move {
        let server = changing(reply(200, before), Reply::Close, reply(200, list)).await;
        let done =
            deploy(&server, &server.hook(), "--timeout 10s", |run| run.env("FRBIT_TOKEN", TOKEN)).await;
        assert_eq!((done.end(), server.triggers()), ((5, "uncertain"), 1), "{before}\n{}", done.log);
    }))
    .await;
}

/// A cache, or a platform that answers with the latest deployment.
#[tokio::test]
async fn what_had_ended_before_the_trigger_is_not_ours_whoever_names_it() {
    const TOKEN: &str = "frbit-at-0123456789abcdef";
    let list = r#"[{"publicId":"dp-old111","status":"failed","environment":"en-wjl0ai"}]"#;
    let named = r#"{"data":{"publicId":"dp-old111"}}"#;
    let (pending, going) = (OLD.replace("SUCCEEDED", "PENDING"), OLD.replace("SUCCEEDED", "BUILDING"));
    let nothing = r#"{"error":"No."}"#;
    let untimed = r#"{"deployment":{"id":"dp_old111","state":"SUCCEEDED"}}"#;
    let timed = |body: &str| at(Clock::Right, 200, body);
    let uncertain = (5, "uncertain");
    // What is read before, what the trigger gets, what is read after, and how that must end.
    let cases = [
        (reply(200, list), reply(200, named), reply(200, list), uncertain),
        (reply(200, OLD), reply(200, OLD), reply(200, OLD), uncertain),
        (reply(200, OLD), reply(200, &pending), reply(200, OLD), uncertain),
        // Where the state before is unknown, an ended deployment is ours only if its time shows it.
        (reply(500, nothing), timed(OLD), timed(OLD), uncertain),
        (reply(404, nothing), timed(OLD), timed(OLD), uncertain),
        (reply(500, nothing), timed(untimed), timed(untimed), uncertain),
        // One that was under way may be the platform's answer to our trigger.
        (reply(200, &going), reply(200, &going), reply(200, OLD), (0, "succeeded")),
    ];
    together(cases.into_iter().enumerate().map(|(n, (before, answer, after, wanted))| async move {
        let server = changing(before, answer, after).await;
        let (hook, token) = if n == 0 { (server.hook(), TOKEN) } else { (draft_hook(&server), "") };
        let timeout = if wanted == uncertain { "--timeout 10s" } else { "--timeout 30s" };
        let done = deploy(&server, &hook, timeout, |run| run.env("FRBIT_TOKEN", token)).await;
        assert_eq!((done.end(), server.triggers()), (wanted, 1), "{n}\n{}", done.log);
        assert!(!(1..=2).contains(&n) || done.log.contains("had already ended"), "{}", done.log);
    }))
    .await;
}

#[tokio::test]
async fn no_success_is_ever_a_refusal() {
    let bodies =
        [r#"{"message":"queued"}"#, r#"{"error":"Because."}"#, r#"{"error":null}"#, r#"{"detail":"x"}"#];
    let cases = bodies.into_iter().flat_map(|body| [200, 201, 202, 206].map(|status| (status, body)));
    together(cases.map(|(status, body)| async move {
        let server = Server::plain(reply(status, body)).await;
        let result = deploy(&server, &server.hook(), "", |run| run).await;
        assert_eq!(result.end(), (5, "uncertain"), "{status} {body}\n{}", result.log);
        assert_eq!(server.requests(), [format!("POST {}", hook_path())]);
    }))
    .await;
}

/// A draft hook that is read in between: an intermediary answers every other time.
#[tokio::test]
async fn a_page_of_an_intermediary_does_not_end_the_follow() {
    let statuses = [400, 401, 403, 404, 405, 409, 410, 418, 422, 451];
    let pages = ["<html>Just a moment...</html>", "", "Forbidden", "[]", r#"{"ray":"8c1d"}"#];
    let cases = statuses.into_iter().flat_map(|status| pages.map(|page| (status, page)));
    together(cases.map(|(status, page)| async move {
        let reads = AtomicUsize::new(0);
        let ours = r#"{"deployment":{"id":"dp_ours11","state":"STATE"}}"#;
        let server = Server::by_request(move |head| {
            if head.starts_with("POST") {
                return reply(200, &ours.replace("STATE", "PENDING"));
            }
            match reads.fetch_add(1, Ordering::SeqCst) {
                0 => reply(200, OLD),
                1 | 3 => reply(status, page),
                2 => reply(200, &ours.replace("STATE", "BUILDING")),
                _ => reply(200, &ours.replace("STATE", "SUCCEEDED")),
            }
        });
        let server = server.await;
        let program = |run: Run| run.args("--poll-interval 1s");
        let result = deploy(&server, &draft_hook(&server), "", program).await;
        assert_eq!(result.end(), (0, "succeeded"), "{status} {page}\n{}", result.log);
    }))
    .await;
}

#[tokio::test]
async fn the_platforms_own_refusal_ends_the_follow() {
    for (status, body) in [(401, r#"{"detail":"Expired."}"#), (403, r#"{"error":"Not yours."}"#)] {
        let ours = r#"{"deployment":{"id":"dp_ours11","state":"PENDING"}}"#;
        let server = changing(reply(200, OLD), reply(200, ours), reply(status, body)).await;
        let result = deploy(&server, &draft_hook(&server), "", |run| run).await;
        assert_eq!(result.end(), (7, "lost"), "{status}\n{}", result.log);
        assert!(!result.log.contains("continues"), "nobody knows: {}", result.log);
        assert!(!result.log.contains("token"), "the hook was read without one: {}", result.log);
    }
}

#[tokio::test]
async fn a_verdict_that_is_impossible_is_bad_input_and_nothing_is_sent() {
    let sandbox = platform("success", Live).await;
    let unknown = Server::plain(reply(200, "{}")).await;
    let foreign = format!("http://{}/hooks/{SECRET}", unknown.address);
    for dry in ["", "--dry-run"] {
        for hook in [sandbox.hook_url(), foreign.clone()] {
            let program = run("deploy --wait always").args(dry).env("DEPLOY_HOOK_URL", &hook);
            let done = program.done().await;
            assert_eq!(done.code, 2, "{dry} {}", done.all());
            assert!(done.err.contains("wait: \"always\" is not possible"), "{}", done.err);
            assert!(done.err.contains("Nothing was sent."), "{}", done.err);
        }
    }
    assert_eq!((sandbox.requests().len(), unknown.connections()), (0, 0));
}

#[tokio::test]
async fn a_token_that_the_platform_refuses_is_found_before_the_trigger() {
    for wait in ["auto", "always"] {
        for dry in ["", "--dry-run"] {
            let sandbox = platform("success", Live).await;
            let program = run(&format!("deploy --wait {wait}")).args(dry).on(&sandbox);
            let done = program.env("FRBIT_TOKEN", "frbit-at-00000000").done().await;
            assert_eq!(done.code, 2, "{wait} {dry} {}", done.all());
            assert!(
                done.err.contains("error: api-token: was rejected by the platform (HTTP 401"),
                "{}",
                done.err
            );
            assert!(done.err.contains("Nothing was sent."), "{}", done.err);
            assert_eq!((triggers(&sandbox), sandbox.deployments()), (0, 0));
        }
    }
    let sandbox = platform("success", Live).await;
    let never = run("deploy --wait never").on(&sandbox).env("FRBIT_TOKEN", "frbit-at-00000000").done().await;
    assert_eq!((never.code, triggers(&sandbox)), (0, 1), "{}", never.all());
}

/// A challenge page says nothing about the token.
#[tokio::test]
async fn a_page_of_an_intermediary_refuses_no_token() {
    let triggered = Arc::new(AtomicBool::new(false));
    let server = Server::by_request(move |head| {
        if head.starts_with("POST") {
            triggered.store(true, Ordering::SeqCst);
            return reply(200, r#"{"data":{"publicId":"dp-ours11"}}"#);
        }
        let ours = r#"{"publicId":"dp-ours11","status":"succeeded"}"#;
        if triggered.load(Ordering::SeqCst) { reply(200, ours) } else { reply(401, "<html>") }
    });
    let server = server.await;
    let result =
        deploy(&server, &server.hook(), "", |run| run.env("FRBIT_TOKEN", "frbit-at-0123456789")).await;
    assert_eq!(result.end(), (0, "succeeded"), "{}", result.log);
}

#[tokio::test]
async fn a_longer_pause_than_there_is_ends_the_attempts() {
    for pause in ["3600", "4294967296", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let answer = format!(
            "HTTP/1.1 429 X\r\nRetry-After: {pause}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        );
        let server = Server::plain(Reply::Whole(answer)).await;
        let result = deploy(&server, &server.hook(), "--timeout 30s", |run| run).await;
        assert_eq!((result.end(), server.triggers()), ((3, "refused"), 1), "{pause}\n{}", result.log);
    }
}
