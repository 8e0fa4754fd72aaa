//! Reads the token of a request from the places that the configuration lists, or says why it is missing or ambiguous.

use http::Method;

use crate::config::{Config, CorsPolicy};
use crate::credentials::{self, Found, Places, Sender, Unread, one_token, query_token};
use crate::ports::IncomingRequest;
use crate::rejection::{Ambiguous, Missing, Rejection, excerpt};

/// The parts of the request for which a token is read. In forward-auth they are those of the original request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// The method.
    pub method: &'r Method,
    /// The scheme and the host, with a port unless that is the scheme's default; `None` if they are not known.
    pub own: Option<(&'r str, &'r str)>,
    /// The query, without its question mark.
    pub query: Option<&'r str>,
    /// The origins whose pages may use the user's cookies.
    pub origins: &'r [String],
}

impl<'r> Asked<'r> {
    /// The parts of a request that is answered itself. Pages of the origins of `policy` may use the user's cookies.
    pub fn of(request: &'r impl IncomingRequest, policy: Option<&'r CorsPolicy>) -> Self {
        Self {
            method: request.method(),
            own: Some((request.scheme(), request.host())),
            query: request.query(),
            origins: policy.map_or(&[], |policy| policy.origins.as_slice()),
        }
    }
}

/// Whether the cookies of a request count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookies {
    /// They do, as far as the configuration reads them.
    Count,
    /// The request is read as if it had none.
    AreIgnored,
}

/// The token of a request, in the first of the places that has one.
///
/// # Errors
/// As [`Places::read`], and [`Rejection::CrossSite`] if it is in a cookie and another site may have made the browser send the request.
pub fn read(
    places: &Places,
    request: &impl IncomingRequest,
    asked: &Asked<'_>,
    cookies: Cookies,
) -> Result<Found, Unread> {
    if places.is_default() {
        let token = bearer_token_beside(request, asked.query)?;
        return Ok(Found { token, place: 0, is_cookie: false });
    }
    let is_read = |name: &&str| cookies == Cookies::Count || *name != "cookie";
    let header = |name: &str| Some(name).filter(is_read).and_then(|name| request.header(name));
    let found = places.read(&header, asked.query)?;
    if found.is_cookie
        && let Err(rejection) = check_sender(request, asked)
    {
        return Err(Unread { rejection, is_cookie: true });
    }
    Ok(found)
}

/// The token of a request to one of the Worker's own endpoints, or why there is none.
///
/// # Errors
/// As [`read`].
pub fn of_request(config: &Config, request: &impl IncomingRequest) -> Result<String, Rejection> {
    let asked = Asked::of(request, config.surface.cors.as_ref());
    match read(&config.credentials, request, &asked, Cookies::Count) {
        Ok(found) => Ok(found.token),
        Err(unread) => Err(seen_elsewhere(unread.rejection, request, request.query())),
    }
}

/// Whether a cookie counts for the request. A WebSocket's handshake is a GET, but it opens a connection in both directions, and browsers let every
/// page open one.
fn check_sender(request: &impl IncomingRequest, asked: &Asked<'_>) -> Result<(), Rejection> {
    if matches!(*asked.method, Method::GET | Method::HEAD) && !is_handshake(&request.header_names()) {
        return Ok(());
    }
    let (origin, fetch_site) = (request.header("origin"), request.header("sec-fetch-site"));
    let sender = Sender { origin: origin.as_deref(), fetch_site: fetch_site.as_deref() };
    if sender.is_trusted(asked.own, asked.origins) {
        return Ok(());
    }
    Err(Rejection::CrossSite { origin: origin.as_deref().map(excerpt) })
}

/// Whether the request opens a WebSocket, by the names of its headers. Some proxies leave `Upgrade` out of their question in forward-auth, and HTTP/2
/// has no such header; `Sec-WebSocket-Version` is always there (RFC 6455 §4.1, RFC 8441 §5).
fn is_handshake(header_names: &str) -> bool {
    header_names.lines().any(|name| name == "upgrade" || name.starts_with("sec-websocket-"))
}

/// The token in the request's `Authorization` header.
///
/// # Errors
/// [`Rejection::TokenMissing`] without a token, [`Rejection::RequestAmbiguous`] if there are several or if the header is malformed.
pub fn bearer_token(request: &impl IncomingRequest) -> Result<String, Rejection> {
    bearer_token_beside(request, request.query())
}

/// The same, but checks the given query for a second token.
fn bearer_token_beside(request: &impl IncomingRequest, query: Option<&str>) -> Result<String, Rejection> {
    let Some(header) = request.header("authorization") else {
        return Err(Rejection::TokenMissing(Missing::NoCredentials));
    };
    let token = credentials::bearer_token(&header)?.to_owned();
    if query_token(query).is_some() {
        return Err(Rejection::RequestAmbiguous(Ambiguous::QueryBesideHeader));
    }
    Ok(token)
}

/// The token that code passes as a value, which is `None` if the value is not a text.
///
/// # Errors
/// [`Rejection::TokenMissing`] without a token, [`Rejection::RequestAmbiguous`] if the text is more than one word.
pub fn passed_token(value: Option<&str>) -> Result<String, Rejection> {
    match value.map(str::trim) {
        None | Some("") => Err(Rejection::TokenMissing(Missing::NotPassed)),
        Some(token) => one_token(token).map(str::to_owned).map_err(|rejection| match rejection {
            // The text was no header.
            Rejection::RequestAmbiguous(_) => Rejection::RequestAmbiguous(Ambiguous::NotAlone),
            other => other,
        }),
    }
}

