//! The lint of routes: routes that can never match, and settings that contradict each other.

use super::*;
use crate::support::platform::FakePlatform;
use crate::support::schema::agrees;
use crate::support::world::NOW;
use edge_assay::config::{Config, ConfigFault};
use edge_assay::endpoints::TABLE;

fn faults_with(changes: &Value) -> Vec<ConfigFault> {
    let config = merged(json!({ "issuers": [issuer(ISS, &json!({})), issuer(OTHER, &json!({}))] }), changes);
    let faults =
        Config::load(Some(&config.to_string()), &FakePlatform::at(NOW)).terms.err().unwrap_or_default();
    agrees(&config.to_string(), &faults);
    faults
}

fn faults(routes: &Value) -> Vec<ConfigFault> {
    faults_with(&json!({ "gateway": { "routes": routes } }))
}

fn paths(faults: &[ConfigFault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.path.as_str()).collect()
}

#[test]
fn each_fault_of_a_route_is_reported_with_its_path() {
    for (changes, expected) in [
        (json!({ "path": null }), "gateway.routes[0].path"),
        (json!({ "path": "profiles" }), "gateway.routes[0].path"),
        (json!({ "path": "/a//b" }), "gateway.routes[0].path"),
        (json!({ "path": "/a/../b" }), "gateway.routes[0].path"),
        (json!({ "path": "/%61" }), "gateway.routes[0].path"),
        (json!({ "path": "/a?b" }), "gateway.routes[0].path"),
        (json!({ "path": "/a;b" }), "gateway.routes[0].path"),
        (json!({ "path": "/prof*" }), "gateway.routes[0].path"),
        (json!({ "path": "/verify" }), "gateway.routes[0].path"),
        (json!({ "path": "/healthz" }), "gateway.routes[0].path"),
        (json!({ "host": "API.example.com" }), "gateway.routes[0].host"),
        (json!({ "host": "https://api.example.com" }), "gateway.routes[0].host"),
        (json!({ "host": "api.example.com." }), "gateway.routes[0].host"),
        (json!({ "host": "api..example.com" }), "gateway.routes[0].host"),
        (json!({ "host": "api.example.com:0443" }), "gateway.routes[0].host"),
        (json!({ "host": "[0::1]" }), "gateway.routes[0].host"),
        (json!({ "methods": ["get"] }), "gateway.routes[0].methods[0]"),
        (json!({ "methods": ["CONNECT"] }), "gateway.routes[0].methods[0]"),
        (json!({ "methods": [] }), "gateway.routes[0].methods"),
        (json!({ "upstream": null }), "gateway.routes[0].upstream"),
        (json!({ "upstream": "http://origin.example.com" }), "gateway.routes[0].upstream"),
        (json!({ "upstream": "https://origin.example.com/base" }), "gateway.routes[0].upstream"),
        (json!({ "upstream": "https://origin.example.com/" }), "gateway.routes[0].upstream"),
        (json!({ "upstream": { "servise": "X" } }), "gateway.routes[0].upstream.service"),
        (json!({ "upstream": 7 }), "gateway.routes[0].upstream"),
        (
            json!({ "require": { "issuers": ["https://nobody.example"] } }),
            "gateway.routes[0].require.issuers[0]",
        ),
        (json!({ "require": { "scopes": ["a b"] } }), "gateway.routes[0].require.scopes[0]"),
        (json!({ "require": { "claims": [{ "claim": "/a" }] } }), "gateway.routes[0].require.claims[0]"),
        (
            json!({ "require": { "claims": [{ "claim": "/directory/a", "exists": true }] } }),
            "gateway.routes[0].require.claims[0].claim",
        ),
        (json!({ "public": true, "require": { "scopes": ["a"] } }), "gateway.routes[0].require"),
        (json!({ "credential": "keep" }), "gateway.routes[0].credential"),
        (json!({ "credential": { "exchange": "https://x" } }), "gateway.routes[0].credential.exchange"),
        (json!({ "headers": { "x_user_id": "/sub" } }), "gateway.routes[0].headers.x_user_id"),
        (json!({ "headers": { "authorization": "/sub" } }), "gateway.routes[0].headers.authorization"),
        (json!({ "headers": { "x-forwarded-for": "/sub" } }), "gateway.routes[0].headers.x-forwarded-for"),
        (json!({ "headers": { "x-real-ip": "/sub" } }), "gateway.routes[0].headers.x-real-ip"),
        (json!({ "headers": { "x-original-uri": "/sub" } }), "gateway.routes[0].headers.x-original-uri"),
        (json!({ "headers": { "sec-fetch-site": "/sub" } }), "gateway.routes[0].headers.sec-fetch-site"),
        (json!({ "headers": { "x-user-id": "sub" } }), "gateway.routes[0].headers.x-user-id"),
        (json!({ "headers": { "x-user-id": "/directory/id" } }), "gateway.routes[0].headers.x-user-id"),
        (
            json!({ "headers": { "x-user-id": "/sub", "X-User-Id": "/email" } }),
            "gateway.routes[0].headers.x-user-id",
        ),
        (json!({ "headers": { "x-user-id": { "required": true } } }), "gateway.routes[0].headers.x-user-id"),
        (
            json!({ "headers": { "x-user-id": { "claim": "/sub", "required": "yes" } } }),
            "gateway.routes[0].headers.x-user-id.required",
        ),
        (
            json!({ "headers": { "x-user-id": { "claim": "/sub", "require": true } } }),
            "gateway.routes[0].headers.x-user-id.require",
        ),
        (
            json!({ "public": true, "headers": { "x-user-id": { "claim": "/sub", "required": true } } }),
            "gateway.routes[0].headers.x-user-id",
        ),
        (json!({ "cors": true }), "gateway.routes[0].cors"),
        (json!({ "cors": {} }), "gateway.routes[0].cors.origins"),
        (json!({ "cors": { "origins": ["app.example.com"] } }), "gateway.routes[0].cors.origins[0]"),
        (json!({ "cors": { "origins": ["*"], "credentials": true } }), "gateway.routes[0].cors.origins[0]"),
        (json!({ "timeout_ms": 1 }), "gateway.routes[0].timeout_ms"),
        (json!({ "upstreams": "x" }), "gateway.routes[0].upstreams"),
        (json!({ "cache": "default" }), "gateway.routes[0].cache"),
        (json!({ "cache": true }), "gateway.routes[0].cache"),
        (json!({ "cache": "zone", "upstream": { "service": "X" } }), "gateway.routes[0].cache"),
        (json!({ "path": "/openapi.json" }), "gateway.routes[0].path"),
        (json!({ "path": "/admin./x" }), "gateway.routes[0].path"),
        (json!({ "path": "/a%2Fb" }), "gateway.routes[0].path"),
        (json!({ "allow_in_path": "semicolon" }), "gateway.routes[0].allow_in_path"),
        (json!({ "allow_in_path": [] }), "gateway.routes[0].allow_in_path"),
        (json!({ "allow_in_path": ["semicolon", "slash"] }), "gateway.routes[0].allow_in_path[1]"),
        (json!({ "allow_in_path": ["Semicolon"] }), "gateway.routes[0].allow_in_path[0]"),
        (json!({ "allow_in_path": ["backslash"] }), "gateway.routes[0].allow_in_path[0]"),
        (json!({ "path": "/a", "allow_in_path": ["semicolon"] }), "gateway.routes[0].allow_in_path[0]"),
        (json!({ "path": "/*/a", "allow_in_path": ["encoded_slash"] }), "gateway.routes[0].allow_in_path[0]"),
        (json!({ "path": "/*/a", "allow_in_path": ["semicolon"] }), "gateway.routes[0].allow_in_path[0]"),
        (json!({ "path": "/*/", "allow_in_path": ["encoded_slash"] }), "gateway.routes[0].allow_in_path[0]"),
    ] {
        let found = faults(&json!([route("/profiles/*", &changes)]));
        assert!(paths(&found).contains(&expected), "{changes}: {found:#?}");
    }
}

