//! An issuer with `{tenantid}` in its name: which tenants' tokens are accepted, under which keys, and under which name.

use edge_assay::jose::Algorithm;
use edge_assay::rejection::IssuerProblem;
use edge_assay::rejection::{NoKey, Rejection};
use http::Method;
use serde_json::{Value, json};

use crate::support::keys::{ed25519, ed25519_second, jwks};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens::{mint, mint_with_key};
use crate::support::world::{World, body, claims, merged};

const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const V1: &str = "https://sts.windows.net/{tenantid}/";
const OURS: &str = "11111111-2222-3333-4444-555555555555";
const OTHER: &str = "99999999-aaaa-bbbb-cccc-dddddddddddd";
const DISCOVERY: &str = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration";
const KEYS: &str = "https://login.microsoftonline.com/common/discovery/v2.0/keys";

fn iss(tenant: &str) -> String {
    TEMPLATE.replace("{tenantid}", tenant)
}

fn world_with(issuer: &Value, keys: &[Value]) -> World {
    let base = json!({ "issuer": TEMPLATE, "discovery": true, "audience": "unchecked", "tenants": [OURS] });
    let config = json!({ "explain": { "access": "open" }, "issuers": [merged(base, issuer)] });
    let world = World::new(&config);
    // As Entra's document for all tenants says it.
    let document = json!({ "issuer": TEMPLATE, "jwks_uri": KEYS });
    world.serves(DISCOVERY, Answer::json(document.to_string()));
    world.serves(KEYS, Answer::json(jwks(keys)));
    world
}

fn world(issuer: &Value) -> World {
    world_with(issuer, &[ed25519().public_jwk_with(&json!({ "issuer": TEMPLATE }))])
}

fn token(iss: &str, tid: &Value) -> String {
    mint(Algorithm::EdDsa, &json!({}), &claims(iss, &json!({ "tid": tid })))
}

fn unknown(world: &World, iss: &str, tid: &Value) -> Option<IssuerProblem> {
    match world.rejection(&token(iss, tid)) {
        Rejection::IssuerUnknown { problem, .. } => problem,
        other => panic!("{iss}: {other:?}"),
    }
}

#[test]
fn a_token_of_a_listed_tenant_is_accepted_and_reported_under_its_own_iss() {
    let world = world(&json!({}));
    let verified = world.outcome(&token(&iss(OURS), &json!(OURS))).unwrap();
    assert_eq!(verified.issuer(), iss(OURS));
    assert!(verified.is_of(TEMPLATE) && verified.is_of(&iss(OURS)) && !verified.is_of(&iss(OTHER)));
    let any = self::world(&json!({ "tenants": "any" }));
    for tenant in [OURS, OTHER] {
        assert_eq!(any.outcome(&token(&iss(tenant), &json!(tenant))).unwrap().issuer(), iss(tenant));
    }
    assert_eq!(any.platform.origin.calls(DISCOVERY), 1, "all tenants share one set");
}

#[test]
fn a_token_of_another_tenant_is_refused_without_a_fetch() {
    let world = world(&json!({}));
    assert_eq!(unknown(&world, &iss(OTHER), &json!(OTHER)), Some(IssuerProblem::NotAccepted));
    assert_eq!(world.platform.origin.requests(), []);
    let response = world.ask(&FakeRequest::verify(&token(&iss(OTHER), &json!(OTHER))));
    let problem = body(&response);
    assert_eq!((response.status().as_u16(), problem["code"].as_str()), (401, Some("issuer_unknown")));
    assert!(problem["detail"].as_str().unwrap().contains("not one of `tenants`"), "{problem}");
}

#[test]
fn the_tenant_in_iss_must_be_the_claim_tid() {
    for tenants in [json!([OURS, OTHER]), json!("any")] {
        let world = world(&json!({ "tenants": tenants }));
        for tid in [
            json!(OTHER),
            json!(null),
            json!(""),
            json!([OURS]),
            json!({ "tid": OURS }),
            json!(format!("{OURS}\u{200b}")),
            json!(format!("{OURS} ")),
        ] {
            assert_eq!(unknown(&world, &iss(OURS), &tid), Some(IssuerProblem::Contradiction), "{tid}");
        }
        assert_eq!(world.platform.origin.requests(), []);
    }
}

