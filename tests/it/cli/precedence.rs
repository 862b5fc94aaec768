//! Where an input's value comes from: option, `DEPLOY_HOOK_*`, `INPUT_*`, customary names, default.

use std::io::Write as _;

use super::run::{Run, run, step};
use super::together;
use crate::secrets::Secrets;
use crate::server::{Server, reply};

const ACCEPTED: &str = "{\"data\":{\"publicId\":\"dp-abc123\"}}";

/// The hook that this run triggers, of several with different secrets: `{hook}` stands for the beginning of the URL.
async fn triggered(set: impl FnOnce(Run, &dyn Fn(&str) -> String) -> Run) -> String {
    let server = Server::plain(reply(200, ACCEPTED)).await;
    let hook = |secret: &str| format!("http://{}/hooks/{secret}", server.address);
    let done = set(run("deploy --wait never"), &hook).done().await;
    assert_eq!(done.code, 0, "{}", done.all());
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    request.strip_prefix("POST /hooks/").expect("a trigger").to_owned()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("it can be written");
    file
}

#[tokio::test]
async fn the_hook_comes_from_the_first_source_that_has_one() {
    // from the last to the first: each source is put before those that are already there
    let names = [
        "FORTRABBIT_DEPLOY_HOOK_URL",
        "INPUT_HOOK-URL",
        "DEPLOY_HOOK_URL_FILE",
        "DEPLOY_HOOK_URL",
        "--hook-url-file",
    ];
    together((0..names.len()).map(|last| async move {
        let mut files = Vec::new();
        let secret = triggered(|mut program, hook| {
            for (index, name) in names.iter().enumerate().take(last + 1) {
                let value = hook(&format!("secret{index}"));
                if name.contains("FILE") || name.contains("file") {
                    let file = file(&value);
                    program = match name.strip_prefix("--") {
                        Some(_) => program.arg(name).arg(file.path()),
                        None => program.env(name, file.path()),
                    };
                    files.push(file);
                } else {
                    program = program.env(name, value);
                }
            }
            program
        })
        .await;
        assert_eq!(secret, format!("secret{last}"), "{}", names[last]);
    }))
    .await;
}

#[tokio::test]
async fn an_empty_value_is_no_value() {
    let secret = triggered(|program, hook| {
        program
            .env("DEPLOY_HOOK_URL", "")
            .env("INPUT_HOOK-URL", " \n")
            .env("FORTRABBIT_DEPLOY_HOOK_URL", hook("customary"))
    });
    assert_eq!(secret.await, "customary");
    let secret = triggered(|program, hook| {
        program
            .env("DEPLOY_HOOK_URL_FILE", " ")
            .env("INPUT_HOOK-URL", hook("input"))
            .env("DEPLOY_HOOK_WAIT", "")
            .env("INPUT_TIMEOUT", " ")
    });
    assert_eq!(secret.await, "input");
}

#[tokio::test]
async fn what_a_paste_adds_is_taken_off() {
    let around = [("", "\n"), ("  ", " \r\n"), ("\"", "\""), ("'", "'\n"), (" ` ", "` "), ("\u{feff}", "")];
    for (before, after) in around {
        let wrapped = |url: String| format!("{before}{url}{after}");
        assert_eq!(
            triggered(|program, hook| program.env("DEPLOY_HOOK_URL", wrapped(hook("pasted")))).await,
            "pasted"
        );
    }
}

/// What is requested of a server at loopback when its hook was pasted with this path.
async fn requested(path: &str) -> String {
    let server = Server::plain(reply(200, ACCEPTED)).await;
    let hook = format!("http://{}{path}", server.address);
    let done = run("deploy --wait never").env("DEPLOY_HOOK_URL", hook).done().await;
    assert_eq!(done.code, 0, "{path}: {}", done.all());
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    request.strip_prefix("POST ").expect("a trigger").to_owned()
}

