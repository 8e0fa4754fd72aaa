//! `SIGNING_KEYS`: a JWK Set of private keys, each with its schedule.
//!
//! The key that signs is a pure function of the set and the time, so isolates with the same secret always agree.

use serde_json::{Map, Value};

use super::key::{JwkError, SigningKey};
use super::schedule::{self, Margins, Schedule, ScheduleError, State};
use super::series::Series;
use crate::jose::json;
use crate::limits;
use crate::rejection::{Fault, excerpt};
use crate::time::Timestamp;

/// The Worker secret that holds the keys.
pub const BINDING: &str = "SIGNING_KEYS";

const KNOWN_MEMBERS: &[&str] = &[
    "kty",
    "crv",
    "x",
    "y",
    "d",
    "k",
    "alg",
    "kid",
    "use",
    "aud",
    "key_ops",
    "ext",
    "publish_at",
    "activate_at",
    "retire_at",
    "remove_at",
];

/// All keys with their schedules, in the order of the set.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<RingKey>,
}

/// A key with its schedule.
#[derive(Clone, Debug)]
pub struct RingKey {
    /// The key.
    pub key: SigningKey,
    /// The audience that a shared secret belongs to, if the set names one.
    pub audience: Option<String>,
    /// When it is published, signs, retires and is removed.
    pub schedule: Schedule,
}

impl RingKey {
    /// The series that the key belongs to.
    #[must_use]
    pub fn series(&self) -> Series {
        Series { algorithm: self.key.algorithm(), audience: self.audience.clone() }
    }

    /// Whether the key may sign for `series`. A shared secret without an audience may sign for any; the configuration check
    /// allows one only while a single audience uses HS256.
    fn serves(&self, series: &Series) -> bool {
        self.key.algorithm() == series.algorithm
            && (self.audience.is_none() || self.audience == series.audience)
    }
}

/// One fault in `SIGNING_KEYS`. Contains nothing of a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringError {
    /// The position of the key in `keys`; `None` if the fault concerns the whole set.
    pub index: Option<usize>,
    /// The kind of fault.
    pub problem: KeyringErrorKind,
}

