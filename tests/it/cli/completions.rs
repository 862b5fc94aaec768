//! The completions in the shells themselves. A shell that is not installed is skipped; CI installs all of them.

use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use deploy_hook::cli::Cli;
use deploy_hook::cli::completions::script;
use deploy_hook::cli::options::OPTIONS;
use deploy_hook::{platforms, sandbox};

use super::run::run;

/// Prints what Bash has made of the line, after all its completions were inserted.
const BASH: &str = r#"PS1= PS2=
. ./script
show() { printf '<%s>\n' "$READLINE_LINE"; READLINE_LINE= READLINE_POINT=0; }
bind -x '"\C-t": show'
"#;

/// Prints every match that Zsh would offer. `-C -d`: its functions are looked through once, not in each shell.
const ZSH: &str = r#"PS1=
fpath=($PWD/functions $fpath)
autoload -U compinit
compinit -u -C -d $PWD/dump
bindkey '^I' complete-word
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
  typeset -a hits
  builtin compadd -A hits "$@"
  for hit in $hits; do print -r -- "<${IPREFIX}$hit>"; done
}
begin() { print BEGIN }
compprefuncs=(begin)
finish() { print END; exit }
comppostfuncs=(finish)
print READY
"#;

/// Types a line and a tab into a Zsh that has a terminal, and prints what that one printed.
const ZSH_TYPES: &str = r#"zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source ./start'
while zpty -r shell line; do [[ $line == READY* ]] && break; done
zpty -w -n shell "$1"$'\t'
while zpty -r shell line; do print -r -- "$line"; [[ $line == *END* ]] && break; done
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

impl Shell {
    fn is_here(self) -> bool {
        // The Bash of macOS is version 3, which does not let a test see its line.
        let asked = if self == Self::Bash { "((BASH_VERSINFO[0] >= 4))" } else { "true" };
        let found = Command::new(self.name()).args(["-c", asked]).stdout(Stdio::null()).status();
        let found = found.is_ok_and(|status| status.success());
        if !found {
            println!("skipped: there is no {}", self.name());
        }
        found
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    /// What the shell offers at the end of this line, sorted.
    fn offers(self, line: &str) -> Vec<String> {
        let folder = folder(self);
        let run = |args: &[&str], input: &str| {
            let mut command = Command::new(self.name());
            command.args(args).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin:/usr/local/bin");
            command.env("HOME", folder).env("TERM", "dumb").env("LC_ALL", "C.UTF-8");
            let mut typed = tempfile::tempfile().unwrap();
            typed.write_all(input.as_bytes()).unwrap();
            typed.rewind().unwrap();
            let output = command.stdin(typed).output().expect("it runs");
            String::from_utf8(output.stdout).expect("UTF-8").replace('\r', "")
        };
        let mut offers: Vec<String> = match self {
            Self::Bash => {
                let typed = format!("{BASH}{line}\u{1b}*\u{14}exit\n");
                let printed = run(&["--norc", "--noprofile", "-i"], &typed);
                let made = printed.lines().find_map(|line| line.strip_prefix('<')?.strip_suffix('>'));
                let made = made.unwrap_or_else(|| panic!("{line}: {printed}"));
                let begin = line.rfind([' ', '=', ',']).map_or(0, |at| at + 1);
                // A completion after `=` or a comma has what is before it in the list at its own beginning.
                let stem = line.rsplit(' ').next().unwrap_or_default();
                let stem = if line.contains(',') { &stem[..=stem.rfind(',').unwrap()] } else { "" };
                let words = made[begin.min(made.len())..].replace("\\ ", "\u{0}");
                let words = words.split_whitespace().map(|word| word.replace('\u{0}', " "));
                words.map(|word| word.strip_prefix(stem).map_or(word.clone(), str::to_owned)).collect()
            }
            Self::Zsh => {
                let printed = run(&["-f", "types", line], "");
                let after = printed.split_once("BEGIN").map_or("", |(_, after)| after);
                let found = after.lines().filter_map(|line| line.strip_prefix('<')?.strip_suffix('>'));
                found
                    .map(|found| found.replace("\\ ", " ").rsplit(['=', ',', '/']).next().unwrap().to_owned())
                    .collect()
            }
            Self::Fish => {
                let printed = run(&["--no-config", "-c", "source ./script; complete -C $argv[1]", line], "");
                let words = printed.lines().filter_map(|line| line.split('\t').next());
                words
                    .map(|word| word.trim_end_matches('/').rsplit(['=', ',', '/']).next().unwrap().to_owned())
                    .collect()
            }
        };
        offers.retain(|offer| !offer.is_empty());
        let last = |offer: &String| offer.rsplit('/').next().unwrap_or_default().to_owned();
        let mut offers: Vec<String> = offers.iter().map(last).collect();
        offers.sort();
        offers.dedup();
        offers
    }
}

/// A folder with the script, as a user installs it, and some files to be completed.
fn folder(shell: Shell) -> &'static Path {
    static FOLDERS: [OnceLock<PathBuf>; 3] = [const { OnceLock::new() }; 3];
    FOLDERS[shell as usize].get_or_init(|| made_folder(shell))
}

