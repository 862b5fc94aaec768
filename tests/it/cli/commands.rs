//! The commands beside `deploy`: none of them triggers anything.

use crate::common::Generation::{Draft, Live};
use deploy_hook::platforms;
use deploy_hook::sandbox::{Sandbox, scenarios};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::run::{Done, ended, run, signal, step};
use super::{platform, secret, start_sandbox, together, triggers};
use crate::secrets::Secrets;
use crate::server::hook_path;

/// Triggers, forgets the requests, and returns the deployment's id.
async fn deployed(sandbox: &Sandbox) -> String {
    let done = run("deploy --wait never --format json").on(sandbox).done().await;
    let last: serde_json::Value = serde_json::from_str(done.out.lines().last().unwrap_or_default()).unwrap();
    sandbox.rewind_requests();
    last["outputs"]["deployment-id"].as_str().expect("an id").to_owned()
}

/// Nothing was triggered, the live hook was not touched, and no secret was shown.
fn assert_harmless(sandbox: &Sandbox, hook: &str, done: &Done) {
    assert_eq!(triggers(sandbox), 0, "{}", done.all());
    let live = hook.contains("/webhooks/environments/");
    let touched = sandbox.requests().iter().any(|request| request.path.contains(secret(hook)));
    assert!(!(live && touched), "{:?}", sandbox.requests());
    Secrets::on(sandbox).assert_absent(&done.all(), "what was printed");
}

#[tokio::test]
async fn status_reads_and_triggers_nothing() {
    for generation in [Draft, Live] {
        let sandbox = start_sandbox("stuck", generation, 10_000.0).await;
        let id = deployed(&sandbox).await;
        for program in [run("status"), run("status").arg(&id)] {
            let done = program.on(&sandbox).with_token(&sandbox).done().await;
            assert_eq!((done.code, done.err.as_str()), (0, ""), "{}", done.all());
            let state = done.out.strip_prefix(&format!("{id} ")).unwrap_or_else(|| panic!("{}", done.out));
            assert!(state.to_uppercase().starts_with("BUILDING"), "{state}");
            assert_eq!(state.contains("created 20"), generation == Draft, "{state}");
            assert_harmless(&sandbox, &sandbox.hook_url(), &done);
        }
    }
}

#[tokio::test]
async fn status_says_why_it_cannot_read() {
    let sandbox = platform("success", Live).await;
    let done = run("status").on(&sandbox).done().await;
    assert!(done.code == 2 && done.err.contains("api-token"), "{}", done.all());
    let done = run("status dp-zzzzzz").on(&sandbox).with_token(&sandbox).done().await;
    assert!(done.code == 7 && done.err.contains("no such deployment"), "{}", done.all());
    let done = run("status dp-zzzzzz").on(&sandbox).env("FRBIT_TOKEN", "frbit-at-wrong").done().await;
    assert!(done.code == 7 && done.err.contains("401"), "{}", done.all());
    assert_harmless(&sandbox, &sandbox.hook_url(), &done);
    let sandbox = platform("reads-dead", Draft).await;
    let done = run("status").on(&sandbox).done().await;
    assert!(done.code == 7 && done.err.contains("503"), "{}", done.all());
    let done = run("status").done().await;
    assert_eq!(done.code, 2, "{}", done.all());
}

#[tokio::test]
async fn follow_has_the_verdict_of_a_deployment_it_did_not_trigger() {
    let ends = [
        ("success", (0, "succeeded")),
        ("build-fails", (1, "failed")),
        ("canceled", (8, "canceled")),
        ("stuck", (6, "timed-out")),
    ];
    let cases = ends.into_iter().flat_map(|(scenario, end)| [(scenario, Draft, end), (scenario, Live, end)]);
    together(cases.map(|(scenario, generation, end)| async move {
        let sandbox = platform(scenario, generation).await;
        let id = deployed(&sandbox).await;
        let timeout = if scenario == "stuck" { "10s" } else { "15m" };
        let program = run("follow --timeout").arg(timeout).arg(&id).on(&sandbox).with_token(&sandbox);
        let result = step(program, &Secrets::on(&sandbox)).await;
        assert_eq!(
            (result.end(), result.output("deployment-id")),
            (end, id.as_str()),
            "{scenario}\n{}",
            result.log
        );
        assert_eq!(triggers(&sandbox), 0);
    }))
    .await;
}

