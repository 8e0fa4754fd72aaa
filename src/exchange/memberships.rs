//! Which Fireproof tenants and ledgers a subject belongs to, and which pair of them a session is for.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::facts::{Facts, Pointer};
use crate::jose::base64url;
use crate::rejection::Fault;

/// Where memberships come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// One tenant and one ledger of the subject's own, their names derived from issuer and subject.
    Personal,
    /// The members `tenants` and `ledgers` of the subject's record in the directory.
    Directory,
}

/// What somebody is in a tenant or ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May do everything.
    Admin,
    /// Whose it is.
    Owner,
    /// Belongs to it.
    Member,
}

/// What somebody may do with a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Read it.
    Read,
    /// Read and write it.
    Write,
}

/// One tenant of a subject's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tenant {
    /// Its name.
    pub id: String,
    /// What the subject is in it.
    pub role: Role,
}

/// One ledger of a subject's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Its name.
    pub id: String,
    /// What the subject is in it.
    pub role: Role,
    /// What the subject may do with it.
    pub right: Right,
}

/// All of a subject's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memberships {
    /// Tenants.
    pub tenants: Vec<Tenant>,
    /// Ledgers.
    pub ledgers: Vec<Ledger>,
}

/// What a session is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Selected {
    /// The application, if the client names one.
    #[serde(rename = "appId", skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// The tenant.
    pub tenant: String,
    /// The ledger.
    pub ledger: String,
}

/// Why there is nothing to select.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The subject belongs to nothing.
    #[error("the subject has no {0}")]
    None(&'static str),
    /// The subject does not belong to what was asked for.
    #[error("the selected {0} is none of the subject's")]
    NotAMember(&'static str),
}

impl Memberships {
    /// The memberships of a subject.
    ///
    /// # Errors
    /// [`Fault::StoreUnavailable`] when the directory's record is not of this form.
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
            reason: format!("the `{what}` of a subject's record are not of the documented form"),
        };
        let read = |pointer: &str| Pointer::parse(pointer).and_then(|pointer| facts.value(&pointer));
        Ok(Self {
            tenants: listed(read("/directory/tenants"), tenant).ok_or_else(|| unreadable("tenants"))?,
            ledgers: listed(read("/directory/ledgers"), ledger).ok_or_else(|| unreadable("ledgers"))?,
        })
    }

    fn personal(issuer: &str, subject: &str) -> Self {
        let name = personal_name(issuer, subject);
        Self {
            tenants: vec![Tenant { id: format!("t-{name}"), role: Role::Owner }],
            ledgers: vec![Ledger { id: format!("l-{name}"), role: Role::Owner, right: Right::Write }],
        }
    }

    /// What a session is for: what is asked for, where the subject belongs to it, and the first of each else.
    ///
    /// # Errors
    /// [`SelectionError`] when the subject does not belong there.
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

/// A list that may be absent, read element by element; `None` unless each can be read.
fn listed<T>(list: Option<Value>, read: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
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
    asked: Option<&str>,
) -> Result<String, SelectionError> {
    let found = match asked {
        Some(asked) => own.find(|one| *one == asked).ok_or(SelectionError::NotAMember(what)),
        None => own.next().ok_or(SelectionError::None(what)),
    };
    found.map(str::to_owned)
}

/// A name that stands for this issuer and subject, and for no other pair: the length keeps the two texts apart.
#[must_use]
pub fn personal_name(issuer: &str, subject: &str) -> String {
    let hash = Sha256::digest(format!("{}:{issuer}{subject}", issuer.len()).as_bytes());
    let name = base64url::encode(&hash);
    name.get(..22).unwrap_or(&name).to_owned()
}
