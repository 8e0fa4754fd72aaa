//! Issuers' public keys: from the process's memory, then from the store that all processes share, then from the origin.
//!
//! [`KeyCache`] carries out what [`freshness`] decides, [`record`] defines what the store holds, and [`fetch`] asks the origin.
//! This module does not decide which issuers are trusted or what a key verifies. It never reports a key as absent while it
//! could not ask the origin: then the keys are unavailable.

pub mod cache;
pub mod coordinator;
pub mod error;
pub mod fetch;
pub mod freshness;
mod lease;
mod nearby;
mod purge;
pub mod record;
pub mod retired;
pub mod state;
pub mod url;

use std::borrow::Cow;
use std::sync::Arc;

use crate::jose::KeySet;
use crate::time::Timestamp;

pub use cache::{KeyCache, PurgeTold, Purged};
pub use state::{CoordinatorState, KeyState, SetAsideSummary};

/// The source of an issuer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource {
    /// The configured issuer; in discovery, what the document's `issuer` must equal.
    pub issuer: String,
    /// The document to fetch.
    pub location: Location,
    /// Whether a set without a usable key is acceptable. It is for an issuer that has shared secrets. For any other issuer
    /// such a set verifies nothing and counts as a bad answer.
    pub may_be_empty: bool,
    /// The named channel of the platform through which its documents are fetched; `None`: the network. See
    /// [`DocumentRequest::channel`](crate::ports::DocumentRequest::channel).
    pub channel: Option<String>,
}

/// Where a discovery document is, behind the issuer (OpenID Connect Discovery 1.0 §4).
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";

/// The document that is fetched first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A JWK Set (RFC 7517 §5).
    Jwks {
        /// Its URL.
        uri: String,
    },
    /// A discovery document (OpenID Connect Discovery 1.0 §4) that names the JWK Set. If there is none, the metadata of an authorization server
    /// (RFC 8414 §3) is asked for.
    Discovery {
        /// Its URL, the issuer and [`OPENID_CONFIGURATION`].
        uri: String,
    },
}

impl KeySource {
    /// The name of this source in memory and in the store: the JWK Set's URL, so that issuers with the same set share it.
    /// For discovery it is the document's URL with the issuer as its fragment: a document is about one issuer only, and
    /// `https://a` and `https://a/` have the same document URL. What comes through a channel is shared only with sources of the same channel.
    #[must_use]
    pub fn identity(&self) -> Cow<'_, str> {
        let identity = match &self.location {
            Location::Jwks { uri } => Cow::Borrowed(uri.as_str()),
            Location::Discovery { uri } => Cow::Owned(format!("{uri}#{}", self.issuer)),
        };
        match &self.channel {
            None => identity,
            // A URL that is fetched has no fragment, so no other source has this name.
            Some(channel) => Cow::Owned(format!("{identity}#channel:{channel}")),
        }
    }

    /// Whether `set` can be used for this issuer's tokens.
    #[must_use]
    pub fn accepts(&self, set: &KeySet) -> bool {
        self.may_be_empty || !set.keys.is_empty()
    }
}

/// How long key sets are used, and how often their origin is asked. [`crate::limits`] has the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// Seconds for which a fetched set is fresh.
    pub ttl_seconds: u64,
    /// Seconds past the TTL for which a set may still be used while its origin does not answer.
    pub stale_if_error_seconds: u64,
    /// Seconds between two fetches for a `kid` that the set lacks, in one process.
    pub unknown_kid_cooldown_seconds: u64,
    /// Milliseconds that one attempt may take, including discovery.
    pub fetch_timeout_ms: u32,
    /// How old, in seconds, an answer may be that a cache nearby gives in place of the origin, at most [`crate::limits::MAX_SHARED_SECONDS`].
    /// 0: no such cache is asked. It does not concern a coordinator, whose answers no other program can write.
    pub max_shared_seconds: u64,
}

/// The key that a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Any key: the token names none.
    Any,
    /// The key with this `kid`.
    Kid(&'a str),
}

/// The tier that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// This process's memory.
    Memory,
    /// The store that all processes share.
    Store,
    /// The issuer's own server.
    Origin,
    /// The configuration itself, which holds the keys.
    Configuration,
}

/// The result of a look-up: the set with which to verify a token.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The keys. The caller looks for the wanted one among them. If it is missing, the origin has been asked recently enough
    /// to say that the issuer has no such key.
    pub set: Arc<KeySet>,
    /// The tier that answered.
    pub tier: Tier,
    /// When the origin served (or confirmed) the set.
    pub fetched_at: Timestamp,
    /// When the set was found, which is later than the beginning of the look-up if it had to wait. Tokens are checked at this
    /// time.
    pub found_at: Timestamp,
    /// When the last fetch for an unknown `kid` ended; the cooldown begins then.
    pub last_unknown_kid_fetch_at: Option<Timestamp>,
    /// Whether to run [`KeyCache::refresh`] after the response.
    pub refresh_due: bool,
}

impl Lookup {
    /// The set of an issuer whose keys are given with it, at `now`.
    #[must_use]
    pub fn fixed(set: &Arc<KeySet>, now: Timestamp) -> Self {
        Self {
            set: Arc::clone(set),
            tier: Tier::Configuration,
            fetched_at: now,
            found_at: now,
            last_unknown_kid_fetch_at: None,
            refresh_due: false,
        }
    }
}

/// The result of a second look for a key; see [`KeyCache::look_again`].
#[derive(Clone, Debug)]
pub enum LookedAgain {
    /// The set as the store or the origin has it now.
    Fetched(Arc<KeySet>),
    /// The origin was asked a moment ago, or is failing, so nothing newer can be had.
    NothingNewer,
    /// The last second look is too recent.
    TooEarly {
        /// Seconds until another is allowed.
        retry_after_seconds: u64,
    },
}
