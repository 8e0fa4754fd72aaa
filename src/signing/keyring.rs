//! `SIGNING_KEYS`: a JWK Set of private keys, each with its schedule (`DESIGN.md`, "Signing keys").
//!
//! Which key signs is a pure function of the set and the time, so any two isolates that hold the same secret agree.

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

/// Keys and their schedules, in the set's order.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<RingKey>,
}

/// A key with its schedule.
#[derive(Clone, Debug)]
pub struct RingKey {
    /// The key.
    pub key: SigningKey,
    /// The audience that a shared secret is for.
    pub audience: Option<String>,
    /// When it does what.
    pub schedule: Schedule,
}

impl RingKey {
    /// The keys that it follows, and that follow it.
    #[must_use]
    pub fn series(&self) -> Series {
        Series { algorithm: self.key.algorithm(), audience: self.audience.clone() }
    }

    /// Whether it may sign for `series`. A shared secret that names no audience may sign for the only one there is; the
    /// configuration is at fault where there are several.
    fn serves(&self, series: &Series) -> bool {
        self.key.algorithm() == series.algorithm
            && (self.audience.is_none() || self.audience == series.audience)
    }
}

/// One thing wrong with `SIGNING_KEYS`. Holds nothing of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringError {
    /// The key's place in `keys`, when it is about one.
    pub index: Option<usize>,
    /// What is wrong.
    pub problem: KeyringErrorKind,
}

/// What is wrong with `SIGNING_KEYS`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringErrorKind {
    /// Not strict JSON with an array `keys`.
    #[error("is not a JWK Set: {0}")]
    NotASet(String),
    /// Too many keys.
    #[error("holds {0} keys; at most {max} are read", max = limits::MAX_SIGNING_KEYS)]
    TooMany(usize),
    /// An element is no object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// A member that nobody reads; a mistyped instant would else be missing silently.
    #[error("is not a known member")]
    UnknownMember(String),
    /// The key itself.
    #[error("{0}")]
    Key(#[from] JwkError),
    /// One of the four instants is absent or no whole number of seconds.
    #[error("is absent, or no whole number of seconds since 1970")]
    Instant(&'static str),
    /// Two keys with one `kid`.
    #[error("is also another key's")]
    Duplicate,
    /// `aud` is not a text, or is empty.
    #[error("is not a string that is not empty")]
    Audience,
    /// `aud` on a key pair, which has no need of it.
    #[error("has no meaning for a key pair; only a shared secret belongs to one audience")]
    AudienceOfPair,
    /// One secret for two audiences: each could issue tokens to the other.
    #[error("is also the secret of another audience, which could issue tokens to this one")]
    SharedTwice(Series),
    /// The key's schedule.
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
}

impl KeyringError {
    /// Where, as in `SIGNING_KEYS.keys[1].activate_at`.
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

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        match &self.problem {
            KeyringErrorKind::Schedule(fault) => fault.fix(),
            KeyringErrorKind::UnknownMember(_) => format!("known here: {}", KNOWN_MEMBERS.join(", ")),
            KeyringErrorKind::Audience => {
                "write the audience of the target that it signs for, as in \"aud\": \"https://api.example.com\"".to_owned()
            }
            KeyringErrorKind::AudienceOfPair => "remove it".to_owned(),
            KeyringErrorKind::SharedTwice(series) => {
                format!("remove this key, and make a new one with `{}`", series.rotation())
            }
            _ => "write what `edge-assay keys new` prints".to_owned(),
        }
    }
}

impl Keyring {
    /// Reads the secret's text.
    ///
    /// # Errors
    /// Everything wrong with it but its schedules; see [`Self::schedule_faults`].
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

    /// Everything wrong with the schedules.
    #[must_use]
    pub fn schedule_faults(&self, margins: &Margins) -> Vec<KeyringError> {
        let schedules: Vec<_> = self.keys.iter().map(|key| (key.series(), key.schedule)).collect();
        schedule::faults(&schedules, margins)
            .into_iter()
            .map(|(index, fault)| KeyringError { index: Some(index), problem: fault.into() })
            .collect()
    }

    /// All keys, in the set's order.
    #[must_use]
    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// Whether a key signs for `series`, now or at another time.
    #[must_use]
    pub fn has(&self, series: &Series) -> bool {
        self.keys.iter().any(|key| key.serves(series))
    }

    /// The key that signs for `series` at `now`: of the active ones that which was activated last; of two activated
    /// together, that with the greater `kid`.
    #[must_use]
    pub fn signer(&self, series: impl Into<Series>, now: Timestamp) -> Option<&RingKey> {
        let series = series.into();
        self.keys
            .iter()
            .filter(|key| key.serves(&series) && key.schedule.state(now) == State::Active)
            .max_by(|a, b| (a.schedule.activate_at, a.key.kid()).cmp(&(b.schedule.activate_at, b.key.kid())))
    }

    /// As [`Self::signer`], with what to do where there is none.
    ///
    /// # Errors
    /// [`Fault::SecretMissing`].
    pub fn signer_or_fault(&self, series: &Series, now: Timestamp) -> Result<&RingKey, Fault> {
        self.signer(series, now).ok_or_else(|| {
            let rotation = series.rotation();
            let reason = match self.next_activation(series, now) {
                Some(next) => format!(
                    "no {series} key of it is active until {}; to have one earlier run `{rotation} --now`",
                    next.rfc3339()
                ),
                None => format!("no {series} key of it is active any more; run `{rotation}`"),
            };
            Fault::SecretMissing { binding: BINDING.to_owned(), reason }
        })
    }

    /// When a key for `series` is activated next.
    #[must_use]
    pub fn next_activation(&self, series: &Series, now: Timestamp) -> Option<Timestamp> {
        self.keys
            .iter()
            .filter(|key| key.serves(series) && key.schedule.activate_at > now)
            .map(|key| key.schedule.activate_at)
            .min()
    }

    /// The public keys that the key set shows at `now`, in the set's order.
    pub fn shown(&self, now: Timestamp) -> impl Iterator<Item = &Value> {
        self.keys.iter().filter(move |key| key.schedule.is_shown(now)).filter_map(|key| key.key.public_jwk())
    }

    /// When what the key set shows changes next.
    #[must_use]
    pub fn next_turn(&self, now: Timestamp) -> Option<Timestamp> {
        self.keys.iter().flat_map(|key| key.schedule.turns()).filter(|turn| *turn > now).min()
    }

    /// Until when something signs for `series`, without a gap from `now` on; `None` when nothing does.
    #[must_use]
    pub fn signs_until(&self, series: &Series, now: Timestamp) -> Option<Timestamp> {
        let mut until = self.signer(series, now)?.schedule.retire_at;
        // At most one step per key, since each step goes to a later end.
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

/// Whether two shared secrets are one although they are not for the same audience. A secret is known by what it signs: HMAC
/// takes some that differ in length for the same key.
fn shares_a_secret(one: &RingKey, other: &RingKey) -> bool {
    let are_secrets = [one, other].iter().all(|key| key.key.algorithm().is_shared_secret());
    are_secrets && one.audience != other.audience && one.key.sign(b"") == other.key.sign(b"")
}

fn read_instant(members: &Map<String, Value>, member: &str) -> Option<Timestamp> {
    let seconds = members.get(member)?.as_i64()?;
    (0..=limits::LATEST_NUMERIC_DATE).contains(&seconds).then(|| Timestamp::from_epoch_seconds(seconds))
}
