//! Each kind of configuration fault with its path, and all of them at once.

use serde_json::{Value, json};

use super::{faults_of, paths, root, sound_issuer, with_issuer};
use crate::support::world::merged;

/// A configuration, the path of its only fault, and a part of the problem's text.
type Row = (Value, &'static str, &'static str);

fn each_has_its_one_fault(rows: Vec<Row>) {
    for (config, path, problem) in rows {
        let faults = faults_of(Some(&config.to_string()));
        assert_eq!(paths(&faults), [path], "{config}: {faults:#?}");
        let fault = &faults[0];
        assert!(fault.problem.contains(problem), "{config}: {fault}");
        assert!(!fault.fix.is_empty(), "{fault}");
    }
}

#[test]
fn the_sound_configuration_has_no_fault() {
    assert_eq!(faults_of(Some(&root(&json!({})).to_string())), []);
}

#[test]
fn a_binding_that_is_not_a_json_object_is_a_fault() {
    for (text, problem) in [
        (None, "not set"),
        (Some(""), "not JSON"),
        (Some("{"), "not JSON"),
        (Some("issuers = []"), "not JSON"),
        (Some("[]"), "not an object"),
        (Some("\"text\""), "not an object"),
        (Some("null"), "not an object"),
    ] {
        let faults = faults_of(text);
        assert_eq!(paths(&faults), ["ASSAY"], "{text:?}");
        assert!(faults[0].problem.contains(problem), "{text:?}: {}", faults[0]);
    }
}

#[test]
fn a_member_that_occurs_twice_in_the_text_of_the_binding_is_a_fault_at_every_depth() {
    for text in [
        r#"{"issuers":[],"issuers":[{"issuer":"https://a.example"}]}"#,
        r#"{"issuers":[{"issuer":"https://a.example","audience":{"any_of":["a"]},"audience":"unchecked"}]}"#,
        r#"{"verify":{"leeway_seconds":5,"leeway\u005fseconds":300}}"#,
    ] {
        let faults = faults_of(Some(text));
        assert_eq!(paths(&faults), ["ASSAY"], "{text}");
        assert!(faults[0].problem.contains("occurs twice"), "{text}: {}", faults[0]);
    }
}

#[test]
fn numbers_are_whole_and_within_their_bounds() {
    let rows = [
        ("verify", "leeway_seconds", 0, 300),
        ("verify", "max_token_bytes", 512, 65_536),
        ("jwks", "ttl_seconds", 60, 86_400),
        ("jwks", "stale_if_error_seconds", 0, 604_800),
        ("jwks", "unknown_kid_cooldown_seconds", 1, 3600),
        ("jwks", "fetch_timeout_ms", 100, 30_000),
    ];
    for (table, field, low, high) in rows {
        let with = |value: Value| root(&json!({ table: { field: value } })).to_string();
        for good in [low, high] {
            assert_eq!(faults_of(Some(&with(json!(good)))), [], "{field} = {good}");
        }
        for bad in
            [json!(low - 1), json!(high + 1), json!(1.5), json!("60"), json!(null), json!(true), json!([60])]
        {
            let faults = faults_of(Some(&with(bad.clone())));
            assert_eq!(paths(&faults), [format!("{table}.{field}")], "{field} = {bad}");
        }
    }
}

