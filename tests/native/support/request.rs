//! An incoming request whose content a test sets.

use edge_assay::intake::Reading;
use edge_assay::ports::{BodyError, IncomingRequest};
use http::Method;

/// Implements [`IncomingRequest`].
#[derive(Clone, Debug)]
pub struct FakeRequest {
    method: Method,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    is_stalled: bool,
    host: String,
    is_from_cloudflare: bool,
}

impl FakeRequest {
    /// A request for `target`: a path, with a query if there is a question mark.
    pub fn new(method: Method, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Self {
            method,
            path: path.to_owned(),
            query,
            headers: Vec::new(),
            body: Vec::new(),
            is_stalled: false,
            host: "api.example.com".to_owned(),
            is_from_cloudflare: false,
        }
    }

    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    /// A GET of `/verify` with this token.
    pub fn verify(token: &str) -> Self {
        Self::get("/verify").bearer(token)
    }

    /// The same with one more header. A name that is set twice is two headers.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a Bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The same with another path.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// The same with another host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// The same as Cloudflare's edge delivers it.
    #[must_use]
    pub fn delivered_by_cloudflare(mut self) -> Self {
        self.is_from_cloudflare = true;
        self
    }

    /// The same with a body that never ends, because the client stops sending.
    #[must_use]
    pub fn stalled(mut self) -> Self {
        self.is_stalled = true;
        self
    }

    /// The same with a body and its length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("content-length", &length)
    }
}

impl IncomingRequest for FakeRequest {
    fn method(&self) -> &Method {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn scheme(&self) -> &'static str {
        "https"
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn header_names(&self) -> String {
        let mut names: Vec<String> = self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        names.join("\n")
    }

    fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    fn has_body(&self) -> bool {
        !self.body.is_empty()
    }

    fn is_from_cloudflare(&self) -> bool {
        self.is_from_cloudflare
    }

    async fn body(&self, max_bytes: usize, reading: &Reading) -> Result<(), BodyError> {
        reading.push(&self.body, max_bytes)?;
        if self.is_stalled {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}
