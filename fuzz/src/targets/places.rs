//! The places of a request where a token is read, and what is left of the request for the API.

use edge_assay::credentials::{Found, Place, Places, SessionCookie, Unread};
use edge_assay::rejection::{Missing, Rejection};

fn list() -> Places {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    [
        Place::Cookie(SessionCookie::Named("s".to_owned())),
        Place::Cookie(SessionCookie::Supabase(names(&["sb-x-auth-token"]))),
        Place::Cookie(SessionCookie::Clerk { suffixes: names(&["AbCd-_12"]), only: false }),
        Place::Cookie(SessionCookie::better_auth()),
        Place::WebSocket,
        Place::Query("t".to_owned()),
    ]
    .into_iter()
    .collect()
}

/// Reads a request with these headers and this query.
fn read(places: &Places, cookies: &str, query: &str, protocols: &str) -> Result<Found, Unread> {
    let header = |name: &str| match name {
        "cookie" => Some(cookies.to_owned()),
        "sec-websocket-protocol" => Some(protocols.to_owned()),
        _ => None,
    };
    places.read(&header, Some(query))
}

/// Whether the parts of `left` are parts of `sent`, in its order.
fn is_in_order<'t>(left: impl Iterator<Item = &'t str>, mut sent: impl Iterator<Item = &'t str>) -> bool {
    left.into_iter().all(|one| sent.any(|other| other == one))
}

/// A `Cookie` header, a query and subprotocols, on a line each. What is read is one word; what is left has nothing to read, and the rest as it was sent.
pub fn places(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let mut lines = text.splitn(3, '\n');
    let [cookies, query, protocols] =
        [lines.next(), lines.next(), lines.next()].map(Option::unwrap_or_default);
    let list = list();
    let mut is_found = false;
    for place in list.iter() {
        let alone: Places = std::iter::once(place.clone()).collect();
        let found = read(&alone, cookies, query, protocols);
        if let Ok(found) = &found {
            is_found = true;
            let token = &found.token;
            assert!(!token.is_empty() && !token.contains([' ', '\t', ',', '"', '\'']), "{token:?}");
            assert_eq!(found.is_cookie, place.is_cookie());
        }
    }
    let left = list.without_cookies(cookies, None);
    assert_eq!(list.without_cookies(&left, None), left);
    let sent = cookies.split(';').map(|cookie| cookie.trim_matches([' ', '\t']));
    assert!(is_in_order(left.split("; ").filter(|cookie| !cookie.is_empty()), sent), "{left:?}");
    let left_of_query = list.without_query(Some(query)).unwrap_or_default();
    assert!(is_in_order(left_of_query.split('&').filter(|pair| !pair.is_empty()), query.split('&')));
    assert!(url::form_urlencoded::parse(left_of_query.as_bytes()).all(|(name, _)| name != "t"));
    let left_of_protocols = list.without_protocol(protocols);
    let nothing = Rejection::TokenMissing(Missing::InNoPlace);
    assert_eq!(
        read(&list, &left, &left_of_query, &left_of_protocols).map_err(|unread| unread.rejection),
        Err(nothing)
    );
    is_found
}