#[tokio::test]
async fn what_is_sent_is_byte_for_byte_what_was_pasted() {
    let paths = [
        "/git/Zx9kkLONG/trigger",
        "/hook/Zx9kkLONG/deploy.json",
        "/hooks//Zx9kkLONG/",
        "/hooks/Zx9%2fkk%2BLO%7eNG;v=1",
        "/?Zx9kkLONG",
        "/deploy?key=Zx9%2bkk==&branch=feature%2Fa+b&title=A%20title&empty=&&x=~%7E[1]",
        "/webhooks/environments/en-wjl0ai/deploy/Zx9kkLONG?branch=main",
    ];
    together(paths.map(|path| async move { assert_eq!(requested(path).await, path) })).await;
    let documented = "/v1/deploy-hook/Zx9kkLONG";
    for pasted in ["/v1/deploy-hook//Zx9kkLONG", "//v1/deploy-hook/Zx9kkLONG/"] {
        assert_eq!(requested(pasted).await, documented, "a document of the platform doubles the slash");
    }
}

#[tokio::test]
async fn a_hook_can_come_by_file_or_standard_input() {
    let secret = triggered(|program, hook| {
        program.args("--hook-url-file -").stdin(&format!("{}\n", hook("standard-input")))
    });
    assert_eq!(secret.await, "standard-input");
    let done = run("deploy --hook-url-file /nowhere/hook").done().await;
    assert_eq!(done.code, 2);
    assert!(done.err.contains("--hook-url-file: \"/nowhere/hook\" does not exist"), "{}", done.err);
    let done = run("deploy --hook-url-file -").stdin("").done().await;
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains("is standard input, which gave nothing"), "{}", done.err);
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// PowerShell's `>` writes UTF-16, Windows editors put a mark in front of UTF-8.
#[tokio::test]
async fn a_secrets_file_is_read_in_whatever_encoding_a_shell_wrote_it() {
    let ways: [fn(&str) -> Vec<u8>; 6] = [
        |url| format!("{url}\r\n").into_bytes(),
        |url| format!("\u{feff}{url}\r\n\r\n").into_bytes(),
        |url| utf16(&format!("\u{feff}{url}\r\n"), u16::to_le_bytes),
        |url| utf16(&format!("\u{feff}\"{url}\"\n"), u16::to_be_bytes),
        |url| utf16(&format!("{url}\r\n"), u16::to_le_bytes),
        |url| utf16(url, u16::to_be_bytes),
    ];
    for way in ways {
        let mut folder = None;
        let secret = triggered(|program, hook| {
            let path = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(path.path(), way(&hook("from-a-file"))).expect("it can be written");
            let program = program.env("DEPLOY_HOOK_URL_FILE", path.path());
            folder = Some(path);
            program
        });
        assert_eq!(secret.await, "from-a-file");
        let path = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(path.path(), way("frbit-at-0011")).expect("it can be written");
        let sent = token(|program| program.arg("--api-token-file").arg(path.path())).await;
        assert_eq!(sent, "frbit-at-0011");
    }
}

/// The token that a read is sent with.
async fn token(set: impl FnOnce(Run) -> Run) -> String {
    let server = Server::plain(reply(200, "{\"publicId\":\"dp-abc123\",\"status\":\"pending\"}")).await;
    let api = format!("http://{}", server.address);
    let done = set(run("status dp-abc123").env("DEPLOY_HOOK_API_URL", api)).done().await;
    assert_eq!((done.code, done.out.trim()), (0, "dp-abc123 pending"), "{}", done.all());
    let head = server.heads().concat();
    assert!(head.starts_with("GET /v1/deployments/dp-abc123 "), "{head}");
    let line = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
    line.expect("a token").to_owned()
}

#[tokio::test]
async fn the_token_comes_from_the_first_source_that_has_one_and_is_unwrapped() {
    let path = file(" \"frbit-at-from-a-file\"\n");
    let all = |program: Run, from: usize| {
        let names = ["DEPLOY_HOOK_API_TOKEN", "INPUT_API-TOKEN", "FRBIT_TOKEN", "FORTRABBIT_API_TOKEN"];
        let set = names.iter().enumerate().skip(from);
        set.fold(program, |program, (index, name)| program.env(name, format!("'frbit-at-{index}'\n")))
    };
    for from in 0..4 {
        assert_eq!(token(|program| all(program, from)).await, format!("frbit-at-{from}"));
    }
    assert_eq!(
        token(|program| all(program, 0).arg("--api-token-file").arg(path.path())).await,
        "frbit-at-from-a-file"
    );
    assert_eq!(
        token(|program| program.env("DEPLOY_HOOK_API_TOKEN_FILE", path.path())).await,
        "frbit-at-from-a-file"
    );
    assert_eq!(token(|program| all(program, 0).args("--api-token frbit-at-typed")).await, "frbit-at-typed");
}

