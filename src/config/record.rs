//! Reads `kv` and `key`: where in Workers KV the configuration is, in place of the configuration itself.
//!
//! It knows nothing about when the record is read.

use super::BINDING;
use super::fields::{Configuration, ROOT};
use super::reader::{ConfigFault, Table};
use super::rows::Rows as _;
use crate::limits::MAX_RECORD_KEY_BYTES;

/// The key if the configuration names none.
const DEFAULT_KEY: &str = "assay";

/// A record in Workers KV that has the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordReference {
    /// The binding of the namespace.
    pub binding: String,
    /// The key.
    pub key: String,
}

impl RecordReference {
    /// The key of the copy of the last record without faults, in the same namespace. An isolate that starts while the record has faults
    /// uses the copy.
    #[must_use]
    pub fn key_of_copy(&self) -> String {
        format!("{}.last-good", self.key)
    }

    /// The fault as long as the record has not been read.
    pub(super) fn unread(&self, why: &str) -> ConfigFault {
        ConfigFault {
            path: BINDING.to_owned(),
            problem: format!("is the record \"{}\" of the KV namespace {}, but {why}", self.key, self.binding),
            fix: "ask again in a few seconds; if it stays so, compare the binding with `kv_namespaces` in wrangler.toml".to_owned(),
        }
    }

    /// The fault if KV has no such record.
    #[must_use]
    pub fn absent(&self) -> ConfigFault {
        ConfigFault {
            path: BINDING.to_owned(),
            problem: format!(
                "is the record \"{}\" of the KV namespace {}, which does not exist",
                self.key, self.binding
            ),
            fix: format!(
                "put it there: npx wrangler kv key put --binding {} --remote \"{}\" --path assay.json",
                self.binding, self.key
            ),
        }
    }

    /// The fault if the record has more than `most` bytes.
    #[must_use]
    pub fn too_large(&self, bytes: usize, most: usize) -> ConfigFault {
        ConfigFault {
            path: BINDING.to_owned(),
            problem: format!("has {bytes} bytes in KV, and at most {most} are read"),
            fix: "split the issuers over several Workers".to_owned(),
        }
    }
}

/// The reference, if there is one. Reports every other field beside it, and a reference where none may be (`may_refer`): in the record.
pub(super) fn reference(root: &Table<'_>, may_refer: bool) -> Option<RecordReference> {
    let binding = root.read(&ROOT.kv);
    let key = root.read(&ROOT.key);
    if root.given(&ROOT.kv).is_none() {
        if key.is_some() {
            root.fault(
                ROOT.key.name,
                "has no meaning without kv",
                "add kv, the binding of a KV namespace, or remove key",
            );
        }
        return None;
    }
    if !may_refer {
        root.fault(
            ROOT.kv.name,
            "refers to another record, but this is a record itself",
            "write the configuration here; only the variable ASSAY may refer to a record",
        );
    }
    let is_beside = |name: &&&str| ![ROOT.kv.name, ROOT.key.name].contains(*name) && root.has(name);
    if let Some(name) = Configuration::NAMES.iter().find(is_beside) {
        root.fault(name, "is beside kv", "move it into the record, or remove kv");
    }
    if key.as_ref().is_some_and(|key| key.len() > MAX_RECORD_KEY_BYTES) {
        root.fault(
            ROOT.key.name,
            "is too long for a key",
            format!("write {MAX_RECORD_KEY_BYTES} bytes at most"),
        );
    }
    // Without a usable binding there is a fault, and nothing is read.
    Some(RecordReference {
        binding: binding.unwrap_or_default(),
        key: key.unwrap_or_else(|| DEFAULT_KEY.to_owned()),
    })
}
