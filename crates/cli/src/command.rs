//! What the subcommands share: arguments and exit codes.

use std::process::ExitCode;

use super::terminal::{self, UNUSABLE};

/// The exit code for a token that is refused, or a configuration with faults.
pub(crate) const REFUSED: u8 = 1;

/// The arguments that were not read yet. Reading `--name value` or `--name` removes it; the rest is positional.
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    pub(crate) fn new(arguments: &[String]) -> Self {
        Self(arguments.to_vec())
    }

    /// Whether the flag is present.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|argument| argument != name);
        self.0.len() != before
    }

    /// The value of an option, if it is present.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(at) = self.0.iter().position(|argument| argument == name) else { return Ok(None) };
        let _ = self.0.remove(at);
        if at < self.0.len() { Ok(Some(self.0.remove(at))) } else { Err(format!("{name} needs a value")) }
    }

    /// The value of an option that is given once at most.
    pub(crate) fn single(&mut self, name: &str) -> Result<Option<String>, String> {
        let first = self.option(name)?;
        if self.0.iter().any(|argument| argument == name) {
            return Err(format!("{name} may be given only once"));
        }
        Ok(first)
    }

    /// The positional arguments, `most` at most.
    pub(crate) fn rest(self, most: usize) -> Result<Vec<String>, String> {
        // A dash alone stands for standard input.
        if let Some(unknown) = self.0.iter().find(|argument| argument.starts_with('-') && *argument != "-") {
            // What follows the equals sign may be a secret.
            let name = unknown.split('=').next().unwrap_or_default();
            let hint = if name.len() < unknown.len() { "; write a value after a space" } else { "" };
            return Err(format!("unknown option {name}{hint}"));
        }
        if self.0.len() > most { Err("too many arguments".to_owned()) } else { Ok(self.0) }
    }
}

/// Whether this argument asks for help.
pub(crate) fn is_help(argument: &str) -> bool {
    matches!(argument, "help" | "--help" | "-h")
}

/// Reports a wrong call.
pub(crate) fn usage(message: &str) -> ExitCode {
    terminal::report(message);
    ExitCode::from(UNUSABLE)
}

/// An argument as a shell reads it.
pub(crate) fn quoted(argument: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}
