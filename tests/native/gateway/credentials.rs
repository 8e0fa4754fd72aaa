//! Tokens from cookies, other headers, subprotocols and the query, at the gateway and in forward-auth: which one counts, which requests another
//! site could have made, and what the API gets.

use super::*;
use edge_assay::http::call::authenticate;
use edge_assay::jose::base64url;

const APP: &str = "https://app.example.com";

/// A world whose only route reads these places, with `changes` in the route.
fn world(credentials: &Value, changes: &Value) -> World {
    let route = merged(
        route("/*", &json!({ "credentials": credentials, "headers": { "x-user-id": "/sub" } })),
        changes,
    );
    fronting_with(&json!([route]), &json!({ "cors": { "origins": [APP] } }), &[])
}

fn named(subject: &str) -> String {
    token(&json!({ "sub": subject }))
}

fn get() -> FakeRequest {
    FakeRequest::get("/x")
}

fn cookies(value: &str) -> FakeRequest {
    get().header("cookie", value)
}

/// The status and the code of the refusal. Panics if the request is forwarded.
fn refusal(world: &World, request: &FakeRequest) -> (u16, String) {
    let response = world.answered(request);
    (response.status().as_u16(), code(&response).as_str().unwrap().to_owned())
}

fn user(world: &World, request: &FakeRequest) -> String {
    value_set(&world.sent_on(request), "x-user-id").unwrap().to_owned()
}

fn protocol(token: &str) -> String {
    format!("base64url.bearer.authorization.k8s.io.{}", base64url::encode(token.as_bytes()))
}

fn supabase_session(token: &str) -> String {
    let session = json!({ "access_token": token, "refresh_token": "marker-refresh-token" }).to_string();
    format!("base64-{}", base64url::encode(session.as_bytes()))
}

#[test]
fn the_first_listed_place_with_a_token_names_the_user() {
    let everywhere = json!(["authorization", { "cookie": "s" }, { "header": "X-Token" }, "websocket"]);
    let world = world(&everywhere, &json!({}));
    let all = || {
        get()
            .bearer(&named("header"))
            .header("cookie", &format!("a=1; s={}", named("cookie")))
            .header("x-token", &named("x-token"))
            .header("sec-websocket-protocol", &format!("chat, {}", protocol(&named("websocket"))))
    };
    assert_eq!(user(&world, &all()), "header");
    let cookie = get().header("Cookie", &format!("s=\"{}\"", named("cookie"))).header("x-token", &named("x"));
    assert_eq!(user(&world, &cookie), "cookie");
    assert_eq!(user(&world, &get().header("X-TOKEN", &format!("Bearer {}", named("x")))), "x");
    let handshake = get()
        .header("upgrade", "websocket")
        .header("sec-websocket-protocol", &format!("{}, chat", protocol(&named("websocket"))));
    assert_eq!(user(&world, &handshake), "websocket");
    let bad_first = all().header("authorization", "Bearer a.b.c");
    assert_eq!(refusal(&world, &bad_first), (400, "request_ambiguous".to_owned()));
    let expired = get()
        .bearer(&token(&json!({ "exp": 1_700_000_000 })))
        .header("cookie", &format!("s={}", named("cookie")));
    assert_eq!(refusal(&world, &expired), (401, "token_expired".to_owned()), "no other place is tried");
}

#[test]
fn a_route_that_does_not_list_a_place_never_reads_it() {
    for (credentials, request) in [
        (json!(["authorization"]), cookies(&format!("s={}", named("u")))),
        (json!([{ "cookie": "s" }]), get().bearer(&named("u"))),
        (json!([{ "cookie": "s" }]), cookies(&format!("S={0}; ss={0}; __Host-s={0}; s.0={0}", named("u")))),
        (
            json!([{ "cookie": "__Host-s" }]),
            cookies(&format!("s={0}; __Secure-s={0}; __host-s={0}", named("u"))),
        ),
        (
            json!([{ "header": "x-token" }]),
            get().header("x_token", &named("u")).header("x-token-2", &named("u")),
        ),
        (json!(["authorization"]), FakeRequest::get(&format!("/x?access_token={}", named("u")))),
        (json!([{ "query": "t" }]), FakeRequest::get(&format!("/x?access_token={0}&T={0}", named("u")))),
        (
            json!(["authorization"]),
            get().header("sec-websocket-protocol", &format!("chat, {}", protocol(&named("u")))),
        ),
    ] {
        let world = world(&credentials, &json!({}));
        assert_eq!(refusal(&world, &request), (401, "token_missing".to_owned()), "{credentials} {request:?}");
    }
    let root = json!({ "credentials": [{ "cookie": "s" }] });
    let routes =
        json!([route("/own/*", &json!({ "credentials": ["authorization"] })), route("/*", &json!({}))]);
    let world = fronting_with(&routes, &root, &[]);
    let sent = format!("s={}", named("u"));
    world.sent_on(&cookies(&sent));
    assert_eq!(world.answered(&FakeRequest::get("/own/x").header("cookie", &sent)).status(), 401);
    assert_eq!(world.answered(&FakeRequest::get("/_assay/verify").header("cookie", &sent)).status(), 200);
    world.sent_on(&FakeRequest::get("/own/x").bearer(&named("u")));
}

