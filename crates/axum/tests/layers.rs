//! The layers, around services of axum and around others.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::convert::Infallible;

use axum::body::Body;
use axum::routing::{get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use edge_assay_axum::testing::Provider;
use edge_assay_axum::{
    Authenticated, AuthenticatedUser, AuthenticationLayer, Authenticator, Issuer, Place, RequireScope,
    SessionCookie, Verifier,
};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

const ISSUER: &str = "https://app.example";

/// A service like one of hyper, which says who the user is.
fn plain(
    authenticator: &Authenticator,
) -> impl Service<
    Request<Full<Bytes>>,
    Response = Response<impl http_body::Body<Data = Bytes, Error = Infallible> + use<>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ use<> {
    AuthenticationLayer::new(authenticator).layer(service_fn(async |request: Request<Full<Bytes>>| {
        let user: &Authenticated = request.extensions().get().unwrap();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(user.subject().unwrap().to_owned()))))
    }))
}

fn with_headers<B>(body: B, path: &str, headers: &[(&str, &str)]) -> Request<B> {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

async fn text<B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>>(response: Response<B>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_service_that_is_not_axums_gets_the_token_in_the_extensions() {
    let provider = Provider::new(ISSUER);
    let service = plain(&provider.authenticator().unwrap());
    let bearer = format!("Bearer {}", provider.token("grace", json!({})));
    let request = with_headers(Full::default(), "/", &[("authorization", &bearer)]);
    let response = service.clone().oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "grace");

    let response = service.oneshot(with_headers(Full::default(), "/", &[])).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"api\"");
    assert!(text(response).await.contains("\"code\":\"token_missing\""));
}

