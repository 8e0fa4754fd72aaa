//! Client authentication, and actors that act for a subject.

use edge_assay::jose::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::support::tokens;
use crate::support::world::{NOW, body, header};

#[test]
fn clients_authenticate_where_a_target_requires_it() {
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
    // A registered client_id requires its secret, even at a target that accepts public clients.
    let named = form(&exchange(&token, &[("audience", API), ("client_id", "cli")]));
    refused(&world, &named, 401, "invalid_client", "client_unauthenticated");
    let named = form(&exchange(&token, &[("audience", API), ("client_id", "web app")]));
    assert_eq!(granted(&world, &named).1["client_id"], "web app");
}

#[test]
fn a_public_client_id_has_at_most_120_printable_ascii_characters() {
    let token = clerk_token(&json!({}));
    let named = |name: &str| form(&exchange(&token, &[("audience", API), ("client_id", name)]));
    let longest = "c".repeat(120);
    assert_eq!(granted(&world(), &named(&longest)).1["client_id"], longest);
    for name in [format!("{longest}c"), format!("{longest}cc"), "caf\u{e9}".to_owned(), "a\tb".to_owned()] {
        refused(&world(), &named(&name), 400, "invalid_request", "request_invalid");
    }
}

#[test]
fn an_actor_may_act_if_may_act_or_the_configuration_names_it() {
    let world = world();
    let robot = clerk_token(&json!({ "sub": "robot" }));
    let other = clerk_token(&json!({ "sub": "other" }));
    let plain = clerk_token(&json!({}));
    let (_, claims) = granted(&world, &form(&with_actor(&plain, &robot)));
    assert_eq!(claims["act"], json!({ "iss": CLERK, "sub": "robot" }));
    assert_eq!(claims["sub"], "user_1");
    refused(&world, &form(&with_actor(&plain, &other)), 400, "invalid_request", "actor_not_allowed");
    // `may_act` in the token overrides the configuration.
    let for_other = clerk_token(&json!({ "may_act": { "iss": CLERK, "sub": "other" } }));
    assert_eq!(granted(&world, &form(&with_actor(&for_other, &other))).1["act"]["sub"], "other");
    refused(&world, &form(&with_actor(&for_other, &robot)), 400, "invalid_request", "actor_not_allowed");
    for may_act in [json!("other"), json!({}), json!({ "iss": SUPABASE, "sub": "other" }), Value::Null] {
        let mut claims = claims_with_null(&json!({}));
        claims["may_act"] = may_act;
        let token = tokens::mint(Algorithm::EdDsa, &json!({}), &claims);
        refused(&world, &form(&with_actor(&token, &other)), 400, "invalid_request", "actor_not_allowed");
    }
    // A former actor is nested, and only the members that identify it are kept.
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
    for id in ["cli", "nobody"] {
        let mut in_body = strict.clone();
        in_body.extend([("client_id", id), ("client_secret", "wrong")]);
        refused(&world, &form(&in_body), 401, "invalid_client", "client_unauthenticated");
    }
    let lines = world.platform.events("exchange_refused");
    let clients: Vec<_> = lines.iter().map(|line| line.get("client").cloned()).collect();
    assert_eq!(clients, [Some(json!("cli")), None, Some(json!("cli")), None]);
}

/// The header that `curl -u` sends: id and secret joined without encoding.
fn raw(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}

/// A world with one client for [`API`].
fn world_with_client(id: &str, secret: &str) -> World {
    let mut config = config();
    config["exchange"]["clients"] = json!([{ "id": id, "secret": "CLI_SECRET", "targets": [API] }]);
    config["exchange"]["targets"][0]["public_clients"] = json!(false);
    let mut secrets = secrets();
    secret.clone_into(&mut secrets[2].1);
    world_with(&config, &secrets)
}

