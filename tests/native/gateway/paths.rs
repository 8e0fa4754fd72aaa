//! `allow_in_path`: encoded slashes and semicolons. A path is accepted only if every way in which an upstream can read it leads to the
//! matched route, and the upstream gets the path that was matched.

use super::*;
use edge_assay::gateway::host::Host;
use edge_assay::gateway::path::Path;
use edge_assay::gateway::routes::Found;
use std::collections::BTreeSet;

const BOTH: [&str; 2] = ["encoded_slash", "semicolon"];

/// A public route that allows these characters.
fn open(path: &str, allow: &[&str]) -> Value {
    let allow = if allow.is_empty() { Value::Null } else { json!(allow) };
    route(path, &json!({ "public": true, "allow_in_path": allow }))
}

/// The same, for tokens with the scope `admin`.
fn closed(path: &str, allow: &[&str]) -> Value {
    merged(open(path, allow), &json!({ "public": null, "require": { "scopes": ["admin"] } }))
}

/// The URL that goes upstream, or the status and code of the gateway's own answer.
fn outcome(world: &World, request: &FakeRequest) -> Result<String, (u16, Value)> {
    match world.serve(request) {
        Reply::Upstream(upstream_request) => Ok(upstream_request.url),
        Reply::Own(response) => Err((response.status().as_u16(), code(&response))),
    }
}

fn refused() -> Result<String, (u16, Value)> {
    Err((400, json!("path_refused")))
}

#[test]
fn a_route_that_allows_them_takes_encoded_slashes_and_semicolons_and_the_upstream_gets_them() {
    let world = fronting(&json!([open("/projects/*", &BOTH)]));
    for (path, sent) in [
        ("/projects/group%2Fproject", "/projects/group%2Fproject"),
        ("/projects/group%2fproject/issues?a=b%2Fc;d", "/projects/group%2Fproject/issues?a=b%2Fc;d"),
        ("/projects/a%2Fb%2Fc/files/lib%2Fclass%2Erb/raw", "/projects/a%2Fb%2Fc/files/lib%2Fclass.rb/raw"),
        ("/projects/@scope%2Fname", "/projects/@scope%2Fname"),
        ("/projects/%40scope%2Fname", "/projects/%40scope%2Fname"),
        ("/projects/1;v=2/issues;sort=up", "/projects/1;v=2/issues;sort=up"),
        ("/projects/1%3bv=2", "/projects/1%3Bv=2"),
        ("/projects/a%2Fb;v=2", "/projects/a%2Fb;v=2"),
        ("/projects/plain", "/projects/plain"),
    ] {
        assert_eq!(outcome(&world, &FakeRequest::get(path)), Ok(format!("{ORIGIN}{sent}")), "{path}");
    }
}

#[test]
fn each_character_is_allowed_on_its_own_and_by_its_own_route_only() {
    let world = fronting(&json!([
        open("/slash/*", &["encoded_slash"]),
        open("/semicolon/*", &["semicolon"]),
        open("/none/*", &[]),
    ]));
    for (path, is_allowed) in [
        ("/slash/a%2Fb", true),
        ("/slash/a;b", false),
        ("/slash/a%2Fb;c", false),
        ("/semicolon/a;b", true),
        ("/semicolon/a%3Bb", true),
        ("/semicolon/a%2Fb", false),
        ("/semicolon/a%2Fb;c", false),
        ("/none/a%2Fb", false),
        ("/none/a;b", false),
        ("/none/a%3Bb", false),
    ] {
        let expected = if is_allowed { Ok(format!("{ORIGIN}{path}")) } else { refused() };
        assert_eq!(outcome(&world, &FakeRequest::get(path)), expected, "{path}");
    }
}

#[test]
fn a_path_that_a_server_reads_as_another_routes_is_refused() {
    let world = fronting(&json!([
        closed("/*", &BOTH),
        open("/open/*", &BOTH),
        closed("/open/admin/*", &BOTH),
        open("/users/*/avatar", &[]),
        closed("/users/*", &BOTH),
    ]));
    for path in [
        // Decoded, the path of another route.
        "/open/admin%2Fx",
        "/open/admin%2Fx%2Fy",
        "/open%2Fx",
        "/open%2Fadmin%2Fx",
        "/users/7%2Favatar",
        // Cut at the semicolon, the path of another route.
        "/open;v=1/x",
        "/open%3Bv=1/x",
        "/open;v=1",
        "/open/admin;v=1",
        "/open/admin;v=1/x",
        "/open/admin%3Bv=1/x",
        "/open;v=1/admin/x",
        "/users/7;v=1/avatar",
        "/users/7/avatar;v=1",
        // With an encoded slash and a semicolon.
        "/open/admin;v=1%2Fx",
        "/open/admin%2Fx;v=1",
        "/open/admin%3Bv=1%2Fx",
        "/open%2Fadmin;v=1%2Fx",
    ] {
        assert_eq!(outcome(&world, &FakeRequest::get(path)), refused(), "{path}");
    }
    for path in ["/open/x%2Fadmin", "/open/x%2Fadmin;v=1", "/open/x;v=1"] {
        assert_eq!(outcome(&world, &FakeRequest::get(path)), Ok(format!("{ORIGIN}{path}")), "{path}");
    }
    // The closed route takes these, in every reading.
    for path in ["/x%2Fopen", "/x;v=1/open", "/users/7%2Fx", "/users/7;v=1"] {
        let found = outcome(&world, &FakeRequest::get(path));
        assert_eq!(found, Err((401, json!("token_missing"))), "{path}");
    }
}

