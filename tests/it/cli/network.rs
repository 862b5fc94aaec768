//! The connection to the platform: names, certificates, proxies. A request that was never sent is `unreachable`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::Generation::Draft;
use crate::common::closed;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::run::{Run, Step, run, step};
use super::{platform, start_sandbox, together};
use crate::secrets::Secrets;
use crate::server::{Authority, Reply, SECRET, Server, hook_path, reply};

const ACCEPTED: &str = "{\"data\":{\"publicId\":\"dp-abc123\"}}";

async fn deploy(hook: &str, set: impl FnOnce(Run) -> Run) -> Step {
    step(set(run("deploy").env("DEPLOY_HOOK_URL", hook)), &Secrets::of(hook, &[])).await
}

/// Never sent: the one exit code after which a repetition is always safe.
fn assert_unreachable(result: &Step, why: &str) {
    assert_eq!(result.end(), (4, "unreachable"), "{}", result.log);
    for place in [&result.log, &result.summary] {
        assert!(place.contains(why) && place.contains("Nothing was triggered"), "{why}: {place}");
    }
    assert_eq!(result.output("deployment-id"), "");
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_tried_again_and_then_unreachable() {
    let closed = closed();
    let cases = [
        (format!("https://host.invalid{}", hook_path()), "could not be resolved"), // NO_PROXY names it
        (format!("http://{closed}{}", hook_path()), "Could not connect to the hook's host"),
        (format!("https://{closed}{}", hook_path()), "Could not connect to the hook's host"),
    ];
    together(cases.map(|(hook, why)| async move {
        let proxy = Server::plain(reply(407, "")).await;
        let url = format!("http://{}", proxy.address);
        let past = |run: Run| run.env("HTTPS_PROXY", url).env("NO_PROXY", "other.example, invalid");
        let result = deploy(&hook, past).await;
        assert_unreachable(&result, why);
        assert_eq!(proxy.connections(), 0);
        assert!(result.log.contains("Attempt 2: "), "{}", result.log);
    }))
    .await;
}

#[tokio::test]
async fn a_server_without_tls_is_unreachable_and_not_asked_twice() {
    for answer in [reply(400, "no"), Reply::Close, Reply::Whole("\u{15}garbage".to_owned())] {
        let server = Server::plain(answer).await;
        let result = deploy(&server.https_hook(), |run| run).await;
        assert_unreachable(&result, "Could not establish a trusted TLS connection to the hook's host");
        assert_eq!(server.connections(), 1, "it is not tried again");
        assert!(
            server.heads().iter().all(|head| !head.contains("POST")),
            "the secret is not sent in the clear"
        );
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_trusted_only_with_its_file() {
    let authority = Authority::new();
    let server = Server::tls(&authority, "127.0.0.1", reply(200, ACCEPTED)).await;
    let result = deploy(&server.https_hook(), |run| run).await;
    assert_unreachable(&result, "trusted TLS connection");
    assert!(result.log.contains("ca-file"), "the remedy: {}", result.log);
    assert_eq!((server.connections(), server.requests().len()), (1, 0));
    let ways: [&dyn Fn(Run) -> Run; 3] = [
        &|run| run.arg("--ca-file").arg(authority.pem.path()),
        &|run| run.env("INPUT_CA-FILE", authority.pem.path()),
        &|run| run.env("SSL_CERT_FILE", authority.pem.path()),
    ];
    for way in ways {
        let result = deploy(&server.https_hook(), way).await;
        assert_eq!(result.end(), (0, "triggered"), "{}", result.log);
    }
    assert_eq!(server.requests(), vec![format!("POST {}", hook_path()); 3]);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_trusted() {
    let authority = Authority::new();
    let server = Server::tls(&authority, "localhost", reply(200, ACCEPTED)).await;
    let result = deploy(&server.https_hook(), |run| run.arg("--ca-file").arg(authority.pem.path())).await;
    assert_unreachable(&result, "trusted TLS connection");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_file_without_an_authority_is_bad_input() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "no certificate").unwrap();
    let server = Server::plain(reply(200, ACCEPTED)).await;
    let program = run("deploy").arg("--ca-file").arg(file.path()).env("DEPLOY_HOOK_URL", server.https_hook());
    let done = program.done().await;
    assert!(done.code == 2 && done.err.contains("ca-file"), "{}", done.all());
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_uncertain() {
    let authority = Authority::new();
    let server = Server::tls(&authority, "127.0.0.1", Reply::Close).await;
    let result = deploy(&server.https_hook(), |run| run.arg("--ca-file").arg(authority.pem.path())).await;
    assert_eq!(result.end(), (5, "uncertain"), "{}", result.log);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_with_its_status_and_without_its_password() {
    let hook = &format!("https://hooks.example{}", hook_path());
    let cases = [
        (
            407,
            "HTTPS_PROXY",
            "407 (Proxy Authentication Required), so it does not accept the user and password",
        ),
        (403, "https_proxy", "it answered 403 (Forbidden)"),
        (502, "ALL_PROXY", "it answered 502 (Bad Gateway)"),
        (503, "all_proxy", "it answered 503 (Service Unavailable)"),
        (302, "HTTPS_PROXY", "it answered 302 (Found)"),
    ];
    for (status, variable, wanted) in cases {
        let proxy = Server::plain(reply(status, "")).await;
        let url = format!("http://proxy%40user:proxy%2Fpass%3Aw%C3%B6rd@{}", proxy.address);
        let result = deploy(hook, |run| run.env(variable, url)).await;
        assert_unreachable(&result, "The request did not get through the proxy");
        assert!(result.log.contains(wanted), "{wanted}: {}", result.log);
        // the second time to read the status
        assert_eq!(proxy.requests(), vec!["CONNECT hooks.example:443".to_owned(); 2]);
        for head in proxy.heads() {
            let head = head.to_lowercase();
            let sent = STANDARD.encode("proxy@user:proxy/pass:wörd").to_lowercase();
            assert!(head.contains(&format!("proxy-authorization: basic {sent}\r\n")), "{head}");
            assert!(!head.contains(&SECRET.to_lowercase()), "{head}");
        }
        for place in [&result.log, &result.summary] {
            for secret in [
                "pass:wörd",
                "pass%3Aw%C3%B6rd",
                "proxy@user",
                "proxy%40user",
                "cHJveHlAdXNlcjpwcm94eS9wYXNzOnfDtnJk",
            ] {
                assert!(!place.contains(secret), "{place}");
            }
        }
    }
    let proxy = Server::plain(reply(407, "")).await;
    let result = deploy(hook, |run| run.env("HTTPS_PROXY", proxy.address.to_string())).await;
    assert!(
        result.log.contains("it wants a user and password in its URL: http://user:password@host:port"),
        "{}",
        result.log
    );
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_has_not_rejected_anything() {
    let hook = format!("https://hooks.example{}", hook_path());
    let result = deploy(&hook, |run| run.env("HTTPS_PROXY", "127.0.0.1:9")).await;
    assert_unreachable(
        &result,
        "The request did not get through the proxy: it cannot be reached: tcp connect",
    );
}

/// Runs a hook of `hooks.example:8443` behind a proxy: whether that was asked.
async fn goes_through_proxy(set: impl Fn(Run, &str) -> Run) -> bool {
    let authority = Authority::new();
    let proxy = Server::tunnel(&authority, "hooks.example", reply(200, ACCEPTED)).await;
    let hook = format!("https://hooks.example:8443{}", hook_path());
    let url = format!("http://user:password@{}", proxy.address);
    let result = deploy(&hook, |run| set(run, &url).arg("--ca-file").arg(authority.pem.path())).await;
    let through = proxy.connections() > 0;
    let wanted = if through { (0, "triggered") } else { (4, "unreachable") };
    assert_eq!(result.end(), wanted, "{}", result.log);
    through
}

#[tokio::test]
async fn no_proxy_is_read_as_curl_and_the_runners_read_it() {
    let lists = [
        ("hooks.example:8443", false),
        ("hooks.example:443", true),
        ("*.example", false),
        (".example", false),
        ("other.test HOOKS.example", false),
        ("10.0.0.0/8,hooks.example.", false),
        ("*", false),
        ("hooks.example:8444, other.example", true),
        ("10.0.0.0/8, [::1]:8443", true),
    ];
    together(lists.map(|(list, through)| async move {
        for variable in ["NO_PROXY", "no_proxy"] {
            let set = |run: Run, url: &str| run.env("HTTPS_PROXY", url).env(variable, list);
            assert_eq!(goes_through_proxy(set).await, through, "{variable}={list}");
        }
    }))
    .await;
    let set = |run: Run, url: &str| run.env("https_proxy", url).env("HTTPS_PROXY", "http://proxy.invalid");
    assert!(goes_through_proxy(set).await, "small letters first");
    let set = |run: Run, url: &str| run.env("HTTPS_PROXY", url).env("ALL_PROXY", "socks5://proxy.invalid");
    assert!(goes_through_proxy(set).await, "the other is not needed");
    let set = |run: Run, url: &str| run.env("HTTP_PROXY", url).env("http_proxy", url);
    assert!(!goes_through_proxy(set).await, "never for https");
}

/// A machine's proxy variables are for all its programs.
#[tokio::test]
async fn an_unused_proxy_is_not_validated_and_a_needed_one_is() {
    let unusable = [
        "socks5://user:proxypassword@127.0.0.1:1080",
        "socks5h://proxy.example",
        "://",
        "ftp://proxy.example",
    ];
    together(unusable.map(|proxy| async move {
        let server = Server::plain(reply(200, ACCEPTED)).await;
        let result =
            deploy(&server.hook(), |run| run.env("ALL_PROXY", proxy).env("HTTPS_PROXY", proxy)).await;
        assert_eq!(result.end(), (0, "triggered"), "a hook at loopback: {}", result.log);
        let sandbox = run("deploy --sandbox --speed 400").env("all_proxy", proxy).done().await;
        assert_eq!(sandbox.code, 0, "{}", sandbox.all());
        let hook = format!("https://hooks.invalid{}", hook_path());
        let result = deploy(&hook, |run| run.env("ALL_PROXY", proxy).env("NO_PROXY", "*.invalid")).await;
        assert_unreachable(&result, "could not be resolved");
        let needed = [
            run("deploy").env("DEPLOY_HOOK_URL", &hook).env("ALL_PROXY", proxy),
            run("doctor")
                .env("DEPLOY_HOOK_URL", &hook)
                .env("https_proxy", proxy)
                .env("NO_PROXY", "hooks.invalid:80"),
            run("status").env("FRBIT_TOKEN", "frbit-at-0011").env("HTTPS_PROXY", proxy),
        ];
        for program in needed {
            let done = program.done().await;
            assert_eq!(done.code, 2, "{proxy}: {}", done.all());
            let wanted = if proxy.starts_with("socks") { "is a SOCKS proxy" } else { "is not a proxy's URL" };
            assert!(
                done.all().to_uppercase().contains("_PROXY: ") && done.all().contains(wanted),
                "{}",
                done.all()
            );
            assert!(!done.all().contains("proxypassword"), "{}", done.all());
        }
    }))
    .await;
}

#[tokio::test]
async fn a_proxy_can_be_reached_over_tls() {
    let authority = Authority::new();
    let proxy = Server::tls(&authority, "127.0.0.1", reply(403, "")).await;
    let hook = format!("https://hooks.example{}", hook_path());
    let url = format!("https://u:proxypassword@{}", proxy.address);
    let through = |run: Run| run.env("HTTPS_PROXY", url).arg("--ca-file").arg(authority.pem.path());
    let result = deploy(&hook, through).await;
    assert_unreachable(&result, "it answered 403 (Forbidden)");
    assert!(!result.log.contains("proxypassword"), "{}", result.log);
    assert_eq!(proxy.requests(), vec!["CONNECT hooks.example:443".to_owned(); 2]);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_what_cannot_be_reached() {
    let (hook, proxy) = (format!("https://hooks.example{}", hook_path()), closed());
    let result = deploy(&hook, |run| run.env("HTTPS_PROXY", format!("http://u:proxypassword@{proxy}"))).await;
    assert_unreachable(&result, "proxy");
    assert!(!result.log.contains("proxypassword"), "{}", result.log);
}

#[tokio::test]
async fn a_proxy_that_stays_silent_is_named() {
    let (hook, proxy) = (format!("https://hooks.example{}", hook_path()), Server::plain(Reply::Never).await);
    let url = format!("http://u:proxypassword@{}", proxy.address);
    let result = deploy(&hook, |run| run.env("HTTPS_PROXY", url).args("--timeout 2s")).await;
    assert_unreachable(&result, &format!("no connection through the proxy {} in time", proxy.address));
    assert!(!result.log.contains("proxypassword"), "{}", result.log);
}

#[tokio::test]
async fn this_machine_is_reached_without_a_proxy() {
    let (authority, proxy) = (Authority::new(), Server::plain(reply(407, "")).await);
    let url = format!("http://{}", proxy.address);
    let server = Server::tls(&authority, "127.0.0.1", reply(200, ACCEPTED)).await;
    let ca = authority.pem.path();
    let result =
        deploy(&server.https_hook(), |run| run.env("HTTPS_PROXY", &url).arg("--ca-file").arg(ca)).await;
    assert_eq!(result.end(), (0, "triggered"), "{}", result.log);
    let sandbox = platform("success", Draft).await;
    let result = deploy(&sandbox.hook_url(), |run| {
        run.env("ALL_PROXY", &url).env("HTTP_PROXY", &url).args("--wait never")
    })
    .await;
    assert_eq!(result.end(), (0, "triggered"), "{}", result.log);
    assert_eq!(proxy.connections(), 0);
}

/// On other platforms a `GET` triggers too.
#[tokio::test]
async fn the_hook_of_an_unknown_host_is_never_read() {
    let answers = [
        ACCEPTED,
        "{\"deployment\":{\"id\":\"dp_abc123\",\"state\":\"PENDING\",\"createdAt\":1676567890000}}",
        "{\"id\":\"abc123\",\"status\":\"queued\"}",
        "{\"job\":{\"id\":\"abc123\"}}",
    ];
    let paths = [
        "/v1/deploy-hook",
        "/v1/webhooks/environments/en-wjl0ai/deploy",
        "/webhooks/environments/en-wjl0ai/deploy",
    ];
    let cases = answers.into_iter().flat_map(|answer| paths.map(|path| (answer, path)));
    together(cases.map(|(answer, path)| async move {
        let authority = Authority::new();
        let proxy = Server::tunnel(&authority, "hooks.example", reply(200, answer)).await;
        let hook = format!("https://hooks.example{path}/{SECRET}");
        let url = format!("http://{}", proxy.address);
        let result =
            deploy(&hook, |run| run.env("HTTPS_PROXY", url).arg("--ca-file").arg(authority.pem.path())).await;
        assert_eq!(result.end(), (0, "triggered"), "{answer}\n{}", result.log);
        assert_eq!(result.output("deployment-id"), "", "an unknown platform's answer is not guessed at");
        assert_eq!(
            proxy.requests(),
            ["CONNECT hooks.example:443".to_owned(), format!("POST {path}/{SECRET}")]
        );
        assert!(
            result.log.contains("::warning title=Deploy hook::hooks.example is not a supported platform"),
            "{}",
            result.log
        );
    }))
    .await;
}

/// A relay to this address, and how many connections it was asked for.
async fn relay(to: std::net::SocketAddr) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut inside, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut outside = tokio::net::TcpStream::connect(to).await.expect("the platform listens");
                let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
            });
        }
    });
    (address, asked)
}

#[tokio::test]
async fn every_poll_uses_one_connection_and_the_trigger_its_own() {
    let sandbox = start_sandbox("success", Draft, 10.0).await;
    let base = url::Url::parse(&sandbox.url()).expect("a URL");
    let platform = base.socket_addrs(|| None).expect("an address").remove(0);
    let (address, asked) = relay(platform).await;
    let hook = sandbox.hook_url().replace(&format!("127.0.0.1:{}", platform.port()), &address);
    let through = |run: Run| run.env("DEPLOY_HOOK_API_URL", format!("http://{address}")).args("-v");
    let result = deploy(&hook, through).await;
    assert_eq!(result.end(), (0, "succeeded"), "{}", result.log);
    assert!(result.log.matches("so far, next in").count() >= 3, "{}", result.log);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}
