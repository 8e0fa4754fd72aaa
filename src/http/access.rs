//! Access to details: configuration faults, key states and explanations. They are open to all, or need the explain key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;

use super::Response;
use super::problem::ProblemDetails;
use crate::config::DetailsAccess;
use crate::limits;
use crate::ports::{IncomingRequest, Secrets};
use crate::rejection::Fault;
use crate::response::HeaderValue;
use crate::response::header::WWW_AUTHENTICATE;
use crate::secrets::password::Password;

/// The Worker secret that gives access to the details.
pub const KEY_BINDING: &str = crate::config::EXPLAIN_KEY;

/// Why a request may not see the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// It has no key.
    KeyMissing,
    /// It has a wrong key.
    KeyWrong,
    /// No key gives access: the secret is not bound, or too short.
    NoUsableKey,
}

/// Checks whether this request may see the details: they are open to all, or the request has the secret `EXPLAIN_KEY` in the
/// header `X-Explain-Key` or as the password of Basic authentication.
///
/// # Errors
/// [`AccessError`] if it may not.
pub fn check(
    access: DetailsAccess,
    request: &impl IncomingRequest,
    secrets: &impl Secrets,
) -> Result<(), AccessError> {
    if access == DetailsAccess::Open { Ok(()) } else { check_key(request, secrets) }
}

/// Checks whether this request has the secret `EXPLAIN_KEY`, as [`check`] does, also if the details are open: what changes something is for the
/// operator alone.
///
/// # Errors
/// [`AccessError`] if it has not.
pub fn check_key(request: &impl IncomingRequest, secrets: &impl Secrets) -> Result<(), AccessError> {
    let key = Password::bound(KEY_BINDING, secrets).map_err(|_| AccessError::NoUsableKey)?;
    let given = request.header("x-explain-key").or_else(|| basic_password(request));
    match given {
        None => Err(AccessError::KeyMissing),
        Some(given) if key.matches(&given) => Ok(()),
        Some(_) => Err(AccessError::KeyWrong),
    }
}

/// The fault of the secret `EXPLAIN_KEY` if the details need it, and it is bound but too short. An operator who does not bind it
/// may want to close the details to everyone, so that is not a fault.
#[must_use]
pub fn unusable_key(access: DetailsAccess, secrets: &impl Secrets) -> Option<Fault> {
    if access == DetailsAccess::Open || secrets.secret(KEY_BINDING).is_none() {
        return None;
    }
    Password::bound(KEY_BINDING, secrets).err()
}

fn basic_password(request: &impl IncomingRequest) -> Option<String> {
    let header = request.header("authorization")?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

/// The 401 that makes a browser ask for the explain key. `otherwise` says what helps without a key.
pub(super) fn closed(reason: AccessError, title: &'static str, otherwise: &str) -> Response {
    let key = KEY_BINDING;
    let code = match reason {
        AccessError::KeyMissing | AccessError::NoUsableKey => "explain_key_required",
        AccessError::KeyWrong => "explain_key_wrong",
    };
    let detail = match reason {
        AccessError::KeyWrong => format!(
            "the key that was sent is not the secret {key}; compare it with the value that was set with `npx wrangler secret put {key}` (`wrangler dev`: in .dev.vars)"
        ),
        AccessError::KeyMissing => format!(
            "send the secret {key} as the password of Basic authentication or in the header X-Explain-Key{otherwise}"
        ),
        AccessError::NoUsableKey => format!(
            "no usable key is set; the operator sets a key of at least {} characters with `openssl rand -hex 32` and `npx wrangler secret put {key}` (`wrangler dev`: in .dev.vars)",
            limits::MIN_PASSWORD_CHARS
        ),
    };
    let mut response = ProblemDetails::new(StatusCode::UNAUTHORIZED, code, title, &detail).into_response();
    let challenge = HeaderValue::from_static("Basic realm=\"edge-assay explain\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
