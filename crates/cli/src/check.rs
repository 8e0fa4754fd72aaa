//! `edge-assay check`: every fault of a configuration at once, and how much of a variable it takes. With `--online` it also fetches each
//! issuer's keys.

use std::process::ExitCode;

use edge_assay::audiences::UNKNOWN_AUDIENCE;
use edge_assay::config::{ConfigFault, RecordReference};
use edge_assay::exchange::Exchange;
use edge_assay::explain;
use edge_assay::gateway::host::Host;
use edge_assay::jose::json as strict_json;
use edge_assay::keys::{KeyCache, Wanted};
use edge_assay::limits::MAX_RECORD_BYTES;
use edge_assay::ports::Clock as _;
use edge_assay::trust::claims::AudienceRule;
use edge_assay::verify::Terms;

use super::command::{self, Arguments, REFUSED};
use super::coordinator_binding::CoordinatorBinding;
use super::init;
use super::machine::{self, Machine};
use super::terminal::{self, say};
use super::wrangler_file::{ConfigFile, Environment, Syntax};

/// The usage line.
pub(crate) const USAGE: &str = "check [FILE] [--env NAME] [--online] [--record]";

/// The bytes that a variable of a Worker holds: 5 KB.
const VARIABLE_BYTES: usize = 5120;
/// From this share of the limit on, in percent, `check` says what to do beyond it.
const NEAR_PERCENT: usize = 80;

/// The ways out of the limit.
const WAYS_OUT: &str = "keep the configuration in Workers KV, or in the code of a Worker of your own (createWorker): docs/configuration.md, \"More than 5 KB\"";

/// Exit codes: 0 without faults, 1 with faults, 2 for a wrong call.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    match check(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(REFUSED),
        Err(message) => command::usage(&format!("{message}\nUsage: edge-assay {USAGE}")),
    }
}

fn check(arguments: &[String]) -> Result<bool, String> {
    let arguments = Arguments::read(arguments, &["online", "record"], &["env"], 1)?;
    let online = arguments.flag("online");
    let mut file = ConfigFile::open(arguments.positional())?;
    let chosen = arguments.option("env")?;
    if arguments.flag("record") {
        file.is_for_record = true;
        return record(&file, file.select(chosen.as_deref())?, online);
    }
    if let Some(name) = chosen {
        let environment = file.select(Some(&name))?;
        return Ok(check_one(&file, environment, None, online));
    }
    let configured =
        file.environments.iter().find_map(|one| one.name.as_ref().filter(|_| one.variable.is_some()));
    let mut sound = true;
    for environment in &file.environments {
        sound &= check_one(&file, environment, configured, online);
    }
    Ok(sound)
}

/// Prints the configuration as the JSON to put into Workers KV, if it has no faults. The report goes to standard error.
fn record(file: &ConfigFile, environment: &Environment, online: bool) -> Result<bool, String> {
    terminal::report_on_standard_error();
    let machine = Machine::in_environment(&file.path, environment.name.as_deref(), None);
    if let Some(reference) = file.load(environment, &machine).record.filter(|_| !file.is_plain) {
        return Err(format!("{}, as in `check assay.toml --record`", file.only_refers(&reference)));
    }
    let sound = check_one(file, environment, None, online);
    let text = environment.variable.as_deref().unwrap_or_default();
    if let Ok(value) = strict_json::parse_value(text)
        && sound
    {
        terminal::try_print(&format!("{value}\n"))
            .map_err(|error| format!("standard output cannot be written: {}", terminal::in_words(&error)))?;
    }
    Ok(sound)
}

