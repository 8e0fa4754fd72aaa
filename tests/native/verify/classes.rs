//! The classes of each provider's tokens: which are accepted by default, and that nothing makes a token of one class pass as another.

use edge_assay::jose::Algorithm;
use edge_assay::jose::base64url;
use edge_assay::rejection::Rejection;
use edge_assay::trust::presets::Preset;
use serde_json::{Value, json};

use crate::support::keys::{self, ed25519};
use crate::support::tokens;
use crate::support::world::{World, claims, issuer, merged};

const ISS: &str = "https://issuer.example";

/// A world that trusts one issuer with this preset. The key and the algorithm are those of the other tests.
fn world(preset: &str, changes: &Value) -> World {
    let terms = merged(json!({ "preset": preset, "algorithms": ["EdDSA"] }), changes);
    let world = World::trusting(&[issuer(iss_of(preset), &terms)]);
    world.publishes(iss_of(preset), &[ed25519()]);
    world
}

fn iss_of(preset: &str) -> &'static str {
    match preset {
        "supabase" => "https://issuer.example/auth/v1",
        "cognito" => "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a",
        "google" => "https://accounts.google.com",
        "cloudflare-access" => "https://team.cloudflareaccess.com",
        "descope" => "https://api.descope.com/v1/apps/P2abcdefghijklmnopqrstuvwxyz",
        "entra" => "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
        "firebase" => "https://securetoken.google.com/project",
        "apple" => "https://appleid.apple.com",
        "workos" => "https://api.workos.com/user_management/client_1",
        "logto" => "https://issuer.example/oidc",
        _ => ISS,
    }
}

fn token(preset: &str, header: &Value, payload: &Value) -> String {
    tokens::mint(Algorithm::EdDsa, header, &claims(iss_of(preset), payload))
}

/// The class for which a token is refused; `None` if it is accepted. Fails if it is refused for another reason.
fn refused_as(world: &World, token: &str) -> Option<String> {
    if world.accepts(token) {
        return None;
    }
    match world.rejection(token) {
        Rejection::TokenClassRefused { found, .. } => Some(found),
        other => panic!("{other:?}"),
    }
}

const SESSION: &str = "cl_B7d4PD111AAA";
const TEMPLATE: &str = "cl_B7d4PD222AAA";
const MACHINE: &str = "cl_B7d4PD333AAA";
const NEUTRAL: &str = "cl_I7d4PD111III";

