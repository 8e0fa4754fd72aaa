//! Known attacks on parsers of tokens and key sets, and on signature checks, each with its name.
//!
//! Attacks on issuers, caches and times are tested in other files.

use crate::support::keys::{self, TestKey};
use crate::support::tokens;
use edge_assay::jose::json::JsonError;
use edge_assay::jose::signature::{KeyError, VerifyingKey};
use edge_assay::jose::{
    Algorithm, Jwk, KeySet, KeySetFormatError, SetAsideReason, SharedSecret, UntrustedToken, base64url,
};
use edge_assay::jose::{Malformed, Segment, TokenFormatError};
use rsa::BigUint;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn public(key: &TestKey) -> VerifyingKey {
    Jwk::from_value(&key.public_jwk()).unwrap().key
}

fn refused(token: &str) -> TokenFormatError {
    UntrustedToken::parse(token).expect_err(token)
}

fn malformed(token: &str) -> Malformed {
    match refused(token) {
        TokenFormatError::Malformed(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn good_token() -> String {
    tokens::mint(
        Algorithm::Es256,
        &json!({}),
        &json!({"iss": "https://issuer.example", "exp": 2_000_000_000}),
    )
}

mod header {
    use super::*;

    #[test]
    fn none_in_any_case_is_not_an_algorithm() {
        for bits in 0..16_u8 {
            let cased = |(index, letter): (usize, char)| {
                if bits >> index & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
            };
            let none: String = "none".chars().enumerate().map(cased).collect();
            assert_eq!(Algorithm::parse(&none), None);
            let header = json!({ "alg": none }).to_string();
            let unsigned = tokens::sealed(&header, "{}", |_| vec![]);
            assert_eq!(malformed(&unsigned), Malformed::Unsigned);
            let signed = tokens::unsigned(&header, "{}");
            assert_eq!(
                UntrustedToken::parse(&signed).unwrap().header().algorithm(),
                Err(TokenFormatError::AlgorithmUnsupported { algorithm: none })
            );
        }
        for none in ["none ", " none", "none\0", "n\u{f6}ne", "null", ""] {
            assert_eq!(Algorithm::parse(none), None);
        }
    }

    #[test]
    fn a_public_key_is_not_an_hmac_secret() {
        let key = keys::rsa_2048();
        let jwk = key.public_jwk().to_string();
        for secret in [jwk.as_bytes(), &key.number("n").to_bytes_be()] {
            for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
                let token =
                    tokens::mint_with_secret(algorithm, secret, &json!({"kid": key.kid()}), &json!({}));
                let token = UntrustedToken::parse(&token).unwrap();
                let set = keys::key_set(&[key]);
                let found = set.with_kid(key.kid()).next().unwrap();
                assert!(!found.serves(algorithm));
                assert!(!found.key.verify(algorithm, token.signing_input(), token.signature()));
            }
        }
    }

    #[test]
    fn a_shared_secret_verifies_no_public_key_algorithm() {
        let secret = SharedSecret::new(keys::SECRET.as_bytes().to_vec());
        for algorithm in Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_shared_secret()) {
            let code = keys::hmac(Algorithm::Hs256, keys::SECRET.as_bytes(), b"message");
            assert!(!secret.verify(*algorithm, b"message", &code));
        }
    }

    #[test]
    fn a_key_or_a_key_url_in_the_header_verifies_nothing_and_changes_nothing() {
        let key = keys::p_256_second();
        let trusted = keys::key_set(&[keys::p_256()]);
        for (member, value) in [
            ("jwk", key.public_jwk()),
            ("jku", json!("https://attacker.example/jwks.json")),
            ("x5u", json!("https://attacker.example/cert.pem")),
            ("x5c", json!(["MIIB"])),
            ("jwk", Value::Bool(false)),
        ] {
            let token = tokens::mint_with_key(Algorithm::Es256, key, &json!({}), &json!({}));
            assert!(UntrustedToken::parse(&token).is_ok());
            let header = json!({"alg": "ES256", member: value}).to_string();
            let verifies = |signer: &TestKey| {
                let token = tokens::sealed(&header, "{}", |input| signer.sign(Algorithm::Es256, input));
                let parsed = UntrustedToken::parse(&token).unwrap();
                assert_eq!(parsed.header().ignored_keys().collect::<Vec<_>>(), [member]);
                trusted.keys[0].key.verify(Algorithm::Es256, parsed.signing_input(), parsed.signature())
            };
            assert!(!verifies(key), "the key in the token's header");
            assert!(verifies(keys::p_256()), "the trusted key");
        }
    }

    #[test]
    fn crit_b64_and_zip_are_refused_with_any_value() {
        for (member, value) in [
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("crit", json!(null)),
            ("b64", json!(false)),
            ("b64", json!(true)),
            ("zip", json!("DEF")),
        ] {
            let header = json!({"alg": "ES256", member: value}).to_string();
            let token = tokens::unsigned(&header, "{}");
            assert!(
                matches!(refused(&token), TokenFormatError::HeaderUnsupported { member: m, .. } if m == member)
            );
        }
    }

    #[test]
    fn a_kid_is_compared_and_never_interpreted() {
        let set = keys::key_set(&[keys::p_256()]);
        for kid in [
            "../test-p-256",
            "test-p-256/../test-p-256",
            "test-p-256\0",
            "test-p-256 ",
            "TEST-P-256",
            "' OR '1'='1",
            "",
            "*",
            "test-%",
            "/dev/null",
            "$(id)",
            "test-p-256\n",
        ] {
            assert_eq!(set.with_kid(kid).count(), 0, "{kid:?}");
            let token = tokens::mint(Algorithm::Es256, &json!({ "kid": kid }), &json!({}));
            assert_eq!(UntrustedToken::parse(&token).unwrap().header().kid.as_deref(), Some(kid));
        }
        assert_eq!(set.with_kid("test-p-256").count(), 1);
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused_in_header_and_payload() {
        let twice = |segment, name: &str| Malformed::DuplicateMember(segment, name.to_owned());
        let token = tokens::unsigned(r#"{"alg":"ES256","alg":"HS256"}"#, "{}");
        assert_eq!(malformed(&token), twice(Segment::Header, "alg"));
        let token = tokens::unsigned(r#"{"alg":"ES256"}"#, r#"{"sub":"a","sub":"b"}"#);
        assert_eq!(malformed(&token), twice(Segment::Payload, "sub"));
        let token = tokens::unsigned(r#"{"alg":"ES256"}"#, r#"{"sub":"a","s\u0075b":"b"}"#);
        assert_eq!(malformed(&token), twice(Segment::Payload, "sub"));
        let token = tokens::unsigned(r#"{"alg":"ES256"}"#, r#"{"o":{"roles":[{"id":1,"id":2}]}}"#);
        assert_eq!(malformed(&token), twice(Segment::Payload, "id"));
    }
}

mod form {
    use super::*;

    #[test]
    fn json_serialisations_are_refused() {
        let token = good_token();
        let parts: Vec<_> = token.split('.').collect();
        let flattened = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]});
        let general =
            json!({"payload": parts[1], "signatures": [{"protected": parts[0], "signature": parts[2]}]});
        for text in [flattened.to_string(), general.to_string(), json!(token).to_string()] {
            assert!(matches!(refused(&text), TokenFormatError::Malformed(_)), "{text}");
        }
        // With the dots of a compact token inside (CVE-2022-3102).
        let hidden = format!(r#"{{"protected":"{}.{}.{}"}}"#, parts[0], parts[1], parts[2]);
        assert_eq!(
            malformed(&hidden),
            Malformed::Character { segment: Some(Segment::Header), character: '{' }
        );
    }

    #[test]
    fn a_token_has_three_segments() {
        let token = good_token();
        let (input, _) = token.rsplit_once('.').unwrap();
        for (text, count) in [
            (String::new(), 1),
            ("sb_secret_abc".to_owned(), 1),
            (input.to_owned(), 2),
            (".".to_owned(), 2),
            (format!("{token}."), 4),
            (format!(".{token}"), 4),
            (format!("{token}.{token}"), 6),
            ("a.b.c.d.e".to_owned(), 5),
        ] {
            assert_eq!(malformed(&text), Malformed::Segments(count), "{text}");
        }
    }

    #[test]
    fn no_segment_is_empty() {
        let token = good_token();
        let parts: Vec<_> = token.split('.').collect();
        let (header, payload, signature) = (parts[0], parts[1], parts[2]);
        for (text, segment) in [
            (format!(".{payload}.{signature}"), Segment::Header),
            (format!("{header}..{signature}"), Segment::Payload),
            (format!("{header}.{payload}."), Segment::Signature),
            ("..".to_owned(), Segment::Header),
        ] {
            assert_eq!(malformed(&text), Malformed::EmptySegment(segment));
        }
    }

    #[test]
    fn padding_white_space_and_invalid_characters_are_refused_at_every_place() {
        let token = good_token();
        let boundaries: Vec<usize> = (0..=token.len()).collect();
        for text in [
            "=", "==", " ", "\n", "\r\n", "\t", "\0", "+", "/", "?", "%2e", "~", "\u{e9}", "\u{200b}",
            "\u{feff}",
        ] {
            for at in boundaries.iter().step_by(7).chain([&token.len()]) {
                let mut changed = token.clone();
                changed.insert_str(*at, text);
                assert!(matches!(refused(&changed), TokenFormatError::Malformed(_)), "{text:?} at {at}");
            }
        }
    }

    #[test]
    fn base64url_has_only_one_encoding() {
        // The last character of 64 octets has four unused bits, so 15 other characters would decode to the same octets.
        let token = good_token();
        let (head, last) = token.split_at(token.len() - 1);
        let mut others = 0;
        for character in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
            let changed = format!("{head}{character}");
            if last.starts_with(character) {
                assert!(UntrustedToken::parse(&changed).is_ok());
            } else if let Ok(parsed) = UntrustedToken::parse(&changed) {
                others += 1;
                assert!(!public(keys::p_256()).verify(
                    Algorithm::Es256,
                    parsed.signing_input(),
                    parsed.signature()
                ));
            }
        }
        assert_eq!(others, 3, "only A, Q, g and w are canonical there");
    }

    #[test]
    fn a_token_that_is_too_large_is_refused_before_it_is_parsed() {
        let token = good_token() + &"A".repeat(64 * 1024);
        assert!(matches!(refused(&token), TokenFormatError::TooLarge { limit: 65_536, .. }));
    }

    #[test]
    fn segments_are_utf_8_and_json_objects() {
        let segment = |octets: &[u8]| format!("{}.e30.c2ln", base64url::encode(octets));
        assert_eq!(malformed(&segment(b"{\"alg\":\"\xff\"}")), Malformed::Utf8(Segment::Header));
        for text in ["[]", "\"alg\"", "1", "null", "", "{", "{}{}", "{} x"] {
            if !text.is_empty() {
                assert!(matches!(malformed(&segment(text.as_bytes())), Malformed::Json(Segment::Header, _)));
            }
            let token = tokens::unsigned(r#"{"alg":"ES256"}"#, text);
            let expected = malformed(&token);
            assert!(matches!(
                expected,
                Malformed::Json(Segment::Payload, _) | Malformed::EmptySegment(Segment::Payload)
            ));
        }
    }

    #[test]
    fn deep_json_nul_and_lone_surrogates_are_refused() {
        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        for payload in [
            deep(32),
            deep(5_000),
            "{\"a\":".repeat(6_000),
            r#"{"is\u0000s":"x"}"#.to_owned(),
            r#"{"iss":"\ud800"}"#.to_owned(),
            r#"{"iss":"\udc00\ud800"}"#.to_owned(),
            r#"{"\ud800":1}"#.to_owned(),
            "{\"iss\":\"a\0b\"}".to_owned(),
        ] {
            let token = tokens::unsigned(r#"{"alg":"ES256"}"#, &payload);
            assert!(matches!(malformed(&token), Malformed::Json(Segment::Payload, _)), "{payload:.40}");
        }
        assert!(UntrustedToken::parse(&tokens::unsigned("{}", &deep(31))).is_ok());
    }

    #[test]
    fn a_time_that_is_not_a_number_of_seconds_is_refused() {
        for member in ["exp", "nbf", "iat"] {
            for value in [
                "\"2000000000\"",
                "-1",
                "-1e9",
                "1e12",
                "2000000000000",
                "1e308",
                "99999999999999999999999",
                "null",
                "true",
                "[2000000000]",
                "{}",
            ] {
                if (member, value) == ("exp", "null") {
                    // Counts as absent; the issuer's claim rules refuse that later.
                    continue;
                }
                let token = tokens::unsigned("{}", &format!("{{\"{member}\":{value}}}"));
                assert!(
                    matches!(
                        malformed(&token),
                        Malformed::Member { member: m, .. } | Malformed::MemberType { member: m, .. } if m == member
                    ),
                    "{member} {value}"
                );
            }
            for value in ["1e999", "NaN", "Infinity", "0x10", "1_000", ".5", "01"] {
                let token = tokens::unsigned("{}", &format!("{{\"{member}\":{value}}}"));
                assert!(matches!(malformed(&token), Malformed::Json(Segment::Payload, _)), "{value}");
            }
        }
    }
}

mod key_sets {
    use super::*;

    fn reason(jwk: &Value) -> SetAsideReason {
        let set = KeySet::parse(keys::jwks(std::slice::from_ref(jwk)).as_bytes()).unwrap();
        assert!(set.keys.is_empty());
        set.set_aside[0].reason.clone()
    }

    #[test]
    fn a_key_with_any_private_member_is_refused() {
        let all = [keys::rsa_2048(), keys::p_256(), keys::p_384(), keys::ed25519()];
        for key in all {
            assert_eq!(reason(&key.private_jwk()), SetAsideReason::PrivateMember("d"));
            for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                for value in [json!("AQAB"), json!(1), json!("")] {
                    let jwk = key.public_jwk_with(&json!({ member: value }));
                    assert_eq!(reason(&jwk), SetAsideReason::PrivateMember(member));
                }
            }
        }
    }

    #[test]
    fn symmetric_keys_are_refused() {
        let k = base64url::encode(keys::SECRET.as_bytes());
        assert_eq!(reason(&json!({"kty": "oct", "k": k, "alg": "HS256"})), SetAsideReason::Symmetric);
        assert_eq!(reason(&json!({"kty": "oct"})), SetAsideReason::Symmetric);
    }

    #[test]
    fn a_set_with_a_member_that_occurs_twice_is_refused() {
        let jwk = keys::rsa_2048().public_jwk().to_string();
        let twice = jwk.replacen('{', r#"{"e":"AQ","#, 1);
        let error = KeySet::parse(format!(r#"{{"keys":[{twice}]}}"#).as_bytes()).unwrap_err();
        assert_eq!(error, KeySetFormatError::Json(JsonError::Duplicate("e".to_owned())));
    }

    #[test]
    fn keys_with_the_same_kid_are_all_found_and_none_hides_another() {
        let first = keys::p_256().public_jwk_with(&json!({"kid": "same"}));
        let second = keys::p_256_second().public_jwk_with(&json!({"kid": "same"}));
        let third = keys::rsa_2048().public_jwk_with(&json!({"kid": "same"}));
        let set = KeySet::parse(keys::jwks(&[first, second, third]).as_bytes()).unwrap();
        assert_eq!(set.with_kid("same").count(), 3);
        let token = tokens::mint_with_key(Algorithm::Es256, keys::p_256_second(), &json!({}), &json!({}));
        let token = UntrustedToken::parse(&token).unwrap();
        let verdicts: Vec<bool> = set
            .with_kid("same")
            .map(|jwk| jwk.key.verify(Algorithm::Es256, token.signing_input(), token.signature()))
            .collect();
        assert_eq!(verdicts, [false, true, false]);
    }

    fn rsa(n: &BigUint, e: &[u8]) -> SetAsideReason {
        let (n, e) = (base64url::encode(&n.to_bytes_be()), base64url::encode(e));
        reason(&json!({"kty": "RSA", "n": n, "e": e}))
    }

    #[test]
    fn rsa_below_2048_bits_is_refused() {
        let n = (BigUint::from(1_u8) << 1023_usize) + 12_345_u32;
        assert_eq!(rsa(&n, &[1, 0, 1]), SetAsideReason::Unusable(KeyError::WeakRsa { bits: 1024 }));
        let n = (BigUint::from(1_u8) << 2046_usize) + 12_345_u32;
        assert_eq!(rsa(&n, &[1, 0, 1]), SetAsideReason::Unusable(KeyError::WeakRsa { bits: 2047 }));
        // With leading zeros, so that it looks longer.
        let padded = [vec![0; 128], ((BigUint::from(1_u8) << 1023_usize) + 1_u32).to_bytes_be()].concat();
        let jwk = json!({"kty": "RSA", "n": base64url::encode(&padded), "e": "AQAB"});
        assert_eq!(reason(&jwk), SetAsideReason::Unusable(KeyError::WeakRsa { bits: 1024 }));
    }

    #[test]
    fn rsa_above_8192_bits_is_refused() {
        let n = (BigUint::from(1_u8) << 16_383_usize) + 1_u32;
        assert_eq!(rsa(&n, &[1, 0, 1]), SetAsideReason::Unusable(KeyError::OversizedRsa { bits: 16_384 }));
    }

    #[test]
    fn rsa_exponents_that_are_one_even_small_or_huge_are_refused() {
        let n = keys::rsa_2048().number("n");
        for e in [&[1][..], &[2], &[3], &[17], &[1, 0, 0], &[1, 0, 2], &[2, 0, 0, 0, 1], &[255; 256]] {
            assert_eq!(rsa(&n, e), SetAsideReason::Unusable(KeyError::BadExponent), "{e:?}");
        }
        assert_eq!(rsa(&n, &[]), SetAsideReason::Unusable(KeyError::BadExponent));
        // Leading zero octets make none of them larger.
        for e in [&[0, 1][..], &[0, 0, 3], &[0; 8]] {
            assert_eq!(rsa(&n, e), SetAsideReason::Unusable(KeyError::BadExponent), "{e:?}");
        }
    }

    #[test]
    fn a_modulus_with_the_roca_fingerprint_is_refused() {
        let one = BigUint::from(1_u8);
        let m = (2_u32..702).filter(|n| (2..*n).all(|d| n % d != 0)).fold(one.clone(), |m, prime| m * prime);
        // p = k * M + (65537^a mod M) with 1024 bits, of which the highest two are set, as RSALib generates them.
        let factor = |offset: u32, a: u32| {
            let k = (BigUint::from(3_u8) << 1022_usize) / &m + offset;
            k * &m + BigUint::from(65_537_u32).modpow(&a.into(), &m)
        };
        let n = factor(1, 1_234_567) * factor(12_345, 7_654_321);
        assert_eq!(n.bits(), 2048);
        assert_eq!(rsa(&n, &[1, 0, 1]), SetAsideReason::Unusable(KeyError::Roca));
    }

    #[test]
    fn ed25519_points_of_small_order_and_non_canonical_points_are_refused() {
        // The eight points of small order and all their non-canonical encodings, little-endian.
        let order_8 = [
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ];
        let y = |hex: &str| -> Vec<u8> {
            (0..32).map(|i| u8::from_str_radix(hex.get(2 * i..2 * i + 2).unwrap(), 16).unwrap()).collect()
        };
        let low = |low: u8, rest: u8, high: u8| [vec![low], vec![rest; 30], vec![high]].concat();
        let mut points = vec![
            low(0, 0, 0),
            low(1, 0, 0),
            low(0xec, 0xff, 0x7f),
            low(0xed, 0xff, 0x7f),
            low(0xee, 0xff, 0x7f),
            y(order_8[0]),
            y(order_8[1]),
        ];
        for index in 0..points.len() {
            let mut negative = points[index].clone();
            negative[31] |= 0x80;
            points.push(negative);
        }
        for point in points {
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(&point)});
            let reason = reason(&jwk);
            assert!(
                matches!(
                    reason,
                    SetAsideReason::Unusable(KeyError::SmallOrderPoint | KeyError::NonCanonicalPoint)
                ),
                "{point:02x?} {reason}"
            );
        }
    }
}

mod rsa_signatures {
    use super::*;

    const MESSAGE: &[u8] = b"message";
    /// DER of `DigestInfo { sha256, NULL }` up to the digest (RFC 8017 §9.2, note 1).
    const SHA256: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
        0x04, 0x20,
    ];

    fn digest() -> Vec<u8> {
        Sha256::digest(MESSAGE).to_vec()
    }

    /// `00 01 FF… 00 T`, padded with FF to the length of the modulus.
    fn encoded(t: &[u8]) -> Vec<u8> {
        [vec![0, 1], vec![0xff; 256 - 3 - t.len()], vec![0], t.to_vec()].concat()
    }

    fn verifies(encoded: &[u8]) -> bool {
        assert_eq!(encoded.len(), 256);
        let signature = keys::rsa_2048().raw_rsa(encoded);
        public(keys::rsa_2048()).verify(Algorithm::Rs256, MESSAGE, &signature)
    }

    fn info(prefix: &[u8]) -> Vec<u8> {
        [prefix, &digest()].concat()
    }

    #[test]
    fn the_only_correct_encoding_verifies() {
        assert!(verifies(&encoded(&info(&SHA256))));
    }

    /// The kernels have no arithmetic for this size, so the `rsa` crate verifies.
    #[test]
    fn under_a_modulus_of_an_unusual_size_only_the_signature_of_the_message_verifies() {
        let key = keys::rsa_2049();
        let (n, verifying) = (key.number("n"), public(key));
        let rsa = Algorithm::ALL.iter().copied().filter(|algorithm| algorithm.name().starts_with(['R', 'P']));
        for algorithm in rsa {
            let good = key.sign(algorithm, MESSAGE);
            assert!(verifying.verify(algorithm, MESSAGE, &good), "{algorithm}");
            assert!(!verifying.verify(algorithm, b"another message", &good), "{algorithm}");
            let plus_n = (BigUint::from_bytes_be(&good) + &n).to_bytes_be();
            for wrong in [plus_n, [&[0][..], &good].concat(), good[1..].to_vec(), Vec::new()] {
                assert!(!verifying.verify(algorithm, MESSAGE, &wrong), "{algorithm}: {} octets", wrong.len());
            }
        }
    }

    #[test]
    fn an_encoding_without_null_or_with_other_parameters_is_refused() {
        let oid = &SHA256[4..15];
        let without = [&[0x30, 0x2f, 0x30, 0x0b][..], oid, &[0x04, 0x20]].concat();
        assert!(!verifies(&encoded(&info(&without))));
        let with_octets = [&[0x30, 0x33, 0x30, 0x0f][..], oid, &[0x04, 0x02, 0, 0, 0x04, 0x20]].concat();
        assert!(!verifies(&encoded(&info(&with_octets))));
        assert!(!verifies(&encoded(&digest())), "without DigestInfo");
    }

    #[test]
    fn ber_lengths_are_refused() {
        let long_outer = [&[0x30, 0x81, 0x31][..], &SHA256[2..]].concat();
        assert!(!verifies(&encoded(&info(&long_outer))));
        let long_octets = [&[0x30, 0x32][..], &SHA256[2..17], &[0x04, 0x81, 0x20]].concat();
        assert!(!verifies(&encoded(&info(&long_octets))));
        let indefinite = [&[0x30, 0x80][..], &SHA256[2..]].concat();
        assert!(!verifies(&encoded(&[info(&indefinite), vec![0, 0]].concat())));
    }

    #[test]
    fn trailing_garbage_after_short_padding_is_refused() {
        // Bleichenbacher's forgery (CVE-2006-4339): short padding, so that there is room for garbage after the digest.
        let t = info(&SHA256);
        for filling in [8, 100, 201] {
            let head = [vec![0, 1], vec![0xff; filling], vec![0], t.clone()].concat();
            let garbage = vec![0x5a; 256 - head.len()];
            assert!(!verifies(&[head, garbage].concat()));
        }
    }

    #[test]
    fn every_single_wrong_octet_of_the_encoding_is_refused() {
        let good = encoded(&info(&SHA256));
        for index in 0..good.len() {
            for change in [0x01, 0x80] {
                let mut wrong = good.clone();
                wrong[index] ^= change;
                // With the highest bit of the first octet set, the number exceeds the modulus.
                assert!(!verifies(&wrong), "octet {index}");
            }
        }
    }

    #[test]
    fn another_block_type_and_zeros_as_padding_are_refused() {
        let t = info(&SHA256);
        for (kind, filling) in [(2, 0xff), (0, 0), (1, 0), (1, 0xfe)] {
            let block = [vec![0, kind], vec![filling; 253 - t.len()], vec![0], t.clone()].concat();
            assert!(!verifies(&block));
        }
    }

    #[test]
    fn a_digest_with_the_name_of_another_hash_is_refused() {
        let mut sha512_name = SHA256;
        sha512_name[14] = 0x03;
        assert!(!verifies(&encoded(&info(&sha512_name))));
        let signature = keys::rsa_2048().sign(Algorithm::Rs512, MESSAGE);
        assert!(!public(keys::rsa_2048()).verify(Algorithm::Rs256, MESSAGE, &signature));
    }

    #[test]
    fn a_signature_is_exactly_as_long_as_the_modulus() {
        let key = public(keys::rsa_2048());
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
            let signature = keys::rsa_2048().sign(algorithm, MESSAGE);
            assert!(key.verify(algorithm, MESSAGE, &signature));
            for wrong in [
                vec![],
                signature[1..].to_vec(),
                [&[0], &signature[..]].concat(),
                [&signature[..], &[0]].concat(),
            ] {
                assert!(!key.verify(algorithm, MESSAGE, &wrong));
            }
        }
        // A signature that starts with a zero octet, which is then removed.
        let (message, short) = (0_u32..10_000)
            .map(u32::to_be_bytes)
            .map(|message| (message, keys::rsa_2048().sign(Algorithm::Rs256, &message)))
            .find(|(_, signature)| signature[0] == 0)
            .unwrap();
        assert!(key.verify(Algorithm::Rs256, &message, &short));
        assert!(!key.verify(Algorithm::Rs256, &message, &short[1..]));
    }

    #[test]
    fn a_signature_is_less_than_the_modulus() {
        let (signer, key) = (keys::rsa_2048(), public(keys::rsa_2048()));
        let n = signer.number("n");
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
            // A signature s for which s + n has no more octets than n: the same residue, another encoding.
            let (message, other) = (0_u32..1000)
                .map(|i| {
                    let message = i.to_be_bytes();
                    let s = BigUint::from_bytes_be(&signer.sign(algorithm, &message));
                    (message, (s + &n).to_bytes_be())
                })
                .find(|(_, other)| other.len() == 256)
                .unwrap();
            assert!(!key.verify(algorithm, &message, &other), "{algorithm}");
        }
        for wrong in [[0; 256].to_vec(), n.to_bytes_be(), (&n - 1_u8).to_bytes_be(), vec![0xff; 256]] {
            assert!(!key.verify(Algorithm::Rs256, MESSAGE, &wrong));
            assert!(!key.verify(Algorithm::Ps256, MESSAGE, &wrong));
        }
        let one = [vec![0; 255], vec![1]].concat();
        assert!(!key.verify(Algorithm::Rs256, MESSAGE, &one));
        assert!(!key.verify(Algorithm::Ps256, MESSAGE, &one));
    }

    /// EMSA-PSS (RFC 8017 §9.1.1) with SHA-256 for 2048 bits, implemented here so that each part can be made wrong.
    fn pss_encoded(salt: &[u8], separator: u8, trailer: u8, clear_top_bit: bool) -> Vec<u8> {
        let h = Sha256::digest([&[0; 8][..], &digest(), salt].concat()).to_vec();
        let db_length = 256 - 32 - 1;
        let db = [vec![0; db_length - salt.len() - 1], vec![separator], salt.to_vec()].concat();
        let mask = (0_u32..).flat_map(|i| Sha256::digest([&h[..], &i.to_be_bytes()].concat()).to_vec());
        let mut masked: Vec<u8> = db.iter().zip(mask).map(|(octet, mask)| octet ^ mask).collect();
        if clear_top_bit {
            masked[0] &= 0x7f;
        }
        [masked, h, vec![trailer]].concat()
    }

    fn pss_verifies(encoded: &[u8]) -> bool {
        let signature = keys::rsa_2048().raw_rsa(encoded);
        public(keys::rsa_2048()).verify(Algorithm::Ps256, MESSAGE, &signature)
    }

    #[test]
    fn a_pss_salt_is_as_long_as_the_hash() {
        assert!(pss_verifies(&pss_encoded(&[0x5a; 32], 1, 0xbc, true)));
        for length in [0, 1, 20, 31, 33, 48, 64, 222] {
            assert!(!pss_verifies(&pss_encoded(&vec![0x5a; length], 1, 0xbc, true)), "{length}");
        }
    }

    #[test]
    fn a_pss_encoding_with_any_change_is_refused() {
        assert!(!pss_verifies(&pss_encoded(&[0x5a; 32], 0, 0xbc, true)));
        assert!(!pss_verifies(&pss_encoded(&[0x5a; 32], 2, 0xbc, true)));
        assert!(!pss_verifies(&pss_encoded(&[0x5a; 32], 1, 0xcc, true)));
        let good = pss_encoded(&[0x5a; 32], 1, 0xbc, true);
        for index in (0..good.len()).step_by(5) {
            let mut wrong = good.clone();
            wrong[index] ^= 1;
            assert!(!pss_verifies(&wrong), "octet {index}");
        }
        // The encoding has 2047 bits, and the bit above them must be zero. To test it alone, the number must stay below the
        // modulus.
        let n = keys::rsa_2048().number("n");
        let top_bit = (0_u8..=255)
            .map(|i| pss_encoded(&[i; 32], 1, 0xbc, true))
            .map(|mut wrong| {
                wrong[0] |= 0x80;
                wrong
            })
            .find(|wrong| BigUint::from_bytes_be(wrong) < n)
            .unwrap();
        assert!(!pss_verifies(&top_bit));
    }

    #[test]
    fn pss_and_pkcs1_signatures_are_never_confused() {
        let key = public(keys::rsa_2048());
        let pkcs1 = keys::rsa_2048().sign(Algorithm::Rs256, MESSAGE);
        let pss = keys::rsa_2048().sign(Algorithm::Ps256, MESSAGE);
        assert!(!key.verify(Algorithm::Ps256, MESSAGE, &pkcs1));
        assert!(!key.verify(Algorithm::Rs256, MESSAGE, &pss));
    }
}

mod ecdsa_signatures {
    use super::*;

    const MESSAGE: &[u8] = b"message";
    const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    const P384_ORDER: &str =
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";

    #[cfg(feature = "es512")]
    const P521_ORDER: &str = "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409";

    fn curves() -> Vec<(&'static TestKey, Algorithm, BigUint)> {
        let order = |hex: &str| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap();
        vec![
            (keys::p_256(), Algorithm::Es256, order(P256_ORDER)),
            (keys::p_384(), Algorithm::Es384, order(P384_ORDER)),
            #[cfg(feature = "es512")]
            (keys::p_521(), Algorithm::Es512, order(P521_ORDER)),
        ]
    }

    fn fixed(number: &BigUint, length: usize) -> Vec<u8> {
        let octets = number.to_bytes_be();
        let octets = if *number == BigUint::from(0_u8) { vec![] } else { octets };
        [vec![0; length - octets.len()], octets].concat()
    }

    #[test]
    fn r_and_s_of_zero_or_of_the_order_or_more_are_refused() {
        for (signer, algorithm, order) in curves() {
            let key = public(signer);
            let good = signer.sign(algorithm, MESSAGE);
            let length = good.len() / 2;
            assert!(key.verify(algorithm, MESSAGE, &good));
            let zero = BigUint::from(0_u8);
            let all_ones = BigUint::from_bytes_be(&vec![0xff; length]);
            for bad in [zero, order.clone(), &order + 1_u8, all_ones] {
                let bad = fixed(&bad, length);
                for signature in [
                    [&bad[..], &good[length..]].concat(),
                    [&good[..length], &bad[..]].concat(),
                    [&bad[..], &bad[..]].concat(),
                ] {
                    assert!(!key.verify(algorithm, MESSAGE, &signature));
                }
            }
            // r + n and s + n are other encodings of r and s, if they fit.
            for half in [0, 1] {
                let mut halves = [good[..length].to_vec(), good[length..].to_vec()];
                let sum = BigUint::from_bytes_be(&halves[half]) + &order;
                if sum.to_bytes_be().len() == length {
                    halves[half] = fixed(&sum, length);
                    assert!(!key.verify(algorithm, MESSAGE, &halves.concat()));
                }
            }
        }
    }

    #[test]
    fn der_is_refused() {
        let der = p256::ecdsa::Signature::from_slice(&keys::p_256().sign(Algorithm::Es256, MESSAGE)).unwrap();
        assert!(!public(keys::p_256()).verify(Algorithm::Es256, MESSAGE, der.to_der().as_bytes()));
        let der = p384::ecdsa::Signature::from_slice(&keys::p_384().sign(Algorithm::Es384, MESSAGE)).unwrap();
        assert!(!public(keys::p_384()).verify(Algorithm::Es384, MESSAGE, der.to_der().as_bytes()));
    }

    #[test]
    fn a_signature_of_another_length_is_refused() {
        for (signer, algorithm, _) in curves() {
            let (key, good) = (public(signer), signer.sign(algorithm, MESSAGE));
            let length = good.len();
            for wrong in [
                vec![],
                good[..length - 1].to_vec(),
                good[1..].to_vec(),
                [&good[..], &[0]].concat(),
                [&[0], &good[..]].concat(),
                [&good[..], &good[..]].concat(),
                good[..length / 2].to_vec(),
            ] {
                assert!(!key.verify(algorithm, MESSAGE, &wrong));
            }
        }
    }

    #[test]
    fn a_signature_on_one_curve_does_not_verify_on_the_other() {
        let es256 = keys::p_256().sign(Algorithm::Es256, MESSAGE);
        assert!(!public(keys::p_384()).verify(Algorithm::Es256, MESSAGE, &es256));
        assert!(!public(keys::p_256()).verify(Algorithm::Es384, MESSAGE, &es256));
        assert!(!public(keys::p_256_second()).verify(Algorithm::Es256, MESSAGE, &es256));
    }

    #[test]
    fn the_negative_s_is_accepted_as_the_standard_requires() {
        // FIPS 186-5 does not require a low s. Therefore a token is identified by its text, never by its signature.
        for (signer, algorithm, order) in curves() {
            let mut signature = signer.sign(algorithm, MESSAGE);
            let length = signature.len() / 2;
            let negative = order - BigUint::from_bytes_be(&signature[length..]);
            signature.truncate(length);
            signature.extend(fixed(&negative, length));
            assert!(public(signer).verify(algorithm, MESSAGE, &signature));
        }
    }
}

mod ed25519_signatures {
    use super::*;

    const MESSAGE: &[u8] = b"message";

    #[test]
    fn s_plus_the_order_is_refused() {
        let order = (BigUint::from(1_u8) << 252_usize)
            + BigUint::parse_bytes(b"27742317777372353535851937790883648493", 10).unwrap();
        let key = public(keys::ed25519());
        let good = keys::ed25519().sign(Algorithm::EdDsa, MESSAGE);
        assert!(key.verify(Algorithm::EdDsa, MESSAGE, &good));
        let s = BigUint::from_bytes_le(&good[32..]);
        for multiple in 1_u8..=7 {
            let mut sum = (&s + &order * multiple).to_bytes_le();
            sum.resize(32, 0);
            assert!(!key.verify(Algorithm::EdDsa, MESSAGE, &[&good[..32], &sum[..32]].concat()));
        }
    }

    #[test]
    fn an_r_of_small_order_is_refused() {
        let key = public(keys::ed25519());
        let identity = [vec![1], vec![0; 31]].concat();
        for s in [vec![0; 32], [vec![1], vec![0; 31]].concat()] {
            assert!(!key.verify(Algorithm::EdDsa, MESSAGE, &[identity.clone(), s].concat()));
        }
        assert!(!key.verify(Algorithm::EdDsa, MESSAGE, &[0; 64]));
    }

    #[test]
    fn a_signature_of_another_length_is_refused() {
        let key = public(keys::ed25519());
        let good = keys::ed25519().sign(Algorithm::EdDsa, MESSAGE);
        for wrong in [vec![], good[..63].to_vec(), good[1..].to_vec(), [&good[..], &[0]].concat()] {
            assert!(!key.verify(Algorithm::EdDsa, MESSAGE, &wrong));
        }
    }
}

mod hmac_codes {
    use super::*;

    #[test]
    fn a_shortened_or_lengthened_mac_is_refused() {
        let secret = SharedSecret::new(keys::SECRET.as_bytes().to_vec());
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            let code = keys::hmac(algorithm, keys::SECRET.as_bytes(), b"message");
            assert!(secret.verify(algorithm, b"message", &code));
            for length in 0..code.len() {
                assert!(!secret.verify(algorithm, b"message", &code[..length]));
            }
            assert!(!secret.verify(algorithm, b"message", &[&code[..], &[0]].concat()));
        }
    }

    #[test]
    fn an_empty_secret_is_never_strong_enough() {
        for algorithm in Algorithm::ALL {
            assert!(!SharedSecret::new(vec![]).strong_enough_for(*algorithm));
        }
    }
}