/// A kind of fault in `SIGNING_KEYS`. The text is the end of a sentence that begins with [`KeyringError::path`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringErrorKind {
    /// Not a JSON object without duplicate members and with an array `keys`.
    #[error("is not a JWK Set: {0}")]
    NotASet(String),
    /// Too many keys.
    #[error("has {0} keys; at most {max} are allowed", max = limits::MAX_SIGNING_KEYS)]
    TooMany(usize),
    /// An element of `keys` is not an object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// A key has an unknown member. It is refused, because it may be a mistyped time.
    #[error("is not a known member")]
    UnknownMember(String),
    /// The JWK cannot be used for signing.
    #[error("{0}")]
    Key(#[from] JwkError),
    /// One of the four times is absent, or is not a whole number of seconds.
    #[error("is absent, or is not a whole number of seconds since 1970")]
    Instant(&'static str),
    /// Two keys have the same `kid`.
    #[error("is also the kid of another key")]
    Duplicate,
    /// `aud` is not a string, or is empty.
    #[error("is empty, or is not a string")]
    Audience,
    /// A key pair has an `aud`.
    #[error("has no effect on a key pair; only a shared secret belongs to one audience")]
    AudienceOfPair,
    /// Two audiences have the same shared secret, so each could issue tokens to the other.
    #[error("is also the secret of another audience, which could then issue tokens to this one")]
    SharedTwice(Series),
    /// The schedule of the key is unsafe.
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
}

impl KeyringError {
    /// The path of the member at fault, as in `SIGNING_KEYS.keys[1].activate_at`.
    #[must_use]
    pub fn path(&self) -> String {
        let key = self.index.map_or(BINDING.to_owned(), |index| format!("{BINDING}.keys[{index}]"));
        match &self.problem {
            KeyringErrorKind::NotASet(_) | KeyringErrorKind::TooMany(_) | KeyringErrorKind::NotAnObject => {
                key
            }
            KeyringErrorKind::UnknownMember(member) => format!("{key}.{member}"),
            KeyringErrorKind::Key(fault) => format!("{key}.{}", fault.member()),
            KeyringErrorKind::Instant(member) => format!("{key}.{member}"),
            KeyringErrorKind::Duplicate => format!("{key}.kid"),
            KeyringErrorKind::Audience | KeyringErrorKind::AudienceOfPair => format!("{key}.aud"),
            KeyringErrorKind::SharedTwice(_) => format!("{key}.k"),
            KeyringErrorKind::Schedule(fault) => format!("{key}.{}", fault.member()),
        }
    }

    /// How to fix it.
    #[must_use]
    pub fn fix(&self) -> String {
        match &self.problem {
            KeyringErrorKind::Schedule(fault) => fault.fix(),
            KeyringErrorKind::UnknownMember(_) => {
                format!("remove it, or correct its name; known are {}", KNOWN_MEMBERS.join(", "))
            }
            KeyringErrorKind::Audience => {
                "write the audience of the target that it signs for, as in \"aud\": \"https://api.example.com\"".to_owned()
            }
            KeyringErrorKind::AudienceOfPair => "remove it".to_owned(),
            KeyringErrorKind::SharedTwice(series) => {
                format!("remove this key, and make a new one with `{}`", series.rotation())
            }
            KeyringErrorKind::TooMany(_) => {
                "remove keys whose remove_at has passed; `npx edge-assay keys rotate` does that".to_owned()
            }
            KeyringErrorKind::Duplicate => "remove one of the two keys".to_owned(),
            KeyringErrorKind::Instant(_) => {
                "write the time in whole seconds since 1970".to_owned()
            }
            KeyringErrorKind::NotASet(_) | KeyringErrorKind::NotAnObject | KeyringErrorKind::Key(_) => {
                "store the whole set that `npx edge-assay keys` wrote, without changes".to_owned()
            }
        }
    }
}

impl Keyring {
    /// Reads the text of the secret.
    ///
    /// # Errors
    /// All faults, except those of the schedules; see [`Self::schedule_faults`].
    pub fn parse(text: &str) -> Result<Self, Vec<KeyringError>> {
        let whole = |problem| vec![KeyringError { index: None, problem }];
        let members =
            json::parse_object(text).map_err(|fault| whole(KeyringErrorKind::NotASet(fault.to_string())))?;
        let Some(Value::Array(elements)) = members.get("keys") else {
            return Err(whole(KeyringErrorKind::NotASet("it has no array `keys`".to_owned())));
        };
        if elements.is_empty() {
            return Err(whole(KeyringErrorKind::NotASet("its `keys` is empty".to_owned())));
        }
        if elements.len() > limits::MAX_SIGNING_KEYS {
            return Err(whole(KeyringErrorKind::TooMany(elements.len())));
        }
        let mut ring = Self::default();
        let mut faults = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            match read_key(element) {
                Ok(key) if ring.keys.iter().any(|known| known.key.kid() == key.key.kid()) => {
                    faults.push(KeyringError { index: Some(index), problem: KeyringErrorKind::Duplicate });
                }
                Ok(key) if ring.keys.iter().any(|known| shares_a_secret(known, &key)) => {
                    let problem = KeyringErrorKind::SharedTwice(key.series());
                    faults.push(KeyringError { index: Some(index), problem });
                }
                Ok(key) => ring.keys.push(key),
                Err(problems) => faults
                    .extend(problems.into_iter().map(|problem| KeyringError { index: Some(index), problem })),
            }
        }
        if faults.is_empty() { Ok(ring) } else { Err(faults) }
    }

    /// All faults of the schedules.
    #[must_use]
    pub fn schedule_faults(&self, margins: &Margins) -> Vec<KeyringError> {
        let schedules: Vec<_> = self.keys.iter().map(|key| (key.series(), key.schedule)).collect();
        schedule::faults(&schedules, margins)
            .into_iter()
            .map(|(index, fault)| KeyringError { index: Some(index), problem: fault.into() })
            .collect()
    }

    /// All keys, in the order of the set.
    #[must_use]
    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// Whether the set has a key that may sign for `series` at any time.
    #[must_use]
    pub fn has(&self, series: &Series) -> bool {
        self.keys.iter().any(|key| key.serves(series))
    }

    /// The key that signs for `series` at `now`: the active key with the latest `activate_at`, and of two with the same
    /// `activate_at` the one with the greater `kid`.
    #[must_use]
    pub fn signer(&self, series: impl Into<Series>, now: Timestamp) -> Option<&RingKey> {
        let series = series.into();
        self.keys
            .iter()
            .filter(|key| key.serves(&series) && key.schedule.state(now) == State::Active)
            .max_by(|a, b| (a.schedule.activate_at, a.key.kid()).cmp(&(b.schedule.activate_at, b.key.kid())))
    }

    /// As [`Self::signer`].
    ///
    /// # Errors
    /// [`Fault::SecretMissing`] with the command to run, if no key is active.
    pub fn signer_or_fault(&self, series: &Series, now: Timestamp) -> Result<&RingKey, Fault> {
        self.signer(series, now).ok_or_else(|| {
            let command = series.rotation();
            let reason = match self.next_activation(series, now) {
                Some(next) => format!(
                    "it has no {series} key that is active before {}; for an earlier one run `{command} --now`",
                    next.rfc3339()
                ),
                None => format!("it has no active {series} key any more; run `{command}`"),
            };
            Fault::SecretMissing { binding: BINDING.to_owned(), reason }
        })
    }

    /// The next time after `now` at which a key for `series` is activated.
    #[must_use]
    pub fn next_activation(&self, series: &Series, now: Timestamp) -> Option<Timestamp> {
        self.keys
            .iter()
            .filter(|key| key.serves(series) && key.schedule.activate_at > now)
            .map(|key| key.schedule.activate_at)
            .min()
    }

    /// The public JWKs that the key set shows at `now`, in the order of the set.
    pub fn shown(&self, now: Timestamp) -> impl Iterator<Item = &Value> {
        self.keys.iter().filter(move |key| key.schedule.is_shown(now)).filter_map(|key| key.key.public_jwk())
    }

    /// The next time after `now` at which the published key set changes.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.keys.iter().flat_map(|key| key.schedule.changes()).filter(|change| *change > now).min()
    }

    /// The end of the period, beginning at `now`, in which there is always a key that signs for `series`; `None` if there is no
    /// such key at `now`.
    #[must_use]
    pub fn signs_until(&self, series: &Series, now: Timestamp) -> Option<Timestamp> {
        let mut until = self.signer(series, now)?.schedule.retire_at;
        // At most one iteration per key, since each one reaches a later end.
        while let Some(later) = self
            .keys
            .iter()
            .filter(|key| key.serves(series) && key.schedule.activate_at <= until)
            .map(|key| key.schedule.retire_at)
            .max()
            .filter(|later| *later > until)
        {
            until = later;
        }
        Some(until)
    }
}

