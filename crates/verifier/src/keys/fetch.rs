//! One attempt to fetch a set from its origin, and the check of the answer.
//!
//! Everything in an answer is checked: the URL, the status, the size, the JSON, and with discovery the `issuer`. Redirects
//! are not followed, because the target of a redirect would choose the keys. This module does not know the time, the cache, or
//! how often to ask.

use std::sync::Arc;

use crate::rejection::excerpt;

use crate::jose::json::JsonError;
use crate::jose::jwk::without_byte_order_mark;
use crate::jose::{KeySet, KeySetFormatError, json};
use crate::keys::error::{KeySetError, KeySetProblem};
use crate::keys::freshness;
use crate::keys::record::CachedSet;
use crate::keys::url::{self, Parts, Transport};
use crate::keys::{CachePolicy, KeySource, Location, OPENID_CONFIGURATION};
use crate::limits::{MAX_ETAG_BYTES, MAX_JWKS_BYTES};
use crate::ports::{Document, DocumentRequest, FetchError, HttpClient};

/// The `Accept` of a request for a set, and of one for a discovery document.
pub(super) const ACCEPT_SET: &str = "application/jwk-set+json, application/json";
pub(super) const ACCEPT_DOCUMENT: &str = "application/json";

/// An acceptable answer of an origin.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The URL of the set.
    pub jwks_uri: String,
    /// The set, or the confirmation of the cached one.
    pub answer: Answer,
    /// For how many seconds the origin lets the answer be reused, if it says so.
    pub max_age_seconds: Option<u64>,
}

/// The content of an answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200.
    Set {
        /// Its text as it came.
        body: Arc<str>,
        /// The keys, parsed from `body`.
        set: Arc<KeySet>,
        /// Its `ETag`.
        etag: Option<String>,
    },
    /// 304: the set whose `ETag` was sent is still current.
    Confirmed(CachedSet),
}

/// Asks the origin of `source` once, within `policy.fetch_timeout_ms`. With discovery each of the two documents has half of
/// that time: so the limit holds for both together, but a first document that takes longer than its half is refused. If the issuer
/// has its metadata in the place of RFC 8414, that document and the set share the second half.
///
/// `held` is the set that a 304 may confirm. `must_not_be_lost` says that it may still be used: then an answer without a
/// usable key counts as a failure. For an issuer without shared secrets it always does. An issuer with secrets may publish an
/// empty set. `max_age_seconds` says how old the answers may be ([`DocumentRequest::max_age_seconds`]).
///
/// # Errors
/// A [`KeySetError`] if the answer is not an acceptable set.
pub async fn fetch<C: HttpClient>(
    client: &C,
    source: &KeySource,
    policy: &CachePolicy,
    held: Option<&CachedSet>,
    must_not_be_lost: bool,
    max_age_seconds: u64,
) -> Result<Fetched, KeySetError> {
    let (jwks_uri, timeout_ms) = match &source.location {
        Location::Jwks { uri } => {
            url::accept(uri).map_err(|fault| KeySetError::invalid(KeySetProblem::Url, fault.to_string()))?;
            (uri.clone(), policy.fetch_timeout_ms)
        }
        Location::Discovery { uri } => {
            let half = policy.fetch_timeout_ms / 2;
            match (discover(client, uri, source, half, max_age_seconds).await, server_metadata(uri)) {
                (Ok(found), _) => (found, half),
                // Nothing is there: the issuer may be an authorization server without OpenID.
                (Err(error), Some(other)) if error.problem == KeySetProblem::NotFound => {
                    let quarter = half / 2;
                    let found = discover(client, &other, source, quarter, max_age_seconds).await;
                    let found = found.map_err(|second| match second.problem {
                        KeySetProblem::NotFound => error,
                        _ => second.at(&other),
                    });
                    (found.map_err(KeySetError::in_discovery)?, quarter)
                }
                (Err(error), _) => return Err(error.in_discovery()),
            }
        }
    };
    // An `ETag` belongs to one URL, so it is sent to no other.
    let held = held.filter(|held| held.jwks_uri == jwks_uri);
    let held = held.filter(|held| held.etag.is_some());
    let request = DocumentRequest {
        url: jwks_uri.clone(),
        channel: source.channel.clone(),
        accept: ACCEPT_SET,
        if_none_match: held.and_then(|held| held.etag.clone()),
        timeout_ms,
        max_bytes: MAX_JWKS_BYTES,
        max_age_seconds,
    };
    let document = client.get(&request).await.map_err(|error| unanswered(&error))?;
    let max_age_seconds = document.cache_control.as_deref().and_then(freshness::max_age_seconds);
    let answer = match held {
        Some(held) if document.status == 304 => Answer::Confirmed(held.clone()),
        _ => {
            require_ok(&jwks_uri, &document)?;
            read_set(document, must_not_be_lost || !source.may_be_empty)?
        }
    };
    Ok(Fetched { jwks_uri, answer, max_age_seconds })
}

