//! One run of the program: its inputs, and everything it returns.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use deploy_hook::platforms::by_name;
use deploy_hook::sandbox::Sandbox;
pub(crate) use deploy_hook::text::outputs::NAMES as OUTPUTS;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::runner::{self, GitHub};
use crate::common::codes_of;
use crate::dotenv;
use crate::secrets::Secrets;

/// How many runs start at once, in all tests. With hundreds of them none would have enough of the machine to trigger before
/// its deadline; once it prints, a run mostly waits.
static STARTS: Semaphore = Semaphore::const_new(16);

/// The program with its arguments, in an environment that holds nothing but what the test puts there.
pub(crate) struct Run {
    command: Command,
    stdin: Option<String>,
}

/// What a run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Both streams.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// The program with these arguments, separated by spaces.
pub(crate) fn run(args: &str) -> Run {
    accept_signals();
    let mut command = Command::new(env!("CARGO_BIN_EXE_deploy-hook"));
    command.args(args.split_whitespace()).env_clear().current_dir(env!("CARGO_TARGET_TMPDIR"));
    Run { command, stdin: None }
}

/// Makes the child processes receive SIGQUIT and SIGHUP although a shell may have started this process with them ignored,
/// as it does in the background: a signal that is handled is not ignored by a child.
fn accept_signals() {
    use tokio::signal::unix::{SignalKind, signal};
    if tokio::runtime::Handle::try_current().is_ok() {
        let handled = [SignalKind::quit(), SignalKind::hangup()].map(signal);
        assert!(handled.iter().all(Result::is_ok), "the signals can be handled");
    }
}

impl Run {
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args(mut self, args: &str) -> Self {
        self.command.args(args.split_whitespace());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// With the platform's hook and the base of its API.
    pub(crate) fn on(self, sandbox: &Sandbox) -> Self {
        self.env("DEPLOY_HOOK_URL", sandbox.hook_url()).env("DEPLOY_HOOK_API_URL", sandbox.url())
    }

    /// With the platform's API token as well.
    pub(crate) fn with_token(self, sandbox: &Sandbox) -> Self {
        self.env("FRBIT_TOKEN", sandbox.api_token())
    }

    /// As a step of a workflow that asks for files as well.
    pub(crate) fn in_github(self, github: &GitHub) -> Self {
        self.env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", github.path("output"))
            .env("GITHUB_STEP_SUMMARY", github.path("summary"))
            .env("DEPLOY_HOOK_OUTPUT_DIR", github.path("files"))
    }

    /// With a limit of its own, as `prlimit` names it.
    pub(crate) fn under(self, limit: &str) -> Self {
        let own = self.command.as_std();
        let mut command = Command::new("/usr/bin/prlimit");
        command.arg(limit).arg(own.get_program()).args(own.get_args()).env_clear();
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        Self { command, stdin: self.stdin }
    }

    /// Started by a shell that has run this command first.
    pub(crate) fn behind(self, first: &str) -> Self {
        let own = self.command.as_std();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]);
        command.arg(own.get_program()).args(own.get_args()).env_clear();
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        Self { command, stdin: self.stdin }
    }

    /// With an open standard input without data.
    pub(crate) fn waiting(mut self) -> Self {
        self.stdin = Some(String::new());
        self
    }

    /// Starts it on these streams.
    pub(crate) fn start_on(self, out: Stdio, err: Stdio) -> std::process::Child {
        let mut command = self.command.into_std();
        command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().expect("the program starts")
    }

    /// Starts it; it is killed when the handle is dropped.
    pub(crate) fn start(mut self) -> Child {
        let stdin = if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        self.command.spawn().expect("the program starts")
    }

    /// Runs it to its end.
    pub(crate) async fn done(self) -> Done {
        let start = STARTS.acquire().await.expect("never closed");
        let stdin = self.stdin.clone();
        let mut child = self.start();
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            pipe.write_all(text.as_bytes()).await.expect("it reads its standard input");
        }
        let (mut stdout, mut stderr) =
            (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        tokio::select! {
            _ = stdout.read_buf(&mut out) => {}
            _ = stderr.read_buf(&mut err) => {}
        }
        drop(start);
        let (done, ..) =
            tokio::join!(ended(child), stdout.read_to_end(&mut out), stderr.read_to_end(&mut err));
        Done { out: text(out), err: text(err), ..done }
    }
}

/// What a started run printed, once it has ended.
pub(crate) async fn ended(child: Child) -> Done {
    let limit = Duration::from_mins(3);
    let output = tokio::time::timeout(limit, child.wait_with_output()).await.expect("it ends by itself");
    let output = output.expect("its streams can be read");
    let code = output.status.code().expect("it ends with a code, not by a signal");
    Done { code, out: text(output.stdout), err: text(output.stderr) }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("it prints UTF-8")
}

