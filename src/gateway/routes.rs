//! The routes and which of them takes a request: a named host before any host, then the more specific path, then the
//! method.
//!
//! The path is chosen before the method, so that a method which a route does not list is refused there, and never falls
//! through to a more general route.

use http::Method;

use super::headers::{IdentityHeader, value};
use super::host::Host;
use super::path::Path;
use super::requirement::{Requirement, Unmet};
use crate::rejection::Rejection;
use crate::verify::VerifiedToken;

/// What a path must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// Whether anything may follow, or nothing: a `*` at the end.
    is_open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// `*`: any one segment.
    Any,
}

/// Why a text is no pattern, or one that no path ever fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Such a path is refused before routes are looked at.
    #[error("{0}")]
    Path(#[from] super::path::PathError),
    /// Paths are brought to another form before routes are looked at.
    #[error("the path is not in the form that paths are compared in, which is \"{0}\"")]
    Form(String),
    /// A star beside other characters.
    #[error("`*` stands for a whole segment, or for all the rest at the end")]
    Star,
}

impl Pattern {
    /// Reads a pattern: a path in which `*` as a segment stands for any one segment, and at the end for all that follows,
    /// nothing included.
    ///
    /// # Errors
    /// [`PatternError`] when no path could ever fit.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let path = Path::normalise(text)?;
        if path.as_str() != text {
            return Err(PatternError::Form(path.as_str().to_owned()));
        }
        let mut segments = Vec::new();
        for segment in path.segments() {
            segments.push(match segment {
                "*" => Segment::Any,
                star if star.contains('*') => return Err(PatternError::Star),
                literal => Segment::Literal(literal.to_owned()),
            });
        }
        let is_open = !text.ends_with('/') && segments.last() == Some(&Segment::Any);
        if is_open {
            segments.pop();
        }
        Ok(Self { segments, is_open })
    }

    /// Whether `path` fits. A slash at its end makes no difference, as it makes none to most servers.
    #[must_use]
    pub fn fits(&self, path: &Path) -> bool {
        let mut given = path.segments();
        let begins_so = self.segments.iter().all(|wanted| match (wanted, given.next()) {
            (_, None) => false,
            (Segment::Any, Some(_)) => true,
            (Segment::Literal(wanted), Some(given)) => wanted == given,
        });
        begins_so && (self.is_open || given.next().is_none())
    }

    /// The longest path without a `*` that is, or is above, every path that fits; empty if there is none.
    #[must_use]
    pub fn stem(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            let Segment::Literal(literal) = segment else { break };
            text.push('/');
            text.push_str(literal);
        }
        text
    }

    /// The one path that fits, if it is only one (but for a slash at its end).
    #[must_use]
    pub fn only_path(&self) -> Option<String> {
        let mut text = String::new();
        for segment in &self.segments {
            let Segment::Literal(literal) = segment else { return None };
            text.push('/');
            text.push_str(literal);
        }
        (!self.is_open).then_some(text)
    }

    /// Numbers of which the lower are the more specific, segment by segment.
    fn ranks(&self) -> impl Iterator<Item = u8> {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Any => 1,
        });
        segments.chain([if self.is_open { 3 } else { 2 }])
    }
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Out, to this origin: scheme, host and port.
    Origin(String),
    /// To the service bound under this name.
    Service(String),
}

/// What an upstream gets in `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    Strip,
    /// What the client sent.
    Forward,
    /// A token of our own, for this audience.
    Exchange(String),
}

/// One route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The path, as it is configured; names the route in the log.
    pub name: String,
    /// Which paths it takes.
    pub pattern: Pattern,
    /// The host it is for; `None`: any.
    pub host: Option<Host>,
    /// The methods it takes; `None`: all.
    pub methods: Option<Vec<Method>>,
    /// Where it leads; `None` for routes that only forward-auth asks about.
    pub upstream: Option<Upstream>,
    /// What a token must prove.
    pub require: Requirement,
    /// Whether no token is needed.
    pub public: bool,
    /// What becomes of the token.
    pub credential: Credential,
    /// The identity headers, in lower case, and where their values come from.
    pub headers: Vec<IdentityHeader>,
    /// Whose scripts may call it.
    pub cors: Option<RouteCors>,
    /// Milliseconds that the upstream may take until its answer's headers are here, and a body's next step.
    pub timeout_ms: u32,
    /// Whether the zone's cache may answer in the upstream's place and keep what it answers.
    pub is_cacheable: bool,
}

