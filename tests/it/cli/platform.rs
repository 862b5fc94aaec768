//! The input `platform`, and the ids that its API asks for: which platform it is, by name where the URL does not show it.

use deploy_hook::cli::Inputs;
use deploy_hook::config::{Needs, Settings};
use deploy_hook::env::Env;
use deploy_hook::error::Problems;
use deploy_hook::platforms::{self, Platform};
use deploy_hook::secrets::{HookUrl, Token};

use super::run::{run, step};
use super::together;
use crate::secrets::Secrets;
use crate::server::{Server, reply};

const HOOK: &str = "https://host.invalid/hooks/LONGSTRING";

fn settings(variables: &[(&str, &str)]) -> Result<Settings, Problems> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::resolve(&Inputs::default(), &variables.collect::<Env>(), Needs::HookOrToken)
}

#[test]
fn every_platform_can_be_named() {
    for platform in platforms::all() {
        let name = platform.name();
        let token = ("DEPLOY_HOOK_API_TOKEN", "0011");
        let given = settings(&[token, ("DEPLOY_HOOK_PLATFORM", name)]).unwrap();
        assert_eq!(given.access.platform.name(), name);
        assert_eq!(platforms::by_name(name).map(Platform::name), Some(name));
    }
    assert!(platforms::by_name("auto").is_none() && platforms::by_name("").is_none());
    for auto in ["auto", " AUTO\n", ""] {
        let given = settings(&[("DEPLOY_HOOK_URL", HOOK), ("INPUT_PLATFORM", auto)]).unwrap();
        assert_eq!(given.access.platform.name(), "other", "{auto:?}");
    }
    let given = settings(&[
        ("DEPLOY_HOOK_URL", HOOK),
        ("INPUT_PLATFORM", "other"),
        ("DEPLOY_HOOK_PLATFORM", "Render"),
    ]);
    assert_eq!(given.unwrap().access.platform.name(), "render");
}

/// The variables of one platform are not read for another.
#[test]
fn a_named_platform_brings_its_own_variables_and_no_others() {
    let tokens = [
        ("FRBIT_TOKEN", "frbit-at-0011"),
        ("RENDER_API_KEY", "rnd_0011"),
        ("RENDER_DEPLOY_HOOK_URL", "https://api.render.com/deploy/srv-d0c8k2h2dbo4?key=Zx9kkLONG"),
        ("FORTRABBIT_DEPLOY_HOOK_URL", "https://api.fortrabbit.com/v1/deploy-hook/Zx9kkLONGSTRING"),
    ];
    let of = |name: &str| settings(&[&tokens[..], &[("DEPLOY_HOOK_PLATFORM", name)]].concat()).unwrap();
    for (name, token, host) in
        [("render", "rnd_0011", "api.render.com"), ("fortrabbit", "frbit-at-0011", "api.fortrabbit.com")]
    {
        let settings = of(name);
        assert_eq!(settings.access.token.as_ref().map(Token::expose), Some(token));
        assert_eq!(settings.access.hook.as_ref().map(HookUrl::host), Some(host));
        assert_eq!(settings.access.api.unwrap().host_str(), Some(host));
    }
    // without a hook the name decides, else the token
    let without_hook =
        |more: &[(&str, &str)]| settings(&[&tokens[1..2], more].concat()).unwrap().access.platform.name();
    assert_eq!(without_hook(&[]), "render");
    assert_eq!(
        without_hook(&[("DEPLOY_HOOK_API_TOKEN", "abc"), ("DEPLOY_HOOK_PLATFORM", "fortrabbit")]),
        "fortrabbit"
    );
}

