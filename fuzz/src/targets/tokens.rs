//! Tokens: their form, their claims, and the verdicts of `verify` and `explain`.

use std::cell::OnceCell;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use edge_assay::claims::facts::Pointer;
use edge_assay::explain::report::{Outcome, Report, Verdict};
use edge_assay::explain::text::Style;
use edge_assay::explain::{Presented, explain as explained, html, text};
use edge_assay::gateway::headers::value as header_value;
use edge_assay::jose::json::{self, JsonError};
use edge_assay::jose::{Algorithm, Claims, Object, UntrustedToken, base64url};
use edge_assay::limits::MAX_JSON_DEPTH;
use edge_assay::rejection::Refusal;
use edge_assay::verify::verify;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::support::faulty_token;
use crate::support::keys::{self, SECRET};
use crate::support::platform::{Answer, SecondEngine};
use crate::support::tokens::sealed;
use crate::support::world::{NOW, World, issuer, jwks_uri};

/// Accepts any padding and any trailing bits, which the strict reader must refuse.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A token that parses is the only encoding of its content, and `serde_json` reads the same content. The input is a token; or, if
/// it holds line breaks, header, payload and signature, from which a token is made.
pub fn token(data: &[u8]) -> bool {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    if let (Some(header), Some(payload), Some(signature)) = (parts.next(), parts.next(), parts.next()) {
        return is_token(&[header, payload, signature].map(base64url::encode).join("."));
    }
    std::str::from_utf8(data).is_ok_and(is_token)
}

fn is_token(text: &str) -> bool {
    let Ok(parsed) = UntrustedToken::parse(text) else { return false };
    let segments: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = segments.as_slice() else { panic!("{} segments", segments.len()) };
    assert_eq!(base64url::encode(parsed.header().members().text().as_bytes()), *header);
    assert_eq!(base64url::encode(parsed.claims().raw().as_bytes()), *payload);
    assert_eq!(base64url::encode(parsed.signature()), *signature);
    assert_eq!(parsed.signing_input(), format!("{header}.{payload}").as_bytes());
    assert_eq!(LENIENT.decode(signature).unwrap(), parsed.signature());
    assert!(!parsed.signature().is_empty());

    let read = independently(parsed.header().members().text());
    let texts = [
        ("alg", parsed.header().alg.as_deref()),
        ("kid", parsed.header().kid.as_deref()),
        ("typ", parsed.header().typ.as_deref()),
    ];
    for (name, found) in texts {
        assert_eq!(read.get(name).map(|value| value.as_str().expect("a text")), found, "{name}");
    }
    assert!(["crit", "b64", "zip"].iter().all(|name| read.get(name).is_none()));
    if let Ok(algorithm) = parsed.header().algorithm() {
        assert!(
            matches!(parsed.header().alg.as_deref(), Some(alg) if alg == algorithm.name() || alg == "Ed25519")
        );
    }
    are_claims_as_written(parsed.claims());
    true
}

/// The value that `serde_json` reads in an accepted text.
fn independently(text: &str) -> Value {
    serde_json::from_str(text).expect("a text that the strict reader accepts is JSON")
}

