//! The documents agree with the code: tables, the Action's inputs, the schema of the events, links, file names,
//! the example workflows.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use deploy_hook::cli::options::OPTIONS;
use deploy_hook::cli::{self, Cli};
use deploy_hook::config::{Needs, Settings};
use deploy_hook::core::schedule::Timing;
use deploy_hook::core::state::Outcome;
use deploy_hook::env::Env;
use deploy_hook::error::{BAD_INPUT, Signal, exit_code};
use deploy_hook::platforms::{self, Need};
use deploy_hook::sandbox::{Options, Sandbox, scenarios};
use deploy_hook::text::ReportKind;
use deploy_hook::text::outputs::NAMES;
use serde_json::{Value, json};

/// Inputs that the command line has and the Action has not.
const NOT_IN_THE_ACTION: [&str; 1] = ["gitlab-token"];

/// The tables of inputs, outputs and exit codes.
const REFERENCE: &str = "docs/reference.md";

/// Whether it has a row in the table of inputs; the options of the output and of the sandbox have tables of their own.
fn is_input(arg: &clap::Arg) -> bool {
    let is_other = |heading: &str| matches!(heading, "Output" | "Sandbox");
    OPTIONS.iter().any(|option| arg.get_id() == option.name && !is_other(option.heading))
}

#[test]
fn the_inputs_of_the_reference_are_the_options_of_deploy() {
    let command = Cli::command();
    let deploy = command.find_subcommand("deploy").unwrap();
    let inputs = deploy.get_arguments().filter(|arg| is_input(arg));
    let helps: BTreeMap<String, String> = inputs
        .filter(|arg| !arg.is_hide_set())
        .map(|arg| (format!("--{}", arg.get_long().unwrap()), arg.get_help().unwrap().to_string()))
        .collect();
    let also: BTreeMap<String, String> = table(REFERENCE, "| input | also |")
        .into_iter()
        .flat_map(|row| spans(&row[0]).into_iter().map(move |name| (name, row[1].clone())))
        .collect();
    let mut documented = BTreeSet::new();
    for input in inputs_of_the_reference() {
        let own = format!("--{}", input.name);
        let also = also.get(&input.name).map_or("", String::as_str);
        if !also.starts_with("no option takes") {
            documented.insert(own.clone());
        }
        let options = spans(also).into_iter().filter(|span| span.starts_with("--"));
        documented.extend(options.map(|option| option.replace(" PATH", "")));
        let help = helps.get(&own).map_or("", String::as_str);
        let in_help = help.split_once("[default: ").map(|(_, rest)| rest.trim_end_matches(']'));
        if let (Some(in_help), Some(default)) = (in_help, &input.default) {
            assert_eq!(in_help, default, "the help text of {own}");
        }
    }
    assert_eq!(documented, helps.into_keys().collect());
}

#[test]
fn a_default_of_the_reference_changes_nothing_when_it_is_given() {
    let settings = |args: &[String]| {
        let typed = ["deploy-hook", "deploy"].into_iter().chain(args.iter().map(String::as_str));
        let cli = Cli::try_parse_from(typed).unwrap();
        assert_eq!(cli.command, Some(cli::Command::Deploy));
        let mut settings = Settings::resolve(&cli.inputs, &Env::default(), Needs::Nothing).unwrap();
        settings.access.mark.clear(); // another one in every run
        format!("{settings:?}")
    };
    let given: Vec<String> = inputs_of_the_reference()
        .into_iter()
        .filter_map(|input| Some((input.name, input.default?)))
        .filter(|(_, default)| !default.starts_with("${{"))
        .map(|(name, default)| format!("--{name}={default}"))
        .collect();
    assert!(given.len() >= 7, "{given:?}");
    assert_eq!(settings(&given), settings(&[]));
}

#[test]
fn the_inputs_of_the_action_are_those_of_the_reference_with_the_same_defaults() {
    let reference: Vec<(String, Option<String>)> = inputs_of_the_reference()
        .into_iter()
        .filter(|input| !NOT_IN_THE_ACTION.contains(&input.name.as_str()))
        .map(|input| (input.name, input.default))
        .collect();
    let action: Vec<(String, Option<String>)> =
        action("inputs").into_iter().map(|(name, mut fields)| (name, fields.remove("default"))).collect();
    assert_eq!(action, reference);
}

