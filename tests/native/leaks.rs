//! Answers to refused requests and log lines show of a token only `iss`, `kid`, `alg` and a prefix of its hash, and nothing of a
//! secret.

use std::collections::BTreeSet;

use crate::support::faulty_token::{Draft, FAULTS, publish, strict_issuer};
use crate::support::keys::{SECRET, ed25519};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{World, claims, merged};
use edge_assay::http::Response;
use edge_assay::jose::Algorithm;
use http::Method;
use serde_json::{Value, json};

const SHARED: &str = "https://shared.example";
const DOWN: &str = "https://down.example";
const PREVIOUS: &str = "marker-of-the-previous-secret, long enough for any of the hashes";
const KEY: &str = "marker-of-the-explain-key, which is long enough";

/// A Worker with public explanations and open CORS: the configuration that shows the most.
fn worker() -> World {
    let secrets =
        json!([{ "binding": "SHARED" }, { "binding": "PREVIOUS" }, { "binding": "WEAK", "kid": "weak" }]);
    let world = World::with_secrets(
        &json!({
            "explain": { "access": "open" },
            "cors": { "origins": ["*"] },
            "credentials": ["authorization", { "cookie": "__session" }, { "header": "x-token" }, { "query": "t" }],
            "issuers": [
                strict_issuer(),
                { "issuer": SHARED, "audience": "unchecked", "secrets": secrets },
                { "issuer": DOWN, "audience": "unchecked", "jwks_uri": format!("{DOWN}/jwks") },
            ],
        }),
        &[("SHARED", SECRET), ("PREVIOUS", PREVIOUS), ("WEAK", "marker-weak"), ("EXPLAIN_KEY", KEY)],
    );
    publish(&world);
    world.serves(&format!("{DOWN}/jwks"), Answer::status(503));
    world
}

/// Requests that send `token` in every possible place.
fn requests(token: &str) -> Vec<FakeRequest> {
    let verify =
        |method| FakeRequest::new(method, "/verify").bearer(token).header("origin", "https://app.example");
    let mut requests = vec![
        verify(Method::GET),
        verify(Method::HEAD),
        verify(Method::POST).body(token),
        verify(Method::DELETE),
        verify(Method::OPTIONS).header("access-control-request-method", "GET"),
        verify(Method::POST).header("content-length", "999999999"),
        verify(Method::GET).bearer(token),
        verify(Method::GET).header("authorization", "Basic dTpw"),
        FakeRequest::get(&format!("/verify?access_token={token}")).bearer(token),
        FakeRequest::get(&format!("/verify?access_token={token}")),
        FakeRequest::get("/verify").header("authorization", token),
        FakeRequest::get("/verify").header("authorization", &format!("Bearer \"{token}\"")),
        FakeRequest::get("/verify").header("authorization", &format!("Token {token}")),
        FakeRequest::get(&format!("/{token}")),
        FakeRequest::get("/verify").header("cookie", &format!("__session={token}")),
        FakeRequest::get("/verify").header("cookie", &format!("__session={token}; __session=x")),
        FakeRequest::get("/verify").header("cookie", &format!("other={token}")),
        FakeRequest::new(Method::POST, "/verify").header("cookie", &format!("__session={token}")),
        FakeRequest::get("/verify").header("x-token", token),
        FakeRequest::get(&format!("/verify?t={token}")),
        FakeRequest::get(&format!("/verify?t={token}&t=x")),
        FakeRequest::get("/verify").header("authorization", &format!("DPoP {token}")),
    ];
    requests.extend(["/healthz", "/readyz", "/nowhere"].map(|path| FakeRequest::get(path).bearer(token)));
    requests
}

fn seen(response: &Response) -> String {
    let headers: Vec<String> =
        response.headers().iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{}\n{}", headers.join("\n"), String::from_utf8_lossy(response.body()))
}

