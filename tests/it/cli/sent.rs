//! What is sent with the trigger besides the hook's URL: headers and a text. Headers are secrets.

use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use super::run::{Run, run, step};
use super::together;
use crate::secrets::Secrets;
use crate::server::{SECRET, Server, answers_of_ours, hook_path, reply};
use crate::wire::{Connection, Request};

const ACCEPTED: &str = r#"{"data":{"publicId":"dp-abc123"}}"#;

/// A password that is in no other value.
const PASSWORD: &str = "open-S3same-q7Wm2Tt5";

/// The request of a trigger; every value of its headers is absent from what the run printed.
async fn sent(set: impl FnOnce(Run) -> Run) -> Request {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let hook = format!("http://{}{}", listener.local_addr().expect("an address"), hook_path());
    let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
    let stored = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = Connection::new(stream);
            while let Some(request) = connection.request().await {
                stored.lock().expect("the lock").push(request);
                connection.answer(200, "", ACCEPTED).await;
            }
        }
    });
    let done = set(run("deploy --wait never -v").env("DEPLOY_HOOK_URL", &hook)).done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    Secrets::only(&[PASSWORD]).assert_absent(&done.all(), "the log");
    let seen = std::mem::take(&mut *seen.lock().expect("the lock"));
    let [request] = <[Request; 1]>::try_from(seen).expect("one trigger");
    request
}

fn file(bytes: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("it can be written");
    file
}

#[tokio::test]
async fn headers_come_from_the_first_source_that_has_some() {
    let files = ["X-From: 3", "X-From: 1"].map(file);
    // from the last to the first
    let sources: [(&str, &std::ffi::OsStr); 4] = [
        ("INPUT_HEADERS", "X-From: 4".as_ref()),
        ("DEPLOY_HOOK_HEADERS_FILE", files[0].path().as_os_str()),
        ("DEPLOY_HOOK_HEADERS", "X-From: 2".as_ref()),
        ("--headers-file", files[1].path().as_os_str()),
    ];
    for last in 0..sources.len() {
        let set = |program: Run, (name, value): &(&str, &std::ffi::OsStr)| match name.strip_prefix("--") {
            Some(_) => program.arg(name).arg(value),
            None => program.env(name, value),
        };
        let request = sent(|program| sources.iter().take(last + 1).fold(program, set)).await;
        assert_eq!(request.headers["x-from"], (4 - last).to_string());
    }
    let request = sent(|program| program.args("--headers-file -").stdin("X-From: standard input\n")).await;
    assert_eq!(request.headers["x-from"], "standard input");
}

#[tokio::test]
async fn headers_are_read_however_their_lines_are_written() {
    let basic = format!("Basic {PASSWORD}");
    let text = format!(
        "\nX-One: {PASSWORD}\n\n  x-two :\t{PASSWORD}; a=b: c \nAuthorization: {basic}\nX-Empty:\n\n"
    );
    let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files = [file(format!("\u{feff}{text}")), file(utf16)];
    for request in [
        sent(|program| program.env("DEPLOY_HOOK_HEADERS", &text)).await,
        sent(|program| program.env("INPUT_HEADERS", text.replace('\n', "\r\n"))).await,
        sent(|program| program.env("DEPLOY_HOOK_HEADERS_FILE", files[0].path())).await,
        sent(|program| program.arg("--headers-file").arg(files[1].path())).await,
    ] {
        assert_eq!(request.headers["x-one"], PASSWORD);
        assert_eq!(request.headers["x-two"], format!("{PASSWORD}; a=b: c"));
        assert_eq!(
            (request.headers["authorization"].as_str(), request.headers["x-empty"].as_str()),
            (basic.as_str(), "")
        );
    }
}