/// Header, claims and class of tokens, by preset. A class that begins with `+` is accepted by default; `?` is no class that is known.
#[allow(clippy::too_many_lines, reason = "a table with a row for each preset")]
fn tokens_of(preset: &str) -> Vec<(Value, Value, &'static str)> {
    let none = json!({});
    match preset {
        "clerk" => clerk_tokens(),
        "supabase" => vec![
            (
                none.clone(),
                json!({ "role": "authenticated", "session_id": "s", "is_anonymous": false }),
                "+user",
            ),
            (none.clone(), json!({ "role": "editor", "session_id": "s" }), "+user"),
            (none.clone(), json!({ "role": "authenticated", "is_anonymous": true }), "+anonymous"),
            (none.clone(), json!({ "role": "anon" }), "anon"),
            (none.clone(), json!({ "role": "service_role" }), "service_role"),
            (none.clone(), json!({ "role": "supabase_admin" }), "service_role"),
            (
                none.clone(),
                json!({ "role": "service_role", "is_anonymous": true, "session_id": "s" }),
                "service_role",
            ),
            (none.clone(), json!({ "role": "authenticated", "client_id": "c" }), "oauth"),
            (none, json!({ "role": "authenticated", "client_id": "c", "is_anonymous": true }), "oauth"),
        ],
        "better-auth" => vec![
            (json!({ "typ": null }), none.clone(), "+session"),
            (none.clone(), none.clone(), "+session"),
            (json!({ "typ": "at+jwt" }), json!({ "azp": "c" }), "access"),
            (json!({ "typ": "at+jwt" }), none.clone(), "?"),
            (none.clone(), json!({ "auth_time": 1 }), "id"),
            (json!({ "typ": null }), json!({ "nonce": "n" }), "id"),
            (none, json!({ "nonce": null }), "+session"),
        ],
        "better-auth-oauth" => vec![
            (json!({ "typ": "at+jwt" }), json!({ "azp": "c" }), "+access"),
            (json!({ "typ": "application/at+jwt" }), json!({ "azp": "c" }), "+access"),
            (json!({ "typ": "at+jwt" }), none.clone(), "?"),
            (json!({ "typ": null }), json!({ "azp": "c" }), "session"),
            (none.clone(), json!({ "azp": "c" }), "session"),
            (none, json!({ "azp": "c", "auth_time": 1 }), "id"),
        ],
        "cognito" => vec![
            (none.clone(), json!({ "token_use": "access", "client_id": "c" }), "+access"),
            (none.clone(), json!({ "token_use": "id", "aud": "c" }), "id"),
            (none.clone(), json!({ "aud": "c" }), "?"),
            (none.clone(), json!({ "client_id": "c" }), "?"),
            (none.clone(), json!({ "token_use": ["access"] }), "?"),
            (none.clone(), json!({ "token_use": ["access", "id"] }), "?"),
            (none.clone(), json!({ "token_use": "ACCESS" }), "?"),
            (none.clone(), json!({ "token_use": true }), "?"),
            // Only the claim counts.
            (json!({ "token_use": "access" }), json!({ "token_use": "id" }), "id"),
            (json!({ "token_use": "access" }), none, "?"),
        ],
        "cloudflare-access" => vec![
            (none.clone(), json!({ "type": "app" }), "+app"),
            (none.clone(), json!({ "type": "app", "sub": "", "common_name": "x.access" }), "+service"),
            (none.clone(), json!({ "type": "org" }), "org"),
            (none.clone(), json!({ "type": "org", "common_name": "x.access" }), "org"),
            (none.clone(), json!({ "common_name": "x.access" }), "?"),
            (none.clone(), json!({ "type": ["app"] }), "?"),
            (none.clone(), none, "?"),
        ],
        "google" => vec![
            (none.clone(), json!({ "azp": "c.apps.googleusercontent.com" }), "+user"),
            (none.clone(), json!({ "email": "ada@gmail.com" }), "+user"),
            (none.clone(), json!({ "azp": "c", "email": "robot@gserviceaccount.com.evil.example" }), "+user"),
            (none.clone(), json!({ "azp": "1", "sub": "1" }), "service-account"),
            (
                none.clone(),
                json!({ "azp": "c", "email": "robot@p.iam.gserviceaccount.com" }),
                "service-account",
            ),
            (none.clone(), json!({ "azp": "robot@p.iam.gserviceaccount.com" }), "service-account"),
            (none.clone(), json!({ "events": {} }), "?"),
            // Without two claims there are no two that are equal.
            (none.clone(), json!({ "sub": null }), "+user"),
            (none.clone(), json!({ "azp": "1", "sub": null }), "+user"),
            (none, json!({ "email": null }), "+user"),
        ],
        "keycloak" => vec![
            (none.clone(), json!({ "typ": "Bearer" }), "+access"),
            (json!({ "typ": "at+jwt" }), json!({ "typ": "Bearer" }), "+access"),
            (none.clone(), none.clone(), "+access"),
            (none.clone(), json!({ "typ": "ID" }), "id"),
            (none.clone(), json!({ "typ": "Refresh" }), "refresh"),
            (none.clone(), json!({ "typ": "Offline" }), "refresh"),
            (none, json!({ "typ": "Logout" }), "logout"),
        ],
        "descope" => vec![
            (none.clone(), json!({ "drn": "DS" }), "+session"),
            (none.clone(), none.clone(), "+session"),
            (none, json!({ "drn": "DSR" }), "refresh"),
        ],
        "entra" => vec![
            (none.clone(), json!({ "azp": "c", "scp": "s" }), "+access"),
            (none.clone(), json!({ "appid": "c", "scp": "s" }), "+access"),
            (none.clone(), json!({ "azp": "c", "idtyp": "app" }), "+app"),
            (none.clone(), json!({ "azp": "c", "scp": "s", "idtyp": "app" }), "+app"),
            (none.clone(), json!({ "azp": "c", "roles": ["r"] }), "+app"),
            (none.clone(), json!({ "appid": "c" }), "+app"),
            (none.clone(), none.clone(), "id"),
            (none, json!({ "azp": null, "nonce": "n" }), "id"),
        ],
        "firebase" => vec![
            (none.clone(), json!({ "firebase": { "sign_in_provider": "password" } }), "+id"),
            (none.clone(), json!({ "firebase": {}, "event_type": "beforeSignIn" }), "blocking"),
            (none.clone(), none, "?"),
        ],
        "okta" => vec![
            (none.clone(), json!({ "cid": "c", "amr": ["pwd"] }), "+access"),
            (none.clone(), json!({ "idp": "i" }), "id"),
            (none.clone(), json!({ "amr": ["pwd"] }), "id"),
            (none.clone(), none, "?"),
        ],
        "gitlab" => vec![
            (none.clone(), json!({ "job_id": "1" }), "+job"),
            (none.clone(), json!({ "auth_time": 1 }), "user"),
            (none.clone(), none, "?"),
        ],
        "kubernetes" => vec![
            (
                none.clone(),
                json!({ "kubernetes.io": {}, "sub": "system:serviceaccount:a:b" }),
                "+service-account",
            ),
            (none.clone(), json!({ "kubernetes.io": {} }), "?"),
            (none, json!({ "sub": "system:serviceaccount:a:b" }), "?"),
        ],
        "apple" => vec![
            (none.clone(), none.clone(), "+id"),
            (none.clone(), json!({ "events": "{}" }), "notification"),
            (none, json!({ "sub": null }), "?"),
        ],
        "workos" => vec![
            (none.clone(), json!({ "sid": "session_1" }), "+session"),
            (none.clone(), json!({ "sid": "other_1" }), "?"),
            (none.clone(), none, "application"),
        ],
        "kinde" => vec![(none.clone(), json!({ "scp": ["read"] }), "+access"), (none.clone(), none, "id")],
        "logto" => vec![(json!({ "typ": "at+jwt" }), none.clone(), "+access"), (none.clone(), none, "id")],
        "stytch" => vec![
            (none.clone(), json!({ "https://stytch.com/session": { "id": "s" } }), "+session"),
            (none.clone(), json!({ "sub": "m2m-client-1" }), "machine"),
            (none.clone(), json!({ "client_id": "c" }), "connected-app"),
            (none.clone(), none, "?"),
        ],
        other => panic!("{other}"),
    }
}

