//! Reads and checks `SIGNING_KEYS`: its schedules must fit the configured lifetimes, and there must be a key for every target.

use std::collections::BTreeSet;

use crate::config::reader::Faults;
use crate::config::surroundings::Surroundings;
use crate::jose::SharedSecret;
use crate::ports::Secrets;
use crate::signing::keyring::BINDING;
use crate::signing::{Keyring, Margins, Series};

/// Reads `SIGNING_KEYS`. An unbound secret is not a configuration fault. The reason is
/// returned as the error, and requests that need the keys get it.
pub(super) fn read(
    margins: &Margins,
    wanted: &BTreeSet<Series>,
    around: &Surroundings<'_>,
    secrets: &impl Secrets,
) -> Result<Keyring, &'static str> {
    let faults = around.faults;
    let text = match secrets.secret(BINDING) {
        None => {
            return Err(
                "it is not bound; make it with `npx edge-assay keys new`, and store it with `npx wrangler secret put SIGNING_KEYS`",
            );
        }
        Some(text) if text.trim().is_empty() => return Err("it is empty"),
        Some(text) => text,
    };
    let (ring, found) = match Keyring::parse(&text) {
        Ok(ring) => {
            let found = ring.schedule_faults(margins);
            (Ok(ring), found)
        }
        Err(found) => (Err("it cannot be read"), found),
    };
    for fault in found {
        faults.add(fault.path(), fault.problem.to_string(), fault.fix());
    }
    if let Ok(ring) = &ring {
        for series in wanted.iter().filter(|series| !ring.has(series)) {
            faults.add(
                BINDING,
                format!("has no {series} key, but `exchange` issues tokens that need one"),
                format!("run `{}` and store the new set, or change `algorithm`", series.rotation()),
            );
        }
        secrets_without_audience(ring, wanted, faults);
        secrets_of_issuers(ring, around);
    }
    ring
}

/// If several audiences use HS256, each shared secret must name the audience that it is for. With one secret for all of them,
/// each could issue tokens to the others.
fn secrets_without_audience(ring: &Keyring, wanted: &BTreeSet<Series>, faults: &Faults) {
    let audiences: Vec<&str> = wanted.iter().filter_map(|series| series.audience.as_deref()).collect();
    if audiences.len() < 2 {
        return;
    }
    for (index, key) in ring.keys().iter().enumerate() {
        if key.key.algorithm().is_shared_secret() && key.audience.is_none() {
            faults.add(
                format!("{BINDING}.keys[{index}].aud"),
                format!(
                    "is missing, although {} use HS256: if they share this secret, each of them can issue tokens to the others",
                    audiences.join(" and ")
                ),
                format!(
                    "add the audience that the secret is for to this key, as in \"aud\": \"{}\"",
                    audiences.first().unwrap_or(&"https://api.example.com")
                ),
            );
        }
    }
}

/// A shared secret of `SIGNING_KEYS` must not also be a secret of an issuer: a target that knows it could forge tokens of that
/// issuer.
fn secrets_of_issuers(ring: &Keyring, around: &Surroundings<'_>) {
    for (index, ring_key) in ring.keys().iter().enumerate() {
        let key = &ring_key.key;
        if !key.algorithm().is_shared_secret() {
            continue;
        }
        let signature = key.sign(b"");
        for issuer in around.issuers.iter() {
            let is_same = |secret: &SharedSecret| secret.verify(key.algorithm(), b"", &signature);
            if issuer.secrets.iter().filter_map(|secret| secret.key.as_ref().ok()).any(is_same) {
                around.faults.add(
                    format!("{BINDING}.keys[{index}].k"),
                    format!(
                        "is also a secret of the issuer {}, so a target that knows it could forge that issuer's tokens",
                        issuer.issuer
                    ),
                    format!("remove this key, and make a new one with `{}`", ring_key.series().rotation()),
                );
            }
        }
    }
}
