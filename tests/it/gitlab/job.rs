//! A job as GitLab's runner starts it: the environment, the project's folder, the log, and what the job leaves behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use deploy_hook::sandbox::Sandbox;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::fake_gitlab::{FakeGitLab, JOB_TOKEN, TOKEN};
use super::trace::{self, Trace};
use crate::cli::run::OUTPUTS;
use crate::common::codes_of;
use crate::dotenv;
use crate::secrets::{Secrets, secret};

/// `CI_COMMIT_SHA` of every job.
pub(super) const SHA: &str = "1111111111111111111111111111111111111111";

/// `CI_PIPELINE_ID` of every job.
pub(super) const PIPELINE: u64 = 7001;

/// The project and the number of the merge request.
pub(super) const MERGE_REQUEST: (u64, u64) = (42, 12);

/// The page of the job.
pub(super) const PAGE: &str = "https://gitlab.example/acme/site/-/jobs/5005";

/// The script that the runner passes to an image's entrypoint.
pub(super) const DETECT: &str = "if [ -x /usr/local/bin/bash ]; then\n\texec /usr/local/bin/bash \nelif [ -x /bin/sh ]; then\n\texec /bin/sh \nfi\n";

/// A job.
pub(super) struct Job {
    dir: TempDir,
    env: BTreeMap<String, String>,
    args: Vec<String>,
    secrets: Vec<String>,
}

/// How a job ended, and all it left behind.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) code: Option<i32>,
    /// Standard output.
    pub(super) data: String,
    pub(super) trace: Trace,
    /// `deploy-hook.env`
    pub(super) dotenv: BTreeMap<String, String>,
    /// `deploy-hook-summary.md`
    pub(super) summary: Option<String>,
    /// The links of `deploy-hook-annotations.json`: their labels and addresses.
    pub(super) links: Vec<(String, String)>,
    pub(super) took: Duration,
}

/// What a process printed and how it ended, unchecked.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
    pub(super) took: Duration,
}

impl Job {
    /// A job of a branch that deploys to production and has both tokens.
    pub(super) fn new(gitlab: &FakeGitLab, sandbox: &Sandbox, report: &str) -> Self {
        Self::through(gitlab, &sandbox.hook_url(), report)
            .with("DEPLOY_HOOK_API_URL", &sandbox.url())
            .secret(gitlab, &sandbox.api_token())
    }

    /// A job that deploys through this hook.
    pub(super) fn through(gitlab: &FakeGitLab, hook: &str, report: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["project", "elsewhere"] {
            std::fs::create_dir(dir.path().join(name)).expect("a folder");
        }
        let project = dir.path().join("project").display().to_string();
        let pipeline = PIPELINE.to_string();
        let variables = [
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("CI_API_V4_URL", &gitlab.base),
            ("CI_SERVER_URL", "https://gitlab.example"),
            ("CI_PROJECT_ID", "42"),
            ("CI_PROJECT_PATH", "acme/site"),
            ("CI_PROJECT_DIR", &project),
            ("CI_COMMIT_SHA", SHA),
            ("CI_COMMIT_REF_NAME", "main"),
            ("CI_COMMIT_BRANCH", "main"),
            ("CI_PIPELINE_ID", &pipeline),
            ("CI_PIPELINE_SOURCE", "push"),
            ("CI_JOB_ID", "5005"),
            ("CI_JOB_URL", PAGE),
            ("CI_JOB_STATUS", "running"),
            ("CI_JOB_TOKEN", JOB_TOKEN),
            ("CI_ENVIRONMENT_NAME", "production"),
            ("GITLAB_USER_LOGIN", "tanuki"),
            ("DEPLOY_HOOK_URL", hook),
            ("DEPLOY_HOOK_REPORT", report),
            ("DEPLOY_HOOK_GITLAB_TOKEN", TOKEN),
        ];
        let env = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let job = Self { dir, env, args: vec!["deploy".to_owned()], secrets: Vec::new() };
        job.secret(gitlab, secret(hook))
    }

