//! The gateway in front of APIs: which route takes a request, what the request's token must fulfil, and how the request is forwarded.
//! Forward-auth gives reverse proxies the same verdict and forwards nothing.
//!
//! Knows routes, paths and headers. Does not know the form of a response, and sends nothing itself: it returns the upstream
//! request as data ([`UpstreamRequest`](crate::ports::UpstreamRequest)).

#[cfg(feature = "exchange")]
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

/// The gateway's configuration, and the tokens that it keeps.
#[derive(Debug)]
pub struct Gateway {
    /// The routes, most specific first.
    pub routes: Table,
    /// The headers that no client may send to an upstream, on any route.
    pub untrusted: Untrusted,
    /// Our own tokens that have not expired.
    #[cfg(feature = "exchange")]
    pub kept: credential::Kept,
    /// Which `CF-Connecting-IP` is trusted.
    pub client_address: ClientAddress,
}

/// Which `CF-Connecting-IP` is trusted as the client's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAddress {
    /// Only that of a request from Cloudflare's edge. Elsewhere a client can send the header itself.
    #[default]
    Cloudflare,
    /// That of every request: a proxy in front of the operator's own workerd always sets the header.
    Header,
}
