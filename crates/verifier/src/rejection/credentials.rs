//! What is wrong with a request's credentials, before any token is read.

/// Why a request has no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// No `Authorization` header.
    #[error("no token was sent; send `Authorization: Bearer <token>`")]
    NoCredentials,
    /// Credentials of another scheme than Bearer.
    #[error("the Authorization header does not use the Bearer scheme; send `Authorization: Bearer <token>`")]
    OtherScheme,
    /// A CORS preflight, which browsers send without a token.
    #[error("this is a CORS preflight, which never carries a token")]
    Preflight,
    /// No `Authorization` header, and a cookie that looks like a JWT.
    #[error(
        "no Authorization header was sent; a token was seen in a cookie, and cookies are not read; send `Authorization: Bearer <token>`"
    )]
    InCookie,
    /// No `Authorization` header, and an `access_token` in the query (RFC 6750 §2.3).
    #[error(
        "no Authorization header was sent; a token was seen in the query, and the query is not read; send `Authorization: Bearer <token>`"
    )]
    InQuery,
    /// `Authorization: Bearer` and nothing after it.
    #[error("the Authorization header has no token after `Bearer`")]
    Empty,
    /// Code passed an empty text, or a value that is not a text.
    #[error("no token was passed; pass the token as a text, without `Bearer` before it")]
    NotPassed,
    /// The client sent this word instead of a token.
    #[error(
        "the client sent the word \"{0}\" instead of a token: it requested the token before sign-in, or from a template that does not exist"
    )]
    Literal(&'static str),
}

/// Why a request's credentials are ambiguous or malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguous {
    /// More than one credential in the `Authorization` header, or two such headers.
    #[error("the request has more than one credential; send exactly one Authorization header")]
    SeveralCredentials,
    /// A token in the header and another in the query (RFC 6750 §2).
    #[error(
        "the request has a token in its query and another in its Authorization header; send only the header"
    )]
    QueryBesideHeader,
    /// Code passed a text that is not one word.
    #[error("the text is not one token; pass the token alone, without `Bearer` before it")]
    NotAlone,
    /// `Bearer`, followed by a text that cannot be a token (RFC 6750 §2.1).
    #[error("the Authorization header is not `Bearer <token>`")]
    BadSyntax,
}
