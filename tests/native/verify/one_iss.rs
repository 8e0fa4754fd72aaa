//! Several tables with one `iss`, as for `WorkOS`, where each client has a key set of its own: a condition tells them apart.

use edge_assay::jose::Algorithm;
use edge_assay::rejection::IssuerProblem;
use edge_assay::rejection::Rejection;
use serde_json::{Value, json};

use crate::support::keys::{SECRET, TestKey, ed25519, ed25519_second, jwks};
use crate::support::platform::Answer;
use crate::support::tokens::{mint_with_key, mint_with_secret};
use crate::support::world::{World, claims, merged};

const ISS: &str = "https://api.workos.com";

fn uri(client: &str) -> String {
    format!("https://api.workos.com/sso/jwks/{client}")
}

fn table(client: &str, fields: &Value) -> Value {
    merged(json!({ "issuer": ISS, "jwks_uri": uri(client), "audience": "unchecked" }), fields)
}

fn client(name: &str) -> Value {
    table(name, &json!({ "require": [{ "claim": "/client_id", "equals": name }] }))
}

/// Two clients: `one` signs with the first key, `two` with the second.
fn world(tables: &[Value]) -> World {
    let world = World::trusting(tables);
    for (name, key) in [("one", ed25519()), ("two", ed25519_second())] {
        world.serves(&uri(name), Answer::json(jwks(&[key.public_jwk_with(&json!({ "kid": "k" }))])));
    }
    world
}

fn token(key: &TestKey, changes: &Value) -> String {
    mint_with_key(Algorithm::EdDsa, key, &json!({ "kid": "k" }), &claims(ISS, changes))
}

#[test]
fn the_claims_select_the_table_and_its_keys_alone_are_used() {
    let world = world(&[client("one"), client("two")]);
    assert!(world.accepts(&token(ed25519(), &json!({ "client_id": "one" }))));
    assert_eq!(world.platform.origin.calls(&uri("two")), 0, "the other table's keys are not asked for");
    let second = world.outcome(&token(ed25519_second(), &json!({ "client_id": "two" }))).unwrap();
    assert_eq!(second.issuer(), ISS);
    // A key of one client says that it signs for the other.
    for (key, claimed) in [(ed25519(), "two"), (ed25519_second(), "one")] {
        let forged = token(key, &json!({ "client_id": claimed }));
        for _ in 0..2 {
            assert_eq!(world.rejection(&forged).code(), "signature_invalid", "{claimed}");
        }
    }
}

#[test]
fn a_token_that_fits_no_table_is_refused_without_a_fetch() {
    let world = world(&[client("one"), client("two")]);
    for changes in [
        json!({}),
        json!({ "client_id": "three" }),
        json!({ "client_id": ["one"] }),
        json!({ "client_id": "ONE" }),
        json!({ "client_id": null }),
    ] {
        let problem = Some(IssuerProblem::NoTable);
        let expected = Rejection::IssuerUnknown { issuer: ISS.to_owned(), problem };
        assert_eq!(world.rejection(&token(ed25519(), &changes)), expected, "{changes}");
    }
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn audiences_tell_tables_apart_too_and_the_first_that_fits_is_used() {
    let of = |name: &str, audience: &Value| table(name, &json!({ "audience": audience }));
    let world = world(&[
        of("one", &json!({ "any_of": ["a", "both"] })),
        of("two", &json!({ "any_of": ["b", "both"] })),
    ]);
    assert!(world.accepts(&token(ed25519(), &json!({ "aud": "a" }))));
    assert!(world.accepts(&token(ed25519_second(), &json!({ "aud": "b" }))));
    assert!(world.accepts(&token(ed25519(), &json!({ "aud": "both" }))));
    assert!(world.accepts(&token(ed25519(), &json!({ "aud": ["b", "a"] }))));
    assert_eq!(
        world.rejection(&token(ed25519_second(), &json!({ "aud": "both" }))).code(),
        "signature_invalid"
    );
    assert_eq!(world.rejection(&token(ed25519(), &json!({ "aud": "c" }))).code(), "issuer_unknown");
}

#[test]
fn a_table_without_a_condition_may_be_the_last_and_takes_the_rest() {
    let world = world(&[client("one"), table("two", &json!({}))]);
    assert!(world.accepts(&token(ed25519(), &json!({ "client_id": "one" }))));
    assert!(world.accepts(&token(ed25519_second(), &json!({ "client_id": "other" }))));
    // What the first table refuses is not tried with the second.
    assert_eq!(
        world.rejection(&token(ed25519_second(), &json!({ "client_id": "one" }))).code(),
        "signature_invalid"
    );
    let expired = json!({ "client_id": "one", "exp": 1 });
    assert_eq!(world.rejection(&token(ed25519(), &expired)).code(), "token_expired");
}

#[test]
fn a_table_behind_one_that_takes_every_token_is_a_fault() {
    let faults = |tables: &[Value]| {
        let world = World::trusting(tables);
        world.faults().into_iter().map(|fault| fault.path).collect::<Vec<_>>()
    };
    let open = || table("two", &json!({}));
    assert_eq!(faults(&[open(), client("one")]), ["issuers[1].issuer"]);
    assert_eq!(faults(&[client("one"), open(), open()]), ["issuers[2].issuer"]);
    assert_eq!(
        faults(&[
            client("one"),
            table("two", &json!({ "issuer": "https://b.example", "also_known_as": [ISS] }))
        ]),
        ["issuers[1].also_known_as[0]"]
    );
    assert_eq!(faults(&[client("one"), client("two")]), Vec::<String>::new());
    // Tenants are told apart by the tenant alone.
    let tenants = |name: &str| {
        let fields = json!({ "issuer": "https://login.example/{tenantid}", "tenants": "any" });
        let mut table = client(name);
        table.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        table
    };
    assert_eq!(faults(&[tenants("one"), tenants("two")]), ["issuers[1].issuer"]);
}

#[test]
fn a_secret_of_one_table_verifies_nothing_of_another() {
    let of = |name: &str| {
        table(
            name,
            &json!({ "jwks_uri": null, "secrets": [{ "binding": name.to_uppercase() }], "audience": { "any_of": [name] } }),
        )
    };
    let config = json!({ "issuers": [of("one"), of("two")] });
    let other = SECRET.to_uppercase();
    let world = World::with_secrets(&config, &[("ONE", SECRET), ("TWO", &other)]);
    let signed = |secret: &str, audience: &str| {
        mint_with_secret(
            Algorithm::Hs256,
            secret.as_bytes(),
            &json!({}),
            &claims(ISS, &json!({ "aud": audience })),
        )
    };
    assert!(world.accepts(&signed(SECRET, "one")) && world.accepts(&signed(&other, "two")));
    for (secret, audience) in [(SECRET, "two"), (other.as_str(), "one")] {
        assert_eq!(world.rejection(&signed(secret, audience)).code(), "signature_invalid");
    }
}
