//! Runs one target of `targets/` under libFuzzer: the one that the environment variable `ASSAY_FUZZ_TARGET` names.
//! `scripts/fuzz.mjs` builds and starts it.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/native/support/mod.rs"]
mod support;
mod targets;

static TARGET: OnceLock<targets::Target> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("ASSAY_FUZZ_TARGET").unwrap_or_default();
        targets::find(&name).unwrap_or_else(|| panic!("ASSAY_FUZZ_TARGET names no target: \"{name}\""))
    });
    target(data);
});
