//! Verifies the tokens of requests, and keeps the keys fresh in the background.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::task::Poll;

use edge_assay_verifier::challenge::quotable;
use edge_assay_verifier::credentials::{Place, Places, Sender, Unread};
use edge_assay_verifier::rejection::{Missing, excerpt};
use edge_assay_verifier::{Fault, Refusal, Rejection, VerifiedToken};
use http::header::COOKIE;
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Uri};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::Verifier;
use crate::answer::Refused;

/// The realm of challenges, unless the application says otherwise.
const REALM: &str = "api";

/// Verifies the tokens of requests. It is the state from which [`AuthenticatedUser`](crate::AuthenticatedUser) is extracted, and makes the
/// [layers](crate::AuthenticationLayer).
///
/// A clone is the same authenticator. It runs a task that refreshes the issuers' key sets before requests need them. The task starts with the
/// authenticator if that is created within a tokio runtime, else with the first request. It ends when the last clone is dropped. If the
/// runtime ends before that, the next request in another runtime starts it again.
///
/// Starting waits for no identity provider. While a provider has not answered yet, requests with its tokens get 503 with `Retry-After`.
#[derive(Clone)]
pub struct Authenticator(Arc<Shared>);

struct Shared {
    core: Arc<Core>,
    upkeep: Mutex<Option<Upkeep>>,
}

/// What the background task needs. It must not hold the authenticator, which ends it.
struct Core {
    verifier: Verifier,
    realm: Arc<str>,
    places: Places,
    origins: Vec<String>,
}

/// The background task, which ends when this is dropped.
struct Upkeep(JoinHandle<()>);

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authenticator").field("realm", &self.0.core.realm).finish_non_exhaustive()
    }
}

/// The settings of an [`Authenticator`].
pub struct AuthenticatorBuilder {
    verifier: Verifier,
    realm: String,
    places: Places,
    origins: Vec<String>,
}

impl fmt::Debug for AuthenticatorBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AuthenticatorBuilder").field("realm", &self.realm).finish_non_exhaustive()
    }
}

impl AuthenticatorBuilder {
    /// The `realm` of challenges (RFC 9110 §11.5); `api` if it is not set. Characters that a quoted string cannot hold are replaced.
    #[must_use]
    pub fn realm(mut self, realm: &str) -> Self {
        self.realm = quotable(realm);
        self
    }

    /// Where the token of a request is read; the `Authorization` header if it is not set.
    ///
    /// A token in a cookie counts for GET and HEAD. For other methods and for a WebSocket it counts only if the page that sent the request is of
    /// [`origins`](Self::origins), or if the browser says `Sec-Fetch-Site: same-origin`. Otherwise the response is 403 `cross_site_refused`.
    ///
    /// ```
    /// use edge_assay_axum::{Authenticator, Place, SessionCookie, Verifier};
    ///
    /// fn authenticator(verifier: Verifier) -> Authenticator {
    ///     let session = SessionCookie::Named("__Host-session".to_owned());
    ///     Authenticator::builder(verifier)
    ///         .credentials([Place::Authorization, Place::Cookie(session)])
    ///         .origins(["https://app.example.com"])
    ///         .start()
    /// }
    /// ```
    #[must_use]
    pub fn credentials(mut self, places: impl IntoIterator<Item = Place>) -> Self {
        self.places = places.into_iter().collect();
        self
    }

    /// The origins whose pages may use a token in a cookie, as browsers write them: `https://app.example.com`. The server's own origin is one of them
    /// only if it is listed, because a server behind a proxy does not know it.
    #[must_use]
    pub fn origins<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Starts the authenticator.
    #[must_use]
    pub fn start(self) -> Authenticator {
        let Self { verifier, realm, places, origins } = self;
        let core = Core { verifier, realm: realm.into(), places, origins };
        let shared = Shared { core: Arc::new(core), upkeep: Mutex::default() };
        shared.keep_up();
        Authenticator(Arc::new(shared))
    }
}

impl Shared {
    /// Starts the background task, if none is running and there is a runtime. One has ended if its runtime has, as in tests that share an
    /// authenticator.
    fn keep_up(&self) {
        let mut upkeep = match self.upkeep.try_lock() {
            Ok(upkeep) => upkeep,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another request sees to it.
            Err(TryLockError::WouldBlock) => return,
        };
        if upkeep.as_ref().is_some_and(|Upkeep(task)| !task.is_finished()) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let core = Arc::clone(&self.core);
        *upkeep = Some(Upkeep(runtime.spawn(async move {
            loop {
                core.verifier.upkeep().await;
                tokio::time::sleep(core.verifier.upkeep_interval()).await;
            }
        })));
    }
}

