//! The table of all paths that the Worker itself answers. The router reads it, and so does the configuration's check of routes.
//!
//! This module knows the paths, the methods and which part of the configuration an endpoint needs. It does not know how an
//! endpoint answers.

/// An endpoint of the Worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Answers if the Worker runs.
    Health,
    /// The state of the configuration and of every issuer's keys.
    Readiness,
    /// Drops the cached keys of an issuer.
    Keys,
    /// Verifies a token.
    Verify,
    /// Explains why a token is refused.
    Explain,
    /// The same as a web page.
    Console,
    /// The description of the endpoints (`OpenAPI` 3.1).
    Description,
    /// Issues tokens: OAuth 2.0 token exchange (RFC 8693) and JWT bearer grant (RFC 7523).
    Token,
    /// The Fireproof dashboard's protocol.
    FireproofApi,
    /// Our public keys (RFC 7517).
    KeySet,
    /// Our metadata (RFC 8414).
    ServerMetadata,
    /// Forward-auth for Traefik and Caddy.
    ForwardAuth,
    /// Forward-auth for nginx and ingress-nginx.
    AuthRequest,
    /// Forward-auth for Envoy.
    ExtAuthz,
}

/// The paths of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// This path, below the prefix.
    At(&'static str),
    /// Every path below the prefix that starts with this text.
    Beginning(&'static str),
    /// This path and every path below it, below the prefix.
    Tree(&'static str),
    /// This path, without the prefix (RFC 8615).
    WellKnown(&'static str),
    /// This path, and this path followed by the path of the exchange's issuer (RFC 8414 §3.1), both without the prefix.
    WellKnownOfIssuer(&'static str),
}

impl Place {
    /// The path in the table, without the prefix and without a rest that may follow it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::At(path)
            | Self::Beginning(path)
            | Self::Tree(path)
            | Self::WellKnown(path)
            | Self::WellKnownOfIssuer(path) => path,
        }
    }
}

/// The part of the configuration that enables an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// None: the endpoint always exists.
    Nothing,
    /// `exchange`.
    Exchange,
    /// `exchange.fireproof`.
    Fireproof,
    /// `forward_auth`.
    ForwardAuth,
}

/// The part of the program that answers an endpoint. A build can lack it: the features of `Cargo.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Every build has it.
    Core,
    /// The feature `explain`.
    Explain,
    /// The feature `exchange`.
    Exchange,
}

impl Part {
    /// Whether this build has it.
    #[must_use]
    pub const fn is_built(self) -> bool {
        match self {
            Self::Core => true,
            Self::Explain => cfg!(feature = "explain"),
            Self::Exchange => cfg!(feature = "exchange"),
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its paths.
    pub place: Place,
    /// The methods, as in the `Allow` header; `None`: all. An endpoint that answers GET also answers HEAD.
    pub methods: Option<&'static str>,
    /// The part of the configuration that enables it.
    pub needs: Needs,
    /// The part of the program that answers it.
    pub part: Part,
}

const fn row(
    endpoint: Endpoint,
    place: Place,
    methods: Option<&'static str>,
    needs: Needs,
    part: Part,
) -> Row {
    Row { endpoint, place, methods, needs, part }
}

const READ: Option<&str> = Some("GET, HEAD");
const READ_OR_POST: Option<&str> = Some("GET, HEAD, POST");
const POST: Option<&str> = Some("POST");

/// All endpoints. No path is in two rows.
pub const TABLE: &[Row] = &[
    row(Endpoint::Verify, Place::At("/verify"), READ_OR_POST, Needs::Nothing, Part::Core),
    row(Endpoint::Token, Place::At("/token"), POST, Needs::Exchange, Part::Exchange),
    row(Endpoint::ForwardAuth, Place::At("/forward-auth"), None, Needs::ForwardAuth, Part::Core),
    row(Endpoint::AuthRequest, Place::At("/auth-request"), None, Needs::ForwardAuth, Part::Core),
    row(Endpoint::ExtAuthz, Place::Tree("/ext-authz"), None, Needs::ForwardAuth, Part::Core),
    // The dashboard answers at every path that starts with `/api`.
    row(
        Endpoint::FireproofApi,
        Place::Beginning("/api"),
        Some("PUT, POST, OPTIONS"),
        Needs::Fireproof,
        Part::Exchange,
    ),
    row(Endpoint::KeySet, Place::WellKnown("/.well-known/jwks.json"), READ, Needs::Exchange, Part::Exchange),
    row(
        Endpoint::ServerMetadata,
        Place::WellKnownOfIssuer("/.well-known/oauth-authorization-server"),
        READ,
        Needs::Exchange,
        Part::Exchange,
    ),
    row(Endpoint::Health, Place::At("/healthz"), READ, Needs::Nothing, Part::Core),
    row(Endpoint::Readiness, Place::At("/readyz"), READ, Needs::Nothing, Part::Core),
    row(Endpoint::Keys, Place::At("/keys"), Some("DELETE"), Needs::Nothing, Part::Core),
    row(Endpoint::Explain, Place::At("/explain"), POST, Needs::Nothing, Part::Explain),
    row(Endpoint::Console, Place::At("/console"), READ_OR_POST, Needs::Nothing, Part::Explain),
    row(Endpoint::Description, Place::At("/openapi.json"), READ, Needs::Nothing, Part::Explain),
];

/// The part of the configuration that decides which endpoints exist.
#[derive(Clone, Copy, Debug, Default)]
pub struct Enabled<'c> {
    /// `endpoints.prefix`.
    pub prefix: &'c str,
    /// The path of the exchange's issuer, without a final slash; `None` without an exchange.
    pub issuer_path: Option<&'c str>,
    /// Whether the exchange implements the Fireproof dashboard's protocol.
    pub has_fireproof: bool,
    /// Whether forward-auth is configured.
    pub has_forward_auth: bool,
}

impl<'c> Enabled<'c> {
    /// The same with an exchange whose issuer has this path.
    #[must_use]
    pub fn with_exchange(self, issuer_path: &'c str, has_fireproof: bool) -> Self {
        Self { issuer_path: Some(issuer_path), has_fireproof, ..self }
    }