#[test]
fn servers_in_a_row_that_decode_and_cut_in_turn_reach_no_other_route() {
    let world = fronting(&json!([open("/open/*", &BOTH), closed("/open/*/b/admin", &[])]));
    for path in [
        // Apache with `AllowEncodedSlashes NoDecode` decodes `%3B` alone. A Tomcat behind it removes `;x%2Fy`, then decodes `%2F`.
        "/open/k%3Bx%2Fy/b%2Fadmin",
        // Python's `urlparse` removes the parameters of the last segment, then the application decodes the rest.
        "/open%2Fk;x/b%2Fadmin;y%2Fz",
        "/open/k/b%2Fadmin;y%2Fz",
        "/open/k;x%2Fy/b/admin;z",
        "/open/k;x%2Fy",
        "/open/k%3bx%2fy",
        "/open/k%2Fl;x%2Fy",
    ] {
        assert_eq!(outcome(&world, &FakeRequest::get(path)), refused(), "{path}");
    }
}

#[test]
fn a_path_that_a_server_reads_as_no_routes_is_refused() {
    let world = fronting(&json!([open("/a/*/info", &[]), open("/b/*", &BOTH)]));
    for path in ["/a/x%2Fy/info", "/a/x;v=1/info", "/b%2Fx", "/b;v=1", "/c%2Fb"] {
        let found = outcome(&world, &FakeRequest::get(path));
        let expected = if path == "/c%2Fb" { Err((404, json!("not_found"))) } else { refused() };
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn no_route_allows_dots_backslashes_double_encoding_or_empty_parts_behind_them() {
    let world = fronting(&json!([open("/*", &BOTH)]));
    for path in [
        "/a/..;/b",
        "/a/..;x/b",
        "/a/..%3B/b",
        "/a/.;/b",
        "/a/x;../b",
        "/a/..%2Fb",
        "/a/..%2f..%2fb",
        "/a/%2e%2e%2fb",
        "/a/x%2F..%2Fb",
        "/a/x%2F.%2Fb",
        "/a/x%2F..",
        "/a/x%2F..;v=1",
        "/a/x;v%2F..%2Fb",
        "/a%2F",
        "/a/%2Fb",
        "/a%2F%2Fb",
        "/a/;/b",
        "/a/;v/b",
        "/a;",
        "/a/x%252Fb",
        "/a/x%252e%252e%252fb",
        "/a/x%253Bb",
        "/a/..%5Cb",
        "/a/x%2F\\b",
        "/a/x%2F%5Cb",
        "/a%2Fb%00",
        "/a%2Fadmin.%2Fx",
        "/a/admin.;v=1",
        "/a/admin%20;v=1",
        "/a%2Fx.php::$DATA",
        "/a%2Fx%EF%BC%8Fy",
        "/a/x%EF%BC%9By",
    ] {
        assert_eq!(outcome(&world, &FakeRequest::get(path)), refused(), "{path}");
    }
}

#[test]
fn a_method_of_another_route_with_the_same_path_follows_that_routes_allow_in_path() {
    let world = fronting(&json!([
        merged(open("/p/*", &BOTH), &json!({ "methods": ["GET"] })),
        merged(open("/p/*", &[]), &json!({ "methods": ["PUT"] })),
        merged(open("/q/*", &BOTH), &json!({ "methods": ["GET"] })),
    ]));
    let ask = |method: Method, path| outcome(&world, &FakeRequest::new(method, path));
    assert_eq!(ask(Method::GET, "/p/a%2Fb"), Ok(format!("{ORIGIN}/p/a%2Fb")));
    assert_eq!(ask(Method::PUT, "/p/a%2Fb"), refused());
    assert_eq!(ask(Method::DELETE, "/q/a%2Fb"), Err((405, json!("method_not_allowed"))));
}

#[test]
fn a_host_has_its_own_allow_in_path() {
    let world = fronting(&json!([
        open("/p/*", &BOTH),
        merged(closed("/p/*", &[]), &json!({ "host": "admin.example.com" })),
        merged(closed("/p/secret/*", &BOTH), &json!({ "host": "other.example.com" })),
    ]));
    let ask = |host, path| outcome(&world, &FakeRequest::get(path).host(host));
    assert_eq!(ask("api.example.com", "/p/secret%2Fx"), Ok(format!("{ORIGIN}/p/secret%2Fx")));
    assert_eq!(ask("admin.example.com", "/p/secret%2Fx"), refused());
    assert_eq!(ask("other.example.com", "/p/secret%2Fx"), refused());
}

#[test]
fn a_preflight_is_answered_for_the_route_that_takes_the_path() {
    let cors = json!({ "cors": { "origins": ["https://app.example.com"] } });
    let world = fronting(&json!([merged(closed("/p/*", &BOTH), &cors), merged(closed("/q/*", &[]), &cors)]));
    let preflight = |path| {
        let request = FakeRequest::new(Method::OPTIONS, path)
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "GET");
        world.answered(&request).status().as_u16()
    };
    assert_eq!((preflight("/p/a%2Fb"), preflight("/q/a%2Fb")), (204, 400));
}

/// The path of which a server looks for a handler or a file. Each model is a kind of server; `/`-separated segments, dots resolved.
fn served(path: &str) -> Vec<Vec<String>> {
    fn decoded(path: &str) -> String {
        path.replace("%2F", "/").replace("%3B", ";")
    }
    fn without_parameters(path: &str) -> String {
        let names: Vec<&str> =
            path.split('/').map(|one| one.split_once(';').map_or(one, |(name, _)| name)).collect();
        names.join("/")
    }
    fn cut(path: &str) -> String {
        path.split_once(';').map_or(path, |(before, _)| before).to_owned()
    }
    fn without_parameters_of_the_last_segment(path: &str) -> String {
        let (before, last) = path.rsplit_once('/').unwrap();
        format!("{before}/{}", cut(last))
    }
    let servers: [fn(&str) -> String; 12] = [
        str::to_owned,
        decoded,
        |path| decoded(&without_parameters(path)),
        |path| without_parameters(&decoded(path)),
        |path| without_parameters(&decoded(&without_parameters(path))),
        |path| without_parameters(&path.replace("%3B", ";")),
        |path| decoded(&cut(path)),
        |path| cut(&decoded(path)),
        |path| without_parameters(&path.replace("%2F", "/")),
        // Apache with `AllowEncodedSlashes NoDecode` in front of Tomcat.
        |path| decoded(&without_parameters(&path.replace("%3B", ";"))),
        // Envoy with `UNESCAPE_AND_FORWARD` in front of Spring.
        |path| without_parameters(&decoded(&without_parameters(&path.replace("%2F", "/")))),
        // Python's `urlparse`, then `unquote`.
        |path| decoded(&without_parameters_of_the_last_segment(path)),
    ];
    let resolved = |path: String| {
        let mut segments: Vec<String> = Vec::new();
        for segment in path.split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(segments.pop()),
                // No route has such a character: as one segment it is any other text.
                name => segments.push(name.replace(['%', ';'], "_")),
            }
        }
        segments
    };
    servers.iter().map(|server| resolved(server(path))).collect()
}

