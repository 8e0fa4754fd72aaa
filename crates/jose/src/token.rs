//! The parser for tokens: a JWT in the form of a compact JWS (RFC 7515 §3.1, RFC 7519). It verifies nothing.
//!
//! This module knows the form of a token and of its registered members. It does not know which issuers are trusted, what the
//! current time is, or whether a signature is valid. No claim may be used before `verify` has accepted the token.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::algorithm::Algorithm;
use super::base64url;
use super::hash::Message;
use super::json::JsonError;
use super::json_type;
use super::object::Object;
use crate::characters::excerpt;
use crate::limits;
use crate::malformed::{Malformed, Segment};
use crate::time::Timestamp;

/// Header members that change how the rest of the token must be read. They are refused before the rest is read, because its form
/// may be another one.
const UNSUPPORTED_PROCESSING: &[(&str, &str)] = &[
    ("crit", "no extension is implemented (RFC 7515, section 4.1.11)"),
    ("b64", "an unencoded payload is not allowed in a JWT (RFC 7797, section 7)"),
    ("zip", "compression is only defined for encrypted tokens (RFC 7516, section 4.1.3)"),
];

/// Header members in which a token contains its own key or the URL of a key. All of them are ignored, with any value: keys
/// only come from the sources in the configuration, and no URL in a token is fetched (RFC 7515 §4.1.2 makes `jku` optional). Some
/// providers put these members into valid tokens.
const IGNORED_KEYS: [&str; 4] = ["jwk", "jku", "x5u", "x5c"];

/// Why a text is not a token that this crate can read. The data is bounded and safe to show: it contains neither the token nor its
/// signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFormatError {
    /// It is longer than any accepted token.
    #[error("the token has {length} bytes; at most {limit} are accepted")]
    TooLarge {
        /// The token's length in bytes.
        length: usize,
        /// The largest length in bytes.
        limit: usize,
    },
    /// It is not a compact JWS with a JSON header and a JSON claims set (RFC 7515 §3.1, RFC 7519 §7.2).
    #[error("the token is malformed: {0}")]
    Malformed(Malformed),
    /// The header contains `crit`, `b64` or `zip`, which ask for unsupported processing.
    #[error("the header member `{member}` is not supported: {reason}")]
    HeaderUnsupported {
        /// The header member.
        member: &'static str,
        /// Why it is not supported.
        reason: &'static str,
    },
    /// `alg` is absent, `none`, or not implemented.
    #[error("the algorithm \"{algorithm}\" is not supported")]
    AlgorithmUnsupported {
        /// The token's `alg`, truncated.
        algorithm: String,
    },
}

/// A well-formed token whose signature has not been checked.
#[derive(Clone)]
pub struct UntrustedToken<'t> {
    content: Arc<Content>,
    message: Message<'t>,
}

/// What comes before the last dot.
fn signing_input(token: &str) -> &str {
    token.rsplit_once('.').map_or(token, |(input, _)| input)
}

/// The parsed segments of a token, without its text. They are as untrusted as the token.
#[derive(Clone, PartialEq)]
pub struct Content {
    header: Header,
    claims: Claims,
    signature: Vec<u8>,
}

impl Content {
    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// An upper bound on the bytes of memory that it takes.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let Header { alg, kid, typ, members } = &self.header;
        let texts = [alg, kid, typ].into_iter().flatten().map(String::len);
        let claims = &self.claims;
        let audience = claims.audience.iter().flatten();
        let audience = audience.map(|one| one.len().saturating_add(AUDIENCE_BYTES));
        let named = [&claims.issuer, &claims.subject, &claims.authorized_party];
        let named = named.into_iter().flatten().map(String::len);
        texts.chain(audience).chain(named).fold(
            size_of::<Self>()
                .saturating_add(members.footprint())
                .saturating_add(claims.members.footprint())
                .saturating_add(self.signature.len()),
            usize::saturating_add,
        )
    }
}

/// Bytes that one audience takes in addition to its octets: the `String` itself, twice, because the list's capacity may be twice
/// its length; and the allocator's overhead.
const AUDIENCE_BYTES: usize = 2 * size_of::<String>() + 16;

