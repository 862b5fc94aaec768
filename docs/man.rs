//! Writes the manual pages into a folder: `cargo run --example man FOLDER`. They are made from the help, and a release ships
//! them; the program does without.

use std::io::Write;
use std::path::PathBuf;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use deploy_hook::cli::Cli;
use deploy_hook::cli::help::{COMMANDS, CommandHelp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[expect(clippy::disallowed_methods, reason = "no part of the program")]
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("give the folder that they go to")?);
    std::fs::create_dir_all(&folder)?;
    let mut tree = Cli::command().disable_help_subcommand(true);
    tree.build();
    for help in &COMMANDS {
        let command = if help.name.is_empty() { Some(&tree) } else { tree.find_subcommand(help.name) };
        let command = command.ok_or("the tree has every command")?;
        let usage = match help.name {
            "" => "deploy-hook COMMAND [OPTIONS]".to_owned(),
            "follow" | "completions" => command.clone().render_usage().to_string().replace("Usage: ", ""),
            name => format!("deploy-hook {name} [OPTIONS]{}", if name == "status" { " [ID]" } else { "" }),
        };
        let man = Man::new(command.clone().override_usage(usage))
            .manual("User Commands")
            .date(option_env!("BUILD_DATE").unwrap_or_default());
        let mut page = std::fs::File::create(folder.join(man.get_filename()))?;
        write(&man, help, &mut page)?;
    }
    Ok(())
}

fn write(man: &Man, help: &CommandHelp, page: &mut impl Write) -> std::io::Result<()> {
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    if help.name.is_empty() {
        man.render_subcommands_section(page)?;
    }
    man.render_options_section(page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for (what, line) in help.examples {
        roff.control("TP", []).text([roman(*what)]).text([bold(*line)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in help.exit_codes {
        roff.control("TP", []).text([bold(*code)]).text([roman(*meaning)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let others = COMMANDS.iter().filter(|other| other.name != help.name);
    let others = others.map(|other| match other.name {
        "" => "deploy-hook(1)".to_owned(),
        name => format!("deploy-hook-{name}(1)"),
    });
    roff.text([roman(others.collect::<Vec<_>>().join(", "))]);
    roff.to_writer(page)
}
