//! Secrets with which callers authenticate: short ones give no access, and no response names a binding.

use edge_assay::http::router::answer;
use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::support::platform::StoreMode;
use crate::support::request::FakeRequest;
use crate::support::world::{World, body, header};

const LONG: &str = "0123456789abcdef0123456789abcdef";
const ONE_SHORT: &str = "123456789abcdef0123456789abcdef";
const KEY: &str = "the key of operators who may see details";

/// Everything that a caller could see of a response.
fn seen(response: &Response) -> String {
    format!("{:?} {}", response.headers(), String::from_utf8_lossy(response.body()))
}

fn strict() -> FakeRequest {
    let token = clerk_token(&json!({ "email": "ada@example.com", "email_verified": true }));
    form(&exchange(&token, &[("audience", STRICT)]))
}

/// The exchange with a client secret of this text.
fn with_client_secret(text: &str) -> World {
    let mut secrets = secrets();
    text.clone_into(&mut secrets[2].1);
    secrets.push(("EXPLAIN_KEY", KEY.to_owned()));
    world_with(&config(), &secrets)
}

#[test]
fn a_client_secret_that_could_be_guessed_authenticates_no_client() {
    for short in ["", "hunter2", ONE_SHORT, "                                        "] {
        let world = with_client_secret(short);
        let request = strict().header("authorization", &basic("cli", short));
        refused(&world, &request, 503, "temporarily_unavailable", "secret_missing");
        let ready = world.ask(&FakeRequest::get("/readyz").header("x-explain-key", KEY));
        assert_eq!((ready.status().as_u16(), &body(&ready)["code"]), (503, &json!("secret_missing")));
        let client = &body(&ready)["details"]["signing"]["clients"][0];
        assert_eq!((&client["secret"], &client["usable"]), (&json!("CLI_SECRET"), &json!(false)));
        assert!(client["problem"].as_str().unwrap().contains("openssl rand -hex 32"));
    }
    let world = with_client_secret(LONG);
    granted(&world, &strict().header("authorization", &basic("cli", LONG)));
}

fn with_proxy_secret(text: Option<&str>) -> World {
    let mut secrets = secrets();
    secrets.extend(text.map(|text| ("PROXY_SECRET", text.to_owned())));
    secrets.push(("EXPLAIN_KEY", KEY.to_owned()));
    let mut config = config();
    config["forward_auth"] = json!({ "secret": "PROXY_SECRET" });
    world_with(&config, &secrets)
}

fn asks(secret: &str) -> [FakeRequest; 4] {
    let told = |path: &str, prefix: &str| {
        FakeRequest::get(path)
            .header(&format!("x-{prefix}-method"), "GET")
            .header(&format!("x-{prefix}-uri"), "/x")
            .header(&format!("x-{prefix}-host"), "h")
    };
    let asks = [
        told("/forward-auth", "forwarded"),
        told("/auth-request", "original"),
        FakeRequest::get("/ext-authz/x").host("h").header("host", "h").header("x-forward-auth-path", "/x"),
        FakeRequest::get("/auth-request")
            .header("x-original-method", "GET")
            .header("x-original-url", "https://h/x"),
    ];
    let token = clerk_token(&json!({}));
    asks.map(|request| request.header("x-forward-auth-secret", secret).bearer(&token))
}