#[test]
fn id_and_secret_are_read_as_curl_sends_them_and_as_rfc_6749_encodes_them() {
    let token = clerk_token(&json!({}));
    let ask = form(&exchange(&token, &[("audience", API)]));
    for secret in [
        "k+J3/9vT0m1Qx7pLr2sZbN5eYw8uH4aGcK6dRfXoVjE=",
        "++++////++++////++++////++++////====",
        "100%zz of a secret that is no valid escape %",
        "%41%42%43%44 which decodes to another text",
        "a secret: with colons: and spaces, and then some",
        "ein Geheimnis mit \u{e4}\u{f6}\u{fc}, lang genug f\u{fc}r alle",
    ] {
        for id in
            ["cli", "a b", "a+b", "a%2Bb", "100%", "https://client.example/x?y=z", "m\u{fc}ller@example.com"]
        {
            let world = world_with_client(id, secret);
            for given in [raw(id, secret), basic(id, secret)] {
                let (_, claims) = granted(&world, &ask.clone().header("authorization", &given));
                assert_eq!(claims["client_id"], id, "{secret}");
            }
            let mut named = exchange(&token, &[("audience", API)]);
            named.push(("client_id", id));
            granted(&world, &form(&named).header("authorization", &raw(id, secret)));
            let wrong = format!("{secret}x");
            for given in [raw(id, &wrong), basic(id, &wrong), raw(id, ""), raw("", secret)] {
                let wrong = ask.clone().header("authorization", &given);
                refused(&world, &wrong, 401, "invalid_client", "client_unauthenticated");
            }
        }
    }
}

#[test]
fn each_of_two_clients_whose_ids_overlap_needs_its_own_secret() {
    let (one, other) = ("the secret of the first one, long", "the secret of the other one, long");
    let mut config = config();
    config["exchange"]["clients"] = json!([
        { "id": "a", "secret": "ONE", "targets": [API] },
        { "id": "a:b", "secret": "OTHER", "targets": [API] },
        { "id": "a+b", "secret": "ONE", "targets": [API] },
        { "id": "a b", "secret": "OTHER", "targets": [API] },
        { "id": "unbound", "secret": "NOWHERE", "targets": [API] },
        { "id": "unbound:x", "secret": "ONE", "targets": [API] },
    ]);
    let mut secrets = secrets();
    secrets.extend([("ONE", one.to_owned()), ("OTHER", other.to_owned())]);
    let world = world_with(&config, &secrets);
    let token = clerk_token(&json!({}));
    let ask = form(&exchange(&token, &[("audience", API)]));
    for (id, secret, expected) in [
        ("a", one, "a"),
        ("a:b", other, "a:b"),
        ("a+b", one, "a+b"),
        // Form-decoded as RFC 6749 requires, this is the id of the other client.
        ("a+b", other, "a b"),
        ("unbound:x", one, "unbound:x"),
    ] {
        let (_, claims) = granted(&world, &ask.clone().header("authorization", &raw(id, secret)));
        assert_eq!(claims["client_id"], expected);
    }
    for (id, secret) in [("a", other), ("a:b", one)] {
        let wrong = ask.clone().header("authorization", &raw(id, secret));
        refused(&world, &wrong, 401, "invalid_client", "client_unauthenticated");
    }
    let unbound = ask.clone().header("authorization", &raw("unbound", one));
    refused(&world, &unbound, 503, "temporarily_unavailable", "secret_missing");
    // The `client_id` in the body selects one of the two.
    let mut named = exchange(&token, &[("audience", API)]);
    named.push(("client_id", "a+b"));
    let named = form(&named).header("authorization", &raw("a+b", other));
    refused(&world, &named, 401, "invalid_client", "client_unauthenticated");
}