/// Those of Clerk.
fn clerk_tokens() -> Vec<(Value, Value, &'static str)> {
    let session = json!({ "sid": "sess_1", "sts": "active", "v": 2 });
    let none = json!({});
    vec![
        (json!({ "cat": SESSION }), session.clone(), "+session"),
        (json!({ "cat": NEUTRAL }), session.clone(), "+session"),
        (none.clone(), session.clone(), "+session"),
        (none.clone(), json!({ "sid": "sess_1" }), "+session"),
        (json!({ "cat": TEMPLATE }), none.clone(), "+template"),
        (json!({ "cat": TEMPLATE }), json!({ "sid": "of its own" }), "+template"),
        (json!({ "cat": NEUTRAL }), none.clone(), "+template"),
        (none.clone(), json!({ "aud": "backend", "user_id": "u" }), "+template"),
        (json!({ "cat": MACHINE }), json!({ "sub": "mch_1" }), "machine"),
        (json!({ "cat": MACHINE }), session.clone(), "machine"),
        (none.clone(), json!({ "sub": "mch_1" }), "machine"),
        (json!({ "cat": NEUTRAL }), json!({ "sub": "mch_1" }), "machine"),
        (json!({ "cat": SESSION }), merged(session.clone(), &json!({ "sub": "mch_1" })), "machine"),
        (json!({ "typ": "at+jwt" }), json!({ "scope": "profile" }), "oauth"),
        (json!({ "typ": "application/AT+JWT", "cat": SESSION }), session.clone(), "oauth"),
        (json!({ "cat": SESSION }), json!({ "handshake": ["__session=x"] }), "handshake"),
        (json!({ "cat": SESSION }), merged(session.clone(), &json!({ "sts": "pending" })), "pending"),
        (none.clone(), merged(session.clone(), &json!({ "sts": "pending" })), "pending"),
        // A new class, a session's category without a session, and a ticket in place of a session.
        (json!({ "cat": "cl_B7d4PD444AAA" }), session.clone(), "?"),
        (json!({ "cat": "cl_B7d4PD444AAA" }), none.clone(), "?"),
        (json!({ "cat": SESSION }), none.clone(), "?"),
        (none.clone(), json!({ "sid": "inv_1", "st": "invitation" }), "?"),
        (json!({ "cat": NEUTRAL }), json!({ "sid": "inv_1" }), "?"),
        // Wrong types and other spellings are no category. A null is no member.
        (json!({ "cat": [SESSION] }), session.clone(), "?"),
        (json!({ "cat": [MACHINE] }), none.clone(), "?"),
        (json!({ "cat": 1 }), session.clone(), "?"),
        (json!({ "cat": "" }), session.clone(), "?"),
        (json!({ "cat": { "cat": SESSION } }), session.clone(), "?"),
        (json!({ "cat": SESSION.to_lowercase() }), session.clone(), "?"),
        (json!({ "cat": format!("{SESSION} ") }), session.clone(), "?"),
        (none.clone(), json!({ "sid": ["sess_1"] }), "?"),
        (none.clone(), json!({ "sid": 1 }), "?"),
        // A claim is not a member of the header.
        (none, json!({ "cat": MACHINE }), "+template"),
    ]
}