#[test]
fn two_values_in_one_place_are_refused_and_none_is_chosen() {
    let (ours, other) = (named("victim"), named("attacker"));
    let session = supabase_session(&ours);
    let (first, second) = session.split_at(100);
    let others_session = supabase_session(&other);
    let (_, others_second) = others_session.split_at(100);
    for (credentials, request) in [
        (json!([{ "cookie": "s" }]), cookies(&format!("s={ours}; s={other}"))),
        (json!([{ "cookie": "s" }]), cookies(&format!("s={other}; a=1; s={ours}"))),
        (json!([{ "cookie": "s" }]), cookies(&format!("s={ours}")).header("cookie", &format!("s={other}"))),
        (json!([{ "cookie": "s" }]), cookies("a=1").header("cookie", &format!("s={other}"))),
        (json!([{ "cookie": "clerk" }]), cookies(&format!("__session={ours}; __session_12345678={other}"))),
        (
            json!([{ "cookie": "supabase", "name": "sb" }]),
            cookies(&format!("sb={}; sb.0={first}; sb.1={second}", supabase_session(&other))),
        ),
        (
            json!([{ "cookie": "supabase", "name": "sb" }]),
            cookies(&format!("sb.0={first}; sb.1={second}; sb.1={others_second}")),
        ),
        (json!([{ "header": "x-token" }]), get().header("x-token", &ours).header("x-token", &other)),
        (json!([{ "query": "t" }]), FakeRequest::get(&format!("/x?t={ours}&t={other}"))),
        (
            json!(["websocket"]),
            get().header(
                "sec-websocket-protocol",
                &format!("chat, {}, {}", protocol(&ours), protocol(&other)),
            ),
        ),
        (json!(["websocket"]), get().header("sec-websocket-protocol", &protocol(&ours))),
        (json!(["authorization", { "query": "t" }]), FakeRequest::get(&format!("/x?t={ours}")).bearer(&ours)),
    ] {
        let world = world(&credentials, &json!({}));
        assert_eq!(
            refusal(&world, &request),
            (400, "request_ambiguous".to_owned()),
            "{credentials} {request:?}"
        );
    }
    let world = world(&json!([{ "cookie": "s" }]), &json!({}));
    assert_eq!(user(&world, &cookies(&format!("s={ours}; s={ours}"))), "victim", "the same value twice");
    let damaged = [format!("sb={first}"), "sb=base64-".to_owned(), "sb=deleted".to_owned()];
    let supabase = super::credentials::world(&json!([{ "cookie": "supabase", "name": "sb" }]), &json!({}));
    for damaged in damaged {
        assert_eq!(refusal(&supabase, &cookies(&damaged)), (401, "token_missing".to_owned()), "{damaged}");
    }
}

#[test]
fn a_dpop_token_is_no_bearer_token_and_no_cookie_takes_its_place() {
    for credentials in [json!(["authorization"]), json!(["authorization", { "cookie": "s" }])] {
        let world = world(&credentials, &json!({}));
        let request =
            cookies(&format!("s={}", named("u"))).header("authorization", &format!("DPoP {}", named("u")));
        let response = world.answered(&request);
        assert_eq!((response.status().as_u16(), code(&response)), (401, json!("token_missing")));
        assert!(body(&response)["detail"].as_str().unwrap().contains("DPoP"), "{response:?}");
        assert_eq!(challenge(&response).as_deref(), Some("Bearer realm=\"edge-assay\""));
    }
    let public = world(&json!(["authorization"]), &json!({ "public": true }));
    let request = get().header("authorization", &format!("dpop {}", named("u")));
    assert_eq!(
        refusal(&public, &request),
        (401, "token_missing".to_owned()),
        "its sender thinks it is signed in"
    );
}