/// `rejection`, or a more exact one if no place that is read has a token, and the query or a cookie has one that is not read.
#[must_use]
pub fn seen_elsewhere(
    rejection: Rejection,
    request: &impl IncomingRequest,
    query: Option<&str>,
) -> Rejection {
    if !is_absent(&rejection) {
        return rejection;
    }
    if query_token(query).is_some_and(|token| !token.is_empty()) {
        return Rejection::TokenMissing(Missing::InQuery);
    }
    if request.header("cookie").is_some_and(|cookies| has_token_cookie(&cookies)) {
        return Rejection::TokenMissing(Missing::InCookie);
    }
    rejection
}

/// Whether no place that is read has anything.
#[must_use]
pub fn is_absent(rejection: &Rejection) -> bool {
    matches!(rejection, Rejection::TokenMissing(Missing::NoCredentials | Missing::InNoPlace))
}

/// Whether the value of a cookie has the form of a JWT: three segments of base64url, the first of which begins a JSON object.
fn has_token_cookie(cookies: &str) -> bool {
    let is_base64url = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
    };
    cookies.split(';').filter_map(|cookie| cookie.split_once('=')).any(|(_, value)| {
        let value = value.trim_matches([' ', '\t', '"']);
        value.starts_with("eyJ") && value.split('.').count() == 3 && value.split('.').all(is_base64url)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_token_or_a_reason_why_not() {
        use Ambiguous::{BadSyntax, SeveralCredentials};
        let missing = |missing| Err(Rejection::TokenMissing(missing));
        let ambiguous = |ambiguous| Err(Rejection::RequestAmbiguous(ambiguous));
        let cases = [
            ("Bearer a.b.c", Ok("a.b.c")),
            ("bEARER  a.b.c ", Ok("a.b.c")),
            ("Bearer a.b.c==", Ok("a.b.c==")),
            ("", missing(Missing::NoCredentials)),
            ("Bearer", missing(Missing::Empty)),
            ("Bearer  ", missing(Missing::Empty)),
            ("Bearer null", missing(Missing::Literal("null"))),
            ("Bearer undefined", missing(Missing::Literal("undefined"))),
            ("Bearer [object Promise]", missing(Missing::Literal("[object Promise]"))),
            ("Basic dTpw", missing(Missing::OtherScheme)),
            ("DPoP a.b.c", missing(Missing::Dpop)),
            ("dpop", missing(Missing::Dpop)),
            ("DPoPx a.b.c", missing(Missing::OtherScheme)),
            ("a.b.c", missing(Missing::OtherScheme)),
            ("Bearer a.b.c, Bearer d.e.f", ambiguous(SeveralCredentials)),
            ("Bearer a.b.c,Basic dTpw", ambiguous(SeveralCredentials)),
            ("Basic dTpw, Bearer a.b.c", ambiguous(SeveralCredentials)),
            (", bearer a.b.c", ambiguous(SeveralCredentials)),
            ("Bearer, a.b.c", ambiguous(SeveralCredentials)),
            ("Bearer, Bearer a.b.c", ambiguous(SeveralCredentials)),
            ("Bearer,, a.b.c", ambiguous(SeveralCredentials)),
            ("Bearer,", missing(Missing::Empty)),
            ("Digest realm=\"a, bearers\", uri=\"/\"", missing(Missing::OtherScheme)),
            ("Bearer \"a.b.c\"", ambiguous(BadSyntax)),
            ("Bearer a.b.c d", ambiguous(BadSyntax)),
            ("Bearer Bearer a.b.c", ambiguous(BadSyntax)),
            ("Bearer ==", ambiguous(BadSyntax)),
            ("Bearer a\u{e9}", Ok("a\u{e9}")),
            ("Bearer a%2Eb%2Ec", Ok("a%2Eb%2Ec")),
            ("Bearer ..", Ok("..")),
            ("Bearer a.b\u{200b}.c", Ok("a.b\u{200b}.c")),
        ];
        for (header, expected) in cases {
            assert_eq!(credentials::bearer_token(header), expected, "{header}");
        }
    }

    #[test]
    fn a_token_in_the_query_is_recognised_by_its_exact_name() {
        assert_eq!(query_token(Some("a=1&access_token=x")), Some("x"));
        assert_eq!(query_token(Some("access_token=")), Some(""));
        assert_eq!(query_token(Some("a=1&access%5Ftoken=x%20y")), Some("x%20y"));
        assert_eq!(query_token(Some("access_token&b")), None);
        assert_eq!(query_token(Some("my_access_token=x")), None);
        assert_eq!(query_token(None), None);
    }

    #[test]
    fn a_token_in_a_cookie_is_recognised_by_its_form() {
        for cookies in
            ["session=eyJh.eyJi.c2ln", "a=1; __session=\"eyJh.eyJi.c2-_\"", "a=eyJ; b=eyJh.eyJi.x ;c"]
        {
            assert!(has_token_cookie(cookies), "{cookies}");
        }
        for cookies in
            ["", "eyJh.eyJi.c2ln", "a=eyJh.eyJi", "a=eyJh.eyJi.", "a=eyJh.a.b.c.d", "a=1.2.3", "a=eyJh.b=.c"]
        {
            assert!(!has_token_cookie(cookies), "{cookies}");
        }
    }
}
