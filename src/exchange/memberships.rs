//! The Fireproof tenants and ledgers that a subject belongs to, and the pair of them that a session is for.

use serde::Serialize;
use serde_json::Value;

use crate::claims::facts::{Facts, Pointer};
use crate::jose::base64url;
use crate::jose::hash::sha256;
use crate::rejection::Fault;

/// The source of memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Each subject has one tenant and one ledger of its own. Their names are derived from issuer and subject.
    Personal,
    /// The members `tenants` and `ledgers` of the subject's record in the directory.
    Directory,
}

/// A subject's role in a tenant or ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// `admin`.
    Admin,
    /// `owner`.
    Owner,
    /// `member`.
    Member,
}

/// A subject's right to a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// `read`.
    Read,
    /// `write`, which includes reading.
    Write,
}

/// A tenant that a subject belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tenant {
    /// Its name.
    pub id: String,
    /// The subject's role in it.
    pub role: Role,
}

/// A ledger that a subject belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Its name.
    pub id: String,
    /// The subject's role in it.
    pub role: Role,
    /// The subject's right to it.
    pub right: Right,
}

/// All memberships of a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memberships {
    /// Tenants.
    pub tenants: Vec<Tenant>,
    /// Ledgers.
    pub ledgers: Vec<Ledger>,
}

/// The tenant and the ledger that a session is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Selected {
    /// The application, if the client sent one.
    #[serde(rename = "appId", skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// The tenant.
    pub tenant: String,
    /// The ledger.
    pub ledger: String,
}

/// Why no tenant or ledger can be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The subject has no membership.
    #[error("the subject belongs to no {0}")]
    None(&'static str),
    /// The subject does not belong to the requested tenant or ledger.
    #[error("the subject does not belong to the selected {0}")]
    NotAMember(&'static str),
}

impl Memberships {
    /// The memberships of a subject.
    ///
    /// # Errors
    /// [`Fault::StoreUnavailable`] if the directory's record does not have the documented form.
    pub fn of(
        source: Source,
        issuer: &str,
        subject: &str,
        facts: &Facts<'_>,
        binding: Option<&str>,
    ) -> Result<Self, Fault> {
        if source == Source::Personal {
            return Ok(Self::personal(issuer, subject));
        }
        let unreadable = |what: &str| Fault::StoreUnavailable {
            binding: binding.unwrap_or_default().to_owned(),
            reason: format!(
                "the `{what}` in a subject's record do not have the form that docs/kv-schema.md describes"
            ),
        };
        let read = |pointer: &str| Pointer::parse(pointer).and_then(|pointer| facts.value(&pointer));
        Ok(Self {
            tenants: parse_list(read("/directory/tenants"), tenant).ok_or_else(|| unreadable("tenants"))?,
            ledgers: parse_list(read("/directory/ledgers"), ledger).ok_or_else(|| unreadable("ledgers"))?,
        })
    }

    fn personal(issuer: &str, subject: &str) -> Self {
        let name = personal_name(issuer, subject);
        Self {
            tenants: vec![Tenant { id: format!("t-{name}"), role: Role::Owner }],
            ledgers: vec![Ledger { id: format!("l-{name}"), role: Role::Owner, right: Right::Write }],
        }
    }

    /// The tenant and the ledger of a session: the requested ones, or the subject's first ones.
    ///
    /// # Errors
    /// [`SelectionError`] if the subject does not belong to a requested one, or has none.
    pub fn select(
        &self,
        app_id: Option<String>,
        tenant: Option<&str>,
        ledger: Option<&str>,
    ) -> Result<Selected, SelectionError> {
        let tenants = self.tenants.iter().map(|tenant| tenant.id.as_str());
        let ledgers = self.ledgers.iter().map(|ledger| ledger.id.as_str());
        Ok(Selected {
            app_id,
            tenant: choose("tenant", tenants, tenant)?,
            ledger: choose("ledger", ledgers, ledger)?,
        })
    }
}

/// Reads a list that may be absent, which counts as empty; `None` unless every element can be read.
fn parse_list<T>(list: Option<Value>, read: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    match list {
        None => Some(Vec::new()),
        Some(Value::Array(elements)) => elements.iter().map(read).collect(),
        Some(_) => None,
    }
}

fn tenant(value: &Value) -> Option<Tenant> {
    Some(Tenant { id: text(value, "id")?.to_owned(), role: role(value)? })
}

fn ledger(value: &Value) -> Option<Ledger> {
    let right = match text(value, "right")? {
        "read" => Right::Read,
        "write" => Right::Write,
        _ => return None,
    };
    Some(Ledger { id: text(value, "id")?.to_owned(), role: role(value)?, right })
}

fn role(value: &Value) -> Option<Role> {
    match text(value, "role")? {
        "admin" => Some(Role::Admin),
        "owner" => Some(Role::Owner),
        "member" => Some(Role::Member),
        _ => None,
    }
}

fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member)?.as_str()
}

fn choose<'m>(
    what: &'static str,
    mut own: impl Iterator<Item = &'m str>,
    requested: Option<&str>,
) -> Result<String, SelectionError> {
    let found = match requested {
        Some(requested) => own.find(|one| *one == requested).ok_or(SelectionError::NotAMember(what)),
        None => own.next().ok_or(SelectionError::None(what)),
    };
    found.map(str::to_owned)
}

/// A name derived from issuer and subject: 22 characters of base64url, 132 bits of a SHA-256. The issuer's length is hashed too,
/// so that no two pairs have the same input.
#[must_use]
pub fn personal_name(issuer: &str, subject: &str) -> String {
    let hash = sha256(format!("{}:{issuer}{subject}", issuer.len()).as_bytes());
    let name = base64url::encode(&hash);
    name.get(..22).unwrap_or(&name).to_owned()
}
