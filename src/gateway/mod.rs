//! Stands before APIs: which route takes a request, what it must prove, and how it is sent on; and the same verdict for
//! reverse proxies that only ask (forward-auth).
//!
//! Knows routes, paths and headers. Does not know how a verdict looks on the wire, and sends nothing itself: what is to be
//! sent is returned as data ([`UpstreamRequest`](crate::ports::UpstreamRequest)).

pub mod credential;
pub mod forward_auth;
pub mod headers;
pub mod host;
pub mod path;
pub mod proxy;
pub mod requirement;
pub mod routes;

use headers::Untrusted;
use routes::Table;

/// Everything the gateway goes by, as the configuration has it.
#[derive(Debug)]
pub struct Gateway {
    /// The routes, most specific first.
    pub routes: Table,
    /// The headers that no client may send to an upstream, on whatever route.
    pub untrusted: Untrusted,
    /// Our own tokens that are still good.
    pub kept: credential::Kept,
    /// Who may tell a client's address.
    pub client_address: ClientAddress,
}

/// Whose `CF-Connecting-IP` is taken for a client's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAddress {
    /// Cloudflare's edge alone. Elsewhere a client can send the header itself.
    #[default]
    Cloudflare,
    /// Whoever sends the request: a proxy that sets the header stands before a workerd of one's own.
    Header,
}
