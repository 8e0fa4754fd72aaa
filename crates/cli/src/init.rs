//! `edge-assay init`: writes a project that deploys the npm package `edge-assay` with one issuer, from its URL, from one of its tokens, or
//! from questions at a terminal. The settings come from the `wrangler.toml` of this repository. It asks the issuer for its keys first, and
//! overwrites nothing unless it is told to.

mod issuer;
mod jsonc;
mod parts;
mod project;
mod questions;
mod table;
mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use edge_assay::explain;
use edge_assay::explain::report::Verdict;
use edge_assay::http::presented;
use edge_assay::keys::{KeyCache, url};
use edge_assay::rejection::excerpt;
use edge_assay::trust::presets::Preset;
use edge_assay::trust::tenants::PLACEHOLDER;

use super::command::{self, Arguments, REFUSED, quoted};
use super::machine::{self, Machine};
use super::terminal::{self, say};
use issuer::Found;
pub(crate) use issuer::has_keys;
use project::Project;
use token::Facts;

/// The usage line.
pub(crate) const SYNOPSIS: &str =
    "init [--issuer URL | --token -] [--audience AUD] [--dir FOLDER] (see init --help)";

const USAGE: &str = "edge-assay init --issuer URL [options]
edge-assay init --token - [options] < token.txt
edge-assay init

Writes wrangler.toml, src/index.js and lines of .gitignore: a Worker that verifies the tokens of this issuer. Overwrites no file.
Without an issuer and without a token it asks, if it runs at a terminal.

  --issuer URL     the `iss` of your tokens, character for character
  --token -        reads one of your tokens from standard input, for its issuer, algorithm and audience; keeps nothing else of it
  --tenant ID      a tenant whose tokens are accepted, if the issuer has {tenantid}; may be repeated; `any` for all of them
  --preset P       the provider; default: recognised by the issuer
  --audience AUD   the `aud` of your tokens; may be repeated; `unchecked` if they have none. Default: that of the token or of the
                   provider; if neither is known, one that no token has
  --dir FOLDER     where to write; default: the current folder
  --name NAME      the Worker's name; default edge-assay
  --upstream URL   an API to put behind the Worker; the Worker's own endpoints are then below /_assay
  --format F       toml (default) or jsonc
  --offline        do not ask the issuer for its keys
  --force          replace the configuration and src/index.js if they exist

Exit codes: 0 written; 1 refused, nothing is written; 2 wrong call; 3 written, but the issuer did not answer, so it is not checked.";

/// The exit code if the files are written and the issuer could not be asked.
const UNCHECKED: u8 = 3;

