//! Five real incidents, each with its own issuers, kids and claims: the verification of their tokens, by the configurations in
//! `examples/incidents`.

use crate::support::keys::{
    self, SECRET, TestKey, ed25519, ed25519_second, p_256, rsa_2048, rsa_2048_second,
};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens::{mint_with_key, mint_with_secret};
use crate::support::world::{NOW, World, body, header, merged};
use edge_assay::http::Response;
use edge_assay::jose::Algorithm;
use edge_assay::rejection::{Missing, NoKey, Rejection};
use http::Method;
use serde_json::{Value, json};

/// The `ASSAY` variable of an example, with other names of issuers.
pub(crate) fn example(name: &str, renamed: &[(&str, &str)]) -> Value {
    let path = format!("{}/examples/incidents/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in renamed {
        assert!(text.contains(from), "{name} does not name {from}");
        text = text.replace(from, to);
    }
    let file: toml::Table = toml::from_str(&text).unwrap();
    serde_json::to_value(&file["vars"]["ASSAY"]).unwrap()
}

/// The secrets that the examples name.
fn with_secrets(config: &Value) -> World {
    let signing_keys = crate::exchange::signing_keys();
    let secrets =
        [("SUPABASE_JWT_SECRET", SECRET), ("CLI_CLIENT_SECRET", CLIENT), ("SIGNING_KEYS", &*signing_keys)];
    let world = World::with_secrets(config, &secrets);
    assert!(world.app.config.terms.is_ok());
    world
}

const CLIENT: &str = "the secret of the command line, of 32 characters at least";

/// From now on `url` serves these keys under these kids.
fn publish(world: &World, url: &str, published: &[(&str, &TestKey)]) {
    let set: Vec<Value> =
        published.iter().map(|(kid, key)| key.public_jwk_with(&json!({ "kid": kid }))).collect();
    world.serves(url, Answer::json(keys::jwks(&set)));
}

fn status_and_code(response: &Response) -> (u16, String) {
    let code = if response.status() == 200 { Value::Null } else { body(response)["code"].clone() };
    (response.status().as_u16(), code.as_str().unwrap_or_default().to_owned())
}

