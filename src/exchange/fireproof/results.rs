//! Stored results: tokens that one client stores under a `resultId`, and another client collects once.
//!
//! Workers KV has no compare-and-set, and a change becomes visible in other places with a delay. So "once" holds within one
//! isolate; across isolates it holds only if KV already shows the deletion. `docs/exchange.md` describes this limit.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::ApiError;
use crate::jose::base64url;
use crate::jose::hash::sha256;
use crate::jose::json::parse_object;
use crate::limits;
use crate::members::json;
use crate::ports::{KeyValueStore, Level, Platform, StoreError};
use crate::rejection::Fault;
use crate::time::Timestamp;
use crate::waiting::with_store_timeout;

/// The KV namespace of the results, which also holds the key sets.
const BINDING: &str = "JWKS_CACHE";

type Hash = [u8; 32];

/// What an isolate remembers about results, so that within it none is handed out twice and none is replaced by a result of
/// another subject.
#[derive(Debug, Default)]
pub struct Results {
    /// By the hash of the `resultId`: the owner of the stored result.
    stored: Recent<String>,
    /// By the hash of the token: the results that were handed out.
    collected: Recent<()>,
}

/// A bounded map whose entries expire. It is a list that is searched from its beginning, because it is short and a tree costs more
/// wasm.
#[derive(Debug)]
struct Recent<V>(RefCell<Vec<Entry<V>>>);

#[derive(Debug)]
struct Entry<V> {
    hash: Hash,
    value: V,
    /// When it expires.
    until: Timestamp,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<V: Clone> Recent<V> {
    fn get(&self, hash: &Hash, now: Timestamp) -> Option<V> {
        let entries = self.0.borrow();
        let found = entries.iter().find(|entry| entry.hash == *hash);
        found.filter(|entry| now < entry.until).map(|entry| entry.value.clone())
    }

    /// Keeps the value for as long as a result is stored. If there are too many entries, the one that expires first is dropped.
    fn put(&self, hash: Hash, value: V, now: Timestamp) {
        self.remove(&hash);
        let mut entries = self.0.borrow_mut();
        if entries.len() >= limits::MAX_COLLECTED_RESULTS {
            entries.retain(|entry| now < entry.until);
        }
        if entries.len() >= limits::MAX_COLLECTED_RESULTS {
            let earliest = entries.iter().enumerate().min_by_key(|(_, entry)| entry.until);
            if let Some(place) = earliest.map(|(place, _)| place) {
                entries.swap_remove(place);
            }
        }
        entries.push(Entry { hash, value, until: now.plus(limits::FIREPROOF_RESULT_SECONDS) });
    }

    fn remove(&self, hash: &Hash) {
        let mut entries = self.0.borrow_mut();
        if let Some(place) = entries.iter().position(|entry| entry.hash == *hash) {
            entries.swap_remove(place);
        }
    }
}

/// Whether the id looks too long and too varied to be guessed. Fireproof's own client makes `z` and 7 to 9 base58 digits from 6
/// random bytes; such an id needs at least 4 different characters. Any other id needs at least 12 visible ASCII characters, of
/// which at least 6 are different.
fn is_hard_to_guess(result_id: &str) -> bool {
    const OWN_LENGTHS: RangeInclusive<usize> =
        limits::MIN_MULTIBASE_RESULT_ID_CHARS..=limits::MAX_MULTIBASE_RESULT_ID_CHARS;
    let is_base58 = |byte: u8| byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l');
    let is_own = OWN_LENGTHS.contains(&result_id.len())
        && result_id.strip_prefix('z').is_some_and(|digits| digits.bytes().all(is_base58));
    // One bit for each ASCII character. An id with another character is not accepted.
    let bit = |byte: u8| 1_u128.checked_shl(byte.into()).unwrap_or(0);
    let distinct = result_id.bytes().fold(0, |seen, byte| seen | bit(byte)).count_ones();
    if is_own {
        return distinct >= limits::MIN_MULTIBASE_RESULT_ID_DISTINCT;
    }
    result_id.bytes().all(|byte| byte.is_ascii_graphic())
        && result_id.len() >= limits::MIN_RESULT_ID_CHARS
        && distinct >= limits::MIN_RESULT_ID_DISTINCT
}

fn hash(text: &str) -> Hash {
    sha256(text.as_bytes())
}

/// The KV key of a result: a hash, so that a list of the keys reveals no `resultId`.
#[must_use]
pub fn result_key(result_id: &str) -> String {
    format!("fireproof-result:v2:{}", base64url::encode(&hash(result_id)))
}

/// A result as it is stored in KV.
struct StoredResult {
    /// A hash of the issuer and the `sub` of the subject.
    owner: String,
    /// The issued token.
    token: String,
}

impl StoredResult {
    /// Reads a value of KV; `None` if it does not have this form.
    fn parse(text: &str) -> Option<Self> {
        let members = parse_object(text).ok()?;
        let member = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { owner: member("owner")?, token: member("token")? })
    }

