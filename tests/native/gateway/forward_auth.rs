//! Forward-auth: the answer is 200, 401 or 403, it is about the original request, and only a trusted proxy gets it.

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

/// The question of ingress-nginx about a request to the URL, without the secret: exactly the headers that its template sets.
fn ingress_asks(method: &str, url: &str) -> FakeRequest {
    FakeRequest::get("/auth-request")
        .header("x-request-id", "5f1c2d")
        .header("x-original-url", url)
        .header("x-original-method", method)
        .header("x-sent-from", "nginx-ingress-controller")
        .header("x-real-ip", "192.0.2.1")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-auth-request-redirect", "/profiles/1")
}

/// The question of each dialect about a request, without the secret.
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
        FakeRequest::new(method.parse().unwrap(), &format!("/ext-authz{target}"))
            .host(host)
            .header("host", host)
            .header("x-forward-auth-path", target),
        ingress_asks(method, &format!("https://{host}{target}")).header("x-original-host", host),
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
fn a_route_allows_encoded_slashes_and_semicolons_in_every_dialect_as_the_gateway_does() {
    let both = json!(["encoded_slash", "semicolon"]);
    let world = world(&json!([
        { "path": "/open/*", "public": true, "allow_in_path": both },
        { "path": "/open/admin/*", "allow_in_path": both },
        { "path": "/none/*", "public": true },
        { "path": "/hosted/x/*", "host": "admin.example.com", "allow_in_path": both },
        { "path": "/hosted/*", "public": true, "allow_in_path": both },
    ]));
    for (target, status, code) in [
        ("/open/@scope%2Fname", 200, None),
        ("/open/group%2fproject/issues?a=%2F..", 200, None),
        ("/open/x;v=1", 200, None),
        ("/open/x%3Bv=1", 200, None),
        ("/open/admin/a%2Fb", 401, Some("token_missing")),
        ("/open/admin%2Fb", 403, Some("path_refused")),
        ("/open/admin;v=1/b", 403, Some("path_refused")),
        ("/open%2Fx", 403, Some("path_refused")),
        ("/open/..%2Fadmin", 403, Some("path_refused")),
        ("/open/x/..;/admin", 403, Some("path_refused")),
        ("/open/x%252Fadmin", 403, Some("path_refused")),
        ("/none/a%2Fb", 403, Some("path_refused")),
        ("/none/a;b", 403, Some("path_refused")),
        ("/nowhere/a%2Fb", 403, Some("route_unknown")),
    ] {
        all_answer(&world, asks("GET", "api.example.com", target), |request| request, (status, code));
    }
    // Decoded, the path is one of a route with a host, so ingress-nginx must send the host that it has chosen.
    let question =
        ingress_asks("GET", "https://api.example.com/hosted/x%2Fy").header("x-forward-auth-secret", SECRET);
    refused(&world, &question, "forward_auth_incomplete");
    assert_eq!(world.answered(&question.header("x-original-host", "api.example.com")).status(), 200);
}

