//! The codes of a refusal: one row for each, with its title and the status of the response. The codes are API.

/// A code, its title and its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    name: &'static str,
    title: &'static str,
    status: u16,
}

impl Code {
    /// A code with its title and the status of its response.
    #[must_use]
    pub const fn new(name: &'static str, title: &'static str, status: u16) -> Self {
        Self { name, title, status }
    }

    /// The code itself, as in `token_expired`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// A short title, the same for every occurrence of the code (RFC 9457 §3.1.3).
    #[must_use]
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// The status of the response (RFC 6750 §3.1 for tokens, 503 for faults).
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }
}

/// Defines a constant for each row, and the list of them.
#[doc(hidden)]
#[macro_export]
macro_rules! __codes {
    ($(#[$about:meta])* $list:ident: $($constant:ident $name:literal $status:literal $title:literal;)+) => {
        $(
            #[doc = $title]
            pub const $constant: $crate::codes::Code = $crate::codes::Code::new($name, $title, $status);
        )+
        $(#[$about])*
        pub const $list: &[$crate::codes::Code] = &[$($constant),+];
    };
}

pub use crate::__codes as codes;

codes! {
    /// The codes of a [`Rejection`](crate::rejection::Rejection), in the order in which the rules are checked.
    REJECTIONS:
    TOKEN_MISSING "token_missing" 401 "A token is required";
    REQUEST_AMBIGUOUS "request_ambiguous" 400 "The request's credentials are not one Bearer token";
    CROSS_SITE_REFUSED "cross_site_refused" 403 "Another site may have made the request";
    TOKEN_TOO_LARGE "token_too_large" 401 "The token is too large";
    TOKEN_MALFORMED "token_malformed" 401 "The token is malformed";
    HEADER_UNSUPPORTED "header_unsupported" 401 "The token's header asks for something unsupported";
    ISSUER_MISSING "issuer_missing" 401 "The token names no issuer";
    ISSUER_UNKNOWN "issuer_unknown" 401 "The token's issuer is not trusted here";
    ALGORITHM_UNSUPPORTED "algorithm_unsupported" 401 "The token's algorithm is not supported";
    ALGORITHM_NOT_ALLOWED "algorithm_not_allowed" 401 "The token's algorithm is not allowed for its issuer";
    KEY_DISTRUSTED "key_distrusted" 401 "The token's key is distrusted";
    KEY_NOT_FOUND "key_not_found" 401 "The token's key was not found";
    KEY_UNUSABLE "key_unusable" 401 "The token's key cannot be used";
    SIGNATURE_INVALID "signature_invalid" 401 "The token's signature is invalid";
    TYPE_NOT_ALLOWED "type_not_allowed" 401 "The token's type is not accepted";
    TOKEN_EXPIRED "token_expired" 401 "The token has expired";
    TOKEN_NOT_YET_VALID "token_not_yet_valid" 401 "The token is not valid yet";
    TOKEN_ISSUED_IN_FUTURE "token_issued_in_future" 401 "The token was issued in the future";
    TOKEN_TOO_OLD "token_too_old" 401 "The token is too old";
    AUDIENCE_MISSING "audience_missing" 401 "The token names no audience";
    AUDIENCE_MISMATCH "audience_mismatch" 401 "The token is for another audience";
    AUTHORIZED_PARTY_MISSING "authorized_party_missing" 401 "The token names no authorized party";
    AUTHORIZED_PARTY_MISMATCH "authorized_party_mismatch" 401 "The token was issued to another party";
    CLAIM_MISSING "claim_missing" 401 "The token lacks a required claim";
    TOKEN_CLASS_REFUSED "token_class_refused" 401 "The token is of another kind";
    CONDITION_UNMET "condition_failed" 401 "The token does not meet a condition";
    PROOF_REQUIRED "proof_required" 401 "The token is bound to a key";
    SCOPE_INSUFFICIENT "scope_insufficient" 403 "The token lacks a required scope";
}

codes! {
    /// The codes of a [`Fault`](crate::rejection::Fault).
    FAULTS:
    JWKS_UNAVAILABLE "jwks_unavailable" 503 "The issuer's keys are unavailable";
    JWKS_INVALID "jwks_invalid" 503 "The issuer's keys are invalid";
    SECRET_MISSING "secret_missing" 503 "A secret is missing or cannot be used";
    STORE_UNAVAILABLE "store_unavailable" 503 "A store is unavailable";
    CRYPTO_DISAGREEMENT "crypto_disagreement" 503 "Two cryptographic engines disagree";
    CONFIG_INVALID "config_invalid" 503 "The configuration is invalid";
}
