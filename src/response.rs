//! The Worker's own responses.
//!
//! `http::HeaderMap` is made for any number of headers from the network: it hashes their names, and has a table of all registered ones. A response of
//! ours has about five, and nearly all names are written here. So a list is enough, and smaller.

use std::borrow::Cow;

use http::StatusCode;

/// A response with its whole body in memory.
#[derive(Clone, Debug)]
pub struct Response {
    status: StatusCode,
    headers: Headers,
    body: Vec<u8>,
}

impl Response {
    /// The response 200 with this body and no headers.
    #[must_use]
    pub fn new(body: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, headers: Headers::default(), body }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The status, to change it.
    pub fn status_mut(&mut self) -> &mut StatusCode {
        &mut self.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, to change them.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Vec<u8> {
        &self.body
    }

    /// The body, to change it.
    pub fn body_mut(&mut self) -> &mut Vec<u8> {
        &mut self.body
    }

    /// The body.
    #[must_use]
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// The headers of a response, in the order in which their names were first set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// Sets `name` to `value`, in place of all values that it has.
    pub fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        // All entries before the first one of this name stay, so its place does.
        let place = self.0.iter().position(|(known, _)| *known == name).unwrap_or(self.0.len());
        self.0.retain(|(known, _)| *known != name);
        self.0.insert(place, (name, value));
    }

    /// Adds `value` to those that `name` has.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.push((name, value));
    }

    /// The first value of the header with this name in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value.as_str())
    }

    /// All values of the header with this name in lower case.
    pub fn get_all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.0.iter().filter(move |(known, _)| known.as_str() == name).map(|(_, value)| value.as_str())
    }

    /// All names and values. A name that has several values comes once with each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The names, each once.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let first = |name: &str| self.0.iter().position(|(known, _)| known.as_str() == name);
        self.0
            .iter()
            .enumerate()
            .filter(move |(position, (name, _))| first(name.as_str()) == Some(*position))
            .map(|(_, (name, _))| name.as_str())
    }
}

/// A header's name in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(Cow<'static, str>);

impl HeaderName {
    /// The name `name`, which is one and has no capitals.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name `name` in lower case; `None` if it has a character that no name has (RFC 9110 §5.1).
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        (!name.is_empty() && name.bytes().all(is_name)).then(|| Self(Cow::Owned(name.to_ascii_lowercase())))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A header's value: ASCII without control characters, other than tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderValue(Cow<'static, str>);

impl HeaderValue {
    /// The value `value`, which is one.
    #[must_use]
    pub const fn from_static(value: &'static str) -> Self {
        Self(Cow::Borrowed(value))
    }

    /// The value `value`; `None` if it has a character that is not to be in a value.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let is_value = value.bytes().all(|byte| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic());
        is_value.then(|| Self(Cow::Owned(value.to_owned())))
    }

    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u64> for HeaderValue {
    fn from(number: u64) -> Self {
        Self(Cow::Owned(number.to_string()))
    }
}

/// The names of headers.
pub mod header {
    use super::HeaderName;

    macro_rules! names {
        ($($constant:ident $name:literal)*) => {$(
            #[doc = concat!("`", $name, "`.")]
            pub const $constant: HeaderName = HeaderName::from_static($name);
        )*};
    }

    names! {
        ACCESS_CONTROL_ALLOW_HEADERS "access-control-allow-headers"
        ACCESS_CONTROL_ALLOW_METHODS "access-control-allow-methods"
        ACCESS_CONTROL_ALLOW_ORIGIN "access-control-allow-origin"
        ACCESS_CONTROL_EXPOSE_HEADERS "access-control-expose-headers"
        ACCESS_CONTROL_MAX_AGE "access-control-max-age"
        ALLOW "allow"
        CACHE_CONTROL "cache-control"
        CONTENT_SECURITY_POLICY "content-security-policy"
        CONTENT_TYPE "content-type"
        ETAG "etag"
        PRAGMA "pragma"
        RETRY_AFTER "retry-after"
        VARY "vary"
        WWW_AUTHENTICATE "www-authenticate"
        X_CONTENT_TYPE_OPTIONS "x-content-type-options"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    #[test]
    fn a_name_that_is_set_again_keeps_its_place_and_only_the_new_value() {
        let mut headers = Headers::default();
        headers.append(header::VARY, value("Origin"));
        headers.insert(header::ALLOW, value("GET"));
        headers.append(header::VARY, value("Accept"));
        assert_eq!(headers.get_all("vary").collect::<Vec<_>>(), ["Origin", "Accept"]);
        assert_eq!(headers.names().collect::<Vec<_>>(), ["vary", "allow"]);
        headers.insert(header::VARY, value("Cookie"));
        assert_eq!(headers.get_all("vary").collect::<Vec<_>>(), ["Cookie"]);
        assert_eq!(headers.names().collect::<Vec<_>>(), ["vary", "allow"]);
        assert_eq!((headers.get("allow"), headers.get("etag")), (Some("GET"), None));
    }

    #[test]
    fn a_name_or_a_value_that_would_end_the_header_is_none() {
        assert_eq!(HeaderName::read("X-User").unwrap().as_str(), "x-user");
        for name in ["", "a b", "a:", "a\r", "a\n", "a\0", "é"] {
            assert!(HeaderName::read(name).is_none(), "{name:?}");
        }
        assert_eq!(HeaderValue::read("a b\t~").unwrap().as_str(), "a b\t~");
        for text in ["a\r\nb", "a\n", "a\0", "\u{7f}", "é"] {
            assert!(HeaderValue::read(text).is_none(), "{text:?}");
        }
    }
}
