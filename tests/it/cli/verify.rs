//! `verify-url` on the wire: what the page is sent, what of its answer counts, and what the run says of it.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::run::{Done, Run, run, signal, step};
use super::{platform, start_sandbox, together, triggers};
use crate::common::{Generation, pause};
use crate::secrets::Secrets;
use crate::server::{Authority, Reply, SECRET, Server, reply};

const TEXT: &str = "version 2.4.1";

/// A run on the embedded platform that verifies this page.
fn verify(page: &str) -> Run {
    run("deploy --sandbox --speed 400 --platform fortrabbit").arg("--verify-url").arg(page)
}

/// A run on a platform of the test's own, so that the page is where the test says.
fn verify_there(hook: &str, page: &str) -> Run {
    run("deploy")
        .env("DEPLOY_HOOK_URL", hook)
        .arg("--verify-url")
        .arg(page)
        .env("DEPLOY_HOOK_VERIFY_TIMEOUT", "10s")
}

fn page(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

fn redirect(location: &str) -> Reply {
    Reply::Whole(format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ))
}

/// What a page with this answer makes of a deployment that the platform calls a success.
async fn judged(replies: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Done {
    let (sandbox, server) = (platform("instant", Generation::Draft).await, Server::by_request(replies).await);
    let program = verify_there(&sandbox.hook_url(), &page(&server, "/version"));
    program.arg("--verify-text").arg(TEXT).args("--verify-timeout 6s").done().await
}

#[tokio::test]
async fn no_answer_but_the_right_one_makes_a_success() {
    let answers: [(&str, Reply, &str); 14] = [
        ("old version", reply(200, "version 2.4.0"), "HTTP 200 without the text"),
        ("longer version", reply(200, "version 2.4.10, no: version 2.4.\n1"), ""),
        ("error page with the text", reply(500, TEXT), "HTTP 500"),
        ("maintenance", reply(503, TEXT), "HTTP 503"),
        ("not found with the text", reply(404, TEXT), "HTTP 404"),
        ("password", reply(401, TEXT), "HTTP 401"),
        ("not modified", reply(304, ""), "HTTP 304"),
        ("nothing", reply(204, ""), "HTTP 204 without the text"),
        ("redirect with the text", reply(302, TEXT), "HTTP 302, it redirects to what is not a web address"),
        ("other choices", reply(300, TEXT), "HTTP 300"),
        ("hangs up", Reply::Close, "no answer: "),
        ("no HTTP", Reply::Whole(TEXT.to_owned()), "no answer: "),
        (
            "text in a header",
            Reply::Whole(format!("HTTP/1.1 200 {TEXT}\r\nX: {TEXT}\r\nContent-Length: 2\r\n\r\nno")),
            "without the text",
        ),
        (
            "broken off",
            Reply::Truncated(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nversion 2.".to_vec()),
            "ended early",
        ),
    ];
    together(answers.map(|(name, answer, wanted)| async move {
        let done = judged(move |_| answer.clone()).await;
        let right = name == "longer version";
        assert_eq!(done.code, if right { 0 } else { 9 }, "{name}: {}", done.all());
        assert!(done.all().contains(wanted), "{name}: {}", done.all());
        assert!(!done.err.contains("2.4.0"), "never a body: {}", done.err);
    }))
    .await;
}

#[tokio::test]
async fn a_text_counts_as_soon_as_it_is_there_however_it_comes() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(format!("<p>{TEXT}</p>").as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", gzip.len());
    let chunks = TEXT.chars().fold(String::new(), |done, c| format!("{done}1\r\n{c}\r\n"));
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let answers = [
        Reply::Truncated([head.as_bytes(), &gzip].concat()),
        Reply::Whole(chunked),
        // The end of the page is missing, the text is not.
        Reply::Truncated(format!("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<p>{TEXT}</p>").into_bytes()),
        Reply::Whole(format!("HTTP/1.0 200 OK\r\n\r\n{TEXT}")),
        reply(201, TEXT),
    ];
    together(answers.map(|answer| async move {
        let done = judged(move |_| answer.clone()).await;
        assert_eq!(done.code, 0, "{}", done.all());
        assert!(done.err.contains("and the page answered as expected."), "{}", done.err);
    }))
    .await;
}

/// A server that answers `head` and then this piece every 300 milliseconds.
async fn dripping(head: &'static str, piece: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(piece).await.is_ok() {
                    pause(300).await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_page_without_end_is_not_read_to_it() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    let long: &'static [u8] = vec![b'x'; 12 * 1024 * 1024].leak();
    let cases: [(&[u8], &str); 2] = [(b"x", "did not arrive in time"), (long, "Choose a small page")];
    together(cases.map(|(piece, wanted)| async move {
        let (sandbox, address) = (platform("instant", Generation::Draft).await, dripping(HEAD, piece).await);
        let program = verify_there(&sandbox.hook_url(), &format!("http://{address}/"));
        let done = program.arg("--verify-text").arg(TEXT).done().await;
        assert_eq!(done.code, 9, "{}", done.all());
        assert!(done.err.contains(wanted), "{}", done.err);
    }))
    .await;
    // The status is all that is asked for.
    let (sandbox, address) = (platform("instant", Generation::Draft).await, dripping(HEAD, b"x").await);
    let done = verify_there(&sandbox.hook_url(), &format!("http://{address}/")).done().await;
    assert_eq!(done.code, 0, "{}", done.all());
}

#[tokio::test]
async fn nothing_secret_goes_to_the_page_and_its_own_headers_do() {
    let (sandbox, server) =
        (platform("instant", Generation::Live).await, Server::plain(reply(200, TEXT)).await);
    let program = verify_there(&sandbox.hook_url(), &page(&server, "/version?full=1"))
        .env("DEPLOY_HOOK_API_URL", sandbox.url())
        .env("FRBIT_TOKEN", sandbox.api_token())
        .env("DEPLOY_HOOK_HEADERS", "X-Gateway: gateway-Zx9kkLONG7Wm2")
        .env("DEPLOY_HOOK_VERIFY_HEADERS", "Authorization: Bearer preview-Zx9kkLONG7Wm2\nX-Preview: yes");
    let done = program.done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(!done.all().contains("LONG7Wm2"), "{}", done.all());
    assert_eq!((server.connections(), server.heads().len()), (2, 2), "a connection for each request");
    for head in server.heads() {
        let head = head.to_lowercase();
        assert!(head.starts_with("get /version?full=1 http/1.1\r\n"), "{head}");
        for wanted in
            ["cache-control: no-cache", "authorization: bearer preview-zx9kklong7wm2", "x-preview: yes"]
        {
            assert!(head.contains(wanted), "{head}");
        }
        let secret = sandbox.hook_url();
        let secret = secret.rsplit('/').next().unwrap().to_lowercase();
        for absent in [secret.as_str(), &sandbox.api_token().to_lowercase(), "gateway", "referer", "cookie"] {
            assert!(!head.contains(absent), "{head}");
        }
    }
    let to_platform: Vec<_> =
        sandbox.requests().into_iter().filter(|request| request.path.contains("version")).collect();
    assert!(to_platform.is_empty(), "{to_platform:?}");
}

#[tokio::test]
async fn headers_do_not_follow_a_redirect_to_another_origin_nor_back() {
    let first: Arc<std::sync::OnceLock<String>> = Arc::default();
    let back = Arc::clone(&first);
    let other = Server::by_request(move |_| redirect(back.get().unwrap())).await;
    let away = format!("http://{}/away", other.address);
    let server = Server::by_request(move |head| match head.split(' ').nth(1) {
        Some("/") => redirect("/inside"),
        Some("/inside") => redirect(&away),
        _ => reply(200, TEXT),
    })
    .await;
    first.set(page(&server, "/back")).unwrap();
    let sandbox = platform("instant", Generation::Draft).await;
    let program = verify_there(&sandbox.hook_url(), &page(&server, "/")).arg("--verify-text").arg(TEXT);
    let done = program.env("DEPLOY_HOOK_VERIFY_HEADERS", format!("X-Preview: {SECRET}")).done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    for head in server.heads() {
        let is_first = head.starts_with("GET / ") || head.starts_with("GET /inside ");
        assert_eq!(head.contains(SECRET), is_first, "{head}");
    }
    assert!(other.heads().len() == 2 && other.heads().iter().all(|head| !head.contains(SECRET)));
}

/// Which of the redirects to `/hop-1`, `/hop-2`, … this request follows; 0 is the first request.
fn hop(head: &str) -> usize {
    head.split(' ').nth(1).and_then(|path| path.rsplit('-').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_page_that_redirects_is_requested_again_like_any_other() {
    let seen = AtomicUsize::new(0);
    let server = Server::by_request(move |head| match hop(head) {
        5 if seen.fetch_add(1, Ordering::SeqCst) == 0 => reply(200, "version 2.4.0"),
        5 => reply(200, TEXT),
        hop => redirect(&format!("/hop-{}", hop + 1)),
    });
    let (sandbox, server) = (platform("instant", Generation::Draft).await, server.await);
    let program = verify_there(&sandbox.hook_url(), &page(&server, "/version"));
    let done = program.arg("--verify-text").arg(TEXT).args("--verify-timeout 50s").done().await;
    assert_eq!(done.code, 0, "{}", done.all());
}

#[tokio::test]
async fn five_redirects_are_followed_and_no_more() {
    for (most, code) in [(5, 0), (6, 9)] {
        let done = judged(move |head| {
            let hop = hop(head);
            if hop < most { redirect(&format!("/hop-{}", hop + 1)) } else { reply(200, TEXT) }
        });
        let done = done.await;
        assert_eq!(done.code, code, "{}", done.all());
        assert!(code == 0 || done.err.contains("it redirects more than 5 times"), "{}", done.err);
    }
}

#[tokio::test]
async fn a_redirect_leads_to_the_web_and_never_from_https_to_http() {
    let locations =
        ["", "ftp://x.example/", "javascript:alert(1)", "http://user:pw@127.0.0.1/", "mailto:a@b.c"];
    together(locations.map(|location| async move {
        let done = judged(move |_| redirect(location)).await;
        assert_eq!(done.code, 9, "{location}: {}", done.all());
        assert!(done.err.contains("HTTP 302, it redirects to"), "{location}: {}", done.err);
        assert!(!done.err.contains("user:pw"), "{}", done.err);
    }))
    .await;
    let (authority, plain) = (Authority::new(), Server::plain(reply(200, TEXT)).await);
    let location = page(&plain, "/");
    let secure = Server::tls(&authority, "127.0.0.1", redirect(&location)).await;
    let sandbox = platform("instant", Generation::Draft).await;
    let program = verify_there(&sandbox.hook_url(), &format!("https://{}/", secure.address));
    let done = program.arg("--ca-file").arg(authority.pem.path()).done().await;
    assert_eq!((done.code, plain.connections()), (9, 0), "{}", done.all());
    assert!(done.err.contains("it redirects from https to http, which is not followed"), "{}", done.err);
}

#[tokio::test]
async fn an_authority_of_ca_file_is_trusted_and_no_other_also_after_a_redirect_from_http() {
    let authority = Authority::new();
    let secure = Server::tls(&authority, "127.0.0.1", reply(200, TEXT)).await;
    let location = format!("https://{}/", secure.address);
    let address = location.clone();
    let plain = Server::by_request(move |_| redirect(&address)).await;
    let sandbox = platform("instant", Generation::Draft).await;
    for address in [location, page(&plain, "/")] {
        let program = || verify_there(&sandbox.hook_url(), &address).arg("--verify-text").arg(TEXT);
        let done = program().arg("--ca-file").arg(authority.pem.path()).done().await;
        assert_eq!(done.code, 0, "{}", done.all());
        let done = program().args("--verify-timeout 5s").done().await;
        assert_eq!(done.code, 9, "{}", done.all());
        assert!(
            done.err.contains("not signed by a known authority and not listed in ca-file"),
            "{}",
            done.err
        );
    }
}

#[tokio::test]
async fn a_proxy_is_used_for_http_pages_of_other_machines_only() {
    let proxy = Server::plain(reply(200, TEXT)).await;
    let through = format!("http://{}", proxy.address);
    let sandbox = platform("instant", Generation::Draft).await;
    let program = |page: &str| {
        verify_there(&sandbox.hook_url(), page).arg("--verify-text").arg(TEXT).env("http_proxy", &through)
    };
    let done = program("http://site.invalid/version").done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(proxy.requests()[0].starts_with("GET http://site.invalid/version"), "{:?}", proxy.requests());
    let done =
        program("http://site.invalid/version").env("NO_PROXY", "site.invalid").args("--verify-timeout 5s");
    assert_eq!(done.done().await.code, 9);
    let done = program("http://127.0.0.1:9/").args("--verify-timeout 5s").done().await;
    assert_eq!((done.code, proxy.connections()), (9, 2), "{}", done.all());
    let done = program("http://site.invalid/").env("http_proxy", "socks5://127.0.0.1:9").done().await;
    assert!(done.code == 2 && done.err.contains("error: http_proxy: is a SOCKS proxy"), "{}", done.err);
}

#[tokio::test]
async fn a_path_is_on_the_environment_url() {
    let (sandbox, server) =
        (platform("instant", Generation::Draft).await, Server::plain(reply(200, TEXT)).await);
    let program = verify_there(&sandbox.hook_url(), "/version?full=1");
    let done = program.arg("--environment-url").arg(page(&server, "/app/")).done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    assert_eq!(server.requests()[0], "GET /version?full=1");
    assert!(done.err.contains(&page(&server, "/version?full=1")), "{}", done.err);
}

#[tokio::test]
async fn bad_input_is_found_before_anything_is_sent() {
    let server = Server::plain(reply(200, TEXT)).await;
    let hook = server.hook();
    let cases: Vec<(Vec<String>, &str)> = [
        (&["--verify-url=/version"] as &[&str], "--verify-url: \"/version\" is a path on the deployed site, whose address is not known. Set environment-url"),
        (&["--verify-url=//evil.example/x", "--environment-url=https://x.example"], "--verify-url: \"//evil.example/x\" begins with two slashes"),
        (&["--verify-url=/\\evil.example/x", "--environment-url=https://x.example"], "begins with two slashes"),
        (&["--verify-url=https://user:hunter2@x.example/"], "--verify-url: holds a user name or password. Take it out."),
        (&["--verify-url=https://x.example/#version"], "holds a #, and what follows one is never sent"),
        (&["--verify-url=ftp://x.example/"], "is not a web address. Allowed: https://…, http://…, or a path"),
        (&["--verify-url=x.example/version"], "is not a URL"),
        (&["--verify-url=https://x.example/a b"], "is not a URL"),
        (&["--verify-url=$SITE"], "is masked, or the name of a variable"),
        (&["--verify-url=https://x.example/", "--verify-text="], "--verify-text: is empty, which every page contains. Give a text"),
        (&["--verify-url=https://x.example/", "--verify-text= \n"], "--verify-text: is empty"),
        (&["--verify-url=https://x.example/", "--verify-text=$CI_COMMIT_SHA"], "--verify-text: \"$CI_COMMIT_SHA\" is the name of a variable"),
        (&["--verify-url=https://x.example/", "--verify-text=a***b"], "holds ***"),
        (&["--verify-url=https://x.example/", "--verify-text=a\nb"], "holds a line break"),
        (&["--verify-url=https://x.example/", "--verify-timeout=2"], "--verify-timeout: \"2\" has no unit. Did you mean 2s?"),
        (&["--verify-url=https://x.example/", "--verify-timeout=25h"], "is out of range. Allowed: 1s to 24h"),
        (&["--verify-url=https://x.example/", "--verify-headers=X: y"], "--verify-headers: were given on the command line"),
        (&["--verify-text=x"], "verify-text: is given without verify-url"),
        (&["--verify-timeout=3m"], "verify-timeout: is given without verify-url"),
    ]
    .into_iter()
    .map(|(args, wanted)| (args.iter().map(|arg| (*arg).to_owned()).collect(), wanted))
    .collect();
    together(cases.into_iter().map(|(args, wanted)| {
        let hook = hook.clone();
        async move {
            let program = args.iter().fold(run("deploy").env("DEPLOY_HOOK_URL", hook), Run::arg);
            let done = program.done().await;
            assert!(done.code == 2 && done.err.contains(wanted), "{args:?}\n{}", done.err);
            assert!(
                done.err.ends_with("Nothing was sent.\n") && !done.err.contains("hunter2"),
                "{}",
                done.err
            );
        }
    }))
    .await;
    let long = format!("https://x.example/{}", "a".repeat(70_000));
    for input in ["verify-url", "api-url", "environment-url"] {
        let done = run("deploy").env("DEPLOY_HOOK_URL", &hook).arg(format!("--{input}={long}")).done().await;
        let is_long = done.err.contains(&format!("error: --{input}: \""))
            && done.err.contains(" is longer than 32,000 characters. ");
        assert!(done.code == 2 && is_long, "{}", done.err);
    }
    let headers = [
        ("no colon", "line 1: has no colon. Write each header on a line of its own"),
        ("X: y\nHost: x", "line 2: sets Host, which is set automatically"),
        ("X: a\nx: b", "line 2: sets x a second time"),
        ("X: ***", "line 1: gives X a value with ***"),
    ];
    for (given, wanted) in headers {
        let program = run("deploy --verify-url https://x.example/").env("DEPLOY_HOOK_URL", &hook);
        let done = program.env("DEPLOY_HOOK_VERIFY_HEADERS", given).done().await;
        let wanted = format!("error: verify-headers (DEPLOY_HOOK_VERIFY_HEADERS), {wanted}");
        assert!(done.code == 2 && done.err.contains(&wanted), "{wanted}\n{}", done.err);
    }
    let program = run("deploy --verify-url http://x.example/").env("DEPLOY_HOOK_URL", &hook);
    let done = program.env("INPUT_VERIFY-HEADERS", "X-Preview: yes").done().await;
    assert!(
        done.code == 2 && done.err.contains("verify-headers: would be sent over plain http"),
        "{}",
        done.err
    );
    let done = run("deploy --verify-url").arg(&hook).env("DEPLOY_HOOK_URL", &hook).done().await;
    assert!(
        done.code == 2 && done.err.contains("--verify-url: holds the hook's secret or a token"),
        "{}",
        done.err
    );
    assert!(!done.all().contains(SECRET));
    assert_eq!(server.connections(), 0, "nothing was sent");
}

#[tokio::test]
async fn every_input_has_its_spellings() {
    let hook = "https://host.invalid/hooks/LONGSTRING";
    let inputs = [("verify-url", "x"), ("verify-text", "$X"), ("verify-timeout", "x")];
    for (name, wrong) in inputs {
        let variable = format!("DEPLOY_HOOK_{}", name.to_uppercase().replace('-', "_"));
        let spellings = [
            (run("deploy").arg(format!("--{name}={wrong}")), format!("error: --{name}: ")),
            (run("deploy").env(&variable, wrong), format!("error: {name} ({variable}): ")),
            (run("deploy").env(&format!("INPUT_{}", name.to_uppercase()), wrong), format!("error: {name}: ")),
        ];
        for (program, wanted) in spellings {
            let done = program.env("DEPLOY_HOOK_URL", hook).done().await;
            assert!(done.code == 2 && done.err.starts_with(&wanted), "{wanted}\n{}", done.err);
        }
    }
    // The Action gives the default of an input that was left out, and an empty text for one without a default.
    let (sandbox, empty) = (platform("instant", Generation::Draft).await, "");
    let program = run("deploy").on(&sandbox).env("INPUT_VERIFY-TIMEOUT", "2m").env("INPUT_VERIFY-URL", empty);
    let done = program.env("INPUT_VERIFY-TEXT", empty).env("INPUT_VERIFY-HEADERS", empty).done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"X-Preview: from-a-file\r\n").unwrap();
    let server = Server::plain(reply(200, TEXT)).await;
    let program = || verify_there(&sandbox.hook_url(), &page(&server, "/"));
    assert_eq!(program().arg("--verify-headers-file").arg(file.path()).done().await.code, 0);
    assert_eq!(program().env("DEPLOY_HOOK_VERIFY_HEADERS_FILE", file.path()).done().await.code, 0);
    assert_eq!(
        program().args("--verify-headers-file -").stdin("X-Preview: from-a-file").done().await.code,
        0
    );
    let heads = server.heads();
    assert!(
        heads.len() == 6 && heads.iter().all(|head| head.contains("x-preview: from-a-file")),
        "{heads:?}"
    );
}

#[tokio::test]
async fn each_scenario_of_the_site_ends_as_it_should() {
    let text = format!("--verify-text={TEXT}");
    let ends = [
        ("success", 0, "and the page answered as expected."),
        ("site-late", 0, "answered as expected "),
        ("site-never", 9, "HTTP 200 without the text"),
        ("site-flapping", 9, "It answered as expected in between, but not twice in a row."),
        ("site-error", 9, "HTTP 500"),
        ("site-password", 9, "set `verify-headers`"),
        ("site-hangs", 9, "no answer within"),
        ("site-redirects", 9, "it redirects more than 5 times"),
        ("site-huge", 9, "Choose a small page"),
        ("build-fails", 1, "failed"),
    ];
    together(ends.map(|(scenario, code, wanted)| {
        let text = text.clone();
        async move {
            let program =
                verify("https://www.example.com/version").args("--scenario").arg(scenario).arg(text);
            let done = program.done().await;
            assert_eq!(done.code, code, "{scenario}: {}", done.all());
            assert!(done.err.contains(wanted), "{scenario}: {}", done.err);
            assert!(!done.err.contains("example.com"), "the sandbox's own site: {}", done.err);
        }
    }))
    .await;
    let program = verify("/").args("--scenario site-password").arg(text);
    let done =
        program.env("DEPLOY_HOOK_VERIFY_HEADERS", "Authorization: Basic cHJldmlldzpwcmV2aWV3").done().await;
    assert_eq!(done.code, 0, "{}", done.all());
}

#[tokio::test]
async fn a_hook_that_cannot_be_followed_is_not_called_a_success_by_its_page() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let site = Server::by_request(move |_| match seen.fetch_add(1, Ordering::Relaxed) {
        0 => reply(200, "version 2.4.0"),
        _ => reply(200, TEXT),
    })
    .await;
    let hook = Server::plain(reply(200, "")).await;
    let hook = format!("http://{}/hooks/{SECRET}", hook.address);
    let secrets = Secrets::of(&hook, &[]);
    let program = verify_there(&hook, &page(&site, "/")).arg("--verify-text").arg(TEXT);
    let result = step(program, &secrets).await;
    assert_eq!((result.end(), result.output("succeeded")), ((0, "triggered"), "false"), "{}", result.log);
    assert!(result.summary.contains("did not answer as expected at first, and did"), "{}", result.summary);
    let result = step(verify_there(&hook, &page(&site, "/")), &secrets).await;
    assert_eq!(result.end(), (0, "triggered"), "{}", result.log);
    assert!(result.summary.contains("so it may still be the previous version"), "{}", result.summary);
    let program = verify_there(&hook, &page(&site, "/")).arg("--verify-text").arg("version 3");
    let result = step(program.args("--verify-timeout 5s --wait never"), &secrets).await;
    assert_eq!(result.end(), (9, "unverified"), "{}", result.log);
    assert!(result.summary.contains("because `wait` is `never`"), "{}", result.summary);
    let done = verify_there(&hook, &page(&site, "/")).args("--wait always").done().await;
    assert_eq!(done.code, 2, "{}", done.all());
}

#[tokio::test]
async fn the_result_is_in_every_output() {
    let sandbox = platform("instant", Generation::Draft).await;
    let site = Server::plain(reply(200, "version 2.4.0")).await;
    let secrets = Secrets::of(&sandbox.hook_url(), &[]);
    let program = || verify_there(&sandbox.hook_url(), &page(&site, "/")).arg("--verify-text").arg(TEXT);
    let result = step(program().args("--verify-timeout 5s"), &secrets).await;
    assert_eq!((result.end(), result.output("state")), ((9, "unverified"), "SUCCEEDED"), "{}", result.log);
    assert_eq!(
        (result.dotenv["DEPLOY_HOOK_OUTCOME"].as_str(), result.output("succeeded")),
        ("unverified", "false")
    );
    assert!(
        result
            .output("message")
            .contains("succeeded at the platform, but the page did not answer as expected")
    );
    assert!(
        result.log.contains("::error ") && result.summary.contains("### ❌ Unverified"),
        "{}",
        result.log
    );
    assert!(result.summary.contains("HTTP 200 without the text"), "{}", result.summary);
    let done = program().args("--verify-timeout 5s --format json").done().await;
    let last = done.out.lines().last().unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["site"]["verified"], false, "{last}");
    assert_eq!((&last["site"]["status"], &last["outputs"]["outcome"]), (&200.into(), &"unverified".into()));
}

#[tokio::test]
async fn doctor_and_a_dry_run_say_what_the_page_answers_now() {
    let sandbox = platform("instant", Generation::Draft).await;
    let site =
        Server::by_request(
            |head| if head.starts_with("GET /gone") { reply(404, "") } else { reply(200, TEXT) },
        )
        .await;
    let checks = [
        (
            "/",
            TEXT,
            "? page        ",
            "HTTP 200, and already holds the text → Choose a text that only the new version has",
        ),
        ("/", "version 3", "✓ page        ", "answers now: HTTP 200 without the text"),
        ("/", "", "✓ page        ", "HTTP 200 → The version that is live now may answer the same."),
        ("/gone", "", "? page        ", "HTTP 404 → Check the path in `verify-url`."),
    ];
    for (path, text, mark, wanted) in checks {
        for command in ["doctor", "deploy --dry-run"] {
            let program = run(command).on(&sandbox).arg("--verify-url").arg(page(&site, path));
            let program = if text.is_empty() { program } else { program.arg("--verify-text").arg(text) };
            let done = program.done().await;
            let line = done.out.lines().find(|line| line.contains(" page ")).unwrap_or_default();
            assert!(
                done.code == 0 && line.starts_with(mark) && line.contains(wanted),
                "{command} {}",
                done.all()
            );
        }
    }
    assert_eq!(triggers(&sandbox), 0);
}

#[tokio::test]
async fn a_signal_ends_it_and_says_what_is_known() {
    let sandbox = start_sandbox("instant", Generation::Draft, 400.0).await;
    let site = Server::plain(reply(200, "version 2.4.0")).await;
    let program = verify_there(&sandbox.hook_url(), &page(&site, "/")).arg("--verify-text").arg(TEXT);
    let child = program.args("--verify-timeout 1m").start();
    for _ in 0..3000 {
        if site.heads().len() > 1 {
            break;
        }
        pause(20).await;
    }
    signal(&child, "TERM").await;
    let done = super::run::ended(child).await;
    assert_eq!(done.code, 143, "{}", done.all());
    assert!(done.err.contains("while the page was verified. Deployment dp_"), "{}", done.err);
    assert!(done.err.contains(" succeeded at the platform. The page was not verified."), "{}", done.err);
}

/// The inputs of each recipe in the document, as a workflow has them.
fn recipes() -> Vec<Vec<(String, String)>> {
    let document = std::fs::read_to_string("docs/verify.md").unwrap();
    let blocks = document.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let pair = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        let value = value.trim_matches('"').replace("${{ github.sha }}", &"beef".repeat(10));
        Some((name.to_owned(), value.replace("${{ secrets.HEALTH_TOKEN }}", "Zx9kkLONGSTRING")))
    };
    blocks.map(|block| block.lines().filter_map(pair).collect()).collect()
}