/// Sends a signal, by its name without SIG.
pub(crate) async fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it still runs").to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status().await.expect("kill is there");
    assert!(sent.success());
}

/// A run as a step of a workflow that asks for files as well, and all it left behind.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) code: i32,
    pub(crate) log: String,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) summary: String,
    /// `deploy-hook.env`
    pub(crate) dotenv: BTreeMap<String, String>,
}

impl Step {
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }

    /// How it ended: exit code and outcome.
    pub(crate) fn end(&self) -> (i32, &str) {
        (self.code, self.output("outcome"))
    }
}

/// Runs a step and checks what must be true of every one, however it ends.
pub(crate) async fn step(run: Run, secrets: &Secrets) -> Step {
    let github = GitHub::new();
    let done = run.in_github(&github).done().await;
    left_behind(&done, &github, secrets)
}

/// What a step of this runner left behind, checked.
pub(crate) fn left_behind(done: &Done, github: &GitHub, secrets: &Secrets) -> Step {
    assert_eq!(done.err, "", "a runner reads two streams in no certain order, so one is used");
    let read = |name: &str| std::fs::read_to_string(github.path(name)).unwrap_or_default();
    let [output, summary, dotenv, page] =
        ["output", "summary", "files/deploy-hook.env", "files/deploy-hook-summary.md"].map(read);
    for (place, text) in [("outputs", &output), ("summary", &summary), ("dotenv", &dotenv), ("page", &page)] {
        secrets.assert_absent(text, place);
        assert!(!text.contains('\u{1b}'), "an escape in {place}: {text:?}");
    }
    secrets.assert_absent(&runner::without_masks(&done.out), "log");
    assert!(!without_colours(&done.out).contains('\u{1b}'), "an escape that is no colour: {:?}", done.out);
    runner::assert_own_commands(&done.out);
    let outputs = runner::outputs(&output).unwrap_or_else(|error| panic!("{error}\n{output}"));
    let step =
        Step { code: done.code, log: done.out.clone(), outputs, summary, dotenv: dotenv::read(&dotenv) };
    assert_complete(&step, &page);
    step
}

/// The outputs are complete, the same everywhere, and fit the exit code.
fn assert_complete(step: &Step, page: &str) {
    let names: Vec<&str> = step.outputs.keys().map(String::as_str).collect();
    let mut wanted = OUTPUTS.to_vec();
    wanted.sort_unstable();
    assert_eq!(names, wanted, "every output, whatever the outcome\n{}", step.log);
    for (name, value) in &step.outputs {
        let variable = format!("DEPLOY_HOOK_{}", name.to_uppercase().replace('-', "_"));
        assert_eq!(step.dotenv.get(&variable), Some(value), "{variable}");
    }
    assert_eq!(step.dotenv.len(), step.outputs.len(), "nothing else: {:?}", step.dotenv);
    let codes = codes_of(step.output("outcome"));
    assert!(codes.contains(&step.code), "{:?} goes with {codes:?}\n{}", step.end(), step.log);
    assert_eq!(step.output("succeeded"), (step.output("outcome") == "succeeded").to_string());
    assert!(step.output("duration").parse::<u64>().is_ok(), "whole seconds: {:?}", step.output("duration"));
    let message = step.output("message");
    assert!(message.ends_with('.') && message.lines().count() == 1, "one sentence: {message:?}");
    // On GitHub it is in an annotation, whose percent signs are escaped.
    let log = without_colours(&step.log).replace("%25", "%");
    assert!(log.contains(message), "the log's own: {message:?}\n{}", step.log);
    let platform = step.output("platform");
    assert!(platform.is_empty() || by_name(platform).is_some(), "a name of the table: {platform:?}");
    let created = step.output("created-at");
    assert!(created.is_empty() || is_rfc3339(created), "RFC 3339, UTC: {created}");
    assert!(step.summary.starts_with("### "), "a summary, verdict first: {:?}", step.summary);
    assert!(step.summary.len() < 1024 * 1024, "a larger one is dropped whole");
    assert_eq!(page, step.summary, "the file holds the summary as well");
    let annotated = runner::commands(&step.log).iter().any(|(name, _)| name == "error");
    assert_eq!(annotated, step.code != 0, "an error annotation where the step is red\n{}", step.log);
}

/// The text without our own colours.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        done + rest.strip_prefix('m').unwrap_or("\u{1b}")
    })
}

/// `2026-02-18T12:00:00Z`
fn is_rfc3339(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00Z"
}
