//! `tests/cases/*.toml`: a configuration, the state of the identity providers, a token, and the root cause that must be
//! found. Each case runs here on fakes, over HTTP. The requests and the reports are written to `target/cases`;
//! `tests/workerd/cases.test.mjs` sends the same requests to the built Worker.
//!
//! The advice of each case is followed as well: its configuration is pasted and its secrets are stored, and the token must then
//! be accepted. The table `applied` of a case describes the exceptions:
//!
//! - `cause`: the token fails for this next cause, which the advice has announced by the text `announced`;
//! - `fill`: the text that replaces `https://…`;
//! - `serves`: further documents that are served then;
//! - `secrets`: the values of the stored secrets, if they differ from the secret that signed the token;
//! - `token`: changes of the token, which is then issued again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::pasting::{self, Pasted};
use crate::support::keys::{self, TestKey};
use crate::support::platform::{Answer, FakePlatform, SecondEngine, StoreMode};
use crate::support::tokens;
use crate::support::world::{tested_engine, with_tested_engine};
use edge_assay::codes::{Code, FAULTS, REJECTIONS};
use edge_assay::explain::cause::CauseId;
use edge_assay::http::application::Application;
use edge_assay::http::router::answer;
use edge_assay::intake::Reading;
use edge_assay::jose::{Algorithm, base64url};
use edge_assay::keys::KeyCache;
use edge_assay::keys::freshness::RefreshPoint;
use edge_assay::ports::{BodyError, IncomingRequest};
use http::Method;
use serde_json::{Map, Value, json};

const NOW: i64 = 1_800_000_000;

/// A request to one of the endpoints.
struct Request {
    method: Method,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl IncomingRequest for Request {
    fn method(&self) -> &Method {
        &self.method
    }

    fn path(&self) -> &str {
        self.path
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn scheme(&self) -> &'static str {
        "https"
    }

    fn host(&self) -> &'static str {
        "api.example.com"
    }

    fn header_names(&self) -> String {
        self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("\n")
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    fn has_body(&self) -> bool {
        !self.body.is_empty()
    }

    fn is_from_cloudflare(&self) -> bool {
        false
    }

    async fn body(&self, max_bytes: usize, reading: &Reading) -> Result<(), BodyError> {
        reading.push(&self.body, max_bytes)
    }
}

fn key_called(name: &str) -> &'static TestKey {
    match name {
        "rsa-2048" => keys::rsa_2048(),
        "rsa-2048-second" => keys::rsa_2048_second(),
        "p-256" => keys::p_256(),
        "ed25519" => keys::ed25519(),
        "ed25519-second" => keys::ed25519_second(),
        other => panic!("no test key is called {other}"),
    }
}

/// The answer of one URL: `(status, content type, body)`.
fn answer_of(serves: &Value) -> (u16, &'static str, String) {
    if let Some(status) = serves["status"].as_u64() {
        let text = serves["body"].as_str().unwrap_or_default().to_owned();
        return (u16::try_from(status).unwrap(), "text/plain", text);
    }
    if let Some(body) = serves["body"].as_str() {
        return (200, "application/json", body.to_owned());
    }
    if let Some(page) = serves["html"].as_str() {
        return (200, "text/html", page.to_owned());
    }
    let jwks: Vec<Value> = serves["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let name = entry.as_str().or_else(|| entry["key"].as_str()).unwrap();
            let mut changes = entry.get("changes").cloned().unwrap_or_else(|| json!({}));
            if let Some(kid) = entry.get("kid") {
                changes["kid"] = if kid == "-" { Value::Null } else { kid.clone() };
            }
            key_called(name).public_jwk_with(&changes)
        })
        .collect();
    let times = usize::try_from(serves["times"].as_u64().unwrap_or(1)).unwrap();
    let prefix = serves["prefix"].as_str().unwrap_or_default();
    (200, "application/json", format!("{prefix}{}", keys::jwks(&vec![jwks; times].concat())))
}

