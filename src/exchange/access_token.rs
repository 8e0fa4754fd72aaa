//! An access token of ours (RFC 9068): the same steps whoever asks, the token endpoint's client or the gateway for its upstream.

use super::facts::Facts;
use super::mint::Minted;
use super::policy::{self, Target};
use super::refusal::{Role, TokenError};
use super::{Exchange, delegation};
use crate::ports::Platform;
use crate::time::Timestamp;
use crate::verify::VerifiedToken;

/// The media type of RFC 9068 §2.1.
const MEDIA_TYPE: &str = "at+jwt";

/// What is asked for, by whom and on whose behalf.
pub struct Wanted<'w> {
    /// Whose token it is to be.
    pub subject: &'w VerifiedToken,
    /// What the subject's token was sent as.
    pub role: Role,
    /// Who acts for the subject.
    pub actor: Option<&'w VerifiedToken>,
    /// For whom it is.
    pub targets: &'w [&'w Target],
    /// The scope, if one is asked for.
    pub scope: Option<&'w str>,
    /// The `client_id` of who asks.
    pub client_id: &'w str,
}

/// Issues it at `now`, and says which scope it has; empty when there is none.
///
/// # Errors
/// The first rule that is broken, and faults of ours.
pub async fn issue<P: Platform>(
    exchange: &Exchange,
    platform: &P,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<(Minted, String), TokenError> {
    let granted = granted(exchange, platform, wanted, now).await?;
    let minted = granted.draft.sign(MEDIA_TYPE, exchange.keys()?, &granted.series, platform)?;
    Ok((minted, granted.scope))
}

/// Whether [`issue`] would issue it, as far as that can be told without signing.
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

/// What the policy grants, drafted and not signed.
async fn granted<P: Platform>(
    exchange: &Exchange,
    platform: &P,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<policy::Granted, TokenError> {
    let Wanted { subject, role, actor, targets, scope, client_id } = *wanted;
    let act = delegation::act(subject, actor, targets)?;
    let facts = Facts::gather(subject, exchange.directory.as_deref(), platform).await?;
    let mut granted = policy::grant(subject, &facts, targets, scope, role, now)?;
    if let Some(actor) = actor {
        let refused = |rejection| TokenError::Token { role: Role::Actor, rejection };
        granted.draft.end_with(actor).map_err(refused)?;
    }
    granted.draft.set("iss", &exchange.issuer);
    granted.draft.set("client_id", &client_id);
    if let Some(act) = act {
        granted.draft.set("act", &act);
    }
    Ok(granted)
}
