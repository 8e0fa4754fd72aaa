//! This machine as the platform: its clock, HTTP, and the environment and `.dev.vars` for secrets. It has no Workers KV and no
//! second cryptographic engine.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use edge_assay::ports::{
    Clock, Directory, Document, DocumentRequest, EngineError, FetchError, HttpClient, KeyValueStore, Level,
    Log, PlatformCrypto, Random, Runtime, RuntimeFacts, Secrets, SignatureCheck, SigningEngine, StoreError,
};
use edge_assay::time::Timestamp;

use super::{http, terminal};

/// Implements every port of the application.
pub(crate) struct Machine {
    dev_vars: HashMap<String, String>,
    /// A key set that is used in place of every fetch.
    jwks: Option<Vec<u8>>,
}

impl Machine {
    /// Secrets come from the process's environment, or else from the `.dev.vars` beside the configuration.
    pub(crate) fn new(config: &Path, jwks: Option<Vec<u8>>) -> Self {
        Self::in_environment(config, None, jwks)
    }

    /// The same for one of wrangler's environments, whose `.dev.vars.<name>` replaces `.dev.vars` if it exists.
    pub(crate) fn in_environment(config: &Path, name: Option<&str>, jwks: Option<Vec<u8>>) -> Self {
        let read = |file: &str| terminal::read_file(&config.with_file_name(file)).ok();
        let own = name.and_then(|name| read(&format!(".dev.vars.{name}")));
        let text = own.or_else(|| read(".dev.vars")).unwrap_or_default();
        let dev_vars = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .filter_map(|line| {
                let (name, value) = line.split_once('=')?;
                let value = value.trim();
                let unquoted =
                    ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
                Some((name.trim().to_owned(), unquoted.unwrap_or(value).to_owned()))
            })
            .collect();
        Self { dev_vars, jwks }
    }
}

/// Runs `future` to its end by polling it in a loop. Each port blocks instead of waiting, for a millisecond or for a whole request.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        // Only this function reads the machine's clock; all other code gets the time as an argument.
        #[allow(clippy::disallowed_methods)]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_epoch_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    async fn sleep(&self, milliseconds: u32) {
        // One millisecond per poll, so that other futures are polled in between.
        let mut left = milliseconds;
        std::future::poll_fn(|_| {
            let Some(rest) = left.checked_sub(1) else { return Poll::Ready(()) };
            left = rest;
            std::thread::sleep(Duration::from_millis(1));
            Poll::Pending
        })
        .await;
    }
}

impl KeyValueStore for Machine {
    async fn get(&self, _key: &str) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn put(&self, _key: &str, _value: &str, _ttl_seconds: u64) -> Result<(), StoreError> {
        Ok(())
    }

    async fn delete(&self, _key: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Directory for Machine {
    /// Not "no record", which would be a statement about the subject.
    async fn find(&self, _binding: &str, _key: &str) -> Result<Option<String>, StoreError> {
        Err(StoreError(
            "the command line cannot read Workers KV; use `npx edge-assay explain --online`".to_owned(),
        ))
    }

    async fn keep(&self, _binding: &str, _key: &str, _value: &str) -> Result<(), StoreError> {
        Err(StoreError("the command line cannot write Workers KV".to_owned()))
    }
}

impl HttpClient for Machine {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        // Service bindings are for the deployed Worker alone.
        if let (None, Some(name)) = (&self.jwks, &request.channel) {
            return Err(FetchError::NoChannel(name.clone()));
        }
        match &self.jwks {
            Some(body) => Ok(Document { status: 200, body: body.clone(), ..Document::default() }),
            None => fetch(request),
        }
    }
}

fn fetch(request: &DocumentRequest) -> Result<Document, FetchError> {
    let answer = http::send(&http::Request {
        method: "GET",
        url: &request.url,
        headers: vec![("accept", request.accept)],
        body: None,
        timeout_ms: request.timeout_ms,
        max_bytes: request.max_bytes,
    })?;
    Ok(Document {
        status: answer.status,
        etag: answer.header("etag"),
        cache_control: answer.header("cache-control"),
        content_type: answer.header("content-type"),
        date: answer.header("date"),
        location: answer.header("location"),
        body: answer.body,
        age_seconds: None,
    })
}

impl Secrets for Machine {
    fn secret(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| self.dev_vars.get(name).cloned())
    }
}

impl Log for Machine {
    fn log(&self, _level: Level, _line: &serde_json::Value) {}
}

impl Random for Machine {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::getrandom(bytes) {
            terminal::report(&format!("this machine has no source of randomness: {error}"));
            std::process::exit(70);
        }
    }
}

impl PlatformCrypto for Machine {
    async fn verify_signature(&self, _check: &SignatureCheck<'_>) -> Result<bool, EngineError> {
        Err(EngineError("only the Worker has WebCrypto; use --online".to_owned()))
    }
}

/// Nothing is signed here.
impl SigningEngine for Machine {}

impl Runtime for Machine {
    fn facts(&self) -> RuntimeFacts {
        RuntimeFacts { runtime: "the command line".to_owned(), compatibility_date: None }
    }
}