/// Requests that send the cookie `s`, and whether it counts.
fn cross_site_requests() -> Vec<(FakeRequest, bool)> {
    const OWN: &str = "https://api.example.com";
    let mut requests = Vec::new();
    for method in [Method::GET, Method::HEAD] {
        requests.push((FakeRequest::new(method.clone(), "/x"), true));
        let cross_site = FakeRequest::new(method, "/x").header("origin", "https://evil.example");
        requests.push((cross_site.header("sec-fetch-site", "cross-site"), true));
    }
    let changing = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let others = changing.map(|method| FakeRequest::new(method, "/x")).into_iter();
    let handshakes = [
        get().header("upgrade", "websocket").header("connection", "upgrade"),
        get().header("Upgrade", "WebSocket"),
        // Without Upgrade, as some proxies ask.
        get().header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").header("sec-websocket-version", "13"),
        get().header("sec-websocket-version", "13"),
        get().header("sec-websocket-protocol", "chat"),
    ];
    for request in others.chain(handshakes) {
        for (origin, fetch_site, counts) in [
            (None, None, false),
            (None, Some("none"), false),
            (None, Some("same-site"), false),
            (None, Some("cross-site"), false),
            (None, Some("same-origin"), true),
            (Some("null"), None, false),
            (Some("null"), Some("cross-site"), false),
            (Some("null"), Some("same-origin"), true),
            (Some("https://evil.example"), None, false),
            (Some("https://evil.example"), Some("cross-site"), false),
            (Some("https://app.example.com.evil.example"), None, false),
            (Some("http://api.example.com"), None, false),
            (Some("https://api.example.com:8443"), None, false),
            (Some("https://sub.api.example.com"), Some("same-site"), false),
            (Some(OWN), None, true),
            (Some(APP), Some("same-site"), true),
            (Some("*"), None, false),
        ] {
            let mut request = request.clone();
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            if let Some(site) = fetch_site {
                request = request.header("sec-fetch-site", site);
            }
            requests.push((request, counts));
        }
    }
    requests
}

#[test]
fn a_cookie_does_not_count_for_a_request_that_another_site_could_have_made() {
    let world = world(&json!(["authorization", { "cookie": "s" }]), &json!({}));
    let sent = format!("s={}", named("u"));
    for (request, counts) in cross_site_requests() {
        let request = request.header("cookie", &sent);
        if counts {
            world.sent_on(&request);
            continue;
        }
        let response = world.answered(&request);
        assert_eq!(
            (response.status().as_u16(), code(&response)),
            (403, json!("cross_site_refused")),
            "{request:?}"
        );
        assert_eq!(challenge(&response).as_deref(), Some("Bearer realm=\"edge-assay\""));
        let detail = body(&response)["detail"].as_str().unwrap().to_owned();
        let rule = "; for WebSockets, and for methods other than GET and HEAD, a cookie counts only if the page has the origin of the request or a trusted origin";
        assert!(
            detail.starts_with("the token is in a cookie, and the request ") && detail.ends_with(rule),
            "{detail}"
        );
        world.sent_on(&request.bearer(&named("u")));
    }
    let twice = FakeRequest::new(Method::POST, "/x").header("cookie", &sent);
    let twice = twice.header("origin", "https://api.example.com").header("origin", "https://evil.example");
    assert_eq!(refusal(&world, &twice), (403, "cross_site_refused".to_owned()), "two origins");
}

#[test]
fn a_star_in_cors_trusts_no_origin_with_a_cookie_and_a_route_has_its_own_list() {
    let routes = json!([
        route("/open", &json!({ "cors": { "origins": ["*"] } })),
        route("/none", &json!({ "cors": false })),
        route("/other", &json!({ "cors": { "origins": ["https://other.example.com"] } })),
    ]);
    let changes = json!({ "cors": { "origins": [APP] }, "credentials": [{ "cookie": "s" }] });
    let world = fronting_with(&routes, &changes, &[]);
    let ask = |path: &str, origin: &str| {
        let request = FakeRequest::new(Method::POST, path).header("origin", origin);
        let reply = world.serve(&request.header("cookie", &format!("s={}", named("u"))));
        matches!(reply, Reply::Upstream(_))
    };
    for (path, origin, counts) in [
        ("/open", APP, false),
        ("/open", "*", false),
        ("/open", "https://api.example.com", true),
        ("/none", APP, false),
        ("/none", "https://api.example.com", true),
        ("/other", APP, false),
        ("/other", "https://other.example.com", true),
    ] {
        assert_eq!(ask(path, origin), counts, "{path} {origin}");
    }
}