/// Shows no claim and no signature, so that it can be logged.
impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Content")
            .field("alg", &self.header.alg.as_deref().map(excerpt))
            .field("kid", &self.header.kid.as_deref().map(excerpt))
            .finish_non_exhaustive()
    }
}

impl<'t> UntrustedToken<'t> {
    /// Parses `token`.
    ///
    /// # Errors
    /// [`TokenFormatError::TooLarge`] if it exceeds [`limits::MAX_TOKEN_BYTES`], [`TokenFormatError::Malformed`] if it is
    /// not a compact JWS with a JSON header and a JSON claims set in canonical base64url, and [`TokenFormatError::HeaderUnsupported`]
    /// for `crit`, `b64` and `zip`. An absent or unknown `alg` is not an error here; see [`Header::algorithm`].
    pub fn parse(token: &'t str) -> Result<Self, TokenFormatError> {
        let limit = limits::MAX_TOKEN_BYTES;
        if token.len() > limit {
            return Err(TokenFormatError::TooLarge { length: token.len(), limit });
        }
        let mut segments = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(malformed(wrong_segments(token)));
        };
        let header = Header::from_json(text(header, Segment::Header)?)?;
        header.refuse_unsupported()?;
        let claims = Claims::from_json(text(payload, Segment::Payload)?)?;
        if signature.is_empty() && header.is_unsigned() {
            return Err(malformed(Malformed::Unsigned));
        }
        let signature = octets(signature, Segment::Signature)?;
        let content = Arc::new(Content { header, claims, signature });
        Ok(Self::reread(token, content))
    }

    /// A token whose text was already parsed to `content`.
    #[must_use]
    pub fn reread(token: &'t str, content: Arc<Content>) -> Self {
        Self { content, message: Message::new(signing_input(token).as_bytes()) }
    }

    /// The parsed segments. They are untrusted.
    #[must_use]
    pub fn content(&self) -> &Arc<Content> {
        &self.content
    }

    /// The header. It is untrusted.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.content.header
    }

    /// The claims. They are untrusted until the signature is checked.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.content.claims
    }

    /// The octets that the signature covers: the first two segments and the dot between them (RFC 7515 §5.2).
    #[must_use]
    pub fn signing_input(&self) -> &'t [u8] {
        self.message.octets()
    }

    /// The same octets, for [`VerifyingKey::verify_message`](crate::VerifyingKey::verify_message).
    #[must_use]
    pub fn message(&self) -> &Message<'t> {
        &self.message
    }

    /// The signature's octets. There is at least one.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.content.signature
    }
}

impl fmt::Debug for UntrustedToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("UntrustedToken").field(&self.content).finish()
    }
}

/// A JOSE header (RFC 7515 §4).
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// `alg`, exactly as written.
    pub alg: Option<String>,
    /// `kid`, exactly as written.
    pub kid: Option<String>,
    /// `typ`, exactly as written.
    pub typ: Option<String>,
    members: Object,
}

impl Header {
    fn from_json(text: String) -> Result<Self, TokenFormatError> {
        let members = object(text, Segment::Header)?;
        Ok(Self {
            alg: string(&members, "alg")?,
            kid: string(&members, "kid")?,
            typ: string(&members, "typ")?,
            members,
        })
    }

    fn refuse_unsupported(&self) -> Result<(), TokenFormatError> {
        match UNSUPPORTED_PROCESSING.iter().find(|(member, _)| self.members.contains(member)) {
            Some((member, reason)) => Err(TokenFormatError::HeaderUnsupported { member, reason }),
            None => Ok(()),
        }
    }

    /// Whether `alg` is `none`, in any case.
    fn is_unsigned(&self) -> bool {
        self.alg.as_deref().is_some_and(|alg| alg.eq_ignore_ascii_case("none"))
    }

