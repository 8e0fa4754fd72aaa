//! A layer for every service that takes `http::Request`s: a whole router of axum, a service of hyper, a server of tonic.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::answer::Refused;
use crate::authenticator::{Authenticated, Authenticator, Borrowed};

/// Lets only requests with a valid token pass, and puts [`Authenticated`] into their extensions. Other requests get the response of [`Refused`], or
/// gRPC's status if their `Content-Type` is `application/grpc`.
///
/// An [`AuthenticatedUser`](crate::AuthenticatedUser) behind this layer does not verify the token again.
///
/// A preflight of a browser (`OPTIONS`) carries no token. A layer for CORS belongs outside of this one, so that it answers them.
///
/// ```
/// use axum::{Extension, Router, routing::get};
/// use edge_assay_axum::{Authenticated, AuthenticationLayer, Authenticator};
///
/// fn routes(authenticator: &Authenticator) -> Router {
///     Router::new()
///         .route("/me", get(|Extension(user): Extension<Authenticated>| async move { user.token().issuer().to_owned() }))
///         .layer(AuthenticationLayer::new(authenticator))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AuthenticationLayer(Authenticator);

impl AuthenticationLayer {
    /// The layer that asks this authenticator.
    #[must_use]
    pub fn new(authenticator: &Authenticator) -> Self {
        Self(authenticator.clone())
    }
}

impl<S> Layer<S> for AuthenticationLayer {
    type Service = Authentication<S>;

    fn layer(&self, inner: S) -> Authentication<S> {
        Authentication { authenticator: self.0.clone(), required: Arc::new([]), inner }
    }
}

/// Lets only requests pass whose token has the scopes. It does what [`AuthenticationLayer`] does, so it needs no other layer; behind one, it uses
/// the token that was verified already.
///
/// ```
/// use axum::{Router, routing::post};
/// use edge_assay_axum::{Authenticator, RequireScope};
///
/// fn routes(authenticator: &Authenticator) -> Router {
///     Router::new()
///         .route("/profiles", post(|| async { "created" }))
///         .route_layer(RequireScope::new(authenticator, ["profiles:write"]))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RequireScope {
    authenticator: Authenticator,
    required: Arc<[String]>,
}

impl RequireScope {
    /// The layer that requires all of these scopes.
    #[must_use]
    pub fn new<T: Into<String>>(authenticator: &Authenticator, scopes: impl IntoIterator<Item = T>) -> Self {
        Self { authenticator: authenticator.clone(), required: scopes.into_iter().map(Into::into).collect() }
    }
}

impl<S> Layer<S> for RequireScope {
    type Service = Authentication<S>;

    fn layer(&self, inner: S) -> Authentication<S> {
        Authentication {
            authenticator: self.authenticator.clone(),
            required: Arc::clone(&self.required),
            inner,
        }
    }
}

/// The service of [`AuthenticationLayer`] and [`RequireScope`].
#[derive(Clone, Debug)]
pub struct Authentication<S> {
    authenticator: Authenticator,
    required: Arc<[String]>,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Authentication<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<AnswerBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone may not be ready; the service that is ready takes this request.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let (authenticator, required) = (self.authenticator.clone(), Arc::clone(&self.required));
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match admitted(&authenticator, &required, Borrowed::from(&parts)).await {
                Ok(authenticated) => {
                    parts.extensions.insert(authenticated);
                    let response = inner.call(Request::from_parts(parts, body)).await?;
                    Ok(response.map(AnswerBody::inner))
                }
                Err(refused) => {
                    let answer = if is_grpc(&parts.headers) { refused.to_grpc() } else { refused.to_http() };
                    Ok(answer.map(AnswerBody::own))
                }
            }
        })
    }
}

async fn admitted(
    authenticator: &Authenticator,
    required: &[String],
    request: Borrowed<'_>,
) -> Result<Authenticated, Refused> {
    let authenticated = authenticator.of_request(request).await?;
    if !required.is_empty() {
        let required: Vec<&str> = required.iter().map(String::as_str).collect();
        authenticated.require_scopes(&required)?;
    }
    Ok(authenticated)
}

/// Whether the request is a call of gRPC. gRPC-Web is not meant: its clients understand the status of HTTP.
fn is_grpc(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let rest = kind.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

pin_project! {
    /// The body of a response: the inner service's, or that of a refusal.
    pub struct AnswerBody<R> {
        #[pin]
        kind: Kind<R>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<R> {
        Inner { #[pin] body: R },
        Own { #[pin] body: Full<Bytes> },
    }
}

impl<R> AnswerBody<R> {
    fn inner(body: R) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    fn own(body: Bytes) -> Self {
        Self { kind: Kind::Own { body: Full::new(body) } }
    }
}

impl<R> fmt::Debug for AnswerBody<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AnswerBody")
    }
}

impl<R: Body<Data = Bytes>> Body for AnswerBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().kind.project() {
            KindProjection::Inner { body } => body.poll_frame(context),
            KindProjection::Own { body } => body.poll_frame(context).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Own { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Own { body } => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_grpc_is_recognised_by_its_content_type() {
        let is_grpc =
            |kind: &'static str| is_grpc(&HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]));
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
            assert!(is_grpc(kind), "{kind}");
        }
        for kind in
            ["application/grpc-web", "application/grpc-web+proto", "application/json", "application/grpcs"]
        {
            assert!(!is_grpc(kind), "{kind}");
        }
    }
}
