//! Issuers' public keys: isolate memory, then the store all isolates share, then the origin.
//!
//! [`KeyCache`] carries out what [`freshness`] decides, [`record`] is what the store holds, [`fetch`] asks the origin.
//! This room knows whose keys it fetches only by name: which issuers are trusted, and what a key then proves, is
//! decided elsewhere. It never tells a token that its key does not exist while it merely could not look.

pub mod cache;
pub mod error;
pub mod fetch;
pub mod freshness;
pub mod record;
pub mod state;
pub mod url;

use std::borrow::Cow;
use std::rc::Rc;

use crate::jose::KeySet;
use crate::time::Timestamp;

pub use cache::KeyCache;
pub use state::KeyState;

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource {
    /// The configured issuer; in discovery, what the document's `issuer` must equal.
    pub issuer: String,
    /// Where to ask.
    pub location: Location,
    /// Whether a set without a usable key is acceptable, as it is for an issuer that has shared secrets. For any other,
    /// such a set could verify nothing and counts as a bad answer.
    pub may_be_empty: bool,
}

/// The document that is asked for first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A JWK Set (RFC 7517 §5).
    Jwks {
        /// Its URL.
        uri: String,
    },
    /// A discovery document (OpenID Connect Discovery 1.0 §4) that names the JWK Set.
    Discovery {
        /// Its URL, `<issuer>/.well-known/openid-configuration`.
        uri: String,
    },
}

impl KeySource {
    /// What tells this source's keys from every other's, in memory and in the store: the JWK Set's URL, so that issuers
    /// with one set share it; for discovery, the document's URL with the issuer as its fragment, because a document
    /// vouches for one issuer only and `https://a` and `https://a/` have the same one.
    #[must_use]
    pub fn identity(&self) -> Cow<'_, str> {
        match &self.location {
            Location::Jwks { uri } => Cow::Borrowed(uri),
            Location::Discovery { uri } => Cow::Owned(format!("{uri}#{}", self.issuer)),
        }
    }

    /// Whether tokens can be judged by `set` at all.
    #[must_use]
    pub fn accepts(&self, set: &KeySet) -> bool {
        self.may_be_empty || !set.keys.is_empty()
    }
}

/// How long keys are believed, and how often their origin is asked. The bounds are in [`crate::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// Seconds for which a fetched set is fresh.
    pub ttl_seconds: u64,
    /// Seconds past the TTL for which a set still serves while its origin does not.
    pub stale_if_error_seconds: u64,
    /// Seconds between two looks for a `kid` that the set does not hold.
    pub unknown_kid_cooldown_seconds: u64,
    /// Milliseconds that one attempt may take, discovery included.
    pub fetch_timeout_ms: u32,
}

/// Which key a request is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Any key: the token names none.
    Any,
    /// The key with this `kid`.
    Kid(&'a str),
}

/// Which tier answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// This isolate's memory.
    Memory,
    /// The store that all isolates share.
    Store,
    /// The issuer itself.
    Origin,
}

/// A set to judge by.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The keys. Whether the wanted one is among them is the caller's to find: an answer without it means that the
    /// issuer has been asked recently enough to say that it has no such key.
    pub set: Rc<KeySet>,
    /// Which tier answered.
    pub tier: Tier,
    /// When the origin served (or confirmed) the set.
    pub fetched_at: Timestamp,
    /// When the set was found: later than the look-up began where something had to be waited for. What is judged by the set is
    /// judged at this time.
    pub found_at: Timestamp,
    /// When the origin was last asked because of an unknown `kid`; the cooldown starts there.
    pub last_unknown_kid_fetch_at: Option<Timestamp>,
    /// Whether to run [`KeyCache::refresh`] after the response.
    pub refresh_due: bool,
}

/// What a second look for a key brought; see [`KeyCache::look_again`].
#[derive(Clone, Debug)]
pub enum LookedAgain {
    /// The set as the store or the origin has it now.
    Fetched(Rc<KeySet>),
    /// The origin was asked a moment ago, or is failing: what is known is as new as it gets.
    NothingNewer,
    /// The last second look is too recent.
    TooEarly {
        /// Seconds until another is allowed.
        retry_after_seconds: u64,
    },
}
