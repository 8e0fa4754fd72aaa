//! The claims of our tokens besides the registered ones, and the sources of their values.

use serde_json::value::{RawValue, to_raw_value};

use crate::claims::facts::{Facts, Pointer};
use crate::rejection::Rejection;

/// Claims that the configuration may not set, because the exchange itself writes them. A policy that could set them could issue
/// tokens for another subject, or with a longer lifetime.
pub const RESERVED: &[&str] =
    &["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "act", "may_act", "cnf"];

/// One claim of an issued token.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The name of the claim.
    pub name: String,
    /// The source of its value.
    pub source: Source,
    /// Whether the token is issued without the claim if its source is absent.
    pub optional: bool,
}

/// The source of a claim's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A claim of the subject's token, or a member of its directory record.
    Claim(Pointer),
    /// A value from the configuration.
    Value(serde_json::Value),
}

/// The claims that `mappings` produce: name and value, the value in its original JSON text.
///
/// # Errors
/// [`Rejection::ClaimMissing`] if a source is absent or null and its mapping is not optional.
pub fn apply(mappings: &[Mapping], facts: &Facts<'_>) -> Result<Vec<(String, Box<RawValue>)>, Rejection> {
    let mut claims = Vec::new();
    for mapping in mappings {
        let value = match &mapping.source {
            Source::Value(value) => to_raw_value(value).ok(),
            Source::Claim(pointer) => match facts.raw(pointer) {
                None if !mapping.optional => {
                    return Err(Rejection::ClaimMissing { claim: pointer.as_str().to_owned() });
                }
                found => found.map(ToOwned::to_owned),
            },
        };
        claims.extend(value.map(|value| (mapping.name.clone(), value)));
    }
    Ok(claims)
}
