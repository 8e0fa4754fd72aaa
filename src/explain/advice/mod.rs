//! The words: what is the matter, and what to change where. One function for each cause; which cause it is, is decided
//! in [`super::causes`].

mod claims;
mod form;
mod issuer;
mod key_set;
mod keys;

pub(super) use claims::*;
pub(super) use form::*;
pub(super) use issuer::*;
pub(super) use key_set::*;
pub(super) use keys::*;

use super::{Examination, cross_check};
use crate::config::ConfigFault;
use crate::rejection::excerpt;

/// What is the matter, and the fix.
pub(super) struct Advice {
    pub(super) summary: String,
    pub(super) fix: String,
}

fn advice(summary: impl Into<String>, fix: impl Into<String>) -> Advice {
    Advice { summary: summary.into(), fix: fix.into() }
}

/// Where in the configuration the token's issuer is.
fn table(examination: &Examination<'_>) -> String {
    examination
        .issuer()
        .map_or_else(|| "in wrangler.toml, under [vars.ASSAY]".to_owned(), |issuer| table_of(&issuer.issuer))
}

/// Where in the configuration an issuer is.
pub(super) fn table_of(issuer: &str) -> String {
    format!("in wrangler.toml, in the [[vars.ASSAY.issuers]] table of \"{issuer}\"")
}

fn kid(examination: &Examination<'_>) -> String {
    examination
        .token
        .as_ref()
        .and_then(|token| token.header().kid.as_deref())
        .map_or_else(|| "without a kid".to_owned(), |kid| format!("\"{}\"", excerpt(kid)))
}

pub(super) fn accepted(examination: &Examination<'_>) -> Advice {
    let engines = match cross_check::of(&examination.trail).agree {
        Some(true) => "Crypto ruled out: pure Rust and WebCrypto agree.",
        _ => "The signature was judged by pure Rust alone here.",
    };
    advice(
        format!("The token is good. {engines}"),
        "Nothing is to be done here. If another server refuses this very token, the fault is there: compare its issuer, audience and key set with the steps below.",
    )
}

pub(super) fn configuration(faults: &[ConfigFault]) -> Advice {
    let first =
        faults.first().map_or_else(String::new, |fault| format!(" {}: {}.", fault.path, fault.problem));
    let fix = if faults.is_empty() {
        "Run `edge-assay check wrangler.toml`, which lists every fault with its fix.".to_owned()
    } else {
        let list: Vec<String> =
            faults.iter().map(|fault| format!("\n    {}: {}", fault.path, fault.fix)).collect();
        format!("In wrangler.toml, under [vars.ASSAY]:{}", list.concat())
    };
    advice(format!("The Worker's configuration has faults, so no token is judged.{first}"), fix)
}