/// Where the issuer whose `OpenID` document is at `uri` has its metadata as an authorization server (RFC 8414 §3.1): the well-known path stands
/// before the issuer's own path, which has no slash at its end.
fn server_metadata(uri: &str) -> Option<String> {
    let issuer = Parts::of(uri.strip_suffix(OPENID_CONFIGURATION)?)?;
    let Parts { scheme, authority, target } = issuer;
    (!target.contains('?'))
        .then(|| format!("{scheme}://{authority}/.well-known/oauth-authorization-server{target}"))
}

/// The `jwks_uri` of the issuer's discovery document (OpenID Connect Discovery 1.0 §4.3, RFC 8414 §3.3: its `issuer` must be identical).
async fn discover<C: HttpClient>(
    client: &C,
    uri: &str,
    source: &KeySource,
    timeout_ms: u32,
    max_age_seconds: u64,
) -> Result<String, KeySetError> {
    let transport =
        url::accept(uri).map_err(|fault| KeySetError::invalid(KeySetProblem::Url, fault.to_string()))?;
    let request = DocumentRequest {
        url: uri.to_owned(),
        channel: source.channel.clone(),
        accept: ACCEPT_DOCUMENT,
        if_none_match: None,
        timeout_ms,
        max_bytes: MAX_JWKS_BYTES,
        max_age_seconds,
    };
    let document = client.get(&request).await.map_err(|error| unanswered(&error))?;
    require_ok(uri, &document)?;
    let text = std::str::from_utf8(&document.body)
        .map_err(|_| KeySetError::invalid(KeySetProblem::Encoding, NOT_UTF8))?;
    let members = json::parse_object(without_byte_order_mark(text))
        .map_err(|fault| page(&document).unwrap_or_else(|| not_json(&fault)))?;
    let member = |name: &'static str| {
        let text = members.get(name).and_then(serde_json::Value::as_str);
        text.ok_or_else(|| {
            KeySetError::invalid(KeySetProblem::Discovery, format!("there is no string `{name}`"))
        })
    };
    let (found, jwks_uri) = (member("issuer")?, member("jwks_uri")?);
    if found != source.issuer {
        let reason = format!("the document is about another issuer, \"{}\"", excerpt(found));
        return Err(KeySetError::invalid(KeySetProblem::OtherIssuer, reason).pointing_to(jwks_uri));
    }
    match url::accept(jwks_uri) {
        // A document from another host must not name a server on this machine.
        Ok(Transport::Loopback) if transport == Transport::Https => {
            Err(KeySetError::invalid(KeySetProblem::Discovery, "`jwks_uri` has the scheme http"))
        }
        Ok(_) => Ok(jwks_uri.to_owned()),
        Err(fault) => Err(KeySetError::invalid(KeySetProblem::Discovery, format!("`jwks_uri`: {fault}"))),
    }
}

const NOT_UTF8: &str = "the document is not UTF-8";

fn unanswered(error: &FetchError) -> KeySetError {
    match error {
        FetchError::Timeout(_) | FetchError::Unreachable(_) | FetchError::HeldBack(_) => {
            KeySetError::unavailable(error.to_string())
        }
        FetchError::TooLarge(_) => KeySetError::invalid(KeySetProblem::TooLarge, error.to_string()),
        FetchError::NoChannel(_) => KeySetError::invalid(KeySetProblem::NoChannel, error.to_string()),
        FetchError::OwnNetwork(reason) => KeySetError::invalid(KeySetProblem::OwnNetwork, reason.as_str()),
    }
}

/// Whether an answer with this status says that the origin fails for the moment.
pub(super) const fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