    /// The members that contain a key or the URL of a key. All of them are ignored.
    pub fn ignored_keys(&self) -> impl Iterator<Item = &'static str> {
        IGNORED_KEYS.into_iter().filter(|member| self.members.contains(member))
    }

    /// The algorithm that `alg` names.
    ///
    /// # Errors
    /// [`TokenFormatError::AlgorithmUnsupported`] when `alg` is absent, `none`, or not implemented.
    pub fn algorithm(&self) -> Result<Algorithm, TokenFormatError> {
        let alg = self.alg.as_deref().unwrap_or_default();
        Algorithm::parse(alg)
            .ok_or_else(|| TokenFormatError::AlgorithmUnsupported { algorithm: excerpt(alg) })
    }

    /// All members, registered or not.
    #[must_use]
    pub fn members(&self) -> &Object {
        &self.members
    }
}

/// A JWT claims set (RFC 7519 §4) whose registered claims have the right types.
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// `iss`, exactly as written.
    pub issuer: Option<String>,
    /// `sub`, exactly as written.
    pub subject: Option<String>,
    /// `aud`; a single string is a list of one.
    pub audience: Option<Vec<String>>,
    /// `exp`, rounded down to whole seconds.
    pub expires_at: Option<Timestamp>,
    /// `nbf`, rounded down to whole seconds.
    pub not_before: Option<Timestamp>,
    /// `iat`, rounded down to whole seconds.
    pub issued_at: Option<Timestamp>,
    /// `azp` (OpenID Connect Core §2).
    pub authorized_party: Option<String>,
    /// Whether there is a `cnf` that is not null (RFC 7800). Then only the owner of a key may use the token.
    pub is_bound_to_a_key: bool,
    members: Object,
}

impl Claims {
    fn from_json(raw: String) -> Result<Self, TokenFormatError> {
        let members = object(raw, Segment::Payload)?;
        Ok(Self {
            issuer: string(&members, "iss")?,
            subject: string(&members, "sub")?,
            audience: audience(&members)?,
            // Null counts as absent. The claim rules then reject the token for a missing claim.
            expires_at: match members.raw("exp") {
                Some("null") => None,
                _ => numeric_date(&members, "exp")?,
            },
            not_before: numeric_date(&members, "nbf")?,
            issued_at: numeric_date(&members, "iat")?,
            authorized_party: string(&members, "azp")?,
            is_bound_to_a_key: members.raw("cnf").is_some_and(|value| value != "null"),
            members,
        })
    }

    /// The claim called `name`. A number that exceeds 64 bits has lost precision; [`Object::raw`] has all its digits.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        self.members.get(name)
    }

    /// All claims.
    #[must_use]
    pub fn members(&self) -> &Object {
        &self.members
    }

    /// The JSON text, exactly as signed.
    #[must_use]
    pub fn raw(&self) -> &str {
        self.members.text()
    }
}

/// Shows no value, so that it can be logged.
impl fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Claims").field("bytes", &self.raw().len()).finish_non_exhaustive()
    }
}

fn malformed(reason: Malformed) -> TokenFormatError {
    TokenFormatError::Malformed(reason)
}

fn bad_member(member: &'static str, problem: &'static str) -> TokenFormatError {
    malformed(Malformed::Member { member, problem })
}

fn wrong_type(member: &'static str, found: &Value, expected: &'static str) -> TokenFormatError {
    malformed(Malformed::MemberType { member, found: json_type::name(found), expected })
}

/// Why a text with other than three segments is malformed. A character that cannot occur in a credential (RFC 6750 §2.1) explains
/// more than the number of segments: `%2E` instead of dots, a sentence, an ellipsis where a tool has truncated the text.
fn wrong_segments(text: &str) -> Malformed {
    let count = text.split('.').count();
    let is_credential =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/' | '=');
    text.chars()
        .find(|c| !is_credential(*c))
        .map_or(Malformed::Segments(count), |character| Malformed::Character { segment: None, character })
}

fn octets(encoded: &str, segment: Segment) -> Result<Vec<u8>, TokenFormatError> {
    if encoded.is_empty() {
        return Err(malformed(Malformed::EmptySegment(segment)));
    }
    base64url::decode(encoded).ok_or_else(|| {
        let foreign = encoded.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
        malformed(foreign.map_or(Malformed::Base64(segment), |character| Malformed::Character {
            segment: Some(segment),
            character,
        }))
    })
}

