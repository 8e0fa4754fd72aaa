//! Forward-auth: a reverse proxy asks whether a request may pass. Three dialects, each with its own way to tell of the
//! original request and its own names for an identity.
//!
//! What a proxy tells is believed only from a proxy that knows the shared secret, or where the configuration says that
//! nobody else can reach the endpoint.

use http::Method;

use super::headers::{self, IdentityHeader, OVERRIDING, folds_alike};
use super::path::{Path, PathFault};
use super::routes::is_host;
use crate::exchange::facts::Pointer;
use crate::jose::Claims;
use crate::ports::Secrets;
use crate::rejection::Fault;
use crate::trust::password::Password;

/// The header that brings the shared secret unless the configuration names another.
pub const SECRET_HEADER: &str = "x-forward-auth-secret";

/// Whose words are taken for the original request.
pub struct ForwardAuth {
    trust: Trust,
}

enum Trust {
    /// Whoever asks: nobody but the proxy can.
    Anybody,
    /// Who brings this secret in this header.
    Secret { binding: String, header: String, password: Result<Password, Fault> },
}

/// Shows nothing of the secret.
impl std::fmt::Debug for ForwardAuth {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let trust = match &self.trust {
            Trust::Anybody => "anybody",
            Trust::Secret { binding, .. } => binding,
        };
        formatter.debug_struct("ForwardAuth").field("trust", &trust).finish()
    }
}

/// Why a proxy's question gets no answer about a token. Always 403.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// The secret is absent or wrong.
    #[error("the proxy does not bring the shared secret in the header {0}")]
    Secret(String),
    /// The original request is not told of, or not readably.
    #[error("the proxy does not say the original {0}")]
    Missing(&'static str),
    /// The original path is refused.
    #[error("{0}")]
    Path(#[from] PathFault),
    /// The original path has empty segments. The gateway would take them out; a proxy sends them on.
    #[error("the path holds an empty segment")]
    EmptySegment,
    /// A header that servers might take for an identity, or for another request.
    #[error("the request holds a header that could be taken for {0}")]
    Spoofed(String),
}

impl Untold {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Secret(_) => "forward_auth_untrusted",
            Self::Missing(_) => "forward_auth_incomplete",
            Self::Path(_) | Self::EmptySegment => "path_refused",
            Self::Spoofed(_) => "header_refused",
        }
    }
}

impl ForwardAuth {
    /// Believes whoever asks.
    #[must_use]
    pub fn trusting() -> Self {
        Self { trust: Trust::Anybody }
    }

    /// Believes who brings the Worker secret bound as `binding` in the header `header`.
    #[must_use]
    pub fn with_secret(binding: String, header: String, secrets: &impl Secrets) -> Self {
        let password = Password::bound(&binding, secrets);
        Self { trust: Trust::Secret { binding, header, password } }
    }

    /// Whether the secret that the configuration names is bound and long enough.
    ///
    /// # Errors
    /// [`Fault::SecretMissing`].
    pub fn ready(&self) -> Result<(), Fault> {
        match &self.trust {
            Trust::Secret { password: Err(fault), .. } => Err(fault.clone()),
            _ => Ok(()),
        }
    }

    /// Whether what the request tells may be believed. `header` reads one of its headers.
    ///
    /// # Errors
    /// [`Untold::Secret`].
    pub fn believe(&self, header: impl Fn(&str) -> Option<String>) -> Result<(), Untold> {
        let Trust::Secret { header: name, password, .. } = &self.trust else { return Ok(()) };
        match (password, header(name)) {
            (Ok(password), Some(given)) if password.is(&given) => Ok(()),
            _ => Err(Untold::Secret(name.clone())),
        }
    }
}

/// How a proxy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Traefik's `forwardAuth` and Caddy's `forward_auth`, at `/forward-auth`.
    Forward,
    /// nginx's `auth_request`, at `/auth-request`.
    Nginx,
    /// Envoy's `ext_authz` over HTTP, at `/ext-authz`.
    Envoy,
}

/// A request as a proxy tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The method.
    pub method: Method,
    /// The host, with its port if it was given.
    pub host: String,
    /// The path in its one form.
    pub path: Path,
    /// What follows the question mark.
    pub query: Option<String>,
}

