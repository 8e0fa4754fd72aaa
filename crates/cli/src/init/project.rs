//! The files of a new project, as texts, and how they are written: each one new, or nothing at all.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use edge_assay::config::Config;
use edge_assay::trust::presets::Preset;
use serde_json::{Value, json};

use super::super::machine::Machine;
use super::super::secret_file;
use super::super::terminal::{in_words, read_file};
use super::super::wrangler_file::{self, NAMES, Syntax};
use super::Options;
use super::issuer::{Found, Variant};

/// The value of `audience` for tokens without `aud`.
pub(super) const UNCHECKED: &str = "unchecked";
/// Where the Worker's own endpoints are if an API is behind it.
pub(super) const PREFIX: &str = "/_assay";
/// The secret of a Supabase project without signing keys.
pub(super) const SHARED_SECRET: &str = "SUPABASE_JWT_SECRET";

const SHIPPED: &str = include_str!("../../../../wrangler.toml");
const INDEX: &str = "// The Worker is the package; its configuration is in wrangler.toml.\nexport { default, Assay } from 'edge-assay';\n";
/// Files that hold secrets, or that are made again.
const IGNORED: [&str; 4] = ["node_modules/", ".wrangler/", ".dev.vars*", "signing-keys*.json*"];

/// A project that is not written yet.
pub(super) struct Project {
    wrangler: String,
    /// The part of it that the issuer and the API add.
    tables: String,
    dev_vars: Option<String>,
}

const fn example(variant: Variant) -> &'static str {
    match variant {
        Variant::Keys(Preset::Clerk) => include_str!("../../../../examples/clerk.toml"),
        Variant::Keys(Preset::Supabase) => include_str!("../../../../examples/supabase.toml"),
        Variant::Keys(Preset::BetterAuth) => include_str!("../../../../examples/better-auth.toml"),
        Variant::Keys(Preset::Auth0) => include_str!("../../../../examples/auth0.toml"),
        Variant::Keys(_) => include_str!("../../../../examples/oidc.toml"),
        Variant::SupabaseSecret => include_str!("../../../../examples/supabase-legacy-secret.toml"),
    }
}

/// A text as TOML. A basic string of TOML takes every escape that JSON writes; control characters were refused before.
fn toml(text: &str) -> String {
    json!(text).to_string()
}

/// Composes the files.
///
/// # Errors
/// A message, if the audience of the tokens is not known.
pub(super) fn compose(options: &Options, found: &Found) -> Result<Project, String> {
    let mut tables = issuer_table(options, found.variant)?;
    if let Some(upstream) = &options.upstream {
        let _ = write!(
            tables,
            "\n# Everything needs a token. The API gets the user in a header that no client can set.\n[[vars.ASSAY.gateway.routes]]\npath = \"/*\"\nupstream = {}\nheaders = {{ \"x-user-id\" = \"/sub\" }}\n\n# The Worker's own endpoints, out of the way of the API's paths.\n[vars.ASSAY.endpoints]\nprefix = \"{PREFIX}\"\n",
            toml(upstream)
        );
    }
    let dev_vars = found.variant.needs_secret().then(|| {
        format!(
            "# Secrets for `wrangler dev`. Supabase's page \"JWT keys\" shows this one.\n# {SHARED_SECRET}="
        )
    });
    Ok(Project { wrangler: format!("{}\n{tables}", settings(&options.name)), tables, dev_vars })
}

