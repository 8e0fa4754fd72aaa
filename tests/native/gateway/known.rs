//! A token whose verdict is known: the gateway decides about a request without the text of the token exactly as with it. And a decision to forward is
//! one text, whose parts nothing in a request can shift.

use super::*;
use edge_assay::http::forwarding::{BETWEEN, Forwarding};
use edge_assay::http::gateway::{self, serve};
use edge_assay::ports::IncomingRequest;
use edge_assay::verify::Grounds;
use std::collections::HashMap;

/// Serves `request`. Returns the reply in full, and the grounds of the verdict.
fn served(world: &World, request: &FakeRequest, known: Option<&Grounds>) -> (String, Option<Grounds>) {
    let served = world.platform.run(serve(&world.app, &world.platform, request, known));
    if let Some(issuer) = served.refresh {
        world.platform.run(world.app.refresh(&world.platform, &issuer));
    }
    world.platform.run(world.app.write_back(&world.platform));
    let reply = match served.reply {
        gateway::Reply::Own(response) => format!("{response:?}"),
        gateway::Reply::Upstream(forwarding) => format!("{forwarding:?}"),
    };
    (reply, served.grounds)
}

fn routes() -> Value {
    let headers = json!({ "x-user-id": { "claim": "/sub", "required": true }, "x-mail": "/email" });
    json!([
        route("/plain/*", &json!({ "headers": headers })),
        route("/scoped/*", &json!({ "require": { "scopes": ["admin"] } })),
        route("/one-issuer/*", &json!({ "require": { "issuers": [OTHER] } })),
        route("/public/*", &json!({ "public": true, "headers": { "x-user-id": "/sub" } })),
        route("/cors/*", &json!({ "cors": { "origins": ["https://app.example.com"], "credentials": true } })),
        route("/forwarded/*", &json!({ "credential": "forward" })),
        route("/cached/*", &json!({ "cache": "zone", "methods": ["GET"] })),
        route("/query-first/*", &json!({ "credentials": [{ "query": "t" }, "authorization"] })),
        route(
            "/header-first/*",
            &json!({ "credentials": ["authorization", { "cookie": "s" }], "public": true })
        ),
        route("/service/*", &json!({ "upstream": { "service": "PROFILES" } })),
    ])
}

/// Every route, with requests that differ in all other respects than the token.
fn requests(token: &str) -> Vec<FakeRequest> {
    let names = [
        "plain",
        "scoped",
        "one-issuer",
        "public",
        "cors",
        "forwarded",
        "cached",
        "query-first",
        "header-first",
        "service",
        "nowhere",
    ];
    let other = super::token(&json!({ "sub": "other" }));
    let of = |path: String| FakeRequest::get(&path).bearer(token).header("cf-ray", "ray");
    let mut requests = Vec::new();
    for name in names {
        requests.extend([
            of(format!("/{name}/1")),
            of(format!("/{name}/1?page=2")),
            of(format!("/{name}/1?access_token={other}")),
            of(format!("/{name}/1?t={other}")),
            of(format!("/{name}/1;x")),
            of(format!("/{name}/1")).header("x-user-id", "admin").header("X_USER_ID", "admin"),
            of(format!("/{name}/1")).header("origin", "https://app.example.com"),
            of(format!("/{name}/1")).header("origin", "https://evil.example").header("upgrade", "websocket"),
            of(format!("/{name}/1")).header("cookie", &format!("s={other}")),
            FakeRequest::new(Method::POST, &format!("/{name}/1")).bearer(token).body("a"),
            FakeRequest::new(Method::HEAD, &format!("/{name}/1")).bearer(token),
        ]);
    }
    requests
}

#[test]
fn a_known_verdict_decides_as_the_token_itself() {
    let tokens = [
        token(&json!({ "exp": NOW + 3600 })),
        token(&json!({ "exp": NOW + 3600, "scope": "admin", "email": "ada@example.com" })),
        token(&json!({ "exp": NOW + 45 })),
        token(&json!({ "exp": NOW + 3600, "sub": "" })),
        tokens::mint(Algorithm::EdDsa, &json!({}), &claims(OTHER, &json!({ "exp": NOW + 3600 }))),
        token(&json!({ "exp": NOW - 3600 })),
        "a.b.c".to_owned(),
    ];
    let (fast, slow) = (fronting(&routes()), fronting(&routes()));
    // What src/instance.js keeps: by the whole header, the grounds that came last.
    let mut kept: HashMap<String, Grounds> = HashMap::new();
    let mut used = 0;
    for seconds in [0, 1, 20, 15, 8, 1, 1, 14, 1, 30, 60] {
        fast.platform.pass(seconds);
        slow.platform.pass(seconds);
        for request in tokens.iter().flat_map(|token| requests(token)) {
            let header = IncomingRequest::header(&request, "authorization").unwrap_or_default();
            let (expected, _) = served(&slow, &request, None);
            let (reply, grounds) = served(&fast, &request, kept.get(&header));
            assert_eq!(reply, expected, "{request:?}");
            let is_sent = reply.starts_with("Forwarding");
            // A route with the default places leaves grounds at every request, unless it has used some.
            if is_sent
                && request.path().starts_with("/plain")
                && kept.contains_key(&header)
                && grounds.is_none()
            {
                used += 1;
            }
            if let Some(grounds) = grounds {
                assert!(is_sent, "only a forwarded request leaves grounds");
                kept.insert(header, grounds);
            }
        }
        assert_eq!(fast.platform.log_lines(), slow.platform.log_lines());
    }
    assert!(used > 100, "{used}");
}

