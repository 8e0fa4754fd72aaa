//! Tokens that wait in the store for whoever knows their `resultId`: left by one client, collected once by another.
//!
//! The store has no compare-and-set and shows a change elsewhere only later, so "once" holds in one isolate, and across isolates
//! only as far as the store is up to date. `docs/exchange.md` says so.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::ApiError;
use crate::jose::base64url;
use crate::jose::json::parse_object;
use crate::limits;
use crate::patience::in_time;
use crate::ports::{KeyValueStore, Level, Platform, StoreError};
use crate::rejection::Fault;
use crate::time::Timestamp;

/// The namespace they wait in, which is the key sets' too.
const BINDING: &str = "JWKS_CACHE";

type Hash = [u8; 32];

/// What an isolate remembers of results, so that within it none is given twice, and none is replaced by another subject's.
#[derive(Debug, Default)]
pub struct Results {
    /// By the hash of the `resultId`: whose result waits.
    left: Recent<String>,
    /// By the hash of the token: what was given away.
    collected: Recent<()>,
}

/// Entries that each end by themselves, of a bounded number.
#[derive(Debug)]
struct Recent<V>(RefCell<BTreeMap<Hash, (V, Timestamp)>>);

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<V: Clone> Recent<V> {
    fn get(&self, hash: &Hash, now: Timestamp) -> Option<V> {
        self.0.borrow().get(hash).filter(|(_, until)| now < *until).map(|(value, _)| value.clone())
    }

    /// Keeps the value for as long as a result waits. When there are too many, the one that ends first is forgotten.
    fn put(&self, hash: Hash, value: V, now: Timestamp) {
        let mut entries = self.0.borrow_mut();
        if entries.len() >= limits::MAX_COLLECTED_RESULTS {
            entries.retain(|_, (_, until)| now < *until);
        }
        if entries.len() >= limits::MAX_COLLECTED_RESULTS {
            let first = entries.iter().min_by_key(|(_, (_, until))| *until).map(|(hash, _)| *hash);
            entries.retain(|hash, _| Some(*hash) != first);
        }
        entries.insert(hash, (value, now.plus(limits::FIREPROOF_RESULT_SECONDS)));
    }

    fn remove(&self, hash: &Hash) {
        self.0.borrow_mut().remove(hash);
    }
}

/// Whether nobody could guess it, as far as its form tells. Fireproof's own client writes 6 random bytes as `z` and base58
/// digits; any other form has to be longer.
fn is_hard_to_guess(result_id: &str) -> bool {
    const OWN_LENGTHS: RangeInclusive<usize> =
        limits::MIN_MULTIBASE_RESULT_ID_CHARS..=limits::MAX_MULTIBASE_RESULT_ID_CHARS;
    let is_base58 = |byte: u8| byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l');
    let is_own = OWN_LENGTHS.contains(&result_id.len())
        && result_id.strip_prefix('z').is_some_and(|digits| digits.bytes().all(is_base58));
    let distinct = result_id.bytes().collect::<BTreeSet<_>>().len();
    if is_own {
        return distinct >= limits::MIN_MULTIBASE_RESULT_ID_DISTINCT;
    }
    result_id.bytes().all(|byte| byte.is_ascii_graphic())
        && result_id.len() >= limits::MIN_RESULT_ID_CHARS
        && distinct >= limits::MIN_RESULT_ID_DISTINCT
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// The store's key of a result. Whoever can list the keys learns no `resultId` from it.
#[must_use]
pub fn result_key(result_id: &str) -> String {
    format!("fireproof-result:v2:{}", base64url::encode(&hash(result_id)))
}

/// A result as the store holds it.
struct Waiting {
    owner: String,
    token: String,
}

impl Waiting {
    /// Reads a value of the store; `None` where it is not one of ours.
    fn parse(text: &str) -> Option<Self> {
        let members = parse_object(text).ok()?;
        let member = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { owner: member("owner")?, token: member("token")? })
    }

    fn to_text(&self) -> String {
        json!({ "owner": self.owner, "token": self.token }).to_string()
    }
}

