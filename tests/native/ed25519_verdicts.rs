//! The verdicts of several implementations on unusual Ed25519 signatures, after "Taming the many `EdDSA`s" of Chalkias,
//! Garillot and Nikolaenko (SSR 2020). The signatures and the native verdicts are made here;
//! `tests/workerd/ed25519-verdicts.test.mjs` makes those of WebCrypto (`BoringSSL`) and of Node (`OpenSSL`). Both compare them
//! with `tests/vectors/ed25519-verdicts.json`.
//!
//! With `UPDATE_DOCS=1` in the environment the tests write the file, and this one the table of `docs/kernels.md`.

use std::fs;
use std::path::Path;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::Verifier as _;
use edge_assay::jose::{Algorithm, Jwk, base64url};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

const FILE: &str = "tests/vectors/ed25519-verdicts.json";
/// The names of the verdicts in the file, and the columns of the table.
const COLUMNS: [(&str, &str); 5] = [
    ("edge_assay", "edge-assay"),
    ("verify_strict", "`ed25519-dalek`, `verify_strict`"),
    ("verify", "`ed25519-dalek`, `verify`"),
    ("web_crypto", "WebCrypto of workerd (BoringSSL)"),
    ("openssl", "Node (OpenSSL)"),
];

struct Vector {
    key: [u8; 32],
    message: String,
    signature: [u8; 64],
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &str) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// The signature of `r` and `s` on the first message whose challenge modulo 8 satisfies `suits`. `s` is computed from the challenge.
fn vector(key: [u8; 32], r: [u8; 32], suits: impl Fn(u8) -> bool, s: impl Fn(Scalar) -> [u8; 32]) -> Vector {
    let (message, k) = (0..10_000)
        .map(|number| format!("message {number}"))
        .map(|message| (challenge(&r, &key, &message), message))
        .map(|(k, message)| (message, k))
        .find(|(_, k)| suits(k.as_bytes()[0] % 8))
        .unwrap();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s(k));
    Vector { key, message, signature }
}

