//! The routes, and which of them takes a request: a route with a host before one without, then the more specific path, then the
//! method.
//!
//! The path is chosen before the method. So a method that the chosen path's routes do not list is refused, and never falls through to
//! a more general route.
//!
//! A path with an encoded slash or a semicolon is accepted only by a route that allows it, and only if every reading of the path
//! ([`Path::readings`]) leads to the same host and path pattern. So an upstream that decodes the slash or cuts at the semicolon serves
//! no path that another route guards, and no path that no route takes.

use http::Method;

use super::headers::{IdentityHeader, value};
use super::host::Host;
use super::path::{Path, PathError, Specials, segments};
use super::requirement::{Requirement, RequirementError};
use crate::credentials::Places;
use crate::rejection::Rejection;
use crate::verify::VerifiedToken;

/// A route's path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// Whether it ends with a `*`: any number of segments may follow, none included.
    is_open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// `*`: any one segment.
    Any,
}

/// Why a text is not a pattern, or is a pattern that no path fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Such a path is refused before the routes are searched.
    #[error("{0}")]
    Path(#[from] PathError),
    /// Paths are brought to another form, which is given here, before the routes are searched.
    #[error("paths are compared in their normal form, which is \"{0}\"")]
    Form(String),
    /// An encoded slash or a semicolon.
    #[error("it holds an encoded slash or a semicolon, and only a `*` matches a segment with one")]
    Special,
    /// A star beside other characters.
    #[error("a `*` is a whole segment: any one segment, or at the end any number of segments")]
    Star,
}

impl Pattern {
    /// Reads a pattern: a path in which the segment `*` stands for any one segment, or, as the last one, for any number of segments,
    /// none included.
    ///
    /// # Errors
    /// [`PatternError`] if no path can fit it.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let path = Path::normalise(text)?;
        if path.as_str() != text {
            return Err(PatternError::Form(path.as_str().to_owned()));
        }
        if !path.specials().is_empty() {
            return Err(PatternError::Special);
        }
        let mut wanted = Vec::new();
        for segment in segments(text) {
            wanted.push(match segment {
                "*" => Segment::Any,
                star if star.contains('*') => return Err(PatternError::Star),
                literal => Segment::Literal(literal.to_owned()),
            });
        }
        let is_open = !text.ends_with('/') && wanted.last() == Some(&Segment::Any);
        if is_open {
            wanted.pop();
        }
        Ok(Self { segments: wanted, is_open })
    }

    /// Whether `path`, in its normal form, fits. A slash at its end makes no difference, as it makes none to most servers.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        let mut given = segments(path);
        let begins_so = self.segments.iter().all(|wanted| match (wanted, given.next()) {
            (_, None) => false,
            (Segment::Any, Some(_)) => true,
            (Segment::Literal(wanted), Some(given)) => wanted == given,
        });
        begins_so && (self.is_open || given.next().is_none())
    }

    /// Which characters a path can have that fits in every reading. A decoded slash begins a further segment, which only an open end
    /// takes. A semicolon can cut off all segments after its own, so its segment must be matched by the last `*`.
    #[must_use]
    pub fn possible_specials(&self) -> Specials {
        let semicolon = self.is_open || self.segments.last() == Some(&Segment::Any);
        Specials { encoded_slash: self.is_open, semicolon }
    }

    /// The longest path without a `*` that equals, or is above, every path that fits; empty if there is none.
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

    /// The path that fits, if only one does (a slash at its end aside).
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

    /// A number for each segment and one for the end. Lower numbers are more specific.
    fn ranks(&self) -> impl Iterator<Item = u8> {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Any => 1,
        });
        segments.chain([if self.is_open { 3 } else { 2 }])
    }
}

/// Where a route sends its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// An origin on the network: scheme, host and port.
    Origin(String),
    /// The service binding of this name.
    Service(String),
}

/// What an upstream gets in `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    Strip,
    /// The client's token.
    Forward,
    /// A token of our own, for this audience.
    #[cfg(feature = "exchange")]
    Exchange(String),
}

/// One route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The path, as it is configured. The log names the route by it.
    pub name: String,
    /// The paths that it takes.
    pub pattern: Pattern,
    /// Which of the [`Specials`] its paths may have.
    pub allow_in_path: Specials,
    /// The host that it is for; `None`: any.
    pub host: Option<Host>,
    /// The methods that it takes; `None`: all.
    pub methods: Option<Vec<Method>>,
    /// The upstream; `None` for a route that serves forward-auth only.
    pub upstream: Option<Upstream>,
    /// What a token must fulfil.
    pub require: Requirement,
    /// Whether no token is needed.
    pub public: bool,
    /// Where its tokens are read.
    pub credentials: Places,
    /// What the upstream gets in `Authorization`.
    pub credential: Credential,
    /// The identity headers, in lower case, and the claims that they hold.
    pub headers: Vec<IdentityHeader>,
    /// The origins whose scripts may call it; `None`: the upstream answers preflights itself.
    pub cors: Option<RouteCors>,
    /// Milliseconds that the upstream may take until the headers of its answer arrive, and for each step of a body.
    pub timeout_ms: u32,
    /// Whether the zone's cache may store the upstream's answers and serve them.
    pub is_cacheable: bool,
}

