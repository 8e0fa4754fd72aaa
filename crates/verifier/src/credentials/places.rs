//! The places of a request where a token is read, in order of preference.

use std::cell::OnceCell;
use std::fmt;

use super::sessions::SessionCookie;
use super::{bearer_token, cookies, one_token, query, query_token, websocket};
use crate::rejection::{Ambiguous, Missing, Rejection};

/// A place of a request where a token may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// `Authorization: Bearer <token>` (RFC 6750 §2.1).
    Authorization,
    /// The header of this name, in lower case: the token alone, or `Bearer` and the token.
    Header(String),
    /// A cookie. Browsers send it with every request to its site, so it counts only as far as [`Sender`](super::Sender) says.
    Cookie(SessionCookie),
    /// The subprotocol `base64url.bearer.authorization.k8s.io.<token in base64url>` of a WebSocket.
    WebSocket,
    /// The query parameter of this name (RFC 6750 §2.3). URLs are logged and stored in many places.
    Query(String),
}

impl Place {
    /// Whether browsers send what is there without being asked.
    #[must_use]
    pub fn is_cookie(&self) -> bool {
        matches!(self, Self::Cookie(_))
    }
}

/// The place, as the object of a sentence.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization => formatter.write_str("the header Authorization"),
            Self::Header(name) => write!(formatter, "the header {name}"),
            Self::Cookie(cookie) => formatter.write_str(&cookie.in_words()),
            Self::WebSocket => formatter.write_str("the WebSocket subprotocol"),
            Self::Query(name) => write!(formatter, "the query parameter {name}"),
        }
    }
}

/// The places where a token is read. The first that has one counts. No other place is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places(Vec<Place>);

/// The `Authorization` header alone.
impl Default for Places {
    fn default() -> Self {
        Self(vec![Place::Authorization])
    }
}

impl FromIterator<Place> for Places {
    fn from_iter<I: IntoIterator<Item = Place>>(places: I) -> Self {
        Self(places.into_iter().collect())
    }
}

/// A token, and where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The text of the token, which is not verified.
    pub token: String,
    /// The number of its place in the list.
    pub place: usize,
    /// Whether it was in a cookie.
    pub is_cookie: bool,
}

/// Why no token was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The reason.
    pub rejection: Rejection,
    /// Whether the reason is in a cookie.
    pub is_cookie: bool,
}

impl From<Rejection> for Unread {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, is_cookie: false }
    }
}

/// How a header of a request is read: several of one name arrive as one value, joined by commas.
pub type ReadHeader<'r> = &'r dyn Fn(&str) -> Option<String>;