    /// The rows of the endpoints that are enabled.
    pub fn rows(&self) -> impl Iterator<Item = &'static Row> {
        TABLE.iter().filter(|row| row.part.is_built() && self.has(row.needs))
    }

    /// The row of the endpoint at `path`, and the rest of `path` after the row's own path.
    #[must_use]
    pub fn find<'p>(&self, path: &'p str) -> Option<(&'static Row, &'p str)> {
        let below = path.strip_prefix(self.prefix);
        self.rows().find_map(|row| {
            let rest = match row.place {
                Place::At(place) => below?.strip_prefix(place).filter(|rest| rest.is_empty()),
                Place::Beginning(place) => below?.strip_prefix(place),
                Place::Tree(place) => {
                    below?.strip_prefix(place).filter(|rest| rest.is_empty() || rest.starts_with('/'))
                }
                Place::WellKnown(place) => path.strip_prefix(place).filter(|rest| rest.is_empty()),
                Place::WellKnownOfIssuer(place) => path
                    .strip_prefix(place)
                    .filter(|rest| rest.is_empty() || self.issuer_path.is_some_and(|issuer| issuer == *rest)),
            }?;
            Some((row, rest))
        })
    }

    /// The pattern of the endpoint that takes `path` and every path below it, as in `/api*`; `None` if there is no such endpoint.
    #[must_use]
    pub fn takes_all_below(&self, path: &str) -> Option<String> {
        let (row, rest) = self.find(path)?;
        let is_open_ended = matches!(row.place, Place::Beginning(_) | Place::Tree(_));
        path.strip_suffix(rest).filter(|_| is_open_ended).map(|beginning| format!("{beginning}*"))
    }

    fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Exchange => self.issuer_path.is_some(),
            Needs::Fireproof => self.has_fireproof,
            Needs::ForwardAuth => self.has_forward_auth,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Enabled<'_> =
        Enabled { prefix: "/_a", issuer_path: Some("/tenant"), has_fireproof: true, has_forward_auth: true };

    fn at(enabled: &Enabled<'_>, path: &str) -> Option<Endpoint> {
        enabled.find(path).map(|(row, _)| row.endpoint)
    }

    #[test]
    fn a_path_leads_to_the_endpoint_that_the_table_names() {
        for (path, endpoint) in [
            ("/_a/verify", Some(Endpoint::Verify)),
            ("/_a/verify/", None),
            ("/_a/verifyx", None),
            ("/verify", None),
            ("/_a", None),
            ("/_a/api", Some(Endpoint::FireproofApi)),
            ("/_a/apiary/7", Some(Endpoint::FireproofApi)),
            ("/_a/ext-authz", Some(Endpoint::ExtAuthz)),
            ("/_a/ext-authz/x/y", Some(Endpoint::ExtAuthz)),
            ("/_a/ext-authzx", None),
            ("/.well-known/jwks.json", Some(Endpoint::KeySet)),
            ("/_a/.well-known/jwks.json", None),
            ("/.well-known/jwks.json/", None),
            ("/.well-known/oauth-authorization-server", Some(Endpoint::ServerMetadata)),
            ("/.well-known/oauth-authorization-server/tenant", Some(Endpoint::ServerMetadata)),
            ("/.well-known/oauth-authorization-server/other", None),
        ] {
            assert_eq!(at(&ALL, path), endpoint, "{path}");
        }
        assert_eq!(ALL.find("/_a/ext-authz/x").map(|(_, rest)| rest), Some("/x"));
    }

    #[test]
    fn an_endpoint_exists_only_if_it_is_configured() {
        let bare = Enabled::default();
        for row in TABLE {
            let path = row.place.path();
            assert_eq!(at(&bare, path), (row.needs == Needs::Nothing).then_some(row.endpoint), "{path}");
        }
    }

    #[test]
    fn some_endpoints_take_all_paths_below_their_own() {
        for (path, all) in [
            ("/_a/api", Some("/_a/api*")),
            ("/_a/apiary/x", Some("/_a/api*")),
            ("/_a/ext-authz", Some("/_a/ext-authz*")),
            ("/_a/ext-authz/x", Some("/_a/ext-authz*")),
            ("/_a/ext-authzx", None),
            ("/_a/verify", None),
            ("/_a", None),
            ("", None),
        ] {
            assert_eq!(ALL.takes_all_below(path).as_deref(), all, "{path}");
        }
        assert_eq!(Enabled::default().takes_all_below("/api"), None);
    }
}