#[test]
fn a_path_in_another_form_is_answered_with_its_normal_form() {
    for (path, normal) in [("/a//b", "/a/b"), ("/%61", "/a"), ("/a%c3%a9", "/a%C3%A9")] {
        let found = faults(&json!([route(path, &json!({}))]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].fix, format!("write \"{normal}\""));
    }
}

#[test]
fn a_fault_inside_of_a_value_is_the_only_one_of_that_value() {
    for (changes, expected) in [
        (json!({ "credential": "strip" }), &[][..]),
        (json!({ "credential": "forward" }), &[]),
        (json!({ "credential": "other" }), &["gateway.routes[0].credential"]),
        (json!({ "credential": {} }), &["gateway.routes[0].credential.exchange"]),
        (json!({ "credential": { "exchange": 7 } }), &["gateway.routes[0].credential.exchange"]),
        (json!({ "upstream": { "service": "X" } }), &[]),
        (json!({ "upstream": {} }), &["gateway.routes[0].upstream.service"]),
        (json!({ "upstream": { "service": 7 } }), &["gateway.routes[0].upstream.service"]),
    ] {
        let mut one = route("/profiles/*", &json!({}));
        for (member, value) in changes.as_object().unwrap() {
            one[member] = value.clone();
        }
        assert_eq!(paths(&faults(&json!([one]))), expected, "{changes}");
    }
}

