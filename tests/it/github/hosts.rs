//! GitHub Enterprise Server: its API below a path, a certificate of a private authority, a proxy.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::fake_github::FakeGitHub;
use super::runner::Job;
use super::{ALL, all, platform};
use crate::server::Authority;
use crate::wire::Connection;

#[tokio::test]
async fn an_enterprise_server_has_its_api_below_a_path() {
    all(["/api/v3", "/api/v3/"].map(|path| async move {
        let (github, sandbox) = (FakeGitHub::at("/api/v3", None).await, platform("success", 20.0).await);
        let base = github.base.replace("/api/v3", path);
        let done = Job::of_pull(&github, &sandbox, ALL).with("GITHUB_API_URL", &base).run().await;
        assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
        let stored = github.stored();
        assert_eq!((stored.open(), stored.checks.len(), stored.comments.len()), (vec![], 1, 1));
    }))
    .await;
}

/// A GitHub with a certificate of this authority.
async fn private(authority: &Authority) -> FakeGitHub {
    let acceptor = authority.acceptor(&["localhost", "github.test"]);
    FakeGitHub::at("/api/v3", Some(acceptor)).await
}

#[tokio::test]
async fn a_private_authority_is_trusted_where_it_is_named_and_nowhere_else() {
    let authority = Authority::new();
    let (github, sandbox) = (private(&authority).await, platform("success", 20.0).await);
    let (unasked, other) = (private(&authority).await, platform("success", 20.0).await);
    let path = authority.pem.path().display().to_string();
    let trusting = Job::of_pull(&github, &sandbox, ALL).with("INPUT_CA-FILE", &path);
    let wary = Job::of_pull(&unasked, &other, "status").with("INPUT_WAIT", "never");
    let (trusting, wary) = tokio::join!(trusting.run(), wary.run());
    assert_eq!((trusting.code, trusting.annotations("warning")), (Some(0), vec![]), "{}", trusting.log);
    assert_eq!((github.stored().open(), github.stored().checks.len()), (vec![], 1));
    assert_eq!((wary.code, wary.annotations("warning").len()), (Some(0), 1), "{}", wary.log);
    assert!(wary.log.to_lowercase().contains("certificate"), "{}", wary.log);
    assert_eq!(unasked.requests().len(), 0);
}

/// A proxy whose every tunnel ends at this GitHub; its port.
async fn proxy(github: &FakeGitHub) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let to = url::Url::parse(&github.base).expect("a base").port().expect("a port");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let asked = Connection::new(&mut stream).request().await?;
                let line = (asked.method.as_str(), asked.target.as_str());
                assert_eq!(line, ("CONNECT", "github.test:443"));
                assert!(!asked.headers.contains_key("authorization"), "the token is not the proxy's");
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.ok()?;
                tokio::io::copy_bidirectional(&mut stream, &mut server).await.ok()
            });
        }
    });
    port
}

#[tokio::test]
async fn github_is_reached_through_the_proxy_of_the_machine() {
    let authority = Authority::new();
    let (github, sandbox) = (private(&authority).await, platform("success", 20.0).await);
    let job = Job::of_pull(&github, &sandbox, ALL).with("GITHUB_API_URL", "https://github.test/api/v3");
    let job = job.with("SSL_CERT_FILE", &authority.pem.path().display().to_string());
    let done = job.with("HTTPS_PROXY", &format!("http://127.0.0.1:{}", proxy(&github).await)).run().await;
    assert_eq!((done.code, done.annotations("warning")), (Some(0), vec![]), "{}", done.log);
    assert_eq!((github.stored().open(), github.stored().checks.len()), (vec![], 1));
}

#[tokio::test]
async fn an_invalid_base_url_is_reported() {
    let (github, sandbox) = (FakeGitHub::start().await, platform("success", 20.0).await);
    for base in ["", "not a url", "http://127.0.0.1:9"] {
        let job =
            Job::new(&github, &sandbox, "status").with("GITHUB_API_URL", base).with("INPUT_WAIT", "never");
        let done = job.run().await;
        assert_eq!((done.code, done.annotations("warning").len()), (Some(0), 1), "{base}: {}", done.log);
    }
}
