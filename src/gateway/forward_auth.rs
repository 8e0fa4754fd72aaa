//! Forward-auth: a reverse proxy asks whether a request may pass. There are four dialects, each with its own headers for the
//! original request and its own identity headers.
//!
//! A question is trusted only if it has the shared secret, or if the configuration says that only the proxy can reach the
//! endpoint.

use http::Method;

use super::headers::{self, IdentityHeader, Meaning, Untrusted, folds_alike, is_disguised};
use super::host::Host;
use super::path::{Path, PathError};
use percent_encoding::percent_decode_str;

use crate::claims::facts::Pointer;
use crate::jose::Claims;
use crate::ports::Secrets;
use crate::rejection::Fault;
use crate::secrets::password::Password;

/// The header with the shared secret, unless the configuration names another.
pub const SECRET_HEADER: &str = "x-forward-auth-secret";

/// The header in which Envoy sends the original path and query. The URL of the question is not enough: the runtime has removed dot
/// segments from it, together with the prefix in front of them.
pub const PATH_HEADER: &str = "x-forward-auth-path";

/// The header in which ingress-nginx sends the original URL: `$scheme://$http_host$request_uri`.
const URL_HEADER: &str = "x-original-url";

/// The header in which nginx sends the original host. ingress-nginx sends it if its configuration says so.
const HOST_HEADER: &str = "x-original-host";

/// Which questions are trusted.
pub struct ForwardAuth {
    trust: Trust,
}

enum Trust {
    /// All: only the proxy can reach the endpoint.
    Anybody,
    /// Those with this secret in this header.
    Secret { binding: String, header: String, password: Result<Password, Fault> },
}

/// Does not show the secret.
impl std::fmt::Debug for ForwardAuth {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let trust = match &self.trust {
            Trust::Anybody => "anybody",
            Trust::Secret { binding, .. } => binding,
        };
        formatter.debug_struct("ForwardAuth").field("trust", &trust).finish()
    }
}

/// Why a proxy's question is refused before a token is verified. Always 403.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The secret is absent or wrong. The text does not name the header, because unauthenticated callers get this answer.
    #[error("the question does not have the shared secret")]
    Secret,
    /// A header that describes the original request is absent, repeated or not readable.
    #[error(
        "the question needs exactly one readable header `{header}` with the original {what}; the proxy must set it"
    )]
    Missing {
        /// The header.
        header: &'static str,
        /// The part of the original request that it holds.
        what: &'static str,
    },
    /// An answer to the original method could show the identity headers and our own token to the client.
    #[error("the original method is {0}, which forward-auth always refuses")]
    Method(Method),
    /// The original path is refused.
    #[error("{0}")]
    Path(#[from] PathError),
    /// The original path has empty segments. The gateway would remove them, but a proxy forwards them.
    #[error("the path holds an empty segment")]
    EmptySegment,
    /// The URL and [`PATH_HEADER`] differ.
    #[error("the path and query of the URL differ from those of the header {PATH_HEADER}")]
    Disagreement,
    /// The original host is not a host, or differs from the URL's host.
    #[error(
        "the original host is not a host name or an address with an optional port, or another header or the URL has a different one"
    )]
    Host,
    /// A header from which servers might read an identity or another request. Holds its name as it was sent.
    #[error(
        "the request has the header `{0}`, from which an API could read an identity or another request; \
         if a load balancer or proxy adds it, your proxy must remove it before its question"
    )]
    Spoofed(String),
    /// A header whose name is not a token, or another spelling of a name that servers act on. Holds its name as it was sent.
    #[error("the request has the header `{0}`, whose name servers read in different ways")]
    Disguised(String),
    /// The header of ingress-nginx for the original URL does not hold one.
    #[error("the header {URL_HEADER} is not an http or https URL with a path")]
    Url,
    /// The question has both the header of nginx and that of ingress-nginx.
    #[error(
        "the question has both x-original-uri and {URL_HEADER}: nginx must send only the first; ingress-nginx must send only the \
         second, so remove the annotation auth-method"
    )]
    TwoForms,
    /// The route depends on the host, and ingress-nginx does not send the host that it uses.
    #[error(
        "a route for this path names a host, and the header {HOST_HEADER} is missing: add `X-Original-Host: $host` to the \
         ConfigMap that the annotation auth-proxy-set-headers names"
    )]
    HostUnknown,
    /// An upgrade to another protocol than WebSocket. Further requests in it would not be checked.
    #[error("the request asks for an upgrade to another protocol than websocket")]
    Upgrade,
}