    /// A job of a merge request's pipeline.
    pub(super) fn of_merge_request(gitlab: &FakeGitLab, sandbox: &Sandbox, report: &str) -> Self {
        Self::new(gitlab, sandbox, report).in_merge_request(gitlab)
    }

    /// In a merge request's pipeline, whose ref is not the branch's.
    pub(super) fn in_merge_request(self, gitlab: &FakeGitLab) -> Self {
        let (project, number) = (MERGE_REQUEST.0.to_string(), MERGE_REQUEST.1.to_string());
        let reference = format!("refs/merge-requests/{number}/head");
        gitlab.prepare(|store| store.pipeline.reference = reference.clone());
        self.with("CI_PIPELINE_SOURCE", "merge_request_event")
            .with("CI_COMMIT_REF_NAME", "topic")
            .without("CI_COMMIT_BRANCH")
            .with("CI_MERGE_REQUEST_IID", &number)
            .with("CI_MERGE_REQUEST_PROJECT_ID", &project)
            .with("CI_MERGE_REQUEST_PROJECT_PATH", "acme/site")
            .with("CI_MERGE_REQUEST_REF_PATH", &reference)
            .with("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "topic")
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Without all variables whose names begin so.
    pub(super) fn without_prefix(mut self, prefix: &str) -> Self {
        self.env.retain(|name, _| !name.starts_with(prefix));
        self
    }

    pub(super) fn with_all(self, variables: &[(&str, &str)]) -> Self {
        variables.iter().fold(self, |job, (name, value)| job.with(name, value))
    }

    /// With the platform's token.
    pub(super) fn with_api_token(self, token: &str) -> Self {
        self.with("FRBIT_TOKEN", token)
    }

    /// With these arguments instead of `deploy`.
    pub(super) fn args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    fn secret(mut self, gitlab: &FakeGitLab, secret: &str) -> Self {
        gitlab.forbid(secret);
        self.secrets.push(secret.to_owned());
        self
    }

    /// The project's folder.
    pub(super) fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    /// A folder that is not the project's: where the program is started.
    pub(super) fn elsewhere(&self) -> PathBuf {
        self.dir.path().join("elsewhere")
    }

    /// A file of the project, empty where it is not there.
    pub(super) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.project().join(name)).unwrap_or_default()
    }

    /// Starts it, with nothing on its standard input.
    pub(super) fn spawn(&self) -> Child {
        self.spawn_with(Stdio::null())
    }

    pub(super) fn spawn_with(&self, stdin: Stdio) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deploy-hook"));
        let started = command.args(&self.args).env_clear().envs(&self.env).current_dir(self.elsewhere());
        started.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().expect("the program starts")
    }

    /// Runs it to its end, and checks what must be true of every job.
    pub(super) async fn run(&self) -> Done {
        self.wait(self.spawn()).await
    }

    /// Waits for its end.
    pub(super) async fn wait(&self, child: Child) -> Done {
        self.judge(self.printed(child).await)
    }

    /// Waits for its end, and checks nothing.
    pub(super) async fn printed(&self, child: Child) -> Printed {
        let began = Instant::now();
        let output = tokio::time::timeout(Duration::from_mins(2), child.wait_with_output()).await;
        let output = output.expect("it ends").expect("it runs");
        let [out, err] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Printed { code: output.status.code(), out, err, took: began.elapsed() }
    }

    fn judge(&self, printed: Printed) -> Done {
        let Printed { code, out, err, took } = printed;
        let secrets = self.secrets();
        for (place, text) in [("standard output", &out), ("the log", &err)] {
            secrets.assert_absent(text, place);
        }
        for path in files(self.dir.path()) {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
            secrets.assert_absent(&text, &path.display().to_string());
            assert!(!text.contains('\u{1b}'), "an escape in {}", path.display());
        }
        let trace = trace::read(&err).unwrap_or_else(|wrong| panic!("{wrong}\n{err}"));
        let dir = self.env.get("DEPLOY_HOOK_OUTPUT_DIR").map_or_else(|| self.project(), PathBuf::from);
        let read = |name: &str| std::fs::read_to_string(dir.join(name));
        let variables = read("deploy-hook.env").unwrap_or_else(|error| panic!("no dotenv: {error}\n{err}"));
        let links =
            read("deploy-hook-annotations.json").unwrap_or_else(|error| panic!("no links: {error}\n{err}"));
        let summary = read("deploy-hook-summary.md").ok();
        let (dotenv, links) = (dotenv::read(&variables), links_of(&links));
        Done { code, data: out, trace, dotenv, summary, links, took }
    }

    /// The secrets that may be nowhere.
    fn secrets(&self) -> Secrets {
        let hook = self.env.get("DEPLOY_HOOK_URL").cloned().unwrap_or_default();
        let tokens =
            self.secrets.iter().map(String::as_str).chain([TOKEN, JOB_TOKEN]).filter(|text| !text.is_empty());
        let hook = if hook.is_empty() { "no/hook-at-all" } else { &hook };
        Secrets::of(hook, &tokens.collect::<Vec<_>>())
    }
}

