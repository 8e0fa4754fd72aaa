//! What is known of each identity provider: one row, from which its preset, the hints of `explain` and the documentation come. A preset
//! only supplies values that the configuration does not set.

use super::classes::{self, Class, ClassRule};
use super::forms;
use super::tenants::PLACEHOLDER;
use crate::jose::algorithm::Algorithm;
use crate::jose::token::{Claims, Header};
use crate::keys::{Location, OPENID_CONFIGURATION};

/// The location of an issuer's discovery document (`OpenID` Connect Discovery 1.0 §4).
#[must_use]
pub fn discovery(issuer: &str) -> Location {
    // Entra's document for all tenants. Its `issuer` has the placeholder too.
    let issuer = issuer.replace(PLACEHOLDER, "common");
    Location::Discovery { uri: format!("{}{OPENID_CONFIGURATION}", issuer.trim_end_matches('/')) }
}

/// Where a provider publishes its keys.
#[derive(Clone, Copy, Debug)]
enum Keys {
    /// At this path below the issuer.
    At(&'static str),
    /// Where its discovery document says.
    Discovery,
    /// Each form of its issuers has a URL, derived from what the placeholders stand for. An empty one cannot be derived.
    Of(&'static [(&'static str, &'static str)]),
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
    /// One of these forms (`forms.rs`).
    Like(&'static [&'static str]),
    /// One of the forms in [`Keys::Of`].
    OfKeys,
}

/// Where a provider's clients customarily send its token, beside `Authorization`. The names are those of the configuration's `credentials`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// In this cookie.
    Cookie(&'static str),
    /// In this header.
    Header(&'static str),
}

/// How a provider was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// The provider.
    pub preset: Preset,
    /// Whether the issuer's host is the provider's own. If not, the issuer or a claim is as the provider writes it, which others can do too.
    pub is_certain: bool,
}

/// What is known of a provider.
struct Row {
    name: &'static str,
    instance: &'static str,
    preset: &'static str,
    keys: Keys,
    algorithms: &'static [Algorithm],
    form: Form,
    /// What to write if the form is wrong and nothing else can be said.
    form_fix: &'static str,
    /// Hosts of the provider's own, or hosts with a path, in lower case, as forms.
    hosts: &'static [&'static str],
    /// The same for issuers on the hosts of the provider's customers.
    looks_like: &'static [&'static str],
    /// Claims that only this provider's tokens have.
    marks: &'static [&'static str],
    /// The claim that tells one customer's tokens from those of others, where `iss` and `aud` do not.
    pin: &'static str,
    /// Several exact spellings of one `iss`.
    spellings: &'static [&'static str],
    has_issuers_on_one_host: bool,
    /// Whether the first segment of the path names the instance, so that two issuers with the same one are of the same instance.
    first_segment_is_instance: bool,
    carriers: &'static [Carrier],
    /// What its users most often get wrong, in one sentence.
    mistake: &'static str,
    /// The classes of its tokens.
    classes: &'static [Class],
}

impl Row {
    /// What is left out of a row.
    const DEFAULT: Self = Self {
        name: "",
        instance: "",
        preset: "",
        keys: Keys::Discovery,
        algorithms: &[Algorithm::Rs256],
        form: Form::Any,
        form_fix: "write it as it is in a token, character for character; if a token really has this `iss`, use preset = \"oidc\", or jwks_uri without a preset",
        hosts: &[],
        looks_like: &[],
        marks: &[],
        pin: "",
        spellings: &[],
        has_issuers_on_one_host: false,
        first_segment_is_instance: false,
        carriers: &[],
        mistake: "",
        classes: classes::NONE,
    };
}

