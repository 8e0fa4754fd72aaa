//! Reads the configuration, the JSON binding `ASSAY`: once per isolate, and with all faults reported at once. While there is a
//! fault, no request is served.
//!
//! It builds the data that the modules below use ([`TrustedIssuers`], [`CachePolicy`], …) and knows nothing about requests.

mod exchange;
mod gateway;
mod issuers;
mod reader;
mod shared_secrets;

use serde_json::Value;

use exchange::Surroundings;
pub use reader::ConfigFault;
use reader::{Faults, Table};

use crate::cross_check::{CrossChecks, Engine, Share};
use crate::endpoints::Enabled;
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::gateway::forward_auth::ForwardAuth;
use crate::gateway::requirement::Requirement;
use crate::jose::json::{self, JsonError};
use crate::keys::{CachePolicy, url};
use crate::limits;
use crate::ports::Secrets;
use crate::rejection::Fault;
use crate::trust::issuer::TrustedIssuers;
use crate::verify::{RememberedTokens, Terms};

/// The name of the JSON variable.
pub const BINDING: &str = "ASSAY";

/// The Worker secret that gives access to configuration faults, key states and explanations.
pub const EXPLAIN_KEY: &str = "EXPLAIN_KEY";

/// The problem of a configuration without an issuer, such as the `wrangler.toml` that ships.
const NO_ISSUER: &str = "names no issuer, so the Worker accepts no token";
/// Its fix. A test reads these lines as TOML.
const FIRST_ISSUER: &str = r#"add these lines to wrangler.toml, with the issuer and the audience of your tokens (examples/ has a file for each identity provider, docs/configuration.md lists every field):
    [[vars.ASSAY.issuers]]
    issuer = "https://issuer.example"       # the `iss` of your tokens, character for character
    preset = "oidc"                         # or "clerk", "supabase", "better-auth", "auth0"
    audience = { any_of = ["your-api"] }    # the `aud` of your tokens, or "unchecked" if they have none
"#;

/// The configuration as far as it could be read.
#[derive(Debug)]
pub struct Config {
    /// The settings of the Worker's own endpoints. Members at fault have their defaults here.
    pub surface: Surface,
    /// The trusted issuers and the verification policy, or all faults of the configuration.
    pub terms: Result<Terms, Vec<ConfigFault>>,
    /// The exchange, if it is configured; `None` while the configuration has faults.
    pub exchange: Option<Exchange>,
    /// The gateway, if it is configured; `None` while the configuration has faults.
    pub gateway: Option<Gateway>,
    /// Forward-auth, if it is configured; `None` while the configuration has faults.
    pub forward_auth: Option<ForwardAuth>,
}

/// The settings of the Worker's own endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surface {
    /// The prefix of the paths of all endpoints except `/.well-known/*`: empty, or as in `/_assay`.
    pub prefix: String,
    /// The `realm` of challenges (RFC 9110 §11.5).
    pub realm: String,
    /// The origins whose scripts may read the responses, if any.
    pub cors: Option<CorsPolicy>,
    /// Who may see configuration faults, key states and explanations.
    pub details: DetailsAccess,
}

/// The origins whose scripts may read the responses of the endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsPolicy {
    /// Origins as a browser writes them, or `*`.
    pub origins: Vec<String>,
}

/// Who may see configuration faults, key states and explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailsAccess {
    /// Callers that send the secret `EXPLAIN_KEY`.
    Key,
    /// All callers; for development.
    Open,
}