#[test]
fn every_kind_of_upstream_server_serves_a_path_of_the_matched_route() {
    let world = fronting(&json!([
        open("/open/*", &BOTH),
        closed("/open/admin/*", &BOTH),
        closed("/open/*/admin", &[]),
        closed("/*/open/admin", &[]),
        closed("/admin/*", &BOTH),
    ]));
    let routes = &world.app.config.gateway.as_ref().unwrap().routes;
    let host = Host::parse("api.example.com").unwrap();
    let taker = |path: &str| {
        let path = Path::normalise(path).ok()?;
        match routes.find(&host, &path, &Method::GET) {
            Found::Route(route) => Some(route.name.clone()),
            _ => None,
        }
    };
    let steps: Vec<String> = ["/", "%2F", ";", "%3B"]
        .into_iter()
        .flat_map(|separator| ["admin", "x", "open", ".."].map(|word| format!("{separator}{word}")))
        .collect();
    let mut accepted: BTreeSet<(String, String)> = BTreeSet::new();
    let mut paths = vec!["/open".to_owned(), "/admin".to_owned(), "/x".to_owned()];
    for _ in 0..3 {
        paths = paths.iter().flat_map(|path| steps.iter().map(move |step| format!("{path}{step}"))).collect();
        for path in paths.iter().filter(|path| path.contains('%') || path.contains(';')) {
            let Some(route) = taker(path) else { continue };
            for segments in served(path) {
                let plain = format!("/{}", segments.join("/"));
                assert_eq!(taker(&plain).as_ref(), Some(&route), "{path} served as {plain}");
            }
            accepted.insert((route, path.clone()));
        }
    }
    let of = |route: &str| accepted.iter().filter(|(one, _)| one == route).count();
    let counts = ["/open/*", "/open/admin/*", "/admin/*"].map(of);
    assert!(counts.iter().all(|count| *count > 0) && accepted.len() > 200, "{counts:?}");
}
