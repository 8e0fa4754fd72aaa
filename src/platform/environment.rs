//! A Worker's `env` as all the services at once.

use js_sys::{JSON, Reflect};
use wasm_bindgen::JsValue;
use web_sys::console;

use super::message::WorkerRequest;
use super::{fetch, kv, timer, upstream, webcrypto};
use crate::ports::{
    Clock, Directory, Document, DocumentRequest, FetchError, HttpClient, KeyValueStore, Level, Log,
    NoOpinion, Onward, PlatformCrypto, Random, Runtime, RuntimeFacts, Secrets, SignatureCheck, StoreError,
    UpstreamError, Upstreams,
};
use crate::time::Timestamp;

/// What a request or a cron run may use of the runtime.
#[derive(Clone, Debug)]
pub struct Environment(JsValue);

impl Environment {
    /// Takes the `env` that the runtime hands to a handler.
    #[must_use]
    pub fn new(env: JsValue) -> Self {
        Self(env)
    }

    /// Whether both come from the same deployment: the runtime makes one `env` object per isolate and version of the
    /// bindings, so an equal one means that neither variables nor secrets have changed.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// The text of a JSON variable; a plain text variable is taken to hold JSON.
    #[must_use]
    pub fn json_variable(&self, name: &str) -> Option<String> {
        let value = self.binding(name)?;
        value.as_string().or_else(|| JSON::stringify(&value).ok().map(String::from))
    }

    pub(super) fn binding(&self, name: &str) -> Option<JsValue> {
        Reflect::get(&self.0, &JsValue::from_str(name))
            .ok()
            .filter(|value| !value.is_undefined() && !value.is_null())
    }
}

impl Clock for Environment {
    fn now(&self) -> Timestamp {
        // Milliseconds, and far below 2^53: the cast saturates, and cuts only the fraction.
        #[allow(clippy::cast_possible_truncation)]
        let milliseconds = js_sys::Date::now() as i64;
        Timestamp::from_epoch_seconds(milliseconds.div_euclid(1000))
    }

    async fn sleep(&self, milliseconds: u32) {
        timer::pass(milliseconds).await;
    }
}

impl KeyValueStore for Environment {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        kv::get(self, key).await
    }

    async fn put(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError> {
        kv::put(self, key, value, ttl_seconds).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        kv::delete(self, key).await
    }
}

impl Directory for Environment {
    async fn find(&self, binding: &str, key: &str) -> Result<Option<String>, StoreError> {
        kv::get_from(self, binding, key).await
    }
}

impl Random for Environment {
    fn fill(&self, bytes: &mut [u8]) {
        webcrypto::fill_random(bytes);
    }
}

impl HttpClient for Environment {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        fetch::get(request).await
    }
}

impl Upstreams<WorkerRequest> for Environment {
    type Answer = web_sys::Response;

    async fn send(&self, request: &WorkerRequest, onward: &Onward) -> Result<Self::Answer, UpstreamError> {
        let service = match &onward.service {
            None => None,
            Some(name) => Some(self.binding(name).ok_or_else(|| UpstreamError::Unbound(name.clone()))?),
        };
        upstream::forward(request, onward, service.as_ref()).await
    }
}

impl Secrets for Environment {
    fn secret(&self, name: &str) -> Option<String> {
        self.binding(name)?.as_string()
    }
}

impl Log for Environment {
    fn log(&self, level: Level, line: &serde_json::Value) {
        let line = JsValue::from(line.to_string());
        match level {
            Level::Info => console::log_1(&line),
            Level::Warn => console::warn_1(&line),
            Level::Error => console::error_1(&line),
        }
    }
}

impl PlatformCrypto for Environment {
    async fn verify_signature(&self, check: &SignatureCheck<'_>) -> Result<bool, NoOpinion> {
        webcrypto::verify(check).await
    }
}

impl Runtime for Environment {
    fn facts(&self) -> RuntimeFacts {
        let navigator = Reflect::get(&js_sys::global(), &JsValue::from_str("navigator"));
        let runtime = navigator
            .and_then(|navigator| Reflect::get(&navigator, &JsValue::from_str("userAgent")))
            .ok()
            .and_then(|name| name.as_string())
            .unwrap_or_else(|| "unknown".to_owned());
        RuntimeFacts { runtime, compatibility_date: compatibility_date().map(str::to_owned) }
    }
}

/// The runtime does not tell its compatibility date; what wrangler deploys with is in its file, read at build time.
fn compatibility_date() -> Option<&'static str> {
    include_str!("../../wrangler.toml")
        .lines()
        .find_map(|line| line.strip_prefix("compatibility_date = \"")?.strip_suffix('"'))
}
