//! The dashboard: what it shows and does, who may ask, and the stream of its events.

use std::time::{Duration, Instant};

use crate::common::Generation;
use deploy_hook::sandbox::{Options, Sandbox, platforms};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{get, pause, post, send, start_sandbox};

/// A limit that only what never comes reaches.
const PATIENCE: Duration = Duration::from_mins(1);

/// The token in the page.
async fn token(url: &str) -> String {
    let page = get(&format!("{url}/")).await.body;
    let (_, rest) = page.split_once("name=\"sandbox-token\" content=\"").expect("the page holds a token");
    rest.split('"').next().expect("its end").to_owned()
}

/// A client of the stream.
struct Stream {
    socket: TcpStream,
    read: String,
}

impl Stream {
    /// Opens one; the answer's head is read.
    async fn open(url: &str, token: &str) -> Self {
        let host = url.strip_prefix("http://").expect("a URL");
        let mut socket = TcpStream::connect(host).await.expect("it listens");
        let request = format!("GET /sandbox/page/events?token={token} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("it reads");
        let mut stream = Self { socket, read: String::new() };
        while !stream.read.contains("\r\n\r\n") {
            assert!(stream.more().await, "an answer has a head");
        }
        stream
    }

    fn status(&self) -> u16 {
        self.read[9..12].parse().expect("a status")
    }

    /// Reads on; false at the end.
    async fn more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = self.socket.read(&mut bytes);
        let count = tokio::time::timeout(PATIENCE, read).await.expect("something comes").unwrap_or(0);
        self.read.push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }

    /// Reads until a whole event is as wanted.
    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let data = event.split_once("data: ").and_then(|(_, data)| serde_json::from_str(data).ok());
                self.read = rest.to_owned();
                if let Some(data) = data.filter(&wanted) {
                    return data;
                }
            }
            assert!(self.more().await, "the stream ended");
        }
    }

    /// Reads to the end of the stream.
    async fn end(&mut self) {
        while self.more().await {}
    }
}

/// What the newest deployment of the first environment is.
fn newest(event: &Value) -> &Value {
    &event["environments"][0]["deployments"][0]
}

#[tokio::test]
async fn the_stream_tells_each_state_as_it_comes() {
    let sandbox = start_sandbox("success", Generation::Draft, 100.0).await;
    let (url, hook) = (sandbox.url(), sandbox.hook_url());
    let mut stream = Stream::open(&url, &token(&url).await).await;
    assert_eq!(stream.status(), 200);
    assert!(stream.read.to_lowercase().contains("content-type: text/event-stream"), "{}", stream.read);
    let first = stream.until(|_| true).await;
    assert_eq!(first["environments"][0]["hook"]["url"], hook);
    assert_eq!(newest(&first)["trigger"], "git");

    post(&hook).await;
    let begun = stream.until(|event| newest(event)["trigger"] == "hook").await;
    assert!(newest(&begun)["states"][0]["state"] == "PENDING", "{begun}");
    let ended = stream.until(|event| newest(event)["meaning"] == "succeeded").await;
    let states = newest(&ended)["states"].as_array().expect("states");
    assert_eq!(states.last().expect("one")["state"], "SUCCEEDED");
    assert!(newest(&ended)["lines"].as_u64() > Some(10) && newest(&ended)["endedAt"].is_u64());

    assert!(sandbox.revoke_hook(&sandbox.environment()));
    stream.until(|event| event["environments"][0]["hook"].is_null()).await;
}

#[tokio::test]
async fn a_stream_ends_with_the_sandbox_and_too_many_are_refused() {
    let sandbox = start_sandbox("success", Generation::Draft, 1.0).await;
    let url = sandbox.url();
    let token = token(&url).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(Stream::open(&url, &token).await);
    }
    assert!(streams.iter().all(|stream| stream.status() == 200));
    let refused = get(&format!("{url}/sandbox/page/events?token={token}")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")));
    // One that goes makes room.
    drop(streams.pop());
    let begun = Instant::now();
    let mut last = Stream::open(&url, &token).await;
    while last.status() != 200 {
        assert!(begun.elapsed() < PATIENCE, "the place of a client that is gone is free again");
        pause(5).await;
        last = Stream::open(&url, &token).await;
    }
    drop(sandbox);
    streams.push(last);
    for mut stream in streams {
        stream.end().await;
    }
}

