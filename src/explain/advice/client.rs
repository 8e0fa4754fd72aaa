//! Tokens without `aud`: how to accept those of one client or application. Some name the client in `client_id`, such as
//! Cognito's access tokens, some name the application in `azp`, such as Clerk's session tokens.

use super::pasteable;
use super::route::condition;
use crate::explain::Examination;

/// How to accept tokens without `aud`.
pub(super) struct WithoutAudience {
    /// The fields of the issuer's table, a line each.
    pub(super) fields: String,
    /// What that means. Begins with a line break, or is empty.
    pub(super) meaning: &'static str,
}

/// By `azp`, if the token has one and the issuer has no `authorized_parties` yet.
pub(super) fn by_party(examination: &Examination<'_>) -> WithoutAudience {
    let has_parties = examination.issuer().is_some_and(|issuer| issuer.rules.authorized_parties.is_some());
    let party = examination.token.as_ref().and_then(|token| token.claims().authorized_party.as_deref());
    let (party, meaning) = match party.filter(|_| !has_parties).and_then(pasteable) {
        Some(party) => (
            format!("\n    authorized_parties = [{party}]"),
            "\n`authorized_parties` accepts only tokens of the application that asked for this one (`azp`), and none without `azp`.",
        ),
        None if has_parties => (String::new(), ""),
        None => {
            (String::new(), "\nEvery token of this issuer is then accepted, whichever API it was made for.")
        }
    };
    WithoutAudience { fields: format!("\n    audience = \"unchecked\"{party}"), meaning }
}

/// By `client_id`. `None` if the token has an `aud`, or no `client_id` that can be shown.
pub(super) fn by_client(examination: &Examination<'_>) -> Option<WithoutAudience> {
    let claims = examination.token.as_ref()?.claims();
    if claims.audience.as_ref().is_some_and(|audience| !audience.is_empty()) {
        return None;
    }
    let client_id = claims.get("client_id")?;
    let configured = examination.issuer().map_or(&[][..], |issuer| issuer.rules.require.as_slice());
    let mut conditions: Vec<String> = configured.iter().map(condition).collect();
    conditions.push(format!("{{ claim = \"/client_id\", equals = {} }}", pasteable(client_id.as_str()?)?));
    let token_use = claims.get("token_use");
    if let Some(token_use) = token_use.as_ref().and_then(|token_use| pasteable(token_use.as_str()?)) {
        conditions.push(format!("{{ claim = \"/token_use\", equals = {token_use} }}"));
    }
    conditions.dedup();
    Some(WithoutAudience {
        fields: format!("\n    audience = \"unchecked\"\n    require = [{}]", conditions.join(", ")),
        meaning: "\n`require` accepts only tokens of the client that asked for this one.",
    })
}
