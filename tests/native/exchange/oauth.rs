//! `POST /token`: requests, issued tokens, and the documents that verifiers fetch.

use edge_assay::jose::signature::SharedSecret;
use edge_assay::jose::{Algorithm, KeySet, UntrustedToken};
use http::Method;
use serde_json::json;

use super::*;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, body, claims, header};

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
fn an_issued_token_never_outlives_the_token_it_was_issued_for() {
    let world = world();
    let token = clerk_token(&json!({ "exp": NOW + 30 }));
    let (answer, claims) = granted(&world, &form(&exchange(&token, &[("audience", API)])));
    assert_eq!((answer["expires_in"].as_i64(), claims["exp"].as_i64()), (Some(30), Some(NOW + 30)));
    // The leeway lets an expired token pass verification, but no token is issued for it.
    let token = clerk_token(&json!({ "exp": NOW - 2 }));
    assert!(world.accepts(&token));
    refused(&world, &form(&exchange(&token, &[("audience", API)])), 400, "invalid_request", "token_expired");
    // An actor's token that expires earlier is a limit too.
    let token = clerk_token(&json!({ "may_act": { "sub": "user_1" } }));
    let actor = clerk_token(&json!({ "exp": NOW + 7 }));
    let (_, claims) = granted(&world, &form(&with_actor(&token, &actor)));
    assert_eq!(claims["exp"], NOW + 7);
}