/// `scalar` plus `times` the order, as a number below 2^256.
fn beyond(scalar: Scalar, times: usize) -> [u8; 32] {
    let last = (-Scalar::ONE).to_bytes();
    let mut sum = scalar.to_bytes();
    for _ in 0..times {
        let mut carry = 1;
        for (place, more) in sum.iter_mut().zip(last) {
            carry += u16::from(*place) + u16::from(more);
            *place = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert_eq!(carry, 0);
    }
    sum
}

/// The encodings with x = 0 or y >= p of points of small order, with the order of each.
fn other_encodings() -> Vec<([u8; 32], u8)> {
    let p_plus = |low: u8, high: u8| {
        let mut octets = [0xff; 32];
        (octets[0], octets[31]) = (0xed + low, high);
        octets
    };
    let mut minus_zero = [0; 32];
    (minus_zero[0], minus_zero[31]) = (1, 0x80);
    let mut minus_one = p_plus(0, 0xff);
    minus_one[0] = 0xec;
    vec![
        (minus_zero, 1),
        (p_plus(1, 0x7f), 1),
        (p_plus(1, 0xff), 1),
        (minus_one, 2),
        (p_plus(0, 0x7f), 4),
        (p_plus(0, 0xff), 4),
    ]
}

/// The classes: a description, and its signatures.
fn classes() -> Vec<(&'static str, Vec<Vector>)> {
    let secret = Scalar::from_bytes_mod_order([0x5a; 32]);
    let nonce = Scalar::from_bytes_mod_order([0xa5; 32]);
    let (public, commitment) = (EdwardsPoint::mul_base(&secret), EdwardsPoint::mul_base(&nonce));
    let octets = |point: EdwardsPoint| point.compress().to_bytes();
    let any = |_: u8| true;
    let signed = |k: Scalar| (nonce + k * secret).to_bytes();
    let torsion = |index: u8| EIGHT_TORSION[usize::from(index % 8)];
    let key = octets(public);
    vec![
        ("An ordinary signature", vec![vector(key, octets(commitment), any, signed)]),
        ("An ordinary signature on another message", {
            let mut other = vector(key, octets(commitment), any, signed);
            other.message.push('!');
            vec![other]
        }),
        (
            "S + n L in place of S, n from 1 to 14",
            (1..15)
                .map(|times| vector(key, octets(commitment), any, move |k| beyond(nonce + k * secret, times)))
                .collect(),
        ),
        (
            "R is the neutral element, S = k a",
            vec![vector(key, octets(EIGHT_TORSION[0]), any, |k| (k * secret).to_bytes())],
        ),
        (
            "R has order 2, 4 or 8, and the part of small order of the key cancels it",
            (1..8)
                .map(|index| {
                    let r = octets(torsion(index));
                    vector(octets(public + torsion(index)), r, |k| k == 7, |k| (k * secret).to_bytes())
                })
                .collect(),
        ),
        (
            "R is the neutral element, encoded otherwise, S = k a",
            other_encodings()
                .into_iter()
                .filter(|(_, order)| *order == 1)
                .map(|(r, _)| vector(key, r, any, |k| (k * secret).to_bytes()))
                .collect(),
        ),
        (
            "R has a part of small order; the equation holds only with the cofactor",
            (1..8).map(|index| vector(key, octets(commitment + torsion(index)), any, signed)).collect(),
        ),
        (
            "The key has a part of small order; the equation holds without the cofactor",
            (1..8)
                .map(|index| vector(octets(public + torsion(index)), octets(commitment), |k| k == 0, signed))
                .collect(),
        ),
        (
            "The key has a part of small order; the equation holds only with the cofactor",
            (1..8)
                .map(|index| {
                    let mixed = octets(public + torsion(index));
                    vector(mixed, octets(commitment), move |k| k * index % 8 != 0, signed)
                })
                .collect(),
        ),
        (
            "The parts of small order of the key and of R cancel",
            (1..8)
                .map(|index| {
                    let r = octets(commitment - torsion(index));
                    vector(octets(public + torsion(index)), r, |k| k == 1, signed)
                })
                .collect(),
        ),
        (
            "The key has small order",
            (0..8)
                .map(|index| {
                    vector(octets(torsion(index)), octets(commitment), |k| k == 0, |_| nonce.to_bytes())
                })
                .collect(),
        ),
        (
            "The key and R have small order, S = 0",
            (0..8)
                .map(|index| vector(octets(torsion(index)), octets(-torsion(index)), |k| k == 1, |_| [0; 32]))
                .collect(),
        ),
        (
            "The key has small order and is encoded otherwise",
            other_encodings()
                .into_iter()
                .map(|(key, _)| vector(key, octets(commitment), |k| k == 0, |_| nonce.to_bytes()))
                .collect(),
        ),
    ]
}

fn jwk(key: &[u8; 32]) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url::encode(key) })
}

fn word(verdict: Option<bool>) -> &'static str {
    match verdict {
        None => "key refused",
        Some(true) => "accepts",
        Some(false) => "refuses",
    }
}

/// The native verdicts on one signature.
fn native(vector: &Vector) -> [(&'static str, &'static str); 3] {
    let message = vector.message.as_bytes();
    let ours = Jwk::from_value(&jwk(&vector.key)).ok();
    let theirs = ed25519_dalek::VerifyingKey::from_bytes(&vector.key).ok();
    let signature = ed25519_dalek::Signature::from_bytes(&vector.signature);
    [
        ("edge_assay", word(ours.map(|jwk| jwk.key.verify(Algorithm::EdDsa, message, &vector.signature)))),
        ("verify_strict", word(theirs.map(|key| key.verify_strict(message, &signature).is_ok()))),
        ("verify", word(theirs.map(|key| key.verify(message, &signature).is_ok()))),
    ]
}