#[tokio::test]
async fn a_browser_needs_its_own_origin_and_the_token_for_whatever_changes_something() {
    let sandbox = start_sandbox("success", Generation::Draft, 1.0).await;
    let (url, hook) = (sandbox.url(), sandbox.hook_url());
    let (host, token) = (url.replace("http://", ""), token(&url).await);
    let port = host.rsplit(':').next().expect("a port");
    let own = format!("Origin: {url}\r\n");
    let right = format!("X-Sandbox-Token: {token}\r\n");
    let wrong = "X-Sandbox-Token: 0123\r\n".to_owned();
    let refused = [
        own.clone(),
        format!("{own}{wrong}"),
        format!("{own}X-Sandbox-Token: \r\n"),
        format!("Origin: http://localhost:{port}\r\n{right}"),
        format!("Origin: http://127.0.0.1:1\r\n{right}"),
        format!("Origin: https://{host}\r\n{right}"),
        format!("Origin: null\r\n{right}"),
        format!("Origin: https://example.com\r\n{right}"),
        format!("{own}{right}Sec-Fetch-Site: cross-site\r\n"),
        format!("{own}{right}Sec-Fetch-Site: same-site\r\n"),
        format!("{right}Sec-Fetch-Site: cross-site\r\n"),
        "Sec-Fetch-Site: none\r\n".to_owned(),
        "Referer: https://example.com/\r\n".to_owned(),
        "Cookie: a=b\r\n".to_owned(),
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n".to_owned(),
        format!("Host: rebound.example:{port}\r\nOrigin: http://rebound.example:{port}\r\n{right}"),
    ];
    let environment = format!("/sandbox/environments/{}", sandbox.environment());
    let changes = [
        ("PUT", "/sandbox/scenario".to_owned(), r#"{"name":"stuck"}"#),
        ("PUT", "/sandbox/speed".to_owned(), r#"{"speed":7}"#),
        ("PUT", "/sandbox/platform".to_owned(), r#"{"name":"render"}"#),
        ("POST", "/sandbox/environments".to_owned(), ""),
        ("POST", format!("{environment}/trigger"), ""),
        ("POST", format!("{environment}/hook"), r#"{"generation":"draft"}"#),
        ("DELETE", format!("{environment}/hook"), ""),
    ];
    let before = get(&format!("{url}/sandbox")).await.body;
    for headers in &refused {
        for (method, path, body) in &changes {
            let answer = send(method, &format!("{url}{path}"), headers, body).await;
            assert_eq!(answer.status, 403, "{method} {path} {headers}");
        }
    }
    // What shows a hook's URL is for the page alone, whoever asks.
    for path in ["events", "events?token=", "events?token=0123", "log/dp-000000"] {
        assert_eq!(get(&format!("{url}/sandbox/page/{path}")).await.status, 403, "{path}");
    }
    let foreign = "Sec-Fetch-Site: cross-site\r\n";
    let events = format!("{url}/sandbox/page/events?token={token}");
    assert_eq!(send("GET", &events, foreign, "").await.status, 403);
    assert_eq!(send("GET", &format!("{url}/sandbox"), foreign, "").await.status, 403);
    assert_eq!(get(&format!("{url}/sandbox")).await.body, before, "nothing has changed");
    assert!(!before.contains(&hook) && !before.contains(&sandbox.api_token()));

    // The page itself, and a program on this machine.
    let fetched = format!("{own}{right}Sec-Fetch-Site: same-origin\r\n");
    for headers in [fetched.as_str(), "", "User-Agent: node\r\nSec-Fetch-Mode: cors\r\n"] {
        for (method, path, body) in changes.iter().filter(|(_, path, _)| !path.ends_with("platform")) {
            let answer = send(method, &format!("{url}{path}"), headers, body).await;
            assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.body);
            if *method == "DELETE" {
                send("POST", &format!("{url}{path}"), "", r#"{"generation":"draft"}"#).await;
            }
        }
    }
}

#[tokio::test]
async fn the_page_runs_its_own_script_alone_and_is_small() {
    let sandbox = start_sandbox("success", Generation::Draft, 1.0).await;
    let page = send("GET", &format!("{}/", sandbox.url()), "Sec-Fetch-Site: cross-site\r\n", "").await;
    assert_eq!(page.status, 200, "a link may lead to it");
    assert!(page.body.len() < 14 * 1024 && !page.body.contains("{{"), "{}", page.body.len());
    let policy = page.header("content-security-policy").expect("a policy");
    for part in ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "form-action 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    assert_eq!(page.body.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    assert!(!get(&format!("{}/", sandbox.url())).await.body.contains(nonce), "each page has its own");
    for way in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " onclick=\"", "://cdn"]
    {
        assert!(!page.body.contains(way), "{way}");
    }
    assert!(!page.body.contains(&sandbox.hook_url()));
}

#[tokio::test]
async fn a_trigger_by_button_is_answered_with_what_a_client_gets() {
    let sandbox = start_sandbox("success", Generation::Draft, 100.0).await;
    let base = format!("{}/sandbox", sandbox.url());
    let trigger = format!("{base}/environments/{}/trigger", sandbox.environment());
    assert_eq!(post(&trigger).await.status, 404, "no hook is enabled yet");
    let _url = sandbox.hook_url();
    for (scenario, status, connection, deployments) in [
        ("success", 200, None, 1),
        ("forbidden", 403, None, 1),
        ("redirect", 307, None, 1),
        ("answer-lost", 0, Some("closed"), 2),
        ("reset", 0, Some("reset"), 2),
        ("truncated", 200, Some("cut"), 3),
        ("huge", 200, None, 4),
    ] {
        sandbox.set_scenario(scenario).expect("a scenario");
        let answer = post(&trigger).await.json();
        assert_eq!(
            (answer["status"].as_u64(), answer["connection"].as_str()),
            (Some(status), connection),
            "{scenario}"
        );
        assert!(answer["body"].as_str().expect("a text").len() <= 600, "{scenario}");
        assert_eq!(sandbox.deployments(), deployments, "{scenario}");
    }
}

#[tokio::test]
async fn another_speed_leaves_the_past_as_it_was() {
    let sandbox = start_sandbox("instant", Generation::Draft, 1000.0).await;
    let (url, hook) = (sandbox.url(), sandbox.hook_url());
    sandbox.set_scenario("success").expect("a scenario");
    post(&hook).await;
    let mut stream = Stream::open(&url, &token(&url).await).await;
    let ended = stream.until(|event| newest(event)["meaning"] == "succeeded").await;
    let answer = send("PUT", &format!("{url}/sandbox/speed"), "", r#"{"speed":0.1}"#).await;
    assert_eq!(answer.status, 200);
    let slower = stream.until(|event| event["speed"] == 0.1).await;
    assert_eq!(newest(&slower), newest(&ended));
    for body in ["{}", "", r#"{"speed":"fast"}"#] {
        assert_eq!(send("PUT", &format!("{url}/sandbox/speed"), "", body).await.status, 400, "{body}");
    }
    for body in [r#"{"speed":0}"#, r#"{"speed":10001}"#, r#"{"speed":-1}"#] {
        assert_eq!(send("PUT", &format!("{url}/sandbox/speed"), "", body).await.status, 422, "{body}");
    }
}

#[tokio::test]
async fn every_platform_can_be_shown_triggered_and_chosen() {
    let chosen = Sandbox::start(&Options { speed: 1000.0, ..Options::default() }).await.expect("it starts");
    let token = token(&chosen.url()).await;
    let mut stream = Stream::open(&chosen.url(), &token).await;
    for platform in platforms() {
        let put = format!("{{\"name\":\"{platform}\"}}");
        assert_eq!(send("PUT", &format!("{}/sandbox/platform", chosen.url()), "", &put).await.status, 200);
        let event = stream
            .until(|event| event["platform"] == platform && event["environments"][0]["hook"].is_object())
            .await;
        let environment = &event["environments"][0];
        let hook = &environment["hook"];
        let url = hook["url"].as_str().expect("a hook is enabled");
        assert!(hook["curl"].as_str().is_some_and(|curl| curl.contains(&format!("'{url}'"))), "{hook}");
        let command = hook["command"].as_str().expect("a command");
        assert!(
            command.contains(&format!("DEPLOY_HOOK_URL='{url}'")) && command.contains(platform),
            "{command}"
        );
        assert_eq!(command.contains("--api-url"), chosen.has_api(), "{command}");
        assert_eq!(command.contains(&chosen.api_token()), chosen.has_api(), "{command}");
        for name in ["account", "project"] {
            assert_eq!(command.contains(&format!("--{name} ")), chosen.value(name).is_some(), "{command}");
        }
        let id = environment["id"].as_str().expect("an id");
        let answer = post(&format!("{}/sandbox/environments/{id}/trigger", chosen.url())).await.json();
        assert!(answer["status"].as_u64().is_some_and(|status| status < 300), "{platform}: {answer}");
        let ended = stream
            .until(|event| newest(event)["trigger"] == "hook" && newest(event)["meaning"] == "succeeded")
            .await;
        let log =
            format!("{}/sandbox/page/log/{}", chosen.url(), newest(&ended)["id"].as_str().expect("an id"));
        let log = send("GET", &log, &format!("X-Sandbox-Token: {token}\r\n"), "").await.json();
        assert_eq!(
            log.as_array().map(Vec::len),
            newest(&ended)["lines"].as_u64().and_then(|count| count.try_into().ok())
        );
    }
    let slip = send("PUT", &format!("{}/sandbox/platform", chosen.url()), "", r#"{"name":"renders"}"#).await;
    assert_eq!(slip.status, 422);
}
