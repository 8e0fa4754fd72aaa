//! The codes that a verdict, an exchange and a call can have: one row for each, with its title and the status of the response. The codes are
//! API. A native test makes `npm/types/codes.d.ts` from the rows.

pub use edge_assay_verifier::codes::*;

codes! {
    /// Further codes of a verdict: the token is good but does not suffice, or the request is a proxy's question.
    VERDICTS:
    ISSUER_NOT_ACCEPTED "issuer_not_accepted" 403 "The token is not accepted for this";
    REQUIREMENT_UNMET "condition_failed" 403 "The token is not accepted for this";
    FORWARD_AUTH_MISDIRECTED "forward_auth_misdirected" 403 "The proxy's question is refused";
}

codes! {
    /// The codes of a call whose arguments cannot be used.
    CALLS:
    CALL_INVALID "call_invalid" 400 "The call is invalid";
    BODY_TOO_LARGE "body_too_large" 413 "The request's body is too large";
}

codes! {
    /// Further codes of an exchange. A refused subject or actor token has the code of its rejection, with the status 400. Most rows share a
    /// title: each title is part of the wasm, and `POST /token` shows none. docs/exchange.md describes each code.
    EXCHANGES:
    REQUEST_INVALID "request_invalid" 400 "The exchange is refused";
    GRANT_TYPE_UNSUPPORTED "grant_type_unsupported" 400 "The exchange is refused";
    CLIENT_UNAUTHENTICATED "client_unauthenticated" 401 "The exchange is refused";
    CLIENT_NOT_ALLOWED "client_not_allowed" 400 "The exchange is refused";
    ACTOR_NOT_ALLOWED "actor_not_allowed" 400 "The exchange is refused";
    TARGET_UNKNOWN "target_unknown" 400 "The exchange is refused";
    TARGET_ISSUER "issuer_not_accepted" 400 "The exchange is refused";
    CONDITION_FAILED "condition_failed" 400 "The exchange is refused";
    TARGETS_APART "targets_apart" 400 "The exchange is refused";
    SCOPE_NOT_GRANTED "scope_not_granted" 400 "The exchange is refused";
    EXCHANGE_NOT_CONFIGURED "exchange_not_configured" 404 "No exchange is configured";
}