#[test]
fn on_a_public_route_a_cookie_that_is_refused_is_no_cookie_and_never_reaches_the_api() {
    let world = world(&json!(["authorization", { "cookie": "s" }]), &json!({ "public": true }));
    let expired = token(&json!({ "exp": 1_700_000_000 }));
    let post = |cookie: &str| FakeRequest::new(Method::POST, "/x").header("cookie", cookie);
    for request in [
        cookies(&format!("a=1; s={expired}")),
        cookies("a=1; s=null"),
        cookies("a=1; s=a.b.c"),
        cookies(&format!("a=1; s={}; s=x", named("u"))),
        post(&format!("a=1; s={}", named("u"))),
    ] {
        let sent = world.sent_on(&request);
        assert_eq!(value_set(&sent, "x-user-id"), Some(""), "{request:?}");
        assert_eq!(value_set(&sent, "cookie"), Some("a=1"), "{request:?}");
    }
    assert_eq!(user(&world, &cookies(&format!("s={}", named("u")))), "u");
    assert_eq!(refusal(&world, &get().bearer(&expired)), (401, "token_expired".to_owned()));
}

#[test]
fn on_a_public_route_a_token_beside_a_cookie_that_is_refused_must_be_good_or_reaches_no_api() {
    let credentials = json!([{ "cookie": "s" }, "authorization", { "header": "x-token" }]);
    for credential in ["forward", "strip"] {
        let world = world(&credentials, &json!({ "public": true, "credential": credential }));
        let expired = token(&json!({ "exp": 1_700_000_000 }));
        let good = named("cookie");
        let post = |cookie: &str| FakeRequest::new(Method::POST, "/x").header("cookie", cookie);
        for request in [
            cookies("s=a.b.c"),
            cookies("s=null"),
            cookies("s=a b"),
            cookies(&format!("s={expired}")),
            cookies(&format!("s={good}; s=x")),
            post(&format!("s={good}")).header("origin", "https://evil.example"),
        ] {
            let with = |name: &str, value: &str| request.clone().header(name, value);
            let refused = refusal(&world, &with("authorization", &format!("Bearer {expired}")));
            assert_eq!(refused, (401, "token_expired".to_owned()), "{request:?}");
            assert_eq!(refusal(&world, &with("authorization", "Bearer a.b.c")).0, 401, "{request:?}");
            assert_eq!(refusal(&world, &with("x-token", &expired)).0, 401, "{request:?}");
            assert_eq!(
                user(&world, &with("authorization", &format!("Bearer {}", named("bearer")))),
                "bearer"
            );
            let password = world.sent_on(&with("authorization", "Basic dTpw"));
            assert_eq!(value_set(&password, "x-user-id"), Some(""), "{request:?}");
        }
    }
}

#[test]
fn no_name_that_a_server_reads_as_a_listed_one_reaches_the_api() {
    let credentials =
        json!([{ "cookie": "__session" }, { "header": "x-token" }, "websocket", { "query": "access_token" }]);
    let (ours, other) = (named("ours"), named("other"));
    for credential in ["forward", "strip"] {
        let world = world(&credentials, &json!({ "credential": credential }));
        for name in
            ["..session", "%5F_session", "__Session", " \u{a0}__session", "\u{fffd}__session", "__session[x]"]
        {
            let sent = world.sent_on(&cookies(&format!("{name}={other}; a=1; __session={ours}")));
            let left = value_set(&sent, "cookie").unwrap();
            assert!(!left.contains(&other) && left.contains("a=1"), "{name}: {left}");
            assert_eq!(value_set(&sent, "x-user-id"), Some("ours"), "{name}");
        }
        for name in [
            "access.token",
            "Access_Token",
            "access_token[]",
            "access+token",
            "%20access_token",
            "x;access_token",
        ] {
            let sent =
                world.sent_on(&FakeRequest::get(&format!("/x?a=1&{name}={other}&access_token={ours}")));
            assert_eq!(sent.url, "https://origin.example.com/x?a=1", "{name}");
        }
        for name in ["x_token", "x.token", "sec_websocket_protocol"] {
            let sent = world.sent_on(&get().header(name, &other).header("x-token", &ours));
            assert!(sent.remove.contains(&name.to_owned()), "{name}: {sent:?}");
            assert_eq!(sent.remove.contains(&"x-token".to_owned()), credential == "strip");
        }
    }
    let hidden =
        get().header("cookie", "x").header("cookie", &format!("__session={other}; __session={ours}"));
    let world = world(&json!([{ "cookie": "__session" }]), &json!({}));
    assert_eq!(refusal(&world, &hidden), (400, "request_ambiguous".to_owned()));
}

