//! Who may see the insides: configuration faults, key states and, where there are some, explanations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::DetailsAccess;
use crate::ports::{IncomingRequest, Secrets};
use crate::rejection::Fault;
use crate::trust::password::Password;

/// The Worker secret that opens the insides.
pub const KEY_BINDING: &str = crate::config::EXPLAIN_KEY;

/// Why a request may not see the insides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It brings no key.
    KeyMissing,
    /// It brings another key.
    KeyWrong,
    /// No key could open them: the secret is not bound, or too short.
    NoUsableKey,
}

/// Whether this request may see the insides: they are open to all, or it brings the secret `EXPLAIN_KEY` as the
/// header `X-Explain-Key` or as the password of Basic authentication.
///
/// # Errors
/// [`Closed`] says why not.
pub fn check(
    access: DetailsAccess,
    request: &impl IncomingRequest,
    secrets: &impl Secrets,
) -> Result<(), Closed> {
    if access == DetailsAccess::Open {
        return Ok(());
    }
    let key = Password::bound(KEY_BINDING, secrets).map_err(|_| Closed::NoUsableKey)?;
    let given = request.header("x-explain-key").or_else(|| basic_password(request));
    match given {
        None => Err(Closed::KeyMissing),
        Some(given) if key.matches(&given) => Ok(()),
        Some(_) => Err(Closed::KeyWrong),
    }
}

/// What is wrong with the secret `EXPLAIN_KEY` where it is bound and would be asked for. Without it nobody sees the insides,
/// which an operator may want; a short one is a mistake.
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
