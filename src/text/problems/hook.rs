//! Problems with the hook as a whole: none, or more than one.

/// The problem with a missing hook, and how to fix it. `misspelt`: a variable whose name is nearly right. `likely`:
/// variables of the platforms that a token is set for.
pub(crate) fn missing_hook(misspelt: Option<&str>, likely: &[&str]) -> (&'static str, String) {
    let misspelt =
        misspelt.map(|name| format!("{name} is set, but only DEPLOY_HOOK_URL is read. ")).unwrap_or_default();
    let likely = if likely.is_empty() { String::new() } else { format!(", {}", likely.join(", ")) };
    let fix = format!(
        "{misspelt}Store the deploy hook's URL as a secret and pass it as hook-url (GitHub), DEPLOY_HOOK_URL{likely} (elsewhere) \
         or --hook-url-file. Pull requests from forks and Dependabot get no secrets: `if-missing: skip` lets those pass. \
         On GitLab, protected variables are empty on unprotected branches and tags."
    );
    ("is empty", fix)
}

/// The problem with hooks of more than one platform: its name, and the variable that holds its hook.
pub(crate) fn several_hooks(set: &[(&str, &str)]) -> (String, String) {
    let [platforms, variables] = [
        |(platform, _): &(&str, &str)| (*platform).to_owned(),
        |(_, variable): &(&str, &str)| (*variable).to_owned(),
    ]
    .map(|part| set.iter().map(part).collect::<Vec<_>>());
    (
        format!("is given for {} platforms: {}", set.len(), variables.join(", ")),
        format!(
            "Set platform to one of {}, or give the one hook as hook-url or DEPLOY_HOOK_URL.",
            platforms.join(", ")
        ),
    )
}

/// The problem with tokens of more than one platform and no hook.
pub(crate) fn several_tokens(platforms: &[&str]) -> (String, String) {
    (
        format!("is not set, and there are tokens of {}", platforms.join(", ")),
        "Set platform to the one that is to be read, or give its hook URL.".to_owned(),
    )
}

/// The warning about a variable that is not read, and the one that may have been meant.
pub(crate) fn unknown_variable(name: &str, meant: &str) -> String {
    format!("{name} is not read. Did you mean {meant}?")
}

/// The problem with an account and a project of this platform in each other's place.
pub(crate) fn swapped(platform: &str) -> (String, String) {
    (
        format!("is swapped with project, which holds the id of an account of {platform}"),
        "Give the id of the account as account, and the name of the project as project.".to_owned(),
    )
}

/// The problem with an id that this platform does not ask for, while the one that it does is missing.
pub(crate) fn unused(platform: &str, given: &str, wanted: &str) -> (String, String) {
    (
        format!("is not used by {platform}, which asks for {wanted}"),
        format!(
            "If this is the id of the {wanted}, give it as {wanted}. Otherwise remove {given} and set {wanted}."
        ),
    )
}