#[test]
fn a_fault_in_the_root_has_its_path() {
    each_has_its_one_fault(vec![
        (json!({}), "issuers", "no issuer"),
        (json!({ "issuers": [] }), "issuers", "no issuer"),
        (json!({ "issuers": {} }), "issuers", "a table"),
        (json!({ "issuers": ["https://a.example"] }), "issuers[0]", "a string"),
        (root(&json!({ "verify": 5 })), "verify", "a number"),
        (root(&json!({ "verify": { "leeway": 5 } })), "verify.leeway", "not a known field"),
        (root(&json!({ "jwks": [] })), "jwks", "an empty list"),
        (root(&json!({ "issuer": "https://a.example" })), "issuer", "not a known field"),
        (root(&json!({ "endpoints": { "prefix": "api" } })), "endpoints.prefix", "not a path prefix"),
        (root(&json!({ "endpoints": { "prefix": "/api/" } })), "endpoints.prefix", "not a path prefix"),
        (root(&json!({ "endpoints": { "prefix": "/" } })), "endpoints.prefix", "not a path prefix"),
        (root(&json!({ "endpoints": { "prefix": "/a/../b" } })), "endpoints.prefix", "not a path prefix"),
        (root(&json!({ "endpoints": { "prefix": "/%61" } })), "endpoints.prefix", "not a path prefix"),
        (
            root(&json!({ "endpoints": { "prefix": "/.well-known" } })),
            "endpoints.prefix",
            "not a path prefix",
        ),
        (root(&json!({ "endpoints": { "prefix": "" } })), "endpoints.prefix", "an empty string"),
        (root(&json!({ "challenge": { "realm": "a\"b" } })), "challenge.realm", "cannot quote"),
        (root(&json!({ "challenge": { "realm": "a\\b" } })), "challenge.realm", "cannot quote"),
        (root(&json!({ "challenge": { "realm": "a\nb" } })), "challenge.realm", "cannot quote"),
        (root(&json!({ "challenge": { "realm": "\u{e9}" } })), "challenge.realm", "cannot quote"),
        (root(&json!({ "cors": { "origins": "*" } })), "cors.origins", "a string"),
        (root(&json!({ "cors": { "origins": [] } })), "cors.origins", "an empty list"),
        (root(&json!({ "cors": { "origins": ["*", "app.example"] } })), "cors.origins[1]", "not an origin"),
        (
            root(&json!({ "cors": { "origins": ["https://app.example/"] } })),
            "cors.origins[0]",
            "not an origin",
        ),
        (
            root(&json!({ "cors": { "origins": ["https://App.example"] } })),
            "cors.origins[0]",
            "not an origin",
        ),
        (root(&json!({ "cors": { "origins": ["null"] } })), "cors.origins[0]", "not an origin"),
        (root(&json!({ "cors": { "origins": ["https://"] } })), "cors.origins[0]", "not an origin"),
        (root(&json!({ "cors": { "origins": ["ftp://app.example"] } })), "cors.origins[0]", "not an origin"),
        (root(&json!({ "explain": { "access": "public" } })), "explain.access", "\"public\""),
        (root(&json!({ "explain": { "access": true } })), "explain.access", "a boolean"),
        (root(&json!({ "explain": { "access": 1.5 } })), "explain.access", "a number with a fraction"),
        (root(&json!({ "explain": { "access": -1 } })), "explain.access", "a negative number"),
        (root(&json!({ "explain": { "key": "k" } })), "explain.key", "not a known field"),
        (root(&json!({ "jwks": { "data_centre_cache": "off" } })), "jwks.data_centre_cache", "a string"),
        (root(&json!({ "jwks": { "data_centre_cache": 0 } })), "jwks.data_centre_cache", "a number"),
        (
            root(&json!({ "jwks": { "data_center_cache": false } })),
            "jwks.data_center_cache",
            "not a known field",
        ),
    ]);
}

#[test]
fn a_fault_in_an_issuer_has_its_path() {
    let preset = |issuer: &str, preset: &str| json!({ "issuers": [{ "issuer": issuer, "preset": preset, "audience": "unchecked" }] });
    each_has_its_one_fault(vec![
        (with_issuer(&json!({ "issuer": null })), "issuers[0].issuer", "missing"),
        (with_issuer(&json!({ "issuer": "" })), "issuers[0].issuer", "an empty string"),
        (with_issuer(&json!({ "issuer": 1 })), "issuers[0].issuer", "a number"),
        (json!({ "issuers": [sound_issuer(), sound_issuer()] }), "issuers[1].issuer", "twice"),
        (with_issuer(&json!({ "jwks_uri": null })), "issuers[0].jwks_uri", "missing"),
        (with_issuer(&json!({ "jwks_uri": "http://a.example/jwks" })), "issuers[0].jwks_uri", "http"),
        (
            with_issuer(&json!({ "jwks_uri": "https://u:p@a.example/" })),
            "issuers[0].jwks_uri",
            "user information",
        ),
        (with_issuer(&json!({ "jwks_uri": "a.example/jwks" })), "issuers[0].jwks_uri", "https"),
        (with_issuer(&json!({ "jwks_uri": 1 })), "issuers[0].jwks_uri", "a number"),
        (with_issuer(&json!({ "discovery": "yes" })), "issuers[0].discovery", "a string"),
        (with_issuer(&json!({ "jwks_uri": null, "discovery": "yes" })), "issuers[0].discovery", "a string"),
        (with_issuer(&json!({ "jwks_uri": null, "discovery": false })), "issuers[0].jwks_uri", "missing"),
        (with_issuer(&json!({ "discovery": true })), "issuers[0].discovery", "jwks_uri is set too"),
        (
            with_issuer(&json!({ "issuer": "a.example", "jwks_uri": null, "discovery": true })),
            "issuers[0].issuer",
            "the address of the keys",
        ),
        (with_issuer(&json!({ "preset": "clark" })), "issuers[0].preset", "\"clark\""),
        (preset("https://a.example", "clark"), "issuers[0].preset", "\"clark\""),
        (preset("https://clerk.example/", "clerk"), "issuers[0].issuer", "slash"),
        (preset("https://x.supabase.co", "supabase"), "issuers[0].issuer", "/auth/v1"),
        (preset("https://x.supabase.co/auth/v1/", "supabase"), "issuers[0].issuer", "/auth/v1"),
        (preset("https://x.auth0.com", "auth0"), "issuers[0].issuer", "slash"),
        (preset("clerk.example", "clerk"), "issuers[0].issuer", "the address of the keys"),
        (with_issuer(&json!({ "types": "JWT" })), "issuers[0].types", "a string"),
        (with_issuer(&json!({ "require_type": 1 })), "issuers[0].require_type", "a number"),
        (with_issuer(&json!({ "max_age_seconds": 0 })), "issuers[0].max_age_seconds", "0"),
        (with_issuer(&json!({ "max_age_seconds": -1 })), "issuers[0].max_age_seconds", "negative"),
        (with_issuer(&json!({ "authorized_parties": [] })), "issuers[0].authorized_parties", "an empty list"),
        (with_issuer(&json!({ "authorized_parties": [""] })), "issuers[0].authorized_parties", "a list"),
        (with_issuer(&json!({ "required_claims": "user_id" })), "issuers[0].required_claims", "a string"),
        (with_issuer(&json!({ "required_scopes": [1] })), "issuers[0].required_scopes", "a list"),
        (with_issuer(&json!({ "audiences": ["a"] })), "issuers[0].audiences", "not a known field"),
    ]);
}