fn made_folder(shell: Shell) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("completions").join(shell.name());
    let _ = fs::remove_dir_all(&folder);
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    for name in ["functions", "files/folder"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    write("files/hook url", "");
    write("files/hook.txt", "");
    let script = script(match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    });
    write("script", &script);
    write("functions/_deploy-hook", &script);
    write("start", ZSH);
    write("types", ZSH_TYPES);
    folder
}

fn shells() -> impl Iterator<Item = Shell> {
    SHELLS.into_iter().filter(|shell| shell.is_here())
}

fn sorted(words: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    let mut words: Vec<String> = words.into_iter().map(Into::into).collect();
    words.sort();
    words
}

#[test]
fn subcommands_are_offered() {
    let tree = Cli::command();
    let names = sorted(tree.get_subcommands().map(clap::Command::get_name).chain(["help"]));
    for shell in shells() {
        let mut offers = shell.offers("deploy-hook ");
        offers.retain(|offer| !offer.starts_with('-'));
        assert_eq!(offers, names, "{shell:?}");
        assert_eq!(shell.offers("deploy-hook st"), ["status"], "{shell:?}");
        assert_eq!(shell.offers("deploy-hook completions f"), ["fish"], "{shell:?}");
    }
}

#[test]
fn the_options_of_a_command_are_offered_and_no_others() {
    for command in ["deploy", "status", "follow", "doctor", "sandbox", "platforms"] {
        let own = OPTIONS.iter().filter(|option| option.commands.contains(&command));
        let own = own.filter(|option| !option.is_refused());
        let own = sorted(own.map(|option| format!("--{}", option.name)).chain(["--help".to_owned()]));
        for shell in shells() {
            assert_eq!(shell.offers(&format!("deploy-hook {command} --")), own, "{shell:?}: {command}");
        }
    }
}

#[test]
fn the_values_of_every_option_that_has_some_are_offered() {
    let platforms = platforms::all().iter().map(|platform| platform.name());
    let platforms = sorted(platforms.chain(["auto"]));
    let [imitated, scenarios] = [
        sorted(sandbox::platforms()),
        sorted(sandbox::scenarios(None).unwrap().into_iter().map(|(name, _)| name)),
    ];
    let words = |words: &str| sorted(words.split_whitespace());
    let cases = [
        ("deploy --wait", words("auto always never")),
        ("deploy --if-missing", words("fail skip")),
        ("follow dp-1 --on-canceled", words("fail pass")),
        ("deploy --poll-interval", words("auto")),
        ("doctor --report", words("auto none summary status check deployment comment")),
        ("platforms --format", words("human json")),
        ("status --color", words("auto always never")),
        ("deploy --generation", words("draft live")),
        ("status --platform", platforms),
        ("sandbox --platform", imitated),
    ];
    for (line, values) in cases {
        for shell in shells() {
            for between in [" ", "="] {
                let line = format!("deploy-hook {line}{between}");
                let offers =
                    sorted(shell.offers(&line).iter().map(|offer| offer.rsplit('=').next().unwrap()));
                assert_eq!(offers, values, "{shell:?}: {line}");
            }
        }
    }
    for shell in shells() {
        let offers = shell.offers("deploy-hook deploy --sandbox --scenario ");
        assert!(scenarios.iter().all(|name| offers.contains(name)), "{shell:?}: {offers:?}");
        assert_eq!(shell.offers("deploy-hook deploy --wait=al"), ["always"], "{shell:?}");
        assert_eq!(shell.offers("deploy-hook deploy --sandb"), ["--sandbox"], "{shell:?}");
        assert_eq!(shell.offers("deploy-hook deploy --report summary,st"), ["status"], "{shell:?}");
    }
}

#[test]
fn files_are_offered_where_an_option_takes_one() {
    for shell in shells() {
        for option in ["hook-url-file", "api-token-file", "headers-file", "ca-file"] {
            let offers = shell.offers(&format!("deploy-hook deploy --{option} files/ho"));
            assert_eq!(offers, ["hook url", "hook.txt"], "{shell:?}: {option}");
        }
        let offers = shell.offers("deploy-hook deploy --output-dir files/f");
        assert_eq!(offers.len(), 1, "{shell:?}: {offers:?}");
        for option in ["timeout", "environment", "api-token", "sha"] {
            assert!(
                shell.offers(&format!("deploy-hook deploy --{option} ")).is_empty(),
                "{shell:?}: {option}"
            );
        }
    }
}

/// What a user runs is what the tests above do.
#[tokio::test]
async fn the_program_prints_these_scripts() {
    for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
        let done = run("completions").arg(shell.to_string()).done().await;
        assert_eq!((done.code, done.out.trim_end()), (0, script(shell).as_str()));
    }
}
