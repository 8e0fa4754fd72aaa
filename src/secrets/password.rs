//! A secret with which a caller authenticates. It is compared in constant time. The only way to make one is to read a Worker secret.

use subtle::ConstantTimeEq as _;

use crate::jose::hash::sha256;
use crate::limits;
use crate::ports::Secrets;
use crate::rejection::Fault;

/// A password, stored as its SHA-256: all have the same length, and neither memory nor debug output shows the text.
#[derive(Clone, Copy)]
pub struct Password([u8; 32]);

impl Password {
    /// The password `text`, of any length.
    fn new(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }

    /// The password that the Worker secret `binding` holds.
    ///
    /// # Errors
    /// [`Fault::SecretMissing`] if the secret is not bound, or has fewer than [`limits::MIN_PASSWORD_CHARS`] characters, so that it
    /// could be guessed.
    pub fn bound(binding: &str, secrets: &impl Secrets) -> Result<Self, Fault> {
        let problem = match secrets.secret(binding) {
            None => "it is not bound".to_owned(),
            Some(text) if text.trim().chars().count() < limits::MIN_PASSWORD_CHARS => {
                format!("it has fewer than {} characters", limits::MIN_PASSWORD_CHARS)
            }
            Some(text) => return Ok(Self::new(&text)),
        };
        let reason = format!(
            "{problem}; make one with `openssl rand -hex 32` and set it with `npx wrangler secret put {binding}`"
        );
        Err(Fault::SecretMissing { binding: binding.to_owned(), reason })
    }

    /// Whether `given` is the password. Takes the same time for every `given` of the same length.
    #[must_use]
    pub fn matches(&self, given: &str) -> bool {
        self.0.ct_eq(&Self::new(given).0).into()
    }
}

/// Does not show the password.
impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Password(..)")
    }
}