#[test]
fn of_a_providers_cookies_only_those_with_the_verified_token_are_forwarded() {
    let (ours, other) = (named("ours"), named("other"));
    let key = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k";
    for (credentials, sent, left) in [
        (
            json!([{ "cookie": "clerk", "publishable_key": key }]),
            format!("__session_naoXFJnI={ours}; __session={other}; __session_12345678={other}; a=1"),
            format!("__session_naoXFJnI={ours}; a=1"),
        ),
        (
            json!([{ "cookie": "clerk", "publishable_key": key }]),
            format!("__session_naoXFJnI={ours}; __session={ours}; a=1"),
            format!("__session_naoXFJnI={ours}; __session={ours}; a=1"),
        ),
        (
            json!([{ "cookie": "better-auth" }]),
            format!("better-auth.session_data={other}; __Secure-better-auth.session_data={ours}"),
            format!("__Secure-better-auth.session_data={ours}"),
        ),
    ] {
        let world = world(&credentials, &json!({ "credential": "forward" }));
        let forwarded = world.sent_on(&cookies(&sent));
        assert_eq!(value_set(&forwarded, "x-user-id"), Some("ours"), "{credentials}");
        assert_eq!(value_set(&forwarded, "cookie").unwrap_or(&sent), left, "{credentials}");
    }
}

#[test]
fn the_api_gets_no_place_of_the_list_and_all_other_cookies_as_they_were_sent() {
    let credentials = json!([
        "authorization", { "cookie": "s" }, { "cookie": "supabase", "name": "sb" }, { "header": "X-Token" }, "websocket",
        { "query": "t" },
    ]);
    let world = world(&credentials, &json!({}));
    let session = supabase_session(&named("supabase"));
    let (first, second) = session.split_at(50);
    let request = FakeRequest::get("/x?a=%20&t=&b=2")
        .header(
            "cookie",
            &format!("theme=\"d\"; sb.0={first}; s=; caf\u{e9}=\u{fc}; sb.1={second};sb-code-verifier=v"),
        )
        .header("x-token", "")
        .header("X_Token", "forged");
    let sent = world.sent_on(&request);
    assert_eq!(value_set(&sent, "x-user-id"), Some("supabase"));
    assert_eq!(value_set(&sent, "cookie"), Some("theme=\"d\"; caf\u{e9}=\u{fc}; sb-code-verifier=v"));
    assert_eq!(sent.url, "https://origin.example.com/x?a=%20&b=2");
    for name in ["authorization", "x-token", "x_token"] {
        assert!(sent.remove.contains(&name.to_owned()), "{name}: {sent:?}");
    }
    assert!(!format!("{sent:?}").contains("marker-refresh-token") && !format!("{sent:?}").contains(first));

    let only = world.sent_on(&FakeRequest::get(&format!("/x?t={}", named("u"))));
    assert_eq!(only.url, "https://origin.example.com/x");
    let handshake = get()
        .header("upgrade", "websocket")
        .header("sec-websocket-protocol", &format!("v2, {}, chat", protocol(&named("u"))));
    assert_eq!(value_set(&world.sent_on(&handshake), "sec-websocket-protocol"), Some("v2, chat"));
    let alone = world.sent_on(&cookies(&format!("s={}", named("u"))));
    assert!(alone.remove.contains(&"cookie".to_owned()) && value_set(&alone, "cookie").is_none());
    let no_cookie = world.sent_on(&get().bearer(&named("u")));
    assert!(!no_cookie.remove.contains(&"cookie".to_owned()) && value_set(&no_cookie, "cookie").is_none());
}

