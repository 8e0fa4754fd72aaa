//! Rules out a fault of the cryptography: the results of both engines for a token's signature, and the self-test of both with
//! known answers.

use serde::Serialize;
use serde_json::{Value, json};

use super::report::CrossCheck;
use crate::cross_check::CrossChecks;
use crate::jose::{Algorithm, Jwk, SharedSecret, base64url, json as strict_json};
use crate::ports::{CheckingKey, Level, Log, PlatformCrypto, SignatureCheck};
use crate::verify::Trail;

/// The results of both engines.
pub(super) fn of(trail: &Trail) -> CrossCheck {
    let web_crypto = trail.web_crypto.as_ref().and_then(|opinion| opinion.as_ref().ok().copied());
    let agree = trail.pure_rust.zip(web_crypto).map(|(one, other)| one == other);
    CrossCheck { pure_rust: trail.pure_rust, web_crypto, agree }
}

/// The results of both engines, in words.
pub(super) fn in_words(trail: &Trail) -> String {
    let opinions = of(trail);
    match (opinions.agree, opinions.pure_rust) {
        (Some(true), Some(true)) => "valid; crypto ruled out: pure Rust and WebCrypto agree".to_owned(),
        (Some(true), _) => "invalid; crypto ruled out: pure Rust and WebCrypto agree".to_owned(),
        (Some(false), _) => "pure Rust and WebCrypto disagree".to_owned(),
        (None, Some(true)) => "valid, by pure Rust; WebCrypto did not check it".to_owned(),
        (None, Some(false)) => "invalid, by pure Rust; WebCrypto did not check it".to_owned(),
        (None, None) => "no signature was checked".to_owned(),
    }
}

/// Signatures made by a third implementation (OpenSSL), one for each algorithm.
const KNOWN_ANSWERS: &str = include_str!("known_answers.json");

/// The result of the self-test for one algorithm. `None`: the engine does not know the algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// The algorithm's `alg`.
    pub alg: &'static str,
    /// Whether pure Rust accepts the good signature and refuses the altered one.
    pub pure_rust: bool,
    /// The same for WebCrypto.
    pub web_crypto: Option<bool>,
}

impl Answers {
    /// Whether no engine gave a wrong answer.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.pure_rust && self.web_crypto != Some(false)
    }
}

/// Tests both engines with `algorithms`. A wrong answer is logged, and from then on tokens with that algorithm are refused with a
/// fault.
pub async fn self_test(
    checks: &CrossChecks,
    platform: &(impl PlatformCrypto + Log),
    algorithms: &[Algorithm],
) -> Vec<Answers> {
    let mut results = Vec::new();
    // A missing member reads as empty, and an empty answer counts as wrong.
    let known: Value = strict_json::parse_value(KNOWN_ANSWERS).unwrap_or_default();
    for answer in known.get("answers").and_then(Value::as_array).into_iter().flatten() {
        let alg = Algorithm::parse(text(answer, "alg"));
        let Some(algorithm) = alg.filter(|one| algorithms.contains(one)) else {
            continue;
        };
        let result = ask(platform, &known, answer, algorithm).await;
        if !result.is_right() {
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

async fn ask(platform: &impl PlatformCrypto, known: &Value, answer: &Value, algorithm: Algorithm) -> Answers {
    let (message, secret) = (text(known, "message").as_bytes(), text(known, "secret").as_bytes());
    let good = base64url::decode(text(answer, "signature")).unwrap_or_default();
    let mut altered = good.clone();
    if let Some(last) = altered.last_mut() {
        *last ^= 1;
    }
    let jwk = answer.get("key").and_then(|name| known.get("keys")?.get(name.as_str()?));
    let pure_rust = if let Some(jwk) = jwk {
        Jwk::from_value(jwk).is_ok_and(|jwk| {
            jwk.key.verify(algorithm, message, &good) && !jwk.key.verify(algorithm, message, &altered)
        })
    } else {
        let secret = SharedSecret::new(secret.to_vec());
        secret.verify(algorithm, message, &good) && !secret.verify(algorithm, message, &altered)
    };
    let key = jwk.map_or(CheckingKey::Secret(secret), CheckingKey::Public);
    let mut web_crypto = Some(true);
    for (signature, expected) in [(&good, true), (&altered, false)] {
        let check = SignatureCheck { alg: algorithm.name(), key, message, signature };
        let opinion = platform.verify_signature(&check).await.ok();
        web_crypto = match (web_crypto, opinion) {
            (Some(so_far), Some(opinion)) => Some(so_far && opinion == expected),
            _ => None,
        };
    }
    Answers { alg: algorithm.name(), pure_rust, web_crypto }
}
