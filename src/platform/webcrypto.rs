//! Implements [`PlatformCrypto`](crate::ports::PlatformCrypto) and [`SigningEngine`](crate::ports::SigningEngine) with
//! `crypto.subtle`, and [`Random`](crate::ports::Random) with `crypto.getRandomValues`.

use std::rc::Rc;

use worker::js_sys::{
    Array, ArrayBuffer, Function, JSON, Object, Promise, Reflect, Uint8Array, futures::JsFuture, global,
};
use worker::wasm_bindgen::{JsCast, JsValue};

use super::describe;
use crate::jose::{Algorithm, KeyType, Scheme};
use crate::ports::{CheckingKey, EngineError, EngineKey, PrivateKey, SignatureCheck};

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

/// A private key of WebCrypto, and what a signature needs besides.
struct WebCryptoKey {
    key: JsValue,
    parameters: Object,
    subtle: JsValue,
    sign: Function,
}

/// Imports a private key that cannot be exported (W3C Web Cryptography API §14.3.9).
pub(super) async fn import_private(key: &PrivateKey<'_>) -> Result<EngineKey, EngineError> {
    // The text of WebCrypto's exception is not used, so that no runtime can put a part of the key into it.
    let refused = || EngineError(format!("WebCrypto does not import a private key for {}", key.alg));
    let (import, parameters) = algorithms(key.alg).ok_or_else(refused)?;
    let material = Uint8Array::from(key.pkcs8);
    let usages = Array::of1(&JsValue::from_str("sign"));
    let imported =
        call("importKey", &[&JsValue::from_str("pkcs8"), &material, &import, &JsValue::FALSE, &usages]).await;
    // JavaScript's copy would stay in memory until it is collected.
    material.fill(0, 0, material.length());
    let key = imported.map_err(|_| refused())?;
    let (subtle, sign) = method("sign").map_err(|_| refused())?;
    Ok(Rc::new(WebCryptoKey { key, parameters, subtle, sign }))
}

/// Signs with WebCrypto (W3C Web Cryptography API §14.3.3).
pub(super) async fn sign(key: &EngineKey, message: &[u8]) -> Result<Vec<u8>, EngineError> {
    let key = key
        .downcast_ref::<WebCryptoKey>()
        .ok_or_else(|| EngineError("the key is not one of WebCrypto".to_owned()))?;
    let promise = key.sign.call3(&key.subtle, &key.parameters, &key.key, &Uint8Array::from(message));
    let signature = result_of(promise).await.and_then(JsCast::dyn_into::<ArrayBuffer>);
    signature.map(|octets| Uint8Array::new(&octets).to_vec()).map_err(|error| EngineError(describe(&error)))
}

async fn call(name: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let (subtle, function) = method(name)?;
    let arguments: Array = arguments.iter().collect();
    result_of(function.apply(&subtle, &arguments)).await
}

/// `crypto.subtle`, and its method with this name.
fn method(name: &str) -> Result<(JsValue, Function), JsValue> {
    let crypto = Reflect::get(&global(), &JsValue::from_str("crypto"))?;
    let subtle = Reflect::get(&crypto, &JsValue::from_str("subtle"))?;
    let function = Reflect::get(&subtle, &JsValue::from_str(name))?.dyn_into()?;
    Ok((subtle, function))
}

async fn result_of(promise: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(promise?.dyn_into::<Promise>()?).await
}

/// The parameters of WebCrypto for an algorithm: for the import of the key, and for the verification or the signature.
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
