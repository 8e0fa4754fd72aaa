//! The lint: routes that can never match, and everything that contradicts itself.

use super::*;
use crate::support::platform::FakePlatform;
use crate::support::world::NOW;
use edge_assay::config::{Config, ConfigFault};

fn faults_with(changes: &Value) -> Vec<ConfigFault> {
    let config = merged(json!({ "issuers": [issuer(ISS, &json!({})), issuer(OTHER, &json!({}))] }), changes);
    Config::load(Some(&config.to_string()), &FakePlatform::at(NOW)).terms.err().unwrap_or_default()
}

fn faults(routes: &Value) -> Vec<ConfigFault> {
    faults_with(&json!({ "gateway": { "routes": routes } }))
}

fn paths(faults: &[ConfigFault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.path.as_str()).collect()
}

#[test]
fn each_fault_of_a_route_is_told_by_its_path() {
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
        (json!({ "headers": { "sec-fetch-site": "/sub" } }), "gateway.routes[0].headers.sec-fetch-site"),
        (json!({ "headers": { "x-user-id": "sub" } }), "gateway.routes[0].headers.x-user-id"),
        (json!({ "headers": { "x-user-id": "/directory/id" } }), "gateway.routes[0].headers.x-user-id"),
        (
            json!({ "headers": { "x-user-id": "/sub", "X-User-Id": "/email" } }),
            "gateway.routes[0].headers.x-user-id",
        ),
        (json!({ "cors": {} }), "gateway.routes[0].cors.origins"),
        (json!({ "cors": { "origins": ["app.example.com"] } }), "gateway.routes[0].cors.origins[0]"),
        (json!({ "cors": { "origins": ["*"], "credentials": true } }), "gateway.routes[0].cors.origins[0]"),
        (json!({ "timeout_ms": 1 }), "gateway.routes[0].timeout_ms"),
        (json!({ "upstreams": "x" }), "gateway.routes[0].upstreams"),
    ] {
        let found = faults(&json!([route("/profiles/*", &changes)]));
        assert!(paths(&found).contains(&expected), "{changes}: {found:#?}");
    }
}

#[test]
fn a_route_that_can_never_match_is_told_with_what_takes_its_requests() {
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
fn an_endpoint_that_is_not_there_takes_no_route() {
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

#[test]
fn what_the_lint_calls_an_endpoint_is_one() {
    let world =
        World::new(&json!({ "issuers": [issuer(ISS, &json!({}))], "forward_auth": { "trusted": true } }));
    for path in [
        "/healthz",
        "/readyz",
        "/verify",
        "/explain",
        "/console",
        "/forward-auth",
        "/auth-request",
        "/ext-authz",
    ] {
        let told = paths(&faults_with(&json!({ "forward_auth": { "trusted": true }, "gateway": { "routes": [route(path, &json!({}))] } }))).len();
        assert_eq!(told, 1, "{path}");
        assert_ne!(world.answered(&FakeRequest::get(path)).status(), 404, "{path}");
    }
}

#[test]
fn forward_auth_says_whom_it_believes() {
    for (given, expected) in [
        (json!({}), Some("forward_auth")),
        (json!({ "trusted": false }), Some("forward_auth")),
        (json!({ "trusted": true, "secret": "S" }), Some("forward_auth.trusted")),
        (json!({ "secret": "not a name, rather the secret" }), Some("forward_auth.secret")),
        (json!({ "secret": "S", "header": "x y" }), Some("forward_auth.header")),
        (json!({ "secret": "S", "header": "Authorization" }), Some("forward_auth.header")),
        (json!({ "secret": "S", "header": "X-Proxy-Key" }), None),
        (json!({ "secret": "S" }), None),
        (json!({ "trusted": true }), None),
    ] {
        let found = faults_with(&json!({ "forward_auth": given }));
        assert_eq!(paths(&found), expected.into_iter().collect::<Vec<_>>(), "{given}: {found:#?}");
        assert!(!format!("{found:?}").contains("rather the secret"));
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

/// The TOML examples of a page, as the binding would hold them.
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
    assert_eq!(examples.len(), 3);
    for example in examples {
        // An example of routes leaves the issuers to the one before it.
        let issuers = json!({ "issuers": [issuer("https://auth.example.com", &json!({}))] });
        let config = merged(issuers, &example);
        let faults = Config::load(Some(&config.to_string()), &FakePlatform::at(NOW)).terms.err();
        assert_eq!(faults, None, "{example}");
    }
}
