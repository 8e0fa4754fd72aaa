//! Attacks that use the claims, the shared secret or the name of one target at another target.

use edge_assay::jose::{Algorithm, SharedSecret, UntrustedToken, base64url};
use edge_assay::signing::Series;
use edge_assay::signing::plan::{Intervals, Plan};
use edge_assay::time::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::support::keys::SECRET;
use crate::support::request::FakeRequest;
use crate::support::world::{NOW, World, header};

const SANDBOX: &str = "https://sandbox.example.com";
const LEDGER: &str = "https://ledger.example.com";

/// Two public targets, each with these members.
fn pair(first: &Value, second: &Value) -> Value {
    let target = |audience: &str, members: &Value| {
        let mut target = json!({ "audience": audience, "from": [CLERK], "public_clients": true });
        for (name, value) in members.as_object().unwrap() {
            target[name] = value.clone();
        }
        target
    };
    let mut config = config();
    config["exchange"]["targets"] = json!([target(API, first), target(SANDBOX, second)]);
    config["exchange"]["clients"] = json!([]);
    config
}

/// Exchanges one token for both targets.
fn for_both(claims: &Value) -> FakeRequest {
    form(&exchange(&clerk_token(claims), &[("audience", API), ("resource", SANDBOX)]))
}

fn apart(first: &Value, second: &Value, claims: &Value) {
    for (first, second) in [(first, second), (second, first)] {
        let world = world_with(&pair(first, second), &secrets());
        refused(&world, &for_both(claims), 400, "invalid_target", "targets_apart");
    }
}

#[test]
fn a_claim_of_one_targets_policy_is_never_issued_to_another() {
    // The sandbox gives every subject the role admin; the API adds no role.
    apart(&json!({}), &json!({ "claims": { "role": { "value": "admin" } } }), &json!({}));
    apart(
        &json!({ "claims": { "role": { "claim": "/role", "optional": true } } }),
        &json!({ "claims": { "role": { "value": "admin" } } }),
        &json!({}),
    );
    // Both targets add the same value, under different names.
    apart(
        &json!({ "claims": { "role": { "value": "admin" } } }),
        &json!({ "claims": { "roles": { "value": "admin" } } }),
        &json!({}),
    );
    // Both targets add the same name, with another value, another type, or another JSON text.
    for other in [json!("user"), json!(["admin"]), json!(1)] {
        apart(
            &json!({ "claims": { "role": { "value": "admin" } } }),
            &json!({ "claims": { "role": { "value": other } } }),
            &json!({}),
        );
    }
}

#[test]
fn a_claim_that_only_one_target_reads_from_the_token_is_never_issued_to_another() {
    let reads = json!({ "claims": { "email": { "claim": "/email", "optional": true } } });
    apart(&reads, &json!({}), &json!({ "email": "ada@example.com" }));
    // If the token does not have the claim, neither target adds it, so both agree.
    let world = world_with(&pair(&reads, &json!({})), &secrets());
    let (_, claims) = granted(&world, &for_both(&json!({})));
    assert_eq!(claims["aud"], json!([API, SANDBOX]));
    assert!(claims.get("email").is_none());
}

#[test]
fn a_subject_of_one_targets_policy_is_never_issued_to_another() {
    apart(&json!({}), &json!({ "subject": "prefixed" }), &json!({}));
    apart(&json!({}), &json!({ "subject": { "claim": "/account" } }), &json!({ "account": "root" }));
}

#[test]
fn targets_that_agree_on_everything_share_one_token_of_the_shorter_life() {
    let role = json!({ "role": { "value": "user" }, "id": { "claim": "/sub" } });
    let first =
        json!({ "claims": role, "ttl_seconds": 40, "scopes": ["a", "b"], "default_scopes": ["a", "b"] });
    let second = json!({ "claims": role, "scopes": ["b", "c"], "default_scopes": ["b", "c"] });
    let world = world_with(&pair(&first, &second), &secrets());
    let (answer, claims) = granted(&world, &for_both(&json!({})));
    assert_eq!((&answer["expires_in"], &answer["scope"]), (&json!(40), &json!("b")));
    assert_eq!((&claims["role"], &claims["id"]), (&json!("user"), &json!("user_1")));
    // A scope that only one of them grants is not granted.
    let token = clerk_token(&json!({}));
    let one_sided = form(&exchange(&token, &[("audience", API), ("audience", SANDBOX), ("scope", "a")]));
    refused(&world, &one_sided, 400, "invalid_scope", "scope_not_granted");
}

