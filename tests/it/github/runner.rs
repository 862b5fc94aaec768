//! What the runner does: the environment and files of a container action, and the program as the step it starts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::fake_github::{FakeGitHub, REPOSITORY, TOKEN};
use deploy_hook::sandbox::Sandbox;

/// `GITHUB_SHA` of every run: the event may name another.
pub(super) const SHA: &str = "1111111111111111111111111111111111111111";

/// The head of a pull request.
pub(super) const HEAD: &str = "2222222222222222222222222222222222222222";

/// The number of the pull request.
pub(super) const PULL: u64 = 7;

/// A job with one step, as the runner sets it up.
pub(super) struct Job {
    dir: TempDir,
    env: BTreeMap<String, String>,
}

/// How a step ended.
pub(super) struct Done {
    pub(super) code: Option<i32>,
    pub(super) log: String,
    pub(super) outputs: BTreeMap<String, String>,
    pub(super) summary: String,
    pub(super) took: Duration,
}

impl Job {
    /// A job of a push.
    pub(super) fn new(github: &FakeGitHub, sandbox: &Sandbox, report: &str) -> Self {
        let hook = sandbox.hook_url();
        github.forbid(hook.rsplit('/').next().expect("a secret"));
        let dir = tempfile::tempdir().expect("a folder");
        let mut job = Self { dir, env: BTreeMap::new() };
        for name in ["output", "state", "summary"] {
            std::fs::write(job.file(name), "").expect("the runner makes its files");
        }
        let path = |name: &str| job.file(name).display().to_string();
        let (output, state, summary, event) =
            (path("output"), path("state"), path("summary"), path("event.json"));
        job =
            job.with("GITHUB_OUTPUT", &output).with("GITHUB_STATE", &state).with("GITHUB_EVENT_PATH", &event);
        let variables = [
            ("GITHUB_STEP_SUMMARY", summary.as_str()),
            ("GITHUB_ACTIONS", "true"),
            ("CI", "true"),
            ("GITHUB_API_URL", &github.base),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_REPOSITORY", REPOSITORY),
            ("GITHUB_SHA", SHA),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_RUN_ID", "99"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_ACTOR", "octocat"),
            ("INPUT_HOOK-URL", &hook),
            ("INPUT_GITHUB-TOKEN", TOKEN),
            ("INPUT_REPORT", report),
        ];
        let job = variables.into_iter().fold(job, |job, (name, value)| job.with(name, value));
        job.event("push", &json!({ "ref": "refs/heads/main", "after": SHA }))
    }

    /// A job of a pull request of the repository itself.
    pub(super) fn of_pull(github: &FakeGitHub, sandbox: &Sandbox, report: &str) -> Self {
        Self::new(github, sandbox, report).event("pull_request", &pull_request(Some(REPOSITORY)))
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn event(self, name: &str, payload: &Value) -> Self {
        std::fs::write(self.file("event.json"), payload.to_string()).expect("the event is written");
        self.with("GITHUB_EVENT_NAME", name)
    }

    /// One of the runner's files holds this, without a final newline.
    pub(super) fn unfinished(self, name: &str, text: &str) -> Self {
        std::fs::write(self.file(name), text).expect("it is written");
        self
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("the runner's file")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let piped = command.env_clear().envs(&self.env).current_dir(self.dir.path()).stdin(Stdio::null());
        piped.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Starts the step.
    pub(super) fn spawn(&self) -> Child {
        self.command(env!("CARGO_BIN_EXE_deploy-hook")).spawn().expect("the program starts")
    }

    /// Starts the step with this limit of its own (`prlimit`); a shell would drop the inputs because of their names.
    pub(super) fn spawn_under(&self, limit: &str) -> Child {
        let mut command = self.command("/usr/bin/prlimit");
        command.args([limit, env!("CARGO_BIN_EXE_deploy-hook")]).spawn().expect("prlimit is there")
    }

    /// Runs the step to its end.
    pub(super) async fn run(&self) -> Done {
        self.wait(self.spawn()).await
    }

    /// Waits for the step's end.
    pub(super) async fn wait(&self, child: Child) -> Done {
        let began = Instant::now();
        let output = tokio::time::timeout(Duration::from_mins(2), child.wait_with_output()).await;
        let output = output.expect("it ends").expect("it runs");
        let log = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Done {
            code: output.status.code(),
            log: log.concat(),
            outputs: pairs(&self.read("output")).expect("the outputs are as the runner wants them"),
            summary: self.read("summary"),
            took: began.elapsed(),
        }
    }

    /// The state file as the runner reads it after the step.
    pub(super) fn state(&self) -> BTreeMap<String, String> {
        pairs(&self.read("state")).expect("the state is as the runner wants it")
    }

    /// Runs the post step as the runner does: another entrypoint, the same inputs, the state as `STATE_…`.
    pub(super) async fn post(&self) -> Done {
        let program = self.file("deploy-hook-post");
        if !program.exists() {
            #[cfg(unix)]
            use std::os::unix::fs::symlink as link;
            #[cfg(windows)]
            use std::os::windows::fs::symlink_file as link;
            link(env!("CARGO_BIN_EXE_deploy-hook"), &program).expect("a link");
        }
        let mut command = self.command(&program.display().to_string());
        for (name, value) in self.state() {
            command.env(format!("STATE_{name}"), value);
        }
        self.wait(command.spawn().expect("the program starts")).await
    }
}

impl Done {
    /// The warnings and errors that GitHub shows on the run's page.
    pub(super) fn annotations(&self, level: &str) -> Vec<&str> {
        let start = format!("::{level} ");
        self.log.lines().filter(|line| line.starts_with(&start)).collect()
    }

    /// The outputs without those that differ from run to run.
    pub(super) fn lasting_outputs(&self) -> BTreeMap<String, String> {
        let fleeting = ["message", "deployment-id", "created-at", "duration", "deployment-url"];
        self.outputs.clone().into_iter().filter(|(name, _)| !fleeting.contains(&name.as_str())).collect()
    }
}

/// The payload of a pull request whose head is in this repository; `None`: it was deleted.
pub(super) fn pull_request(head: Option<&str>) -> Value {
    let repo = head.map(|name| json!({ "full_name": name }));
    let base = json!({ "sha": SHA, "repo": { "full_name": REPOSITORY } });
    let head = json!({ "sha": HEAD, "ref": "topic", "repo": repo });
    json!({ "action": "synchronize", "number": PULL, "pull_request": { "number": PULL, "head": head, "base": base } })
}

/// Reads a file of names and values by the runner's rules (`FileCommandManager.cs`): only `\n` ends a line, a
/// delimiter stands alone on its line, a value's last line is ended, and anything else fails the step.
pub(super) fn pairs(text: &str) -> Option<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        if line.is_empty() {
            continue;
        }
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        if let Some(equals) = equals.filter(|equals| heredoc.is_none_or(|heredoc| *equals < heredoc)) {
            pairs.insert(line[..equals].to_owned(), line[equals + 1..].to_owned());
            continue;
        }
        let (name, delimiter) = line.split_once("<<")?;
        if name.is_empty() || delimiter.is_empty() {
            return None;
        }
        let mut value: Vec<&str> = Vec::new();
        loop {
            let (line, after) = match rest.split_once('\n') {
                Some(found) => found,
                None if rest == delimiter => (rest, ""),
                None => return None,
            };
            rest = after;
            if line == delimiter {
                break;
            }
            value.push(line);
        }
        pairs.insert(name.to_owned(), value.join("\n"));
    }
    Some(pairs)
}

#[test]
fn the_runners_files_are_read_by_the_runners_rules() {
    let read = pairs("a=b<<c\nx<<E\n1\n\n2\r\nE\n\ny<<F\nF\nx<<G\nlast\nG").unwrap();
    let expected = [("a", "b<<c"), ("x", "last"), ("y", "")];
    assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    for bad in ["words\n", "x<<E\n1\n", "<<E\n1\nE\n", "x<<\n1\n", "x<<E\n1\nE "] {
        assert_eq!(pairs(bad), None, "{bad}");
    }
}
