//! The rows of the configuration: every field that the Worker reads. `rows.rs` says how a row is written and what is made from it.
//!
//! A sentence is plain English. It does not repeat the type, the range or the default, which are in the rule.

pub(super) mod conditions;
pub(super) mod credentials;
#[cfg(feature = "exchange")]
pub(super) mod exchange;
pub(super) mod gateway;
pub(super) mod issuers;

use serde_json::json;

use super::DetailsAccess;
use super::described::texts;
use super::rows::{
    Binding, Boolean, Choice, Fraction, Optional, Or, Raw, Text, Texts, Whole, inner, list, object,
};
use super::rows::{Inner, List};
use super::shapes::ORIGIN;
use crate::cross_check::Engine;
use crate::gateway::forward_auth::SECRET_HEADER;
use crate::limits;

#[cfg(feature = "exchange")]
type Exchange = Inner<exchange::Exchange>;
#[cfg(feature = "exchange")]
const EXCHANGE: Exchange = inner();
/// A build without the exchange reads only whether the field is there.
#[cfg(not(feature = "exchange"))]
type Exchange = Raw;
#[cfg(not(feature = "exchange"))]
const EXCHANGE: Exchange = Raw;

object! {
    /// The configuration of edge-assay.
    Configuration ROOT with(json!({
        "if": { "required": ["kv"] },
        "then": { "propertyNames": { "enum": ["kv", "key"] } },
        "else": {
            "required": ["issuers"],
            "properties": { "key": false },
            "if": { "not": { "required": ["forward_auth"] } },
            "then": { "properties": { "gateway": { "properties": { "routes": { "items": { "required": ["upstream"] } } } } } },
        },
    })) {
        /// In place of all other fields: the binding of the KV namespace that has the configuration. Only in the variable `ASSAY`.
        kv: Optional<Binding> = Optional(Binding);
        /// Only beside `kv`: the key of the configuration there.
        key: Optional<Text> = Optional(Text), absent("`\"assay\"`"), with(json!({ "maxLength": limits::MAX_RECORD_KEY_BYTES }));
        /// The trusted issuers, at least one.
        issuers: Optional<List<issuers::Issuer>> = Optional(list()), absent("required"), with(json!({ "minItems": 1 }));
        /// How tokens and signatures are checked.
        verify: Optional<Inner<Verify>> = Optional(inner());
        /// Where the token of a request is read, in order of preference. A route may have its own list.
        credentials: Optional<Raw> = Optional(Raw), absent(r#"`["authorization"]`"#), shape(credentials::places()),
            see("[Where tokens are read](credentials.md) has an example for each provider.");
        /// How key sets are fetched and cached.
        jwks: Optional<Inner<Jwks>> = Optional(inner());
        /// Who may see explanations.
        explain: Optional<Inner<Explain>> = Optional(inner());
        /// Which web pages may call the endpoints.
        cors: Optional<Inner<Cors>> = Optional(inner());
        /// The challenge of a 401 (RFC 6750).
        challenge: Optional<Inner<Challenge>> = Optional(inner());
        /// Where the endpoints are.
        endpoints: Optional<Inner<Endpoints>> = Optional(inner());
        /// The APIs behind the Worker.
        gateway: Optional<Inner<gateway::Gateway>> = Optional(inner());
        /// Answers the questions of your own proxy. Needs `secret` or `trusted = true`.
        forward_auth: Optional<Inner<ForwardAuth>> = Optional(inner());
        /// The token exchange: which tokens are issued, for whom and by what rules.
        exchange: Optional<Exchange> = Optional(EXCHANGE);
    }
}

object! {
    /// How tokens and signatures are checked.
    Verify VERIFY {
        /// The tolerated difference between clocks, in seconds.
        leeway_seconds: Or<Whole> = Or(Whole((0, limits::MAX_LEEWAY_SECONDS)), limits::DEFAULT_LEEWAY_SECONDS);
        /// The greatest length of a token.
        max_token_bytes: Or<Whole> = Or(Whole(limits::MAX_TOKEN_BYTES_RANGE), limits::DEFAULT_MAX_TOKEN_BYTES);
        /// For how long the good signature of a token that came twice is not checked again. Times, claims, the issuer's rules and its keys are checked at every request.
        remember_seconds: Or<Whole> = Or(Whole((0, limits::MAX_REMEMBER_SECONDS)), limits::MAX_REMEMBER_SECONDS);
        /// What checks signatures: pure Rust (`rust`), the runtime's WebCrypto (`webcrypto`), or both (`both`).
        engine: Or<Choice<Engine>> = Or(Choice(Engine::NAMES), Engine::Rust);
        /// The check of a sample by WebCrypto as well. Only with `engine = "rust"`.
        cross_check: Optional<Inner<CrossCheck>> = Optional(inner());
    }
}

object! {
    /// The check of a sample by WebCrypto as well.
    CrossCheck CROSS_CHECK {
        /// The share of live verifications that WebCrypto checks as well. If the two disagree, the token is refused.
        sample: Or<Fraction> = Or(Fraction, 0.0);
    }
}

object! {
    /// How key sets are fetched and cached.
    Jwks JWKS {
        /// How long a key set is fresh. `Cache-Control: max-age` may shorten it, to 300 at least. It is refreshed before, between 60 and 80 % of that.
        ttl_seconds: Or<Whole> = Or(Whole(limits::JWKS_TTL_RANGE), limits::DEFAULT_JWKS_TTL_SECONDS);
        /// How much longer a key set is used while its origin is down. Past the TTL, a request waits for a new set for a second at most, and not at
        /// all within two minutes of a failure.
        stale_if_error_seconds: Or<Whole> =
            Or(Whole((0, limits::MAX_STALE_IF_ERROR_SECONDS)), limits::DEFAULT_STALE_IF_ERROR_SECONDS);
        /// The shortest time between two fetches for a `kid` that the set lacks, per issuer and isolate. Isolates share it as far as KV has spread
        /// the last look.
        unknown_kid_cooldown_seconds: Or<Whole> =
            Or(Whole(limits::UNKNOWN_KID_COOLDOWN_RANGE), limits::DEFAULT_UNKNOWN_KID_COOLDOWN_SECONDS);
        /// How long a fetch may take, in milliseconds.
        fetch_timeout_ms: Or<Whole> = Or(Whole(limits::FETCH_TIMEOUT_RANGE_MS), limits::DEFAULT_FETCH_TIMEOUT_MS as u64);
        /// Whether Cloudflare's cache may answer a fetch for 30 seconds, so that the isolates of a data centre ask the origin once. Other Workers of
        /// your zone can write to that cache.
        data_centre_cache: Or<Boolean> = Or(Boolean, true),
            see("[The cache of the data centre](operations/coordinator.md#the-cache-of-the-data-centre) says when to switch it off.");
    }
}

object! {
    /// Who may see explanations.
    Explain EXPLAIN {
        /// Who may use `/explain` and `/console` and sees the details of `/readyz`: callers with the secret `EXPLAIN_KEY` (`key`), or everybody (`open`).
        access: Or<Choice<DetailsAccess>> = Or(Choice(DetailsAccess::NAMES), DetailsAccess::Key);
    }
}

object! {
    /// Which web pages may call the endpoints.
    Cors CORS {
        /// Origins whose scripts may call the endpoints, as in `https://app.example.com`; `*` for all.
        origins: Optional<Texts> = Optional(Texts), shape(texts(&json!({ "pattern": ORIGIN })));
    }
}

object! {
    /// The challenge of a 401 (RFC 6750).
    Challenge CHALLENGE {
        /// The `realm` of `WWW-Authenticate`.
        realm: Or<Text> = Or(Text, "edge-assay"), with(json!({ "pattern": r"^[ !#-\[\]-~]+$" }));
    }
}

object! {
    /// Where the endpoints are.
    Endpoints ENDPOINTS {
        /// Moves the endpoints away from an API's own paths, as in `/_assay`. `/.well-known/*` does not move.
        prefix: Optional<Text> = Optional(Text), with(json!({ "pattern": "^(/[A-Za-z0-9._~-]+)+$" }));
    }
}

object! {
    /// Forward-auth: answers the questions of your own proxy.
    ForwardAuth FORWARD_AUTH with(json!({
        "oneOf": [
            { "required": ["secret"], "properties": { "trusted": { "const": false } } },
            { "required": ["trusted"], "properties": { "trusted": { "const": true }, "secret": false } },
        ],
    })) {
        /// The name of the Worker secret that the proxy sends, at least 32 characters long. While it is shorter or not bound, every question is 403
        /// `secret_missing`. A question without it is 403 `forward_auth_untrusted`.
        secret: Optional<Binding> = Optional(Binding);
        /// The name of the header with the secret. A name with another meaning is a configuration fault: `Host`, `Cookie`, `X-Forwarded-Uri`, an
        /// identity header and similar ones.
        header: Or<Text> = Or(Text, SECRET_HEADER), with(json!({ "pattern": "^[A-Za-z0-9-]+$" }));
        /// No secret is needed. Set it only if the proxy alone can reach the Worker.
        trusted: Or<Boolean> = Or(Boolean, false);
    }
}
