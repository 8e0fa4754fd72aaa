//! `edge-assay check`: every fault of a configuration at once. With `--online` it also fetches each issuer's keys.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use edge_assay::config::Config;
use edge_assay::exchange::Exchange;
use edge_assay::explain;
use edge_assay::gateway::host::Host;
use edge_assay::keys::{KeyCache, Wanted};
use edge_assay::ports::Clock as _;
use edge_assay::verify::Terms;

use super::command::{self, Arguments, REFUSED};
use super::machine::{self, Machine};
use super::terminal::say;
use super::wrangler_file::{self, Environment, Syntax};

/// The usage line.
pub(crate) const USAGE: &str = "check [FILE] [--online]";

/// Exit codes: 0 without faults, 1 with faults, 2 for a wrong call.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    match check(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(REFUSED),
        Err(message) => command::usage(&format!("{message}\nUsage: edge-assay {USAGE}")),
    }
}

fn check(arguments: &[String]) -> Result<bool, String> {
    let arguments = Arguments::read(arguments, &["online"], &[], 1)?;
    let online = arguments.flag("online");
    let path =
        arguments.positional().map_or_else(wrangler_file::default_file, |path| Ok(PathBuf::from(path)))?;
    let environments = wrangler_file::environments(&path)?;
    let syntax = Syntax::of(&path);
    let configured = environments.iter().find_map(|one| one.name.as_ref().filter(|_| one.variable.is_some()));
    let mut sound = true;
    for environment in &environments {
        sound &= match (&environment.variable, &environment.name, configured) {
            (None, None, Some(other)) => {
                let variable = if syntax == Syntax::Toml { "[vars.ASSAY]" } else { "vars.ASSAY" };
                say(&format!(
                    "· the top level has no {variable}: deploy with `--env {other}` or with another environment"
                ));
                true
            }
            (None, Some(name), _) => {
                let (place, fix) = match syntax {
                    Syntax::Toml => (
                        format!("[env.{name}]"),
                        format!("its own tables: [[env.{name}.vars.ASSAY.issuers]] and so on"),
                    ),
                    Syntax::Json => (
                        format!("env.{name}"),
                        format!("the object `ASSAY` to `vars` of env.{name}, with `issuers` and so on"),
                    ),
                };
                say(&format!(
                    "✗ {place} has no vars.ASSAY, and environments do not inherit `vars`\n  add {fix}"
                ));
                false
            }
            _ => check_one(&path, environment, online),
        };
    }
    Ok(sound)
}

fn check_one(path: &Path, environment: &Environment, online: bool) -> bool {
    let name = environment.name.as_deref();
    let machine = Machine::in_environment(path, name, None);
    let config = Config::load(environment.variable.as_deref(), &machine);
    match config.terms {
        Err(faults) => {
            let place = name.map_or(String::new(), |name| format!("{} ", in_file(path, name)));
            for fault in &faults {
                say(&format!("✗ {place}{}: {}\n  {}", fault.path, fault.problem, fault.fix));
            }
            if Syntax::of(path) == Syntax::Json
                && faults.iter().any(|fault| fault.fix.contains("[vars.ASSAY"))
            {
                say(&format!(
                    "  The lines above are TOML. In {}, [[vars.ASSAY.issuers]] is an object in the array vars.ASSAY.issuers.",
                    path.display()
                ));
            }
            false
        }
        Ok(terms) => {
            let place = name.map_or(String::new(), |name| format!(", {}", in_file(path, name)));
            say(&format!("✓ {}{place} has no faults", path.display()));
            let sound = report(&terms, &machine, online);
            if let Some(exchange) = &config.exchange {
                report_exchange(exchange);
            }
            sound
        }
    }
}

/// An environment, as its file spells it.
fn in_file(path: &Path, name: &str) -> String {
    match Syntax::of(path) {
        Syntax::Toml => format!("[env.{name}]"),
        Syntax::Json => format!("env.{name}"),
    }
}

/// Whether `issuer` looks like a URL without its scheme. The `iss` of some providers is such a text, for example `privy.io`.
fn lacks_scheme(issuer: &str) -> bool {
    let host = issuer.split('/').next().unwrap_or_default();
    !issuer.contains("://") && host.contains('.') && Host::parse(host).is_some()
}

fn report(terms: &Terms, machine: &Machine, online: bool) -> bool {
    let mut sound = true;
    for issuer in terms.issuers.iter() {
        let algorithms: Vec<&str> = issuer.algorithms.iter().map(|algorithm| algorithm.name()).collect();
        say(&format!("  {} ({})", issuer.issuer, algorithms.join(", ")));
        if lacks_scheme(&issuer.issuer) {
            say(&format!(
                "    · this is not a URL, and `iss` is compared exactly: if the tokens have \"https://{0}\", write issuer = \"https://{0}\"",
                issuer.issuer
            ));
        }
        for secret in &issuer.secrets {
            // The Worker has the secrets. A secret that is missing on this machine is not a fault of the configuration.
            if let Some(problem) = issuer.problem_of(secret) {
                say(&format!("    · secret {}: {problem}", secret.reference.binding));
            }
        }
        let Some(source) = issuer.keys.as_ref().filter(|_| online) else { continue };
        let keys = KeyCache::new();
        match machine::run(keys.lookup(machine, source, &terms.cache, Wanted::Any, machine.now())) {
            Ok(lookup) => {
                let count = lookup.set.keys.len();
                let keys = if count == 1 { "key" } else { "keys" };
                say(&format!("    ✓ {} serves {count} usable {keys}", source.identity()));
                for aside in &lookup.set.set_aside {
                    let kid = aside.kid.as_deref().unwrap_or("without a kid");
                    say(&format!("    · the key {kid} cannot be used: {}", aside.reason));
                }
            }
            Err(fault) => {
                sound = false;
                say(&format!("    ✗ {fault}"));
                let state = machine::run(keys.state(machine, source, &terms.cache, machine.now()));
                if let Some(fix) = explain::fix_of_keys(source, &fault, state.last_error.as_ref()) {
                    say(&format!("      {}", fix.replace('\n', "\n      ")));
                }
            }
        }
    }
    sound
}

/// Shows what the exchange issues, and which secrets are missing on this machine. The latter is not a fault of the configuration.
fn report_exchange(exchange: &Exchange) {
    say(&format!("  {} issues", exchange.issuer));
    for target in &exchange.targets {
        say(&format!("    {} ({}) from {}", target.audience, target.algorithm, target.from.join(", ")));
    }
    if let Some(fireproof) = &exchange.fireproof {
        let issuers: Vec<&str> =
            fireproof.auth_types.iter().flat_map(|(_, issuers)| issuers).map(String::as_str).collect();
        say(&format!(
            "    {} for Fireproof ({}) from {}",
            fireproof.issuer,
            fireproof.algorithm,
            issuers.join(", ")
        ));
    }
    let keys = exchange.keys().err();
    let clients = exchange.clients.iter().filter_map(|client| client.secret().err());
    for fault in keys.into_iter().chain(clients) {
        say(&format!("    · {fault}"));
    }
}
