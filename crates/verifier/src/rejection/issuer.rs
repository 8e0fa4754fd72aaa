//! What is wrong with a token's issuer, although it is a configured one or has the form of one.

/// Why a token is not accepted although its `iss` is that of a configured issuer, or has its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerProblem {
    /// The tenant is not one of the accepted ones.
    #[error("its tenant is not one of `tenants`")]
    NotAccepted,
    /// What stands in the place of the tenant is no tenant's id.
    #[error("a tenant's id is a GUID in lower case")]
    NotAnId,
    /// The claim `tid` is absent or names another tenant.
    #[error("its `tid` is not the tenant in its `iss`")]
    Contradiction,
    /// Several tables have this `iss`, and the token fits none of them.
    #[error(
        "several tables have this `iss`, and the token has the audience and the conditions of none of them"
    )]
    NoTable,
    /// A configured issuer differs by the slash at its end alone.
    #[error(
        "it differs from a configured one by the slash at its end, and the two must be equal in every character"
    )]
    Slash,
}