#[test]
fn without_routes_no_path_has_an_encoded_slash_or_a_semicolon() {
    let changes = json!({ "gateway": null, "forward_auth": { "trusted": true }, "endpoints": null });
    let world = fronting_with(&json!([]), &changes, &[]);
    for target in ["/a%2Fb", "/a;b", "/a%3Bb"] {
        for request in asks("GET", "h", target) {
            refused(&world, &request.bearer(&token(&json!({}))), "path_refused");
        }
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
fn without_routes_every_token_that_verifies_may_pass() {
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
fn a_proxy_without_the_secret_is_not_trusted() {
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
fn a_token_that_cannot_be_verified_now_is_403_with_its_code() {
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
fn a_question_without_a_required_header_gets_403() {
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
        // The header occurs twice: from the client, and from the proxy.
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
fn no_client_reads_identity_headers_and_tokens_out_of_an_answer_to_trace() {
    let world = world(&routes());
    let reader = token(&json!({ "scope": "profiles:read" }));
    for method in ["TRACE", "CONNECT", "TRACK", "trace"] {
        for target in ["/profiles", "/open/x"] {
            let asks = asks(method, "api.example.com", target);
            assert_eq!(asks.len(), 4);
            all_answer(&world, asks, |request| request.bearer(&reader), (403, Some("method_refused")));
        }
    }
    // Also without routes, which could list methods.
    let changes = json!({ "gateway": null, "forward_auth": { "trusted": true }, "endpoints": null });
    let bare = fronting_with(&json!([]), &changes, &[]);
    for request in asks("TRACE", "h", "/x") {
        refused(&bare, &request.bearer(&reader), "method_refused");
    }
}

#[test]
fn an_unauthenticated_caller_does_not_learn_the_name_of_the_header_with_the_secret() {
    let named = world_with(&routes(), &json!({ "secret": "S", "header": "X-Proxy-Key" }), &[("S", SECRET)]);
    for request in asks("GET", "h", "/open/x") {
        let response = named.answered(&request);
        assert_eq!(code(&response), json!("forward_auth_untrusted"));
        assert!(!body(&response).to_string().to_ascii_lowercase().contains("x-proxy-key"));
    }
}

#[test]
fn a_refusal_names_the_header_that_was_sent_and_the_one_that_is_missing() {
    let world = world(&routes());
    for request in open_asks() {
        for name in ["x-forwarded-client-cert", "x_user_id", "transfer_encoding"] {
            let response = world.answered(&request.clone().header(name, "x"));
            assert_eq!(code(&response), json!("header_refused"));
            assert!(body(&response)["detail"].as_str().unwrap().contains(&format!("`{name}`")), "{name}");
        }
    }
    for (path, name) in [
        ("/forward-auth", "x-forwarded-method"),
        ("/auth-request", "x-original-method"),
        ("/ext-authz", "x-forward-auth-path"),
    ] {
        let response = world.answered(&FakeRequest::get(path).header("x-forward-auth-secret", SECRET));
        assert_eq!(code(&response), json!("forward_auth_incomplete"));
        assert!(body(&response)["detail"].as_str().unwrap().contains(&format!("`{name}`")), "{name}");
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
    for (index, names) in [(0, &forward[..]), (1, &nginx[..]), (2, &nginx[..]), (3, &nginx[..])] {
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

/// A question in each dialect about a public path, with the secret.
fn open_asks() -> Vec<FakeRequest> {
    let asks = asks("GET", "api.example.com", "/open/x");
    asks.into_iter().map(|request| request.header("x-forward-auth-secret", SECRET)).collect()
}

fn refused(world: &World, request: &FakeRequest, expected: &str) {
    let response = world.answered(request);
    let found = (response.status().as_u16(), header(&response, "x-assay-code"));
    assert_eq!(found, (403, Some(expected.to_owned())), "{request:?}");
}

fn spellings(name: &str) -> [String; 5] {
    [
        name.to_owned(),
        name.to_uppercase(),
        name.replace('-', "_"),
        name.replace('-', "."),
        name.to_uppercase().replacen('-', "_", 1),
    ]
}

#[test]
fn an_identity_header_of_any_dialect_or_route_stops_the_request_however_it_is_spelt() {
    let world = world(&routes());
    let names = [
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-groups",
        "x-forwarded-preferred-username",
        "x-forwarded-client-cert",
        "remote-user",
        "remote-email",
        "remote-groups",
        "remote-name",
        "x-auth-request-user",
        "x-auth-request-email",
        "x-auth-request-groups",
        "x-auth-request-access-token",
        "x-user-id",
    ];
    for ask in open_asks() {
        for name in names {
            for spelling in spellings(name) {
                refused(&world, &ask.clone().header(&spelling, "root"), "header_refused");
                refused(&world, &ask.clone().header(&spelling, ""), "header_refused");
            }
        }
    }
}

#[test]
fn without_routes_identity_headers_stop_the_request_too() {
    let world = fronting_with(
        &json!([]),
        &json!({ "gateway": null, "forward_auth": { "trusted": true }, "endpoints": null }),
        &[],
    );
    for ask in asks("GET", "h", "/x") {
        let ask = ask.bearer(&token(&json!({})));
        refused(&world, &ask.clone().header("remote-user", "root"), "header_refused");
        assert_eq!(world.answered(&ask).status(), 200);
    }
}

#[test]
fn a_header_that_describes_another_request_is_refused() {
    let world = world(&routes());
    for (own, ask) in open_asks().into_iter().enumerate() {
        for name in
            ["x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url", "x-host"]
        {
            for spelling in spellings(name) {
                if own == 3 && spelling.eq_ignore_ascii_case("x-original-url") {
                    // The proxy overwrites this header.
                    continue;
                }
                refused(&world, &ask.clone().header(&spelling, "/admin"), "header_refused");
            }
        }
    }
}

#[test]
fn a_dialect_refuses_the_headers_in_which_the_others_describe_a_request() {
    let world = world(&routes());
    let told = [
        &["x-forwarded-method", "x-forwarded-uri", "x-forwarded-host"][..],
        &["x-original-method", "x-original-uri", "x-original-host"][..],
        &["x-forward-auth-path"][..],
        &["x-original-method", "x-original-url", "x-original-host"][..],
    ];
    for (own, ask) in open_asks().into_iter().enumerate() {
        for names in told {
            for name in names {
                let is_own = told[own].contains(name);
                // The dialect's own names in another spelling are not the proxy's either.
                for spelling in spellings(name) {
                    if !is_own || spelling.to_lowercase() != *name {
                        refused(&world, &ask.clone().header(&spelling, "/open/x"), "header_refused");
                    }
                }
            }
        }
    }
}

#[test]
fn ingress_nginx_asks_with_the_headers_of_its_template() {
    let world = world(&routes());
    let reader = token(&json!({ "scope": "profiles:read" }));
    let ask = |method: &str, url: &str| {
        world.answered(&ingress_asks(method, url).bearer(&reader).header("x-forward-auth-secret", SECRET))
    };
    let response = ask("GET", "https://api.example.com/profiles/1");
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-user-id").as_deref(), Some("user_1"));
    assert_eq!(header(&response, "x-auth-request-user").as_deref(), Some("user_1"));
    assert_eq!(ask("GET", "http://api.example.com:8080/profiles/1?x=https://other.example/").status(), 200);
    assert_eq!(ask("POST", "https://api.example.com/posts").status(), 200);
    assert_eq!(code(&ask("GET", "https://api.example.com/posts")), json!("route_unknown"));
    assert_eq!(code(&ask("GET", "https://api.example.com/nowhere")), json!("route_unknown"));
    let unsent = ingress_asks("GET", "https://api.example.com/profiles/1").bearer(&reader);
    refused(&world, &unsent, "forward_auth_untrusted");
}

#[test]
fn the_url_header_of_ingress_nginx_holds_one_http_url_and_nothing_else() {
    let world = world(&routes());
    let ask = |url: &str| ingress_asks("GET", url).header("x-forward-auth-secret", SECRET);
    for (url, expected) in [
        ("", "forward_auth_incomplete"),
        ("/open/x", "forward_auth_incomplete"),
        ("api.example.com/open/x", "forward_auth_incomplete"),
        ("//api.example.com/open/x", "forward_auth_incomplete"),
        ("ftp://api.example.com/open/x", "forward_auth_incomplete"),
        ("HTTPS://api.example.com/open/x", "forward_auth_incomplete"),
        ("https://api.example.com", "forward_auth_incomplete"),
        ("https://api.example.com?/open/x", "host_refused"),
        ("https:///open/x", "host_refused"),
        ("https://a@api.example.com/open/x", "host_refused"),
        ("https://api.example.com\\/open/x", "host_refused"),
        ("https://api.example.com#/open/x", "host_refused"),
        ("https://api.example.com//open/x", "path_refused"),
        ("https://api.example.com/open/../profiles", "path_refused"),
        ("https://api.example.com/open/%2e%2e/profiles", "path_refused"),
        ("https://api.example.com/open\\x", "path_refused"),
        ("https://api.example.com/open/x#y", "path_refused"),
    ] {
        refused(&world, &ask(url), expected);
    }
    let error = FakeRequest::get("/auth-request")
        .header("x-original-url", "https://api.example.com/open/x")
        .header("x-forward-auth-secret", SECRET);
    refused(&world, &error, "forward_auth_incomplete");
    assert_eq!(world.answered(&ask("https://api.example.com/open/x")).status(), 200);
}

#[test]
fn no_client_can_turn_a_question_of_nginx_into_one_of_ingress_nginx_or_the_reverse() {
    let world = world(&routes());
    // The client adds the header of the other proxy to a request for a path that needs a token.
    let nginx = asks("GET", "api.example.com", "/profiles/1").remove(1);
    let ingress = ingress_asks("GET", "https://api.example.com/profiles/1");
    for both in [
        nginx.header("x-original-url", "https://api.example.com/open/x"),
        ingress.clone().header("x-original-uri", "/open/x"),
        ingress.header("x-original-uri", "/open/x").header("x-original-host", "api.example.com"),
    ] {
        refused(&world, &both.header("x-forward-auth-secret", SECRET), "header_refused");
    }
}

#[test]
fn a_question_of_ingress_nginx_is_decided_by_the_host_that_it_has_chosen() {
    let world = world(&json!([
        { "path": "/admin/*", "host": "admin.example.com" },
        { "path": "/admin/*", "public": true },
        { "path": "/open/*", "public": true },
    ]));
    let ask = |url: &str| ingress_asks("GET", url).header("x-forward-auth-secret", SECRET);
    // `GET https://admin.example.com/admin/x` with `Host: open.example.com`: nginx uses the host of the URL.
    let split = ask("https://open.example.com/admin/x");
    refused(&world, &split.clone().header("x-original-host", "admin.example.com"), "host_refused");
    refused(&world, &split.clone().header("x-original-host", ""), "host_refused");
    // Without the header the host is unknown, and the routes depend on it.
    refused(&world, &split.clone(), "forward_auth_incomplete");
    assert_eq!(world.answered(&split.header("x-original-host", "open.example.com")).status(), 200);
    let admin = ask("https://admin.example.com:8443/admin/x").header("x-original-host", "admin.example.com");
    assert_eq!(world.answered(&admin).status(), 401);
    assert_eq!(world.answered(&ask("https://open.example.com/open/x")).status(), 200);
}

#[test]
fn a_question_of_envoy_is_decided_by_the_host_that_envoy_overwrites_and_by_no_other() {
    let world = world(&json!([
        { "path": "/*", "host": "open.example.com", "public": true },
        { "path": "/*", "host": "admin.example.com" },
    ]));
    let ask = |host: &str| {
        let ask = asks("GET", host, "/users").remove(2);
        ask.header("x-forward-auth-secret", SECRET)
    };
    assert_eq!(world.answered(&ask("open.example.com")).status(), 200);
    assert_eq!(world.answered(&ask("admin.example.com")).status(), 401);
    refused(
        &world,
        &ask("admin.example.com").header("x-forwarded-host", "open.example.com"),
        "header_refused",
    );
    // The URL has another host than the `Host` header.
    let split = FakeRequest::get("/ext-authz/users")
        .host("open.example.com")
        .header("host", "admin.example.com")
        .header("x-forward-auth-path", "/users")
        .header("x-forward-auth-secret", SECRET);
    refused(&world, &split, "host_refused");
}

#[test]
fn a_question_of_envoy_is_decided_by_the_path_that_envoy_forwards_and_not_by_the_normalised_url() {
    let world = world(&routes());
    let ask = |url: &str, told: &str| {
        FakeRequest::get(&format!("/ext-authz{url}"))
            .header("host", "api.example.com")
            .header("x-forward-auth-path", told)
            .header("x-forward-auth-secret", SECRET)
    };
    for (url, told) in [
        ("/open/x", "/profiles/../open/x"),
        ("/open/x", "/profiles"),
        ("/open/x", "/open/x#/../../profiles"),
        ("/open/x", "/open\\x"),
        ("/open/x", "/open/%2e/x"),
        ("/open/x", "//open/x"),
        ("/open/x", "http://api.example.com/open/x"),
        ("/open/x", "*"),
        ("/open/x", ""),
        ("/open/x", "-"),
        ("/open/x", "/open/x?access_token=1"),
        ("/open/x?a=1", "/open/x?a=2"),
        ("/open/x?a=1", "/open/x"),
    ] {
        refused(&world, &ask(url, told), "path_refused");
    }
    for (url, told) in [
        ("/open/x", "/open/x"),
        ("/open/x", "/open/x?"),
        ("/open/x?", "/open/x"),
        ("/open/x?a=%22b%22&c='%27", "/open/x?a=\"b\"&c=%27'"),
        ("/open/x?a=%", "/open/x?a=%"),
        ("/open/%7Bx%7D", "/open/{x}"),
        ("/open/%C3%A9", "/open/%c3%a9"),
    ] {
        assert_eq!(world.answered(&ask(url, told)).status(), 200, "{url} {told}");
    }
    let error = FakeRequest::get("/ext-authz/open/x")
        .header("host", "api.example.com")
        .header("x-forward-auth-secret", SECRET);
    refused(&world, &error, "forward_auth_incomplete");
}

#[test]
fn a_question_at_any_other_endpoint_gets_403() {
    let routes = json!([{ "path": "/open/*", "public": true, "upstream": ORIGIN }]);
    let world = world_with(&routes, &json!({ "secret": "S", "header": "x-proxy-key" }), &[("S", SECRET)]);
    let faulty = World::new(&json!({ "issuers": [], "forward_auth": { "trusted": true } }));
    let trusting =
        fronting_with(&routes, &json!({ "forward_auth": { "trusted": true }, "endpoints": null }), &[]);
    let paths =
        ["/healthz", "/readyz", "/verify", "/openapi.json", "/console", "/explain", "/open/x", "/nothing"];
    for path in paths {
        let ask = FakeRequest::get(path).bearer(&token(&json!({})));
        for given in [SECRET, "wrong", ""] {
            refused(&world, &ask.clone().header("x-proxy-key", given), "forward_auth_misdirected");
        }
        refused(&faulty, &ask.clone().header("x-forward-auth-secret", SECRET), "forward_auth_misdirected");
        for world in [&world, &faulty, &trusting] {
            let told = ask.clone().header("x-forward-auth-path", "/admin/../..");
            refused(world, &told, "forward_auth_misdirected");
        }
    }
    assert!(world.platform.upstreams.received().is_empty());
    assert_eq!(world.answered(&FakeRequest::get("/healthz")).status(), 200);
    world.sent_on(&FakeRequest::get("/open/x"));
    // Without forward-auth these are ordinary headers.
    let plain = fronting(&json!([route("/*", &json!({ "public": true }))]));
    let upstream_request = plain.sent_on(&FakeRequest::get("/x").header("x-forward-auth-path", "/y"));
    assert!(upstream_request.remove.contains(&"x-forward-auth-path".to_owned()));
}

#[test]
fn an_upgrade_to_anything_but_a_websocket_stops_the_request() {
    let world = world(&routes());
    for ask in open_asks() {
        for other in ["h2c", "HTTP/2.0", "websocket, h2c", "h2c, websocket", "websocketx", "TLS/1.0", ""] {
            refused(&world, &ask.clone().header("upgrade", other), "upgrade_refused");
        }
        for websocket in ["websocket", "WebSocket"] {
            assert_eq!(world.answered(&ask.clone().header("upgrade", websocket)).status(), 200);
        }
        let twice = ask.header("upgrade", "websocket").header("upgrade", "h2c");
        refused(&world, &twice, "upgrade_refused");
    }
}

#[test]
fn an_invalid_host_gets_403_and_falls_through_to_no_other_route() {
    let world = world(&json!([
        { "path": "/*", "public": true },
        { "path": "/*", "host": "admin.example.com" },
    ]));
    for host in [
        "admin.example.com..",
        ".admin.example.com",
        "admin.example.com:443:443",
        "[admin.example.com]",
        "admin.example.com:x",
        "admin.example.com, open.example.com",
        "x@admin.example.com",
        "admin.example.com/x",
        "",
    ] {
        for ask in asks("GET", host, "/users") {
            refused(&world, &ask.header("x-forward-auth-secret", SECRET), "host_refused");
        }
    }
    for (host, expected) in [
        ("admin.example.com", 401),
        ("ADMIN.example.com.", 401),
        ("admin.example.com:8443", 401),
        ("other.example.com", 200),
        ("[::1]:8080", 200),
    ] {
        for ask in asks("GET", host, "/users") {
            let response = world.answered(&ask.header("x-forward-auth-secret", SECRET));
            assert_eq!(response.status().as_u16(), expected, "{host}");
        }
    }
}

#[test]
fn headers_that_proxies_and_cloudflare_add_on_the_way_are_accepted() {
    let world = world(&routes());
    for ask in open_asks() {
        let mut ask = ask;
        for (name, value) in [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-server", "edge"),
            ("x-forwarded-prefix", "/api"),
            ("x-real-ip", "192.0.2.1"),
            ("true-client-ip", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
            ("cf-connecting-ip", "192.0.2.1"),
            ("cf-ray", "8f"),
            ("cf-visitor", "{}"),
            ("x-request-id", "1"),
            ("x-envoy-external-address", "192.0.2.1"),
            ("content-length", "0"),
            ("connection", "upgrade"),
            ("sec-websocket-key", "x"),
            ("x_custom", "1"),
        ] {
            ask = ask.header(name, value);
        }
        assert_eq!(world.answered(&ask).status(), 200);
        for disguised in [
            "x_real_ip",
            "x_forwarded_for",
            "cf_connecting_ip",
            "content_length",
            "transfer_encoding",
            "proxy_authorization",
            "x_forward_auth_secret",
            "x(user)",
        ] {
            refused(&world, &ask.clone().header(disguised, "1"), "header_refused");
        }
    }
}

/// A platform in front of the proxy overwrites the header under its own name only.
#[test]
fn a_header_of_a_platform_is_accepted_as_the_platform_spells_it() {
    let world = world(&routes());
    for name in [
        "cf-access-authenticated-user-email",
        "x-goog-authenticated-user-id",
        "x-amzn-oidc-identity",
        "x-ms-client-principal",
        "x-ms-token-aad-id-token",
        "tailscale-user-login",
    ] {
        for ask in open_asks() {
            assert_eq!(world.answered(&ask.clone().header(name, "ada")).status(), 200, "{name}");
            refused(&world, &ask.header(&name.replace('-', "_"), "root"), "header_refused");
        }
    }
}

#[test]
fn the_header_of_the_secret_may_have_any_name() {
    let given = json!({ "secret": "S", "header": "X-Forwarded-Secret" });
    let world = world_with(&routes(), &given, &[("S", SECRET)]);
    for ask in asks("GET", "h", "/open/x") {
        assert_eq!(world.answered(&ask.header("x-forwarded-secret", SECRET)).status(), 200);
    }
}

#[test]
fn without_the_configuration_there_is_no_such_endpoint() {
    let world = fronting(&json!([route("/profiles/*", &json!({}))]));
    for request in asks("GET", "h", "/open/x") {
        assert_eq!(world.answered(&request).status(), 404);
    }
}
