//! The hook URL, and the platform that it belongs to.

use std::path::Path;

use url::Url;

use super::secret_file::Lines;
use super::sources::{self, InputValue, Sources};
use super::{trigger, variables};
use crate::cli::values;
use crate::platforms::{self, Platform};
use crate::secrets::{HookUrl, UrlFault, unwrap_pasted};
use crate::text::problems::{self, HookForm};

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
    platforms::by_name(sources.choice(NAME, &values::platform_names()))
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
    let hook = match hook {
        Ok(Some((hook, platform))) => return (Ok(Some(hook)), platform),
        other => other.map(|_| None),
    };
    let of_tokens = platforms::of_tokens(|variable| sources.env.get(variable).is_some());
    if let (Needs::HookOrToken, None, Ok(_), [_, _, ..]) = (needs, named, &hook, of_tokens.as_slice()) {
        let candidates: Vec<&str> = of_tokens.iter().map(|platform| platform.name()).collect();
        sources.secret_problem("platform", problems::several_tokens(&candidates));
    }
    let of_token = of_tokens.first().copied();
    (hook, named.or(of_token).unwrap_or(platforms::all()[0]))
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

fn parse(
    sources: &mut Sources<'_>,
    named: Option<&'static dyn Platform>,
    api: Option<&Url>,
) -> Result<Option<(HookUrl, &'static dyn Platform)>, ()> {
    if sources.inputs.is_refused("hook-url") {
        sources.secret_problem("--hook-url", problems::HOOK_ON_COMMAND_LINE);
        return Err(());
    }
    let others = |sources: &mut Sources<'_>| customary(sources, named);
    let Some(found) = sources.secret(NAME, "DEPLOY_HOOK_URL", Lines::One, others)? else { return Ok(None) };
    let has_headers = trigger::are_headers_given(sources);
    with_platform(&found.value, named, api, has_headers)
        .map(Some)
        .map_err(|problem| sources.secret_problem(&found.input, problem))
}

/// The hook from the Action's input, else from the platforms' own variables, which must be of one platform.
fn customary(
    sources: &mut Sources<'_>,
    named: Option<&'static dyn Platform>,
) -> Result<Option<InputValue>, ()> {
    let found = sources.first_of(NAME, ["INPUT_HOOK-URL", "INPUT_HOOK_URL"].into_iter());
    if found.is_some() {
        return Ok(found);
    }
    let one = named.map(|named| vec![named]);
    let set = |platform: &&'static dyn Platform| {
        let variable = platform.facts().hook_variables.iter().find(|name| sources.env.get(name).is_some());
        variable.map(|variable| (platform.name(), *variable))
    };
    let set: Vec<_> = one.as_deref().unwrap_or(platforms::all()).iter().filter_map(set).collect();
    let value = |variable: &str| sources.env.get(variable).map(unwrap_pasted);
    let is_other = |(_, variable): &(&str, &str)| value(variable) != value(set[0].1);
    if set.iter().any(is_other) {
        sources.secret_problem(NAME, problems::several_hooks(&set));
        return Err(());
    }
    Ok(sources.first_of(NAME, set.iter().map(|(_, variable)| *variable)))
}

/// The hook and its platform, or what is wrong and how to fix it. If the platform is unknown, the secret may be in the
/// headers: the path may end in a word if there are any, or if the user named the platform.
fn with_platform(
    pasted: &str,
    named: Option<&'static dyn Platform>,
    api: Option<&Url>,
    has_headers: bool,
) -> Result<(HookUrl, &'static dyn Platform), (String, String)> {
    let hook = HookUrl::parse(pasted);
    let url = hook.as_ref().ok().map(|hook| hook.expose().clone());
    if !matches!(hook, Err(UrlFault::Paste(_)))
        && let Some(problem) = mistaken_for_hook(unwrap_pasted(pasted), url, named, api)
    {
        return Err(problem);
    }
    let hook = hook.map_err(problems::hook_url)?;
    let platform = named.unwrap_or_else(|| platforms::of_hook(hook.expose(), api));
    if hook.ends_early() {
        let is_known = platform.api(Some(hook.expose())).is_some();
        if is_known {
            return Err(problems::hook_url(UrlFault::NoSecret));
        }
        if named.is_none() && !has_headers {
            return Err(problems::hook_url(UrlFault::EndsInWord));
        }
    }
    Ok((platforms::documented(platform, hook).map_err(problems::hook_url)?, platform))
}

/// Recognizes a token, a page of a dashboard or an address of an API that was given instead of a hook's URL. Nothing is
/// known about a hook that the user named `other`. `url` is the text as a hook's URL, where it has the form of one.
fn mistaken_for_hook(
    text: &str,
    url: Option<Url>,
    named: Option<&'static dyn Platform>,
    api: Option<&Url>,
) -> Option<(String, String)> {
    if let Some(owner) = sources::of_code_host(text) {
        return Some(problems::token_as_hook(owner, None));
    }
    if let Some(owner) = platforms::with_token(text) {
        return Some(problems::token_as_hook(owner.name(), Some(&form(owner))));
    }
    let url = url.or_else(|| Url::parse(text).ok().filter(Url::has_host));
    let url =
        url.or_else(|| Url::parse(&format!("https://{text}")).ok().filter(|_| text.contains(['.', '/'])))?;
    let is_of_other = named.is_some_and(|named| named.facts().token_variables.is_empty());
    if is_of_other
        || matches!(url.path(), "/" | "") && url.query().is_none() && platforms::of_page(&url).is_none()
    {
        return None;
    }
    if let Some(platform) = platforms::of_page(&url) {
        return Some(problems::dashboard_page(&form(platform)));
    }
    let here = platforms::with_hooks_at_host_of(&url);
    if here.is_empty() {
        return None;
    }
    let is_named = named.is_none_or(|named| here.iter().any(|here| here.name() == named.name()));
    let is_known = named.is_none() && !platforms::of_hook(&url, api).facts().token_variables.is_empty();
    let forms: Vec<HookForm> = here.into_iter().map(form).collect();
    (is_named && !is_known).then(|| problems::not_a_hook(&forms))
}

/// What the platform's documents say of its hooks.
fn form(platform: &dyn Platform) -> HookForm {
    let known_by = platform.facts().known_by;
    // Some are known by no URL, but only when they are named.
    let known_by = if known_by.contains('/') { known_by } else { "" };
    HookForm { platform: platform.name(), place: platform.facts().hook_place, known_by }
}

/// Reports a missing hook where the command cannot do without. `skip`: `if-missing: skip`.
pub(super) fn require(
    sources: &mut Sources<'_>,
    needs: Needs,
    named: Option<&'static dyn Platform>,
    has_token: bool,
) {
    let can_do_without = match needs {
        Needs::Hook => sources.may_be_missing,
        Needs::HookOrToken => has_token,
        Needs::Nothing | Needs::Sandbox => true,
    };
    if !can_do_without {
        let of_tokens = || platforms::of_tokens(|variable| sources.env.get(variable).is_some());
        let likely = named.map_or_else(of_tokens, |named| vec![named]);
        let likely: Vec<&str> =
            likely.iter().filter_map(|platform| platform.facts().hook_variables.first()).copied().collect();
        let mut unknown = variables::unknown(sources.env).into_iter();
        let misspelt = unknown.find(|(_, meant)| meant == "DEPLOY_HOOK_URL").map(|(name, _)| name);
        sources.secret_problem(NAME, problems::missing_hook(misspelt.as_deref(), &likely));
    }
}