#[tokio::test]
async fn follow_never_takes_another_deployment_for_the_one_that_was_named() {
    together([Draft, Live].map(|generation| async move {
        let sandbox = platform("success", generation).await;
        deployed(&sandbox).await;
        let id = if generation == Draft { "dp_zzzzzz" } else { "dp-zzzzzz" };
        let program = run("follow --timeout 5s").arg(id).on(&sandbox).with_token(&sandbox);
        let result = step(program, &Secrets::on(&sandbox)).await;
        assert_eq!((result.end(), result.output("deployment-id")), ((7, "lost"), id), "{}", result.log);
    }))
    .await;
    let done = run("follow ../../x").env("FRBIT_TOKEN", "frbit-at-1").done().await;
    assert!(done.code == 2 && done.err.contains("deployment-id"), "{}", done.all());
}

#[tokio::test]
async fn doctor_finds_a_good_hook_good() {
    for (generation, token) in [(Draft, false), (Live, true), (Live, false)] {
        let sandbox = platform("success", generation).await;
        let id = deployed(&sandbox).await;
        let program = run("doctor").on(&sandbox);
        let done = if token { program.with_token(&sandbox) } else { program }.done().await;
        assert_eq!(done.code, 0, "{}", done.all());
        for check in ["✓ hook URL", "✓ DNS", "✓ connection", "✓ TLS"] {
            assert!(done.out.lines().any(|line| line.starts_with(check)), "{check}: {}", done.out);
        }
        let read = generation == Draft || token;
        assert_eq!(done.out.contains(&id), read, "{}", done.out);
        assert_eq!(done.out.contains("? state"), !read, "{}", done.out);
        assert_harmless(&sandbox, &sandbox.hook_url(), &done);
    }
}

#[tokio::test]
async fn doctor_names_what_would_fail_with_its_remedy_and_exit_code() {
    let sandbox = platform("success", Draft).await;
    let hook = sandbox.hook_url();
    assert!(sandbox.revoke_hook(&sandbox.environment()));
    let done = run("doctor").on(&sandbox).done().await;
    assert_eq!(done.code, 3, "{}", done.all());
    assert!(done.out.contains("revoked") && done.out.contains("→ Create a new hook"), "{}", done.out);
    assert_harmless(&sandbox, &hook, &done);
    let closed = crate::common::closed();
    for (origin, wanted) in
        [(format!("http://{closed}"), "✗ connection"), ("https://host.invalid".to_owned(), "✗ DNS")]
    {
        let done = run("doctor").env("DEPLOY_HOOK_URL", format!("{origin}{}", hook_path())).done().await;
        assert_eq!(done.code, 4, "{}", done.all());
        assert!(done.out.contains(wanted) && done.out.contains('→'), "{}", done.out);
    }
    let plain = crate::server::Server::plain(crate::server::reply(400, "no")).await;
    let done = run("doctor").env("DEPLOY_HOOK_URL", plain.https_hook()).done().await;
    assert!(done.code == 4 && done.out.contains("✗ TLS") && done.out.contains("ca-file"), "{}", done.all());
    let done = run("doctor --wait nver").env("DEPLOY_HOOK_URL", "***").done().await;
    assert_eq!(done.code, 2, "{}", done.all());
    assert_eq!(done.out.matches("✗ input").count(), 2, "{}", done.out);
}

#[tokio::test]
async fn a_dry_run_does_everything_but_trigger() {
    for generation in [Draft, Live] {
        for option in ["--dry-run", "--dry-run=true"] {
            let sandbox = platform("success", generation).await;
            let result = step(run("deploy").arg(option).on(&sandbox), &Secrets::on(&sandbox)).await;
            assert_eq!((result.end(), triggers(&sandbox)), ((0, "skipped"), 0), "{}", result.log);
            assert!(!result.summary.contains("no hook URL"), "it has one: {}", result.summary);
            assert!(!sandbox.requests().is_empty(), "the host was asked whether it is there");
        }
        let sandbox = platform("success", generation).await;
        let result =
            step(run("deploy --dry-run=false --wait never").on(&sandbox), &Secrets::on(&sandbox)).await;
        assert_eq!((result.end(), triggers(&sandbox)), ((0, "triggered"), 1));
    }
    let sandbox = platform("success", Draft).await;
    assert!(!sandbox.hook_url().is_empty() && sandbox.revoke_hook(&sandbox.environment()));
    let done = run("deploy").on(&sandbox).env("DEPLOY_HOOK_DRY_RUN", "true").done().await;
    assert_eq!((done.code, triggers(&sandbox)), (3, 0), "{}", done.all());
}

