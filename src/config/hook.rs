//! The hook URL, and the platform that it belongs to.

use std::path::Path;

use url::Url;

use super::sources::{self, Found, Lines, Sources};
use crate::platforms::{self, Platform};
use crate::secrets::{HookUrl, UrlFault};

const NAME: &str = "hook-url";

/// What the command needs of the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A hook to trigger.
    Hook,
    /// Something to read: the hook or a token.
    HookOrToken,
    /// Neither.
    Nothing,
    /// Nothing from outside: the embedded platform brings its own hook, and nothing leaves this machine.
    Sandbox,
}

/// The platform that the input `platform` names; none with `auto`.
pub(super) fn named(sources: &mut Sources<'_>) -> Option<&'static dyn Platform> {
    const NAME: &str = "platform";
    if sources.is_inherited(NAME) {
        return None;
    }
    let names = platforms::all().iter().map(|platform| platform.name());
    let words: Vec<&str> = std::iter::once("auto").chain(names).collect();
    sources.choice(NAME, &words).checked_sub(1).and_then(|index| platforms::all().get(index)).copied()
}

/// The hook, where one was given, and the platform. Without a hook the platform is the one that was `named`, else the
/// one that a token is set for. `api` is the `api-url` that the user gave. The error is a problem that is reported already.
pub(super) fn read(
    sources: &mut Sources<'_>,
    needs: Needs,
    named: Option<&'static dyn Platform>,
    api: Option<&Url>,
) -> (Result<Option<HookUrl>, ()>, &'static dyn Platform) {
    let hook = if needs == Needs::Sandbox { Ok(None) } else { parse(sources, named, api) };
    let of_token = || platforms::of_token(|variable| sources.env.get(variable).is_some());
    match hook {
        Ok(Some((hook, platform))) => (Ok(Some(hook)), platform),
        other => (other.map(|_| None), named.unwrap_or_else(of_token)),
    }
}

/// The platform's name for a run that was not started, as far as it can be known; else empty.
pub(super) fn platform_name(sources: &mut Sources<'_>) -> &'static str {
    let file =
        sources.option("hook-url-file").or_else(|| Some(sources.env.get("DEPLOY_HOOK_URL_FILE")?.into()));
    // A stream gives its text once, and the run itself took it.
    let is_stream = file.is_some_and(|path| !Path::new(path.trim()).is_file());
    let platform = match named(sources) {
        None if is_stream => None,
        None => {
            let api = sources.url("api-url", true);
            parse(sources, None, api.as_ref()).ok().flatten().map(|(_, platform)| platform)
        }
        named => named,
    };
    platform.map(Platform::name).unwrap_or_default()
}

/// The variables that a hook's URL may come from, after the project's own ones.
fn variables(named: Option<&'static dyn Platform>) -> Vec<&'static str> {
    let customary =
        named.map_or_else(platforms::hook_variables, |named| named.facts().hook_variables.to_vec());
    [vec!["INPUT_HOOK-URL", "INPUT_HOOK_URL"], customary].concat()
}

fn parse(
    sources: &mut Sources<'_>,
    named: Option<&'static dyn Platform>,
    api: Option<&Url>,
) -> Result<Option<(HookUrl, &'static dyn Platform)>, ()> {
    if sources.inputs.is_refused("hook-url") {
        let wrong = "was given on the command line, where every process on this machine can read it";
        let fix = "Give it as DEPLOY_HOOK_URL or by --hook-url-file PATH (- is standard input), and rotate the hook.";
        sources.secret_problem("--hook-url", wrong, fix);
        return Err(());
    }
    let found = sources.secret(NAME, "DEPLOY_HOOK_URL", Lines::One)?;
    let found = found.or_else(|| sources.first_of(NAME, &variables(named)));
    let Some(found) = found.filter(|found| !found.value.trim().is_empty()) else { return Ok(None) };
    if sources::is_file(&found.value) {
        sources.secret_problem(&found.input, sources::IS_FILE.0, sources::IS_FILE.1);
        return Err(());
    }
    let known = with_platform(&found, named, api);
    known.map(Some).map_err(|fault| {
        sources.secret_problem(&found.input, fault.wrong(), fault.fix());
    })
}

fn with_platform(
    found: &Found,
    named: Option<&'static dyn Platform>,
    api: Option<&Url>,
) -> Result<(HookUrl, &'static dyn Platform), UrlFault> {
    let hook = HookUrl::parse(&found.value)?;
    let platform = named.unwrap_or_else(|| platforms::of_hook(hook.expose(), api));
    Ok((platforms::documented(platform, hook)?, platform))
}

/// Reports a missing hook where the command cannot do without. `skip`: `if-missing: skip`.
pub(super) fn require(sources: &mut Sources<'_>, needs: Needs, skip: bool, has_token: bool) {
    let can_do_without = match needs {
        Needs::Hook => skip,
        Needs::HookOrToken => has_token,
        Needs::Nothing | Needs::Sandbox => true,
    };
    if !can_do_without {
        let fix = "Store the deploy hook's URL as a secret and pass it as hook-url (GitHub), DEPLOY_HOOK_URL \
                   (elsewhere) or --hook-url-file. Pull requests from forks and Dependabot get no secrets: \
                   `if-missing: skip` lets those pass. On GitLab, protected variables are empty on unprotected \
                   branches and tags.";
        sources.secret_problem(NAME, "is empty", fix);
    }
}
