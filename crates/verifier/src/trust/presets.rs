//! What is known of each identity provider: one row, from which its preset, the hints of `explain` and the documentation come. A preset
//! only supplies values that the configuration does not set.

use crate::jose::algorithm::Algorithm;
use crate::keys::{Location, OPENID_CONFIGURATION};

/// The location of an issuer's discovery document (`OpenID` Connect Discovery 1.0 §4).
#[must_use]
pub fn discovery(issuer: &str) -> Location {
    Location::Discovery { uri: format!("{}{OPENID_CONFIGURATION}", issuer.trim_end_matches('/')) }
}

/// Where a provider publishes its keys.
#[derive(Clone, Copy, Debug)]
enum Keys {
    /// At this path below the issuer.
    At(&'static str),
    /// Where its discovery document says.
    Discovery,
}

/// The form of a provider's `iss`.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// Any URL.
    Any,
    /// It does not end with a slash.
    NoSlash,
    /// It ends with a slash.
    Slash,
    /// It ends with this path.
    Path(&'static str),
}

/// How the host of a provider's issuer is recognised.
#[derive(Clone, Copy, Debug)]
enum Host {
    Begins(&'static str),
    Ends(&'static str),
    Both(&'static str, &'static str),
}

/// What is known of a provider.
struct Row {
    name: &'static str,
    instance: &'static str,
    preset: &'static str,
    keys: Keys,
    algorithms: &'static [Algorithm],
    form: Form,
    hosts: &'static [Host],
    has_issuers_on_one_host: bool,
}

/// Defines the providers, and the row of each.
macro_rules! providers {
    ($($(#[$about:meta])* $provider:ident { $($field:ident: $value:expr,)* })+) => {
        /// A kind of identity provider.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Preset {
            $($(#[$about])* $provider),+
        }

        impl Preset {
            /// Every provider that is known.
            pub const ALL: &'static [Self] = &[$(Self::$provider),+];

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$provider => &Row { $($field: $value),* }),+
                }
            }
        }
    };
}

providers! {
    /// Clerk: RS256; session tokens without `aud`.
    Clerk {
        name: "Clerk",
        instance: "instance",
        preset: "clerk",
        keys: Keys::At("/.well-known/jwks.json"),
        algorithms: &[Algorithm::Rs256],
        form: Form::NoSlash,
        hosts: &[Host::Ends(".clerk.accounts.dev"), Host::Begins("clerk.")],
        has_issuers_on_one_host: false,
    }
    /// Supabase: a JWKS of ES256 or RS256 keys, or the legacy shared secret (HS256).
    Supabase {
        name: "Supabase",
        instance: "project",
        preset: "supabase",
        keys: Keys::At("/.well-known/jwks.json"),
        // HS256 is on the list even if no secret is configured. Then the rejection says that a shared secret is missing, and not that HS256
        // is not allowed.
        algorithms: &[Algorithm::Es256, Algorithm::Rs256, Algorithm::Hs256],
        form: Form::Path("/auth/v1"),
        hosts: &[Host::Ends(".supabase.co")],
        has_issuers_on_one_host: false,
    }
    /// Better Auth's JWT plugin: EdDSA by default; `iss` is the base URL, the JWKS is at `/api/auth/jwks`. Its hosts are the applications'.
    BetterAuth {
        name: "Better Auth",
        instance: "application",
        preset: "better-auth",
        keys: Keys::At("/api/auth/jwks"),
        algorithms: &[Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256],
        form: Form::Any,
        hosts: &[],
        has_issuers_on_one_host: false,
    }
    /// Auth0: RS256; the issuer ends with a slash.
    Auth0 {
        name: "Auth0",
        instance: "tenant",
        preset: "auth0",
        keys: Keys::At("/.well-known/jwks.json"),
        algorithms: &[Algorithm::Rs256, Algorithm::Ps256],
        form: Form::Slash,
        hosts: &[Host::Ends(".auth0.com")],
        has_issuers_on_one_host: false,
    }
    /// Amazon Cognito: the issuers of all user pools of a region are on one host. It has no preset of its own.
    Cognito {
        name: "Cognito",
        instance: "user pool",
        preset: "oidc",
        keys: Keys::Discovery,
        algorithms: &[Algorithm::Rs256],
        form: Form::NoSlash,
        hosts: &[
            Host::Both("cognito-idp.", ".amazonaws.com"),
            Host::Both("cognito-idp.", ".amazonaws.com.cn"),
        ],
        has_issuers_on_one_host: true,
    }
    /// Any `OpenID` provider with a discovery document.
    Oidc {
        name: "OpenID Connect",
        instance: "provider",
        preset: "oidc",
        keys: Keys::Discovery,
        algorithms: Algorithm::ASYMMETRIC,
        form: Form::Any,
        hosts: &[],
        has_issuers_on_one_host: false,
    }
}

impl Host {
    fn matches(self, host: &str) -> bool {
        match self {
            Self::Begins(start) => host.starts_with(start),
            Self::Ends(end) => host.ends_with(end),
            Self::Both(part, end) => host.contains(part) && host.ends_with(end),
        }
    }
}

impl Preset {
    /// Their names in a configuration.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        (Self::Clerk.name_of_preset(), Self::Clerk),
        (Self::Supabase.name_of_preset(), Self::Supabase),
        (Self::BetterAuth.name_of_preset(), Self::BetterAuth),
        (Self::Auth0.name_of_preset(), Self::Auth0),
        (Self::Oidc.name_of_preset(), Self::Oidc),
    ];

    /// The preset with this name in a configuration.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, preset)| *preset)
    }

    /// The provider of an issuer on this host, in lower case; `None` if its hosts do not show it.
    #[must_use]
    pub fn of_host(host: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|provider| provider.row().hosts.iter().any(|known| known.matches(host)))
    }

    /// The provider's name, as in "Better Auth".
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The name of its preset in a configuration.
    #[must_use]
    pub const fn name_of_preset(self) -> &'static str {
        self.row().preset
    }

    /// The provider's word for what has one issuer.
    #[must_use]
    pub const fn instance(self) -> &'static str {
        self.row().instance
    }

    /// Whether several of its issuers share a host and differ in the path.
    #[must_use]
    pub const fn has_issuers_on_one_host(self) -> bool {
        self.row().has_issuers_on_one_host
    }

    /// The location where the provider publishes the keys of `issuer`.
    #[must_use]
    pub fn location(self, issuer: &str) -> Location {
        match self.row().keys {
            Keys::At(path) => Location::Jwks { uri: format!("{}{path}", issuer.trim_end_matches('/')) },
            Keys::Discovery => discovery(issuer),
        }
    }

    /// The algorithms that the provider signs with.
    #[must_use]
    pub const fn algorithms(self) -> &'static [Algorithm] {
        self.row().algorithms
    }

    /// What is wrong with `issuer` for this provider, and what to write instead; `None` if nothing is wrong.
    #[must_use]
    pub fn issuer_fault(self, issuer: &str) -> Option<(String, String)> {
        let base = issuer.trim_end_matches('/');
        let slash = issuer.ends_with('/');
        let name = self.name();
        match self.row().form {
            Form::NoSlash if slash => {
                Some((format!("{name}'s `iss` does not end with a slash"), format!("write \"{base}\"")))
            }
            Form::Path(path) if slash || !base.ends_with(path) => Some((
                format!("{name}'s `iss` ends with {path}"),
                format!("write \"{}{path}\"", base.trim_end_matches(path)),
            )),
            Form::Slash if !slash => {
                Some((format!("{name}'s `iss` ends with a slash"), format!("write \"{base}/\"")))
            }
            _ => None,
        }
    }
}
