//! A root cause: a stable id, a summary and a fix. `causes` decides which cause it is; `advice` has the texts.

use serde::Serialize;

/// The root cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Part of the API: it does not change.
    pub id: CauseId,
    /// What is wrong, in a sentence or two.
    pub summary: String,
    /// What to do. Lines that are to be copied are indented by four spaces.
    pub fix: String,
}

macro_rules! cause_ids {
    ($($(#[$doc:meta])* $name:ident = $id:literal,)*) => {
        /// A root cause's stable id.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub enum CauseId {
            $($(#[$doc])* #[serde(rename = $id)] $name,)*
        }

        impl CauseId {
            /// Every id.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The id in the JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }
        }
    };
}

cause_ids! {
    /// Nothing is wrong.
    Accepted = "accepted",
    /// No token was sent.
    TokenAbsent = "token_absent",
    /// The client sent the word `null`, or another like it.
    LiteralNull = "literal_null",
    /// The request has several credentials, or a malformed one.
    RequestAmbiguous = "request_ambiguous",
    /// The token is in a cookie, and another site may have made the request.
    CrossSite = "cross_site",
    /// An API key or another text of one segment was sent in place of a JWT.
    OpaqueKey = "opaque_key",
    /// The text is not a signed JWT.
    NotAJwt = "not_a_jwt",
    /// The token is longer than configured.
    TokenTooLarge = "token_too_large",
    /// The header asks for processing that is not supported.
    HeaderUnsupported = "header_unsupported",
    /// There is no `iss`.
    IssuerAbsent = "issuer_absent",
    /// `iss` differs from a configured issuer in a detail.
    IssuerNearMiss = "issuer_near_miss",
    /// `iss` is not similar to any configured issuer.
    IssuerUnknown = "issuer_unknown",
    /// `iss` is another instance, project or tenant of a configured issuer's provider.
    WrongInstance = "wrong_instance",
    /// `alg` is not implemented, or `none`.
    AlgorithmUnsupported = "algorithm_unsupported",
    /// The token's algorithm is not one of the issuer's configuration or keys.
    AlgorithmMismatch = "algorithm_mismatch",
    /// The token is signed with a shared secret that is not configured or not bound.
    SharedSecretAbsent = "shared_secret_absent",
    /// The shared secret is too short.
    SharedSecretWeak = "shared_secret_weak",
    /// The token is signed with another shared secret.
    SharedSecretWrong = "shared_secret_wrong",
    /// The operator distrusts the key.
    KeyDistrusted = "key_distrusted",
    /// The key set was out of date.
    JwksStale = "jwks_stale",
    /// The issuer has no such key.
    KeyUnknown = "key_unknown",
    /// The issuer's key was set aside.
    KeySetAside = "key_set_aside",
    /// The issuer's keys cannot be fetched.
    IdentityProviderDown = "identity_provider_down",
    /// The issuer serves no usable key set.
    JwksInvalid = "jwks_invalid",
    /// The signature is invalid.
    SignatureWrong = "signature_wrong",
    /// The two cryptographic engines disagree on the signature.
    CryptoDisagreement = "crypto_disagreement",
    /// `typ` is not accepted.
    TypeNotAllowed = "type_not_allowed",
    /// `exp` has passed.
    Expired = "expired",
    /// `nbf` or `iat` is less than five minutes in the future.
    ClockSkew = "clock_skew",
    /// `nbf` or `iat` is five minutes or more in the future.
    NotYetValid = "not_yet_valid",
    /// `iat` is too long ago.
    TooOld = "too_old",
    /// There is no `aud`.
    AudienceAbsent = "audience_absent",
    /// `aud` is another audience.
    AudienceOther = "audience_other",
    /// There is no `azp`.
    AuthorizedPartyAbsent = "authorized_party_absent",
    /// `azp` is another party.
    AuthorizedPartyOther = "authorized_party_other",
    /// A Clerk session token was sent where a template's token is needed.
    SessionTokenNotTemplate = "session_token_not_template",
    /// A required claim is absent.
    ClaimAbsent = "claim_absent",
    /// The token is of a class, or of a kind, that is not accepted.
    TokenClassRefused = "token_class_refused",
    /// The token is bound to a key, and no proof of possession is checked.
    ProofRequired = "proof_required",
    /// A required scope is absent.
    ScopeInsufficient = "scope_insufficient",
    /// A Supabase API key (`anon` or `service_role`) was sent in place of a user's token.
    ApiKey = "api_key",
    /// The request's path could be read in different ways.
    PathRefused = "path_refused",
    /// The request's host could be read in different ways.
    HostRefused = "host_refused",
    /// The routes of the request's path take other methods.
    MethodNotRouted = "method_not_routed",
    /// No route takes the request.
    RouteUnknown = "route_unknown",
    /// The route does not accept the token's issuer.
    IssuerNotAccepted = "issuer_not_accepted",
    /// A condition of the issuer or of the route does not hold.
    ConditionFailed = "condition_failed",
    /// The exchange does not issue the token that the route's API gets.
    ExchangeRefused = "exchange_refused",
    /// The exchange has no key to sign with.
    SigningKeysUnusable = "signing_keys_unusable",
    /// The KV namespace that the exchange needs cannot be used.
    StoreUnavailable = "store_unavailable",
    /// The Worker's configuration has faults.
    Configuration = "configuration",
}
