//! The file that has the configuration: wrangler's, with the variable `ASSAY` in each of its environments, or a plain one, which is the
//! configuration itself. A plain one is for Workers KV, or for code.

use std::path::{Path, PathBuf};

use edge_assay::config::{Config, RecordReference};
use edge_assay::ports::Secrets;
use jsonc_parser::errors::ParseError;
use jsonc_parser::{CollectOptions, ParseOptions};
use serde_json::Value;

use super::command::quoted;
use super::coordinator_binding::CoordinatorBinding;
use super::terminal;

/// The names that wrangler looks for, in its order.
pub(crate) const NAMES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// Members of wrangler's files. The configuration itself has no fields of these names.
const OF_WRANGLER: [&str; 7] =
    ["vars", "env", "name", "main", "compatibility_date", "kv_namespaces", "account_id"];

/// A file with configurations.
pub(crate) struct ConfigFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its syntax.
    pub(crate) syntax: Syntax,
    /// Whether it is the configuration itself, and not wrangler's file.
    pub(crate) is_plain: bool,
    /// Whether the configuration goes to Workers KV or into code, and not into a variable: that of a plain file does, and what `--record` prints.
    pub(crate) is_for_record: bool,
    /// The top level first, then each environment. wrangler's environments inherit neither `vars` nor `kv_namespaces`.
    pub(crate) environments: Vec<Environment>,
}

/// The `ASSAY` variable of one environment, or the whole of a plain file.
pub(crate) struct Environment {
    /// The environment's name; `None` at the top level.
    pub(crate) name: Option<String>,
    /// The configuration as JSON text; `None` if it is not set.
    pub(crate) variable: Option<String>,
    /// The bindings of its KV namespaces.
    namespaces: Vec<String>,
    /// Whether the coordinator is bound.
    pub(crate) coordinator: CoordinatorBinding,
}

impl Environment {
    /// Whether a KV namespace is bound under this name.
    pub(crate) fn binds(&self, namespace: &str) -> bool {
        self.namespaces.iter().any(|bound| bound == namespace)
    }
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
fn default_file() -> Result<PathBuf, String> {
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
        "there is no {}, {} or {} in this folder or above it: name the file, or make one with `npx edge-assay init`, which takes an issuer or a token",
        NAMES[0], NAMES[1], NAMES[2]
    ))
}

impl ConfigFile {
    /// Reads the file with this name, or else the one that wrangler would take.
    ///
    /// # Errors
    /// A message, if there is none or it cannot be read.
    pub(crate) fn open(name: Option<String>) -> Result<Self, String> {
        let path = name.map_or_else(default_file, |name| Ok(PathBuf::from(name)))?;
        let text = terminal::read_file(&path)?;
        Self::of_text(path, &text)
    }

    /// The same for the text of a file.
    ///
    /// # Errors
    /// A message with the name of the file and of its syntax.
    pub(crate) fn of_text(path: PathBuf, text: &str) -> Result<Self, String> {
        let syntax = Syntax::of(&path);
        // Editors on Windows write a byte order mark, which wrangler removes.
        let unmarked = text.strip_prefix('\u{feff}').unwrap_or(text);
        let value = match syntax {
            Syntax::Toml => toml::from_str(unmarked).map_err(|error| format!("TOML: {error}")),
            Syntax::Json => json(unmarked).map_err(|error| format!("JSON: {error}")),
        }
        .map_err(|error| format!("{} is not {error}", path.display()))?;
        let is_named =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("wrangler"));
        let is_plain = !is_named && !OF_WRANGLER.iter().any(|member| value.get(member).is_some());
        let environments = if is_plain {
            // The Worker reads no comments and no byte order mark, so a file that is JSON is taken as it is.
            let is_put = path.extension().is_some_and(|extension| extension == "json");
            let variable = if is_put { text.to_owned() } else { value.to_string() };
            vec![Environment {
                name: None,
                variable: Some(variable),
                namespaces: Vec::new(),
                coordinator: CoordinatorBinding::Absent,
            }]
        } else {
            let named = value.get("env").and_then(Value::as_object).into_iter().flatten();
            let named = named.map(|(name, table)| environment(Some(name.clone()), table, &value));
            std::iter::once(environment(None, &value, &value)).chain(named).collect()
        };
        Ok(Self { path, syntax, is_plain, is_for_record: is_plain, environments })
    }

    /// The environment that `--env` names; the top level if it is absent or empty, as for wrangler.
    ///
    /// # Errors
    /// A message with the names of all environments, if it does not exist.
    pub(crate) fn select(&self, name: Option<&str>) -> Result<&Environment, String> {
        let name = name.filter(|name| !name.is_empty());
        let found = self.environments.iter().find(|one| one.name.as_deref() == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.environments.iter().filter_map(|one| one.name.as_deref()).collect();
            let known = if known.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            };
            format!("{} has no environment of this name; {known}", self.path.display())
        })
    }

    /// What is said where the configuration itself is needed, and the file only refers to a record in Workers KV.
    pub(crate) fn only_refers(&self, record: &RecordReference) -> String {
        format!(
            "the configuration of {} is the record {} of the KV namespace {}, which this command does not read: name the file that you put there",
            self.path.display(),
            quoted(&record.key),
            record.binding
        )
    }

    /// The configuration, as the Worker reads it.
    pub(crate) fn load(&self, environment: &Environment, secrets: &impl Secrets) -> Config {
        match &environment.variable {
            Some(text) if self.is_plain => Config::of_record(text, secrets),
            variable => Config::load(variable.as_deref(), secrets),
        }
    }
}

fn environment(name: Option<String>, table: &Value, top: &Value) -> Environment {
    let variable = table.pointer("/vars/ASSAY").map(|value| match value {
        Value::String(json) => json.clone(),
        table => table.to_string(),
    });
    let namespaces = table.get("kv_namespaces").and_then(Value::as_array).into_iter().flatten();
    let namespaces = namespaces.filter_map(|one| one.get("binding")?.as_str().map(str::to_owned)).collect();
    let coordinator = CoordinatorBinding::of(table, top);
    Environment { name, variable, namespaces, coordinator }
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
