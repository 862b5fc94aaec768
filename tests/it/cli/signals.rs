//! A canceled job: the first signal ends the run in order, the second at once; the reports are closed either way.

use std::time::{Duration, Instant};

use crate::common::Generation::{Draft, Live};
use crate::common::{pause, wait_until};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout};

use super::run::{Done, Step, ended, left_behind, run, signal};
use super::runner::GitHub;
use super::{platform, start_sandbox, together, triggers};
use crate::secrets::Secrets;
use crate::server::{Reply, Server};

/// A run, and what it has printed so far.
struct Watched {
    child: Child,
    reader: BufReader<ChildStdout>,
    seen: String,
}

impl Watched {
    fn new(mut child: Child) -> Self {
        let reader = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, reader, seen: String::new() }
    }

    /// Reads until it prints this.
    async fn until(&mut self, wanted: &str) {
        let read = async {
            while !self.seen.contains(wanted) {
                let count = self.reader.read_line(&mut self.seen).await.expect("it can be read");
                assert!(count > 0, "it ended before `{wanted}`: {}", self.seen);
            }
        };
        tokio::time::timeout(Duration::from_secs(30), read).await.expect("it comes");
    }

    async fn done(mut self) -> Done {
        self.reader.read_to_string(&mut self.seen).await.expect("it can be read");
        let done = ended(self.child).await;
        Done { out: self.seen, ..done }
    }

    async fn step(self, github: &GitHub, secrets: &Secrets) -> Step {
        left_behind(&self.done().await, github, secrets)
    }
}

fn start(program: super::run::Run, github: &GitHub) -> Watched {
    Watched::new(program.in_github(github).start())
}

#[tokio::test]
async fn a_signal_while_it_is_followed_leaves_the_deployment_to_the_platform() {
    let cases = [("INT", 130), ("TERM", 143), ("HUP", 143), ("QUIT", 143)];
    let cases = cases.into_iter().flat_map(|(name, code)| [Draft, Live].map(|kind| (name, code, kind)));
    together(cases.map(|(name, code, generation)| async move {
        let (sandbox, github) = (platform("stuck", generation).await, GitHub::new());
        let mut run = start(run("deploy").on(&sandbox).with_token(&sandbox), &github);
        run.until("Triggered deployment").await;
        while !github.outputs().contains_key("deployment-id") {
            pause(20).await; // written as soon as it is known
        }
        signal(&run.child, name).await;
        let sent = Instant::now();
        let result = run.step(&github, &Secrets::on(&sandbox)).await;
        assert!(sent.elapsed() < Duration::from_secs(10), "{:?}: a runner gives ten", sent.elapsed());
        assert_eq!(result.end(), (code, "interrupted"), "{}", result.log);
        assert!(result.output("deployment-id").starts_with("dp"), "{:?}", result.outputs);
        assert!(result.summary.contains("continues at the platform"), "{}", result.summary);
        assert_eq!(triggers(&sandbox), 1);
    }))
    .await;
}

#[tokio::test]
async fn a_signal_before_the_trigger_is_accepted_says_that_nothing_was_triggered() {
    let (sandbox, github) = (start_sandbox("always-rate-limited", Live, 0.1).await, GitHub::new());
    let mut run = start(run("deploy").on(&sandbox), &github);
    run.until("Retrying in 20s").await;
    signal(&run.child, "INT").await;
    let result = run.step(&github, &Secrets::on(&sandbox)).await;
    assert_eq!(result.end(), (130, "interrupted"), "{}", result.log);
    assert!(result.log.contains("Nothing was triggered"), "{}", result.log);
    assert_eq!(triggers(&sandbox), 1);
}