/// Defines the providers, and the row of each.
macro_rules! providers {
    ($($(#[$about:meta])* $provider:ident { $($field:ident: $value:expr,)* })+) => {
        /// A kind of identity provider.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Preset {
            $($(#[$about])* $provider),+
        }

        impl Preset {
            /// Every provider that is known.
            pub const ALL: &'static [Self] = &[$(Self::$provider),+];

            /// Their names in a configuration.
            pub const NAMES: &'static [(&'static str, Self)] =
                &[$((Self::$provider.row().preset, Self::$provider)),+];

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$provider => const { &Row { $($field: $value,)* ..Row::DEFAULT } }),+
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
        form: Form::NoSlash,
        hosts: &["{label}.clerk.accounts.dev"],
        looks_like: &["clerk.{host}"],
        marks: &["fva"],
        carriers: &[Carrier::Cookie("clerk")],
        mistake: "A session token has no `aud`: to refuse the tokens of the instance's other applications, set authorized_parties.",
        classes: classes::CLERK,
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
        hosts: &["{label}.supabase.co"],
        carriers: &[Carrier::Cookie("supabase")],
        mistake: "The anon and service_role keys are JWTs too, but they are no user's tokens: the client sends the session's access_token.",
        classes: classes::SUPABASE,
    }
    /// Better Auth's JWT plugin: EdDSA by default; `iss` is the base URL, the JWKS is at `/api/auth/jwks`. Its hosts are the applications'.
    BetterAuth {
        name: "Better Auth",
        instance: "application",
        preset: "better-auth",
        keys: Keys::At("/api/auth/jwks"),
        algorithms: &[Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256],
        mistake: "The session cookie is no JWT: the client asks /api/auth/token for one.",
        classes: classes::BETTER_AUTH,
    }
    /// Better Auth's OAuth provider plugin: `iss` is the URL of its routes, `<base URL>/api/auth`.
    BetterAuthOauth {
        name: "Better Auth OAuth",
        instance: "application",
        preset: "better-auth-oauth",
        keys: Keys::At("/jwks"),
        algorithms: &[Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256],
        form: Form::NoSlash,
        looks_like: &["{host}/api/auth"],
        mistake: "Without the parameter `resource`, the client gets an opaque access token and no JWT.",
        classes: classes::BETTER_AUTH_OAUTH,
    }
    /// Auth0: RS256; the issuer ends with a slash.
    Auth0 {
        name: "Auth0",
        instance: "tenant",
        preset: "auth0",
        keys: Keys::At("/.well-known/jwks.json"),
        algorithms: &[Algorithm::Rs256, Algorithm::Ps256],
        form: Form::Slash,
        hosts: &["{host}.auth0.com"],
        mistake: "Without the parameter `audience`, the client gets an encrypted access token of five parts, which only Auth0 can read.",
    }
    /// Any `OpenID` provider with a discovery document.
    Oidc {
        name: "OpenID Connect",
        instance: "provider",
        preset: "oidc",
        algorithms: Algorithm::ASYMMETRIC,
        mistake: "An ID token says who signed in, to the client; an API is called with an access token.",
    }
    /// Microsoft Entra ID (Azure AD): a tenant has one issuer for tokens of version 1.0 and one for those of 2.0.
    Entra {
        name: "Entra ID",
        instance: "tenant",
        preset: "entra",
        classes: classes::ENTRA,
        form: Form::Like(&[
            "https://login.microsoftonline.com/{uuid}/v2.0",
            "https://sts.windows.net/{uuid}/",
            "https://{label}.ciamlogin.com/{uuid}/v2.0",
            "https://login.microsoftonline.us/{uuid}/v2.0",
            "https://login.partner.microsoftonline.cn/{uuid}/v2.0",
            "https://sts.chinacloudapi.cn/{uuid}/",
        ]),
        form_fix: "write the tenant's ID, a UUID, in place of its name or of `common`, as in \"https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0\"; for several tenants, write {tenantid} there, and say in `tenants` which",
        hosts: &[
            "login.microsoftonline.com",
            "sts.windows.net",
            "{label}.ciamlogin.com",
            "login.microsoftonline.us",
            "login.partner.microsoftonline.cn",
            "sts.chinacloudapi.cn",
        ],
        has_issuers_on_one_host: true,
        first_segment_is_instance: true,
        mistake: "An access token of version 1.0 has the issuer https://sts.windows.net/<tenant ID>/: set requestedAccessTokenVersion to 2 in the API's app registration, or configure that issuer.",
    }
    /// Google: ID tokens of Sign in with Google and of service accounts.
    Google {
        name: "Google",
        instance: "client",
        preset: "google",
        keys: Keys::Of(&[
            ("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs"),
            ("accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs"),
        ]),
        form: Form::OfKeys,
        hosts: &["accounts.google.com"],
        spellings: &["https://accounts.google.com", "accounts.google.com"],
        mistake: "Every Google user has tokens of this issuer: the audience must be your own client ID, and never \"unchecked\".",
        classes: classes::GOOGLE,
    }
    /// Firebase Authentication: ID tokens and, with another issuer and other keys, session cookies.
    Firebase {
        name: "Firebase",
        instance: "project",
        preset: "firebase",
        classes: classes::FIREBASE,
        keys: Keys::Of(&[
            (
                "https://securetoken.google.com/{id}",
                "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
            ),
            (
                "https://session.firebase.google.com/{id}",
                "https://identitytoolkit.googleapis.com/v1/sessionCookiePublicKeys",
            ),
        ]),
        form: Form::OfKeys,
        hosts: &["securetoken.google.com", "session.firebase.google.com"],
        has_issuers_on_one_host: true,
        first_segment_is_instance: true,
        carriers: &[Carrier::Cookie("__session"), Carrier::Cookie("session")],
        mistake: "A session cookie has another issuer than an ID token, and needs a table of its own; the tokens of the emulator are not signed at all.",
    }
    /// Amazon Cognito: the issuers of all user pools of a region are on one host.
    Cognito {
        name: "Cognito",
        instance: "user pool",
        preset: "cognito",
        keys: Keys::At("/.well-known/jwks.json"),
        form: Form::Like(&[
            "https://cognito-idp.{label}.amazonaws.com/{id}",
            "https://issuer-cognito-idp.{label}.amazonaws.com/{id}",
            "https://cognito-idp.{label}.amazonaws.com.cn/{id}",
        ]),
        hosts: &[
            "cognito-idp.{label}.amazonaws.com",
            "issuer-cognito-idp.{label}.amazonaws.com",
            "cognito-idp.{label}.amazonaws.com.cn",
            // The domain of the sign-in pages, which is no issuer.
            "{label}.auth.{label}.amazoncognito.com",
        ],
        form_fix: "write the region and the user pool's ID, as in \"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1b2c3d4e\"; the domain of the hosted UI (amazoncognito.com) is not the issuer",
        has_issuers_on_one_host: true,
        first_segment_is_instance: true,
        mistake: "An access token names its client in `client_id` and has no `aud`; an ID token has it in `aud`.",
        classes: classes::COGNITO,
    }
    /// Okta: custom authorization servers, and the one of the organization.
    Okta {
        name: "Okta",
        instance: "authorization server",
        preset: "okta",
        classes: classes::OKTA,
        keys: Keys::Of(&[
            ("https://{host}/oauth2/{id}", "{iss}/v1/keys"),
            ("https://{host}", "{iss}/oauth2/v1/keys"),
        ]),
        form: Form::OfKeys,
        hosts: &["{label}.okta.com", "{label}.oktapreview.com", "{label}.okta-emea.com", "{label}.okta-gov.com"],
        looks_like: &["{host}/oauth2/default"],
        marks: &["cid"],
        has_issuers_on_one_host: true,
        mistake: "An access token of the organization's server, whose issuer has no /oauth2/ in it, is for Okta's own API; for yours, use a custom authorization server such as `default`.",
    }
    /// Keycloak: an issuer for each realm.
    Keycloak {
        name: "Keycloak",
        instance: "realm",
        preset: "keycloak",
        keys: Keys::At("/protocol/openid-connect/certs"),
        algorithms: Algorithm::ASYMMETRIC,
        form: Form::NoSlash,
        looks_like: &["{host}/realms/{id}", "{host}/{path}/realms/{id}"],
        has_issuers_on_one_host: true,
        mistake: "`aud` is \"account\" until an audience mapper adds your API, and `iss` has the host that the client used unless Keycloak's hostname is set.",
        classes: classes::KEYCLOAK,
    }
    /// The access proxy of the platform: what it sends to the application behind it.
    CloudflareAccess {
        name: "Cloudflare Access",
        instance: "team",
        preset: "cloudflare-access",
        keys: Keys::At("/cdn-cgi/access/certs"),
        form: Form::Like(&["https://{label}.cloudflareaccess.com"]),
        hosts: &["{label}.cloudflareaccess.com"],
        carriers: &[Carrier::Header("Cf-Access-Jwt-Assertion"), Carrier::Cookie("CF_Authorization")],
        mistake: "The audience is the tag of the Access application; the keys serve all applications of the team, so \"unchecked\" accepts the users of all of them.",
        classes: classes::ACCESS,
    }
    /// Google's Identity-Aware Proxy: the header that it sends to the application behind it.
    GoogleIap {
        name: "Google IAP",
        instance: "application",
        preset: "google-iap",
        keys: Keys::Of(&[("https://cloud.google.com/iap", "https://www.gstatic.com/iap/verify/public_key-jwk")]),
        algorithms: &[Algorithm::Es256],
        form: Form::OfKeys,
        hosts: &["cloud.google.com/iap"],
        carriers: &[Carrier::Header("x-goog-iap-jwt-assertion")],
        mistake: "The audience is /projects/<number>/global/backendServices/<ID> or /projects/<number>/apps/<project>; all of Google's customers share this issuer.",
    }
    /// GitHub Actions: the ID token of a job.
    GithubActions {
        name: "GitHub Actions",
        instance: "server",
        preset: "github-actions",
        pin: "repository_owner_id",
        form: Form::Like(&[
            "https://token.actions.githubusercontent.com",
            "https://token.actions.githubusercontent.com/{id}",
            "https://token.actions.{label}.ghe.com",
            "https://{host}/_services/token",
        ]),
        hosts: &["token.actions.githubusercontent.com", "token.actions.{label}.ghe.com"],
        looks_like: &["{host}/_services/token"],
        marks: &["job_workflow_ref"],
        mistake: "Every job on GitHub gets tokens of this issuer, with any audience that it asks for: require `repository_id` or `repository_owner_id`, because a name can be registered again.",
    }
    /// GitLab: the ID token of a CI/CD job.
    Gitlab {
        name: "GitLab",
        instance: "server",
        preset: "gitlab",
        pin: "project_id",
        classes: classes::GITLAB,
        form: Form::NoSlash,
        hosts: &["gitlab.com"],
        marks: &["pipeline_source"],
        mistake: "Every job on the server gets tokens of this issuer, with any audience that it asks for: require `project_id` or `namespace_id`, because a path can be taken over.",
    }
    /// Kubernetes: the tokens of a cluster's service accounts.
    Kubernetes {
        name: "Kubernetes",
        instance: "cluster",
        preset: "kubernetes",
        pin: "sub",
        classes: classes::KUBERNETES,
        algorithms: &[Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384],
        hosts: &["oidc.eks.{label}.amazonaws.com", "container.googleapis.com", "{label}.oic.prod-aks.azure.com"],
        looks_like: &["kubernetes.default.svc", "kubernetes.default.svc.cluster.local"],
        marks: &["kubernetes.io"],
        has_issuers_on_one_host: true,
        mistake: "The issuer of a private cluster cannot be reached from outside: write its keys (kubectl get --raw /openid/v1/jwks) into the configuration.",
    }
    /// Sign in with Apple: ID tokens.
    Apple {
        name: "Apple",
        instance: "client",
        preset: "apple",
        classes: classes::APPLE,
        keys: Keys::Of(&[("https://appleid.apple.com", "https://appleid.apple.com/auth/keys")]),
        form: Form::OfKeys,
        hosts: &["appleid.apple.com"],
        mistake: "The audience is the bundle ID for an app, and the services ID for a web page: an application with both needs both.",
    }
    /// `WorkOS` `AuthKit`: an issuer for each client, and one for all clients of older environments.
    Workos {
        name: "WorkOS",
        instance: "client",
        preset: "workos",
        classes: classes::WORKOS,
        keys: Keys::Of(&[
            ("https://api.workos.com/user_management/{id}", "https://api.workos.com/sso/jwks/{id}"),
            ("https://{label}.authkit.app", "{iss}/oauth2/jwks"),
            ("https://{host}/user_management/{id}", "https://api.workos.com/sso/jwks/{id}"),
            ("https://api.workos.com", ""),
            ("https://api.workos.com/", ""),
        ]),
        form: Form::OfKeys,
        hosts: &["api.workos.com", "{label}.authkit.app"],
        looks_like: &["{host}/user_management/{id}"],
        has_issuers_on_one_host: true,
        mistake: "Each client has keys of its own, so the client ID in jwks_uri must be that of the client which the user signed in to.",
    }
    /// Kinde: access tokens.
    Kinde {
        name: "Kinde",
        instance: "business",
        preset: "kinde",
        classes: classes::KINDE,
        keys: Keys::At("/.well-known/jwks"),
        form: Form::NoSlash,
        hosts: &["{label}.kinde.com"],
        mistake: "`aud` is an empty list until the client asks for an audience that is registered as an API and enabled for the application.",
    }
    /// Logto: ES384 by default.
    Logto {
        name: "Logto",
        instance: "tenant",
        preset: "logto",
        classes: classes::LOGTO,
        keys: Keys::At("/jwks"),
        algorithms: &[Algorithm::Es384, Algorithm::Rs256],
        form: Form::Path("/oidc"),
        hosts: &["{label}.logto.app"],
        mistake: "Without the parameter `resource`, the client gets an opaque access token and no JWT.",
    }
    /// Descope: session tokens; `iss` is the project's ID, alone or at the end of a URL.
    Descope {
        name: "Descope",
        instance: "project",
        preset: "descope",
        keys: Keys::Of(&[
            ("P{ksuid}", "https://api.descope.com/v2/keys/P{ksuid}"),
            ("P{region}{ksuid}", "https://api.{region}.descope.com/v2/keys/P{region}{ksuid}"),
            ("https://{host}/P{ksuid}", "https://{host}/v2/keys/P{ksuid}"),
            ("https://{host}/P{region}{ksuid}", "https://{host}/v2/keys/P{region}{ksuid}"),
            ("https://{host}/v1/apps/P{ksuid}", "https://{host}/v2/keys/P{ksuid}"),
            ("https://{host}/v1/apps/P{region}{ksuid}", "https://{host}/v2/keys/P{region}{ksuid}"),
        ]),
        form: Form::OfKeys,
        hosts: &["api.descope.com", "api.{label}.descope.com"],
        looks_like: &["{host}/v1/apps/p{ksuid}"],
        marks: &["drn"],
        has_issuers_on_one_host: true,
        carriers: &[Carrier::Cookie("DS")],
        mistake: "The refresh token (`drn` \"DSR\") is a JWT of the same key and lives for weeks: only the session token (`drn` \"DS\") is for an API.",
        classes: classes::DESCOPE,
    }
    /// Stytch: session JWTs.
    Stytch {
        name: "Stytch",
        instance: "project",
        preset: "stytch",
        classes: classes::STYTCH,
        keys: Keys::Of(&[
            (
                "stytch.com/project-live-{id}",
                "https://api.stytch.com/v1/sessions/jwks/project-live-{id}",
            ),
            (
                "stytch.com/project-test-{id}",
                "https://test.stytch.com/v1/sessions/jwks/project-test-{id}",
            ),
            ("https://{host}", "{iss}/.well-known/jwks.json"),
        ]),
        form: Form::OfKeys,
        hosts: &["stytch.com", "{label}.customers.stytch.dev", "{label}.customers.stytch.com"],
        marks: &["https://stytch.com/session"],
        has_issuers_on_one_host: true,
        carriers: &[Carrier::Cookie("stytch_session_jwt")],
        mistake: "A session JWT lives for five minutes: the client must send the cookie's present value, which Stytch's script renews.",
    }
}

impl Preset {
    /// The preset with this name in a configuration.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, preset)| *preset)
    }

    /// The provider of this issuer; `None` if neither its host nor its path shows it. A hint: nothing is trusted because of it.
    #[must_use]
    pub fn of_issuer(issuer: &str) -> Option<Recognised> {
        let issuer = issuer.to_ascii_lowercase();
        // A bare host stands for https.
        let (_, rest) = issuer.split_once("://").unwrap_or(("", &issuer));
        let whole = rest.trim_end_matches('/');
        let host = whole.split_once('/').map_or(whole, |(host, _)| host);
        let host = host.strip_suffix(":443").unwrap_or(host);
        let is_one_of = |known: &[&str]| {
            known.iter().any(|form| forms::has_form(form, if form.contains('/') { whole } else { host }))
        };
        let find = |of: fn(&Row) -> &'static [&'static str], is_certain| {
            let preset = Self::ALL.iter().copied().find(|preset| is_one_of(of(preset.row())))?;
            Some(Recognised { preset, is_certain })
        };
        find(|row| row.hosts, true).or_else(|| find(|row| row.looks_like, false))
    }

    /// The provider whose tokens alone have one of the claims that `has` knows. A hint, like [`Self::of_issuer`].
    #[must_use]
    pub fn of_claims(has: impl Fn(&str) -> bool) -> Option<Recognised> {
        let preset =
            Self::ALL.iter().copied().find(|preset| preset.row().marks.iter().any(|mark| has(mark)))?;
        Some(Recognised { preset, is_certain: false })
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

    /// The claim to compare with your own value, because the issuer gives everybody tokens for any audience; empty if there is no need.
    #[must_use]
    pub const fn pin(self) -> &'static str {
        self.row().pin
    }

    /// Whether the provider writes the issuers of one instance in several ways, with the same first segment of the path.
    #[must_use]
    pub const fn has_several_issuers_per_instance(self) -> bool {
        self.row().first_segment_is_instance
    }

    /// Where its clients customarily send the token, beside `Authorization`.
    #[must_use]
    pub const fn carriers(self) -> &'static [Carrier] {
        self.row().carriers
    }

    /// What its users most often get wrong, in one sentence.
    #[must_use]
    pub const fn mistake(self) -> &'static str {
        self.row().mistake
    }

    /// The other exact spellings of this issuer's `iss`; empty if there is only one.
    #[must_use]
    pub fn other_spellings(self, issuer: &str) -> Vec<String> {
        let spellings = self.row().spellings;
        let others = spellings.iter().filter(|other| **other != issuer && spellings.contains(&issuer));
        others.map(|other| (*other).to_owned()).collect()
    }

    /// The location where the provider publishes the keys of `issuer`. `None` if it cannot be derived from the issuer.
    #[must_use]
    pub fn location(self, issuer: &str) -> Option<Location> {
        match self.row().keys {
            Keys::At(path) => Some(Location::Jwks { uri: format!("{}{path}", issuer.trim_end_matches('/')) }),
            Keys::Discovery => Some(discovery(issuer)),
            Keys::Of(issuers) => issuers
                .iter()
                .find_map(|(form, template)| forms::derived(form, template, issuer))
                .map(|uri| Location::Jwks { uri }),
        }
    }

    /// Where the keys are, in words: a URL in which `<…>` stands for a part of the issuer.
    #[must_use]
    pub fn place_of_keys(self) -> String {
        match self.row().keys {
            Keys::At(path) if matches!(self.row().form, Form::Slash) => {
                format!("<issuer>{}", path.trim_start_matches('/'))
            }
            Keys::At(path) => format!("<issuer>{path}"),
            Keys::Discovery => "discovery".to_owned(),
            Keys::Of(issuers) => {
                let template = issuers.first().map(|(_, template)| *template).unwrap_or_default();
                forms::shown(&template.replace("{iss}", "{issuer}"))
            }
        }
    }

    /// The algorithms that the provider signs with.
    #[must_use]
    pub const fn algorithms(self) -> &'static [Algorithm] {
        self.row().algorithms
    }

    /// The classes of its tokens that are accepted if the configuration does not say which; `None` if its tokens have no classes.
    #[must_use]
    pub fn class_rule(self) -> Option<ClassRule> {
        ClassRule::default_of(self.row().name, self.row().classes)
    }

    /// The classes of its tokens; empty if they have none.
    #[must_use]
    pub const fn classes(self) -> &'static [Class] {
        self.row().classes
    }

    /// The class of a token of this provider; `None` if it is unknown, or if its tokens have no classes.
    #[must_use]
    pub fn class_of(self, header: &Header, claims: &Claims) -> Option<&'static Class> {
        classes::of_token(self.row().classes, header, claims)
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
            Form::Like(known) => self.fault_of_form(known, issuer),
            Form::OfKeys => {
                let Keys::Of(issuers) = self.row().keys else { return None };
                let known: Vec<&str> = issuers.iter().map(|(form, _)| *form).collect();
                self.fault_of_form(&known, issuer)
            }
            _ => None,
        }
    }

    fn fault_of_form(self, known: &[&str], issuer: &str) -> Option<(String, String)> {
        let is_known = |text: &str| known.iter().any(|form| forms::has_form(form, text));
        if is_known(issuer) {
            return None;
        }
        let base = issuer.trim_end_matches('/');
        let secure = base.strip_prefix("http://").unwrap_or(base);
        // A text without a dot is no host, as the ID of a project is none.
        let is_complete = secure.contains("://") || !secure.contains('.');
        let absolute = if is_complete { secure.to_owned() } else { format!("https://{secure}") };
        // A form with any host fits every text to which its end is added.
        let own = known.iter().filter(|form| !form.starts_with("https://{"));
        let ends = own.map(|form| form.rsplit_once('}').map_or("", |(_, end)| end));
        let corrected = [base.to_owned(), absolute.clone(), format!("{base}/")]
            .into_iter()
            .chain(ends.map(|end| format!("{absolute}{end}")))
            .find(|text| is_known(text));
        let forms: Vec<String> = known.iter().take(2).map(|form| forms::shown(form)).collect();
        let fix = match corrected {
            Some(corrected) => format!("write \"{corrected}\""),
            None => self.row().form_fix.to_owned(),
        };
        Some((format!("{}'s `iss` is {}", self.name(), forms.join(" or ")), fix))
    }
}
