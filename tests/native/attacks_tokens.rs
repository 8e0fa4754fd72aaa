//! Attacks with the content of signed tokens, key sets and records: names to which a JSON parser gives a special meaning, tokens that
//! are bound to a key, and tokens that expire while keys are fetched.

use std::collections::BTreeMap;

use crate::support::keys::{self, ed25519};
use crate::support::platform::Answer;
use crate::support::request::FakeRequest;
use crate::support::tokens;
use crate::support::world::{NOW, World, body, claims, header, issuer, jwks_uri};
use edge_assay::claims::directory::directory_key;
use edge_assay::claims::facts::{Facts, Pointer};
use edge_assay::config::Config;
use edge_assay::http::Response;
use edge_assay::jose::json::{self, JsonError};
use edge_assay::jose::{Algorithm, KeySet, Object, UntrustedToken};
use edge_assay::ports::UpstreamRequest;
use edge_assay::rejection::Rejection;
use edge_assay::signing::plan::{Intervals, Plan};
use edge_assay::time::Timestamp;
use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

const ISS: &str = "https://issuer.example";
const API: &str = "https://api.example.com";
const OPEN: &str = "https://open.example.com";
const SECRET: &str = "a secret of the proxy that is long enough";
/// The names to which `serde_json` itself gives a special meaning when it parses a `Value`.
const SPECIAL: [&str; 2] = ["$serde_json::private::RawValue", "$serde_json::private::Number"];

/// A Worker with every endpoint that takes tokens: `/verify`, both exchanges, the gateway and forward-auth.
fn world() -> World {
    let config = json!({
        "issuers": [issuer(ISS, &json!({}))],
        "exchange": {
            "issuer": "https://auth.example.com",
            "directory": "DIRECTORY",
            "targets": [
                { "audience": API, "from": [ISS], "public_clients": true, "when": [{ "claim": "/plan", "equals": "pro" }] },
                {
                    "audience": OPEN, "from": [ISS], "public_clients": true,
                    "claims": { "plan": { "claim": "/plan" }, "level": { "claim": "/directory/level", "optional": true } },
                },
            ],
            "fireproof": { "auth_types": { "any": [ISS] }, "claims": { "plan": { "claim": "/plan" } } },
        },
        "gateway": { "routes": [
            { "path": "/pro/*", "upstream": API, "require": { "claims": [{ "claim": "/plan", "equals": "pro" }] } },
            { "path": "/any/*", "upstream": API, "headers": { "x-plan": "/plan", "x-deep": "/deep/plan" } },
        ] },
        "forward_auth": { "secret": "FORWARD_AUTH_SECRET" },
        "explain": { "access": "open" },
    });
    let mut plan = Plan::empty();
    let start = Timestamp::from_epoch_seconds(NOW - 86_400);
    plan.begin(Algorithm::Es256, Intervals::default(), start, &mut |bytes| bytes.fill(7)).unwrap();
    let bound = [("SIGNING_KEYS", plan.to_json()), ("FORWARD_AUTH_SECRET", SECRET.to_owned())];
    let bound: Vec<(&str, &str)> = bound.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let world = World::with_secrets(&config, &bound);
    if let Err(faults) = &world.app.config.terms {
        panic!("{faults:#?}");
    }
    world.publishes(ISS, &[ed25519()]);
    world
}

fn token(changes: &Value) -> String {
    tokens::mint(Algorithm::EdDsa, &json!({}), &claims(ISS, changes))
}

