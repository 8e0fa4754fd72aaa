//! The command line: the Worker's checks in a terminal. This file only selects the subcommand.
//!
//! It is compiled natively, and to WebAssembly for Node (`npm/cli`). Only `http.rs` and the current folder differ.

mod check;
mod command;
mod coordinator_binding;
mod explain;
mod http;
mod init;
mod keys;
mod machine;
mod secret_file;
mod terminal;
mod wrangler_file;

use std::process::ExitCode;

/// A subcommand: its name, its usage line, and the function that runs it.
type Subcommand = (&'static str, &'static str, fn(&[String]) -> ExitCode);

const SUBCOMMANDS: &[Subcommand] = &[
    ("init", init::SYNOPSIS, init::run),
    ("check", check::USAGE, check::run),
    ("explain", explain::USAGE, explain::run),
    ("keys", keys::SYNOPSIS, keys::run),
];

/// These have a longer help of their own.
const WITH_OWN_HELP: [&str; 2] = ["init", "keys"];

fn main() -> ExitCode {
    // A WASI program begins in the root folder.
    #[cfg(target_os = "wasi")]
    if let Some(folder) = std::env::var_os("PWD") {
        let _ = std::env::set_current_dir(folder);
    }
    let mut arguments = Vec::new();
    for argument in std::env::args_os().skip(1) {
        let Ok(argument) = argument.into_string() else {
            return command::usage("an argument is not UTF-8 text; rename the file, or use another path");
        };
        arguments.push(argument);
    }
    let Some((name, rest)) = arguments.split_first() else {
        return command::usage(&usages());
    };
    match SUBCOMMANDS.iter().find(|(known, ..)| known == name) {
        Some((name, usage, _))
            if !WITH_OWN_HELP.contains(name) && rest.iter().any(|one| command::is_help(one)) =>
        {
            terminal::say(&format!("Usage: edge-assay {usage}"));
            ExitCode::SUCCESS
        }
        Some((_, _, run)) => run(rest),
        None if command::is_help(name) => {
            terminal::say(&usages());
            ExitCode::SUCCESS
        }
        None if matches!(name.as_str(), "--version" | "-V") => {
            terminal::say(concat!("edge-assay ", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        None => command::usage(&usages()),
    }
}

fn usages() -> String {
    let lines: Vec<String> =
        SUBCOMMANDS.iter().map(|(_, usage, _)| format!("  edge-assay {usage}")).collect();
    format!("Usage:\n{}", lines.join("\n"))
}
