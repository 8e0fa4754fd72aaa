//! Who asks: client authentication at the token endpoint (RFC 6749 §2.3), `client_secret_basic` and `client_secret_post`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::form::{self, Form};
use super::refusal::{ClientError, RequestError, TokenError};
use crate::limits;
use crate::ports::Secrets;
use crate::rejection::Fault;
use crate::trust::password::Password;

/// The `client_id` of tokens that the gateway asks for.
pub const GATEWAY: &str = "edge-assay";
/// The `client_id` of a client that gives no name.
pub const UNNAMED: &str = "public";

/// Whether `id` is a name that this Worker assigns itself. No client may have it: an API could not tell the two apart.
#[must_use]
pub fn is_reserved(id: &str) -> bool {
    [GATEWAY, UNNAMED].iter().any(|reserved| is_same_name(id, reserved))
}

/// Whether somebody could take one client's id for the other: case and outer spaces make no difference.
#[must_use]
pub fn is_same_name(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim())
}

/// A client that authenticates.
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// The Worker secret that holds its `client_secret`.
    pub binding: String,
    /// The audiences it may ask tokens for.
    pub targets: Vec<String>,
    secret: Result<Password, Fault>,
}

/// Shows nothing of the secret.
impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Client {
    /// Reads the Worker secret that holds the client's.
    #[must_use]
    pub fn resolve(id: String, binding: String, targets: Vec<String>, secrets: &impl Secrets) -> Self {
        let secret = Password::bound(&binding, secrets);
        Self { id, binding, targets, secret }
    }

    /// Its secret.
    ///
    /// # Errors
    /// [`Fault::SecretMissing`] while it is not bound, or too short.
    pub fn secret(&self) -> Result<&Password, Fault> {
        self.secret.as_ref().map_err(Clone::clone)
    }
}

/// Who sent a request.
#[derive(Debug)]
pub enum Caller<'c> {
    /// A client that has proved to be this one.
    Registered(&'c Client),
    /// A public client, by the name it gives itself, if it gives one.
    Public(Option<String>),
}

impl Caller<'_> {
    /// The `client_id` claim (RFC 9068 §2.2), which has to be there.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::Registered(client) => &client.id,
            Self::Public(name) => name.as_deref().unwrap_or(UNNAMED),
        }
    }
}

/// What a request gives as a client's id and secret.
enum Credentials {
    /// In the header: what stands in the Base64, `id:secret`.
    Basic(String),
    /// In the body, which is form-encoded as a whole.
    Body { id: String, secret: String },
}

impl Credentials {
    /// The text of the secret, if these are credentials of the client `id`.
    ///
    /// RFC 6749 §2.3.1 has id and secret form-encoded before they are joined, and most clients, curl among them, join them as
    /// they are. Both are read. At most one of the two ways gives the id: the decoded text is never longer than the encoded.
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

    /// Whether they prove to be `client`, with `given` as the text of the secret.
    fn prove(&self, client: &Client, given: &str) -> Result<bool, Fault> {
        let secret = client.secret()?;
        let is_raw = secret.is(given);
        let decoded = match self {
            Self::Basic(_) => form::decode(given),
            Self::Body { .. } => None,
        };
        Ok(decoded.is_some_and(|decoded| secret.is(&decoded)) || is_raw)
    }
}

/// The registered client that a request speaks of, whether it proves to be it or not. For the log: on the wire, who is
/// registered is nobody's business.
#[must_use]
pub fn spoken_of<'c>(clients: &'c [Client], authorization: Option<&str>, form: &Form) -> Option<&'c str> {
    let in_header = authorization.and_then(basic);
    let is_meant = |client: &&Client| match &in_header {
        Some(given) => given.secret_for(&client.id).is_some(),
        None => form.get("client_id") == Some(client.id.as_str()),
    };
    clients.iter().find(is_meant).map(|client| client.id.as_str())
}

/// Who sent the request with this `Authorization` header and this body.
///
/// # Errors
/// `invalid_client` when the credentials are wrong, `invalid_request` when there are two, [`Fault::SecretMissing`] when
/// the secret they would be compared with is not bound.
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
        match given.prove(client, secret) {
            Ok(true) => return Ok(Caller::Registered(client)),
            Ok(false) => {}
            // Another client may be meant: `a:b` and a secret can be read as `a` and a secret that begins with `b:`.
            Err(found) => fault = fault.or(Some(found)),
        }
    }
    Err(fault.map_or_else(|| ClientError::Unauthenticated.into(), TokenError::from))
}

/// A client that gives no secret. It may use neither the name of a registered client nor a reserved one, nor one that is easily
/// taken for it.
fn public<'c>(clients: &[Client], named: Option<&str>) -> Result<Caller<'c>, TokenError> {
    let Some(name) = named else { return Ok(Caller::Public(None)) };
    if clients.iter().any(|client| is_same_name(&client.id, name)) {
        return Err(ClientError::Unauthenticated.into());
    }
    if is_reserved(name) {
        return Err(ClientError::Reserved.into());
    }
    // RFC 6749, appendix A.1: visible characters and spaces. Outer spaces are easily overlooked.
    if name.trim() != name
        || name.len() > limits::MAX_CLIENT_ID_BYTES
        || !name.bytes().all(|octet| matches!(octet, b' '..=b'~'))
    {
        return Err(RequestError::Malformed("client_id").into());
    }
    Ok(Caller::Public(Some(name.to_owned())))
}

/// The credentials in a `Basic` header (RFC 7617 §2), with the `id:secret` as it came.
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    joined.contains(':').then_some(Credentials::Basic(joined))
}
