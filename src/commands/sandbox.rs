//! The embedded platform as a command, and as what `deploy --sandbox` deploys on.

use url::Url;

use super::not_started::NotStarted;
use crate::cli::Cli;
use crate::config::{Page, PageAddress, Settings, named_platform, shown};
use crate::env::Env;
use crate::error::{Problem, Problems};
use crate::platforms::{self, Platform};
use crate::reporting::output::Output;
use crate::sandbox::{Options, Sandbox, StartError, is_name, scenarios};
use crate::signals::Signals;
use crate::text::{messages, problems};

/// A sandbox for `deploy --sandbox`: quick enough to watch.
pub(super) const DEPLOY_SPEED: f64 = 20.0;

/// The inputs for ids that a platform's API may ask for besides the hook.
const IDS: [&str; 2] = ["account", "project"];

/// Refuses what is meant for the sandbox where a real platform is deployed on.
pub(super) fn only_with_sandbox(cli: &Cli) -> Result<(), Problems> {
    let given = [
        ("--scenario", cli.inputs.get("scenario").is_some()),
        ("--speed", cli.speed.is_some()),
        ("--generation", cli.inputs.get("generation").is_some()),
    ];
    let problem = |(input, _): (&str, bool)| Problem::new(input, problems::ONLY_WITH_SANDBOX);
    let problems: Vec<Problem> = given.into_iter().filter(|(_, given)| *given).map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

/// Starts the sandbox that these arguments describe. Without a platform it is the default one.
pub(super) async fn start(
    cli: &Cli,
    platform: Option<&str>,
    default_speed: f64,
) -> Result<Sandbox, Problems> {
    let options = Options {
        port: cli.port,
        speed: cli.speed.unwrap_or(default_speed),
        scenario: cli.inputs.get("scenario").map_or_else(|| "success".to_owned(), known_or_shown),
        platform: platform.map(str::to_owned),
        hook: cli.inputs.get("generation").map(str::to_owned),
    };
    Sandbox::start(&options).await.map_err(|error| problem(&error).into())
}

/// The name of a scenario as it was given. Any other text may be a secret, and is shown as far as it may be.
fn known_or_shown(name: &str) -> String {
    if is_name(name) { name.to_owned() } else { shown(name) }
}

/// The problem of an input that the sandbox cannot be started with.
fn problem(error: &StartError) -> Problem {
    let (input, fix) = match error {
        StartError::UnknownName { field: "platform", .. } => ("--platform", problems::CHOOSE_PLATFORM),
        StartError::UnknownName { field: "hook", .. } => ("--generation", problems::CHOOSE_GENERATION),
        StartError::UnknownName { .. } => ("--scenario", problems::CHOOSE_SCENARIO),
        StartError::Speed(_) => ("--speed", problems::CHOOSE_SPEED),
        StartError::Listen { port, source } => {
            return Problem::new("--port", problems::port(source)).with_value(port.to_string());
        }
    };
    Problem::new(input, (error.to_string(), fix))
}

/// Runs the sandbox until a signal ends it.
pub(super) async fn run(cli: &Cli, out: &Output) -> Result<u8, NotStarted> {
    let platform = named_platform(&cli.inputs, &Env::default())?.map(Platform::name);
    if cli.inputs.get("scenario") == Some("list") {
        let scenarios = scenarios(platform).map_err(|error| Problems::from(problem(&error)))?;
        for (name, about) in scenarios {
            out.data(&format!("{name:<28} {about}"));
        }
        return Ok(0);
    }
    let sandbox = start(cli, platform, 1.0).await?;
    let url = sandbox.url();
    out.data(&format!("hook-url={}", sandbox.hook_url()));
    if sandbox.has_api() {
        out.data(&format!("api-token={}", sandbox.api_token()));
    }
    let ids = IDS.map(|name| Some((name, sandbox.value(name)?)));
    ids.iter().flatten().for_each(|(name, id)| out.data(&format!("{name}={id}")));
    if let Some(site) = sandbox.site() {
        out.data(&format!("environment-url={site}"));
    }
    out.data(&format!("manage={url}"));
    let token = token_variable(&sandbox).map(|name| format!("{name}=… ")).unwrap_or_default();
    let name = is_only_named(&sandbox).then(|| ("platform", sandbox.platform().to_owned()));
    let options = [("api-url", url.clone())].into_iter().chain(name).chain(ids.into_iter().flatten());
    let options: Vec<String> = options.map(|(name, value)| format!("--{name} {value}")).collect();
    for line in messages::sandbox_help(&url, &token, &options) {
        out.log_line(&line);
    }
    let listening = Signals::listen();
    if let Ok(signals) = listening {
        signals.wait().await;
    } else {
        std::future::pending::<()>().await; // without handlers the signal itself ends the process
    }
    Ok(0)
}

/// The same page on the sandbox's site, which shows the text from the next deployment on. Nothing leaves this machine.
fn page_of(sandbox: &Sandbox, page: Page) -> Page {
    if let Some(text) = &page.text {
        sandbox.show_on_site(text);
    }
    let path = PageAddress::Path(page.address.path());
    let address = path.on(sandbox.site().as_deref()).map_or(path, PageAddress::Url);
    Page { address, ..page }
}

/// The variable that customarily holds a token of the platform's API.
fn token_variable(sandbox: &Sandbox) -> Option<&'static str> {
    platforms::by_name(sandbox.platform())?.facts().token_variables.first().copied()
}

/// Whether the hook's URL does not say whose it is.
fn is_only_named(sandbox: &Sandbox) -> bool {
    let hook = Url::parse(&sandbox.hook_url());
    hook.is_ok_and(|hook| platforms::of_hook(&hook, None).name() != sandbox.platform())
}

/// The same settings for the sandbox: its platform, its hook, its API, its token, its ids.
pub(super) fn settings_for(sandbox: &Sandbox, settings: Settings) -> Settings {
    let token = if sandbox.has_api() { sandbox.api_token() } else { String::new() };
    let mut settings = settings.on(sandbox.platform(), &sandbox.hook_url(), &token, &sandbox.url());
    [settings.access.account, settings.access.project] = IDS.map(|name| sandbox.value(name));
    settings.page = settings.page.map(|page| page_of(sandbox, page));
    settings
}