#[test]
fn a_route_that_reads_other_places_leaves_no_grounds() {
    let world = fronting(&routes());
    let token = token(&json!({ "exp": NOW + 3600 }));
    for path in ["/query-first/1", "/header-first/1"] {
        for _ in 0..3 {
            let (reply, grounds) = served(&world, &FakeRequest::get(path).bearer(&token), None);
            assert!(reply.starts_with("Forwarding") && grounds.is_none(), "{path}");
        }
    }
    let (_, grounds) = served(&world, &FakeRequest::get("/plain/1").bearer(&token), None);
    assert!(grounds.is_some());
}

fn decision(world: &World, request: &FakeRequest) -> Forwarding {
    match world.platform.run(serve(&world.app, &world.platform, request, None)).reply {
        gateway::Reply::Upstream(forwarding) => *forwarding,
        gateway::Reply::Own(response) => panic!("the Worker answered: {response:?}"),
    }
}

#[test]
fn nothing_in_a_request_adds_a_part_or_a_line_to_the_decision() {
    let world = fronting(&routes());
    for hostile in ["\0", "\n", "a\0b\nx-admin\nyes", "\r\nx-admin: yes", "\u{2028}", "\u{85}"] {
        let token = token(&json!({ "sub": format!("user{hostile}"), "email": hostile }));
        let requests = [
            FakeRequest::get("/plain/1?page=2").bearer(&token),
            FakeRequest::new(Method::POST, "/cors/1").bearer(&token).body("a").header("origin", hostile),
            FakeRequest::get("/plain/1").bearer(&token).header("cache-control", hostile),
        ];
        for request in requests {
            let forwarding = decision(&world, &request);
            let text = forwarding.text(Some(7));
            let parts: Vec<&str> = text.split(BETWEEN).collect();
            assert_eq!(parts.len(), 11, "{text:?}");
            let UpstreamRequest { url, service, remove, set, timeout_ms, amend, .. } = &forwarding.request;
            let lines = |pairs: &[(String, String)]| {
                pairs.iter().flat_map(|(name, value)| [name, "\n", value, "\n"]).collect::<String>()
            };
            let (is_amended, has_body) = (amend.is_some(), *request.method() == Method::POST);
            let flags = format!("{}{}", if has_body { "b" } else { "" }, if is_amended { "a" } else { "" });
            let limit = timeout_ms.to_string();
            assert_eq!(
                parts[..4],
                ["7", url.as_str(), service.as_deref().unwrap_or_default(), limit.as_str()]
            );
            assert_eq!(parts[4..7], [flags, remove.join("\n"), lines(set)]);
            assert_eq!(parts[6].matches('\n').count(), 2 * set.len());
            assert_eq!(parts[5].lines().count(), remove.len());
        }
    }
}

#[test]
fn the_decision_says_what_changes_in_the_answer() {
    let world = fronting(&routes());
    let ask = |path: &str| {
        let request =
            FakeRequest::get(path).bearer(&token(&json!({}))).header("origin", "https://app.example.com");
        decision(&world, &request).text(None)
    };
    let text = ask("/cors/1");
    let parts: Vec<&str> = text.split(BETWEEN).collect();
    assert_eq!((parts[0], parts[4]), ("", "a"));
    assert_eq!(parts[7], "access-control-allow-origin\naccess-control-allow-credentials");
    assert!(parts[8].starts_with("access-control-allow-origin\nhttps://app.example.com\n"));
    assert!(parts[9].starts_with("vary\nOrigin\n"));
    let cached = ask("/cached/1");
    assert_eq!(cached.split(BETWEEN).nth(4), Some("c"));
}

#[test]
fn a_script_can_read_that_the_upstream_has_failed() {
    for (method, origin, allowed) in [
        (Method::GET, "https://app.example.com", Some("https://app.example.com")),
        (Method::GET, "https://evil.example", None),
        (Method::HEAD, "https://app.example.com", Some("https://app.example.com")),
    ] {
        let world = fronting(&routes());
        world.platform.upstreams.fail(UpstreamError::Timeout(1000));
        let request =
            FakeRequest::new(method.clone(), "/cors/1").bearer(&token(&json!({}))).header("origin", origin);
        let response = world.answered(&request);
        assert_eq!(response.status(), 504);
        assert_eq!(header(&response, "access-control-allow-origin").as_deref(), allowed);
        assert_eq!(header(&response, "vary").as_deref(), Some("Origin"));
        assert_eq!(response.body().is_empty(), method == Method::HEAD);
    }
}

#[test]
fn the_log_names_the_sender_whose_body_has_ended_early() {
    let world = fronting(&routes());
    let token = token(&json!({}));
    world.platform.upstreams.fail(UpstreamError::BodyBroken);
    world.answered(
        &FakeRequest::new(Method::POST, "/plain/1").bearer(&token).body("a").header("cf-ray", "ray"),
    );
    let line = &world.platform.events("request_refused")[0];
    let hash = edge_assay::verify::hash_prefix(&token);
    assert_eq!(
        (&line["iss"], &line["token_sha256"], &line["route"], &line["ray"]),
        (&json!(ISS), &json!(hash), &json!("/plain/*"), &json!("ray"))
    );
}
