//! Forward-auth: 200, 401 or 403, about the original request, and only on the word of a proxy that may give it.

use super::*;

const SECRET: &str = "what the proxy knows and nobody else";

fn world_with(routes: &Value, forward_auth: &Value, bound: &[(&str, &str)]) -> World {
    fronting_with(routes, &json!({ "forward_auth": forward_auth, "endpoints": null }), bound)
}

fn world(routes: &Value) -> World {
    world_with(routes, &json!({ "secret": "FORWARD_AUTH_SECRET" }), &[("FORWARD_AUTH_SECRET", SECRET)])
}

fn routes() -> Value {
    json!([
        { "path": "/profiles/*", "require": { "scopes": ["profiles:read"] }, "headers": { "x-user-id": "/sub" } },
        { "path": "/open/*", "public": true },
        { "path": "/posts", "methods": ["POST"] },
        { "path": "/hosted", "host": "admin.example.com" },
    ])
}

/// How each dialect asks about a request, without the secret.
fn asks(method: &str, host: &str, target: &str) -> Vec<FakeRequest> {
    let told = |path: &str, prefix: &str| {
        FakeRequest::get(path)
            .header(&format!("x-{prefix}-method"), method)
            .header(&format!("x-{prefix}-uri"), target)
            .header(&format!("x-{prefix}-host"), host)
    };
    vec![
        told("/forward-auth", "forwarded"),
        told("/auth-request", "original"),
        FakeRequest::new(method.parse().unwrap(), &format!("/ext-authz{target}")).host(host),
    ]
}

fn all_answer(
    world: &World,
    asks: Vec<FakeRequest>,
    dress: impl Fn(FakeRequest) -> FakeRequest,
    expected: (u16, Option<&str>),
) {
    for request in asks {
        let request = dress(request).header("x-forward-auth-secret", SECRET);
        let response = world.answered(&request);
        assert_eq!(response.status().as_u16(), expected.0, "{request:?}\n{response:?}");
        assert_eq!(header(&response, "x-assay-code").as_deref(), expected.1, "{request:?}");
        if let Some(code_expected) = expected.1 {
            assert_eq!(code(&response), json!(code_expected));
            assert_eq!(body(&response)["status"], expected.0);
        }
    }
}

#[test]
fn the_routes_requirements_apply_to_the_original_request() {
    let world = world(&routes());
    let reader = token(&json!({ "scope": "profiles:read" }));
    let anybody = token(&json!({}));
    let expired = token(&json!({ "scope": "profiles:read", "exp": 1_700_000_000 }));
    let with = |token: &str| {
        let token = token.to_owned();
        move |request: FakeRequest| request.bearer(&token)
    };
    let host = "api.example.com";
    all_answer(&world, asks("GET", host, "/profiles/7?x=1"), with(&reader), (200, None));
    all_answer(&world, asks("GET", host, "/profiles"), with(&anybody), (403, Some("scope_insufficient")));
    all_answer(&world, asks("GET", host, "/profiles"), with(&expired), (401, Some("token_expired")));
    all_answer(&world, asks("GET", host, "/profiles"), |request| request, (401, Some("token_missing")));
    all_answer(&world, asks("GET", host, "/profiles"), with("null"), (401, Some("token_missing")));
    all_answer(
        &world,
        asks("GET", host, "/profiles?access_token=x"),
        with(&reader),
        (401, Some("request_ambiguous")),
    );
    all_answer(&world, asks("GET", host, "/open/x"), |request| request, (200, None));
    all_answer(&world, asks("GET", host, "/open/x"), with(&expired), (401, Some("token_expired")));
    all_answer(&world, asks("POST", host, "/posts"), with(&anybody), (200, None));
    all_answer(&world, asks("GET", host, "/posts"), with(&anybody), (403, Some("route_unknown")));
    all_answer(&world, asks("GET", host, "/nowhere"), with(&reader), (403, Some("route_unknown")));
    all_answer(&world, asks("GET", host, "/hosted"), with(&reader), (403, Some("route_unknown")));
    all_answer(&world, asks("GET", "admin.example.com", "/hosted"), with(&reader), (200, None));
    for target in
        ["//profiles", "/open/../profiles", "/open/%2e%2e/profiles", "/open%2fx", "/open;x", "/open\\x"]
    {
        all_answer(&world, asks("GET", host, target), with(&reader), (403, Some("path_refused")));
    }
}

