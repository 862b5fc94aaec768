//! What was typed becomes what is true: every input from its four sources, every cross-check, all problems at once.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::cli::{Inputs, Telling};
use crate::deploy::Wait;
use crate::deploy::state::DeploymentId;
use crate::env::Env;
use crate::error::{Problem, Problems};
use crate::http::{Network, ProxyUrl};
use crate::secret::{HookUrl, Redactor, Token, is_safe, strip, unwrap_pasted};

/// Shortest and longest `timeout`.
const TIMEOUT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 60 * 60));

/// Shortest and longest fixed `poll-interval`.
const INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10 * 60));

/// A secret file larger than this is not one.
const LARGEST_SECRET: u64 = 64 * 1024;

/// The default of `api-url`.
pub const API_URL: &str = "https://api.fortrabbit.com";

/// What a run goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The hook; `None` where the run can do without or `if-missing: skip` holds.
    pub hook: Option<HookUrl>,
    /// `if-missing: skip`.
    pub skip_if_missing: bool,
    /// The platform's API token.
    pub api_token: Option<Token>,
    /// Whether to follow.
    pub wait: Wait,
    /// Deadline of the follow.
    pub timeout: Duration,
    /// A fixed pause between looks.
    pub interval: Option<Duration>,
    /// `on-canceled: pass`.
    pub pass_canceled: bool,
    /// The environment's name.
    pub environment: Option<String>,
    /// Where the deployed site lives.
    pub environment_url: Option<String>,
    /// Which reports are wanted.
    pub report: Reports,
    /// Name of the status and the check.
    pub name: String,
    /// Commit to report on.
    pub sha: Option<String>,
    /// GitHub's token for the reports.
    pub github_token: Option<Token>,
    /// GitLab's token for the reports.
    pub gitlab_token: Option<Token>,
    /// Base of the platform's API.
    pub api_url: Url,
    /// How this machine reaches others.
    pub network: Network,
    /// Everything but the trigger.
    pub dry_run: bool,
    /// Where report files go; `None` where the CI has a place of its own for them or none was asked for.
    pub output_dir: Option<PathBuf>,
}

/// The kinds of report a user may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// The job summary.
    pub summary: bool,
    /// The commit status.
    pub status: bool,
    /// The check run.
    pub check: bool,
    /// GitHub's or GitLab's deployment.
    pub deployment: bool,
    /// The sticky comment.
    pub comment: bool,
    /// Whether they were named one by one, so that one that cannot be written is worth a warning.
    pub named: bool,
}

/// What the command needs of the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A hook to trigger.
    Hook,
    /// Something to read: the hook or a token.
    HookOrToken,
    /// Neither.
    Nothing,
}

impl Settings {
    /// Reads every input, or says everything that is wrong with them.
    pub fn resolve(inputs: &Inputs, env: &Env, needs: Needs) -> Result<Self, Problems> {
        let mut desk = Desk { env, problems: Vec::new() };
        let settings = desk.settings(inputs, needs);
        if desk.problems.is_empty() { Ok(settings) } else { Err(Problems(desk.problems)) }
    }

    /// The redactor that knows all of this run's secrets.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        let tokens = [&self.api_token, &self.github_token, &self.gitlab_token];
        Redactor::new(self.hook.as_ref(), tokens.into_iter().flatten())
    }
}

/// Judges a deployment's id from the command line.
pub fn deployment_id(text: &str) -> Result<DeploymentId, Problems> {
    DeploymentId::new(text.trim()).ok_or_else(|| {
        let (input, wrong) = ("ID".to_owned(), "is not a deployment's id".to_owned());
        let remedy =
            "It looks like dp_abc123 or dp-abc123; the output `deployment-id` of a run holds it.".to_owned();
        Problems(vec![Problem { input, value: Some(shown(text)), wrong, remedy }])
    })
}

/// A value and the name a user knows its source by.
struct Found {
    value: String,
    input: String,
}

/// Where inputs are read and problems are collected.
struct Desk<'a> {
    env: &'a Env,
    problems: Vec<Problem>,
}

