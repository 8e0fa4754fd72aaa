//! Ruling the crypto out: both engines' opinions on a token's signature, and the self-test that asks both of them
//! questions whose answers are known.

use serde::Serialize;
use serde_json::{Value, json};

use super::report::CrossCheck;
use crate::cross_check::CrossChecks;
use crate::jose::{Algorithm, Jwk, SharedSecret, base64url, json as strict_json};
use crate::ports::{CheckingKey, Level, Log, PlatformCrypto, SignatureCheck};
use crate::verify::Trail;

/// Both opinions.
pub(super) fn of(trail: &Trail) -> CrossCheck {
    let web_crypto = trail.web_crypto.as_ref().and_then(|opinion| opinion.as_ref().ok().copied());
    let agree = trail.pure_rust.zip(web_crypto).map(|(one, other)| one == other);
    CrossCheck { pure_rust: trail.pure_rust, web_crypto, agree }
}

/// What both opinions come to, in words.
pub(super) fn in_words(trail: &Trail) -> String {
    let opinions = of(trail);
    match (opinions.agree, opinions.pure_rust) {
        (Some(true), Some(true)) => "it holds; crypto ruled out: pure Rust and WebCrypto agree".to_owned(),
        (Some(true), _) => "it does not hold; crypto ruled out: pure Rust and WebCrypto agree".to_owned(),
        (Some(false), _) => "pure Rust and WebCrypto disagree".to_owned(),
        (None, Some(true)) => "it holds, says pure Rust; there was no second opinion".to_owned(),
        (None, Some(false)) => "it does not hold, says pure Rust; there was no second opinion".to_owned(),
        (None, None) => "no signature was judged".to_owned(),
    }
}

/// Signatures made by a third implementation (OpenSSL), one for each algorithm.
const KNOWN_ANSWERS: &str = include_str!("known_answers.json");

/// How one algorithm did. `None`: the engine has no opinion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// The algorithm.
    pub alg: &'static str,
    /// Whether pure Rust accepts the good signature and refuses the spoilt one.
    pub pure_rust: bool,
    /// The same of WebCrypto.
    pub web_crypto: Option<bool>,
}

impl Answers {
    /// Whether nothing speaks against the algorithm.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.pure_rust && self.web_crypto != Some(false)
    }
}

/// Asks both engines about `algorithms`. What gets a wrong answer is logged, and its tokens are not judged from then on.
pub async fn self_test(
    checks: &CrossChecks,
    platform: &(impl PlatformCrypto + Log),
    algorithms: &[Algorithm],
) -> Vec<Answers> {
    let mut results = Vec::new();
    // What is not there reads as empty, and an empty answer is a wrong one.
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
    let mut spoilt = good.clone();
    if let Some(last) = spoilt.last_mut() {
        *last ^= 1;
    }
    let jwk = answer.get("key").and_then(|name| known.get("keys")?.get(name.as_str()?));
    let pure_rust = if let Some(jwk) = jwk {
        Jwk::from_value(jwk).is_ok_and(|jwk| {
            jwk.key.verify(algorithm, message, &good) && !jwk.key.verify(algorithm, message, &spoilt)
        })
    } else {
        let secret = SharedSecret::new(secret.to_vec());
        secret.verify(algorithm, message, &good) && !secret.verify(algorithm, message, &spoilt)
    };
    let key = jwk.map_or(CheckingKey::Secret(secret), CheckingKey::Public);
    let mut web_crypto = Some(true);
    for (signature, expected) in [(&good, true), (&spoilt, false)] {
        let check = SignatureCheck { alg: algorithm.name(), key, message, signature };
        let opinion = platform.verify_signature(&check).await.ok();
        web_crypto = match (web_crypto, opinion) {
            (Some(so_far), Some(opinion)) => Some(so_far && opinion == expected),
            _ => None,
        };
    }
    Answers { alg: algorithm.name(), pure_rust, web_crypto }
}
