//! Reads `forward_auth`: it decides which questions of a proxy are trusted.

use crate::config::fields::FORWARD_AUTH;
use crate::config::header_name::is_header_name;
use crate::config::reader::Table;
use crate::credentials::Places;
use crate::gateway::Gateway;
use crate::gateway::forward_auth::{Dialect, ForwardAuth, SECRET_HEADER};
use crate::gateway::headers::{folds_alike, is_reserved};
use crate::ports::Secrets;

/// Reads the table `forward_auth`.
pub(in crate::config) fn read(
    table: Table<'_>,
    gateway: Option<&Gateway>,
    credentials: &Places,
    secrets: &impl Secrets,
) -> Option<ForwardAuth> {
    const FIX: &str = "name the Worker secret that your proxy sends in X-Forward-Auth-Secret, or write trusted = true if only the proxy can reach this Worker";
    let secret = table.read(&FORWARD_AUTH.secret);
    let header = table.read(&FORWARD_AUTH.header).to_ascii_lowercase();
    if let Some(problem) = problem_of(&header, gateway, credentials) {
        table.fault(
            FORWARD_AUTH.header.name,
            problem,
            "write another name of letters, digits and -, for example \"X-Forward-Auth-Secret\"",
        );
    }
    let trusted = table.read(&FORWARD_AUTH.trusted);
    if table.given(&FORWARD_AUTH.secret).is_none() && !trusted {
        table.fault("", "has neither `secret` nor `trusted = true`, so no question is trusted", FIX);
    }
    if table.given(&FORWARD_AUTH.secret).is_some() && trusted {
        table.fault(
            FORWARD_AUTH.trusted.name,
            "is true although a secret is configured, which would then not be needed",
            "remove one of the two",
        );
    }
    table.finish();
    match secret {
        Some(binding) => Some(ForwardAuth::with_secret(binding, header, secrets)),
        None => trusted.then(ForwardAuth::trusting),
    }
}

/// Why a header of this name, in lower case, cannot hold the secret; `None` if it can. If the name had another meaning, the secret would
/// be forwarded, or every request would be refused.
fn problem_of(name: &str, gateway: Option<&Gateway>, credentials: &Places) -> Option<&'static str> {
    if !is_header_name(name) {
        return Some("is not the name of a header");
    }
    let mut of_routes =
        gateway.into_iter().flat_map(|gateway| gateway.routes.iter()).map(|route| &route.credentials);
    let has_token = |places: &Places| places.headers(None).any(|known| folds_alike(known, name));
    if has_token(credentials) || of_routes.any(has_token) {
        return Some("has another meaning: tokens are read from it");
    }
    if name == SECRET_HEADER {
        return None;
    }
    if is_reserved(name) || Dialect::is_name_of_any(name) {
        return Some("has another meaning");
    }
    let is_identity =
        gateway.is_some_and(|gateway| gateway.untrusted.configured().any(|known| known == name));
    is_identity.then_some("is an identity header of a route")
}