#[test]
fn a_fault_in_an_audience_has_its_path() {
    let with = |audience: Value| with_issuer(&json!({ "audience": audience }));
    each_has_its_one_fault(vec![
        (with(json!(null)), "issuers[0].audience", "missing"),
        (with(json!("backend")), "issuers[0].audience", "other than \"unchecked\""),
        (with(json!("Unchecked")), "issuers[0].audience", "other than \"unchecked\""),
        (with(json!(["backend"])), "issuers[0].audience", "neither a table nor"),
        (with(json!(false)), "issuers[0].audience", "neither a table nor"),
        (with(json!({})), "issuers[0].audience", "neither any_of nor all_of"),
        (with(json!({ "any_of": ["a"], "all_of": ["b"] })), "issuers[0].audience", "both"),
        (with(json!({ "any_of": [] })), "issuers[0].audience.any_of", "an empty list"),
        (with(json!({ "any_of": "a" })), "issuers[0].audience.any_of", "a string"),
        (with(json!({ "all_of": [""] })), "issuers[0].audience.all_of", "a list"),
        (
            with(json!({ "any_of": ["a"], "none_of": ["b"] })),
            "issuers[0].audience.none_of",
            "not a known field",
        ),
    ]);
}

#[test]
fn a_fault_in_algorithms_or_secrets_has_its_path() {
    let secret = json!([{ "binding": "S" }]);
    each_has_its_one_fault(vec![
        (with_issuer(&json!({ "algorithms": [] })), "issuers[0].algorithms", "an empty list"),
        (with_issuer(&json!({ "algorithms": "RS256" })), "issuers[0].algorithms", "a string"),
        (
            with_issuer(&json!({ "algorithms": ["RS256", "none"] })),
            "issuers[0].algorithms[1]",
            "not supported",
        ),
        (with_issuer(&json!({ "algorithms": ["rs256"] })), "issuers[0].algorithms[0]", "not supported"),
        (with_issuer(&json!({ "algorithms": ["HS256"] })), "issuers[0].algorithms[0]", "shared secret"),
        (
            with_issuer(&json!({ "algorithms": ["RS256"], "secrets": secret, "jwks_uri": null })),
            "issuers[0].algorithms[0]",
            "public keys",
        ),
        (
            with_issuer(&json!({ "algorithms": ["RS256"], "secrets": secret })),
            "issuers[0].secrets",
            "never be used",
        ),
        (
            with_issuer(&json!({ "algorithms": ["RS256"], "jwks_uri": "http://a.example/jwks" })),
            "issuers[0].jwks_uri",
            "http",
        ),
        (with_issuer(&json!({ "secrets": "S" })), "issuers[0].secrets", "a string"),
        (with_issuer(&json!({ "secrets": "S", "jwks_uri": null })), "issuers[0].secrets", "a string"),
        (with_issuer(&json!({ "secrets": ["S"] })), "issuers[0].secrets[0]", "a string"),
        (with_issuer(&json!({ "secrets": [{}] })), "issuers[0].secrets[0].binding", "missing"),
        (
            with_issuer(&json!({ "secrets": [{ "binding": "c2VjcmV0LWl0c2VsZg==" }] })),
            "issuers[0].secrets[0].binding",
            "not the name",
        ),
        (
            with_issuer(&json!({ "secrets": [{ "binding": "9LIVES" }] })),
            "issuers[0].secrets[0].binding",
            "not the name",
        ),
        (
            with_issuer(&json!({ "secrets": [{ "binding": "" }] })),
            "issuers[0].secrets[0].binding",
            "an empty string",
        ),
        (
            with_issuer(&json!({ "secrets": [{ "binding": "S", "encoding": "base32" }] })),
            "issuers[0].secrets[0].encoding",
            "\"base32\"",
        ),
        (
            with_issuer(&json!({ "secrets": [{ "binding": "S", "kid": "" }] })),
            "issuers[0].secrets[0].kid",
            "empty",
        ),
        (
            with_issuer(&json!({ "secrets": [{ "binding": "S", "value": "hunter2" }] })),
            "issuers[0].secrets[0].value",
            "not a known field",
        ),
    ]);
}

