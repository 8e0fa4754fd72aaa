//! The exchange on fakes: RFC 8693 and RFC 7523 at `/token`, the Fireproof dashboard's protocol at `/api`, and every refusal.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use edge_assay::http::Response;
use edge_assay::jose::{Algorithm, KeySet, UntrustedToken};
use edge_assay::signing::plan::{Plan, Rhythm};
use edge_assay::time::Timestamp;
use http::Method;
use serde_json::{Value, json};
use support::keys::{SECRET, ed25519, p_256};
use support::platform::StoreMode;
use support::request::FakeRequest;
use support::tokens;
use support::world::{NOW, World, body, claims, header, issuer, merged};

const CLERK: &str = "https://sincere-cheetah-30.clerk.accounts.dev";
const SUPABASE: &str = "https://fqceiphubiqnorytayiu.supabase.co/auth/v1";
const API: &str = "https://api.example.com";
const BOTH: &str = "https://both.example.com";
const STRICT: &str = "https://strict.example.com";
const US: &str = "https://auth.example.com";
const CLIENT_SECRET: &str = "marker-of-the-client's secret:+%";

fn signing_keys() -> String {
    let mut plan = Plan::empty();
    let mut next = 0;
    let mut fill = |bytes: &mut [u8]| {
        next += 1;
        bytes.fill(next);
    };
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        let start = Timestamp::from_epoch_seconds(NOW - 86_400);
        plan.begin(algorithm, Rhythm::default(), start, &mut fill).unwrap();
    }
    plan.to_json()
}

fn config() -> Value {
    json!({
        "issuers": [
            issuer(CLERK, &json!({})),
            { "issuer": SUPABASE, "audience": { "any_of": ["authenticated"] }, "secrets": [{ "binding": "SUPABASE" }] },
        ],
        "exchange": {
            "issuer": US,
            "directory": "DIRECTORY",
            "targets": [
                {
                    "audience": API, "from": [CLERK], "public_clients": true,
                    "scopes": ["profiles:read", "profiles:write"], "default_scopes": ["profiles:read"],
                    "claims": {
                        "user_id": { "claim": "/sub" }, "big": { "claim": "/big", "optional": true },
                        "role": { "value": "authenticated" }, "org": { "claim": "/org/0/id~1x", "optional": true },
                        "groups": { "claim": "/directory/groups", "optional": true },
                    },
                    "actors": [{ "issuer": CLERK, "subject": "robot" }],
                },
                {
                    "audience": BOTH, "from": [CLERK, SUPABASE], "subject": "prefixed", "public_clients": true,
                    "algorithm": "EdDSA", "ttl_seconds": 300,
                },
                {
                    "audience": STRICT, "from": [CLERK], "scopes": ["profiles:read"],
                    "when": [
                        { "claim": "/email_verified", "equals": true },
                        { "claim": "/email", "matches": "*@example.com" },
                    ],
                    "claims": { "email": { "claim": "/email" } },
                },
            ],
            "clients": [{ "id": "cli", "secret": "CLI_SECRET", "targets": [STRICT] }],
            "fireproof": {
                "auth_types": { "clerk": [CLERK], "supabase": [SUPABASE] },
                "claims": { "userId": { "claim": "/sub" }, "email": { "claim": "/email", "optional": true } },
            },
        },
    })
}

fn secrets() -> Vec<(&'static str, String)> {
    vec![
        ("SIGNING_KEYS", signing_keys()),
        ("SUPABASE", SECRET.to_owned()),
        ("CLI_SECRET", CLIENT_SECRET.to_owned()),
    ]
}

