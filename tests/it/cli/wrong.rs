//! Wrong calls as people make them: each answer says what the input is and what to give instead, and repeats no secret.
//! One snapshot holds them all. After a wanted change of a text: `INSTA_UPDATE=always cargo test --test it wrong`.

use std::fmt::Write as _;

use super::run::{Run, run};
use super::together;

const KEY: &str = "Zx9kkLONGSTRINGq7Wm2Tt5RrVv8YyBb4NnHh1Jj";

/// Each platform's hook, a token where its documents say how one begins, and a page of its dashboard.
const PLATFORMS: [(&str, &str, &str, &str); 11] = [
    (
        "fortrabbit",
        "https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/KEY",
        "frbit-at-KEY",
        "https://dash.fortrabbit.com/environments/en-wjl0ai/deployment",
    ),
    (
        "render",
        "https://api.render.com/deploy/srv-abc123?key=KEY",
        "rnd_KEY",
        "https://dashboard.render.com/web/srv-abc123/settings",
    ),
    (
        "vercel",
        "https://api.vercel.com/v1/integrations/deploy/prj_abc123/KEY",
        "vcp_KEY",
        "https://vercel.com/my-team/my-project/settings/git",
    ),
    (
        "netlify",
        "https://api.netlify.com/build_hooks/KEY",
        "nfp_KEY",
        "https://app.netlify.com/sites/my-site/configuration/deploys#build-hooks",
    ),
    (
        "cloudflare-workers",
        "https://api.cloudflare.com/client/v4/workers/builds/deploy_hooks/KEY",
        "cfut_KEY",
        "https://dash.cloudflare.com/0123456789abcdef0123456789abcdef/workers/services/view/my-worker",
    ),
    (
        "cloudflare-pages",
        "https://api.cloudflare.com/client/v4/pages/webhooks/deploy_hooks/KEY",
        "",
        "https://dash.cloudflare.com/0123456789abcdef0123456789abcdef/pages/view/my-project/settings/builds",
    ),
    (
        "coolify",
        "https://coolify.example.com/api/v1/deploy?uuid=vgsco4o&force=false",
        "",
        "https://coolify.example.com/project/a1b2/environment/c3d4/application/e5f6/webhooks",
    ),
    (
        "dokploy",
        "https://dokploy.example.com/api/deploy/KEY",
        "",
        "https://dokploy.example.com/dashboard/project/a1b2/environment/c3d4/services/application/e5f6",
    ),
    (
        "forge",
        "https://forge.laravel.com/servers/123456/sites/654321/deploy/http?token=KEY",
        "",
        "https://forge.laravel.com/my-organization/my-server/654321/settings/deployments",
    ),
    (
        "laravel-cloud",
        "https://cloud.laravel.com/deploy/0198c1f2-7a3b-7c4d-8e5f-012345678901/KEY",
        "",
        "https://cloud.laravel.com/my-organization/my-app/production/settings",
    ),
    ("sevalla", "https://hooks.example.com/deploy/KEY", "", "https://app.sevalla.com/app/a1b2/settings"),
];

fn hook(platform: &str) -> String {
    let found = PLATFORMS.iter().find(|(name, ..)| *name == platform);
    found.map(|(_, hook, ..)| hook.replace("KEY", KEY)).expect("a platform")
}

/// The program's answer to bad input.
async fn answer(program: Run) -> String {
    let done = program.done().await;
    let all = done.all();
    assert_eq!((done.code, done.out.as_str()), (2, ""), "{all}");
    assert!(!all.contains(KEY), "{all}");
    assert!(!all.contains("Zx9kk") && !all.contains("4NnHh1Jj"), "{all}");
    all
}

