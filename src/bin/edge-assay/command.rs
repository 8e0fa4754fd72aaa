//! What the subcommands share: arguments, the configuration file, colour and exit codes.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use edge_assay::explain::text::Style;
use serde_json::Value;

/// The exit code for a token that is refused, or a configuration with faults.
pub(crate) const REFUSED: u8 = 1;
/// The exit code for a wrong call, and for input that cannot be read.
const USAGE: u8 = 2;

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

    /// The positional arguments, `most` at most.
    pub(crate) fn rest(self, most: usize) -> Result<Vec<String>, String> {
        // A dash alone stands for standard input.
        if let Some(unknown) = self.0.iter().find(|argument| argument.starts_with('-') && *argument != "-") {
            return Err(format!("unknown option {unknown}"));
        }
        if self.0.len() > most { Err("too many arguments".to_owned()) } else { Ok(self.0) }
    }
}

/// Reports a wrong call.
pub(crate) fn usage(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(USAGE)
}

/// The `ASSAY` variable of one environment.
pub(crate) struct Environment {
    /// The environment's name; `None` at the top level.
    pub(crate) name: Option<String>,
    /// The variable as JSON text; `None` if it is not set.
    pub(crate) variable: Option<String>,
}

/// The `ASSAY` variable at the top level of a `wrangler.toml`.
pub(crate) fn assay_variable(path: &Path) -> Result<Option<String>, String> {
    Ok(environments(path)?.into_iter().next().and_then(|top| top.variable))
}

/// The `ASSAY` variables of a `wrangler.toml`: the top level first, then each environment. wrangler's environments inherit no
/// `vars`.
pub(crate) fn environments(path: &Path) -> Result<Vec<Environment>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let file: Value =
        toml::from_str(&text).map_err(|error| format!("{} is not TOML: {error}", path.display()))?;
    let variable = |table: &Value| {
        table.pointer("/vars/ASSAY").map(|value| match value {
            Value::String(json) => json.clone(),
            table => table.to_string(),
        })
    };
    let named = file.get("env").and_then(Value::as_object).into_iter().flatten();
    let named =
        named.map(|(name, table)| Environment { name: Some(name.clone()), variable: variable(table) });
    Ok(std::iter::once(Environment { name: None, variable: variable(&file) }).chain(named).collect())
}

/// Colour for a terminal, unless `NO_COLOR` is set (no-color.org).
pub(crate) fn style() -> Style {
    let wanted =
        std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { Style::Ansi } else { Style::Plain }
}
