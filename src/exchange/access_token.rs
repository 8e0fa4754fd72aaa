//! Issues an access token of our own (RFC 9068). The token endpoint's clients and the gateway go through the same steps.

use super::mint::Minted;
use super::policy::{self, Target};
use super::refusal::{Role, TokenError};
use super::{Exchange, delegation};
use crate::claims::directory;
use crate::ports::Platform;
use crate::signing::Checks;
use crate::time::Timestamp;
use crate::verify::VerifiedToken;

/// The media type of RFC 9068 §2.1.
const MEDIA_TYPE: &str = "at+jwt";

/// A request for an access token.
pub struct Wanted<'w> {
    /// The verified token of the subject.
    pub subject: &'w VerifiedToken,
    /// The parameter that held the subject's token.
    pub role: Role,
    /// The verified token of the actor, if one acts for the subject.
    pub actor: Option<&'w VerifiedToken>,
    /// The targets that the token is for.
    pub targets: &'w [&'w Target],
    /// The requested scope, if there is one.
    pub scope: Option<&'w str>,
    /// The `client_id` of the client.
    pub client_id: &'w str,
    /// Which signatures are verified.
    pub checks: Checks,
}

/// Issues a token at `now`, and returns it with its scope, which is empty if none is granted.
///
/// # Errors
/// [`TokenError`] at the first rule that is broken, or at a fault.
pub async fn issue<P: Platform>(
    exchange: &Exchange,
    platform: &P,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<(Minted, String), TokenError> {
    let granted = granted(exchange, platform, wanted, now).await?;
    let minted =
        granted.draft.sign(MEDIA_TYPE, exchange.keys()?, &granted.series, platform, wanted.checks).await?;
    Ok((minted, granted.scope))
}

/// Checks everything that [`issue`] checks before it signs.
///
/// # Errors
/// As [`issue`].
pub async fn check<P: Platform>(
    exchange: &Exchange,
    platform: &P,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<(), TokenError> {
    granted(exchange, platform, wanted, now).await?;
    exchange.keys()?;
    Ok(())
}

/// What the policy grants: the draft of the token, not signed yet.
async fn granted<P: Platform>(
    exchange: &Exchange,
    platform: &P,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<policy::Granted, TokenError> {
    let Wanted { subject, role, actor, targets, scope, client_id, .. } = *wanted;
    let act = delegation::act(subject, actor, targets)?;
    let facts = directory::facts(subject, exchange.directory.as_deref(), platform).await?;
    let mut granted = policy::grant(subject, &facts, targets, scope, role, now)?;
    if let Some(actor) = actor {
        let refused = |rejection| TokenError::Token { role: Role::Actor, rejection };
        granted.draft.limit_to(actor).map_err(refused)?;
    }
    granted.draft.set("iss", &exchange.issuer);
    granted.draft.set("client_id", &client_id);
    if let Some(act) = act {
        granted.draft.set("act", &act);
    }
    Ok(granted)
}
