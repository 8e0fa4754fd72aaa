//! Every reason a token is refused, and every fault that keeps us from judging one.
//!
//! A [`Rejection`] is the token's fault (400, 401 or 403); a [`Fault`] is ours or an identity provider's (503). The two
//! never mix: an outage is not reported as a bad token. The codes are API; the order of the variants is the order in
//! which the rules are checked.
//!
//! The data of a variant may hold more of a token than its text: the text, which goes to clients and logs, names
//! nothing of a token but `iss`, `kid` and `alg`.

use crate::characters::is_invisible;
use crate::time::Timestamp;

/// Why a token was refused. Data is bounded and safe to show; nothing here holds the token or its signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No credentials were sent, or a word such as `null` in their place (RFC 6750 §3.1: no error code then).
    #[error("{0}")]
    TokenMissing(Missing),
    /// More than one credential, or an `Authorization` header that is not `Bearer <token>`.
    #[error("{0}")]
    RequestAmbiguous(Ambiguous),
    /// The token is longer than `verify.max_token_bytes`.
    #[error("the token has {length} bytes; at most {limit} are accepted")]
    TokenTooLarge {
        /// The token's length in bytes.
        length: usize,
        /// The configured limit in bytes.
        limit: usize,
    },
    /// Not a JWS in compact serialisation with a JSON header and a JSON claims set (RFC 7515 §3.1, RFC 7519 §7.2).
    #[error("the token is malformed: {0}")]
    TokenMalformed(Malformed),
    /// The header asks for processing that is refused: `crit`, `b64` or `zip`.
    #[error("the header member `{member}` is not supported: {reason}")]
    HeaderUnsupported {
        /// The header member.
        member: &'static str,
        /// Why it is refused.
        reason: &'static str,
    },
    /// There is no `iss`, so nobody can be asked for keys.
    #[error("the token has no `iss` claim, so no issuer's keys can be chosen")]
    IssuerMissing,
    /// `iss` is not, character for character, one of the configured issuers.
    #[error("the issuer \"{issuer}\" is not configured")]
    IssuerUnknown {
        /// The token's `iss`, cut to a bound.
        issuer: String,
    },
    /// `alg` is absent, `none`, or nothing this verifier implements.
    #[error("the algorithm \"{algorithm}\" is not supported")]
    AlgorithmUnsupported {
        /// The token's `alg`, cut to a bound.
        algorithm: String,
    },
    /// `alg` is implemented, and not on the issuer's allow-list.
    #[error("the algorithm {algorithm} is not allowed for this issuer; allowed: {}", .allowed.join(", "))]
    AlgorithmNotAllowed {
        /// The token's `alg`.
        algorithm: String,
        /// What the issuer's configuration allows.
        allowed: Vec<&'static str>,
    },
    /// No key of the issuer bears the token's `kid`, or none serves its `alg`.
    #[error("{0}")]
    KeyNotFound(NoKey),
    /// The key that the token names was set aside as too weak, malformed, or meant for another purpose.
    #[error("the key {} cannot be used: {reason}", .kid.as_deref().map_or("without a kid".to_owned(), |kid| format!("\"{kid}\"")))]
    KeyUnusable {
        /// The key's `kid`.
        kid: Option<String>,
        /// Why the key was set aside.
        reason: String,
    },
    /// The signature does not verify under the key that was selected.
    #[error("the signature does not verify under the issuer's key{}", .kid.as_deref().map_or(String::new(), |kid| format!(" \"{kid}\"")))]
    SignatureInvalid {
        /// The `kid` of the key, if the token named one.
        kid: Option<String>,
    },
    /// `typ` is not one of the issuer's token types.
    #[error("the token {}; accepted: {}", if .found.is_some() { "is of another type" } else { "has no `typ`" }, .accepted.join(", "))]
    TypeNotAllowed {
        /// The token's `typ`, cut to a bound.
        found: Option<String>,
        /// What the issuer's configuration accepts.
        accepted: Vec<String>,
    },
    /// `exp` has passed.
    #[error("the token expired {} s ago", .now.since(*.expires_at))]
    TokenExpired {
        /// The token's `exp`.
        expires_at: Timestamp,
        /// When it was judged.
        now: Timestamp,
    },
    /// `nbf` lies ahead.
    #[error("the token is valid in {} s only", .not_before.since(*.now))]
    TokenNotYetValid {
        /// The token's `nbf`.
        not_before: Timestamp,
        /// When it was judged.
        now: Timestamp,
    },
    /// `iat` lies ahead.
    #[error("the token was issued {} s in the future; one of the two clocks is wrong", .issued_at.since(*.now))]
    TokenIssuedInFuture {
        /// The token's `iat`.
        issued_at: Timestamp,
        /// When it was judged.
        now: Timestamp,
    },
    /// `iat` is older than the issuer's `max_age_seconds`, or absent although a maximal age is set.
    #[error("the token {}; at most {max_age_seconds} s of age are accepted", .age_seconds.map_or("has no `iat`".to_owned(), |age| format!("is {age} s old")))]
    TokenTooOld {
        /// Seconds since `iat`, if there is one.
        age_seconds: Option<i64>,
        /// The configured limit in seconds.
        max_age_seconds: u64,
    },
    /// There is no `aud`, and the issuer's configuration requires one.
    #[error("the token has no `aud` claim; expected {expected}")]
    AudienceMissing {
        /// What is required, in words.
        expected: String,
    },
    /// `aud` holds other audiences than the ones required.
    #[error("the token is for another audience; expected {expected}")]
    AudienceMismatch {
        /// The token's audiences, cut to a bound.
        found: Vec<String>,
        /// What is required, in words.
        expected: String,
    },
    /// There is no `azp`, and the issuer's configuration requires one.
    #[error("the token has no `azp` claim; expected one of {}", .expected.join(", "))]
    AuthorizedPartyMissing {
        /// The configured parties.
        expected: Vec<String>,
    },
    /// `azp` is not one of the configured parties.
    #[error("the token was issued to another party; expected one of {}", .expected.join(", "))]
    AuthorizedPartyMismatch {
        /// The token's `azp`, cut to a bound.
        found: String,
        /// The configured parties.
        expected: Vec<String>,
    },
    /// `exp`, or a claim that the issuer's configuration or the route requires, is absent, null or an empty string.
    #[error("the claim `{claim}` is required, and the token's is absent or empty")]
    ClaimMissing {
        /// The claim's name.
        claim: String,
    },
    /// The token is bound to a key by `cnf` (RFC 7800), so it is no bearer token: its sender would have to prove that the key is
    /// theirs (RFC 8705, RFC 9449), and no proof is checked here.
    #[error(
        "the token is bound to a key (`cnf`), and no proof of possession is checked here; send a bearer token"
    )]
    ProofRequired,
    /// The token's `scope` lacks a required one (RFC 6750 §3.1 `insufficient_scope`).
    #[error("the token lacks the scope {}", .missing.join(" "))]
    ScopeInsufficient {
        /// All that is required, for the challenge.
        required: Vec<String>,
        /// What the token lacks of it.
        missing: Vec<String>,
    },
}

