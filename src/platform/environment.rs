//! Implements all ports with a Worker's `env`.

use std::time::Duration;

use worker::js_sys::{JSON, Reflect};
use worker::wasm_bindgen::JsValue;
use worker::{Delay, Env, console_error, console_log, console_warn};

use super::{coordinator, fetch, kv, notes, webcrypto};
use crate::ports::{
    Clock, CoordinatorError, Directory, Document, DocumentRequest, EngineError, EngineKey, FetchError,
    HttpClient, KeyValueStore, Level, Log, PlatformCrypto, PrivateKey, Random, Runtime, RuntimeFacts,
    Secrets, SignatureCheck, SigningEngine, StoreError, from_origin,
};
use crate::time::Timestamp;

/// The part of the runtime that a request or a cron run can use.
#[derive(Clone, Debug)]
pub struct Environment(Env);

impl Environment {
    /// Wraps the `env` that the runtime passes to a handler.
    #[must_use]
    pub fn new(env: Env) -> Self {
        Self(env)
    }

    /// Whether both are the same object. The runtime makes one `env` object per isolate and version of the bindings, so the same
    /// object means that neither variables nor secrets have changed.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let (this, other): (&JsValue, &JsValue) = (self.0.as_ref(), other.0.as_ref());
        this == other
    }

    /// The text of a JSON variable, or of a plain text variable that contains JSON.
    #[must_use]
    pub fn json_variable(&self, name: &str) -> Option<String> {
        let value = self.binding(name)?;
        value.as_string().or_else(|| JSON::stringify(&value).ok().map(String::from))
    }

    fn binding(&self, name: &str) -> Option<JsValue> {
        Reflect::get(self.0.as_ref(), &JsValue::from_str(name))
            .ok()
            .filter(|value| !value.is_undefined() && !value.is_null())
    }
}

impl Environment {
    /// The service binding with this name. A binding of another kind is none: to call the `fetch` that it lacks would throw an exception
    /// through Rust, and end the instance with all its caches.
    fn service(&self, name: &str) -> Option<JsValue> {
        let value = self.binding(name)?;
        // A text has no members, for which this is an exception too.
        let fetch = Reflect::get(&value, &JsValue::from_str("fetch")).ok()?;
        fetch.is_function().then_some(value)
    }
}

impl Clock for Environment {
    fn now(&self) -> Timestamp {
        // Milliseconds, far below 2^53. The cast saturates, and drops only the fraction.
        #[allow(clippy::cast_possible_truncation)]
        let milliseconds = worker::js_sys::Date::now() as i64;
        Timestamp::from_epoch_seconds(milliseconds.div_euclid(1000))
    }

    async fn sleep(&self, milliseconds: u32) {
        Delay::from(Duration::from_millis(u64::from(milliseconds))).await;
    }
}

impl KeyValueStore for Environment {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        kv::get(&self.0, key).await
    }

    async fn put(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<(), StoreError> {
        kv::put(&self.0, key, value, ttl_seconds).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        kv::delete(&self.0, key).await
    }
}

impl Directory for Environment {
    async fn find(&self, binding: &str, key: &str) -> Result<Option<String>, StoreError> {
        kv::get_from(&self.0, binding, key).await
    }

    async fn keep(&self, binding: &str, key: &str, value: &str) -> Result<(), StoreError> {
        kv::put_into(&self.0, binding, key, value, None).await
    }
}

impl Random for Environment {
    fn fill(&self, bytes: &mut [u8]) {
        webcrypto::fill_random(bytes);
    }
}

impl HttpClient for Environment {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        let service = match &request.channel {
            None => None,
            Some(name) => Some(self.service(name).ok_or_else(|| FetchError::NoChannel(name.clone()))?),
        };
        from_origin(fetch::get(request, service.as_ref()).await?)
    }

    fn has_coordinator(&self) -> bool {
        self.binding(coordinator::BINDING).is_some()
    }

    /// The cache of the data centre.
    fn has_shared_cache(&self) -> bool {
        true
    }

    async fn read_note(&self, url: &str) -> Option<String> {
        notes::read(url).await
    }

    async fn write_note(&self, url: &str, note: &str, seconds: u64) {
        notes::write(url, note, seconds).await;
    }

    async fn ask_coordinator(&self, name: &str, question: &str) -> Result<String, CoordinatorError> {
        let namespace = self.binding(coordinator::BINDING);
        let namespace = namespace.ok_or_else(|| CoordinatorError("nothing is bound".to_owned()))?;
        coordinator::answer_of(&namespace, name, question).await
    }
}

impl Secrets for Environment {
    fn secret(&self, name: &str) -> Option<String> {
        self.binding(name)?.as_string()
    }
}

impl Log for Environment {
    fn log(&self, level: Level, line: &serde_json::Value) {
        match level {
            Level::Info => console_log!("{line}"),
            Level::Warn => console_warn!("{line}"),
            Level::Error => console_error!("{line}"),
        }
    }
}

impl PlatformCrypto for Environment {
    async fn verify_signature(&self, check: &SignatureCheck<'_>) -> Result<bool, EngineError> {
        webcrypto::verify(check).await
    }
}

impl SigningEngine for Environment {
    async fn import_signing_key(&self, key: &PrivateKey<'_>) -> Result<EngineKey, EngineError> {
        webcrypto::import_private(key).await
    }

    async fn sign(&self, key: &EngineKey, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        webcrypto::sign(key, message).await
    }
}

impl Runtime for Environment {
    fn facts(&self) -> RuntimeFacts {
        let navigator = Reflect::get(&worker::js_sys::global(), &JsValue::from_str("navigator"));
        let runtime = navigator
            .and_then(|navigator| Reflect::get(&navigator, &JsValue::from_str("userAgent")))
            .ok()
            .and_then(|name| name.as_string())
            .unwrap_or_else(|| "unknown".to_owned());
        RuntimeFacts { runtime, compatibility_date: COMPATIBILITY_DATE.map(str::to_owned) }
    }
}

/// The compatibility date. The runtime does not report it, so scripts/lib/worker.mjs passes that of wrangler.toml to the compiler. Only
/// the date, because the compiler runs again when its input changes, and each edit of the configuration changes the file.
const COMPATIBILITY_DATE: Option<&str> = option_env!("EDGE_ASSAY_COMPATIBILITY_DATE");
