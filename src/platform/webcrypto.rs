//! Implements [`PlatformCrypto`](crate::ports::PlatformCrypto) with `crypto.subtle`, and [`Random`](crate::ports::Random) with
//! `crypto.getRandomValues`.

use worker::js_sys::{
    Array, Function, JSON, Object, Promise, Reflect, Uint8Array, futures::JsFuture, global,
};
use worker::wasm_bindgen::{JsCast as _, JsValue};

use super::describe;
use crate::jose::{Algorithm, KeyType, Scheme};
use crate::ports::{CheckingKey, EngineError, SignatureCheck};

/// Verifies one signature with WebCrypto (W3C Web Cryptography API §14.3).
pub(super) async fn verify(check: &SignatureCheck<'_>) -> Result<bool, EngineError> {
    let (import, verification) = algorithms(check.alg)
        .ok_or_else(|| EngineError(format!("WebCrypto has no algorithm for {}", check.alg)))?;
    check_signature(check, &import, &verification).await.map_err(|error| EngineError(describe(&error)))
}

async fn check_signature(
    check: &SignatureCheck<'_>,
    import: &Object,
    verification: &Object,
) -> Result<bool, JsValue> {
    let (format, material): (&str, JsValue) = match check.key {
        CheckingKey::Public(jwk) => ("jwk", JSON::parse(&jwk.to_string())?),
        CheckingKey::Secret(octets) => ("raw", Uint8Array::from(octets).into()),
    };
    let usages = Array::of1(&JsValue::from_str("verify"));
    let key =
        call("importKey", &[&JsValue::from_str(format), &material, import, &JsValue::FALSE, &usages]).await?;
    let signature = Uint8Array::from(check.signature);
    let message = Uint8Array::from(check.message);
    let verdict = call("verify", &[verification, &key, &signature, &message]).await?;
    verdict.as_bool().ok_or_else(|| JsValue::from_str("WebCrypto answered neither true nor false"))
}

async fn call(method: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let crypto = Reflect::get(&global(), &JsValue::from_str("crypto"))?;
    let subtle = Reflect::get(&crypto, &JsValue::from_str("subtle"))?;
    let function: Function = Reflect::get(&subtle, &JsValue::from_str(method))?.dyn_into()?;
    let arguments: Array = arguments.iter().collect();
    let promise: Promise = function.apply(&subtle, &arguments)?.dyn_into()?;
    JsFuture::from(promise).await
}

/// The parameters of WebCrypto for an algorithm: for the import of the key, and for the verification.
fn algorithms(alg: &str) -> Option<(Object, Object)> {
    let algorithm = Algorithm::parse(alg)?;
    let (name, hash) = (("name", algorithm.scheme().web_crypto_name()), ("hash", algorithm.hash().name()));
    Some(match (algorithm.scheme(), algorithm.key_type()) {
        (Scheme::Ecdsa, KeyType::Ec(curve)) => {
            (object(&[name, ("namedCurve", curve.name())]), object(&[name, hash]))
        }
        (Scheme::EdDsa, _) => (object(&[name]), object(&[name])),
        (Scheme::Pss, _) => {
            let verification = object(&[name]);
            // RFC 7518 §3.5: the salt has the length of the hash.
            let octets = u32::try_from(algorithm.hash().octets()).ok()?;
            Reflect::set(&verification, &JsValue::from_str("saltLength"), &JsValue::from(octets)).ok()?;
            (object(&[name, hash]), verification)
        }
        _ => (object(&[name, hash]), object(&[name])),
    })
}

fn object(members: &[(&str, &str)]) -> Object {
    let object = Object::new();
    for (name, value) in members {
        // Setting a member of a new object cannot fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    object
}

/// Fills `bytes` with `crypto.getRandomValues`. In a Worker this fails only outside a request, where our code does not run.
pub(super) fn fill_random(bytes: &mut [u8]) {
    if let Err(error) = getrandom::getrandom(bytes) {
        // To stop is better than to continue without randomness.
        worker::wasm_bindgen::throw_str(&format!("no randomness: {error}"));
    }
}
