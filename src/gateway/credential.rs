//! `credential = { exchange = … }`: our own token for an upstream, issued by the exchange and its policy, and kept until shortly
//! before it expires.
//!
//! A kept token belongs to one subject token, by its SHA-256, and one audience. The subject token is verified again at each
//! request, so a kept token is never used after its subject token has become invalid.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::exchange::Exchange;
use crate::exchange::access_token::{self, Wanted};
use crate::exchange::clients::GATEWAY;
use crate::exchange::mint::{Audit, Minted};
use crate::exchange::policy::Target;
use crate::exchange::refusal::{Role, TargetError, TokenError};
use crate::limits;
use crate::ports::Platform;
use crate::signing::Checks;
use crate::time::Timestamp;
use crate::verify::{Digest, VerifiedToken};

/// The subject token, by its SHA-256, and the audience that a kept token belongs to.
type Owner = (Digest, String);

/// Our own tokens that have not expired, of one isolate and one configuration. Bounded in tokens, in bytes and by their `exp`.
#[derive(Default)]
pub struct Kept(RefCell<Tokens>);

#[derive(Default)]
struct Tokens {
    by_owner: BTreeMap<Owner, (String, Timestamp)>,
    bytes: usize,
}

/// Shows no token.
impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").field("tokens", &self.len()).finish()
    }
}

impl Kept {
    fn get(&self, owner: &Owner, now: Timestamp) -> Option<String> {
        let tokens = self.0.borrow();
        let (token, expires_at) = tokens.by_owner.get(owner)?;
        (now.plus(limits::KEPT_TOKEN_MARGIN_SECONDS) < *expires_at).then(|| token.clone())
    }

    fn put(&self, owner: Owner, minted: &Minted, now: Timestamp) {
        let bytes = footprint(&owner, &minted.token);
        if bytes > limits::MAX_KEPT_BYTES_PER_TOKEN {
            return;
        }
        let mut tokens = self.0.borrow_mut();
        tokens.remove(&owner);
        tokens.remove_expired(now);
        while tokens.by_owner.len() >= limits::MAX_KEPT_TOKENS
            || tokens.bytes.saturating_add(bytes) > limits::MAX_KEPT_BYTES
        {
            let first = tokens.by_owner.iter().min_by_key(|(_, (_, expires_at))| *expires_at);
            let Some(first) = first.map(|(owner, _)| owner.clone()) else { break };
            tokens.remove(&first);
        }
        tokens.bytes = tokens.bytes.saturating_add(bytes);
        tokens.by_owner.insert(owner, (minted.token.clone(), minted.expires_at));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.borrow().by_owner.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An upper bound of the bytes of memory that they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.borrow().bytes
    }
}

impl Tokens {
    fn remove(&mut self, owner: &Owner) {
        if let Some((token, _)) = self.by_owner.remove(owner) {
            self.bytes = self.bytes.saturating_sub(footprint(owner, &token));
        }
    }

    fn remove_expired(&mut self, now: Timestamp) {
        let bytes = &mut self.bytes;
        self.by_owner.retain(|owner, (token, expires_at)| {
            let is_good = now < *expires_at;
            if !is_good {
                *bytes = bytes.saturating_sub(footprint(owner, token));
            }
            is_good
        });
    }
}

/// An upper bound of the bytes of memory that one token takes.
fn footprint(owner: &Owner, token: &str) -> usize {
    /// Bytes of a slot in a half-filled node of the tree, and of two allocations.
    const REST_BYTES: usize = 256;
    token.len().saturating_add(owner.1.len()).saturating_add(REST_BYTES)
}

/// Our token for `audience` in place of `subject`: a kept one, or a new one with its audit entry for the log.
///
/// # Errors
/// As at the token endpoint: refusals of the target's policy, and faults.
pub async fn exchanged<P: Platform>(
    kept: &Kept,
    exchange: &Exchange,
    platform: &P,
    audience: &str,
    subject: &VerifiedToken,
    now: Timestamp,
) -> Result<(String, Option<Audit>), TokenError> {
    let owner = (*subject.digest(), audience.to_owned());
    if let Some(token) = kept.get(&owner, now) {
        return Ok((token, None));
    }
    let targets = [target(exchange, audience)?];
    let (minted, _) = access_token::issue(exchange, platform, &wanted(subject, &targets), now).await?;
    kept.put(owner, &minted, now);
    let audit = minted.audit(Some(GATEWAY), vec![audience.to_owned()]);
    Ok((minted.token, Some(audit)))
}

