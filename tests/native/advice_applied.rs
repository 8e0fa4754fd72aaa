//! Advice that contains configuration, followed literally for many tokens: its lines are pasted into the configuration, and the
//! same token is verified again. It must then be accepted, or fail for the next reason that the advice announced. `cases` does
//! the same for each case.

use crate::pasting::paste;
use crate::support::keys;
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, World, body, claims, issuer, merged};
use edge_assay::jose::Algorithm;
use edge_assay::rejection::{Fault, Refusal};
use http::Method;
use serde_json::{Value, json};

const ISS: &str = "https://idp.example.com";

/// A world with this configuration in which each provider serves its keys at its own URL.
fn world(config: &Value, secrets: &[(&str, &str)]) -> World {
    let world = World::with_secrets(config, secrets);
    let all = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa].map(keys::for_algorithm);
    let sets = [
        "https://www.googleapis.com/oauth2/v3/certs",
        "https://auth.privy.io/api/v1/apps/app-1/jwks.json",
        "https://abc.supabase.co/auth/v1/.well-known/jwks.json",
        "https://one.clerk.accounts.dev/.well-known/jwks.json",
        "https://tenant.auth0.com/.well-known/jwks.json",
        "https://idp.example.com/.well-known/jwks.json",
        "https://idp.example.com/keys",
    ];
    for url in sets {
        world.serves(url, Answer::json(keys::published(&all)));
    }
    for iss in ["https://unknown.example", "https://tenant.auth0.com"] {
        let document = json!({ "issuer": iss, "jwks_uri": "https://idp.example.com/keys" });
        world.serves(&format!("{iss}/.well-known/openid-configuration"), Answer::json(document.to_string()));
    }
    let google = json!({ "issuer": "https://accounts.google.com", "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs" });
    world.serves(
        "https://accounts.google.com/.well-known/openid-configuration",
        Answer::json(google.to_string()),
    );
    world
}

fn report(config: &Value, token: &str) -> Value {
    let config = merged(config.clone(), &json!({ "explain": { "access": "open" } }));
    let request = FakeRequest::new(Method::POST, "/explain")
        .header("content-type", "application/json")
        .body(json!({ "token": token }).to_string());
    body(&world(&config, &[]).ask(&request))
}

/// The lines of a fix that are configuration.
fn lines(report: &Value) -> String {
    let fix = report["cause"]["fix"].as_str().unwrap();
    let copied = fix.lines().filter_map(|line| line.strip_prefix("    "));
    copied.filter(|line| line.contains(" = ") || line.starts_with('[')).collect::<Vec<_>>().join("\n")
}

/// The configuration after the report's fix was pasted.
fn applied(config: &Value, report: &Value) -> Value {
    paste(config, report["cause"]["fix"].as_str().unwrap(), None).config
}

fn trusting(changes: &Value) -> Value {
    json!({ "issuers": [issuer(ISS, changes)] })
}

fn token(algorithm: Algorithm, header: &Value, iss: &str, changes: &Value) -> String {
    tokens::mint(algorithm, header, &claims(iss, changes))
}

/// The outcome for the token after the advice was followed.
fn followed(config: &Value, token: &str, secrets: &[(&str, &str)]) -> Result<(), Refusal> {
    let report = report(config, token);
    assert!(!lines(&report).is_empty(), "{report:#}");
    assert_ne!(report["verdict"], "accepted");
    let config = applied(config, &report);
    let world = world(&config, secrets);
    if let Err(faults) = &world.app.config.terms {
        panic!("following the advice breaks the configuration: {faults:#?}\n{report:#}");
    }
    world.outcome(token).map(drop)
}