impl Done {
    pub(super) fn output(&self, name: &str) -> &str {
        self.dotenv.get(&format!("DEPLOY_HOOK_{name}")).map_or("", String::as_str)
    }

    pub(super) fn outcome(&self) -> &str {
        self.output("OUTCOME")
    }

    /// The exit code and the outcome, which must go together; every output is there.
    pub(super) fn end(&self) -> (i32, &str) {
        let context = &self.trace.text;
        let code = self.code.expect("it was not killed");
        let codes = codes_of(self.outcome());
        assert!(codes.contains(&code), "{code} does not go with {}\n{context}", self.outcome());
        assert_eq!(self.dotenv.len(), OUTPUTS.len(), "every output and nothing else: {:?}", self.dotenv);
        assert_eq!(self.output("SUCCEEDED"), (self.outcome() == "succeeded").to_string());
        (code, self.outcome())
    }

    /// The warnings.
    pub(super) fn warnings(&self) -> Vec<&str> {
        self.trace.warnings()
    }

    /// How it ended, and what it warned of.
    pub(super) fn verdict(&self) -> (i32, &str, Vec<&str>) {
        let (code, outcome) = self.end();
        (code, outcome, self.warnings())
    }

    /// The outputs without those that differ from run to run.
    pub(super) fn lasting(&self) -> BTreeMap<String, String> {
        let fleeting =
            ["MESSAGE", "DEPLOYMENT_ID", "CREATED_AT", "DURATION"].map(|name| format!("DEPLOY_HOOK_{name}"));
        self.dotenv.clone().into_iter().filter(|(name, _)| !fleeting.contains(name)).collect()
    }
}

/// Every file below a folder.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The links in a report of annotations, by GitLab's schema (`ci_job_annotation_data.json`).
fn links_of(text: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let lists = report.as_object().expect("an object of lists");
    assert_eq!(lists.keys().collect::<Vec<_>>(), ["Deploy hook"], "{text}");
    let link = |item: &Value| {
        let link = &item["external_link"];
        let names =
            |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
        assert_eq!(names(item).as_deref(), Some(&["external_link".to_owned()][..]), "{text}");
        assert_eq!(names(link).as_deref(), Some(&["label".to_owned(), "url".to_owned()][..]), "{text}");
        let [label, url] = ["label", "url"].map(|name| link[name].as_str().unwrap_or_default().to_owned());
        assert!(!label.is_empty() && (url.starts_with("https://") || url.starts_with("http://")), "{text}");
        (label, url)
    };
    lists["Deploy hook"].as_array().expect("a list").iter().map(link).collect()
}
