//! The whole application of one isolate, configured from JSON, on the fake platform.
//!
//! ```ignore
//! let world = World::trusting(&[issuer(ISS, &json!({}))]);
//! world.publishes(ISS, &[keys::ed25519()]);
//! let token = tokens::mint(Algorithm::EdDsa, &json!({}), &claims(ISS, &json!({})));
//! assert!(world.accepts(&token));
//! ```

use std::rc::Rc;

use edge_assay::config::ConfigFault;
use edge_assay::http::Response;
use edge_assay::http::application::Application;
use edge_assay::http::forwarding::{Forwarding, Unanswered};
use edge_assay::http::gateway::{self, serve};
use edge_assay::http::router::answer;
use edge_assay::keys::KeyCache;
use edge_assay::keys::freshness::RefreshPoint;
use edge_assay::ports::{IncomingRequest, UpstreamRequest};
use edge_assay::rejection::{Fault, Refusal, Rejection};
use edge_assay::verify::{Verification, VerifiedToken, verify};
use serde_json::{Value, json};

use super::keys::{self, TestKey};
use super::platform::{Answer, FakePlatform};
use super::request::FakeRequest;
use super::schema::agrees;

/// The time of every clock at the start.
pub const NOW: i64 = 1_800_000_000;

/// Who answers a request.
#[derive(Debug)]
pub enum Reply {
    /// The Worker itself.
    Own(Response),
    /// An upstream, which has received this.
    Upstream(UpstreamRequest),
}

/// One isolate and its platform.
pub struct World {
    /// The fake platform.
    pub platform: FakePlatform,
    /// The application in the isolate.
    pub app: Application,
}

impl World {
    /// A world with this configuration.
    pub fn new(config: &Value) -> Self {
        Self::with_secrets(config, &[])
    }

    /// A world that trusts these issuers.
    pub fn trusting(issuers: &[Value]) -> Self {
        Self::new(&json!({ "issuers": issuers }))
    }

    /// The faults of its configuration.
    pub fn faults(&self) -> Vec<ConfigFault> {
        self.app.config.terms.as_ref().err().cloned().unwrap_or_default()
    }

    /// A world with this configuration and these Worker secrets.
    pub fn with_secrets(config: &Value, secrets: &[(&str, &str)]) -> Self {
        Self::with_text(&with_tested_engine(config.clone()).to_string(), secrets)
    }

    /// A world whose configuration is this text, with faults or without.
    pub fn with_text(config: &str, secrets: &[(&str, &str)]) -> Self {
        let platform = FakePlatform::at(NOW);
        for (name, value) in secrets {
            platform.bind_secret(name, value);
        }
        let app =
            Application::load(Some(config), Rc::new(KeyCache::refreshing_at(RefreshPoint::LAST)), &platform);
        agrees(config, app.config.terms.as_ref().err().map_or(&[], Vec::as_slice));
        Self { platform, app }
    }

    /// Sets the keys in the key set of `issuer` (see [`jwks_uri`]) from now on.
    pub fn publishes(&self, issuer: &str, keys: &[&TestKey]) {
        self.serves(&jwks_uri(issuer), Answer::json(keys::published(keys)));
    }

    /// Sets the answer of `url` from now on.
    pub fn serves(&self, url: &str, answer: Answer) {
        self.platform.origin.serves(url, answer);
    }

    /// The number of fetches of the key set of `issuer`.
    pub fn fetches(&self, issuer: &str) -> usize {
        self.platform.origin.calls(&jwks_uri(issuer))
    }

    /// The verification of `token` at the current time.
    pub fn verification(&self, token: &str) -> Verification {
        let terms = self.app.config.terms.as_ref().unwrap_or_else(|faults| panic!("{faults:#?}"));
        let now = self.platform.now();
        self.platform.run(verify(terms, &self.app.keys, &self.platform, token, now))
    }

    /// The outcome of verifying `token`.
    pub fn outcome(&self, token: &str) -> Result<VerifiedToken, Refusal> {
        self.verification(token).outcome
    }

    /// Whether `token` verifies.
    pub fn accepts(&self, token: &str) -> bool {
        self.outcome(token).is_ok()
    }

    /// Why `token` is rejected. Panics if it is accepted or cannot be verified.
    pub fn rejection(&self, token: &str) -> Rejection {
        match self.outcome(token) {
            Err(Refusal::Rejection(rejection)) => rejection,
            other => panic!("not rejected: {other:?}"),
        }
    }