#[test]
fn advice_to_trust_an_issuer_works_when_it_is_pasted() {
    use Algorithm::{EdDsa, Es256, Rs256};
    let none = json!({});
    for (iss, algorithm, changes) in [
        ("https://unknown.example", EdDsa, json!({ "aud": "api" })),
        ("https://unknown.example", Rs256, json!({})),
        ("privy.io", Es256, json!({ "aud": "app-1" })),
        (
            "accounts.google.com",
            Rs256,
            json!({ "aud": "x.apps.googleusercontent.com", "azp": "x.apps.googleusercontent.com" }),
        ),
        ("https://abc.supabase.co/auth/v1", Es256, json!({ "aud": "authenticated" })),
        ("https://one.clerk.accounts.dev", Rs256, json!({})),
        ("https://tenant.auth0.com/", Rs256, json!({ "aud": ["https://api.example", "b"] })),
        ("https://unknown.example", EdDsa, json!({ "aud": "with \"quotes\" and \\" })),
    ] {
        let token = token(algorithm, &none, iss, &changes);
        assert_eq!(followed(&trusting(&none), &token, &[]), Ok(()), "{iss} {changes}");
    }
}

#[test]
fn advice_to_correct_an_issuer_works_when_it_is_pasted() {
    let preset = json!({ "issuers": [{ "issuer": "https://one.clerk.accounts.dev/", "jwks_uri": "https://idp.example.com/keys", "audience": "unchecked" }] });
    let google = json!({ "issuers": [{ "issuer": "https://accounts.google.com", "preset": "oidc", "audience": "unchecked" }] });
    for (config, iss) in [
        (trusting(&json!({})), "https://idp.example.com/"),
        (trusting(&json!({})), "idp.example.com"),
        (trusting(&json!({})), "http://idp.example.com"),
        (preset, "https://one.clerk.accounts.dev"),
        (google, "accounts.google.com"),
    ] {
        let token = token(Algorithm::Rs256, &json!({}), iss, &json!({ "aud": "x" }));
        assert_eq!(followed(&config, &token, &[]), Ok(()), "{iss}");
    }
}

#[test]
fn advice_to_add_a_shared_secret_announces_that_the_secret_is_still_missing() {
    use Algorithm::{Hs256, Hs384};
    for (iss, algorithm) in [
        ("my-backend", Hs256),
        ("my-backend", Hs384),
        ("https://backend.example", Hs256),
        ("https://abc.supabase.co/auth/v1", Hs256),
    ] {
        let token = token(algorithm, &json!({}), iss, &json!({ "aud": "api" }));
        let config = trusting(&json!({}));
        assert!(report(&config, &token)["cause"]["fix"].as_str().unwrap().contains("secret_missing"));
        let missing = followed(&config, &token, &[]);
        assert!(matches!(missing, Err(Refusal::Fault(Fault::SecretMissing { .. }))), "{missing:?}");
        assert_eq!(followed(&config, &token, &[("ISSUER_JWT_SECRET", keys::SECRET)]), Ok(()), "{iss}");
    }
}

#[test]
fn an_issuer_whose_keys_cannot_be_derived_gets_no_lines_that_would_break_the_configuration() {
    for iss in ["some-backend", "http://idp.internal", "we\"ird", "privy.io", "https://user@idp.example"] {
        let token = token(Algorithm::Rs256, &json!({}), iss, &json!({}));
        let report = report(&trusting(&json!({})), &token);
        assert_eq!(lines(&report), "", "{iss}");
        assert!(report["cause"]["fix"].as_str().unwrap().contains("`jwks_uri`"), "{iss}");
    }
}

#[test]
fn an_issuer_on_a_providers_own_host_in_another_form_gets_no_lines() {
    let clerk = json!({ "issuers": [{ "issuer": "https://one.clerk.accounts.dev", "preset": "clerk", "audience": "unchecked" }] });
    for (config, iss, problem) in [
        (trusting(&json!({})), "https://tenant.auth0.com", "Auth0's `iss` ends with a slash"),
        (trusting(&json!({})), "https://abc.supabase.co/auth", "Supabase's `iss` ends with /auth/v1"),
        (clerk, "https://one.clerk.accounts.dev/", "Clerk's `iss` does not end with a slash"),
    ] {
        let token = token(Algorithm::Rs256, &json!({}), iss, &json!({ "aud": "https://api.example" }));
        let report = report(&config, &token);
        assert_eq!(lines(&report), "", "{iss}");
        let fix = report["cause"]["fix"].as_str().unwrap();
        assert!(fix.contains(problem) && fix.contains("who made"), "{fix}");
    }
}

