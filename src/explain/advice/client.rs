//! Tokens without `aud`: how to accept those of one client or application. Some name the client in `client_id`, such as
//! Cognito's access tokens, some name the application in `azp`, such as Clerk's session tokens.
//!
//! An issuer's rules cannot compare `client_id`, so it is compared where the token is used: by the routes and by the targets of
//! the exchange.

use super::{pasteable, route};
use crate::explain::Examination;
use crate::explain::route::Routing;

/// How to accept tokens without `aud`.
pub(super) struct WithoutAudience {
    /// The fields of the issuer's table, a line each.
    pub(super) fields: String,
    /// What to add elsewhere, and what stays open. Begins with a line break, or is empty.
    pub(super) elsewhere: String,
}

/// By `azp`, if the token has one and the issuer has no `authorized_parties` yet.
pub(super) fn by_party(examination: &Examination<'_>) -> WithoutAudience {
    let has_parties = examination.issuer().is_some_and(|issuer| issuer.rules.authorized_parties.is_some());
    let party = examination.token.as_ref().and_then(|token| token.claims().authorized_party.as_deref());
    let (party, elsewhere) = match party.filter(|_| !has_parties).and_then(pasteable) {
        Some(party) => (
            format!("\n    authorized_parties = [{party}]"),
            "\n`authorized_parties` accepts only tokens of the application that asked for this one (`azp`), and none without `azp`.",
        ),
        None if has_parties => (String::new(), ""),
        None => {
            (String::new(), "\nEvery token of this issuer is then accepted, whichever API it was made for.")
        }
    };
    WithoutAudience {
        fields: format!("\n    audience = \"unchecked\"{party}"),
        elsewhere: elsewhere.to_owned(),
    }
}

/// By `client_id`. `None` if the token has an `aud`, or no `client_id` that can be shown.
pub(super) fn by_client(examination: &Examination<'_>) -> Option<WithoutAudience> {
    let claims = examination.token.as_ref()?.claims();
    if claims.audience.as_ref().is_some_and(|audience| !audience.is_empty()) {
        return None;
    }
    let client_id = claims.get("client_id")?;
    let mut conditions =
        vec![format!("{{ claim = \"/client_id\", equals = {} }}", pasteable(client_id.as_str()?)?)];
    let token_use = claims.get("token_use");
    if let Some(token_use) = token_use.as_ref().and_then(|token_use| pasteable(token_use.as_str()?)) {
        conditions.push(format!("{{ claim = \"/token_use\", equals = {token_use} }}"));
    }
    let required = examination.issuer().map_or(&[][..], |issuer| issuer.rules.required_claims.as_slice());
    let fields = format!(
        "\n    audience = \"unchecked\"\n    required_claims = {}",
        super::list(required.iter().map(String::as_str), &["client_id"])
    );
    Some(WithoutAudience { fields, elsewhere: elsewhere(examination, &conditions) })
}

fn elsewhere(examination: &Examination<'_>, conditions: &[String]) -> String {
    let config = examination.config;
    let conditions_in_toml = conditions.join(", ");
    let of_routes = match (&examination.routing, &config.gateway) {
        (Routing::Route(taker), _) => format!(
            " Set {}:\n    require = {}\n",
            route::place(taker),
            route::require_with(&taker.require, &taker.require.scopes, conditions)
        ),
        (_, Some(_)) => format!(
            " Set in each [[vars.ASSAY.gateway.routes]] table that these tokens may use, beside what its `require` holds:\n    require = {{ claims = [{conditions_in_toml}] }}\n"
        ),
        (_, None) => " ".to_owned(),
    };
    let of_targets = if config.exchange.is_some() {
        format!(
            "Set in each [[vars.ASSAY.exchange.targets]] table that takes these tokens, beside what its `when` holds:\n    when = [{conditions_in_toml}]\n"
        )
    } else {
        String::new()
    };
    let open = if config.gateway.is_some() || config.exchange.is_some() {
        "Careful: /verify, and every route or target without this condition, still accept the tokens of all clients of this issuer. A caller of /verify must compare `client_id` itself."
    } else {
        "/verify cannot do that: its callers must compare `client_id` in the answer's claims. A route (docs/gateway.md) can, with `require.claims`."
    };
    format!(
        "\nThat accepts the tokens of every client of this issuer. To accept only those of this client, compare `client_id` as well.{of_routes}{of_targets}{open}"
    )
}