/// The input is a JSON text, read strictly and by `serde_json`, and then the payload of a token.
pub fn claims(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    is_read_as_serde_json_reads_it(text);
    let token = sealed(r#"{"alg":"HS256"}"#, text, |_| vec![7; 32]);
    let Ok(parsed) = UntrustedToken::parse(&token) else { return false };
    are_claims_as_written(parsed.claims());
    true
}

fn is_read_as_serde_json_reads_it(text: &str) {
    // Names to which only `serde_json` gives a special meaning.
    let is_comparable = !text.contains("serde_json") && !text.contains("\\u");
    let independent = serde_json::from_str::<Value>(text);
    match json::parse_value(text) {
        Ok(strict) => {
            assert!(depth(&strict) <= MAX_JSON_DEPTH);
            if is_comparable {
                assert_eq!(independent.expect("the strict reader accepts nothing else"), strict);
            }
            // `serde_json` reads its own long fractions one unit in the last place off.
            if !has_fraction(&strict) {
                assert_eq!(
                    json::parse_value(&strict.to_string()),
                    Ok(strict.clone()),
                    "a written value is read unchanged"
                );
            }
        }
        Err(JsonError::Syntax { .. }) => {
            assert!(!is_comparable || independent.is_err(), "only the strict reader refuses this as JSON");
        }
        // After the first repeated name the rest is not read, so it may not be JSON.
        Err(JsonError::Duplicate(_) | JsonError::TooDeep | JsonError::NulInName) => {}
        Err(JsonError::NotAnObject) => panic!("any value may be read"),
    }
    let (built, kept) = (json::parse_object(text), Object::parse(text.to_owned()));
    match (&built, &kept) {
        (Ok(members), Ok(object)) => {
            assert_eq!(object.text(), text);
            let mut names: Vec<&str> = object.names().collect();
            names.sort_unstable();
            let mut known: Vec<&str> = members.keys().map(String::as_str).collect();
            known.sort_unstable();
            assert_eq!(names, known);
            for (name, value) in members {
                assert_eq!(object.get(name).as_ref(), Some(value));
                assert_eq!(object.string(name).as_deref(), value.as_str());
                assert!(text.contains(object.raw(name).unwrap()));
            }
        }
        (Err(first), Err(second)) => {
            let kind = std::mem::discriminant::<JsonError>;
            // If there are several faults, each reader may find another one first.
            let is_one =
                |error: &JsonError| matches!(error, JsonError::Syntax { .. } | JsonError::NotAnObject);
            if is_one(first) && is_one(second) {
                assert_eq!(kind(first), kind(second), "{first} / {second}");
            }
        }
        _ => panic!("one reader refuses what the other accepts: {built:?} / {kept:?}"),
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        other => other.is_f64(),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn are_claims_as_written(claims: &Claims) {
    let read = independently(claims.raw());
    for (name, found) in
        [("iss", &claims.issuer), ("sub", &claims.subject), ("azp", &claims.authorized_party)]
    {
        assert_eq!(read.get(name).map(|value| value.as_str().expect("a text")), found.as_deref(), "{name}");
    }
    let audience = read.get("aud").map(|value| match value {
        Value::String(one) => vec![one.clone()],
        many => many.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
    });
    assert_eq!(audience, claims.audience);
    for (name, found) in [("exp", claims.expires_at), ("nbf", claims.not_before), ("iat", claims.issued_at)] {
        let given = read.get(name).filter(|value| !(name == "exp" && value.is_null()));
        assert_eq!(given.is_some(), found.is_some(), "{name}");
        if let (Some(given), Some(found)) = (given, found) {
            let seconds = found.epoch_seconds();
            assert!((0..=253_402_300_799).contains(&seconds), "{name}: {seconds}");
            match given.as_i64() {
                Some(whole) => assert_eq!(whole, seconds, "{name}"),
                #[allow(clippy::cast_precision_loss, clippy::float_cmp)]
                None => assert_eq!(given.as_f64().unwrap().floor(), seconds as f64, "{name}"),
            }
        }
    }
    assert_eq!(claims.is_bound_to_a_key, read.get("cnf").is_some_and(|value| !value.is_null()));
    for pointer in ["/sub", "/groups", "/org/id", "/list/0", "/n"] {
        let written = header_value(claims, &Pointer::parse(pointer).unwrap());
        assert!(written.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{pointer}: {written:?}");
        assert_eq!(written.trim(), written, "{pointer}");
        if let Some(Value::String(words)) = read.pointer(pointer) {
            let back: Vec<u8> = percent_decoded(&written);
            assert_eq!(back, words.as_bytes(), "{pointer}");
        }
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    // The reader of forms takes a plus sign for a space.
    form_urlencoded::parse(format!("v={}", text.replace('+', "%2B").replace('&', "%26")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned().into_bytes())
        .unwrap_or_default()
}

const ISS: &str = "https://all.example";
const SHARED: &str = "https://shared.example";
const DOWN: &str = "https://down.example";

/// Issuers of every kind: all algorithms, shared secrets, every rule for claims, and one that does not answer.
fn world(remember_seconds: u64) -> World {
    let world = World::with_secrets(
        &json!({
            "explain": { "access": "open" },
            "verify": { "remember_seconds": remember_seconds },
            "issuers": [
                issuer(ISS, &json!({ "audience": { "any_of": ["api", "https://api.example"] } })),
                faulty_token::strict_issuer(),
                { "issuer": SHARED, "audience": "unchecked", "secrets": [{ "binding": "SHARED" }, { "binding": "OTHER", "kid": "other" }] },
                { "issuer": DOWN, "audience": "unchecked", "jwks_uri": format!("{DOWN}/jwks") },
            ],
        }),
        &[("SHARED", SECRET), ("OTHER", "another secret that is long enough for every one of the hashes..")],
    );
    // Disagreements of two engines are not tested here: each check by the second engine takes a thousand times as long.
    world.platform.second_engine(SecondEngine::Absent);
    faulty_token::publish(&world);
    let published = [
        keys::rsa_2048(),
        keys::rsa_3072(),
        keys::p_256(),
        keys::p_256_second(),
        keys::p_384(),
        keys::ed25519(),
    ];
    world.serves(&jwks_uri(ISS), Answer::json(keys::published(&published)));
    world.serves(&format!("{DOWN}/jwks"), Answer::status(503));
    // From here on, all sets are in memory, and an unknown kid was looked up a moment ago.
    for iss in [ISS, faulty_token::ISS, SHARED, DOWN] {
        for header in
            [json!({ "alg": "RS256", "kid": "unknown" }), json!({ "alg": "EdDSA", "kid": "unknown" })]
        {
            let token =
                sealed(&header.to_string(), &json!({ "iss": iss, "exp": NOW + 9 }).to_string(), |_| {
                    vec![0; 256]
                });
            let _ = world.outcome(&token);
            let _ = report(&world, &token);
        }
    }
    world
}

thread_local! {
    static LIVE: OnceCell<World> = const { OnceCell::new() };
    static EXPLAINED: OnceCell<World> = const { OnceCell::new() };
}

fn report(world: &World, token: &str) -> Report {
    let presented = Presented::from(Ok(token.to_owned()));
    let World { platform, app } = world;
    platform.run(explained(&app.config, &app.keys, platform, &presented))
}

/// `verify` and `explain` give the same verdict and the same code; remembering a signature changes neither; the steps of the
/// report agree with its verdict; and no form of the report holds the signature. The first line of the input chooses how the
/// rest becomes a token: `t` is a token as it is; `s` and `x` are header and payload, which the right and a wrong key sign, except with RSA;
/// `b` is header, payload and the signature's octets.
pub fn explain(data: &[u8]) -> bool {
    let Some(token) = token_of(data) else { return false };
    let verdict = LIVE.with(|world| {
        let world = world.get_or_init(|| self::world(0));
        world.platform.rewind(NOW);
        code_of(world, &token)
    });
    EXPLAINED.with(|world| {
        let world = world.get_or_init(|| self::world(60));
        world.platform.rewind(NOW);
        let report = report(world, &token);
        let live = match report.verdict {
            Verdict::Accepted => Ok(()),
            Verdict::Refused => Err((false, report.code.expect("a code"))),
            Verdict::Fault => Err((true, report.code.expect("a code"))),
        };
        assert_eq!(verdict, live, "verify / explain");
        // A good signature is remembered now.
        world.platform.rewind(NOW);
        assert_eq!(verdict, code_of(world, &token), "without and with the remembered signature");

        let failed = report.steps.iter().filter(|step| step.outcome == Outcome::Failed).count();
        assert_eq!(failed, usize::from(verdict.is_err()));
        assert!(report.cross_check.pure_rust != Some(false) || verdict.is_err());
        let signature = token.rsplit('.').next().unwrap_or_default();
        let forms = [
            serde_json::to_string(&report).unwrap(),
            text::render(&report, Style::Plain),
            text::render(&report, Style::Ansi),
            html::render(&report),
        ];
        let is_telling = signature.len() >= 43 && UntrustedToken::parse(&token).is_ok();
        for form in forms {
            assert!(!form.is_empty());
            assert!(!is_telling || is_named_elsewhere(&token, signature) || !form.contains(signature));
        }
    });
    verdict.is_ok()
}

/// Whether header or payload hold the same text, which the report may then show for another reason.
fn is_named_elsewhere(token: &str, signature: &str) -> bool {
    let parsed = UntrustedToken::parse(token).unwrap();
    parsed.header().members().text().contains(signature) || parsed.claims().raw().contains(signature)
}

/// The verdict of `verify`: the code, and whether it is a fault.
fn code_of(world: &World, token: &str) -> Result<(), (bool, &'static str)> {
    let terms = world.app.config.terms.as_ref().unwrap();
    let World { platform, app } = world;
    match platform.run(verify(terms, &app.keys, platform, token, platform.now())).outcome {
        Ok(_) => Ok(()),
        Err(refusal @ Refusal::Rejection(_)) => Err((false, refusal.code())),
        Err(refusal @ Refusal::Fault(_)) => Err((true, refusal.code())),
    }
}

fn token_of(data: &[u8]) -> Option<String> {
    let text = |octets: &[u8]| std::str::from_utf8(octets).ok().map(str::to_owned);
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (mode, rest) = (lines.next()?, lines.next()?);
    if mode == b"t" {
        return text(rest);
    }
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let (header, payload) = (text(lines.next()?)?, text(lines.next()?)?);
    if mode == b"b" {
        return Some(sealed(&header, &payload, |_| lines.next().unwrap_or_default().to_vec()));
    }
    let alg = serde_json::from_str::<Value>(&header).ok();
    let alg = alg.as_ref().and_then(|header| header.get("alg")?.as_str()).and_then(Algorithm::parse);
    let algorithm = alg.unwrap_or(Algorithm::Hs256);
    Some(sealed(&header, &payload, |input| match (mode, algorithm) {
        (b"s", algorithm) if algorithm.is_shared_secret() => keys::hmac(algorithm, SECRET.as_bytes(), input),
        (b"s", Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa) => {
            keys::for_algorithm(algorithm).sign(algorithm, input)
        }
        // A signature with RSA takes a fifth of a second here. The corpus holds tokens with good ones.
        (b"s", _) => vec![0; 256],
        (_, Algorithm::Es256) => keys::p_256_second().sign(algorithm, input),
        (_, Algorithm::EdDsa) => keys::ed25519_second().sign(algorithm, input),
        _ => keys::hmac(Algorithm::Hs256, b"a wrong secret", input),
    }))
}