impl Places {
    /// Whether the list is the default, the `Authorization` header alone.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self.0.as_slice(), [Place::Authorization])
    }

    /// The places, in order of preference.
    pub fn iter(&self) -> impl Iterator<Item = &Place> {
        self.0.iter()
    }

    /// Whether the `Authorization` header is one of the places.
    #[must_use]
    pub fn has_authorization(&self) -> bool {
        self.0.contains(&Place::Authorization)
    }

    /// Whether the place of this number is the `Authorization` header.
    #[must_use]
    pub fn is_authorization(&self, number: usize) -> bool {
        self.0.get(number) == Some(&Place::Authorization)
    }

    /// Whether a cookie is one of the places.
    #[must_use]
    pub fn has_cookie(&self) -> bool {
        self.0.iter().any(Place::is_cookie)
    }

    /// Whether the WebSocket subprotocol is one of the places.
    #[must_use]
    pub fn has_websocket(&self) -> bool {
        self.0.contains(&Place::WebSocket)
    }

    /// The token in the first place that has one. `query` is the query of the URL, without its question mark.
    ///
    /// # Errors
    /// [`Rejection::TokenMissing`] if no place has one. A place that has something else than one token is refused, and the places after it are
    /// not read: [`Rejection::RequestAmbiguous`], or [`Rejection::TokenMissing`] with what it has. A token in a header beside one in the query
    /// is [`Ambiguous::QueryBesideHeader`] (RFC 6750 §2).
    pub fn read(&self, header: ReadHeader<'_>, query: Option<&str>) -> Result<Found, Unread> {
        let cookies = OnceCell::new();
        let cookies = || cookies.get_or_init(|| header("cookie")).as_deref();
        let mut missing = if self.is_default() { Missing::NoCredentials } else { Missing::InNoPlace };
        for (number, place) in self.0.iter().enumerate() {
            let read = match place {
                Place::Authorization => of_authorization(header("authorization").as_deref()),
                Place::Header(name) => of_header(header(name).as_deref()),
                Place::Cookie(cookie) => {
                    cookies().map_or(Ok(None), |sent| cookie.token(sent)).and_then(alone)
                }
                Place::WebSocket => header("sec-websocket-protocol")
                    .map_or(Ok(None), |sent| websocket::token(&sent))
                    .and_then(alone),
                Place::Query(name) => {
                    query.map_or(Ok(None), |query| query::value(query, name)).and_then(alone)
                }
            };
            let is_cookie = place.is_cookie();
            match read {
                Ok(Some(token)) => {
                    if matches!(place, Place::Authorization | Place::Header(_)) && self.is_in_query(query)? {
                        return Err(Rejection::RequestAmbiguous(Ambiguous::QueryBesideHeader).into());
                    }
                    return Ok(Found { token, place: number, is_cookie });
                }
                Ok(None) => {}
                // Credentials for somebody else, as for a proxy that asks for a password.
                Err(Rejection::TokenMissing(Missing::OtherScheme)) => missing = Missing::OtherScheme,
                Err(rejection) => return Err(Unread { rejection, is_cookie }),
            }
        }
        // A part of a session that is left behind hides no place of the list, so it is looked for last.
        let is_cut = |place: &Place| match place {
            Place::Cookie(cookie) => cookies().is_some_and(|sent| cookie.lacks_beginning(sent)),
            _ => false,
        };
        if missing != Missing::OtherScheme && self.0.iter().any(is_cut) {
            let rejection = Rejection::TokenMissing(Missing::SessionUnreadable);
            return Err(Unread { rejection, is_cookie: true });
        }
        Err(Rejection::TokenMissing(missing).into())
    }

    /// Whether the query has a token in a parameter of the list, or in `access_token`, where other servers read it.
    fn is_in_query(&self, query: Option<&str>) -> Result<bool, Rejection> {
        let Some(sent) = query else { return Ok(false) };
        if query_token(query).is_some() {
            return Ok(true);
        }
        for place in &self.0 {
            if let Place::Query(name) = place
                && query::value(sent, name)?.is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The places of the list without the one at `kept`.
    fn others(&self, kept: Option<usize>) -> impl Iterator<Item = &Place> + Clone {
        self.0.iter().enumerate().filter(move |(number, _)| Some(*number) != kept).map(|(_, place)| place)
    }

    /// The names of the headers of the list, without that of the place at `kept`.
    pub fn headers(&self, kept: Option<usize>) -> impl Iterator<Item = &str> {
        self.others(kept).filter_map(|place| match place {
            Place::Header(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// A `Cookie` header without the cookies of the list, and without those that some server may take for them; empty if no other is left. The
    /// cookies in which the token of the place at `kept` was read stay, and no other cookies of that place.
    #[must_use]
    pub fn without_cookies(&self, header: &str, kept: Option<usize>) -> String {
        let kept = match kept.and_then(|kept| self.0.get(kept)) {
            Some(Place::Cookie(cookie)) => cookie.read_in(header),
            _ => Vec::new(),
        };
        let is_removed = |name: &str| {
            self.0.iter().any(|place| matches!(place, Place::Cookie(one) if one.may_be_part(name)))
        };
        cookies::without(header, &kept, &is_removed)
    }

    /// The WebSocket subprotocols without those that hold a token.
    #[must_use]
    pub fn without_protocol(&self, header: &str) -> String {
        if self.has_websocket() { websocket::without(header) } else { header.to_owned() }
    }

    /// The query without the parameters of the list, and without those that some server may take for them; `None` if nothing is left of it, or if there is none.
    #[must_use]
    pub fn without_query(&self, query: Option<&str>) -> Option<String> {
        let names = self.0.iter().filter_map(|place| match place {
            Place::Query(name) => Some(name.as_str()),
            _ => None,
        });
        let query = query?;
        if names.clone().next().is_none() {
            return Some(query.to_owned());
        }
        Some(query::without(query, &names)).filter(|rest| !rest.is_empty())
    }
}

fn of_authorization(value: Option<&str>) -> Result<Option<String>, Rejection> {
    match value.map(bearer_token) {
        None | Some(Err(Rejection::TokenMissing(Missing::NoCredentials))) => Ok(None),
        Some(token) => token.map(|token| Some(token.to_owned())),
    }
}

fn of_header(value: Option<&str>) -> Result<Option<String>, Rejection> {
    let Some(value) = value.map(|value| value.trim_matches([' ', '\t'])) else { return Ok(None) };
    let token = match value.split_once([' ', '\t']) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start_matches([' ', '\t']),
        _ => value,
    };
    if token.is_empty() || token.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    one_token(token).map(|token| Some(token.to_owned())).map_err(|rejection| match rejection {
        Rejection::RequestAmbiguous(_) => Rejection::RequestAmbiguous(Ambiguous::HeaderSyntax),
        other => other,
    })
}

/// The text that was found, if it is one word.
fn alone(found: Option<String>) -> Result<Option<String>, Rejection> {
    if let Some(text) = &found {
        one_token(text).map_err(|rejection| match rejection {
            Rejection::RequestAmbiguous(_) => Rejection::RequestAmbiguous(Ambiguous::NotOneWord),
            other => other,
        })?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(list: &[Place]) -> Places {
        list.iter().cloned().collect()
    }

    fn cookie(name: &str) -> Place {
        Place::Cookie(SessionCookie::Named(name.to_owned()))
    }

    fn header(name: &str) -> Place {
        Place::Header(name.to_owned())
    }

    fn query(name: &str) -> Place {
        Place::Query(name.to_owned())
    }

    /// Reads a request with these headers and this query. A header that no place names must not be read.
    fn read(
        list: &[Place],
        headers: &[(&str, &str)],
        query: Option<&str>,
    ) -> Result<(String, usize), Rejection> {
        let places = places(list);
        let may_read = |name: &str| match name {
            "authorization" => places.has_authorization(),
            "cookie" => places.has_cookie(),
            "sec-websocket-protocol" => places.has_websocket(),
            other => places.headers(None).any(|known| known == other),
        };
        let header = |name: &str| {
            assert!(may_read(name), "{name} was read");
            headers.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let found = places.read(&header, query);
        found.map(|found| (found.token, found.place)).map_err(|unread| unread.rejection)
    }

    const EVERYTHING: &[(&str, &str)] = &[
        ("authorization", "Bearer from.the.header"),
        ("cookie", "s=from.the.cookie; t=from.another.cookie"),
        ("x-token", "from.another.header"),
        ("sec-websocket-protocol", "chat, base64url.bearer.authorization.k8s.io.YS5iLmM"),
    ];

    #[test]
    fn the_first_place_with_a_token_counts_and_no_unlisted_place_is_read() {
        use Place::{Authorization, WebSocket};
        for (list, expected) in [
            (vec![Authorization], ("from.the.header", 0)),
            (vec![cookie("s"), Authorization], ("from.the.cookie", 0)),
            (vec![Authorization, cookie("s")], ("from.the.header", 0)),
            (vec![cookie("u"), cookie("t"), cookie("s")], ("from.another.cookie", 1)),
            (vec![header("x-none"), header("x-token")], ("from.another.header", 1)),
            (vec![WebSocket, Authorization], ("a.b.c", 0)),
            (vec![query("q"), Authorization], ("from.the.query", 0)),
            (vec![query("p"), WebSocket], ("a.b.c", 1)),
        ] {
            let found = read(&list, EVERYTHING, Some("x=1&q=from.the.query"));
            assert_eq!(found, Ok((expected.0.to_owned(), expected.1)), "{list:?}");
        }
        let missing = |missing| Err(Rejection::TokenMissing(missing));
        assert_eq!(read(&[cookie("u")], EVERYTHING, Some("access_token=x")), missing(Missing::InNoPlace));
        assert_eq!(read(&[Authorization], &[], None), missing(Missing::NoCredentials));
        assert_eq!(read(&[], EVERYTHING, None), missing(Missing::InNoPlace));
    }

    #[test]
    fn a_token_in_a_header_beside_one_in_the_query_is_ambiguous() {
        let ambiguous = Err(Rejection::RequestAmbiguous(Ambiguous::QueryBesideHeader));
        for (list, sent) in [
            (vec![Place::Authorization, query("q")], "q=a.b.c"),
            (vec![Place::Authorization, query("q")], "access_token=a.b.c"),
            (vec![Place::Authorization], "access_token=a.b.c"),
            (vec![header("x-token"), query("q")], "%71=from.another.header"),
        ] {
            assert_eq!(read(&list, EVERYTHING, Some(sent)), ambiguous, "{list:?} {sent}");
        }
        let found = read(&[cookie("s"), query("q")], EVERYTHING, Some("q=a.b.c"));
        assert_eq!(found, Ok(("from.the.cookie".to_owned(), 0)), "a cookie beside one in the query");
        let unlisted = read(&[Place::Authorization], EVERYTHING, Some("q=a.b.c"));
        assert_eq!(unlisted, Ok(("from.the.header".to_owned(), 0)));
    }

    #[test]
    fn a_place_with_something_else_than_one_token_is_refused_and_shadowed_by_no_other() {
        let ambiguous = Rejection::RequestAmbiguous;
        let missing = Rejection::TokenMissing;
        let both = [Place::Authorization, header("x-token"), cookie("s")];
        for (headers, expected) in [
            ([("authorization", "Bearer")], missing(Missing::Empty)),
            ([("authorization", "Bearer null")], missing(Missing::Literal("null"))),
            ([("authorization", "DPoP a.b.c")], missing(Missing::Dpop)),
            ([("authorization", "dpop a.b.c")], missing(Missing::Dpop)),
            ([("authorization", "Basic dTpw, DPoP a.b.c")], missing(Missing::Dpop)),
            ([("authorization", "DPoP a.b.c, Bearer a.b.c")], ambiguous(Ambiguous::SeveralCredentials)),
            ([("authorization", "Bearer a.b.c, DPoP a.b.c")], ambiguous(Ambiguous::SeveralCredentials)),
            ([("authorization", "Bearer a b")], ambiguous(Ambiguous::BadSyntax)),
            ([("x-token", "a.b.c, d.e.f")], ambiguous(Ambiguous::HeaderSyntax)),
            ([("x-token", "Basic dTpw")], ambiguous(Ambiguous::HeaderSyntax)),
            ([("x-token", "Bearer undefined")], missing(Missing::Literal("undefined"))),
        ] {
            let sent = [headers[0], ("cookie", "s=d.e.f")];
            assert_eq!(read(&both, &sent, None), Err(expected), "{headers:?}");
        }
        for (sent, expected) in [
            ("s=a b", ambiguous(Ambiguous::NotOneWord)),
            ("s=null", missing(Missing::Literal("null"))),
            ("s=a; s=b", ambiguous(Ambiguous::CookieTwice)),
        ] {
            assert_eq!(read(&both, &[("cookie", sent)], None), Err(expected), "{sent}");
        }
        let basic = [("authorization", "Basic dTpw"), ("cookie", "s=d.e.f")];
        assert_eq!(read(&both, &basic, None), Ok(("d.e.f".to_owned(), 2)), "a password is no token");
        assert_eq!(read(&both, &basic[..1], None), Err(missing(Missing::OtherScheme)));
        let empty = [("authorization", " "), ("x-token", "Bearer "), ("cookie", "s=; x=1")];
        assert_eq!(read(&both, &empty, None), Err(missing(Missing::InNoPlace)));
        let prefixed = [("x-token", " bearer  a.b.c ")];
        assert_eq!(read(&both, &prefixed, None), Ok(("a.b.c".to_owned(), 1)));
    }

    #[test]
    fn a_session_without_its_first_part_is_unreadable_if_no_other_place_has_a_token() {
        let session = Place::Cookie(SessionCookie::Supabase(vec!["sb-x-auth-token".to_owned()]));
        let list = [session.clone(), Place::Authorization];
        let cut = ("cookie", "a=1; sb-x-auth-token.1=c; sb-x-auth-token.2=d");
        let missing = |missing| Err(Rejection::TokenMissing(missing));
        assert_eq!(read(&list, &[cut], None), missing(Missing::SessionUnreadable));
        let bearer = ("authorization", "Bearer a.b.c");
        assert_eq!(read(&list, &[cut, bearer], None), Ok(("a.b.c".to_owned(), 1)));
        let basic = ("authorization", "Basic dTpw");
        assert_eq!(read(&list, &[cut, basic], None), missing(Missing::OtherScheme));
        for none in ["sb-x-auth-token.1=", "sb-x-auth-token.01=c", "sb-y-auth-token.1=c", "a=1"] {
            assert_eq!(read(&list, &[("cookie", none)], None), missing(Missing::InNoPlace), "{none}");
        }
        let of_cookie = places(&[session]).read(&|name| (name == cut.0).then(|| cut.1.to_owned()), None);
        assert!(of_cookie.is_err_and(|unread| unread.is_cookie));
    }

    #[test]
    fn a_list_without_the_websocket_leaves_its_subprotocols_as_they_came_and_does_not_read_them() {
        let sent = "chat, base64url.bearer.authorization.k8s.io.YS5iLmM";
        for list in [vec![Place::Authorization], vec![cookie("s"), header("x-token"), query("q")]] {
            let without = places(&list);
            assert!(!without.has_websocket());
            assert_eq!(without.without_protocol(sent), sent);
            // `read` panics if a header is read that the list does not name.
            assert!(read(&list, &[("sec-websocket-protocol", sent)], None).is_err());
        }
        assert!(places(&[Place::Authorization, Place::WebSocket]).has_websocket());
    }

    #[test]
    fn what_is_left_of_a_request_has_no_place_of_the_list_but_the_one_that_is_kept() {
        let list = places(&[
            cookie("s"),
            Place::Cookie(SessionCookie::Supabase(vec!["sb-x-auth-token".to_owned()])),
            header("x-token"),
            query("q"),
            Place::WebSocket,
        ]);
        let cookies = "a=1; s=t; sb-x-auth-token.0=c; sb-x-auth-token.1=d; sb-x-auth-token-code-verifier=v";
        assert_eq!(list.without_cookies(cookies, None), "a=1; sb-x-auth-token-code-verifier=v");
        assert_eq!(list.without_cookies(cookies, Some(0)), "a=1; s=t; sb-x-auth-token-code-verifier=v");
        assert_eq!(list.without_cookies("s=t", None), "");
        assert_eq!(list.headers(None).collect::<Vec<_>>(), ["x-token"]);
        assert_eq!(list.headers(Some(2)).count(), 0);
        assert_eq!(list.without_query(Some("a=1&q=t")).as_deref(), Some("a=1"));
        assert_eq!(list.without_query(Some("q=t")), None);
        assert_eq!(list.without_protocol("chat, base64url.bearer.authorization.k8s.io.YS5iLmM"), "chat");
        let look_alikes =
            "S=t; %73=t; s[x]=t; x, s=t; sb-x-auth-token_0=c; SB-X-auth.token=c; \u{a0}s=t; ss=1";
        assert_eq!(list.without_cookies(look_alikes, None), "SB-X-auth.token=c; ss=1");
        assert_eq!(list.without_cookies("S=t; s=t; s=u", Some(0)), "", "it is not known which was read");
        assert_eq!(list.without_cookies("S=u; s=t", Some(0)), "s=t");
        assert_eq!(list.without_query(Some("a=1&Q=t&q[]=t&%20q=t&x;q=t&qq=1")).as_deref(), Some("a=1&qq=1"));
        let others = Places::default();
        assert_eq!(others.without_query(Some("q=t")).as_deref(), Some("q=t"));
        assert_eq!(others.without_cookies(cookies, None), cookies);
    }
}