/// The presets that are tried here. `tests/providers` has the recorded tokens of all.
const PRESETS: [&str; 9] = [
    "clerk",
    "supabase",
    "better-auth",
    "better-auth-oauth",
    "cognito",
    "cloudflare-access",
    "google",
    "keycloak",
    "descope",
];

#[test]
fn each_preset_accepts_the_classes_that_its_users_mean_and_refuses_those_that_share_the_key() {
    for preset in PRESETS {
        let world = world(preset, &json!({}));
        let provider = Preset::named(preset).unwrap();
        for (header, payload, class) in tokens_of(preset) {
            let found = refused_as(&world, &token(preset, &header, &payload));
            let row = provider.classes().iter().find(|row| row.name == class.trim_start_matches('+'));
            let expected = match (class, row) {
                ("?", _) => Some(format!("of no known class of {}", provider.name())),
                (class, Some(row)) if !class.starts_with('+') => {
                    Some(format!("{} (`{class}`)", row.with_provider(provider.name())))
                }
                (_, row) => {
                    assert!(row.is_some_and(|row| row.is_meant), "{preset} {class}");
                    None
                }
            };
            assert_eq!(found, expected, "{preset} {header} {payload}");
        }
    }
}

#[test]
fn each_class_is_accepted_if_the_configuration_lists_it_and_then_only_that_one() {
    for preset in PRESETS {
        let names: Vec<&str> =
            Preset::named(preset).unwrap().classes().iter().map(|class| class.name).collect();
        for name in names {
            let world = world(preset, &json!({ "classes": [name] }));
            for (header, payload, class) in tokens_of(preset) {
                let is_accepted = refused_as(&world, &token(preset, &header, &payload)).is_none();
                assert_eq!(
                    is_accepted,
                    class.trim_start_matches('+') == name,
                    "{preset} {name} {header} {payload}"
                );
            }
        }
        let open = world(preset, &json!({ "classes": "unchecked" }));
        for (header, payload, _) in tokens_of(preset) {
            assert_eq!(
                refused_as(&open, &token(preset, &header, &payload)),
                None,
                "{preset} {header} {payload}"
            );
        }
    }
}

#[test]
fn a_refusal_says_which_class_came_and_which_are_accepted() {
    let world = world("clerk", &json!({}));
    let machine = token("clerk", &json!({ "cat": MACHINE }), &json!({ "sub": "mch_1" }));
    let rejection = world.rejection(&machine);
    assert_eq!((rejection.code(), rejection.status(), rejection.claim()), ("token_class_refused", 401, None));
    assert_eq!(
        rejection.to_string(),
        "the token is a Clerk machine-to-machine token (`machine`); accepted: session, template"
    );
    let unknown = token("clerk", &json!({ "cat": "x" }), &json!({}));
    assert_eq!(
        world.rejection(&unknown).to_string(),
        "the token is of no known class of Clerk; accepted: session, template"
    );
}

