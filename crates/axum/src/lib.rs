#![doc = include_str!("../README.md")]
//!
//! # The parts
//!
//! - [`AuthenticatedUser`], [`Scoped`]: the extractors. [`Refused`]: the response without a user.
//! - [`AuthenticationLayer`], [`RequireScope`]: the layers. [`Authenticated`]: what they put into a request.
//! - [`Authenticator`]: the state. [`Verifier`], [`Issuer`]: what it trusts.
//! - [`runtime`]: the verifier's platform on tokio.
#![cfg_attr(feature = "testing", doc = "- [`testing`]: a provider in memory.")]

mod answer;
mod authenticator;
mod extract;
mod layer;
pub mod runtime;
#[cfg(feature = "testing")]
pub mod testing;

pub use answer::Refused;
pub use authenticator::{Authenticated, Authenticator, AuthenticatorBuilder};
pub use edge_assay_verifier::credentials::{Place, SessionCookie};
pub use edge_assay_verifier::{BuildError, Fault, Issuer, Refusal, Rejection, VerifiedToken};
pub use extract::{AuthenticatedUser, NoClaims, Scoped, Scopes};
pub use layer::{AnswerBody, Authentication, AuthenticationLayer, RequireScope};
pub use runtime::Tokio;

/// The verifier, on tokio. Its [builder](edge_assay_verifier::Builder) says which issuers it trusts.
pub type Verifier = edge_assay_verifier::Verifier<Tokio>;
