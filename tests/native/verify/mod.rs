//! Verification: every rejection and fault, the order of the checks, and which keys are trusted.

mod claims;
mod classes;
mod confusion;
mod distrust;
mod engines;
mod grounds;
mod keys;
mod one_iss;
mod order;
mod outage;
mod remembered;
mod require;
mod secrets;
mod static_keys;
mod tenants;
mod times;

use crate::support::keys::{ed25519, ed25519_second, published};
use crate::support::platform::Answer;
use crate::support::tokens;
use crate::support::world::{World, claims, issuer, jwks_uri};
use edge_assay::jose::Algorithm;
use edge_assay::rejection::{IssuerProblem, Malformed, NoKey, Rejection};
use edge_assay::time::Timestamp;
use edge_assay::verify::KeyIdentity;
use serde_json::{Value, json};

const ISS: &str = "https://issuer.example";

/// A world that trusts one issuer, whose key is [`ed25519`], on these terms.
fn world(terms: &Value) -> World {
    let world = World::trusting(&[issuer(ISS, terms)]);
    world.publishes(ISS, &[ed25519()]);
    world
}

/// A token of the issuer with these changes to its claims.
fn token(changes: &Value) -> String {
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims(ISS, changes))
}

/// A token of the issuer with exactly this payload.
fn token_of(payload: &str) -> String {
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": ed25519().kid() }).to_string();
    tokens::sealed(&header, payload, |input| ed25519().sign(Algorithm::EdDsa, input))
}

/// A token of the issuer with these changes to its header.
fn token_with_header(changes: &Value) -> String {
    tokens::mint(Algorithm::EdDsa, changes, &claims(ISS, &json!({})))
}

fn at(epoch_seconds: i64) -> Timestamp {
    Timestamp::from_epoch_seconds(epoch_seconds)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_valid_token_is_accepted_with_the_identity_of_its_key() {
    for algorithm in Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_shared_secret()) {
        let key = crate::support::keys::for_algorithm(*algorithm);
        let world = World::trusting(&[issuer(ISS, &json!({}))]);
        world.publishes(ISS, &[key]);
        let minted = tokens::mint(*algorithm, &json!({}), &claims(ISS, &json!({})));
        let verified = world.outcome(&minted).unwrap();
        assert_eq!(verified.issuer(), ISS);
        assert_eq!(verified.claims().subject.as_deref(), Some("user_1"));
        let thumbprint = crate::support::keys::key_set(&[key]).keys[0].thumbprint.clone();
        assert_eq!(
            *verified.key(),
            KeyIdentity {
                algorithm: *algorithm,
                kid: Some(key.kid().to_owned()),
                thumbprint: Some(thumbprint)
            }
        );
    }
}

#[test]
fn both_names_of_ed25519_are_accepted() {
    assert!(
        world(&json!({ "algorithms": ["EdDSA"] })).accepts(&token_with_header(&json!({ "alg": "Ed25519" })))
    );
    assert!(world(&json!({ "algorithms": ["Ed25519"] })).accepts(&token(&json!({}))));
}

#[test]
fn a_token_longer_than_the_limit_is_refused() {
    let padded = |length: usize| {
        let bare = token(&json!({ "pad": "" })).len();
        // Three octets of payload take four characters of base64url.
        let padded = token(&json!({ "pad": "p".repeat((length - bare) / 4 * 3) }));
        assert!(padded.len().abs_diff(length) < 8, "{}", padded.len());
        padded
    };
    let world = world(&json!({}));
    let (fits, exceeds) = (padded(16_380), padded(16_396));
    assert!(fits.len() <= 16_384 && world.accepts(&fits));
    assert_eq!(world.rejection(&exceeds), Rejection::TokenTooLarge { length: exceeds.len(), limit: 16_384 });
    assert_eq!(
        world.rejection(&"a".repeat(1_000_000)),
        Rejection::TokenTooLarge { length: 1_000_000, limit: 16_384 }
    );
}

#[test]
fn the_maximum_length_can_be_configured() {
    let limited_to = |bytes: usize| {
        let config = json!({ "verify": { "max_token_bytes": bytes }, "issuers": [issuer(ISS, &json!({}))] });
        let world = World::new(&config);
        world.publishes(ISS, &[ed25519()]);
        world
    };
    let world = limited_to(512);
    let long = token(&json!({ "pad": "p".repeat(300) }));
    assert!(limited_to(long.len()).accepts(&long));
    let limit = long.len() - 1;
    assert_eq!(limited_to(limit).rejection(&long), Rejection::TokenTooLarge { length: long.len(), limit });
    assert_eq!(world.rejection(&long), Rejection::TokenTooLarge { length: long.len(), limit: 512 });
    assert!(world.accepts(&token(&json!({}))));
}

