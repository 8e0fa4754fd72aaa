//! A decision to forward, as data. The platform sends the request and passes the answer on without asking again; so no future waits for
//! an upstream. Only if there is no answer, the application is asked once more, with the text that it has left for this case.

use http::StatusCode;

use super::problem::ProblemDetails;
use super::{Response, log};
use crate::gateway::routes::Route;
use crate::ports::{Amendment, Log, UpstreamError, UpstreamRequest};
use crate::response::{HeaderName, HeaderValue};
use crate::verify::Observed;

/// An upstream request that may be sent, and what is left to do if there is no answer.
#[derive(Debug)]
pub struct Forwarding {
    /// The upstream request.
    pub request: UpstreamRequest,
    /// Whether the incoming request has a body, which is forwarded.
    pub has_body: bool,
    /// What is left to do if there is no answer.
    pub unanswered: Unanswered,
}

/// What the log and the client learn if an upstream does not answer. It holds no reference to the configuration, which may have changed by then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// The name of the route.
    route: String,
    /// The service binding of the upstream, or its origin.
    upstream: String,
    /// The `iss` of the token and the first bytes of its hash, as they may be logged. Empty if there is no token, or no body that could end early.
    sender: [String; 2],
    /// Whether the response has no body.
    is_head: bool,
    /// The headers for the origin of the request: names and values.
    headers: Vec<(String, String)>,
}

impl Forwarding {
    /// The decision to send `request` for a request to `route`, which has a body if `has_body`. `amendment` lets the origin of the request read the
    /// response, if the route has `cors`.
    #[must_use]
    pub fn new(
        request: UpstreamRequest,
        (route, observed): (&Route, &Observed),
        (is_head, has_body): (bool, bool),
        amendment: Option<&Amendment>,
    ) -> Self {
        let origin = || {
            let end = request.url.match_indices('/').nth(2).map_or(request.url.len(), |(end, _)| end);
            request.url.get(..end).unwrap_or_default().to_owned()
        };
        let known = |read: fn(&Observed) -> Option<String>| {
            if has_body { read(observed).unwrap_or_default() } else { String::new() }
        };
        let set = amendment.iter().flat_map(|one| &one.set).map(|(name, value)| (*name, value.as_str()));
        let append = amendment.iter().flat_map(|one| one.append.iter().copied());
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let unanswered = Unanswered {
            route: route.name.clone(),
            upstream: request.service.clone().unwrap_or_else(origin),
            sender: [known(Observed::issuer), known(Observed::token_hash)],
            is_head,
            headers: set.chain(append).map(owned).collect(),
        };
        Self { request, has_body, unanswered }
    }

    /// The decision as one text, which costs one call to pass: its parts, with [`BETWEEN`] between them. `src/platform/upstream.js` reads it.
    /// The first part is `number`, with which the verdict on the token is noted.
    #[must_use]
    pub fn text(&self, number: Option<u32>) -> String {
        let UpstreamRequest { url, service, remove, set, timeout_ms, is_cacheable, amend } = &self.request;
        let mut text = String::with_capacity(1024);
        let mut part = |write: &dyn Fn(&mut String)| {
            write(&mut text);
            text.push(BETWEEN);
        };
        part(&|text| text.push_str(&number.map(|number| number.to_string()).unwrap_or_default()));
        part(&|text| text.push_str(url));
        part(&|text| text.push_str(service.as_deref().unwrap_or_default()));
        part(&|text| text.push_str(&timeout_ms.to_string()));
        part(&|text| {
            for (letter, is_so) in [('b', self.has_body), ('c', *is_cacheable), ('a', amend.is_some())] {
                if is_so {
                    text.push(letter);
                }
            }
        });
        part(&|text| text.push_str(&remove.join("\n")));
        part(&|text| in_turn(text, set.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
        part(&|text| text.push_str(&amend.as_ref().map(|one| one.remove.join("\n")).unwrap_or_default()));
        part(&|text| {
            let set = amend.iter().flat_map(|one| &one.set);
            in_turn(text, set.map(|(name, value)| (*name, value.as_str())));
        });
        part(&|text| in_turn(text, amend.iter().flat_map(|one| one.append.iter().copied())));
        self.unanswered.write(&mut text);
        text
    }
}

/// What separates the parts of [`Forwarding::text`]. No URL, no header and no name of a route or a binding contains it.
pub const BETWEEN: char = '\0';

/// Writes names and values in turn, each followed by a line break. Neither contains a line break.
fn in_turn<'p>(text: &mut String, pairs: impl Iterator<Item = (&'p str, &'p str)>) {
    for part in pairs.flat_map(|(name, value)| [name, value]) {
        text.push_str(part);
        text.push('\n');
    }
}

impl Unanswered {
    /// Logs that the upstream has not answered because of `error`, and returns the response. `ray` is Cloudflare's id of the request.
    #[must_use]
    pub fn response(&self, log: &impl Log, error: &UpstreamError, ray: Option<&str>) -> Response {
        let mut response = if let Some((code, response)) = body_incomplete(error) {
            log::body_incomplete(log, (code, &error.to_string()), &self.sender, &self.route, ray);
            response
        } else {
            log::upstream_failed(log, &self.route, &self.upstream, error, ray);
            upstream_failed(error)
        };
        for (name, value) in &self.headers {
            if let (Some(name), Some(value)) = (HeaderName::read(name), HeaderValue::read(value)) {
                response.headers_mut().append(name, value);
            }
        }
        if self.is_head {
            response.body_mut().clear();
        }
        response
    }

    /// The service binding of the upstream, or its origin.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// Writes it as lines, which [`Self::read`] reads.
    pub fn write(&self, text: &mut String) {
        let [issuer, token_hash] = &self.sender;
        let method = if self.is_head { "HEAD" } else { "" };
        for line in [&self.route, &self.upstream, issuer, token_hash, method] {
            text.push_str(line);
            text.push('\n');
        }
        in_turn(text, self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    }

    /// Reads what [`Self::write`] has written.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut lines = text.split('\n').map(str::to_owned);
        let mut next = || lines.next().unwrap_or_default();
        let (route, upstream, sender, is_head) = (next(), next(), [next(), next()], next() == "HEAD");
        let mut headers = Vec::new();
        while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
            headers.push((name, value));
        }
        Self { route, upstream, sender, is_head, headers }
    }
}

/// The code and the answer if the client has not sent its whole body.
fn body_incomplete(error: &UpstreamError) -> Option<(&'static str, Response)> {
    const CODE: &str = "body_incomplete";
    let status = match error {
        UpstreamError::BodyStalled(_) => StatusCode::REQUEST_TIMEOUT,
        UpstreamError::BodyBroken => StatusCode::BAD_REQUEST,
        _ => return None,
    };
    let detail = error.to_string();
    let problem = ProblemDetails::new(status, CODE, "The request's body is incomplete", &detail);
    Some((CODE, problem.into_response()))
}

/// The answer does not name the upstream.
fn upstream_failed(error: &UpstreamError) -> Response {
    let (status, detail) = match error {
        UpstreamError::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "the API did not answer in time"),
        UpstreamError::Unsendable(_) => {
            (StatusCode::BAD_GATEWAY, "the request cannot be forwarded to the API")
        }
        _ => (StatusCode::BAD_GATEWAY, "the API cannot be reached"),
    };
    ProblemDetails::new(status, "upstream_unavailable", "The API is unavailable", detail).into_response()
}
