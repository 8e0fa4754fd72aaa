//! The files of a new project, as texts, and how they are written: each one new, or nothing at all, unless the caller wants files to be
//! replaced.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use edge_assay::audiences::{self, UNKNOWN_AUDIENCE, Usual};
use edge_assay::trust::presets::Preset;
use serde_json::{Map, json};

use super::super::machine::Machine;
use super::super::secret_file;
use super::super::terminal::{in_words, read_file};
use super::super::wrangler_file::{ConfigFile, NAMES, Syntax};
use super::issuer::{Found, Variant};
use super::parts::{MAIN, PREFIX, blocks, route};
use super::table::{self, Line};
use super::token::Facts;
use super::{Options, jsonc};

/// The value of `audience` for tokens without `aud`.
pub(super) const UNCHECKED: &str = "unchecked";

/// In place of the IDs of tenants: all of them.
const ANY_TENANT: &str = "any";

const SHIPPED: &str = include_str!("../../../../wrangler.toml");
/// Files that hold secrets, or that are made again.
const IGNORED: [&str; 4] = ["node_modules/", ".wrangler/", ".dev.vars*", "signing-keys*.json*"];

/// A project that is not written yet.
pub(super) struct Project {
    /// The name of its configuration.
    pub(super) file: &'static str,
    wrangler: String,
    /// The lines that the issuer and the API add, for a configuration that exists.
    tables: Vec<Line>,
    upstream: Option<String>,
    dev_vars: Option<String>,
    /// What the caller should add to the configuration.
    pub(super) hints: Vec<&'static str>,
}

/// Composes the files.
pub(super) fn compose(options: &Options, found: &Found, facts: Option<&Facts>) -> Project {
    let (tables, hints) = issuer_lines(options, found.variant, facts);
    let file = if options.is_json { "wrangler.jsonc" } else { "wrangler.toml" };
    let wrangler = if options.is_json {
        jsonc::compose(SHIPPED, &options.name, &tables, options.upstream.as_deref())
    } else {
        format!("{}\n{}", settings(&options.name), toml_tables(&tables, options.upstream.as_deref()))
    };
    let dev_vars = found.variant.secret().map(|(binding, _)| {
        format!("# Secrets for `wrangler dev`. {}\n# {binding}=", found.variant.where_the_secret_is())
    });
    Project { file, wrangler, tables, upstream: options.upstream.clone(), dev_vars, hints }
}

/// The tables as TOML.
fn toml_tables(issuer: &[Line], upstream: Option<&str>) -> String {
    let mut text = format!("[[vars.ASSAY.issuers]]\n{}", table::as_toml(issuer));
    if let Some(upstream) = upstream {
        text.push_str("\n# Everything needs a token. The API gets the user in a header that no client can set.\n[[vars.ASSAY.gateway.routes]]\n");
        for (name, value) in route(upstream) {
            let _ = writeln!(text, "{name} = {}", table::toml(&value));
        }
        let _ = writeln!(
            text,
            "\n# The Worker's own endpoints, out of the way of the API's paths.\n[vars.ASSAY.endpoints]\nprefix = \"{PREFIX}\""
        );
    }
    text
}