/// Checks one environment. `configured` is the name of an environment that has the variable.
fn check_one(
    file: &ConfigFile,
    environment: &Environment,
    configured: Option<&String>,
    online: bool,
) -> bool {
    match (&environment.variable, &environment.name, configured) {
        (None, None, Some(other)) => {
            let variable = if file.syntax == Syntax::Toml { "[vars.ASSAY]" } else { "vars.ASSAY" };
            say(&format!(
                "· the top level has no {variable}: deploy with `--env {other}` or with another environment"
            ));
            true
        }
        (None, Some(name), _) => {
            let (place, fix) = match file.syntax {
                Syntax::Toml => (
                    format!("[env.{name}]"),
                    format!("its own tables: [[env.{name}.vars.ASSAY.issuers]] and so on"),
                ),
                Syntax::Json => (
                    format!("env.{name}"),
                    format!("the object `ASSAY` to `vars` of env.{name}, with `issuers` and so on"),
                ),
            };
            say(&format!("✗ {place} has no vars.ASSAY, and environments do not inherit `vars`\n  add {fix}"));
            false
        }
        _ => check_variable(file, environment, online),
    }
}

fn check_variable(file: &ConfigFile, environment: &Environment, online: bool) -> bool {
    let name = environment.name.as_deref();
    let machine = Machine::in_environment(&file.path, name, None);
    let config = file.load(environment, &machine);
    match (config.terms, &config.record) {
        (Err(_), Some(reference)) => {
            check_reference(file, environment, reference) & report_coordinator(file, environment)
        }
        (Err(faults), None) => {
            report_faults(file, name, &faults);
            // The size may be a fault, too.
            check_size(file, environment);
            false
        }
        (Ok(terms), _) => {
            let place = name.map_or(String::new(), |name| format!(", {}", in_file(file, name)));
            if !check_size(file, environment) {
                return false;
            }
            say(&format!("✓ {}{place} has no faults", file.path.display()));
            report_size(file, environment);
            let sound = report_coordinator(file, environment) & report(&terms, &machine, online);
            if let Some(exchange) = &config.exchange {
                report_exchange(exchange);
            }
            sound
        }
    }
}

fn report_faults(file: &ConfigFile, name: Option<&str>, faults: &[ConfigFault]) {
    let place = name.map_or(String::new(), |name| format!("{} ", in_file(file, name)));
    for fault in faults {
        say(&format!("✗ {place}{}: {}\n  {}", fault.path, fault.problem, fault.fix));
    }
    if !faults.iter().any(|fault| fault.fix.contains("[vars.ASSAY")) {
        return;
    }
    let instead = match (file.is_plain, file.syntax) {
        (false, Syntax::Toml) => return,
        (false, Syntax::Json) => "an object in the array vars.ASSAY.issuers",
        (true, Syntax::Toml) => "[[issuers]]",
        (true, Syntax::Json) => "an object in the array issuers",
    };
    let written = if file.syntax == Syntax::Json { "TOML" } else { "for wrangler.toml" };
    say(&format!(
        "  The lines above are {written}. In {}, [[vars.ASSAY.issuers]] is {instead}.",
        file.path.display()
    ));
}

/// A configuration in Workers KV: the variable only refers to it.
fn check_reference(file: &ConfigFile, environment: &Environment, reference: &RecordReference) -> bool {
    let RecordReference { binding, key } = reference;
    let name = environment.name.as_deref();
    if !environment.binds(binding) {
        let (place, table) = match (name, file.syntax) {
            (None, Syntax::Toml) => (String::new(), "[[kv_namespaces]]".to_owned()),
            (None, Syntax::Json) => (String::new(), "kv_namespaces".to_owned()),
            (Some(name), Syntax::Toml) => {
                (format!("{} ", in_file(file, name)), format!("[[env.{name}.kv_namespaces]]"))
            }
            (Some(name), Syntax::Json) => {
                (format!("{} ", in_file(file, name)), format!("env.{name}.kv_namespaces"))
            }
        };
        say(&format!(
            "✗ {place}kv: no KV namespace is bound as {binding} here, and environments do not inherit `kv_namespaces`\n  add one to {table} with the binding {binding}"
        ));
        return false;
    }
    let place = name.map_or(String::new(), |name| format!(", {}", in_file(file, name)));
    let of = name.map_or(String::new(), |name| format!(" --env {}", command::quoted(name)));
    let (key, display) = (command::quoted(key), file.path.display());
    say(&format!(
        "✓ {display}{place} has no faults\n  The configuration is the record {key} of the KV namespace {binding}, which this command does not read. Check the file before you put it there:\n    npx edge-assay check assay.toml --record > assay.json\n    npx wrangler kv key put {key} --binding {binding} --remote --path assay.json{of}"
    ));
    true
}