/// A gateway's key is for the gateway before the hook, not for the platform's API.
#[tokio::test]
async fn headers_and_text_go_with_the_trigger_alone() {
    let server = answers_of_ours(r#"{"publicId":"dp-abc123","status":"succeeded"}"#.to_owned()).await;
    let program = run("deploy --body deploy-now")
        .env("DEPLOY_HOOK_URL", server.hook())
        .env("DEPLOY_HOOK_API_URL", format!("http://{}", server.address))
        .env("FRBIT_TOKEN", "frbit-at-0011")
        .env("DEPLOY_HOOK_HEADERS", format!("X-Gateway: {PASSWORD}"));
    let done = program.done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    let heads = server.heads();
    assert!(heads.len() > 2, "{heads:?}");
    for head in heads {
        let is_trigger = head.starts_with("POST ");
        assert_eq!(head.contains(&format!("x-gateway: {PASSWORD}\r\n")), is_trigger, "{head}");
        assert_eq!(head.contains("content-length: 10\r\n"), is_trigger, "{head}");
    }
    for args in ["status dp-abc123", "doctor", "follow dp-abc123"] {
        let server = answers_of_ours(r#"{"publicId":"dp-abc123","status":"succeeded"}"#.to_owned()).await;
        let program = run(args)
            .env("DEPLOY_HOOK_URL", server.hook())
            .env("FRBIT_TOKEN", "frbit-at-0011")
            .env("DEPLOY_HOOK_API_URL", format!("http://{}", server.address))
            .env("DEPLOY_HOOK_HEADERS", format!("X-Gateway: {PASSWORD}"));
        let done = program.done().await;
        assert_eq!(done.code, 0, "{args}: {}", done.all());
        assert!(!server.heads().is_empty() && !server.heads().concat().contains(PASSWORD), "{args}");
    }
}

#[tokio::test]
async fn a_text_is_sent_as_it_was_given() {
    for (text, kind) in [
        (r#"{"ref":"refs/heads/main"}"#, "application/json"),
        (" { \"a\" : 1 }\n", "application/json"),
        ("  two words \n\n and more \n", "text/plain; charset=utf-8"),
        ("Grüße", "text/plain; charset=utf-8"),
        ("- not an option", "text/plain; charset=utf-8"),
    ] {
        for request in [
            sent(|program| program.arg(format!("--body={text}"))).await,
            sent(|program| program.env("DEPLOY_HOOK_BODY", text)).await,
            sent(|program| program.env("INPUT_BODY", text)).await,
        ] {
            assert_eq!((request.body.as_str(), request.headers["content-type"].as_str()), (text, kind));
        }
    }
    let request = sent(|program| {
        program
            .env("DEPLOY_HOOK_BODY", "a=b")
            .env("DEPLOY_HOOK_HEADERS", "Content-Type: application/x-www-form-urlencoded")
    });
    assert_eq!(request.await.headers["content-type"], "application/x-www-form-urlencoded");
    let request = sent(|program| program.arg("--body=").env("INPUT_BODY", " \n")).await;
    assert_eq!(request.body, "", "a blank one is unset");
}

/// Each line has its own problem: what is wrong, the line's number and the header's name, never the value.
#[tokio::test]
async fn every_wrong_line_is_named_and_no_value_is_repeated() {
    let lines: [(String, &str); 23] = [
        (format!("https://host.invalid/hooks/{PASSWORD}"), "is a URL, not a header"),
        (PASSWORD.to_owned(), "has no colon"),
        (format!("Authorization Bearer {PASSWORD}"), "has no colon"),
        (format!(": {PASSWORD}"), "does not begin with a valid header name."),
        (format!("Bad Name: {PASSWORD}"), "does not begin with a valid header name (Bad Name)"),
        (format!("Bearer {PASSWORD}: x"), "does not begin with a valid header name."),
        (format!("Authorization=Bearer {PASSWORD}: x"), "does not begin with a valid header name."),
        (format!("Bearer secret:{PASSWORD}"), "does not begin with a valid header name."),
        (format!("X-Grüße: {PASSWORD}"), "does not begin with a valid header name."),
        (format!("X-Control: {PASSWORD}\u{7}"), "gives X-Control a value with a character"),
        (format!("X-Invisible: {PASSWORD}\u{200b}"), "gives X-Invisible a value with a character"),
        (format!("X-Return: a\r{PASSWORD}"), "gives X-Return a value with a character"),
        (format!("X-Masked: Bearer *** {PASSWORD}"), "gives X-Masked a value with ***"),
        (format!("Host: {PASSWORD}"), "sets Host, which"),
        (format!("content-length: {PASSWORD}"), "sets content-length, which"),
        (format!("Transfer-Encoding: {PASSWORD}"), "sets Transfer-Encoding, which"),
        (format!("Connection: {PASSWORD}"), "sets Connection, which"),
        (format!("TE: {PASSWORD}"), "sets TE, which"),
        (format!("Trailer: {PASSWORD}"), "sets Trailer, which"),
        (format!("Upgrade: {PASSWORD}"), "sets Upgrade, which"),
        (format!("Expect: {PASSWORD}"), "sets Expect, which"),
        (format!("Proxy-Authorization: {PASSWORD}"), "sets Proxy-Authorization, which"),
        (format!("Keep-Alive: {PASSWORD}"), "sets Keep-Alive, which"),
    ];
    let server = Server::plain(reply(200, ACCEPTED)).await;
    let wrong = lines.each_ref().map(|(line, _)| line.as_str()).join("\n");
    let text = format!("X-Good: {PASSWORD}\n\n{wrong}\nx-good: {PASSWORD}\n");
    let path = file(&text);
    for (program, input) in [
        (run("deploy").env("DEPLOY_HOOK_HEADERS", &text), "headers (DEPLOY_HOOK_HEADERS)"),
        (run("deploy").env("INPUT_HEADERS", &text), "headers"),
        (run("deploy").arg("--headers-file").arg(path.path()), "--headers-file"),
        (
            run("deploy -v --format json").env("DEPLOY_HOOK_HEADERS_FILE", path.path()),
            "DEPLOY_HOOK_HEADERS_FILE",
        ),
    ] {
        let done = program.env("DEPLOY_HOOK_URL", server.hook()).done().await;
        let all = done.all();
        assert_eq!(done.code, 2, "{all}");
        Secrets::only(&[PASSWORD]).assert_absent(&all, "the problems");
        for piece in ["S3same", "secret", "Grüße"] {
            assert!(!all.contains(piece), "{piece}: {all}");
        }
        let wanted = lines.iter().map(|(_, wrong)| *wrong).chain(["sets x-good a second time"]);
        for (index, wrong) in wanted.enumerate() {
            let start = format!("{input}, line {}: ", index + 3);
            let problem = all.split(&start).nth(1).unwrap_or_else(|| panic!("{start}{wrong}: {all}"));
            let problem = problem.split("line ").next().unwrap_or_default();
            assert!(problem.contains(wrong), "{start}{wrong}: {problem}");
        }
        assert!(!all.contains("X-Good"), "it is right: {all}");
    }
    assert_eq!(server.connections(), 0, "nothing was sent");
}

#[tokio::test]
async fn headers_on_the_command_line_are_refused_without_repeating_them() {
    for args in
        [vec!["--headers", "X-Key: open-S3same"], vec!["--headers=X-Key: open-S3same"], vec!["--headers"]]
    {
        let program = args.into_iter().fold(run("deploy"), Run::arg).env("DEPLOY_HOOK_HEADERS", "X-A: b");
        let done = program.env("DEPLOY_HOOK_URL", "https://host.invalid/hooks/LONGSTRING").done().await;
        let all = done.all();
        assert!(
            done.code == 2 && all.contains("DEPLOY_HOOK_HEADERS") && all.contains("--headers-file"),
            "{all}"
        );
        assert!(!all.contains("S3same") && !all.contains("X-Key"), "{all}");
    }
}

#[tokio::test]
async fn a_path_in_the_headers_place_is_named_as_such() {
    let path = file(format!("X-Key: {PASSWORD}"));
    let hook = "https://host.invalid/hooks/LONGSTRING";
    for name in ["DEPLOY_HOOK_HEADERS", "INPUT_HEADERS"] {
        let done = run("deploy").env("DEPLOY_HOOK_URL", hook).env(name, path.path()).done().await;
        assert!(done.code == 2 && done.err.contains("is the path of a file"), "{}", done.err);
        assert!(done.err.contains("DEPLOY_HOOK_HEADERS_FILE"), "{}", done.err);
    }
    let done = run("deploy --headers-file /nowhere/headers").env("DEPLOY_HOOK_URL", hook).done().await;
    assert!(done.code == 2 && done.err.contains("\"/nowhere/headers\" does not exist"), "{}", done.err);
}

/// Standard input gives its text once: a second secret from there would be empty.
#[tokio::test]
async fn two_secrets_cannot_come_from_standard_input() {
    let program =
        run("deploy --hook-url-file - --headers-file -").stdin("https://host.invalid/hooks/LONGSTRING");
    let done = program.done().await;
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(
        done.err.contains("--headers-file: \"-\" is standard input, which --hook-url-file has read already"),
        "{}",
        done.err
    );
}

/// A gateway that repeats the request, in every encoding of a secret.
#[tokio::test]
async fn no_value_of_a_header_is_printed_whatever_comes_back() {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{PASSWORD}"));
    let headers = format!(
        "Authorization: Basic {encoded}\nX-Gateway-Token: Bearer {SECRET}\nCookie: session=Zq9-cookie-77; theme=dark-blue\n\
         X-Quoted: 'Zq9-quoted-77'\nX-Proxy: https://ci:Zq9-proxy-77@proxy.invalid/\n"
    );
    let secrets = [PASSWORD, &encoded, "Zq9-cookie-77", "Zq9-quoted-77", "Zq9-proxy-77"];
    let echo = format!("No: {} or {PASSWORD}", headers.replace('\n', ", "));
    let answers = [
        reply(403, &format!(r#"{{"error":"{echo}"}}"#)),
        reply(403, &format!(r#"{{"error":"{}"}}"#, echo.to_lowercase())),
        reply(200, &format!(r#"{{"deployment":{{"id":"dp_1","state":"{PASSWORD}"}}}}"#)),
        reply(500, &echo),
        reply(200, &format!(r#"{{"error":"user:{PASSWORD}"}}"#)),
    ];
    together(answers.map(|answer| {
        let headers = headers.clone();
        let secrets = Secrets::only(&secrets);
        async move {
            let server = Server::plain(answer).await;
            let program = || {
                run("deploy --wait never -v --report summary --environment production")
                    .env("DEPLOY_HOOK_URL", server.hook())
                    .env("DEPLOY_HOOK_HEADERS", &headers)
            };
            let result = step(program(), &secrets).await;
            for secret in [PASSWORD, SECRET, "Zq9-cookie-77", "Zq9-quoted-77", "Zq9-proxy-77"] {
                assert!(
                    super::runner::masks(&result.log).iter().any(|mask| mask == secret),
                    "a mask for each"
                );
            }
            let done = program().args("--format json").done().await;
            secrets.assert_absent(&done.all(), "the events");
            assert!(!done.all().contains("add-mask"), "{}", done.all());
        }
    }))
    .await;
}

/// A common word is not masked: the outputs would be stars.
#[tokio::test]
async fn common_words_in_headers_stay_in_the_outputs() {
    let server = Server::plain(reply(200, ACCEPTED)).await;
    let program =
        run("deploy --wait never --environment production").env("DEPLOY_HOOK_URL", server.hook()).env(
            "DEPLOY_HOOK_HEADERS",
            "X-GitHub-Event: push\nX-Deploy: true\nX-Debug: false\nX-Stage: production\nX-Task: trigger",
        );
    let result = step(program, &Secrets::of(&server.hook(), &[])).await;
    assert_eq!((result.end(), result.output("succeeded")), ((0, "triggered"), "false"));
    assert!(result.summary.contains("production"), "{}", result.summary);
}

/// A header that repeats an output is no secret: a mask would destroy the output.
#[tokio::test]
async fn headers_that_repeat_what_outputs_say_are_not_masked() {
    const SITE: &str = "https://www.site.invalid";
    let server = Server::plain(reply(200, ACCEPTED)).await;
    let host = server.hook().split('/').nth(2).expect("a host").to_owned();
    let headers = format!(
        "X-Outcome: triggered\nX-Verb: succeeded\nOrigin: {SITE}\nX-Site: site.invalid\nReferer: {SITE}/shop\n\
         X-Forwarded-Host: {host}\nX-Team: acme-shop-17\nX-Key: {PASSWORD}"
    );
    let program = || {
        run("deploy --wait never --environment acme-shop-17")
            .args("--environment-url https://www.site.invalid/shop")
            .env("DEPLOY_HOOK_URL", server.hook())
            .env("DEPLOY_HOOK_HEADERS", &headers)
    };
    let result = step(program(), &Secrets::only(&[PASSWORD])).await;
    assert_eq!(result.end(), (0, "triggered"));
    assert_eq!(result.output("environment-url"), format!("{SITE}/shop"));
    let masks = super::runner::masks(&result.log);
    for public in ["triggered", "succeeded", "site.invalid", "acme-shop-17", host.as_str()] {
        assert!(!masks.iter().any(|mask| mask == public), "{public}");
    }
    let page = run("deploy --dry-run").args("--verify-url https://www.site.invalid/login");
    let page = page.env("DEPLOY_HOOK_URL", server.hook()).env("DEPLOY_HOOK_HEADERS", &headers).done().await;
    assert!(!page.all().contains("verify-url:"), "{}", page.all());
    assert!(page.all().contains("www.site.invalid/login"), "{}", page.all());
}