impl Config {
    /// The fault that clients get while the configuration has faults. Its text does not reveal them, except the one that no issuer
    /// is configured.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let prefix = &self.surface.prefix;
        let detail = if self.is_unconfigured() {
            format!(
                "no issuer is configured yet, so the Worker accepts no token; {prefix}/readyz shows the lines to add to wrangler.toml"
            )
        } else {
            format!("the Worker's configuration has faults; its log and {prefix}/readyz list them")
        };
        Fault::ConfigInvalid { detail }
    }

    /// The settings that decide which endpoints exist. While the configuration has faults, the forward-auth endpoints exist too,
    /// so that proxies get an answer that they understand.
    #[must_use]
    pub fn endpoints(&self) -> Enabled<'_> {
        let exchange = self.exchange.as_ref();
        Enabled {
            prefix: &self.surface.prefix,
            issuer_path: exchange.map(|one| one.issuer_path.as_str()),
            has_fireproof: exchange.is_some_and(|one| one.fireproof.is_some()),
            has_forward_auth: self.forward_auth.is_some() || self.terms.is_err(),
        }
    }

    /// Whether the only fault is that no issuer is configured, as in the `wrangler.toml` that ships.
    #[must_use]
    pub fn is_unconfigured(&self) -> bool {
        matches!(self.terms.as_ref().map_err(Vec::as_slice), Err([only]) if only.problem == NO_ISSUER)
    }

    /// Reads the JSON text of the options of a call: the members of a route's `require`. Requires nothing while the configuration has
    /// faults.
    ///
    /// # Errors
    /// What is wrong, and which options exist.
    pub fn requirement(&self, options: &str) -> Result<Requirement, String> {
        let Ok(terms) = &self.terms else { return Ok(Requirement::default()) };
        let faults = Faults::default();
        let options = json::parse_value(options).unwrap_or_default();
        let around = Surroundings {
            issuers: &terms.issuers,
            leeway_seconds: 0,
            prefix: &self.surface.prefix,
            faults: &faults,
        };
        let requirement = gateway::requirement(Table::new("options".to_owned(), &options, &faults), &around);
        match faults.into_inner().first() {
            None => Ok(requirement),
            Some(fault) => {
                Err(format!("{fault}. The options are those of a route's `require`: scopes, issuers, claims"))
            }
        }
    }

    /// Reads the JSON text of the binding, which is `None` if the binding is not set.
    #[must_use]
    pub fn load(text: Option<&str>, secrets: &impl Secrets) -> Self {
        let faults = Faults::default();
        let document = match text.map(json::parse_object) {
            Some(Ok(members)) => members,
            Some(Err(fault)) => {
                let (problem, fix) = unreadable(text.unwrap_or_default(), &fault);
                faults.add(BINDING, problem, fix);
                json::Members::new()
            }
            None => {
                faults.add(
                    BINDING,
                    "is not set",
                    "add [vars.ASSAY] to wrangler.toml; docs/first-api.md shows how",
                );
                json::Members::new()
            }
        };
        let readable = faults.is_empty();
        let document = Value::Object(document);
        let mut root = Table::new(String::new(), &document, &faults);
        let surface = surface(&mut root);
        let VerifySettings { max_token_bytes, leeway_seconds, cross_checks, remembered } =
            verify_settings(&mut root);
        let cache = cache_policy(&mut root);
        let issuers = match root.tables("issuers") {
            Some(tables) => issuers::read(tables, leeway_seconds, secrets),
            None => TrustedIssuers::default(),
        };
        let no_issuer = root.value("issuers").is_none_or(|given| given.as_array().is_some_and(Vec::is_empty));
        if readable && no_issuer {
            root.fault("issuers", NO_ISSUER, FIRST_ISSUER.trim_end());
        }
        let around =
            Surroundings { issuers: &issuers, leeway_seconds, prefix: &surface.prefix, faults: &faults };
        let exchange = root.table("exchange").and_then(|table| exchange::read(table, &around, secrets));
        let near = gateway::Neighbours {
            around: &around,
            cors: surface.cors.as_ref(),
            exchange: exchange.as_ref(),
            has_exchange: root.value("exchange").is_some(),
            has_forward_auth: root.value("forward_auth").is_some(),
        };
        let gateway = root.table("gateway").map(|table| gateway::read(table, &near));
        let forward_auth = root
            .table("forward_auth")
            .and_then(|table| gateway::forward_auth::read(table, gateway.as_ref(), secrets));
        root.finish();
        if faults.is_empty() {
            shared_secrets::check(&around, exchange.as_ref(), forward_auth.as_ref(), secrets);
        }
        match faults.into_inner() {
            faults if faults.is_empty() => {
                let terms = Ok(Terms { max_token_bytes, cache, cross_checks, remembered, issuers });
                Self { surface, terms, exchange, gateway, forward_auth }
            }
            faults => Self { surface, terms: Err(faults), exchange: None, gateway: None, forward_auth: None },
        }
    }
}

/// The problem of a text that cannot be read, and its fix.
fn unreadable(text: &str, fault: &JsonError) -> (String, &'static str) {
    if text.starts_with('\u{feff}') {
        return ("begins with a byte order mark".to_owned(), "remove it: save the text as UTF-8 without BOM");
    }
    let fix = match fault {
        JsonError::Duplicate(_) => "remove one of the two members",
        JsonError::Syntax { .. } => {
            "correct the JSON at that position; in wrangler.toml write a table, as in examples/"
        }
        JsonError::NotAnObject | JsonError::TooDeep | JsonError::NulInName => {
            "write one JSON object; in wrangler.toml write a table, as in examples/"
        }
    };
    (format!("cannot be read: {fault}"), fix)
}

fn surface(root: &mut Table<'_>) -> Surface {
    let mut prefix = String::new();
    if let Some(mut endpoints) = root.table("endpoints") {
        if let Some(given) = endpoints.string("prefix") {
            if is_path_prefix(&given) {
                prefix = given;
            } else {
                endpoints.fault(
                    "prefix",
                    "is not a path prefix",
                    "write a path of letters, digits and -._~, as in \"/_assay\", without a slash at the end",
                );
            }
        }
        endpoints.finish();
    }
    let mut realm = None;
    if let Some(mut challenge) = root.table("challenge") {
        realm = challenge.string("realm").filter(|given| {
            let quotable = given.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\');
            if !quotable {
                challenge.fault(
                    "realm",
                    "contains characters that a header cannot quote",
                    "write printable ASCII without \" and \\",
                );
            }
            quotable
        });
        challenge.finish();
    }
    let cors = root.table("cors").and_then(cors_policy);
    let mut details = DetailsAccess::Key;
    if let Some(mut explain) = root.table("explain") {
        const NAMES: &[(&str, DetailsAccess)] = &[("key", DetailsAccess::Key), ("open", DetailsAccess::Open)];
        details = explain.choice("access", NAMES).unwrap_or(details);
        explain.finish();
    }
    Surface { prefix, realm: realm.unwrap_or_else(|| "edge-assay".to_owned()), cors, details }
}

