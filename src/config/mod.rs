//! Resolves and validates the inputs: each from its sources in their order, and every problem at once.

mod duration;
mod hook;
mod ids;
mod network;
mod reports;
mod secret_file;
mod shown;
mod sources;
mod trigger;
mod variables;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

pub use self::hook::Needs;
pub use self::reports::Reports;
pub(crate) use self::shown::{shown, shown_argument};
use self::sources::{Sources, TIMEOUT_RANGE, TokenOwner};
pub use self::variables::unknown_variables;
pub use self::verify::{Page, PageAddress};
use crate::cli::{Inputs, values};
use crate::core::Wait;
use crate::core::state::{DeploymentId, Outcome};
use crate::env::Env;
use crate::error::{Problem, Problems};
use crate::http::Network;
use crate::platforms::{self, Platform, PlatformAccess};
use crate::secrets::{HookUrl, Redactor, Token, has_user, is_web, secrets_of_header};
use crate::text::{ReportKind, problems};

/// Shortest and longest fixed `poll-interval`.
const INTERVAL_RANGE: (&str, &str) = ("1s", "10m");

/// Shortest and longest `expected-duration`.
const EXPECTED_RANGE: (&str, &str) = ("1s", "24h");

/// The validated inputs of a run.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an input of its own")]
pub struct Settings {
    /// The platform, and what it takes to deploy on it and to read from it. There is no hook where the run can do without or
    /// `if-missing: skip` holds.
    pub access: PlatformAccess,
    /// Whether the user named the platform.
    pub is_named: bool,
    /// Whether to follow.
    pub wait: Wait,
    /// Deadline of the follow.
    pub timeout: Duration,
    /// A fixed pause between polls.
    pub interval: Option<Duration>,
    /// How long a deployment usually takes, where the user says it.
    pub expected: Option<Duration>,
    /// Whether earlier deployments may be used and kept for it.
    pub learns: bool,
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
    /// The own token of a job of GitLab's.
    pub job_token: Option<Token>,
    /// The page that is verified after a deployment.
    pub page: Option<Page>,
    /// Proxies and additional certificate authorities.
    pub network: Network,
    /// Everything but the trigger.
    pub dry_run: bool,
    /// Whether each poll is printed; GitHub's debug logging asks for it too.
    pub verbose: bool,
    /// Where report files go; `None` where the CI has a place of its own for them or none was asked for.
    pub output_dir: Option<PathBuf>,
}

impl Settings {
    /// Reads every input, or says everything that is wrong with them.
    pub fn resolve(inputs: &Inputs, env: &Env, needs: Needs) -> Result<Self, Problems> {
        let mut sources = Sources::new(inputs, env);
        let settings = Self::read(&mut sources, needs);
        sources.finish(settings)
    }

    fn read(sources: &mut Sources<'_>, needs: Needs) -> Self {
        sources.may_be_missing = sources.choice("if-missing", values::IF_MISSING) == "skip";
        let named = hook::named(sources);
        let access = access(sources, needs, named);
        let environment = sources.label("environment").or_else(|| environment_of_job(sources.env));
        let name = sources.label("name").unwrap_or_else(|| match &environment {
            Some(environment) => format!("Deploy / {environment}"),
            None => "Deploy".to_owned(),
        });
        let gitlab_token = sources.token("gitlab-token", &["GITLAB_TOKEN"], TokenOwner::GitLab);
        let job_token = of_job(sources.env, "CI_JOB_TOKEN").and_then(Token::parse);
        let mut settings = Self {
            access,
            is_named: named.is_some(),
            wait: match sources.choice("wait", values::WAIT) {
                "always" => Wait::Always,
                "never" => Wait::Never,
                _ => Wait::Auto,
            },
            timeout: sources.duration("timeout", TIMEOUT_RANGE, false).unwrap_or(Duration::from_mins(15)),
            interval: sources.duration("poll-interval", INTERVAL_RANGE, true),
            expected: sources.duration("expected-duration", EXPECTED_RANGE, true),
            learns: sources.choice("history", values::HISTORY) != "off",
            pass_canceled: sources.choice("on-canceled", values::ON_CANCELED) == "pass",
            environment,
            environment_url: environment_url(sources),
            report: reports::read(sources),
            name,
            sha: sha(sources),
            github_token: sources.token("github-token", &[], TokenOwner::GitHub),
            // The job's own token has no more permissions under this name.
            gitlab_token: gitlab_token.filter(|token| job_token.as_ref() != Some(token)),
            job_token,
            page: None,
            network: Network::default(),
            dry_run: sources.flag("dry-run", false),
            verbose: sources.flag("verbose", sources.env.is_true("RUNNER_DEBUG")),
            output_dir: output_dir(sources),
        };
        settings.page = verify::read(sources, |page| settings.redactor_beside(page));
        if needs != Needs::Sandbox && settings.lacks_site() {
            verify::require_site(sources);
        }
        verify::check_headers(sources, settings.page.as_ref(), settings.environment_url.as_deref());
        if needs != Needs::Sandbox {
            settings.network = network::read(sources, &settings.requests(sources.env));
        }
        settings
    }

