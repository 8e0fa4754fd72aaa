//! Algorithm confusion in both directions: a public key is never used as a secret, and a secret never verifies a signature of a
//! private key.

use edge_assay::jose::{Algorithm, base64url};
use edge_assay::rejection::{NoKey, Rejection};
use rsa::RsaPublicKey;
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::EncodePublicKey as _;
use serde_json::json;

use super::ISS;
use crate::support::keys::{self, rsa_2048};
use crate::support::tokens;
use crate::support::world::{World, claims, issuer};

/// Every encoding of the RSA public key that a confused verifier might use as a secret.
fn public_key_encodings() -> Vec<Vec<u8>> {
    let key = RsaPublicKey::new(rsa_2048().number("n"), rsa_2048().number("e")).unwrap();
    let spki = key.to_public_key_der().unwrap().as_bytes().to_vec();
    let pkcs1 = key.to_pkcs1_der().unwrap().as_bytes().to_vec();
    let modulus = rsa_2048().number("n").to_bytes_be();
    let pem = |label: &str, der: &[u8]| {
        let text = base64(der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    };
    let spki_pem = pem("PUBLIC KEY", &spki);
    vec![
        spki_pem.trim_end().as_bytes().to_vec(),
        spki_pem.replace('\n', "\r\n").into_bytes(),
        spki_pem.into_bytes(),
        pem("RSA PUBLIC KEY", &pkcs1).into_bytes(),
        base64(&spki).into_bytes(),
        spki,
        pkcs1,
        rsa_2048().public_jwk().to_string().into_bytes(),
        keys::published(&[rsa_2048()]).into_bytes(),
        base64url::encode(&modulus).into_bytes(),
        modulus,
        rsa_2048().kid().as_bytes().to_vec(),
        Vec::new(),
    ]
}

fn base64(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

/// Tokens signed with each encoding and each HMAC, with the RSA key's `kid` and without one.
fn forged() -> impl Iterator<Item = (Algorithm, Option<&'static str>, String)> {
    let encodings = public_key_encodings();
    let kid = rsa_2048().kid();
    [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512].into_iter().flat_map(move |algorithm| {
        encodings.clone().into_iter().flat_map(move |secret| {
            [Some(kid), None].map(|kid| {
                let header = json!({ "kid": kid });
                (
                    algorithm,
                    kid,
                    tokens::mint_with_secret(algorithm, &secret, &header, &claims(ISS, &json!({}))),
                )
            })
        })
    })
}

#[test]
fn a_public_key_is_not_used_as_a_secret_if_the_issuer_has_only_a_key_set() {
    let world = World::trusting(&[issuer(ISS, &json!({}))]);
    world.publishes(ISS, &[rsa_2048()]);
    let allowed: Vec<&str> = Algorithm::ASYMMETRIC.iter().map(|algorithm| algorithm.name()).collect();
    for (algorithm, _, token) in forged() {
        let expected = Rejection::AlgorithmNotAllowed {
            algorithm: algorithm.name().to_owned(),
            allowed: allowed.clone(),
        };
        assert_eq!(world.rejection(&token), expected);
    }
    assert_eq!(world.fetches(ISS), 0);
}

#[test]
fn a_public_key_is_not_used_as_a_secret_if_the_preset_allows_secrets_and_none_is_configured() {
    let name = "https://project.supabase.co/auth/v1";
    let world = World::trusting(&[json!({ "issuer": name, "preset": "supabase", "audience": "unchecked" })]);
    world.publishes(name, &[rsa_2048()]);
    for secret in public_key_encodings() {
        let header = json!({ "kid": rsa_2048().kid() });
        let token = tokens::mint_with_secret(Algorithm::Hs256, &secret, &header, &claims(name, &json!({})));
        let expected = Rejection::KeyNotFound(NoKey::NoSharedSecret { algorithm: "HS256" });
        assert_eq!(world.rejection(&token), expected);
    }
    assert_eq!(world.fetches(name), 0);
}

#[test]
fn a_public_key_is_not_used_as_a_secret_if_the_issuer_has_both() {
    let terms = json!({
        "algorithms": ["RS256", "HS256", "HS384", "HS512"],
        "secrets": [{ "binding": "SHARED" }],
    });
    let config = json!({ "issuers": [issuer(ISS, &terms)] });
    let world = World::with_secrets(&config, &[("SHARED", keys::SECRET)]);
    world.publishes(ISS, &[rsa_2048()]);
    for (_, kid, token) in forged() {
        let expected = Rejection::SignatureInvalid { kid: kid.map(str::to_owned) };
        assert_eq!(world.rejection(&token), expected);
    }
    for algorithm in [Algorithm::Rs256, Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        assert!(world.accepts(&tokens::mint(algorithm, &json!({}), &claims(ISS, &json!({})))));
    }
}

#[test]
fn an_rsa_token_is_not_verified_with_a_secret() {
    let config = json!({ "issuers": [
        { "issuer": ISS, "audience": "unchecked", "secrets": [{ "binding": "SHARED" }] },
    ]});
    let world = World::with_secrets(&config, &[("SHARED", keys::SECRET)]);
    let refused = Rejection::AlgorithmNotAllowed { algorithm: "RS256".to_owned(), allowed: vec!["HS256"] };
    let good = tokens::mint(Algorithm::Rs256, &json!({}), &claims(ISS, &json!({})));
    assert_eq!(world.rejection(&good), refused);
    // Signed with the secret, but with RS256 in the header.
    let header = json!({ "alg": "RS256" });
    let secret = keys::SECRET.as_bytes();
    let forged = tokens::mint_with_secret(Algorithm::Hs256, secret, &header, &claims(ISS, &json!({})));
    assert_eq!(world.rejection(&forged), refused);
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn a_signature_is_verified_only_with_the_algorithm_in_the_header() {
    let terms = json!({ "algorithms": ["RS256", "PS256", "HS256"], "secrets": [{ "binding": "SHARED" }] });
    let config = json!({ "issuers": [issuer(ISS, &terms)] });
    let world = World::with_secrets(&config, &[("SHARED", keys::SECRET)]);
    world.publishes(ISS, &[rsa_2048()]);
    for (named, signed) in [
        (Algorithm::Rs256, Algorithm::Ps256),
        (Algorithm::Ps256, Algorithm::Rs256),
        (Algorithm::Hs256, Algorithm::Rs256),
    ] {
        let header = json!({ "alg": named.name() });
        let token = tokens::mint(signed, &header, &claims(ISS, &json!({})));
        let expected = Rejection::SignatureInvalid { kid: Some(rsa_2048().kid().to_owned()) };
        assert_eq!(world.rejection(&token), expected, "{signed} as {named}");
    }
    let header = json!({ "alg": "RS256", "kid": rsa_2048().kid() });
    let secret = keys::SECRET.as_bytes();
    let token = tokens::mint_with_secret(Algorithm::Hs256, secret, &header, &claims(ISS, &json!({})));
    assert!(matches!(world.rejection(&token), Rejection::SignatureInvalid { .. }), "HS256 as RS256");
}
