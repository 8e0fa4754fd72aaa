//! CORS per route: the gateway answers preflights, and a script can read why its request was refused.

use super::*;

const APP: &str = "https://app.example.com";

fn world() -> World {
    fronting(&json!([
        route(
            "/cors/*",
            &json!({ "cors": { "origins": [APP], "credentials": true }, "methods": ["GET", "PUT"] })
        ),
        route("/any/*", &json!({ "cors": { "origins": ["*"] }, "public": true })),
        route("/none/*", &json!({})),
        route("/open/*", &json!({ "public": true })),
    ]))
}

fn preflight(path: &str, origin: &str, method: &str) -> FakeRequest {
    FakeRequest::new(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization,x-trace")
}

#[test]
fn a_preflight_is_answered_here_and_never_forwarded() {
    let world = world();
    let response = world.answered(&preflight("/cors/1", APP, "PUT"));
    assert_eq!(response.status(), 204);
    assert_eq!(header(&response, "access-control-allow-origin").as_deref(), Some(APP));
    assert_eq!(header(&response, "access-control-allow-credentials").as_deref(), Some("true"));
    assert_eq!(header(&response, "access-control-allow-methods").as_deref(), Some("PUT"));
    assert_eq!(header(&response, "access-control-allow-headers").as_deref(), Some("authorization,x-trace"));
    assert!(header(&response, "vary").unwrap().contains("Origin"));

    let other_origin = world.answered(&preflight("/cors/1", "https://evil.example", "PUT"));
    assert_eq!(other_origin.status(), 204);
    assert_eq!(header(&other_origin, "access-control-allow-origin"), None);
    assert_eq!(header(&other_origin, "access-control-allow-methods"), None);
    assert!(world.platform.upstreams.received().is_empty());
}

#[test]
fn only_options_with_both_headers_is_a_preflight() {
    let world = world();
    let options = |path| FakeRequest::new(Method::OPTIONS, path);
    let half = [
        options("/cors/1"),
        options("/cors/1").header("origin", APP),
        options("/cors/1").header("access-control-request-method", "PUT"),
    ];
    for request in half {
        assert_eq!(world.answered(&request).status(), 405);
    }
    let get =
        FakeRequest::get("/cors/1").header("origin", APP).header("access-control-request-method", "PUT");
    assert_eq!(world.answered(&get).status(), 401);
    assert_eq!(world.answered(&preflight("/none/1", APP, "GET")).status(), 401);
    assert!(world.platform.upstreams.received().is_empty());
    // On a public route without `cors`, the API answers.
    world.sent_on(&preflight("/open/1", APP, "GET"));
}

#[test]
fn a_script_can_read_why_it_was_refused() {
    let world = world();
    let ask = |origin: &str| FakeRequest::get("/cors/1").header("origin", origin);
    let refused = world.answered(&ask(APP));
    assert_eq!(refused.status(), 401);
    assert_eq!(header(&refused, "access-control-allow-origin").as_deref(), Some(APP));
    assert!(header(&refused, "access-control-expose-headers").unwrap().contains("WWW-Authenticate"));
    let other_origin = world.answered(&ask("https://evil.example"));
    assert_eq!(header(&other_origin, "access-control-allow-origin"), None);
    assert_eq!(header(&other_origin, "vary").as_deref(), Some("Origin"));
}

#[test]
fn the_upstreams_own_answer_gives_way_to_the_route() {
    let world = world();
    let good = token(&json!({}));
    let amend = |path: &str, origin: &str| {
        world.sent_on(&FakeRequest::get(path).bearer(&good).header("origin", origin)).amend
    };
    let amended = amend("/cors/1", APP).unwrap();
    assert!(amended.remove.contains(&"access-control-allow-origin"));
    assert!(amended.set.contains(&("access-control-allow-origin", APP.to_owned())));
    assert!(amended.append.contains(&("vary", "Origin")));
    assert_eq!(amend("/cors/1", "https://evil.example").unwrap().set, []);
    assert_eq!(
        amend("/any/1", "https://evil.example").unwrap().set,
        [("access-control-allow-origin", "*".to_owned())]
    );
    assert_eq!(amend("/none/1", APP), None);
}

fn with_default(routes: &Value) -> World {
    fronting_with(routes, &json!({ "cors": { "origins": [APP] } }), &[])
}

#[test]
fn the_origins_of_the_endpoints_are_the_default_of_the_routes() {
    let world = with_default(&json!([
        route("/default/*", &json!({})),
        route("/with-cookies/*", &json!({ "cors": { "credentials": true } })),
        route("/own/*", &json!({ "cors": { "origins": ["https://own.example"] } })),
        route("/api/*", &json!({ "cors": false, "public": true })),
    ]));
    for (path, origin, credentials) in [
        ("/default/1", APP, None),
        ("/with-cookies/1", APP, Some("true")),
        ("/own/1", "https://own.example", None),
    ] {
        let response = world.answered(&preflight(path, origin, "GET"));
        assert_eq!(response.status(), 204, "{path}");
        assert_eq!(header(&response, "access-control-allow-origin").as_deref(), Some(origin), "{path}");
        assert_eq!(header(&response, "access-control-allow-credentials").as_deref(), credentials, "{path}");
    }
    let other = world.answered(&preflight("/own/1", APP, "GET"));
    assert_eq!(
        header(&other, "access-control-allow-origin"),
        None,
        "a route's own list replaces the default"
    );
    assert!(world.platform.upstreams.received().is_empty());
    assert_eq!(world.sent_on(&preflight("/api/1", APP, "GET")).amend, None, "the API answers for itself");
}

#[test]
fn a_preflight_that_no_cors_answers_says_so() {
    let world = world();
    let private = world.answered(&preflight("/none/1", APP, "GET"));
    assert_eq!((private.status().as_u16(), code(&private)), (401, json!("token_missing")));
    let refused = world.platform.events("token_refused");
    let detail = |value: &Value| value["detail"].as_str().unwrap().to_owned();
    assert!(detail(&body(&private)).contains("CORS preflight"));
    assert!(detail(&refused[0]).contains("cors.origins"));
    assert_eq!(refused[0]["route"], "/none/*");
    assert!(!detail(&body(&world.answered(&FakeRequest::get("/none/1")))).contains("preflight"));

    let listed = fronting(&json!([route("/none/*", &json!({ "methods": ["GET"] }))]));
    let other = listed.answered(&preflight("/none/1", APP, "GET"));
    assert_eq!((other.status().as_u16(), code(&other)), (405, json!("method_not_allowed")));
    assert!(detail(&body(&other)).contains("CORS preflight"));
    let endpoint = listed.answered(&preflight("/_assay/verify", APP, "GET"));
    assert_eq!(endpoint.status(), 405);
    assert!(detail(&body(&endpoint)).contains("cors.origins"));
}