#[test]
fn nothing_but_a_guid_in_lower_case_stands_for_the_tenant() {
    let world = world(&json!({ "tenants": "any" }));
    for injected in [
        "{tenantid}",
        "common",
        "organizations",
        "consumers",
        "",
        "..",
        "%7Btenantid%7D",
        "evil.example",
        "a/b",
        "11111111-2222-3333-4444-55555555555",
        "11111111-2222-3333-4444-5555555555555",
        "1111111122223333444455555555555555",
        "{11111111-2222-3333-4444-555555555555}",
        "11111111-2222-3333-4444-55555555555%35",
        "ABCDEFAB-2222-3333-4444-555555555555",
        "11111111-2222-3333-4444-555555555555/",
        "/11111111-2222-3333-4444-555555555555",
        "x/11111111-2222-3333-4444-555555555555",
        "11111111-2222-3333-4444-555555555555/v2.0/11111111-2222-3333-4444-555555555555",
        "11111111\u{2010}2222-3333-4444-555555555555",
        "11111111-2222-3333-4444-555555555555\n",
        "１1111111-2222-3333-4444-555555555555",
    ] {
        assert_eq!(
            unknown(&world, &iss(injected), &json!(injected)),
            Some(IssuerProblem::NotAnId),
            "{injected:?}"
        );
    }
    for other in [
        format!("{}/", iss(OURS)),
        iss(OURS).replace("https", "http"),
        iss(OURS).replace("v2.0", "v1.0"),
        iss(OURS).to_uppercase(),
        iss(OURS).replace("login.microsoftonline.com", "login.microsoftonline.com.evil.example"),
        format!(" {}", iss(OURS)),
        OURS.to_owned(),
    ] {
        assert_eq!(unknown(&world, &other, &json!(OURS)), None, "{other:?}");
    }
    assert_eq!(world.platform.origin.requests(), []);
}

#[test]
fn a_key_that_names_a_tenant_serves_that_tenant_alone() {
    let ours = ed25519().public_jwk_with(&json!({ "issuer": iss(OURS) }));
    let all = ed25519_second().public_jwk_with(&json!({ "issuer": TEMPLATE }));
    let world = world_with(&json!({ "tenants": "any" }), &[ours, all]);
    assert!(world.accepts(&token(&iss(OURS), &json!(OURS))));
    let stolen = token(&iss(OTHER), &json!(OTHER));
    let kid = Some(ed25519().kid().to_owned());
    assert_eq!(world.rejection(&stolen), Rejection::KeyNotFound(NoKey::OtherTenant { kid }));
    let anonymous =
        mint(Algorithm::EdDsa, &json!({ "kid": null }), &claims(&iss(OTHER), &json!({ "tid": OTHER })));
    assert_eq!(world.rejection(&anonymous).code(), "signature_invalid");
    for tenant in [OURS, OTHER] {
        let by_all = mint_with_key(
            Algorithm::EdDsa,
            ed25519_second(),
            &json!({}),
            &claims(&iss(tenant), &json!({ "tid": tenant })),
        );
        assert!(world.accepts(&by_all), "{tenant}");
    }
    // A restriction that cannot be read is one that nobody satisfies.
    for odd in [json!(7), json!([TEMPLATE]), json!(""), json!(iss("common")), json!("https://evil.example/")]
    {
        let world =
            world_with(&json!({ "tenants": "any" }), &[ed25519().public_jwk_with(&json!({ "issuer": odd }))]);
        assert_eq!(world.rejection(&token(&iss(OURS), &json!(OURS))).code(), "key_not_found", "{odd}");
    }
    let unrestricted = world_with(&json!({}), &[ed25519().public_jwk()]);
    assert!(unrestricted.accepts(&token(&iss(OURS), &json!(OURS))));
}

#[test]
fn a_key_of_another_tenant_serves_no_table_for_one_tenant() {
    let v1 = V1.replace("{tenantid}", OURS);
    for name in [iss(OURS), v1] {
        for (key, accepted) in [
            (ed25519().public_jwk_with(&json!({ "issuer": iss(OURS) })), true),
            (ed25519().public_jwk_with(&json!({ "issuer": TEMPLATE })), true),
            (ed25519().public_jwk_with(&json!({ "issuer": "https://keys.example" })), true),
            (ed25519().public_jwk(), true),
            (ed25519().public_jwk_with(&json!({ "issuer": iss(OTHER) })), false),
        ] {
            let world =
                World::trusting(&[json!({ "issuer": name, "jwks_uri": KEYS, "audience": "unchecked" })]);
            world.serves(KEYS, Answer::json(jwks(std::slice::from_ref(&key))));
            let outcome = world.outcome(&token(&name, &json!(OURS)));
            assert_eq!(
                outcome.map_err(|refusal| refusal.code()).err(),
                (!accepted).then_some("key_not_found"),
                "{name} {key}"
            );
        }
    }
}

