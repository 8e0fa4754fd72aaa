//! What a token says about its issuer: `init --token -` reads one, and keeps and shows nothing of it but what a configuration needs.
//!
//! The token is not verified here, and whoever wrote it may be hostile. So each value that goes into a file or a message has no character
//! that cannot be seen, and is short.

use edge_assay::http::presented;
use edge_assay::jose::token::UntrustedToken;
use edge_assay::jose::{Algorithm, base64url, json};
use edge_assay::limits;
use edge_assay::rejection::excerpt;
use edge_assay::trust::classes::Class;
use edge_assay::trust::presets::Preset;
use serde_json::{Map, Value};

use super::super::command::EMPTY_INPUT;

/// The longest `iss` and the longest `aud` that are taken over, in bytes.
const MAX_VALUE_BYTES: usize = 1024;
/// The most audiences of a token that are looked at.
const MAX_AUDIENCES: usize = 16;

/// What a token says.
pub(super) struct Facts {
    /// The token itself, to try it. It is never shown.
    pub(super) token: String,
    /// Its `iss`.
    pub(super) issuer: String,
    /// Its `alg`.
    pub(super) algorithm: Algorithm,
    /// The `typ` of its header.
    pub(super) kind: Option<String>,
    /// The audiences that can be written into a file; empty if it has none.
    pub(super) audiences: Vec<String>,
    /// Whether it has an `aud`.
    pub(super) has_audience: bool,
    /// Its `azp`.
    pub(super) authorized_party: Option<String>,
    /// What kind of token it is, as far as its members say it.
    pub(super) class: &'static str,
    /// The provider whose tokens alone have one of its claims. A hint.
    pub(super) provider: Option<Preset>,
}

impl Facts {
    /// The class of the token among those of this provider, if it has classes; `None` if none fits.
    pub(super) fn class_of(&self, preset: Preset) -> Option<&'static Class> {
        let token = UntrustedToken::parse(&self.token).ok()?;
        preset.class_of(token.header(), token.claims())
    }

    /// The text of a claim that can be written into a file.
    pub(super) fn claim(&self, name: &str) -> Option<String> {
        let token = UntrustedToken::parse(&self.token).ok()?;
        plain(&token.claims().members().string(name)?)
    }
}

/// Reads the token in a text: bare, behind `Bearer`, or in the JSON of a token endpoint.
///
/// # Errors
/// A message without any part of the token.
pub(super) fn read(text: &str) -> Result<Facts, String> {
    if text.trim().is_empty() {
        return Err(format!("✗ This is no token: {EMPTY_INPUT}"));
    }
    let token =
        presented::given(text).token.map_err(|rejection| format!("✗ This is no token: {rejection}"))?;
    let segments: Vec<&str> = token.split('.').collect();
    let [header, payload, _] = segments.as_slice() else {
        return Err(match segments.len() {
            5 => "✗ This token is encrypted (five segments), so only the provider can read it. With Auth0, request it with the parameter `audience` of your API.".to_owned(),
            1 => "✗ This is no JWT: it has no dots. An opaque token can be read by its issuer only.".to_owned(),
            _ if token.starts_with("ya29.") => "✗ This is an access token of Google, which is opaque: only Google can read it. Pass the ID token (`id_token`).".to_owned(),
            other => format!("✗ This is no JWT: it has {other} segments in place of three."),
        });
    };
    let most = usize::try_from(limits::MAX_TOKEN_BYTES_RANGE.1).unwrap_or(usize::MAX);
    if token.len() > most {
        return Err(format!("✗ This token has {} bytes, and at most {most} can be configured.", token.len()));
    }
    let header = object(header).ok_or("✗ This is no JWT: its header is not a JSON object in base64url.")?;
    let claims = object(payload).ok_or("✗ This is no JWT: its payload is not a JSON object in base64url.")?;
    let alg = text_of(&header, "alg").ok_or("✗ The header of this token has no `alg`.")?;
    let algorithm = Algorithm::parse(alg).ok_or_else(|| {
        format!("✗ This token is signed with {}, which the Worker does not support.", excerpt(alg))
    })?;
    let issuer = text_of(&claims, "iss").ok_or(
        "✗ This token has no `iss`, so it does not name its issuer. Perhaps it is not the access token of your identity provider.",
    )?;
    let issuer = plain(issuer)
        .ok_or("✗ The `iss` of this token is too long, or has characters that cannot be seen.")?;
    let given = match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().take(MAX_AUDIENCES).collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    Ok(Facts {
        issuer,
        algorithm,
        kind: text_of(&header, "typ").and_then(plain),
        audiences: given.iter().filter_map(|one| plain(one.as_str()?)).collect(),
        has_audience: claims.get("aud").is_some_and(|given| !given.is_null()),
        authorized_party: text_of(&claims, "azp").and_then(plain),
        class: class(&header, &claims),
        provider: Preset::of_claims(|name| claims.contains_key(name)).map(|found| found.preset),
        token,
    })
}

fn object(segment: &str) -> Option<Map<String, Value>> {
    let text = String::from_utf8(base64url::decode(segment)?).ok()?;
    json::parse_object(&text).ok()
}

fn text_of<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    members.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// The text, if it is not too long and has no control characters and no characters that cannot be seen.
fn plain(text: &str) -> Option<String> {
    let is_visible = text.chars().all(|c| {
        let mut octets = [0; 4];
        let shown: &str = c.encode_utf8(&mut octets);
        excerpt(shown) == shown
    });
    (text.len() <= MAX_VALUE_BYTES && is_visible).then(|| text.to_owned())
}

/// The kind of a token, by members that several providers use in the same way.
fn class(header: &Map<String, Value>, claims: &Map<String, Value>) -> &'static str {
    let kind = text_of(header, "typ").unwrap_or_default().to_ascii_lowercase();
    let has = |name: &str| claims.get(name).is_some_and(|value| !value.is_null());
    let is = |name: &str, value: &str| text_of(claims, name) == Some(value);
    if kind.trim_start_matches("application/") == "at+jwt" || is("token_use", "access") {
        "an OAuth access token"
    } else if is("token_use", "id") || has("nonce") || has("at_hash") {
        "an ID token"
    } else if has("sid") || has("session_id") {
        "a session token"
    } else if has("scope") || has("scp") {
        "an access token"
    } else {
        "a token of no known class"
    }
}