#[test]
fn an_actor_that_one_target_lists_cannot_act_at_another() {
    let actors = json!({ "actors": [{ "issuer": CLERK, "subject": "robot" }] });
    for (first, second) in [(&actors, json!({})), (&json!({}), actors.clone())] {
        let world = world_with(&pair(first, &second), &secrets());
        let (subject, actor) = (clerk_token(&json!({})), clerk_token(&json!({ "sub": "robot" })));
        let mut parameters = with_actor(&subject, &actor);
        parameters.push(("audience", SANDBOX));
        refused(&world, &form(&parameters), 400, "invalid_request", "actor_not_allowed");
    }
}

/// A set with one HS256 key for each of these audiences, and the secrets in their order.
fn shared(audiences: &[Option<&str>]) -> (String, Vec<Vec<u8>>) {
    let mut plan = Plan::empty();
    let mut next = 50;
    let mut fill = |bytes: &mut [u8]| {
        next += 1;
        bytes.fill(next);
    };
    let start = Timestamp::from_epoch_seconds(NOW - 86_400);
    plan.begin(Algorithm::Es256, Intervals::default(), start, &mut fill).unwrap();
    for audience in audiences {
        let series = Series { algorithm: Algorithm::Hs256, audience: audience.map(str::to_owned) };
        plan.begin(series, Intervals::default(), start, &mut fill).unwrap();
    }
    let text = plan.to_json();
    let set: Value = serde_json::from_str(&text).unwrap();
    let secrets = set["keys"].as_array().unwrap().iter().filter_map(|key| key["k"].as_str());
    let secrets = secrets.map(|secret| base64url::decode(secret).unwrap()).collect();
    (text, secrets)
}

pub(super) fn with_keys(keys: String) -> Vec<(&'static str, String)> {
    let mut secrets = secrets();
    secrets[0].1 = keys;
    secrets
}

