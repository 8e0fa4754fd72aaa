//! The words: what is the matter, and what to change where. One function for each cause; which cause it is, is decided
//! in [`super::causes`].

mod claims;
mod form;
mod issuer;
mod key_set;
mod keys;
mod route;

pub(super) use claims::*;
pub(super) use form::*;
pub(super) use issuer::*;
pub(super) use key_set::*;
pub(super) use keys::*;
pub(super) use route::{barred, unpassed};

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

/// A TOML list of these texts, each once and in this order. Texts that a message may not show as they are (see
/// [`pasteable`]) are left out.
fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for one in texts.into_iter().filter_map(pasteable) {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    format!("[{}]", seen.join(", "))
}

/// `text` as a TOML string that can be pasted; `None` if it is empty, too long to be shown or has characters that cannot be
/// seen.
fn pasteable(text: &str) -> Option<String> {
    let is_plain = !text.is_empty() && excerpt(text) == text;
    is_plain.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
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

/// The path of the readiness endpoint.
fn readyz(examination: &Examination<'_>) -> String {
    format!("{}/readyz", examination.prefix)
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
    route::accepted(examination, engines)
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