fn exchange(token: &str, audience: &str) -> FakeRequest {
    let plain = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
    let body = format!(
        "grant_type={}&subject_token_type={}&subject_token={token}&audience={}",
        plain("urn:ietf:params:oauth:grant-type:token-exchange"),
        plain("urn:ietf:params:oauth:token-type:jwt"),
        plain(audience)
    );
    FakeRequest::new(Method::POST, "/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

fn fireproof(token: &str) -> FakeRequest {
    let message =
        json!({ "type": "reqEnsureCloudToken", "auth": { "type": "any", "token": token }, "appId": "notes" });
    FakeRequest::new(Method::PUT, "/api").body(message.to_string())
}

fn proxy_asks(token: &str, path: &str) -> FakeRequest {
    FakeRequest::get("/forward-auth")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-uri", path)
        .header("x-forwarded-host", "app.example.com")
        .header("x-forward-auth-secret", SECRET)
        .bearer(token)
}

fn code(response: &Response) -> Value {
    body(response)["code"].clone()
}

/// A response's body, parsed strictly, because `serde_json` would give the special names their meaning.
fn parsed_strictly(response: &Response) -> Value {
    Value::Object(json::parse_object(std::str::from_utf8(response.body()).unwrap()).unwrap())
}

/// Objects that `serde_json` would parse as the text "pro".
fn disguises() -> impl Iterator<Item = Value> {
    SPECIAL.into_iter().map(|name| json!({ name: "\"pro\"" }))
}

#[test]
fn a_condition_is_checked_with_the_type_that_was_signed_despite_a_special_name() {
    let world = world();
    let honest = token(&json!({ "plan": "pro" }));
    world.sent_on(&FakeRequest::get("/pro/x").bearer(&honest));
    assert_eq!(world.ask(&exchange(&honest, API)).status(), 200);
    for disguise in disguises() {
        let token = token(&json!({ "plan": disguise }));
        let response = world.answered(&FakeRequest::get("/pro/x").bearer(&token));
        assert_eq!((response.status().as_u16(), code(&response)), (403, json!("condition_failed")));
        let response = world.answered(&proxy_asks(&token, "/pro/x"));
        assert_eq!((response.status().as_u16(), code(&response)), (403, json!("condition_failed")));
        let response = world.ask(&exchange(&token, API));
        assert_eq!((response.status().as_u16(), code(&response)), (400, json!("condition_failed")));
    }
}

#[test]
fn a_header_contains_a_disguised_text_as_the_object_that_was_signed() {
    let world = world();
    for disguise in disguises() {
        let token = token(&json!({ "plan": disguise, "deep": { "plan": disguise } }));
        let upstream_request = world.sent_on(&FakeRequest::get("/any/x").bearer(&token));
        let header_of = |upstream_request: &UpstreamRequest, name: &str| {
            upstream_request.set.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone())
        };
        for name in ["x-plan", "x-deep"] {
            assert!(
                header_of(&upstream_request, name).unwrap().starts_with("{\"$serde_json::private::"),
                "{upstream_request:?}"
            );
        }
    }
}

#[test]
fn an_issued_token_and_the_answer_contain_a_claim_as_it_was_signed() {
    let world = world();
    for disguise in disguises() {
        let token = token(&json!({ "plan": disguise }));
        let record = format!("{{\"level\":{disguise}}}");
        world.platform.directory.plant(&format!("DIRECTORY {}", directory_key(ISS, "user_1")), &record);
        let answer = parsed_strictly(&world.ask(&exchange(&token, OPEN)));
        let issued = answer["access_token"].as_str().unwrap();
        let issued = UntrustedToken::parse(issued).unwrap();
        assert_eq!(issued.claims().get("plan"), Some(disguise.clone()));
        assert_eq!(issued.claims().get("level"), Some(disguise.clone()));

        let answer = parsed_strictly(&world.ask(&fireproof(&token)));
        assert_eq!(answer["claims"]["plan"], disguise);
    }
}

#[test]
fn a_fact_has_the_value_that_was_signed() {
    for disguise in disguises() {
        let payload = json!({ "plan": disguise, "list": [disguise] }).to_string();
        let token = tokens::unsigned("{}", &payload);
        let parsed = UntrustedToken::parse(&token).unwrap();
        for pointer in ["/plan", "/list/0"] {
            let value = Facts::of(parsed.header(), parsed.claims()).value(&Pointer::parse(pointer).unwrap());
            assert_eq!(value, Some(disguise.clone()));
        }
    }
}

#[test]
fn a_special_name_makes_no_key_no_subject_no_record_and_no_configuration() {
    for name in SPECIAL {
        let key = ed25519().public_jwk_with(&json!({ "kty": { name: "\"OKP\"" } }));
        let set = KeySet::parse(keys::jwks(&[key]).as_bytes()).unwrap();
        assert_eq!((set.keys.len(), set.set_aside.len()), (0, 1));

        let world = world();
        let subject = token(&json!({ "sub": { name: "\"root\"" } }));
        assert!(matches!(world.rejection(&subject), Rejection::TokenMalformed(_)));
        let issuer = token(&json!({ "iss": { name: format!("\"{ISS}\"") } }));
        assert!(matches!(world.rejection(&issuer), Rejection::TokenMalformed(_)));

        let asked = FakeRequest::new(Method::POST, "/explain")
            .header("content-type", "application/json")
            .body(json!({ "token": { name: "\"a.b.c\"" } }).to_string());
        assert_eq!(world.ask(&asked).status(), 400);

        let configured = json!({ "issuers": [crate::support::world::issuer(ISS, &json!({ "audience": { name: "\"unchecked\"" } }))] });
        assert!(Config::load(Some(&configured.to_string()), &world.platform).terms.is_err());
    }
}

#[test]
fn a_configuration_in_a_text_may_contain_each_member_only_once() {
    let world = world();
    let table = issuer(ISS, &json!({})).to_string();
    let twice = format!(r#"{{"issuers":[{table}],"verify":{{"leeway_seconds":0,"leeway_seconds":300}}}}"#);
    let faults = Config::load(Some(&twice), &world.platform).terms.unwrap_err();
    assert!(faults.len() == 1 && faults[0].problem.contains("leeway_seconds"), "{faults:?}");
}

#[test]
fn a_token_that_is_bound_to_a_key_is_refused_by_every_endpoint() {
    let world = world();
    for confirmation in [
        json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }),
        json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }),
        json!({}),
        json!("anything"),
        json!(false),
    ] {
        let token = token(&json!({ "cnf": confirmation, "plan": "pro" }));
        assert_eq!(world.rejection(&token), Rejection::ProofRequired);
        let response = world.ask(&FakeRequest::verify(&token));
        assert_eq!((response.status().as_u16(), code(&response)), (401, json!("proof_required")));
        assert!(header(&response, "www-authenticate").unwrap().contains("error=\"invalid_token\""));
        for request in [FakeRequest::get("/any/x").bearer(&token), proxy_asks(&token, "/any/x")] {
            let response = world.answered(&request);
            assert_eq!((response.status().as_u16(), code(&response)), (401, json!("proof_required")));
        }
        let response = world.ask(&exchange(&token, OPEN));
        assert_eq!((response.status().as_u16(), code(&response)), (400, json!("proof_required")));
        let response = world.ask(&fireproof(&token));
        assert_eq!(response.status(), 401);
        assert_eq!(body(&response)["attempts"][0]["code"], "proof_required");
    }
    // A `cnf` that is null counts as absent.
    assert!(world.accepts(&token(&json!({ "cnf": null }))));
    let with_null = format!(r#"{{"iss":"{ISS}","exp":{},"cnf":null}}"#, NOW + 50);
    let header = json!({ "alg": "EdDSA", "kid": ed25519().kid() }).to_string();
    assert!(
        world.accepts(&tokens::sealed(&header, &with_null, |input| ed25519().sign(Algorithm::EdDsa, input)))
    );
}

