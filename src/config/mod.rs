//! Reads the configuration, the JSON binding `ASSAY`: once per isolate, and with all faults reported at once. While there is a
//! fault, no request is served.
//!
//! It builds the data that the modules below use ([`TrustedIssuers`], [`CachePolicy`], …) and knows nothing about requests.

mod conditions;
mod credentials;
mod described;
#[cfg(feature = "exchange")]
mod exchange;
mod fields;
mod gateway;
mod header_name;
mod issuers;
#[cfg(not(feature = "exchange"))]
mod lacking;
mod reader;
mod record;
mod rows;
pub mod schema;
mod shapes;
mod shared_secrets;
mod static_keys;
mod surroundings;

use serde_json::Value;

use fields::gateway::Require;
use fields::{CHALLENGE, CORS, CROSS_CHECK, Configuration, ENDPOINTS, EXPLAIN, JWKS, ROOT, VERIFY};
pub use reader::ConfigFault;
use reader::{Faults, Table};
pub use record::RecordReference;
use surroundings::Surroundings;

use crate::credentials::Places;
use crate::cross_check::{CrossChecks, Engine, Share};
use crate::endpoints::Enabled;
#[cfg(feature = "exchange")]
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

/// Where the configuration is in a file of wrangler. A text that is the configuration has none of them.
const WRAPPERS: [&str; 2] = ["/vars/ASSAY", "/ASSAY"];

/// The configuration as far as it could be read.
#[derive(Debug)]
pub struct Config {
    /// The settings of the Worker's own endpoints. Members at fault have their defaults here.
    pub surface: Surface,
    /// Where the tokens of requests are read, except on routes that say something else.
    pub credentials: Places,
    /// The trusted issuers and the verification policy, or all faults of the configuration.
    pub terms: Result<Terms, Vec<ConfigFault>>,
    /// The exchange, if it is configured; `None` while the configuration has faults.
    #[cfg(feature = "exchange")]
    pub exchange: Option<Exchange>,
    /// The gateway, if it is configured; `None` while the configuration has faults.
    pub gateway: Option<Gateway>,
    /// Forward-auth, if it is configured; `None` while the configuration has faults.
    pub forward_auth: Option<ForwardAuth>,
    /// The record in KV that has the configuration, as long as it has not been read. `terms` says so as a fault.
    pub record: Option<RecordReference>,
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

/// Without a configuration.
impl Default for Surface {
    fn default() -> Self {
        let realm = CHALLENGE.realm.default_of().to_owned();
        Self { prefix: String::new(), realm, cors: None, details: DetailsAccess::Key }
    }
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

impl DetailsAccess {
    /// Its names in the configuration.
    pub const NAMES: &'static [(&'static str, Self)] = &[("key", Self::Key), ("open", Self::Open)];
}

impl Config {
    /// The fault that clients get while the configuration has faults. Its text does not reveal them, except the one that no issuer
    /// is configured.
    #[must_use]
    pub fn fault(&self) -> Fault {
        if let (Some(record), Err(faults)) = (&self.record, &self.terms) {
            let reason = faults.first().map(|fault| fault.problem.clone()).unwrap_or_default();
            return Fault::StoreUnavailable { binding: record.binding.clone(), reason };
        }
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
        let has_forward_auth = self.forward_auth.is_some() || self.terms.is_err();
        let enabled = Enabled { prefix: &self.surface.prefix, has_forward_auth, ..Enabled::default() };
        #[cfg(feature = "exchange")]
        return beside_exchange(enabled, self.exchange.as_ref(), false);
        #[cfg(not(feature = "exchange"))]
        return enabled;
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
        let requirement =
            gateway::requirement(Table::of::<Require>("options".to_owned(), &options, &faults), &around);
        match faults.into_inner().first() {
            None => Ok(requirement),
            Some(fault) => {
                Err(format!("{fault}. The options are those of a route's `require`: scopes, issuers, claims"))
            }
        }
    }

    /// Reads the JSON text of the binding, which is `None` if the binding is not set. The text may refer to a record in KV, which is not
    /// read here.
    #[must_use]
    pub fn load(text: Option<&str>, secrets: &impl Secrets) -> Self {
        Self::read(text, true, secrets)
    }

    /// Reads the JSON text of a record in KV.
    #[must_use]
    pub fn of_record(text: &str, secrets: &impl Secrets) -> Self {
        Self::read(Some(text), false, secrets)
    }

