//! The scripts that complete the command line in shells.

use clap_complete::Shell;

use super::options::Purpose;
use super::{NAME, tree};

/// The script for a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    // In the script for Bash a hyphen in the name parts it from its own functions.
    let plain = NAME.replace('-', "_");
    let name = if shell == Shell::Bash { &plain } else { NAME };
    clap_complete::generate(shell, &mut tree(Purpose::Completing), name, &mut script);
    let script = String::from_utf8_lossy(&script).trim_end().to_owned();
    if shell == Shell::Bash { corrected(&script, &plain) } else { script }
}

fn corrected(script: &str, plain: &str) -> String {
    script.replace(&format!("-o default {plain}"), &format!("-o default {NAME}"))
}
