//! What a root cause is: a stable id, a sentence, a fix. Which one it is, `causes` decides; the words are from `advice`.

use serde::Serialize;

/// The root cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Stable: API.
    pub id: CauseId,
    /// What is the matter, in a sentence or two.
    pub summary: String,
    /// What to do about it. Lines that are to be copied are indented by four spaces.
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

            /// As the JSON has it.
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
    /// The request held several credentials, or a malformed one.
    RequestAmbiguous = "request_ambiguous",
    /// An API key or another text of one segment was sent in place of a JWT.
    OpaqueKey = "opaque_key",
    /// The text is no signed JWT.
    NotAJwt = "not_a_jwt",
    /// The token is longer than configured.
    TokenTooLarge = "token_too_large",
    /// The header asks for processing that is refused.
    HeaderUnsupported = "header_unsupported",
    /// There is no `iss`.
    IssuerAbsent = "issuer_absent",
    /// `iss` is nearly a configured issuer.
    IssuerNearMiss = "issuer_near_miss",
    /// `iss` is unlike every configured issuer.
    IssuerUnknown = "issuer_unknown",
    /// `iss` is another instance, project or tenant of a configured issuer's provider.
    WrongInstance = "wrong_instance",
    /// `alg` is not implemented, or `none`.
    AlgorithmUnsupported = "algorithm_unsupported",
    /// The token is signed in another way than the issuer's configuration or keys have it.
    AlgorithmMismatch = "algorithm_mismatch",
    /// The token is signed with a shared secret, and there is none to judge it by.
    SharedSecretAbsent = "shared_secret_absent",
    /// The shared secret is too short.
    SharedSecretWeak = "shared_secret_weak",
    /// The token is signed with another shared secret.
    SharedSecretWrong = "shared_secret_wrong",
    /// The key set was out of date.
    JwksStale = "jwks_stale",
    /// The issuer has no such key.
    KeyUnknown = "key_unknown",
    /// The issuer's key was set aside.
    KeySetAside = "key_set_aside",
    /// The issuer's keys cannot be fetched.
    IdentityProviderDown = "identity_provider_down",
    /// The issuer serves something that is no key set.
    JwksInvalid = "jwks_invalid",
    /// The signature does not hold.
    SignatureWrong = "signature_wrong",
    /// Two engines do not agree on the signature.
    CryptoDisagreement = "crypto_disagreement",
    /// `typ` is not accepted.
    TypeNotAllowed = "type_not_allowed",
    /// `exp` has passed.
    Expired = "expired",
    /// `nbf` or `iat` lies ahead by a little.
    ClockSkew = "clock_skew",
    /// `nbf` or `iat` lies ahead by much.
    NotYetValid = "not_yet_valid",
    /// `iat` is too long ago.
    TooOld = "too_old",
    /// There is no `aud`.
    AudienceAbsent = "audience_absent",
    /// `aud` is another.
    AudienceOther = "audience_other",
    /// There is no `azp`.
    AuthorizedPartyAbsent = "authorized_party_absent",
    /// `azp` is another.
    AuthorizedPartyOther = "authorized_party_other",
    /// A session token was sent where a template's was meant.
    SessionTokenNotTemplate = "session_token_not_template",
    /// A required claim is absent.
    ClaimAbsent = "claim_absent",
    /// The token is bound to a key that its sender would have to prove.
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
    /// A condition of the route does not hold.
    ConditionFailed = "condition_failed",
    /// The token cannot be exchanged for the one that the route's API gets.
    ExchangeRefused = "exchange_refused",
    /// The Worker's configuration has faults.
    Configuration = "configuration",
}
