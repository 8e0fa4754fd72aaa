//! Tokens whose signature was found good a moment ago, so that the next request of a session need not check it again.
//!
//! What is remembered cannot change: how a token reads, and under which key of which set its signature held. Whatever
//! can is asked anew at every hit: whether the issuer and the algorithm are still allowed, whether that very set is still
//! the issuer's, and every rule for the claims, times above all. The memory belongs to one configuration and ends with it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::KeyIdentity;
use crate::jose::jwk::KeySet;
use crate::jose::token::Content;
use crate::limits;
use crate::time::Timestamp;

/// The SHA-256 of a whole token, signature included.
pub type Digest = [u8; 32];

/// A signature that held.
#[derive(Debug)]
pub(super) struct Remembered {
    /// What the token says.
    pub(super) content: Rc<Content>,
    /// The key that signed it.
    pub(super) key: Rc<KeyIdentity>,
    /// The set in which the key was found; `None` for a shared secret, which is the configuration's.
    pub(super) set: Option<Rc<KeySet>>,
    /// When it was checked.
    pub(super) checked_at: Timestamp,
}

/// The memory, bounded in tokens, in bytes and in time.
#[derive(Debug)]
pub struct RememberedTokens {
    /// For how long; 0: not at all.
    seconds: u64,
    generations: RefCell<Generations>,
}

/// What was remembered of late, and what before that. The old one is forgotten whole when the young one is full: no token
/// is looked for to make room for another.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Digest, Rc<Remembered>>,
    young_bytes: usize,
    old: HashMap<Digest, Rc<Remembered>>,
}

impl RememberedTokens {
    /// A memory that trusts its own signature checks for `seconds`.
    #[must_use]
    pub fn lasting(seconds: u64) -> Self {
        Self { seconds, generations: RefCell::default() }
    }

    /// What is remembered of the token, if that is recent enough at `now`.
    pub(super) fn find(&self, digest: &Digest, now: Timestamp) -> Option<Rc<Remembered>> {
        let generations = self.generations.borrow();
        let found = generations.young.get(digest).or_else(|| generations.old.get(digest))?;
        // A clock that was set back makes the age negative, and the memory worthless.
        let age = u64::try_from(now.since(found.checked_at)).ok()?;
        (age < self.seconds).then(|| Rc::clone(found))
    }

    /// Remembers a token of `bytes`.
    pub(super) fn insert(&self, digest: Digest, bytes: usize, remembered: Remembered) {
        if self.seconds == 0 {
            return;
        }
        let mut generations = self.generations.borrow_mut();
        let grown = generations.young_bytes.saturating_add(bytes);
        if generations.young.len() >= limits::REMEMBERED_TOKENS || grown > limits::REMEMBERED_BYTES {
            generations.old = std::mem::take(&mut generations.young);
            generations.young_bytes = 0;
        }
        generations.young_bytes = generations.young_bytes.saturating_add(bytes);
        generations.young.insert(digest, Rc::new(remembered));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;
    use crate::jose::base64url;
    use crate::jose::token::UntrustedToken;

    fn remembered(checked_at: i64) -> Remembered {
        let text = format!("{}.{}.AA", base64url::encode(b"{}"), base64url::encode(b"{}"));
        let content = Rc::clone(UntrustedToken::parse(&text).unwrap().content());
        let key = KeyIdentity { algorithm: Algorithm::Hs256, kid: None, thumbprint: None };
        let checked_at = Timestamp::from_epoch_seconds(checked_at);
        Remembered { content, key: Rc::new(key), set: None, checked_at }
    }

    fn digest(number: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
        digest
    }

    fn knows(memory: &RememberedTokens, number: usize, now: i64) -> bool {
        memory.find(&digest(number), Timestamp::from_epoch_seconds(now)).is_some()
    }

    #[test]
    fn a_signature_is_remembered_for_the_time_configured_and_not_a_second_longer() {
        let memory = RememberedTokens::lasting(60);
        memory.insert(digest(1), 500, remembered(1000));
        let known: Vec<i64> =
            [999, 1000, 1059, 1060].into_iter().filter(|now| knows(&memory, 1, *now)).collect();
        assert_eq!(known, [1000, 1059]);
        assert!(!knows(&memory, 2, 1000));
    }

    #[test]
    fn nothing_is_remembered_where_that_is_switched_off() {
        let memory = RememberedTokens::lasting(0);
        memory.insert(digest(1), 500, remembered(1000));
        assert!(!knows(&memory, 1, 1000));
    }

    #[test]
    fn the_memory_is_bounded_in_tokens_and_the_latest_are_in_it() {
        let memory = RememberedTokens::lasting(60);
        let count = 5 * limits::REMEMBERED_TOKENS;
        for number in 0..count {
            memory.insert(digest(number), 1, remembered(0));
        }
        let known = (0..count).filter(|number| knows(&memory, *number, 0)).count();
        assert!((limits::REMEMBERED_TOKENS..=2 * limits::REMEMBERED_TOKENS).contains(&known), "{known}");
        assert!((count - limits::REMEMBERED_TOKENS..count).all(|number| knows(&memory, number, 0)));
    }

    #[test]
    fn the_memory_is_bounded_in_bytes() {
        let memory = RememberedTokens::lasting(60);
        let large = limits::REMEMBERED_BYTES / 4;
        for number in 0..100 {
            memory.insert(digest(number), large, remembered(0));
        }
        let known = (0..100).filter(|number| knows(&memory, *number, 0)).count();
        assert!((4..=8).contains(&known), "{known}");
    }
}
