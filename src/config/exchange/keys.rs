//! `SIGNING_KEYS`: whether it can be read, fits the tables' lifetimes, and holds a key for every algorithm they ask for.

use crate::config::reader::Faults;
use crate::jose::Algorithm;
use crate::ports::Secrets;
use crate::signing::keyring::BINDING;
use crate::signing::{Keyring, Margins};

/// `SIGNING_KEYS`. That it is not bound is no fault of the configuration but a missing secret, which is reported where it
/// is missed.
pub(super) fn read(
    margins: &Margins,
    wanted: &[Algorithm],
    faults: &Faults,
    secrets: &impl Secrets,
) -> Result<Keyring, &'static str> {
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
        let is_missing = |algorithm: &&Algorithm| wanted.contains(algorithm) && !ring.has(**algorithm);
        for algorithm in Algorithm::ALL.iter().filter(is_missing) {
            faults.add(
                BINDING,
                format!("holds no {algorithm} key, which `exchange` asks for"),
                format!("run `edge-assay keys rotate --algorithm {algorithm}`, or change `algorithm`"),
            );
        }
    }
    ring
}
