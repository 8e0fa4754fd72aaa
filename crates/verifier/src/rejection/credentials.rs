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
    /// `Authorization: DPoP <token>` (RFC 9449 §7.1): the token is bound to a key, and a proof comes with it. It is no Bearer token.
    #[error(
        "the Authorization header uses the DPoP scheme, and DPoP proofs are not checked here; send `Authorization: Bearer <token>` with a token that is not bound to a key"
    )]
    Dpop,
    /// None of the places where a token is read has one. The list is not the default.
    #[error("no token was sent in a place where one is read")]
    InNoPlace,
    /// The session cookie of a provider's library holds no readable session.
    #[error("the session cookie holds no readable session; sign in again")]
    SessionUnreadable,
    /// A CORS preflight, which browsers send without a token.
    #[error("this is a CORS preflight, which never carries a token")]
    Preflight,
    /// No token where one is read, and a cookie that looks like a JWT.
    #[error(
        "no token was sent where one is read; a token was seen in a cookie that is not read; send `Authorization: Bearer <token>`"
    )]
    InCookie,
    /// No token where one is read, and an `access_token` in the query (RFC 6750 §2.3), which is not read.
    #[error(
        "no token was sent where one is read; a token was seen in the query, and the query is not read; send `Authorization: Bearer <token>`"
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
    /// Two values of a cookie that is read, or a session beside its own chunks. One of them may have been set by another server of the site.
    #[error(
        "the request has the cookie with the token more than once, with different values; delete this site's cookies and sign in again"
    )]
    CookieTwice,
    /// A query parameter that is read occurs more than once.
    #[error("the query has the parameter with the token more than once; send it once")]
    QueryTwice,
    /// A header that is read, other than `Authorization`, has more or less than one token.
    #[error("the header with the token does not hold exactly one token; send the token alone")]
    HeaderSyntax,
    /// A cookie, subprotocol or parameter that is read holds a text that is not one word.
    #[error("the text in the place of the token is not one token")]
    NotOneWord,
    /// The WebSocket subprotocols do not have exactly one readable token and another protocol.
    #[error(
        "the WebSocket subprotocols must have exactly one token, in base64url without padding, and another protocol beside it"
    )]
    WebSocketProtocol,
    /// `Bearer`, followed by a text that cannot be a token (RFC 6750 §2.1).
    #[error("the Authorization header is not `Bearer <token>`")]
    BadSyntax,
}