/// How credentials were missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// No `Authorization` header.
    #[error("no token was sent; send `Authorization: Bearer <token>`")]
    NoCredentials,
    /// Credentials of another scheme than Bearer.
    #[error("the Authorization header does not use the Bearer scheme; send `Authorization: Bearer <token>`")]
    OtherScheme,
    /// A CORS preflight, which browsers send without a token, for a route without `cors`.
    #[error(
        "this is a CORS preflight, which never carries a token, and the route has no `cors`; the operator sets cors.origins for all routes, or `cors` on this one"
    )]
    Preflight,
    /// `Authorization: Bearer` with nothing behind it.
    #[error("the Authorization header says Bearer and holds no token")]
    Empty,
    /// The client sent the word in place of a token.
    #[error(
        "the client sent the word \"{0}\" in place of a token: it asked for one before sign-in, or from a template that does not exist"
    )]
    Literal(&'static str),
}

/// How a request's credentials were ambiguous or malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguous {
    /// More than one credential in the `Authorization` header, or two such headers.
    #[error("the request holds more than one credential; send exactly one Authorization header")]
    SeveralCredentials,
    /// A token in the header and another in the query (RFC 6750 §2).
    #[error("the request holds a token in its query beside the Authorization header; send the header alone")]
    QueryBesideHeader,
    /// Bearer, followed by what cannot be a token (RFC 6750 §2.1).
    #[error("the Authorization header is not `Bearer <token>`")]
    BadSyntax,
}

