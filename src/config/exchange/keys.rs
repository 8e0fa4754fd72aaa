//! `SIGNING_KEYS`: whether it can be read, fits the tables' lifetimes, and holds keys for every target.

use std::collections::BTreeSet;

use super::Surroundings;
use crate::config::reader::Faults;
use crate::jose::SharedSecret;
use crate::ports::Secrets;
use crate::signing::keyring::BINDING;
use crate::signing::{Keyring, Margins, Series};

/// `SIGNING_KEYS`. That it is not bound is no fault of the configuration but a missing secret, which is reported where it
/// is missed.
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
                "it is not bound; write it with `edge-assay keys new` and `npx wrangler secret put SIGNING_KEYS`",
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
                format!("holds no {series} key, which `exchange` asks for"),
                format!("run `{}`, or change `algorithm`", series.rotation()),
            );
        }
        secrets_without_audience(ring, wanted, faults);
        secrets_of_issuers(ring, around);
    }
    ring
}

/// Where several audiences use HS256, each shared secret has to say which of them it is for. One secret for all of them would
/// let each issue tokens to the others.
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
                    "is missing, and {} use HS256: whoever verifies with this secret for one of them could issue tokens to the others",
                    audiences.join(" and ")
                ),
                format!(
                    "write \"aud\" with the one audience that the secret is for, as in \"aud\": \"{}\"",
                    audiences.first().unwrap_or(&"https://api.example.com")
                ),
            );
        }
    }
}

/// A shared secret of ours may not be one that an issuer's tokens are verified with: a target that holds it could forge them.
fn secrets_of_issuers(ring: &Keyring, around: &Surroundings<'_>) {
    for (index, ring_key) in ring.keys().iter().enumerate() {
        let key = &ring_key.key;
        if !key.algorithm().is_shared_secret() {
            continue;
        }
        let signature = key.sign(b"");
        for issuer in around.issuers.iter() {
            let is_it = |secret: &SharedSecret| secret.verify(key.algorithm(), b"", &signature);
            if issuer.secrets.iter().filter_map(|secret| secret.key.as_ref().ok()).any(is_it) {
                around.faults.add(
                    format!("{BINDING}.keys[{index}].k"),
                    format!(
                        "is also a secret of {}: a target that holds it could forge that issuer's tokens",
                        issuer.issuer
                    ),
                    format!("remove this key, and make a new one with `{}`", ring_key.series().rotation()),
                );
            }
        }
    }
}