/// With the variables of all platforms set, each is used with its own: the first that has a value.
#[test]
fn the_variables_of_a_platform_are_read_for_it_alone() {
    let kinds = |platform: &dyn Platform| {
        [
            platform.facts().token_variables,
            platform.facts().account_variables,
            platform.facts().project_variables,
        ]
    };
    let variables: Vec<(String, String)> = platforms::all()
        .iter()
        .flat_map(|platform| kinds(*platform).concat())
        .map(|name| (name.to_owned(), format!("of-{name}")))
        .collect();
    for platform in platforms::all() {
        for first in [0, 1] {
            let own = kinds(*platform);
            let is_earlier =
                |name: &str| own.iter().any(|own| own.iter().take(first).any(|earlier| *earlier == name));
            let mut set: Vec<(&str, &str)> =
                variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            set.retain(|(name, _)| !is_earlier(name));
            set.extend([("DEPLOY_HOOK_PLATFORM", platform.name()), ("INPUT_IF-MISSING", "skip")]);
            let inputs = Inputs::default();
            let env: Env =
                set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let settings = Settings::resolve(&inputs, &env, Needs::Hook).unwrap();
            let wanted = own.map(|own| own.get(first).map(|name| format!("of-{name}")));
            let token = settings.access.token.as_ref().map(|token| token.expose().to_owned());
            assert_eq!(
                [token, settings.access.account, settings.access.project],
                wanted,
                "{}",
                platform.name()
            );
        }
    }
}

/// The Action of an earlier version had fortrabbit's API as a default.
#[test]
fn a_token_never_goes_to_another_platforms_api() {
    let render = [
        ("DEPLOY_HOOK_URL", "https://api.render.com/deploy/srv-d0c8k2h2dbo4?key=Zx9kkLONG"),
        ("RENDER_API_KEY", "rnd_0011"),
    ];
    let api = |api: &str| {
        let settings = settings(&[&render[..], &[("INPUT_API-URL", api)]].concat()).unwrap();
        settings.access.api.unwrap().to_string()
    };
    assert_eq!(api("https://api.fortrabbit.com"), "https://api.render.com/");
    assert_eq!(api("https://staging.render.example/"), "https://staging.render.example/");
    assert_eq!(api(""), "https://api.render.com/");
}

#[tokio::test]
async fn a_typo_is_recognized_and_nothing_is_sent() {
    let server = Server::plain(reply(200, "{}")).await;
    for (program, input) in [
        (run("deploy --platform fortabbit"), "--platform"),
        (run("deploy").env("DEPLOY_HOOK_PLATFORM", "fortabbit"), "platform (DEPLOY_HOOK_PLATFORM)"),
        (run("deploy").env("INPUT_PLATFORM", "fortabbit"), "platform"),
        (run("deploy --sandbox --platform fortabbit"), "--platform"),
        (run("deploy --sandbox").env("DEPLOY_HOOK_PLATFORM", "fortabbit"), "platform (DEPLOY_HOOK_PLATFORM)"),
        (run("sandbox --platform fortabbit"), "--platform"),
        (run("sandbox --scenario list --platform fortabbit"), "--platform"),
        (run("status").env("INPUT_PLATFORM", "fortabbit"), "platform"),
    ] {
        let done = program.env("DEPLOY_HOOK_URL", server.hook()).done().await;
        let wanted = format!(
            "error: {input}: \"fortabbit\" is not an allowed value. Did you mean fortrabbit? Allowed: auto, fortrabbit, "
        );
        assert!(done.code == 2 && done.err.contains(&wanted), "{wanted}\n{}", done.all());
        for platform in platforms::all() {
            assert!(done.err.contains(platform.name()), "{}", done.err);
        }
    }
    assert_eq!(server.connections(), 0);
}

