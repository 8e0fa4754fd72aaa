//! Presets: the location of an identity provider's keys, its algorithms, and the form of its `iss`. A preset only supplies values
//! that the configuration does not set.

use crate::jose::algorithm::Algorithm;
use crate::keys::Location;

/// A kind of identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Clerk: RS256; session tokens without `aud`.
    Clerk,
    /// Supabase: a JWKS of ES256 or RS256 keys, or the legacy shared secret (HS256).
    Supabase,
    /// Better Auth's JWT plugin: EdDSA by default; `iss` is the base URL, the JWKS is at `/api/auth/jwks`.
    BetterAuth,
    /// Auth0: RS256; the issuer ends with a slash.
    Auth0,
    /// Any `OpenID` provider with a discovery document.
    Oidc,
}

/// Every algorithm with a public verification key: the default allow-list of an issuer that has a JWKS.
pub const ASYMMETRIC: &[Algorithm] = &[
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

/// The location of an issuer's discovery document (`OpenID` Connect Discovery 1.0 §4).
#[must_use]
pub fn discovery(issuer: &str) -> Location {
    Location::Discovery { uri: format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')) }
}

impl Preset {
    /// Their names in the configuration.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("clerk", Self::Clerk),
        ("supabase", Self::Supabase),
        ("better-auth", Self::BetterAuth),
        ("auth0", Self::Auth0),
        ("oidc", Self::Oidc),
    ];

    /// The location where the provider publishes the keys of `issuer`.
    #[must_use]
    pub fn location(self, issuer: &str) -> Location {
        let base = issuer.trim_end_matches('/');
        match self {
            Self::Clerk | Self::Supabase | Self::Auth0 => {
                Location::Jwks { uri: format!("{base}/.well-known/jwks.json") }
            }
            Self::BetterAuth => Location::Jwks { uri: format!("{base}/api/auth/jwks") },
            Self::Oidc => discovery(issuer),
        }
    }

    /// The algorithms that the provider signs with.
    #[must_use]
    pub fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Clerk => &[Algorithm::Rs256],
            // HS256 is on the list even if no secret is configured. Then the rejection says that a shared secret is missing,
            // and not that HS256 is not allowed.
            Self::Supabase => &[Algorithm::Es256, Algorithm::Rs256, Algorithm::Hs256],
            Self::BetterAuth => &[Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256],
            Self::Auth0 => &[Algorithm::Rs256, Algorithm::Ps256],
            Self::Oidc => ASYMMETRIC,
        }
    }

    /// What is wrong with `issuer` for this provider, and what to write instead; `None` if nothing is wrong.
    #[must_use]
    pub fn issuer_fault(self, issuer: &str) -> Option<(&'static str, String)> {
        let base = issuer.trim_end_matches('/');
        let slash = issuer.ends_with('/');
        match self {
            Self::Clerk if slash => {
                Some(("Clerk's `iss` does not end with a slash", format!("write \"{base}\"")))
            }
            Self::Supabase if slash || !base.ends_with("/auth/v1") => Some((
                "Supabase's `iss` ends with /auth/v1",
                format!("write \"{}/auth/v1\"", base.trim_end_matches("/auth/v1")),
            )),
            Self::Auth0 if !slash => Some(("Auth0's `iss` ends with a slash", format!("write \"{base}/\""))),
            _ => None,
        }
    }
}