#[test]
fn a_class_cannot_be_changed_without_the_key() {
    let world = world("clerk", &json!({}));
    let machine = token("clerk", &json!({ "cat": MACHINE }), &json!({ "sub": "mch_1" }));
    let parts: Vec<&str> = machine.split('.').collect();
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": ed25519().kid(), "cat": TEMPLATE }).to_string();
    let payload = claims(ISS, &json!({ "sub": "user_1" })).to_string();
    let (header, payload) = (base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    for forged in [
        format!("{header}.{}.{}", parts[1], parts[2]),
        format!("{}.{payload}.{}", parts[0], parts[2]),
        format!("{header}.{payload}.{}", parts[2]),
    ] {
        assert_eq!(world.rejection(&forged).code(), "signature_invalid");
    }
}

#[test]
fn a_member_that_tells_classes_apart_and_occurs_twice_is_malformed() {
    let world = world("cognito", &json!({}));
    let twice = |header: &str, payload: &str| {
        let token = tokens::sealed(header, payload, |input| ed25519().sign(Algorithm::EdDsa, input));
        world.rejection(&token).code()
    };
    let (kid, iss) = (ed25519().kid(), iss_of("cognito"));
    let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#);
    let payload = |uses: &str| format!(r#"{{"iss":"{iss}","exp":1800000050,{uses},"client_id":"c"}}"#);
    assert_eq!(twice(&header, &payload(r#""token_use":"id","token_use":"access""#)), "token_malformed");
    assert_eq!(twice(&header, &payload(r#""token_use":"id","token\u005fuse":"access""#)), "token_malformed");
    let cats = format!(r#"{{"alg":"EdDSA","kid":"{kid}","cat":"{MACHINE}","cat":"{SESSION}"}}"#);
    assert_eq!(twice(&cats, &payload(r#""token_use":"access""#)), "token_malformed");
    // An escaped name is the same name, and an escaped value the same value.
    let escaped = payload(r#""token\u005fuse":"acc\u0065ss""#);
    let token = tokens::sealed(&header, &escaped, |input| ed25519().sign(Algorithm::EdDsa, input));
    assert_eq!(refused_as(&world, &token), None);
}

#[test]
fn a_remembered_token_is_refused_at_once_for_a_class_and_accepted_without_a_new_signature_check() {
    let good = token("clerk", &json!({ "cat": SESSION }), &json!({ "sid": "sess_1" }));
    let bad = token("clerk", &json!({ "cat": MACHINE }), &json!({ "sub": "mch_1" }));
    let world = world("clerk", &json!({}));
    for _ in 0..2 {
        assert_eq!(refused_as(&world, &good), None);
        assert!(refused_as(&world, &bad).is_some());
    }
    assert!(world.verification(&bad).trail.is_remembered);
}

#[test]
fn the_audience_of_cognitos_access_tokens_is_their_client_id_and_never_that_of_other_classes() {
    let rule = json!({ "audience": { "any_of": ["one", "two"] }, "classes": ["access", "id"] });
    let any = world("cognito", &rule);
    let verdict = |world: &World, payload: Value| {
        let token = token("cognito", &json!({}), &payload);
        if world.accepts(&token) { "accepted" } else { world.rejection(&token).code() }
    };
    let access = |changes: Value| merged(json!({ "token_use": "access" }), &changes);
    let id = |changes: Value| merged(json!({ "token_use": "id" }), &changes);
    for (payload, expected) in [
        (access(json!({ "client_id": "one" })), "accepted"),
        (access(json!({ "client_id": "two" })), "accepted"),
        (access(json!({ "client_id": "three" })), "audience_mismatch"),
        (access(json!({})), "audience_missing"),
        (access(json!({ "client_id": ["one"] })), "audience_missing"),
        (access(json!({ "client_id": "one", "aud": [] })), "accepted"),
        // A token that names a resource is for that resource, whichever client asked for it.
        (access(json!({ "client_id": "one", "aud": "https://other.example" })), "audience_mismatch"),
        (access(json!({ "client_id": "three", "aud": "one" })), "accepted"),
        (id(json!({ "aud": "one" })), "accepted"),
        (id(json!({ "aud": "three", "client_id": "one" })), "audience_mismatch"),
        (id(json!({ "client_id": "one" })), "audience_missing"),
        (json!({ "client_id": "one" }), "audience_missing"),
    ] {
        assert_eq!(verdict(&any, payload.clone()), expected, "{payload}");
    }
    let all = world("cognito", &merged(rule, &json!({ "audience": { "all_of": ["one", "two"] } })));
    assert_eq!(verdict(&all, access(json!({ "client_id": "one" }))), "audience_mismatch");
    let open = world("cognito", &json!({ "audience": { "any_of": ["one"] }, "classes": "unchecked" }));
    assert_eq!(verdict(&open, access(json!({ "client_id": "one" }))), "accepted");
    // Without the preset, `client_id` is no audience.
    let iss = iss_of("cognito");
    let plain = World::trusting(&[issuer(iss, &json!({ "audience": { "any_of": ["one"] } }))]);
    plain.publishes(iss, &[ed25519()]);
    assert_eq!(verdict(&plain, access(json!({ "client_id": "one" }))), "audience_missing");
}

#[test]
fn an_issuer_without_a_preset_has_no_classes() {
    let world = World::trusting(&[issuer(ISS, &json!({}))]);
    world.publishes(ISS, &[keys::ed25519()]);
    for (header, payload, _) in tokens_of("clerk") {
        assert!(world.accepts(&token("clerk", &header, &payload)), "{header} {payload}");
    }
}
