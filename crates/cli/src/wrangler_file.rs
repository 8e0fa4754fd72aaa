//! wrangler's configuration file: which file it is, and the variable `ASSAY` of each of its environments.

use std::path::{Path, PathBuf};

use jsonc_parser::errors::ParseError;
use jsonc_parser::{CollectOptions, ParseOptions};
use serde_json::Value;

use super::terminal;

/// The names that wrangler looks for, in its order.
pub(crate) const NAMES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// The `ASSAY` variable of one environment.
pub(crate) struct Environment {
    /// The environment's name; `None` at the top level.
    pub(crate) name: Option<String>,
    /// The variable as JSON text; `None` if it is not set.
    pub(crate) variable: Option<String>,
}

/// The syntax of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// TOML.
    Toml,
    /// JSON, in which wrangler also accepts comments and trailing commas.
    Json,
}

impl Syntax {
    /// The syntax that wrangler assumes for a file of this name.
    pub(crate) fn of(path: &Path) -> Self {
        let is_json = |extension: &std::ffi::OsStr| extension == "json" || extension == "jsonc";
        if path.extension().is_some_and(is_json) { Self::Json } else { Self::Toml }
    }
}

/// The file that wrangler would take: it looks for each name in the current folder and then in the folders above it, before it looks
/// for the next name.
///
/// # Errors
/// A message, if there is none.
pub(crate) fn default_file() -> Result<PathBuf, String> {
    // Without an answer of the system, only the current folder itself is searched.
    let here = std::env::current_dir().unwrap_or_default();
    for name in NAMES {
        if Path::new(name).is_file() {
            return Ok(PathBuf::from(name));
        }
        let above = here.ancestors().skip(1).map(|folder| folder.join(name));
        if let Some(found) = above.into_iter().find(|path| path.is_file()) {
            return Ok(found);
        }
    }
    Err(format!(
        "there is no {}, {} or {} in this folder or above it; name the file",
        NAMES[0], NAMES[1], NAMES[2]
    ))
}

/// The `ASSAY` variable at the top level of the file.
///
/// # Errors
/// As [`environments`].
pub(crate) fn assay_variable(path: &Path) -> Result<Option<String>, String> {
    Ok(environments(path)?.into_iter().next().and_then(|top| top.variable))
}

/// The `ASSAY` variables of the file: the top level first, then each environment. wrangler's environments inherit no `vars`.
///
/// # Errors
/// A message, if the file cannot be read.
pub(crate) fn environments(path: &Path) -> Result<Vec<Environment>, String> {
    let text = terminal::read_file(path)?;
    // Editors on Windows write a byte order mark, which wrangler removes.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    parse(text, Syntax::of(path)).map_err(|error| format!("{} is not {error}", path.display()))
}

/// The same for the text of a file. The error begins with the name of the syntax.
pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Vec<Environment>, String> {
    let file = match syntax {
        Syntax::Toml => toml::from_str(text).map_err(|error| format!("TOML: {error}"))?,
        Syntax::Json => json(text).map_err(|error| format!("JSON: {error}"))?,
    };
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

/// Accepts what wrangler accepts: JSON with comments and trailing commas.
fn json(text: &str) -> Result<Value, ParseError> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &options)?;
    Ok(parsed.value.map_or(Value::Null, Value::from))
}
