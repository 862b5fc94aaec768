//! Problems with the command line: what people type instead of a command or an option, and what to type instead.

use super::values::Advice;

pub(crate) const URL_ARGUMENT: Advice = (
    "a URL was given as an argument, where every process on this machine can read it",
    "Give the hook URL as DEPLOY_HOOK_URL or by --hook-url-file PATH (- is standard input), and rotate the hook.",
);
pub(crate) const SECRET_ARGUMENT: Advice = (
    "an argument looks like a secret, and every process on this machine can read it",
    "Give the hook URL as DEPLOY_HOOK_URL and a token as DEPLOY_HOOK_API_TOKEN, or by --hook-url-file and --api-token-file, and replace the secret.",
);
pub(crate) const NOT_AN_OPTION: &str = "is not an option";
pub(crate) const NOT_A_COMMAND: &str = "is not a command";
pub(crate) const IS_PLATFORM: &str = "is a platform, not a command or option";
pub(crate) const BEFORE_COMMAND: &str = "must come after the command";
pub(crate) const TOO_MANY: &str = "is an unexpected argument";

/// What to type instead.
pub(crate) fn instead(line: &str) -> String {
    format!("Type: {line}")
}

/// The problem with the name of an environment as an argument, and how to fix it.
pub(crate) fn environment_argument(name: &str) -> (&'static str, String) {
    (
        "is the name of an environment, not a command or option",
        format!(
            "The hook decides what is deployed. To name it in the reports: deploy-hook deploy --environment {name}"
        ),
    )
}

/// The problem with an option after `--`, where everything is an argument.
pub(crate) fn after_double_dash(option: &str) -> String {
    format!("--{option} comes after `--`, so it is not read as an option; put it before `--`")
}

/// The problem with an option of other commands than this one.
pub(crate) fn of_other_commands(option: &str, command: &str, others: &[&str]) -> String {
    let users: Vec<String> = others.iter().map(|other| format!("`{other}`")).collect();
    let verb = if users.len() == 1 { "does" } else { "do" };
    format!("`deploy-hook {command}` does not use --{option}; {} {verb}", users.join(", "))
}

/// The problem with a command line that is not understood, in the words of the parser.
pub(crate) fn not_understood(reason: &str) -> (String, &'static str) {
    (format!("cannot be understood ({reason})"), "The job's log shows the usage.")
}

/// The problem of a job in which a second start could not be distinguished from the first.
pub(crate) fn unmarked(error: &std::io::Error) -> (String, &'static str) {
    (
        format!("cannot record that it has deployed ({error})"),
        "The image's ENTRYPOINT is started once more for after_script, and without a mark in CI_PROJECT_DIR it would deploy again. Use the image with a shell, and `script: [deploy-hook deploy]`.",
    )
}

/// The command, with its options, that does what a word says in other programs.
pub(crate) fn other_command(word: &str) -> Option<&'static str> {
    Some(match word {
        "version" => "--version",
        "help" | "usage" | "man" => "--help",
        "trigger" | "run" | "start" | "post" | "send" | "publish" | "release" | "redeploy" | "push"
        | "ship" => "deploy",
        "watch" | "wait" | "tail" | "logs" | "log" => "follow ID",
        "state" | "show" | "get" | "list" | "ls" | "info" | "deployments" => "status",
        "check" | "test" | "validate" | "verify" | "diagnose" | "lint" => "doctor",
        "dry-run" | "dryrun" | "plan" => "deploy --dry-run",
        "serve" | "server" | "mock" | "fake" | "demo" | "try" => "sandbox",
        "providers" | "hosts" | "platform" => "platforms",
        "completion" => "completions SHELL",
        _ => return None,
    })
}

/// What to type for an option that has another name here and is not simply that one.
pub(crate) fn other_option(name: &str) -> Option<&'static str> {
    Some(match name {
        "no-wait" | "no-follow" | "detach" | "async" | "background" | "skip-wait" | "nowait"
        | "trigger-only" => "--wait=never",
        "follow" | "watch" => "--wait=always",
        "version" => "deploy-hook --version",
        "json" => "--format=json",
        "silent" => "--quiet",
        "debug" | "trace" => "--verbose",
        "no-color" | "no-colour" | "nocolor" | "plain" => "--color=never",
        "no-report" | "no-reports" | "no-status" | "no-summary" => "--report=none",
        "token-file" | "key-file" => "--api-token-file PATH",
        "file" | "url-file" | "hook-file" | "from-file" => "--hook-url-file PATH",
        "skip-if-missing" | "allow-missing" | "ignore-missing" => "--if-missing=skip",
        "allow-canceled" | "allow-cancelled" | "ignore-canceled" => "--on-canceled=pass",
        _ => match other_name(name)? {
            "hook-url" => "DEPLOY_HOOK_URL=… deploy-hook deploy, or --hook-url-file PATH",
            "api-token" => "--api-token-file PATH, or set DEPLOY_HOOK_API_TOKEN",
            "headers" => "--headers-file PATH, or set DEPLOY_HOOK_HEADERS",
            "on-canceled" => "--on-canceled=pass or --on-canceled=fail",
            _ => return None,
        },
    })
}

/// The input that other tools, or other spellings, call by this name.
pub(crate) fn other_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "url" | "uri" | "hook" | "webhook" | "webhook-url" | "deploy-hook" | "deploy-hook-url"
        | "hook-uri" | "deploy-url" | "trigger-url" => "hook-url",
        "token" | "api-key" | "apikey" | "key" | "auth-token" | "access-token" => "api-token",
        "env" | "environment-name" | "env-name" => "environment",
        "site-url" | "env-url" => "environment-url",
        "team" | "team-id" | "org" | "org-id" | "organization" | "organisation" | "account-id" => "account",
        "site" | "site-id" | "app" | "app-id" | "application" | "application-id" | "project-id"
        | "project-name" => "project",
        "on-cancelled" | "on-cancel" | "on-superseded" => "on-canceled",
        "interval" | "polling-interval" => "poll-interval",
        "max-wait" | "wait-timeout" | "deadline" => "timeout",
        "provider" | "vendor" => "platform",
        "commit" | "commit-sha" | "revision" => "sha",
        "reports" => "report",
        "header" => "headers",
        "data" | "payload" => "body",
        "ca" | "cacert" | "ca-cert" | "ca-bundle" => "ca-file",
        "output" | "out-dir" | "outdir" => "output-dir",
        "base-url" | "endpoint" => "api-url",
        "dry" | "dryrun" | "check" => "dry-run",
        _ => return None,
    })
}
