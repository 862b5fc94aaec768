//! Whose word counts: a verdict is only what the platform said, in its own form, of our own deployment.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use crate::common::Generation::Live;

use super::run::{Run, Step, run, step};
use super::{platform, posts, together};
use crate::secrets::Secrets;
use crate::server::{Play, SECRET, Server, hook_path, say};

const OLD: &str = r#"{"deployment":{"id":"dp_old111","state":"SUCCEEDED","createdAt":1676567890000}}"#;

/// What a `Date` header says.
#[derive(Clone, Copy)]
enum Clock {
    Right,
    Epoch,
    None,
}

/// An answer with a clock of its own.
fn at(clock: Clock, status: u16, body: &str) -> Play {
    let date = match clock {
        Clock::Right => format!("Date: {}\r\n", httpdate(SystemTime::now())),
        Clock::Epoch => format!("Date: {}\r\n", httpdate(SystemTime::UNIX_EPOCH)),
        Clock::None => String::new(),
    };
    let length = body.len();
    Play::Say(format!(
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

/// How often a server was asked to deploy.
fn triggers(server: &Server) -> usize {
    server.requests().iter().filter(|request| request.starts_with("POST")).count()
}

/// A draft hook whose trigger gets `lost`, which shows `before` until then and `after` from then on.
async fn changing(before: Play, lost: Play, after: Play) -> Server {
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
        let server = changing(at(clock, status, before), Play::HangUp, after).await;
        let told = deploy(&server, &draft_hook(&server), "--timeout 4s", |run| run).await;
        assert_eq!(told.end(), (5, "uncertain"), "{status} {before}\n{}", told.log);
        assert_eq!((triggers(&server), told.output("deployment-id")), (1, ""));
    }))
    .await;
}

/// Another old one comes to light: neither its id nor a clock that is none makes it ours.
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
                return Play::HangUp;
            }
            let new =
                |made| OLD.replace("dp_old111", "dp_new222").replace("1676567890000", &format!("{made}"));
            at(clock, 200, &made.get().map_or_else(|| OLD.to_owned(), new))
        });
        let server = server.await;
        let timeout = if wanted.0 == 0 { "" } else { "--timeout 5s" };
        let told = deploy(&server, &draft_hook(&server), timeout, |run| run).await;
        assert_eq!((told.end(), triggers(&server)), (wanted, 1), "{ago}\n{}", told.log);
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
        let server = changing(at(Clock::Right, 200, OLD), Play::HangUp, at(Clock::Right, 200, &after)).await;
        let told = deploy(&server, &draft_hook(&server), "--timeout 5s", |run| run).await;
        assert_eq!((told.end(), triggers(&server)), ((5, "uncertain"), 1), "{after}\n{}", told.log);
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
        let server = changing(say(200, before), Play::HangUp, say(200, list)).await;
        let done = deploy(&server, &server.hook(), "--timeout 5s", |run| run.env("FRBIT_TOKEN", TOKEN)).await;
        assert_eq!((done.end(), triggers(&server)), ((5, "uncertain"), 1), "{before}\n{}", done.log);
    }))
    .await;
}

/// A cache, or a platform that answers with the latest it knows.
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
        (say(200, list), say(200, named), say(200, list), uncertain),
        (say(200, OLD), say(200, OLD), say(200, OLD), uncertain),
        (say(200, OLD), say(200, &pending), say(200, OLD), uncertain),
        // Where nothing was known before, one that has ended by now is not known to be ours, unless its time says so.
        (say(500, nothing), timed(OLD), timed(OLD), uncertain),
        (say(404, nothing), timed(OLD), timed(OLD), uncertain),
        (say(500, nothing), timed(untimed), timed(untimed), uncertain),
        // One that was under way is the platform's to give us.
        (say(200, &going), say(200, &going), say(200, OLD), (0, "succeeded")),
    ];
    together(cases.into_iter().enumerate().map(|(n, (before, answer, after, wanted))| async move {
        let server = changing(before, answer, after).await;
        let (hook, token) = if n == 0 { (server.hook(), TOKEN) } else { (draft_hook(&server), "") };
        let timeout = if wanted == uncertain { "--timeout 5s" } else { "--timeout 30s" };
        let done = deploy(&server, &hook, timeout, |run| run.env("FRBIT_TOKEN", token)).await;
        assert_eq!((done.end(), triggers(&server)), (wanted, 1), "{n}\n{}", done.log);
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
        let server = Server::plain(say(status, body)).await;
        let told = deploy(&server, &server.hook(), "", |run| run).await;
        assert_eq!(told.end(), (5, "uncertain"), "{status} {body}\n{}", told.log);
        assert_eq!(server.requests(), [format!("POST {}", hook_path())]);
    }))
    .await;
}