impl QuestionError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Secret => "forward_auth_untrusted",
            Self::Missing { .. } | Self::Url | Self::HostUnknown => "forward_auth_incomplete",
            Self::Method(_) => "method_refused",
            Self::Path(_) | Self::EmptySegment | Self::Disagreement => "path_refused",
            Self::Host => "host_refused",
            Self::Spoofed(_) | Self::Disguised(_) | Self::TwoForms => "header_refused",
            Self::Upgrade => "upgrade_refused",
        }
    }
}

impl ForwardAuth {
    /// Trusts every question.
    #[must_use]
    pub fn trusting() -> Self {
        Self { trust: Trust::Anybody }
    }

    /// Trusts questions with the Worker secret `binding` in the header `header`.
    #[must_use]
    pub fn with_secret(binding: String, header: String, secrets: &impl Secrets) -> Self {
        let password = Password::bound(&binding, secrets);
        Self { trust: Trust::Secret { binding, header, password } }
    }

    /// The name of the Worker secret, if there is one.
    #[must_use]
    pub fn binding(&self) -> Option<&str> {
        match &self.trust {
            Trust::Anybody => None,
            Trust::Secret { binding, .. } => Some(binding),
        }
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

    /// The header with the secret; `None` if no secret is needed.
    #[must_use]
    pub fn secret_header(&self) -> Option<&str> {
        match &self.trust {
            Trust::Anybody => None,
            Trust::Secret { header, .. } => Some(header),
        }
    }

    /// Whether the question is trusted. `header` reads one of its headers.
    ///
    /// # Errors
    /// [`QuestionError::Secret`].
    pub fn check_secret(&self, header: impl Fn(&str) -> Option<String>) -> Result<(), QuestionError> {
        let Trust::Secret { header: name, password, .. } = &self.trust else { return Ok(()) };
        match (password, header(name)) {
            (Ok(password), Some(given)) if password.matches(&given) => Ok(()),
            _ => Err(QuestionError::Secret),
        }
    }
}

/// How a proxy describes the original request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Traefik's `forwardAuth` and Caddy's `forward_auth`, at `/forward-auth`.
    Forward,
    /// nginx's `auth_request`, at `/auth-request`.
    Nginx,
    /// The Kubernetes controller ingress-nginx, at `/auth-request`.
    IngressNginx,
    /// Envoy's `ext_authz` over HTTP, at `/ext-authz`.
    Envoy,
}

/// The original request, as the proxy describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The method.
    pub method: Method,
    /// The host, with its port if there is one.
    pub host: Host,
    /// The path in its normal form.
    pub path: Path,
    /// The query, without its question mark.
    pub query: Option<String>,
}

impl Original {
    /// Whether the URL of the question has the same host, path and query.
    fn check_url(&self, host: &str, path: &str, query: Option<&str>) -> Result<(), QuestionError> {
        if !Host::parse(host).is_some_and(|host| host.has_name_of(&self.host)) {
            return Err(QuestionError::Host);
        }
        let is_same_path = Path::normalise(path).is_ok_and(|path| path == self.path);
        let is_same_query = match (query, self.query.as_deref()) {
            // The runtime has encoded some characters, and has removed a question mark without a query.
            (Some(ours), Some(sent)) => percent_decode_str(ours).eq(percent_decode_str(sent)),
            (ours, sent) => ours.or(sent).is_none_or(str::is_empty),
        };
        if is_same_path && is_same_query { Ok(()) } else { Err(QuestionError::Disagreement) }
    }
}

