//! HTTP requests of the command line, with a time limit and a size limit. Redirects are not followed, and every status is an answer.
//!
//! The native binary sends them with ureq. As WebAssembly it has no sockets: it writes the request into a file that the program
//! around it (`npm/cli/host.js`) provides, and reads the answer from it.

use edge_assay::ports::FetchError;

/// A request. `body` is text in the headers' `content-type`; without it nothing is sent.
pub(crate) struct Request<'r> {
    pub(crate) method: &'static str,
    pub(crate) url: &'r str,
    pub(crate) headers: Vec<(&'static str, &'r str)>,
    pub(crate) body: Option<String>,
    /// Milliseconds within which the whole answer must arrive.
    pub(crate) timeout_ms: u32,
    /// The largest body accepted, in bytes.
    pub(crate) max_bytes: usize,
}

/// An answer with any status.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The first header of this lower-case name, if its value is visible ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let is_visible = |value: &str| value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        is_visible(value).then(|| value.clone())
    }
}

/// What every request says about its sender.
const USER_AGENT: &str = concat!("edge-assay/", env!("CARGO_PKG_VERSION"));

// Why there is no answer, in words that do not depend on the HTTP library.
const NO_ADDRESS: &str = "the host name has no address";
const NOBODY_LISTENS: &str = "nothing listens at this address and port";
const ENDED_EARLY: &str = "it ended before the answer was complete";
const NOT_HTTP: &str = "the answer is not HTTP";

#[cfg(not(target_os = "wasi"))]
pub(crate) use with_ureq::send;

#[cfg(target_os = "wasi")]
pub(crate) use through_host::send;

#[cfg(not(target_os = "wasi"))]
mod with_ureq {
    use std::io::{self, ErrorKind, Read as _};
    use std::time::Duration;

    use super::{
        ENDED_EARLY, FetchError, NO_ADDRESS, NOBODY_LISTENS, NOT_HTTP, Request, Response, USER_AGENT,
    };

    /// Sends the request and reads the whole answer.
    pub(crate) fn send(request: &Request<'_>) -> Result<Response, FetchError> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(u64::from(request.timeout_ms))))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(USER_AGENT)
            .build()
            .into();
        let mut asked = ureq::http::Request::builder().method(request.method).uri(request.url);
        for (name, value) in &request.headers {
            asked = asked.header(*name, *value);
        }
        let answered = match request.body.clone() {
            Some(body) => asked.body(body).map_err(ureq::Error::from).and_then(|asked| agent.run(asked)),
            None => asked.body(()).map_err(ureq::Error::from).and_then(|asked| agent.run(asked)),
        };
        let failure = |error: ureq::Error| match error {
            ureq::Error::Timeout(_) => FetchError::Timeout(request.timeout_ms),
            other => FetchError::Unreachable(in_words(&other)),
        };
        let mut response = answered.map_err(failure)?;
        let mut body = Vec::new();
        let bound = u64::try_from(request.max_bytes).unwrap_or(u64::MAX).saturating_add(1);
        let read = response.body_mut().as_reader().take(bound).read_to_end(&mut body);
        read.map_err(|error| failure(ureq::Error::from(error)))?;
        if body.len() > request.max_bytes {
            return Err(FetchError::TooLarge(request.max_bytes));
        }
        let headers = response.headers().iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        Ok(Response { status: response.status().as_u16(), headers: headers.collect(), body })
    }

    fn in_words(error: &ureq::Error) -> String {
        match error {
            ureq::Error::HostNotFound => NO_ADDRESS.to_owned(),
            ureq::Error::Io(error) => of_io(error),
            ureq::Error::Protocol(_) => NOT_HTTP.to_owned(),
            other => other.to_string(),
        }
    }

    fn of_io(error: &io::Error) -> String {
        match error.kind() {
            ErrorKind::ConnectionRefused => NOBODY_LISTENS.to_owned(),
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => ENDED_EARLY.to_owned(),
            // The system's resolver reports an unknown name so.
            _ if error.to_string().starts_with("failed to lookup address") => NO_ADDRESS.to_owned(),
            _ => error.to_string(),
        }
    }
}

#[cfg(target_os = "wasi")]
mod through_host {
    use std::fs::OpenOptions;
    use std::io::{self, Read as _, Write as _};

    use edge_assay::jose::json as strict_json;
    use serde_json::{Value, json};

    use super::{
        ENDED_EARLY, FetchError, NO_ADDRESS, NOBODY_LISTENS, NOT_HTTP, Request, Response, USER_AGENT,
    };

    /// The name under which `npm/cli/host.js` takes requests. No file of the machine has it, because the host takes it first.
    const REQUESTS: &str = "/edge-assay:http";

    /// Sends the request and reads the whole answer.
    pub(crate) fn send(request: &Request<'_>) -> Result<Response, FetchError> {
        let answer = exchange(request).map_err(|error| FetchError::Unreachable(error.to_string()))?;
        read(&answer, request).unwrap_or_else(|| Err(FetchError::Unreachable(ENDED_EARLY.to_owned())))
    }

    /// Writes the request as one line of JSON. The answer is a line of JSON and, after it, the body.
    fn exchange(request: &Request<'_>) -> io::Result<Vec<u8>> {
        let mut file = OpenOptions::new().read(true).write(true).open(REQUESTS)?;
        let headers = [request.headers.as_slice(), &[("user-agent", USER_AGENT)]].concat();
        let asked = json!({
            "method": request.method,
            "url": request.url,
            "headers": headers,
            "body": request.body,
            "timeout": request.timeout_ms,
            "max": request.max_bytes,
        });
        file.write_all(asked.to_string().as_bytes())?;
        let mut answer = Vec::new();
        file.read_to_end(&mut answer)?;
        Ok(answer)
    }

    fn read(answer: &[u8], request: &Request<'_>) -> Option<Result<Response, FetchError>> {
        let end = answer.iter().position(|byte| *byte == b'\n')?;
        let (head, body) = answer.split_at_checked(end)?;
        let head = strict_json::parse_object(std::str::from_utf8(head).ok()?).ok()?;
        let text = |name: &str| head.get(name).and_then(Value::as_str);
        if let Some(error) = text("error") {
            return Some(Err(match error {
                "timeout" => FetchError::Timeout(request.timeout_ms),
                "too large" => FetchError::TooLarge(request.max_bytes),
                "no address" => FetchError::Unreachable(NO_ADDRESS.to_owned()),
                "refused" => FetchError::Unreachable(NOBODY_LISTENS.to_owned()),
                "not http" => FetchError::Unreachable(NOT_HTTP.to_owned()),
                "ended" => FetchError::Unreachable(ENDED_EARLY.to_owned()),
                other => FetchError::Unreachable(other.to_owned()),
            }));
        }
        // Names and values in turn.
        let headers: Vec<&str> = head.get("headers")?.as_array()?.iter().filter_map(Value::as_str).collect();
        let headers = headers.chunks_exact(2).filter_map(|pair| match pair {
            [name, value] => Some(((*name).to_owned(), (*value).to_owned())),
            _ => None,
        });
        Some(Ok(Response {
            status: u16::try_from(head.get("status")?.as_u64()?).ok()?,
            headers: headers.collect(),
            body: body.get(1..).unwrap_or_default().to_vec(),
        }))
    }
}
