//! What is known of the `aud` of each provider's tokens without a token: its usual value, or what it depends on, and which values name no API.
//! `explain` and `edge-assay init` propose a table's `audience` from it. Nothing here verifies.

use crate::trust::presets::Preset;

/// In place of an audience that is not known. No token has it, so none is accepted until it is replaced.
pub const UNKNOWN_AUDIENCE: &str = "write-the-aud-of-your-tokens-here";

/// The usual `aud` of a provider's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usual {
    /// The audience; `None` if the tokens have no `aud`, so that the configuration says "unchecked".
    pub audience: Option<String>,
    /// Why this one, in a sentence or two.
    pub reason: &'static str,
}

/// The usual `aud` of the tokens of this issuer. `None` if it depends on the API.
#[must_use]
pub fn usual(preset: Preset, issuer: &str) -> Option<Usual> {
    let (audience, reason) = match preset {
        Preset::Clerk => (
            None,
            "Session tokens have no `aud`. For tokens of a JWT template with `aud` write { any_of = [\"backend\"] }.",
        ),
        Preset::Supabase => (Some("authenticated"), "The `aud` of signed-in users."),
        Preset::BetterAuth => {
            (Some(issuer), "Better Auth's `aud` is its base URL, unless it is configured otherwise.")
        }
        Preset::Firebase => {
            let project = issuer.rsplit('/').next().filter(|project| !project.is_empty())?;
            (Some(project), "The `aud` of Firebase's tokens is the project.")
        }
        Preset::Okta if issuer.ends_with("/oauth2/default") => {
            (Some("api://default"), "The `aud` of Okta's server `default`, unless it was changed.")
        }
        // An AuthKit domain issues tokens for applications too, and these have an `aud`.
        Preset::Workos if issuer.contains("/user_management/") => {
            (None, "Session tokens have no `aud`: the issuer and its keys are those of one client.")
        }
        Preset::Descope => (None, "Session tokens have no `aud`: the issuer is one project."),
        Preset::Stytch => {
            (Some(issuer.strip_prefix("stytch.com/")?), "The `aud` of session JWTs is the project.")
        }
        _ => return None,
    };
    Some(Usual { audience: audience.map(str::to_owned), reason })
}

/// What the `aud` of the provider's tokens is, where it depends on the API.
#[must_use]
pub const fn in_words(preset: Option<Preset>) -> &'static str {
    match preset {
        Some(Preset::Cognito) => "The audience of access tokens is the ID of your app client (`client_id`).",
        Some(Preset::Entra) => {
            "The `aud` of your tokens is the ID of your API's app registration (Application ID), or its URI in tokens of version 1.0."
        }
        Some(Preset::Google) => {
            "The `aud` of your tokens is your OAuth client ID, which ends with .apps.googleusercontent.com."
        }
        Some(Preset::CloudflareAccess) => {
            "The `aud` of your tokens is the tag of the Access application (Application Audience Tag)."
        }
        Some(Preset::Keycloak) => {
            "The `aud` of your tokens names your API once an audience mapper adds it (in Keycloak: Client scopes → Mappers → Audience)."
        }
        _ => "The `aud` of your tokens depends on your API.",
    }
}

/// Whether an audience names no API, because the provider gives it to tokens for every API: an endpoint of its own, such as Auth0's `userinfo`,
/// or one of Keycloak's own clients.
#[must_use]
pub fn is_of_every_token(preset: Option<Preset>, issuer: &str, audience: &str) -> bool {
    // The last two are there for users who may administer the realm.
    const KEYCLOAK: [&str; 3] = ["account", "broker", "realm-management"];
    let is_own = audience != issuer && !issuer.is_empty() && audience.starts_with(issuer);
    is_own || (preset == Some(Preset::Keycloak) && KEYCLOAK.contains(&audience))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_audiences_name_no_api() {
        let (realm, tenant) = ("https://id.example/realms/acme", "https://one.eu.auth0.com/");
        for (preset, issuer, audience, expected) in [
            (Some(Preset::Keycloak), realm, "account", true),
            (Some(Preset::Keycloak), realm, "realm-management", true),
            (Some(Preset::Keycloak), realm, "orders-api", false),
            (Some(Preset::Auth0), tenant, "account", false),
            (Some(Preset::Auth0), tenant, "https://one.eu.auth0.com/userinfo", true),
            (Some(Preset::Auth0), tenant, "https://api.example.com", false),
            (None, "https://idp.example", "https://idp.example", false),
            (None, "", "api", false),
        ] {
            assert_eq!(is_of_every_token(preset, issuer, audience), expected, "{issuer} {audience}");
        }
    }
}