#[test]
fn the_api_gets_the_subprotocols_as_they_came_if_no_token_is_read_there() {
    for list in [json!(["authorization"]), json!(["authorization", { "cookie": "s" }])] {
        let world = world(&list, &json!({}));
        let handshake = get()
            .bearer(&named("u"))
            .header("upgrade", "websocket")
            .header("sec-websocket-protocol", &format!("{}, chat", protocol(&named("other"))));
        let sent = world.sent_on(&handshake);
        assert_eq!(value_set(&sent, "x-user-id"), Some("u"), "{list}");
        assert_eq!(value_set(&sent, "sec-websocket-protocol"), None, "{list}");
        assert!(!sent.remove.contains(&"sec-websocket-protocol".to_owned()), "{list}");
    }
}

#[test]
fn a_route_that_forwards_the_credential_forwards_only_the_one_that_was_verified() {
    let credentials = json!(["authorization", { "cookie": "s" }, { "cookie": "r" }, { "header": "X-Token" }]);
    let world = world(&credentials, &json!({ "credential": "forward" }));
    let (ours, other) = (named("ours"), named("other"));
    let by_header =
        world.sent_on(&cookies(&format!("s={other}; a=1")).bearer(&ours).header("x-token", &other));
    assert!(!by_header.remove.contains(&"authorization".to_owned()));
    assert_eq!(
        (value_set(&by_header, "authorization"), value_set(&by_header, "cookie")),
        (None, Some("a=1"))
    );
    assert!(by_header.remove.contains(&"x-token".to_owned()));

    let basic = cookies(&format!("s={ours}; r={other}; a=1")).header("authorization", "Basic dTpw");
    let by_cookie = world.sent_on(&basic);
    assert_eq!(value_set(&by_cookie, "cookie").map(str::to_owned), Some(format!("s={ours}; a=1")));
    assert_eq!(value_set(&by_cookie, "authorization").map(str::to_owned), Some(format!("Bearer {ours}")));
    assert!(by_cookie.remove.contains(&"authorization".to_owned()));

    let unlisted = super::credentials::world(
        &json!([{ "cookie": "s" }]),
        &json!({ "credential": "forward", "public": true }),
    );
    let request = get().bearer(&other);
    assert!(unlisted.sent_on(&request).remove.contains(&"authorization".to_owned()), "it was not verified");
}

#[test]
fn the_workers_own_endpoints_and_calls_read_the_list_of_the_root() {
    let root = json!({ "credentials": [{ "cookie": "s" }], "cors": { "origins": [APP] }, "explain": { "access": "open" } });
    let world = fronting_with(&json!([route("/*", &json!({}))]), &root, &[]);
    let sent = format!("s={}", named("u"));
    let ask = |method: Method, path: &str| FakeRequest::new(method, path).header("cookie", &sent);
    assert_eq!(world.answered(&ask(Method::GET, "/_assay/verify")).status(), 200);
    let forged =
        world.answered(&ask(Method::POST, "/_assay/verify").header("origin", "https://evil.example"));
    assert_eq!((forged.status().as_u16(), code(&forged)), (403, json!("cross_site_refused")));
    for origin in ["https://api.example.com", APP] {
        let own = ask(Method::POST, "/_assay/verify").header("origin", origin);
        assert_eq!(world.answered(&own).status(), 200, "{origin}");
    }
    let explained =
        world.answered(&ask(Method::POST, "/_assay/explain").header("sec-fetch-site", "same-origin"));
    assert_eq!(body(&explained)["verdict"], "accepted");
    let call = |request: &FakeRequest| {
        let answer = world.platform.run(authenticate(&world.app, &world.platform, request, None));
        answer.response.status().as_u16()
    };
    assert_eq!(call(&ask(Method::GET, "/anything")), 200);
    assert_eq!(call(&ask(Method::POST, "/anything")), 403);
    assert_eq!(call(&FakeRequest::get("/anything").bearer(&named("u"))), 401, "it is not listed");
}

/// The question of each dialect about a request.
fn questions(method: &str, target: &str) -> Vec<(&'static str, FakeRequest)> {
    let host = "api.example.com";
    let told = |path: &str, prefix: &str| {
        FakeRequest::get(path)
            .host("assay.example")
            .header(&format!("x-{prefix}-method"), method)
            .header(&format!("x-{prefix}-uri"), target)
            .header(&format!("x-{prefix}-host"), host)
    };
    vec![
        ("forward", told("/_assay/forward-auth", "forwarded")),
        ("nginx", told("/_assay/auth-request", "original")),
        (
            "envoy",
            FakeRequest::new(method.parse().unwrap(), &format!("/_assay/ext-authz{target}"))
                .host(host)
                .header("host", host)
                .header("x-forward-auth-path", target),
        ),
        (
            "ingress",
            FakeRequest::get("/_assay/auth-request")
                .host("assay.example")
                .header("x-original-url", &format!("https://{host}{target}"))
                .header("x-original-method", method)
                .header("x-original-host", host),
        ),
    ]
}

