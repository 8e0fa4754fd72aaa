//! Tests both engines on signatures whose verdict is known.

use serde::Serialize;
use serde_json::Value;

use super::{CrossChecks, Engine};
use crate::jose::{Algorithm, Jwk, SharedSecret, base64url, json as strict_json};
use crate::members::json;
use crate::ports::{CheckingKey, Level, Log, PlatformCrypto, SignatureCheck};

/// Signatures made by a third implementation (OpenSSL), one for each algorithm. ES512 has a file of its own, so that a build without
/// it does not hold its key.
const KNOWN_ANSWERS: &[&str] = &[
    include_str!("known_answers.json"),
    #[cfg(feature = "es512")]
    include_str!("known_answer_es512.json"),
];

/// The result for one algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// The algorithm.
    pub alg: &'static str,
    /// Whether pure Rust accepts the good signature and refuses the altered one; `None` if the choice of engines excludes it.
    pub pure_rust: Option<bool>,
    /// The same for WebCrypto; `None` if it gave no result.
    pub web_crypto: Option<bool>,
}

impl Answers {
    /// Whether tokens of the algorithm may be verified with `engine`: it gave a result, and no result is wrong.
    #[must_use]
    pub fn allow(&self, engine: Engine) -> bool {
        let is_needed = engine.needs_web_crypto();
        self.pure_rust != Some(false) && self.web_crypto.unwrap_or(!is_needed)
    }
}

/// Tests the engines on `algorithms`. A failure is logged, and from then on no token of that algorithm is verified.
pub async fn self_test(
    checks: &CrossChecks,
    platform: &(impl PlatformCrypto + Log),
    algorithms: &[Algorithm],
) -> Vec<Answers> {
    let mut results = Vec::new();
    for text in KNOWN_ANSWERS {
        results.extend(self_test_with(text, checks, platform, algorithms).await);
    }
    results
}

async fn self_test_with(
    known_answers: &str,
    checks: &CrossChecks,
    platform: &(impl PlatformCrypto + Log),
    algorithms: &[Algorithm],
) -> Vec<Answers> {
    let mut results = Vec::new();
    // An absent member reads as empty, and an empty signature fails the test.
    let known: Value = strict_json::parse_value(known_answers).unwrap_or_default();
    for answer in known.get("answers").and_then(Value::as_array).into_iter().flatten() {
        let alg = Algorithm::parse(text(answer, "alg"));
        let Some(algorithm) = alg.filter(|one| algorithms.contains(one)) else {
            continue;
        };
        let result = ask(checks.engine(), platform, &known, answer, algorithm).await;
        if !result.allow(checks.engine()) {
            checks.distrust(algorithm);
            platform.log(Level::Error, &json!({ "event": "self_test_failed", "answers": result }));
        }
        results.push(result);
    }
    results
}

fn text<'v>(object: &'v Value, member: &str) -> &'v str {
    object.get(member).and_then(Value::as_str).unwrap_or_default()
}

async fn ask(
    engine: Engine,
    platform: &impl PlatformCrypto,
    known: &Value,
    answer: &Value,
    algorithm: Algorithm,
) -> Answers {
    let (message, secret) = (text(known, "message").as_bytes(), text(known, "secret").as_bytes());
    let good = base64url::decode(text(answer, "signature")).unwrap_or_default();
    let mut altered = good.clone();
    if let Some(last) = altered.last_mut() {
        *last ^= 1;
    }
    let jwk = answer.get("key").and_then(|name| known.get("keys")?.get(name.as_str()?));
    let key = jwk.map_or(CheckingKey::Secret(secret), CheckingKey::Public);
    let (mut pure_rust, mut web_crypto) = (engine.uses_rust().then_some(true), Some(true));
    for (signature, expected) in [(&good, true), (&altered, false)] {
        let check = SignatureCheck { alg: algorithm.name(), key, message, signature };
        pure_rust = pure_rust.map(|so_far| so_far && verify_again(algorithm, &check) == expected);
        let result = platform.verify_signature(&check).await.ok();
        web_crypto = match (web_crypto, result) {
            (Some(so_far), Some(result)) => Some(so_far && result == expected),
            _ => None,
        };
    }
    Answers { alg: algorithm.name(), pure_rust, web_crypto }
}

/// The result of pure Rust, independent of an earlier one: the key is read from its JWK or octets again.
pub(super) fn verify_again(algorithm: Algorithm, check: &SignatureCheck<'_>) -> bool {
    match check.key {
        CheckingKey::Public(jwk) => {
            Jwk::from_value(jwk).is_ok_and(|jwk| jwk.key.verify(algorithm, check.message, check.signature))
        }
        CheckingKey::Secret(octets) => {
            SharedSecret::new(octets.to_vec()).verify(algorithm, check.message, check.signature)
        }
    }
}
