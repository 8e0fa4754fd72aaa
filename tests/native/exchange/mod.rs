//! The exchange with a fake platform: RFC 8693 and RFC 7523 at `/token`, the Fireproof dashboard's protocol at `/api`, and every
//! refusal.

mod apart;
mod callers;
mod calls;
mod configuration;
mod fireproof;
mod fireproof_results;
mod oauth;
mod openapi;
mod policy;
mod recipes;
mod refusals;
mod rotation;
mod secrets;
mod signer;
use crate::support::keys::{SECRET, ed25519};
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, World, body, claims, header, issuer, merged};
use edge_assay::http::Response;
use edge_assay::jose::{Algorithm, UntrustedToken};
use edge_assay::signing::plan::{Intervals, Plan};
use edge_assay::time::Timestamp;
use http::Method;
use serde_json::{Value, json};

const CLERK: &str = "https://sincere-cheetah-30.clerk.accounts.dev";
const SUPABASE: &str = "https://fqceiphubiqnorytayiu.supabase.co/auth/v1";
const API: &str = "https://api.example.com";
const BOTH: &str = "https://both.example.com";
const STRICT: &str = "https://strict.example.com";
const US: &str = "https://auth.example.com";
const CLIENT_SECRET: &str = "marker-of-the-client's secret:+%";

/// The secret `SIGNING_KEYS` with one key of each algorithm. Every call returns the same text.
pub(crate) fn signing_keys() -> String {
    let mut plan = Plan::empty();
    let mut next = 0;
    let mut fill = |bytes: &mut [u8]| {
        next += 1;
        bytes.fill(next);
    };
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        let start = Timestamp::from_epoch_seconds(NOW - 86_400);
        plan.begin(algorithm, Intervals::default(), start, &mut fill).unwrap();
    }
    plan.to_json()
}

fn config() -> Value {
    json!({
        "issuers": [
            issuer(CLERK, &json!({})),
            { "issuer": SUPABASE, "audience": { "any_of": ["authenticated"] }, "secrets": [{ "binding": "SUPABASE" }] },
        ],
        "exchange": {
            "issuer": US,
            "directory": "DIRECTORY",
            "targets": [
                {
                    "audience": API, "from": [CLERK], "public_clients": true,
                    "scopes": ["profiles:read", "profiles:write"], "default_scopes": ["profiles:read"],
                    "claims": {
                        "user_id": { "claim": "/sub" }, "big": { "claim": "/big", "optional": true },
                        "role": { "value": "authenticated" }, "org": { "claim": "/org/0/id~1x", "optional": true },
                        "groups": { "claim": "/directory/groups", "optional": true },
                    },
                    "actors": [{ "issuer": CLERK, "subject": "robot" }],
                },
                {
                    "audience": BOTH, "from": [CLERK, SUPABASE], "subject": "prefixed", "public_clients": true,
                    "algorithm": "EdDSA", "ttl_seconds": 300,
                },
                {
                    "audience": STRICT, "from": [CLERK], "scopes": ["profiles:read"],
                    "when": [
                        { "claim": "/email_verified", "equals": true },
                        { "claim": "/email", "matches": "*@example.com" },
                    ],
                    "claims": { "email": { "claim": "/email" } },
                },
            ],
            "clients": [{ "id": "cli", "secret": "CLI_SECRET", "targets": [STRICT] }],
            "fireproof": {
                "auth_types": { "clerk": [CLERK], "supabase": [SUPABASE] },
                "claims": { "userId": { "claim": "/sub" }, "email": { "claim": "/email", "optional": true } },
            },
        },
    })
}

fn secrets() -> Vec<(&'static str, String)> {
    vec![
        ("SIGNING_KEYS", signing_keys()),
        ("SUPABASE", SECRET.to_owned()),
        ("CLI_SECRET", CLIENT_SECRET.to_owned()),
    ]
}

fn world_with(config: &Value, secrets: &[(&'static str, String)]) -> World {
    let bound: Vec<(&str, &str)> = secrets.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let world = World::with_secrets(config, &bound);
    if let Err(faults) = &world.app.config.terms {
        panic!("{faults:#?}");
    }
    world.publishes(CLERK, &[ed25519()]);
    world
}

fn world() -> World {
    world_with(&config(), &secrets())
}

fn clerk_token(changes: &Value) -> String {
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims(CLERK, changes))
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn form(parameters: &[(&str, &str)]) -> FakeRequest {
    form_as("application/x-www-form-urlencoded", parameters)
}

fn form_as(content_type: &str, parameters: &[(&str, &str)]) -> FakeRequest {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    FakeRequest::new(Method::POST, "/token").header("content-type", content_type).body(pairs.join("&"))
}

/// The parameters of an exchange, with further ones.
fn exchange<'a>(token: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut parameters = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ];
    parameters.extend(more);
    parameters
}

fn issued_claims(token: &str) -> Value {
    let parsed = UntrustedToken::parse(token).unwrap();
    serde_json::from_str(parsed.claims().raw()).unwrap()
}

fn granted(world: &World, request: &FakeRequest) -> (Value, Value) {
    let response = world.ask(request);
    assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
    let answer = body(&response);
    let claims = issued_claims(answer["access_token"].as_str().unwrap());
    (answer, claims)
}

fn refused(world: &World, request: &FakeRequest, status: u16, error: &str, code: &str) -> Response {
    let response = world.ask(request);
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert_eq!(response.status(), status, "{text}");
    let answer = body(&response);
    assert_eq!((answer["error"].as_str(), answer["code"].as_str()), (Some(error), Some(code)), "{text}");
    let description = answer["error_description"].as_str().unwrap();
    // A character that a description may not contain is replaced by `?`, so none of our texts may have one.
    assert!(
        !description.is_empty()
            && description.chars().all(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '?')),
        "{description}"
    );
    assert_eq!(header(&response, "cache-control").as_deref(), Some("no-store"));
    response
}

fn basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    let joined = format!("{}:{}", encoded(id), encoded(secret));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(joined))
}

fn with_actor<'a>(subject: &'a str, actor: &'a str) -> Vec<(&'a str, &'a str)> {
    exchange(
        subject,
        &[
            ("audience", API),
            ("actor_token", actor),
            ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ],
    )
}

fn claims_with_null(changes: &Value) -> Value {
    merged(claims(CLERK, &json!({})), changes)
}

fn api(message: &Value) -> FakeRequest {
    FakeRequest::new(Method::PUT, "/api").header("content-type", "application/json").body(message.to_string())
}

fn cloud_session(kind: &str, token: &str) -> Value {
    json!({ "type": "reqCloudSessionToken", "auth": { "type": kind, "token": token } })
}
