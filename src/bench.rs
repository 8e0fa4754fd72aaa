//! Only for `npm run bench`, behind the cargo feature `bench`: one signature check, repeated inside wasm, to measure it without
//! the cost of a request. Not part of a deployed Worker.

use worker::wasm_bindgen::prelude::wasm_bindgen;

use crate::jose::algorithm::Algorithm;
use crate::jose::json;
use crate::jose::jwk::Jwk;
use crate::jose::signature::SharedSecret;
use crate::jose::token::UntrustedToken;

/// Checks the signature of `token` `times` times, and returns how often it was valid. `key` is a public JWK, or the
/// secret's text for an HS algorithm. Returns 0 if an argument is invalid.
#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
#[must_use]
pub fn bench_verify(algorithm: &str, key: &str, token: &str, times: u32) -> u32 {
    verify_repeatedly(algorithm, key, token, times).unwrap_or(0)
}

fn verify_repeatedly(algorithm: &str, key: &str, token: &str, times: u32) -> Option<u32> {
    let algorithm = Algorithm::parse(algorithm)?;
    let token = UntrustedToken::parse(token).ok()?;
    let (message, signature) = (token.signing_input(), token.signature());
    if algorithm.is_shared_secret() {
        let secret = SharedSecret::new(key.as_bytes().to_vec());
        return Some(count(times, || secret.verify(algorithm, message, signature)));
    }
    let key = Jwk::from_value(&json::parse_value(key).ok()?).ok()?.key;
    Some(count(times, || key.verify(algorithm, message, signature)))
}

fn count(times: u32, check: impl Fn() -> bool) -> u32 {
    (0..times).fold(0, |good: u32, _| good.saturating_add(u32::from(std::hint::black_box(check()))))
}
