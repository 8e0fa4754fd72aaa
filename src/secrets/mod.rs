//! Worker secrets: the keys that issuers share, and the passwords with which callers authenticate.

pub mod password;

use crate::ports::Secrets;
use crate::trust::secrets::{ConfiguredSecret, NOT_BOUND, SecretReference};

/// Reads and decodes the Worker secret that `reference` names. If it is not bound, the problem says how to bind it.
#[must_use]
pub fn resolve(reference: SecretReference, secrets: &impl Secrets) -> ConfiguredSecret {
    let mut secret = ConfiguredSecret::resolve(reference, secrets);
    if let Err(problem) = &mut secret.key
        && *problem == NOT_BOUND
    {
        *problem = "it is not bound; set it with `npx wrangler secret put <its name>` (`wrangler dev`: in .dev.vars)";
    }
    secret
}
