//! The examples of the RFCs, each verified by computation.

use std::sync::LazyLock;

use edge_assay::jose::{Algorithm, Jwk, KeySet, SetAsideReason, SharedSecret, UntrustedToken, base64url};
use edge_assay::jose::{Malformed, TokenFormatError};
use edge_assay::time::Timestamp;
use serde_json::{Value, json};

static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../vectors/rfc/jose.json")).unwrap());

fn vector(name: &str) -> &'static Value {
    &VECTORS[name]
}

fn text(name: &str, member: &str) -> &'static str {
    vector(name)[member].as_str().unwrap()
}

fn key(name: &str) -> Jwk {
    Jwk::from_value(&vector(name)["key"]).unwrap()
}

fn secret(name: &str) -> SharedSecret {
    SharedSecret::new(base64url::decode(vector(name)["key"]["k"].as_str().unwrap()).unwrap())
}

/// The signing input and the signature of a JWS with any payload.
fn halves(name: &str) -> (&'static str, Vec<u8>) {
    let (input, signature) = text(name, "jws").rsplit_once('.').unwrap();
    (input, base64url::decode(signature).unwrap())
}

fn assert_joes_claims(token: &UntrustedToken<'_>) {
    assert_eq!(token.claims().issuer.as_deref(), Some("joe"));
    assert_eq!(token.claims().expires_at, Some(Timestamp::from_epoch_seconds(1_300_819_380)));
    assert_eq!(token.claims().get("http://example.com/is_root"), Some(json!(true)));
}

#[test]
fn rfc_7515_a_1_hs256_verifies() {
    let token = UntrustedToken::parse(text("rfc7515_a1", "jws")).unwrap();
    assert_joes_claims(&token);
    assert_eq!(token.header().algorithm(), Ok(Algorithm::Hs256));
    assert!(secret("rfc7515_a1").strong_enough_for(Algorithm::Hs256));
    assert!(secret("rfc7515_a1").verify(Algorithm::Hs256, token.signing_input(), token.signature()));
}

#[test]
fn rfc_7515_a_2_rs256_and_a_3_es256_verify() {
    for (name, algorithm) in [("rfc7515_a2", Algorithm::Rs256), ("rfc7515_a3", Algorithm::Es256)] {
        let token = UntrustedToken::parse(text(name, "jws")).unwrap();
        assert_joes_claims(&token);
        assert_eq!(token.header().algorithm(), Ok(algorithm));
        assert!(key(name).key.verify(algorithm, token.signing_input(), token.signature()), "{name}");
    }
}

#[cfg(feature = "es512")]
#[test]
fn rfc_7515_a_4_es512_verifies() {
    let (input, signature) = halves("rfc7515_a4");
    assert!(key("rfc7515_a4").key.verify(Algorithm::Es512, input.as_bytes(), &signature));
    assert!(!key("rfc7515_a4").key.verify(Algorithm::Es512, input.to_lowercase().as_bytes(), &signature));
    // Its payload is a word instead of a claims set, so it is not a JWT.
    assert!(matches!(
        UntrustedToken::parse(text("rfc7515_a4", "jws")),
        Err(TokenFormatError::Malformed(Malformed::Json(edge_assay::jose::Segment::Payload, _)))
    ));
}

#[test]
fn rfc_7515_a_5_unsecured_is_malformed_and_with_a_signature_unsupported() {
    let unsecured = text("rfc7515_a5", "jws");
    assert_eq!(
        UntrustedToken::parse(unsecured).unwrap_err(),
        TokenFormatError::Malformed(Malformed::Unsigned)
    );
    let signed = format!("{unsecured}c2ln");
    assert_eq!(
        UntrustedToken::parse(&signed).unwrap().header().algorithm(),
        Err(TokenFormatError::AlgorithmUnsupported { algorithm: "none".to_owned() })
    );
}

#[test]
fn rfc_7517_a_1_yields_its_signature_key_and_sets_the_other_aside() {
    let set = KeySet::parse(vector("rfc7517_a1").to_string().as_bytes()).unwrap();
    assert_eq!(set.keys.len(), 1);
    assert!(set.with_kid("2011-04-29").next().unwrap().serves(Algorithm::Rs256));
    assert!(!set.keys[0].serves(Algorithm::Rs512));
    let aside = set.set_aside_with_kid("1").unwrap();
    assert_eq!(aside.reason, SetAsideReason::NotForSignatures("enc".to_owned()));
}