#[test]
fn a_jwt_bearer_grant_answers_the_same_and_calls_a_bad_assertion_an_invalid_grant() {
    let world = world();
    let token =
        tokens::mint(Algorithm::Hs256, &json!({}), &claims(SUPABASE, &json!({ "aud": "authenticated" })));
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    // Only one target accepts Supabase's tokens, so the request need not name it.
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
fn several_targets_are_all_granted_or_all_refused() {
    let world = world();
    let token = clerk_token(&json!({ "email": "ada@example.com", "email_verified": true }));
    let basic = basic("cli", CLIENT_SECRET);
    // The client `cli` may request tokens only for STRICT.
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
    both["exchange"]["targets"][1]["claims"] = both["exchange"]["targets"][0]["claims"].clone();
    let world = world_with(&both, &secrets());
    let request = form(&exchange(&token, &[("audience", API), ("audience", BOTH)]));
    let (answer, claims) = granted(&world, &request);
    assert_eq!(claims["aud"], json!([API, BOTH]));
    assert_eq!(answer["expires_in"], 50);
    assert!(claims.get("scope").is_none());
}

#[test]
fn a_request_names_at_most_eight_audiences_and_resources() {
    let token = clerk_token(&json!({}));
    let naming = |audiences: usize, resources: usize| {
        let names = [vec![("audience", API); audiences], vec![("resource", API); resources]].concat();
        form(&exchange(&token, &names))
    };
    let world = world();
    for (audiences, resources) in [(8, 0), (0, 8), (3, 5)] {
        assert_eq!(granted(&world, &naming(audiences, resources)).1["aud"], API);
    }
    for (audiences, resources) in [(9, 0), (0, 9), (4, 5), (10, 10)] {
        refused(&world, &naming(audiences, resources), 400, "invalid_request", "request_invalid");
    }
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
    // An empty value counts as absent.
    granted(&world, &form(&with("actor_token", "")));
    refused(
        &world,
        &form(&[("grant_type", "password")]),
        400,
        "unsupported_grant_type",
        "grant_type_unsupported",
    );
    for content_type in ["application/json", "text/plain", ""] {
        refused(&world, &form_as(content_type, &good), 400, "invalid_request", "request_invalid");
    }
    for content_type in
        ["application/x-www-form-urlencoded;charset=UTF-8", "Application/X-WWW-Form-Urlencoded"]
    {
        granted(&world, &form_as(content_type, &good));
    }
    for resource in ["/relative", "https://api.example.com#fragment", "nothing", "1:a", "a:"] {
        let request = form(&exchange(&token, &[("resource", resource)]));
        let response = refused(&world, &request, 400, "invalid_target", "target_unknown");
        let description = body(&response)["error_description"].to_string();
        assert!(description.contains("is not an absolute URI"), "{description}");
    }
    let huge = FakeRequest::new(Method::POST, "/token").body(vec![b'a'; 200_000]);
    assert_eq!(world.ask(&huge).status(), 413);
    assert_eq!(world.ask(&FakeRequest::get("/token")).status(), 405);
}

#[test]
fn our_metadata_has_the_right_urls_with_a_prefix_too() {
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

#[test]
fn the_requested_type_is_returned_and_each_token_has_its_own_jti() {
    let world = world();
    let token = clerk_token(&json!({}));
    let jwt = "urn:ietf:params:oauth:token-type:jwt";
    let request = form(&exchange(&token, &[("audience", API), ("requested_token_type", jwt)]));
    let (answer, first) = granted(&world, &request);
    assert_eq!(answer["issued_token_type"], jwt);
    let (_, second) = granted(&world, &request);
    assert_ne!(first["jti"], second["jti"]);
}

#[test]
fn a_target_with_a_shared_secret_gets_hs256_and_the_key_set_does_not_show_the_secret() {
    let mut config = config();
    config["exchange"]["targets"][0]["algorithm"] = json!("HS256");
    let world = world_with(&config, &secrets());
    let token = clerk_token(&json!({}));
    let (answer, _) = granted(&world, &form(&exchange(&token, &[("audience", API)])));
    let parsed = UntrustedToken::parse(answer["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(parsed.header().alg.as_deref(), Some("HS256"));
    let keys: Value = serde_json::from_str(&signing_keys()).unwrap();
    let shared = keys["keys"].as_array().unwrap().iter().find(|key| key["alg"] == "HS256").unwrap();
    assert_eq!(parsed.header().kid.as_deref(), shared["kid"].as_str());
    let octets = edge_assay::jose::base64url::decode(shared["k"].as_str().unwrap()).unwrap();
    let secret = SharedSecret::new(octets);
    assert!(secret.verify(Algorithm::Hs256, parsed.signing_input(), parsed.signature()));
    let published = body(&world.ask(&FakeRequest::get("/.well-known/jwks.json")));
    assert!(published["keys"].as_array().unwrap().iter().all(|key| key["kty"] != "oct"));
}

#[test]
fn no_target_is_guessed_where_several_are_possible() {
    let token = clerk_token(&json!({}));
    refused(&world(), &form(&exchange(&token, &[])), 400, "invalid_target", "target_unknown");
}

#[test]
fn an_issuer_with_a_path_is_found_where_rfc_8414_puts_it() {
    let mut config = config();
    config["exchange"]["issuer"] = json!("https://example.com/tenant");
    let world = world_with(&config, &secrets());
    let found = world.ask(&FakeRequest::get("/.well-known/oauth-authorization-server/tenant"));
    assert_eq!(body(&found)["issuer"], "https://example.com/tenant");
    assert_eq!(body(&found)["token_endpoint"], "https://example.com/token");
    let other = world.ask(&FakeRequest::get("/.well-known/oauth-authorization-server/other"));
    assert_eq!(other.status(), 404);
}

#[test]
fn a_target_whose_name_differs_by_a_slash_is_named_in_the_error_and_not_used() {
    let token = clerk_token(&json!({}));
    let says = |world: &World, parameter: &str, name: &str| {
        let request = form(&exchange(&token, &[(parameter, name)]));
        let response = refused(world, &request, 400, "invalid_target", "target_unknown");
        body(&response)["error_description"].as_str().unwrap().to_owned()
    };
    let plain = world();
    let mut config = config();
    config["exchange"]["targets"][0]["audience"] = json!(format!("{API}/"));
    let slashed = world_with(&config, &secrets());
    for parameter in ["audience", "resource"] {
        assert!(says(&plain, parameter, &format!("{API}/")).contains(API));
        assert!(says(&slashed, parameter, API).contains(&format!("{API}/")));
        // No other name reveals a configured audience.
        for other in [format!("{API}//"), format!("{API}/x"), "https://nobody.example/".to_owned()] {
            assert!(!says(&plain, parameter, &other).contains(API), "{other}");
        }
    }
}

/// A way to send a token wrongly: the parameter's value, and a part of the sentence that the client gets.
fn wrongly_sent(token: &str) -> Vec<(String, &'static str)> {
    vec![
        (format!("Bearer {token}"), "begins with 'Bearer '; send the token alone"),
        (format!("bearer {token}"), "begins with 'Bearer '; send the token alone"),
        (format!("Authorization: Bearer {token}"), "begins with 'Authorization:'"),
        (format!("\"{token}\""), "has quotation marks around it"),
        (format!("'{token}'"), "has quotation marks around it"),
        (format!("{token}\n"), "contains white space"),
        (format!(" {token}"), "contains white space"),
        (token.replacen('.', ".\r\n", 1), "contains white space"),
        (format!("{{\"access_token\":\"{token}\"}}"), "is a JSON object; send only the token"),
        ("null".to_owned(), "is the word 'null' instead of a token"),
        ("undefined".to_owned(), "is the word 'undefined' instead of a token"),
        ("[object Object]".to_owned(), "is the word '[object Object]' instead of a token"),
    ]
}

#[test]
fn a_token_sent_with_something_around_it_is_refused_with_a_sentence_that_says_so() {
    let world = world();
    let plain = clerk_token(&json!({}));
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    for (token, sentence) in wrongly_sent(&plain) {
        for (role, request) in [
            ("subject_token", form(&exchange(&token, &[("audience", API)]))),
            ("actor_token", form(&with_actor(&plain, &token))),
            ("assertion", form(&[("grant_type", grant), ("assertion", &token), ("audience", API)])),
        ] {
            let response = refused(&world, &request, 400, "invalid_request", "request_invalid");
            let text = body(&response)["error_description"].as_str().unwrap().to_owned();
            assert!(text.starts_with(&format!("the {role} {sentence}")), "{text}");
            assert!(!text.contains(&plain), "{text}");
        }
        let response = world.ask(&api(&cloud_session("clerk", &token)));
        let answer = body(&response);
        assert_eq!(
            (response.status().as_u16(), &answer["code"]),
            (400, &json!("request_invalid")),
            "{answer}"
        );
        let text = answer["message"].as_str().unwrap().replace('`', "'");
        assert!(text.starts_with(&format!("the 'auth.token' {sentence}")), "{text}");
        assert!(!text.contains(&plain), "{text}");
        assert_eq!(answer["attempts"], json!([]));
    }
    let empty = body(&world.ask(&api(&cloud_session("clerk", ""))));
    assert_eq!(empty["message"], "the `auth.token` is empty; send a token");
}