/// Whether the text fits where it is meant to be. Says so if it does not.
fn check_size(file: &ConfigFile, environment: &Environment) -> bool {
    let bytes = environment.variable.as_ref().map_or(0, String::len);
    let most = if file.is_for_record { MAX_RECORD_BYTES } else { VARIABLE_BYTES };
    if bytes <= most {
        return true;
    }
    let place = environment.name.as_ref().map_or(String::new(), |name| format!("{} ", in_file(file, name)));
    let (why, fix) = if file.is_for_record {
        ("the Worker reads", "split the issuers over several Workers")
    } else {
        ("a variable of a Worker holds", WAYS_OUT)
    };
    say(&format!("✗ {place}ASSAY: has {bytes} bytes as JSON, and {why} {most} at most\n  {fix}"));
    false
}

fn report_size(file: &ConfigFile, environment: &Environment) {
    let bytes = environment.variable.as_ref().map_or(0, String::len);
    if file.is_for_record {
        say(&format!("  {bytes} bytes as JSON; a record in Workers KV may have {MAX_RECORD_BYTES}"));
        if file.syntax == Syntax::Toml || file.path.extension().is_some_and(|extension| extension == "jsonc")
        {
            say("  The Worker reads only JSON: put into KV what this command prints with --record");
        }
        return;
    }
    let percent = bytes.saturating_mul(100).checked_div(VARIABLE_BYTES).unwrap_or_default();
    let used = format!("ASSAY has {bytes} of the {VARIABLE_BYTES} bytes of a variable ({percent} %)");
    if percent >= NEAR_PERCENT {
        say(&format!("  · {used}. Before it has more, {WAYS_OUT}"));
    } else {
        say(&format!("  {used}"));
    }
}

/// Whether the coordinator is off, or bound so that it works.
fn report_coordinator(file: &ConfigFile, environment: &Environment) -> bool {
    match &environment.coordinator {
        CoordinatorBinding::Bound => say("  the coordinator is bound"),
        CoordinatorBinding::Absent
            if file.environments.iter().any(|one| one.coordinator == CoordinatorBinding::Bound) =>
        {
            say("  · the coordinator is not bound here, and environments do not inherit `durable_objects`");
        }
        CoordinatorBinding::Absent => {}
        CoordinatorBinding::Faulty(problem, fix) => {
            let place =
                environment.name.as_ref().map_or(String::new(), |name| format!("{} ", in_file(file, name)));
            say(&format!("✗ {place}durable_objects: {problem}\n  {fix}"));
            return false;
        }
    }
    true
}

/// An environment, as its file spells it.
fn in_file(file: &ConfigFile, name: &str) -> String {
    match file.syntax {
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
        let is_of_provider = |preset| init::has_keys(preset, &issuer.issuer);
        if lacks_scheme(&issuer.issuer)
            && !explain::provider_preset(&issuer.issuer).is_some_and(is_of_provider)
        {
            say(&format!(
                "    · this is not a URL, and `iss` is compared exactly: if the tokens have \"https://{0}\", write issuer = \"https://{0}\"",
                issuer.issuer
            ));
        }
        if let AudienceRule::AnyOf(accepted) = &issuer.rules.audience
            && accepted.iter().any(|audience| audience == UNKNOWN_AUDIENCE)
        {
            say("    · no token is accepted yet: write the `aud` of your tokens into `audience`");
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
                for name in issuer.distrusted.unmatched(Some(&lookup.set), &issuer.secrets) {
                    say(&format!(
                        "    · distrusted_keys: no published key is called {name}: it is withdrawn already, or the name is misspelt"
                    ));
                }
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
