//! Request -> endpoint -> response. What every response of ours has in common is added here, once.

use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};

use super::application::Application;
use super::problem::Problem;
use super::{Response, challenge, cors, credentials, explanation, log, readiness, verdict};
use crate::limits;
use crate::ports::{IncomingRequest, Platform};
use crate::rejection::Fault;
use crate::trust::issuer::TrustedIssuer;
use crate::verify::{Observed, Terms, verify};
use std::rc::Rc;

/// A response, and what is left to do once it is on its way.
#[derive(Debug)]
pub struct Answer {
    /// The response.
    pub response: Response,
    /// The issuer whose keys are due for [`Application::refresh`].
    pub refresh: Option<Rc<TrustedIssuer>>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, refresh: None }
    }
}

/// What answers at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Health,
    Readiness,
    Verify,
    Explain,
    Console,
}

impl Endpoint {
    fn at(path: &str, prefix: &str) -> Option<Self> {
        match path.strip_prefix(prefix)? {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Readiness),
            "/verify" => Some(Self::Verify),
            "/explain" => Some(Self::Explain),
            "/console" => Some(Self::Console),
            _ => None,
        }
    }

    /// Its methods, as `Allow` has them. HEAD is answered wherever GET is.
    fn allow(self) -> &'static str {
        match self {
            Self::Health | Self::Readiness => "GET, HEAD",
            Self::Verify | Self::Console => "GET, HEAD, POST",
            Self::Explain => "POST",
        }
    }

    fn allows(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// Answers one request.
pub async fn answer<P: Platform, R: IncomingRequest>(app: &Application, platform: &P, request: &R) -> Answer {
    let surface = &app.config.surface;
    let mut answer = dispatch(app, platform, request).await;
    cors::allow_origin(surface.cors.as_ref(), request, &mut answer.response);
    if request.method() == Method::HEAD {
        answer.response.body_mut().clear();
    }
    answer
}

async fn dispatch<P: Platform, R: IncomingRequest>(app: &Application, platform: &P, request: &R) -> Answer {
    let surface = &app.config.surface;
    let endpoint = Endpoint::at(request.path(), &surface.prefix);
    let terms = match (&app.config.terms, endpoint) {
        (Ok(terms), _) => Some(terms),
        (Err(_), Some(Endpoint::Health | Endpoint::Readiness | Endpoint::Explain | Endpoint::Console)) => {
            None
        }
        (Err(_), _) => return challenge::refuse(&Fault::ConfigInvalid.into(), &surface.realm).into(),
    };
    let Some(endpoint) = endpoint else {
        return not_found().into();
    };
    // Without configured origins there is nothing to negotiate: OPTIONS is a method like any other.
    if surface.cors.is_some() && cors::is_preflight(request) {
        return cors::preflight(&HeaderValue::from_static(endpoint.allow())).into();
    }
    if !endpoint.allows(request.method()) {
        return method_not_allowed(endpoint).into();
    }
    if announces_too_much(request) {
        return body_too_large().into();
    }
    match (endpoint, terms) {
        (Endpoint::Verify, Some(terms)) => verify_request(app, terms, platform, request).await,
        (Endpoint::Explain, _) => explanation::answer(app, platform, request).await.into(),
        (Endpoint::Console, _) => explanation::console(app, platform, request).await.into(),
        (Endpoint::Readiness, _) => readiness::answer(app, platform, request).await.into(),
        (Endpoint::Health, _) | (Endpoint::Verify, None) => readiness::healthy().into(),
    }
}

async fn verify_request<P: Platform, R: IncomingRequest>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    request: &R,
) -> Answer {
    let realm = &app.config.surface.realm;
    let (refusal, observed, refresh) = match credentials::bearer_token(request) {
        Err(rejection) => (rejection.into(), Observed::default(), None),
        Ok(token) => {
            let verification = verify(terms, &app.keys, platform, &token, platform.now()).await;
            match verification.outcome {
                Ok(token) => {
                    return Answer { response: verdict::accepted(&token), refresh: verification.refresh };
                }
                Err(refusal) => (refusal, verification.observed, verification.refresh),
            }
        }
    };
    log::refused(platform, &refusal, &observed, request.header("cf-ray").as_deref());
    Answer { response: challenge::refuse(&refusal, realm), refresh }
}

fn announces_too_much(request: &impl IncomingRequest) -> bool {
    // A length that is no number is the runtime's to refuse, and one too long for a number is too long for us.
    request.header("content-length").is_some_and(|length| {
        length.bytes().all(|digit| digit.is_ascii_digit())
            && length.parse::<usize>().map_or(true, |length| length > limits::MAX_REQUEST_BODY_BYTES)
    })
}

fn not_found() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "Nothing is here", "no endpoint has this path")
        .into_response()
}

fn method_not_allowed(endpoint: Endpoint) -> Response {
    let detail = format!("use {}", endpoint.allow());
    let mut response = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "The method is not allowed here",
        &detail,
    )
    .into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(endpoint.allow()));
    response
}

fn body_too_large() -> Response {
    let detail = format!("at most {} bytes are read", limits::MAX_REQUEST_BODY_BYTES);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The request's body is too large", &detail)
        .into_response()
}
