//! `edge-assay init`: writes a project that deploys the npm package `edge-assay` with one issuer. The tables come from `examples/`, the
//! settings from the `wrangler.toml` of this repository. It asks the issuer for its keys first, and overwrites nothing.

mod issuer;
mod project;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use edge_assay::keys::url;
use edge_assay::trust::presets::Preset;

use super::command::{self, Arguments, REFUSED, quoted};
use super::machine::Machine;
use super::terminal::{self, say};
use issuer::Found;

/// The usage line.
pub(crate) const SYNOPSIS: &str = "init --issuer URL [--audience AUD] [--dir FOLDER] (see init --help)";

const USAGE: &str = "edge-assay init --issuer URL [options]

Writes wrangler.toml, src/index.js and lines of .gitignore: a Worker that verifies the tokens of this issuer. Overwrites no file.

  --issuer URL     the `iss` of your tokens, character for character
  --preset P       clerk, supabase, better-auth, auth0 or oidc; default: recognised by the issuer
  --audience AUD   the `aud` of your tokens; may be repeated; `unchecked` if they have none. Required if the preset has no default
  --dir FOLDER     where to write; default: the current folder
  --name NAME      the Worker's name; default edge-assay
  --upstream URL   an API to put behind the Worker; the Worker's own endpoints are then below /_assay
  --offline        do not ask the issuer for its keys

Exit codes: 0 written; 1 refused, nothing is written; 2 wrong call; 3 written, but the issuer did not answer, so it is not checked.";

/// The exit code if the files are written and the issuer could not be asked.
const UNCHECKED: u8 = 3;

