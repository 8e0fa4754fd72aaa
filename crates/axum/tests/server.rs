//! A server of axum on a multi-threaded runtime, and an identity provider over HTTP on loopback.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::FromRef;
use axum::routing::{get, post};
use axum::{Json, Router};
use edge_assay_axum::testing::Provider;
use edge_assay_axum::{
    AuthenticatedUser, Authenticator, Issuer, Refused, RequireScope, Scoped, Scopes, Verifier,
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const ISSUER: &str = "https://app.example";

#[derive(Clone, FromRef)]
struct AppState {
    authenticator: Authenticator,
    name: &'static str,
}

#[derive(Debug, Deserialize, Serialize)]
struct Claims {
    email: String,
}

struct Write;

impl Scopes for Write {
    const REQUIRED: &'static [&'static str] = &["profiles:read", "profiles:write"];
}

/// The handlers that the tests call. The state has more than the authenticator.
fn app(authenticator: Authenticator) -> Router {
    Router::new()
        .route(
            "/me",
            get(async |user: AuthenticatedUser| {
                let uuid = user.subject_uuid().map(|uuid| uuid.to_string());
                Json(json!({ "user": user.subject(), "uuid": uuid, "scopes": user.scopes() }))
            }),
        )
        .route("/claims", get(async |user: AuthenticatedUser<Claims>| Json(user.into_claims())))
        .route(
            "/maybe",
            get(async |user: Option<AuthenticatedUser>| Json(user.map(|user| user.subject().to_owned()))),
        )
        .route("/write", post(async |Scoped(user, ..): Scoped<Write>| user.subject().to_owned()))
        .route(
            "/checked",
            get(async |user: AuthenticatedUser| -> Result<String, Refused> {
                user.require_scopes(&["profiles:admin"])?;
                Ok(user.subject().to_owned())
            }),
        )
        .with_state(AppState { authenticator, name: "app" })
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: head.status, headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The status, the code of the problem details and whether they are complete.
    fn code(&self) -> (u16, String) {
        let problem = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(problem["status"], self.status.as_u16());
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["type"], format!("urn:edge-assay:{code}"));
        assert!(
            !problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty()
        );
        (self.status.as_u16(), code.to_owned())
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

async fn ask(app: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    Answer::of(app.clone().oneshot(request(method, path, headers)).await.unwrap()).await
}

async fn with_token(app: &Router, path: &str, token: &str) -> Answer {
    ask(app, "GET", path, &[("authorization", &format!("Bearer {token}"))]).await
}

#[tokio::test]
async fn a_good_token_says_who_the_user_is() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    let subject = "0b9f7c6e-2d61-4f0a-b6a7-5b1e6e2a9c34";
    let token = provider.token(subject, json!({ "scope": "profiles:read profiles:write" }));
    let answer = with_token(&app, "/me", &token).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({ "user": subject, "uuid": subject, "scopes": ["profiles:read", "profiles:write"] })
    );
    let answer = with_token(&app, "/me", &provider.token("user_1", json!({}))).await;
    assert_eq!(answer.json(), json!({ "user": "user_1", "uuid": null, "scopes": [] }));
}

#[tokio::test]
async fn a_header_that_names_a_user_is_not_read() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    let names = ["x-user-id", "x-auth-request-user", "x-forwarded-user", "remote-user"];
    for name in names {
        let answer = ask(&app, "GET", "/me", &[(name, "root")]).await;
        assert_eq!(answer.code(), (401, "token_missing".to_owned()), "{name}");
        let bearer = format!("Bearer {}", provider.token("grace", json!({})));
        let answer = ask(&app, "GET", "/me", &[(name, "root"), ("authorization", &bearer)]).await;
        assert_eq!(answer.json()["user"], "grace", "{name}");
    }
}

#[tokio::test]
async fn without_credentials_the_challenge_carries_no_error() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    for headers in [&[][..], &[("authorization", "Basic dTpw")], &[("authorization", "Bearer null")]] {
        let answer = ask(&app, "GET", "/me", headers).await;
        assert_eq!(answer.code(), (401, "token_missing".to_owned()));
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"api\"");
    }
}

#[tokio::test]
async fn a_token_that_fails_is_401_invalid_token() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    let (ours, theirs) = (provider.token("grace", json!({})), provider.token("ada", json!({})));
    let (signed, _) = ours.rsplit_once('.').unwrap();
    let (_, signature_of_another) = theirs.rsplit_once('.').unwrap();
    let cases = [
        (provider.token("grace", json!({ "exp": 1 })), "token_expired"),
        (provider.token("grace", json!({ "aud": "https://other.example" })), "audience_mismatch"),
        (provider.token("grace", json!({ "iss": "https://other.example" })), "issuer_unknown"),
        (format!("{signed}.{signature_of_another}"), "signature_invalid"),
        ("garbage".to_owned(), "token_malformed"),
    ];
    for (token, expected) in cases {
        let answer = with_token(&app, "/me", &token).await;
        assert_eq!(answer.code(), (401, expected.to_owned()));
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer realm=\"api\", error=\"invalid_token\""), "{challenge}");
    }
}