    fn read(text: Option<&str>, may_refer: bool, secrets: &impl Secrets) -> Self {
        let faults = Faults::default();
        let document = match text.map(json::parse_object) {
            Some(Ok(members)) => members,
            Some(Err(fault)) => {
                let (problem, fix) = unreadable(text.unwrap_or_default(), &fault, may_refer);
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
        if let Some(path) = WRAPPERS.iter().find(|path| document.pointer(path).is_some_and(Value::is_object))
        {
            let path = path.trim_start_matches('/').replace('/', ".");
            let fix = format!("write the object that is in `{path}`, without `{path}` around it");
            faults.add(&path, "is around the configuration, as in the file of wrangler", fix);
            return Self::without_terms(Surface::default(), faults.into_inner());
        }
        let root = Table::of::<Configuration>(String::new(), &document, &faults);
        let reference = record::reference(&root, may_refer);
        if let Some(reference) = reference.filter(|_| may_refer) {
            root.finish();
            return Self::unread(reference, faults.into_inner(), "it has not been read yet");
        }
        let surface = surface(&root);
        let VerifySettings { max_token_bytes, leeway_seconds, cross_checks, remembered } =
            verify_settings(&root);
        let cache = cache_policy(&root);
        let issuers = match root.read(&ROOT.issuers) {
            Some(tables) => issuers::read(tables, leeway_seconds, secrets),
            None => TrustedIssuers::default(),
        };
        let no_issuer =
            root.given(&ROOT.issuers).is_none_or(|given| given.as_array().is_some_and(Vec::is_empty));
        if readable && no_issuer {
            root.fault(ROOT.issuers.name, NO_ISSUER, FIRST_ISSUER.trim_end());
        }
        let around =
            Surroundings { issuers: &issuers, leeway_seconds, prefix: &surface.prefix, faults: &faults };
        let providers = credentials::Providers(root.given(&ROOT.issuers));
        let credentials = credentials::read(&root, &ROOT.credentials, providers).unwrap_or_default();
        let has_forward_auth = root.given(&ROOT.forward_auth).is_some();
        let endpoints = Enabled { prefix: &surface.prefix, has_forward_auth, ..Enabled::default() };
        #[cfg(feature = "exchange")]
        let exchange = root.read(&ROOT.exchange).and_then(|table| exchange::read(table, &around, secrets));
        #[cfg(feature = "exchange")]
        let endpoints = beside_exchange(endpoints, exchange.as_ref(), root.given(&ROOT.exchange).is_some());
        #[cfg(not(feature = "exchange"))]
        lacking::check(&root);
        let near = gateway::Neighbours {
            around: &around,
            credentials: &credentials,
            providers,
            cors: surface.cors.as_ref(),
            #[cfg(feature = "exchange")]
            exchange: exchange.as_ref(),
            #[cfg(feature = "exchange")]
            has_exchange: root.given(&ROOT.exchange).is_some(),
            endpoints,
        };
        let gateway = root.read(&ROOT.gateway).map(|table| gateway::read(table, &near));
        let forward_auth = root
            .read(&ROOT.forward_auth)
            .and_then(|table| gateway::forward_auth::read(table, gateway.as_ref(), &credentials, secrets));
        root.finish();
        if faults.is_empty() {
            shared_secrets::check(
                &around,
                #[cfg(feature = "exchange")]
                exchange.as_ref(),
                forward_auth.as_ref(),
                secrets,
            );
        }
        match faults.into_inner() {
            faults if faults.is_empty() => {
                let terms = Ok(Terms { max_token_bytes, cache, cross_checks, remembered, issuers });
                Self {
                    surface,
                    credentials,
                    terms,
                    #[cfg(feature = "exchange")]
                    exchange,
                    gateway,
                    forward_auth,
                    record: None,
                }
            }
            faults => Self::without_terms(surface, faults),
        }
    }

    /// What holds as long as the record in KV has not been read, for this reason.
    #[must_use]
    pub fn unread(reference: RecordReference, mut faults: Vec<ConfigFault>, why: &str) -> Self {
        let is_sound = faults.is_empty();
        if is_sound {
            faults.push(reference.unread(why));
        }
        let record = is_sound.then_some(reference);
        Self { record, ..Self::without_terms(Surface::default(), faults) }
    }

    /// A configuration with these faults.
    #[must_use]
    pub fn without_terms(surface: Surface, faults: Vec<ConfigFault>) -> Self {
        Self {
            surface,
            credentials: Places::default(),
            terms: Err(faults),
            #[cfg(feature = "exchange")]
            exchange: None,
            gateway: None,
            forward_auth: None,
            record: None,
        }
    }
}

/// With the endpoints of the exchange. If it is given and has faults, the path of its issuer is not known, and only the endpoint without it counts.
#[cfg(feature = "exchange")]
fn beside_exchange<'c>(enabled: Enabled<'c>, exchange: Option<&'c Exchange>, is_given: bool) -> Enabled<'c> {
    match exchange {
        Some(exchange) => enabled.with_exchange(&exchange.issuer_path, exchange.fireproof.is_some()),
        None if is_given => enabled.with_exchange("", false),
        None => enabled,
    }
}

/// The problem of a text that cannot be read, and its fix.
fn unreadable(text: &str, fault: &JsonError, is_variable: bool) -> (String, &'static str) {
    if text.starts_with('\u{feff}') {
        return ("begins with a byte order mark".to_owned(), "remove it: save the text as UTF-8 without BOM");
    }
    let fix = match fault {
        JsonError::Duplicate(_) => "remove one of the two members",
        _ if !is_variable => {
            "write one JSON object; `npx edge-assay check assay.toml --record` makes it from TOML, and says what is wrong"
        }
        JsonError::Syntax { .. } => {
            "correct the JSON at that position; in wrangler.toml write a table, as in examples/"
        }
        JsonError::NotAnObject | JsonError::TooDeep | JsonError::NulInName => {
            "write one JSON object; in wrangler.toml write a table, as in examples/"
        }
    };
    (format!("cannot be read: {fault}"), fix)
}

fn surface(root: &Table<'_>) -> Surface {
    let mut prefix = String::new();
    if let Some(endpoints) = root.read(&ROOT.endpoints) {
        if let Some(given) = endpoints.read(&ENDPOINTS.prefix) {
            if is_path_prefix(&given) {
                prefix = given;
            } else {
                endpoints.fault(
                    ENDPOINTS.prefix.name,
                    "is not a path prefix",
                    "write a path of letters, digits and -._~, as in \"/_assay\", without a slash at the end",
                );
            }
        }
        endpoints.finish();
    }
    let challenge = root.read_or_empty(&ROOT.challenge);
    let mut realm = challenge.read(&CHALLENGE.realm);
    if !realm.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\') {
        challenge.fault(
            CHALLENGE.realm.name,
            "contains characters that a header cannot quote",
            "write printable ASCII without \" and \\",
        );
        CHALLENGE.realm.default_of().clone_into(&mut realm);
    }
    challenge.finish();
    let cors = root.read(&ROOT.cors).and_then(cors_policy);
    let explain = root.read_or_empty(&ROOT.explain);
    let details = explain.read(&EXPLAIN.access);
    explain.finish();
    Surface { prefix, realm, cors, details }
}

fn is_path_prefix(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|path| {
        path.split('/').all(|segment| {
            !matches!(segment, "" | "." | ".." | ".well-known")
                && segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~'))
        })
    })
}

