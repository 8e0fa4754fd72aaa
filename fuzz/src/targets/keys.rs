//! Key sets, the records of the cache, and the documents that name a key set.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use edge_assay::jose::json;
use edge_assay::jose::{Algorithm, Jwk, KeySet, KeySetFormatError, base64url};
use edge_assay::keys::fetch::{Answer as Fetched, fetch};
use edge_assay::keys::freshness::{self, Lifetime};
use edge_assay::keys::record::{self, Record, Written, failures_key};
use edge_assay::keys::url::{Transport, accept};
use edge_assay::keys::{CachePolicy, KeySource, Location};
use edge_assay::limits::{MAX_FAILURE_REASON_CHARS, MAX_JWKS_BYTES, MAX_JWKS_KEYS, MIN_STORE_TTL_SECONDS};
use edge_assay::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::keys;
use crate::support::platform::{Answer, FakePlatform};
use crate::support::world::NOW;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A set is refused only if it cannot be read as a whole; each key is used or set aside independently of the others; a
/// thumbprint is the one of RFC 7638, computed here from `serde_json`'s reading; a key in another permitted spelling has
/// the same thumbprint; a key serves only algorithms of its own kind.
pub fn key_set(data: &[u8]) -> bool {
    let text = std::str::from_utf8(data).unwrap_or_default();
    let strict = json::parse_object(text.strip_prefix('\u{feff}').unwrap_or(text));
    let elements = strict.as_ref().ok().and_then(|members| members.get("keys")).and_then(Value::as_array);
    let set = match (KeySet::parse(data), elements) {
        (Ok(set), Some(elements)) if elements.len() <= MAX_JWKS_KEYS => {
            assert_eq!(set.keys.len() + set.set_aside.len(), elements.len());
            set
        }
        // An object of PEM texts: each is a key, usable or not.
        (Ok(set), None) => {
            let members = strict.as_ref().expect("an object");
            let is_pem =
                |one: &Value| one.as_str().is_some_and(|text| text.trim_start().starts_with("-----BEGIN "));
            assert!(!members.is_empty() && members.len() <= MAX_JWKS_KEYS && members.values().all(is_pem));
            assert_eq!(set.keys.len() + set.set_aside.len(), members.len());
            return !set.keys.is_empty();
        }
        (Ok(_), _) => panic!("a set with too many keys"),
        (Err(_), None) => return false,
        (Err(KeySetFormatError::TooLarge(_)), _) if data.len() > MAX_JWKS_BYTES => return false,
        (Err(KeySetFormatError::TooManyKeys(count)), Some(elements)) if elements.len() == count => {
            return false;
        }
        (Err(error), Some(_)) => panic!("a set is refused for one key: {error}"),
    };
    let elements = elements.unwrap();
    let mut used = set.keys.iter();
    for (index, element) in elements.iter().enumerate() {
        let aside = set.set_aside.iter().find(|key| key.index == index);
        match (Jwk::from_value(element), aside) {
            (Err(reason), Some(aside)) => assert_eq!(aside.reason, reason),
            (Ok(alone), None) => {
                let jwk = used.next().expect("in the set's order");
                assert_eq!((&alone.thumbprint, &alone.kid), (&jwk.thumbprint, &jwk.kid));
                assert_eq!(thumbprint(element), jwk.thumbprint);
                if index == 0 {
                    assert_eq!(
                        Jwk::from_value(&respelt(element)).expect("the same key").thumbprint,
                        jwk.thumbprint
                    );
                }
                let own = element["alg"].as_str().map(str::to_ascii_lowercase);
                for algorithm in Algorithm::ALL.iter().copied().filter(|algorithm| jwk.serves(*algorithm)) {
                    assert!(!algorithm.is_shared_secret());
                    let names = [algorithm.name().to_ascii_lowercase(), "ed25519".to_owned()];
                    assert!(own.is_none() || own.as_ref().is_some_and(|own| names.contains(own)), "{own:?}");
                }
            }
            (alone, aside) => panic!("in the set {aside:?}, alone {:?}", alone.map(|jwk| jwk.thumbprint)),
        }
    }
    assert!(used.next().is_none());
    let mut bad: Vec<Value> = set.set_aside.iter().map(|key| elements[key.index].clone()).collect();
    if !bad.is_empty() && bad.len() < MAX_JWKS_KEYS {
        bad.push(keys::ed25519().public_jwk());
        let text = keys::jwks(&bad);
        if text.len() <= MAX_JWKS_BYTES {
            let with_bad_keys = KeySet::parse(text.as_bytes()).expect("no bad key refuses the set");
            assert_eq!((with_bad_keys.keys.len(), with_bad_keys.set_aside.len()), (1, set.set_aside.len()));
        }
    }
    !set.keys.is_empty()
}

