//! What `-h`, `--help` and `--version` print, and what is said of an option of another command.

use std::collections::BTreeMap;

use deploy_hook::cli::help::COMMANDS;
use deploy_hook::cli::{Cli, options::OPTIONS};
use deploy_hook::core::state::Outcome;
use deploy_hook::error::{BAD_INPUT, exit_code};

use super::run::{Run, ended, run};

#[tokio::test]
async fn the_help_of_every_command() {
    for help in &COMMANDS {
        for flag in ["-h", "--help"] {
            let done = run(help.name).arg(flag).done().await;
            assert_eq!((done.code, done.err.as_str()), (0, ""));
            for line in done.out.lines() {
                // A command line to copy is not broken.
                let is_example = help.examples.iter().any(|(_, example)| line.trim() == *example);
                assert!(is_example || line.chars().count() <= 80, "{line}");
                assert_eq!(line.trim_end(), line, "white space at the end");
            }
            let name = if help.name.is_empty() { "program" } else { help.name };
            let length = if flag == "-h" { "short" } else { "long" };
            insta::assert_snapshot!(format!("help_{name}_{length}"), done.out);
        }
        let asked = run("help").args(help.name).done().await;
        let long = run(help.name).arg("--help").done().await;
        assert_eq!(
            asked.out.replace("(see a summary with '-h')", ""),
            long.out.replace("(see a summary with '-h')", "")
        );
    }
}

#[tokio::test]
async fn the_help_of_help_is_that_of_what_it_names() {
    for (asked, same) in [("help --help", "help"), ("help -h", "help"), ("help deploy --help", "help deploy")]
    {
        let (asked, same) = (run(asked).done().await, run(same).done().await);
        assert_eq!((asked.code, asked.out, asked.err), (0, same.out, String::new()));
    }
}

#[tokio::test]
async fn the_help_is_coloured_for_a_terminal_alone() {
    let plain = run("deploy --help").done().await.out;
    for (program, in_color) in [
        (run("deploy --help"), false),
        (run("deploy --color always --help"), true),
        (run("deploy --color=always -h"), true),
        (run("deploy --color always --help").env("NO_COLOR", "1"), true),
        (run("deploy --color never --help"), false),
        (run("deploy --color auto --help"), false),
    ] {
        let done = program.done().await;
        assert_eq!((done.code, done.out.contains('\u{1b}')), (0, in_color), "{}", done.out);
    }
    let done = run("deploy --color always --help").done().await;
    let mut text = String::new();
    for (index, part) in done.out.split('\u{1b}').enumerate() {
        text.push_str(if index == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(text, plain, "nothing else differs");
}

#[tokio::test]
async fn the_version_names_commit_and_date() {
    let done = run("--version").done().await;
    let version = done.out.trim_end().to_owned();
    assert_eq!((done.code, done.err.as_str(), done.out.lines().count()), (0, "", 1));
    assert_eq!(
        (run("-V").done().await.out.trim_end(), deploy_hook::cli::version()),
        (version.as_str(), version.clone())
    );
    let rest = version.strip_prefix(concat!("deploy-hook ", env!("CARGO_PKG_VERSION"))).expect(&version);
    let shape: String = rest.chars().map(|c| if c.is_ascii_hexdigit() { '0' } else { c }).collect();
    assert!(
        ["", " (000000000)", " (0000-00-00)", " (000000000 0000-00-00)"].contains(&shape.as_str()),
        "{version}"
    );
    if std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".git").exists() {
        assert!(!rest.is_empty(), "git knows it");
    }
}

#[tokio::test]
async fn an_option_of_another_command_is_refused_with_the_commands_that_use_it() {
    let mut programs = Vec::new();
    for command in ["deploy", "status", "follow x", "doctor", "sandbox", "platforms"] {
        let name = command.split(' ').next().unwrap();
        let is_own =
            |option: &str| OPTIONS.iter().any(|own| own.name == option && own.commands.contains(&name));
        let others: BTreeMap<_, _> =
            OPTIONS.iter().filter(|other| !is_own(other.name)).map(|other| (other.name, other)).collect();
        for other in others.into_values().filter(|other| !other.is_refused()) {
            programs.push(run(command).arg(format!("--{}=hunter2", other.name)));
        }
    }
    // Some at a time, in their order.
    let mut said = Vec::new();
    while !programs.is_empty() {
        let running: Vec<_> = programs.drain(..programs.len().min(8)).map(Run::start).collect();
        for child in running {
            let done = ended(child).await;
            assert_eq!((done.code, done.out.as_str()), (2, ""), "{}", done.all());
            assert!(!done.err.contains("hunter2"), "{}", done.err);
            said.push(done.err.lines().next().unwrap_or_default().to_owned());
        }
    }
    said.push(run("status -v").done().await.err);
    said.push(run("doctor --nonsense").done().await.err);
    said.push(run("follow -- dp-abc123 --api-token=hunter2").done().await.err);
    assert!(!said.concat().contains("hunter2"), "{said:?}");
    insta::assert_snapshot!("options_of_other_commands", said.join("\n"));
}

#[test]
fn the_exit_codes_of_a_run_are_those_of_its_outcomes() {
    let documented = |name: &str| {
        let help = COMMANDS.iter().find(|help| help.name == name).unwrap();
        help.exit_codes
            .iter()
            .map(|(code, text)| (code.parse::<u8>().unwrap(), *text))
            .collect::<BTreeMap<_, _>>()
    };
    let of_trigger =
        [Outcome::Triggered, Outcome::Skipped, Outcome::Refused, Outcome::Unreachable, Outcome::Uncertain];
    for name in ["", "deploy", "follow"] {
        let mut documented = documented(name);
        let mut outcomes = Outcome::ALL.to_vec();
        outcomes.retain(|outcome| name != "follow" || !of_trigger.contains(outcome));
        for outcome in &outcomes {
            let text = documented.get(&exit_code(*outcome, false, None));
            assert!(text.is_some_and(|text| text.contains(outcome.as_str())), "{name}: {outcome}");
        }
        documented.retain(|code, _| outcomes.iter().all(|outcome| exit_code(*outcome, false, None) != *code));
        assert_eq!(documented.into_keys().collect::<Vec<_>>(), [BAD_INPUT], "{name}");
    }
}

#[test]
fn every_command_has_its_help_and_every_option_its_command() {
    let tree = Cli::command();
    let named: Vec<&str> = tree.get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(named, COMMANDS.iter().skip(1).map(|help| help.name).collect::<Vec<_>>());
    for option in OPTIONS {
        assert!(
            !option.commands.is_empty() && option.commands.iter().all(|name| named.contains(name)),
            "{}",
            option.name
        );
    }
    tree.debug_assert();
}

#[tokio::test]
async fn every_example_is_understood() {
    for (_, line) in COMMANDS.iter().flat_map(|help| help.examples) {
        let own = line.split("| ").last().unwrap().split(" >").next().unwrap();
        let parsed = Cli::try_parse_from(own.split_whitespace());
        assert!(parsed.is_ok_and(|cli| cli.command.is_some()), "{line}");
    }
}