/// The origins whose scripts may call a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteCors {
    /// Origins as a browser writes them, or `*`.
    pub origins: Vec<String>,
    /// Whether their requests may include credentials, such as cookies.
    pub credentials: bool,
}

impl Route {
    /// Whether it takes the method. A route that takes GET takes HEAD.
    #[must_use]
    pub fn takes(&self, method: &Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| {
            methods.contains(method) || (method == Method::HEAD && methods.contains(&Method::GET))
        })
    }

    /// Whether a request with `token` is forwarded: the token meets `require`, and each required header has a value.
    ///
    /// # Errors
    /// The first rule that the token does not meet.
    pub fn check(&self, token: &VerifiedToken) -> Result<(), RequirementError> {
        self.require.check(token)?;
        let is_empty =
            |header: &&IdentityHeader| header.is_required && value(token.claims(), &header.claim).is_empty();
        match self.headers.iter().find(is_empty) {
            None => Ok(()),
            Some(header) => {
                let claim = header.claim.as_str().to_owned();
                Err(RequirementError::Rejected(Rejection::ClaimMissing { claim }))
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

/// The methods to use in place of one that no route takes, as `Allow` lists them.
pub const USUAL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Whether no route takes the method. An answer to TRACE repeats the request (RFC 9110 §9.3.8), so a client would see the identity
/// headers and our own token. CONNECT opens a tunnel for requests that are not checked.
#[must_use]
pub fn is_never_routed(method: &Method) -> bool {
    matches!(*method, Method::TRACE | Method::CONNECT)
}

/// The result of [`Table::find`].
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'t> {
    /// This route takes the request.
    Route(&'t Route),
    /// No route takes the path.
    Nothing,
    /// The routes of the path take other methods: these, as `Allow` lists them. Holds the first of the routes too.
    OtherMethods(String, &'t Route),
    /// The path has an encoded slash or a semicolon. Holds its route and the `allow_in_path` with which that would take it; `None` if no
    /// setting helps, because servers read the path as one of another route.
    Refused(PathError, Option<(&'t Route, Specials)>),
}

/// All routes, most specific first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table(Vec<Route>);

impl Table {
    /// Sorts the routes.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        let order = |a: &Route, b: &Route| {
            let by_host = a.host.is_none().cmp(&b.host.is_none());
            let by_path = by_host.then_with(|| a.pattern.ranks().cmp(b.pattern.ranks()));
            by_path.then_with(|| a.methods.is_none().cmp(&b.methods.is_none()))
        };
        // Each route is inserted after its equals, which therefore keep the configuration's order. A
        // general sort costs about 4 kB of wasm.
        let mut sorted: Vec<Route> = Vec::with_capacity(routes.len());
        for route in routes {
            let place = sorted.partition_point(|earlier| order(earlier, &route).is_le());
            sorted.insert(place, route);
        }
        Self(sorted)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// Whether the route that takes a request for `path` depends on the host.
    #[must_use]
    pub fn depends_on_host(&self, path: &Path) -> bool {
        let readings = path.readings();
        let fits = |route: &Route| readings.iter().any(|reading| route.pattern.fits(reading));
        self.0.iter().any(|route| route.host.is_some() && fits(route))
    }

    /// The most specific route for the host and the path, in its normal form.
    fn first(&self, host: &Host, path: &str) -> Option<&Route> {
        self.0.iter().find(|route| route.is_for(host) && route.pattern.fits(path))
    }

    /// The route that takes a request.
    #[must_use]
    pub fn find(&self, host: &Host, path: &Path, method: &Method) -> Found<'_> {
        let first = self.first(host, path.as_str());
        let specials = path.specials();
        if !specials.is_empty() {
            let is_same = |reading: &String| match (first, self.first(host, reading)) {
                (Some(first), Some(other)) => first.has_place_of(other),
                (first, other) => first.is_none() && other.is_none(),
            };
            if !path.readings().iter().all(is_same) {
                return Found::Refused(PathError::OtherRoute, None);
            }
        }
        let Some(first) = first else { return Found::Nothing };
        let of_one_place = || self.0.iter().filter(|route| route.has_place_of(first));
        let route =
            if first.takes(method) { Some(first) } else { of_one_place().find(|route| route.takes(method)) };
        let closest = route.unwrap_or(first);
        if let Some(error) = specials.not_in(closest.allow_in_path) {
            return Found::Refused(error, Some((closest, closest.allow_in_path.and(specials))));
        }
        if let Some(route) = route {
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
        Found::OtherMethods(names.join(", "), first)
    }
}

/// The route before `routes[index]` that takes all its requests: it has the same host and path, and takes the same methods.
#[must_use]
pub fn shadow_of(routes: &[Route], index: usize) -> Option<usize> {
    let route = routes.get(index)?;
    let before = || routes.iter().enumerate().take(index).filter(|(_, one)| one.has_place_of(route));
    // A route that lists methods comes before one that takes all, in any order of the configuration.
    let Some(methods) = &route.methods else {
        return before().find(|(_, one)| one.methods.is_none()).map(|(index, _)| index);
    };
    let taker = |method| before().find(|(_, one)| one.methods.is_some() && one.takes(method));
    let first = taker(methods.first()?)?;
    methods.iter().all(|method| taker(method).is_some()).then_some(first.0)
}