/// What the caller wants.
struct Options {
    issuer: String,
    preset: Option<(&'static str, Preset)>,
    /// The accepted tenants, if the issuer has a placeholder for them.
    tenants: Vec<String>,
    audience: Vec<String>,
    folder: PathBuf,
    name: String,
    upstream: Option<String>,
    offline: bool,
    /// Whether the configuration is JSON with comments.
    is_json: bool,
    /// Whether files that exist are replaced.
    replaces: bool,
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
    match init(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(UNCHECKED),
        Err(InitError::Usage(message)) => command::usage(&format!("{message}\nUsage: edge-assay {SYNOPSIS}")),
        Err(InitError::Refused(message)) => {
            terminal::report(&message);
            ExitCode::from(REFUSED)
        }
    }
}

/// The options, and whether a token is on standard input.
fn options(arguments: &[String]) -> Result<(Options, bool), String> {
    const OPTIONS: [&str; 9] =
        ["audience", "dir", "format", "issuer", "name", "preset", "tenant", "token", "upstream"];
    let arguments = Arguments::read(arguments, &["force", "offline"], &OPTIONS, 0)?;
    let has_token = match arguments.option("token")?.as_deref() {
        None => false,
        Some("-") => true,
        // Whatever it is, it may be a token, so it is not repeated.
        Some(_) => {
            return Err("--token takes only -, because other users of this machine can see an argument: pass the token on standard input\n  printf %s \"$TOKEN\" | npx edge-assay init --token -".to_owned());
        }
    };
    let options = Options {
        issuer: arguments.option("issuer")?.unwrap_or_default(),
        preset: arguments.option("preset")?.map(|name| preset_named(&name)).transpose()?,
        tenants: arguments.values("tenant"),
        audience: arguments.values("audience"),
        folder: arguments.option("dir")?.unwrap_or_else(|| ".".to_owned()).into(),
        name: arguments.option("name")?.unwrap_or_else(|| "edge-assay".to_owned()),
        upstream: arguments.option("upstream")?,
        offline: arguments.flag("offline"),
        is_json: match arguments.option("format")?.as_deref() {
            None | Some("toml") => false,
            Some("jsonc") => true,
            Some(_) => return Err("--format is toml or jsonc".to_owned()),
        },
        replaces: arguments.flag("force"),
    };
    Ok((options, has_token))
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
            "--issuer is missing: the `iss` of your tokens, as in --issuer https://clerk.example.com, or pass a token: printf %s \"$TOKEN\" | npx edge-assay init --token -"
                .to_owned(),
        );
    }
    let preset = options.preset.map(|(_, preset)| preset).or_else(|| explain::provider_preset(issuer));
    let is_of_provider = preset.is_some_and(|preset| issuer::has_keys(preset, issuer));
    if !is_of_provider && !issuer.contains("://") {
        if let Some(preset) = Preset::ALL.iter().find(|preset| has_keys(**preset, issuer)) {
            return Err(format!(
                "--issuer is no URL, but it can be the `iss` of {} tokens: if it is, add --preset {}",
                preset.name(),
                preset.name_of_preset()
            ));
        }
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
    if let Some(error) = url::accept(issuer).err().filter(|_| !is_of_provider) {
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
    if !options.audience.iter().chain(&options.upstream).chain(&options.tenants).all(is_plain) {
        return Err("--audience, --upstream and --tenant need a value without control characters".to_owned());
    }
    if options.tenants.is_empty() && issuer.contains(PLACEHOLDER) {
        return Err(format!(
            "--issuer has {PLACEHOLDER}, so say which tenants are accepted: --tenant with the ID of one, which may be repeated, or --tenant any for the users of every organization"
        ));
    }
    if !options.tenants.is_empty() && !issuer.contains(PLACEHOLDER) {
        return Err(format!("--tenant is only for an issuer with {PLACEHOLDER} in the place of the tenant"));
    }
    if options.audience.len() > 1 && options.audience.iter().any(|one| one == project::UNCHECKED) {
        return Err("--audience unchecked excludes any other --audience".to_owned());
    }
    Ok(())
}

/// Writes the project. `false` if the issuer did not answer.
fn init(arguments: &[String]) -> Result<bool, InitError> {
    let (mut options, has_token) = options(arguments).map_err(InitError::Usage)?;
    let mut text = None;
    let asks = options.issuer.is_empty() && !has_token && terminal::input_is_typed();
    if has_token {
        text = Some(terminal::read_input().map_err(InitError::Usage)?);
    } else if asks {
        text = questions::ask_for_issuer(&mut options).map_err(InitError::Usage)?;
    }
    let facts =
        text.map(|text| token::read(&text)).transpose().map_err(|message| nothing_written(&message))?;
    if let Some(facts) = &facts {
        take_over(&mut options, facts).map_err(|message| nothing_written(&message))?;
    }
    if asks {
        questions::ask_for_tenants(&mut options).map_err(InitError::Usage)?;
    }
    accept(&options).map_err(InitError::Usage)?;
    if asks {
        let preset = options.preset.map(|(_, preset)| preset);
        let preset = preset.or_else(|| explain::provider_preset(&options.issuer)).unwrap_or(Preset::Oidc);
        questions::ask_for_rest(&mut options, preset, facts.is_some()).map_err(InitError::Usage)?;
        accept(&options).map_err(InitError::Usage)?;
    }
    let machine = Machine::new(&options.folder.join("wrangler.toml"), None);
    let found = issuer::examine(&options, facts.as_ref(), &machine).map_err(InitError::Refused)?;
    let project = project::compose(&options, &found, facts.as_ref());
    project.check(&machine).map_err(InitError::Refused)?;
    let tried = facts.as_ref().filter(|_| found.is_checked && !options.offline);
    let verdict =
        tried.map(|facts| verdict(&project, facts, &machine)).transpose().map_err(InitError::Refused)?;
    let written = project.write(&options.folder, options.replaces).map_err(InitError::Refused)?;
    say(&format!("✓ {}", found.seen));
    if let Some(facts) = &facts {
        say(&format!("✓ {}", described(facts)));
    }
    for warning in found.warnings.iter().map(String::as_str).chain(project.hints.iter().copied()) {
        terminal::report(&format!("· {warning}"));
    }
    for file in &written {
        say(&format!("✓ wrote {file}"));
    }
    if let Some(verdict) = verdict {
        say(&verdict);
    }
    say(&format!("Next:\n{}", next(&options, &found)));
    Ok(found.is_checked || options.offline)
}

fn nothing_written(message: &str) -> InitError {
    InitError::Refused(format!("{message}\n  Nothing was written."))
}

/// Takes the issuer from the token.
fn take_over(options: &mut Options, facts: &Facts) -> Result<(), String> {
    if !options.issuer.is_empty() && options.issuer != facts.issuer {
        return Err(format!(
            "✗ The `iss` of the token is {}, and --issuer is another one. Leave out --issuer.",
            excerpt(&facts.issuer)
        ));
    }
    let preset = options.preset.map(|(_, preset)| preset).or_else(|| explain::provider_preset(&facts.issuer));
    let is_of_provider = preset.is_some_and(|preset| issuer::has_keys(preset, &facts.issuer));
    // The API keys of a Supabase project are JWTs of this issuer.
    if facts.issuer == "supabase" && facts.claim("role").is_some() {
        return Err("✗ This is an API key of a Supabase project, and not the token of a user. Pass the session's access_token, or the issuer: --issuer https://<project>.supabase.co/auth/v1".to_owned());
    }
    if url::accept(&facts.issuer).is_err() && !is_of_provider {
        return Err(format!(
            "✗ The `iss` of the token is {}, which is not an https URL, so the place of the keys cannot be derived from it. Find the URL of the keys (JWKS URI) in the provider's documentation, and write the table by hand with `issuer`, `jwks_uri` and `audience`: docs/configuration.md",
            excerpt(&facts.issuer)
        ));
    }
    options.issuer.clone_from(&facts.issuer);
    Ok(())
}

/// What the token is, in one line.
fn described(facts: &Facts) -> String {
    let preset =
        explain::provider_preset(&facts.issuer).or_else(|| issuer::provider_of(&facts.issuer, Some(facts)));
    let class = preset.and_then(|preset| Some((preset, facts.class_of(preset)?)));
    let kind = match (preset, class) {
        (Some(preset), Some((_, class))) => {
            format!("{} (`{}`)", class.with_provider(preset.name()), class.name)
        }
        (Some(preset), None) => format!("{}, {}", preset.name(), facts.class),
        (None, _) => format!("its provider is not known, {}", facts.class),
    };
    let audience = match facts.audiences.as_slice() {
        [] if facts.has_audience => "an audience that cannot be shown".to_owned(),
        [] => "no audience".to_owned(),
        several => {
            format!("audience {}", several.iter().map(|one| excerpt(one)).collect::<Vec<_>>().join(", "))
        }
    };
    format!("The token: {kind}, {}, {audience}", facts.algorithm.name())
}

/// Whether the token is accepted under the configuration that is about to be written.
fn verdict(project: &Project, facts: &Facts, machine: &Machine) -> Result<String, String> {
    let file = project.parsed()?;
    let config = file.load(file.select(None)?, machine);
    let presented = presented::given(&facts.token);
    let report = machine::run(explain::explain(&config, &KeyCache::new(), machine, &presented));
    Ok(match report.code {
        _ if report.verdict == Verdict::Accepted => "✓ The token is accepted".to_owned(),
        Some(code) => format!("· The token is not accepted yet: {code}. `npx edge-assay explain` says why"),
        None => "· There is no verdict on the token yet".to_owned(),
    })
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
    let secret = found.variant.secret().map(|(binding, _)| binding);
    let first_write = secret.map_or(String::new(), |secret| format!("; first write {secret} into .dev.vars"));
    step(&format!("Run the Worker on http://127.0.0.1:8787{first_write}"), &first);
    let prefix = if options.upstream.is_some() { parts::PREFIX } else { "" };
    step(
        "In another terminal, with one of your tokens in the variable TOKEN",
        &[format!("curl -i -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8787{prefix}/verify")],
    );
    step("If a token is refused, read why", &["printf %s \"$TOKEN\" | npx edge-assay explain".to_owned()]);
    let mut deploy = vec!["npx wrangler deploy".to_owned()];
    deploy.extend(secret.map(|secret| format!("npx wrangler secret put {secret}")));
    step("Deploy it", &deploy);
    lines.join("\n")
}
