//! One attempt to get a set from its origin, and the verdict on the answer.
//!
//! Everything from out there is hostile until it has passed: the URL, the status, the size, the JSON, in discovery the
//! `issuer`. Redirects are not followed, because whoever controls one names the keys. Nothing here knows the time, the
//! cache, or how often to ask.

use std::rc::Rc;

use crate::rejection::excerpt;

use crate::jose::{KeySet, json};
use crate::keys::failure::Failure;
use crate::keys::freshness;
use crate::keys::record::CachedSet;
use crate::keys::url::{self, Transport};
use crate::keys::{CachePolicy, KeySource, Location};
use crate::limits::{MAX_ETAG_BYTES, MAX_JWKS_BYTES};
use crate::ports::{Document, DocumentRequest, FetchError, HttpClient};

/// What an origin answered.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The URL of the set.
    pub jwks_uri: String,
    /// The set, or the word that the cached one still holds.
    pub answer: Answer,
    /// For how many seconds the origin lets it be reused, if it says.
    pub max_age_seconds: Option<u64>,
}

/// The answer proper.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200.
    Set {
        /// As it came.
        body: Rc<str>,
        /// Parsed.
        set: Rc<KeySet>,
        /// The `ETag`.
        etag: Option<String>,
    },
    /// 304: this, whose `ETag` was sent, still holds.
    Confirmed(CachedSet),
}

/// Asks `source`'s origin once, within `policy.fetch_timeout_ms`. In discovery each of the two documents has half of it:
/// the bound holds for both together, at the price of refusing a first document that takes longer than its half.
///
/// `held` is the set that the answer may confirm (304), and `must_not_be_lost` says that it still serves: then an answer
/// without a single usable key counts as a failure. With nothing to lose an empty set is taken as it is, since an issuer
/// that signs with shared secrets alone publishes one.
///
/// # Errors
/// A [`Failure`] for anything but an acceptable set.
pub async fn fetch<C: HttpClient>(
    client: &C,
    source: &KeySource,
    policy: &CachePolicy,
    held: Option<&CachedSet>,
    must_not_be_lost: bool,
) -> Result<Fetched, Failure> {
    let (jwks_uri, timeout_ms) = match &source.location {
        Location::Jwks { uri } => {
            url::accept(uri).map_err(|fault| Failure::invalid(fault.to_string()))?;
            (uri.clone(), policy.fetch_timeout_ms)
        }
        Location::Discovery { uri } => {
            let half = policy.fetch_timeout_ms / 2;
            (discover(client, uri, &source.issuer, half).await?, half)
        }
    };
    // An `ETag` speaks of one URL, so it is sent to no other.
    let held = held.filter(|held| held.jwks_uri == jwks_uri);
    let held = held.filter(|held| held.etag.is_some());
    let request = DocumentRequest {
        url: jwks_uri.clone(),
        accept: "application/jwk-set+json, application/json",
        if_none_match: held.and_then(|held| held.etag.clone()),
        timeout_ms,
        max_bytes: MAX_JWKS_BYTES,
    };
    let document = client.get(&request).await.map_err(|error| unanswered(&error))?;
    let max_age_seconds = document.cache_control.as_deref().and_then(freshness::max_age_seconds);
    let answer = match held {
        Some(held) if document.status == 304 => Answer::Confirmed(held.clone()),
        _ => {
            require_ok(&document)?;
            read_set(document, must_not_be_lost)?
        }
    };
    Ok(Fetched { jwks_uri, answer, max_age_seconds })
}

/// The `jwks_uri` of `issuer`'s discovery document (OpenID Connect Discovery 1.0 §4.3: its `issuer` must be identical).
async fn discover<C: HttpClient>(
    client: &C,
    uri: &str,
    issuer: &str,
    timeout_ms: u32,
) -> Result<String, Failure> {
    let transport = url::accept(uri).map_err(|fault| Failure::invalid(format!("discovery: {fault}")))?;
    let request = DocumentRequest {
        url: uri.to_owned(),
        accept: "application/json",
        if_none_match: None,
        timeout_ms,
        max_bytes: MAX_JWKS_BYTES,
    };
    let in_discovery =
        |failure: Failure| Failure { reason: format!("discovery: {}", failure.reason), ..failure };
    let document = client.get(&request).await.map_err(|error| in_discovery(unanswered(&error)))?;
    require_ok(&document).map_err(in_discovery)?;
    let text = std::str::from_utf8(&document.body).map_err(|_| Failure::invalid("discovery: not UTF-8"))?;
    let members =
        json::parse_object(text).map_err(|error| in_discovery(unreadable(&document, &error.to_string())))?;
    let member = |name: &'static str| {
        let text = members.get(name).and_then(serde_json::Value::as_str);
        text.ok_or_else(|| Failure::invalid(format!("discovery: there is no string `{name}`")))
    };
    let (found, jwks_uri) = (member("issuer")?, member("jwks_uri")?);
    if found != issuer {
        let found = excerpt(found);
        return Err(Failure::invalid(format!(
            "discovery: the document is about another issuer, \"{found}\""
        )));
    }
    match url::accept(jwks_uri) {
        // A document from elsewhere has no business with what listens on this machine.
        Ok(Transport::Loopback) if transport == Transport::Https => {
            Err(Failure::invalid("discovery: `jwks_uri` has the scheme http"))
        }
        Ok(_) => Ok(jwks_uri.to_owned()),
        Err(fault) => Err(Failure::invalid(format!("discovery: `jwks_uri`: {fault}"))),
    }
}

fn unanswered(error: &FetchError) -> Failure {
    match error {
        FetchError::Timeout(_) | FetchError::Unreachable(_) => Failure::unavailable(error.to_string()),
        FetchError::TooLarge(_) => Failure::invalid(error.to_string()),
    }
}

fn require_ok(document: &Document) -> Result<(), Failure> {
    match document.status {
        200 => Ok(()),
        304 => Err(Failure::invalid("not modified (304), although nothing was named that could be")),
        status @ 300..=399 => Err(Failure::invalid(format!("redirected ({status})"))),
        status @ (408 | 429 | 500..=599) => Err(Failure::unavailable(format!("the status is {status}"))),
        status => Err(Failure::invalid(format!("the status is {status}"))),
    }
}

fn read_set(document: Document, must_not_be_lost: bool) -> Result<Answer, Failure> {
    let set = KeySet::parse(&document.body).map_err(|error| unreadable(&document, &error.to_string()))?;
    if must_not_be_lost && set.keys.is_empty() {
        return Err(Failure::invalid(match set.set_aside.len() {
            0 => "the set is empty, and a good one is held".to_owned(),
            unusable => format!("none of the set's {unusable} keys is usable, and a good set is held"),
        }));
    }
    let body = String::from_utf8(document.body).map_err(|_| Failure::invalid("the set is not UTF-8"))?;
    let etag = document.etag.filter(|etag| etag.len() <= MAX_ETAG_BYTES);
    Ok(Answer::Set { body: body.into(), set: Rc::new(set), etag })
}

/// What to say about a body that is not the JSON expected: a page for people is the usual reason.
fn unreadable(document: &Document, error: &str) -> Failure {
    let declared = document.content_type.as_deref().is_some_and(|content_type| {
        content_type.trim_start().get(..9).is_some_and(|start| start.eq_ignore_ascii_case("text/html"))
    });
    if declared || document.body.trim_ascii_start().starts_with(b"<") {
        Failure::invalid("an HTML page, not JSON")
    } else {
        Failure::invalid(error)
    }
}