/// What is wrong with a token's form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not three segments.
    #[error("a signed JWT has three segments separated by dots, this has {0}")]
    Segments(usize),
    /// A segment that may not be empty is.
    #[error("its {0} segment is empty")]
    EmptySegment(Segment),
    /// A segment is not canonical base64url without padding (RFC 7515 §2).
    #[error("its {0} segment is not base64url without padding")]
    Base64(Segment),
    /// A segment is not UTF-8.
    #[error("its {0} segment is not UTF-8")]
    Utf8(Segment),
    /// A segment is not a JSON object, or one that is nested too deeply.
    #[error("its {0} segment is not a JSON object: {1}")]
    Json(Segment, String),
    /// A member occurs twice (RFC 7515 §4, RFC 7519 §4).
    #[error("its {0} segment holds a member twice")]
    DuplicateMember(Segment, String),
    /// A registered member has an impossible value.
    #[error("`{member}` {problem}")]
    Member {
        /// The member's name.
        member: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A registered member has the wrong JSON type.
    #[error("`{member}` is {found}, not {expected}")]
    MemberType {
        /// The member's name.
        member: &'static str,
        /// The JSON type that it has, with its article.
        found: &'static str,
        /// The JSON type that it must have.
        expected: &'static str,
    },
    /// A character that no compact JWS holds.
    #[error("{} holds {}", .segment.map_or("the text".to_owned(), |segment| format!("its {segment} segment")), named(*.character))]
    Character {
        /// Where, if the text has three segments.
        segment: Option<Segment>,
        /// The character.
        character: char,
    },
    /// `alg` is `none` and the signature is empty.
    #[error("it is not signed: its `alg` is \"none\" and its signature segment is empty")]
    Unsigned,
}

/// A character as a reader can recognise it: itself and its name where it is known for damaging tokens, else its code point.
fn named(character: char) -> String {
    let name = match character {
        ' ' => "a space",
        '=' => "\"=\" (padding)",
        '+' | '/' => return format!("\"{character}\" (of standard base64)"),
        '%' => "\"%\" (of URL encoding)",
        '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}' => {
            return format!("an invisible character (U+{:04X})", u32::from(character));
        }
        '\u{2026}' => "an ellipsis (U+2026)",
        c if c.is_ascii_graphic() => return format!("\"{c}\""),
        c => return format!("the character U+{:04X}", u32::from(c)),
    };
    name.to_owned()
}

/// A part of a compact JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The first.
    Header,
    /// The second.
    Payload,
    /// The third.
    Signature,
}

impl std::fmt::Display for Segment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// Why no key was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The issuer's set has no key of that `kid`.
    #[error(
        "the kid \"{kid}\" is not in the issuer's key set fetched {age_seconds} s ago, which holds {known} keys; {}", next_fetch(*.next_fetch_seconds)
    )]
    UnknownKid {
        /// The token's `kid`, cut to a bound.
        kid: String,
        /// How many keys the set holds.
        known: usize,
        /// Seconds since the set was fetched.
        age_seconds: u64,
        /// Seconds until a token with an unknown `kid` makes the Worker fetch the set again.
        next_fetch_seconds: u64,
    },
    /// The token names a `kid`, and none of the set's keys has one.
    #[error(
        "the token names the kid \"{kid}\", and none of the issuer's {known} keys has a kid, so none can be selected by it"
    )]
    KeysWithoutKid {
        /// The token's `kid`, cut to a bound.
        kid: String,
        /// How many keys the set holds.
        known: usize,
    },
    /// A key of that `kid` is there and serves another algorithm.
    #[error("the issuer's key \"{kid}\" does not serve {algorithm}")]
    OtherAlgorithm {
        /// The token's `kid`, cut to a bound.
        kid: String,
        /// The token's `alg`.
        algorithm: &'static str,
    },
    /// The token names no `kid`, and no key of the issuer serves its algorithm.
    #[error("none of the issuer's {known} keys serves {algorithm}")]
    NoneForAlgorithm {
        /// The token's `alg`.
        algorithm: &'static str,
        /// How many keys the set holds.
        known: usize,
    },
    /// The token is signed with a shared secret, and none is configured for the issuer (or none of that `kid`).
    #[error(
        "the token is signed with a shared secret ({algorithm}), no JWKS can judge it, and the issuer's `secrets` hold none that serves it"
    )]
    NoSharedSecret {
        /// The token's `alg`.
        algorithm: &'static str,
    },
}