impl Desk<'_> {
    fn settings(&mut self, inputs: &Inputs, needs: Needs) -> Settings {
        let skip_if_missing = self.choice("if-missing", &inputs.if_missing, &["fail", "skip"]) == 1;
        let api_token = self.token("api-token", inputs, &["FRBIT_TOKEN", "FORTRABBIT_API_TOKEN"]);
        let hook = self.hook(inputs, needs, skip_if_missing, api_token.is_some());
        let wait = [Wait::Auto, Wait::Always, Wait::Never];
        let wait = wait[self.choice("wait", &inputs.wait, &["auto", "always", "never"])];
        let timeout =
            self.duration("timeout", &inputs.timeout, TIMEOUT).unwrap_or(Duration::from_secs(15 * 60));
        let interval = self.duration("poll-interval", &inputs.poll_interval, INTERVAL);
        let environment = self.label("environment", &inputs.environment);
        let name = self.label("name", &inputs.name).unwrap_or_else(|| match &environment {
            Some(environment) => format!("Deploy / {environment}"),
            None => "Deploy".to_owned(),
        });
        Settings {
            hook,
            skip_if_missing,
            api_token,
            wait,
            timeout,
            interval,
            pass_canceled: self.choice("on-canceled", &inputs.on_canceled, &["fail", "pass"]) == 1,
            environment,
            environment_url: self.url("environment-url", &inputs.environment_url, false).map(String::from),
            report: self.reports(&inputs.report),
            name,
            sha: self.sha(&inputs.sha),
            github_token: self.token("github-token", inputs, &[]),
            gitlab_token: self.token("gitlab-token", inputs, &["GITLAB_TOKEN"]),
            api_url: self.api_url(&inputs.api_url),
            network: self.network(&inputs.ca_file),
            dry_run: self.flag("dry-run", &inputs.dry_run),
            output_dir: self.output_dir(&inputs.telling),
        }
    }

    /// The first source that has a value: option, `DEPLOY_HOOK_*`, `INPUT_*`, the customary names.
    fn find(&self, name: &str, option: &Option<String>, customary: &[&str]) -> Option<Found> {
        if let Some(value) = option.as_ref().filter(|value| !value.trim().is_empty()) {
            return Some(Found { value: value.clone(), input: format!("--{name}") });
        }
        let upper = name.to_ascii_uppercase();
        let own = format!("DEPLOY_HOOK_{}", upper.replace('-', "_"));
        // GitHub's runner keeps the hyphen; others that follow its contract do not.
        let inputs = [format!("INPUT_{upper}"), format!("INPUT_{}", upper.replace('-', "_"))];
        let names = std::iter::once(own).chain(inputs).chain(customary.iter().map(|name| (*name).to_owned()));
        self.first_of(name, names)
    }

    fn first_of(&self, name: &str, mut variables: impl Iterator<Item = String>) -> Option<Found> {
        variables.find_map(|variable| {
            let value = self.env.get(&variable)?.to_owned();
            let input =
                if variable.starts_with("INPUT_") { name.to_owned() } else { format!("{name} ({variable})") };
            Some(Found { value, input })
        })
    }

    fn problem(&mut self, found: &Found, wrong: impl Into<String>, remedy: impl Into<String>) {
        let (input, value) = (found.input.clone(), Some(shown(&found.value)));
        self.problems.push(Problem { input, value, wrong: wrong.into(), remedy: remedy.into() });
    }

    fn secret_problem(&mut self, input: &str, wrong: &str, remedy: &str) {
        let (wrong, remedy) = (wrong.to_owned(), remedy.to_owned());
        self.problems.push(Problem { input: input.to_owned(), value: None, wrong, remedy });
    }

    fn choice(&mut self, name: &str, option: &Option<String>, allowed: &[&str]) -> usize {
        let Some(found) = self.find(name, option, &[]) else {
            return 0;
        };
        let given = found.value.trim().to_ascii_lowercase();
        allowed.iter().position(|word| *word == given).unwrap_or_else(|| {
            self.problem(
                &found,
                "is not one of its values",
                format!("{}{}", meant(&given, allowed), listed(allowed)),
            );
            0
        })
    }

    fn flag(&mut self, name: &str, option: &Option<String>) -> bool {
        let Some(found) = self.find(name, option, &[]) else {
            return false;
        };
        match found.value.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => true,
            "false" | "no" | "off" | "0" => false,
            _ => {
                self.problem(&found, "is neither yes nor no", "Allowed: true, false.");
                false
            }
        }
    }

    /// A duration in its range; `None` where it is unset, `auto` or wrong.
    fn duration(
        &mut self,
        name: &str,
        option: &Option<String>,
        (least, most): (Duration, Duration),
    ) -> Option<Duration> {
        let found = self.find(name, option, &[])?;
        let text = found.value.trim();
        let auto = name == "poll-interval";
        if auto && text.eq_ignore_ascii_case("auto") {
            return None;
        }
        let range = format!("{} to {}", humantime::format_duration(least), humantime::format_duration(most));
        let allowed =
            format!("Allowed: {}{range}, with a unit: 90s, 20m, 1h.", if auto { "auto, or " } else { "" });
        match humantime::parse_duration(text) {
            Ok(duration) if (least..=most).contains(&duration) => return Some(duration),
            Ok(_) => self.problem(&found, "is out of range", allowed),
            Err(_) if text.parse::<u64>().is_ok() => {
                self.problem(&found, "has no unit", format!("Did you mean {text}s? {allowed}"));
            }
            Err(_) => self.problem(&found, "is not a duration", allowed),
        }
        None
    }

    /// One line of plain text.
    fn label(&mut self, name: &str, option: &Option<String>) -> Option<String> {
        let found = self.find(name, option, &[])?;
        let text = found.value.trim();
        if text.chars().count() > 200 || strip(text) != text {
            self.problem(&found, "is not a plain name", "Allowed: one line of at most 200 characters.");
        }
        Some(text.to_owned())
    }

    fn url(&mut self, name: &str, option: &Option<String>, secret_goes_there: bool) -> Option<Url> {
        let found = self.find(name, option, &[])?;
        let url = Url::parse(unwrap_pasted(&found.value)).ok().filter(|url| url.has_host());
        let Some(url) = url else {
            self.problem(&found, "is not a URL", "Give the whole of it, as in https://example.com/.");
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.secret_problem(&found.input, "holds a user name or password", "Take it out.");
        } else if !matches!(url.scheme(), "http" | "https") {
            self.problem(&found, "is not a web address", "Allowed: https://…, http://….");
        } else if secret_goes_there && !is_safe(&url) {
            self.problem(
                &found,
                "is not https",
                "A token goes there. Plain http is for localhost and 127.0.0.1.",
            );
        } else {
            return Some(url);
        }
        None
    }

    fn api_url(&mut self, option: &Option<String>) -> Url {
        let default =
            || Url::parse(API_URL).unwrap_or_else(|_| unreachable!("a constant, read by every test"));
        self.url("api-url", option, true).unwrap_or_else(default)
    }

    fn sha(&mut self, option: &Option<String>) -> Option<String> {
        let found = self.find("sha", option, &[])?;
        let sha = found.value.trim().to_ascii_lowercase();
        if matches!(sha.len(), 40 | 64) && sha.chars().all(|c| c.is_ascii_hexdigit()) {
            return Some(sha);
        }
        self.problem(&found, "is not a commit", "Give the whole hash, 40 hexadecimal digits.");
        None
    }

    fn reports(&mut self, option: &Option<String>) -> Reports {
        const KINDS: [&str; 7] = ["auto", "none", "summary", "status", "check", "deployment", "comment"];
        let auto = Reports { summary: true, status: true, ..Reports::default() };
        let Some(found) = self.find("report", option, &[]) else {
            return auto;
        };
        let words: Vec<String> =
            found.value.split(',').map(|word| word.trim().to_ascii_lowercase()).collect();
        let mut reports = Reports::default();
        for word in words.iter().filter(|word| !word.is_empty()) {
            match word.as_str() {
                "auto" => reports = Reports { summary: true, status: true, ..reports },
                "none" if words.len() == 1 => {}
                "none" => self.problem(&found, "says none and something else", "Say either."),
                "summary" => (reports.summary, reports.named) = (true, true),
                "status" => (reports.status, reports.named) = (true, true),
                "check" => (reports.check, reports.named) = (true, true),
                "deployment" => (reports.deployment, reports.named) = (true, true),
                "comment" => (reports.comment, reports.named) = (true, true),
                word => {
                    let wrong = format!("holds \"{}\", which is no kind of report", shown(word));
                    self.problem(&found, wrong, format!("{}{}", meant(word, &KINDS), listed(&KINDS)));
                }
            }
        }
        reports
    }

    fn network(&mut self, ca_file: &Option<String>) -> Network {
        let mut authorities = Vec::new();
        if let Some(found) = self.find("ca-file", ca_file, &["SSL_CERT_FILE"]) {
            let path = PathBuf::from(found.value.trim());
            match std::fs::metadata(&path) {
                Ok(file) if file.is_file() => authorities.push(path),
                Ok(_) => self.problem(&found, "is not a file", "Give the path of a PEM file."),
                Err(error) => {
                    self.problem(&found, format!("cannot be read ({error})"), "Give the path of a PEM file.")
                }
            }
        }
        let variables = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        let proxy = variables.iter().find_map(|name| Some((name, self.env.get(name)?)));
        let proxy = proxy.and_then(|(name, value)| {
            let proxy = ProxyUrl::parse(value.trim());
            if proxy.is_none() {
                let remedy = "Allowed: http://host:port, https://host:port.";
                self.secret_problem(name, "is not a proxy's URL that can be used here", remedy);
            }
            proxy
        });
        let no_proxy = self.env.get("NO_PROXY").or_else(|| self.env.get("no_proxy")).map(str::to_owned);
        Network { authorities, proxy, no_proxy }
    }

    fn output_dir(&mut self, telling: &Telling) -> Option<PathBuf> {
        let dir = telling
            .output_dir
            .clone()
            .or_else(|| self.env.get("DEPLOY_HOOK_OUTPUT_DIR").map(PathBuf::from))?;
        if let Err(error) = std::fs::create_dir_all(&dir) {
            let found = Found { value: dir.display().to_string(), input: "--output-dir".to_owned() };
            self.problem(
                &found,
                format!("cannot be made ({error})"),
                "Give a folder that can be written to.",
            );
        }
        Some(dir)
    }

    fn hook(&mut self, inputs: &Inputs, needs: Needs, skip: bool, token: bool) -> Option<HookUrl> {
        const NAME: &str = "hook-url";
        if inputs.hook_url.is_some() {
            let wrong = "was given on the command line, where every process on this machine can read it";
            let remedy = "Give it as DEPLOY_HOOK_URL or by --hook-url-file PATH (- is standard input), and rotate the hook.";
            self.secret_problem("--hook-url", wrong, remedy);
            return None;
        }
        let variables =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().into_iter();
        let found = match self.file(NAME, &inputs.hook_url_file, "DEPLOY_HOOK_URL") {
            Ok(found) => found,
            Err(()) => return None,
        };
        let names = ["INPUT_HOOK-URL", "INPUT_HOOK_URL", "FORTRABBIT_DEPLOY_HOOK_URL"];
        let found = found.or_else(|| self.first_of(NAME, variables(&names)));
        let Some(found) = found else {
            let fine = needs == Needs::Nothing
                || (needs == Needs::Hook && skip)
                || (needs == Needs::HookOrToken && token);
            if !fine {
                let remedy = "Store the deploy hook's URL as a secret and pass it as hook-url (GitHub), DEPLOY_HOOK_URL \
                              (elsewhere) or --hook-url-file. Pull requests from forks and Dependabot get no secrets: \
                              `if-missing: skip` lets those pass.";
                self.secret_problem(NAME, "is empty", remedy);
            }
            return None;
        };
        HookUrl::parse(&found.value)
            .map_err(|fault| self.secret_problem(&found.input, fault.wrong(), fault.remedy()))
            .ok()
    }

    /// A secret from `--x-file`, `VARIABLE` or `VARIABLE_FILE`, in this order; `Err` where a file cannot be read.
    fn file(&mut self, name: &str, option: &Option<String>, variable: &str) -> Result<Option<Found>, ()> {
        let from_option = option.as_ref().map(|path| (path.clone(), format!("--{name}-file")));
        if from_option.is_none()
            && let Some(found) = self.first_of(name, std::iter::once(variable.to_owned()))
        {
            return Ok(Some(found));
        }
        let file_variable = format!("{variable}_FILE");
        let from_env = || self.env.get(&file_variable).map(|path| (path.to_owned(), file_variable.clone()));
        let Some((path, input)) = from_option.or_else(from_env) else {
            return Ok(None);
        };
        match read_secret(Path::new(path.trim())) {
            Ok(value) if value.trim().is_empty() => Ok(None),
            Ok(value) => Ok(Some(Found { value, input })),
            Err(error) => {
                let found = Found { value: path, input };
                self.problem(
                    &found,
                    format!("cannot be read ({error})"),
                    "Give the path of a file with the secret alone.",
                );
                Err(())
            }
        }
    }

    fn token(&mut self, name: &str, inputs: &Inputs, customary: &[&str]) -> Option<Token> {
        let (option, file) = match name {
            "api-token" => (&inputs.api_token, &inputs.api_token_file),
            "github-token" => (&inputs.github_token, &None),
            _ => (&inputs.gitlab_token, &None),
        };
        let variable = format!("DEPLOY_HOOK_{}", name.to_ascii_uppercase().replace('-', "_"));
        let from_option = self.find(name, option, &[]).filter(|found| found.input.starts_with("--"));
        let found = match from_option {
            Some(found) => Some(found),
            None => self.file(name, file, &variable).ok()?.or_else(|| self.find(name, &None, customary)),
        }?;
        let token = Token::parse(&found.value);
        if token.is_none() {
            let remedy = "Store it again: the token alone, on one line.";
            self.secret_problem(&found.input, "holds a space, *** or a character no token has", remedy);
        }
        token
    }
}

fn read_secret(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(LARGEST_SECRET).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(LARGEST_SECRET).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// A value as it may be shown in a message: one short plain line, and nothing that looks like a URL with a secret.
fn shown(value: &str) -> String {
    Redactor::default().clean(value, 60)
}

fn listed(allowed: &[&str]) -> String {
    format!("Allowed: {}.", allowed.join(", "))
}

fn meant(given: &str, allowed: &[&str]) -> String {
    let near = |word: &&&str| strsim::jaro(given, word) > 0.7;
    let best =
        allowed.iter().filter(near).max_by(|a, b| strsim::jaro(given, a).total_cmp(&strsim::jaro(given, b)));
    best.map(|word| format!("Did you mean {word}? ")).unwrap_or_default()
}