    fn to_text(&self) -> String {
        json!({ "owner": self.owner, "token": self.token }).to_string()
    }
}

/// Stores a token of `owner` for the client that will send the `resultId`. If KV is down, this is only logged, and the
/// requesting client still gets its token.
///
/// # Errors
/// [`ApiError::ResultTaken`] while a token of another subject is stored under this id.
pub(super) async fn store_result<P: Platform>(
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
        not_stored("the resultId is too easy to guess");
        return Ok(());
    }
    let (id_hash, now) = (hash(result_id), platform.now());
    // Entered before the first wait, so that of two simultaneous subjects in this isolate one is refused.
    match results.stored.get(&id_hash, now) {
        Some(known) if known != owner => return Err(ApiError::ResultTaken),
        _ => results.stored.put(id_hash, owner.clone(), now),
    }
    let key = result_key(result_id);
    let outcome = match with_store_timeout(platform, KeyValueStore::get(platform, &key)).await {
        Ok(found) => {
            let former = found.as_deref().and_then(StoredResult::parse);
            let is_collected =
                |former: &StoredResult| results.collected.get(&hash(&former.token), now).is_some();
            if let Some(former) = former.filter(|former| former.owner != owner && !is_collected(former)) {
                results.stored.put(id_hash, former.owner, now);
                return Err(ApiError::ResultTaken);
            }
            let result = StoredResult { owner, token: token.to_owned() };
            with_store_timeout(
                platform,
                platform.put(&key, &result.to_text(), limits::FIREPROOF_RESULT_SECONDS),
            )
            .await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        results.stored.remove(&id_hash);
        not_stored(&error.to_string());
    }
    Ok(())
}

/// Answers `reqTokenByResultId`: hands out the stored token, once.
///
/// # Errors
/// [`ApiError::Fault`] if KV does not answer.
pub(super) async fn collect_result<P: Platform>(
    results: &Results,
    result_id: &str,
    platform: &P,
) -> Result<Value, ApiError> {
    let token =
        if is_hard_to_guess(result_id) { take_token(results, result_id, platform).await? } else { None };
    Ok(match token {
        Some(token) => {
            json!({ "type": "resTokenByResultId", "status": "found", "resultId": result_id, "token": token })
        }
        None => json!({ "type": "resTokenByResultId", "status": "not-found", "resultId": result_id }),
    })
}