#[test]
fn a_token_that_expires_while_its_keys_are_fetched_is_checked_at_the_time_after_the_fetch() {
    let config = json!({
        "issuers": [issuer(ISS, &json!({}))],
        "verify": { "leeway_seconds": 0 }, "explain": { "access": "open" },
    });
    let world = || {
        let world = World::new(&config);
        world.serves(&jwks_uri(ISS), Answer::json(keys::published(&[ed25519()])).after_ms(4000));
        world
    };
    let brief = token(&json!({ "exp": NOW + 3 }));
    let now = Timestamp::from_epoch_seconds(NOW + 4);
    let expires_at = Timestamp::from_epoch_seconds(NOW + 3);
    assert_eq!(world().rejection(&brief), Rejection::TokenExpired { expires_at, now });
    let asked = FakeRequest::new(Method::POST, "/explain").body(brief.clone());
    let report = body(&world().ask(&asked));
    assert_eq!(
        (report["code"].as_str(), report["cause"]["id"].as_str()),
        (Some("token_expired"), Some("expired"))
    );
    let claims = report["steps"].as_array().unwrap().last().unwrap()["evidence"].clone();
    assert_eq!(claims["exp"]["distance_seconds"], -1);

    // The same for a request that waits for another request's fetch.
    let world = world();
    let terms = world.app.config.terms.as_ref().unwrap();
    let judge =
        || edge_assay::verify::verify(terms, &world.app.keys, &world.platform, &brief, world.platform.now());
    let (first, second) = world.platform.run(futures::future::join(judge(), judge()));
    for verification in [first, second] {
        assert_eq!(verification.verified_at, now);
        assert!(verification.outcome.is_err());
    }
    // A token that became valid in the meantime is accepted.
    let early = token(&json!({ "nbf": NOW + 3 }));
    let later = World::new(&config);
    later.serves(&jwks_uri(ISS), Answer::json(keys::published(&[ed25519()])).after_ms(4000));
    assert!(later.accepts(&early));
}

