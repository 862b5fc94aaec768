//! The way to the platform: names, connections, certificates, proxies. What never left is safe to repeat, and said so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deploy_hook::sandbox::Generation::Draft;

use super::run::{Run, Step, run, step};
use super::{at_speed, platform, together};
use crate::secrets::Secrets;
use crate::server::{Authority, Play, SECRET, Server, hook_path, say};

const ACCEPTED: &str = "{\"data\":{\"publicId\":\"dp-abc123\"}}";

async fn deploy(hook: &str, set: impl FnOnce(Run) -> Run) -> Step {
    step(set(run("deploy").env("DEPLOY_HOOK_URL", hook)), &Secrets::of(hook, &[])).await
}

/// Never left: the one code that may be repeated blindly.
fn assert_unreachable(told: &Step, why: &str) {
    assert_eq!(told.end(), (4, "unreachable"), "{}", told.log);
    for place in [&told.log, &told.summary] {
        assert!(place.contains(why) && place.contains("Nothing was triggered"), "{why}: {place}");
    }
    assert_eq!(told.output("deployment-id"), "");
}

/// An address where nobody listens.
async fn closed() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_tried_again_and_then_unreachable() {
    let closed = closed().await;
    let cases = [
        (format!("https://host.invalid{}", hook_path()), "could not be resolved"), // NO_PROXY names it
        (format!("http://{closed}{}", hook_path()), "No connection to the hook's host"),
        (format!("https://{closed}{}", hook_path()), "No connection to the hook's host"),
    ];
    together(cases.map(|(hook, why)| async move {
        let proxy = Server::plain(say(407, "")).await;
        let url = format!("http://{}", proxy.address);
        let past = |run: Run| run.env("HTTPS_PROXY", url).env("NO_PROXY", "other.example, invalid");
        let told = deploy(&hook, past).await;
        assert_unreachable(&told, why);
        assert_eq!(proxy.connections(), 0);
        assert!(told.log.contains("Attempt 2: "), "{}", told.log);
    }))
    .await;
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_unreachable_and_not_asked_twice() {
    for play in [say(400, "no"), Play::HangUp, Play::Say("\u{15}garbage".to_owned())] {
        let server = Server::plain(play).await;
        let told = deploy(&server.https_hook(), |run| run).await;
        assert_unreachable(&told, "No trusted connection to the hook's host");
        assert_eq!(server.connections(), 1, "it will not mend by itself");
        assert!(
            server.heads().iter().all(|head| !head.contains("POST")),
            "the secret is not sent in the clear"
        );
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_trusted_only_with_its_file() {
    let authority = Authority::new();
    let server = Server::tls(&authority, "127.0.0.1", say(200, ACCEPTED)).await;
    let told = deploy(&server.https_hook(), |run| run).await;
    assert_unreachable(&told, "No trusted connection");
    assert!(told.log.contains("ca-file"), "the remedy: {}", told.log);
    assert_eq!((server.connections(), server.requests().len()), (1, 0));
    let ways: [&dyn Fn(Run) -> Run; 3] = [
        &|run| run.arg("--ca-file").arg(authority.pem.path()),
        &|run| run.env("INPUT_CA-FILE", authority.pem.path()),
        &|run| run.env("SSL_CERT_FILE", authority.pem.path()),
    ];
    for way in ways {
        let told = deploy(&server.https_hook(), way).await;
        assert_eq!(told.end(), (0, "triggered"), "{}", told.log);
    }
    assert_eq!(server.requests(), vec![format!("POST {}", hook_path()); 3]);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_trusted() {
    let authority = Authority::new();
    let server = Server::tls(&authority, "localhost", say(200, ACCEPTED)).await;
    let told = deploy(&server.https_hook(), |run| run.arg("--ca-file").arg(authority.pem.path())).await;
    assert_unreachable(&told, "No trusted connection");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_file_without_an_authority_is_bad_input() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "no certificate").unwrap();
    let server = Server::plain(say(200, ACCEPTED)).await;
    let program = run("deploy").arg("--ca-file").arg(file.path()).env("DEPLOY_HOOK_URL", server.https_hook());
    let done = program.done().await;
    assert!(done.code == 2 && done.err.contains("ca-file"), "{}", done.all());
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_uncertain() {
    let authority = Authority::new();
    let server = Server::tls(&authority, "127.0.0.1", Play::HangUp).await;
    let told = deploy(&server.https_hook(), |run| run.arg("--ca-file").arg(authority.pem.path())).await;
    assert_eq!(told.end(), (5, "uncertain"), "{}", told.log);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let hook = format!("https://hooks.example{}", hook_path());
    for (status, variable) in [(407, "HTTPS_PROXY"), (403, "https_proxy"), (502, "ALL_PROXY")] {
        let proxy = Server::plain(say(status, "")).await;
        let url = format!("http://proxyuser:proxypassword@{}", proxy.address);
        let told = deploy(&hook, |run| run.env(variable, url)).await;
        assert_unreachable(&told, "proxy did not let the request through");
        assert_eq!(proxy.connections(), 1);
        let head = proxy.heads().concat();
        assert!(head.starts_with("CONNECT hooks.example:443 ") && !head.contains(SECRET), "{head}");
        for place in [&told.log, &told.summary] {
            assert!(!place.contains("proxypassword") && !place.contains("proxyuser"), "{place}");
            assert!(!place.contains("cHJveHl1c2VyOnByb3h5cGFzc3dvcmQ"), "nor as the header has it: {place}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_what_cannot_be_reached() {
    let (hook, proxy) = (format!("https://hooks.example{}", hook_path()), closed().await);
    let told = deploy(&hook, |run| run.env("HTTPS_PROXY", format!("http://u:proxypassword@{proxy}"))).await;
    assert_unreachable(&told, "proxy");
    assert!(!told.log.contains("proxypassword"), "{}", told.log);
}

#[tokio::test]
async fn this_machine_is_reached_without_a_proxy() {
    let (authority, proxy) = (Authority::new(), Server::plain(say(407, "")).await);
    let url = format!("http://{}", proxy.address);
    let server = Server::tls(&authority, "127.0.0.1", say(200, ACCEPTED)).await;
    let ca = authority.pem.path();
    let told =
        deploy(&server.https_hook(), |run| run.env("HTTPS_PROXY", &url).arg("--ca-file").arg(ca)).await;
    assert_eq!(told.end(), (0, "triggered"), "{}", told.log);
    let sandbox = platform("success", Draft).await;
    let told = deploy(&sandbox.hook_url(), |run| {
        run.env("ALL_PROXY", &url).env("HTTP_PROXY", &url).args("--wait never")
    })
    .await;
    assert_eq!(told.end(), (0, "triggered"), "{}", told.log);
    assert_eq!(proxy.connections(), 0);
}

/// On other platforms a `GET` triggers as well.
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
        let proxy = Server::tunnel(&authority, "hooks.example", say(200, answer)).await;
        let hook = format!("https://hooks.example{path}/{SECRET}");
        let url = format!("http://{}", proxy.address);
        let told =
            deploy(&hook, |run| run.env("HTTPS_PROXY", url).arg("--ca-file").arg(authority.pem.path())).await;
        assert_eq!(told.end(), (0, "triggered"), "{answer}\n{}", told.log);
        assert_eq!(told.output("deployment-id"), "", "an unknown platform's answer is not guessed at");
        assert_eq!(
            proxy.requests(),
            ["CONNECT hooks.example:443".to_owned(), format!("POST {path}/{SECRET}")]
        );
        assert!(
            told.log.contains("::warning title=Deploy hook::hooks.example is not a platform"),
            "{}",
            told.log
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
async fn every_look_goes_over_one_connection_and_the_trigger_over_its_own() {
    let sandbox = at_speed("success", Draft, 10.0).await;
    let base = url::Url::parse(&sandbox.url()).expect("a URL");
    let platform = base.socket_addrs(|| None).expect("an address").remove(0);
    let (address, asked) = relay(platform).await;
    let hook = sandbox.hook_url().replace(&format!("127.0.0.1:{}", platform.port()), &address);
    let through = |run: Run| run.env("DEPLOY_HOOK_API_URL", format!("http://{address}")).args("-v");
    let told = deploy(&hook, through).await;
    assert_eq!(told.end(), (0, "succeeded"), "{}", told.log);
    assert!(told.log.matches("so far, the next in").count() >= 3, "{}", told.log);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}
