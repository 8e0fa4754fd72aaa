//! Which claims a token of ours carries beside the registered ones, and where they come from.

use serde_json::value::{RawValue, to_raw_value};

use super::facts::{Facts, Pointer};
use crate::rejection::Rejection;

/// Claims that only we write: who may set them could speak for somebody else, or for longer.
pub const RESERVED: &[&str] =
    &["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "act", "may_act", "cnf"];

/// One claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// Its name in our token.
    pub name: String,
    /// Where its value comes from.
    pub source: Source,
    /// Whether our token may do without it.
    pub optional: bool,
}

/// Where a claim's value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// What is known of the subject.
    Claim(Pointer),
    /// The configuration.
    Value(serde_json::Value),
}

/// The claims that `mappings` give, with the values in the text they were written in.
///
/// # Errors
/// [`Rejection::ClaimMissing`] for a source that is absent or null, unless the mapping is optional.
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