#[test]
fn the_challenge_is_that_of_verify() {
    let world = world(&routes());
    let ask = |token: &str| {
        world.answered(
            &asks("GET", "h", "/profiles")[1].clone().bearer(token).header("x-forward-auth-secret", SECRET),
        )
    };
    let response = ask(&token(&json!({ "exp": 1_700_000_000 })));
    assert!(challenge(&response).unwrap().contains("error=\"invalid_token\""));
    assert_eq!(header(&response, "cache-control").as_deref(), Some("no-store"));
    let response = ask(&token(&json!({})));
    assert!(challenge(&response).unwrap().contains("scope=\"profiles:read\""));
}

#[test]
fn without_routes_whatever_verifies_may_pass() {
    let world = fronting_with(
        &json!([]),
        &json!({ "gateway": null, "forward_auth": { "trusted": true }, "endpoints": null }),
        &[],
    );
    for request in asks("DELETE", "h", "/anything") {
        assert_eq!(world.answered(&request).status(), 401);
        assert_eq!(world.answered(&request.bearer(&token(&json!({})))).status(), 200);
    }
}

#[test]
fn a_proxy_without_the_secret_is_not_believed() {
    let world = world(&routes());
    for request in asks("GET", "api.example.com", "/open/x") {
        for wrong in [
            None,
            Some(""),
            Some("what the proxy knows and nobody els"),
            Some("what the proxy knows and nobody else "),
            Some("What the proxy knows and nobody else"),
        ] {
            let request = match wrong {
                None => request.clone(),
                Some(wrong) => request.clone().header("x-forward-auth-secret", wrong),
            };
            let response = world.answered(&request);
            assert_eq!((response.status().as_u16(), code(&response)), (403, json!("forward_auth_untrusted")));
            assert!(!format!("{response:?}").contains(SECRET));
        }
        let twice = request.header("x-forward-auth-secret", SECRET).header("x-forward-auth-secret", "x");
        assert_eq!(world.answered(&twice).status(), 403);
    }
    let named = world_with(&routes(), &json!({ "secret": "S", "header": "X-Proxy-Key" }), &[("S", SECRET)]);
    let ask = asks("GET", "h", "/open/x").remove(0);
    assert_eq!(named.answered(&ask.clone().header("x-forward-auth-secret", SECRET)).status(), 403);
    assert_eq!(named.answered(&ask.header("x-proxy-key", SECRET)).status(), 200);
}

#[test]
fn what_cannot_be_judged_is_403_and_says_so() {
    let unbound = world_with(&routes(), &json!({ "secret": "FORWARD_AUTH_SECRET" }), &[]);
    for request in asks("GET", "h", "/open/x") {
        for given in ["", SECRET] {
            let response = unbound.answered(&request.clone().header("x-forward-auth-secret", given));
            assert_eq!((response.status().as_u16(), code(&response)), (403, json!("secret_missing")));
        }
    }
    let world = world(&routes());
    world.serves(&crate::support::world::jwks_uri(ISS), crate::support::platform::Answer::unreachable());
    for request in asks("GET", "h", "/profiles") {
        let request = request.bearer(&token(&json!({}))).header("x-forward-auth-secret", SECRET);
        let response = world.answered(&request);
        assert_eq!((response.status().as_u16(), code(&response)), (403, json!("jwks_unavailable")));
        assert!(header(&response, "retry-after").is_some());
        assert_eq!(challenge(&response), None);
    }
    let faulty = World::new(&json!({ "issuers": [], "forward_auth": { "trusted": true } }));
    for request in asks("GET", "h", "/open/x") {
        let response = faulty.answered(&request);
        assert_eq!((response.status().as_u16(), code(&response)), (403, json!("config_invalid")));
    }
}