#[tokio::test]
async fn the_sandbox_prints_what_a_deployment_needs_and_ends_on_a_signal() {
    let cases = [
        ("sandbox --speed 500", "INT"),
        ("sandbox --port 0 --generation live --speed 500 --scenario instant", "TERM"),
    ];
    together(cases.map(|(args, name)| async move {
        let mut child = run(args).start();
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut values = Vec::new();
        for key in ["hook-url=", "api-token=", "environment-url=", "manage="] {
            let line = lines.next_line().await.unwrap().expect("a line");
            values.push(line.strip_prefix(key).unwrap_or_else(|| panic!("{line}")).to_owned());
        }
        let program = run("deploy --api-url")
            .arg(&values[3])
            .args("--verify-url /")
            .arg(format!("--environment-url={}", values[2]));
        let done = program.env("DEPLOY_HOOK_URL", &values[0]).env("FRBIT_TOKEN", &values[1]).done().await;
        assert_eq!(done.code, 0, "{}", done.all());
        signal(&child, name).await;
        assert_eq!(ended(child).await.code, 0, "asked to end, it ends well");
    }))
    .await;
}

#[tokio::test]
async fn the_sandbox_lists_its_scenarios() {
    let done = run("sandbox --scenario list").done().await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let listed: Vec<_> = done.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(
        listed,
        scenarios(None).expect("the default platform").into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn every_platform_has_its_rows_in_the_table() {
    let done = run("platforms").done().await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert!(done.out.lines().all(|line| line.chars().count() <= 80), "{}", done.out);
    for platform in platforms::all() {
        let name = platform.name();
        let mut rows = done.out.lines().skip_while(|line| line.split(' ').next() != Some(name));
        let first = rows.next().unwrap_or_else(|| panic!("no row of {name}: {}", done.out));
        assert!(first.contains(platform.facts().followed), "{first}");
        let rows: Vec<&str> = rows.take_while(|line| line.starts_with(' ')).map(str::trim).collect();
        assert_eq!(rows[0], format!("known by   {}", platform.facts().known_by));
        for (input, variables) in [
            ("api-token", platform.facts().token_variables),
            ("account", platform.facts().account_variables),
            ("project", platform.facts().project_variables),
        ] {
            let row = rows.iter().find(|row| row.starts_with(input));
            assert!(
                variables.iter().all(|variable| row.is_some_and(|row| row.contains(variable))),
                "{rows:?}"
            );
        }
    }
    assert!(run("platforms extra").done().await.code == 2);
}

/// The same whatever the environment: the table is of the program, not of a run.
#[tokio::test]
async fn the_table_is_one_object_for_programs() {
    let program = run("platforms --format json").env("DEPLOY_HOOK_PLATFORM", "nosuch");
    let done = program.env("GITHUB_ACTIONS", "true").done().await;
    assert_eq!((done.code, done.err.as_str(), done.out.lines().count()), (0, "", 1));
    let table: serde_json::Value = serde_json::from_str(&done.out).expect("an object");
    let rows = table["platforms"].as_array().expect("a list");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["platform"].as_str()).collect();
    assert_eq!(names, platforms::all().iter().map(|platform| platform.name()).collect::<Vec<_>>());
    let of = |name: &str| rows.iter().find(|row| row["platform"] == name).expect(name);
    assert_eq!(
        of("cloudflare-pages")["inputs"],
        serde_json::json!([
            { "input": "api-token", "variables": ["CLOUDFLARE_API_TOKEN"], "required": true },
            { "input": "account", "variables": ["CLOUDFLARE_ACCOUNT_ID"], "required": true },
            { "input": "project", "variables": [], "required": true },
        ])
    );
    assert_eq!(of("vercel")["inputs"][1]["required"], false);
    assert_eq!(
        (&of("coolify")["trigger_needs_token"], &of("other")["tried_live"]),
        (&true.into(), &serde_json::Value::Null)
    );
    assert_eq!((&of("other")["inputs"], &of("other")["followed"]), (&serde_json::json!([]), &"not".into()));
}

#[tokio::test]
async fn completions_are_data() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let done = run("completions").arg(shell).done().await;
        assert_eq!((done.code, done.err.as_str()), (0, ""));
        for word in ["deploy-hook", "poll-interval", "platforms", "headers-file"] {
            assert!(done.out.contains(word), "{shell}: {word}");
        }
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_does_not_stop_a_run() {
    let sandbox = platform("success", Draft).await;
    let mut child = run("deploy --format json").on(&sandbox).start();
    drop(child.stdout.take());
    let mut text = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut text).await.unwrap();
    assert_eq!((child.wait().await.unwrap().code(), triggers(&sandbox)), (Some(0), 1), "{text}");
}