#[test]
fn all_faults_are_reported_at_once_each_with_its_path() {
    let config = json!({
        "verify": { "leeway_seconds": 301, "max_token_byte": 1024 },
        "jwks": { "ttl_seconds": 59, "fetch_timeout_ms": "5s" },
        "endpoints": { "prefix": "verify" },
        "challenge": { "realm": "\"" },
        "cors": { "origins": ["https://app.example", "app.example"] },
        "explain": { "access": "all" },
        "issuers": [
            { "issuer": "https://x.auth0.com", "preset": "auth0" },
            { "issuer": "https://b.example", "preset": "oicd", "audience": "b" },
            { "jwks_uri": "ftp://c.example", "audience": { "any_of": [] }, "algorithms": ["RS256", "none"] },
            { "issuer": "https://d.example", "audience": "unchecked", "secrets": [{ "kid": "k" }], "types": [] },
            "https://e.example",
        ],
        "issuer": {},
    });
    let faults = faults_of(Some(&config.to_string()));
    let mut found = paths(&faults);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "challenge.realm",
            "cors.origins[1]",
            "endpoints.prefix",
            "explain.access",
            "issuer",
            "issuers[0].audience",
            "issuers[0].issuer",
            "issuers[1].audience",
            "issuers[1].preset",
            "issuers[2].algorithms[1]",
            "issuers[2].audience.any_of",
            "issuers[2].issuer",
            "issuers[2].jwks_uri",
            "issuers[3].secrets[0].binding",
            "issuers[3].types",
            "issuers[4]",
            "jwks.fetch_timeout_ms",
            "jwks.ttl_seconds",
            "verify.leeway_seconds",
            "verify.max_token_byte",
        ]
    );
}