#[test]
fn a_route_can_allow_what_its_path_can_match() {
    for (path, names) in [("/a/*", json!(["encoded_slash", "semicolon"])), ("/a/*/", json!(["semicolon"]))] {
        assert_eq!(faults(&json!([route(path, &json!({ "allow_in_path": names }))])), [], "{path}");
    }
    let found = faults(&json!([route("/a/*", &json!({ "allow_in_path": ["slash"] }))]));
    assert!(found[0].fix.contains("\"encoded_slash\" or \"semicolon\""), "{found:#?}");
}

#[test]
fn a_route_that_can_never_match_is_reported_with_what_takes_its_requests() {
    let get = json!({ "methods": ["GET"] });
    for (routes, expected) in [
        (json!([route("/a", &json!({})), route("/a", &json!({}))]), Some("gateway.routes[1]")),
        (json!([route("/a/*", &get), route("/a/*", &get)]), Some("gateway.routes[1]")),
        (
            json!([route("/a/*", &get), route("/a/*", &json!({ "methods": ["HEAD"] }))]),
            Some("gateway.routes[1]"),
        ),
        (json!([route("/a/*", &get), route("/a/*", &json!({ "methods": ["GET", "POST"] }))]), None),
        (json!([route("/a/*", &json!({})), route("/a/*", &get)]), None),
        (json!([route("/a/*", &get), route("/a/*", &json!({}))]), None),
        (json!([route("/a", &json!({})), route("/a", &json!({ "host": "b.example" }))]), None),
        (json!([route("/a/*", &json!({})), route("/a", &json!({}))]), None),
    ] {
        let found = faults(&routes);
        assert_eq!(paths(&found), expected.into_iter().collect::<Vec<_>>(), "{routes}: {found:#?}");
        if expected.is_some() {
            assert!(found[0].problem.contains("gateway.routes[0]"));
        }
    }
}

#[test]
fn a_disabled_endpoint_takes_no_path_of_a_route() {
    assert_eq!(faults(&json!([route("/token", &json!({})), route("/forward-auth", &json!({}))])), []);
    let with = |changes: &Value| {
        let base = json!({ "gateway": { "routes": [route("/auth-request", &json!({})), route("/ext-authz/x/*", &json!({}))] } });
        paths(&faults_with(&merged(base, changes))).len()
    };
    assert_eq!(with(&json!({ "forward_auth": { "trusted": true } })), 2);
    assert_eq!(
        with(&json!({ "forward_auth": { "trusted": true }, "endpoints": { "prefix": "/_assay" } })),
        0
    );
}

/// Configurations with different endpoints.
fn configurations() -> Vec<Value> {
    let exchange = json!({ "issuer": "https://auth.example.com/tenant", "targets": [{ "audience": "https://a.example", "from": [ISS] }] });
    let fireproof = json!({ "fireproof": { "auth_types": { "better": [ISS] } } });
    let forward_auth = json!({ "trusted": true });
    let with_fireproof = merged(exchange.clone(), &fireproof);
    let bare = [
        json!({}),
        json!({ "exchange": exchange }),
        json!({ "exchange": with_fireproof }),
        json!({ "forward_auth": forward_auth }),
        json!({ "exchange": with_fireproof, "forward_auth": forward_auth }),
    ];
    bare.iter()
        .flat_map(|one| [one.clone(), merged(one.clone(), &json!({ "endpoints": { "prefix": "/_assay" } }))])
        .collect()
}