/// The paths of the faults of this configuration.
pub(super) fn fault_paths(config: &Value, secrets: &[(&'static str, String)]) -> Vec<String> {
    let bound: Vec<(&str, &str)> = secrets.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let world = World::with_secrets(config, &bound);
    let faults = world.faults();
    assert!(faults.iter().all(|fault| !fault.fix.is_empty()));
    faults.into_iter().map(|fault| fault.path).collect()
}

fn both_hs256() -> Value {
    let hs256 = json!({ "algorithm": "HS256" });
    let mut config = pair(&hs256, &hs256);
    config["exchange"]["fireproof"]["algorithm"] = json!("ES256");
    config
}

fn signed_with(token: &str, secret: &[u8]) -> bool {
    let parsed = UntrustedToken::parse(token).unwrap();
    let secret = SharedSecret::new(secret.to_vec());
    secret.verify(Algorithm::Hs256, parsed.signing_input(), parsed.signature())
}

#[test]
fn the_shared_secret_of_one_target_cannot_forge_a_token_for_another() {
    let (keys, secrets) = shared(&[Some(API), Some(SANDBOX)]);
    let world = world_with(&both_hs256(), &with_keys(keys));
    let issue = |audience: &str| {
        let (answer, _) =
            granted(&world, &form(&exchange(&clerk_token(&json!({})), &[("audience", audience)])));
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let (api, sandbox) = (issue(API), issue(SANDBOX));
    assert!(signed_with(&api, &secrets[0]) && signed_with(&sandbox, &secrets[1]));
    assert!(!signed_with(&api, &secrets[1]) && !signed_with(&sandbox, &secrets[0]));
}

#[test]
fn two_hs256_targets_never_share_one_token() {
    let (keys, _) = shared(&[Some(API), Some(SANDBOX)]);
    let world = world_with(&both_hs256(), &with_keys(keys));
    refused(&world, &for_both(&json!({})), 400, "invalid_target", "targets_apart");
}

#[test]
fn a_shared_secret_for_several_audiences_is_a_fault_of_the_configuration() {
    let config = both_hs256();
    let paths = |audiences: &[Option<&str>]| fault_paths(&config, &with_keys(shared(audiences).0));
    assert_eq!(paths(&[None]), ["SIGNING_KEYS.keys[1].aud"]);
    assert_eq!(paths(&[Some(API), None]), ["SIGNING_KEYS.keys[2].aud"]);
    assert_eq!(paths(&[Some(API)]), ["SIGNING_KEYS"]);
    assert_eq!(paths(&[Some(API), Some(LEDGER)]), ["SIGNING_KEYS"]);
    assert!(paths(&[Some(API), Some(SANDBOX)]).is_empty());
    // A key for an audience that is not configured yet is not a fault.
    assert!(paths(&[Some(API), Some(SANDBOX), Some(LEDGER)]).is_empty());
    // The same octets with two kids are the same secret.
    let (keys, _) = shared(&[Some(API), Some(SANDBOX)]);
    let mut set: Value = serde_json::from_str(&keys).unwrap();
    set["keys"][2]["k"] = set["keys"][1]["k"].clone();
    assert_eq!(fault_paths(&config, &with_keys(set.to_string())), ["SIGNING_KEYS.keys[2].k"]);
    // `aud` must be a string, and only a shared secret may have it.
    for (index, audience) in [(1, json!("")), (1, json!([API])), (0, json!(API))] {
        let mut set: Value = serde_json::from_str(&keys).unwrap();
        set["keys"][index]["aud"] = audience;
        let path = format!("SIGNING_KEYS.keys[{index}].aud");
        assert_eq!(fault_paths(&config, &with_keys(set.to_string())), [path]);
    }
}

#[test]
fn one_hs256_target_works_with_a_secret_that_names_no_audience() {
    let (keys, secrets) = shared(&[None]);
    let world = world_with(&pair(&json!({ "algorithm": "HS256" }), &json!({})), &with_keys(keys));
    let (answer, _) = granted(&world, &form(&exchange(&clerk_token(&json!({})), &[("audience", API)])));
    assert!(signed_with(answer["access_token"].as_str().unwrap(), &secrets[0]));
}

#[test]
fn fireproofs_audience_has_its_own_shared_secret_too() {
    let mut config = pair(&json!({ "algorithm": "HS256" }), &json!({}));
    config["exchange"]["fireproof"]["algorithm"] = json!("HS256");
    assert_eq!(fault_paths(&config, &with_keys(shared(&[None]).0)), ["SIGNING_KEYS.keys[1].aud"]);
    let (keys, secrets) = shared(&[Some(API), Some("PUBLIC")]);
    let world = world_with(&config, &with_keys(keys));
    let answer = body(&world.ask(&api(&cloud_session("clerk", &clerk_token(&json!({}))))));
    let token = answer["token"].as_str().unwrap();
    assert!(signed_with(token, &secrets[1]) && !signed_with(token, &secrets[0]));
}

#[test]
fn a_target_that_holds_its_secret_cannot_forge_an_identity_providers_tokens() {
    let (keys, _) = shared(&[Some(API)]);
    let mut set: Value = serde_json::from_str(&keys).unwrap();
    set["keys"][1]["k"] = json!(base64url::encode(SECRET.as_bytes()));
    let config = pair(&json!({ "algorithm": "HS256" }), &json!({}));
    assert_eq!(fault_paths(&config, &with_keys(set.to_string())), ["SIGNING_KEYS.keys[1].k"]);
}

#[test]
fn no_client_may_use_a_client_id_that_the_worker_assigns_itself() {
    let token = clerk_token(&json!({}));
    for name in ["edge-assay", "public", "Edge-Assay", " public "] {
        let mut config = config();
        config["exchange"]["clients"][0]["id"] = json!(name);
        assert_eq!(fault_paths(&config, &secrets()), ["exchange.clients[0].id"], "{name}");
        let named = form(&exchange(&token, &[("audience", API), ("client_id", name)]));
        refused(&world(), &named, 401, "invalid_client", "client_unauthenticated");
    }
    let unnamed = form(&exchange(&token, &[("audience", API)]));
    assert_eq!(granted(&world(), &unnamed).1["client_id"], "public");
}

#[test]
fn a_fireproof_token_never_passes_for_one_of_a_targets() {
    let with = |issuer: &str, audience: &str| {
        let mut config = config();
        config["exchange"]["fireproof"]["issuer"] = json!(issuer);
        config["exchange"]["fireproof"]["audience"] = json!(audience);
        fault_paths(&config, &secrets())
    };
    assert_eq!(with(US, API), ["exchange.fireproof.audience"]);
    assert_eq!(with(US, STRICT), ["exchange.fireproof.audience"]);
    assert!(with(US, "PUBLIC").is_empty());
    assert!(with("FP_CLOUD", API).is_empty());
}

#[test]
fn a_gateway_that_asks_for_its_own_target_gets_that_targets_claims_alone() {
    let hs256 = json!({ "algorithm": "HS256", "claims": { "role": { "value": "user" } } });
    let mut config = pair(&hs256, &json!({ "claims": { "role": { "value": "admin" } } }));
    config["exchange"]["fireproof"]["algorithm"] = json!("ES256");
    config["gateway"] = json!({ "routes": [
        { "path": "/api/*", "upstream": "https://origin.example.com", "credential": { "exchange": API } },
        { "path": "/sandbox/*", "upstream": "https://origin.example.com", "credential": { "exchange": SANDBOX } },
    ]});
    config["endpoints"] = json!({ "prefix": "/_assay" });
    let (keys, secrets) = shared(&[Some(API)]);
    let world = world_with(&config, &with_keys(keys));
    let token = clerk_token(&json!({}));
    let sent = |path: &str| {
        let upstream_request = world.sent_on(&FakeRequest::get(path).bearer(&token));
        let (_, value) = upstream_request.set.into_iter().find(|(name, _)| name == "authorization").unwrap();
        value.strip_prefix("Bearer ").unwrap().to_owned()
    };
    let (to_api, to_sandbox) = (sent("/api/x"), sent("/sandbox/x"));
    assert!(signed_with(&to_api, &secrets[0]));
    assert_eq!(issued_claims(&to_api)["role"], "user");
    assert_eq!(issued_claims(&to_sandbox)["role"], "admin");
    assert_eq!(issued_claims(&to_api)["client_id"], "edge-assay");
    assert_eq!(header(&world.answered(&FakeRequest::get("/_assay/healthz")), "location"), None);
}

#[test]
fn no_client_may_use_another_spelling_of_a_registered_id() {
    let token = clerk_token(&json!({}));
    for name in ["cli", "CLI", "Cli", "cli ", " cli", " CLI "] {
        let named = form(&exchange(&token, &[("audience", API), ("client_id", name)]));
        refused(&world(), &named, 401, "invalid_client", "client_unauthenticated");
    }
    let spaced = form(&exchange(&token, &[("audience", API), ("client_id", " other")]));
    refused(&world(), &spaced, 400, "invalid_request", "request_invalid");
    let other = form(&exchange(&token, &[("audience", API), ("client_id", "clip")]));
    assert_eq!(granted(&world(), &other).1["client_id"], "clip");
    for second in ["cli", "CLI", "CLI "] {
        let mut config = config();
        let mut client = config["exchange"]["clients"][0].clone();
        client["id"] = json!(second);
        config["exchange"]["clients"].as_array_mut().unwrap().push(client);
        let mut paths = fault_paths(&config, &secrets());
        paths.dedup();
        assert_eq!(paths, ["exchange.clients[1].id"], "{second}");
    }
    let mut config = config();
    config["exchange"]["clients"][0]["id"] = json!("cli ");
    assert_eq!(fault_paths(&config, &secrets()), ["exchange.clients[0].id"]);
}

const VALUE: &str = "one value that two parties hold, of more than 32 characters";

#[test]
fn the_fix_of_a_secret_that_two_parties_have_names_what_to_change() {
    for (binding, fix) in
        [("OTHER", "`npx wrangler secret put OTHER`"), ("CLI_SECRET", "name another Worker secret")]
    {
        let mut config = config();
        let second = json!({ "id": "other", "secret": binding, "targets": [API] });
        config["exchange"]["clients"].as_array_mut().unwrap().push(second);
        let mut all = secrets();
        all.push(("OTHER", CLIENT_SECRET.to_owned()));
        let bound: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let faults = World::with_secrets(&config, &bound).app.config.terms.as_ref().unwrap_err().clone();
        assert!(faults.len() == 1 && faults[0].fix.contains(fix), "{faults:?}");
    }
}

#[test]
fn two_parties_with_the_same_secret_are_a_fault_under_any_names_of_the_bindings() {
    let client =
        |id: &str, secret: &str, targets: &[&str]| json!({ "id": id, "secret": secret, "targets": targets });
    let with = |change: &dyn Fn(&mut Value), bound: &[(&'static str, &str)]| {
        let mut config = config();
        change(&mut config);
        let mut all = secrets();
        all.retain(|(name, _)| bound.iter().all(|(other, _)| other != name));
        all.extend(bound.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let bound: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let world = World::with_secrets(&config, &bound);
        let faults = world.faults();
        let shown = format!("{faults:?} {:?}", world.platform.log_lines());
        assert!(!shown.contains(VALUE) && !shown.contains(SECRET), "{shown}");
        faults.into_iter().map(|fault| fault.path).collect::<Vec<_>>()
    };
    let two = |second: Value| {
        move |config: &mut Value| {
            config["exchange"]["clients"].as_array_mut().unwrap().push(second.clone());
        }
    };
    let proxy = |config: &mut Value| config["forward_auth"] = json!({ "secret": "PROXY" });
    let second_issuer = |config: &mut Value| {
        config["issuers"].as_array_mut().unwrap().push(
            json!({ "issuer": "https://b.example", "audience": "unchecked", "secrets": [{ "binding": "OTHER" }] }),
        );
    };
    let same = |_: &mut Value| {};
    // Two clients with the same value, in two bindings or in one.
    let other = two(client("other", "OTHER", &[STRICT]));
    assert_eq!(with(&other, &[("CLI_SECRET", VALUE), ("OTHER", VALUE)]), ["exchange.clients[1].secret"]);
    assert!(with(&other, &[("OTHER", VALUE)]).is_empty());
    assert_eq!(with(&two(client("other", "CLI_SECRET", &[API])), &[]), ["exchange.clients[1].secret"]);
    // One client whose id is being changed, so that both ids are configured.
    assert!(with(&two(client("new-cli", "CLI_SECRET", &[STRICT])), &[]).is_empty());
    // The proxy and each other party. White space at the end, which a terminal may add, is ignored.
    assert!(with(&proxy, &[("PROXY", VALUE)]).is_empty());
    for shared in ["CLI_SECRET", "SUPABASE", "EXPLAIN_KEY"] {
        let value = format!("{VALUE}\n");
        assert_eq!(with(&proxy, &[("PROXY", VALUE), (shared, &value)]), ["forward_auth.secret"], "{shared}");
    }
    assert_eq!(with(&proxy, &[("PROXY", &signing_keys())]), ["forward_auth.secret"]);
    // A client and the operator, or an issuer.
    assert_eq!(with(&same, &[("CLI_SECRET", VALUE), ("EXPLAIN_KEY", VALUE)]), ["exchange.clients[0].secret"]);
    assert_eq!(with(&same, &[("CLI_SECRET", SECRET)]), ["exchange.clients[0].secret"]);
    // Two issuers. The secret of the second one has another encoding.
    assert_eq!(with(&second_issuer, &[("OTHER", SECRET)]), ["issuers[2].secrets[0]"]);
    let encoded = |config: &mut Value| {
        second_issuer(config);
        config["issuers"][2]["secrets"][0]["encoding"] = json!("base64url");
    };
    assert_eq!(
        with(&encoded, &[("OTHER", &base64url::encode(SECRET.as_bytes()))]),
        ["issuers[2].secrets[0]"]
    );
    assert!(with(&second_issuer, &[("OTHER", VALUE)]).is_empty());
}
