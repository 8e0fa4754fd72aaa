//! Requests that come again, in an isolate with the fast paths and in one without: the replies, the lines of the log and what is fetched are the same,
//! whatever happens in between. The isolate here keeps what src/instance.js and src/entry.rs keep, in the same way.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use edge_assay::http::application::Application;
use edge_assay::http::configured::Configured;
use edge_assay::http::gateway::{Reply, serve};
use edge_assay::http::standing::{Standing, Standings};
use edge_assay::intake::Reading;
use edge_assay::jose::Algorithm;
use edge_assay::keys::KeyCache;
use edge_assay::keys::freshness::RefreshPoint;
use edge_assay::limits::KEPT_RESPONSES;
use edge_assay::ports::{BodyError, IncomingRequest};
use edge_assay::verify::Grounds;
use http::Method;
use serde_json::{Value, json};

use crate::support::keys::{ed25519, ed25519_second, jwks, published};
use crate::support::platform::{Answer, FakePlatform};
use crate::support::request::FakeRequest;
use crate::support::tokens::{mint, mint_with_key};
use crate::support::world::{NOW, claims, issuer, jwks_uri, merged};

const ISS: &str = "https://issuer.example";
const FIXED: &str = "https://fixed.example";
const KEY: &str = "open sesame, and let no one else in";

/// A request that notes whether more of it was read than the method, the URL and the credentials.
struct Watched<'r> {
    inner: &'r FakeRequest,
    is_searched: Cell<bool>,
}

impl Watched<'_> {
    fn searched(&self) -> &FakeRequest {
        self.is_searched.set(true);
        self.inner
    }
}

impl IncomingRequest for Watched<'_> {
    fn method(&self) -> &Method {
        self.inner.method()
    }
    fn path(&self) -> &str {
        self.inner.path()
    }
    fn query(&self) -> Option<&str> {
        self.inner.query()
    }
    fn scheme(&self) -> &str {
        self.inner.scheme()
    }
    fn host(&self) -> &str {
        IncomingRequest::host(self.inner)
    }
    fn header(&self, name: &str) -> Option<String> {
        let request = if name.eq_ignore_ascii_case("authorization") { self.inner } else { self.searched() };
        IncomingRequest::header(request, name)
    }
    fn header_names(&self) -> String {
        self.searched().header_names()
    }
    fn has_body(&self) -> bool {
        self.searched().has_body()
    }
    fn is_from_cloudflare(&self) -> bool {
        self.searched().is_from_cloudflare()
    }
    async fn body(&self, max_bytes: usize, reading: &Reading) -> Result<(), BodyError> {
        IncomingRequest::body(self.searched(), max_bytes, reading).await
    }
}

/// A reply that may be given again.
struct Kept {
    env: usize,
    url: String,
    number: u32,
    reply: String,
}

/// An isolate, with the platform that only it uses.
struct Isolate {
    platform: FakePlatform,
    keys: Rc<KeyCache>,
    /// The configuration of each `env`.
    envs: Vec<Rc<Configured>>,
    is_fast: bool,
    standings: Standings,
    next: u32,
    kept: HashMap<String, Kept>,
    verdicts: HashMap<String, (usize, u32)>,
    given_again: usize,
    known: usize,
}

impl Isolate {
    fn new(variables: &[String], is_fast: bool) -> Self {
        let platform = FakePlatform::at(NOW);
        platform.bind_secret("EXPLAIN_KEY", KEY);
        platform.origin.serves(&jwks_uri(ISS), Answer::json(published(&[ed25519()])));
        let mut isolate = Self {
            platform,
            keys: Rc::new(KeyCache::refreshing_at(RefreshPoint::LAST)),
            envs: Vec::new(),
            is_fast,
            standings: Standings::default(),
            next: 0,
            kept: HashMap::new(),
            verdicts: HashMap::new(),
            given_again: 0,
            known: 0,
        };
        isolate.platform.directory.plant("ASSAY_CONFIG assay", &config(&json!({})));
        for variable in variables {
            isolate.bind(variable);
        }
        isolate
    }

    /// Adds an `env` with this variable.
    fn bind(&mut self, variable: &str) {
        let keys = Rc::clone(&self.keys);
        let configured = Configured::load(Some(variable), keys, Rc::default(), &self.platform);
        self.envs.push(Rc::new(configured));
    }

    fn number(&mut self, configured: &Rc<Configured>, app: &Rc<Application>, grounds: Grounds) -> u32 {
        self.next += 1;
        self.standings.note(self.next, Standing::new(configured, app, grounds));
        self.next
    }

