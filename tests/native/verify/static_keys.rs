//! `jwks` and `public_keys`: keys in the configuration, with which nothing is fetched and nothing stored.

use edge_assay::jose::{Algorithm, Jwk, KeySet, PemError};
use edge_assay::rejection::{NoKey, Rejection};
use http::Method;
use serde_json::{Value, json};

use super::ISS;
use crate::support::keys::{self, TestKey, ed25519, ed25519_second, key_set, p_256, p_384, rsa_2048};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens::{mint, mint_with_key, mint_with_secret};
use crate::support::world::{World, body, claims, issuer, jwks_uri, merged};

macro_rules! pem {
    ($file:literal) => {
        include_str!(concat!("../../vectors/pem/", $file, ".pem"))
    };
}

const RSA: &str = pem!("rsa-2048.spki");
const CERTIFICATE: &str = pem!("rsa-2048.certificate");

/// The table of an issuer with these fields and nowhere to fetch keys from.
fn table(fields: &Value) -> Value {
    issuer(ISS, &merged(json!({ "jwks_uri": null }), fields))
}

fn world(fields: &Value) -> World {
    World::trusting(&[table(fields)])
}

fn good(algorithm: Algorithm, header: &Value) -> String {
    mint(algorithm, header, &claims(ISS, &json!({})))
}

/// The problems of a configuration with these fields.
fn problems(fields: &Value) -> Vec<(String, String)> {
    let world = world(fields);
    let faults = world.faults();
    faults.into_iter().map(|fault| (fault.path, fault.problem)).collect()
}

#[test]
fn a_key_in_pem_is_the_same_key_as_its_jwk() {
    let cases: &[(&str, &TestKey)] = &[
        (pem!("rsa-2048.spki"), rsa_2048()),
        (pem!("rsa-2048.pkcs1"), rsa_2048()),
        (pem!("rsa-2048.certificate"), rsa_2048()),
        (pem!("p-256.spki"), p_256()),
        (pem!("p-256.certificate"), p_256()),
        (pem!("p-384.spki"), p_384()),
        #[cfg(feature = "es512")]
        (pem!("p-521.spki"), keys::p_521()),
        (pem!("ed25519.spki"), ed25519()),
    ];
    for (pem, key) in cases {
        let expected = key_set(&[key]).keys[0].thumbprint.clone();
        let one_line = pem.lines().filter(|line| !line.contains('-')).collect::<String>();
        let label = pem.lines().next().unwrap().trim_matches('-').strip_prefix("BEGIN ").unwrap();
        for text in [
            (*pem).to_owned(),
            format!("\n  {pem}\r\n"),
            pem.replace('\n', "\r\n"),
            format!("-----BEGIN {label}-----\n{one_line}\n-----END {label}-----"),
        ] {
            assert_eq!(Jwk::from_pem(None, &text).unwrap().thumbprint, expected, "{text}");
        }
    }
}