/// Leaves a token of `owner`'s for whoever knows the `resultId`. That the store is down does not take the token from who asked.
///
/// # Errors
/// [`ApiError::ResultTaken`] while another subject's token waits there.
pub(super) async fn leave<P: Platform>(
    results: &Results,
    result_id: &str,
    owner: String,
    token: &str,
    platform: &P,
) -> Result<(), ApiError> {
    let not_stored = |reason: &str| {
        platform.log(Level::Warn, &json!({ "event": "result_not_stored", "reason": reason }));
    };
    if !is_hard_to_guess(result_id) {
        not_stored("the resultId is so short that it could be guessed");
        return Ok(());
    }
    let (place, now) = (hash(result_id), platform.now());
    // Claimed before anything is waited for, so that of two subjects at once in this isolate one is refused.
    match results.left.get(&place, now) {
        Some(known) if known != owner => return Err(ApiError::ResultTaken),
        _ => results.left.put(place, owner.clone(), now),
    }
    let key = result_key(result_id);
    let outcome = match in_time(platform, KeyValueStore::get(platform, &key)).await {
        Ok(found) => {
            let waiting = found.as_deref().and_then(Waiting::parse);
            let is_given = |waiting: &Waiting| results.collected.get(&hash(&waiting.token), now).is_some();
            if let Some(waiting) = waiting.filter(|waiting| waiting.owner != owner && !is_given(waiting)) {
                results.left.put(place, waiting.owner, now);
                return Err(ApiError::ResultTaken);
            }
            let waiting = Waiting { owner, token: token.to_owned() };
            in_time(platform, platform.put(&key, &waiting.to_text(), limits::FIREPROOF_RESULT_SECONDS)).await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        results.left.remove(&place);
        not_stored(&error.to_string());
    }
    Ok(())
}

/// `reqTokenByResultId`: the token that was left, once.
pub(super) async fn collect<P: Platform>(
    results: &Results,
    result_id: &str,
    platform: &P,
) -> Result<Value, ApiError> {
    let token = if is_hard_to_guess(result_id) { take(results, result_id, platform).await? } else { None };
    Ok(match token {
        Some(token) => {
            json!({ "type": "resTokenByResultId", "status": "found", "resultId": result_id, "token": token })
        }
        None => json!({ "type": "resTokenByResultId", "status": "not-found", "resultId": result_id }),
    })
}

async fn take<P: Platform>(
    results: &Results,
    result_id: &str,
    platform: &P,
) -> Result<Option<String>, ApiError> {
    let unavailable = |error: StoreError| ApiError::Fault {
        issuer: None,
        fault: Fault::StoreUnavailable { binding: BINDING.to_owned(), reason: error.to_string() },
    };
    let key = result_key(result_id);
    let found = in_time(platform, KeyValueStore::get(platform, &key)).await.map_err(unavailable)?;
    let Some(waiting) = found.as_deref().and_then(Waiting::parse) else { return Ok(None) };
    let (given, now) = (hash(&waiting.token), platform.now());
    // The store may show what this isolate has given away already. Claimed before the deletion is waited for, so that of all
    // who collect at once here one gets it.
    if results.collected.get(&given, now).is_some() {
        return Ok(None);
    }
    results.collected.put(given, (), now);
    // Removed before it is handed out: better lost than handed out twice.
    if let Err(error) = in_time(platform, platform.delete(&key)).await {
        results.collected.remove(&given);
        return Err(unavailable(error));
    }
    results.left.remove(&hash(result_id));
    Ok(Some(waiting.token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_fireproofs_own_client_is_taken_and_one_without_entropy_is_not() {
        // `nextId()` of the client: 6 random bytes as multibase base58btc; a short and a long form.
        for id in ["z2345678", "z2a2a2ab", "zMNa7dRMEt", "0123456789ab", "a-second-result"] {
            assert!(is_hard_to_guess(id), "{id}");
        }
        for id in ["", "z", "z234567", "password", "12345678", "z0000000", "zzz-zzz-zzz", "0123456789a"] {
            assert!(!is_hard_to_guess(id), "{id}");
        }
        for id in ["            ", "aaaaaaaaaaaa", "zzzzzzzz", "z2222222", "zabzabzabzab", "abcdeabcdeab"] {
            assert!(!is_hard_to_guess(id), "{id}");
        }
        for id in ["0123456789 ab", "0123456789\nab", "0123456789\u{e9}ab", "\u{1f600}\u{1f601}\u{1f602}"] {
            assert!(!is_hard_to_guess(id), "{id}");
        }
    }

    #[test]
    fn what_is_remembered_ends_and_is_bounded() {
        let recent: Recent<u32> = Recent::default();
        let now = Timestamp::from_epoch_seconds(1_800_000_000);
        for index in 0..=1024_u32 {
            recent.put(hash(&index.to_string()), index, now.plus(u64::from(index / 1000)));
        }
        assert_eq!(recent.0.borrow().len(), limits::MAX_COLLECTED_RESULTS);
        assert_eq!(recent.get(&hash("1024"), now), Some(1024));
        assert_eq!(recent.get(&hash("1024"), now.plus(limits::FIREPROOF_RESULT_SECONDS + 1)), None);
    }
}