fn asked_world(changes: &Value) -> World {
    let routes = json!([merged(json!({ "path": "/*", "headers": { "x-user-id": "/sub" } }), changes)]);
    let root = json!({
        "forward_auth": { "trusted": true }, "cors": { "origins": [APP] },
        "credentials": ["authorization", { "cookie": "s" }, { "header": "X-Token" }, { "query": "t" }],
    });
    fronting_with(&routes, &root, &[])
}

#[test]
fn in_forward_auth_the_places_are_those_of_the_original_request_and_the_answer_has_the_other_cookies() {
    let world = asked_world(&json!({}));
    for (dialect, question) in questions("GET", "/x?a=1") {
        let answer = world
            .answered(&question.clone().header("cookie", &format!("a=1; s={}; b=\u{e9}; c=3", named("u"))));
        assert_eq!(answer.status(), 200, "{dialect}");
        assert_eq!(header(&answer, "x-user-id").as_deref(), Some("u"), "{dialect}");
        assert_eq!(header(&answer, "cookie").as_deref(), Some("a=1; c=3"), "{dialect}");
        let answer = world.answered(&question.clone().bearer(&named("u")));
        let found = [header(&answer, "cookie"), header(&answer, "x-envoy-auth-headers-to-remove")];
        let found = found.each_ref().map(Option::as_deref);
        // Envoy ignores a header without a value.
        let expected = if dialect == "envoy" { [None, Some("cookie")] } else { [Some(""), None] };
        assert_eq!(found, expected, "{dialect}");
        let answer = world.answered(&question.clone().header("x-token", &named("u")));
        assert_eq!(header(&answer, "x-user-id").as_deref(), Some("u"), "{dialect}");
        let disguised = world.answered(&question.header("X_Token", &named("u")));
        assert_eq!(
            (disguised.status().as_u16(), code(&disguised)),
            (403, json!("header_refused")),
            "{dialect}"
        );
    }
    for (dialect, question) in questions("GET", &format!("/x?t={}", named("u"))) {
        assert_eq!(world.answered(&question).status(), 200, "{dialect}");
        // The query of the question itself is nobody's token.
        let refused = world.answered(&question.bearer(&named("u")));
        assert_eq!(
            (refused.status().as_u16(), code(&refused)),
            (401, json!("request_ambiguous")),
            "{dialect}"
        );
    }
    let plain =
        fronting_with(&json!([{ "path": "/*" }]), &json!({ "forward_auth": { "trusted": true } }), &[]);
    for (dialect, question) in questions("GET", "/x") {
        let answer = plain.answered(&question.bearer(&named("u")).header("cookie", "a=1"));
        assert_eq!(header(&answer, "cookie"), None, "{dialect}: no cookie is read");
    }
}

#[test]
fn in_forward_auth_a_cookie_counts_only_for_the_original_requests_own_origin_or_a_listed_one() {
    let world = asked_world(&json!({}));
    let sent = format!("s={}", named("u"));
    for (origin, proto, counts) in [
        (None, None, false),
        (Some("null"), None, false),
        (Some("https://evil.example"), None, false),
        (Some("https://assay.example"), None, false),
        (Some("https://api.example.com"), None, true),
        (Some("https://api.example.com"), Some("https"), true),
        (Some("https://api.example.com"), Some("wss"), true),
        (Some("https://api.example.com"), Some("http"), false),
        (Some("https://api.example.com"), Some("https, http"), false),
        (Some("http://api.example.com"), None, false),
        (Some("http://api.example.com"), Some("http"), true),
        (Some(APP), Some("http"), true),
    ] {
        for (dialect, question) in questions("POST", "/x") {
            // ingress-nginx says the scheme in its URL, which is https here.
            let expected = if dialect == "ingress" {
                matches!(origin, Some("https://api.example.com" | APP))
            } else {
                counts
            };
            let mut question = question.header("cookie", &sent);
            for (name, value) in [("origin", origin), ("x-forwarded-proto", proto)] {
                if let Some(value) = value {
                    question = question.header(name, value);
                }
            }
            let answer = world.answered(&question);
            let found = (answer.status().as_u16(), header(&answer, "x-assay-code"));
            let refused = (403, Some("cross_site_refused".to_owned()));
            assert_eq!(found, if expected { (200, None) } else { refused }, "{dialect} {origin:?} {proto:?}");
        }
    }
    // A WebSocket's handshake, from which Traefik removes Upgrade.
    for (dialect, question) in questions("GET", "/x") {
        let handshake = question.header("cookie", &sent).header("sec-websocket-version", "13");
        assert_eq!(world.answered(&handshake).status(), 403, "{dialect}");
        let own = handshake.header("origin", "https://api.example.com");
        assert_eq!(world.answered(&own).status(), 200, "{dialect}");
    }
}

