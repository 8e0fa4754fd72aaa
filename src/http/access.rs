//! Who may see the insides: configuration faults, key states and, where there are some, explanations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::DetailsAccess;
use crate::ports::{IncomingRequest, Secrets};
use crate::trust::password::Password;

/// The Worker secret that opens the insides.
pub const KEY_BINDING: &str = "EXPLAIN_KEY";

/// Whether this request may see the insides: they are open to all, or it brings the secret `EXPLAIN_KEY` as the
/// header `X-Explain-Key` or as the password of Basic authentication. Without that secret nobody does.
#[must_use]
pub fn may_see_details(
    access: DetailsAccess,
    request: &impl IncomingRequest,
    secrets: &impl Secrets,
) -> bool {
    if access == DetailsAccess::Open {
        return true;
    }
    let Some(given) = request.header("x-explain-key").or_else(|| basic_password(request)) else {
        return false;
    };
    secrets
        .secret(KEY_BINDING)
        .filter(|key| !key.is_empty())
        .is_some_and(|key| Password::new(&key).is(&given))
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