/// The file's content, with the verdicts of the other engines as `known` has them.
fn document(known: &Value) -> Value {
    let classes: Vec<Value> = classes()
        .into_iter()
        .enumerate()
        .map(|(index, (says, vectors))| {
            let mut verdicts = Map::new();
            for (name, verdict) in vectors.iter().flat_map(native) {
                let former = verdicts.insert(name.to_owned(), json!(verdict));
                assert!(former.is_none_or(|former| former == verdict), "{says}: {name} gives two verdicts");
            }
            for name in ["web_crypto", "openssl"] {
                verdicts.insert(name.to_owned(), known["classes"][index]["verdicts"][name].clone());
            }
            let vectors: Vec<Value> = vectors
                .iter()
                .map(|one| {
                    json!({
                        "key": base64url::encode(&one.key), "message": one.message,
                        "signature": base64url::encode(&one.signature),
                    })
                })
                .collect();
            json!({ "says": says, "verdicts": verdicts, "vectors": vectors })
        })
        .collect();
    json!({ "versions": known["versions"], "classes": classes })
}

fn table(document: &Value) -> String {
    let versions = &document["versions"];
    let mut text = format!(
        "workerd {}, OpenSSL {}.\n\n| signatures | {} |\n| --- |{}\n",
        versions["workerd"].as_str().unwrap(),
        versions["openssl"].as_str().unwrap(),
        COLUMNS.map(|(_, title)| title).join(" | "),
        " --- |".repeat(COLUMNS.len())
    );
    for class in document["classes"].as_array().unwrap() {
        let verdicts = COLUMNS.map(|(name, _)| class["verdicts"][name].as_str().unwrap());
        text.extend(["| ", class["says"].as_str().unwrap(), " | ", &verdicts.join(" | "), " |\n"]);
    }
    text
}

#[test]
fn the_table_of_ed25519_verdicts_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let updates = std::env::var_os("UPDATE_DOCS").is_some();
    let text = fs::read_to_string(root.join(FILE)).unwrap_or_else(|_| "{}".to_owned());
    let known: Value = serde_json::from_str(&text).unwrap();
    let current = document(&known);
    if updates {
        fs::write(root.join(FILE), serde_json::to_string_pretty(&current).unwrap() + "\n").unwrap();
    } else {
        assert!(
            known == current,
            "{FILE} is out of date: UPDATE_DOCS=1 cargo test --test native ed25519_verdicts"
        );
    }
    if known["versions"].is_null() {
        assert!(updates, "UPDATE_DOCS=1 node scripts/test.mjs workerd ed25519-verdicts");
        return;
    }
    let path = root.join("docs/kernels.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- ed25519-verdicts -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let written = [before, "<!-- ed25519-verdicts -->\n", &table(&current), "<!-- end -->", after].concat();
    if updates {
        fs::write(&path, &written).unwrap();
    } else {
        assert!(
            page == written,
            "docs/kernels.md is out of date: UPDATE_DOCS=1 cargo test --test native ed25519_verdicts"
        );
    }
}

/// A signature on which another engine differs is refused by its form before that engine is asked, so a token's author
/// cannot cause a disagreement with it.
#[test]
fn no_engine_differs_from_ours_on_a_signature_about_which_it_is_asked() {
    let known: Value =
        serde_json::from_str(&fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap())
            .unwrap();
    let (mut asked, mut differing) = (0, 0);
    for (class, (says, vectors)) in known["classes"].as_array().unwrap().iter().zip(classes()) {
        let verdict = |name: &str| class["verdicts"][name].as_str().unwrap().to_owned();
        for vector in vectors {
            let Ok(jwk) = Jwk::from_value(&jwk(&vector.key)) else {
                assert_eq!(verdict("edge_assay"), "key refused", "{says}");
                continue;
            };
            let others = COLUMNS.map(|(name, _)| verdict(name));
            if jwk.key.fault_of_form(&vector.signature).is_some() {
                assert_eq!(verdict("edge_assay"), "refuses", "{says}");
                differing += usize::from(others.iter().any(|other| other == "accepts"));
            } else {
                assert!(others.iter().all(|other| *other == others[0]), "{says}: {others:?}");
                asked += 1;
            }
        }
    }
    assert!(asked > 20 && differing >= 8, "{asked} {differing}");
}
