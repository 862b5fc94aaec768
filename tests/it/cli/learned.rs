//! What a run keeps for the next one: the state file, where there is one, and that nothing about it can fail a run.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use super::run::{Done, Run, run};
use super::{platform, together};
use crate::common::Generation::Draft;
use crate::common::sandbox_of;
use crate::secrets::secret;

/// The usual duration that a run knew, in milliseconds.
fn usual(done: &Done) -> Option<u64> {
    let started = done.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let started = started.into_iter().find(|event| event["event"] == "started").expect("it starts");
    started["usual_duration_ms"].as_u64()
}

fn file(home: &Path) -> std::path::PathBuf {
    home.join("deploy-hook/durations")
}

fn at(home: &Path) -> Run {
    run("deploy --format json").env("XDG_STATE_HOME", home)
}

#[tokio::test]
async fn the_second_run_knows_how_long_the_first_one_took() {
    let home = tempfile::tempdir().expect("a folder");
    let sandbox = platform("success", Draft).await;
    let [first, second] =
        [at(home.path()).on(&sandbox).done().await, at(home.path()).on(&sandbox).done().await];
    assert_eq!((first.code, usual(&first)), (0, None), "{}", first.all());
    assert!(second.code == 0 && usual(&second).is_some(), "{}", second.all());
    let text = std::fs::read_to_string(file(home.path())).expect("it is kept");
    assert_eq!((text.lines().count(), text.split_whitespace().count()), (1, 3), "{text}");
    assert!(!text.contains(secret(&sandbox.hook_url())) && !text.contains("127.0.0.1"), "{text}");
    let mode = std::fs::metadata(file(home.path())).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn nothing_is_kept_in_ci_or_where_it_is_not_wanted_or_was_no_deployment_of_a_platform() {
    let ways: [fn(Run) -> Run; 8] = [
        |run| run.env("CI", "true"),
        |run| run.env("GITHUB_ACTIONS", "true"),
        |run| run.env("GITLAB_CI", "true").env("CI", "true"),
        |run| run.env("DEPLOY_HOOK_HISTORY", "off"),
        |run| run.args("--history off"),
        |run| run.args("--wait never"),
        |run| run.args("--dry-run"),
        |run| run.args("--sandbox --speed 400"),
    ];
    together(ways.into_iter().enumerate().map(|(nth, change)| async move {
        let (sandbox, home) = (platform("success", Draft).await, tempfile::tempdir().expect("a folder"));
        let program = change(at(home.path()));
        let program = if nth == 7 { program } else { program.on(&sandbox) };
        let done = program.done().await;
        assert_eq!(done.code, 0, "{}", done.all());
        assert!(!file(home.path()).exists(), "{}", done.all());
    }))
    .await;
}

#[tokio::test]
async fn whatever_is_in_the_place_of_the_file_a_run_ends_as_it_would_and_says_nothing() {
    let places: [fn(&Path); 5] = [
        |home| std::fs::write(home.join("deploy-hook"), "a file").expect("it is written"),
        |home| std::fs::create_dir_all(file(home)).expect("a folder"),
        |home| {
            std::fs::create_dir(home.join("deploy-hook")).expect("a folder");
            std::fs::write(file(home), vec![0xff; 1 << 20]).expect("it is written");
        },
        |home| {
            std::fs::create_dir(home.join("deploy-hook")).expect("a folder");
            std::os::unix::fs::symlink("/dev/full", file(home)).expect("a link");
        },
        |home| {
            std::fs::create_dir(home.join("deploy-hook")).expect("a folder");
            std::fs::write(file(home), "x").expect("it is written");
            let none = std::fs::Permissions::from_mode(0o0);
            std::fs::set_permissions(file(home), none).expect("they are set");
        },
    ];
    let homes = places.map(|make| {
        let home = tempfile::tempdir().expect("a folder");
        make(home.path());
        (home.path().to_owned(), Some(home))
    });
    let homes = homes.into_iter().chain([("/proc/nowhere".into(), None)]);
    together(homes.map(|(path, _home)| async move {
        let sandbox = platform("success", Draft).await;
        let done = at(&path).on(&sandbox).done().await;
        assert_eq!((done.code, usual(&done)), (0, None), "{path:?}: {}", done.all());
        assert!(!done.all().contains("durations"), "{path:?}: {}", done.all());
    }))
    .await;
}

#[tokio::test]
async fn what_the_user_expects_is_what_is_usual() {
    let cases = [("--expected-duration 100s", Some(100_000)), ("--expected-duration auto", None)];
    together(cases.map(|(args, expected)| async move {
        let sandbox = platform("success", Draft).await;
        let done = run("deploy --format json").args(args).on(&sandbox).done().await;
        assert_eq!((done.code, usual(&done)), (0, expected), "{args}: {}", done.all());
    }))
    .await;
    let sandbox = platform("success", Draft).await;
    let wrong = run("deploy --expected-duration 90 --history maybe").on(&sandbox).done().await;
    assert_eq!(wrong.code, 2);
    for part in ["--expected-duration", "--history", "Did you mean 90s?", "auto, off"] {
        assert!(wrong.err.contains(part), "{part}: {}", wrong.err);
    }
}

/// Each of these says when a deployment was made and when it ended, in the list that is read before the trigger.
#[tokio::test]
async fn the_platforms_own_list_is_learned_from() {
    const NAMES: [&str; 7] =
        ["render", "vercel", "cloudflare-pages", "coolify", "dokploy", "forge", "laravel-cloud"];
    let twice = NAMES.map(|name| async move {
        // Not so quick that a deployment takes less than the second that the platform counts in.
        let sandbox = sandbox_of(name, None, "success", 15.0).await;
        let mut learned = Vec::new();
        for _ in 0..2 {
            let run = run("deploy --format json --platform").arg(name).on(&sandbox);
            let run = ["account", "project"].into_iter().fold(run, |run, id| match sandbox.value(id) {
                Some(value) => run.env(&format!("DEPLOY_HOOK_{}", id.to_uppercase()), value),
                None => run,
            });
            let done = run.env("DEPLOY_HOOK_API_TOKEN", sandbox.api_token()).done().await;
            assert_eq!(done.code, 0, "{name}: {}", done.all());
            learned.push(usual(&done));
        }
        (name, learned)
    });
    let learned = together(twice).await;
    let silent: Vec<&str> =
        learned.iter().filter(|(_, learned)| learned[1].is_none()).map(|(name, _)| *name).collect();
    assert_eq!(silent, [""; 0], "{learned:?}");
}
