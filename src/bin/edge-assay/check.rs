//! `edge-assay check`: every fault of a configuration at once; with `--online` each issuer's keys are fetched, too.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use edge_assay::config::Config;
use edge_assay::exchange::Exchange;
use edge_assay::keys::{KeyCache, Wanted};
use edge_assay::ports::Clock as _;
use edge_assay::verify::Terms;

use super::command::{self, Arguments, REFUSED};
use super::native::{self, Machine};

/// How it is called.
pub(crate) const USAGE: &str = "check [wrangler.toml] [--online]";

/// Exit codes: 0 sound, 1 faulty, 2 usage.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    match check(Arguments::new(arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(REFUSED),
        Err(message) => command::usage(&format!("{message}\nUsage: edge-assay {USAGE}")),
    }
}

fn check(mut arguments: Arguments) -> Result<bool, String> {
    let online = arguments.flag("--online");
    let path = PathBuf::from(arguments.rest(1)?.pop().unwrap_or_else(|| "wrangler.toml".to_owned()));
    let machine = Machine::new(&path, None);
    let variable = command::assay_variable(&path)?;
    let config = Config::load(variable.as_deref(), &machine);
    match config.terms {
        Err(faults) => {
            for fault in &faults {
                println!("✗ {}: {}\n  {}", fault.path, fault.problem, fault.fix);
            }
            Ok(false)
        }
        Ok(terms) => {
            let sound = report(&path, &terms, &machine, online);
            if let Some(exchange) = &config.exchange {
                report_exchange(exchange);
            }
            Ok(sound)
        }
    }
}

fn report(path: &Path, terms: &Terms, machine: &Machine, online: bool) -> bool {
    println!("✓ {} has no faults", path.display());
    let mut sound = true;
    for issuer in terms.issuers.iter() {
        let algorithms: Vec<&str> = issuer.algorithms.iter().map(|algorithm| algorithm.name()).collect();
        println!("  {} ({})", issuer.issuer, algorithms.join(", "));
        for secret in &issuer.secrets {
            // A secret is the Worker's: that it is not here as well is no fault of the configuration.
            if let Some(problem) = issuer.problem_of(secret) {
                println!("    · secret {}: {problem}", secret.reference.binding);
            }
        }
        let Some(source) = issuer.keys.as_ref().filter(|_| online) else { continue };
        let keys = KeyCache::new();
        match native::run(keys.lookup(machine, source, &terms.cache, Wanted::Any, machine.now())) {
            Ok(lookup) => {
                println!("    ✓ {} serves {} usable keys", source.identity(), lookup.set.keys.len());
                for aside in &lookup.set.set_aside {
                    let kid = aside.kid.as_deref().unwrap_or("without a kid");
                    println!("    · the key {kid} is set aside: {}", aside.reason);
                }
            }
            Err(fault) => {
                sound = false;
                println!("    ✗ {fault}");
            }
        }
    }
    sound
}

/// What is issued, and which of the Worker's secrets are not here, which is no fault of the configuration.
fn report_exchange(exchange: &Exchange) {
    println!("  {} issues", exchange.issuer);
    for target in &exchange.targets {
        println!("    {} ({}) from {}", target.audience, target.algorithm, target.from.join(", "));
    }
    if let Some(fireproof) = &exchange.fireproof {
        let issuers: Vec<&str> =
            fireproof.auth_types.iter().flat_map(|(_, issuers)| issuers).map(String::as_str).collect();
        println!(
            "    {} for Fireproof ({}) from {}",
            fireproof.issuer,
            fireproof.algorithm,
            issuers.join(", ")
        );
    }
    let keys = exchange.keys().err();
    let clients = exchange.clients.iter().filter_map(|client| client.secret().err());
    for fault in keys.into_iter().chain(clients) {
        println!("    · {fault}");
    }
}
