//! The texts of an explanation: what is wrong, and what to change where. There is one function for each cause;
//! [`super::causes`] decides which cause it is.
//!
//! Lines that are to be copied are indented by four spaces. `tests/native/cases.rs` pastes those that are configuration into
//! the place that the text before them names, and verifies the token again.

mod claims;
mod class;
mod client;
mod exchange;
mod form;
mod issuer;
mod key_set;
mod keys;
mod route;

pub(super) use claims::*;
pub(super) use class::*;
pub(super) use exchange::*;
pub(super) use form::*;
pub(super) use issuer::*;
pub(super) use key_set::*;
pub(super) use keys::*;
pub(super) use route::{accepted, not_accepted_by_route, preflight, request_refused};

use serde_json::Value;

use super::Examination;
use crate::characters::is_invisible;
use crate::config::ConfigFault;
use crate::rejection::excerpt;

/// What is wrong, and the fix.
pub(super) struct Advice {
    pub(super) summary: String,
    pub(super) fix: String,
}

fn advice(summary: impl Into<String>, fix: impl Into<String>) -> Advice {
    Advice { summary: summary.into(), fix: fix.into() }
}

/// A TOML list of the texts of the configuration and those of the token, each once and in this order. Texts of the token that
/// a message may not show as they are (see [`pasteable`]) are left out.
fn list<'t>(configured: impl IntoIterator<Item = &'t str>, of_token: &[&str]) -> String {
    let mut seen: Vec<String> = Vec::new();
    let of_token = of_token.iter().filter_map(|text| pasteable(text));
    for one in configured.into_iter().map(quoted).chain(of_token) {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    format!("[{}]", seen.join(", "))
}

/// A text of the configuration as a TOML string.
fn quoted(text: &str) -> String {
    let mut toml = String::from("\"");
    for c in text.chars() {
        match c {
            '\\' | '"' => toml.extend(['\\', c]),
            c if c.is_control() || is_invisible(c) => {
                toml.extend(["\\U", &format!("{:08X}", u32::from(c))]);
            }
            c => toml.push(c),
        }
    }
    toml.push('"');
    toml
}

/// A text of a token or a request as a TOML string; `None` if it is empty, too long to be shown, or has characters that cannot
/// be seen.
fn pasteable(text: &str) -> Option<String> {
    let is_plain = !text.is_empty() && excerpt(text) == text;
    is_plain.then(|| quoted(text))
}

/// A value of the configuration as TOML. A null, which TOML does not have, cannot be in a configuration.
fn toml(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(values) => format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{} = {}", quoted(name), toml(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
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
    format!("{}/readyz", examination.config.surface.prefix)
}

fn kid(examination: &Examination<'_>) -> String {
    examination
        .token
        .as_ref()
        .and_then(|token| token.header().kid.as_deref())
        .map_or_else(|| "without a kid".to_owned(), |kid| format!("\"{}\"", excerpt(kid)))
}

/// WebCrypto has to check the signature by `verify.engine`, and cannot.
pub(super) fn engine(examination: &Examination<'_>, detail: &str) -> Advice {
    let reason = match &examination.trail.web_crypto {
        Some(Err(error)) => format!(" ({error})"),
        _ => String::new(),
    };
    advice(
        format!("The signature is not checked: {detail}{reason}."),
        "Let pure Rust check signatures. Set in wrangler.toml:\n    [vars.ASSAY.verify]\n    engine = \"rust\"\nOn the command line, add --online: then the Worker checks the signature.",
    )
}

pub(super) fn configuration(faults: &[ConfigFault]) -> Advice {
    let first =
        faults.first().map_or_else(String::new, |fault| format!(" {}: {}.", fault.path, fault.problem));
    let fix = if faults.is_empty() {
        "Run `npx edge-assay check`. It lists every fault with its fix.".to_owned()
    } else {
        let list: Vec<String> =
            faults.iter().map(|fault| format!("\n    {}: {}", fault.path, fault.fix)).collect();
        format!("In wrangler.toml, under [vars.ASSAY], fix:{}", list.concat())
    };
    advice(format!("The Worker's configuration has faults, so it verifies no token.{first}"), fix)
}