fn read_key(element: &Value) -> Result<RingKey, Vec<KeyringErrorKind>> {
    let members = element.as_object().ok_or_else(|| vec![KeyringErrorKind::NotAnObject])?;
    let mut problems: Vec<_> = members
        .keys()
        .filter(|name| !KNOWN_MEMBERS.contains(&name.as_str()))
        .map(|name| KeyringErrorKind::UnknownMember(excerpt(name)))
        .collect();
    let mut instant = |member: &'static str| {
        read_instant(members, member).unwrap_or_else(|| {
            problems.push(KeyringErrorKind::Instant(member));
            Timestamp::from_epoch_seconds(0)
        })
    };
    let schedule = Schedule {
        publish_at: instant("publish_at"),
        activate_at: instant("activate_at"),
        retire_at: instant("retire_at"),
        remove_at: instant("remove_at"),
    };
    let audience = match members.get("aud") {
        None => None,
        Some(Value::String(audience)) if !audience.is_empty() => Some(audience.clone()),
        Some(_) => {
            problems.push(KeyringErrorKind::Audience);
            None
        }
    };
    match SigningKey::from_jwk(members) {
        Ok(key) if audience.is_some() && !key.algorithm().is_shared_secret() => {
            problems.push(KeyringErrorKind::AudienceOfPair);
            Err(problems)
        }
        Ok(key) if problems.is_empty() => Ok(RingKey { key, audience, schedule }),
        Ok(_) => Err(problems),
        Err(fault) => {
            problems.push(fault.into());
            Err(problems)
        }
    }
}

/// Whether two shared secrets of different audiences are the same key. Their signatures are compared instead of their octets,
/// because HMAC treats some octets of different length as the same key.
fn shares_a_secret(one: &RingKey, other: &RingKey) -> bool {
    let are_secrets = [one, other].iter().all(|key| key.key.algorithm().is_shared_secret());
    are_secrets && one.audience != other.audience && one.key.sign(b"") == other.key.sign(b"")
}

fn read_instant(members: &Map<String, Value>, member: &str) -> Option<Timestamp> {
    let seconds = members.get(member)?.as_i64()?;
    (0..=limits::LATEST_NUMERIC_DATE).contains(&seconds).then(|| Timestamp::from_epoch_seconds(seconds))
}
