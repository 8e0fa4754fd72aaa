//! Tokens whose signature was found valid at a recent request, so that the next request of a session does not check it again.
//!
//! An entry stores only what cannot change: the token's content, and the key and key set under which its signature is valid.
//! Everything else is checked at every hit: whether the issuer and the algorithm are still allowed, whether that set is still
//! the issuer's, and every rule for the claims and times. The memory belongs to one configuration and is dropped with it.
//!
//! A token is remembered when its signature is checked for the second time. So a token that comes once costs no memory, and any number of
//! them displace no session.
//!
//! The memory is bounded in tokens, in bytes and in time. An entry refers to its key set by a hash and does not hold it, and
//! it holds no parsed tree (see [`Object`](crate::jose::Object)), so its estimated size is an upper bound.

use std::collections::HashMap;
use std::sync::Arc;

use edge_assay_jose::hash::sha256;

use super::KeyIdentity;
use crate::jose::SetIdentity;
use crate::jose::token::Content;
use crate::limits;
use crate::sync::Shared;
use crate::time::Timestamp;

/// How many seconds a reading of the clock may be older than the latest one without a step of the clock: threads read it, and then wait for the lock.
const OLDER_READING_SECONDS: i64 = 2;

/// The SHA-256 of a whole token, signature included.
pub type Digest = [u8; 32];

/// What a token is looked for by: the end of its signature. Two tokens may have the same, so an entry also has the SHA-256 of its token. No hash is computed
/// for a token whose mark is not there.
type Mark = u64;

/// The octets of a token that its mark is made of: 96 bits of its signature in base64url.
const MARKED_OCTETS: usize = 16;

/// The mark of `token`, which need not be one.
fn mark(token: &str) -> Mark {
    /// 2^64 divided by the golden ratio, an odd number whose multiples are spread well.
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    let octets = token.as_bytes().last_chunk::<MARKED_OCTETS>().copied().unwrap_or_default();
    let number = u128::from_le_bytes(octets);
    // Both halves, of which each has the bits of eight characters.
    #[allow(clippy::cast_possible_truncation)]
    let (low, high) = (number as u64, (number >> 64) as u64);
    let product = (low.wrapping_mul(SPREAD) ^ high).wrapping_mul(SPREAD);
    // The last characters are in the upper bits, and a product carries upwards only.
    (product ^ product >> 32).wrapping_mul(SPREAD)
}

/// A signature that was found valid.
#[derive(Debug)]
pub(super) struct Remembered {
    /// The SHA-256 of the whole token.
    pub(super) digest: Digest,
    /// The token's content.
    pub(super) content: Arc<Content>,
    /// The key that signed it.
    pub(super) key: Arc<KeyIdentity>,
    /// The set in which the key was found; `None` for a shared secret, which belongs to the configuration.
    pub(super) set: Option<SetIdentity>,
    /// When the signature was checked.
    pub(super) checked_at: Timestamp,
}

impl Remembered {
    /// An upper bound of the bytes of memory that it takes, its place in the map included.
    fn footprint(&self) -> usize {
        /// A slot of the table at its lowest load after growing, the counters of three `Arc`, and their allocations.
        const REST_BYTES: usize = 256;
        let texts = [&self.key.kid, &self.key.thumbprint];
        texts.into_iter().flatten().map(String::len).fold(
            self.content.footprint().saturating_add(size_of::<KeyIdentity>()).saturating_add(REST_BYTES),
            usize::saturating_add,
        )
    }
}

/// The memory.
#[derive(Debug)]
pub struct RememberedTokens {
    /// How long an entry is valid. With 0, nothing is remembered.
    seconds: u64,
    generations: Shared<Generations>,
}

/// The recent entries and those before them. The old generation is dropped whole when the young one is full, or when none of
/// its entries can be valid any more. So no search is needed to make room for an entry.
#[derive(Debug)]
struct Generations {
    young: HashMap<Mark, Arc<Remembered>>,
    young_bytes: usize,
    /// When the young one began.
    young_since: Timestamp,
    old: HashMap<Mark, Arc<Remembered>>,
    once: SeenOnce,
}

/// The marks of tokens whose signature was found valid once. A mark takes the place of another one, so a token may be taken for new again.
#[derive(Debug, Default)]
struct SeenOnce(Vec<Mark>);

