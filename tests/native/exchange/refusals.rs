//! Refusals and their rules, outages, and the secrets that no response shows.

use std::path::{Path, PathBuf};

use edge_assay::jose::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::support::keys::{SECRET, p_256};
use crate::support::platform::StoreMode;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, World, body, claims, header, issuer, merged};

#[test]
fn a_missing_audience_is_audience_missing_and_not_a_signature_failure() {
    let mut config = config();
    config["issuers"][0] = issuer(CLERK, &json!({ "audience": { "any_of": ["backend"] } }));
    let world = world_with(&config, &secrets());
    let token = clerk_token(&json!({}));
    refused(
        &world,
        &form(&exchange(&token, &[("audience", API)])),
        400,
        "invalid_request",
        "audience_missing",
    );
    let answer = world.ask(&api(&cloud_session("clerk", &token)));
    assert_eq!(answer.status(), 401);
    let answer = body(&answer);
    assert_eq!(answer["attempts"][0]["issuer"], CLERK);
    assert_eq!(answer["attempts"][0]["code"], "audience_missing");
}

#[test]
fn a_token_of_the_wrong_issuer_or_with_a_bad_signature_is_refused_by_its_rule() {
    let world = world();
    let supabase =
        tokens::mint(Algorithm::Hs256, &json!({}), &claims(SUPABASE, &json!({ "aud": "authenticated" })));
    let ask = |token: &str| form(&exchange(token, &[("audience", API)]));
    refused(&world, &ask(&supabase), 400, "invalid_target", "issuer_not_accepted");
    let unknown = tokens::mint(Algorithm::EdDsa, &json!({}), &claims("https://unknown.example", &json!({})));
    refused(&world, &ask(&unknown), 400, "invalid_request", "issuer_unknown");
    let forged = tokens::mint_with_key(Algorithm::Es256, p_256(), &json!({}), &claims(CLERK, &json!({})));
    refused(&world, &ask(&forged), 400, "invalid_request", "key_not_found");
    refused(&world, &ask(&clerk_token(&json!({ "exp": NOW - 60 }))), 400, "invalid_request", "token_expired");
    refused(&world, &ask(&clerk_token(&json!({ "sub": null }))), 400, "invalid_request", "claim_missing");
    refused(&world, &ask("sb_secret_x"), 400, "invalid_request", "token_malformed");
}

#[test]
fn an_outage_and_a_missing_secret_are_503_and_never_called_an_invalid_request() {
    let token = clerk_token(&json!({}));
    let ask = form(&exchange(&token, &[("audience", API)]));
    let down = World::with_secrets(
        &config(),
        &[("SIGNING_KEYS", &signing_keys()), ("SUPABASE", SECRET), ("CLI_SECRET", CLIENT_SECRET)],
    );
    let response = refused(&down, &ask, 503, "temporarily_unavailable", "jwks_unavailable");
    assert!(header(&response, "retry-after").is_some());
    let answer = down.ask(&api(&cloud_session("clerk", &token)));
    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after").is_some()), (503, true));

    let keyless = world_with(&config(), &secrets()[1..]);
    refused(&keyless, &ask, 503, "temporarily_unavailable", "secret_missing");
    let published = keyless.ask(&FakeRequest::get("/.well-known/jwks.json"));
    assert_eq!(
        (published.status().as_u16(), body(&published)["code"].as_str()),
        (503, Some("secret_missing"))
    );
    assert_eq!(keyless.ask(&FakeRequest::get("/readyz")).status(), 503);
    // Verification needs none of our own keys.
    assert!(keyless.accepts(&token));

    let clientless = world_with(&config(), &secrets()[..2]);
    let strict = form(&exchange(&token, &[("audience", STRICT)])).header("authorization", &basic("cli", "x"));
    refused(&clientless, &strict, 503, "temporarily_unavailable", "secret_missing");

    let late = world();
    late.platform.pass(200 * 86_400);
    let fresh = tokens::mint(
        Algorithm::EdDsa,
        &json!({}),
        &merged(claims(CLERK, &json!({})), &json!({ "exp": NOW + 201 * 86_400 })),
    );
    let request = form(&exchange(&fresh, &[("audience", API)]));
    refused(&late, &request, 503, "temporarily_unavailable", "secret_missing");

    let blind = world();
    blind.platform.directory.behave(StoreMode::Down);
    refused(&blind, &ask, 503, "temporarily_unavailable", "store_unavailable");
}

#[test]
fn no_private_key_secret_or_callers_token_is_in_any_answer_or_log_line() {
    let world = world();
    let token = clerk_token(&json!({ "exp": NOW - 60, "email": "marker-of-a-claim@example.com" }));
    let good = clerk_token(&json!({ "email": "marker-of-a-claim@example.com" }));
    let mut seen = String::new();
    for token in [&token, &good] {
        let mut requests: Vec<FakeRequest> =
            ["/healthz", "/readyz", "/verify", "/.well-known/jwks.json", "/nowhere"]
                .into_iter()
                .map(|path| FakeRequest::get(path).bearer("x"))
                .collect();
        requests.push(FakeRequest::get("/.well-known/oauth-authorization-server"));
        for audience in [API, BOTH, STRICT, "https://nobody.example"] {
            requests.push(form(&exchange(token, &[("audience", audience), ("scope", "admin")])));
            requests.push(form(&exchange(
                token,
                &[("audience", audience), ("client_secret", CLIENT_SECRET), ("client_id", "cli")],
            )));
        }
        requests.push(form(&with_actor(token, token)));
        for kind in ["clerk", "supabase", "ucan"] {
            let mut message = cloud_session(kind, token);
            message["selected"] = json!({ "tenant": "elsewhere" });
            requests.push(api(&message));
        }
        for request in requests {
            let response = world.ask(&request);
            let body = String::from_utf8_lossy(response.body());
            seen.extend([format!("{:?}", response.headers()).as_str(), &body]);
        }
    }
    seen.extend([format!("{:?}", world.platform.log_lines()), format!("{:?}", world.app)]);
    let keys: Value = serde_json::from_str(&signing_keys()).unwrap();
    let private = keys["keys"].as_array().unwrap().iter().map(|key| key.get("d").or(key.get("k")).unwrap());
    let mut secrets: Vec<String> = private.map(|value| value.as_str().unwrap().to_owned()).collect();
    secrets.extend([SECRET.to_owned(), CLIENT_SECRET.to_owned(), "marker-of-a-claim".to_owned()]);
    secrets.extend(
        [&token, &good]
            .into_iter()
            .flat_map(|token| token.split('.').map(str::to_owned))
            .filter(|part| part.len() > 60),
    );
    for secret in secrets {
        assert!(!seen.contains(&secret), "{secret}");
    }
}

/// The Rust files below this folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| rust_files(folder));
    files.into_iter().filter(|path| path.extension().is_some_and(|one| one == "rs")).chain(below).collect()
}

#[test]
fn every_text_of_the_exchange_is_ascii_so_that_a_description_shows_all_of_it() {
    let mut texts = 0;
    for file in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/exchange")) {
        let source = std::fs::read_to_string(&file).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            texts += usize::from(line.contains("#[error("));
            assert!(line.is_ascii(), "{}: {line}", file.display());
        }
    }
    assert!(texts > 40, "{texts}");
}