#[test]
fn the_outputs_are_the_same_in_the_code_the_reference_and_the_action() {
    let reference: Vec<String> =
        table(REFERENCE, "| output |").iter().map(|row| spans(&row[0]).remove(0)).collect();
    let action: Vec<String> = action("outputs").into_iter().map(|(name, _)| name).collect();
    assert_eq!(reference, NAMES);
    assert_eq!(action, NAMES);
}

#[test]
fn every_outcome_has_its_exit_code_in_the_reference() {
    let rows = table(REFERENCE, "| outcome |");
    let documented: Vec<(String, u8)> = rows
        .iter()
        .filter(|row| !spans(&row[0]).is_empty())
        .map(|row| (spans(&row[0]).remove(0), row[1].parse().unwrap()))
        .collect();
    let real: Vec<(String, u8)> = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.to_string(), exit_code(outcome, false, None)))
        .collect();
    assert_eq!(documented, real);
    let text = |outcome: &str| {
        let row = rows.iter().find(|row| spans(&row[0]).first().is_some_and(|name| name == outcome));
        row.unwrap()[2].clone()
    };
    for outcome in Outcome::ALL {
        let passes = exit_code(outcome, true, None) != exit_code(outcome, false, None);
        assert_eq!(text(outcome.as_str()).contains("0 with `on-canceled: pass`"), passes, "{outcome}");
    }
    assert!(text("interrupted").contains(&Signal::Terminate.exit_code().to_string()));
    assert!(rows.iter().any(|row| spans(&row[0]).is_empty() && row[1] == BAD_INPUT.to_string()));
    let troubleshooting = read("docs/troubleshooting.md");
    for (outcome, code) in documented {
        let heading = |line: &str| {
            line.strip_prefix("### ").and_then(|rest| rest.split_once(':')).is_some_and(
                |(codes, outcomes)| {
                    codes.split(", ").any(|one| one == code.to_string()) && spans(outcomes).contains(&outcome)
                },
            )
        };
        assert!(troubleshooting.lines().any(heading), "docs/troubleshooting.md: {outcome}, {code}");
    }
}

#[test]
fn the_scenarios_are_those_of_the_sandbox() {
    let documented: Vec<(String, String)> = table("docs/sandbox.md", "| name |")
        .into_iter()
        .map(|row| (spans(&row[0]).remove(0), row[1].clone()))
        .collect();
    let real: Vec<(String, String)> = scenarios(None)
        .expect("the default platform")
        .into_iter()
        .map(|(name, about)| (name.to_owned(), about.to_owned()))
        .collect();
    assert_eq!(documented, real);
}