#[test]
fn an_audience_that_the_provider_gives_to_every_token_is_not_proposed() {
    let realm = "https://keycloak.acme.example/realms/acme";
    for (iss, aud, expected) in [
        (realm, json!("account"), "write-the-aud-of-your-tokens-here"),
        (realm, json!(["realm-management", "account"]), "write-the-aud-of-your-tokens-here"),
        (realm, json!(["account", "orders-api"]), "orders-api"),
        (
            "https://tenant.auth0.com/",
            json!(["https://tenant.auth0.com/userinfo", "https://api.example"]),
            "https://api.example",
        ),
        ("https://idp.example.org", json!("invisible\u{200b}"), "write-the-aud-of-your-tokens-here"),
    ] {
        let unknown = token(Algorithm::Rs256, &json!({}), iss, &json!({ "aud": aud }));
        let report = report(&trusting(&json!({})), &unknown);
        assert!(lines(&report).contains(&format!("any_of = [\"{expected}\"]")), "{aud}: {report:#}");
    }
}

#[test]
fn a_supabase_api_key_is_named_as_one_and_is_no_issuer_to_add() {
    for role in ["anon", "service_role"] {
        let changes = json!({ "role": role, "ref": "abcdefghijklmnopqrst" });
        let token = token(Algorithm::Hs256, &json!({}), "supabase", &changes);
        let report = report(&trusting(&json!({})), &token);
        assert_eq!(report["cause"]["id"], "api_key");
        assert!(report["cause"]["summary"].as_str().unwrap().contains("no user is signed in"));
        assert!(!report["cause"]["fix"].as_str().unwrap().contains("[[vars.ASSAY"), "{report:#}");
    }
}

#[test]
fn advice_on_the_audience_keeps_the_configured_ones_and_warns() {
    let token = token(Algorithm::Rs256, &json!({}), ISS, &json!({ "aud": "other" }));
    for audience in [json!({ "any_of": ["backend"] }), json!({ "all_of": ["backend", "third"] })] {
        let config = trusting(&json!({ "audience": audience }));
        let report = report(&config, &token);
        let pasted = applied(&config, &report);
        let any_of = pasted["issuers"][0]["audience"]["any_of"].as_array().unwrap().clone();
        assert!(any_of.contains(&json!("backend")) && any_of.contains(&json!("other")), "{any_of:?}");
        assert!(report["cause"]["fix"].as_str().unwrap().contains("Careful"));
        assert_eq!(followed(&config, &token, &[]), Ok(()));
    }
}

#[test]
fn every_other_advice_with_configuration_works_when_it_is_pasted() {
    use Algorithm::{Es256, Rs256};
    let none = json!({});
    for (config, token) in [
        (trusting(&none), token(Rs256, &json!({ "typ": "session+jwt" }), ISS, &none)),
        (trusting(&json!({ "require_type": true })), token(Rs256, &json!({ "typ": null }), ISS, &none)),
        (trusting(&json!({ "audience": { "any_of": ["a"] } })), token(Rs256, &none, ISS, &none)),
        (
            trusting(&json!({ "authorized_parties": ["https://a.example"] })),
            token(Rs256, &none, ISS, &json!({ "azp": "https://b.example" })),
        ),
        (trusting(&json!({ "algorithms": ["RS256"] })), token(Es256, &none, ISS, &none)),
        (
            trusting(&json!({ "max_age_seconds": 60 })),
            token(Rs256, &none, ISS, &json!({ "iat": NOW - 500_000, "nbf": null })),
        ),
        (trusting(&none), token(Rs256, &none, ISS, &json!({ "iat": NOW + 60, "nbf": null }))),
        (
            merged(trusting(&none), &json!({ "verify": { "max_token_bytes": 512 } })),
            token(Rs256, &none, ISS, &json!({ "picture": "p".repeat(600) })),
        ),
        (
            json!({ "issuers": [{ "issuer": ISS, "algorithms": ["HS256"], "audience": "unchecked", "secrets": [{ "binding": "S" }] }] }),
            token(Rs256, &none, ISS, &none),
        ),
    ] {
        assert_eq!(followed(&config, &token, &[("S", keys::SECRET)]), Ok(()), "{config}");
    }
}

