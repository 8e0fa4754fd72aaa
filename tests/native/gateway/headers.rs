//! A client cannot set a header that the upstream trusts, in any spelling.

use super::*;

/// Spellings of a name that some server reads as the same name.
fn spellings(name: &str) -> Vec<String> {
    let mut spellings = vec![name.to_owned(), name.to_uppercase()];
    for separator in ["_", ".", "~", "!", "+"] {
        spellings.push(name.replace('-', separator));
        spellings.push(name.to_uppercase().replace('-', separator));
        spellings.push(name.replacen('-', separator, 1));
    }
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    let mixed = name.split('-').map(capital).collect::<Vec<_>>();
    spellings.extend([mixed.join("-"), mixed.join("_")]);
    spellings
}

/// The headers that an upstream gets for `request`, after headers are removed and set.
fn seen(request_headers: &[(String, String)], upstream_request: &UpstreamRequest) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = request_headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .filter(|(name, _)| !upstream_request.remove.contains(name))
        .collect();
    for (name, value) in &upstream_request.set {
        headers.retain(|(known, _)| known != name);
        headers.push((name.clone(), value.clone()));
    }
    headers
}

fn fold(name: &str) -> String {
    name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

#[test]
fn every_configured_header_times_every_spelling() {
    let headers = json!({ "x-user-id": "/sub", "x-user-email": "/email", "remote-user": "/sub", "x-forwarded-user": "/sub" });
    let world = fronting(&json!([
        route("/open/*", &json!({ "public": true })),
        route("/named/*", &json!({ "public": true, "headers": headers })),
        route("/*", &json!({ "headers": headers })),
    ]));
    let trusted = [
        "x-user-id",
        "x-user-email",
        "remote-user",
        "remote-groups",
        "remote-email",
        "remote-name",
        "x-forwarded-user",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-email",
        "x-auth-request-user",
        "x-auth-request-groups",
        "x-real-ip",
        "forwarded",
        "true-client-ip",
        "x-http-method-override",
        "x-original-url",
        "x-rewrite-url",
        "x-original-uri",
        "x-forward-auth-path",
        "x-client-ip",
        "http2-settings",
    ];
    for name in trusted {
        for spelling in spellings(name) {
            for (path, is_named) in [("/open/x", false), ("/named/x", false), ("/x", true)] {
                for extra in [
                    vec![(spelling.clone(), "root".to_owned())],
                    vec![(spelling.clone(), "root".to_owned()), (spelling.to_uppercase(), "root".to_owned())],
                    vec![(spelling.clone(), "root".to_owned()), ("connection".to_owned(), name.to_owned())],
                    vec![
                        (spelling.clone(), "root".to_owned()),
                        ("connection".to_owned(), format!("close, {spelling}")),
                    ],
                ] {
                    let mut request = FakeRequest::get(path);
                    for (name, value) in &extra {
                        request = request.header(name, value);
                    }
                    if is_named {
                        request = request.bearer(&token(&json!({})));
                    }
                    let seen = seen(&extra, &world.sent_on(&request));
                    assert!(seen.iter().all(|(_, value)| value != "root"), "{spelling} on {path}: {seen:?}");
                    let same = seen.iter().filter(|(given, _)| fold(given) == fold(name)).count();
                    assert!(same <= 1, "{spelling} on {path}: {seen:?}");
                }
            }
        }
    }
}

#[test]
fn another_spelling_of_a_framing_or_hop_by_hop_name_never_arrives() {
    let world = fronting(&json!([route("/*", &json!({ "public": true }))]));
    for name in
        ["content_length", "transfer_encoding", "proxy_authorization", "cf_connecting_ip", "keep.alive"]
    {
        let upstream_request = world.sent_on(&FakeRequest::get("/x").header(name, "7"));
        assert!(upstream_request.remove.contains(&name.to_owned()), "{name}");
    }
    let upstream_request =
        world.sent_on(&FakeRequest::get("/x").header("cf-ray", "8f").header("content-length", "0"));
    assert!(!upstream_request.remove.iter().any(|name| name == "cf-ray" || name == "content-length"));
}

#[test]
fn configured_headers_are_always_there_and_empty_where_the_claim_is_absent() {
    let headers = json!({ "x-user-id": "/sub", "x-user-email": "/email", "x-org": "/org/id" });
    let world = fronting(&json!([route("/*", &json!({ "headers": headers }))]));
    let upstream_request =
        world.sent_on(&FakeRequest::get("/x").bearer(&token(&json!({ "org": { "id": null } }))));
    assert_eq!(value_set(&upstream_request, "x-user-id"), Some("user_1"));
    assert_eq!(value_set(&upstream_request, "x-user-email"), Some(""));
    assert_eq!(value_set(&upstream_request, "x-org"), Some(""));
    // Headers are removed before others are set, so `Connection` cannot remove a header that the gateway sets.
    let upstream_request = world.sent_on(
        &FakeRequest::get("/x").bearer(&token(&json!({}))).header("connection", "x-user-id, authorization"),
    );
    assert_eq!(value_set(&upstream_request, "x-user-id"), Some("user_1"));
}

#[test]
fn a_value_is_what_the_token_says_and_breaks_out_of_no_header() {
    for (claim, expected) in [
        (json!("Ada"), "Ada"),
        (json!("Ada Lovelace"), "Ada Lovelace"),
        (json!(" Ada "), "%20Ada%20"),
        (json!("a\r\nx-user-id: root"), "a%0D%0Ax-user-id: root"),
        (json!("a\u{0}b\u{7f}"), "a%00b%7F"),
        (json!("Zoë"), "Zo%C3%AB"),
        (json!("50%"), "50%25"),
        (json!(""), ""),
        (json!(42), "42"),
        (json!(true), "true"),
        (json!(["admin", "staff"]), "admin,staff"),
        (json!(["a,b", "c"]), "a%2Cb,c"),
        (json!([]), ""),
        (json!([1, "a"]), "[1,\"a\"]"),
        (json!({ "a": "é" }), "{\"a\":\"%C3%A9\"}"),
    ] {
        let world = fronting(&json!([route("/*", &json!({ "headers": { "x-value": "/value" } }))]));
        let upstream_request =
            world.sent_on(&FakeRequest::get("/x").bearer(&token(&json!({ "value": claim }))));
        assert_eq!(value_set(&upstream_request, "x-value"), Some(expected));
    }
}

#[test]
fn no_number_loses_a_digit() {
    let world = fronting(&json!([route("/*", &json!({ "headers": { "x-id": "/id" } }))]));
    let payload = format!(r#"{{"iss":"{ISS}","exp":4000000000,"id":12345678901234567890123}}"#);
    let head = json!({ "alg": "EdDSA", "kid": ed25519().kid() }).to_string();
    let token = tokens::sealed(&head, &payload, |input| ed25519().sign(Algorithm::EdDsa, input));
    assert_eq!(
        value_set(&world.sent_on(&FakeRequest::get("/x").bearer(&token)), "x-id"),
        Some("12345678901234567890123")
    );
}

#[test]
fn the_upstream_learns_who_asked_for_what_from_us_alone() {
    let world = fronting(&json!([route("/*", &json!({ "public": true }))]));
    for (client, expected_for, expected) in [
        (Some("192.0.2.7"), Some("192.0.2.7"), "for=192.0.2.7;host=\"api.example.com\";proto=https"),
        (
            Some("2001:db8::1"),
            Some("2001:db8::1"),
            "for=\"[2001:db8::1]\";host=\"api.example.com\";proto=https",
        ),
        (Some("root, 1.2.3.4"), None, "for=unknown;host=\"api.example.com\";proto=https"),
        (None, None, "for=unknown;host=\"api.example.com\";proto=https"),
    ] {
        let mut request =
            FakeRequest::get("/x").delivered_by_cloudflare().header("x-forwarded-for", "203.0.113.9");
        if let Some(client) = client {
            request = request.header("cf-connecting-ip", client);
        }
        let upstream_request = world.sent_on(&request);
        assert_eq!(value_set(&upstream_request, "x-forwarded-for"), expected_for);
        assert_eq!(value_set(&upstream_request, "forwarded"), Some(expected));
        assert_eq!(value_set(&upstream_request, "x-forwarded-host"), Some("api.example.com"));
        assert_eq!(value_set(&upstream_request, "x-forwarded-proto"), Some("https"));
        assert!(upstream_request.remove.contains(&"x-forwarded-for".to_owned()));
    }
}

#[test]
fn no_client_can_choose_its_address_on_cloudflare_or_elsewhere() {
    let open = json!([route("/*", &json!({ "public": true }))]);
    let asked = || FakeRequest::get("/x").header("cf-connecting-ip", "192.0.2.7");
    let world = fronting(&open);
    assert_eq!(
        value_set(&world.sent_on(&asked().delivered_by_cloudflare()), "x-forwarded-for"),
        Some("192.0.2.7")
    );
    let elsewhere = world.sent_on(&asked());
    assert_eq!(value_set(&elsewhere, "x-forwarded-for"), None);
    assert_eq!(value_set(&elsewhere, "forwarded"), Some("for=unknown;host=\"api.example.com\";proto=https"));

    for (chosen, expected) in [("cf-connecting-ip", Some("192.0.2.7")), ("cloudflare", None)] {
        let gateway = json!({ "gateway": { "routes": open, "client_address": chosen } });
        let world = fronting_with(&open, &gateway, &[]);
        assert_eq!(value_set(&world.sent_on(&asked()), "x-forwarded-for"), expected, "{chosen}");
    }
}

#[test]
fn no_cache_keeps_an_answer_unless_a_route_opts_in() {
    let world = fronting(&json!([
        route("/*", &json!({ "public": true })),
        route("/files/*", &json!({ "public": true, "cache": "zone" })),
        route("/private/*", &json!({ "public": true, "cache": "no-store" })),
    ]));
    for path in ["/x", "/private/x"] {
        for (given, expected) in [
            (None, "no-store"),
            (Some("max-age=0"), "max-age=0, no-store"),
            (Some("no-cache"), "no-cache, no-store"),
            (Some("max-age=0, No-Store"), "max-age=0, No-Store"),
            (Some("x=\u{202e}"), "no-store"),
        ] {
            let request = FakeRequest::get(path);
            let request = given.map_or(request.clone(), |value| request.header("cache-control", value));
            let upstream_request = world.sent_on(&request);
            assert!(!upstream_request.is_cacheable, "{path}");
            assert_eq!(
                value_set(&upstream_request, "cache-control"),
                Some(expected),
                "{path} with {given:?}"
            );
        }
    }
    let upstream_request = world.sent_on(&FakeRequest::get("/files/x").header("cache-control", "max-age=0"));
    assert!(upstream_request.is_cacheable);
    assert_eq!(value_set(&upstream_request, "cache-control"), None);
    assert!(!upstream_request.remove.contains(&"cache-control".to_owned()));
}

#[test]
fn the_credential_is_removed_or_forwarded_as_configured() {
    let world = fronting(&json!([
        route("/strip", &json!({})),
        route("/forward", &json!({ "credential": "forward" })),
        route("/open", &json!({ "public": true })),
    ]));
    let good = token(&json!({}));
    for (path, is_removed) in [("/strip", true), ("/forward", false), ("/open", true)] {
        let upstream_request = world.sent_on(&FakeRequest::get(path).bearer(&good));
        assert_eq!(upstream_request.remove.contains(&"authorization".to_owned()), is_removed, "{path}");
        assert_eq!(value_set(&upstream_request, "authorization"), None);
    }
    let basic = FakeRequest::get("/open").header("authorization", "Basic dTpw");
    assert!(world.sent_on(&basic).remove.contains(&"authorization".to_owned()));
}
