//! What the subcommands share: arguments and exit codes.

use std::process::ExitCode;

use lexopt::{Arg, ValueExt};

use super::terminal::{self, UNUSABLE};

/// The exit code for a token that is refused, or a configuration with faults.
pub(crate) const REFUSED: u8 = 1;

/// What is wrong if there is no token on standard input: in a shell without the variable, `printf %s "$TOKEN"` writes nothing.
pub(crate) const EMPTY_INPUT: &str = "standard input is empty. Is the variable TOKEN set in this shell?";

/// The arguments of a call.
pub(crate) struct Arguments {
    flags: Vec<String>,
    options: Vec<(String, String)>,
    positional: Vec<String>,
}

impl Arguments {
    /// Reads the arguments of a subcommand that has these flags, these options with a value, and at most so many positional arguments.
    ///
    /// No error repeats a value, because it may be a token in the wrong place.
    pub(crate) fn read(
        arguments: &[String],
        flags: &[&str],
        options: &[&str],
        most: usize,
    ) -> Result<Self, String> {
        let mut read = Self { flags: Vec::new(), options: Vec::new(), positional: Vec::new() };
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next().map_err(|error| in_words(&error))? {
            match argument {
                Arg::Long(name) if flags.contains(&name) => read.flags.push(name.to_owned()),
                Arg::Long(name) if options.contains(&name) => {
                    let name = name.to_owned();
                    let value =
                        parser.value().and_then(ValueExt::string).map_err(|error| in_words(&error))?;
                    read.options.push((name, value));
                }
                // A dash alone stands for standard input.
                Arg::Value(text) => read.positional.push(text.string().map_err(|error| in_words(&error))?),
                Arg::Long(name) => return Err(format!("unknown option --{name}")),
                Arg::Short(letter) => return Err(format!("unknown option -{letter}")),
            }
        }
        if read.positional.len() > most { Err("too many arguments".to_owned()) } else { Ok(read) }
    }

    /// Whether the flag is present.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag == name)
    }

    /// Every value of an option, in the order of the call.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let own = self.options.iter().filter(|(option, _)| option == name);
        own.map(|(_, value)| value.clone()).collect()
    }

    /// The value of an option that is given once at most.
    pub(crate) fn option(&self, name: &str) -> Result<Option<String>, String> {
        let mut values = self.values(name);
        if values.len() > 1 { Err(format!("--{name} may be given only once")) } else { Ok(values.pop()) }
    }

    /// The positional argument, if there is one.
    pub(crate) fn positional(&self) -> Option<String> {
        self.positional.first().cloned()
    }
}

/// An error of the parser, without the value that it is about.
fn in_words(error: &lexopt::Error) -> String {
    match error {
        lexopt::Error::MissingValue { option: Some(option) } => format!("{option} needs a value"),
        lexopt::Error::UnexpectedValue { option, .. } => format!("{option} takes no value"),
        _ => "the arguments cannot be read".to_owned(),
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
