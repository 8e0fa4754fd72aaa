//! Client authentication at the token endpoint (RFC 6749 §2.3): `client_secret_basic` and `client_secret_post`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::form::{self, Form};
use super::refusal::{ClientError, RequestError, TokenError};
use crate::limits;
use crate::ports::Secrets;
use crate::rejection::Fault;
use crate::secrets::password::Password;

/// The `client_id` in tokens that the gateway requests.
pub const GATEWAY: &str = "edge-assay";
/// The `client_id` in tokens of clients that send none.
pub const UNNAMED: &str = "public";

/// Whether `id` is a name that this Worker assigns itself. No client may use it, because an API could not tell the two apart.
#[must_use]
pub fn is_reserved(id: &str) -> bool {
    [GATEWAY, UNNAMED].iter().any(|reserved| is_same_name(id, reserved))
}

/// Whether two client ids are easily confused: they are equal when case and outer spaces are ignored.
#[must_use]
pub fn is_same_name(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim())
}

/// A registered client.
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// The Worker secret that holds its `client_secret`.
    pub binding: String,
    /// The audiences that it may request tokens for.
    pub targets: Vec<String>,
    secret: Result<Password, Fault>,
}

/// Prints nothing of the secret.
impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client and reads its secret from the Worker secret `binding`.
    #[must_use]
    pub fn resolve(id: String, binding: String, targets: Vec<String>, secrets: &impl Secrets) -> Self {
        let secret = Password::bound(&binding, secrets);
        Self { id, binding, targets, secret }
    }

    /// The client's secret.
    ///
    /// # Errors
    /// [`Fault::SecretMissing`] while it is not bound or too short.
    pub fn secret(&self) -> Result<&Password, Fault> {
        self.secret.as_ref().map_err(Clone::clone)
    }
}

/// The sender of a request.
#[derive(Debug)]
pub enum Caller<'c> {
    /// A registered client that has authenticated.
    Registered(&'c Client),
    /// A public client, with the `client_id` that it sent, if any.
    Public(Option<String>),
}

impl Caller<'_> {
    /// The value of the claim `client_id`, which RFC 9068 §2.2 requires.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::Registered(client) => &client.id,
            Self::Public(name) => name.as_deref().unwrap_or(UNNAMED),
        }
    }
}

/// The client id and secret in a request.
enum Credentials {
    /// From the header: the decoded Base64, `id:secret`.
    Basic(String),
    /// From the body, already form-decoded.
    Body { id: String, secret: String },
}

impl Credentials {
    /// The text of the secret, if these are credentials of the client `id`.
    ///
    /// RFC 6749 §2.3.1 requires id and secret to be form-encoded before they are joined. Most clients, curl among them, join
    /// them without encoding. Both forms are accepted. At most one of them gives `id`, because the decoded text is never longer
    /// than the encoded text.
    fn secret_for(&self, id: &str) -> Option<&str> {
        match self {
            Self::Body { id: given, secret } => (given == id).then_some(secret),
            Self::Basic(joined) => {
                let raw = joined.strip_prefix(id).and_then(|rest| rest.strip_prefix(':'));
                raw.or_else(|| {
                    let (given, secret) = joined.split_once(':')?;
                    (form::decode(given)? == id).then_some(secret)
                })
            }
        }
    }

    /// Whether `given`, the text of the secret, is the secret of `client`, as it is or form-decoded.
    fn authenticate(&self, client: &Client, given: &str) -> Result<bool, Fault> {
        let secret = client.secret()?;
        let is_raw = secret.matches(given);
        let decoded = match self {
            Self::Basic(_) => form::decode(given),
            Self::Body { .. } => None,
        };
        Ok(decoded.is_some_and(|decoded| secret.matches(&decoded)) || is_raw)
    }
}

/// The registered client that a request names, authenticated or not. For the log only: no response reveals which clients are
/// registered.
#[must_use]
pub fn named_client<'c>(clients: &'c [Client], authorization: Option<&str>, form: &Form) -> Option<&'c str> {
    let in_header = authorization.and_then(basic);
    let is_named = |client: &&Client| match &in_header {
        Some(given) => given.secret_for(&client.id).is_some(),
        None => form.get("client_id") == Some(client.id.as_str()),
    };
    clients.iter().find(is_named).map(|client| client.id.as_str())
}

/// The sender of the request with this `Authorization` header and this body.
///
/// # Errors
/// [`ClientError`] (`invalid_client`) if the credentials are wrong, [`RequestError`] (`invalid_request`) if there are two, and
/// [`Fault::SecretMissing`] if the client's secret is not bound.
pub fn identify<'c>(
    clients: &'c [Client],
    authorization: Option<&str>,
    form: &Form,
) -> Result<Caller<'c>, TokenError> {
    let in_header = authorization.map(|header| basic(header).ok_or(ClientError::Header)).transpose()?;
    let in_body = form
        .get("client_secret")
        .map(|secret| {
            let id = form.get("client_id").ok_or(RequestError::Missing("client_id"))?;
            Ok::<_, TokenError>(Credentials::Body { id: id.to_owned(), secret: secret.to_owned() })
        })
        .transpose()?;
    let given = match (in_header, in_body) {
        (Some(_), Some(_)) => return Err(RequestError::SeveralCredentials.into()),
        (given, None) | (None, given) => given,
    };
    let named = form.get("client_id");
    let Some(given) = given else {
        return public(clients, named);
    };
    if named.is_some_and(|named| given.secret_for(named).is_none()) {
        return Err(RequestError::SeveralCredentials.into());
    }
    let mut fault = None;
    for client in clients.iter().filter(|client| named.is_none_or(|named| named == client.id)) {
        let Some(secret) = given.secret_for(&client.id) else { continue };
        match given.authenticate(client, secret) {
            Ok(true) => return Ok(Caller::Registered(client)),
            Ok(false) => {}
            // Try the other clients too: `a:b:s` can be the client `a:b`, or the client `a` with a secret that begins with `b:`.
            Err(found) => fault = fault.or(Some(found)),
        }
    }
    Err(fault.map_or_else(|| ClientError::Unauthenticated.into(), TokenError::from))
}

/// A client without a secret. Its `client_id` may not be a registered or reserved one, nor one that is easily confused with
/// those.
fn public<'c>(clients: &[Client], named: Option<&str>) -> Result<Caller<'c>, TokenError> {
    let Some(name) = named else { return Ok(Caller::Public(None)) };
    if clients.iter().any(|client| is_same_name(&client.id, name)) {
        return Err(ClientError::Unauthenticated.into());
    }
    if is_reserved(name) {
        return Err(ClientError::Reserved.into());
    }
    // RFC 6749, appendix A.1 allows visible characters and spaces. Outer spaces are refused, because readers overlook them.
    if name.trim() != name
        || name.len() > limits::MAX_CLIENT_ID_BYTES
        || !name.bytes().all(|octet| matches!(octet, b' '..=b'~'))
    {
        return Err(RequestError::Malformed("client_id").into());
    }
    Ok(Caller::Public(Some(name.to_owned())))
}

/// The credentials in a `Basic` header (RFC 7617 §2), not form-decoded; `None` if the header is another one.
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    joined.contains(':').then_some(Credentials::Basic(joined))
}