/// What is set, for the snapshot.
type Case = (String, Vec<(&'static str, String)>, String);

fn case(name: &str, args: &str, variables: &[(&'static str, &str)]) -> Case {
    let set = variables.iter().map(|(name, value)| (*name, value.replace("KEY", KEY))).collect();
    (name.to_owned(), set, args.to_owned())
}

/// The pasted text instead of a hook URL.
fn paste(name: &str, text: &str) -> Case {
    case(name, "deploy", &[("DEPLOY_HOOK_URL", text)])
}

async fn answers(cases: Vec<Case>) -> String {
    let runs = cases.into_iter().enumerate().map(|(index, (name, variables, args))| async move {
        let program = args.split(' ').filter(|arg| !arg.is_empty());
        let program = program.fold(run(""), |program, arg| program.arg(arg.replace("KEY", KEY)));
        let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
        let text = answer(program).await;
        let mut shown = format!("# {name}\n");
        for (name, value) in &variables {
            let value = value.replace(KEY, "KEY").replace('\n', "⏎");
            writeln!(shown, "{name}={value}").expect("a string");
        }
        writeln!(shown, "$ deploy-hook {args}\n{text}").expect("a string");
        (index, shown)
    });
    let mut answers = together(runs).await;
    answers.sort();
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[tokio::test]
async fn what_was_pasted_in_the_place_of_a_hook() {
    let render = "https://api.render.com/deploy/srv-abc123?key=KEY";
    let cases = vec![
        paste("without a scheme", "api.render.com/deploy/srv-abc123?key=KEY"),
        paste("with half a scheme", "https//api.render.com/deploy/srv-abc123?key=KEY"),
        paste("with http", "http://api.render.com/deploy/srv-abc123?key=KEY"),
        paste("with another scheme", "htps://api.render.com/deploy/srv-abc123?key=KEY"),
        paste("in angle brackets", &format!("<{render}>")),
        paste("with one quote", &format!("\"{render}")),
        paste("a line of a .env file", &format!("RENDER_DEPLOY_HOOK={render}")),
        paste("a line of YAML", &format!("hook-url: \"{render}\"")),
        paste("a command", &format!("curl -X POST \"{render}\"")),
        paste("a command on two lines", &format!("curl -fsS \\\n  -X POST {render}")),
        paste("a Markdown link", &format!("[Deploy hook]({render})")),
        paste("two URLs", &format!("{render}\n{render}2")),
        paste("a space inside", "https://api.render.com/deploy/srv-abc123 ?key=KEY"),
        paste("a line break inside", "https://api.render.com/deploy/srv-abc123\n?key=KEY"),
        paste("masked", "https://api.render.com/deploy/srv-abc123?key=***"),
        paste("cut", "https://api.render.com/deploy/srv-abc123"),
        paste("a host alone", "https://api.render.com"),
        paste("a placeholder", "https://api.render.com/deploy/srv-abc123?key=YOUR_KEY"),
        paste("a placeholder in brackets", "https://api.render.com/deploy/<service>?key=<key>"),
        paste("an ellipsis", "https://api.render.com/deploy/srv-..."),
        paste("a placeholder of x", "https://api.render.com/deploy/srv-xxxxxx?key=xxxxxx"),
        paste("a shell variable", "$RENDER_DEPLOY_HOOK"),
        paste("an expression", "${{ secrets.RENDER_DEPLOY_HOOK }}"),
        paste("a variable of cmd", "%RENDER_DEPLOY_HOOK%"),
        paste("a command substitution", "$(cat /run/secrets/hook)"),
        paste("a name", "RENDER_DEPLOY_HOOK"),
        paste("a variable inside", "https://api.render.com/deploy/$SERVICE_ID?key=$HOOK_KEY"),
        paste("the secret part alone", "KEY"),
        paste("a token of GitHub", "ghp_KEY"),
        paste("an address of the API", "https://api.render.com/v1/services/srv-abc123/deploys"),
        paste("an anchor", &format!("{render}#hook")),
        paste("a user", "https://me:KEY@api.render.com/deploy/srv-abc123?key=KEY"),
        case(
            "token and URL swapped",
            "deploy",
            &[("DEPLOY_HOOK_URL", "rnd_KEY"), ("RENDER_API_KEY", render), ("DEPLOY_HOOK_PLATFORM", "render")],
        ),
    ];
    insta::assert_snapshot!("wrong_hooks", answers(cases).await);
}

#[tokio::test]
async fn what_was_pasted_in_the_place_of_a_token() {
    let with = |name: &str, token: &str| {
        case(
            name,
            "deploy",
            &[
                ("DEPLOY_HOOK_URL", "https://api.render.com/deploy/srv-abc123?key=KEY"),
                ("RENDER_API_KEY", token),
            ],
        )
    };
    let cases = vec![
        with("a URL", "https://api.render.com/deploy/srv-abc123?key=KEY"),
        with("a URL without a scheme", "api.render.com/deploy/srv-abc123?key=KEY"),
        with("a header", "Authorization: Bearer rnd_KEY"),
        with("a scheme", "Bearer rnd_KEY"),
        with("two words", "rnd_KEY KEY"),
        with("two lines", "rnd_KEY\nKEY"),
        with("masked", "***"),
        with("a placeholder", "YOUR_TOKEN"),
        with("a placeholder in brackets", "<token>"),
        with("a placeholder of x", "rnd_xxxxxxxxxxxx"),
        with("an expression", "${{ secrets.RENDER_API_KEY }}"),
        with("a shell variable", "$RENDER_API_KEY"),
        with("a token of another platform", "nfp_KEY"),
        with("a token of GitHub", "ghp_KEY"),
        case(
            "a platform's token for the reports",
            "deploy --github-token rnd_KEY",
            &[("DEPLOY_HOOK_URL", "https://api.render.com/deploy/srv-abc123?key=KEY")],
        ),
    ];
    insta::assert_snapshot!("wrong_tokens", answers(cases).await);
}

#[tokio::test]
async fn what_was_typed_on_the_command_line() {
    let cases = vec![
        case("a URL", "https://api.render.com/deploy/srv-abc123?key=KEY", &[]),
        case("a URL after the command", "deploy https://api.render.com/deploy/srv-abc123?key=KEY", &[]),
        case("a URL without a scheme", "deploy api.render.com/deploy/srv-abc123?key=KEY", &[]),
        case("a URL for an id", "follow https://api.render.com/deploy/srv-abc123?key=KEY", &[]),
        case("a URL as an option", "deploy --url https://api.render.com/deploy/srv-abc123?key=KEY", &[]),
        case("a token", "deploy rnd_KEY", &[]),
        case("a token as an option", "deploy --token=rnd_KEY", &[]),
        case("an environment", "production", &[]),
        case("an environment after the command", "deploy production", &[]),
        case("an environment as an option", "deploy --env production", &[]),
        case("a platform", "deploy render", &[]),
        case("--no-wait", "deploy --no-wait", &[]),
        case("--no_wait", "deploy --no_wait", &[]),
        case("another word for deploy", "trigger", &[]),
        case("another word for doctor", "check", &[]),
        case("--json", "deploy --json", &[]),
        case("an option before the command", "--timeout 20m", &[]),
        case("a flag's value", "deploy --dry-run true", &[]),
    ];
    insta::assert_snapshot!("wrong_command_lines", answers(cases).await);
}

#[tokio::test]
async fn values_that_are_nearly_right() {
    let hook = "https://api.render.com/deploy/srv-abc123?key=KEY";
    let with = |name: &str, variable: &'static str, value: &str| {
        case(name, "deploy", &[("DEPLOY_HOOK_URL", hook), (variable, value)])
    };
    let cases = vec![
        with("minutes without a unit", "DEPLOY_HOOK_TIMEOUT", "15"),
        with("a clock", "DEPLOY_HOOK_TIMEOUT", "1:30"),
        with("a decimal comma", "DEPLOY_HOOK_TIMEOUT", "1,5h"),
        with("months", "DEPLOY_HOOK_TIMEOUT", "15M"),
        with("ISO 8601", "DEPLOY_HOOK_TIMEOUT", "PT15M"),
        with("too short a pause", "DEPLOY_HOOK_POLL_INTERVAL", "500ms"),
        with("no for never", "DEPLOY_HOOK_WAIT", "no"),
        with("true for always", "DEPLOY_HOOK_WAIT", "true"),
        with("ignore for pass", "DEPLOY_HOOK_ON_CANCELED", "ignore"),
        case(
            "two hooks",
            "deploy",
            &[
                ("NETLIFY_BUILD_HOOK", "https://api.netlify.com/build_hooks/KEY"),
                ("RENDER_DEPLOY_HOOK", hook),
            ],
        ),
        case(
            "no hook, two tokens",
            "deploy",
            &[("NETLIFY_AUTH_TOKEN", "nfp_KEY"), ("RENDER_API_KEY", "rnd_KEY")],
        ),
        case(
            "no hook to read, two tokens",
            "status",
            &[("NETLIFY_AUTH_TOKEN", "nfp_KEY"), ("RENDER_API_KEY", "rnd_KEY")],
        ),
        case("a misspelt variable", "deploy", &[("DEPLOY_HOOK_ULR", hook), ("DEPLOY_HOOK_TIMEOT", "5m")]),
        case("the prefix alone", "deploy", &[("DEPLOY_HOOK", hook)]),
        case(
            "account and project swapped",
            "deploy --account my-project --project 0123456789abcdef0123456789abcdef",
            &[
                ("DEPLOY_HOOK_URL", "https://api.cloudflare.com/client/v4/pages/webhooks/deploy_hooks/KEY"),
                ("CLOUDFLARE_API_TOKEN", "cfut_KEY"),
            ],
        ),
        case(
            "the project as account",
            "deploy --account 0198c1f2-7a3b-7c4d-8e5f-012345678901",
            &[
                ("DEPLOY_HOOK_URL", "https://api.netlify.com/build_hooks/KEY"),
                ("NETLIFY_AUTH_TOKEN", "nfp_KEY"),
            ],
        ),
        case(
            "the account as project",
            "deploy --project my-organization",
            &[
                ("DEPLOY_HOOK_URL", "https://forge.laravel.com/servers/1/sites/2/deploy/http?token=KEY"),
                ("FORGE_API_TOKEN", "KEY"),
            ],
        ),
        case(
            "everything at once",
            "deploy --wait nver --timeout 15 --report chek",
            &[("DEPLOY_HOOK_URL", "$HOOK"), ("RENDER_API_KEY", "<token>"), ("DEPLOY_HOOK_PLATFORM", "rendr")],
        ),
    ];
    insta::assert_snapshot!("wrong_values", answers(cases).await);
}

#[tokio::test]
async fn every_platforms_dashboard_and_token_is_known_for_what_it_is() {
    let mut cases = Vec::new();
    for (name, _, token, page) in PLATFORMS {
        cases.push(paste(&format!("a page of {name}"), page));
        if !token.is_empty() {
            cases.push(paste(&format!("a token of {name}"), token));
        }
    }
    insta::assert_snapshot!("wrong_platforms", answers(cases).await);
}

/// A mistake in the paste is found whichever platform's hook it is.
#[tokio::test]
async fn every_platforms_hook_is_recognized_in_what_surrounds_it() {
    for (name, ..) in PLATFORMS {
        let hook = hook(name);
        let plain = hook.trim_start_matches("https://");
        let cut = hook.split(KEY).next().unwrap_or_default();
        let mut wrong = vec![
            (plain.to_owned(), "does not begin with https://"),
            (format!("http://{plain}"), "begins with http://"),
            (format!("<{hook}>"), "is in < and >"),
            (format!("HOOK={hook}"), "has a name in front"),
            (format!("export HOOK='{hook}'"), "has a name in front"),
            (format!("curl -X POST '{hook}'"), "is a command line"),
            (format!("[hook]({hook})"), "is a Markdown link"),
            (format!("{hook} {hook}"), "holds more than one URL"),
            (hook.replace("/deploy", "/dep loy").replace("_hooks", "_ho oks"), "holds white space"),
        ];
        if cut != hook {
            wrong.extend([
                (format!("{cut}YOUR_TOKEN"), "placeholder"),
                (format!("{cut}<token>"), "placeholder"),
                (format!("{cut}xxxxxxxx"), "placeholder"),
                (format!("{cut}..."), "placeholder"),
                (format!("{cut}$HOOK_KEY"), "is the name of a variable"),
                (format!("{cut}${{{{ secrets.KEY }}}}"), "is the name of a variable"),
                (format!("{cut}%HOOK_KEY%"), "is the name of a variable"),
            ]);
        }
        if cut != hook && name != "sevalla" {
            wrong.push((cut.to_owned(), "ends before its secret part"));
        }
        together(wrong.into_iter().map(|(text, wanted)| async move {
            let program = run("deploy").env("DEPLOY_HOOK_URL", &text).env("DEPLOY_HOOK_PLATFORM", name);
            let said = answer(program).await;
            assert!(said.contains(wanted), "{name}: {text}: {said}");
            assert!(said.contains("Nothing was sent."), "{said}");
        }))
        .await;
    }
}

/// What is right stays right: a hook that looks odd is sent.
#[test]
fn nothing_that_may_be_a_hook_or_a_token_is_refused() {
    use deploy_hook::secrets::{HookUrl, TokenFault};
    for url in [
        "https://ci.example/hooks/Zx9kk%2FLONG%7e",
        "https://ci.example/deploy?key=100%25sure%DE%AD",
        "https://ci.example/deploy?token=abc$def123",
        "https://ci.example/API/deploy/Zx9kkLONGSTRING",
        "https://ci.example/hooks/exxx0k3-Zx9kk",
        "https://ci.example/hooks/abc?url=https://other.example/x",
        "https://ci.example/your/Zx9kkLONGSTRING",
        "https://ci.example/a/b:c/Zx9kkLONGSTRING",
        "https://ci.example/hooks/..Zx9kkLONG",
        "https://token.example.com/hook/Zx9kkLONGSTRING",
    ] {
        assert!(HookUrl::parse(url).is_ok(), "{url}");
    }
    for token in [
        "1|laravel_sanctum_AbC123/xyz+=",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.abc-_",
        "$2y$10$abcdefgh",
        "TOKEN-abc123",
        "a.b/c",
    ] {
        assert_eq!(TokenFault::of(token), None, "{token}");
    }
}

/// Each file is named by its path, with what it is.
#[tokio::test]
async fn a_file_that_holds_no_secret_is_named_by_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("empty"), "").expect("a file");
    std::fs::write(path("blank"), " \n").expect("a file");
    let hook = hook("render");
    for (name, wanted) in [
        ("empty", "is an empty file"),
        ("blank", "is an empty file"),
        (".", "is a folder, not a file"),
        ("missing", "does not exist"),
    ] {
        for variable in ["DEPLOY_HOOK_URL_FILE", "DEPLOY_HOOK_API_TOKEN_FILE", "DEPLOY_HOOK_HEADERS_FILE"] {
            let program = run("deploy").env(variable, path(name));
            let program = if variable == "DEPLOY_HOOK_URL_FILE" {
                program
            } else {
                program.env("DEPLOY_HOOK_URL", &hook)
            };
            let said = answer(program).await;
            let line = said.lines().find(|line| line.starts_with(&format!("error: {variable}: \"")));
            let line = line.unwrap_or_else(|| panic!("{variable} {name}: {said}"));
            assert!(line.contains(wanted) && line.contains(path(name).to_str().expect("a path")), "{line}");
            assert_eq!(line.contains("on one line"), variable != "DEPLOY_HOOK_HEADERS_FILE", "{line}");
        }
    }
    let skipped = run("deploy --if-missing skip")
        .env("DEPLOY_HOOK_URL_FILE", path("empty"))
        .env("DEPLOY_HOOK_API_TOKEN_FILE", path("empty"));
    assert_eq!(skipped.done().await.code, 0);
}

#[tokio::test]
async fn an_argument_is_repeated_without_characters_that_are_not_seen() {
    let said = answer(run("deploy --format").arg("\u{202e}text\u{200b}\u{1b}[31m")).await;
    assert!(said.contains("invalid value 'text'") && !said.contains('\u{202e}'), "{said}");
}

#[tokio::test]
async fn a_port_in_use_is_said_to_be_so() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("an address").port().to_string();
    let said = answer(run("sandbox --port").arg(&port)).await;
    assert!(
        said.contains(&format!("--port: \"{port}\" is in use")) && said.contains("another port"),
        "{said}"
    );
}

/// A misspelt variable is a warning in a run that is otherwise right, and a user's own is none.
#[tokio::test]
async fn a_misspelt_variable_is_a_warning() {
    let program =
        || run("deploy --dry-run").env("DEPLOY_HOOK_URL", "https://host.invalid/hooks/Zx9kkLONGSTRING");
    let done = program().env("DEPLOY_HOOK_TIMEOT", "5m").done().await;
    assert!(
        done.err.contains("DEPLOY_HOOK_TIMEOT is not read. Did you mean DEPLOY_HOOK_TIMEOUT?"),
        "{}",
        done.all()
    );
    for command in ["status", "follow dp-abc123", "deploy --wait always"] {
        let done = run(command).env("DEPLOY_HOOK_URL", "https://host.invalid/hooks/Zx9kkLONGSTRING");
        let done = done.env("DEPLOY_HOOK_TIMEOT", "5m").done().await;
        assert_eq!((done.code, done.all().matches("is not read").count()), (2, 1), "once: {}", done.all());
    }
    let done =
        program().env("DEPLOY_HOOK_STAGING", "https://host.invalid/x").env("INPUT_VERSION", "2").done().await;
    assert!(!done.all().contains("is not read"), "{}", done.all());
}
