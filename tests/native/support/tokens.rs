//! Tokens: well-formed ones that are signed with the test keys, and arbitrary texts in the form of a token.

use edge_assay::jose::{Algorithm, base64url};
use serde_json::{Map, Value, json};

use super::keys::{self, TestKey};

/// A token that is signed with the default test key of `algorithm`, whose `kid` is in the header, or with [`keys::SECRET`].
/// `header_extra` is merged into `{"alg","typ":"JWT","kid"?}`; members that are null in it are removed.
pub fn mint(algorithm: Algorithm, header_extra: &Value, claims: &Value) -> String {
    if algorithm.is_shared_secret() {
        mint_with_secret(algorithm, keys::SECRET.as_bytes(), header_extra, claims)
    } else {
        mint_with_key(algorithm, keys::for_algorithm(algorithm), header_extra, claims)
    }
}

/// Like [`mint`], with another key.
pub fn mint_with_key(algorithm: Algorithm, key: &TestKey, header_extra: &Value, claims: &Value) -> String {
    let header = header(algorithm, Some(key.kid()), header_extra);
    sealed(&header.to_string(), &claims.to_string(), |input| key.sign(algorithm, input))
}

/// Like [`mint`], with another secret and without `kid`.
pub fn mint_with_secret(algorithm: Algorithm, secret: &[u8], header_extra: &Value, claims: &Value) -> String {
    let header = header(algorithm, None, header_extra);
    sealed(&header.to_string(), &claims.to_string(), |input| keys::hmac(algorithm, secret, input))
}

/// A token with exactly these texts as header and payload, and the result of `sign` as signature.
pub fn sealed(header: &str, payload: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    let signature = base64url::encode(&sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// A token with exactly these texts and an invalid signature.
pub fn unsigned(header: &str, payload: &str) -> String {
    sealed(header, payload, |_| b"not a signature".to_vec())
}

fn header(algorithm: Algorithm, kid: Option<&str>, extra: &Value) -> Value {
    let mut header = Map::new();
    header.insert("alg".to_owned(), json!(algorithm.name()));
    header.insert("typ".to_owned(), json!("JWT"));
    if let Some(kid) = kid {
        header.insert("kid".to_owned(), json!(kid));
    }
    for (member, value) in extra.as_object().into_iter().flatten() {
        match value {
            Value::Null => header.remove(member),
            value => header.insert(member.clone(), value.clone()),
        };
    }
    Value::Object(header)
}