#[test]
fn an_older_spelling_has_the_tenant_in_its_own_place() {
    let world = world(&json!({ "also_known_as": [V1] }));
    let v1 = V1.replace("{tenantid}", OURS);
    assert_eq!(world.outcome(&token(&v1, &json!(OURS))).unwrap().issuer(), v1);
    assert_eq!(
        unknown(&world, &V1.replace("{tenantid}", OTHER), &json!(OTHER)),
        Some(IssuerProblem::NotAccepted)
    );
}

#[test]
fn a_table_for_one_tenant_takes_precedence_over_that_for_all() {
    let one =
        json!({ "issuer": iss(OURS), "jwks_uri": "https://ours.example/keys", "audience": "unchecked" });
    let all = json!({ "issuer": TEMPLATE, "discovery": true, "audience": "unchecked", "tenants": "any" });
    let world = World::trusting(&[all, one]);
    world.serves("https://ours.example/keys", Answer::json(jwks(&[ed25519().public_jwk()])));
    assert!(world.accepts(&token(&iss(OURS), &json!(null))));
    assert_eq!(world.platform.origin.requests().len(), 1);
}

#[test]
fn contradictory_tables_are_faults() {
    let faults = |issuer: Value| {
        let base =
            json!({ "issuer": TEMPLATE, "discovery": true, "audience": "unchecked", "tenants": [OURS] });
        let world = World::trusting(&[merged(base, &issuer)]);
        let faults = world.faults();
        faults.into_iter().map(|fault| fault.path).collect::<Vec<_>>()
    };
    assert_eq!(faults(json!({})), Vec::<String>::new());
    for (issuer, path) in [
        (json!({ "tenants": null }), "issuers[0].issuer"),
        (json!({ "issuer": "https://a.example" }), "issuers[0].issuer"),
        (
            json!({ "issuer": "https://a.example/{tenantid}/{tenantid}", "jwks_uri": "https://a.example/k", "discovery": null }),
            "issuers[0].issuer",
        ),
        (json!({ "also_known_as": ["https://sts.windows.net/"] }), "issuers[0].issuer"),
        (json!({ "tenants": [] }), "issuers[0].tenants"),
        (json!({ "tenants": "all" }), "issuers[0].tenants"),
        (json!({ "tenants": ["common"] }), "issuers[0].tenants"),
        (json!({ "tenants": [OTHER.to_uppercase()] }), "issuers[0].tenants"),
    ] {
        let found = faults(issuer.clone());
        assert!(found.contains(&path.to_owned()), "{issuer}: {found:?}");
    }
}

#[test]
fn routes_and_targets_may_name_all_tenants_or_one() {
    let config = |from: &Value, subject: &Value| {
        json!({
            "issuers": [{ "issuer": TEMPLATE, "discovery": true, "audience": "unchecked", "tenants": "any" }],
            "gateway": { "routes": [{ "path": "/x", "upstream": "https://api.example", "require": { "issuers": from } }] },
            "exchange": {
                "issuer": "https://own.example",
                "targets": [{ "audience": "https://api.example", "from": from, "subject": subject, "public_clients": true }],
            },
        })
    };
    let faults = |from: Value, subject: Value| {
        let world = World::with_secrets(
            &config(&from, &subject),
            &[("SIGNING_KEYS", &crate::exchange::signing_keys())],
        );
        world.faults().into_iter().map(|fault| fault.problem).collect::<Vec<_>>()
    };
    assert_eq!(faults(json!([iss(OURS)]), json!("own")), Vec::<String>::new());
    assert_eq!(faults(json!([TEMPLATE]), json!("prefixed")), Vec::<String>::new());
    assert!(faults(json!([TEMPLATE]), json!("own")).iter().any(|problem| problem.contains("the same `sub`")));
    assert!(
        faults(json!([iss("common")]), json!("own"))
            .iter()
            .any(|problem| problem.contains("is not the `issuer`"))
    );
}

#[test]
fn an_explanation_shows_the_tenant_to_add() {
    let world = world(&json!({}));
    let explain = |token: &str| body(&world.ask(&FakeRequest::new(Method::POST, "/explain").bearer(token)));
    let report = explain(&token(&iss(OTHER), &json!(OTHER)));
    assert_eq!(report["cause"]["id"], "issuer_unknown");
    let fix = report["cause"]["fix"].as_str().unwrap();
    assert!(fix.contains(&format!("    tenants = [\"{OURS}\", \"{OTHER}\"]")), "{fix}");
    let injected = explain(&token(&iss("a\"]\nx = [\""), &json!("x")));
    assert!(!injected["cause"]["fix"].as_str().unwrap().contains("x = ["), "{injected}");
    assert_eq!(explain(&token(&iss(OURS), &json!(OURS)))["verdict"], "accepted");
}