/// The octets of a member in any permitted spelling.
fn octets(jwk: &Value, member: &str) -> Vec<u8> {
    let text = jwk[member].as_str().expect("a usable key has it");
    LENIENT.decode(text.replace('+', "-").replace('/', "_")).expect("base64 of some kind")
}

/// RFC 7638 §3.
fn thumbprint(jwk: &Value) -> String {
    let coordinate = |member: &str| base64url::encode(&octets(jwk, member));
    let number = |member: &str| {
        let octets = octets(jwk, member);
        let first = octets.iter().position(|octet| *octet != 0).expect("not zero");
        base64url::encode(&octets[first..])
    };
    // `serde_json` writes the members of an object in the order of their names.
    let members = match jwk["kty"].as_str() {
        Some("RSA") => json!({ "e": number("e"), "kty": "RSA", "n": number("n") }),
        Some("EC") => json!({ "crv": jwk["crv"], "kty": "EC", "x": coordinate("x"), "y": coordinate("y") }),
        _ => json!({ "crv": jwk["crv"], "kty": "OKP", "x": coordinate("x") }),
    };
    base64url::encode(&Sha256::digest(members.to_string()))
}

/// The same key: its numbers in the standard alphabet with padding, and without the members that do not affect the numbers.
fn respelt(jwk: &Value) -> Value {
    let mut same = json!({ "kty": jwk["kty"], "unknown": null, "use": "SIG" });
    for member in ["crv", "alg", "kid"] {
        same[member] = jwk[member].clone();
    }
    for member in ["n", "e", "x", "y"].iter().filter(|member| jwk[**member].is_string()) {
        // A member that the key type does not have may be anything.
        let text = jwk[*member].as_str().unwrap();
        let octets = LENIENT.decode(text.replace('+', "-").replace('/', "_"));
        same[*member] = octets
            .map_or(Value::Null, |octets| json!(base64::engine::general_purpose::STANDARD.encode(octets)));
    }
    same
}

const ISSUER: &str = "https://issuer.example";
const DISCOVERY: &str = "https://issuer.example/.well-known/openid-configuration";
const SERVER_METADATA: &str = "https://issuer.example/.well-known/oauth-authorization-server";
const SET: &str = "https://issuer.example/.well-known/jwks.json";

const POLICY: CachePolicy = CachePolicy {
    ttl_seconds: 3600,
    stale_if_error_seconds: 86_400,
    unknown_kid_cooldown_seconds: 30,
    fetch_timeout_ms: 5000,
    max_shared_seconds: 30,
};

fn sources() -> [KeySource; 2] {
    let source =
        |location| KeySource { issuer: ISSUER.to_owned(), location, may_be_empty: false, channel: None };
    [
        source(Location::Jwks { uri: SET.to_owned() }),
        source(Location::Discovery { uri: DISCOVERY.to_owned() }),
    ]
}

/// A record that was read is written so that it can be read again, complete and without a cut; an accepted record keeps the
/// policy, and its times are in the past; a merge with itself changes nothing.
pub fn record(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let now = Timestamp::from_epoch_seconds(NOW);
    let mut is_believed = false;
    for source in sources() {
        let Ok(read) = Record::read(text, &source, &POLICY, now) else { continue };
        is_believed = true;
        let mut record = read.record;
        let written = record.write(&source, &POLICY, now).expect("it had its last attempt");
        let Written { key, value, ttl_seconds } = written.clone();
        let has_failed = record.attempts.consecutive_failures > 0;
        assert_eq!(key, if has_failed { failures_key(&source) } else { record::key(&source) });
        assert!(ttl_seconds >= MIN_STORE_TTL_SECONDS);
        let again = Record::read(&value, &source, &POLICY, now).expect("a written record is accepted");
        assert!(again.cut.is_empty(), "{:?}", again.cut);
        assert!(!has_failed || again.record.cached.is_none(), "a failure is stored without a set");
        assert_eq!(again.record.write(&source, &POLICY, now), Some(written.clone()));
        // Later the record is the same, or its times still count.
        let later = now.plus(3600);
        assert!(Record::read(&value, &source, &POLICY, later).is_ok_and(|read| read.cut.is_empty()));

        assert!(record.attempts.last_attempt_at.is_some_and(|at| at <= now));
        assert!(record.attempts.last_unknown_kid_fetch_at <= record.attempts.last_attempt_at);
        if let Some(cached) = &record.cached {
            let Lifetime { fetched_at, fresh_until, stale_until } = cached.lifetime;
            assert!(fetched_at <= now && fetched_at <= fresh_until && fresh_until <= stale_until);
            assert!(fresh_until <= fetched_at.plus(POLICY.ttl_seconds));
            assert!(
                stale_until <= fresh_until.plus(POLICY.stale_if_error_seconds)
                    || stale_until <= fetched_at.plus(POLICY.ttl_seconds + POLICY.stale_if_error_seconds)
            );
            assert!(accept(&cached.jwks_uri).is_ok());
            assert_eq!(KeySet::parse(cached.body.as_bytes()).unwrap().identity(), cached.set.identity());
        }
        if let Some(error) = &record.last_error {
            assert!(error.reason.chars().count() <= MAX_FAILURE_REASON_CHARS + 1);
            assert!(!error.reason.chars().any(char::is_control));
            assert!(error.points_to.as_deref().is_none_or(|url| accept(url).is_ok()));
        }
        assert!(!record.adopt(again.record), "it is not newer than itself");
        assert_eq!(record.write(&source, &POLICY, now), Some(written));
    }
    is_believed
}

