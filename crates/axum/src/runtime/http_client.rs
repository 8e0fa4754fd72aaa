//! Fetches key sets and discovery documents: with limits on time and size, without redirects and without a proxy.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use edge_assay_verifier::ports::{Document, DocumentRequest, FetchError};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH, LOCATION,
    USER_AGENT,
};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// Identity providers' firewalls are configured to let this name pass.
const AGENT: &str = concat!("edge-assay/", env!("CARGO_PKG_VERSION"));

/// A connection without a request is closed after this time. Key sets are fetched minutes apart, and providers close idle connections.
const IDLE: Duration = Duration::from_secs(10);

/// An HTTP client for small documents, or why there is none.
#[derive(Clone, Debug)]
pub(super) struct Client(Result<Sender, rustls::Error>);

type Sender = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

impl Client {
    /// A client that trusts Mozilla's root certificates.
    pub(super) fn new() -> Self {
        // Named, because an application may have linked rustls with two providers, and then there is no default.
        let provider = rustls::crypto::ring::default_provider();
        Self(HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider).map(Self::sender))
    }

    pub(super) fn with_tls(mut tls: rustls::ClientConfig) -> Self {
        // The connector sets the protocols that it speaks.
        tls.alpn_protocols.clear();
        Self(Ok(Self::sender(HttpsConnectorBuilder::new().with_tls_config(tls))))
    }

    fn sender(connector: HttpsConnectorBuilder<WantsSchemes>) -> Sender {
        // The verifier permits plain HTTP for loopback only.
        let connector = connector.https_or_http().enable_http1().build();
        hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector)
    }

    /// Sends a GET and reads the whole answer, within the request's limits.
    pub(super) async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        let limit = Duration::from_millis(u64::from(request.timeout_ms));
        match tokio::time::timeout(limit, self.fetch(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FetchError::Timeout(request.timeout_ms)),
        }
    }

    async fn fetch(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        let sender = self.0.as_ref().map_err(|error| unreachable(error))?;
        let mut message = Request::get(&request.url)
            .header(ACCEPT, request.accept)
            .header(USER_AGENT, AGENT)
            // A cache on the way must not keep serving a withdrawn key, or hide a new one.
            .header(CACHE_CONTROL, "max-age=0");
        if let Some(etag) = &request.if_none_match {
            message = message.header(IF_NONE_MATCH, etag);
        }
        let message = message.body(Empty::new()).map_err(|error| unreachable(&error))?;
        let (head, mut incoming) =
            sender.request(message).await.map_err(|error| unreachable(&error))?.into_parts();
        let mut body = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| unreachable(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            if data.len() > request.max_bytes.saturating_sub(body.len()) {
                return Err(FetchError::TooLarge(request.max_bytes));
            }
            body.extend_from_slice(&data);
        }
        let header = |name| visible(&head.headers, &name);
        Ok(Document {
            status: head.status.as_u16(),
            etag: header(ETAG),
            cache_control: header(CACHE_CONTROL),
            content_type: header(CONTENT_TYPE),
            date: header(DATE),
            location: header(LOCATION),
            body,
            age_seconds: None,
        })
    }
}

/// The values of a header, joined with `, ` when there are several (RFC 9110 §5.3), if all of them are visible ASCII.
fn visible(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> =
        headers.get_all(name).iter().map(HeaderValue::to_str).collect::<Result<_, _>>().ok()?;
    (!values.is_empty()).then(|| values.join(", "))
}

/// The innermost cause: what the outer ones say is that sending has failed.
fn unreachable(error: &dyn Error) -> FetchError {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    FetchError::Unreachable(cause.to_string())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::Router;
    use axum::body::Body;
    use axum::http::HeaderMap;
    use axum::routing::get;

    use super::*;

    async fn origin() -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let drip = async || {
            let pieces =
                std::iter::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1000])));
            Body::new(http_body_util::StreamBody::new(Dripping(pieces)))
        };
        let app = Router::new()
            .route("/moved", get(async || (http::StatusCode::FOUND, [("location", "/keys")])))
            .route("/endless", get(drip))
            .route("/slow", get(async || tokio::time::sleep(Duration::from_mins(1)).await))
            .route(
                "/keys",
                get(async |headers: HeaderMap| {
                    let sent = ["accept", "user-agent", "if-none-match", "cookie"].map(|name| {
                        headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned()
                    });
                    ([("etag", "\"1\""), ("cache-control", "max-age=60")], sent.join(" "))
                }),
            );
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    /// A body that does not end.
    struct Dripping<I>(I);

    impl<I: Iterator<Item = Result<Bytes, std::io::Error>> + Unpin> futures_core::Stream for Dripping<I> {
        type Item = Result<http_body::Frame<Bytes>, std::io::Error>;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Ready(self.0.next().map(|piece| piece.map(http_body::Frame::data)))
        }
    }

    async fn fetch(address: SocketAddr, path: &str) -> Result<Document, FetchError> {
        let request = DocumentRequest {
            url: format!("http://{address}{path}"),
            channel: None,
            accept: "application/json",
            if_none_match: Some("\"0\"".to_owned()),
            timeout_ms: 2_000,
            max_bytes: 100_000,
            max_age_seconds: 0,
        };
        Client::new().get(&request).await
    }

    #[tokio::test]
    async fn it_sends_few_headers_and_returns_those_of_the_answer() {
        let answer = fetch(origin().await, "/keys").await.unwrap();
        let expected = format!("application/json {AGENT} \"0\" -");
        assert_eq!((answer.status, String::from_utf8(answer.body).unwrap()), (200, expected));
        assert_eq!(
            (answer.etag.as_deref(), answer.cache_control.as_deref()),
            (Some("\"1\""), Some("max-age=60"))
        );
    }

    #[tokio::test]
    async fn it_returns_a_redirect_and_does_not_follow_it() {
        let answer = fetch(origin().await, "/moved").await.unwrap();
        assert_eq!((answer.status, answer.location.as_deref()), (302, Some("/keys")));
    }

    #[tokio::test]
    async fn it_stops_reading_at_the_limit() {
        assert_eq!(fetch(origin().await, "/endless").await, Err(FetchError::TooLarge(100_000)));
    }

    #[tokio::test]
    async fn it_waits_for_the_time_limit_only() {
        assert_eq!(fetch(origin().await, "/slow").await, Err(FetchError::Timeout(2_000)));
    }

    #[tokio::test]
    async fn it_says_why_there_is_no_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let Err(FetchError::Unreachable(reason)) = fetch(address, "/keys").await else { panic!() };
        assert!(reason.to_lowercase().contains("refused"), "{reason}");
    }
}