#[tokio::test]
async fn several_credentials_are_400_invalid_request() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    let bearer = format!("Bearer {}", provider.token("grace", json!({})));
    let twice = [("authorization", &*bearer), ("authorization", &*bearer)];
    let answer = ask(&app, "GET", "/me", &twice).await;
    assert_eq!(answer.code(), (400, "request_ambiguous".to_owned()));
    assert!(answer.header("www-authenticate").contains("error=\"invalid_request\""));
    let answer = ask(&app, "GET", "/me?access_token=x", &twice[..1]).await;
    assert_eq!(answer.code(), (400, "request_ambiguous".to_owned()));
    // A token in the query alone is no credential.
    let answer = ask(&app, "GET", "/me?access_token=x", &[]).await;
    assert_eq!(answer.code(), (401, "token_missing".to_owned()));
}

#[tokio::test]
async fn a_lacking_scope_is_403_and_names_all_that_is_required() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    let bearer = |scope: &str| format!("Bearer {}", provider.token("grace", json!({ "scope": scope })));
    let answer = ask(&app, "POST", "/write", &[("authorization", &bearer("profiles:read"))]).await;
    assert_eq!(answer.code(), (403, "scope_insufficient".to_owned()));
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    assert!(challenge.ends_with("scope=\"profiles:read profiles:write\""), "{challenge}");
    let answer =
        ask(&app, "POST", "/write", &[("authorization", &bearer("profiles:write profiles:read"))]).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "grace"));
    assert_eq!(ask(&app, "POST", "/write", &[]).await.code(), (401, "token_missing".to_owned()));
    let answer = ask(&app, "GET", "/checked", &[("authorization", &bearer("profiles:read"))]).await;
    assert_eq!(answer.code(), (403, "scope_insufficient".to_owned()));
}

#[tokio::test]
async fn claims_of_another_form_are_401_and_no_value_is_shown() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    let answer =
        with_token(&app, "/claims", &provider.token("grace", json!({ "email": "g@example.com" }))).await;
    assert_eq!(answer.json(), json!({ "email": "g@example.com" }));
    let answer = with_token(&app, "/claims", &provider.token("grace", json!({}))).await;
    assert_eq!(answer.code(), (401, "claim_missing".to_owned()));
    assert_eq!(answer.json()["claim"], "email");
    let answer = with_token(&app, "/claims", &provider.token("grace", json!({ "email": 4711 }))).await;
    assert_eq!(answer.code(), (401, "claim_type_unexpected".to_owned()));
    assert!(!answer.body.contains("4711") && !answer.header("www-authenticate").contains("4711"));
    assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
    let answer = with_token(&app, "/me", &provider.token("grace", json!({ "sub": null }))).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["claim"].as_str()),
        (401, Some("sub")),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn an_optional_user_is_absent_only_without_credentials() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    assert_eq!(ask(&app, "GET", "/maybe", &[]).await.json(), Value::Null);
    let answer = with_token(&app, "/maybe", &provider.token("grace", json!({}))).await;
    assert_eq!(answer.json(), "grace");
    let answer = with_token(&app, "/maybe", &provider.token("grace", json!({ "exp": 1 }))).await;
    assert_eq!(answer.code(), (401, "token_expired".to_owned()));
    assert_eq!(with_token(&app, "/maybe", "null").await.code(), (401, "token_missing".to_owned()));
}

#[tokio::test]
async fn a_provider_that_is_down_from_the_start_is_503_until_it_recovers() {
    let provider = Provider::new(ISSUER);
    provider.set_down(true);
    let app = app(provider.authenticator().unwrap());
    let token = provider.token("grace", json!({}));
    let answer = with_token(&app, "/me", &token).await;
    assert_eq!(answer.code(), (503, "jwks_unavailable".to_owned()));
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("www-authenticate"), "");
    provider.set_down(false);
    let recovered = eventually(async || with_token(&app, "/me", &token).await.status == 200).await;
    assert!(recovered);
}

#[tokio::test]
async fn cached_keys_serve_while_the_provider_is_down() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    assert_eq!(with_token(&app, "/me", &provider.token("grace", json!({}))).await.status, 200);
    provider.set_down(true);
    assert_eq!(with_token(&app, "/me", &provider.token("ada", json!({}))).await.status, 200);
}

#[tokio::test]
async fn a_token_with_a_new_key_is_accepted_at_once() {
    let mut provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    let former = provider.token("grace", json!({}));
    assert_eq!(with_token(&app, "/me", &former).await.status, 200);
    provider.rotate();
    assert_eq!(with_token(&app, "/me", &provider.token("grace", json!({}))).await.status, 200);
    assert_eq!(with_token(&app, "/me", &former).await.status, 200);
}