#[test]
fn each_issued_token_is_one_log_line_with_its_jti_and_without_the_subject() {
    let world = world();
    let email = "ada@example.com";
    let token = clerk_token(&json!({ "email": email, "email_verified": true, "sub": "user_of_the_log" }));
    let strict = form(&exchange(&token, &[("audience", STRICT)]));
    let (_, first) = granted(&world, &strict.header("authorization", &basic("cli", CLIENT_SECRET)));
    // A public client chooses its `client_id`, which may even be a token, so it is not logged.
    let named = form(&exchange(&token, &[("audience", API), ("client_id", "eyJ.marker.x")]));
    let (_, second) = granted(&world, &named.header("cf-ray", "8f"));
    let answer = body(&world.ask(&api(&cloud_session("clerk", &token))));
    let third = issued_claims(answer["token"].as_str().unwrap());
    refused(
        &world,
        &form(&exchange(&token, &[("audience", STRICT)])),
        401,
        "invalid_client",
        "client_unauthenticated",
    );
    let lines = world.platform.events("token_issued");
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line["jti"].clone(), line.get("client").cloned(), line["targets"].clone()))
        .collect();
    let expected = [
        (first["jti"].clone(), Some(json!("cli")), json!([STRICT])),
        (second["jti"].clone(), Some(json!("public")), json!([API])),
        (third["jti"].clone(), None, json!(["PUBLIC"])),
    ];
    assert_eq!(seen, expected);
    assert_eq!((&lines[1]["ray"], &lines[1]["iss"]), (&json!("8f"), &json!(CLERK)));
    for line in lines {
        let line = line.to_string();
        for private in [email, "user_of_the_log", "marker", CLIENT_SECRET] {
            assert!(!line.contains(private), "{line}");
        }
        assert!(token.split('.').all(|part| !line.contains(part)), "{line}");
    }
}

#[test]
fn the_line_of_a_token_with_an_actor_is_about_the_subjects_token() {
    let world = world();
    let (subject, actor) = (clerk_token(&json!({})), clerk_token(&json!({ "sub": "robot" })));
    granted(&world, &form(&exchange(&subject, &[("audience", API)])));
    granted(&world, &form(&with_actor(&subject, &actor)));
    let lines = world.platform.events("token_issued");
    assert_eq!(lines[0]["token_sha256"], lines[1]["token_sha256"]);
}

#[test]
fn a_chain_has_at_most_eight_actors_the_new_one_included() {
    let world = world();
    let after = |count: usize| {
        let act = (0..count).fold(None, |before: Option<Value>, number| {
            let mut act = json!({ "sub": format!("actor {number}") });
            if let Some(before) = before {
                act["act"] = before;
            }
            Some(act)
        });
        clerk_token(&json!({ "act": act.unwrap() }))
    };
    let robot = clerk_token(&json!({ "sub": "robot" }));
    granted(&world, &form(&exchange(&after(8), &[("audience", API)])));
    granted(&world, &form(&with_actor(&after(7), &robot)));
    for request in [exchange(&after(9), &[("audience", API)]), with_actor(&after(8), &robot)] {
        refused(&world, &form(&request), 400, "invalid_request", "actor_not_allowed");
    }
}

#[test]
fn an_act_claim_that_identifies_no_actor_is_refused() {
    let world = world();
    let acts = [
        json!("robot"),
        json!(["robot"]),
        json!(7),
        Value::Null,
        json!({}),
        json!({ "exp": 1 }),
        json!({ "sub": 7 }),
        json!({ "sub": "first", "act": "zeroth" }),
        json!({ "sub": "first", "act": {} }),
    ];
    for act in acts {
        let mut claims = claims(CLERK, &json!({}));
        claims["act"] = act;
        let subject = tokens::mint(Algorithm::EdDsa, &json!({}), &claims);
        let alone = form(&exchange(&subject, &[("audience", API)]));
        refused(&world, &alone, 400, "invalid_request", "actor_not_allowed");
        let actor = clerk_token(&json!({ "sub": "robot" }));
        refused(&world, &form(&with_actor(&subject, &actor)), 400, "invalid_request", "actor_not_allowed");
    }
    let named = clerk_token(&json!({ "act": { "client_id": "app" } }));
    let (_, claims) = granted(&world, &form(&exchange(&named, &[("audience", API)])));
    assert_eq!(claims["act"], json!({ "client_id": "app" }));
}