/// The answers of all URLs, for the test of the Worker.
fn answers_of(serves: &Value) -> Value {
    let list = serves.as_array().into_iter().flatten().map(|one| {
        let (status, content_type, body) = answer_of(one);
        json!({
            "url": one["url"], "status": status, "contentType": content_type, "body": body,
            "location": one["location"],
        })
    });
    Value::Array(list.collect())
}

fn serve(world: &FakePlatform, serves: &Value) {
    for one in serves.as_array().into_iter().flatten() {
        let (status, content_type, body) = answer_of(one);
        let mut answer = Answer::document(status, content_type, body);
        if let Some(location) = one["location"].as_str() {
            answer = answer.location(location);
        }
        world.origin.serves(one["url"].as_str().unwrap(), answer);
    }
}

/// The text that is sent: the token of the recipe, with the changes that it gets on its way.
fn token_of(recipe: &Value) -> String {
    let token = minted(recipe);
    if let Some(member) = recipe["wrapped_as"].as_str() {
        return json!({ member: token, "token_type": "Bearer", "expires_in": 3600 }).to_string();
    }
    if let Some(dot) = recipe["dots"].as_str() {
        return token.replace('.', dot);
    }
    if let Some(text) = recipe["payload_ends"].as_str() {
        let (input, signature) = token.rsplit_once('.').unwrap();
        return format!("{input}{text}.{signature}");
    }
    token
}

/// The token that the recipe describes.
fn minted(recipe: &Value) -> String {
    if let Some(text) = recipe["text"].as_str() {
        return text.to_owned();
    }
    let algorithm = Algorithm::parse(recipe["alg"].as_str().unwrap()).unwrap();
    let mut claims = recipe["claims"].as_object().cloned().unwrap_or_default();
    for name in ["iat", "nbf", "exp"] {
        if let Some(distance) = recipe[name].as_i64() {
            claims.insert(name.to_owned(), json!(NOW + distance));
        }
    }
    if let Some(length) = recipe["padding"].as_u64() {
        claims.insert("padding".to_owned(), json!("x".repeat(usize::try_from(length).unwrap())));
    }
    for name in recipe["null"].as_array().into_iter().flatten() {
        claims.insert(name.as_str().unwrap().to_owned(), Value::Null);
    }
    if let Some(iss) = recipe["iss"].as_str().filter(|iss| !iss.is_empty()) {
        claims.insert("iss".to_owned(), json!(iss));
    }
    let mut header = recipe["header"].as_object().cloned().unwrap_or_default();
    if let Some(kid) = recipe.get("kid") {
        header.entry("kid").or_insert_with(|| kid.clone());
    }
    // A dash leaves the member out.
    for value in header.values_mut().filter(|value| **value == "-") {
        *value = Value::Null;
    }
    let (header, claims) = (Value::Object(header), Value::Object(claims));
    if recipe["unsigned"] == true {
        return tokens::sealed(&header.to_string(), &claims.to_string(), |_| Vec::new());
    }
    let token = if let Some(name) = recipe["key"].as_str() {
        tokens::mint_with_key(algorithm, key_called(name), &header, &claims)
    } else {
        let secret = recipe["secret"].as_str().unwrap_or(keys::SECRET);
        tokens::mint_with_secret(algorithm, secret.as_bytes(), &header, &claims)
    };
    if recipe["tamper"] == "payload" {
        let parts: Vec<&str> = token.split('.').collect();
        let payload = String::from_utf8(base64url::decode(parts[1]).unwrap()).unwrap();
        let payload = base64url::encode(payload.replace("\"sub\":\"", "\"sub\":\"x").as_bytes());
        return format!("{}.{payload}.{}", parts[0], parts[2]);
    }
    token
}

/// The headers that a case may send in its table `sent`. It then asks without a body, with the credentials of the request itself.
const SENT: [&str; 4] = ["authorization", "cookie", "origin", "sec-fetch-site"];

struct Outcome {
    report: Value,
    text: String,
    token: String,
    secrets: Vec<String>,
}