/// Which tokens are accepted and refused after the advice on an access token of Cognito was followed.
#[test]
fn advice_on_a_token_with_client_id_admits_that_client_alone_everywhere() {
    let iss = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a";
    let config = json!({
        "issuers": [merged(issuer(iss, &json!({})), &json!({ "audience": { "any_of": ["one"] } }))],
        "gateway": { "routes": [{ "path": "/profiles/*", "upstream": "https://origin.example.com" }] },
        "explain": { "access": "open" },
    });
    let token = |changes: &Value| {
        let own = json!({ "client_id": "one", "token_use": "access" });
        token(Algorithm::Rs256, &json!({}), iss, &merged(own, changes))
    };
    let ask = |config: &Value, token: &str| {
        let world = world(config, &[]);
        world.publishes(iss, &[keys::for_algorithm(Algorithm::Rs256)]);
        let request = FakeRequest::new(Method::POST, "/explain")
            .header("content-type", "application/json")
            .body(json!({ "token": token, "path": "/profiles/1" }).to_string());
        (body(&world.ask(&request)), world.ask(&FakeRequest::verify(token)).status().as_u16())
    };
    let (report, status) = ask(&config, &token(&json!({})));
    assert_eq!((&report["cause"]["id"], status), (&json!("audience_absent"), 401));
    let config = applied(&config, &report);
    for (changes, code, status) in [
        (json!({}), Value::Null, 200),
        (json!({ "client_id": "two" }), json!("condition_failed"), 401),
        (json!({ "token_use": "id" }), json!("token_class_refused"), 401),
        // An ID token has no `client_id`.
        (json!({ "client_id": null, "token_use": "id", "aud": "one" }), json!("token_class_refused"), 401),
    ] {
        let (report, found) = ask(&config, &token(&changes));
        assert_eq!((report.get("code").cloned().unwrap_or_default(), found), (code, status), "{changes}");
    }
}

#[test]
fn advice_to_allow_a_character_in_a_path_works_when_it_is_pasted() {
    for (route, path) in [
        (json!({}), "/profiles/a%2Fb"),
        (json!({}), "/profiles/a;v=1"),
        (json!({}), "/profiles/a%2Fb;v=1"),
        (json!({ "allow_in_path": ["semicolon"] }), "/profiles/a%2Fb"),
        (json!({ "allow_in_path": ["encoded_slash"] }), "/profiles/a%3Bv=1"),
    ] {
        let route =
            merged(json!({ "path": "/profiles/*", "upstream": "https://origin.example.com" }), &route);
        let changes = json!({ "gateway": { "routes": [route] }, "explain": { "access": "open" } });
        let mut config = merged(trusting(&json!({})), &changes);
        let token = token(Algorithm::EdDsa, &json!({}), ISS, &json!({}));
        let explained = |config: &Value| {
            let request = FakeRequest::new(Method::POST, "/explain")
                .header("content-type", "application/json")
                .body(json!({ "token": token, "path": path, "host": "api.example.com" }).to_string());
            let world = world(config, &[]);
            assert!(world.app.config.terms.is_ok());
            body(&world.ask(&request))
        };
        let report = explained(&config);
        assert_eq!(
            (&report["code"], &report["cause"]["id"]),
            (&json!("path_refused"), &json!("path_refused"))
        );
        let lines: Value = toml::from_str(&lines(&report)).unwrap();
        config["gateway"]["routes"][0] = merged(config["gateway"]["routes"][0].clone(), &lines);
        assert_eq!(explained(&config)["verdict"], "accepted", "{path}: {lines}");
        // What the route allowed before is still allowed.
        let allowed = lines["allow_in_path"].as_array().unwrap();
        assert!(route["allow_in_path"].as_array().into_iter().flatten().all(|name| allowed.contains(name)));
    }
}

