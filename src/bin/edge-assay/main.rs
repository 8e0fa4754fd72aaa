//! The native command line over the same core: `edge-assay keys …`.
//!
//! Speaks to files, the terminal and the system's clock; decides nothing that a Worker would also have to decide.

mod keys;

use std::process::ExitCode;

const USAGE: &str = "edge-assay <command>

  keys new | rotate | list | check      the keys of SIGNING_KEYS: `edge-assay keys --help`";

/// How a command ends when it does not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was called wrongly: the message, with the usage.
    Usage(String),
    /// It was refused, or something is wrong.
    Refused(String),
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("{message}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Failure::Refused(message)) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut arguments = lexopt::Parser::from_env();
    let command = arguments.next()?;
    match command {
        Some(lexopt::Arg::Value(name)) if name == "keys" => keys::run(arguments),
        Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h')) => {
            println!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(other.unexpected().into()),
        None => Err(Failure::Usage("which command?".to_owned())),
    }
}