/// Runs the case twice, each time in a new world: once for the JSON, once for the text.
fn run(name: &str, case: &Value) -> Outcome {
    let (token, secrets, report) = play(name, case, "application/json", Purpose::Case);
    let (_, _, text) = play(name, case, "text/plain", Purpose::Case);
    Outcome { report: serde_json::from_str(&report).unwrap(), text, token, secrets }
}

/// The purpose of a run.
#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    /// The case itself.
    Case,
    /// The case after its advice was followed: the request is sent again, six seconds after the first.
    Followed,
}

/// The body of the request to `/explain`: the token, and the refused request if the case describes it.
fn asked(case: &Value, token: &str) -> Value {
    let mut asked = case.get("request").cloned().unwrap_or_else(|| json!({}));
    asked["token"] = json!(token);
    asked
}

/// The records of the exchange's directory, and whether the namespace is bound.
fn stock_directory(world: &FakePlatform, case: &Value) -> Value {
    let Some(binding) = case["config"]["exchange"]["directory"].as_str() else { return Value::Null };
    if case["directory"] == "unbound" {
        world.directory.behave(StoreMode::Unbound(binding.to_owned()));
        return Value::Null;
    }
    for (key, record) in case["directory"].as_object().into_iter().flatten() {
        world.directory.plant(&format!("{binding} {key}"), record.as_str().unwrap());
    }
    json!({ "binding": binding, "records": case.get("directory").cloned().unwrap_or_else(|| json!({})) })
}

fn play(name: &str, case: &Value, accept: &str, purpose: Purpose) -> (String, Vec<String>, String) {
    let mut config = with_tested_engine(case["config"].clone());
    config["explain"] = json!({ "access": "open" });
    let warm = &case["warm"];
    let seconds_ago = warm["seconds_ago"].as_i64().unwrap_or(0);
    let world = FakePlatform::at(NOW - seconds_ago);
    let mut secrets = Map::new();
    for (binding, value) in case["secrets"].as_object().into_iter().flatten() {
        let value = match value.as_str().unwrap() {
            "@secret" => keys::SECRET.to_owned(),
            "@signing-keys" => crate::exchange::signing_keys(),
            text => text.to_owned(),
        };
        world.bind_secret(binding, &value);
        secrets.insert(binding.clone(), json!(value));
    }
    let directory = stock_directory(&world, case);
    if case["services"] == "unbound" {
        world.origin.unbind_channels();
    }
    let app = Application::load(
        Some(&config.to_string()),
        Rc::new(KeyCache::refreshing_at(RefreshPoint::LAST)),
        &world,
    );
    if let (Purpose::Followed, Err(faults)) = (purpose, &app.config.terms) {
        panic!("{name}: following the advice breaks the configuration: {faults:#?}");
    }
    let token = token_of(&case["token"]);

    let mut warming = Value::Null;
    if warm.is_object() {
        serve(&world, &warm["serves"]);
        let alg = case["token"]["alg"].as_str().unwrap();
        let header = format!(r#"{{"alg":"{alg}"}}"#);
        let claims = json!({ "iss": case["token"]["iss"], "exp": NOW + 60 }).to_string();
        let before = tokens::unsigned(&header, &claims);
        let headers = vec![("authorization", format!("Bearer {before}"))];
        let request = Request { method: Method::GET, path: "/verify", headers, body: Vec::new() };
        world.run(answer(&app, &world, &request));
        // An unknown `kid` makes the Worker fetch the set again, and begins the cooldown.
        world.pass(2);
        let unknown = tokens::unsigned(&format!(r#"{{"alg":"{alg}","kid":"unknown"}}"#), &claims);
        let headers = vec![("authorization", format!("Bearer {unknown}"))];
        let request = Request { method: Method::GET, path: "/verify", headers, body: Vec::new() };
        world.run(answer(&app, &world, &request));
        world.pass(seconds_ago - 2);
        let requests = [
            json!({ "now": NOW - seconds_ago, "token": before }),
            json!({ "now": NOW - seconds_ago + 2, "token": unknown }),
        ];
        warming = json!({ "requests": requests, "serves": answers_of(&warm["serves"]) });
    }
    serve(&world, &case["serves"]);
    world.second_engine(match case["engine"].as_str() {
        Some("lies") => SecondEngine::Lies,
        Some("absent") => SecondEngine::Absent,
        _ => SecondEngine::Honest,
    });
    let asked = asked(case, &token);
    let mut body = asked.to_string().into_bytes();
    let mut headers = vec![("content-type", "application/json".to_owned()), ("accept", accept.to_owned())];
    if let Some(sent) = case["sent"].as_object() {
        body.clear();
        headers.extend(SENT.iter().filter_map(|name| Some((*name, sent.get(*name)?.as_str()?.to_owned()))));
        assert_eq!(headers.len(), 2 + sent.len(), "{name}: a header is not in the list SENT");
    }
    let request = Request { method: Method::POST, path: "/explain", headers, body };
    let mut response = world.run(answer(&app, &world, &request)).response;
    if purpose == Purpose::Followed {
        world.pass(6);
        response = world.run(answer(&app, &world, &request)).response;
    }
    assert_eq!(response.status(), 200, "{name}");
    let told = String::from_utf8(response.into_body()).unwrap();
    for request in world.origin.requests() {
        let named = case["serves"].as_array().into_iter().chain(warm["serves"].as_array()).flatten();
        let known = named.clone().any(|one| one["url"] == json!(request.url));
        let derived =
            config["issuers"].as_array().unwrap().iter().any(|issuer| {
                request.url.starts_with(issuer["issuer"].as_str().unwrap().trim_end_matches('/'))
            });
        let named =
            config["issuers"].as_array().unwrap().iter().any(|one| one["jwks_uri"] == json!(request.url));
        assert!(known || derived || named, "{name}: {} was fetched, which is not configured", request.url);
    }

    if let (Purpose::Case, Ok(report)) = (purpose, serde_json::from_str::<Value>(&told)) {
        let fixture = json!({
            "name": name, "says": case["says"], "now": NOW, "config": config, "secrets": secrets,
            "engine": case["engine"],
            "warm": warming, "serves": answers_of(&case["serves"]), "asked": asked, "sent": case["sent"], "report": report,
            "directory": directory,
        });
        let engine = tested_engine().map_or_else(String::new, |engine| format!("-{engine}"));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/cases{engine}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.json")), fixture.to_string()).unwrap();
    }
    let secrets = secrets.values().map(|value| value.as_str().unwrap().to_owned()).collect();
    (token, secrets, told)
}

fn cases() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let case = toml::from_str(&fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), case)
        })
        .collect()
}

