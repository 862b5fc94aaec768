//! Variables whose name is nearly that of an input: mistakes that would otherwise have no effect and no message.

use super::sources::variable_of;
use crate::cli::options;
use crate::env::Env;
use crate::text::outputs;
use crate::text::problems;

/// The warnings about variables that are not read although their names begin as those of inputs and are nearly right.
///
/// A name that is like none is the user's own, such as a hook for each environment: `DEPLOY_HOOK_STAGING`.
pub fn unknown_variables(env: &Env) -> Vec<String> {
    unknown(env).iter().map(|(name, meant)| problems::unknown_variable(name, meant)).collect()
}

/// The variables that are not read, each with the one that may have been meant.
pub(super) fn unknown(env: &Env) -> Vec<(String, String)> {
    let inputs: Vec<&str> = options::OPTIONS.iter().map(|option| option.name).collect();
    // `DEPLOY_HOOK_URL` holds the hook's URL, as the prefix says.
    let plain: Vec<&str> = inputs.iter().map(|input| without_hook(input)).collect();
    let mut unknown = of_prefix(env, "DEPLOY_HOOK_", &plain);
    // An output of an earlier job of GitLab's.
    let is_output = |name: &str| outputs::NAMES.iter().any(|output| name == variable_of(output));
    unknown.retain(|(name, _)| !is_output(name));
    if env.get("DEPLOY_HOOK").is_some() {
        unknown.push(("DEPLOY_HOOK".to_owned(), "DEPLOY_HOOK_URL".to_owned()));
    }
    if env.in_github() {
        unknown.extend(of_prefix(env, "INPUT_", &inputs));
    }
    unknown
}

/// The variables with this prefix that are no input's, and the ones that were meant.
fn of_prefix(env: &Env, prefix: &str, inputs: &[&str]) -> Vec<(String, String)> {
    let unknown = |name: &str| {
        let value = env.get(name)?;
        let rest = name.strip_prefix(prefix)?.to_ascii_lowercase().replace('_', "-");
        let meant = meant(&rest, inputs)?;
        // A URL is the user's own hook, of one environment say, unless a URL was meant.
        let may_be = !value.contains("://") || meant.ends_with("url");
        let of_action = || format!("INPUT_{}", meant.to_ascii_uppercase());
        let meant = if prefix == "INPUT_" { of_action() } else { variable_of(&meant) };
        may_be.then(|| (name.to_owned(), meant))
    };
    env.names().filter_map(unknown).collect()
}

fn without_hook(input: &str) -> &str {
    input.strip_prefix("hook-").unwrap_or(input)
}

/// The input that a misspelt name means. `None`: the name is an input, or is like none of them.
fn meant(name: &str, inputs: &[&str]) -> Option<String> {
    if inputs.contains(&name) {
        return None;
    }
    let other = problems::other_name(name).into_iter().chain([without_hook(name)]);
    let mut other = other.flat_map(|other| [without_hook(other), other]);
    if let Some(input) = other.find(|other| inputs.contains(other)) {
        return Some(input.to_owned());
    }
    // Short names are all like one another.
    let most = if name.len() < 6 { 1 } else { 2 };
    let plain = |name: &str| name.replace('-', "");
    let near = inputs.iter().map(|input| (strsim::osa_distance(&plain(name), &plain(input)), input));
    let near = near.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance);
    near.map(|(_, input)| (*input).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_an_inputs_is_reported_and_a_users_own_is_not() {
        let meant = |names: &[&str]| -> Vec<String> {
            let env: Env = names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
            unknown(&env).into_iter().map(|(_, meant)| meant).collect()
        };
        for (name, wanted) in [
            ("DEPLOY_HOOK_TIMEOT", "DEPLOY_HOOK_TIMEOUT"),
            ("DEPLOY_HOOK_TIME_OUT", "DEPLOY_HOOK_TIMEOUT"),
            ("DEPLOY_HOOK_WIAT", "DEPLOY_HOOK_WAIT"),
            ("DEPLOY_HOOK_URI", "DEPLOY_HOOK_URL"),
            ("DEPLOY_HOOK_ULR", "DEPLOY_HOOK_URL"),
            ("DEPLOY_HOOK_HOOK_URL", "DEPLOY_HOOK_URL"),
            ("DEPLOY_HOOK_TOKEN", "DEPLOY_HOOK_API_TOKEN"),
            ("DEPLOY_HOOK_ENV", "DEPLOY_HOOK_ENVIRONMENT"),
            ("DEPLOY_HOOK_ON_CANCELLED", "DEPLOY_HOOK_ON_CANCELED"),
            ("DEPLOY_HOOK", "DEPLOY_HOOK_URL"),
        ] {
            assert_eq!(meant(&[name]), [wanted], "{name}");
        }
        for own in [
            "DEPLOY_HOOK_URL",
            "DEPLOY_HOOK_URL_FILE",
            "DEPLOY_HOOK_API_TOKEN_FILE",
            "DEPLOY_HOOK_TIMEOUT",
            "DEPLOY_HOOK_OUTCOME",
            "DEPLOY_HOOK_STATE",
            "DEPLOY_HOOK_DEPLOYMENT_ID",
            "DEPLOY_HOOK_STAGING",
            "DEPLOY_HOOK_PRODUCTION",
            "DEPLOY_HOOK_URL_STAGING",
            "DEPLOY_HOOK_BACKEND",
            "DEPLOY_HOOKS_URL",
            "MY_DEPLOY_HOOK_TIMEOT",
            "INPUT_TIMEOT",
        ] {
            assert_eq!(meant(&[own]), [""; 0], "{own}");
        }
        let env = |name: &str| -> Env {
            [("GITHUB_ACTIONS", "true"), (name, "x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .collect()
        };
        for (name, wanted) in [
            ("INPUT_TIMOUT", "INPUT_TIMEOUT"),
            ("INPUT_POLL-INTERVALL", "INPUT_POLL-INTERVAL"),
            ("INPUT_URL", "INPUT_HOOK-URL"),
            ("INPUT_TOKEN", "INPUT_API-TOKEN"),
        ] {
            assert_eq!(unknown(&env(name)).first().map(|(_, meant)| meant.as_str()), Some(wanted), "{name}");
        }
        for own in [
            "INPUT_ARGS",
            "INPUT_ENTRYPOINT",
            "INPUT_VERSION",
            "INPUT_DEPLOY",
            "INPUT_HOOK_URL",
            "INPUT_HOOK-URL",
        ] {
            assert_eq!(unknown(&env(own)), [], "{own}");
        }
    }
}