impl Dialect {
    /// The dialect of a question. nginx and ingress-nginx ask at one endpoint. Each overwrites its own header for the original URL
    /// on every request, so no client can choose the dialect: if it adds the other header, the question has both.
    ///
    /// # Errors
    /// [`QuestionError::TwoForms`].
    pub fn of_question(self, header: impl Fn(&str) -> Option<String>) -> Result<Self, QuestionError> {
        if self != Self::Nginx || header(URL_HEADER).is_none() {
            return Ok(self);
        }
        if header("x-original-uri").is_some() { Err(QuestionError::TwoForms) } else { Ok(Self::IngressNginx) }
    }

    /// Whether the question does not say which host the proxy uses. ingress-nginx sends the `Host` header of the client. For a
    /// request whose first line holds a whole URL, nginx uses the host of that URL (RFC 9112 §3.2.2), which may differ.
    #[must_use]
    pub fn leaves_host_open(self, header: impl Fn(&str) -> Option<String>) -> bool {
        self == Self::IngressNginx && header(HOST_HEADER).is_none()
    }

    /// The scheme of the original request; `None` if the proxy does not say it clearly. A browser's pages are `https`, so that is what holds without
    /// the header. Its value decides only whether a page's origin is that of the request, and no page can set it.
    #[must_use]
    pub fn scheme(self, header: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
        let said = match self {
            Self::IngressNginx => {
                header(URL_HEADER).and_then(|url| Some(url.split_once("://")?.0.to_owned()))
            }
            Self::Forward | Self::Nginx | Self::Envoy => header("x-forwarded-proto"),
        };
        match said.as_deref() {
            None | Some("https" | "wss") => Some("https"),
            Some("http" | "ws") => Some("http"),
            Some(_) => None,
        }
    }

