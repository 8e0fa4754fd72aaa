//! `credential = { exchange = … }`: our own token for an upstream, minted by the exchange and its policy, and kept while it
//! is good.
//!
//! A kept token belongs to one subject token, by its SHA-256, and one audience. The subject token is verified anew at each
//! request, so a kept one never outlives what it was minted for.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::exchange::Exchange;
use crate::exchange::access_token::{self, Wanted};
use crate::exchange::mint::Minted;
use crate::exchange::refusal::{Role, TargetFault, TokenError};
use crate::limits;
use crate::ports::Platform;
use crate::time::Timestamp;
use crate::verify::{Digest, VerifiedToken};

/// The `client_id` of tokens that the gateway asks for.
pub const CLIENT_ID: &str = "edge-assay";

/// What a kept token belongs to.
type Owner = (Digest, String);

/// Our own tokens that are still good, of one isolate and one configuration.
#[derive(Default)]
pub struct Kept(RefCell<BTreeMap<Owner, (String, Timestamp)>>);

/// Shows no token.
impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").field("tokens", &self.0.borrow().len()).finish()
    }
}

impl Kept {
    fn get(&self, owner: &Owner, now: Timestamp) -> Option<String> {
        let tokens = self.0.borrow();
        let (token, expires_at) = tokens.get(owner)?;
        (now.plus(limits::KEPT_TOKEN_MARGIN_SECONDS) < *expires_at).then(|| token.clone())
    }

    fn put(&self, owner: Owner, minted: &Minted, now: Timestamp) {
        let mut tokens = self.0.borrow_mut();
        if tokens.len() >= limits::MAX_KEPT_TOKENS {
            tokens.retain(|_, (_, expires_at)| now < *expires_at);
        }
        if tokens.len() >= limits::MAX_KEPT_TOKENS {
            let first = tokens.iter().min_by_key(|(_, (_, expires_at))| *expires_at);
            if let Some(owner) = first.map(|(owner, _)| owner.clone()) {
                tokens.remove(&owner);
            }
        }
        tokens.insert(owner, (minted.token.clone(), minted.expires_at));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

/// Our token for `audience` in place of `subject`: a kept one, or a new one.
///
/// # Errors
/// As at the token endpoint: what the target's policy refuses, and faults of ours.
pub async fn exchanged<P: Platform>(
    kept: &Kept,
    exchange: &Exchange,
    platform: &P,
    audience: &str,
    subject: &VerifiedToken,
    now: Timestamp,
) -> Result<String, TokenError> {
    let owner = (*subject.digest(), audience.to_owned());
    if let Some(token) = kept.get(&owner, now) {
        return Ok(token);
    }
    let target =
        exchange.targets.iter().find(|target| target.audience == audience).ok_or(TargetFault::Unknown)?;
    let wanted = Wanted {
        subject,
        role: Role::Subject,
        actor: None,
        targets: &[target],
        scope: None,
        client_id: CLIENT_ID,
    };
    let (minted, _) = access_token::issue(exchange, platform, &wanted, now).await?;
    kept.put(owner, &minted, now);
    Ok(minted.token)
}