    /// The reply to a request in the `env`, and everything that is done after it.
    fn ask(&mut self, env: usize, request: &FakeRequest) -> String {
        let authorization = IncomingRequest::header(request, "authorization").filter(|_| self.is_fast);
        let is_get = *request.method() == Method::GET;
        let url = format!("{}?{:?}", request.path(), request.query());
        if let Some(kept) = authorization.as_ref().filter(|_| is_get).and_then(|text| self.kept.get(text))
            && kept.url == url
            && kept.env == env
            && self.standings.holds(kept.number, self.platform.now())
        {
            self.given_again += 1;
            return kept.reply.clone();
        }
        let configured = Rc::clone(&self.envs[env]);
        let app = self.platform.run(configured.application(&self.platform));
        let number = authorization.as_ref().and_then(|text| self.verdicts.get(text));
        let number = number.filter(|(of, _)| *of == env).map(|(_, number)| *number);
        let known = number.and_then(|number| self.standings.grounds(number, &configured, &app));
        let watched = Watched { inner: request, is_searched: Cell::new(false) };
        let served = self.platform.run(serve(&app, &self.platform, &watched, known.as_ref()));
        let reply = match served.reply {
            Reply::Own(response) => format!("{response:?}"),
            Reply::Upstream(forwarding) => {
                self.known += usize::from(known.is_some() && served.grounds.is_none());
                if let (Some(grounds), Some(text)) = (served.grounds.clone(), &authorization) {
                    let number = self.number(&configured, &app, grounds);
                    self.verdicts.insert(text.clone(), (env, number));
                }
                format!("{forwarding:?}")
            }
        };
        if let (Some(grounds), Some(text)) = (served.grounds, authorization)
            && reply.starts_with("Response")
            && !watched.is_searched.get()
            && is_get
        {
            let number = self.number(&configured, &app, grounds);
            self.kept.insert(text, Kept { env, url, number, reply: reply.clone() });
        }
        if let Some(issuer) = served.refresh {
            self.platform.run(app.refresh(&self.platform, &issuer));
        }
        self.platform.run(app.write_back(&self.platform));
        self.platform.run(configured.renew(&self.platform));
        self.platform.run(app.self_test(&self.platform));
        reply
    }
}

fn config(changes: &Value) -> String {
    let route = |path: &str, changes: &Value| {
        merged(json!({ "path": path, "upstream": "https://origin.example.com" }), changes)
    };
    let fixed = json!({ "jwks": { "keys": [ed25519().public_jwk()] }, "jwks_uri": null });
    let base = json!({
        "issuers": [issuer(ISS, &json!({})), issuer(FIXED, &fixed)],
        "endpoints": { "prefix": "/_assay" },
        "gateway": { "routes": [
            route("/plain/*", &json!({ "headers": { "x-user-id": "/sub" } })),
            route("/scoped/*", &json!({ "require": { "scopes": ["admin"] } })),
            route("/forwarded/*", &json!({ "credential": "forward" })),
            route("/public/*", &json!({ "public": true, "headers": { "x-user-id": "/sub" } })),
            route("/query-first/*", &json!({ "credentials": [{ "query": "t" }, "authorization"] })),
            route("/cookie-first/*", &json!({ "credentials": [{ "cookie": "s" }, "authorization"] })),
        ] },
    });
    merged(base, changes).to_string()
}

fn tokens() -> Vec<String> {
    let of = |issuer: &str, changes: Value| mint(Algorithm::EdDsa, &json!({}), &claims(issuer, &changes));
    let unused = json!({ "kid": ed25519_second().kid() });
    let later = claims(ISS, &json!({ "exp": NOW + 36_000 }));
    vec![
        of(ISS, json!({ "exp": NOW + 36_000 })),
        of(ISS, json!({ "exp": NOW + 36_000, "scope": "admin", "sub": "ada" })),
        of(ISS, json!({ "exp": NOW + 4 })),
        of(ISS, json!({ "exp": NOW + 36_000, "nbf": NOW + 7 })),
        of(FIXED, json!({ "exp": NOW + 36_000 })),
        mint_with_key(Algorithm::EdDsa, ed25519_second(), &unused, &later),
    ]
}

