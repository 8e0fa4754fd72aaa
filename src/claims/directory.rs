//! The subject's record in our directory: a KV namespace with the operator's own data about subjects.

use crate::jose::Object;
use crate::limits;
use crate::ports::{Clock, Directory};
use crate::rejection::Fault;
use crate::trust::facts::Facts;
use crate::verify::VerifiedToken;
use crate::waiting::with_store_timeout;

/// The facts about the subject of `token`: the token, and the subject's record in the directory that is bound as `binding`.
///
/// # Errors
/// [`Fault::StoreUnavailable`] if the directory does not answer, or if the record is not a JSON object. To continue without
/// the record could ignore a right, or a condition on one.
pub async fn facts<'t, D: Directory + Clock>(
    token: &'t VerifiedToken,
    binding: Option<&str>,
    directory: &D,
) -> Result<Facts<'t>, Fault> {
    let facts = Facts::of(token.header(), token.claims());
    let (Some(binding), Some(subject)) = (binding, token.subject()) else { return Ok(facts) };
    let key = directory_key(token.issuer(), subject);
    if key.len() > limits::MAX_STORE_KEY_BYTES {
        // KV accepts no longer key, so there is no such record.
        return Ok(facts);
    }
    let unavailable = |reason: String| Fault::StoreUnavailable { binding: binding.to_owned(), reason };
    let found = with_store_timeout(directory, directory.find(binding, &key))
        .await
        .map_err(|error| unavailable(error.to_string()))?;
    let record = found.map(Object::parse).transpose();
    let record =
        record.map_err(|fault| unavailable(format!("a subject's record cannot be read: {fault}")))?;
    Ok(facts.with_record(record))
}

/// The key of a subject's record in the directory.
#[must_use]
pub fn directory_key(issuer: &str, subject: &str) -> String {
    format!("subject:{issuer}:{subject}")
}
