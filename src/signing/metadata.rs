//! The public documents about our keys and the exchange: the JWK Set (RFC 7517 §5) and the authorization server metadata
//! (RFC 8414 §2).

use std::collections::BTreeSet;

use serde_json::Value;

use super::keyring::Keyring;
use crate::jose::base64url;
use crate::jose::hash::sha256;
use crate::members::json;
use crate::time::Timestamp;

/// A document, and how long it may be cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The JSON text.
    pub body: String,
    /// A strong `ETag` with its quotation marks.
    pub etag: String,
    /// For how many seconds it may be cached; 0 means not at all.
    pub max_age_seconds: u64,
}

impl Published {
    fn new(document: &Value, max_age_seconds: u64) -> Self {
        let body = document.to_string();
        let hash = base64url::encode(&sha256(body.as_bytes()));
        Self { etag: format!("\"{}\"", hash.get(..22).unwrap_or(&hash)), body, max_age_seconds }
    }
}

/// The key set at `now`. It may be cached for `max_age_seconds`, but not beyond the next change of the set. So a consumer that
/// observes this never has a set that lacks a published key or contains a removed one.
#[must_use]
pub fn key_set(ring: &Keyring, max_age_seconds: u64, now: Timestamp) -> Published {
    let keys: Vec<&Value> = ring.shown(now).collect();
    let until_change = ring.next_change(now).and_then(|change| u64::try_from(change.since(now)).ok());
    let max_age = until_change.map_or(max_age_seconds, |seconds| seconds.min(max_age_seconds));
    Published::new(&json!({ "keys": keys }), if keys.is_empty() { 0 } else { max_age })
}

/// The part of the RFC 8414 metadata that depends on the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMetadata<'m> {
    /// The issuer identifier.
    pub issuer: &'m str,
    /// The token endpoint's URL.
    pub token_endpoint: &'m str,
    /// The key set's URL.
    pub jwks_uri: &'m str,
    /// All scopes that may be granted.
    pub scopes: BTreeSet<&'m str>,
    /// The supported methods of client authentication.
    pub client_authentication: Vec<&'static str>,
}

/// The metadata document.
#[must_use]
pub fn server_metadata(metadata: &ServerMetadata<'_>, max_age_seconds: u64) -> Published {
    let document = json!({
        "issuer": metadata.issuer,
        "token_endpoint": metadata.token_endpoint,
        "jwks_uri": metadata.jwks_uri,
        "scopes_supported": metadata.scopes,
        // Required by RFC 8414 §2. Empty, because there is no authorization endpoint.
        "response_types_supported": Vec::<&str>::new(),
        "grant_types_supported": [
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
        "token_endpoint_auth_methods_supported": metadata.client_authentication,
    });
    Published::new(&document, max_age_seconds)
}