/// Reads the stored token and deletes it.
async fn take_token<P: Platform>(
    results: &Results,
    result_id: &str,
    platform: &P,
) -> Result<Option<String>, ApiError> {
    let unavailable = |error: StoreError| ApiError::Fault {
        issuer: None,
        fault: Fault::StoreUnavailable { binding: BINDING.to_owned(), reason: error.to_string() },
    };
    let key = result_key(result_id);
    let found =
        with_store_timeout(platform, KeyValueStore::get(platform, &key)).await.map_err(unavailable)?;
    let Some(result) = found.as_deref().and_then(StoredResult::parse) else { return Ok(None) };
    let (token_hash, now) = (hash(&result.token), platform.now());
    // KV may still show a result that this isolate has handed out. The entry is made before the deletion is awaited, so that
    // only one of several simultaneous requests in this isolate gets the token.
    if results.collected.get(&token_hash, now).is_some() {
        return Ok(None);
    }
    results.collected.put(token_hash, (), now);
    // Deleted before it is handed out: a lost token is better than one that is handed out twice.
    if let Err(error) = with_store_timeout(platform, platform.delete(&key)).await {
        results.collected.remove(&token_hash);
        return Err(unavailable(error));
    }
    results.stored.remove(&hash(result_id));
    Ok(Some(result.token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_fireproofs_own_client_is_accepted_and_one_that_can_be_guessed_is_not() {
        // `nextId()` of the client encodes 6 random bytes as multibase base58btc, in 8 to 10 characters.
        for id in ["z2345678", "z2a2a2ab", "zMNa7dRMEt", "0123456789ab", "a-second-result", "abcdefabcdef"] {
            assert!(is_hard_to_guess(id), "{id}");
        }
        for id in ["", "z", "z234567", "password", "12345678", "z0000000", "zzz-zzz-zzz", "0123456789a"] {
            assert!(!is_hard_to_guess(id), "{id}");
        }
        for id in ["            ", "aaaaaaaaaaaa", "zzzzzzzz", "z2222222", "zabzabzabzab", "abcdeabcdeab"] {
            assert!(!is_hard_to_guess(id), "{id}");
        }
        // As long as the client's own, but with characters that base58 does not have.
        for id in ["z2-4+6!8", "z2345670"] {
            assert!(!is_hard_to_guess(id), "{id}");
        }
        for id in ["0123456789 ab", "0123456789\nab", "0123456789\u{e9}ab", "\u{1f600}\u{1f601}\u{1f602}"] {
            assert!(!is_hard_to_guess(id), "{id}");
        }
    }

    #[test]
    fn remembered_entries_expire_and_are_bounded() {
        let recent: Recent<u32> = Recent::default();
        let now = Timestamp::from_epoch_seconds(1_800_000_000);
        for index in 0..=1024_u32 {
            recent.put(hash(&index.to_string()), index, now.plus(u64::from(index / 1000)));
        }
        assert_eq!(recent.0.borrow().len(), limits::MAX_COLLECTED_RESULTS);
        assert_eq!(recent.get(&hash("1024"), now), Some(1024));
        assert_eq!(recent.get(&hash("1024"), now.plus(limits::FIREPROOF_RESULT_SECONDS + 1)), None);
    }

    #[test]
    fn all_entries_that_have_expired_make_room_at_once() {
        let recent: Recent<usize> = Recent::default();
        let now = Timestamp::from_epoch_seconds(1_800_000_000);
        for index in 0..limits::MAX_COLLECTED_RESULTS {
            recent.put(hash(&index.to_string()), index, now);
        }
        assert_eq!(recent.0.borrow().len(), limits::MAX_COLLECTED_RESULTS);
        recent.put(hash("next"), 0, now.plus(limits::FIREPROOF_RESULT_SECONDS));
        assert_eq!(recent.0.borrow().len(), 1);
    }

    #[test]
    fn an_entry_is_replaced_and_removed_without_the_others() {
        let recent: Recent<u32> = Recent::default();
        let now = Timestamp::from_epoch_seconds(1_800_000_000);
        for (id, value) in [("a", 1), ("b", 2), ("c", 3), ("a", 4)] {
            recent.put(hash(id), value, now);
        }
        let values = || ["a", "b", "c"].map(|id| recent.get(&hash(id), now));
        assert_eq!(values(), [Some(4), Some(2), Some(3)]);
        recent.remove(&hash("a"));
        assert_eq!(values(), [None, Some(2), Some(3)]);
        recent.put(hash("a"), 5, now);
        recent.remove(&hash("b"));
        assert_eq!(values(), [Some(5), None, Some(3)]);
        assert_eq!(recent.0.borrow().len(), 2);
    }
}