/// Every path of the table and similar paths, with and without a prefix.
fn paths_near_endpoints() -> Vec<String> {
    let mut paths = Vec::new();
    for row in TABLE {
        let path = row.place.path();
        for (before, behind) in [
            ("", ""),
            ("", "/x"),
            ("", "x"),
            ("", "/tenant"),
            ("/_assay", ""),
            ("/_assay", "/x"),
            ("/_assay", "x"),
        ] {
            paths.push(format!("{before}{path}{behind}"));
        }
    }
    paths
}

#[test]
fn the_lint_reports_exactly_the_paths_at_which_an_endpoint_answers() {
    let (mut reported, mut free) = (0, 0);
    for changes in configurations() {
        let config =
            merged(json!({ "issuers": [issuer(ISS, &json!({})), issuer(OTHER, &json!({}))] }), &changes);
        let world = World::new(&config);
        assert!(world.app.config.terms.is_ok(), "{:#?}", world.app.config.terms);
        let is_endpoint = |path: &str| edge_assay::http::router::is_endpoint(path, &world.app.config);
        let is_reported = |path: &str| {
            let config =
                merged(config.clone(), &json!({ "gateway": { "routes": [route(path, &json!({}))] } }));
            let world = World::new(&config);
            let faults = world.app.config.terms.err().unwrap_or_default();
            paths(&faults).contains(&"gateway.routes[0].path")
        };
        for path in paths_near_endpoints() {
            assert_eq!(is_reported(&path), is_endpoint(&path), "{path} with {changes}");
            if is_endpoint(&path) {
                reported += 1;
                assert_ne!(world.answered(&FakeRequest::get(&path)).status(), 404, "{path} with {changes}");
            } else {
                free += 1;
            }
            // A pattern is reported if an endpoint takes every path that fits it.
            let all_below =
                ["", "/y", "/y/z", "/.y"].iter().all(|rest| is_endpoint(&format!("{path}{rest}")));
            assert_eq!(is_reported(&format!("{path}/*")), all_below, "{path}/* with {changes}");
        }
    }
    assert!(reported > 80 && free > 200, "{reported} and {free}");
}

#[test]
fn forward_auth_must_say_which_questions_it_trusts() {
    for (given, expected) in [
        (json!({}), Some("forward_auth")),
        (json!({ "trusted": false }), Some("forward_auth")),
        (json!({ "trusted": true, "secret": "S" }), Some("forward_auth.trusted")),
        (json!({ "secret": "not a name, rather the secret" }), Some("forward_auth.secret")),
        (json!({ "secret": "S", "header": "x y" }), Some("forward_auth.header")),
        (json!({ "secret": "S", "header": "Authorization" }), Some("forward_auth.header")),
        (json!({ "secret": "S", "header": "X-Proxy-Key" }), None),
        (json!({ "secret": "S", "header": "X-Forward-Auth-Secret" }), None),
        (json!({ "secret": "S" }), None),
        (json!({ "trusted": true }), None),
    ] {
        let found = faults_with(&json!({ "forward_auth": given }));
        assert_eq!(paths(&found), expected.into_iter().collect::<Vec<_>>(), "{given}: {found:#?}");
        assert!(!format!("{found:?}").contains("rather the secret"));
    }
}

#[test]
fn the_source_of_a_clients_address_is_one_of_two_values() {
    let with = |given: &Value| {
        let routes = [route("/*", &json!({}))];
        faults_with(&json!({ "gateway": { "routes": routes, "client_address": given } }))
    };
    assert_eq!(with(&json!("cloudflare")), []);
    assert_eq!(with(&json!("cf-connecting-ip")), []);
    for other in [json!("x-forwarded-for"), json!(true)] {
        assert_eq!(paths(&with(&other)), ["gateway.client_address"], "{other}");
    }
}

#[test]
fn an_empty_gateway_is_a_fault() {
    for gateway in [json!({}), json!({ "routes": [] })] {
        assert_eq!(paths(&faults_with(&json!({ "gateway": gateway }))), ["gateway.routes"]);
    }
}

