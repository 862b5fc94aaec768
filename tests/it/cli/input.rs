//! Bad input: every problem is reported at once, nothing is sent, and no secret is repeated.

use super::run::{Run, run};
use super::together;
use crate::secrets::Secrets;
use crate::server::{SECRET, Server, reply};

/// A hook without a server; no test here sends anything.
const HOOK: &str = "https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/Zx9kkLONGSTRINGq7Wm2Tt5RrVv8YyBb4NnHh1Jj";
const TOKEN: &str = "frbit-at-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn secrets() -> Secrets {
    Secrets::of(HOOK, &[TOKEN])
}

/// Runs it and checks what is true of all bad input; returns what it printed.
async fn bad_input(program: Run) -> String {
    let done = program.done().await;
    let all = done.all();
    assert_eq!(done.code, 2, "{all}");
    assert_eq!(done.out, "", "what is wrong is talk");
    secrets().assert_absent(&all, "the message");
    all
}

/// GitLab's variables of type File hold a path.
#[tokio::test]
async fn a_path_in_a_secrets_place_is_named_as_such_and_never_sent() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    for name in ["DEPLOY_HOOK_URL", "FRBIT_TOKEN", "GITLAB_TOKEN"] {
        let program = run("deploy").env("DEPLOY_HOOK_URL", HOOK).env(name, file.path());
        let text = bad_input(program).await;
        assert!(text.contains("is the path of a file") && text.contains("_FILE"), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_secrets_file_that_cannot_be_read_is_named_with_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = HOOK.repeat(1000);
    let several = format!("# the hook\n{HOOK}\n");
    let cases: [(&str, &[u8], &str); 7] = [
        ("utf-32", b"\xff\xfe\0\0h\0\0\0", "is in UTF-32"),
        ("half", b"\xff\xfeh\0t", "is damaged UTF-16"),
        ("nul", b"https://a.example/\0x", "holds NUL bytes"),
        ("latin-1", b"https://a.example/Gr\xf6\xdfe", "is not in UTF-8"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0", "is not in UTF-8"),
        ("several", several.as_bytes(), "holds more than one line"),
        ("large", long.as_bytes(), "is larger than 64 KiB"),
    ];
    for (name, bytes, wrong) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("it can be written");
        let shown = format!("\"{}\" ", path.display());
        for program in [
            run("deploy").env("DEPLOY_HOOK_URL_FILE", &path),
            run("deploy").arg("--hook-url-file").arg(&path),
            run("deploy").env("DEPLOY_HOOK_URL", HOOK).arg("--api-token-file").arg(&path),
            run("deploy").env("DEPLOY_HOOK_URL", HOOK).env("DEPLOY_HOOK_GITLAB_TOKEN_FILE", &path),
        ] {
            let text = bad_input(program).await;
            assert!(
                text.contains(&shown) && text.contains(wrong) && text.contains("on one line"),
                "{name}: {text}"
            );
        }
    }
    let text = bad_input(run("deploy").env("DEPLOY_HOOK_URL_FILE", folder.path())).await;
    assert!(text.contains("is a folder, not a file"), "{text}");
    let text = bad_input(run("deploy").env("DEPLOY_HOOK_URL_FILE", HOOK)).await;
    assert!(text.contains("is a URL, not the path of a file"), "{text}");
}

/// A path is no secret, and is shown in full.
#[tokio::test]
async fn a_path_is_shown_whole_however_long() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep =
        folder.path().join("builds/group-with-a-long-name/project.tmp/fedcba98765432100f1e2d3c4b5a6978");
    let deep = deep.join(["a-folder-with-a-long-name"; 20].join("/")).join("DEPLOY_HOOK_URL");
    let relative = "secrets/of the team/deploy-hook-url-of-the-production-environment.txt";
    for path in
        [deep.to_str().expect("a path"), relative, "/nowhere/of/certificate-authorities.of-the-company.pem"]
    {
        let shown = format!("\"{path}\" ");
        let hook = |args: &str| run(args).env("DEPLOY_HOOK_URL", HOOK);
        for program in [
            run("deploy").arg("--hook-url-file").arg(path),
            run("deploy").env("DEPLOY_HOOK_URL_FILE", path),
            hook("deploy").arg("--api-token-file").arg(path),
            hook("deploy").env("DEPLOY_HOOK_CA_FILE", path),
        ] {
            let text = bad_input(program).await;
            assert!(text.contains(&shown), "{path}: {text}");
        }
        let text = bad_input(run("deploy").arg(path)).await;
        assert!(text.contains(path), "an unexpected argument: {text}");
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    let below = file.path().join("reports-of-the-deployment");
    let text = bad_input(run("deploy").env("DEPLOY_HOOK_URL", HOOK).arg("--output-dir").arg(&below)).await;
    assert!(text.contains(below.to_str().expect("a path")), "{text}");
}

#[tokio::test]
async fn kinds_of_report_one_a_line_are_judged_one_by_one() {
    let program = run("deploy").env("DEPLOY_HOOK_URL", HOOK).env("INPUT_REPORT", "summary\nstatus\nchek\n");
    let text = bad_input(program).await;
    assert!(text.contains("holds \"chek\"") && text.contains("Did you mean check?"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[tokio::test]
async fn every_way_to_paste_a_url_wrong_is_named_with_its_remedy() {
    let faults = [
        ("***".to_owned(), "holds ***", "Copy the whole deploy hook URL"),
        (HOOK.replace(SECRET, "***"), "holds ***", "Copy the whole"),
        ("$DEPLOY_HOOK_URL".to_owned(), "name of a variable", "Check the spelling"),
        ("${{ secrets.DEPLOY_HOOK_URL }}".to_owned(), "name of a variable", "protected branches"),
        (format!("\"{HOOK}"), "holds a quote", "Store the secret again"),
        (HOOK.replace("/deploy/", "/dep loy/"), "holds white space", "Store the secret again"),
        (HOOK.replace("LONG", "LO\nNG"), "line break", "on one line"),
        (HOOK.replace("LONG", "LO\u{7}NG"), "control character", "Store the secret again"),
        (HOOK.replace("LONG", "LO\u{200b}NG"), "invisible", "Store the secret again"),
        (SECRET.to_owned(), "is a single word", "Give the whole"),
        (HOOK.replace("https", "http"), "begins with http://", "Write https://"),
        (HOOK.replace("https", "ftp"), "is not https", "begins with https://"),
        (HOOK.replace("api.", "user:pass@api."), "user name or password", "before the @"),
        (format!("{HOOK}#top"), "holds a #", "Remove the #"),
        (HOOK.replace(".com", ".com:99999"), "has no valid host or port", "of at most 65535"),
        (format!("{HOOK}{}", "a".repeat(65_500)), "is longer than 32,000 characters", "Copy the whole"),
        ("https://api.fortrabbit.com".to_owned(), "only a host", "Copy the whole"),
        ("https://api.fortrabbit.com/v1/deploy-hook/".to_owned(), "before its secret part", "Copy the whole"),
    ];
    together(faults.map(|(url, wrong, remedy)| async move {
        let text = bad_input(run("deploy").env("DEPLOY_HOOK_URL", &url)).await;
        assert!(text.contains(wrong) && text.contains(remedy), "{url:?}: {text}");
        assert!(
            text.contains("error: DEPLOY_HOOK_URL") || text.contains("error: hook-url (DEPLOY_HOOK_URL)"),
            "{text}"
        );
        assert!(text.ends_with("Nothing was sent.\n"), "{text}");
        for piece in ["api.fortrabbit.com", "deploy-hook/", "user:pass", "LO\n"] {
            assert!(!text.contains(piece), "{piece} of {url:?} is repeated: {text}");
        }
    }))
    .await;
}

#[tokio::test]
async fn all_problems_are_reported_in_one_run_with_value_allowed_and_guess() {
    let server = Server::plain(reply(200, "{}")).await;
    let program =
        run("deploy --wait alway --timeout 25h --poll-interval 10 --environment-url nowhere --sha abc")
            .env("DEPLOY_HOOK_URL", server.hook())
            .env("DEPLOY_HOOK_ON_CANCELED", "paas")
            .env("INPUT_IF-MISSING", "ignore")
            .env("INPUT_REPORT", "summary,chek")
            .env("DEPLOY_HOOK_DRY_RUN", "maybe")
            .env("DEPLOY_HOOK_CA_FILE", "/nowhere/ca.pem")
            .env("DEPLOY_HOOK_API_URL", "http://api.example.com")
            .env("DEPLOY_HOOK_API_TOKEN", "two words");
    let text = bad_input(program).await;
    for (input, value, wanted) in [
        ("--wait", "\"alway\"", "Did you mean always? Allowed: auto, always, never."),
        ("--timeout", "\"25h\"", "Allowed: 1s to 24h"),
        ("--poll-interval", "\"10\"", "Did you mean 10s? Allowed: auto, or 1s to 10m"),
        ("--environment-url", "\"nowhere\"", "https://example.com/"),
        ("--sha", "\"abc\"", "40 hexadecimal digits"),
        ("on-canceled (DEPLOY_HOOK_ON_CANCELED)", "\"paas\"", "Did you mean pass? Allowed: fail, pass."),
        ("if-missing", "\"ignore\"", "Allowed: fail, skip."),
        ("report", "chek", "Did you mean check? Allowed: auto, none, summary"),
        ("dry-run (DEPLOY_HOOK_DRY_RUN)", "\"maybe\"", "Allowed: true, false."),
        ("ca-file (DEPLOY_HOOK_CA_FILE)", "\"/nowhere/ca.pem\"", "PEM file"),
        ("api-url (DEPLOY_HOOK_API_URL)", "\"http://api.example.com", "is not https"),
        ("api-token (DEPLOY_HOOK_API_TOKEN)", "", "the token alone, on one line"),
    ] {
        let line = text.lines().find(|line| line.starts_with(&format!("error: {input}:")));
        let line = line.unwrap_or_else(|| panic!("{input} is not named: {text}"));
        assert!(line.contains(value) && line.contains(wanted), "{line}");
    }
    assert_eq!(text.lines().count(), 13, "one line each, and that nothing was sent: {text}");
    assert_eq!(server.connections(), 0, "nothing was sent");
}

/// The platform's own path follows.
#[tokio::test]
async fn the_base_of_an_api_has_no_version_query_or_fragment() {
    let server = Server::plain(reply(200, "{}")).await;
    for wrong in ["v1", "base/v12/", "?x=1", "base?", "#x"] {
        let api = format!("http://127.0.0.1:1/{wrong}");
        let program = run("deploy").env("DEPLOY_HOOK_URL", server.hook()).env("DEPLOY_HOOK_API_URL", &api);
        let text = bad_input(program).await;
        let named = text.contains("api-url (DEPLOY_HOOK_API_URL)");
        assert!(named && text.contains("is not the base of the API"), "{wrong}: {text}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn durations_out_of_range_are_errors_and_never_clamped() {
    let cases = ["0s", "999ms", "24h 1s", "-5m", "soon", "1e9h", "99999999999999999999h"];
    together(cases.map(|value| async move {
        let server = Server::plain(reply(200, "{}")).await;
        let text =
            bad_input(run("deploy").arg(format!("--timeout={value}")).env("DEPLOY_HOOK_URL", server.hook()))
                .await;
        assert!(text.contains("--timeout") && text.contains("1s to 24h"), "{text}");
        assert_eq!(server.connections(), 0);
    }))
    .await;
}

#[tokio::test]
async fn a_hook_on_the_command_line_is_refused_without_repeating_it() {
    let equals = format!("--hook-url={HOOK}");
    let wrong: [&[&str]; 4] = [
        &["deploy", "--hook-url", HOOK],
        &["deploy", &equals],
        &["deploy", "--hook-url", HOOK, "--hook-url-file", "/dev/null"],
        &["status", "--hook-url", HOOK],
    ];
    for args in wrong {
        let text = bad_input(args.iter().fold(run(""), Run::arg)).await;
        assert!(
            text.contains("--hook-url") && text.contains("DEPLOY_HOOK_URL") && text.contains("rotate"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_secret_anywhere_else_on_the_command_line_is_not_repeated() {
    let lines = [
        "URL",
        "deploy URL",
        "deploy URL extra",
        "deploy --hookurl URL",
        "deploy --hook=URL",
        "deploy --url=URL",
        "--url URL",
        "deploy --format URL",
        "deploy --format=URL",
        "deploy --color=URL",
        "deploy --scenario=URL --sandbox",
        "deploy --speed URL",
        "deploy -x URL",
        "deploy -xURL",
        "deploy -v=URL",
        "completions URL",
        "sandbox --port URL",
        "sandbox URL",
        "doctor URL",
        "follow a URL",
        "deploy --dry-run=URL",
        "deploy --dry-run URL",
        "deploy TOKEN",
        "deploy --tokn=TOKEN",
        "TOKEN",
        "deploy --format TOKEN",
        "deploy --wait TOKEN",
        "deploy --timeout TOKEN",
        "deploy --wait=URL",
        "deploy --timeout=URL",
        "deploy --report=URL",
        "deploy --report TOKEN",
        "deploy --sha=TOKEN",
        "deploy --poll-interval=URL",
        "deploy --ca-file=URL",
        "deploy --hook-url-file=URL",
        "deploy --api-token-file=URL",
        "deploy --if-missing=SECRET",
        "deploy --on-canceled=SECRET",
        "deploy --api-url=SECRET",
        "deploy --environment-url=SECRET",
        "deploy --hook-url-file SECRET",
        "deploy --hook-url-file=./SECRET",
        "deploy --api-token-file=api.fortrabbit.com/deploy/SECRET",
        "deploy --ca-file=/v1/deploy-hook/SECRET",
        "deploy --platform=URL",
        "deploy --platform TOKEN",
        "deploy --platform=SECRET --sandbox",
        "sandbox --platform URL",
        "deploy --account=URL",
        "deploy --project URL",
        "deploy --headers=URL",
        "deploy --headers Authorization:TOKEN",
        "deploy --headers-file=URL",
        "deploy --headers-file SECRET",
        "platforms TOKEN",
        "platforms --format=URL",
        "follow URL",
        "follow https://SECRET",
        "status URL",
        "status TOKEN/",
    ];
    together(lines.map(|line| async move {
        let words = line
            .split(' ')
            .map(|word| word.replace("URL", HOOK).replace("TOKEN", TOKEN).replace("SECRET", SECRET));
        let program = words.fold(run(""), Run::arg);
        bad_input(program.env("DEPLOY_HOOK_URL", HOOK.replace(SECRET, "***"))).await;
    }))
    .await;
}

#[tokio::test]
async fn a_secret_in_the_wrong_variable_is_not_repeated() {
    let names = [
        "WAIT",
        "TIMEOUT",
        "POLL_INTERVAL",
        "ON_CANCELED",
        "IF_MISSING",
        "REPORT",
        "SHA",
        "DRY_RUN",
        "CA_FILE",
        "URL_FILE",
        "PLATFORM",
        "HEADERS",
        "HEADERS_FILE",
    ];
    let cases = names.into_iter().flat_map(|name| [HOOK, TOKEN, SECRET].map(|value| (name, value)));
    together(cases.map(|(name, value)| async move {
        let text = bad_input(run("deploy").env(&format!("DEPLOY_HOOK_{name}"), value)).await;
        assert!(text.contains(&format!("DEPLOY_HOOK_{name}")), "{text}");
    }))
    .await;
    for (variable, value) in
        [("FRBIT_TOKEN", format!("{TOKEN} {HOOK}")), ("HTTPS_PROXY", format!("socks4://u:{SECRET}@h"))]
    {
        let text = bad_input(run("deploy").env(variable, value).env("DEPLOY_HOOK_URL", HOOK)).await;
        assert!(text.contains(variable), "{text}");
    }
}

#[tokio::test]
async fn on_a_runner_it_is_one_annotation_on_standard_output() {
    let program = run("deploy --wait nver").env("GITHUB_ACTIONS", "true").env("INPUT_HOOK-URL", "***");
    let done = program.done().await;
    assert_eq!((done.code, done.err.as_str()), (2, ""));
    let commands = super::runner::commands(&done.out);
    let [(name, data)] = commands.as_slice() else { panic!("{}", done.out) };
    assert_eq!(name, "error");
    assert!(
        data.contains("--wait")
            && data.contains("Did you mean never?")
            && data.contains("hook-url: holds ***"),
        "{data}"
    );
    assert!(data.ends_with("Nothing was sent."), "{data}");
}

#[tokio::test]
async fn usage_errors_suggest_and_name_the_help() {
    for (args, wanted) in [
        ("deply", "deploy"),
        ("deploy --timout 5m", "--timeout"),
        ("deploy --format yaml", "human, json"),
        ("deploy -q -v", "cannot be used with"),
        ("deploy --sandbox --scenario build-fail", "did you mean `build-fails`?"),
        ("deploy --sandbox --speed 0", "from 0.1 to 10000"),
        ("sandbox --port 70000", "70000"),
        ("follow", "<ID>"),
    ] {
        let text = bad_input(run(args)).await;
        assert!(text.contains(wanted), "{args}: {text}");
    }
}
