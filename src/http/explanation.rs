//! `POST /explain` and `/console`: every step of the verification and the root cause, for callers that may see details.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::Value;

use super::access::{self, AccessError};
use super::application::Application;
use super::problem::{ProblemDetails, json};
use super::{Response, body, credentials, presented};
use crate::explain::text::Style;
use crate::explain::{self, Presented, RefusedRequest, Report, html, text};
use crate::jose::hash::sha256;
use crate::jose::json as strict_json;
use crate::ports::{BodyError, IncomingRequest, Platform};
use crate::rejection::{Missing, Rejection};
use crate::response::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS};
use crate::response::{HeaderName, HeaderValue, header};

/// The response of `POST /explain`: JSON, or text if the caller prefers it.
pub async fn answer<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
) -> Response {
    if let Err(reason) = access::check(app.config.surface.details, request, platform) {
        return details_closed(reason);
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
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// The response of `/console`: the page, with a report if the form was posted.
pub async fn console<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
) -> Response {
    let surface = &app.config.surface;
    if let Err(reason) = access::check(surface.details, request, platform) {
        return details_closed(reason);
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
    if let Some(policy) = HeaderValue::read(&CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [("referrer-policy", "no-referrer"), ("cross-origin-opener-policy", "same-origin")] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

const PAGE: &str = include_str!("console/page.html");
const STYLE: &str = include_str!("console/style.css");
const SCRIPT: &str = include_str!("console/script.js");

/// The page may load and run only its own style and script, which are named by their hashes.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(sha256(text.as_bytes())));
    format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// The report on what is presented.
pub(super) async fn report<P: Platform>(app: &Application, platform: &P, presented: Presented) -> Report {
    explain::explain(&app.config, &app.keys, platform, &presented).await
}

/// The token in the body, which is JSON, a form or plain text; without a body, the token of the request itself.
async fn presented<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
) -> Result<Presented, Box<Response>> {
    let read = body::read(app, platform, request).await.map_err(|error| Box::new(unreadable(error)))?;
    let body = read.bytes.as_slice();
    if body.trim_ascii().is_empty() {
        // With Basic authentication, the header has the explain key and not a token.
        let basic = request.header("authorization").is_some_and(|header| {
            header.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "))
        });
        let token = if basic {
            Err(Rejection::TokenMissing(Missing::NoCredentials))
        } else {
            credentials::of_request(&app.config, request)
        };
        return Ok(token.into());
    }
    let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let text = String::from_utf8_lossy(body);
    let presented = if kind.starts_with("application/json") {
        question(&text, request.host()).map_err(|missing| missing.unwrap_or(HOW))
    } else if kind.starts_with("application/x-www-form-urlencoded") && text.contains('=') {
        let token = form_value(&text, "token").unwrap_or_default();
        described(&token, &REQUEST_FIELDS.map(|name| form_value(&text, name)), request.host())
    } else {
        Ok(presented::given(&text))
    };
    presented.map_err(|missing| Box::new(not_understood(missing)))
}

/// The token, and the refused request if it is described, in the JSON text of a question. `own_host` is the host of a request that is
/// described without one.
///
/// # Errors
/// What to send instead; `None` if the text is not an object, or if a member has the wrong type.
pub(super) fn question(text: &str, own_host: &str) -> Result<Presented, Option<&'static str>> {
    let mut asked = strict_json::parse_object(text).map_err(|_| None)?;
    let mut fields = [const { None }; REQUEST_FIELDS.len()];
    for (name, field) in REQUEST_FIELDS.into_iter().zip(&mut fields) {
        *field = match asked.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            // The whole response of a token endpoint may have any members.
            Some(_) if !asked.contains_key("token") => None,
            Some(_) => return Err(None),
        };
    }
    let token = match asked.remove("token") {
        // Perhaps the whole response of a token endpoint.
        None => text.to_owned(),
        Some(Value::Null) => String::new(),
        Some(Value::String(token)) => token,
        Some(_) => return Err(None),
    };
    described(&token, &fields, own_host).map_err(Some)
}

/// The token, and the refused request that these values of [`REQUEST_FIELDS`] describe.
fn described(
    token: &str,
    [method, host, path]: &[Option<String>; REQUEST_FIELDS.len()],
    own_host: &str,
) -> Result<Presented, &'static str> {
    let request = RefusedRequest::read(method.as_deref(), host.as_deref(), path.as_deref(), own_host)?;
    Ok(Presented { request, ..presented::given(token) })
}

/// The fields that describe the refused request.
const REQUEST_FIELDS: [&str; 3] = ["method", "host", "path"];

/// What the body must contain.
const HOW: &str = "send JSON such as {\"token\": \"eyJ...\"}, or a form with the field `token`; if routes are configured, add `method`, `host` and `path` of the request that was refused";

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

/// Whether `text/plain` comes before JSON in an `Accept` header.
fn prefers_text(accept: &str) -> bool {
    accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .find(|range| matches!(*range, "text/plain" | "application/json" | "*/*"))
        == Some("text/plain")
}

/// A text response. It may contain parts of a token, so a browser may not guess another content type.
fn plain(kind: &'static str, body: String) -> Response {
    let mut response = Response::new(body.into_bytes());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn details_closed(reason: AccessError) -> Response {
    access::closed(
        reason,
        "Explanations are not public",
        "; with explain = { access = \"open\" } no key is needed",
    )
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
    ProblemDetails::new(StatusCode::BAD_REQUEST, "invalid_request", "The request's body is invalid", detail)
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_form_is_decoded() {
        assert_eq!(form_value("a=1&token=Bearer+a%2Eb", "token").as_deref(), Some("Bearer a.b"));
        assert_eq!(form_value("token=%e", "token"), None);
        assert_eq!(form_value("tokens=a", "token"), None);
    }

    #[test]
    fn text_is_sent_if_it_is_preferred() {
        assert!(prefers_text("text/plain"));
        assert!(prefers_text("text/html, text/plain;q=0.9, */*"));
        assert!(!prefers_text("*/*"));
        assert!(!prefers_text("application/json, text/plain"));
    }
}