impl Dialect {
    /// The headers that tell the method, the target and the host.
    fn names(self) -> [&'static str; 3] {
        match self {
            Self::Forward | Self::Envoy => ["x-forwarded-method", "x-forwarded-uri", "x-forwarded-host"],
            Self::Nginx => ["x-original-method", "x-original-uri", "x-original-host"],
        }
    }

    /// The identity headers that the dialect's users expect.
    fn customary(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Forward => &[
                ("x-forwarded-user", "/sub"),
                ("x-forwarded-email", "/email"),
                ("x-forwarded-groups", "/groups"),
                ("remote-user", "/sub"),
                ("remote-email", "/email"),
                ("remote-groups", "/groups"),
                ("remote-name", "/name"),
            ],
            Self::Nginx | Self::Envoy => &[
                ("x-auth-request-user", "/sub"),
                ("x-auth-request-email", "/email"),
                ("x-auth-request-groups", "/groups"),
            ],
        }
    }

    /// The original request. `header` reads a header of the question; `asked` is the question's own method, host, path behind
    /// the prefix and query, which are the original's where Envoy asks.
    ///
    /// # Errors
    /// [`Untold`] when something is missing or could be read in two ways.
    pub fn original(
        self,
        header: impl Fn(&str) -> Option<String>,
        asked: (&Method, &str, &str, Option<&str>),
    ) -> Result<Original, Untold> {
        let [method_name, target_name, host_name] = self.names();
        let (asked_method, asked_host, asked_path, asked_query) = asked;
        let (method, target, host) = if self == Self::Envoy {
            let target =
                asked_query.map_or_else(|| asked_path.to_owned(), |query| format!("{asked_path}?{query}"));
            (asked_method.clone(), target, header(host_name).unwrap_or_else(|| asked_host.to_owned()))
        } else {
            let told = |name| header(name).ok_or(Untold::Missing(name));
            let method = told(method_name)?;
            (method.parse().map_err(|_| Untold::Missing(method_name))?, told(target_name)?, told(host_name)?)
        };
        if !is_host(&host) {
            return Err(Untold::Missing(host_name));
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target.as_str(), None),
        };
        let path = Path::normalise(path)?;
        if path.has_empty_segments() {
            return Err(Untold::EmptySegment);
        }
        Ok(Original { method, host, path, query })
    }

    /// Whether a header of the question could be taken for an identity behind the proxy, or make another request of it. The
    /// proxy puts our value in the place of the identities spelt as we spell them; it knows nothing of other spellings.
    ///
    /// # Errors
    /// [`Untold::Spoofed`] with the name that it could be taken for.
    pub fn check_spelling(self, header_names: &str, configured: &[&str]) -> Result<(), Untold> {
        for given in header_names.lines() {
            let customary = self.customary().iter().map(|(name, _)| *name);
            let taken_for = customary
                .chain(configured.iter().copied())
                .find(|name| *name != given && folds_alike(name.as_bytes(), given.as_bytes()));
            // The proxy's own words are among these names; it puts them in the place of a client's.
            let overriding = OVERRIDING.iter().copied().find(|name| {
                !self.names().contains(&given) && folds_alike(name.as_bytes(), given.as_bytes())
            });
            if let Some(name) = taken_for.or(overriding) {
                return Err(Untold::Spoofed(name.to_owned()));
            }
        }
        Ok(())
    }

    /// What the proxy hands on to the API: every customary header, every one that the route configures, and empty all that
    /// other routes do.
    #[must_use]
    pub fn identity(
        self,
        claims: Option<&Claims>,
        of_route: &[IdentityHeader],
        of_all_routes: &[&str],
    ) -> Vec<(String, String)> {
        let value =
            |pointer: &Pointer| claims.map(|claims| headers::value(claims, pointer)).unwrap_or_default();
        let mut set: Vec<(String, String)> =
            of_route.iter().map(|header| (header.name.clone(), value(&header.claim))).collect();
        let is_set = |set: &[(String, String)], name: &str| set.iter().any(|(known, _)| known == name);
        for (name, claim) in self.customary() {
            if !is_set(&set, name) {
                set.push(((*name).to_owned(), Pointer::parse(claim).as_ref().map(value).unwrap_or_default()));
            }
        }
        for name in of_all_routes {
            if !is_set(&set, name) {
                set.push(((*name).to_owned(), String::new()));
            }
        }
        set
    }
}
