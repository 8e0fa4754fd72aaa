//! Who acts for whom: `may_act` and `act` (RFC 8693 §§4.1, 4.4).

use serde_json::{Map, Value, json};

use super::policy::Target;
use super::refusal::ActorError;
use crate::limits;
use crate::verify::VerifiedToken;

/// The `act` claim of a token for `subject`: `actor` outermost if there is one, and who acted before behind it; `None`
/// when nobody ever acted.
///
/// # Errors
/// [`ActorError`] when the actor may not: what the subject token says in `may_act` decides, and only where it says
/// nothing, every target's configuration.
pub fn act(
    subject: &VerifiedToken,
    actor: Option<&VerifiedToken>,
    targets: &[&Target],
) -> Result<Option<Value>, ActorError> {
    let former = subject.claims().get("act").map(|act| history(&act, 1)).transpose()?;
    let Some(actor) = actor else { return Ok(former) };
    let name = actor.claims().subject.as_deref().ok_or(ActorError::NoSubject)?;
    if let Some(may_act) = subject.claims().get("may_act") {
        let issuer = may_act.get("iss").map_or(Some(subject.issuer()), Value::as_str);
        if issuer != Some(actor.issuer()) || may_act.get("sub").and_then(Value::as_str) != Some(name) {
            return Err(ActorError::MayAct);
        }
    } else {
        let lists = |target: &&Target| {
            target.actors.iter().any(|one| one.issuer == actor.issuer() && one.subject == name)
        };
        if !targets.iter().all(lists) {
            return Err(ActorError::NotListed);
        }
    }
    let mut act = json!({ "iss": actor.issuer(), "sub": name });
    if let (Some(former), Some(members)) = (former, act.as_object_mut()) {
        history(&former, 2)?;
        members.insert("act".to_owned(), former);
    }
    Ok(Some(act))
}

/// A former `act`, which has to name somebody, with nothing but who it was: `exp`, `aud` and the like have no meaning in it (§4.1).
fn history(act: &Value, depth: usize) -> Result<Value, ActorError> {
    if depth > limits::MAX_ACTORS {
        return Err(ActorError::TooMany);
    }
    if !act.is_object() {
        return Err(ActorError::Malformed);
    }
    let mut kept = Map::new();
    for member in ["iss", "sub", "client_id"] {
        if let Some(value) = act.get(member).filter(|value| value.is_string()) {
            kept.insert(member.to_owned(), value.clone());
        }
    }
    if kept.is_empty() {
        return Err(ActorError::Malformed);
    }
    if let Some(before) = act.get("act") {
        kept.insert("act".to_owned(), history(before, depth.saturating_add(1))?);
    }
    Ok(Value::Object(kept))
}