/// Asks every 50 ms, for 15 s at most.
async fn eventually(mut is_so: impl AsyncFnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(15) {
        if is_so().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// A key set on loopback that counts its requests, and takes a while to answer.
struct Origin {
    url: String,
    provider: Provider,
    requests: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
}

impl Origin {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let provider = Provider::new(&url);
        let (requests, is_down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (set, count, down) = (provider.key_set(), Arc::clone(&requests), Arc::clone(&is_down));
        let app = Router::new().route(
            "/api/auth/jwks",
            get(async move || {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(200)).await;
                if down.load(Ordering::SeqCst) { Err(StatusCode::BAD_GATEWAY) } else { Ok(Json(set)) }
            }),
        );
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, provider, requests, is_down }
    }

    fn authenticator(&self) -> Authenticator {
        let issuer = Issuer::better_auth(&self.url).audience([&self.url]);
        Authenticator::new(Verifier::builder().issuer(issuer).build().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_first_requests_on_many_threads_cost_one_fetch() {
    let origin = Origin::start().await;
    let app = app(origin.authenticator());
    let requests: Vec<_> = (0..50)
        .map(|number| {
            let (app, token) = (app.clone(), origin.provider.token(&format!("user-{number}"), json!({})));
            tokio::spawn(async move { with_token(&app, "/me", &token).await.status })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(origin.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_goes_away_does_not_end_the_fetch_that_others_wait_for() {
    let origin = Origin::start().await;
    origin.is_down.store(true, Ordering::SeqCst);
    // The set-up: nothing is cached, and the background task has failed once.
    let app = app(origin.authenticator());
    let token = origin.provider.token("grace", json!({}));
    assert_eq!(with_token(&app, "/me", &token).await.status, 503);
    origin.is_down.store(false, Ordering::SeqCst);
    let before = origin.requests.load(Ordering::SeqCst);
    // Until the waiting time after the failure has passed, requests are refused at once.
    let first = loop {
        let (app, token) = (app.clone(), token.clone());
        let request = tokio::spawn(async move { with_token(&app, "/me", &token).await.status });
        tokio::time::sleep(Duration::from_millis(50)).await;
        if origin.requests.load(Ordering::SeqCst) > before {
            break request;
        }
        assert_eq!(request.await.unwrap(), 503);
    };
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let begun = Instant::now();
    assert_eq!(with_token(&app, "/me", &token).await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(origin.requests.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn the_background_task_fetches_before_the_first_request_and_ends_with_the_application() {
    let provider = Provider::new(ISSUER);
    let authenticator = provider.authenticator().unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert!(eventually(async || provider.requests() == 1).await);
    assert_eq!(tasks(), 1);
    let clone = authenticator.clone();
    drop(authenticator);
    tokio::task::yield_now().await;
    assert_eq!(tasks(), 1, "a clone keeps it alive");
    drop(clone);
    assert!(eventually(async || tasks() == 0).await);
}

#[test]
fn an_authenticator_that_is_made_outside_of_a_runtime_starts_its_task_later() {
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let token = provider.token("grace", json!({}));
    runtime.block_on(async {
        assert_eq!(with_token(&app, "/me", &token).await.status, 200);
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 1);
    });
}

#[test]
fn a_background_task_whose_runtime_has_ended_starts_again_in_the_next() {
    let provider = Provider::new(ISSUER);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let app = first.block_on(async { app(provider.authenticator().unwrap()) });
    drop(first);
    let token = provider.token("grace", json!({}));
    runtime().block_on(async {
        assert_eq!(with_token(&app, "/me", &token).await.status, 200);
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 1);
    });
}

#[test]
fn each_refusal_is_logged_once() {
    #[derive(Clone, Default)]
    struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let provider = Provider::new(ISSUER);
    let app = app(provider.authenticator().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = tracing::subscriber::set_default(log);
    runtime.block_on(async {
        with_token(&app, "/me", "x").await;
        with_token(&app, "/checked", &provider.token("grace", json!({}))).await;
        with_token(&app, "/claims", &provider.token("grace", json!({ "email": 7 }))).await;
        with_token(&app, "/claims", &provider.token("grace", json!({}))).await;
        provider.set_down(true);
        let without_keys = self::app(provider.authenticator().unwrap());
        with_token(&without_keys, "/me", &provider.token("grace", json!({}))).await;
    });
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let count = |text: &str| log.matches(text).count();
    assert_eq!((count("token_refused"), count("token_not_verified")), (4, 1), "{log}");
    for code in [
        "token_malformed",
        "scope_insufficient",
        "claim_type_unexpected",
        "claim_missing",
        "jwks_unavailable",
    ] {
        assert!(log.contains(&format!("code=\"{code}\"")), "{code} in {log}");
    }
}

#[test]
fn the_futures_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Send + Sync + Clone + 'static>() {}
    is_shared::<Authenticator>();
    is_shared::<AuthenticatedUser>();
    is_shared::<RequireScope>();
    let authenticator = Provider::new(ISSUER).authenticator().unwrap();
    is_send(&authenticator.verify("token"));
    is_send(&authenticator.verifier().verify("token"));
    is_send(&authenticator.verifier().upkeep());
}
