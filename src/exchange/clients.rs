//! Who asks: client authentication at the token endpoint (RFC 6749 §2.3), `client_secret_basic` and `client_secret_post`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::form::{self, Form};
use super::refusal::{ClientFault, RequestFault, TokenError};
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
    [GATEWAY, UNNAMED].iter().any(|reserved| id.trim().eq_ignore_ascii_case(reserved))
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

struct Credentials {
    id: String,
    secret: String,
}

/// The registered client that a request speaks of, whether it proves to be it or not. For the log: on the wire, who is
/// registered is nobody's business.
#[must_use]
pub fn spoken_of<'c>(clients: &'c [Client], authorization: Option<&str>, form: &Form) -> Option<&'c str> {
    let in_header = authorization.and_then(basic);
    let id = in_header.as_ref().map(|given| given.id.as_str()).or_else(|| form.get("client_id"))?;
    clients.iter().find(|client| client.id == id).map(|client| client.id.as_str())
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
    let in_header = authorization.map(|header| basic(header).ok_or(ClientFault::Header)).transpose()?;
    let in_body = form
        .get("client_secret")
        .map(|secret| {
            let id = form.get("client_id").ok_or(RequestFault::Missing("client_id"))?;
            Ok::<_, TokenError>(Credentials { id: id.to_owned(), secret: secret.to_owned() })
        })
        .transpose()?;
    let given = match (in_header, in_body) {
        (Some(_), Some(_)) => return Err(RequestFault::SeveralCredentials.into()),
        (given, None) | (None, given) => given,
    };
    let named = form.get("client_id");
    let Some(given) = given else {
        return public(clients, named);
    };
    if named.is_some_and(|named| named != given.id) {
        return Err(RequestFault::SeveralCredentials.into());
    }
    let client = clients.iter().find(|client| client.id == given.id).ok_or(ClientFault::Unauthenticated)?;
    if client.secret()?.is(&given.secret) {
        Ok(Caller::Registered(client))
    } else {
        Err(ClientFault::Unauthenticated.into())
    }
}

/// A client that gives no secret. It may use neither the name of a registered client nor a reserved one.
fn public<'c>(clients: &[Client], named: Option<&str>) -> Result<Caller<'c>, TokenError> {
    let Some(name) = named else { return Ok(Caller::Public(None)) };
    if clients.iter().any(|client| client.id == name) {
        return Err(ClientFault::Unauthenticated.into());
    }
    if is_reserved(name) {
        return Err(ClientFault::Reserved.into());
    }
    // RFC 6749, appendix A.1: visible characters and spaces.
    if name.len() > limits::MAX_CLIENT_ID_BYTES || !name.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return Err(RequestFault::Malformed("client_id").into());
    }
    Ok(Caller::Public(Some(name.to_owned())))
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined.
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    Some(Credentials { id: form::decode(id)?, secret: form::decode(secret)? })
}