/// What the caller wants.
struct Options {
    issuer: String,
    preset: Option<(&'static str, Preset)>,
    audience: Vec<String>,
    folder: PathBuf,
    name: String,
    upstream: Option<String>,
    offline: bool,
}

/// Why nothing was written.
enum InitError {
    /// It was called wrongly.
    Usage(String),
    /// The issuer is not as described, or a file exists.
    Refused(String),
}

/// Exit codes: see [`USAGE`].
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    if arguments.iter().any(|argument| command::is_help(argument)) {
        say(USAGE);
        return ExitCode::SUCCESS;
    }
    let options = options(arguments).map_err(InitError::Usage);
    match options.and_then(|options| init(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(UNCHECKED),
        Err(InitError::Usage(message)) => command::usage(&format!("{message}\nUsage: edge-assay {SYNOPSIS}")),
        Err(InitError::Refused(message)) => {
            terminal::report(&message);
            ExitCode::from(REFUSED)
        }
    }
}

fn options(arguments: &[String]) -> Result<Options, String> {
    const OPTIONS: [&str; 6] = ["audience", "dir", "issuer", "name", "preset", "upstream"];
    let arguments = Arguments::read(arguments, &["offline"], &OPTIONS, 0)?;
    let options = Options {
        issuer: arguments.option("issuer")?.unwrap_or_default(),
        preset: arguments.option("preset")?.map(|name| preset_named(&name)).transpose()?,
        audience: arguments.values("audience"),
        folder: arguments.option("dir")?.unwrap_or_else(|| ".".to_owned()).into(),
        name: arguments.option("name")?.unwrap_or_else(|| "edge-assay".to_owned()),
        upstream: arguments.option("upstream")?,
        offline: arguments.flag("offline"),
    };
    accept(&options)?;
    Ok(options)
}

fn preset_named(name: &str) -> Result<(&'static str, Preset), String> {
    let names: Vec<&str> = Preset::NAMES.iter().map(|(known, _)| *known).collect();
    let found = Preset::NAMES.iter().copied().find(|(known, _)| *known == name);
    found.ok_or_else(|| format!("--preset is one of {}", names.join(", ")))
}

/// Refuses values that cannot be right, and says what to write instead.
fn accept(options: &Options) -> Result<(), String> {
    let issuer = &options.issuer;
    if issuer.is_empty() {
        return Err(
            "--issuer is missing: the `iss` of your tokens, as in --issuer https://clerk.example.com"
                .to_owned(),
        );
    }
    if !issuer.contains("://") {
        return Err(format!(
            "--issuer needs a whole URL, exactly as the `iss` of your tokens: --issuer {}",
            quoted(&format!("https://{issuer}"))
        ));
    }
    if let Some((base, _)) = issuer.split_once("/.well-known/") {
        return Err(format!(
            "--issuer is the `iss` of your tokens, not the URL of a document: --issuer {}",
            quoted(base)
        ));
    }
    if let Err(error) = url::accept(issuer) {
        let instead = match issuer.strip_prefix("http://") {
            Some(rest) => {
                format!("; if your tokens have it, --issuer {}", quoted(&format!("https://{rest}")))
            }
            None => String::new(),
        };
        return Err(format!("--issuer {}: {error}{instead}", quoted(issuer)));
    }
    let is_name = |name: &str| {
        name.len() <= 54
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && !name.ends_with('-')
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !is_name(&options.name) {
        return Err("--name has 1 to 54 lower-case letters, digits and dashes, begins with a letter, and does not end with a dash".to_owned());
    }
    let is_plain = |text: &String| !text.is_empty() && !text.chars().any(char::is_control);
    if !options.audience.iter().chain(&options.upstream).all(is_plain) {
        return Err("--audience and --upstream need a value without control characters".to_owned());
    }
    if options.audience.len() > 1 && options.audience.iter().any(|one| one == project::UNCHECKED) {
        return Err("--audience unchecked excludes any other --audience".to_owned());
    }
    Ok(())
}

/// Writes the project. `false` if the issuer did not answer.
fn init(options: &Options) -> Result<bool, InitError> {
    let machine = Machine::new(&options.folder.join("wrangler.toml"), None);
    let found = issuer::examine(options, &machine).map_err(InitError::Refused)?;
    let project = project::compose(options, &found).map_err(InitError::Usage)?;
    project.check(&machine).map_err(InitError::Refused)?;
    let written = project.write(&options.folder).map_err(InitError::Refused)?;
    say(&format!("✓ {}", found.seen));
    for warning in found.warnings.iter().map(String::as_str).chain(project.hint()) {
        terminal::report(&format!("· {warning}"));
    }
    for file in &written {
        say(&format!("✓ wrote {file}"));
    }
    say(&format!("Next:\n{}", next(options, &found)));
    Ok(found.is_checked || options.offline)
}

/// The commands to type next. What they do is above them and not behind them, because zsh knows no comments in a terminal.
fn next(options: &Options, found: &Found) -> String {
    let mut lines = Vec::new();
    let mut step = |says: &str, commands: &[String]| {
        lines.push(format!("  {says}:"));
        lines.extend(commands.iter().map(|command| format!("    {command}")));
    };
    let mut first = Vec::new();
    if options.folder != Path::new(".") {
        first.push(format!("cd {}", quoted(&options.folder.display().to_string())));
    }
    let lacks = |package: &str| !options.folder.join("node_modules").join(package).is_dir();
    let missing: Vec<&str> =
        ["edge-assay", "wrangler"].into_iter().filter(|package| lacks(package)).collect();
    if !missing.is_empty() {
        first.push(format!("npm install {}", missing.join(" ")));
    }
    first.push("npx wrangler dev".to_owned());
    let needs_secret = found.variant.needs_secret();
    let secret = if needs_secret {
        format!("; first write {} into .dev.vars", project::SHARED_SECRET)
    } else {
        String::new()
    };
    step(&format!("Run the Worker on http://127.0.0.1:8787{secret}"), &first);
    let prefix = if options.upstream.is_some() { project::PREFIX } else { "" };
    step(
        "In another terminal, with one of your tokens in the variable TOKEN",
        &[format!("curl -i -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8787{prefix}/verify")],
    );
    step("If a token is refused, read why", &["printf %s \"$TOKEN\" | npx edge-assay explain".to_owned()]);
    let mut deploy = vec!["npx wrangler deploy".to_owned()];
    if needs_secret {
        deploy.push(format!("npx wrangler secret put {}", project::SHARED_SECRET));
    }
    step("Deploy it", &deploy);
    lines.join("\n")
}