fn text(encoded: &str, segment: Segment) -> Result<String, TokenFormatError> {
    String::from_utf8(octets(encoded, segment)?).map_err(|_| malformed(Malformed::Utf8(segment)))
}

fn object(text: String, segment: Segment) -> Result<Object, TokenFormatError> {
    Object::parse(text).map_err(|error| {
        malformed(match error {
            JsonError::Duplicate(member) => Malformed::DuplicateMember(segment, member),
            other => Malformed::Json(segment, other.to_string()),
        })
    })
}

fn string(members: &Object, member: &'static str) -> Result<Option<String>, TokenFormatError> {
    if let Some(text) = members.string(member) {
        return Ok(Some(text.into_owned()));
    }
    members.get(member).map_or(Ok(None), |other| Err(wrong_type(member, &other, "a string")))
}

/// `aud`: a string, or an array of strings (RFC 7519 §4.1.3).
fn audience(members: &Object) -> Result<Option<Vec<String>>, TokenFormatError> {
    if let Some(one) = members.string("aud") {
        return Ok(Some(vec![one.into_owned()]));
    }
    let Some(found) = members.get("aud") else { return Ok(None) };
    let Value::Array(many) = &found else {
        return Err(wrong_type("aud", &found, "a string or an array of strings"));
    };
    let strings: Option<Vec<String>> = many.iter().map(|one| one.as_str().map(str::to_owned)).collect();
    strings.map(Some).ok_or_else(|| bad_member("aud", "is an array with elements that are not strings"))
}

/// The whole seconds of a date that is not a 64-bit integer.
fn seconds_of(value: Value, member: &'static str) -> Result<i64, TokenFormatError> {
    let Value::Number(number) = value else { return Err(wrong_type(member, &value, "a number")) };
    // `as` saturates here, and the caller refuses a saturated value.
    #[allow(clippy::cast_possible_truncation)]
    let seconds = number.as_f64().map(|seconds| seconds.floor() as i64);
    seconds.ok_or_else(|| bad_member(member, "is not a number that can be represented"))
}