fn world_with(config: &Value, secrets: &[(&'static str, String)]) -> World {
    let bound: Vec<(&str, &str)> = secrets.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let world = World::with_secrets(config, &bound);
    if let Err(faults) = &world.app.config.terms {
        panic!("{faults:#?}");
    }
    world.publishes(CLERK, &[ed25519()]);
    world
}

fn world() -> World {
    world_with(&config(), &secrets())
}

fn clerk_token(changes: &Value) -> String {
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims(CLERK, changes))
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn form(parameters: &[(&str, &str)]) -> FakeRequest {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    FakeRequest::new(Method::POST, "/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(pairs.join("&"))
}

/// The parameters of an exchange, with further ones.
fn exchange<'a>(token: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut parameters = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ];
    parameters.extend(more);
    parameters
}

fn issued_claims(token: &str) -> Value {
    let parsed = UntrustedToken::parse(token).unwrap();
    serde_json::from_str(parsed.claims().raw()).unwrap()
}

fn granted(world: &World, request: &FakeRequest) -> (Value, Value) {
    let response = world.ask(request);
    assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
    let answer = body(&response);
    let claims = issued_claims(answer["access_token"].as_str().unwrap());
    (answer, claims)
}

fn refused(world: &World, request: &FakeRequest, status: u16, error: &str, code: &str) -> Response {
    let response = world.ask(request);
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert_eq!(response.status(), status, "{text}");
    let answer = body(&response);
    assert_eq!((answer["error"].as_str(), answer["code"].as_str()), (Some(error), Some(code)), "{text}");
    let description = answer["error_description"].as_str().unwrap();
    assert!(
        !description.is_empty()
            && description.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\')
    );
    assert_eq!(header(&response, "cache-control").as_deref(), Some("no-store"));
    response
}

#[test]
fn a_clerk_token_without_an_audience_becomes_an_api_token_that_verifies_from_our_key_set() {
    let world = world();
    let token = clerk_token(&json!({}));
    let (answer, claims) = granted(&world, &form(&exchange(&token, &[("audience", API)])));
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(answer["scope"], "profiles:read");
    assert_eq!(claims["iss"], US);
    assert_eq!(claims["aud"], API);
    assert_eq!(claims["sub"], "user_1");
    assert_eq!(claims["user_id"], "user_1");
    assert_eq!(claims["role"], "authenticated");
    assert_eq!(claims["client_id"], "public");
    assert_eq!(claims["iat"], NOW);
    assert_eq!(claims["jti"].as_str().unwrap().len(), 22);

    let published = world.ask(&FakeRequest::get("/.well-known/jwks.json"));
    assert_eq!(header(&published, "access-control-allow-origin").as_deref(), Some("*"));
    assert_eq!(header(&published, "cache-control").as_deref(), Some("public, max-age=3600"));
    let set = KeySet::parse(published.body()).unwrap();
    let parsed = UntrustedToken::parse(answer["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(parsed.header().typ.as_deref(), Some("at+jwt"));
    let jwk = set.with_kid(parsed.header().kid.as_deref().unwrap()).next().unwrap();
    assert!(jwk.key.verify(Algorithm::Es256, parsed.signing_input(), parsed.signature()));

    let etag = header(&published, "etag").unwrap();
    let again = world.ask(&FakeRequest::get("/.well-known/jwks.json").header("if-none-match", &etag));
    assert_eq!((again.status().as_u16(), again.body().len()), (304, 0));
}

#[test]
fn where_an_audience_is_required_its_absence_is_called_that_and_no_signature_failure() {
    let mut config = config();
    config["issuers"][0] = issuer(CLERK, &json!({ "audience": { "any_of": ["backend"] } }));
    let world = world_with(&config, &secrets());
    let token = clerk_token(&json!({}));
    refused(
        &world,
        &form(&exchange(&token, &[("audience", API)])),
        400,
        "invalid_request",
        "audience_missing",
    );
    let answer = world.ask(&api(&cloud_session("clerk", &token)));
    assert_eq!(answer.status(), 401);
    let answer = body(&answer);
    assert_eq!(answer["attempts"][0]["issuer"], CLERK);
    assert_eq!(answer["attempts"][0]["code"], "audience_missing");
}

#[test]
fn what_is_issued_never_outlives_what_it_was_issued_for() {
    let world = world();
    let token = clerk_token(&json!({ "exp": NOW + 30 }));
    let (answer, claims) = granted(&world, &form(&exchange(&token, &[("audience", API)])));
    assert_eq!((answer["expires_in"].as_i64(), claims["exp"].as_i64()), (Some(30), Some(NOW + 30)));
    // Nor does the leeway with which an expired token still verifies lengthen anything.
    let token = clerk_token(&json!({ "exp": NOW - 2 }));
    assert!(world.accepts(&token));
    refused(&world, &form(&exchange(&token, &[("audience", API)])), 400, "invalid_request", "token_expired");
    // Nor does an actor's token that ends earlier.
    let token = clerk_token(&json!({ "may_act": { "sub": "user_1" } }));
    let actor = clerk_token(&json!({ "exp": NOW + 7 }));
    let (_, claims) = granted(&world, &form(&with_actor(&token, &actor)));
    assert_eq!(claims["exp"], NOW + 7);
}

#[test]
fn values_keep_their_type_and_every_digit() {
    let world = world();
    let payload = format!(
        r#"{{"iss":"{CLERK}","sub":"user_1","exp":{},"big":123456789012345678901234567890,"org":[{{"id/x":1.50}}]}}"#,
        NOW + 60
    );
    let head = json!({ "alg": "EdDSA", "kid": ed25519().kid() }).to_string();
    let token = tokens::sealed(&head, &payload, |input| ed25519().sign(Algorithm::EdDsa, input));
    let (answer, _) = granted(&world, &form(&exchange(&token, &[("audience", API)])));
    let parsed = UntrustedToken::parse(answer["access_token"].as_str().unwrap()).unwrap().into_claims();
    assert!(parsed.raw().contains(r#""big":123456789012345678901234567890"#), "{}", parsed.raw());
    assert!(parsed.raw().contains(r#""org":1.50"#), "{}", parsed.raw());
}

#[test]
fn two_people_of_two_issuers_never_become_one() {
    let world = world();
    let clerk = clerk_token(&json!({ "sub": "7" }));
    let supabase = tokens::mint(
        Algorithm::Hs256,
        &json!({}),
        &claims(SUPABASE, &json!({ "sub": "7", "aud": "authenticated" })),
    );
    let subject =
        |token: &str| granted(&world, &form(&exchange(token, &[("audience", BOTH)]))).1["sub"].clone();
    assert_eq!(subject(&clerk), format!("{CLERK}|7"));
    assert_eq!(subject(&supabase), format!("{SUPABASE}|7"));
}

#[test]
fn a_jwt_bearer_grant_answers_the_same_and_calls_a_bad_assertion_an_invalid_grant() {
    let world = world();
    let token =
        tokens::mint(Algorithm::Hs256, &json!({}), &claims(SUPABASE, &json!({ "aud": "authenticated" })));
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    // The only target that takes Supabase's tokens needs no name.
    let (answer, claims) = granted(&world, &form(&[("grant_type", grant), ("assertion", &token)]));
    assert_eq!(claims["aud"], BOTH);
    assert!(answer.get("issued_token_type").is_none() && answer.get("scope").is_none());
    world.platform.pass(3600);
    refused(
        &world,
        &form(&[("grant_type", grant), ("assertion", &token)]),
        400,
        "invalid_grant",
        "token_expired",
    );
}

#[test]
fn scopes_are_granted_as_asked_and_never_widened() {
    let world = world();
    let ask = |claims: &Value, scope: &str| {
        let token = clerk_token(claims);
        world.ask(&form(&exchange(&token, &[("audience", API), ("scope", scope)])))
    };
    let free = json!({});
    assert_eq!(body(&ask(&free, "profiles:write profiles:read"))["scope"], "profiles:write profiles:read");
    assert_eq!(body(&ask(&free, "admin"))["error"], "invalid_scope");
    assert_eq!(body(&ask(&free, "profiles:read  x"))["error"], "invalid_scope");
    let narrow = json!({ "scope": "profiles:write other" });
    assert_eq!(body(&ask(&narrow, "profiles:write"))["scope"], "profiles:write");
    assert_eq!(body(&ask(&narrow, "profiles:read"))["error"], "invalid_scope");
    assert_eq!(body(&ask(&narrow, "profiles:read"))["code"], "scope_not_granted");
    // By default, what is granted by default, as far as the token itself goes.
    let token = clerk_token(&narrow);
    let (answer, claims) = granted(&world, &form(&exchange(&token, &[("audience", API)])));
    assert!(answer.get("scope").is_none() && claims.get("scope").is_none());
}

#[test]
fn several_targets_are_all_granted_or_all_refused() {
    let world = world();
    let token = clerk_token(&json!({ "email": "ada@example.com", "email_verified": true }));
    let basic = basic("cli", CLIENT_SECRET);
    // Client `cli` may have STRICT alone.
    let request =
        form(&exchange(&token, &[("audience", API), ("audience", STRICT)])).header("authorization", &basic);
    refused(&world, &request, 400, "unauthorized_client", "client_not_allowed");
    let request = form(&exchange(&token, &[("audience", API), ("resource", BOTH)]));
    refused(&world, &request, 400, "invalid_target", "targets_apart");
    let request = form(&exchange(&token, &[("audience", API), ("audience", "https://nobody.example")]));
    refused(&world, &request, 400, "invalid_target", "target_unknown");
    let request = form(&exchange(&token, &[("resource", API), ("audience", API)]));
    assert_eq!(granted(&world, &request).1["aud"], API);

    let mut both = config();
    both["exchange"]["targets"][1]["algorithm"] = json!("ES256");
    both["exchange"]["targets"][0]["subject"] = json!("prefixed");
    let world = world_with(&both, &secrets());
    let request = form(&exchange(&token, &[("audience", API), ("audience", BOTH)]));
    let (answer, claims) = granted(&world, &request);
    assert_eq!(claims["aud"], json!([API, BOTH]));
    assert_eq!(answer["expires_in"], 50);
    assert!(claims.get("scope").is_none());
}

#[test]
fn clients_prove_who_they_are_where_a_target_wants_it() {
    let world = world();
    let token = clerk_token(&json!({ "email": "ada@example.com", "email_verified": true }));
    let strict = exchange(&token, &[("audience", STRICT)]);
    refused(&world, &form(&strict), 401, "invalid_client", "client_unauthenticated");
    let with = |more: &[(&'static str, &'static str)]| {
        let mut parameters = strict.clone();
        parameters.extend(more);
        parameters
    };
    let post = form(&with(&[("client_id", "cli"), ("client_secret", CLIENT_SECRET)]));
    assert_eq!(granted(&world, &post).1["client_id"], "cli");
    let header_only = form(&strict).header("authorization", &basic("cli", CLIENT_SECRET));
    assert_eq!(granted(&world, &header_only).1["client_id"], "cli");
    for wrong in
        [basic("cli", "wrong"), basic("nobody", CLIENT_SECRET), "Basic !".to_owned(), "Bearer x".to_owned()]
    {
        let response = refused(
            &world,
            &form(&strict).header("authorization", &wrong),
            401,
            "invalid_client",
            "client_unauthenticated",
        );
        assert!(header(&response, "www-authenticate").unwrap().starts_with("Basic realm="));
    }
    let twice = form(&with(&[("client_id", "cli"), ("client_secret", CLIENT_SECRET)]))
        .header("authorization", &basic("cli", CLIENT_SECRET));
    refused(&world, &twice, 400, "invalid_request", "request_invalid");
    // Nobody goes by a registered client's name without its secret, also where none is needed.
    let named = form(&exchange(&token, &[("audience", API), ("client_id", "cli")]));
    refused(&world, &named, 401, "invalid_client", "client_unauthenticated");
    let named = form(&exchange(&token, &[("audience", API), ("client_id", "web app")]));
    assert_eq!(granted(&world, &named).1["client_id"], "web app");
}

fn basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    let joined = format!("{}:{}", encoded(id), encoded(secret));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(joined))
}

#[test]
fn a_condition_that_does_not_hold_names_the_claim_and_not_its_value() {
    let world = world();
    let ask = |changes: Value| {
        let token = clerk_token(&changes);
        form(&exchange(&token, &[("audience", STRICT)])).header("authorization", &basic("cli", CLIENT_SECRET))
    };
    for changes in [
        json!({ "email": "ada@example.com" }),
        json!({ "email": "ada@example.com", "email_verified": "true" }),
        json!({ "email": "ada@example.com.evil.example", "email_verified": true }),
        json!({ "email_verified": true }),
    ] {
        let response = refused(&world, &ask(changes), 400, "invalid_target", "condition_failed");
        assert!(!String::from_utf8_lossy(response.body()).contains("ada@"));
    }
    assert_eq!(
        granted(&world, &ask(json!({ "email": "ada@example.com", "email_verified": true }))).1["email"],
        "ada@example.com"
    );
}

fn with_actor<'a>(subject: &'a str, actor: &'a str) -> Vec<(&'a str, &'a str)> {
    exchange(
        subject,
        &[
            ("audience", API),
            ("actor_token", actor),
            ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ],
    )
}

#[test]
fn an_actor_acts_where_may_act_or_the_configuration_says_so() {
    let world = world();
    let robot = clerk_token(&json!({ "sub": "robot" }));
    let other = clerk_token(&json!({ "sub": "other" }));
    let plain = clerk_token(&json!({}));
    let (_, claims) = granted(&world, &form(&with_actor(&plain, &robot)));
    assert_eq!(claims["act"], json!({ "iss": CLERK, "sub": "robot" }));
    assert_eq!(claims["sub"], "user_1");
    refused(&world, &form(&with_actor(&plain, &other)), 400, "invalid_request", "actor_not_allowed");
    // What the token says goes before the configuration.
    let for_other = clerk_token(&json!({ "may_act": { "iss": CLERK, "sub": "other" } }));
    assert_eq!(granted(&world, &form(&with_actor(&for_other, &other))).1["act"]["sub"], "other");
    refused(&world, &form(&with_actor(&for_other, &robot)), 400, "invalid_request", "actor_not_allowed");
    for may_act in [json!("other"), json!({}), json!({ "iss": SUPABASE, "sub": "other" }), Value::Null] {
        let mut claims = claims_with_null(&json!({}));
        claims["may_act"] = may_act;
        let token = tokens::mint(Algorithm::EdDsa, &json!({}), &claims);
        refused(&world, &form(&with_actor(&token, &other)), 400, "invalid_request", "actor_not_allowed");
    }
    // Who acted before becomes history, of which nothing but the name is kept.
    let before = clerk_token(&json!({ "act": { "sub": "first", "exp": 1, "aud": "x" } }));
    let (_, claims) = granted(&world, &form(&with_actor(&before, &robot)));
    assert_eq!(claims["act"], json!({ "iss": CLERK, "sub": "robot", "act": { "sub": "first" } }));
    let expired = clerk_token(&json!({ "sub": "robot", "exp": NOW - 60 }));
    refused(&world, &form(&with_actor(&plain, &expired)), 400, "invalid_request", "token_expired");
}

fn claims_with_null(changes: &Value) -> Value {
    merged(claims(CLERK, &json!({})), changes)
}

#[test]
fn every_malformed_request_is_an_invalid_request() {
    let world = world();
    let token = clerk_token(&json!({}));
    let good = exchange(&token, &[("audience", API)]);
    let without = |name: &str| good.iter().copied().filter(|(given, _)| *given != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &'static str| [good.clone(), vec![(name, value)]].concat();
    for parameters in [
        without("grant_type"),
        without("subject_token"),
        without("subject_token_type"),
        with("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        with("scope", "a").into_iter().chain([("scope", "b")]).collect(),
        with("actor_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        with("actor_token", "x"),
        with("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
        with("client_secret", "x"),
        [
            without("subject_token_type"),
            vec![("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")],
        ]
        .concat(),
    ] {
        refused(&world, &form(&parameters), 400, "invalid_request", "request_invalid");
    }
    // An empty value is none.
    granted(&world, &form(&with("actor_token", "")));
    refused(
        &world,
        &form(&[("grant_type", "password")]),
        400,
        "unsupported_grant_type",
        "grant_type_unsupported",
    );
    for content_type in ["application/json", "text/plain", ""] {
        let request =
            FakeRequest::new(Method::POST, "/token").header("content-type", content_type).body("a=b");
        refused(&world, &request, 400, "invalid_request", "request_invalid");
    }
    for resource in ["/relative", "https://api.example.com#fragment", "nothing"] {
        let request = form(&exchange(&token, &[("resource", resource)]));
        refused(&world, &request, 400, "invalid_target", "target_unknown");
    }
    let huge = FakeRequest::new(Method::POST, "/token").body(vec![b'a'; 200_000]);
    assert_eq!(world.ask(&huge).status(), 413);
    assert_eq!(world.ask(&FakeRequest::get("/token")).status(), 405);
}

#[test]
fn a_token_of_the_wrong_issuer_or_with_a_bad_signature_is_refused_by_its_rule() {
    let world = world();
    let supabase =
        tokens::mint(Algorithm::Hs256, &json!({}), &claims(SUPABASE, &json!({ "aud": "authenticated" })));
    let ask = |token: &str| form(&exchange(token, &[("audience", API)]));
    refused(&world, &ask(&supabase), 400, "invalid_target", "issuer_not_accepted");
    let stranger =
        tokens::mint(Algorithm::EdDsa, &json!({}), &claims("https://stranger.example", &json!({})));
    refused(&world, &ask(&stranger), 400, "invalid_request", "issuer_unknown");
    let forged = tokens::mint_with_key(Algorithm::Es256, p_256(), &json!({}), &claims(CLERK, &json!({})));
    refused(&world, &ask(&forged), 400, "invalid_request", "key_not_found");
    refused(&world, &ask(&clerk_token(&json!({ "exp": NOW - 60 }))), 400, "invalid_request", "token_expired");
    refused(&world, &ask(&clerk_token(&json!({ "sub": null }))), 400, "invalid_request", "claim_missing");
    refused(&world, &ask("sb_secret_x"), 400, "invalid_request", "token_malformed");
}

#[test]
fn an_outage_and_a_missing_secret_are_503_and_never_called_an_invalid_request() {
    let token = clerk_token(&json!({}));
    let ask = form(&exchange(&token, &[("audience", API)]));
    let down = World::with_secrets(
        &config(),
        &[("SIGNING_KEYS", &signing_keys()), ("SUPABASE", SECRET), ("CLI_SECRET", CLIENT_SECRET)],
    );
    let response = refused(&down, &ask, 503, "temporarily_unavailable", "jwks_unavailable");
    assert!(header(&response, "retry-after").is_some());
    let answer = down.ask(&api(&cloud_session("clerk", &token)));
    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after").is_some()), (503, true));

    let keyless = world_with(&config(), &secrets()[1..]);
    refused(&keyless, &ask, 503, "temporarily_unavailable", "secret_missing");
    let published = keyless.ask(&FakeRequest::get("/.well-known/jwks.json"));
    assert_eq!(
        (published.status().as_u16(), body(&published)["code"].as_str()),
        (503, Some("secret_missing"))
    );
    assert_eq!(keyless.ask(&FakeRequest::get("/readyz")).status(), 503);
    // Verification goes on without our own keys.
    assert!(keyless.accepts(&token));

    let clientless = world_with(&config(), &secrets()[..2]);
    let strict = form(&exchange(&token, &[("audience", STRICT)])).header("authorization", &basic("cli", "x"));
    refused(&clientless, &strict, 503, "temporarily_unavailable", "secret_missing");

    let late = world();
    late.platform.pass(200 * 86_400);
    let fresh = tokens::mint(
        Algorithm::EdDsa,
        &json!({}),
        &merged(claims(CLERK, &json!({})), &json!({ "exp": NOW + 201 * 86_400 })),
    );
    let request = form(&exchange(&fresh, &[("audience", API)]));
    refused(&late, &request, 503, "temporarily_unavailable", "secret_missing");

    let blind = world();
    blind.platform.directory.behave(StoreMode::Down);
    refused(&blind, &ask, 503, "temporarily_unavailable", "upstream_unavailable");
}

#[test]
fn the_directory_speaks_and_a_token_cannot_speak_for_it() {
    let world = world();
    let ask = |world: &World| {
        let token = clerk_token(&json!({ "directory": { "groups": ["root"] } }));
        granted(world, &form(&exchange(&token, &[("audience", API)]))).1
    };
    assert!(ask(&world).get("groups").is_none());
    let key = format!("DIRECTORY subject:{CLERK}:user_1");
    world.platform.directory.plant(&key, r#"{"groups":["staff"]}"#);
    assert_eq!(ask(&world)["groups"], json!(["staff"]));
}

#[test]
fn our_metadata_says_where_everything_is_whatever_the_prefix() {
    let mut prefixed = config();
    prefixed["endpoints"] = json!({ "prefix": "/_assay" });
    let world = world_with(&prefixed, &secrets());
    let response = world.ask(&FakeRequest::get("/.well-known/oauth-authorization-server"));
    let metadata = body(&response);
    assert_eq!(metadata["issuer"], US);
    assert_eq!(metadata["token_endpoint"], format!("{US}/_assay/token"));
    assert_eq!(metadata["jwks_uri"], format!("{US}/.well-known/jwks.json"));
    assert_eq!(metadata["response_types_supported"], json!([]));
    assert_eq!(metadata["scopes_supported"], json!(["profiles:read", "profiles:write"]));
    assert_eq!(
        metadata["token_endpoint_auth_methods_supported"],
        json!(["none", "client_secret_basic", "client_secret_post"])
    );
    assert_eq!(world.ask(&FakeRequest::get("/.well-known/jwks.json")).status(), 200);
    assert_eq!(world.ask(&FakeRequest::get("/_assay/.well-known/jwks.json")).status(), 404);
    assert_eq!(world.ask(&FakeRequest::new(Method::POST, "/token")).status(), 404);
}

fn api(message: &Value) -> FakeRequest {
    FakeRequest::new(Method::PUT, "/api").header("content-type", "application/json").body(message.to_string())
}

fn cloud_session(kind: &str, token: &str) -> Value {
    json!({ "type": "reqCloudSessionToken", "auth": { "type": kind, "token": token } })
}

#[test]
fn the_dashboards_protocol_exchanges_the_token_of_incident_one() {
    let world = world();
    let token = clerk_token(&json!({ "email": "ada@example.com" }));
    let response = world.ask(&api(&cloud_session("clerk", &token)));
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "access-control-allow-origin").as_deref(), Some("*"));
    let answer = body(&response);
    assert_eq!(answer["type"], "resCloudSessionToken");
    let claims = issued_claims(answer["token"].as_str().unwrap());
    assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some("FP_CLOUD"), Some("PUBLIC")));
    assert_eq!(
        (claims["userId"].as_str(), claims["email"].as_str()),
        (Some("user_1"), Some("ada@example.com"))
    );
    assert_eq!(claims["created"], "2027-01-15T08:00:00Z");
    assert_eq!(claims["tenants"][0]["id"], claims["selected"]["tenant"]);
    assert_eq!(claims["ledgers"][0]["id"], claims["selected"]["ledger"]);
    // A session of one minute gives no cloud token of an hour.
    assert_eq!(claims["exp"], NOW + 50);

    let ensure = json!({ "type": "reqEnsureCloudToken", "auth": { "type": "clerk", "token": token }, "appId": "notes" });
    let answer = body(&world.ask(&api(&ensure)));
    assert_eq!(answer["type"], "resEnsureCloudToken");
    assert_eq!(answer["expiresInSec"], 50);
    assert_eq!(answer["claims"]["selected"]["appId"], "notes");
    assert_eq!(answer["tenant"], claims["selected"]["tenant"]);
}

#[test]
fn the_dashboards_protocol_refuses_with_true_status_codes_and_names_the_one_issuer() {
    let world = world();
    let ask = |message: &Value| {
        let response = world.ask(&api(message));
        (response.status().as_u16(), body(&response))
    };
    let expired = clerk_token(&json!({ "exp": NOW - 60 }));
    let (status, answer) = ask(&cloud_session("clerk", &expired));
    assert_eq!((status, answer["type"].as_str()), (401, Some("error")));
    assert_eq!(answer["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(answer["attempts"][0]["issuer"], CLERK);
    assert_eq!(answer["attempts"][0]["code"], "token_expired");
    for part in expired.split('.') {
        assert!(!answer.to_string().contains(part));
    }
    let good = clerk_token(&json!({}));
    assert_eq!(ask(&cloud_session("supabase", &good)).1["code"], "issuer_not_accepted");
    assert_eq!(ask(&cloud_session("supabase", &good)).0, 401);
    assert_eq!(ask(&cloud_session("ucan", &good)).0, 400);
    for message in [
        json!({}),
        json!({ "type": "reqListTenantsByUser" }),
        json!({ "type": "reqCloudSessionToken" }),
        json!({ "type": "reqCloudSessionToken", "auth": { "type": "clerk" } }),
        json!({ "type": "reqCloudSessionToken", "auth": { "type": "clerk", "token": 1 } }),
        json!({ "type": "reqEnsureCloudToken", "auth": { "type": "clerk", "token": good } }),
        json!({ "type": "reqTokenByResultId" }),
    ] {
        assert_eq!(ask(&message).0, 400, "{message}");
    }
    let mut elsewhere = cloud_session("clerk", &good);
    elsewhere["selected"] = json!({ "tenant": "t-somebody-else" });
    assert_eq!(ask(&elsewhere).0, 403);
    assert_eq!(ask(&elsewhere).1["code"], "selection_not_permitted");
    let huge = FakeRequest::new(Method::PUT, "/api").body(vec![b' '; 200_000]);
    assert_eq!(world.ask(&huge).status(), 413);
    let preflight = world.ask(&FakeRequest::new(Method::OPTIONS, "/api"));
    assert_eq!(body(&preflight), json!({ "type": "ok", "message": "CORS preflight" }));
    assert_eq!(
        header(&preflight, "access-control-allow-methods").as_deref(),
        Some("GET,POST,OPTIONS,PUT,DELETE")
    );
}

#[test]
fn a_result_waits_fifteen_minutes_and_is_handed_out_once() {
    let world = world();
    let leave = |result_id: &str| {
        let mut message = cloud_session("clerk", &clerk_token(&json!({})));
        message["resultId"] = json!(result_id);
        assert_eq!(world.ask(&api(&message)).status(), 200);
    };
    let collect = |result_id: &str| {
        body(&world.ask(&api(&json!({ "type": "reqTokenByResultId", "resultId": result_id }))))
    };
    assert_eq!(collect("zMNa7dRMEtR3")["status"], "not-found");
    leave("zMNa7dRMEtR3");
    let found = collect("zMNa7dRMEtR3");
    assert_eq!(
        (found["type"].as_str(), found["status"].as_str()),
        (Some("resTokenByResultId"), Some("found"))
    );
    assert_eq!(issued_claims(found["token"].as_str().unwrap())["iss"], "FP_CLOUD");
    assert_eq!(collect("zMNa7dRMEtR3")["status"], "not-found");
    leave("7-chars");
    assert_eq!(collect("7-chars")["status"], "not-found");
    world.platform.pass(2);
    leave("a-second-result");
    let kept = edge_assay::exchange::fireproof::result_key("a-second-result");
    assert_eq!(world.platform.store.seconds_left(&kept, world.platform.now_ms()), Some(900));
    world.platform.store.behave(StoreMode::Down);
    let down = world.ask(&api(&json!({ "type": "reqTokenByResultId", "resultId": "a-second-result" })));
    assert_eq!(down.status(), 503);
    let mut message = cloud_session("clerk", &clerk_token(&json!({})));
    message["resultId"] = json!("a-third-result");
    assert_eq!(world.ask(&api(&message)).status(), 200);
}

#[test]
fn memberships_of_the_directory_are_what_can_be_selected() {
    let mut config = config();
    config["exchange"]["fireproof"]["memberships"] = json!("directory");
    let world = world_with(&config, &secrets());
    let mut message = cloud_session("clerk", &clerk_token(&json!({})));
    assert_eq!(world.ask(&api(&message)).status(), 403);
    let record = json!({
        "tenants": [{ "id": "acme", "role": "admin" }, { "id": "home", "role": "owner" }],
        "ledgers": [{ "id": "books", "role": "member", "right": "read" }],
    });
    let key = format!("DIRECTORY subject:{CLERK}:user_1");
    world.platform.directory.plant(&key, &record.to_string());
    message["selected"] = json!({ "tenant": "home", "appId": "notes" });
    let claims = issued_claims(body(&world.ask(&api(&message)))["token"].as_str().unwrap());
    assert_eq!(claims["selected"], json!({ "appId": "notes", "tenant": "home", "ledger": "books" }));
    assert_eq!(claims["ledgers"], record["ledgers"]);
    world.platform.directory.plant(&key, r#"{"tenants":[{"id":"acme","role":"emperor"}]}"#);
    assert_eq!(world.ask(&api(&message)).status(), 503);
}

#[test]
fn no_private_key_secret_or_callers_token_is_in_any_answer_or_log_line() {
    let world = world();
    let token = clerk_token(&json!({ "exp": NOW - 60, "email": "marker-of-a-claim@example.com" }));
    let good = clerk_token(&json!({ "email": "marker-of-a-claim@example.com" }));
    let mut seen = String::new();
    for token in [&token, &good] {
        let mut requests: Vec<FakeRequest> =
            ["/healthz", "/readyz", "/verify", "/.well-known/jwks.json", "/nowhere"]
                .into_iter()
                .map(|path| FakeRequest::get(path).bearer("x"))
                .collect();
        requests.push(FakeRequest::get("/.well-known/oauth-authorization-server"));
        for audience in [API, BOTH, STRICT, "https://nobody.example"] {
            requests.push(form(&exchange(token, &[("audience", audience), ("scope", "admin")])));
            requests.push(form(&exchange(
                token,
                &[("audience", audience), ("client_secret", CLIENT_SECRET), ("client_id", "cli")],
            )));
        }
        requests.push(form(&with_actor(token, token)));
        for kind in ["clerk", "supabase", "ucan"] {
            let mut message = cloud_session(kind, token);
            message["selected"] = json!({ "tenant": "elsewhere" });
            requests.push(api(&message));
        }
        for request in requests {
            let response = world.ask(&request);
            let body = String::from_utf8_lossy(response.body());
            seen.extend([format!("{:?}", response.headers()).as_str(), &body]);
        }
    }
    seen.extend([format!("{:?}", world.platform.log_lines()), format!("{:?}", world.app)]);
    let keys: Value = serde_json::from_str(&signing_keys()).unwrap();
    let private = keys["keys"].as_array().unwrap().iter().map(|key| key.get("d").or(key.get("k")).unwrap());
    let mut secrets: Vec<String> = private.map(|value| value.as_str().unwrap().to_owned()).collect();
    secrets.extend([SECRET.to_owned(), CLIENT_SECRET.to_owned(), "marker-of-a-claim".to_owned()]);
    secrets.extend(
        [&token, &good]
            .into_iter()
            .flat_map(|token| token.split('.').map(str::to_owned))
            .filter(|part| part.len() > 60),
    );
    for secret in secrets {
        assert!(!seen.contains(&secret), "{secret}");
    }
}

#[test]
fn faults_of_the_configuration_are_all_found_with_their_paths() {
    let mut config = config();
    let exchange = &mut config["exchange"];
    exchange["targets"][0]["from"] = json!([CLERK, "https://stranger.example"]);
    exchange["targets"][0]["claims"]["sub"] = json!({ "value": "root" });
    exchange["targets"][0]["default_scopes"] = json!(["admin"]);
    exchange["targets"][1]["subject"] = json!("own");
    exchange["targets"][2]["when"][0] = json!({ "claim": "email", "equals": 1, "exists": true });
    exchange["targets"][2]["ttl_seconds"] = json!(100_000);
    exchange["clients"][0]["targets"] = json!(["https://nobody.example"]);
    exchange["fireproof"]["auth_types"]["better"] = json!(["https://nobody.example"]);
    exchange["issuer"] = json!("http://auth.example.com");
    let keys = r#"{"keys":[{"kty":"oct","alg":"HS256","k":"AAAA","kid":"x","publish_at":1,"activate_at":2,"retire_at":3,"remove_at":4}]}"#;
    let world = World::with_secrets(&config, &[("SIGNING_KEYS", keys)]);
    let faults = world.app.config.terms.as_ref().unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    for path in [
        "exchange.issuer",
        "exchange.targets[0].from[1]",
        "exchange.targets[0].claims.sub",
        "exchange.targets[0].default_scopes[0]",
        "exchange.targets[0].subject",
        "exchange.targets[1].subject",
        "exchange.targets[2].when[0].claim",
        "exchange.targets[2].ttl_seconds",
        "exchange.clients[0].targets[0]",
        "exchange.fireproof.auth_types.better[0]",
        "SIGNING_KEYS.keys[0].k",
    ] {
        assert!(paths.contains(&path), "{path} is not in {paths:?}");
    }
    assert!(world.app.config.exchange.is_none());
}

#[test]
fn a_schedule_that_does_not_cover_the_longest_token_is_a_fault_of_the_configuration() {
    let mut keys: Value = serde_json::from_str(&signing_keys()).unwrap();
    let retire = keys["keys"][0]["retire_at"].as_i64().unwrap();
    keys["keys"][0]["remove_at"] = json!(retire + 3600);
    let world = World::with_secrets(&config(), &[("SIGNING_KEYS", &keys.to_string())]);
    let faults = world.app.config.terms.as_ref().unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].path, "SIGNING_KEYS.keys[0].remove_at");
    assert!(faults[0].problem.ends_with("5 s too short"), "{}", faults[0].problem);
}
