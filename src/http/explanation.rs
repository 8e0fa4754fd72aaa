//! `POST /explain` and `/console`: the full trace and the root cause, for those who may see them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::access::{self, Closed};
use super::application::Application;
use super::problem::{ProblemDetails, json};
use super::{Response, body, credentials};
use crate::explain::text::Style;
use crate::explain::{self, Presented, RefusedRequest, Report, html, text};
use crate::jose::json as strict_json;
use crate::limits;
use crate::ports::{BodyError, IncomingRequest, Platform};
use crate::rejection::{Missing, Rejection};

/// The answer of `POST /explain`: JSON, or text where that is preferred.
pub async fn answer<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
) -> Response {
    if let Err(reason) = access::check(app.config.surface.details, request, platform) {
        return closed(reason);
    }
    let presented = match presented(app, platform, request).await {
        Ok(presented) => presented,
        Err(response) => return *response,
    };
    let report = report(app, platform, presented).await;
    let as_text = request.header("accept").is_some_and(|accept| prefers_text(&accept));
    let mut response = if as_text {
        plain("text/plain; charset=utf-8", text::render(&report, Style::Plain))
    } else {
        json(StatusCode::OK, &report)
    };
    response.headers_mut().insert(VARY, HeaderValue::from(ACCEPT));
    response
}

