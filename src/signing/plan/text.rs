//! Reads and writes the JSON text of `SIGNING_KEYS`, with all its members, and makes the private JWKs of new keys.

use serde_json::{Map, Value};

use super::{Plan, PlanError};
use crate::jose::{Algorithm, base64url, json as strict_json};
use crate::members::{json, put};
use crate::signing::key::{JwkError, SigningKey};
use crate::signing::keyring::{Keyring, RingKey};
use crate::signing::schedule::Schedule;
use crate::signing::series::Series;

impl Plan {
    /// Reads a set.
    ///
    /// # Errors
    /// [`PlanError::Unreadable`].
    pub fn read(text: &str) -> Result<Self, PlanError> {
        let ring = Keyring::parse(text).map_err(PlanError::Unreadable)?;
        let whole = strict_json::parse_value(text).unwrap_or_default();
        let keys = whole.get("keys").and_then(Value::as_array).into_iter().flatten();
        Ok(Self { keys: keys.filter_map(Value::as_object).cloned().collect(), ring })
    }

    /// The set as JSON text, for `wrangler secret put SIGNING_KEYS`.
    #[must_use]
    pub fn to_json(&self) -> String {
        json!({ "keys": self.keys }).to_string()
    }

    /// Drops the keys for which `keep` is false.
    pub(super) fn retain(&mut self, keep: impl Fn(&RingKey) -> bool) {
        let kept: Vec<bool> = self.ring.keys().iter().map(keep).collect();
        let mut flags = kept.iter();
        self.keys.retain(|_| flags.next().copied().unwrap_or(true));
        self.parse_again();
    }

    /// Gives the key `kid` another schedule.
    pub(super) fn reschedule(&mut self, kid: &str, schedule: Schedule) -> Result<(), PlanError> {
        let index = self.ring.keys().iter().position(|key| key.key.kid() == kid);
        let key = index.and_then(|index| self.keys.get_mut(index));
        write_schedule(key.ok_or_else(|| PlanError::NoSuchKey(kid.to_owned()))?, schedule);
        self.parse_again();
        Ok(())
    }

    /// Adds a new key to the series.
    pub(super) fn add(
        &mut self,
        series: &Series,
        schedule: Schedule,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), PlanError> {
        let mut jwk = new_jwk(series.algorithm, fill)?;
        if let Some(audience) = &series.audience {
            put(&mut jwk, "aud", json!(audience));
        }
        write_schedule(&mut jwk, schedule);
        self.keys.push(jwk);
        self.parse_again();
        Ok(())
    }

    /// Parses the text again, so that decisions are always based on the text that will be stored.
    fn parse_again(&mut self) {
        self.ring = Keyring::parse(&self.to_json()).unwrap_or_default();
    }
}

fn write_schedule(jwk: &mut Map<String, Value>, schedule: Schedule) {
    for (member, at) in [
        ("publish_at", schedule.publish_at),
        ("activate_at", schedule.activate_at),
        ("retire_at", schedule.retire_at),
        ("remove_at", schedule.remove_at),
    ] {
        jwk.insert(member.to_owned(), json!(at));
    }
}

/// A private JWK of new key material.
fn new_jwk(algorithm: Algorithm, fill: &mut dyn FnMut(&mut [u8])) -> Result<Map<String, Value>, JwkError> {
    let mut secret = [0; 32];
    fill(&mut secret);
    let (key, member) = match algorithm {
        Algorithm::Es256 => (SigningKey::es256(&secret)?, "d"),
        Algorithm::EdDsa => (SigningKey::ed25519(&secret)?, "d"),
        Algorithm::Hs256 => {
            let mut name = [0; 16];
            fill(&mut name);
            (SigningKey::hs256(&secret, &base64url::encode(&name))?, "k")
        }
        _ => return Err(JwkError::Algorithm),
    };
    let mut jwk = Map::new();
    put(&mut jwk, "kty", json!("oct"));
    for (name, value) in key.public_jwk().and_then(Value::as_object).into_iter().flatten() {
        jwk.insert(name.clone(), value.clone());
    }
    put(&mut jwk, "alg", json!(algorithm.name()));
    put(&mut jwk, "kid", json!(key.kid()));
    jwk.insert(member.to_owned(), json!(base64url::encode(&secret)));
    jwk.remove("use");
    Ok(jwk)
}