/// When an unknown `kid` is looked up again, in words.
#[must_use]
pub fn next_fetch(seconds: u64) -> String {
    match seconds {
        0 => "the next request fetches the set again".to_owned(),
        seconds => format!("the set is fetched again for it in {seconds} s at the earliest"),
    }
}

impl Rejection {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TokenMissing(_) => "token_missing",
            Self::RequestAmbiguous(_) => "request_ambiguous",
            Self::TokenTooLarge { .. } => "token_too_large",
            Self::TokenMalformed(_) => "token_malformed",
            Self::HeaderUnsupported { .. } => "header_unsupported",
            Self::IssuerMissing => "issuer_missing",
            Self::IssuerUnknown { .. } => "issuer_unknown",
            Self::AlgorithmUnsupported { .. } => "algorithm_unsupported",
            Self::AlgorithmNotAllowed { .. } => "algorithm_not_allowed",
            Self::KeyNotFound(_) => "key_not_found",
            Self::KeyUnusable { .. } => "key_unusable",
            Self::SignatureInvalid { .. } => "signature_invalid",
            Self::TypeNotAllowed { .. } => "type_not_allowed",
            Self::TokenExpired { .. } => "token_expired",
            Self::TokenNotYetValid { .. } => "token_not_yet_valid",
            Self::TokenIssuedInFuture { .. } => "token_issued_in_future",
            Self::TokenTooOld { .. } => "token_too_old",
            Self::AudienceMissing { .. } => "audience_missing",
            Self::AudienceMismatch { .. } => "audience_mismatch",
            Self::AuthorizedPartyMissing { .. } => "authorized_party_missing",
            Self::AuthorizedPartyMismatch { .. } => "authorized_party_mismatch",
            Self::ClaimMissing { .. } => "claim_missing",
            Self::ProofRequired => "proof_required",
            Self::ScopeInsufficient { .. } => "scope_insufficient",
        }
    }

    /// A short title, the same for every occurrence of the code (RFC 9457 §3.1.3).
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::TokenMissing(_) => "A token is required",
            Self::RequestAmbiguous(_) => "The request's credentials are not one Bearer token",
            Self::TokenTooLarge { .. } => "The token is too large",
            Self::TokenMalformed(_) => "The token is malformed",
            Self::HeaderUnsupported { .. } => "The token's header asks for something unsupported",
            Self::IssuerMissing => "The token names no issuer",
            Self::IssuerUnknown { .. } => "The token's issuer is not trusted here",
            Self::AlgorithmUnsupported { .. } => "The token's algorithm is not supported",
            Self::AlgorithmNotAllowed { .. } => "The token's algorithm is not allowed for its issuer",
            Self::KeyNotFound(_) => "The token's key was not found",
            Self::KeyUnusable { .. } => "The token's key cannot be used",
            Self::SignatureInvalid { .. } => "The token's signature is invalid",
            Self::TypeNotAllowed { .. } => "The token's type is not accepted",
            Self::TokenExpired { .. } => "The token has expired",
            Self::TokenNotYetValid { .. } => "The token is not valid yet",
            Self::TokenIssuedInFuture { .. } => "The token was issued in the future",
            Self::TokenTooOld { .. } => "The token is too old",
            Self::AudienceMissing { .. } => "The token names no audience",
            Self::AudienceMismatch { .. } => "The token is for another audience",
            Self::AuthorizedPartyMissing { .. } => "The token names no authorized party",
            Self::AuthorizedPartyMismatch { .. } => "The token was issued to another party",
            Self::ClaimMissing { .. } => "The token lacks a required claim",
            Self::ProofRequired => "The token is bound to a key",
            Self::ScopeInsufficient { .. } => "The token lacks a required scope",
        }
    }

    /// The claim that the rule is about, if it is about one.
    #[must_use]
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::IssuerMissing | Self::IssuerUnknown { .. } => Some("iss"),
            Self::TokenExpired { .. } => Some("exp"),
            Self::TokenMalformed(Malformed::Member { member, .. } | Malformed::MemberType { member, .. }) => {
                Some(member)
            }
            Self::TokenNotYetValid { .. } => Some("nbf"),
            Self::TokenIssuedInFuture { .. } | Self::TokenTooOld { .. } => Some("iat"),
            Self::AudienceMissing { .. } | Self::AudienceMismatch { .. } => Some("aud"),
            Self::AuthorizedPartyMissing { .. } | Self::AuthorizedPartyMismatch { .. } => Some("azp"),
            Self::ClaimMissing { claim } => Some(claim),
            Self::ProofRequired => Some("cnf"),
            Self::ScopeInsufficient { .. } => Some("scope"),
            Self::TokenMissing(_)
            | Self::RequestAmbiguous(_)
            | Self::TokenTooLarge { .. }
            | Self::TokenMalformed(_)
            | Self::HeaderUnsupported { .. }
            | Self::AlgorithmUnsupported { .. }
            | Self::AlgorithmNotAllowed { .. }
            | Self::KeyNotFound(_)
            | Self::KeyUnusable { .. }
            | Self::SignatureInvalid { .. }
            | Self::TypeNotAllowed { .. } => None,
        }
    }
}

