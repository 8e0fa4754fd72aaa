//! The token in a WebSocket's subprotocols. A browser's WebSocket has no other header that a script may set, so Kubernetes made this the
//! convention: `base64url.bearer.authorization.k8s.io.<token in base64url>`, beside the protocol that is spoken.

use edge_assay_jose::base64url;

use crate::rejection::{Ambiguous, Rejection};

const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

fn protocols(header: &str) -> impl Iterator<Item = &str> {
    header
        .split(',')
        .map(|protocol| protocol.trim_matches([' ', '\t']))
        .filter(|protocol| !protocol.is_empty())
}

/// The token in the value of `Sec-WebSocket-Protocol`; `None` if there is none.
///
/// # Errors
/// [`Ambiguous::WebSocketProtocol`] if there are several tokens, if it is not unpadded base64url of a text, or if there is no other protocol: the
/// server must choose one of those that the browser offers (RFC 6455 §4.1), and must not choose the token.
pub(super) fn token(header: &str) -> Result<Option<String>, Rejection> {
    let ambiguous = || Rejection::RequestAmbiguous(Ambiguous::WebSocketProtocol);
    let mut tokens = protocols(header).filter_map(|protocol| protocol.strip_prefix(PREFIX));
    let Some(encoded) = tokens.next() else { return Ok(None) };
    if tokens.next().is_some() || without(header).is_empty() {
        return Err(ambiguous());
    }
    let octets = base64url::decode(encoded).filter(|octets| !octets.is_empty()).ok_or_else(ambiguous)?;
    String::from_utf8(octets).map(Some).map_err(|_| ambiguous())
}

/// The other protocols, in their order.
pub(super) fn without(header: &str) -> String {
    protocols(header).filter(|protocol| !protocol.starts_with(PREFIX)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_token_beside_another_protocol_is_read() {
        let refused = || Err(Rejection::RequestAmbiguous(Ambiguous::WebSocketProtocol));
        let found = |token: &str| Ok(Some(token.to_owned()));
        // "a.b.c" is "YS5iLmM" in base64url.
        for (header, expected) in [
            ("chat, {}YS5iLmM", found("a.b.c")),
            ("{}YS5iLmM,chat", found("a.b.c")),
            ("\tchat ,  {}YS5iLmM ,, v2", found("a.b.c")),
            ("", Ok(None)),
            ("chat, v2", Ok(None)),
            ("BASE64URL.bearer.authorization.k8s.io.YS5iLmM, chat", Ok(None)),
            ("base64url.bearer.authorization.k8s.io, chat", Ok(None)),
            ("chat base64url.bearer.authorization.k8s.io.YS5iLmM", Ok(None)),
            ("{}YS5iLmM", refused()),
            ("{}YS5iLmM, ", refused()),
            ("{}YS5iLmM, {}YS5iLmM, chat", refused()),
            ("{}YS5iLmM, chat, {}ZC5lLmY", refused()),
            ("{}, chat", refused()),
            ("{}YS5iLmM=, chat", refused()),
            ("{}YS5iLmN, chat", refused()),
            ("{}YS5i LmM, chat", refused()),
            ("{}YS5i+mM, chat", refused()),
            ("{}a.b.c, chat", refused()),
            ("{}_w, chat", refused()),
        ] {
            let header = header.replace("{}", PREFIX);
            assert_eq!(token(&header), expected, "{header}");
        }
    }

    #[test]
    fn the_other_protocols_keep_their_order() {
        let header = format!("v2 , {PREFIX}YS5iLmM,chat,{PREFIX}x");
        assert_eq!(without(&header), "v2, chat");
    }
}
