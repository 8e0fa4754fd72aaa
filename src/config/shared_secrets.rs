//! One value, one party: whoever holds a secret could act for everybody else who is known by the same value.

use std::collections::BTreeSet;

use super::reader::Faults;
use super::{EXPLAIN_KEY, Surroundings};
use crate::exchange::Exchange;
use crate::gateway::forward_auth::ForwardAuth;
use crate::ports::Secrets;
use crate::signing::keyring;

/// A secret of the configuration, with whoever is known by it.
struct Holding<'c> {
    /// Where the configuration names it.
    path: String,
    binding: &'c str,
    party: Party<'c>,
    /// The value as a text, and as the octets that it stands for where those differ.
    values: Vec<Vec<u8>>,
}

#[derive(PartialEq, Eq)]
enum Party<'c> {
    Operator,
    Ourselves,
    Proxy,
    Issuer(&'c str),
    /// By its binding and its targets: a client whose id is changed is there under both ids for a while, and whoever has the
    /// secret gets no more by that.
    Client(&'c str, BTreeSet<&'c str>),
}

/// Reports every secret whose value somebody else has too. Values are compared, never shown. Needs a configuration without
/// other faults, so that the positions in its lists are known.
pub(super) fn check(
    around: &Surroundings<'_>,
    exchange: Option<&Exchange>,
    forward_auth: Option<&ForwardAuth>,
    secrets: &impl Secrets,
) {
    let mut holdings: Vec<Holding<'_>> = Vec::new();
    let mut add = |path: String, binding, party, octets: Option<Vec<u8>>| {
        let text = secrets.secret(binding).map(|text| text.trim().as_bytes().to_vec());
        let values = text.into_iter().chain(octets).filter(|value| !value.is_empty()).collect();
        holdings.push(Holding { path, binding, party, values });
    };
    add(EXPLAIN_KEY.to_owned(), EXPLAIN_KEY, Party::Operator, None);
    if exchange.is_some() {
        add(keyring::BINDING.to_owned(), keyring::BINDING, Party::Ourselves, None);
    }
    for (index, issuer) in around.issuers.iter().enumerate() {
        for (number, secret) in issuer.secrets.iter().enumerate() {
            let path = format!("issuers[{index}].secrets[{number}]");
            let octets = secret.reference.octets(secrets).ok();
            add(path, &secret.reference.binding, Party::Issuer(&issuer.issuer), octets);
        }
    }
    for (index, client) in exchange.iter().flat_map(|exchange| &exchange.clients).enumerate() {
        let targets = client.targets.iter().map(String::as_str).collect();
        let party = Party::Client(&client.binding, targets);
        add(format!("exchange.clients[{index}].secret"), &client.binding, party, None);
    }
    if let Some(binding) = forward_auth.and_then(ForwardAuth::binding) {
        add("forward_auth.secret".to_owned(), binding, Party::Proxy, None);
    }
    report(&holdings, around.faults);
}

fn report(holdings: &[Holding<'_>], faults: &Faults) {
    for (index, holding) in holdings.iter().enumerate() {
        let is_shared = |other: &&Holding<'_>| {
            other.party != holding.party && other.values.iter().any(|value| holding.values.contains(value))
        };
        let Some(other) = holdings.iter().take(index).find(is_shared) else { continue };
        let fix = if other.binding == holding.binding {
            "name another Worker secret, with a value of its own".to_owned()
        } else {
            format!(
                "give {0} a value of its own: `openssl rand -hex 32`, then `npx wrangler secret put {0}`",
                holding.binding
            )
        };
        faults.add(
            holding.path.clone(),
            format!("has the same value as {}, so each holder could act for the other", other.path),
            fix,
        );
    }
}