#[test]
fn a_text_that_is_not_one_public_key_is_refused_and_not_repeated() {
    let block = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    let body = RSA.lines().filter(|line| !line.contains('-')).collect::<String>();
    let compressed = "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACY1/EgDk9stro1CDuqftc6By7QmRDLXx3YzVJtcyv3sk=";
    for (text, expected) in [
        (String::new(), PemError::NotOneBlock),
        (body.clone(), PemError::NotOneBlock),
        (format!("{RSA}{RSA}"), PemError::NotOneBlock),
        (RSA.replace("END PUBLIC", "END RSA PUBLIC"), PemError::NotOneBlock),
        (RSA.split("-----END").next().unwrap().to_owned(), PemError::NotOneBlock),
        (RSA.replace('\n', "\\n"), PemError::NotOneBlock),
        (RSA.trim().replace('\n', "\\n"), PemError::Base64),
        (block("PRIVATE KEY", &body), PemError::Private),
        (block("RSA PRIVATE KEY", &body), PemError::Private),
        (block("EC PRIVATE KEY", &body), PemError::Private),
        (block("ENCRYPTED PRIVATE KEY", &body), PemError::Private),
        (block("OPENSSH PRIVATE KEY", &body), PemError::Private),
        (block("CERTIFICATE REQUEST", &body), PemError::Label("CERTIFICATE REQUEST".to_owned())),
        (block("PUBLIC KEY", "not base64!"), PemError::Base64),
        (block("PUBLIC KEY", ""), PemError::Structure),
        (block("PUBLIC KEY", "AAAA"), PemError::Structure),
        (block("PUBLIC KEY", &format!("{body}AAAA")), PemError::Structure),
        (block("CERTIFICATE", &body), PemError::Structure),
        (block("RSA PUBLIC KEY", &body), PemError::Structure),
        (block("PUBLIC KEY", compressed), PemError::Compressed),
        // X25519 (RFC 8410), which does not sign.
        (
            block("PUBLIC KEY", "MCowBQYDK2VuAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
            PemError::Unsupported,
        ),
    ] {
        let error = Jwk::from_pem(None, &text).unwrap_err();
        assert_eq!(error, expected, "{text}");
        assert!(!error.to_string().contains("MII"), "{error}");
    }
    // A prefix of a good key, octet by octet, is never a key and never a panic.
    let octets = edge_assay::jose::base64url::decode_any_alphabet(&body).unwrap();
    for length in 0..octets.len() {
        use base64::Engine as _;
        let cut = base64::engine::general_purpose::STANDARD.encode(&octets[..length]);
        assert!(Jwk::from_pem(None, &block("PUBLIC KEY", &cut)).is_err(), "{length}");
    }
}

#[test]
fn tokens_are_verified_with_the_keys_in_the_configuration_without_a_fetch_or_a_store() {
    let second = json!({ "kid": "pem", "pem": RSA });
    let fields = json!({ "jwks": { "keys": [ed25519().public_jwk(), p_256().public_jwk_with(&json!({ "use": "enc" }))] }, "public_keys": [second] });
    let world = world(&fields);
    for _ in 0..2 {
        assert!(world.accepts(&good(Algorithm::EdDsa, &json!({}))));
        assert!(world.accepts(&good(Algorithm::EdDsa, &json!({ "kid": null }))));
        assert!(world.accepts(&good(Algorithm::Rs256, &json!({ "kid": "pem" }))));
    }
    let forged = mint_with_key(
        Algorithm::EdDsa,
        ed25519_second(),
        &json!({ "kid": ed25519().kid() }),
        &claims(ISS, &json!({})),
    );
    assert_eq!(world.rejection(&forged).code(), "signature_invalid");
    let unknown = world.rejection(&good(Algorithm::EdDsa, &json!({ "kid": "other" })));
    assert_eq!(unknown, Rejection::KeyNotFound(NoKey::NotConfigured { kid: "other".to_owned(), known: 2 }));
    world.platform.run(world.app.refresh_scheduled(&world.platform));
    assert_eq!(world.platform.origin.requests(), []);
    assert_eq!((world.platform.store.gets(), world.platform.store.puts()), (0, 0));
}

#[test]
fn they_take_the_place_of_a_presets_address() {
    let world = World::trusting(&[json!({
        "issuer": "https://clerk.example.com", "preset": "clerk", "audience": "unchecked",
        "public_keys": [{ "kid": rsa_2048().kid(), "pem": CERTIFICATE }],
    })]);
    let claims = claims("https://clerk.example.com", &json!({}));
    assert!(world.accepts(&mint(Algorithm::Rs256, &json!({}), &claims)));
    assert_eq!(world.rejection(&mint(Algorithm::Ps256, &json!({}), &claims)).code(), "algorithm_not_allowed");
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn the_text_of_a_public_key_is_never_an_hmac_secret() {
    let world = world(&json!({ "public_keys": [{ "kid": "k", "pem": RSA }] }));
    for secret in [RSA, RSA.trim(), CERTIFICATE] {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs512] {
            let forged = mint_with_secret(
                algorithm,
                secret.as_bytes(),
                &json!({ "kid": "k" }),
                &claims(ISS, &json!({})),
            );
            assert_eq!(world.rejection(&forged).code(), "algorithm_not_allowed");
        }
    }
    // Also where HS256 is allowed for a secret of its own.
    let fields = json!({
        "public_keys": [{ "kid": "k", "pem": RSA }], "secrets": [{ "binding": "S" }], "algorithms": ["RS256", "HS256"],
    });
    let world = World::with_secrets(&json!({ "issuers": [table(&fields)] }), &[("S", keys::SECRET)]);
    let forged =
        mint_with_secret(Algorithm::Hs256, RSA.as_bytes(), &json!({ "kid": "k" }), &claims(ISS, &json!({})));
    assert_eq!(world.rejection(&forged).code(), "signature_invalid");
    assert!(world.accepts(&mint_with_secret(
        Algorithm::Hs256,
        keys::SECRET.as_bytes(),
        &json!({}),
        &claims(ISS, &json!({}))
    )));
}

#[test]
fn a_private_or_symmetric_key_in_the_configuration_is_a_fault_that_does_not_repeat_it() {
    let private = ed25519().private_jwk();
    let secret = private["d"].as_str().unwrap().to_owned();
    for (fields, path, part) in [
        (json!({ "jwks": { "keys": [private] } }), "issuers[0].jwks.keys[0]", "private member `d`"),
        (
            json!({ "jwks": { "keys": [ed25519().public_jwk(), rsa_2048().private_jwk()] } }),
            "issuers[0].jwks.keys[1]",
            "private member",
        ),
        (
            json!({ "jwks": { "keys": [{ "kty": "oct", "k": secret }] } }),
            "issuers[0].jwks.keys[0]",
            "symmetric",
        ),
        (json!({ "jwks": { "keys": [{ "kty": "EC" }] } }), "issuers[0].jwks.keys[0]", "`crv`"),
        (json!({ "jwks": { "keys": ["key"] } }), "issuers[0].jwks.keys[0]", "not a JSON object"),
        (
            json!({ "jwks": { "keys": [ed25519().public_jwk_with(&json!({ "use": "enc" }))] } }),
            "issuers[0].jwks.keys",
            "none verifies",
        ),
        (json!({ "jwks": { "keys": [] } }), "issuers[0].jwks.keys", "is empty"),
        (
            json!({ "public_keys": [{ "pem": "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----" }] }),
            "issuers[0].public_keys[0].pem",
            "private key",
        ),
        (json!({ "public_keys": [{ "pem": "MIIB" }] }), "issuers[0].public_keys[0].pem", "not one block"),
        (json!({ "public_keys": [{ "kid": "k" }] }), "issuers[0].public_keys[0].pem", "is missing"),
        (json!({ "public_keys": [{ "pem": RSA }], "algorithms": ["ES256"] }), "issuers[0].algorithms", "RSA"),
        (
            json!({ "public_keys": [{ "pem": RSA }], "discovery": true }),
            "issuers[0].discovery",
            "never be used",
        ),
        (
            json!({ "public_keys": [{ "pem": RSA }], "jwks_uri": "https://a.example" }),
            "issuers[0].jwks_uri",
            "never be used",
        ),
    ] {
        let problems = problems(&fields);
        assert!(
            problems.iter().any(|(at, problem)| at == path && problem.contains(part)),
            "{path} {part}: {problems:?}"
        );
        assert!(!format!("{problems:?}").contains(&secret));
    }
}

#[test]
fn a_distrusted_key_in_the_configuration_is_refused() {
    let thumbprint = key_set(&[rsa_2048()]).keys[0].thumbprint.clone();
    let fields = json!({ "public_keys": [{ "kid": "a", "pem": RSA }, { "kid": "b", "pem": pem!("ed25519.spki") }], "distrusted_keys": [thumbprint] });
    let world = world(&fields);
    assert_eq!(world.rejection(&good(Algorithm::Rs256, &json!({ "kid": "a" }))).code(), "key_distrusted");
    assert!(world.accepts(&good(Algorithm::EdDsa, &json!({ "kid": "b" }))));
}

#[test]
fn reports_name_the_configuration_as_the_source() {
    let fields = json!({ "public_keys": [{ "kid": "a", "pem": RSA }] });
    let config = json!({ "explain": { "access": "open" }, "issuers": [table(&fields)] });
    let world = World::new(&config);
    let ready = body(&world.ask(&FakeRequest::get("/readyz")));
    assert_eq!(
        (ready["status"].as_str(), ready["details"]["issuers"][0]["keys"]["tier"].as_str()),
        (Some("ready"), Some("configuration"))
    );
    let token = good(Algorithm::Rs256, &json!({ "kid": "b" }));
    let report = body(&world.ask(&FakeRequest::new(Method::POST, "/explain").bearer(&token)));
    assert_eq!(report["cause"]["id"], "key_unknown");
    let summary = report["cause"]["summary"].as_str().unwrap();
    assert!(summary.contains("in the configuration") && summary.contains("\"a\""), "{summary}");
    let key = report["steps"].as_array().unwrap().iter().find(|step| step["step"] == "key").unwrap();
    assert_eq!(key["evidence"]["source"], "configuration");
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn a_served_object_of_pem_texts_is_a_set_whose_names_are_the_kids() {
    let served = json!({ "one": CERTIFICATE, "two": pem!("p-256.spki"), "broken": "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n" });
    let set = KeySet::parse(served.to_string().as_bytes()).unwrap();
    assert_eq!(set.keys.iter().filter_map(|key| key.kid.as_deref()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(set.set_aside.len(), 1);
    let world = World::trusting(&[issuer(ISS, &json!({}))]);
    world.serves(&jwks_uri(ISS), Answer::json(served.to_string()));
    assert!(world.accepts(&good(Algorithm::Rs256, &json!({ "kid": "one" }))));
    assert!(world.accepts(&good(Algorithm::Es256, &json!({ "kid": "two" }))));
    assert_eq!(world.rejection(&good(Algorithm::Rs256, &json!({ "kid": "broken" }))).code(), "key_unusable");
    // From the store, as another isolate reads it.
    let private = json!({ "one": "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----" });
    assert!(KeySet::parse(private.to_string().as_bytes()).unwrap().keys.is_empty());
    for other in [json!({ "one": CERTIFICATE, "note": "text" }), json!({})] {
        assert!(KeySet::parse(other.to_string().as_bytes()).is_err(), "{other}");
    }
}