fn cors_policy(table: Table<'_>) -> Option<CorsPolicy> {
    let origins = table.read(&CORS.origins);
    for (index, origin) in origins.iter().flatten().enumerate() {
        if origin != "*" && !is_origin(origin) {
            table.fault(
                &format!("{}[{index}]", CORS.origins.name),
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

fn verify_settings(root: &Table<'_>) -> VerifySettings {
    let table = root.read_or_empty(&ROOT.verify);
    let engine = table.read(&VERIFY.engine);
    let leeway_seconds = table.read(&VERIFY.leeway_seconds);
    let bytes = table.read(&VERIFY.max_token_bytes);
    let remember_seconds = table.read(&VERIFY.remember_seconds);
    let cross_check = table.read_or_empty(&VERIFY.cross_check);
    let share = Share::from_fraction(cross_check.read(&CROSS_CHECK.sample));
    cross_check.finish();
    if engine != Engine::Rust && table.given(&VERIFY.cross_check).is_some() {
        let problem = format!("has no meaning with engine = \"{}\"", engine.name());
        table.fault(VERIFY.cross_check.name, problem, "remove it, or set engine = \"rust\"");
    }
    table.finish();
    VerifySettings {
        max_token_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        leeway_seconds,
        cross_checks: CrossChecks::new(engine, share),
        remembered: RememberedTokens::lasting(remember_seconds),
    }
}

fn cache_policy(root: &Table<'_>) -> CachePolicy {
    let table = root.read_or_empty(&ROOT.jwks);
    let policy = CachePolicy {
        ttl_seconds: table.read(&JWKS.ttl_seconds),
        stale_if_error_seconds: table.read(&JWKS.stale_if_error_seconds),
        unknown_kid_cooldown_seconds: table.read(&JWKS.unknown_kid_cooldown_seconds),
        fetch_timeout_ms: u32::try_from(table.read(&JWKS.fetch_timeout_ms)).unwrap_or(u32::MAX),
        max_shared_seconds: if table.read(&JWKS.data_centre_cache) { limits::MAX_SHARED_SECONDS } else { 0 },
    };
    table.finish();
    policy
}