/// The settings of this repository's `wrangler.toml`, for a project that has the Worker from the package: no build, and no comment
/// that says that there is no issuer yet.
fn settings(name: &str) -> String {
    let blocks = SHIPPED.split("\n\n").filter(|block| {
        let is_comment = block.lines().all(|line| line.starts_with('#') || line.is_empty());
        !block.contains("[build]") && !is_comment
    });
    let lines = blocks.map(|block| {
        let line = |line: &str| {
            if line.starts_with("name = ") {
                format!("name = {}\n", toml(name))
            } else if line.starts_with("main = ") {
                "main = \"src/index.js\"\n".to_owned()
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

/// Whether `aud` depends on the API, so that the caller has to name it.
const fn needs_audience(preset: Preset) -> bool {
    !matches!(preset, Preset::Clerk | Preset::Supabase | Preset::BetterAuth)
}

/// The table of the example, with this issuer and audience.
fn issuer_table(options: &Options, variant: Variant) -> Result<String, String> {
    let issuer = options.issuer.as_str();
    let audience = match (variant, options.audience.as_slice()) {
        (_, [one]) if one == UNCHECKED => Some(toml(UNCHECKED)),
        (Variant::Keys(preset), []) if needs_audience(preset) => {
            return Err("--audience is missing: with this provider, `aud` depends on your API.\n  Use --audience with the `aud` of your tokens, or --audience unchecked if they have none.\n  If you do not know it, use --audience unchecked for now: `npx edge-assay explain` shows a token's `aud`. Then write it into wrangler.toml, because unchecked accepts the tokens of every application of the provider.".to_owned());
        }
        (Variant::Keys(Preset::BetterAuth), []) => Some(format!("{{ any_of = [{}] }}", toml(issuer))),
        (_, []) => None,
        (_, several) => {
            let several: Vec<String> = several.iter().map(|one| toml(one)).collect();
            Some(format!("{{ any_of = [{}] }}", several.join(", ")))
        }
    };
    let lines = example(variant).lines().skip_while(|line| !line.starts_with("[["));
    Ok(lines
        .map(|line| match (line.split_once(" = ").map(|(name, _)| name), &audience) {
            (Some("issuer"), _) => format!("issuer = {}\n", toml(issuer)),
            (Some("preset"), _) => match variant {
                Variant::Keys(preset) => format!("preset = \"{}\"\n", preset.name_of_preset()),
                Variant::SupabaseSecret => format!("{line}\n"),
            },
            (Some("audience"), Some(audience)) => format!("audience = {audience}\n"),
            // Which applications these are is not known.
            (Some("authorized_parties"), _) => format!("# {line}\n"),
            _ => format!("{line}\n"),
        })
        .collect())
}

impl Project {
    /// Checks the configuration as the Worker does.
    ///
    /// # Errors
    /// A message with every fault.
    pub(super) fn check(&self, machine: &Machine) -> Result<(), String> {
        let environments = wrangler_file::parse(&self.wrangler, Syntax::Toml)?;
        let variable = environments.into_iter().next().and_then(|top| top.variable);
        let Err(faults) = Config::load(variable.as_deref(), machine).terms else { return Ok(()) };
        let lines =
            faults.iter().map(|fault| format!("✗ {}: {}\n  {}\n", fault.path, fault.problem, fault.fix));
        Err(format!("{}Nothing was written.", lines.collect::<String>()))
    }

    /// What the caller should add to the configuration.
    pub(super) fn hint(&self) -> Option<&'static str> {
        self.tables.contains("\n# authorized_parties = ").then_some(
            "authorized_parties is a comment in wrangler.toml: write the origins of your web applications there. Until then, tokens of the instance's other applications are accepted",
        )
    }

    /// Writes the files into `folder` and returns what was written.
    ///
    /// # Errors
    /// A message. If a file exists already, nothing is written.
    pub(super) fn write(&self, folder: &Path) -> Result<Vec<String>, String> {
        let exists = |name: &str| folder.join(name).symlink_metadata().is_ok();
        if let Some(name) = NAMES.into_iter().find(|name| exists(name)) {
            return Err(self.for_existing(&folder.join(name)));
        }
        let index = folder.join("src").join("index.js");
        if exists("src/index.js") {
            return Err(format!(
                "{} exists already, so nothing was written. Use --dir for another folder, or move that file away and run init again.",
                index.display()
            ));
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
        for (name, text) in [("src/index.js", INDEX), ("wrangler.toml", &self.wrangler)] {
            let path = folder.join(name);
            // Not `create_new`: under Node, the files that it creates are readable for their owner only.
            let new = OpenOptions::new().append(true).create(true).open(&path);
            new.and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(|error| failed(&path, &error))?;
            written.push(name.to_owned());
        }
        written.extend(ignore(folder)?);
        if let Some(text) = &self.dev_vars {
            let path = folder.join(".dev.vars");
            if exists(".dev.vars") {
                written.push(format!("no .dev.vars, because it exists: add {SHARED_SECRET}=… to it"));
            } else {
                secret_file::create(&path, text).map_err(|error| failed(&path, &error))?;
                written.push(".dev.vars".to_owned());
            }
        }
        Ok(written)
    }

    /// What to add to a configuration that exists.
    fn for_existing(&self, path: &Path) -> String {
        let tables = match Syntax::of(path) {
            Syntax::Toml => self.tables.clone(),
            Syntax::Json => self.as_json(),
        };
        format!(
            "{} exists already, so nothing was written. Use --dir for another folder, or add this to that file:\n\n{tables}",
            path.display()
        )
    }

    /// The tables as a member of wrangler's JSON.
    fn as_json(&self) -> String {
        let variable = wrangler_file::parse(&self.tables, Syntax::Toml).ok();
        let variable = variable.and_then(|environments| environments.into_iter().next()?.variable);
        let assay = variable.and_then(|text| edge_assay::jose::json::parse_value(&text).ok());
        format!("\"vars\": {:#}\n", json!({ "ASSAY": assay.unwrap_or(Value::Null) }))
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