#[tokio::test]
async fn a_token_is_read_from_the_listed_places_and_a_cookie_counts_only_for_listed_pages() {
    let provider = Provider::new(ISSUER);
    let issuer = Issuer::better_auth(ISSUER).audience([ISSUER]);
    let verifier = Verifier::builder().issuer(issuer).build_on(provider.platform()).unwrap();
    let authenticator = Authenticator::builder(verifier)
        .credentials([
            Place::Authorization,
            Place::Cookie(SessionCookie::Named("s".to_owned())),
            Place::Header("x-token".to_owned()),
        ])
        .origins([ISSUER])
        .start();
    let (grace, mallory) = (provider.token("grace", json!({})), provider.token("mallory", json!({})));
    let (bearer, cookie) = (format!("Bearer {mallory}"), format!("a=1; s={grace}"));
    let (tossed, dpop) = (format!("s={mallory}"), format!("DPoP {grace}"));
    let (own, evil) = (("origin", ISSUER), ("origin", "https://evil.example"));
    for (method, headers, expected) in [
        (Method::GET, vec![("cookie", cookie.as_str())], (200, "grace")),
        (Method::GET, vec![("cookie", cookie.as_str()), evil], (200, "grace")),
        (Method::GET, vec![("cookie", cookie.as_str()), ("authorization", &bearer)], (200, "mallory")),
        (Method::GET, vec![("x-token", grace.as_str())], (200, "grace")),
        (Method::POST, vec![("x-token", grace.as_str()), evil], (200, "grace")),
        (Method::POST, vec![("cookie", cookie.as_str()), own], (200, "grace")),
        (Method::POST, vec![("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")], (200, "grace")),
        (Method::POST, vec![("cookie", cookie.as_str())], (403, "cross_site_refused")),
        (Method::POST, vec![("cookie", cookie.as_str()), evil], (403, "cross_site_refused")),
        (Method::POST, vec![("cookie", cookie.as_str()), ("origin", "null")], (403, "cross_site_refused")),
        (
            Method::GET,
            vec![("cookie", cookie.as_str()), ("upgrade", "websocket")],
            (403, "cross_site_refused"),
        ),
        (
            Method::GET,
            vec![("cookie", cookie.as_str()), ("sec-websocket-version", "13")],
            (403, "cross_site_refused"),
        ),
        (
            Method::GET,
            vec![("cookie", cookie.as_str()), ("cookie", tossed.as_str())],
            (400, "request_ambiguous"),
        ),
        (Method::GET, vec![("cookie", "t=1"), ("x-other", grace.as_str())], (401, "token_missing")),
        (Method::GET, vec![("cookie", cookie.as_str()), ("authorization", &dpop)], (401, "token_missing")),
    ] {
        let mut request = with_headers(Full::default(), "/", &headers);
        *request.method_mut() = method.clone();
        let response = plain(&authenticator).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = text(response).await;
        assert!(status == expected.0 && body.contains(expected.1), "{method} {headers:?}: {status} {body}");
    }
    let optional = Router::new()
        .route(
            "/",
            get(|user: Option<AuthenticatedUser>| async move {
                user.map_or("nobody".to_owned(), |user| user.subject().to_owned())
            }),
        )
        .with_state(authenticator);
    for (headers, expected) in [
        (vec![], "nobody"),
        (vec![("cookie", "a=1")], "nobody"),
        (vec![("cookie", cookie.as_str())], "grace"),
    ] {
        let mut request = with_headers(Body::empty(), "/", &headers);
        *request.method_mut() = Method::GET;
        let response = optional.clone().oneshot(request).await.unwrap();
        assert_eq!(text(response).await, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_call_of_grpc_gets_its_status_in_trailers_only() {
    let provider = Provider::new(ISSUER);
    let authenticator = provider.authenticator().unwrap();
    let bearer = format!("Bearer {}", provider.token("grace", json!({})));
    let grpc = ("content-type", "application/grpc+proto");
    let scoped =
        RequireScope::new(&authenticator, ["admin"]).layer(service_fn(async |_: Request<Full<Bytes>>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));

    let missing = plain(&authenticator).oneshot(with_headers(Full::default(), "/", &[grpc])).await.unwrap();
    assert_eq!(
        missing.headers()["grpc-message"],
        "token_missing: no token was sent; send `Authorization: Bearer <token>`"
    );
    let lacking = scoped
        .oneshot(with_headers(Full::default(), "/", &[grpc, ("authorization", &bearer)]))
        .await
        .unwrap();
    provider.set_down(true);
    let unavailable = plain(&provider.authenticator().unwrap())
        .oneshot(with_headers(Full::default(), "/", &[grpc, ("authorization", &bearer)]))
        .await
        .unwrap();
    assert!(unavailable.headers().contains_key("retry-after"));

    assert_eq!(
        [missing.headers(), lacking.headers(), unavailable.headers()]
            .map(|headers| headers["grpc-status"].clone()),
        ["16", "7", "14"]
    );
    for (status, headers, body) in [
        (missing.status(), missing.headers().clone(), text(missing).await),
        (lacking.status(), lacking.headers().clone(), text(lacking).await),
        (unavailable.status(), unavailable.headers().clone(), text(unavailable).await),
    ] {
        assert_eq!((status.as_u16(), &*body), (200, ""));
        assert_eq!(headers["content-type"], "application/grpc");
    }
}

#[tokio::test]
async fn a_router_behind_the_layer_verifies_a_token_once() {
    let provider = Provider::new(ISSUER);
    let authenticator = provider.authenticator().unwrap();
    let app = Router::new()
        .route("/me", post(async |user: AuthenticatedUser| user.subject().to_owned()))
        .route(
            "/issuer",
            post(async |Extension(user): Extension<Authenticated>| user.token().issuer().to_owned()),
        )
        .route("/admin", post(async || "done").route_layer(RequireScope::new(&authenticator, ["admin"])))
        .layer(AuthenticationLayer::new(&authenticator))
        .with_state(authenticator.clone());
    let bearer = |claims| format!("Bearer {}", provider.token("grace", claims));
    let ask = async |path: &str, authorization: &str| {
        let request = with_headers(Body::empty(), path, &[("authorization", authorization)]);
        let response = app.clone().oneshot(request).await.unwrap();
        (response.status().as_u16(), text(response).await)
    };
    assert_eq!(ask("/me", &bearer(json!({}))).await, (200, "grace".to_owned()));
    assert_eq!(ask("/issuer", &bearer(json!({}))).await, (200, ISSUER.to_owned()));
    assert_eq!(ask("/admin", &bearer(json!({}))).await.0, 403);
    assert_eq!(ask("/admin", &bearer(json!({ "scope": "admin" }))).await, (200, "done".to_owned()));
    // A path that does not exist says nothing without a token.
    assert_eq!(app.clone().oneshot(with_headers(Body::empty(), "/x", &[])).await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_token_of_another_authenticator_is_verified_again() {
    let (ours, theirs) = (Provider::new(ISSUER), Provider::new("https://other.example"));
    let (our_authenticator, their_authenticator) =
        (ours.authenticator().unwrap(), theirs.authenticator().unwrap());
    let app = Router::new()
        .route("/", post(async |user: AuthenticatedUser| user.subject().to_owned()))
        .with_state(our_authenticator)
        .layer(AuthenticationLayer::new(&their_authenticator));
    let bearer = format!("Bearer {}", theirs.token("mallory", json!({})));
    let response =
        app.oneshot(with_headers(Body::empty(), "/", &[("authorization", &bearer)])).await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(text(response).await.contains("issuer_unknown"));
}

#[tokio::test]
async fn a_user_whose_header_was_removed_behind_the_layer_is_still_the_user() {
    let (ours, theirs) = (Provider::new(ISSUER), Provider::new("https://other.example"));
    let authenticator = ours.authenticator().unwrap();
    let app = |state: Authenticator, layer: &Authenticator| {
        let maybe = async |user: Option<AuthenticatedUser>| {
            user.map_or("nobody".to_owned(), |user| user.subject().to_owned())
        };
        Router::new()
            .route("/", post(maybe))
            .with_state(state)
            .layer(axum::middleware::map_request(async |mut request: Request<Body>| {
                request.headers_mut().remove("authorization");
                request
            }))
            .layer(AuthenticationLayer::new(layer))
    };
    let ask = async |app: Router, token: String| {
        let bearer = format!("Bearer {token}");
        text(app.oneshot(with_headers(Body::empty(), "/", &[("authorization", &bearer)])).await.unwrap())
            .await
    };
    let same = app(authenticator.clone(), &authenticator);
    assert_eq!(ask(same, ours.token("grace", json!({}))).await, "grace");
    // What another authenticator has verified says nothing here.
    let other = app(authenticator, &theirs.authenticator().unwrap());
    assert_eq!(ask(other, theirs.token("mallory", json!({}))).await, "nobody");
}

#[tokio::test]
async fn a_request_reaches_a_service_only_when_it_is_ready() {
    #[derive(Clone)]
    struct Picky {
        is_ready: bool,
    }
    impl Service<Request<Full<Bytes>>> for Picky {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
            self.is_ready = true;
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
            assert!(std::mem::take(&mut self.is_ready));
            std::future::ready(Ok(Response::new(Full::default())))
        }
    }
    let provider = Provider::new(ISSUER);
    let mut service =
        AuthenticationLayer::new(&provider.authenticator().unwrap()).layer(Picky { is_ready: false });
    let bearer = format!("Bearer {}", provider.token("grace", json!({})));
    for _ in 0..3 {
        let request = with_headers(Full::default(), "/", &[("authorization", &*bearer)]);
        assert_eq!(service.ready().await.unwrap().call(request).await.unwrap().status(), 200);
    }
}

#[test]
fn a_router_is_still_a_router_behind_the_layers() {
    let authenticator = Provider::new(ISSUER).authenticator().unwrap();
    let _: Router = Router::new()
        .route("/", get(async || ""))
        .route_layer(RequireScope::new(&authenticator, ["a", "b"]))
        .layer(AuthenticationLayer::new(&authenticator));
}