fn require_ok(url: &str, document: &Document) -> Result<(), KeySetError> {
    let invalid = |problem, reason: String| KeySetError::invalid(problem, reason);
    Err(match document.status {
        200 => return Ok(()),
        304 => invalid(
            KeySetProblem::NotModified,
            "not modified (304), although the request named no ETag".to_owned(),
        ),
        status @ 300..=399 => redirected(url, status, document.location.as_deref()),
        status if is_temporary(status) => KeySetError::unavailable(format!("the status is {status}")),
        status @ (401 | 403) => invalid(
            KeySetProblem::Forbidden,
            format!("the status is {status}: a firewall or a login in front of the keys blocks this server"),
        ),
        status @ (404 | 410) => invalid(
            KeySetProblem::NotFound,
            format!("the status is {status}: nothing is published at this URL"),
        ),
        status => invalid(KeySetProblem::Status, format!("the status is {status}")),
    })
}

fn redirected(url: &str, status: u16, location: Option<&str>) -> KeySetError {
    let failure = |to: &str| {
        KeySetError::invalid(
            KeySetProblem::Redirected,
            format!("redirected ({status}){to}; redirects are not followed"),
        )
    };
    match location {
        None => failure(""),
        Some(location) => match url::resolve(url, location) {
            Some(target) => failure(&format!(" to \"{}\"", excerpt(&target))).pointing_to(&target),
            None => failure(&format!(" to \"{}\"", excerpt(location))),
        },
    }
}

fn read_set(document: Document, needs_keys: bool) -> Result<Answer, KeySetError> {
    let set = KeySet::parse(&document.body)
        .map_err(|error| page(&document).unwrap_or_else(|| not_a_set(&error)))?;
    if needs_keys && set.keys.is_empty() {
        let problem =
            if set.set_aside.is_empty() { KeySetProblem::EmptySet } else { KeySetProblem::NoUsableKey };
        return Err(KeySetError::invalid(problem, no_usable_key(&set)));
    }
    let body = String::from_utf8(document.body)
        .map_err(|_| KeySetError::invalid(KeySetProblem::Encoding, NOT_UTF8))?;
    let etag = document.etag.filter(|etag| etag.len() <= MAX_ETAG_BYTES);
    Ok(Answer::Set { body: body.into(), set: Arc::new(set), etag })
}

/// Why a set has no usable key: each key with its reason.
fn no_usable_key(set: &KeySet) -> String {
    if set.set_aside.is_empty() {
        return "no usable key: the set is empty".to_owned();
    }
    let reasons: Vec<String> = set
        .set_aside
        .iter()
        .map(|key| {
            let kid = key.kid.as_deref().map_or_else(
                || format!("the key at index {}", key.index),
                |kid| format!("\"{}\"", excerpt(kid)),
            );
            format!("{kid}: {}", key.reason)
        })
        .collect();
    format!("no usable key: {}", reasons.join("; "))
}

fn not_a_set(error: &KeySetFormatError) -> KeySetError {
    let problem = match error {
        KeySetFormatError::TooLarge(_) => KeySetProblem::TooLarge,
        KeySetFormatError::Utf8 => KeySetProblem::Encoding,
        KeySetFormatError::Json(fault) => return not_json(fault),
        KeySetFormatError::DiscoveryDocument { jwks_uri } => {
            return KeySetError::invalid(KeySetProblem::DiscoveryDocument, error.to_string())
                .pointing_to(jwks_uri);
        }
        KeySetFormatError::Pem => KeySetProblem::Pem,
        KeySetFormatError::SingleKey | KeySetFormatError::Array => KeySetProblem::BareKeys,
        KeySetFormatError::NoKeys => KeySetProblem::NotASet,
        KeySetFormatError::TooManyKeys(_) => KeySetProblem::TooManyKeys,
    };
    KeySetError::invalid(problem, error.to_string())
}

fn not_json(fault: &JsonError) -> KeySetError {
    let problem = match fault {
        JsonError::Duplicate(_) => KeySetProblem::DuplicateMember,
        _ => KeySetProblem::NotASet,
    };
    KeySetError::invalid(problem, format!("the document cannot be read: {fault}"))
}

/// The error for an HTML page, if the document is one.
fn page(document: &Document) -> Option<KeySetError> {
    let is_declared = document.content_type.as_deref().is_some_and(|content_type| {
        content_type.trim_start().get(..9).is_some_and(|start| start.eq_ignore_ascii_case("text/html"))
    });
    let is_page = is_declared || document.body.trim_ascii_start().starts_with(b"<");
    is_page.then(|| KeySetError::invalid(KeySetProblem::Page, "an HTML page, not JSON"))
}