/// Whether [`exchanged`] would give a token for `subject`. No token is issued.
///
/// # Errors
/// As [`exchanged`].
pub async fn exchangeable<P: Platform>(
    exchange: &Exchange,
    platform: &P,
    audience: &str,
    subject: &VerifiedToken,
    now: Timestamp,
) -> Result<(), TokenError> {
    let targets = [target(exchange, audience)?];
    access_token::check(exchange, platform, &wanted(subject, &targets), now).await
}

fn target<'e>(exchange: &'e Exchange, audience: &str) -> Result<&'e Target, TargetError> {
    exchange.targets.iter().find(|target| target.audience == audience).ok_or(TargetError::Unknown)
}

fn wanted<'w>(subject: &'w VerifiedToken, targets: &'w [&'w Target]) -> Wanted<'w> {
    Wanted {
        subject,
        role: Role::Subject,
        actor: None,
        targets,
        scope: None,
        client_id: GATEWAY,
        checks: Checks::Each,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(kept: &Kept, number: usize, bytes: usize, expires_at: i64, now: i64) -> Owner {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
        let owner = (digest, "https://api.example".to_owned());
        let expires_at = Timestamp::from_epoch_seconds(expires_at);
        let minted = Minted {
            token: "t".repeat(bytes),
            expires_at,
            expires_in: 0,
            payload: String::new(),
            jti: String::new(),
        };
        kept.put(owner.clone(), &minted, Timestamp::from_epoch_seconds(now));
        owner
    }

    #[test]
    fn large_tokens_do_not_fill_the_memory() {
        let kept = Kept::default();
        for number in 0..1000 {
            put(&kept, number, 30_000, 900, 0);
            assert!((kept.len() * 30_000..=limits::MAX_KEPT_BYTES).contains(&kept.bytes()));
        }
        assert!(kept.len() > 60, "{}", kept.len());
        let ordinary = put(&kept, 1000, 1000, 900, 0);
        let before = kept.len();
        let too_large = put(&kept, 1001, limits::MAX_KEPT_BYTES_PER_TOKEN, 900, 0);
        let now = Timestamp::from_epoch_seconds(0);
        assert!(kept.get(&ordinary, now).is_some() && kept.get(&too_large, now).is_none());
        assert_eq!(kept.len(), before);
    }

    #[test]
    fn one_token_and_all_together_may_take_exactly_their_limits() {
        let probe = Kept::default();
        put(&probe, 0, 0, 900, 0);
        let longest = limits::MAX_KEPT_BYTES_PER_TOKEN - probe.bytes();
        let kept = Kept::default();
        put(&kept, 0, longest + 1, 900, 0);
        assert!(kept.is_empty());
        let count = limits::MAX_KEPT_BYTES / limits::MAX_KEPT_BYTES_PER_TOKEN;
        for number in 1..=count {
            put(&kept, number, longest, 900, 0);
        }
        assert_eq!((kept.len(), kept.bytes()), (count, limits::MAX_KEPT_BYTES));
        put(&kept, 0, 0, 900, 0);
        assert_eq!(kept.len(), count, "another one displaces one");
    }

    #[test]
    fn a_token_is_not_used_in_its_last_ten_seconds() {
        let kept = Kept::default();
        let owner = put(&kept, 0, 1000, 900, 0);
        let is_used = |now| kept.get(&owner, Timestamp::from_epoch_seconds(now)).is_some();
        assert!(is_used(889) && !is_used(890));
    }

    #[test]
    fn expired_tokens_are_dropped_when_the_next_token_is_kept() {
        let kept = Kept::default();
        for number in 0..100 {
            put(&kept, number, 1000, 900, 0);
        }
        put(&kept, 100, 1000, 1800, 900);
        assert_eq!(kept.len(), 1);
        let charged = kept.bytes();
        let alone = Kept::default();
        assert!(alone.is_empty() && !kept.is_empty());
        put(&alone, 100, 1000, 1800, 900);
        assert_eq!(alone.bytes(), charged, "expired tokens take nothing");
        put(&kept, 100, 1000, 1800, 900);
        assert_eq!((kept.len(), kept.bytes()), (1, charged), "a token that is replaced counts once");
    }
}