/// A draft hook that is read in between: what stands between us and the platform answers every other time.
#[tokio::test]
async fn a_page_from_somebody_in_between_does_not_end_the_follow() {
    let statuses = [400, 401, 403, 404, 405, 409, 410, 418, 422, 451];
    let pages = ["<html>Just a moment...</html>", "", "Forbidden", "[]", r#"{"ray":"8c1d"}"#];
    let cases = statuses.into_iter().flat_map(|status| pages.map(|page| (status, page)));
    together(cases.map(|(status, page)| async move {
        let reads = AtomicUsize::new(0);
        let ours = r#"{"deployment":{"id":"dp_ours11","state":"STATE"}}"#;
        let server = Server::by_request(move |head| {
            if head.starts_with("POST") {
                return say(200, &ours.replace("STATE", "PENDING"));
            }
            match reads.fetch_add(1, Ordering::SeqCst) {
                0 => say(200, OLD),
                1 | 3 => say(status, page),
                2 => say(200, &ours.replace("STATE", "BUILDING")),
                _ => say(200, &ours.replace("STATE", "SUCCEEDED")),
            }
        });
        let server = server.await;
        let program = |run: Run| run.args("--poll-interval 1s");
        let told = deploy(&server, &draft_hook(&server), "", program).await;
        assert_eq!(told.end(), (0, "succeeded"), "{status} {page}\n{}", told.log);
    }))
    .await;
}

#[tokio::test]
async fn the_platforms_own_no_ends_the_follow() {
    for (status, body) in [(401, r#"{"detail":"Expired."}"#), (403, r#"{"error":"Not yours."}"#)] {
        let ours = r#"{"deployment":{"id":"dp_ours11","state":"PENDING"}}"#;
        let server = changing(say(200, OLD), say(200, ours), say(status, body)).await;
        let told = deploy(&server, &draft_hook(&server), "", |run| run).await;
        assert_eq!(told.end(), (7, "lost"), "{status}\n{}", told.log);
        assert!(!told.log.contains("continues"), "nobody knows: {}", told.log);
        assert!(!told.log.contains("token"), "the hook was read without one: {}", told.log);
    }
}

#[tokio::test]
async fn a_verdict_that_cannot_be_had_is_bad_input_and_nothing_is_sent() {
    let sandbox = platform("success", Live).await;
    let unknown = Server::plain(say(200, "{}")).await;
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
            assert_eq!((posts(&sandbox), sandbox.deployments()), (0, 0));
        }
    }
    let sandbox = platform("success", Live).await;
    let never = run("deploy --wait never").on(&sandbox).env("FRBIT_TOKEN", "frbit-at-00000000").done().await;
    assert_eq!((never.code, posts(&sandbox)), (0, 1), "{}", never.all());
}

/// A challenge page is not the platform's word about the token.
#[tokio::test]
async fn a_page_in_the_platforms_place_refuses_no_token() {
    let triggered = Arc::new(AtomicBool::new(false));
    let server = Server::by_request(move |head| {
        if head.starts_with("POST") {
            triggered.store(true, Ordering::SeqCst);
            return say(200, r#"{"data":{"publicId":"dp-ours11"}}"#);
        }
        let ours = r#"{"publicId":"dp-ours11","status":"succeeded"}"#;
        if triggered.load(Ordering::SeqCst) { say(200, ours) } else { say(401, "<html>") }
    });
    let server = server.await;
    let told = deploy(&server, &server.hook(), "", |run| run.env("FRBIT_TOKEN", "frbit-at-0123456789")).await;
    assert_eq!(told.end(), (0, "succeeded"), "{}", told.log);
}

#[tokio::test]
async fn a_longer_pause_than_there_is_ends_the_attempts() {
    for pause in ["3600", "4294967296", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let answer = format!(
            "HTTP/1.1 429 X\r\nRetry-After: {pause}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        );
        let server = Server::plain(Play::Say(answer)).await;
        let told = deploy(&server, &server.hook(), "--timeout 30s", |run| run).await;
        assert_eq!((told.end(), triggers(&server)), ((3, "refused"), 1), "{pause}\n{}", told.log);
    }
}
