//! Checks that no two parties have the same secret: each of them could act for the other.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::EXPLAIN_KEY;
use super::reader::Faults;
use super::surroundings::Surroundings;
#[cfg(feature = "exchange")]
use crate::exchange::Exchange;
use crate::gateway::forward_auth::ForwardAuth;
use crate::ports::Secrets;
#[cfg(feature = "exchange")]
use crate::signing::keyring;

/// A secret that the configuration names, and the party that it authenticates.
struct NamedSecret<'c> {
    /// The path of the field that names it.
    path: String,
    binding: &'c str,
    party: Party<'c>,
    /// The value as text, and decoded according to its `encoding`, if it has one.
    values: Vec<Vec<u8>>,
}

/// The party that a secret authenticates.
#[derive(PartialEq, Eq)]
enum Party<'c> {
    /// The operator, by `EXPLAIN_KEY`.
    Operator,
    /// This Worker, by `SIGNING_KEYS`.
    Worker,
    /// The proxy of forward-auth.
    Proxy,
    /// An issuer, by its `iss`.
    Issuer(&'c str),
    /// A client, by its binding and its targets. Two clients with the same binding and targets count as one party: while the id
    /// of a client is being changed, both ids are configured, and the secret gives access to nothing more.
    Client(&'c str, BTreeSet<&'c str>),
}

/// Reports every secret that has the same value as a secret of another party. Values are compared, and never shown. The
/// configuration must have no other faults, because a table at fault would shift the indices in the paths.
pub(super) fn check(
    around: &Surroundings<'_>,
    #[cfg(feature = "exchange")] exchange: Option<&Exchange>,
    forward_auth: Option<&ForwardAuth>,
    secrets: &impl Secrets,
) {
    let mut found: Vec<NamedSecret<'_>> = Vec::new();
    let mut add = |path: String, binding, party, octets: Option<Vec<u8>>| {
        let text = secrets.secret(binding).map(|text| text.trim().as_bytes().to_vec());
        let values = text.into_iter().chain(octets).filter(|value| !value.is_empty()).collect();
        found.push(NamedSecret { path, binding, party, values });
    };
    add(EXPLAIN_KEY.to_owned(), EXPLAIN_KEY, Party::Operator, None);
    #[cfg(feature = "exchange")]
    if exchange.is_some() {
        add(keyring::BINDING.to_owned(), keyring::BINDING, Party::Worker, None);
    }
    for (index, issuer) in around.issuers.iter().enumerate() {
        for (number, secret) in issuer.secrets.iter().enumerate() {
            let path = format!("issuers[{index}].secrets[{number}]");
            let octets = secret.reference.octets(secrets).ok();
            add(path, &secret.reference.binding, Party::Issuer(&issuer.issuer), octets);
        }
    }
    #[cfg(feature = "exchange")]
    for (index, client) in exchange.iter().flat_map(|exchange| &exchange.clients).enumerate() {
        // `collect` would compile a sort for texts.
        let mut targets = BTreeSet::new();
        for target in &client.targets {
            targets.insert(target.as_str());
        }
        let party = Party::Client(&client.binding, targets);
        add(format!("exchange.clients[{index}].secret"), &client.binding, party, None);
    }
    if let Some(binding) = forward_auth.and_then(ForwardAuth::binding) {
        add("forward_auth.secret".to_owned(), binding, Party::Proxy, None);
    }
    report(&found, around.faults);
}

/// Who has a value: the first secret, and the first one of another party.
struct Holders<'s, 'c> {
    first: &'s NamedSecret<'c>,
    other: Option<&'s NamedSecret<'c>>,
}

impl<'s, 'c> Holders<'s, 'c> {
    /// The first one that belongs to another party than `secret`.
    fn apart_from(&self, secret: &NamedSecret<'c>) -> Option<&'s NamedSecret<'c>> {
        if self.first.party == secret.party { self.other } else { Some(self.first) }
    }
}

/// One look-up for each value, because there may be thousands of issuers with a secret each.
fn report(secrets: &[NamedSecret<'_>], faults: &Faults) {
    let mut holders: BTreeMap<&[u8], Holders<'_, '_>> = BTreeMap::new();
    for secret in secrets {
        let mut found = None;
        for value in &secret.values {
            match holders.entry(value) {
                Entry::Vacant(place) => {
                    place.insert(Holders { first: secret, other: None });
                }
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    found = found.or(known.apart_from(secret));
                    if known.first.party != secret.party {
                        known.other.get_or_insert(secret);
                    }
                }
            }
        }
        let Some(other) = found else { continue };
        let is_of_issuer = |secret: &NamedSecret<'_>| matches!(secret.party, Party::Issuer(_));
        let fix = if other.binding == secret.binding {
            "name another Worker secret, with a value of its own".to_owned()
        } else if is_of_issuer(secret) && is_of_issuer(other) {
            format!(
                "have one of the two issuers sign with another secret, and store that one with `npx wrangler secret put`, as {} or as {}",
                other.binding, secret.binding
            )
        } else {
            // The issuer chooses its own.
            let changed = if is_of_issuer(secret) { other } else { secret };
            format!(
                "give {0} a value of its own: `openssl rand -hex 32`, then `npx wrangler secret put {0}`",
                changed.binding
            )
        };
        faults.add(
            secret.path.clone(),
            format!(
                "has the same value as {}, so each of the two parties could act for the other",
                other.path
            ),
            fix,
        );
    }
}