#[test]
fn a_proxys_secret_that_could_be_guessed_is_never_accepted() {
    for short in [None, Some(""), Some("hunter2"), Some(ONE_SHORT)] {
        let world = with_proxy_secret(short);
        for request in asks(short.unwrap_or_default()) {
            let response = world.ask(&request);
            assert_eq!(
                (response.status().as_u16(), &body(&response)["code"]),
                (403, &json!("secret_missing"))
            );
            assert_eq!(header(&response, "x-assay-code").as_deref(), Some("secret_missing"));
            assert!(!seen(&response).contains("PROXY_SECRET"));
        }
        let ready = world.ask(&FakeRequest::get("/readyz"));
        assert_eq!(body(&ready), json!({ "status": "not_ready", "code": "secret_missing" }));
        let ready = body(&world.ask(&FakeRequest::get("/readyz").header("x-explain-key", KEY)));
        let report = &ready["details"]["forward_auth"];
        assert_eq!(report["usable"], false);
        assert!(report["problem"].as_str().unwrap().contains("PROXY_SECRET"));
        assert!(
            world
                .platform
                .events("fault")
                .iter()
                .all(|line| line["detail"].as_str().unwrap().contains("PROXY_SECRET"))
        );
    }
    let world = with_proxy_secret(Some(LONG));
    for request in asks(LONG) {
        assert_eq!(world.ask(&request).status(), 200);
    }
    let ready = body(&world.ask(&FakeRequest::get("/readyz").header("x-explain-key", KEY)));
    assert_eq!(ready["details"]["forward_auth"], json!({ "usable": true }));
}

#[test]
fn an_explain_key_that_could_be_guessed_gives_no_access() {
    for (key, is_logged) in
        [(None, false), (Some(""), true), (Some("hunter2"), true), (Some(ONE_SHORT), true)]
    {
        let mut secrets = secrets();
        secrets.extend(key.map(|key| ("EXPLAIN_KEY", key.to_owned())));
        let world = world_with(&config(), &secrets);
        for path in ["/explain", "/console"] {
            let request = FakeRequest::new(Method::POST, path).body("null");
            let response = world.ask(&request.header("x-explain-key", key.unwrap_or_default()));
            assert_eq!(
                (response.status().as_u16(), &body(&response)["code"]),
                (401, &json!("explain_key_required"))
            );
            let detail = body(&response)["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("no usable key is set"), "{detail}");
        }
        let ready = world.ask(&FakeRequest::get("/readyz").header("x-explain-key", key.unwrap_or_default()));
        assert_eq!(body(&ready).get("details"), None);
        assert_eq!(!world.platform.events("explain_key_unusable").is_empty(), is_logged, "{key:?}");
    }
}

/// Names that only the operator may see.
const BINDINGS: &[&str] =
    &["SIGNING_KEYS", "CLI_SECRET", "SUPABASE\"", "SUPABASE ", "DIRECTORY", "PROXY_SECRET", "JWKS_CACHE"];

#[test]
fn no_response_to_an_unauthenticated_caller_names_the_missing_binding() {
    let mut config = config();
    config["forward_auth"] = json!({ "secret": "PROXY_SECRET" });
    config["endpoints"] = json!({ "prefix": "/_assay" });
    config["gateway"] = json!({ "routes": [
        { "path": "/x", "upstream": "https://origin.example.com", "credential": { "exchange": API } },
    ]});
    let clerk = clerk_token(&json!({}));
    let supabase =
        tokens::mint(Algorithm::Hs256, &json!({}), &claims(SUPABASE, &json!({ "aud": "authenticated" })));
    let all = secrets();
    // One secret unbound at a time, then all of them; then each store down.
    for unbound in [Some("SIGNING_KEYS"), Some("SUPABASE"), Some("CLI_SECRET"), None] {
        for down in [false, true] {
            let bound: Vec<_> =
                all.iter().filter(|(name, _)| unbound.is_some_and(|one| one != *name)).cloned().collect();
            let world = world_with(&config, &bound);
            if down {
                world.platform.directory.behave(StoreMode::Down);
                world.platform.store.behave(StoreMode::Down);
            }
            let mut requests = Vec::new();
            for token in [&clerk, &supabase] {
                for audience in [API, BOTH, STRICT] {
                    let mut ask = form(&exchange(token, &[("audience", audience)]));
                    requests.push(ask.clone().at("/_assay/token"));
                    ask = ask.header("authorization", &basic("cli", "x"));
                    requests.push(ask.at("/_assay/token"));
                }
                for kind in ["clerk", "supabase"] {
                    let mut message = cloud_session(kind, token);
                    message["resultId"] = json!("0123456789abcdef");
                    requests.push(api(&message).at("/_assay/api"));
                }
                for path in
                    ["/x", "/_assay/verify", "/_assay/readyz", "/_assay/auth-request", "/_assay/ext-authz/x"]
                {
                    requests.push(FakeRequest::get(path).bearer(token));
                }
            }
            let collect = api(&json!({ "type": "reqTokenByResultId", "resultId": "0123456789abcdef" }));
            requests.push(collect.at("/_assay/api"));
            requests.push(FakeRequest::get("/.well-known/jwks.json"));
            requests.push(FakeRequest::get("/.well-known/oauth-authorization-server"));
            for request in requests {
                let crate::support::world::Reply::Own(response) = world.serve(&request) else { continue };
                let seen = seen(&response);
                for binding in BINDINGS {
                    assert!(
                        !seen.contains(binding),
                        "{binding} without {unbound:?} in the answer to {request:?}:\n{seen}"
                    );
                }
            }
            // The operator reads the name in the log.
            let log = format!("{:?}", world.platform.log_lines());
            for binding in ["SIGNING_KEYS", "SUPABASE", "CLI_SECRET"] {
                let is_missing = bound.iter().all(|(name, _)| *name != binding);
                assert!(!is_missing || down || log.contains(binding), "{binding} without {unbound:?}");
            }
        }
    }
}

#[test]
fn an_unauthenticated_caller_of_token_learns_only_that_a_secret_is_missing() {
    let texts: Vec<Value> = [&secrets()[1..], &[], &secrets()[..2]]
        .into_iter()
        .map(|bound| {
            let world = world_with(&config(), bound);
            let request = strict().header("authorization", &basic("cli", CLIENT_SECRET));
            body(&refused(&world, &request, 503, "temporarily_unavailable", "secret_missing"))
        })
        .collect();
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "{texts:?}");
}

