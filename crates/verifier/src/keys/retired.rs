//! The `kid`s that were in a source's set and are not any more. Tokens of a withdrawn key circulate for a while, and each would look like one of a new
//! key, for which the origin has to be asked.
//!
//! A `kid` is retired once a set that was fetched a minute after the first absence lacks it too: a provider behind a load balancer may
//! serve its old and its new set in turn. A `kid` that comes back is forgotten. Nothing here reads a clock or a store.

use serde::Serialize;
use serde_json::Value;

use crate::jose::KeySet;
use crate::limits::{MAX_RETIRED_KID_BYTES, MAX_RETIRED_KIDS, RETIRED_AFTER_SECONDS, RETIRED_KIDS_SECONDS};
use crate::time::Timestamp;

/// The vanished `kid`s of one source, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RetiredKids(Vec<Vanished>);

/// One `kid` that has vanished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Vanished {
    kid: String,
    /// When the first set without it was fetched.
    absent_since: Timestamp,
    /// Whether a set that was fetched a minute later lacks it too.
    confirmed: bool,
}

/// The `kid`s of the set.
fn kids(set: &KeySet) -> impl Iterator<Item = &str> {
    let usable = set.keys.iter().filter_map(|key| key.kid.as_deref());
    usable.chain(set.set_aside.iter().filter_map(|key| key.kid.as_deref()))
}

impl RetiredKids {
    /// Whether the origin need not be asked for `kid`, which its set lacks.
    pub(super) fn contains(&self, kid: &str) -> bool {
        self.0.iter().any(|vanished| vanished.confirmed && vanished.kid == kid)
    }

    /// Whether nothing is remembered.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes that `set`, fetched at this time, has taken the place of `former`.
    pub(super) fn replaced(&mut self, former: Option<&KeySet>, set: &KeySet, fetched_at: Timestamp) {
        self.0.retain(|vanished| !set.has_kid(&vanished.kid) && !vanished.is_over(fetched_at));
        for vanished in &mut self.0 {
            vanished.confirmed |= fetched_at.since(vanished.absent_since) >= RETIRED_AFTER_SECONDS;
        }
        for kid in former.into_iter().flat_map(kids).filter(|kid| !set.has_kid(kid)) {
            self.remember(Vanished { kid: kid.to_owned(), absent_since: fetched_at, confirmed: false });
        }
        self.shorten();
    }

    /// Notes that `set` does not count any more, and that no other has taken its place yet.
    pub(super) fn dropped(&mut self, set: &KeySet, at: Timestamp) {
        for kid in kids(set) {
            self.remember(Vanished { kid: kid.to_owned(), absent_since: at, confirmed: false });
        }
        self.shorten();
    }

    /// Takes over what another process remembers, as far as `set` lacks it.
    pub(super) fn merge(&mut self, other: Self, set: Option<&KeySet>) {
        for vanished in other.0 {
            if !set.is_some_and(|set| set.has_kid(&vanished.kid)) {
                self.remember(vanished);
            }
        }
        self.shorten();
    }

    fn remember(&mut self, vanished: Vanished) {
        if vanished.kid.len() > MAX_RETIRED_KID_BYTES {
            return;
        }
        match self.0.iter_mut().find(|known| known.kid == vanished.kid) {
            Some(known) => {
                known.absent_since = known.absent_since.min(vanished.absent_since);
                known.confirmed |= vanished.confirmed;
            }
            None => self.0.push(vanished),
        }
    }

    /// Forgets the ones that vanished first, if there are too many.
    fn shorten(&mut self) {
        let mut sorted: Vec<Vanished> = Vec::with_capacity(self.0.len());
        // There are few, and a stable sort would cost 2 kB of wasm. Each is inserted after its equals.
        for vanished in self.0.drain(..) {
            let place = sorted.partition_point(|earlier| earlier.absent_since <= vanished.absent_since);
            sorted.insert(place, vanished);
        }
        let too_many = sorted.len().saturating_sub(MAX_RETIRED_KIDS);
        sorted.drain(..too_many);
        self.0 = sorted;
    }

    /// Reads the member of a record; `None` if it is not what [`Serialize`] writes.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let list = value.as_array().filter(|list| list.len() <= MAX_RETIRED_KIDS)?;
        list.iter().map(Vanished::from_json).collect::<Option<_>>().map(Self)
    }

    /// The latest time in it.
    pub(super) fn latest(&self) -> Option<Timestamp> {
        self.0.iter().map(|vanished| vanished.absent_since).max()
    }
}

impl Vanished {
    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.absent_since) > RETIRED_KIDS_SECONDS
    }

    fn from_json(value: &Value) -> Option<Self> {
        let members = value.as_object().filter(|members| members.len() == 3)?;
        let kid = members.get("kid")?.as_str().filter(|kid| kid.len() <= MAX_RETIRED_KID_BYTES)?;
        let absent_since = Timestamp::from_epoch_seconds(members.get("absent_since")?.as_i64()?);
        Some(Self { kid: kid.to_owned(), absent_since, confirmed: members.get("confirmed")?.as_bool()? })
    }
}
