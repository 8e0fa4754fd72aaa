//! Delegation: the claims `act` and `may_act` (RFC 8693 §4.1 and §4.4).

use serde_json::{Map, Value};

use super::policy::Target;
use super::refusal::ActorError;
use crate::limits;
use crate::members::json;
use crate::verify::VerifiedToken;

/// The `act` claim of a token for `subject`: `actor`, if there is one, as the outermost object, and the former actors nested in
/// it. `None` if the request has no actor and the subject token has no `act`.
///
/// # Errors
/// [`ActorError`] if the actor may not act for the subject. The `may_act` of the subject token decides; if there is none, the
/// `actors` of every target must list the actor.
pub fn act(
    subject: &VerifiedToken,
    actor: Option<&VerifiedToken>,
    targets: &[&Target],
) -> Result<Option<Value>, ActorError> {
    let former = subject.claims().get("act").map(|act| former_actors(&act, 1)).transpose()?;
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
        former_actors(&former, 2)?;
        members.insert("act".to_owned(), former);
    }
    Ok(Some(act))
}

/// The `act` of the subject token, reduced to the members that identify the actors: `exp`, `aud` and the like have no meaning in
/// it (RFC 8693 §4.1). Each level must identify an actor.
fn former_actors(act: &Value, depth: usize) -> Result<Value, ActorError> {
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
        kept.insert("act".to_owned(), former_actors(before, depth.saturating_add(1))?);
    }
    Ok(Value::Object(kept))
}