#[test]
fn a_text_that_is_not_a_compact_jws_is_malformed() {
    let world = world(&json!({}));
    for (text, segments) in
        [("", 1), ("sb_secret_0123456789", 1), ("a.b", 2), ("a.b.c.d", 4), ("a.b.c.d.e", 5)]
    {
        let expected = Rejection::TokenMalformed(Malformed::Segments(segments));
        assert_eq!(world.rejection(text), expected, "{text}");
    }
    assert_eq!(world.fetches(ISS), 0);
}

#[test]
fn a_header_that_asks_for_other_processing_is_refused() {
    let world = world(&json!({}));
    for (member, value) in
        [("crit", json!(["exp"])), ("crit", json!([])), ("b64", json!(true)), ("zip", json!("DEF"))]
    {
        let rejection = world.rejection(&token_with_header(&json!({ member: value })));
        assert!(
            matches!(rejection, Rejection::HeaderUnsupported { member: found, .. } if found == member),
            "{member}: {rejection:?}"
        );
    }
    assert_eq!(world.platform.origin.requests(), []);
    assert!(world.accepts(&token_with_header(&json!({ "x5t": "ignored", "cty": "JWT" }))));
}

#[test]
fn a_key_or_a_key_url_in_the_header_is_neither_used_nor_fetched() {
    const ATTACKER: &str = "https://attacker.example/jwks.json";
    let attackers_key = ed25519_second();
    for (member, value) in [
        ("jwk", attackers_key.public_jwk()),
        ("jku", json!(ATTACKER)),
        ("x5u", json!("https://attacker.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("jwk", json!(null)),
        ("jku", json!(5)),
    ] {
        let world = world(&json!({}));
        world.serves(ATTACKER, Answer::json(published(&[attackers_key])));
        let forged = |kid: &str| {
            let header = json!({ member: value, "kid": kid });
            tokens::mint_with_key(Algorithm::EdDsa, attackers_key, &header, &claims(ISS, &json!({})))
        };
        assert!(matches!(world.rejection(&forged(ed25519().kid())), Rejection::SignatureInvalid { .. }));
        assert!(matches!(world.rejection(&forged(attackers_key.kid())), Rejection::KeyNotFound(_)));
        assert!(world.accepts(&token_with_header(&json!({ member: value }))), "{member}");
        assert!(
            world.platform.origin.requests().iter().all(|request| request.url == jwks_uri(ISS)),
            "{member}"
        );
    }
}

#[test]
fn without_an_issuer_no_keys_are_fetched() {
    let world = world(&json!({}));
    assert_eq!(world.rejection(&token(&json!({ "iss": null }))), Rejection::IssuerMissing);
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn an_issuer_is_compared_character_by_character() {
    const KNOWN: &str = "https://issuer.example/auth";
    const SLASHED: &str = "https://issuer.example/auth/";
    let world = World::trusting(&[issuer(KNOWN, &json!({}))]);
    world.publishes(KNOWN, &[ed25519()]);
    let from = |name: &str| tokens::mint(Algorithm::EdDsa, &json!({}), &claims(name, &json!({})));
    for name in [
        "",
        SLASHED,
        "https://issuer.example/Auth",
        "https://ISSUER.example/auth",
        "HTTPS://issuer.example/auth",
        "http://issuer.example/auth",
        "https://issuer.example:443/auth",
        "https://issuer.example//auth",
        "https://issuer.example/./auth",
        "https://issuer.example/%61uth",
        "https://issuer.example/auth?",
        "https://issuer.example/auth#",
        " https://issuer.example/auth",
        "https://issuer.example/auth\n",
        "https://issuer.example./auth",
        "https://issuer.example/au",
        "https://issuer.example/auth\u{200b}",
        "https://issuer.ex\u{430}mple/auth",
        "issuer.example/auth",
    ] {
        let issuer = edge_assay::rejection::excerpt(name);
        assert_eq!(
            world.rejection(&from(name)),
            Rejection::IssuerUnknown { issuer, problem: (name == SLASHED).then_some(IssuerProblem::Slash) },
            "{name:?}"
        );
    }
    assert_eq!(world.platform.origin.requests(), [], "no key set is fetched for an unknown issuer");
    assert!(world.accepts(&from(KNOWN)));
}

#[test]
fn a_refusal_truncates_an_unknown_issuer() {
    let long = format!("https://{}.example", "a".repeat(5000));
    match world(&json!({})).rejection(&token(&json!({ "iss": long }))) {
        Rejection::IssuerUnknown { issuer, .. } => assert_eq!(issuer.chars().count(), 123),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_algorithm_that_is_not_implemented_is_unsupported() {
    let world = world(&json!({}));
    for alg in ["ES256K", "Ed448", "RSA-OAEP", "HS1", "eddsa", "EDDSA", "EdDSA ", "", "dir"] {
        let rejection = world.rejection(&token_with_header(&json!({ "alg": alg })));
        assert_eq!(rejection, Rejection::AlgorithmUnsupported { algorithm: alg.to_owned() });
    }
    let without = world.rejection(&token_with_header(&json!({ "alg": null })));
    assert_eq!(without, Rejection::AlgorithmUnsupported { algorithm: String::new() });
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn none_is_not_an_algorithm_in_any_case() {
    // The issuer allows every algorithm.
    let world = world(&json!({}));
    let payload = claims(ISS, &json!({})).to_string();
    for capitals in 0..16 {
        let alg: String = "none"
            .chars()
            .enumerate()
            .map(|(index, c)| if capitals >> index & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        let header = json!({ "alg": alg, "typ": "JWT", "kid": ed25519().kid() }).to_string();
        let unsupported = Rejection::AlgorithmUnsupported { algorithm: alg };
        assert_eq!(world.rejection(&tokens::unsigned(&header, &payload)), unsupported);
        let signed = tokens::sealed(&header, &payload, |input| ed25519().sign(Algorithm::EdDsa, input));
        assert_eq!(world.rejection(&signed), unsupported, "even with a valid signature");
        let bare = tokens::sealed(&header, &payload, |_| Vec::new());
        assert_eq!(world.rejection(&bare), Rejection::TokenMalformed(Malformed::Unsigned));
    }
}

#[test]
fn an_algorithm_that_is_not_allowed_is_refused_before_any_key_is_fetched() {
    let world = world(&json!({ "algorithms": ["RS256", "ES256"] }));
    assert_eq!(
        world.rejection(&token(&json!({}))),
        Rejection::AlgorithmNotAllowed { algorithm: "EdDSA".to_owned(), allowed: vec!["RS256", "ES256"] }
    );
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn a_changed_token_does_not_verify() {
    let world = world(&json!({}));
    let good = token(&json!({}));
    let [header, _, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let payload =
        edge_assay::jose::base64url::encode(claims(ISS, &json!({ "sub": "admin" })).to_string().as_bytes());
    let invalid = Rejection::SignatureInvalid { kid: Some(ed25519().kid().to_owned()) };
    assert_eq!(world.rejection(&format!("{header}.{payload}.{signature}")), invalid);
    // The signature of the same claims with another header.
    let other = token_with_header(&json!({ "typ": "jwt" }));
    let [other_header, rest, _] = other.split('.').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(world.rejection(&format!("{other_header}.{rest}.{signature}")), invalid);
    // One octet less, and one octet more.
    let octets = edge_assay::jose::base64url::decode(signature).unwrap();
    for octets in [octets[1..].to_vec(), [&octets[..], &[0]].concat()] {
        let signature = edge_assay::jose::base64url::encode(&octets);
        let rest = good.rsplit_once('.').unwrap().0;
        assert_eq!(world.rejection(&format!("{rest}.{signature}")), invalid);
    }
}

#[test]
fn an_unknown_kid_is_not_found_after_one_fetch() {
    let world = world(&json!({}));
    let unknown = token_with_header(&json!({ "kid": "unknown" }));
    for _ in 0..3 {
        assert_eq!(
            world.rejection(&unknown),
            Rejection::KeyNotFound(NoKey::UnknownKid {
                kid: "unknown".to_owned(),
                known: 1,
                age_seconds: 0,
                next_fetch_seconds: 30
            })
        );
    }
    assert_eq!(world.fetches(ISS), 1);
    assert!(world.accepts(&token(&json!({}))));
}

#[test]
fn iss_kid_alg_and_a_hash_can_be_logged_for_every_outcome() {
    let world = world(&json!({}));
    let minted = token_with_header(&json!({ "kid": "k\u{7}".repeat(200) }));
    let observed = world.verification(&minted).observed;
    assert_eq!(observed.issuer().as_deref(), Some(ISS));
    assert_eq!(observed.algorithm().as_deref(), Some("EdDSA"));
    let kid = observed.kid().unwrap();
    assert_eq!((kid.chars().count(), kid.contains('\u{7}')), (123, false));
    assert_eq!(observed.token_hash().unwrap().len(), 12);
    let unread = world.verification("not a token").observed;
    assert_eq!((unread.issuer(), unread.kid(), unread.algorithm()), (None, None, None));
    assert_eq!(unread.token_hash().as_deref(), Some("7038d017c27b"), "the first six octets of its SHA-256");
}