/// Only the two URLs are asked; a set is accepted from a document that names its issuer exactly; from an `https` document no
/// set over `http`; the lifetime is within the policy whatever `Cache-Control` says; a failure is short and holds no control
/// character. The input is a line `status|content type|location|cache control|etag` and the document. The document is used
/// as the discovery document, and, in a second attempt, as the set.
pub fn discovery(data: &[u8]) -> bool {
    let mut halves = data.splitn(2, |byte| *byte == b'\n');
    let (Some(head), Some(body)) = (halves.next(), halves.next()) else { return false };
    let head = String::from_utf8_lossy(head);
    let head: Vec<&str> = head.split('|').collect();
    let given = |index: usize| head.get(index).copied().filter(|text| !text.is_empty());
    let status = given(0).and_then(|status| status.parse().ok()).unwrap_or(200);
    let mut answer = Answer::document(status, given(1).unwrap_or("application/json"), body);
    if let Some(location) = given(2) {
        answer = answer.location(location);
    }
    if let Some(cache_control) = given(3) {
        answer = answer.cache_control(cache_control);
        let ttl = freshness::ttl_seconds(&POLICY, freshness::max_age_seconds(cache_control));
        assert!(ttl <= POLICY.ttl_seconds, "{ttl}");
    }
    if let Some(etag) = given(4) {
        answer = answer.etag(etag);
    }
    let document = serde_json::from_slice::<Value>(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok();
    let named = |name: &str| document.as_ref().and_then(|document| document.get(name)?.as_str());

    let platform = FakePlatform::at(NOW);
    platform.origin.serves(DISCOVERY, answer.clone());
    let (jwks_uri, issuer) = (named("jwks_uri").unwrap_or_default(), named("issuer").unwrap_or_default());
    let names_a_set = status == 200
        && issuer == ISSUER
        && accept(jwks_uri).is_ok_and(|transport| transport == Transport::Https);
    if accept(jwks_uri).is_ok() && jwks_uri != DISCOVERY {
        platform.origin.serves(jwks_uri, Answer::json(keys::published(&[keys::ed25519()])));
    }
    let [plain, discovered] = sources();
    let outcome = platform.run(fetch(&platform, &discovered, &POLICY, None, false, 0));
    let asked: Vec<String> = platform.origin.requests().into_iter().map(|request| request.url).collect();
    match (&outcome, asked.as_slice()) {
        (_, [first]) => assert_eq!(first, DISCOVERY),
        // Nothing is there, so the metadata of RFC 8414 is asked for.
        (Err(_), [first, second]) if matches!(status, 404 | 410) => {
            assert_eq!((first.as_str(), second.as_str()), (DISCOVERY, SERVER_METADATA));
        }
        (_, [first, second]) => {
            assert_eq!(first, DISCOVERY);
            assert!(names_a_set && second == jwks_uri, "{second}");
        }
        _ => panic!("{asked:?}"),
    }
    let mut is_accepted = false;
    match outcome {
        Ok(fetched) => {
            assert!(names_a_set);
            assert_eq!(fetched.jwks_uri, jwks_uri);
            is_accepted = true;
        }
        Err(error) => is_presentable(&error),
    }

    platform.origin.serves(SET, answer);
    match platform.run(fetch(&platform, &plain, &POLICY, None, true, 0)) {
        Ok(fetched) => {
            assert_eq!(status, 200);
            let Fetched::Set { body: kept, set, etag } = fetched.answer else { panic!("nothing to confirm") };
            assert_eq!(kept.as_bytes(), body);
            assert!(!set.keys.is_empty(), "a set without a usable key replaces no good one");
            assert!(etag.is_none() || etag.as_deref() == given(4));
            is_accepted = true;
        }
        Err(error) => is_presentable(&error),
    }
    is_accepted
}

fn is_presentable(error: &edge_assay::keys::error::KeySetError) {
    assert!(error.reason.chars().count() <= MAX_FAILURE_REASON_CHARS + 1, "{}", error.reason);
    assert!(!error.reason.chars().any(char::is_control), "{:?}", error.reason);
    assert!(error.points_to.as_deref().is_none_or(|url| accept(url).is_ok()));
}