#[test]
fn no_advice_allows_a_path_that_servers_read_as_another_routes() {
    let routes = json!([
        { "path": "/*", "upstream": "https://origin.example.com", "public": true },
        { "path": "/admin/*", "upstream": "https://origin.example.com" },
    ]);
    let config = merged(
        trusting(&json!({})),
        &json!({ "gateway": { "routes": routes }, "explain": { "access": "open" } }),
    );
    let token = token(Algorithm::EdDsa, &json!({}), ISS, &json!({}));
    for path in ["/admin%2Fx", "/admin;v=1/x", "/x/..%2Fadmin"] {
        let request = FakeRequest::new(Method::POST, "/explain")
            .header("content-type", "application/json")
            .body(json!({ "token": token, "path": path }).to_string());
        let report = body(&world(&config, &[]).ask(&request));
        assert_eq!((&report["code"], lines(&report).as_str()), (&json!("path_refused"), ""), "{path}");
    }
}

#[test]
fn advice_to_add_a_route_leaves_the_configuration_valid() {
    let upstream = "https://origin.example.com";
    let plain = json!([{ "path": "/profiles/*", "upstream": upstream }]);
    let hosted = json!([{ "path": "/profiles/*", "upstream": upstream, "host": "api.example.com" }]);
    let token = token(Algorithm::EdDsa, &json!({}), ISS, &json!({}));
    for (routes, host, path, is_pasteable) in [
        (&plain, "api.example.com", "/orders/1", true),
        (&plain, "api.example.com", "/orders/a%20b", true),
        (&plain, "api.example.com", "/orders//1", true),
        (&plain, "api.example.com", "/orders/a%2Fb", false),
        (&plain, "api.example.com", "/orders/a;v=1", false),
        (&plain, "api.example.com", "/orders/a%3Bv=1", false),
        (&plain, "api.example.com", "/orders/*", false),
        // Paths of endpoints, in a form that the router does not take for one.
        (&plain, "api.example.com", "/verify/", false),
        (&plain, "api.example.com", "/%76erify", false),
        (&plain, "api.example.com", "//healthz", false),
        (&hosted, "API.Example.com", "/profiles/1/x", true),
        (&hosted, "API.Example.com.:08443", "/orders", true),
        (&hosted, "other.example.com", "/profiles/1", true),
    ] {
        let mut config = merged(
            trusting(&json!({})),
            &json!({ "gateway": { "routes": routes }, "explain": { "access": "open" } }),
        );
        let request = FakeRequest::new(Method::POST, "/explain")
            .header("content-type", "application/json")
            .body(json!({ "token": token, "path": path, "host": host }).to_string());
        let report = body(&world(&config, &[]).ask(&request));
        if report["verdict"] == "accepted" {
            assert_eq!(path, "/profiles/1/x");
            continue;
        }
        assert_eq!(report["cause"]["id"], "route_unknown", "{path}");
        let lines: Value = toml::from_str(&lines(&report).replace("https://…", upstream))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let added = lines.pointer("/vars/ASSAY/gateway/routes/0").cloned();
        assert_eq!(added.is_some(), is_pasteable, "{path}: {lines}");
        let Some(added) = added else { continue };
        config["gateway"]["routes"].as_array_mut().unwrap().push(added);
        let world = world(&config, &[]);
        assert!(world.app.config.terms.is_ok(), "{path}: {:#?}", world.app.config.terms.as_ref().err());
        assert_eq!(body(&world.ask(&request))["verdict"], "accepted", "{path}");
    }
}

#[test]
fn a_method_that_no_route_takes_is_explained_as_refused_and_no_advice_allows_it() {
    let plain = json!({ "path": "/profiles/*", "upstream": "https://origin.example.com" });
    for route in [merged(plain.clone(), &json!({ "methods": ["GET"] })), plain] {
        let config = merged(
            trusting(&json!({})),
            &json!({ "gateway": { "routes": [route] }, "explain": { "access": "open" } }),
        );
        let token = token(Algorithm::EdDsa, &json!({}), ISS, &json!({}));
        for method in ["TRACE", "connect"] {
            let request =
                FakeRequest::new(Method::POST, "/explain").header("content-type", "application/json").body(
                    json!({ "token": token, "path": "/profiles/1", "host": "h", "method": method })
                        .to_string(),
                );
            let report = body(&world(&config, &[]).ask(&request));
            assert_eq!(report["code"], "method_not_allowed", "{method} {route}");
            assert_eq!(lines(&report), "", "{method} {route}");
        }
    }
}