    /// The headers that describe the original request. Each proxy of the dialect always overwrites the client's, so only these are
    /// read.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Forward => &["x-forwarded-method", "x-forwarded-uri", "x-forwarded-host"],
            Self::Nginx => &["x-original-method", "x-original-uri", HOST_HEADER],
            Self::IngressNginx => &["x-original-method", URL_HEADER, HOST_HEADER],
            Self::Envoy => &[PATH_HEADER],
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
            Self::Nginx | Self::IngressNginx | Self::Envoy => &[
                ("x-auth-request-user", "/sub"),
                ("x-auth-request-email", "/email"),
                ("x-auth-request-groups", "/groups"),
            ],
        }
    }

    /// Whether `name`, in lower case, is a header that a dialect reads or sets.
    #[must_use]
    pub fn is_name_of_any(name: &str) -> bool {
        [Self::Forward, Self::Nginx, Self::Envoy].iter().any(|dialect| {
            dialect.names().contains(&name) || dialect.customary().iter().any(|(known, _)| *known == name)
        })
    }

    /// The original request. `header` reads a header of the question; `asked` is the question's own method, host, path after
    /// the prefix, and query, which Envoy copies from the original request.
    ///
    /// # Errors
    /// [`QuestionError`] if something is missing or can be read in two ways.
    pub fn original(
        self,
        header: impl Fn(&str) -> Option<String>,
        asked: (&Method, &str, &str, Option<&str>),
    ) -> Result<Original, QuestionError> {
        let sent =
            |name: &'static str, what| header(name).ok_or(QuestionError::Missing { header: name, what });
        let sent_method = |name: &'static str| -> Result<Method, QuestionError> {
            let missing = |_| QuestionError::Missing { header: name, what: "method" };
            sent(name, "method")?.parse().map_err(missing)
        };
        let (method, target, host) = match (self, self.names()) {
            (Self::Forward | Self::Nginx, [method, target, host]) => {
                (sent_method(method)?, sent(target, "path and query")?, sent(host, "host")?)
            }
            (Self::IngressNginx, [method, ..]) => {
                let method = sent_method(method)?;
                let url = sent(URL_HEADER, "URL")?;
                let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
                let (host, path) = rest.and_then(|rest| rest.split_once('/')).ok_or(QuestionError::Url)?;
                (method, format!("/{path}"), host.to_owned())
            }
            _ => (asked.0.clone(), sent(PATH_HEADER, "path and query")?, sent("host", "host")?),
        };
        // An answer to TRACE or TRACK repeats the request that the API got (RFC 9110 §9.3.8). CONNECT opens a tunnel for requests
        // that are not checked.
        if ["TRACE", "TRACK", "CONNECT"].iter().any(|name| method.as_str().eq_ignore_ascii_case(name)) {
            return Err(QuestionError::Method(method));
        }
        let host = Host::parse(&host).ok_or(QuestionError::Host)?;
        if let (Self::IngressNginx, Some(chosen)) = (self, header(HOST_HEADER))
            && !Host::parse(&chosen).is_some_and(|chosen| chosen.has_name_of(&host))
        {
            return Err(QuestionError::Host);
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target.as_str(), None),
        };
        let path = Path::normalise(path)?;
        if path.has_empty_segments() {
            return Err(QuestionError::EmptySegment);
        }
        let original = Original { method, host, path, query };
        if self == Self::Envoy {
            original.check_url(asked.1, asked.2, asked.3)?;
        }
        Ok(original)
    }

    /// Whether the API may get the client's headers: none from which it could read an identity, in any spelling, none from which it
    /// could read another request, and no upgrade to another protocol than WebSocket. `secret_header` is the proxy's own.
    ///
    /// A proxy overwrites an identity header only if it spells the name as we do and has a value for it. So a request in which the
    /// client sends such a name is refused.
    ///
    /// # Errors
    /// [`QuestionError::Spoofed`], [`QuestionError::Disguised`] or [`QuestionError::Upgrade`].
    pub fn check_headers(
        self,
        header_names: &str,
        header: impl Fn(&str) -> Option<String>,
        untrusted: &Untrusted,
        secret_header: Option<&str>,
    ) -> Result<(), QuestionError> {
        for given in header_names.lines() {
            if self.names().contains(&given) || secret_header == Some(given) {
                continue;
            }
            // The URL to return to after a sign-in. ingress-nginx overwrites it too, and it is not an identity.
            if self == Self::IngressNginx && given == "x-auth-request-redirect" {
                continue;
            }
            match untrusted.meaning(given) {
                // Every proxy on the way sets these, also one between the asking proxy and the Worker.
                Some((Meaning::Origin, known)) if known == given => {}
                // A platform in front of the proxy overwrites these.
                Some((Meaning::Platform, prefix)) if given.starts_with(prefix) => {}
                Some(_) => return Err(QuestionError::Spoofed(given.to_owned())),
                None if is_disguised(given) || secret_header.is_some_and(|name| folds_alike(name, given)) => {
                    return Err(QuestionError::Disguised(given.to_owned()));
                }
                None if given == "upgrade"
                    && header(given).is_none_or(|value| !value.eq_ignore_ascii_case("websocket")) =>
                {
                    return Err(QuestionError::Upgrade);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The identity headers that the proxy passes to the API: the customary ones, those that the route configures, and, empty,
    /// those that only other routes configure.
    #[must_use]
    pub fn identity(
        self,
        claims: Option<&Claims>,
        of_route: &[IdentityHeader],
        untrusted: &Untrusted,
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
        for name in untrusted.configured() {
            if !is_set(&set, name) {
                set.push((name.to_owned(), String::new()));
            }
        }
        set
    }
}
