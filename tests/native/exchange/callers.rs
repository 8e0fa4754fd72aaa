//! Who asks, and for whom: clients that prove who they are, actors that act for a subject.

use edge_assay::jose::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::support::tokens;
use crate::support::world::{NOW, body, header};

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

#[test]
fn the_log_names_the_client_whose_secret_was_wrong_and_the_answer_does_not() {
    let world = world();
    let token = clerk_token(&json!({}));
    let strict = exchange(&token, &[("audience", STRICT)]);
    for id in ["cli", "nobody"] {
        let request = form(&strict).header("authorization", &basic(id, "wrong"));
        let response = refused(&world, &request, 401, "invalid_client", "client_unauthenticated");
        assert!(!body(&response).to_string().contains("cli\""));
    }
    let lines = world.platform.events("exchange_refused");
    let clients: Vec<_> = lines.iter().map(|line| line.get("client").cloned()).collect();
    assert_eq!(clients, [Some(json!("cli")), None]);
}