/// The answer of `/console`: the page, with the report on what a form has posted.
pub async fn console<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
) -> Response {
    let surface = &app.config.surface;
    if let Err(reason) = access::check(surface.details, request, platform) {
        return closed(reason);
    }
    let mut shown = String::new();
    if request.method() == http::Method::POST {
        let presented = match presented(app, platform, request).await {
            Ok(presented) => presented,
            Err(response) => return *response,
        };
        shown = html::render(&report(app, platform, presented).await);
    }
    let page = PAGE
        .replace("{{style}}", STYLE)
        .replace("{{script}}", SCRIPT)
        .replace("{{action}}", &html::escape(&format!("{}/console", surface.prefix)))
        .replace("{{report}}", &shown);
    let mut response = plain("text/html; charset=utf-8", page);
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&CONTENT_SECURITY_POLICY) {
        headers.insert(http::header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [("referrer-policy", "no-referrer"), ("cross-origin-opener-policy", "same-origin")] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

const PAGE: &str = include_str!("console/page.html");
const STYLE: &str = include_str!("console/style.css");
const SCRIPT: &str = include_str!("console/script.js");

/// Nothing may run or load but the page's own style and script, named by their hashes.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

async fn report<P: Platform>(app: &Application, platform: &P, presented: Presented) -> Report {
    explain::explain(&app.config, &app.keys, platform, &presented).await
}

/// The token in the body, JSON or a form or bare text; without a body the one in the `Authorization` header.
async fn presented<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
) -> Result<Presented, Box<Response>> {
    let read = body::read(app, platform, request).await.map_err(|error| Box::new(unreadable(error)))?;
    let body = read.bytes.as_slice();
    if body.trim_ascii().is_empty() {
        // Where Basic authentication opens the door, the header holds the key and no token.
        let basic = request.header("authorization").is_some_and(|header| {
            header.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "))
        });
        let token = if basic {
            Err(Rejection::TokenMissing(Missing::NoCredentials))
        } else {
            credentials::bearer_token(request)
        };
        return Ok(token.into());
    }
    let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let text = String::from_utf8_lossy(body);
    let mut told = [const { None }; TOLD.len()];
    let token = if kind.starts_with("application/json") {
        match strict_json::parse_object(&text) {
            Ok(mut asked) => {
                for (name, told) in TOLD.into_iter().zip(&mut told) {
                    *told = match asked.get(name) {
                        None | Some(Value::Null) => None,
                        Some(Value::String(text)) => Some(text.clone()),
                        // A token endpoint's whole answer may have any members.
                        Some(_) if !asked.contains_key("token") => None,
                        Some(_) => return Err(Box::new(not_understood(HOW))),
                    };
                }
                match asked.remove("token") {
                    // Perhaps a token endpoint's whole answer.
                    None => text.into_owned(),
                    Some(Value::Null) => String::new(),
                    Some(Value::String(token)) => token,
                    Some(_) => return Err(Box::new(not_understood(HOW))),
                }
            }
            _ => return Err(Box::new(not_understood(HOW))),
        }
    } else if kind.starts_with("application/x-www-form-urlencoded") && text.contains('=') {
        told = TOLD.map(|name| form_value(&text, name));
        form_value(&text, "token").unwrap_or_default()
    } else {
        text.into_owned()
    };
    let [method, host, path] = &told;
    let refused = RefusedRequest::read(method.as_deref(), host.as_deref(), path.as_deref(), request.host())
        .map_err(|missing| Box::new(not_understood(missing)))?;
    Ok(Presented { request: refused, ..credentials::given(&token) })
}

/// The fields that tell of the refused request.
const TOLD: [&str; 3] = ["method", "host", "path"];

/// What a body must hold.
const HOW: &str = "send {\"token\": \"…\"} as JSON, or a form with the field `token`; beside it `method`, `host` and `path` of the request that was refused, if routes are configured";

/// The value of a field of `application/x-www-form-urlencoded`.
fn form_value(form: &str, name: &str) -> Option<String> {
    let value = form.split('&').find_map(|pair| {
        let (field, value) = pair.split_once('=')?;
        (field == name).then_some(value)
    })?;
    let mut octets = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        octets.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from((high << 4) | low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(octets).ok()
}

/// Whether `text/plain` stands before JSON in an `Accept` header.
fn prefers_text(accept: &str) -> bool {
    accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .find(|range| matches!(*range, "text/plain" | "application/json" | "*/*"))
        == Some("text/plain")
}

/// A response of text. It may hold what a token says, so no browser may guess another type for it.
fn plain(kind: &'static str, body: String) -> Response {
    let mut response = Response::new(body.into_bytes());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The challenge by which a browser asks for the key.
fn closed(reason: Closed) -> Response {
    let key = access::KEY_BINDING;
    let code = match reason {
        Closed::KeyMissing | Closed::NoUsableKey => "explain_key_required",
        Closed::KeyWrong => "explain_key_wrong",
    };
    let detail = match reason {
        Closed::KeyWrong => format!(
            "the key that was sent is not the secret {key}; compare it with the value that was set with `npx wrangler secret put {key}`"
        ),
        Closed::KeyMissing => format!(
            "send the secret {key} as the password of Basic authentication or as X-Explain-Key; with explain = {{ access = \"open\" }} none is needed"
        ),
        Closed::NoUsableKey => format!(
            "no usable key is set; the operator sets one of at least {} characters with `openssl rand -hex 32` and `npx wrangler secret put {key}`",
            limits::MIN_PASSWORD_CHARS
        ),
    };
    let mut response =
        ProblemDetails::new(StatusCode::UNAUTHORIZED, code, "Explanations are not public", &detail)
            .into_response();
    let challenge = HeaderValue::from_static("Basic realm=\"edge-assay explain\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

fn unreadable(error: BodyError) -> Response {
    let (status, code) = body::refusal(error, "invalid_request");
    let detail = error.to_string();
    let problem = ProblemDetails::new(status, code, "The request's body cannot be read", &detail);
    let mut response = problem.into_response();
    if let Some(seconds) = body::retry_after_seconds(error) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn not_understood(detail: &str) -> Response {
    ProblemDetails::new(
        StatusCode::BAD_REQUEST,
        "invalid_request",
        "The request's body is not understood",
        detail,
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_gives_its_field_decoded() {
        assert_eq!(form_value("a=1&token=Bearer+a%2Eb", "token").as_deref(), Some("Bearer a.b"));
        assert_eq!(form_value("token=%e", "token"), None);
        assert_eq!(form_value("tokens=a", "token"), None);
    }

    #[test]
    fn text_is_given_where_it_is_preferred() {
        assert!(prefers_text("text/plain"));
        assert!(prefers_text("text/html, text/plain;q=0.9, */*"));
        assert!(!prefers_text("*/*"));
        assert!(!prefers_text("application/json, text/plain"));
    }
}