impl SeenOnce {
    /// Notes `mark`, and returns whether it was noted already.
    fn note(&mut self, mark: Mark) -> bool {
        // Made at the first use. No token has the mark 0, but for one in 2^64.
        self.0.resize(limits::TOKENS_SEEN_ONCE, 0);
        let places = u64::try_from(limits::TOKENS_SEEN_ONCE).unwrap_or(u64::MAX);
        // The upper bits of a product depend on all bits of its factor.
        let place = (mark >> 32).checked_rem(places).and_then(|place| usize::try_from(place).ok());
        let place = place.and_then(|place| self.0.get_mut(place));
        place.is_some_and(|place| std::mem::replace(place, mark) == mark)
    }
}

impl Generations {
    /// Drops the entries that are too old at `now`.
    fn advance(&mut self, now: Timestamp, seconds: u64) {
        let age = now.since(self.young_since);
        match u64::try_from(age) {
            Ok(age) if age < seconds => {}
            Err(_) if age >= -OLDER_READING_SECONDS => {}
            // Every entry of the old generation is older than the young generation.
            Ok(age) if age < seconds.saturating_mul(2) => self.begin(now),
            // There was no request for that long, or the clock was set back.
            _ => {
                self.begin(now);
                self.old = HashMap::new();
            }
        }
    }

    /// Begins a young generation at `now`.
    fn begin(&mut self, now: Timestamp) {
        self.old = std::mem::take(&mut self.young);
        (self.young_bytes, self.young_since) = (0, now);
    }
}

impl RememberedTokens {
    /// A memory whose entries are valid for `seconds`.
    #[must_use]
    pub fn lasting(seconds: u64) -> Self {
        let generations = Generations {
            young: HashMap::new(),
            young_bytes: 0,
            young_since: Timestamp::from_epoch_seconds(0),
            old: HashMap::new(),
            once: SeenOnce::default(),
        };
        Self { seconds, generations: Shared::new(generations) }
    }

    /// The entry of the token, if it is recent enough at `now`.
    pub(super) fn find(&self, token: &str, now: Timestamp) -> Option<Arc<Remembered>> {
        let mark = mark(token);
        let found = self.generations.with(|generations| {
            generations.advance(now, self.seconds);
            generations.young.get(&mark).or_else(|| generations.old.get(&mark)).cloned()
        })?;
        (self.is_recent(&found, now) && found.digest == sha256(token.as_bytes())).then_some(found)
    }

    /// Whether the entry is valid at `now`. Its age is negative if the clock was set back; then it is not.
    pub(super) fn is_recent(&self, entry: &Remembered, now: Timestamp) -> bool {
        u64::try_from(now.since(entry.checked_at)).is_ok_and(|age| age < self.seconds)
    }

    /// Notes at `now` that the signature of `token` is valid. If that was noted before, the token is remembered, unless it takes too much memory.
    pub(super) fn note(&self, token: &str, now: Timestamp, remembered: impl FnOnce(Digest) -> Remembered) {
        if self.seconds == 0 {
            return;
        }
        let mark = mark(token);
        let is_known = self.generations.with(|generations| {
            let was_remembered = generations.old.contains_key(&mark);
            generations.once.note(mark) || was_remembered
        });
        if is_known {
            self.insert(mark, now, remembered(sha256(token.as_bytes())));
        }
    }

    fn insert(&self, mark: Mark, now: Timestamp, remembered: Remembered) {
        let bytes = remembered.footprint();
        if bytes > limits::REMEMBERED_BYTES_PER_TOKEN {
            return;
        }
        self.generations.with(|generations| {
            generations.advance(now, self.seconds);
            let grown = generations.young_bytes.saturating_add(bytes);
            if generations.young.len() >= limits::REMEMBERED_TOKENS || grown > limits::REMEMBERED_BYTES {
                generations.begin(now);
            }
            let replaced = generations.young.insert(mark, Arc::new(remembered));
            let replaced_bytes = replaced.map_or(0, |replaced| replaced.footprint());
            generations.young_bytes =
                generations.young_bytes.saturating_add(bytes).saturating_sub(replaced_bytes);
        });
    }

