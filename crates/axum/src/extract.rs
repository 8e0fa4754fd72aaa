//! The extractors of axum.

use std::fmt;
use std::marker::PhantomData;

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use edge_assay_verifier::{Rejection, VerifiedToken};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::answer::Refused;
use crate::authenticator::{Authenticated, Authenticator, Borrowed};

/// The user whose token came with the request. `C` is the application's own type for the token's claims.
///
/// The state of the router has to contain an [`Authenticator`] (see [`FromRef`]). Without a valid token the handler is not called, and the
/// response is that of [`Refused`].
///
/// A token without `sub` is 401 `claim_missing`, and so is one whose claims do not have the form of `C`. The response
/// names a claim that is missing.
///
/// `Option<AuthenticatedUser>` is `None` if the request has no `Authorization` header and nothing in the other places where a token is read. A token that is not accepted is refused there too.
///
/// ```
/// use axum::Json;
/// use edge_assay_axum::AuthenticatedUser;
///
/// #[derive(serde::Deserialize, serde::Serialize)]
/// struct Claims {
///     email: String,
/// }
///
/// async fn me(user: AuthenticatedUser<Claims>) -> Json<Claims> {
///     Json(user.into_claims())
/// }
/// # let _: axum::Router<edge_assay_axum::Authenticator> = axum::Router::new().route("/me", axum::routing::get(me));
/// ```
#[derive(Clone)]
pub struct AuthenticatedUser<C = NoClaims> {
    authenticated: Authenticated,
    subject: String,
    claims: C,
}

/// No claims: the application reads what it needs from the methods of [`AuthenticatedUser`].
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct NoClaims {}

impl<C: fmt::Debug> fmt::Debug for AuthenticatedUser<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthenticatedUser")
            .field("subject", &self.subject)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

impl<C> AuthenticatedUser<C> {
    /// The token's `sub`: who the user is at the token's issuer. Two issuers may use one `sub` for two users, so an application with several issuers
    /// keeps [`VerifiedToken::issuer`] beside it.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The token's `sub` as a UUID; `None` if it is not one.
    #[must_use]
    pub fn subject_uuid(&self) -> Option<Uuid> {
        Uuid::try_parse(&self.subject).ok()
    }

    /// The scopes that the token grants.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.authenticated.scopes()
    }

    /// Whether the token grants this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.authenticated.has_scope(scope)
    }

    /// Succeeds if the token grants all of these scopes, for `?` in a handler.
    ///
    /// # Errors
    /// 403 `insufficient_scope` with the scopes that are required.
    pub fn require_scopes(&self, required: &[&str]) -> Result<(), Refused> {
        self.authenticated.require_scopes(required)
    }

    /// The token's claims.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// The token's claims.
    #[must_use]
    pub fn into_claims(self) -> C {
        self.claims
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &VerifiedToken {
        self.authenticated.token()
    }
}

impl<C: DeserializeOwned> AuthenticatedUser<C> {
    fn new(authenticated: Authenticated) -> Result<Self, Refused> {
        let missing = |claim: &str| authenticated.refuse(Rejection::ClaimMissing { claim: claim.to_owned() });
        let subject = authenticated.subject().filter(|subject| !subject.is_empty());
        let subject = subject.ok_or_else(|| missing("sub"))?.to_owned();
        match authenticated.token().claims_as::<C>() {
            Ok(claims) => Ok(Self { authenticated, subject, claims }),
            Err(error) => Err(match missing_member(&error.to_string()) {
                Some(claim) => missing(claim),
                None => authenticated.refuse_claims(),
            }),
        }
    }
}

/// The name of the member of which serde says that it is missing. Its other errors quote values, which are neither logged nor shown.
fn missing_member(error: &str) -> Option<&str> {
    error.strip_prefix("missing field `")?.split('`').next()
}

impl<S, C> FromRequestParts<S> for AuthenticatedUser<C>
where
    Authenticator: FromRef<S>,
    S: Send + Sync,
    C: DeserializeOwned,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let authenticated = Authenticator::from_ref(state).of_request(Borrowed::from(&*parts)).await?;
        // The next extractor of this request finds it there.
        parts.extensions.insert(authenticated.clone());
        Self::new(authenticated)
    }
}

impl<S, C> OptionalFromRequestParts<S> for AuthenticatedUser<C>
where
    Authenticator: FromRef<S>,
    S: Send + Sync,
    C: DeserializeOwned,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refused> {
        // A layer that has verified the token may have been followed by one that removes the header.
        let authenticator = Authenticator::from_ref(state);
        let is_known = authenticator.known(&parts.extensions).is_some();
        if !is_known && authenticator.is_without_token(Borrowed::from(&*parts)) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}

/// The scopes that a handler needs, as a type. See [`Scoped`].
pub trait Scopes {
    /// A token must have all of them.
    const REQUIRED: &'static [&'static str];
}

/// The user whose token came with the request and has the scopes of `R`. A token without them is 403 `insufficient_scope`.
///
/// ```
/// use edge_assay_axum::{Scoped, Scopes};
///
/// struct WriteProfiles;
///
/// impl Scopes for WriteProfiles {
///     const REQUIRED: &'static [&'static str] = &["profiles:write"];
/// }
///
/// async fn create(Scoped(user, ..): Scoped<WriteProfiles>) -> String {
///     format!("{} may write", user.subject())
/// }
/// # let _: axum::Router<edge_assay_axum::Authenticator> = axum::Router::new().route("/profiles", axum::routing::post(create));
/// ```
pub struct Scoped<R, C = NoClaims>(
    /// The user.
    pub AuthenticatedUser<C>,
    /// The scopes, which have no value.
    pub PhantomData<fn() -> R>,
);

impl<R, C: fmt::Debug> fmt::Debug for Scoped<R, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Scoped").field(&self.0).finish()
    }
}

impl<S, R, C> FromRequestParts<S> for Scoped<R, C>
where
    Authenticator: FromRef<S>,
    S: Send + Sync,
    R: Scopes,
    C: DeserializeOwned,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let user = <AuthenticatedUser<C> as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        user.require_scopes(R::REQUIRED)?;
        Ok(Self(user, PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_claim_is_named_and_a_value_is_not() {
        #[derive(Debug, Deserialize)]
        struct Claims {
            #[expect(dead_code, reason = "only its type matters")]
            email: String,
        }
        // The lint is about JSON from outside.
        #[expect(clippy::disallowed_methods)]
        let error = |text| serde_json::from_str::<Claims>(text).unwrap_err().to_string();
        assert_eq!(missing_member(&error("{}")), Some("email"));
        assert_eq!(missing_member(&error("{\"email\":7}")), None);
    }
}