#[test]
fn every_case_has_the_root_cause_that_it_names() {
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        if tested_engine().as_deref() == Some("webcrypto") && case["engine"] == "lies" {
            // There is no second engine that could disagree.
            continue;
        }
        let Outcome { report, .. } = run(&name, &case);
        let expect = &case["expect"];
        let found: Vec<&str> =
            report["findings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
        let summary = report["cause"]["summary"].as_str().unwrap();
        let line = expect["first_line"].as_str().unwrap_or_default().to_lowercase();
        let wanted = expect["findings"].as_array().into_iter().flatten();
        // If only one engine checks signatures, no summary says that two agree.
        let line = if tested_engine().as_deref() == Some("webcrypto") && line.contains("agree") {
            ""
        } else {
            &*line
        };
        let agrees = report["verdict"] == expect["verdict"]
            && report["cause"]["id"] == expect["cause"]
            && report.get("code") == expect.get("code")
            && summary.to_lowercase().contains(line)
            && wanted.clone().all(|code| found.contains(&code.as_str().unwrap()));
        if !agrees {
            wrong.push(format!(
                "{name}: {} {} {} {found:?}\n    {summary}",
                report["verdict"], report["cause"]["id"], report["code"]
            ));
        }
        assert!(!report["cause"]["fix"].as_str().unwrap().is_empty(), "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The case after the changes in `pasted`, which its advice asks for, were made.
fn followed(case: &Value, pasted: &Pasted) -> Value {
    let (mut after, applied) = (case.clone(), &case["applied"]);
    after["config"] = pasted.config.clone();
    let signed_with = case["token"].get("secret").cloned().unwrap_or_else(|| json!("@secret"));
    for name in &pasted.secrets {
        let usual = if name == "SIGNING_KEYS" { json!("@signing-keys") } else { signed_with.clone() };
        after["secrets"][name] = applied["secrets"].get(name).cloned().unwrap_or(usual);
    }
    if pasted.wrangler.contains_key("services") {
        after["services"] = Value::Null;
    }
    if pasted.wrangler.contains_key("kv_namespaces") {
        after["directory"] = json!({});
    }
    let more = applied["serves"].as_array().into_iter().flatten().cloned();
    let serves: Vec<Value> = case["serves"].as_array().into_iter().flatten().cloned().chain(more).collect();
    after["serves"] = json!(serves);
    for (name, value) in applied["token"].as_object().into_iter().flatten() {
        after["token"][name] = value.clone();
    }
    after
}

/// The fault of a case's advice, if it has one.
fn fault_of_advice(name: &str, case: &Value) -> Option<String> {
    let report: Value = serde_json::from_str(&play(name, case, "application/json", Purpose::Case).2).unwrap();
    let (fix, applied) = (report["cause"]["fix"].as_str().unwrap(), &case["applied"]);
    let pasted = pasting::paste(&case["config"], fix, applied["fill"].as_str());
    if !pasted.is_configuration && pasted.secrets.is_empty() {
        return case.get("applied").map(|_| format!("it contains no steps:\n{fix}"));
    }
    let (next, announced) = (applied["cause"].as_str(), applied["announced"].as_str());
    if next.is_some() != announced.is_some() || announced.is_some_and(|text| !fix.contains(text)) {
        return Some(format!("it does not announce {announced:?}:\n{fix}"));
    }
    let after = followed(case, &pasted);
    let report = play(name, &after, "application/json", Purpose::Followed).2;
    let report: Value = serde_json::from_str(&report).unwrap();
    let is_right = report["cause"]["id"] == next.unwrap_or("accepted");
    (!is_right).then(|| format!("{}\n    after:\n{fix}", report["cause"]))
}

#[test]
fn the_advice_of_every_case_works_when_it_is_followed_literally() {
    let mut wrong = Vec::new();
    let mut followed = 0;
    for (name, case) in cases() {
        let fault = std::panic::catch_unwind(|| fault_of_advice(&name, &case));
        let fault = fault.unwrap_or_else(|_| Some("a panic, see above".to_owned()));
        wrong.extend(fault.map(|fault| format!("{name}: {fault}")));
        followed += usize::from(case.get("applied").is_some());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(followed > 20, "{followed}");
}

/// The lines to copy in the texts of `src/explain/advice`: for each the parts between its placeholders.
fn lines_to_copy() -> Vec<(String, Vec<String>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/explain/advice");
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        // In a string literal a line to copy begins with `\n` and four spaces, and ends with `\n` or the literal.
        for rest in source.split(r"\n    ").skip(1) {
            let rest = rest.replace("\\\"", "\u{1}").replace("{{", "\u{2}").replace("}}", "\u{3}");
            let line = rest.split(['"']).next().unwrap().split(r"\n").next().unwrap();
            let mut parts = vec![String::new()];
            for piece in line.split_inclusive(['{', '}']) {
                match piece.strip_suffix('{') {
                    Some(before) => {
                        parts.last_mut().unwrap().push_str(before);
                        parts.push(String::new());
                    }
                    None if piece.ends_with('}') => {}
                    None => parts.last_mut().unwrap().push_str(piece),
                }
            }
            let plain =
                |part: String| part.replace('\u{1}', "\"").replace('\u{2}', "{").replace('\u{3}', "}");
            lines.push((line.to_owned(), parts.into_iter().map(plain).collect()));
        }
    }
    lines
}

#[test]
fn every_line_to_copy_in_the_advice_is_shown_and_followed_in_a_case() {
    let shown: Vec<String> = cases()
        .iter()
        .flat_map(|(name, case)| {
            let report: Value =
                serde_json::from_str(&play(name, case, "application/json", Purpose::Case).2).unwrap();
            let fix = report["cause"]["fix"].as_str().unwrap().to_owned();
            fix.lines().filter_map(|line| line.strip_prefix("    ").map(str::to_owned)).collect::<Vec<_>>()
        })
        .collect();
    let lines = lines_to_copy();
    assert!(lines.len() > 40, "{}", lines.len());
    let is_shown = |parts: &[String]| {
        shown.iter().any(|line| {
            let Some(mut rest) = line.strip_prefix(parts[0].as_str()) else { return false };
            parts[1..].iter().all(|part| match rest.split_once(part.as_str()) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
        })
    };
    let missing: Vec<&String> =
        lines.iter().filter(|(_, parts)| !is_shown(parts)).map(|(line, _)| line).collect();
    assert!(missing.is_empty(), "no case shows {missing:#?}");
}

#[test]
fn every_cause_and_every_code_has_a_case() {
    let cases = cases();
    let covered: BTreeSet<&str> =
        cases.iter().map(|(_, case)| case["expect"]["cause"].as_str().unwrap()).collect();
    let missing: Vec<&str> =
        CauseId::ALL.iter().map(|id| id.name()).filter(|id| !covered.contains(id)).collect();
    assert!(missing.is_empty(), "no case has the cause {missing:?}");
    let codes: BTreeSet<&str> =
        cases.iter().filter_map(|(_, case)| case["expect"]["code"].as_str()).collect();
    let missing: Vec<&str> =
        REJECTIONS.iter().chain(FAULTS).map(Code::name).filter(|code| !codes.contains(code)).collect();
    assert!(missing.is_empty(), "no case has the code {missing:?}");
}

#[test]
fn no_report_holds_a_token_a_signature_or_a_secret() {
    for (name, case) in cases() {
        let Outcome { report, text, token, secrets } = run(&name, &case);
        let everything = format!("{report}{text}");
        let parts: Vec<&str> = token.split('.').collect();
        if let [_, payload, signature] = parts.as_slice() {
            assert!(payload.len() < 12 || !everything.contains(payload), "{name}: the payload");
            assert!(signature.len() < 12 || !everything.contains(signature), "{name}: the signature");
        }
        for secret in secrets.iter().filter(|secret| secret.len() > 8) {
            assert!(!everything.contains(secret.as_str()), "{name}: a secret");
        }
        assert!(!everything.contains("8a8b2b1e-31f7-4c0e"), "{name}: the subject");
        assert!(!everything.contains("user_2xYz"), "{name}: the subject");
        assert!(!everything.contains("NotARealKeyAtAll"), "{name}: the key");
    }
}

/// `docs/explain.md` shows the incidents between `<!-- case: name -->` and `<!-- end -->`. With `UPDATE_DOCS=1` in the
/// environment this test writes what it would otherwise compare.
#[test]
fn the_documentation_shows_each_incident_as_it_is_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/explain.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut written = String::new();
    let mut shown = BTreeSet::new();
    let mut rest = page.as_str();
    while let Some((before, after)) = rest.split_once("<!-- case: ") {
        let (name, after) = after.split_once(" -->").unwrap();
        let (_, after) = after.split_once("<!-- end -->").unwrap();
        let (_, case) = cases().into_iter().find(|(known, _)| known == name).unwrap();
        let text = run(name, &case).text;
        let shown_as = ["<!-- case: ", name, " -->\n```text\n", &text, "```\n<!-- end -->"].concat();
        written.push_str(before);
        written.push_str(&shown_as);
        shown.insert(name.to_owned());
        rest = after;
    }
    written.push_str(rest);
    for incident in 1..=5 {
        assert!(shown.iter().any(|name| name.starts_with(&format!("incident-{incident}-"))));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &written).unwrap();
    } else {
        assert!(
            page == written,
            "docs/explain.md is out of date: UPDATE_DOCS=1 cargo test --test native cases"
        );
    }
}