/// The settings of this repository's `wrangler.toml`, for a project that has the Worker from the package: no build, and no comment
/// that says that there is no issuer yet.
fn settings(name: &str) -> String {
    let lines = blocks(SHIPPED).map(|block| {
        let line = |line: &str| {
            if line.starts_with("name = ") {
                format!("name = {}\n", json!(name))
            } else if line.starts_with("main = ") {
                format!("main = \"{MAIN}\"\n")
            } else if line.starts_with("#:schema ") {
                // For completion in an editor, from the package that is installed in the project.
                "#:schema node_modules/edge-assay/schema/wrangler-toml.json\n".to_owned()
            } else {
                format!("{line}\n")
            }
        };
        block.lines().map(line).collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the `aud` of the issuer's tokens is known without a token.
pub(super) fn has_usual_audience(preset: Preset, issuer: &str) -> bool {
    audiences::usual(preset, issuer).is_some()
}

/// The audience of a token that is most probably the API. Some providers add one of their own to every token, which is none.
fn of_api(facts: &Facts, preset: Option<Preset>) -> Option<&String> {
    facts.audiences.iter().find(|audience| !audiences::is_of_every_token(preset, &facts.issuer, audience))
}

/// The lines of the issuer's table, and what the caller should add to it.
fn issuer_lines(
    options: &Options,
    variant: Variant,
    facts: Option<&Facts>,
) -> (Vec<Line>, Vec<&'static str>) {
    let issuer = options.issuer.as_str();
    let mut lines = vec![
        Line::comment("The `iss` of the tokens, character for character."),
        Line::Field("issuer", json!(issuer)),
    ];
    let mut hints = Vec::new();
    let preset = variant.preset();
    let mistake = preset.map(Preset::mistake).filter(|mistake| !mistake.is_empty());
    lines.extend(mistake.map(Line::comment));
    if let Some(preset) = preset {
        lines.push(Line::Field("preset", json!(preset.name_of_preset())));
    }
    match options.tenants.as_slice() {
        [] => {}
        [one] if one == ANY_TENANT => {
            lines.push(Line::comment("The users of every organization, and personal accounts. Let `require` or your API decide who may do what."));
            lines.push(Line::Field("tenants", json!(ANY_TENANT)));
        }
        several => lines.push(Line::Field("tenants", json!(several))),
    }
    let algorithm = facts.map(|facts| facts.algorithm);
    if let Some(algorithm) =
        algorithm.filter(|algorithm| !preset.is_some_and(|preset| preset.algorithms().contains(algorithm)))
    {
        lines.push(Line::comment("The algorithm of the token that this file was made from."));
        lines.push(Line::Field("algorithms", json!([algorithm.name()])));
    } else if preset.is_none() {
        lines.push(Line::Field("algorithms", json!(["HS256"])));
    }
    let class = facts.zip(preset).and_then(|(facts, preset)| facts.class_of(preset));
    // Some providers name the audience in another claim.
    let elsewhere = class.and_then(|class| facts?.claim(class.audience_in?));
    let usual = preset.and_then(|preset| audiences::usual(preset, issuer));
    let rule = preset.and_then(Preset::class_rule).filter(|_| facts.is_some());
    let is_refused = rule.is_some_and(|rule| !rule.accepts(class));
    // The tokens that are accepted have another `aud` than one of a class that is refused.
    match (options.audience.as_slice(), facts.filter(|_| !(is_refused && usual.is_some()))) {
        ([one], _) if one == UNCHECKED => lines.push(Line::Field("audience", json!(UNCHECKED))),
        ([_, ..], _) => lines.push(Line::Field("audience", json!({ "any_of": options.audience }))),
        ([], Some(facts)) if !facts.has_audience && elsewhere.is_some() => {
            lines.push(Line::comment("Check that this is your application: every token for it is accepted."));
            lines.push(Line::Field("audience", json!({ "any_of": [elsewhere] })));
        }
        ([], Some(facts)) if !facts.has_audience => {
            lines.push(Line::comment("The tokens have no `aud`."));
            lines.push(Line::Field("audience", json!(UNCHECKED)));
        }
        ([], Some(facts)) if of_api(facts, preset).is_some() => {
            lines
                .push(Line::comment("Check that this is your API: every token with this `aud` is accepted."));
            lines.push(Line::Field("audience", json!({ "any_of": [of_api(facts, preset)] })));
        }
        _ => {
            if let Some(Usual { audience, reason }) = usual {
                lines.push(Line::comment(reason));
                let value = audience.map_or(json!(UNCHECKED), |one| json!({ "any_of": [one] }));
                lines.push(Line::Field("audience", value));
            } else {
                lines.push(Line::Comment(format!(
                    "{} Until you write it here, no token is accepted.",
                    audiences::in_words(preset)
                )));
                lines.push(Line::Field("audience", json!({ "any_of": [UNKNOWN_AUDIENCE] })));
                hints.push("the audience is not known, so no token is accepted yet: write the `aud` of your tokens into `audience`. `npx edge-assay explain` shows it for a token");
            }
        }
    }
    if is_refused {
        lines.push(Line::comment(
            "The token that this file was made from is of a class that is not for APIs, so it is refused.",
        ));
        lines.extend(class.map(|class| Line::comment(class.hint)));
        let proposed = class.map_or(json!(UNCHECKED), |class| json!([class.name]));
        lines.push(Line::Proposed("classes", proposed));
        hints.push("the token is of a class that the preset refuses: the comment above `classes` in the configuration says what to send instead");
    }
    // The applications of other providers are no origins.
    if preset.is_some_and(|preset| preset.name_of_preset() == "clerk") {
        lines.push(Line::comment(
            "The origins of your web applications. Session tokens of the instance's other applications are refused.",
        ));
        let party = facts.and_then(|facts| facts.authorized_party.as_deref());
        if let Some(party) = party {
            lines.push(Line::Field("authorized_parties", json!([party])));
        } else {
            lines.push(Line::Proposed("authorized_parties", json!(["https://app.example.com"])));
            hints.push("authorized_parties is a comment in the configuration: write the origins of your web applications there. Until then, tokens of the instance's other applications are accepted");
        }
    }
    let is_usual =
        |kind: &str| ["jwt", "at+jwt", "application/at+jwt"].contains(&kind.to_ascii_lowercase().as_str());
    if let Some(kind) = facts.and_then(|facts| facts.kind.as_deref()).filter(|kind| !is_usual(kind)) {
        lines.push(Line::comment("The `typ` of the tokens."));
        lines.push(Line::Field("types", json!([kind])));
    }
    if let Some((binding, comment)) = variant.secret() {
        lines.push(Line::comment(comment));
        lines.push(Line::Field("secrets", json!([{ "binding": binding }])));
    }
    (lines, hints)
}

/// The program. The name of the configuration is in its comment.
fn index(file: &str) -> String {
    format!(
        "// The Worker is the package; its configuration is in {file}.\nexport {{ default, Assay, Coordinator }} from 'edge-assay';\n"
    )
}

impl Project {
    /// Checks the configuration as the Worker does.
    ///
    /// # Errors
    /// A message with every fault.
    pub(super) fn check(&self, machine: &Machine) -> Result<(), String> {
        let file = self.parsed()?;
        let environment = file.select(None)?;
        let Err(faults) = file.load(environment, machine).terms else { return Ok(()) };
        let lines =
            faults.iter().map(|fault| format!("✗ {}: {}\n  {}\n", fault.path, fault.problem, fault.fix));
        Err(format!("{}Nothing was written.", lines.collect::<String>()))
    }

    /// The configuration as `check` reads it.
    ///
    /// # Errors
    /// A message.
    pub(super) fn parsed(&self) -> Result<ConfigFile, String> {
        ConfigFile::of_text(self.file.into(), &self.wrangler)
    }

    /// Writes the files into `folder` and returns what was written. A file that exists is replaced only if `replaces`; one with secrets
    /// is never.
    ///
    /// # Errors
    /// A message. Unless `replaces`, nothing is written if a file exists already.
    pub(super) fn write(&self, folder: &Path, replaces: bool) -> Result<Vec<String>, String> {
        let exists = |name: &str| folder.join(name).symlink_metadata().is_ok();
        // wrangler takes one file, by the order of the names, so another one beside it would have no effect or hide this one.
        if let Some(name) = NAMES.into_iter().find(|name| exists(name) && !(replaces && *name == self.file)) {
            return Err(self.for_existing(&folder.join(name), replaces));
        }
        let index_file = folder.join(MAIN);
        if exists(MAIN) && !replaces {
            return Err(format!(
                "{} exists already, so nothing was written. Use --dir for another folder, or move that file away and run init again, or replace it with --force.",
                index_file.display()
            ));
        }
        for name in [self.file, MAIN] {
            secret_file::refuse_link(&folder.join(name)).map_err(|_| {
                format!("{} is a symbolic link, so nothing was written.", folder.join(name).display())
            })?;
        }
        // git does not read one, so that nothing would keep the files with secrets out of the repository.
        let ignores = folder.join(".gitignore");
        if secret_file::refuse_link(&ignores).is_err() {
            return Err(format!(
                "{} is a symbolic link, which git does not read. Nothing was written. Replace it by a file and run init again.",
                ignores.display()
            ));
        }
        let failed = |path: &Path, error: &std::io::Error| {
            format!("{} cannot be written: {}", path.display(), in_words(error))
        };
        let source = folder.join("src");
        fs::create_dir_all(&source).map_err(|error| failed(&source, &error))?;
        let mut written = Vec::new();
        let program = index(self.file);
        for (name, text) in [(MAIN, &program), (self.file, &self.wrangler)] {
            let path = folder.join(name);
            // Not `create_new`: under Node, the files that it creates are readable for their owner only.
            let mut open = OpenOptions::new();
            if replaces {
                open.write(true).truncate(true).create(true);
            } else {
                open.append(true).create(true);
            }
            open.open(&path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(|error| failed(&path, &error))?;
            written.push(name.to_owned());
        }
        written.extend(ignore(folder)?);
        if let Some(text) = &self.dev_vars {
            let path = folder.join(".dev.vars");
            if exists(".dev.vars") {
                written.push("no .dev.vars, because it exists: add the secret to it".to_owned());
            } else {
                secret_file::create(&path, text).map_err(|error| failed(&path, &error))?;
                written.push(".dev.vars".to_owned());
            }
        }
        Ok(written)
    }

    /// What to add to a configuration that exists.
    fn for_existing(&self, path: &Path, replaces: bool) -> String {
        let tables = match Syntax::of(path) {
            Syntax::Toml => toml_tables(&self.tables, self.upstream.as_deref()),
            Syntax::Json => jsonc::vars(&self.tables, self.upstream.as_deref(), &Map::new()),
        };
        let force = if replaces { format!("--force replaces only {}. ", self.file) } else { String::new() };
        format!(
            "{} exists already, so nothing was written. {force}Use --dir for another folder, or add this to that file:\n\n{tables}",
            path.display()
        )
    }
}

/// Adds the lines that `.gitignore` lacks. Nothing that it has is changed.
fn ignore(folder: &Path) -> Result<Option<String>, String> {
    let path = folder.join(".gitignore");
    let exists = path.symlink_metadata().is_ok();
    let present = if exists { read_file(&path)? } else { String::new() };
    let missing: Vec<&str> =
        IGNORED.into_iter().filter(|line| !present.lines().any(|known| known.trim() == *line)).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let gap = if present.is_empty() || present.ends_with('\n') { "" } else { "\n" };
    let added = format!("{gap}{}\n", missing.join("\n"));
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(added.as_bytes()))
        .map_err(|error| format!("{} cannot be written: {}", path.display(), in_words(&error)))?;
    let what =
        if exists { format!("to .gitignore: {}", missing.join(", ")) } else { ".gitignore".to_owned() };
    Ok(Some(what))
}
