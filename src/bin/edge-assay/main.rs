//! The command line: the Worker's checks in a terminal. This file only selects the subcommand.

mod check;
mod command;
mod explain;
mod keys;
mod native;
mod secret_file;

use std::process::ExitCode;

/// A subcommand: its name, its usage line, and the function that runs it.
type Subcommand = (&'static str, &'static str, fn(&[String]) -> ExitCode);

const SUBCOMMANDS: &[Subcommand] = &[
    ("explain", explain::USAGE, explain::run),
    ("check", check::USAGE, check::run),
    ("keys", keys::SYNOPSIS, keys::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        return command::usage(&usages());
    };
    match SUBCOMMANDS.iter().find(|(known, ..)| known == name) {
        // `keys` has a longer help of its own.
        Some((name, usage, _)) if *name != "keys" && rest.iter().any(|one| is_help(one)) => {
            println!("Usage: edge-assay {usage}");
            ExitCode::SUCCESS
        }
        Some((_, _, run)) => run(rest),
        None if is_help(name) => {
            println!("{}", usages());
            ExitCode::SUCCESS
        }
        None => command::usage(&usages()),
    }
}

fn is_help(argument: &str) -> bool {
    matches!(argument, "help" | "--help" | "-h")
}

fn usages() -> String {
    let lines: Vec<String> =
        SUBCOMMANDS.iter().map(|(_, usage, _)| format!("  edge-assay {usage}")).collect();
    format!("Usage:\n{}", lines.join("\n"))
}
