//! A canceled job: the first signal ends the run in order, the second at once; the records are closed either way.

use std::time::{Duration, Instant};

use deploy_hook::sandbox::Generation::{Draft, Live};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout};

use super::run::{Done, Step, ended, left_behind, run, signal};
use super::runner::GitHub;
use super::{at_speed, moment, platform, posts, together};
use crate::secrets::Secrets;
use crate::server::{Play, Server};

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
    let cases = [("INT", 130, Draft), ("TERM", 143, Draft), ("INT", 130, Live), ("TERM", 143, Live)];
    together(cases.map(|(name, code, generation)| async move {
        let (sandbox, github) = (platform("stuck", generation).await, GitHub::new());
        let mut run = start(run("deploy").on(&sandbox).with_token(&sandbox), &github);
        run.until("Triggered deployment").await;
        while !github.outputs().contains_key("deployment-id") {
            moment().await; // written as soon as it is known
        }
        signal(&run.child, name).await;
        let sent = Instant::now();
        let told = run.step(&github, &Secrets::on(&sandbox)).await;
        assert!(sent.elapsed() < Duration::from_secs(2), "{:?}: a runner gives ten", sent.elapsed());
        assert_eq!(told.end(), (code, "interrupted"), "{}", told.log);
        assert!(told.output("deployment-id").starts_with("dp"), "{:?}", told.outputs);
        assert!(told.summary.contains("goes on at the platform"), "{}", told.summary);
        assert_eq!(posts(&sandbox), 1);
    }))
    .await;
}

#[tokio::test]
async fn a_signal_before_the_trigger_is_accepted_says_that_nothing_was_triggered() {
    let (sandbox, github) = (at_speed("always-rate-limited", Live, 0.1).await, GitHub::new());
    let mut run = start(run("deploy").on(&sandbox), &github);
    run.until("again in 20s").await;
    signal(&run.child, "INT").await;
    let told = run.step(&github, &Secrets::on(&sandbox)).await;
    assert_eq!(told.end(), (130, "interrupted"), "{}", told.log);
    assert!(told.log.contains("Nothing was triggered"), "{}", told.log);
    assert_eq!(posts(&sandbox), 1);
}

#[tokio::test]
async fn a_signal_while_the_trigger_is_under_way_waits_a_moment_for_its_answer() {
    let (server, github) = (Server::plain(Play::Silence).await, GitHub::new());
    let run = start(run("deploy").env("DEPLOY_HOOK_URL", server.hook()), &github);
    arrived(&server).await;
    signal(&run.child, "TERM").await;
    let sent = Instant::now();
    let told = run.step(&github, &Secrets::of(&server.hook(), &[])).await;
    assert_eq!(told.end(), (143, "interrupted"), "{}", told.log);
    assert!(told.log.contains("A deployment may be running"), "{}", told.log);
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_that_still_comes_names_the_deployment() {
    let (sandbox, github) = (at_speed("answer-delayed", Draft, 20.0).await, GitHub::new()); // after a second
    let run = start(run("deploy").on(&sandbox), &github);
    while sandbox.deployments() == 0 {
        moment().await;
    }
    signal(&run.child, "INT").await;
    let told = run.step(&github, &Secrets::on(&sandbox)).await;
    assert_eq!(told.end(), (130, "interrupted"), "{}", told.log);
    assert!(told.output("deployment-id").starts_with("dp_"), "{:?}", told.outputs);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    together([("INT", "TERM", 143), ("TERM", "INT", 130), ("INT", "INT", 130)].map(
        |(first, second, code)| async move {
            let server = Server::plain(Play::Silence).await;
            let run = Watched::new(run("deploy").env("DEPLOY_HOOK_URL", server.hook()).start());
            arrived(&server).await;
            signal(&run.child, first).await;
            // one signal may be taken for the other where both are waiting at the same time
            for _ in 0..10 {
                moment().await;
            }
            signal(&run.child, second).await;
            let sent = Instant::now();
            let done = run.done().await;
            assert_eq!(done.code, code, "{first}, then {second}");
            assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
        },
    ))
    .await;
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
    let told = run.step(&github, &Secrets::on(&sandbox)).await;
    assert_eq!((told.end(), told.output("deployment-id")), ((143, "interrupted"), id.as_str()));
}

/// The newest deployment's id, as `status` prints it.
async fn id_of(api: &str, sandbox: &deploy_hook::sandbox::Sandbox) -> String {
    let done = run("status --api-url").arg(api).on(sandbox).done().await;
    done.out.split(' ').next().unwrap_or_default().to_owned()
}

async fn arrived(server: &Server) {
    let begun = Instant::now();
    while server.requests().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the trigger is sent");
        moment().await;
    }
}
