//! Which route takes a request, and that the upstream gets the path that was matched.

use super::*;

fn to(path: &str, upstream: &str, changes: &Value) -> Value {
    merged(json!({ "path": path, "upstream": upstream, "public": true }), changes)
}

#[test]
fn the_most_specific_route_wins_at_any_position() {
    let none = json!({});
    let world = fronting(&json!([
        to("/*", "https://all.example", &none),
        to("/profiles/*", "https://open.example", &none),
        to("/profiles/*/avatar", "https://avatar.example", &none),
        to("/profiles/me", "https://me.example", &none),
        to("/profiles/me/*", "https://mine.example", &none),
        to("/*", "https://hosted.example", &json!({ "host": "admin.example.com" })),
        to("/profiles/me", "https://post.example", &json!({ "methods": ["POST"] })),
    ]));
    for (path, expected) in [
        ("/", "https://all.example/"),
        ("/other", "https://all.example/other"),
        ("/profilesx", "https://all.example/profilesx"),
        ("/profiles", "https://open.example/profiles"),
        ("/profiles/", "https://open.example/profiles/"),
        ("/profiles/7/8", "https://open.example/profiles/7/8"),
        ("/profiles/7/avatar", "https://avatar.example/profiles/7/avatar"),
        ("/profiles/7/avatar/", "https://avatar.example/profiles/7/avatar/"),
        ("/profiles/me", "https://me.example/profiles/me"),
        ("/profiles/me/", "https://me.example/profiles/me/"),
        ("/profiles/me/avatar", "https://mine.example/profiles/me/avatar"),
        ("/Profiles", "https://all.example/Profiles"),
    ] {
        assert_eq!(world.sent_on(&FakeRequest::get(path)).url, expected);
    }
    let post = FakeRequest::new(Method::POST, "/profiles/me");
    assert_eq!(world.sent_on(&post).url, "https://post.example/profiles/me");
    for host in ["admin.example.com", "ADMIN.example.com", "admin.example.com:8443", "admin.example.com."] {
        let hosted = FakeRequest::get("/profiles/me").host(host);
        assert_eq!(world.sent_on(&hosted).url, "https://hosted.example/profiles/me", "{host}");
    }
}

#[test]
fn a_method_that_the_path_does_not_take_is_405_and_never_falls_through() {
    let world = fronting(&json!([
        to("/*", "https://all.example", &json!({})),
        route("/admin", &json!({ "methods": ["GET", "DELETE"] })),
    ]));
    for path in ["/admin", "/admin/", "//admin", "/%61dmin"] {
        let response = world.answered(&FakeRequest::new(Method::POST, path));
        assert_eq!(response.status(), 405, "{path}");
        assert_eq!(header(&response, "allow").as_deref(), Some("GET, HEAD, DELETE"));
        assert_eq!(world.answered(&FakeRequest::get(path)).status(), 401, "{path}");
        assert_eq!(world.answered(&FakeRequest::new(Method::HEAD, path)).status(), 401, "{path}");
    }
    assert!(world.platform.upstreams.received().is_empty());
}

#[test]
fn a_request_that_no_route_takes_is_404() {
    let world = fronting(&json!([route("/profiles/*", &json!({}))]));
    for path in ["/", "/profile", "/profilesx"] {
        assert_eq!(code(&world.answered(&FakeRequest::get(path))), json!("not_found"), "{path}");
    }
}

#[test]
fn an_invalid_host_is_400_and_falls_through_to_no_other_route() {
    let world = fronting(&json!([
        to("/*", ORIGIN, &json!({})),
        route("/*", &json!({ "host": "admin.example.com" })),
    ]));
    for host in [
        "admin.example.com..",
        ".admin.example.com",
        "admin.example.com:443:443",
        "[admin.example.com]",
        "a\";for=root",
        "a, b",
        "a b",
        "a@b",
        "",
        "\u{e9}",
    ] {
        let response = world.answered(&FakeRequest::get("/x").host(host));
        assert_eq!((response.status().as_u16(), code(&response)), (400, json!("host_refused")), "{host}");
    }
    assert!(world.platform.upstreams.received().is_empty());
    for host in ["admin.example.com", "admin.example.com.", "Admin.Example.com:8443"] {
        assert_eq!(world.answered(&FakeRequest::get("/x").host(host)).status(), 401, "{host}");
    }
}

#[test]
fn the_path_that_is_matched_is_the_path_that_is_forwarded() {
    let world = fronting(&json!([to("/open/*", ORIGIN, &json!({})), route("/*", &json!({}))]));
    for (path, sent) in [
        ("/open/a", "/open/a"),
        ("//open//a", "/open/a"),
        ("/open///", "/open/"),
        ("/%6fpen/%61", "/open/a"),
        ("/%6Fpen/%c3%a9", "/open/%C3%A9"),
        ("/open/a%2Cb", "/open/a%2Cb"),
        ("/open/100%25", "/open/100%25"),
    ] {
        assert_eq!(world.sent_on(&FakeRequest::get(path)).url, format!("{ORIGIN}{sent}"), "{path}");
    }
}

#[test]
fn a_path_that_servers_read_in_different_ways_is_400_on_every_route() {
    let world = fronting(&json!([to("/*", ORIGIN, &json!({}))]));
    for path in [
        "/open/../admin",
        "/open/./a",
        "/open/%2e%2e/admin",
        "/open/%2E%2e/admin",
        "/open/.%2e/admin",
        "/open%2fadmin",
        "/open%2Fadmin",
        "/open\\admin",
        "/open%5cadmin",
        "/open/..%5Cadmin",
        "/a%00",
        "/a%0a",
        "/open;x/a",
        "/open/..;/admin",
        "/open%3b/admin",
        "/open/%252e%252e/admin",
        "/open/%252fadmin",
        "/a%",
        "/a%g0",
        "/a%ff",
        "/a%c0%ae",
    ] {
        let response = world.answered(&FakeRequest::get(path));
        assert_eq!((response.status().as_u16(), code(&response)), (400, json!("path_refused")), "{path}");
    }
    for query in ["/a?x#y", "/a?x\u{1}"] {
        assert_eq!(world.answered(&FakeRequest::get(query)).status(), 400, "{query}");
    }
    assert!(world.platform.upstreams.received().is_empty());
}