#[test]
fn an_issued_token_has_the_time_after_the_keys_were_fetched() {
    let world = world();
    world.serves(&jwks_uri(ISS), Answer::json(keys::published(&[ed25519()])).after_ms(4000));
    let answer = parsed_strictly(&world.ask(&exchange(&token(&json!({ "plan": "pro" })), API)));
    let issued = UntrustedToken::parse(answer["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(issued.claims().issued_at, Some(Timestamp::from_epoch_seconds(NOW + 4)));
}

/// An independent parser for the JSON grammar of RFC 8259, which shares no code with the first.
struct Grammar<'t>(&'t str);

impl Grammar<'_> {
    fn whole(text: &str) -> Option<Value> {
        let mut reader = Grammar(text);
        let value = reader.value(0)?;
        reader.space();
        reader.0.is_empty().then_some(value)
    }

    fn space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn takes(&mut self, word: &str) -> bool {
        self.space();
        let rest = self.0.strip_prefix(word);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.space();
        match self.0.chars().next()? {
            '{' => self.members(depth + 1).map(|members| Value::Object(members.into_iter().collect())),
            '[' => self.elements(depth + 1).map(Value::Array),
            '"' => self.text().map(Value::String),
            't' => self.takes("true").then_some(Value::Bool(true)),
            'f' => self.takes("false").then_some(Value::Bool(false)),
            'n' => self.takes("null").then_some(Value::Null),
            _ => self.number(),
        }
    }

    fn members(&mut self, depth: usize) -> Option<BTreeMap<String, Value>> {
        let mut members = BTreeMap::new();
        if depth > 32 || !self.takes("{") {
            return None;
        }
        if self.takes("}") {
            return Some(members);
        }
        loop {
            self.space();
            let name = self.text()?;
            if name.contains('\0') || !self.takes(":") {
                return None;
            }
            if members.insert(name, self.value(depth)?).is_some() {
                return None;
            }
            if !self.takes(",") {
                return self.takes("}").then_some(members);
            }
        }
    }

    fn elements(&mut self, depth: usize) -> Option<Vec<Value>> {
        let mut elements = Vec::new();
        if depth > 32 || !self.takes("[") {
            return None;
        }
        if self.takes("]") {
            return Some(elements);
        }
        loop {
            elements.push(self.value(depth)?);
            if !self.takes(",") {
                return self.takes("]").then_some(elements);
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        let mut units: Vec<u16> = Vec::new();
        let mut characters = self.0.strip_prefix('"')?.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => units.push(match characters.next()? {
                    'b' => 8,
                    'f' => 12,
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'u' => {
                        let digits: String = characters.by_ref().take(4).collect();
                        let is_hex =
                            digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                        is_hex.then(|| u16::from_str_radix(&digits, 16).ok()).flatten()?
                    }
                    other @ ('"' | '\\' | '/') => other as u16,
                    _ => return None,
                }),
                control if control < ' ' => return None,
                other => units.extend(other.encode_utf16(&mut [0; 2]).iter()),
            }
        }
        self.0 = characters.as_str();
        String::from_utf16(&units).ok()
    }

    fn number(&mut self) -> Option<Value> {
        let end = self
            .0
            .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
            .unwrap_or(self.0.len());
        let (spelling, rest) = self.0.split_at(end);
        self.0 = rest;
        let unsigned = spelling.strip_prefix('-').unwrap_or(spelling);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
            }
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        let is_number = digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(digits)
            && exponent.is_none_or(digits);
        if !is_number {
            return None;
        }
        if fraction.is_none() && exponent.is_none() && spelling != "-0" {
            if let Ok(number) = spelling.parse::<i64>() {
                return Some(number.into());
            }
            if let Ok(number) = spelling.parse::<u64>() {
                return Some(number.into());
            }
        }
        spelling.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
    }
}