fn is_path_prefix(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|path| {
        path.split('/').all(|segment| {
            !matches!(segment, "" | "." | ".." | ".well-known")
                && segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~'))
        })
    })
}

fn cors_policy(mut table: Table<'_>) -> Option<CorsPolicy> {
    let origins = table.strings("origins");
    for (index, origin) in origins.iter().flatten().enumerate() {
        if origin != "*" && !is_origin(origin) {
            table.fault(
                &format!("origins[{index}]"),
                format!("\"{origin}\" is not an origin"),
                "write scheme, host and port as the browser sends them, as in \"https://app.example.com\", without a slash at the end, or \"*\"",
            );
        }
    }
    table.finish();
    origins.map(|origins| CorsPolicy { origins })
}

/// Whether `text` is an origin in the form that browsers send (RFC 6454 §6.2).
fn is_origin(text: &str) -> bool {
    url::Parts::of(text).is_some_and(|url| {
        matches!(url.scheme, "http" | "https")
            && url.target.is_empty()
            && !url.authority.is_empty()
            && url.authority.chars().all(|c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | ':' | '[' | ']')
            })
    })
}

/// The settings in the table `verify`.
struct VerifySettings {
    max_token_bytes: usize,
    leeway_seconds: u64,
    cross_checks: CrossChecks,
    remembered: RememberedTokens,
}

fn verify_settings(root: &mut Table<'_>) -> VerifySettings {
    let (mut bytes, mut leeway, mut remember) = (None, None, None);
    let (mut engine, mut share) = (Engine::default(), Share::default());
    if let Some(mut table) = root.table("verify") {
        engine = table.choice("engine", Engine::NAMES).unwrap_or_default();
        leeway = table.integer("leeway_seconds", (0, limits::MAX_LEEWAY_SECONDS));
        bytes = table.integer("max_token_bytes", limits::MAX_TOKEN_BYTES_RANGE);
        remember = table.integer("remember_seconds", (0, limits::MAX_REMEMBER_SECONDS));
        if let Some(mut cross_check) = table.table("cross_check") {
            share = Share::from_fraction(cross_check.fraction("sample").unwrap_or(0.0));
            cross_check.finish();
            if engine != Engine::Rust {
                let problem = format!("has no meaning with engine = \"{}\"", engine.name());
                table.fault("cross_check", problem, "remove it, or set engine = \"rust\"");
            }
        }
        table.finish();
    }
    let bytes = bytes.unwrap_or(limits::DEFAULT_MAX_TOKEN_BYTES);
    VerifySettings {
        max_token_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        leeway_seconds: leeway.unwrap_or(limits::DEFAULT_LEEWAY_SECONDS),
        cross_checks: CrossChecks::new(engine, share),
        remembered: RememberedTokens::lasting(remember.unwrap_or(limits::MAX_REMEMBER_SECONDS)),
    }
}

fn cache_policy(root: &mut Table<'_>) -> CachePolicy {
    let mut policy = CachePolicy {
        ttl_seconds: limits::DEFAULT_JWKS_TTL_SECONDS,
        stale_if_error_seconds: limits::DEFAULT_STALE_IF_ERROR_SECONDS,
        unknown_kid_cooldown_seconds: limits::DEFAULT_UNKNOWN_KID_COOLDOWN_SECONDS,
        fetch_timeout_ms: limits::DEFAULT_FETCH_TIMEOUT_MS,
    };
    let Some(mut table) = root.table("jwks") else {
        return policy;
    };
    if let Some(seconds) = table.integer("ttl_seconds", limits::JWKS_TTL_RANGE) {
        policy.ttl_seconds = seconds;
    }
    if let Some(seconds) = table.integer("stale_if_error_seconds", (0, limits::MAX_STALE_IF_ERROR_SECONDS)) {
        policy.stale_if_error_seconds = seconds;
    }
    if let Some(seconds) = table.integer("unknown_kid_cooldown_seconds", limits::UNKNOWN_KID_COOLDOWN_RANGE) {
        policy.unknown_kid_cooldown_seconds = seconds;
    }
    if let Some(milliseconds) = table.integer("fetch_timeout_ms", limits::FETCH_TIMEOUT_RANGE_MS) {
        policy.fetch_timeout_ms = u32::try_from(milliseconds).unwrap_or(u32::MAX);
    }
    table.finish();
    policy
}