/// Every string, number and name in `value`.
fn leaves(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            into.insert(text.clone());
        }
        Value::Number(number) => {
            into.insert(number.to_string());
        }
        Value::Array(list) => list.iter().for_each(|one| leaves(one, into)),
        Value::Object(members) => members.values().for_each(|one| leaves(one, into)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The texts that must not be shown: the segments of `token`, all values in `header` and `claims` except `iss`, `kid` and `alg`, and
/// the secrets.
fn private(token: &str, header: &Value, claims: &Value) -> BTreeSet<String> {
    let mut private: BTreeSet<String> = [SECRET, PREVIOUS, "marker-weak", KEY].map(str::to_owned).into();
    private.extend(token.split('.').map(|segment| segment.trim_end_matches('=').to_owned()));
    leaves(&merged(claims.clone(), &json!({ "iss": null })), &mut private);
    leaves(&merged(header.clone(), &json!({ "kid": null, "alg": null })), &mut private);
    private.retain(|text| text.len() > 3);
    private
}

fn nothing_leaks(world: &World, token: &str, private: &BTreeSet<String>, what: &str) {
    for request in requests(token) {
        let response = world.ask(&request);
        if response.status() == 200 && String::from_utf8_lossy(response.body()).contains("\"claims\"") {
            continue; // The answer for a valid token shows its claims, as intended.
        }
        let seen = seen(&response);
        for text in private {
            assert!(!seen.contains(text), "{what}: {text:?} in the answer to {request:?}:\n{seen}");
        }
    }
    for (_, line) in world.platform.log_lines() {
        let line = line.to_string();
        for text in private {
            assert!(!line.contains(text), "{what}: {text:?} in the log line {line}");
        }
    }
}

#[test]
fn no_refusal_shows_the_content_of_the_token() {
    let mut draft = Draft::with_every_fault();
    for (code, fix) in FAULTS {
        let world = worker();
        let token = draft.token();
        assert_eq!(world.rejection(&token).code(), *code);
        nothing_leaks(&world, &token, &private(&token, &draft.header, &draft.claims), code);
        fix(&mut draft);
    }
    let token = draft.token();
    nothing_leaks(&worker(), &token, &private(&token, &draft.header, &draft.claims), "accepted");
}

#[test]
fn no_malformed_token_is_shown() {
    let text = "marker-text-in-the-wrong-place";
    for (header, payload) in [
        (format!(r#"{{"alg":"EdDSA","{text}":1,"{text}":2}}"#), "{}".to_owned()),
        (format!(r#"{{"alg":"EdDSA","kid":["{text}"]}}"#), "{}".to_owned()),
        (r#"{"alg":"EdDSA"}"#.to_owned(), format!(r#"{{"{text}":1,"{text}":2}}"#)),
        (r#"{"alg":"EdDSA"}"#.to_owned(), format!(r#"{{"sub":["{text}"]}}"#)),
        (r#"{"alg":"EdDSA"}"#.to_owned(), format!(r#"{{"exp":"{text}"}}"#)),
        (r#"{"alg":"EdDSA"}"#.to_owned(), format!(r#"["{text}"]"#)),
        (r#"{"alg":"EdDSA"}"#.to_owned(), text.to_owned()),
        (text.to_owned(), text.to_owned()),
        (format!(r#"{{"alg":"EdDSA","crit":["{text}"]}}"#), "{}".to_owned()),
        (format!(r#"{{"alg":"EdDSA","jwk":{{"kty":"{text}"}}}}"#), "{}".to_owned()),
    ] {
        let token = tokens::unsigned(&header, &payload);
        let private = [text.to_owned(), token.rsplit('.').next().unwrap().to_owned()].into();
        nothing_leaks(&worker(), &token, &private, &header);
    }
    for token in [
        "sb_secret_marker0123456789",
        "marker-opaque",
        "marker.opaque",
        "e30.marker-payload.marker-signature",
    ] {
        let private = token.split('.').filter(|part| part.len() > 3).map(str::to_owned).collect();
        nothing_leaks(&worker(), token, &private, token);
    }
}

#[test]
fn no_fault_shows_a_token_or_a_shared_secret() {
    let marked = json!({ "sub": "marker-sub", "email": "marker@email.example", "aud": ["marker-aud"] });
    let shared = claims(SHARED, &marked);
    let down = claims(DOWN, &marked);
    let header = json!({});
    for (what, claims, token) in [
        (
            "signed by another secret",
            &shared,
            tokens::mint_with_secret(Algorithm::Hs256, &[b'x'; 64], &header, &shared),
        ),
        (
            "signed by a weak secret",
            &shared,
            tokens::mint_with_secret(Algorithm::Hs256, b"marker-weak", &json!({ "kid": "weak" }), &shared),
        ),
        (
            "accepted",
            &shared,
            tokens::mint_with_secret(Algorithm::Hs256, PREVIOUS.as_bytes(), &header, &shared),
        ),
        ("the origin is down", &down, tokens::mint_with_key(Algorithm::EdDsa, ed25519(), &header, &down)),
    ] {
        nothing_leaks(&worker(), &token, &private(&token, &header, claims), what);
    }
}

/// Invisible characters, characters that change the order in which text is shown, and control characters.
const INVISIBLE: &[char] = &[
    '\u{202e}', '\u{2066}', '\u{2069}', '\u{200b}', '\u{200f}', '\u{61c}', '\u{feff}', '\u{2028}', '\u{ad}',
    '\u{7}', '\u{85}',
];

#[test]
fn no_token_reorders_or_hides_text_in_an_answer_a_log_line_or_an_explanation() {
    let invisible: String = INVISIBLE.iter().collect();
    let odd = format!("x{invisible}y");
    let mut tokens = vec![
        tokens::unsigned(&json!({ "alg": "EdDSA" }).to_string(), &json!({ "iss": odd }).to_string()),
        tokens::unsigned(&json!({ "alg": odd }).to_string(), &claims(DOWN, &json!({})).to_string()),
        tokens::unsigned(
            &format!(r#"{{"alg":"EdDSA","{odd}":1,"{odd}":2}}"#).replace(['\u{7}', '\u{85}'], ""),
            "{}",
        ),
    ];
    let strict = json!({ "iss": crate::support::faulty_token::ISS });
    for (header, changes) in [
        (json!({ "kid": odd }), json!({})),
        (json!({ "typ": odd }), json!({})),
        (json!({ odd.clone(): 1, "crit": [odd] }), json!({})),
        (json!({}), json!({ "aud": [odd], "azp": odd, "scope": odd, odd.clone(): odd })),
    ] {
        let claims = merged(merged(claims(DOWN, &json!({})), &strict), &changes);
        tokens.push(tokens::mint(Algorithm::EdDsa, &header, &claims));
    }
    tokens.push(tokens::mint_with_secret(
        Algorithm::Hs256,
        SECRET.as_bytes(),
        &json!({ "kid": odd }),
        &claims(SHARED, &json!({})),
    ));
    for token in tokens {
        let world = worker();
        let explain = |path: &str| FakeRequest::new(Method::POST, path).bearer(&token);
        let mut asked = requests(&token);
        asked.push(FakeRequest::verify(&token).header("cf-ray", &odd));
        asked.push(explain("/explain"));
        asked.push(explain("/explain").header("accept", "text/plain"));
        asked.push(explain("/console"));
        for request in asked {
            let response = world.ask(&request);
            if response.status() == 200 && String::from_utf8_lossy(response.body()).contains("\"claims\":{\"")
            {
                continue; // The answer for a valid token shows its claims exactly as signed.
            }
            let seen = seen(&response);
            assert!(!seen.contains(INVISIBLE), "in the answer to {request:?}:\n{seen:?}");
        }
        for (_, line) in world.platform.log_lines() {
            let line = line.to_string();
            assert!(!line.contains(INVISIBLE) && !line.contains("\\u0007"), "in the log line {line:?}");
        }
    }
}
