//! The words of `sandbox` and `platforms`.

/// What `sandbox` says below the values that it prints: how to deploy on it, and how to watch it. `variables` stand in front of
/// the command, `options` behind it.
pub fn sandbox_help(url: &str, variables: &str, options: &[String]) -> [String; 5] {
    [
        String::new(),
        "The embedded platform runs until Ctrl-C. In another terminal:".to_owned(),
        format!("  DEPLOY_HOOK_URL=… {variables}deploy-hook deploy {}", options.join(" ")),
        format!("Watch it at {url}/ and choose another scenario:"),
        format!("  curl -X PUT -d '{{\"name\":\"answer-lost\"}}' {url}/sandbox/scenario"),
    ]
}

/// The heads of the columns of `platforms`.
pub const PLATFORMS_HEAD: [&str; 3] = ["PLATFORM", "FOLLOWED", "TRIED LIVE"];

/// What `platforms` says below its table.
pub const PLATFORMS_NOTE: [&str; 3] = [
    "The inputs are what following needs, with the platform's own variables, which",
    "are read for no other platform. DEPLOY_HOOK_API_TOKEN, DEPLOY_HOOK_ACCOUNT and",
    "DEPLOY_HOOK_PROJECT are read for every platform.",
];

/// What is said of an input in the table of `platforms`.
pub const fn platform_input_note(is_required: bool, for_trigger: bool) -> &'static str {
    match (is_required, for_trigger) {
        (_, true) => " (the trigger too)",
        (false, _) => " (optional)",
        _ => "",
    }
}