#[tokio::test]
async fn a_signal_while_the_trigger_is_under_way_waits_shortly_for_its_answer() {
    let (server, github) = (Server::plain(Reply::Never).await, GitHub::new());
    let run = start(run("deploy").env("DEPLOY_HOOK_URL", server.hook()), &github);
    arrived(&server).await;
    signal(&run.child, "TERM").await;
    let sent = Instant::now();
    let result = run.step(&github, &Secrets::of(&server.hook(), &[])).await;
    assert_eq!(result.end(), (143, "interrupted"), "{}", result.log);
    assert!(result.log.contains("A deployment may be running"), "{}", result.log);
    assert!(sent.elapsed() < Duration::from_secs(25), "{:?}", sent.elapsed());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_that_still_comes_names_the_deployment() {
    let (sandbox, github) = (start_sandbox("answer-delayed", Draft, 100.0).await, GitHub::new()); // well within the second
    let run = start(run("deploy").on(&sandbox), &github);
    while sandbox.deployments() == 0 {
        pause(20).await;
    }
    signal(&run.child, "INT").await;
    let result = run.step(&github, &Secrets::on(&sandbox)).await;
    assert_eq!(result.end(), (130, "interrupted"), "{}", result.log);
    assert!(result.output("deployment-id").starts_with("dp_"), "{:?}", result.outputs);
}

#[tokio::test]
async fn a_follow_of_somebody_elses_deployment_is_interrupted_as_well() {
    let (sandbox, github) = (platform("stuck", Draft).await, GitHub::new());
    let first = run("deploy --wait never").on(&sandbox).done().await;
    assert_eq!(first.code, 0);
    let id = id_of(&sandbox.url(), &sandbox).await;
    let mut run = start(run("follow").arg(&id).on(&sandbox), &github);
    run.until("BUILDING").await;
    signal(&run.child, "TERM").await;
    let result = run.step(&github, &Secrets::on(&sandbox)).await;
    assert_eq!((result.end(), result.output("deployment-id")), ((143, "interrupted"), id.as_str()));
}

/// The newest deployment's id, as `status` prints it.
async fn id_of(api: &str, sandbox: &deploy_hook::sandbox::Sandbox) -> String {
    let done = run("status --api-url").arg(api).on(sandbox).done().await;
    done.out.split(' ').next().unwrap_or_default().to_owned()
}

async fn arrived(server: &Server) {
    wait_until("the trigger", || !server.requests().is_empty()).await;
}

/// As `nohup`, and a shell for its background jobs, start a program.
#[cfg(target_os = "linux")] // `/proc`
#[tokio::test]
async fn signals_that_the_process_was_started_to_ignore_stay_ignored() {
    together(["HUP", "QUIT"].map(|name| async move {
        let (sandbox, github) = (platform("stuck", Draft).await, GitHub::new());
        let program = run("deploy").on(&sandbox).in_github(&github).behind(&format!("trap '' {name}"));
        let mut run = Watched::new(program.start());
        run.until("BUILDING").await;
        signal(&run.child, name).await;
        pause(400).await;
        assert!(run.child.try_wait().expect("it can be waited for").is_none(), "it goes on");
        signal(&run.child, "TERM").await;
        let result = run.step(&github, &Secrets::on(&sandbox)).await;
        assert_eq!(result.end(), (143, "interrupted"), "{}", result.log);
    }))
    .await;
}

/// The run waits for a secret on standard input.
#[cfg(target_os = "linux")] // `/proc`
#[tokio::test]
async fn a_signal_before_the_inputs_are_read_says_that_nothing_was_sent() {
    together([("INT", 130), ("TERM", 143), ("HUP", 143), ("QUIT", 143)].map(|(name, code)| async move {
        for args in ["deploy --hook-url-file -", "follow dp_abc123 --hook-url-file -"] {
            let github = GitHub::new();
            let mut child = run(args).in_github(&github).waiting().start();
            let stdin = child.stdin.take();
            until_signals_are_handled(&child).await;
            signal(&child, name).await;
            let result = left_behind(&ended(child).await, &github, &Secrets::of("/nobody", &[]));
            assert_eq!(result.end(), (code, "interrupted"), "{}", result.log);
            assert!(result.log.contains("Interrupted"), "{}", result.log);
            drop(stdin);
        }
    }))
    .await;
}

#[cfg(target_os = "linux")] // `/proc`
#[tokio::test]
async fn the_other_commands_end_by_a_signal_with_its_code() {
    together([("INT", 130), ("TERM", 143), ("HUP", 143), ("QUIT", 143)].map(|(name, code)| async move {
        let server = Server::plain(Reply::Never).await;
        for args in ["status dp-abc123", "doctor"] {
            let before = server.requests().len();
            let program = run(args).env("DEPLOY_HOOK_URL", server.hook());
            let api = format!("http://{}", server.address);
            let program =
                program.env("DEPLOY_HOOK_API_URL", api).env("FRBIT_TOKEN", "frbit-at-1-0123456789abcdef0123");
            let child = program.start();
            wait_until("a request", || server.requests().len() != before).await;
            signal(&child, name).await;
            assert_eq!(ended(child).await.code, code, "{args}");
        }
        let mut sandbox = Watched::new(run("sandbox").start());
        sandbox.until("manage=").await;
        until_signals_are_handled(&sandbox.child).await;
        signal(&sandbox.child, name).await;
        assert_eq!(sandbox.done().await.code, 0, "a stopped sandbox is no error");
    }))
    .await;
}

#[cfg(target_os = "linux")]
/// Returns once the process handles its signals.
pub(super) async fn until_signals_are_handled(child: &Child) {
    let status = format!("/proc/{}/status", child.id().expect("it runs"));
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        if caught & 0b111 == 0b111 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it handles signals");
        pause(20).await;
    }
}