/// What keeps us from judging a token. Always 503 with `Retry-After`, never a verdict on the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The issuer's keys can be had neither from a cache nor from their origin.
    #[error("the keys of {issuer} cannot be fetched: {reason}")]
    JwksUnavailable {
        /// The configured issuer.
        issuer: String,
        /// What the last attempt met.
        reason: String,
        /// Seconds until the next attempt is due.
        retry_after_seconds: u64,
    },
    /// The issuer's origin answers with something that is not a JWK Set, and no cached set is left.
    #[error("{issuer} serves no usable JWK Set: {reason}")]
    JwksInvalid {
        /// The configured issuer.
        issuer: String,
        /// What is wrong with the answer.
        reason: String,
        /// Seconds until the next attempt is due.
        retry_after_seconds: u64,
    },
    /// A secret that the configuration names is not bound, empty, too short, or not in its declared encoding.
    #[error("the secret {binding} cannot be used: {reason}")]
    SecretMissing {
        /// The secret's binding name.
        binding: String,
        /// What is wrong.
        reason: String,
    },
    /// A KV namespace that is needed does not answer, or its content cannot be read.
    #[error("the KV namespace {binding} cannot be used: {reason}")]
    StoreUnavailable {
        /// The namespace's binding name.
        binding: String,
        /// What is wrong.
        reason: String,
    },
    /// Two cryptographic engines disagree on a signature, or one has failed its self-test: nobody is believed.
    #[error("two cryptographic engines disagree on {algorithm}; neither is believed")]
    CryptoDisagreement {
        /// The token's `alg`.
        algorithm: &'static str,
    },
    /// The Worker's configuration has faults; they are on `/readyz` and in the log.
    #[error("{detail}")]
    ConfigInvalid {
        /// What everybody may know of the faults.
        detail: String,
    },
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::JwksUnavailable { .. } => "jwks_unavailable",
            Self::JwksInvalid { .. } => "jwks_invalid",
            Self::SecretMissing { .. } => "secret_missing",
            Self::StoreUnavailable { .. } => "store_unavailable",
            Self::CryptoDisagreement { .. } => "crypto_disagreement",
            Self::ConfigInvalid { .. } => "config_invalid",
        }
    }

    /// A short title, the same for every occurrence of the code.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::JwksUnavailable { .. } => "The issuer's keys are unavailable",
            Self::JwksInvalid { .. } => "The issuer's keys are invalid",
            Self::SecretMissing { .. } => "A secret is missing or cannot be used",
            Self::StoreUnavailable { .. } => "A KV namespace is unavailable",
            Self::CryptoDisagreement { .. } => "Two cryptographic engines disagree",
            Self::ConfigInvalid { .. } => "The configuration is invalid",
        }
    }

    /// The text for clients. The names of the Worker's bindings are left out, because they help an attacker only. The full text
    /// goes to the log and to readers who may see details.
    #[must_use]
    pub fn public_detail(&self) -> String {
        match self {
            Self::SecretMissing { .. } => {
                "a secret of this Worker is missing or cannot be used; its operator finds the name in the log and at the endpoint `readyz`"
                    .to_owned()
            }
            Self::StoreUnavailable { .. } => "a store that this Worker needs cannot be used now".to_owned(),
            other => other.to_string(),
        }
    }

    /// Seconds after which to try again.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        match self {
            Self::JwksUnavailable { retry_after_seconds, .. }
            | Self::JwksInvalid { retry_after_seconds, .. } => (*retry_after_seconds).max(1),
            Self::StoreUnavailable { .. } => crate::limits::RETRY_AFTER_STORE_SECONDS,
            Self::SecretMissing { .. } | Self::CryptoDisagreement { .. } | Self::ConfigInvalid { .. } => {
                crate::limits::RETRY_AFTER_CONFIGURATION_SECONDS
            }
        }
    }
}