/// Each token at every kind of path, with another token in the other places.
fn requests() -> Vec<FakeRequest> {
    let other =
        mint(Algorithm::EdDsa, &json!({}), &claims(ISS, &json!({ "sub": "other", "exp": NOW + 36_000 })));
    let mut requests = Vec::new();
    for token in &tokens() {
        for path in [
            "/_assay/verify",
            "/plain/1",
            "/scoped/1",
            "/forwarded/1",
            "/public/1",
            "/query-first/1",
            "/cookie-first/1",
        ] {
            let of = |path: &str| FakeRequest::get(path).bearer(token);
            requests.extend([
                of(path),
                of(&format!("{path}?access_token={other}")),
                of(&format!("{path}?t={other}")),
                of(path).header("cookie", &format!("s={other}")),
            ]);
        }
        requests.extend([
            FakeRequest::new(Method::POST, "/plain/1").bearer(token),
            FakeRequest::new(Method::HEAD, "/_assay/verify").bearer(token),
            FakeRequest::get("/_assay/verify").header("origin", "https://app.example.com").bearer(token),
            FakeRequest::get("/plain/1").header("authorization", &format!("bearer {token}")),
        ]);
    }
    requests
}

/// What happens between two rounds of requests.
type Event = (&'static str, fn(&mut Isolate));

fn pass(seconds: i64) -> impl Fn(&mut Isolate) {
    move |isolate| isolate.platform.pass(seconds)
}

fn publish(isolate: &Isolate, set: String) {
    isolate.platform.origin.serves(&jwks_uri(ISS), Answer::json(set));
}

/// A request with a `kid` that no set has. It causes a fetch, unless there was one a moment ago.
fn fetch(isolate: &mut Isolate) {
    let later = claims(ISS, &json!({ "exp": NOW + 36_000 }));
    let unknown = mint(Algorithm::EdDsa, &json!({ "kid": "unknown" }), &later);
    isolate.ask(0, &FakeRequest::get("/plain/1").bearer(&unknown));
}

/// Another version of the record comes into force.
fn record(isolate: &mut Isolate, changes: &Value) {
    isolate.platform.directory.plant("ASSAY_CONFIG assay", &config(changes));
    isolate.platform.pass(61);
    isolate.ask(0, &FakeRequest::get("/plain/1"));
}

const EVENTS: &[Event] = &[
    ("nothing", |_| ()),
    ("a second", |isolate| pass(1)(isolate)),
    ("a clock that is set back", |isolate| pass(-1)(isolate)),
    ("an expiry", |isolate| pass(10)(isolate)),
    ("the end of what is remembered", |isolate| pass(60)(isolate)),
    ("a key that is added", |isolate| {
        publish(isolate, published(&[ed25519(), ed25519_second()]));
        fetch(isolate);
    }),
    ("a key that is replaced under its kid", |isolate| {
        publish(isolate, jwks(&[ed25519_second().public_jwk_with(&json!({ "kid": ed25519().kid() }))]));
        pass(31)(isolate);
        fetch(isolate);
    }),
    ("the keys of before", |isolate| {
        publish(isolate, published(&[ed25519()]));
        pass(31)(isolate);
        fetch(isolate);
    }),
    ("a purge", |isolate| {
        publish(isolate, published(&[ed25519_second()]));
        let purge = FakeRequest::new(Method::DELETE, "/_assay/keys?issuer=https://issuer.example");
        isolate.ask(0, &purge.header("x-explain-key", KEY));
    }),
    ("the keys of before the purge", |isolate| {
        publish(isolate, published(&[ed25519()]));
        pass(31)(isolate);
        fetch(isolate);
    }),
    ("a record that has the same text", |isolate| record(isolate, &json!({}))),
    ("a key that is distrusted", |isolate| {
        let distrusting = json!({ "distrusted_keys": [ed25519().kid()] });
        record(isolate, &json!({ "issuers": [issuer(ISS, &distrusting)] }));
    }),
    ("another audience", |isolate| {
        let strict = json!({ "audience": { "any_of": ["elsewhere"] } });
        record(isolate, &json!({ "issuers": [issuer(ISS, &strict)] }));
    }),
    ("other places", |isolate| {
        record(isolate, &json!({ "credentials": [{ "cookie": "s" }, "authorization"] }));
    }),
    ("the places of before", |isolate| record(isolate, &json!({}))),
    ("a record with a fault", |isolate| {
        isolate.platform.directory.plant("ASSAY_CONFIG assay", "{");
        pass(61)(isolate);
    }),
    ("an outage of the issuer", |isolate| {
        isolate.platform.origin.serves(&jwks_uri(ISS), Answer::unreachable());
        pass(301)(isolate);
    }),
    ("an outage past the last use of its keys", |isolate| pass(30_000)(isolate)),
    ("new bindings with the same configuration", |isolate| {
        isolate.envs[0] = Rc::clone(&isolate.envs[1]);
    }),
];

/// Both isolates have a configuration in KV, the same one in a variable, and one that accepts none of the tokens.
fn pair() -> [Isolate; 2] {
    let nothing = json!({ "audience": { "any_of": ["elsewhere"] } });
    let variables = [
        r#"{"kv":"ASSAY_CONFIG"}"#.to_owned(),
        config(&json!({})),
        config(&json!({ "issuers": [issuer(ISS, &nothing)] })),
    ];
    [true, false].map(|is_fast| Isolate::new(&variables, is_fast))
}

#[test]
fn a_request_that_comes_again_gets_what_it_gets_without_the_fast_paths() {
    let [mut fast, mut slow] = pair();
    let requests = requests();
    for (event, happens) in EVENTS {
        happens(&mut fast);
        happens(&mut slow);
        let before = (fast.given_again, fast.known);
        for (position, request) in requests.iter().enumerate() {
            // The same request again and again, and then in another `env`.
            for env in [0, 0, 0, 1 + position % 2] {
                let (reply, expected) = (fast.ask(env, request), slow.ask(env, request));
                assert_eq!(reply, expected, "after {event}, in env {env}: {request:?}");
            }
        }
        assert_eq!(fast.platform.log_lines(), slow.platform.log_lines(), "after {event}");
        let fetched = |isolate: &Isolate| isolate.platform.origin.calls(&jwks_uri(ISS));
        assert_eq!(fetched(&fast), fetched(&slow), "after {event}");
        if *event == "nothing" {
            assert!(fast.given_again > before.0 + 10 && fast.known > before.1 + 50, "{before:?}");
        }
    }
    assert_eq!((slow.given_again, slow.known), (0, 0));
}

/// The grounds of a verdict in the isolate's first `env`, noted with this number.
fn noted(isolate: &mut Isolate, number: u32) -> (Rc<Configured>, Rc<Application>) {
    (isolate.next, isolate.is_fast) = (number - 1, true);
    let request = FakeRequest::get("/plain/1").bearer(&tokens()[0]);
    // The first two times, the signature is checked.
    for _ in 0..3 {
        isolate.ask(0, &request);
    }
    assert_eq!(isolate.next, number);
    let configured = Rc::clone(&isolate.envs[0]);
    let app = isolate.platform.run(configured.application(&isolate.platform));
    (configured, app)
}

#[test]
fn grounds_are_found_by_their_number_and_in_their_own_configuration_only() {
    let [mut isolate, mut other] = pair();
    assert!(isolate.standings.grounds(7, &isolate.envs[0], &noted(&mut other, 7).1).is_none());
    let (configured, app) = noted(&mut isolate, 7);
    let found = |isolate: &Isolate, number, configured, app| {
        isolate.standings.grounds(number, configured, app).is_some()
    };
    let numbers = [0, 6, 7, 8, 7 + KEPT_RESPONSES];
    assert_eq!(
        numbers.map(|number| found(&isolate, number, &configured, &app)),
        [false, false, true, false, false]
    );
    // The same text, in an `env` of its own.
    let twin = Rc::clone(&isolate.envs[1]);
    let app_of_twin = isolate.platform.run(twin.application(&isolate.platform));
    for (configured, app) in [(&twin, &app_of_twin), (&twin, &app), (&configured, &app_of_twin)] {
        assert!(!found(&isolate, 7, configured, app));
    }
    // They are found as long as the application is in use, whether they hold or not.
    isolate.platform.pass(3600);
    assert!(found(&isolate, 7, &configured, &app));
    record(&mut isolate, &json!({ "credentials": [{ "cookie": "s" }] }));
    let next = isolate.platform.run(configured.application(&isolate.platform));
    assert!(!Rc::ptr_eq(&app, &next) && !found(&isolate, 7, &configured, &next));
}

#[test]
fn two_numbers_have_two_places_until_a_later_one_takes_the_first() {
    let [mut isolate, _] = pair();
    let (configured, app) = noted(&mut isolate, 7);
    let grounds = isolate.standings.grounds(7, &configured, &app).unwrap();
    let note = |isolate: &mut Isolate, number| {
        isolate.standings.note(number, Standing::new(&configured, &app, grounds.clone()));
    };
    let found = |isolate: &Isolate| {
        [7, 8, 7 + KEPT_RESPONSES]
            .map(|number| isolate.standings.grounds(number, &configured, &app).is_some())
    };
    note(&mut isolate, 8);
    assert_eq!(found(&isolate), [true, true, false]);
    note(&mut isolate, 7 + KEPT_RESPONSES);
    assert_eq!(found(&isolate), [false, true, true]);
}