/// The answer of `/verify` to this token: status and code.
fn verdict(world: &World, token: &str) -> (u16, String) {
    status_and_code(&world.ask(&FakeRequest::verify(token)))
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

const ACCEPTED: (u16, String) = (200, String::new());

/// 1. Clerk to Fireproof: "No well-known JWKS URL could verify the token".
mod clerk_to_fireproof {
    use super::*;

    const DEVELOPMENT: &str = "https://sincere-cheetah-30.clerk.accounts.dev";
    const DEVELOPMENT_JWKS: &str = "https://sincere-cheetah-30.clerk.accounts.dev/.well-known/jwks.json";
    const KID: &str = "ins_35qNS5Jwyc7z4aJRBIS7o205yzb";
    const OTHERS: [&str; 2] = ["https://clerk.fireproof.direct", "https://clerk.vibes.diy"];
    const RENAMED: [(&str, &str); 3] = [
        ("https://clerk.example.com", OTHERS[0]),
        ("https://clerk.staging.example.com", OTHERS[1]),
        ("https://clerk.development.example.com", DEVELOPMENT),
    ];

    /// The backend with its three issuers; each publishes a key of its own, all under the same kid.
    fn backend(audience: &Value) -> World {
        let mut config = example("1-clerk-to-fireproof", &RENAMED);
        for issuer in config["issuers"].as_array_mut().unwrap() {
            issuer["audience"] = audience.clone();
        }
        let world = with_secrets(&config);
        for other in OTHERS {
            publish(&world, &format!("{other}/.well-known/jwks.json"), &[(KID, rsa_2048_second())]);
        }
        publish(&world, DEVELOPMENT_JWKS, &[(KID, rsa_2048())]);
        world
    }

    /// A session token as Clerk mints it: 60 s, `nbf` ten seconds before `iat`, no `aud`.
    fn session_token(kid: &str, key: &TestKey) -> String {
        let claims = json!({
            "iss": DEVELOPMENT, "sub": "user_35qNSJwyc7z4aJRBIS7o205yzb", "sid": "sess_35qNS5", "sts": "active",
            "azp": "http://localhost:5173", "fva": [0, -1], "v": 2, "iat": NOW, "nbf": NOW - 10, "exp": NOW + 60,
        });
        mint_with_key(Algorithm::Rs256, key, &json!({ "kid": kid, "cat": "cl_B7d4PD111AAA" }), &claims)
    }

    #[test]
    fn the_session_token_is_exchanged_for_a_cloud_token() {
        let token = session_token(KID, rsa_2048());
        let message = json!({ "type": "reqCloudSessionToken", "auth": { "type": "clerk", "token": token } });
        let request = FakeRequest::new(Method::PUT, "/api")
            .header("content-type", "application/json")
            .body(message.to_string());
        let response = backend(&json!("unchecked")).ask(&request);
        assert_eq!(
            (response.status().as_u16(), &body(&response)["type"]),
            (200, &json!("resCloudSessionToken"))
        );
    }

    #[test]
    fn a_session_token_without_an_audience_is_accepted_where_none_is_asked_for() {
        let world = backend(&json!("unchecked"));
        let verified = world.outcome(&session_token(KID, rsa_2048())).unwrap();
        assert_eq!((verified.issuer(), verified.key().kid.as_deref()), (DEVELOPMENT, Some(KID)));
    }

    #[test]
    fn only_the_keys_of_the_tokens_own_issuer_are_fetched() {
        let world = backend(&json!("unchecked"));
        for _ in 0..3 {
            assert!(world.accepts(&session_token(KID, rsa_2048())));
        }
        let urls: Vec<_> = world.platform.origin.requests().into_iter().map(|request| request.url).collect();
        assert_eq!(urls, [DEVELOPMENT_JWKS]);
    }

    #[test]
    fn a_missing_audience_is_reported_as_that_and_not_as_a_bad_signature() {
        let world = backend(&json!({ "any_of": ["fireproof"] }));
        let token = session_token(KID, rsa_2048());
        let expected = Rejection::AudienceMissing { expected: "\"fireproof\"".to_owned() };
        assert_eq!(world.rejection(&token), expected);
        assert_eq!(verdict(&world, &token), refused(401, "audience_missing"));
    }

    #[test]
    fn a_set_that_a_rotation_has_outdated_is_fetched_again_at_once() {
        let world = backend(&json!("unchecked"));
        assert!(world.accepts(&session_token(KID, rsa_2048())));
        publish(&world, DEVELOPMENT_JWKS, &[("ins_rotated", rsa_2048_second())]);
        assert!(world.accepts(&session_token("ins_rotated", rsa_2048_second())));
        assert_eq!(
            world.rejection(&session_token(KID, rsa_2048())),
            Rejection::KeyNotFound(NoKey::UnknownKid {
                kid: KID.to_owned(),
                known: 1,
                age_seconds: 0,
                next_fetch_seconds: 30
            }),
            "the withdrawn key is reported as not found, not as a bad signature"
        );
    }

    #[test]
    fn an_outage_of_clerk_is_503_and_not_an_invalid_signature() {
        let world = backend(&json!("unchecked"));
        world.serves(DEVELOPMENT_JWKS, Answer::status(500));
        assert_eq!(verdict(&world, &session_token(KID, rsa_2048())), refused(503, "jwks_unavailable"));
    }

    #[test]
    fn a_signature_by_another_instances_key_is_401_and_not_500() {
        let world = backend(&json!("unchecked"));
        let forged = session_token(KID, rsa_2048_second());
        assert_eq!(world.rejection(&forged), Rejection::SignatureInvalid { kid: Some(KID.to_owned()) });
        assert_eq!(verdict(&world, &forged), refused(401, "signature_invalid"));
    }
}

/// 2. Supabase command line: "The signature key was not found".
mod supabase_command_line {
    use super::*;

    const ISSUER: &str = "https://fqceiphubiqnorytayiu.supabase.co/auth/v1";
    const JWKS: &str = "https://fqceiphubiqnorytayiu.supabase.co/auth/v1/.well-known/jwks.json";
    const KID: &str = "0TRLgU4IVDYEpL98";

    fn api(secrets: &Value) -> World {
        let mut config =
            example("2-supabase-command-line", &[("https://supabase.example.com/auth/v1", ISSUER)]);
        config["issuers"][0]["secrets"] = secrets.clone();
        config["issuers"][0]["required_claims"] = json!(["/app_metadata/provider"]);
        with_secrets(&config)
    }

    fn claims() -> Value {
        json!({
            "iss": ISSUER, "aud": "authenticated", "sub": "8f8e0d1c-6f0b-4c53-9d4c-1f6e0a3d2b10",
            "role": "authenticated", "iat": NOW, "exp": NOW + 3600, "email": "dev@example.com",
            "app_metadata": { "provider": "email", "providers": ["email"] }, "user_metadata": {},
            "amr": [{ "method": "password", "timestamp": NOW }], "session_id": "5a3f7c1e", "aal": "aal1",
        })
    }

    fn legacy_token() -> String {
        mint_with_secret(Algorithm::Hs256, SECRET.as_bytes(), &json!({ "kid": KID }), &claims())
    }

    #[test]
    fn the_command_line_exchanges_the_token_and_the_route_sends_one_of_ours() {
        let example = example("2-supabase-command-line", &[("https://supabase.example.com/auth/v1", ISSUER)]);
        let world = api(&example["issuers"][0]["secrets"]);
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("audience", "https://api.example.com"),
            ("client_id", "cli"),
            ("client_secret", CLIENT),
            ("subject_token", &legacy_token()),
        ];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = FakeRequest::new(Method::POST, "/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let response = world.ask(&request);
        assert_eq!((response.status().as_u16(), &body(&response)["token_type"]), (200, &json!("Bearer")));

        let upstream = world.sent_on(&FakeRequest::get("/profiles/1").bearer(&legacy_token()));
        let (_, sent) = upstream.set.iter().find(|(name, _)| name.as_str() == "authorization").unwrap();
        assert!(sent.starts_with("Bearer ey") && !sent.contains(&legacy_token()), "{sent}");
    }

    #[test]
    fn with_the_shared_secret_the_token_verifies() {
        let world = api(&json!([{ "binding": "SUPABASE_JWT_SECRET" }]));
        assert_eq!(verdict(&world, &legacy_token()), ACCEPTED);
    }

    #[test]
    fn with_the_secret_named_by_its_kid_the_token_verifies() {
        let world = api(&json!([{ "binding": "SUPABASE_JWT_SECRET", "kid": KID }]));
        let answer = body(&world.ask(&FakeRequest::verify(&legacy_token())));
        assert_eq!(answer["key"], json!({ "alg": "HS256", "kid": KID }));
        assert_eq!(answer["subject"], claims()["sub"]);
    }

    #[test]
    fn without_the_secret_the_refusal_says_that_no_jwks_can_verify_the_token() {
        let world = api(&json!([]));
        // The result is the same for every answer of Supabase, and without one.
        for answer in [Answer::json(r#"{"keys":[]}"#), Answer::status(500), Answer::unreachable()] {
            world.serves(JWKS, answer);
            assert_eq!(
                world.rejection(&legacy_token()),
                Rejection::KeyNotFound(NoKey::NoSharedSecret { algorithm: "HS256" })
            );
            assert_eq!(verdict(&world, &legacy_token()), refused(401, "key_not_found"));
        }
        assert_eq!(world.platform.origin.requests(), []);
    }

    #[test]
    fn a_secret_for_another_kid_is_not_tried() {
        let world = api(&json!([{ "binding": "SUPABASE_JWT_SECRET", "kid": "another" }]));
        assert_eq!(
            world.rejection(&legacy_token()),
            Rejection::KeyNotFound(NoKey::NoSharedSecret { algorithm: "HS256" })
        );
    }

    #[test]
    fn after_the_migration_to_es256_new_and_old_tokens_verify() {
        let world = api(&json!([{ "binding": "SUPABASE_JWT_SECRET", "kid": KID }]));
        assert_eq!(verdict(&world, &legacy_token()), ACCEPTED);
        publish(&world, JWKS, &[("b1f6e1d0-es256", p_256())]);
        let header = json!({ "kid": "b1f6e1d0-es256" });
        let migrated = mint_with_key(Algorithm::Es256, p_256(), &header, &claims());
        assert_eq!(verdict(&world, &migrated), ACCEPTED);
        assert_eq!(verdict(&world, &legacy_token()), ACCEPTED, "until they expire");
    }

    #[test]
    fn after_the_migration_a_verifier_that_knows_only_the_secret_says_which_algorithm_it_lacks() {
        let issuer = json!({
            "issuer": ISSUER, "audience": "unchecked", "secrets": [{ "binding": "SUPABASE_JWT_SECRET" }],
        });
        let world = World::with_secrets(&json!({ "issuers": [issuer] }), &[("SUPABASE_JWT_SECRET", SECRET)]);
        let migrated = mint_with_key(Algorithm::Es256, p_256(), &json!({}), &claims());
        assert_eq!(
            world.rejection(&migrated),
            Rejection::AlgorithmNotAllowed { algorithm: "ES256".to_owned(), allowed: vec!["HS256"] }
        );
    }
}

/// 3. Go backend: RS256 verified with an HMAC secret.
mod go_backend {
    use super::*;

    const ISSUER: &str = "https://clerk.example.com";
    const JWKS: &str = "https://clerk.example.com/.well-known/jwks.json";

    fn backend() -> World {
        let world = World::new(&example("3-go-backend", &[]));
        publish(&world, JWKS, &[("ins_first", rsa_2048())]);
        world
    }

    fn token(changes: &Value) -> String {
        mint_with_key(Algorithm::Rs256, rsa_2048(), &json!({ "kid": "ins_first" }), &claims(changes))
    }

    fn claims(changes: &Value) -> Value {
        merged(
            json!({ "iss": ISSUER, "sub": "user_1", "iat": NOW, "nbf": NOW - 10, "exp": NOW + 60 }),
            changes,
        )
    }

    #[test]
    fn the_clerk_domain_alone_configures_it() {
        let world = backend();
        assert_eq!(verdict(&world, &token(&json!({}))), ACCEPTED);
        assert_eq!(world.platform.origin.calls(JWKS), 1);
    }

    #[test]
    fn a_verifier_with_an_hmac_secret_names_the_algorithm_as_the_cause() {
        let issuer =
            json!({ "issuer": ISSUER, "audience": "unchecked", "secrets": [{ "binding": "JWT_SECRET" }] });
        let world = World::with_secrets(&json!({ "issuers": [issuer] }), &[("JWT_SECRET", SECRET)]);
        assert_eq!(
            world.rejection(&token(&json!({}))),
            Rejection::AlgorithmNotAllowed { algorithm: "RS256".to_owned(), allowed: vec!["HS256"] }
        );
        assert_eq!(verdict(&world, &token(&json!({}))), refused(401, "algorithm_not_allowed"));
    }

    #[test]
    fn a_token_under_the_hmac_secret_is_not_accepted_for_a_clerk_domain() {
        let forged = mint_with_secret(
            Algorithm::Hs256,
            SECRET.as_bytes(),
            &json!({ "kid": "ins_first" }),
            &claims(&json!({})),
        );
        assert_eq!(verdict(&backend(), &forged), refused(401, "algorithm_not_allowed"));
    }

    #[test]
    fn invalid_and_expired_tokens_are_401() {
        let world = backend();
        assert_eq!(verdict(&world, &token(&json!({ "exp": NOW - 60 }))), refused(401, "token_expired"));
        let mut changed = token(&json!({}));
        changed.replace_range(changed.len() - 8.., "AAAAAAAA");
        assert_eq!(verdict(&world, &changed), refused(401, "signature_invalid"));
        assert_eq!(verdict(&world, "garbage"), refused(401, "token_malformed"));
    }

    #[test]
    fn keys_are_refreshed_by_themselves_and_no_request_waits_for_it() {
        let world = backend();
        let lasting = token(&json!({ "exp": NOW + 10_000 }));
        assert_eq!(verdict(&world, &lasting), ACCEPTED);
        world.platform.pass(3000);
        assert_eq!(verdict(&world, &lasting), ACCEPTED, "past 80 % of the TTL: served, then refreshed");
        assert_eq!(world.platform.origin.calls(JWKS), 2);
        world.platform.pass(60);
        assert_eq!(verdict(&world, &lasting), ACCEPTED);
        assert_eq!(world.platform.origin.calls(JWKS), 2);
        world.platform.pass(3000);
        world.platform.run(world.app.refresh_scheduled(&world.platform));
        assert_eq!(world.platform.origin.calls(JWKS), 3, "the cron trigger does it too");
    }
}

/// 4. `FastAPI` backend: templates, audience, `user_id`, and `Bearer null`.
mod fastapi_backend {
    use super::*;

    const ISSUER: &str = "https://clerk.fastapi.example";

    fn backend() -> World {
        let world = World::new(&example("4-fastapi-backend", &[("https://clerk.example.com", ISSUER)]));
        let url = format!("{ISSUER}/.well-known/jwks.json");
        publish(&world, &url, &[(rsa_2048().kid(), rsa_2048())]);
        world
    }

    fn token(key: &TestKey, changes: &Value) -> String {
        let template = json!({
            "iss": ISSUER, "sub": "user_1", "aud": "backend", "user_id": "user_1", "iat": NOW, "nbf": NOW - 10,
            "exp": NOW + 60, "jti": "9f2b",
        });
        let header = json!({ "kid": rsa_2048().kid() });
        mint_with_key(Algorithm::Rs256, key, &header, &merged(template, changes))
    }

    #[test]
    fn a_token_of_the_template_is_accepted() {
        assert_eq!(verdict(&backend(), &token(rsa_2048(), &json!({}))), ACCEPTED);
    }

    #[test]
    fn a_session_token_lacks_the_audience_and_then_the_user_id() {
        let session = json!({ "aud": null, "user_id": null, "sid": "sess_1", "v": 2 });
        let world = backend();
        assert_eq!(verdict(&world, &token(rsa_2048(), &session)), refused(401, "audience_missing"));
        let session_with_audience = merged(session, &json!({ "aud": "backend" }));
        let session_with_audience = token(rsa_2048(), &session_with_audience);
        let rejection = world.rejection(&session_with_audience);
        assert_eq!(rejection, Rejection::ClaimMissing { claim: "user_id".to_owned() });
        let response = world.ask(&FakeRequest::verify(&session_with_audience));
        assert_eq!(status_and_code(&response), refused(401, "claim_missing"));
        assert_eq!(body(&response)["claim"], "user_id");
    }

    #[test]
    fn each_wrong_token_is_401_with_its_own_code() {
        let world = backend();
        for (key, changes, code) in [
            (rsa_2048(), json!({ "aud": "frontend" }), "audience_mismatch"),
            (rsa_2048(), json!({ "iss": "https://clerk.elsewhere.example" }), "issuer_unknown"),
            (rsa_2048_second(), json!({}), "signature_invalid"),
            (rsa_2048(), json!({ "exp": NOW - 6 }), "token_expired"),
        ] {
            assert_eq!(verdict(&world, &token(key, &changes)), refused(401, code));
        }
    }

    #[test]
    fn the_word_null_is_401_and_named() {
        let world = backend();
        for word in ["null", "undefined", "None"] {
            let response = world.ask(&FakeRequest::verify(word));
            assert_eq!(status_and_code(&response), refused(401, "token_missing"));
            let named = Rejection::TokenMissing(Missing::Literal(word)).to_string();
            assert_eq!(body(&response)["detail"], named);
        }
        assert_eq!(world.platform.origin.requests(), []);
    }
}

/// 5. `WaveFlow`: Better Auth's JWKS to a Rust server.
mod waveflow {
    use super::*;

    const ISSUER: &str = "https://waveflow.example";
    const JWKS: &str = "https://waveflow.example/api/auth/jwks";
    const SUBJECT: &str = "0b8a3a52-3f4e-4a52-8f0a-6f6a1d1f3c77";

    fn server() -> World {
        let world = World::new(&example("5-waveflow", &[("https://waveflow.example.com", ISSUER)]));
        publish(&world, JWKS, &[("first", ed25519())]);
        world
    }

    fn token(key: &TestKey, kid: &str, changes: &Value) -> String {
        let claims = json!({
            "iss": ISSUER, "aud": ISSUER, "sub": SUBJECT, "scope": "profiles:read profiles:write", "iat": NOW,
            "exp": NOW + 900,
        });
        mint_with_key(Algorithm::EdDsa, key, &json!({ "kid": kid, "typ": null }), &merged(claims, changes))
    }

    #[test]
    fn a_good_token_is_200_with_subject_and_scope() {
        let response = server().ask(&FakeRequest::verify(&token(ed25519(), "first", &json!({}))));
        assert_eq!(response.status(), 200);
        let verdict = body(&response);
        assert_eq!(verdict["subject"], SUBJECT);
        assert_eq!(verdict["claims"]["scope"], "profiles:read profiles:write");
        assert_eq!(verdict["key"]["alg"], "EdDSA");
    }

    #[test]
    fn without_the_header_it_is_401_without_an_error() {
        let response = server().ask(&FakeRequest::get("/verify").header("x-user-id", SUBJECT));
        assert_eq!(status_and_code(&response), refused(401, "token_missing"));
        assert_eq!(header(&response, "www-authenticate").as_deref(), Some("Bearer realm=\"edge-assay\""));
    }

    #[test]
    fn an_expired_token_is_401_with_invalid_token() {
        let expired = token(ed25519(), "first", &json!({ "exp": NOW - 60 }));
        let response = server().ask(&FakeRequest::verify(&expired));
        assert_eq!(status_and_code(&response), refused(401, "token_expired"));
        let challenge = header(&response, "www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer realm=\"edge-assay\", error=\"invalid_token\""), "{challenge}");
    }

    #[test]
    fn issuer_audience_and_times_are_validated() {
        let world = server();
        for (changes, status, code) in [
            (json!({ "iss": "https://waveflow.example/" }), 401, "issuer_unknown"),
            (json!({ "aud": "https://elsewhere.example" }), 401, "audience_mismatch"),
            (json!({ "aud": null }), 401, "audience_missing"),
            (json!({ "iat": NOW + 60 }), 401, "token_issued_in_future"),
            (json!({ "exp": null }), 401, "claim_missing"),
            (json!({ "sub": null }), 401, "claim_missing"),
            (json!({ "scope": "profiles:write" }), 403, "scope_insufficient"),
            (json!({ "scope": null }), 403, "scope_insufficient"),
        ] {
            let verdict = verdict(&world, &token(ed25519(), "first", &changes));
            assert_eq!(verdict, refused(status, code), "{changes}");
        }
    }

    #[test]
    fn a_rotated_key_is_picked_up_at_once() {
        let world = server();
        assert_eq!(verdict(&world, &token(ed25519(), "first", &json!({}))), ACCEPTED);
        // A week's overlap: both keys are published.
        publish(&world, JWKS, &[("second", ed25519_second()), ("first", ed25519())]);
        assert_eq!(verdict(&world, &token(ed25519_second(), "second", &json!({}))), ACCEPTED);
        assert_eq!(verdict(&world, &token(ed25519(), "first", &json!({}))), ACCEPTED);
        assert_eq!(world.platform.origin.calls(JWKS), 2);
    }

    #[test]
    fn a_withdrawn_key_is_forgotten_within_the_ttl() {
        let world = server();
        let lasting = token(ed25519(), "first", &json!({ "exp": NOW + 10_000 }));
        assert_eq!(verdict(&world, &lasting), ACCEPTED);
        publish(&world, JWKS, &[("second", ed25519_second())]);
        world.platform.pass(3000);
        assert_eq!(verdict(&world, &lasting), ACCEPTED, "the request that sets the refresh off");
        assert_eq!(verdict(&world, &lasting), refused(401, "key_not_found"), "within the hour");
    }

    #[test]
    fn the_ttl_is_configurable_and_the_refresh_happens_behind_a_response() {
        let world = server();
        let lasting = token(ed25519(), "first", &json!({ "exp": NOW + 10_000 }));
        world.ask(&FakeRequest::verify(&lasting));
        for (elapsed, calls) in [(2879, 1), (1, 2), (2879, 2), (1, 3)] {
            world.platform.pass(elapsed);
            let begun = world.platform.now_ms();
            let verification = world.verification(&lasting);
            assert!(verification.outcome.is_ok());
            // After a minute without requests it looks for a purge, and this store takes a millisecond.
            assert!(world.platform.now_ms() <= begun + 1, "no request waits for the provider");
            if let Some(issuer) = verification.refresh {
                world.platform.run(world.app.refresh(&world.platform, &issuer));
                // The duration of the refresh is not part of the hour.
                let overrun = world.platform.now_ms() - begun;
                assert!(overrun < 1000);
            }
            assert_eq!(world.platform.origin.calls(JWKS), calls);
        }
    }
}