/// A hook of fortrabbit's form that is named as another platform's is read as that platform documents.
#[tokio::test]
async fn a_name_counts_whatever_the_url_looks_like() {
    for (name, outcome) in [("auto", "uncertain"), ("fortrabbit", "uncertain"), ("other", "triggered")] {
        let server = Server::plain(reply(200, "thanks")).await;
        let program = run("deploy --timeout 5s --platform").arg(name).env("DEPLOY_HOOK_URL", server.hook());
        let result = step(program, &Secrets::of(&server.hook(), &[])).await;
        assert_eq!(result.output("outcome"), outcome, "{name}: {}", result.log);
    }
    // a cut URL of the named platform's form
    let cut = "https://hooks.example/webhooks/environments/en-wjl0ai/deploy/";
    let done = run("deploy --platform fortrabbit").env("DEPLOY_HOOK_URL", cut).done().await;
    assert!(done.code == 2 && done.err.contains("ends before its secret part"), "{}", done.err);
}

/// The secret of any other hook may be in its headers, so its path may end in a word.
#[test]
fn the_path_of_any_other_hook_may_end_in_a_word() {
    let other = ("DEPLOY_HOOK_PLATFORM", "other");
    let headers = ("DEPLOY_HOOK_HEADERS", "Authorization: Bearer LONGSTRING");
    for path in ["api/deploy", "deploy", "webhook/deploy/", "deploy-hook", "api/v1/webhooks", "x"] {
        let url = format!("https://host.invalid/{path}");
        let hook = ("DEPLOY_HOOK_URL", url.as_str());
        let is_good = |others: &[(&str, &str)]| settings(&[&[hook], others].concat()).is_ok();
        assert!(is_good(&[other]) && is_good(&[headers]) && is_good(&[other, headers]), "{path}");
        let known = ("DEPLOY_HOOK_PLATFORM", "sevalla");
        assert!(!is_good(&[]) && !is_good(&[known]) && !is_good(&[known, headers]), "{path}");
    }
    let cut = ("DEPLOY_HOOK_URL", "https://api.fortrabbit.com/v1/deploy-hook/");
    assert!(settings(&[cut]).is_err() && settings(&[cut, headers]).is_err());
}

#[tokio::test]
async fn the_sandbox_imitates_the_platform_that_the_input_names() {
    let cases = [
        ("", None, "/v1/deploy-hook/***", "succeeded"),
        ("--platform auto", None, "/v1/deploy-hook/***", "succeeded"),
        ("", Some("other"), "/***", "triggered"),
        ("--platform fortrabbit", Some("other"), "/v1/deploy-hook/***", "succeeded"),
        ("--platform other", None, "/***", "triggered"),
        ("--platform render", None, "/deploy/", "succeeded"),
    ];
    together(cases.map(|(args, variable, label, outcome)| async move {
        let mut program = run("deploy --sandbox --speed 400").args(args);
        if let Some(name) = variable {
            program = program.env("DEPLOY_HOOK_PLATFORM", name);
        }
        let result = step(program, &Secrets::only(&[])).await;
        assert_eq!(result.end(), (0, outcome), "{args} {variable:?}: {}", result.log);
        assert!(result.log.contains(label), "{}", result.log);
    }))
    .await;
    let done = run("deploy --scenario success --platform other").env("DEPLOY_HOOK_URL", HOOK).done().await;
    assert!(
        done.code == 2 && done.err.contains("--scenario") && !done.err.contains("--platform:"),
        "{}",
        done.err
    );
}

#[test]
fn account_and_project_lose_what_a_paste_added() {
    for (value, wanted) in [
        ("team_9Xy", "team_9Xy"),
        (" my-team \n", "my-team"),
        ("\"my-site.netlify.app\"", "my-site.netlify.app"),
        ("'a1b2'", "a1b2"),
    ] {
        for names in [("DEPLOY_HOOK_ACCOUNT", "DEPLOY_HOOK_PROJECT"), ("INPUT_ACCOUNT", "INPUT_PROJECT")] {
            let access =
                settings(&[("DEPLOY_HOOK_URL", HOOK), (names.0, value), (names.1, value)]).unwrap().access;
            assert_eq!((access.account.as_deref(), access.project.as_deref()), (Some(wanted), Some(wanted)));
        }
    }
    let access =
        settings(&[("DEPLOY_HOOK_URL", HOOK), ("DEPLOY_HOOK_ACCOUNT", "\"\""), ("INPUT_PROJECT", " ")]);
    let access = access.unwrap().access;
    assert_eq!((access.account, access.project), (None, None));
}