/// Whose scripts may call a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteCors {
    /// Origins as a browser writes them, or `*`.
    pub origins: Vec<String>,
    /// Whether they may send cookies and the like along.
    pub credentials: bool,
}

impl Route {
    /// Whether it takes the method. Where GET is taken, HEAD is.
    #[must_use]
    pub fn takes(&self, method: &Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| {
            methods.contains(method) || (method == Method::HEAD && methods.contains(&Method::GET))
        })
    }

    /// Whether the bearer of `token` may pass: the token meets `require`, and each required header has a value.
    ///
    /// # Errors
    /// The first rule that the token does not meet.
    pub fn check(&self, token: &VerifiedToken) -> Result<(), Unmet> {
        self.require.check(token)?;
        let is_empty =
            |header: &&IdentityHeader| header.is_required && value(token.claims(), &header.claim).is_empty();
        match self.headers.iter().find(is_empty) {
            None => Ok(()),
            Some(header) => {
                let claim = header.claim.as_str().to_owned();
                Err(Unmet::Rejected(Rejection::ClaimMissing { claim }))
            }
        }
    }

    fn is_for(&self, host: &Host) -> bool {
        self.host.as_ref().is_none_or(|wanted| host.is_covered_by(wanted))
    }

    fn has_place_of(&self, other: &Self) -> bool {
        self.host == other.host && self.pattern == other.pattern
    }
}

/// What the routes say of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'t> {
    /// This one takes it.
    Route(&'t Route),
    /// None takes its path.
    Nothing,
    /// The path's routes take other methods: these.
    OtherMethods(String),
}

/// All routes, most specific first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table(Vec<Route>);

impl Table {
    /// Sorts the routes.
    #[must_use]
    pub fn new(mut routes: Vec<Route>) -> Self {
        // Stable: what is equal keeps the configuration's order.
        routes.sort_by(|a, b| {
            let by_host = a.host.is_none().cmp(&b.host.is_none());
            let by_path = by_host.then_with(|| a.pattern.ranks().cmp(b.pattern.ranks()));
            by_path.then_with(|| a.methods.is_none().cmp(&b.methods.is_none()))
        });
        Self(routes)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it depends on the host which route takes a request for `path`.
    #[must_use]
    pub fn depends_on_host(&self, path: &Path) -> bool {
        self.0.iter().any(|route| route.host.is_some() && route.pattern.fits(path))
    }

    /// The route that takes such a request.
    #[must_use]
    pub fn find(&self, host: &Host, path: &Path, method: &Method) -> Found<'_> {
        let mut fitting = self.0.iter().filter(|route| route.is_for(host) && route.pattern.fits(path));
        let Some(first) = fitting.next() else { return Found::Nothing };
        if first.takes(method) {
            return Found::Route(first);
        }
        let of_one_place = || self.0.iter().filter(|route| route.has_place_of(first));
        if let Some(route) = of_one_place().find(|route| route.takes(method)) {
            return Found::Route(route);
        }
        let methods = of_one_place().flat_map(|route| route.methods.iter().flatten());
        let mut names: Vec<&str> = Vec::new();
        for name in methods.map(Method::as_str) {
            let with_head = if name == "GET" { [name, "HEAD"] } else { [name, name] };
            for name in with_head {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Found::OtherMethods(names.join(", "))
    }
}

/// The route before `routes[index]` that leaves it nothing: of the same host and path, and with its methods.
#[must_use]
pub fn shadow_of(routes: &[Route], index: usize) -> Option<usize> {
    let route = routes.get(index)?;
    let before = || routes.iter().enumerate().take(index).filter(|(_, one)| one.has_place_of(route));
    // A route that lists methods comes before one that takes all, wherever it stands.
    let Some(methods) = &route.methods else {
        return before().find(|(_, one)| one.methods.is_none()).map(|(index, _)| index);
    };
    let taker = |method| before().find(|(_, one)| one.methods.is_some() && one.takes(method));
    let first = taker(methods.first()?)?;
    methods.iter().all(|method| taker(method).is_some()).then_some(first.0)
}