/// Whether both values are equal. The last digits of doubles may differ, because two parsers may round a long number differently.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|found| same(value, found)))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= one.abs() * 1e-15
        }
        _ => one == other,
    }
}

/// JSON in which the special names, and texts that are JSON themselves, are frequent.
fn json_with_special_names() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "1",
        "\"pro\"",
        "{}",
        "[1]",
        "1e5",
        "-0",
        "null",
        "",
        "\u{e9}\"",
        "\u{1f600}",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e6..1e6).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        SPECIAL[0],
        SPECIAL[1],
        "a",
        "b",
        "",
        "\u{e9}\"\\",
        "$serde_json::private::",
    ]);
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..4).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_text_is_parsed_as_an_independent_parser_parses_it(
        value in json_with_special_names(), pretty in any::<bool>(), cut in prop::option::of(any::<prop::sample::Index>()),
        put in prop::option::of((any::<prop::sample::Index>(), "[\\[\\]{}:,\"\\\\ 0-9a-fnrtuE.+\u{0}\u{1}-]{1,2}")),
    ) {
        let mut text = if pretty { format!("{value:#}") } else { value.to_string() };
        let mut places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        if let Some(cut) = cut {
            text.remove(places[cut.index(places.len())]);
            places = text.char_indices().map(|(place, _)| place).collect();
        }
        if let (Some((place, put)), false) = (put, places.is_empty()) {
            text.insert_str(places[place.index(places.len())], &put);
        }
        let independent = Grammar::whole(&text);
        let strict = json::parse_value(&text).ok();
        let agree = match (&strict, &independent) {
            (Some(strict), Some(independent)) => same(strict, independent),
            (None, None) => true,
            _ => false,
        };
        prop_assert!(agree, "{}\n{:?}\n{:?}", text, strict, independent);
        match (Object::parse(text.clone()), independent) {
            (Ok(object), Some(Value::Object(members))) => {
                prop_assert_eq!(object.names().count(), members.len());
                for (name, value) in members {
                    prop_assert!(same(&object.get(&name).unwrap(), &value), "{}", text);
                }
            }
            (Ok(_), _) => prop_assert!(false, "{}", text),
            (Err(fault), Some(value)) => prop_assert!(fault == JsonError::NotAnObject && !value.is_object(), "{}", text),
            (Err(fault), None) => prop_assert!(fault != JsonError::NotAnObject, "{}", text),
        }
    }
}