#[test]
fn rfc_7520_4_1_rs256_and_4_2_ps384_verify() {
    for (name, algorithm) in [("rfc7520_4_1", Algorithm::Rs256), ("rfc7520_4_2", Algorithm::Ps384)] {
        let (input, signature) = halves(name);
        assert!(key(name).key.verify(algorithm, input.as_bytes(), &signature), "{name}");
        assert!(!key(name).key.verify(algorithm, input.to_lowercase().as_bytes(), &signature), "{name}");
    }
}

#[cfg(feature = "es512")]
#[test]
fn the_es512_key_of_rfc_7520_4_3_is_read() {
    assert!(key("rfc7520_4_3").serves(Algorithm::Es512));
}

#[cfg(not(feature = "es512"))]
#[test]
fn es512_is_not_supported_in_a_build_without_it() {
    assert_eq!(Algorithm::parse("ES512"), None);
    let refused = Jwk::from_value(&vector("rfc7515_a4")["key"]).unwrap_err();
    assert_eq!(refused, SetAsideReason::UnsupportedCurve("P-521".to_owned()));
}

#[test]
fn rfc_7520_4_4_hs256_verifies() {
    let (input, signature) = halves("rfc7520_4_4");
    assert!(secret("rfc7520_4_4").verify(Algorithm::Hs256, input.as_bytes(), &signature));
    assert!(!secret("rfc7520_4_4").verify(Algorithm::Hs256, b"", &signature));
}

#[test]
fn rfc_7638_3_1_thumbprint_is_computed() {
    assert_eq!(key("rfc7638_3_1").thumbprint, text("rfc7638_3_1", "thumbprint"));
}

#[test]
fn thumbprints_agree_with_those_of_jwt_compact() {
    use jwt_compact::jwk::JsonWebKey;
    let all = [
        crate::support::keys::rsa_2048(),
        crate::support::keys::rsa_4096(),
        crate::support::keys::p_256(),
        crate::support::keys::p_384(),
        crate::support::keys::ed25519(),
    ];
    for key in all {
        let jwk = key.public_jwk();
        let independent: JsonWebKey<'_> = serde_json::from_value(jwk.clone()).unwrap();
        let independent = base64url::encode(&independent.thumbprint::<sha2::Sha256>());
        assert_eq!(Jwk::from_value(&jwk).unwrap().thumbprint, independent);
    }
}

#[test]
fn rfc_7797_4_2_unencoded_payload_is_refused_although_its_mac_is_valid() {
    let jws = text("rfc7797_4_2", "jws");
    let unsupported = |token: &str| match UntrustedToken::parse(token) {
        Err(TokenFormatError::HeaderUnsupported { member, .. }) => member,
        other => panic!("{other:?}"),
    };
    assert_eq!(unsupported(jws), "crit");
    let (header, signature) = jws.split_once("..").unwrap();
    let input = format!("{header}.{}", text("rfc7797_4_2", "payload"));
    let signature_octets = base64url::decode(signature).unwrap();
    assert!(secret("rfc7797_4_2").verify(Algorithm::Hs256, input.as_bytes(), &signature_octets));
    // Also without `crit`, and with a payload without a dot.
    let header = base64url::encode(br#"{"alg":"HS256","b64":false}"#);
    assert_eq!(unsupported(&format!("{header}.{{}}.{signature}")), "b64");
}

#[test]
fn rfc_8032_7_1_signatures_verify_and_with_a_bit_changed_do_not() {
    for vector in vector("rfc8032_7_1").as_array().unwrap() {
        let octets = |member: &str| base64url::decode(vector[member].as_str().unwrap()).unwrap();
        let key = Jwk::from_value(&vector["key"]).unwrap().key;
        let (message, mut signature) = (octets("message"), octets("signature"));
        assert!(key.verify(Algorithm::EdDsa, &message, &signature));
        for bit in 0..512 {
            signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(Algorithm::EdDsa, &message, &signature), "{bit}");
            signature[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn rfc_8037_a_3_thumbprint_is_computed() {
    assert_eq!(key("rfc8037_a").thumbprint, text("rfc8037_a", "thumbprint"));
}

#[test]
fn rfc_8037_a_4_signature_is_made_and_a_5_verified() {
    use ed25519_dalek::Signer as _;
    let (input, signature) = halves("rfc8037_a");
    let seed = base64url::decode(text("rfc8037_a", "private_d")).unwrap();
    let signer = ed25519_dalek::SigningKey::from_bytes(&seed.try_into().unwrap());
    assert_eq!(signer.sign(input.as_bytes()).to_bytes().to_vec(), signature);
    assert!(key("rfc8037_a").key.verify(Algorithm::EdDsa, input.as_bytes(), &signature));
    assert!(!key("rfc8037_a").key.verify(Algorithm::EdDsa, b"other", &signature));
}