    /// Whether the page is a path on the deployed site, whose address is not given and will not be known.
    fn lacks_site(&self) -> bool {
        let is_path = self.page.as_ref().is_some_and(|page| page.address.on(None).is_none());
        let runs = self.access.hook.is_some() || self.access.token.is_some();
        let is_followed = self.wait != Wait::Never && self.access.missing().is_empty();
        let is_named_by_platform = self.access.platform.facts().names_site && is_followed;
        is_path && runs && self.environment_url.is_none() && !is_named_by_platform
    }

    fn requests(&self, env: &Env) -> Vec<Url> {
        let api = self.access.token.as_ref().and(self.access.api.clone());
        let of_gitlab = self.gitlab_token.as_ref().or(self.job_token.as_ref());
        let token = if env.in_gitlab() { of_gitlab } else { self.github_token.as_ref() };
        let reports = self.report.kinds().iter().any(|kind| *kind != ReportKind::Summary);
        let code_host = env.ci_api().filter(|_| reports && token.is_some());
        let code_host = code_host.and_then(|url| Url::parse(url).ok());
        let hook = self.access.hook.as_ref().map(|hook| hook.expose().clone());
        let page = self.page.as_ref().and_then(|page| page.address.on(self.environment_url.as_deref()));
        hook.into_iter().chain(api).chain(code_host).chain(page).collect()
    }

    /// The same settings for another platform, hook, token and API: those of the embedded platform.
    #[must_use]
    pub fn on(mut self, platform: &str, hook_url: &str, token: &str, api_url: &str) -> Self {
        let access = &mut self.access;
        access.platform = platforms::by_name(platform).unwrap_or(access.platform);
        let hook = HookUrl::parse(hook_url);
        access.hook = hook.and_then(|hook| platforms::documented(access.platform, hook)).ok();
        let own = access.platform.api(access.hook.as_ref().map(HookUrl::expose));
        access.api = own.and_then(|_| Url::parse(api_url).ok());
        access.token = Token::parse(token);
        self
    }

    /// The platform's name, as far as it is known: without a hook and a token only the user can say it.
    pub fn platform_name(&self) -> &'static str {
        let is_known = self.is_named || self.access.hook.is_some() || self.access.token.is_some();
        if is_known { self.access.platform.name() } else { "" }
    }

    /// The redactor that knows all of this run's secrets.
    pub fn redactor(&self) -> Redactor {
        let page = self.page.as_ref().and_then(|page| page.address.on(None));
        self.redactor_beside(page.as_ref())
    }

    /// The same for a run that verifies this page.
    fn redactor_beside(&self, page: Option<&Url>) -> Redactor {
        let tokens = [&self.access.token, &self.github_token, &self.gitlab_token, &self.job_token];
        let of_page = self.page.as_ref();
        let headers = self.access.headers.iter().chain(of_page.into_iter().flat_map(|page| &page.headers));
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let mut of_headers: Vec<String> =
            headers.flat_map(|(name, value)| secrets_of_header(name, value)).collect();
        if !of_headers.is_empty() {
            let is_public = self.public_texts(page);
            of_headers.retain(|text| !is_public(text));
        }
        let of_address = of_page.map(|page| page.address.secrets()).unwrap_or_default();
        Redactor::new(self.access.hook.as_ref(), tokens.into_iter().flatten())
            .with(of_headers)
            .with(of_address)
    }

    /// Returns whether a text is shown anyway, so that masking it would destroy outputs: a fixed word of the outputs or a
    /// part of one, a name that the user gave, or a host or origin of the site, the page, the hook or the API, or a domain
    /// above it. A header that repeats such a text is no secret.
    fn public_texts(&self, page: Option<&Url>) -> impl Fn(&str) -> bool {
        let site = self.environment_url.as_deref().and_then(|site| Url::parse(site).ok());
        let hook = self.access.hook.as_ref().map(HookUrl::expose);
        let urls = [site.as_ref(), page, hook, self.access.api.as_ref()];
        let origins: Vec<_> =
            urls.into_iter().flatten().map(|url| url.origin().ascii_serialization()).collect();
        let outcomes = Outcome::ALL.into_iter().map(|outcome| outcome.to_string());
        let platforms = platforms::all().iter().map(|platform| platform.name().to_owned());
        let words: Vec<_> = outcomes.chain(platforms).collect();
        let names = [&self.environment, &self.environment_url, &self.access.account, &self.access.project];
        let names = names.map(Clone::clone);
        move |text| {
            let lower = text.to_ascii_lowercase();
            let address = lower.strip_suffix('/').unwrap_or(&lower);
            names.iter().flatten().any(|name| name == text)
                || words.iter().any(|word| word.contains(&lower))
                || origins.iter().any(|origin| is_of_origin(address, origin))
        }
    }
}