#[test]
fn in_forward_auth_a_forwarded_token_is_in_authorization_wherever_it_came_from() {
    let world = asked_world(&json!({ "credential": "forward" }));
    for (dialect, question) in questions("GET", "/x") {
        let ours = named("u");
        let answer = world.answered(&question.clone().header("cookie", &format!("a=1; s={ours}")));
        assert_eq!(header(&answer, "authorization"), Some(format!("Bearer {ours}")), "{dialect}");
        assert_eq!(header(&answer, "cookie"), Some(format!("a=1; s={ours}")), "{dialect}");
        let answer = world.answered(&question.bearer(&ours));
        assert_eq!(header(&answer, "authorization"), None, "{dialect}: the proxy has it");
    }
}

#[test]
fn no_value_of_a_cookie_or_a_query_is_in_a_log_line_or_an_answer() {
    let credentials = json!([
        { "cookie": "s" }, { "cookie": "clerk" }, { "cookie": "supabase", "name": "sb" }, { "header": "x-token" }, "websocket",
        { "query": "t" },
    ]);
    let marked = token(&json!({ "sub": "marker-subject", "exp": 1_700_000_000 }));
    let session = supabase_session(&marked);
    let (first, second) = session.split_at(90);
    let post = |cookie: &str| FakeRequest::new(Method::POST, "/x").header("cookie", cookie);
    let hidden = base64url::encode(marked.as_bytes());
    let requests = [
        cookies(&format!("s={marked}")),
        cookies(&format!("s={marked}; s=marker-other")),
        cookies("s=marker-other"),
        cookies("s=marker other"),
        cookies(&format!("sb={session}")),
        cookies(&format!("sb.0={first}; sb.1={second}")),
        cookies(&format!("sb.0={first}")),
        cookies("sb=marker-other"),
        cookies(&format!("__session={marked}; __session_12345678=marker-other")),
        post(&format!("s={marked}")),
        post(&format!("s={marked}")).header("origin", "https://evil.example"),
        get().header("x-token", &format!("{marked}, marker-other")),
        get().header("x-token", "marker other"),
        get().header("sec-websocket-protocol", &format!("chat, {}", protocol(&marked))),
        get().header("sec-websocket-protocol", &protocol(&marked)),
        FakeRequest::get(&format!("/x?t={marked}")),
        FakeRequest::get(&format!("/x?t={marked}&t=marker-other")),
        FakeRequest::get("/x?t=marker+other"),
        FakeRequest::get("/x?t=marker-other"),
    ];
    let mut private: Vec<&str> = marked.split('.').collect();
    private.extend(["marker-", first, second, hidden.as_str()]);
    for changes in [json!({}), json!({ "public": true })] {
        for failing in [false, true] {
            let world = world(&credentials, &changes);
            if failing {
                world.platform.upstreams.fail(UpstreamError::Unreachable("down".to_owned()));
            }
            for request in &requests {
                let shown = match world.serve(request) {
                    Reply::Own(response) => {
                        format!("{:?}{}", response.headers(), String::from_utf8_lossy(response.body()))
                    }
                    Reply::Upstream(sent) => format!("{sent:?}"),
                };
                let log: Vec<String> =
                    world.platform.log_lines().iter().map(|(_, line)| line.to_string()).collect();
                for text in &private {
                    assert!(!shown.contains(text), "{text} in the answer to {request:?}: {shown}");
                    assert!(!log.join("\n").contains(text), "{text} in the log after {request:?}: {log:?}");
                }
            }
        }
    }
}