#[tokio::test]
async fn every_plain_input_has_three_spellings_in_this_order() {
    let none = Secrets::of("/unknown", &[]);
    let site = |name: &str| format!("https://{name}.example/");
    let mut program = run("deploy --if-missing skip");
    let sources = [
        "INPUT_ENVIRONMENT_URL",
        "INPUT_ENVIRONMENT-URL",
        "DEPLOY_HOOK_ENVIRONMENT_URL",
        "--environment-url",
    ];
    for last in 0..sources.len() {
        for (index, source) in sources.iter().enumerate().take(last + 1) {
            let value = site(&format!("from{index}"));
            program = if source.starts_with("--") {
                program.arg(source).arg(value)
            } else {
                program.env(source, value)
            };
        }
        let result = step(program, &none).await;
        assert_eq!(result.output("environment-url"), site(&format!("from{last}")), "{}", sources[last]);
        program = run("deploy --if-missing skip");
    }
    let result =
        step(program.env("INPUT_ENVIRONMENT-URL", site("input")).args("--environment-url="), &none).await;
    assert_eq!(result.output("environment-url"), site("input"), "an empty option is unset");
}

/// Each input's three spellings are read: a wrong value is reported under the spelling that was used.
#[tokio::test]
async fn no_input_lacks_a_spelling() {
    let inputs = [
        ("if-missing", "x"),
        ("api-token", "a b"),
        ("wait", "x"),
        ("timeout", "x"),
        ("poll-interval", "x"),
        ("on-canceled", "x"),
        ("environment", "a\u{7}b"),
        ("environment-url", "x"),
        ("report", "x"),
        ("name", "a\u{7}b"),
        ("sha", "x"),
        ("github-token", "a b"),
        ("gitlab-token", "a b"),
        ("api-url", "x"),
        ("ca-file", "/nowhere"),
        ("dry-run", "x"),
        ("platform", "x"),
        ("account", "a b"),
        ("project", "a/b"),
    ];
    together(inputs.map(|(name, wrong)| async move {
        let upper = name.to_uppercase();
        let own = format!("DEPLOY_HOOK_{}", upper.replace('-', "_"));
        let (option, input) = (format!("--{name}={wrong}"), format!("INPUT_{upper}"));
        let spellings: [(Run, String); 3] = [
            (run("deploy").arg(option), format!("error: --{name}: ")),
            (run("deploy").env(&own, wrong), format!("error: {name} ({own}): ")),
            (run("deploy").env(&input, wrong), format!("error: {name}: ")),
        ];
        for (program, wanted) in spellings {
            let done = program.env("DEPLOY_HOOK_URL", "https://host.invalid/hooks/LONGSTRING").done().await;
            assert!(done.code == 2 && done.err.starts_with(&wanted), "{wanted}\n{}", done.err);
        }
    }))
    .await;
}

#[tokio::test]
async fn without_a_command_only_an_action_deploys() {
    let server = Server::plain(reply(200, ACCEPTED)).await;
    let input = |program: Run| {
        program.env("INPUT_HOOK-URL", server.hook()).env("INPUT_WAIT", "never").env("INPUT_TIMEOUT", "")
    };
    let result = step(input(run("")), &Secrets::of(&server.hook(), &[])).await;
    assert_eq!(result.end(), (0, "triggered"), "{}", result.log);
    assert_eq!(server.connections(), 1);
    for program in
        [input(run("")), run("").env("GITHUB_ACTIONS", "true"), run("").env("DEPLOY_HOOK_URL", server.hook())]
    {
        let done = program.done().await;
        assert!(done.code == 2 && done.all().contains("Usage: deploy-hook"), "{}", done.all());
    }
    assert_eq!(server.connections(), 1, "nothing else was sent");
}
