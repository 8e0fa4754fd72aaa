//! The identity provider: a JWK Set on loopback, which can change and can be unavailable. It counts the requests for it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::mint::Key;
use crate::thread::Server;

/// How long an answer takes, as if the provider were not on this machine.
const LATENCY: Duration = Duration::from_millis(20);

/// A running provider.
pub struct Provider {
    server: Server,
    set: Arc<Set>,
}

struct Set {
    document: Mutex<String>,
    up: AtomicBool,
    fetches: AtomicUsize,
}

impl Provider {
    /// A provider that publishes `keys`.
    pub fn start(keys: &[&Key]) -> Self {
        let set = Arc::new(Set {
            document: Mutex::new(document(keys)),
            up: AtomicBool::new(true),
            fetches: AtomicUsize::new(0),
        });
        let router = Router::new().route("/api/auth/jwks", get(serve)).with_state(Arc::clone(&set));
        let server = Server::start(async move || Ok(router)).expect("the provider starts");
        Self { server, set }
    }

    /// The `iss` of its tokens.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Publishes `keys` instead of the former ones.
    pub fn publish(&self, keys: &[&Key]) {
        *self.set.document.lock().expect("a lock") = document(keys);
    }

    /// Whether it answers with its keys (`true`) or with 503.
    pub fn set_up(&self, up: bool) {
        self.set.up.store(up, Ordering::SeqCst);
    }

    /// How many requests for the keys there were, answered with 503 or not.
    pub fn fetches(&self) -> usize {
        self.set.fetches.load(Ordering::SeqCst)
    }
}

/// Where an issuer of this kind publishes its keys.
pub fn jwks_url(issuer: &str) -> String {
    format!("{issuer}/api/auth/jwks")
}

fn document(keys: &[&Key]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

async fn serve(State(set): State<Arc<Set>>) -> Response {
    set.fetches.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(LATENCY).await;
    if !set.up.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let document = set.document.lock().expect("a lock").clone();
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}