/// A `NumericDate` (RFC 7519 §2): seconds since the epoch, with or without a fraction, which is rounded down.
fn numeric_date(members: &Object, member: &'static str) -> Result<Option<Timestamp>, TokenFormatError> {
    let Some(raw) = members.raw(member) else { return Ok(None) };
    // Nearly every date is a short integer, which needs no JSON parser.
    let seconds = match raw.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => seconds_of(members.get(member).unwrap_or_default(), member)?,
    };
    match seconds {
        ..0 => Err(bad_member(member, "is negative")),
        0..=limits::LATEST_NUMERIC_DATE => Ok(Some(Timestamp::from_epoch_seconds(seconds))),
        _ => Err(bad_member(
            member,
            "is after the year 9999; it looks like milliseconds, but RFC 7519 requires seconds",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(header: &str, payload: &str) -> String {
        format!("{}.{}.c2ln", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()))
    }

    fn claims(payload: &str) -> Result<Claims, TokenFormatError> {
        UntrustedToken::parse(&compact(r#"{"alg":"RS256"}"#, payload)).map(|token| token.claims().clone())
    }

    fn header_refused(header: &str) -> TokenFormatError {
        UntrustedToken::parse(&compact(header, "{}")).unwrap_err()
    }

    #[test]
    fn a_text_longer_than_any_configured_limit_is_not_parsed() {
        let longest = limits::MAX_TOKEN_BYTES;
        for length in [longest - 1, longest, longest + 1, longest + 2] {
            let refused = UntrustedToken::parse(&"a".repeat(length)).unwrap_err();
            let is_too_large =
                matches!(refused, TokenFormatError::TooLarge { limit, .. } if limit == longest);
            assert_eq!(is_too_large, length > longest, "{length}: {refused:?}");
        }
    }

    #[test]
    fn a_token_is_parsed() {
        let token = compact(
            r#"{"alg":"ES256","kid":"k","typ":"JWT","x5t":"ignored"}"#,
            r#"{"iss":"i","sub":"s","aud":"a","azp":"p","exp":3,"nbf":2.9,"iat":1,"n":12345678901234567890123}"#,
        );
        let parsed = UntrustedToken::parse(&token).unwrap();
        assert_eq!(parsed.header().algorithm(), Ok(Algorithm::Es256));
        assert_eq!(parsed.header().kid.as_deref(), Some("k"));
        assert_eq!(parsed.header().typ.as_deref(), Some("JWT"));
        assert_eq!(parsed.signature(), b"sig");
        assert_eq!(parsed.signing_input(), token.strip_suffix(".c2ln").unwrap().as_bytes());
        let claims = parsed.claims();
        assert_eq!(claims.issuer.as_deref(), Some("i"));
        assert_eq!(claims.subject.as_deref(), Some("s"));
        assert_eq!(claims.audience, Some(vec!["a".to_owned()]));
        assert_eq!(claims.authorized_party.as_deref(), Some("p"));
        assert_eq!(claims.expires_at, Some(Timestamp::from_epoch_seconds(3)));
        assert_eq!(claims.not_before, Some(Timestamp::from_epoch_seconds(2)));
        assert_eq!(claims.issued_at, Some(Timestamp::from_epoch_seconds(1)));
        assert!(claims.raw().contains("12345678901234567890123"));
    }

    #[test]
    fn an_absent_claim_is_absent_and_not_an_error() {
        let claims = claims("{}").unwrap();
        assert_eq!((claims.issuer, claims.audience, claims.expires_at), (None, None, None));
    }

    #[test]
    fn a_numeric_date_is_a_number_of_seconds_before_the_year_10000() {
        let read = |value: &str| claims(&format!(r#"{{"exp":{value}}}"#)).map(|claims| claims.expires_at);
        let at = |seconds| Ok(Some(Timestamp::from_epoch_seconds(seconds)));
        assert_eq!(read("0"), at(0));
        assert_eq!(read("1.5e3"), at(1500));
        assert_eq!(read("1700000000.999"), at(1_700_000_000));
        assert_eq!(read("253402300799"), at(253_402_300_799));
        assert_eq!(read("253402300799.9"), at(253_402_300_799));
        let refused =
            ["253402300800", "1700000000000000", "1e300", "18446744073709551615", "-1", "-0.5", "-1e300"];
        for value in refused {
            assert!(
                matches!(
                    read(value),
                    Err(TokenFormatError::Malformed(Malformed::Member { member: "exp", .. }))
                ),
                "{value}"
            );
        }
        for (value, found) in
            [(r#""1700000000""#, "a string"), ("true", "a boolean"), ("[1]", "an array"), ("{}", "an object")]
        {
            let reason = Malformed::MemberType { member: "exp", found, expected: "a number" };
            assert_eq!(read(value), Err(TokenFormatError::Malformed(reason)));
        }
        assert_eq!(read("null"), Ok(None), "null counts as absent");
        let not_before = claims(r#"{"nbf":null}"#).unwrap_err();
        let reason = Malformed::MemberType { member: "nbf", found: "null", expected: "a number" };
        assert_eq!(not_before, TokenFormatError::Malformed(reason));
    }

    #[test]
    fn an_audience_is_a_string_or_strings() {
        let read = |value: &str| claims(&format!(r#"{{"aud":{value}}}"#)).map(|claims| claims.audience);
        assert_eq!(read(r#"["a","b"]"#), Ok(Some(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(read("[]"), Ok(Some(vec![])));
        for value in [r#"["a",1]"#, r#"[["a"]]"#] {
            assert!(matches!(
                read(value),
                Err(TokenFormatError::Malformed(Malformed::Member { member: "aud", .. }))
            ));
        }
        for value in ["1", "null", "{}"] {
            assert!(matches!(
                read(value),
                Err(TokenFormatError::Malformed(Malformed::MemberType { member: "aud", .. }))
            ));
        }
    }

    #[test]
    fn registered_strings_are_strings() {
        for member in ["iss", "sub", "azp"] {
            for (value, found) in [
                ("1", "a number"),
                ("null", "null"),
                (r#"["a"]"#, "an array"),
                ("{}", "an object"),
                ("false", "a boolean"),
            ] {
                let refused = claims(&format!(r#"{{"{member}":{value}}}"#)).unwrap_err();
                assert_eq!(refused, malformed(Malformed::MemberType { member, found, expected: "a string" }));
            }
        }
        for member in ["alg", "kid", "typ"] {
            let reason = Malformed::MemberType { member, found: "a number", expected: "a string" };
            assert_eq!(header_refused(&format!(r#"{{"{member}":1}}"#)), malformed(reason));
        }
    }

    #[test]
    fn the_first_invalid_character_is_named_with_its_segment() {
        let refused = |text: &str| UntrustedToken::parse(text).unwrap_err();
        let good = compact(r#"{"alg":"RS256"}"#, r#"{"sub":"somebody"}"#);
        let (header, rest) = good.split_once('.').unwrap();
        let (payload, signature) = rest.split_once('.').unwrap();
        let at = |segment, character| malformed(Malformed::Character { segment, character });
        for character in ['=', '+', '/', '~', '%', '\u{200b}', ' ', '…', '"'] {
            let cases = [
                (format!("{header}{character}.{payload}.{signature}"), Segment::Header),
                (format!("{header}.{payload}{character}.{signature}"), Segment::Payload),
                (format!("{header}.{payload}.{character}{signature}"), Segment::Signature),
            ];
            for (text, segment) in cases {
                assert_eq!(refused(&text), at(Some(segment), character), "{text}");
            }
        }
        assert_eq!(refused(&good.replace('.', "%2E")), at(None, '%'));
        assert_eq!(refused("hello world"), at(None, ' '));
        // Characters that opaque keys may contain do not make the text look damaged.
        assert_eq!(refused("opaque+key/of~one=="), malformed(Malformed::Segments(1)));
        // Valid characters that are not the encoding of any octets.
        assert_eq!(
            refused(&format!("{header}.{payload}.A")),
            malformed(Malformed::Base64(Segment::Signature))
        );
    }

    #[test]
    fn a_token_with_alg_none_is_distinguished_from_one_that_lost_its_signature() {
        let refused = |alg: &str| {
            let header = base64url::encode(format!(r#"{{"alg":"{alg}"}}"#).as_bytes());
            UntrustedToken::parse(&format!("{header}.{}.", base64url::encode(b"{}"))).unwrap_err()
        };
        for alg in ["none", "None", "nOnE"] {
            assert_eq!(refused(alg), malformed(Malformed::Unsigned));
        }
        assert_eq!(refused("RS256"), malformed(Malformed::EmptySegment(Segment::Signature)));
    }

    #[test]
    fn a_header_member_with_a_key_or_its_url_is_ignored_with_any_value() {
        let token = compact(r#"{"alg":"RS256","jku":5,"x5c":[],"jwk":null,"x5t":"a"}"#, "{}");
        let parsed = UntrustedToken::parse(&token).unwrap();
        assert_eq!(parsed.header().ignored_keys().collect::<Vec<_>>(), ["jwk", "jku", "x5c"]);
    }

    #[test]
    fn an_absent_or_unknown_alg_is_unsupported_and_not_malformed() {
        for header in ["{}", r#"{"alg":"none"}"#, r#"{"alg":"nOnE"}"#, r#"{"alg":"ES256K"}"#] {
            let token = compact(header, "{}");
            let parsed = UntrustedToken::parse(&token).unwrap();
            assert!(matches!(
                parsed.header().algorithm(),
                Err(TokenFormatError::AlgorithmUnsupported { .. })
            ));
        }
    }

    #[test]
    fn a_debug_print_shows_no_claim_and_no_signature() {
        let token = compact(r#"{"alg":"RS256"}"#, r#"{"sub":"somebody"}"#);
        let parsed = UntrustedToken::parse(&token).unwrap();
        let printed = format!("{parsed:?} {:?}", parsed.claims());
        assert!(!printed.contains("somebody") && !printed.contains("c2ln"), "{printed}");
    }
}