/// The endpoints that read a body, with a request that may see explanations.
fn with_bodies() -> [FakeRequest; 4] {
    [
        FakeRequest::new(Method::POST, "/token"),
        FakeRequest::new(Method::PUT, "/api"),
        FakeRequest::new(Method::POST, "/explain").header("x-explain-key", KEY),
        FakeRequest::new(Method::POST, "/console").header("x-explain-key", KEY),
    ]
}

fn with_explain_key() -> World {
    let mut secrets = secrets();
    secrets.push(("EXPLAIN_KEY", KEY.to_owned()));
    world_with(&config(), &secrets)
}

#[test]
fn a_body_that_does_not_arrive_in_time_is_408_and_its_memory_is_freed() {
    let world = with_explain_key();
    for request in with_bodies() {
        let before = world.platform.now_ms();
        let response = world.ask(&request.body("grant_type=").stalled());
        assert_eq!((response.status().as_u16(), &body(&response)["code"]), (408, &json!("body_incomplete")));
        assert_eq!(world.platform.now_ms() - before, 10_000);
        assert_eq!(world.app.intake.bytes(), 0);
    }
    // The memory is also freed when the client disconnects.
    for request in with_bodies() {
        let request = request.body("grant_type=").stalled();
        assert!(world.platform.run_for_ms(100, answer(&world.app, &world.platform, &request)).is_none());
        assert_eq!(world.app.intake.bytes(), 0);
    }
    // Without the key no body is read.
    let response = world.ask(&FakeRequest::new(Method::POST, "/explain").body("x").stalled());
    assert_eq!(response.status(), 401);
}

#[test]
fn bodies_beyond_the_memory_for_them_are_503_and_say_when_to_try_again() {
    const MIB: usize = 1024 * 1024;
    let world = with_explain_key();
    let now = world.platform.now();
    let held: Vec<_> = (0..128).map(|_| world.app.intake.open(now)).collect();
    for reading in &held {
        reading.push(&vec![b'a'; MIB / 8], MIB).unwrap();
        reading.complete().unwrap();
    }
    for request in with_bodies() {
        let response = world.ask(&request.body("grant_type="));
        assert_eq!((response.status().as_u16(), &body(&response)["code"]), (503, &json!("overloaded")));
        assert!(header(&response, "retry-after").is_some());
    }
    drop(held);
    assert_eq!(world.ask(&with_bodies()[2].clone().body("grant_type=")).status(), 200);
}