impl Authenticator {
    /// An authenticator with the default settings. See [`Self::builder`].
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self::builder(verifier).start()
    }

    /// The settings of an authenticator that verifies with `verifier`.
    #[must_use]
    pub fn builder(verifier: Verifier) -> AuthenticatorBuilder {
        let (places, origins) = (Places::default(), Vec::new());
        AuthenticatorBuilder { verifier, realm: REALM.to_owned(), places, origins }
    }

    /// The verifier.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.0.core.verifier
    }

    /// Verifies a token that does not come from a request's `Authorization` header, such as one in the first message of a WebSocket.
    ///
    /// # Errors
    /// Why the token is not accepted, or why it cannot be verified now.
    pub async fn verify(&self, token: &str) -> Result<Authenticated, Refused> {
        self.identified(token.to_owned()).await
    }

    async fn identified(&self, token: String) -> Result<Authenticated, Refused> {
        let token = self.verdict(token).await.map_err(|refusal| self.refuse(refusal))?;
        Ok(Authenticated(Arc::new(Identity { token, scopes: OnceLock::new(), by: Arc::clone(&self.0.core) })))
    }

    /// The refusal as a response with this authenticator's realm.
    pub(crate) fn refuse(&self, refusal: impl Into<Refusal>) -> Refused {
        Refused::new(refusal, &self.0.core.realm)
    }

    /// What the request's token says, or why there is none. A token that this authenticator has verified for the same request before is not
    /// verified again.
    pub(crate) async fn of_request(&self, request: Borrowed<'_>) -> Result<Authenticated, Refused> {
        if let Some(known) = self.known(request.extensions) {
            return Ok(known.clone());
        }
        let token = self.token_of(request).map_err(|rejection| self.refuse(rejection))?;
        self.identified(token).await
    }

    /// Whether the request has nothing in the places where a token is read.
    pub(crate) fn is_without_token(&self, request: Borrowed<'_>) -> bool {
        matches!(
            self.token_of(request),
            Err(Rejection::TokenMissing(Missing::NoCredentials | Missing::InNoPlace))
        )
    }

    /// The token of the request, in the first place that has one.
    fn token_of(&self, request: Borrowed<'_>) -> Result<String, Rejection> {
        let core = &self.0.core;
        let header = |name: &str| joined(request.headers, name);
        let found =
            core.places.read(&header, request.uri.query()).map_err(|Unread { rejection, .. }| rejection)?;
        let is_safe = matches!(*request.method, Method::GET | Method::HEAD) && !is_handshake(request.headers);
        if !found.is_cookie || is_safe {
            return Ok(found.token);
        }
        let (origin, fetch_site) = (header("origin"), header("sec-fetch-site"));
        let sender = Sender { origin: origin.as_deref(), fetch_site: fetch_site.as_deref() };
        if sender.is_trusted(None, &core.origins) {
            return Ok(found.token);
        }
        Err(Rejection::CrossSite { origin: origin.as_deref().map(excerpt) })
    }

    /// What this authenticator has verified for the request before. Another one in the same application may trust other issuers.
    pub(crate) fn known<'e>(&self, extensions: &'e Extensions) -> Option<&'e Authenticated> {
        extensions.get::<Authenticated>().filter(|known| Arc::ptr_eq(&known.0.by, &self.0.core))
    }

    /// Verifies on the task of the request if that needs no waiting. Otherwise keys are fetched, and the rest runs on a task of its own: if the
    /// client goes away, the fetch still ends, and other requests that wait for its result get it.
    async fn verdict(&self, token: String) -> Result<VerifiedToken, Refusal> {
        self.0.keep_up();
        let core = Arc::clone(&self.0.core);
        let mut verdict: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(async move { core.verifier.verify(&token).await });
        let first = std::future::poll_fn(|context| Poll::Ready(verdict.as_mut().poll(context))).await;
        match first {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => match tokio::spawn(verdict).await {
                Ok(outcome) => outcome,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(shutting_down()),
                },
            },
        }
    }
}

/// The runtime ends, and has cancelled the task that fetches keys.
fn shutting_down() -> Refusal {
    let reason = "the server is shutting down".to_owned();
    Fault::JwksUnavailable { issuer: "the issuer".to_owned(), reason, retry_after_seconds: 1 }.into()
}

/// The parts of a request that are read. `X-User-Id` and its like are not among them: only a verified token says who the user is.
#[derive(Clone, Copy)]
pub(crate) struct Borrowed<'r> {
    pub(crate) method: &'r Method,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) uri: &'r Uri,
    pub(crate) extensions: &'r Extensions,
}

impl<'r> From<&'r Parts> for Borrowed<'r> {
    fn from(parts: &'r Parts) -> Self {
        Self {
            method: &parts.method,
            headers: &parts.headers,
            uri: &parts.uri,
            extensions: &parts.extensions,
        }
    }
}

/// The value of a header. Several of one name are joined as HTTP joins them: by commas, cookies by semicolons (RFC 9113 §8.2.3).
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<Cow<'_, str>> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(if name == COOKIE.as_str() { "; " } else { ", " }))
}

/// Whether the request opens a WebSocket. HTTP/2 has no `Upgrade`; `Sec-WebSocket-Version` is always there (RFC 6455 §4.1, RFC 8441 §5).
fn is_handshake(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name == "upgrade" || name.as_str().starts_with("sec-websocket-"))
}

/// Who sent a request: a token that an [`Authenticator`] has verified. The layers put it into the request's extensions.
///
/// A clone shares the token.
#[derive(Clone)]
pub struct Authenticated(Arc<Identity>);

struct Identity {
    token: VerifiedToken,
    scopes: OnceLock<Vec<String>>,
    by: Arc<Core>,
}

impl fmt::Debug for Authenticated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Authenticated")
            .field("issuer", &self.token().issuer())
            .finish_non_exhaustive()
    }
}

impl Authenticated {
    /// The token.
    #[must_use]
    pub fn token(&self) -> &VerifiedToken {
        &self.0.token
    }

    /// The token's `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.token.subject()
    }

    /// The scopes that the token grants.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.0.scopes.get_or_init(|| self.0.token.scopes().into_iter().map(Cow::into_owned).collect())
    }

    /// Whether the token grants this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.token().has_scope(scope)
    }

    /// Succeeds if the token grants all of these scopes.
    ///
    /// # Errors
    /// 403 `insufficient_scope` with the scopes that are required.
    pub fn require_scopes(&self, required: &[&str]) -> Result<(), Refused> {
        self.token().require_scopes(required).map_err(|rejection| self.refuse(rejection))
    }

    pub(crate) fn refuse(&self, rejection: Rejection) -> Refused {
        Refused::new(rejection, &self.0.by.realm)
    }

    pub(crate) fn refuse_claims(&self) -> Refused {
        Refused::claims(&self.0.by.realm)
    }
}