#[test]
fn a_target_has_to_take_the_tokens_that_the_route_lets_in() {
    let exchange = json!({ "issuer": "https://auth.example.com", "targets": [{ "audience": "https://api.example.com", "from": [ISS] }] });
    let with = |require: &Value, audience: &str| {
        let routes =
            json!([route("/*", &json!({ "credential": { "exchange": audience }, "require": require }))]);
        faults_with(&json!({ "exchange": exchange, "gateway": { "routes": routes } }))
    };
    assert_eq!(with(&json!({ "issuers": [ISS] }), "https://api.example.com"), []);
    assert_eq!(
        paths(&with(&json!({ "issuers": [OTHER] }), "https://api.example.com")),
        ["gateway.routes[0].credential.exchange"]
    );
    assert_eq!(
        paths(&with(&json!({}), "https://elsewhere.example")),
        ["gateway.routes[0].credential.exchange"]
    );
}

/// The TOML examples of a page, as JSON.
fn examples(page: &str) -> Vec<Value> {
    let examples = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    examples
        .map(|example| {
            let table: toml::Table = toml::from_str(example).unwrap();
            serde_json::to_value(&table["vars"]["ASSAY"]).unwrap()
        })
        .collect()
}

#[test]
fn every_configuration_in_the_docs_is_sound() {
    let pages = [include_str!("../../../docs/gateway.md"), include_str!("../../../docs/forward-auth.md")];
    let examples: Vec<Value> = pages.iter().flat_map(|page| examples(page)).collect();
    assert_eq!(examples.len(), 4);
    for example in examples {
        // An example with routes only continues the example with issuers before it.
        let issuers = json!({ "issuers": [issuer("https://auth.example.com", &json!({}))] });
        let config = merged(issuers, &example);
        let faults = Config::load(Some(&config.to_string()), &FakePlatform::at(NOW)).terms.err();
        assert_eq!(faults, None, "{example}");
    }
}

/// Names of headers that servers, proxies or this Worker act on.
const WITH_A_MEANING: &[&str] = &[
    "Host",
    "Accept",
    "Connection",
    "Upgrade",
    "Cookie",
    "X-Original-URI",
    "X-Forwarded-Uri",
    "X-Forward-Auth-Path",
    "Range",
    "Via",
    "Location",
    "Cache-Control",
    "Proxy",
    "X-Explain-Key",
    "X-Assay-Code",
    "If-None-Match",
    "Content-Length",
    "CF-Connecting-IP",
    "Sec-Fetch-Site",
    "Forwarded",
    "X-Real-IP",
    "User-Agent",
    "Destination",
];

#[test]
fn no_header_with_another_meaning_can_hold_the_proxys_secret() {
    let found = |name: &str| {
        let routes = json!([route("/a/*", &json!({ "headers": { "x-user-id": "/sub" } }))]);
        let forward_auth = json!({ "secret": "S", "header": name });
        let faults = faults_with(&json!({ "gateway": { "routes": routes }, "forward_auth": forward_auth }));
        paths(&faults).iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()
    };
    let further = ["Authorization", "X-User-Id", "Remote-User", "X-Forwarded-User", "X-Auth-Request-Email"];
    for name in WITH_A_MEANING.iter().chain(&further) {
        assert_eq!(found(name), ["forward_auth.header"], "{name}");
    }
    for name in ["X-Forward-Auth-Secret", "X-Proxy-Key", "X-Forwarded-Secret"] {
        assert!(found(name).is_empty(), "{name}");
    }
}

#[test]
fn no_header_with_another_meaning_can_be_an_identity_header() {
    for name in WITH_A_MEANING.iter().chain(&["X-Forward-Auth-Secret", "Authorization"]) {
        let found = faults(&json!([route("/a/*", &json!({ "headers": { *name: "/sub" } }))]));
        assert_eq!(paths(&found), [format!("gateway.routes[0].headers.{name}")], "{name}");
    }
    for name in ["X-User-Id", "X-Tenant", "Remote-User", "X-Forwarded-User"] {
        let found = faults(&json!([route("/a/*", &json!({ "headers": { name: "/sub" } }))]));
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}
