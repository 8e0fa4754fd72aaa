//! `credentials`: what each entry is read as, and what is refused.

use super::*;
use edge_assay::credentials::{Place, Places, SessionCookie};

/// The places of a list at the root, with these issuers beside the sound one.
fn places_with(list: &Value, issuers: &[Value]) -> Places {
    let mut issuers = issuers.to_vec();
    issuers.push(sound_issuer());
    let config = json!({ "issuers": issuers, "credentials": list });
    assert_eq!(faults_of(Some(&config.to_string())), [], "{list}");
    Config::load(Some(&config.to_string()), &FakePlatform::at(NOW)).credentials
}

fn of_provider(issuer: &str, preset: &str) -> Value {
    json!({ "issuer": issuer, "preset": preset, "audience": "unchecked" })
}

#[test]
fn without_a_list_only_the_authorization_header_is_read() {
    let config = Config::load(Some(&root(&json!({})).to_string()), &FakePlatform::at(NOW));
    assert!(config.credentials.is_default());
    assert!(places_with(&json!(["authorization"]), &[]).is_default());
}

#[test]
fn each_entry_is_read_as_the_place_that_it_names() {
    let named = |name: &str| Place::Cookie(SessionCookie::Named(name.to_owned()));
    let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let list = json!([
        { "cookie": "__Host-session" }, "authorization", { "cookie": "CF_Authorization" },
        { "header": "Cf-Access-Jwt-Assertion" }, { "header": "X-Goog-Iap-Jwt-Assertion" }, { "header": "x-amzn-oidc-data" },
        "websocket", { "query": "access_token" }, { "cookie": "better-auth" },
        { "cookie": "better-auth", "name": "my.session_data" }, { "cookie": "supabase", "name": "sb" },
        { "cookie": "clerk", "publishable_key": "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k" },
    ]);
    let expected = [
        named("__Host-session"),
        Place::Authorization,
        named("CF_Authorization"),
        Place::Header("cf-access-jwt-assertion".to_owned()),
        Place::Header("x-goog-iap-jwt-assertion".to_owned()),
        Place::Header("x-amzn-oidc-data".to_owned()),
        Place::WebSocket,
        Place::Query("access_token".to_owned()),
        Place::Cookie(SessionCookie::better_auth()),
        Place::Cookie(SessionCookie::Chunked(texts(&["my.session_data"]))),
        Place::Cookie(SessionCookie::Supabase(texts(&["sb"]))),
        Place::Cookie(SessionCookie::Clerk { suffixes: texts(&["naoXFJnI"]), only: true }),
    ];
    assert_eq!(places_with(&list, &[]), expected.into_iter().collect::<Places>());
}

#[test]
fn the_cookies_of_providers_are_named_after_the_configured_issuers() {
    let issuers = [
        of_provider("https://clerk.example.com", "clerk"),
        of_provider("https://abcdefghijklmnopqrst.supabase.co/auth/v1", "supabase"),
        of_provider("https://auth.example.com/auth/v1", "supabase"),
    ];
    let places = places_with(&json!([{ "cookie": "clerk" }, { "cookie": "supabase" }]), &issuers);
    let names = ["sb-abcdefghijklmnopqrst-auth-token", "sb-auth-auth-token"].map(str::to_owned);
    let clerk = SessionCookie::Clerk { suffixes: vec!["naoXFJnI".to_owned()], only: false };
    let expected = [Place::Cookie(clerk), Place::Cookie(SessionCookie::Supabase(names.into()))];
    assert_eq!(places, expected.into_iter().collect::<Places>());
    let none = places_with(&json!([{ "cookie": "clerk" }]), &[]);
    let any = SessionCookie::Clerk { suffixes: Vec::new(), only: false };
    assert_eq!(none, [Place::Cookie(any)].into_iter().collect::<Places>());
}