    /// How many tokens are remembered, and the estimated bytes that they take.
    #[cfg(test)]
    fn held(&self) -> (usize, usize) {
        self.generations.with(|generations| {
            let all = || generations.young.values().chain(generations.old.values());
            (all().count(), all().map(|one| one.footprint()).sum())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;
    use crate::jose::base64url;
    use crate::jose::token::UntrustedToken;

    fn remembered(payload: &str, checked_at: i64) -> Remembered {
        let text = format!("{}.{}.AA", base64url::encode(b"{}"), base64url::encode(payload.as_bytes()));
        let content = Arc::clone(UntrustedToken::parse(&text).unwrap().content());
        let key = KeyIdentity { algorithm: Algorithm::Hs256, kid: None, thumbprint: None };
        let checked_at = Timestamp::from_epoch_seconds(checked_at);
        Remembered { digest: [0; 32], content, key: Arc::new(key), set: None, checked_at }
    }

    fn token(number: usize) -> String {
        format!("e30.e30.{number:032}")
    }

    /// A token whose signature is found valid at this time.
    fn comes(memory: &RememberedTokens, number: usize, at: i64) {
        let entry = remembered("{}", at);
        memory.note(&token(number), entry.checked_at, |digest| Remembered { digest, ..entry });
    }

    /// A token whose signature was found valid before.
    fn comes_again(memory: &RememberedTokens, number: usize, entry: Remembered) {
        let (token, at) = (token(number), entry.checked_at);
        memory.insert(mark(&token), at, Remembered { digest: sha256(token.as_bytes()), ..entry });
    }

    fn knows(memory: &RememberedTokens, number: usize, now: i64) -> bool {
        memory.find(&token(number), Timestamp::from_epoch_seconds(now)).is_some()
    }

    #[test]
    fn a_token_is_remembered_when_its_signature_is_checked_for_the_second_time() {
        let memory = RememberedTokens::lasting(60);
        comes(&memory, 1, 1000);
        assert!(!knows(&memory, 1, 1000));
        comes(&memory, 2, 1000);
        comes(&memory, 1, 1000);
        assert!(knows(&memory, 1, 1000) && !knows(&memory, 2, 1000));
    }

    #[test]
    fn tokens_that_come_once_take_no_more_memory_and_displace_none() {
        let memory = RememberedTokens::lasting(60);
        for number in [0, 0] {
            comes(&memory, number, 0);
        }
        let places = || memory.generations.with(|generations| generations.once.0.capacity());
        let before = (memory.held(), places());
        for number in 1..20_000 {
            comes(&memory, number, 0);
        }
        assert_eq!((memory.held(), places()), before);
        assert!(knows(&memory, 0, 0));
    }

    #[test]
    fn most_marks_of_a_generation_of_tokens_are_still_there_when_they_come_again() {
        let memory = RememberedTokens::lasting(60);
        for number in (0..limits::REMEMBERED_TOKENS).chain(0..limits::REMEMBERED_TOKENS) {
            comes(&memory, number, 0);
        }
        let known = (0..limits::REMEMBERED_TOKENS).filter(|number| knows(&memory, *number, 0)).count();
        // Of 2,000 places, 1,000 marks take about 790.
        assert!((500..limits::REMEMBERED_TOKENS).contains(&known), "{known}");
    }

    #[test]
    fn a_token_that_was_remembered_a_moment_ago_is_remembered_again_at_once() {
        let memory = RememberedTokens::lasting(60);
        comes_again(&memory, 1, remembered("{}", 1000));
        assert!(!knows(&memory, 1, 1060));
        comes(&memory, 1, 1060);
        assert!(knows(&memory, 1, 1060));
    }

    #[test]
    fn another_token_with_the_same_end_is_not_found() {
        let memory = RememberedTokens::lasting(60);
        comes_again(&memory, 1, remembered("{}", 1000));
        let (good, other) = (token(1), token(1).replacen("e30", "e31", 1));
        let now = Timestamp::from_epoch_seconds(1000);
        assert_eq!(mark(&good), mark(&other));
        assert!(memory.find(&good, now).is_some() && memory.find(&other, now).is_none());
    }

    #[test]
    fn a_mark_depends_on_each_of_the_last_octets_of_a_token() {
        let text = token(7);
        let marks: std::collections::HashSet<Mark> = (text.len() - MARKED_OCTETS..text.len())
            .map(|place| {
                let mut changed = text.clone();
                changed.replace_range(place..=place, "x");
                mark(&changed)
            })
            .chain([mark(&text)])
            .collect();
        assert_eq!(marks.len(), MARKED_OCTETS + 1);
        assert_eq!((mark(""), mark("e30.e30.AA")), (0, 0), "they are too short to be tokens");
    }

    #[test]
    fn a_signature_is_remembered_for_the_time_configured_and_not_a_second_longer() {
        let memory = RememberedTokens::lasting(60);
        comes_again(&memory, 1, remembered("{}", 1000));
        assert!(!knows(&memory, 2, 1000));
        let known: Vec<i64> = [1000, 1059, 1060].into_iter().filter(|now| knows(&memory, 1, *now)).collect();
        assert_eq!(known, [1000, 1059]);
    }

    #[test]
    fn no_entry_is_used_after_the_clock_was_set_back() {
        let memory = RememberedTokens::lasting(60);
        comes_again(&memory, 1, remembered("{}", 1000));
        assert!(!knows(&memory, 1, 999));
    }

    #[test]
    fn a_thread_with_an_older_reading_of_the_clock_empties_nothing() {
        let memory = RememberedTokens::lasting(60);
        comes_again(&memory, 1, remembered("{}", 1000));
        comes_again(&memory, 2, remembered("{}", 998));
        assert!(!knows(&memory, 1, 999));
        assert!(knows(&memory, 1, 1001) && knows(&memory, 2, 1001));
        // A step of the clock does.
        assert!(!knows(&memory, 1, 997) && !knows(&memory, 1, 1001));
    }

    #[test]
    fn nothing_is_remembered_if_that_is_switched_off() {
        let memory = RememberedTokens::lasting(0);
        for number in [1, 1, 1] {
            comes(&memory, number, 1000);
        }
        assert_eq!(memory.held(), (0, 0));
        assert!(!knows(&memory, 1, 1000));
    }

    #[test]
    fn the_memory_is_bounded_in_tokens_and_the_latest_are_in_it() {
        let memory = RememberedTokens::lasting(60);
        let count = 5 * limits::REMEMBERED_TOKENS;
        for number in 0..count {
            comes_again(&memory, number, remembered("{}", 0));
        }
        let known = (0..count).filter(|number| knows(&memory, *number, 0)).count();
        assert!((limits::REMEMBERED_TOKENS..=2 * limits::REMEMBERED_TOKENS).contains(&known), "{known}");
        assert!((count - limits::REMEMBERED_TOKENS..count).all(|number| knows(&memory, number, 0)));
    }

    #[test]
    fn a_generation_has_exactly_as_many_tokens_as_its_limit() {
        let memory = RememberedTokens::lasting(60);
        for number in 0..=limits::REMEMBERED_TOKENS {
            comes_again(&memory, number, remembered("{}", 0));
        }
        let (young, old) =
            memory.generations.with(|generations| (generations.young.len(), generations.old.len()));
        assert_eq!((young, old), (1, limits::REMEMBERED_TOKENS));
        assert!((0..=limits::REMEMBERED_TOKENS).all(|number| knows(&memory, number, 0)));
    }

    #[test]
    fn the_memory_is_bounded_in_bytes_for_every_content_of_the_tokens() {
        let long = format!(r#"{{"sub":"{}"}}"#, "s".repeat(11_000));
        let nested = format!(r#"{{"user_metadata":[{}{{}}]}}"#, r#"{"":0},"#.repeat(1700));
        let many: Vec<String> = (0..1000).map(|number| format!("\"{number}\":0")).collect();
        let many = format!("{{{}}}", many.join(","));
        let audiences = format!(r#"{{"aud":[{}""]}}"#, r#""","#.repeat(900));
        for payload in [long, nested, many, audiences] {
            let memory = RememberedTokens::lasting(60);
            for number in 0..1000 {
                comes_again(&memory, number, remembered(&payload, 0));
            }
            let (count, bytes) = memory.held();
            assert!(count > 60 && bytes <= 2 * limits::REMEMBERED_BYTES, "{count} {bytes} {payload:.20}");
        }
    }

    #[test]
    fn an_entry_is_charged_for_every_text_that_it_holds() {
        let charged = |payload: &str| remembered(payload, 0).footprint();
        let empty = charged("{}");
        let text = "s".repeat(1000);
        // The claims set has the text, and the claim is also held by itself.
        for name in ["iss", "sub", "azp"] {
            let bytes = charged(&format!(r#"{{"{name}":"{text}"}}"#)) - empty;
            assert!((2000..2200).contains(&bytes), "{name}: {bytes}");
        }
        let bytes = charged(&format!(r#"{{"other":"{text}"}}"#)) - empty;
        assert!((1000..1200).contains(&bytes), "{bytes}");
        // A list of n audiences may have room for 2 n, and each has its own allocation.
        let audiences = format!(r#"{{"aud":[{}""]}}"#, r#""","#.repeat(999));
        let held = 1000 * (2 * size_of::<String>() + 16) + audiences.len();
        let bytes = charged(&audiences) - empty;
        assert!((held..held + 200).contains(&bytes), "{bytes} {held}");
    }

    /// A token that takes this many bytes of memory.
    fn that_takes(bytes: usize) -> Remembered {
        let subject = "s".repeat(30_000);
        let padded = |length: usize| {
            remembered(&format!(r#"{{"sub":"{subject}","pad":"{}"}}"#, "p".repeat(length)), 0)
        };
        let token = padded(bytes - padded(0).footprint());
        assert_eq!(token.footprint(), bytes);
        token
    }

    #[test]
    fn a_token_and_a_generation_may_take_exactly_their_limits() {
        let memory = RememberedTokens::lasting(60);
        comes_again(&memory, 0, that_takes(limits::REMEMBERED_BYTES_PER_TOKEN + 1));
        assert_eq!(memory.held().0, 0);
        let count = limits::REMEMBERED_BYTES / limits::REMEMBERED_BYTES_PER_TOKEN;
        for number in 1..=count {
            comes_again(&memory, number, that_takes(limits::REMEMBERED_BYTES_PER_TOKEN));
        }
        let in_generations =
            || memory.generations.with(|generations| (generations.young.len(), generations.old.len()));
        assert_eq!(in_generations(), (count, 0));
        comes_again(&memory, 0, remembered("{}", 0));
        assert_eq!(in_generations(), (1, count));
    }

    #[test]
    fn a_token_that_takes_much_displaces_no_other() {
        let memory = RememberedTokens::lasting(60);
        comes_again(&memory, 0, remembered("{}", 0));
        let large = format!(r#"{{"sub":"{}"}}"#, "s".repeat(40_000));
        for number in 1..1000 {
            comes_again(&memory, number, remembered(&large, 0));
        }
        assert!(knows(&memory, 0, 0) && !knows(&memory, 1, 0));
    }

    #[test]
    fn a_token_that_is_checked_again_is_charged_once() {
        let memory = RememberedTokens::lasting(60);
        comes_again(&memory, 0, remembered("{}", 0));
        let (_, once) = memory.held();
        for _ in 0..1000 {
            comes_again(&memory, 0, remembered("{}", 0));
        }
        assert_eq!(memory.held(), (1, once));
        assert_eq!(memory.generations.with(|generations| generations.young_bytes), once);
    }

    #[test]
    fn entries_that_are_too_old_are_dropped_when_any_next_token_comes() {
        let memory = RememberedTokens::lasting(60);
        for number in 0..100 {
            comes_again(&memory, number, remembered("{}", 1000 + i64::try_from(number).unwrap()));
        }
        assert_eq!(memory.held().0, 100);
        // The generation that began at 1000 ended at 1060; the one that began then ends at 1120.
        assert!(!knows(&memory, 1000, 1119));
        assert_eq!(memory.held().0, 100);
        assert!(!knows(&memory, 1000, 1120));
        assert_eq!(memory.held().0, 40);
        comes_again(&memory, 1001, remembered("{}", 1240));
        assert_eq!(memory.held().0, 1);
        // Both generations have ended when twice the time has passed since the young one began.
        comes_again(&memory, 1002, remembered("{}", 1359));
        assert_eq!(memory.held().0, 2);
        comes_again(&memory, 1003, remembered("{}", 1479));
        assert_eq!(memory.held().0, 1);
    }
}