/// The platform, and what is needed to trigger and to read it.
fn access(sources: &mut Sources<'_>, needs: Needs, named: Option<&'static dyn Platform>) -> PlatformAccess {
    let given_api = sources.url("api-url", true);
    let (hook, platform) = hook::read(sources, needs, named, given_api.as_ref());
    let token = sources.token("api-token", platform.facts().token_variables, TokenOwner::Platform(platform));
    if let Ok(None) = hook {
        hook::require(sources, needs, named, token.is_some());
    }
    let hook = hook.ok().flatten();
    let (account, project) = ids::read(sources, platform, token.is_some());
    // An earlier version of the Action sets one platform's API as the default of all.
    let given_api = given_api.filter(|api| !platforms::is_of_another(platform, api));
    let own_api = platform.api(hook.as_ref().map(HookUrl::expose));
    PlatformAccess {
        hook,
        token,
        api: own_api.map(|own| given_api.unwrap_or(own)),
        account,
        project,
        headers: trigger::headers(sources, "headers"),
        body: trigger::body(sources),
        ..PlatformAccess::new(platform)
    }
}

/// Whether a text is an origin such as `https://www.example.com:8443`, its host with or without the port, or a domain above.
fn is_of_origin(text: &str, origin: &str) -> bool {
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let is_above = text.contains('.') && host.strip_suffix(text).is_some_and(|sub| sub.ends_with('.'));
    text == origin || text == authority || text == host || is_above
}

/// The platform that the inputs name; none with `auto`.
pub fn named_platform(inputs: &Inputs, env: &Env) -> Result<Option<&'static dyn Platform>, Problems> {
    let mut sources = Sources::new(inputs, env);
    let named = hook::named(&mut sources);
    sources.finish(named)
}

/// The platform's name for a run that was not started, as far as it can be known; else empty.
pub fn platform_name(inputs: &Inputs, env: &Env) -> &'static str {
    hook::platform_name(&mut Sources::new(inputs, env))
}

/// Validates a deployment's id from the command line.
pub fn deployment_id(text: &str) -> Result<DeploymentId, Problems> {
    DeploymentId::new(text.trim()).ok_or_else(|| {
        let problem = if text.contains("://") {
            Problem::new("hook-url", problems::HOOK_ON_COMMAND_LINE)
        } else {
            Problem::new("ID", problems::NOT_A_DEPLOYMENT).with_value(shown(text))
        };
        problem.into()
    })
}

fn sha(sources: &mut Sources<'_>) -> Option<String> {
    let found = sources.find("sha", &[])?;
    let sha = found.value.trim().to_ascii_lowercase();
    if matches!(sha.len(), 40 | 64) && sha.chars().all(|c| c.is_ascii_hexdigit()) {
        return Some(sha);
    }
    sources.problem(&found, problems::NOT_A_COMMIT);
    None
}

/// What GitLab says of the job itself.
fn of_job<'a>(env: &'a Env, name: &str) -> Option<&'a str> {
    env.get(name).filter(|_| env.in_gitlab())
}

/// The name of the environment that the job is for; it is no input, so it is cleaned and not validated.
fn environment_of_job(env: &Env) -> Option<String> {
    let name = Redactor::default().clean(of_job(env, "CI_ENVIRONMENT_NAME")?, 255);
    Some(name).filter(|name| !name.is_empty())
}

/// The input, else what the job's `environment:` says.
fn environment_url(sources: &mut Sources<'_>) -> Option<String> {
    const NAME: &str = "environment-url";
    let given = if sources.is_inherited(NAME) { None } else { sources.url(NAME, false) };
    // In the job it may still hold the name of a variable that only a later report sets.
    let of_job =
        || Url::parse(of_job(sources.env, "CI_ENVIRONMENT_URL").filter(|url| !url.contains('$'))?).ok();
    let of_web = |url: &Url| is_web(url) && !has_user(url);
    given.or_else(|| of_job().filter(of_web)).map(String::from)
}

/// Where report files go by the inputs, valid or not: GitLab has no place of its own for them but the job's
/// folder.
pub fn report_dir(inputs: &Inputs, env: &Env) -> Option<PathBuf> {
    let given = Sources::new(inputs, env).find("output-dir", &[]).map(|found| found.value);
    given.or_else(|| of_job(env, "CI_PROJECT_DIR").map(str::to_owned)).map(|dir| PathBuf::from(dir.trim()))
}

fn output_dir(sources: &mut Sources<'_>) -> Option<PathBuf> {
    let Some(found) = sources.find("output-dir", &[]) else {
        return report_dir(sources.inputs, sources.env);
    };
    let dir = PathBuf::from(found.value.trim());
    if let Err(error) = std::fs::create_dir_all(&dir) {
        sources.path_problem(&found, (problems::no_folder(&error), problems::GIVE_FOLDER));
    }
    Some(dir)
}