#[test]
fn a_proxy_that_does_not_say_enough_gets_403() {
    let world = world(&routes());
    let secret = |request: FakeRequest| request.header("x-forward-auth-secret", SECRET);
    for (path, prefix) in [("/forward-auth", "forwarded"), ("/auth-request", "original")] {
        let names = ["method", "uri", "host"].map(|name| format!("x-{prefix}-{name}"));
        let values = ["GET", "/open/x", "h"];
        for left_out in 0..3 {
            let mut request = secret(FakeRequest::get(path));
            for index in (0..3).filter(|index| *index != left_out) {
                request = request.header(&names[index], values[index]);
            }
            let response = world.answered(&request);
            assert_eq!(
                (response.status().as_u16(), code(&response)),
                (403, json!("forward_auth_incomplete"))
            );
        }
        // Told twice: by the proxy, and by the client before it.
        for doubled in 0..3 {
            let mut request = secret(FakeRequest::get(path));
            for index in 0..3 {
                request = request.header(&names[index], values[index]);
            }
            let response = world.answered(&request.header(&names[doubled], values[doubled]));
            assert_eq!(response.status(), 403);
        }
    }
    for (path, rest) in [("/forward-auth", ""), ("/auth-request", ""), ("/ext-authz", "")] {
        let response = world.answered(&FakeRequest::get(&format!("{path}{rest}")));
        assert_eq!(response.status(), 403);
    }
}

#[test]
fn the_identity_is_always_complete_in_the_customary_names() {
    let world = world(&routes());
    let ada = token(
        &json!({ "scope": "profiles:read", "email": "ada@example.com", "groups": ["a", "b"], "name": "Ada" }),
    );
    let nginx = ["x-auth-request-user", "x-auth-request-email", "x-auth-request-groups", "x-user-id"];
    let forward = [
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-groups",
        "remote-user",
        "remote-email",
        "remote-groups",
        "remote-name",
        "x-user-id",
    ];
    for (index, names) in [(0, &forward[..]), (1, &nginx[..]), (2, &nginx[..])] {
        let ask =
            |target: &str| asks("GET", "h", target).remove(index).header("x-forward-auth-secret", SECRET);
        let known = world.answered(&ask("/profiles").bearer(&ada));
        let nobody = world.answered(&ask("/open/x"));
        for name in names {
            let expected = match *name {
                "remote-name" => "Ada",
                name if name.ends_with("email") => "ada@example.com",
                name if name.ends_with("groups") => "a,b",
                _ => "user_1",
            };
            assert_eq!(header(&known, name).as_deref(), Some(expected), "{name}");
            assert_eq!(header(&nobody, name).as_deref(), Some(""), "{name}");
        }
        assert!(known.body().is_empty());
    }
}

#[test]
fn a_header_that_could_be_taken_for_an_identity_stops_the_request() {
    let world = world(&routes());
    let names = [
        ["x-forwarded-user", "remote-user", "remote-groups", "x-user-id"],
        ["x-auth-request-user", "x-auth-request-email", "x-auth-request-groups", "x-user-id"],
        ["x-auth-request-user", "x-auth-request-email", "x-auth-request-groups", "x-user-id"],
    ];
    for (index, names) in names.iter().enumerate() {
        let ask = || asks("GET", "h", "/open/x").remove(index).header("x-forward-auth-secret", SECRET);
        for name in names {
            for spelling in
                [name.replace('-', "_"), name.replace('-', "."), name.to_uppercase().replacen('-', "_", 1)]
            {
                let response = world.answered(&ask().header(&spelling, "root"));
                assert_eq!(
                    (response.status().as_u16(), code(&response)),
                    (403, json!("header_refused")),
                    "{spelling}"
                );
            }
            // What is spelt as we spell it, the proxy replaces by our answer.
            let response = world.answered(&ask().header(name, "root"));
            assert_eq!(response.status(), 200);
            assert_eq!(header(&response, name).as_deref(), Some(""));
        }
    }
}

#[test]
fn a_header_that_makes_another_request_of_it_stops_it() {
    let world = world(&routes());
    for request in asks("GET", "h", "/open/x") {
        for name in [
            "X-HTTP-Method-Override",
            "x_http_method_override",
            "X-Original-URL",
            "X-Rewrite-URL",
            "x.original.url",
        ] {
            let response = world
                .answered(&request.clone().header(name, "/admin").header("x-forward-auth-secret", SECRET));
            assert_eq!(
                (response.status().as_u16(), code(&response)),
                (403, json!("header_refused")),
                "{name}"
            );
        }
    }
}

#[test]
fn without_the_configuration_there_is_no_such_endpoint() {
    let world = fronting(&json!([route("/profiles/*", &json!({}))]));
    for request in asks("GET", "h", "/open/x") {
        assert_eq!(world.answered(&request).status(), 404);
    }
}
