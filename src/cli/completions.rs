//! The completion scripts for shells: clap's, with their mistakes corrected.

use clap::ValueEnum as _;
use clap::builder::PossibleValue;
use clap_complete::Shell;

use super::options::Purpose;
use super::{NAME, tree, values};

/// The script for a shell.
pub fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    // In the script for Bash a hyphen in the name separates it from its own functions: clap's issue 6421.
    let plain = NAME.replace('-', "_");
    let name = if shell == Shell::Bash { &plain } else { NAME };
    clap_complete::generate(shell, &mut tree(Purpose::Completing), name, &mut script);
    let script = String::from_utf8_lossy(&script).trim_end().to_owned();
    let kinds = values::report();
    let kinds: Vec<&str> = kinds.iter().map(PossibleValue::get_name).collect();
    match shell {
        Shell::Bash => bash(&script, &plain),
        Shell::Zsh => zsh(&script, &kinds.join(" ")),
        Shell::Fish => fish(&script, &kinds),
        _ => script,
    }
}

/// `--x=value` is three words to Bash, and a list is completed at its end.
fn bash(script: &str, plain: &str) -> String {
    const PREVIOUS: &str = "prev=\"$3\"\n";
    let more = [
        PREVIOUS,
        "    [[ \"${prev}\" == \"=\" ]] && prev=\"${COMP_WORDS[COMP_CWORD-2]}\"\n",
        "    local list=\"\"\n",
        "    [[ \"${prev}\" == --report && \"${cur}\" == *,* ]] && list=\"${cur%,*},\" && cur=\"${cur##*,}\"\n",
    ];
    script
        .replace(&format!("-o default {plain}"), &format!("-o default {NAME}"))
        .replacen(PREVIOUS, &more.concat(), 1)
        .replace("compgen -W", "compgen -P \"${list}\" -W")
}

fn zsh(script: &str, kinds: &str) -> String {
    script.replace(&format!(":KINDS:({kinds})"), &format!(":KINDS:_values -s , kind {kinds}"))
}

/// Only some options take a file, and nothing else does. The names of the shells are no option's.
fn fish(script: &str, kinds: &[&str]) -> String {
    let offered: Vec<String> = kinds.iter().map(|kind| format!("{kind}\\t''")).collect();
    let list = format!("(__fish_complete_list , 'string split , {}')", kinds.join(","));
    let shells: Vec<String> = Shell::value_variants().iter().map(ToString::to_string).collect();
    let condition = "__fish_deploy_hook_using_subcommand completions";
    format!(
        "complete -c {NAME} -f\n{}\ncomplete -c {NAME} -n \"{condition}\" -a \"{}\"",
        script.replace(&offered.join("\n"), &list),
        shells.join(" ")
    )
}