#[test]
fn missing_issuers_are_reported_beside_other_faults() {
    let faults = faults_of(Some(r#"{"verify":{"leeway_seconds":301}}"#));
    assert_eq!(paths(&faults), ["verify.leeway_seconds", "issuers"]);
}

#[test]
fn an_unknown_field_is_answered_with_the_nearest_known_one() {
    for (config, suggested) in [
        (with_issuer(&json!({ "jwks-uri": "x" })), "jwks_uri"),
        (with_issuer(&json!({ "authorised_parties": ["x"] })), "authorized_parties"),
        (with_issuer(&json!({ "required_claim": ["x"] })), "required_claims"),
        (with_issuer(&json!({ "Preset": "clerk" })), "preset"),
        (root(&json!({ "verify": { "leeway": 5 } })), "leeway_seconds"),
        (root(&json!({ "jwks": { "ttl": 5 } })), "ttl_seconds"),
        (root(&json!({ "isuers": [] })), "issuers"),
    ] {
        let faults = faults_of(Some(&config.to_string()));
        assert!(faults[0].fix.contains(&format!("`{suggested}`")), "{config}: {}", faults[0]);
    }
    let far = faults_of(Some(&root(&json!({ "verify": { "zzz": 5 } })).to_string()));
    assert!(far[0].fix.contains("leeway_seconds") && far[0].fix.contains("max_token_bytes"), "{}", far[0]);
}

#[test]
fn an_issuer_that_is_not_a_url_passes_with_the_fix_of_its_fault() {
    for changes in [json!({ "preset": "oidc" }), json!({ "discovery": true })] {
        let issuer = merged(json!({ "issuer": "accounts.example.com", "audience": "unchecked" }), &changes);
        let faults = faults_of(Some(&json!({ "issuers": [issuer] }).to_string()));
        assert_eq!(paths(&faults), ["issuers[0].issuer"]);
        for part in ["jwks_uri", "remove discovery"] {
            assert!(faults[0].fix.contains(part), "{}", faults[0]);
        }
        let fixed =
            merged(issuer, &json!({ "jwks_uri": "https://accounts.example.com/keys", "discovery": null }));
        assert_eq!(faults_of(Some(&json!({ "issuers": [fixed] }).to_string())), []);
    }
}

#[test]
fn every_fix_says_what_to_write_in_plain_ascii() {
    // One configuration with a fault of nearly every kind.
    let config = json!({
        "surplus": 1, "verify": 5, "jwks": { "ttl": 5, "fetch_timeout_ms": 1 },
        "endpoints": { "prefix": "x" }, "challenge": { "realm": "\"" }, "explain": { "access": "x" },
        "cors": { "origins": ["app.example"] },
        "issuers": [
            {}, "x", sound_issuer(), sound_issuer(),
            { "issuer": "a.example", "preset": "oidc", "audience": "x" },
            { "issuer": "https://b.example", "audience": {} },
            { "issuer": "https://c.example", "jwks_uri": "ftp://c.example", "discovery": true, "audience": [] },
            { "issuer": "https://d.example", "audience": { "any_of": ["a"], "all_of": ["a"] },
              "algorithms": ["HS256", "RS256", "none"] },
            { "issuer": "https://e.example|x", "secrets": [{}, { "binding": "a b" }, { "binding": "S", "encoding": "x" }],
              "algorithms": ["RS256"] },
        ],
        "exchange": {
            "issuer": "http://auth.example.com?x",
            "targets": [
                {},
                { "audience": "b", "from": ["https://nobody.example", "https://e.example|x"], "subject": "own",
                  "scopes": ["a b"], "default_scopes": ["c"], "actors": [{}],
                  "when": [{}, { "claim": "x" }, { "claim": "/directory/x", "equals": 1, "exists": true },
                           { "claim": "/x", "one_of": [] }, { "claim": "/x", "at_least": "1" }],
                  "claims": { "sub": { "value": 1 }, "a": {}, "c": { "claim": "/c", "value": 1 } } },
                { "audience": "b", "from": ["https://a.example"], "subject": 5 },
                { "audience": "d", "from": ["https://e.example|x", "https://a.example"], "subject": "prefixed" },
            ],
            "clients": [{}, { "id": "public", "secret": "a b", "targets": ["nothing"] }, { "id": " x", "secret": "S" },
                        { "id": "X", "secret": "S", "targets": ["b"] }],
            "fireproof": { "auth_types": { "a": [] }, "memberships": "directory" },
        },
    });
    let faults = faults_of(Some(&config.to_string()));
    assert!(faults.len() > 45, "{}", faults.len());
    for fault in &faults {
        assert!(fault.to_string().is_ascii(), "{fault}");
        let verb = fault.fix.split([' ', ':']).next().unwrap();
        assert!(
            ["write", "add", "remove", "list", "merge", "set", "choose", "if", "correct"].contains(&verb),
            "{fault}"
        );
        let sentence = fault.problem.split(' ').next().unwrap();
        assert!(
            ["is", "has", "begins", "cannot", "contains", "names", "makes", "points", "would"]
                .contains(&sentence)
                || fault.problem.starts_with(['"', 'R', 'H']),
            "{fault}"
        );
    }
}

#[test]
fn a_secret_in_the_place_of_its_name_is_not_repeated() {
    let secret = "not-a-name-but-the-secret-itself";
    let found = faults_of(Some(&with_issuer(&json!({ "secrets": [{ "binding": secret }] })).to_string()));
    assert!(!found.is_empty());
    assert!(found.iter().all(|fault| !fault.to_string().contains(secret)));
}

#[test]
fn a_byte_order_mark_before_the_text_of_the_binding_is_named_and_a_syntax_error_is_no_duplicate() {
    let only = |text: &str| {
        let found = faults_of(Some(text));
        assert_eq!(found.len(), 1, "{found:?}");
        (found[0].path.clone(), found[0].problem.clone(), found[0].fix.clone())
    };
    let (path, problem, fix) = only(&format!("\u{feff}{}", with_issuer(&json!({}))));
    assert_eq!((path.as_str(), problem.as_str()), ("ASSAY", "begins with a byte order mark"));
    assert!(fix.contains("remove it"));
    for text in ["{\"issuers\": [],}", "[]"] {
        assert!(!only(text).2.contains("two"), "{text}");
    }
    assert!(only("{\"verify\": {}, \"verify\": {}}").2.contains("one of the two"));
}