/// Why there is no verified token: the token's fault, or not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token's.
    #[error(transparent)]
    Rejection(#[from] Rejection),
    /// Ours, or an identity provider's.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejection(rejection) => rejection.code(),
            Self::Fault(fault) => fault.code(),
        }
    }
}

/// `text` as messages and log lines show it: cut to [`MAX_ECHO_CHARS`](crate::limits::MAX_ECHO_CHARS) characters, and with
/// every control character and every invisible one written as `\u{202e}`, so that a text from outside can neither hide
/// characters nor change the order in which its surroundings are shown.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    let mut left = crate::limits::MAX_ECHO_CHARS;
    for c in text.chars() {
        let escaped = (c.is_control() || is_invisible(c)).then(|| format!("\\u{{{:x}}}", u32::from(c)));
        let length = escaped.as_ref().map_or(1, String::len);
        let Some(rest) = left.checked_sub(length) else {
            shown.push('…');
            break;
        };
        left = rest;
        match escaped {
            Some(escaped) => shown.push_str(&escaped),
            None => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_ECHO_CHARS;

    #[test]
    fn an_excerpt_shows_what_is_invisible_and_reorders_nothing() {
        assert_eq!(excerpt("https://issuer.example/é日本"), "https://issuer.example/é日本");
        assert_eq!(excerpt("a\u{202e}cba\u{2066}\u{200b}"), "a\\u{202e}cba\\u{2066}\\u{200b}");
        assert_eq!(
            excerpt("line\r\n\u{1b}[31m\u{85}\u{2028}"),
            "line\\u{d}\\u{a}\\u{1b}[31m\\u{85}\\u{2028}"
        );
    }

    #[test]
    fn an_excerpt_has_a_bound_also_where_it_is_escaped() {
        assert_eq!(excerpt(&"a".repeat(MAX_ECHO_CHARS)), "a".repeat(MAX_ECHO_CHARS));
        assert_eq!(excerpt(&"é".repeat(MAX_ECHO_CHARS + 1)), format!("{}…", "é".repeat(MAX_ECHO_CHARS)));
        let escaped = excerpt(&"\u{202e}".repeat(1000));
        assert!(escaped.ends_with('…') && escaped.chars().count() <= MAX_ECHO_CHARS + 1, "{escaped}");
    }
}
