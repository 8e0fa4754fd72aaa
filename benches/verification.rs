//! `cargo bench` measures natively how long one signature check takes, with this crate and with the `RustCrypto` crates that its
//! kernels replace, and how long it takes to parse a token. `npm run bench` measures the deployed code, which is wasm.
//! `bench/native` compares with `jsonwebtoken`.

#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../tests/native/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use edge_assay::jose::Algorithm;
use edge_assay::jose::base64url;
use edge_assay::jose::token::UntrustedToken;
use p256::ecdsa::signature::Verifier as _;
use serde_json::json;
use support::keys::{self, TestKey, ed25519, p_256, p_384, rsa_2048, rsa_3072, rsa_4096};
use support::tokens::mint_with_key;
use support::world::{World, claims, issuer};

type Case = (&'static str, Algorithm, fn() -> &'static TestKey);

const CASES: &[Case] = &[
    ("RS256, 2048 bits", Algorithm::Rs256, rsa_2048),
    ("RS256, 3072 bits", Algorithm::Rs256, rsa_3072),
    ("RS256, 4096 bits", Algorithm::Rs256, rsa_4096),
    ("ES256", Algorithm::Es256, p_256),
    ("ES384", Algorithm::Es384, p_384),
    ("EdDSA", Algorithm::EdDsa, ed25519),
];

fn verification(criterion: &mut Criterion) {
    for (name, algorithm, key) in CASES {
        let key = key();
        let text = mint_with_key(*algorithm, key, &json!({}), &claims("https://issuer.example", &json!({})));
        let token = UntrustedToken::parse(&text).unwrap();
        let (message, signature) = (token.signing_input(), token.signature());
        let jwk = keys::key_set(&[key]).keys.remove(0);
        let mut group = criterion.benchmark_group(*name);
        group.bench_function("edge-assay", |bencher| {
            bencher.iter(|| assert!(jwk.key.verify(*algorithm, black_box(message), signature)));
        });
        let rust_crypto_verifies = rust_crypto(*algorithm, key);
        group.bench_function("RustCrypto", |bencher| {
            bencher.iter(|| assert!(rust_crypto_verifies(black_box(message), signature)));
        });
        group.finish();
    }
}

fn parsing(criterion: &mut Criterion) {
    let text =
        mint_with_key(Algorithm::Es256, p_256(), &json!({}), &claims("https://issuer.example", &json!({})));
    criterion.bench_function("parsing a token", |bencher| {
        bencher.iter(|| UntrustedToken::parse(black_box(&text)).unwrap());
    });
}

/// A token that is verified again. Its signature is remembered, so this measures the hash, the issuer, the keys and the claim
/// rules.
fn repeating(criterion: &mut Criterion) {
    let terms = json!({ "required_claims": ["email"], "required_scopes": ["read"] });
    for (name, terms) in
        [("a remembered token", json!({})), ("a remembered token, two claims required", terms)]
    {
        let world = World::trusting(&[issuer("https://issuer.example", &terms)]);
        world.publishes("https://issuer.example", &[p_256()]);
        let text = mint_with_key(
            Algorithm::Es256,
            p_256(),
            &json!({}),
            &claims(
                "https://issuer.example",
                &json!({
                    "email": "grace@example.com", "name": "Grace", "scope": "read write", "sid": "sess_2xYz", "v": 2,
                    "app_metadata": { "provider": "email", "providers": ["email", "github"] }, "jti": "a1b2c3",
                    "o": { "id": "org_1", "rol": "admin", "slg": "acme" }, "fva": [3, -1], "sts": "active",
                }),
            ),
        );
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| assert!(world.verification(black_box(&text)).outcome.is_ok()));
        });
    }
}

type Check = Box<dyn Fn(&[u8], &[u8]) -> bool>;

/// The same key in the crate that the kernels replace.
fn rust_crypto(algorithm: Algorithm, key: &TestKey) -> Check {
    let jwk = key.public_jwk();
    let octets = |member: &str| base64url::decode(jwk[member].as_str().unwrap()).unwrap();
    let point = || [vec![4], octets("x"), octets("y")].concat();
    match algorithm {
        Algorithm::Rs256 => {
            let key = rsa::RsaPublicKey::new(key.number("n"), key.number("e")).unwrap();
            let key = rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(key);
            Box::new(move |message, signature| {
                let signature = rsa::pkcs1v15::Signature::try_from(signature);
                signature.is_ok_and(|signature| key.verify(message, &signature).is_ok())
            })
        }
        Algorithm::Es256 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point()).unwrap();
            Box::new(move |message, signature| {
                let signature = p256::ecdsa::Signature::from_slice(signature);
                signature.is_ok_and(|signature| key.verify(message, &signature).is_ok())
            })
        }
        Algorithm::Es384 => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point()).unwrap();
            Box::new(move |message, signature| {
                let signature = p384::ecdsa::Signature::from_slice(signature);
                signature.is_ok_and(|signature| key.verify(message, &signature).is_ok())
            })
        }
        Algorithm::EdDsa => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(&octets("x").try_into().unwrap()).unwrap();
            Box::new(move |message, signature| {
                let signature = ed25519_dalek::Signature::from_slice(signature);
                signature.is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            })
        }
        other => panic!("there is no benchmark for {}", other.name()),
    }
}

criterion_group!(benches, verification, parsing, repeating);
criterion_main!(benches);