#[test]
fn each_fault_of_a_list_is_reported_with_its_path() {
    for (list, path, problem) in [
        (json!([]), "credentials", "an empty one"),
        (json!("authorization"), "credentials", "not a list of places"),
        (json!({ "cookie": "s" }), "credentials", "not a list of places"),
        (json!(["Authorization"]), "credentials[0]", "neither one of the two words"),
        (json!(["authorization", "cookie"]), "credentials[1]", "neither one of the two words"),
        (json!([1]), "credentials[0]", "neither one of the two words"),
        (json!(["authorization", "authorization"]), "credentials[1]", "twice"),
        (json!([{ "header": "X-Token" }, { "header": "x-token" }]), "credentials[1]", "twice"),
        (json!([{ "cookie": "s" }, { "cookie": "s" }]), "credentials[1]", "twice"),
        (json!([{}]), "credentials[0]", "exactly one"),
        (json!([{ "cookie": "s", "header": "x-token" }]), "credentials[0]", "exactly one"),
        (json!([{ "cookies": "s", "query": "t" }]), "credentials[0].cookies", "not a known field"),
        (json!([{ "cookie": "" }]), "credentials[0].cookie", "an empty string"),
        (json!([{ "cookie": 1 }]), "credentials[0].cookie", "a number"),
        (json!([{ "cookie": "a b" }]), "credentials[0].cookie", "not the name of a cookie"),
        (json!([{ "cookie": "a;b" }]), "credentials[0].cookie", "not the name of a cookie"),
        (json!([{ "cookie": "a=b" }]), "credentials[0].cookie", "not the name of a cookie"),
        (json!([{ "cookie": "caf\u{e9}" }]), "credentials[0].cookie", "not the name of a cookie"),
        (json!([{ "cookie": "supabase" }]), "credentials[0].cookie", "needs an issuer with preset"),
        (json!([{ "cookie": "supabase", "name": "a,b" }]), "credentials[0].name", "not the name of a cookie"),
        (json!([{ "cookie": "s", "name": "t" }]), "credentials[0].name", "no effect"),
        (json!([{ "header": "x-token", "name": "t" }]), "credentials[0].name", "no effect"),
        (
            json!([{ "cookie": "s", "publishable_key": "pk_live_x" }]),
            "credentials[0].publishable_key",
            "no effect",
        ),
        (
            json!([{ "cookie": "clerk", "publishable_key": "sk_live_marker" }]),
            "credentials[0].publishable_key",
            "not a publishable key",
        ),
        (
            json!([{ "cookie": "clerk", "publishable_key": "pk_live_abc" }]),
            "credentials[0].publishable_key",
            "not a publishable key",
        ),
        (json!([{ "header": "x_token" }]), "credentials[0].header", "not a name that all servers"),
        (json!([{ "header": "Authorization" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "Cookie" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "Sec-WebSocket-Protocol" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "Host" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "Origin" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "Sec-Fetch-Site" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "CF-Connecting-IP" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "Proxy-Authorization" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "X-Forwarded-For" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "X-Forwarded-User" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "X-Original-URL" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "Remote-User" }]), "credentials[0].header", "another meaning"),
        (json!([{ "header": "X-Explain-Key" }]), "credentials[0].header", "another meaning"),
        (json!([{ "query": "a b" }]), "credentials[0].query", "not a name that all servers"),
        (json!([{ "query": "a&b" }]), "credentials[0].query", "not a name that all servers"),
        (json!([{ "query": "a%62" }]), "credentials[0].query", "not a name that all servers"),
    ] {
        let of_root = faults_of(Some(&root(&json!({ "credentials": list })).to_string()));
        assert_eq!(paths(&of_root), [path], "{list}: {of_root:#?}");
        assert!(of_root[0].problem.contains(problem) && !of_root[0].fix.is_empty(), "{list}: {}", of_root[0]);
        assert!(!of_root[0].to_string().contains("marker"), "{}", of_root[0]);
        let route = json!({ "path": "/*", "upstream": "https://origin.example.com", "credentials": list });
        let of_route = faults_of(Some(&root(&json!({ "gateway": { "routes": [route] } })).to_string()));
        assert_eq!(paths(&of_route), [format!("gateway.routes[0].{path}")], "{list}: {of_route:#?}");
    }
}

#[test]
fn a_header_has_one_meaning_on_all_routes() {
    let route =
        |changes: &Value| merged(json!({ "path": "/*", "upstream": "https://origin.example.com" }), changes);
    let identity = route(&json!({ "path": "/users/*", "headers": { "x-token": "/sub" } }));
    let reading = route(&json!({ "credentials": [{ "header": "X-Token" }] }));
    let faults = faults_of(Some(&root(&json!({ "gateway": { "routes": [reading, identity] } })).to_string()));
    assert_eq!(paths(&faults), ["gateway.routes[0]"], "{faults:#?}");
    let secret = json!({
        "credentials": [{ "header": "X-Proxy-Key" }],
        "forward_auth": { "secret": "FORWARD_AUTH_SECRET", "header": "x-proxy-key" },
    });
    let faults = faults_of(Some(&root(&secret).to_string()));
    assert_eq!(paths(&faults), ["forward_auth.header"], "{faults:#?}");
}
