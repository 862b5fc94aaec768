//! The platform: it accepts every trigger, and each deployment succeeds once it was read often enough.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io, thread};

use anyhow::ensure;
use deploy_hook::env::Env;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;

use crate::client::{self, FOLLOWS, POLLS};
use crate::tls::tls;

/// What was asked for.
struct Counts {
    triggers: AtomicU32,
    /// Of each deployment.
    polls: Vec<AtomicU32>,
}

/// The table, or as the process that is measured, a row of it.
pub(super) fn main() -> anyhow::Result<()> {
    let env = Env::snapshot();
    if let Some(url) = env.get("BENCH_MANY_URL") {
        return client::main(url, env.get("BENCH_MANY_CA"));
    }
    println!(
        "{FOLLOWS} follows in one process on one thread, {POLLS} polls each, one token with one limit.\n"
    );
    println!("| | CPU | a poll | peak memory | goal: 5 s, 64 MiB | took |\n|---|---:|---:|---:|---|---:|");
    let schemes = if env.is_true("BENCH_QUICK") { &["http"][..] } else { &["http", "https"] };
    schemes.iter().try_for_each(|scheme| measure(scheme))
}

/// Starts the process that is measured, which prints its figures, and checks that it did all its work.
fn measure(scheme: &str) -> anyhow::Result<()> {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (config, authority) = tls()?;
    let file = home.path().join("authority.pem");
    fs::write(&file, authority)?;
    let acceptor = (scheme == "https").then(|| TlsAcceptor::from(config));
    let polls = (0..FOLLOWS).map(|_| AtomicU32::new(0)).collect();
    let counts = Arc::new(Counts { triggers: AtomicU32::new(0), polls });
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let url = format!("{scheme}://{}/", listener.local_addr()?);
    let served = Arc::clone(&counts);
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(serve(listener, acceptor, served))
    });
    let status =
        Command::new(env::current_exe()?).env("BENCH_MANY_URL", url).env("BENCH_MANY_CA", file).status()?;
    ensure!(status.success(), "{status}");
    let triggers = counts.triggers.load(Ordering::SeqCst);
    ensure!(triggers == FOLLOWS, "the server saw {triggers} triggers");
    ensure!(counts.polls.iter().all(|polls| polls.load(Ordering::SeqCst) == POLLS), "polls are missing");
    Ok(())
}

async fn serve(
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
    counts: Arc<Counts>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (tls, counts) = (tls.clone(), Arc::clone(&counts));
        tokio::spawn(async move {
            match tls {
                Some(tls) => answer(tls.accept(stream).await?, &counts).await,
                None => answer(stream, &counts).await,
            }
        });
    }
}

/// Answers every request on this connection.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, counts: &Counts) -> io::Result<()> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut piece).await? {
            0 => return Ok(()),
            n => head.extend_from_slice(&piece[..n]),
        }
        if head.ends_with(b"\r\n\r\n") {
            let body = body(&String::from_utf8_lossy(&head), counts);
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await?;
            head.clear();
        }
    }
}

/// The answer in fortrabbit's form. A success is read twice, as one may be early.
fn body(head: &str, counts: &Counts) -> String {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let number = |id: &str| id.split_once('-').and_then(|(_, number)| number.parse::<usize>().ok());
    match segments.as_slice() {
        ["webhooks", "environments", id, ..] => {
            counts.triggers.fetch_add(1, Ordering::SeqCst);
            format!(r#"{{"data":{{"publicId":"dp-{}"}}}}"#, number(id).unwrap_or_default())
        }
        ["v1", "deployments", id] => {
            let polls = number(id).and_then(|number| counts.polls.get(number));
            let polls = polls.map_or(0, |polls| polls.fetch_add(1, Ordering::SeqCst) + 1);
            let status = if polls + 1 < POLLS { "building" } else { "successful" };
            format!(r#"{{"publicId":"{id}","environment":"en-1","branch":"main","status":"{status}"}}"#)
        }
        _ => "[]".to_owned(),
    }
}