#[tokio::test]
async fn what_no_id_holds_is_named_with_its_value() {
    let wrong = [
        "two words",
        "a/b",
        "a?b",
        "a#b",
        "a%2Fb",
        "a\u{7}b",
        "a\nb",
        "..",
        "*** ",
        "$ACCOUNT",
        "grüße",
        "a\u{200b}b",
    ];
    together(wrong.map(|value| async move {
        let program = run("deploy").env("DEPLOY_HOOK_URL", HOOK);
        let done = program.arg(format!("--account={value}")).env("INPUT_PROJECT", value).done().await;
        assert_eq!(done.code, 2, "{value:?}: {}", done.err);
        for input in ["error: --account: \"", "error: project: \""] {
            assert!(done.err.contains(input), "{value:?}: {}", done.err);
        }
        assert_eq!(done.err.matches("Allowed: one word of").count(), 2, "{}", done.err);
    }))
    .await;
}

/// A dotenv report's variables come to later jobs of the pipeline, after a success as well as after bad input.
#[test]
fn an_earlier_jobs_report_names_no_platform() {
    let job = [("GITLAB_CI", "true"), ("DEPLOY_HOOK_URL", HOOK), ("DEPLOY_HOOK_PLATFORM", "render")];
    let of = |more: &[(&str, &str)]| settings(&[&job[..], more].concat()).unwrap();
    assert_eq!(of(&[]).access.platform.name(), "render", "alone it is what the user says");
    for output in ["OUTCOME", "MESSAGE", "SUCCEEDED", "DEPLOYMENT_ID", "STATE", "DURATION"] {
        let settings = of(&[(&format!("DEPLOY_HOOK_{output}"), "earlier")]);
        assert_eq!((settings.access.platform.name(), settings.is_named), ("other", false), "{output}");
    }
    let inputs = Inputs::default().with("platform", Some("render".to_owned()));
    let variables =
        [job[0], job[1], ("DEPLOY_HOOK_PLATFORM", "fortrabbit"), ("DEPLOY_HOOK_OUTCOME", "failed")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::resolve(&inputs, &Env::from_iter(variables), Needs::Hook).unwrap();
    assert_eq!(settings.access.platform.name(), "render", "an option is of this run");
}

/// The `Debug` output of settings and access holds no secret.
#[test]
fn debug_output_holds_no_header() {
    let variables = [
        ("DEPLOY_HOOK_URL", "https://host.invalid/hooks/Zx9kkLONGSTRING"),
        ("DEPLOY_HOOK_HEADERS", "X-Gateway: open-S3same"),
        ("FRBIT_TOKEN", "frbit-at-0011"),
    ];
    let given = settings(&variables).unwrap();
    assert_eq!(given.access.headers.len(), 1);
    for text in [format!("{given:?}"), format!("{:?}", given.access), format!("{:#?}", given.access)] {
        assert!(!text.contains("S3same") && !text.contains("Zx9kk") && text.contains("x-gateway"), "{text}");
    }
    assert_ne!(given.access.mark, settings(&variables).unwrap().access.mark);
    assert!(given.access.mark.starts_with("deploy-hook-"));
}

#[test]
fn a_text_has_its_limit() {
    let body =
        |length: usize| settings(&[("DEPLOY_HOOK_URL", HOOK), ("DEPLOY_HOOK_BODY", &"x".repeat(length))]);
    assert_eq!(body(1024 * 1024).unwrap().access.body.map(|body| body.len()), Some(1024 * 1024));
    let problems = body(1024 * 1024 + 1).unwrap_err().to_string();
    assert!(problems.starts_with("body (DEPLOY_HOOK_BODY): is larger than 1 MiB. "), "{problems:.200}");
    assert!(problems.len() < 200);
}