#[test]
fn the_timing_table_is_the_code_s() {
    let Timing {
        shortest_pause,
        longest_pause,
        longest_backoff,
        age_factor,
        poll_price,
        jitter,
        grace,
        search_time,
        errors,
        attempts,
        retry,
        rate_pause,
        heartbeat,
        log_tries,
        stop_grace,
        shortest_request,
        confirm_pause,
        site_pause,
        verify_time,
        log,
        log_beyond,
    } = Timing::default();
    let time = |duration| humantime::format_duration(duration).to_string();
    let real = [
        ("shortest_pause", time(shortest_pause)),
        ("longest_pause", time(longest_pause)),
        ("longest_backoff", time(longest_backoff)),
        ("age_factor", age_factor.to_string()),
        ("poll_price", poll_price.to_string()),
        ("jitter", jitter.to_string()),
        ("grace", time(grace)),
        ("search_time", time(search_time)),
        ("errors", errors.to_string()),
        ("attempts", attempts.to_string()),
        ("retry", time(retry)),
        ("rate_pause", time(rate_pause)),
        ("heartbeat", time(heartbeat)),
        ("log_tries", log_tries.to_string()),
        ("stop_grace", time(stop_grace)),
        ("shortest_request", time(shortest_request)),
        ("confirm_pause", time(confirm_pause)),
        ("site_pause", time(site_pause)),
        ("verify_time", time(verify_time)),
        ("log", time(log)),
        ("log_beyond", time(log_beyond)),
    ];
    let rows = table("docs/architecture.md", "| field |");
    let documented: Vec<(String, String)> =
        rows.into_iter().map(|row| (spans(&row[0]).remove(0), row[1].clone())).collect();
    assert_eq!(documented, real.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn the_events_of_a_run_are_as_the_schema_has_them() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut seen = BTreeSet::new();
    let sandbox = |more: &[&'static str]| [&["--sandbox", "--speed", "200"], more].concat();
    let runs = [
        sandbox(&["--verbose", "--scenario", "stuck", "--timeout", "5s"]),
        sandbox(&["--scenario", "success", "--wait", "never", "--environment", "production"]),
        sandbox(&["--scenario", "build-fails", "--generation", "live"]),
        sandbox(&["--scenario", "superseded"]),
        sandbox(&["--scenario", "unknown-state"]),
        sandbox(&["--scenario", "answer-lost"]),
        sandbox(&["--scenario", "reads-dead"]),
        sandbox(&["--scenario", "rate-limited", "--generation", "live"]),
        sandbox(&["--scenario", "hostile-log", "--generation", "live"]),
        vec!["--if-missing", "skip"],
        sandbox(&["--dry-run"]),
        sandbox(&[
            "--verify-url",
            "/",
            "--verify-text",
            "v2",
            "--scenario",
            "site-late",
            "--environment-url=https://x.example",
        ]),
        sandbox(&["--verify-url", "/", "--scenario", "site-error", "--verify-timeout", "1s"]),
        sandbox(&["--verify-url", "/health", "--dry-run"]),
    ];
    for run in runs {
        let args = ["deploy", "--format", "json"];
        let output = run_binary(&[&args, run.as_slice()].concat(), &[]);
        let events = events(&output);
        for event in &events {
            validate(&validator, event);
            seen.insert(event["event"].as_str().unwrap().to_owned());
        }
        let last = events.last().unwrap();
        assert_eq!(last["event"], "finished", "{run:?}");
        let outcome = last["outputs"]["outcome"].as_str().unwrap();
        let outcome = Outcome::ALL.into_iter().find(|known| known.as_str() == outcome).unwrap();
        assert_eq!(output.status.code(), Some(exit_code(outcome, false, None).into()), "{run:?}");
    }
    for bad in
        [&["deploy", "--timeout", "soon", "--wait", "perhaps"] as &[&str], &["follow", "../x"], &["status"]]
    {
        let output = run_binary(&[bad, &["--format", "json"]].concat(), &[]);
        let [event] = &events(&output)[..] else { panic!("{bad:?}: {output:?}") };
        validate(&validator, event);
        assert_eq!((&event["event"], output.status.code()), (&json!("invalid_input"), Some(2)), "{event}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    let [table] = &events(&run_binary(&["platforms", "--format", "json"], &[]))[..] else {
        panic!("one object")
    };
    validate(&validator, table);
    let expected = [
        "check",
        "finished",
        "poll",
        "retrying",
        "searching",
        "started",
        "state",
        "triggered",
        "poll_failed",
    ];
    for name in expected.into_iter().chain(["unknown_state", "verifying"]) {
        assert!(seen.contains(name), "no run printed {name}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_status_prints_is_as_the_schema_has_it() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let sandbox = Sandbox::start(&Options { speed: 200.0, ..Options::default() }).await.unwrap();
    let hook = [("DEPLOY_HOOK_URL", sandbox.hook_url())];
    assert!(run_binary(&["deploy", "--wait", "never"], &hook).status.success());
    let read = events(&run_binary(&["status", "--format", "json"], &hook));
    let missed = events(&run_binary(&["status", "dp_nosuch", "--format", "json"], &hook));
    assert_eq!((read.len(), read[0]["event"].as_str()), (1, Some("status")));
    assert_eq!((missed.len(), missed[0]["event"].as_str()), (1, Some("warning")));
    validate(&validator, &read[0]);
    validate(&validator, &missed[0]);
}

#[test]
fn the_schema_knows_every_outcome_and_the_document_every_event() {
    let schema = schema();
    let outcomes = schema["$defs"]["outcome"]["enum"].as_array().unwrap();
    assert!(outcomes.iter().map(|word| word.as_str().unwrap()).eq(Outcome::ALL.map(Outcome::as_str)));
    let in_schema: BTreeSet<&str> = schema["$defs"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|definition| definition["properties"]["event"]["const"].as_str())
        .collect();
    let rows = table("docs/events.md", "| event |");
    let documented: Vec<String> = rows.iter().map(|row| spans(&row[0]).remove(0)).collect();
    assert_eq!(documented.iter().map(String::as_str).collect::<BTreeSet<&str>>(), in_schema);
    assert_eq!(schema["oneOf"].as_array().unwrap().len(), in_schema.len());
}

#[test]
fn every_relative_link_leads_to_a_file() {
    for document in documents() {
        let text = read(&document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            let path = link.split('#').next().unwrap();
            let target = root().join(&document).parent().unwrap().join(path);
            assert!(target.exists(), "{document} links to {link}");
        }
    }
}

#[test]
fn every_file_the_architecture_names_exists() {
    let named: Vec<String> = spans(&read("docs/architecture.md"))
        .into_iter()
        .filter(|span| span.starts_with("src/") || span.starts_with("tests/"))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for path in named {
        assert!(root().join(&path).exists(), "docs/architecture.md names {path}");
    }
}

#[test]
fn the_architecture_has_the_import_rules_of_the_test() {
    let rules = read("tests/it/architecture.rs")
        .split_whitespace()
        .collect::<String>()
        .replace(",]", "]")
        .replace(",)", ")");
    for row in table("docs/architecture.md", "| module |") {
        let allowed: Vec<String> = spans(&row[1]).iter().map(|span| format!("{span:?}")).collect();
        let rule = format!("({:?},&[{}])", spans(&row[0])[0], allowed.join(","));
        assert!(rules.contains(&rule), "tests/it/architecture.rs has no rule {rule}");
    }
}

#[test]
fn the_examples_for_github_give_the_action_only_what_it_takes() {
    let inputs: BTreeSet<String> = action("inputs").into_iter().map(|(name, _)| name).collect();
    let readme = read("README.md");
    let in_readme = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let in_readme = in_readme.filter(|text| text.contains("uses: OWNER/deploy-hook@"));
    let texts = in_readme.map(|text| ("README.md".to_owned(), text.to_owned()));
    let mut seen = 0;
    for (file, text) in texts.chain(examples()) {
        let given = given(&text);
        assert!(!given.is_empty(), "{file} gives the Action nothing");
        for (name, value) in given {
            assert!(inputs.contains(&name), "{file}: {name} is no input");
            let secret = value.starts_with("${{ secrets.") && value.ends_with(" }}");
            assert!(
                secret || !["hook-url", "api-token"].contains(&name.as_str()),
                "{file}: {name} is no secret"
            );
            seen += usize::from(name == "hook-url");
        }
        assert!(!text.contains("api.fortrabbit.com"), "{file} holds a hook's URL");
    }
    assert_eq!(seen, examples().len() + 1, "a hook-url in each");
}

#[test]
fn every_example_for_github_is_as_careful_as_the_documents_ask() {
    let uses = "        uses: OWNER/deploy-hook@";
    for (file, text) in examples() {
        let count = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert!(
            text.starts_with("# ") && read("docs/github.md").contains(&file),
            "{file} is explained nowhere"
        );
        assert_eq!((count("permissions: {}"), count("concurrency:"), count(uses)), (1, 1, 1), "{file}");
        for one in ["    timeout-minutes: ", "    permissions:"] {
            assert_eq!(count(one), count("    runs-on: "), "{file}: a job without{one}");
        }
        assert!(!text.lines().any(|line| line.trim_start().starts_with("if:") && line.contains("always()")));
        let checkouts = text.lines().filter_map(|line| line.split_once("uses: actions/"));
        for (_, pinned) in checkouts {
            assert!(
                read(".github/workflows/ci.yml").contains(pinned),
                "{file}: {pinned} is not what CI uses"
            );
        }
        let (before, after) = text.split_once(uses).unwrap();
        let version = after.split_whitespace().next().unwrap();
        assert_eq!(version, format!("v{}", env!("CARGO_PKG_VERSION")), "{file}");
        let step = before.rsplit("      - name: ").next().unwrap();
        assert!(step.contains("\n        id: deploy\n"), "{file}: the step has no id");

        let given: BTreeMap<String, String> = given(&text).into_iter().collect();
        let limit = before.rsplit("timeout-minutes: ").next().unwrap().split_whitespace().next().unwrap();
        let limit = std::time::Duration::from_mins(limit.parse().unwrap());
        let timeout = humantime::parse_duration(&given["timeout"]).unwrap();
        assert!(limit > timeout, "{file}: the runner is less patient than the program");

        let report = given.get("report").map_or("summary,status", String::as_str);
        let kinds =
            ReportKind::ALL.into_iter().filter(|kind| report.split(',').any(|word| word == kind.as_str()));
        let mut needed: BTreeSet<&str> =
            kinds.map(ReportKind::permission).filter(|scope| !scope.is_empty()).collect();
        if text.contains("docker push") {
            needed.insert("packages: write");
        }
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let granted = lines.filter_map(|line| line.split('#').next()).map(str::trim);
        let granted: BTreeSet<&str> = granted.filter(|line| line.ends_with(": write")).collect();
        assert_eq!(granted, needed, "{file}: the least permissions");
    }
}

#[test]
fn the_document_on_github_has_every_report_and_its_permission() {
    for (row, kind) in table("docs/github.md", "| `report` |").into_iter().zip(ReportKind::ALL) {
        let permission = spans(&row[2]).pop().unwrap_or_default();
        assert_eq!(
            (spans(&row[0]).remove(0).as_str(), permission.as_str()),
            (kind.as_str(), kind.permission())
        );
    }
    let rows = table("docs/github.md", "| outcome |");
    let documented: BTreeSet<String> = rows.iter().flat_map(|row| spans(&row[0])).collect();
    for outcome in Outcome::ALL {
        assert!(documented.contains(outcome.as_str()), "docs/github.md: {outcome}");
    }
}

#[test]
fn the_readme_begins_with_two_commands_that_a_newcomer_can_type() {
    let readme = read("README.md");
    let block = readme.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let commands: Vec<&str> = block.lines().filter(|line| !line.starts_with("# ")).collect();
    assert_eq!(commands, ["cargo run -- deploy --sandbox", "cargo test"]);
    assert_eq!(block.lines().count(), 4, "a comment above each");
}

#[test]
fn the_document_on_platforms_has_the_table_of_the_program() {
    let plain = |cell: &String| cell.replace('`', "");
    let rows = table("docs/platforms.md", "| platform |");
    assert_eq!(rows.len(), platforms::all().len());
    let document = read("docs/platforms.md");
    for (row, platform) in rows.iter().zip(platforms::all()) {
        let name = platform.name();
        assert!(row[0].starts_with(&format!("[{name}](#")), "{row:?}");
        assert!(plain(&row[1]).starts_with(platform.facts().known_by), "{row:?}");
        assert!(row[2].starts_with(platform.facts().followed), "{row:?}");
        let named: BTreeSet<String> = spans(&row[3]).into_iter().collect();
        for (need, input, variables) in [
            (Need::Token, "api-token", platform.facts().token_variables),
            (Need::Account, "account", platform.facts().account_variables),
            (Need::Project, "project", platform.facts().project_variables),
        ] {
            let wanted = variables.first().copied().unwrap_or(input);
            let is_needed = platform.facts().needs.contains(&need) && platform.facts().followed != "not";
            assert!(!is_needed || named.contains(wanted), "{row:?}: {wanted}");
        }
        let section = document.split("\n## ").find(|section| section.starts_with(&format!("{name}\n")));
        let is_tried = section.is_none_or(|section| !section.contains("Never tried live"));
        assert_eq!(is_tried, platform.facts().tried_live || name == "other", "{name}");
    }
}

#[test]
fn the_readme_is_short_and_its_workflow_is_an_example() {
    let readme = read("README.md");
    assert!(readme.len() <= 9000, "{} bytes", readme.len());
    let workflow = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let example = read("examples/github/first.yml");
    let (comment, example) = example.split_at(example.find("name: ").unwrap());
    assert!(comment.lines().all(|line| line.starts_with('#')));
    assert_eq!(workflow, example);
    // The image that act runs the job in is the one that the Action is built in: one download.
    let dockerfile = read("Dockerfile");
    let image = dockerfile.lines().find_map(|line| line.strip_prefix("ARG RUST_IMAGE=")).unwrap();
    assert!(readme.contains(&format!("--platform ubuntu-24.04={image} ")), "README.md does not name {image}");
}

/// The documents and examples can be copied: `.ci/release/version set` sets the version in all of them.
#[test]
fn every_version_that_users_copy_is_this_one() {
    let mut files = documents();
    for folder in ["examples", "templates"] {
        files.extend(files_below(&root().join(folder)));
    }
    let mut seen = 0;
    for file in files {
        let text = read(&file);
        for mark in ["deploy-hook@v", "action/binary@v", "deploy-hook@", "deploy-hook:"] {
            for rest in text.split(mark).skip(1).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            {
                let end = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c))
                    .unwrap_or(rest.len());
                let version = rest[..end].trim_end_matches('.').trim_end_matches("-shell");
                assert_eq!(version, env!("CARGO_PKG_VERSION"), "{file}: {mark}{}", &rest[..end]);
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

/// The Marketplace takes fewer than 125 characters.
#[test]
fn the_action_s_descriptions_are_short_enough_for_the_marketplace() {
    for file in ["action.yml", "action/binary/action.yml"] {
        let text = read(file);
        let description = text.lines().find_map(|line| line.strip_prefix("description: ")).unwrap();
        assert!((20..125).contains(&description.chars().count()), "{file}: {}", description.chars().count());
    }
}

/// What fortrabbit's two kinds of hook are is explained where its users look; elsewhere nobody has to know.
#[test]
fn draft_and_live_hooks_are_explained_once() {
    for file in documents().into_iter().chain(files_below(&root().join("examples"))) {
        let text = read(&file);
        let named = ["live hook", "draft hook", "live generation", "draft generation", "**live**"];
        let found: Vec<&str> =
            named.into_iter().filter(|words| text.to_lowercase().contains(words)).collect();
        assert!(
            found.is_empty() || ["docs/platforms.md", "CHANGELOG.md"].contains(&file.as_str()),
            "{file}: {found:?}"
        );
    }
}

#[test]
fn every_link_to_a_heading_finds_it() {
    let slug = |heading: &str| -> String {
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    let headings = |document: &str| -> BTreeSet<String> {
        let text = read(document);
        let lines = text.lines().filter(|line| line.starts_with('#'));
        lines.map(|line| slug(line.trim_start_matches('#'))).collect()
    };
    for document in documents() {
        let text = read(&document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let Some((path, anchor)) = link.split_once('#') else { continue };
            if link.contains("://") || Path::new(path).extension().is_some_and(|end| end == "rs") {
                continue;
            }
            let folder = Path::new(&document).parent().unwrap();
            let target =
                if path.is_empty() { document.clone() } else { format!("{}", folder.join(path).display()) };
            let target = target.strip_prefix("docs/../").unwrap_or(&target);
            assert!(headings(target).contains(anchor), "{document}: no heading for {link}");
        }
    }
}

/// Only a variable that is named counts, and the download has no secret.
#[test]
fn the_component_and_the_binary_s_script_unset_the_variables_of_every_platform() {
    for file in ["templates/deploy-hook.yml", "action/binary/run.sh"] {
        let text = read(file);
        let words: BTreeSet<&str> = text.split_whitespace().collect();
        for platform in platforms::all() {
            for variable in platform.facts().token_variables.iter().chain(platform.facts().hook_variables) {
                assert!(words.contains(variable), "{file} leaves {variable} set");
            }
        }
    }
}

/// A row of the reference's table of inputs.
struct Input {
    name: String,
    /// Where the cell is one piece of code and nothing else.
    default: Option<String>,
}

fn inputs_of_the_reference() -> Vec<Input> {
    let input = |row: Vec<String>| {
        let [name, default, _meaning] = row.try_into().unwrap();
        let only = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        let default = only.filter(|text| !text.contains('`')).map(str::to_owned);
        Input { name: spans(&name).remove(0), default }
    };
    table(REFERENCE, "| input |").into_iter().map(input).collect()
}

/// The keys below `inputs:` or `outputs:` of the Action, in order, each with its one-line fields. A folded text is
/// a field without a value here.
fn action(section: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let text = read("action.yml");
    let lines = text.lines().skip_while(|line| *line != format!("{section}:")).skip(1);
    let mut found: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for line in lines.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        let depth = line.len() - line.trim_start().len();
        match (depth, line.trim().split_once(':')) {
            (2, Some((name, ""))) => found.push((name.to_owned(), BTreeMap::new())),
            (4, Some((field, value))) => {
                let value = value.trim().trim_matches('"').to_owned();
                found.last_mut().unwrap().1.insert(field.to_owned(), value);
            }
            _ => {}
        }
    }
    assert!(!found.is_empty() && found.iter().all(|(_, fields)| fields.contains_key("description")));
    found
}

/// The example workflows for GitHub: path and text.
fn examples() -> Vec<(String, String)> {
    let folder = "examples/github";
    let names = std::fs::read_dir(root().join(folder)).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: Vec<(String, String)> =
        names.map(|name| format!("{folder}/{name}")).map(|path| (path.clone(), read(&path))).collect();
    assert!(!found.is_empty());
    found
}

/// What a workflow gives the Action below `with:`, without comments.
fn given(workflow: &str) -> Vec<(String, String)> {
    let lines = workflow.lines().skip_while(|line| !line.contains("uses: OWNER/deploy-hook@"));
    let mut lines = lines.skip_while(|line| line.trim() != "with:");
    let depth = |line: &str| line.len() - line.trim_start().len();
    let Some(with) = lines.next().map(depth) else { return Vec::new() };
    let inside = lines.take_while(|line| depth(line) > with);
    let pairs = inside.filter_map(|line| line.split(" # ").next()?.trim().split_once(": "));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The cells of the table whose first line begins so.
fn table(document: &str, head: &str) -> Vec<Vec<String>> {
    let text = read(document);
    let rows = text.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let cells = |line: &str| {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows: Vec<Vec<String>> = rows.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "{document} has no table {head}");
    rows
}

/// The pieces of code in a text.
fn spans(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn schema() -> Value {
    serde_json::from_str(&read("docs/events.schema.json")).unwrap()
}

fn validate(validator: &jsonschema::Validator, event: &Value) {
    let errors: Vec<String> = validator.iter_errors(event).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{event}: {errors:?}");
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

/// Runs the program with these variables and no other.
fn run_binary(args: &[&str], variables: &[(&str, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deploy-hook"));
    command.args(args).env_clear();
    for (name, value) in variables {
        command.env(name, value);
    }
    command.output().unwrap()
}

/// The files below a folder, as paths below the root.
fn files_below(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: std::path::PathBuf| {
        if path.is_dir() {
            files_below(&path)
        } else {
            vec![path.strip_prefix(root()).unwrap().display().to_string()]
        }
    };
    entries.flat_map(below).collect()
}

fn documents() -> Vec<String> {
    let mut found =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let names = docs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    found.extend(
        names
            .filter(|name| Path::new(name).extension().is_some_and(|is| is == "md"))
            .map(|name| format!("docs/{name}")),
    );
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