#[tokio::test]
async fn each_recipe_of_the_document_succeeds_and_notices_a_site_that_stays_old() {
    let recipes = recipes();
    assert_eq!(recipes.len(), 3);
    let ends = [("site-late", 0), ("site-never", 9)];
    let cases = recipes.into_iter().flat_map(|recipe| ends.map(|end| (recipe.clone(), end)));
    together(cases.map(|(recipe, (scenario, code))| async move {
        let program = run("deploy --sandbox --speed 400 --scenario").arg(scenario);
        let program = recipe.iter().fold(program, |program, (name, value)| {
            program.env(&format!("INPUT_{}", name.to_uppercase()), value)
        });
        // The recipe's own time is that of a real platform.
        let done = program.args("--verify-timeout 10s").done().await;
        assert_eq!(done.code, code, "{recipe:?}: {}", done.all());
    }))
    .await;
}

#[tokio::test]
async fn the_site_of_each_environment_shows_its_own_version() {
    let sandbox = start_sandbox("success", Generation::Draft, 400.0).await;
    let site = sandbox.site().unwrap();
    let get = async |path: &str| crate::sandbox::send("GET", &format!("{site}{path}"), "", "").await;
    let before = get("version").await;
    assert!(before.status == 200 && before.body.contains("content=\"1.0.0\""), "{}", before.body);
    assert_eq!(run("deploy").on(&sandbox).done().await.code, 0);
    let after = get("").await;
    assert!(after.body.contains("content=\"1.1.0\"") && !after.body.contains("1.0.0"), "{}", after.body);
    let health: serde_json::Value = serde_json::from_str(&get("health").await.body).unwrap();
    assert_eq!((&health["status"], &health["version"]), (&"ok".into(), &"1.1.0".into()));
    let made = crate::sandbox::send("POST", &format!("{}/sandbox/environments", sandbox.url()), "", "").await;
    let made: serde_json::Value = serde_json::from_str(&made.body).unwrap();
    let other = made["site"].as_str().unwrap();
    assert_eq!(crate::sandbox::send("GET", other, "", "").await.status, 404, "nothing is deployed there");
    let limit = Duration::from_secs(5);
    assert!(
        tokio::time::timeout(
            limit,
            tokio::net::TcpStream::connect(other.trim_start_matches("http://").trim_end_matches('/'))
        )
        .await
        .is_ok()
    );
}