    /// The fault because of which `token` cannot be verified. Panics if it is accepted or rejected.
    pub fn fault(&self, token: &str) -> Fault {
        match self.outcome(token) {
            Err(Refusal::Fault(fault)) => fault,
            other => panic!("no fault: {other:?}"),
        }
    }

    /// The gateway's reply to `request`. Work that remains after the reply is done too.
    pub fn serve(&self, request: &FakeRequest) -> Reply {
        let served = self.platform.run(serve(&self.app, &self.platform, request, None));
        if let Some(issuer) = served.refresh {
            self.platform.run(self.app.refresh(&self.platform, &issuer));
        }
        self.platform.run(self.app.write_back(&self.platform));
        let Forwarding { request: upstream_request, unanswered, .. } = match served.reply {
            gateway::Reply::Own(response) => return Reply::Own(response),
            gateway::Reply::Upstream(forwarding) => *forwarding,
        };
        match self.platform.upstreams.send(&upstream_request) {
            Ok(()) => Reply::Upstream(upstream_request),
            Err(error) => {
                let mut text = String::new();
                unanswered.write(&mut text);
                let read = Unanswered::read(&text);
                assert_eq!(read, unanswered);
                Reply::Own(read.response(
                    &self.platform,
                    &error,
                    IncomingRequest::header(request, "cf-ray").as_deref(),
                ))
            }
        }
    }

    /// The upstream request for `request`. Panics if the Worker answers it itself.
    pub fn sent_on(&self, request: &FakeRequest) -> UpstreamRequest {
        match self.serve(request) {
            Reply::Upstream(upstream_request) => upstream_request,
            Reply::Own(response) => panic!("the Worker answered: {response:?}"),
        }
    }

    /// The Worker's own answer to `request`. Panics if the request is forwarded.
    pub fn answered(&self, request: &FakeRequest) -> Response {
        match self.serve(request) {
            Reply::Own(response) => response,
            Reply::Upstream(upstream_request) => panic!("forwarded: {upstream_request:?}"),
        }
    }

    /// The response to `request`. Work that remains after the response is done too.
    pub fn ask(&self, request: &FakeRequest) -> Response {
        let answered = self.platform.run(answer(&self.app, &self.platform, request));
        if let Some(issuer) = answered.refresh {
            self.platform.run(self.app.refresh(&self.platform, &issuer));
        }
        self.platform.run(self.app.write_back(&self.platform));
        answered.response
    }
}

/// The environment variable with the `verify.engine` under which tests run. `verify::engines` sets it.
pub const TESTED_ENGINE: &str = "EDGE_ASSAY_TESTED_ENGINE";

/// The engine that this process tests; `None` for the default.
pub fn tested_engine() -> Option<String> {
    std::env::var(TESTED_ENGINE).ok()
}

/// The configuration with the engine under test, unless it names one or cross-checks.
pub fn with_tested_engine(mut config: Value) -> Value {
    let says = |member: &str| config.pointer(&format!("/verify/{member}")).is_some();
    if let Some(engine) = tested_engine().filter(|_| !says("engine") && !says("cross_check")) {
        config["verify"]["engine"] = json!(engine);
    }
    config
}

/// The URL of the key set of an issuer in these tests.
pub fn jwks_uri(issuer: &str) -> String {
    format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'))
}

/// The configuration of an issuer with a key set and unchecked audience, with `changes` merged in. Members that are null in
/// `changes` are removed.
pub fn issuer(name: &str, changes: &Value) -> Value {
    let base = json!({ "issuer": name, "jwks_uri": jwks_uri(name), "audience": "unchecked" });
    merged(base, changes)
}

/// The claims of a token that `issuer` issued ten seconds ago for a minute, with `changes` merged in. Claims that are null in
/// `changes` are removed.
pub fn claims(issuer: &str, changes: &Value) -> Value {
    let base = json!({ "iss": issuer, "sub": "user_1", "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 50 });
    merged(base, changes)
}

/// `base` with the members of `changes`. Members that are null in `changes` are removed.
pub fn merged(mut base: Value, changes: &Value) -> Value {
    let members = base.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    base
}

/// The body of a response, as JSON.
pub fn body(response: &Response) -> Value {
    serde_json::from_slice(response.body())
        .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(response.body())))
}

/// A header of a response. Several headers with the name are joined with commas.
pub fn header(response: &Response, name: &str) -> Option<String> {
    let values: Vec<&str> = response.headers().get_all(name).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
