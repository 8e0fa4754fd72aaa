//! For whom tokens are issued, to whom, and what they may hold: the configured targets and the decision about one request.
//!
//! Pure: what a token proves and what a directory says comes in as [`Facts`], and a [`Draft`] goes out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::clients::Caller;
use super::conditions::Condition;
use super::facts::{Facts, Pointer};
use super::mapping::{self, Mapping};
use super::mint::Draft;
use super::refusal::{ClientError, Role, ScopeError, TargetError, TokenError};
use crate::jose::Algorithm;
use crate::rejection::Rejection;
use crate::signing::Series;
use crate::time::Timestamp;
use crate::trust::claims::scopes;
use crate::verify::VerifiedToken;

/// Somebody for whom tokens are issued, and on which terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its `aud`.
    pub audience: String,
    /// Whose tokens it takes, by exact `iss`.
    pub from: Vec<String>,
    /// What its tokens are signed under.
    pub algorithm: Algorithm,
    /// The longest life of its tokens.
    pub ttl_seconds: u64,
    /// The scopes that may be granted.
    pub scopes: Vec<String>,
    /// Those granted when none is asked for.
    pub default_scopes: Vec<String>,
    /// Whether what is granted has to lie in the subject token's own `scope`, when it has one.
    pub within_subject_scope: bool,
    /// What becomes `sub`.
    pub subject: SubjectRule,
    /// What must hold of a subject.
    pub when: Vec<Condition>,
    /// Further claims.
    pub claims: Vec<Mapping>,
    /// Whether clients need not authenticate.
    pub public_clients: bool,
    /// Who may act for its subjects when their tokens do not say.
    pub actors: Vec<Actor>,
}

/// Somebody who may act for a target's subjects, by exact `iss` and `sub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who issued the actor's token.
    pub issuer: String,
    /// The actor.
    pub subject: String,
}

/// What becomes `sub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectRule {
    /// The subject token's own.
    Own,
    /// `<iss>|<sub>`. No issuer of such a target holds a `|`, so no two people get one name.
    Prefixed,
    /// What stands elsewhere.
    Claim(Pointer),
}

impl Target {
    /// The keys that its tokens are signed with.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::of(self.algorithm, &self.audience)
    }

    /// The claims that its own policy gives, by name.
    fn own_claims(&self, facts: &Facts<'_>) -> Result<BTreeMap<String, Box<RawValue>>, Rejection> {
        Ok(mapping::apply(&self.claims, facts)?.into_iter().collect())
    }
}

impl SubjectRule {
    fn apply(&self, token: &VerifiedToken, facts: &Facts<'_>) -> Result<String, Rejection> {
        let missing = |claim: &str| Rejection::ClaimMissing { claim: claim.to_owned() };
        let own =
            || token.claims().subject.as_deref().filter(|sub| !sub.is_empty()).ok_or_else(|| missing("sub"));
        match self {
            Self::Own => own().map(str::to_owned),
            Self::Prefixed => Ok(format!("{}|{}", token.issuer(), own()?)),
            Self::Claim(pointer) => match facts.value(pointer) {
                Some(serde_json::Value::String(text)) if !text.is_empty() => Ok(text),
                _ => Err(missing(pointer.as_str())),
            },
        }
    }
}

/// The targets that `audience` and `resource` parameters name, each once, in their order.
///
/// # Errors
/// [`TargetError`] at the first that is unknown or malformed: several targets are all granted, or none is.
pub fn named<'t>(
    targets: &'t [Target],
    audiences: &[&str],
    resources: &[&str],
) -> Result<Vec<&'t Target>, TargetError> {
    if !resources.iter().all(|resource| is_absolute_uri(resource)) {
        return Err(TargetError::Resource);
    }
    let mut named: Vec<&Target> = Vec::new();
    for name in audiences.iter().chain(resources) {
        let target = targets
            .iter()
            .find(|target| target.audience == *name)
            .ok_or_else(|| slash_away(targets, name).unwrap_or(TargetError::Unknown))?;
        if !named.iter().any(|known| known.audience == target.audience) {
            named.push(target);
        }
    }
    Ok(named)
}

/// The fault that names the target which is meant, if only a slash at the end is too many or too few.
fn slash_away(targets: &[Target], name: &str) -> Option<TargetError> {
    let bare = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
    let meant = targets.iter().find(|target| bare(&target.audience) == bare(name))?;
    Some(TargetError::Slash { audience: meant.audience.clone() })
}

/// RFC 8693 §2.1: absolute, and without a fragment.
fn is_absolute_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
    })
}

/// The target that is meant when none is named: the only one that takes the issuer's tokens.
///
/// # Errors
/// [`TargetError::Unclear`] when there is none or another.
pub fn implied<'t>(targets: &'t [Target], issuer: &str) -> Result<&'t Target, TargetError> {
    let mut taking = targets.iter().filter(|target| target.from.iter().any(|from| from == issuer));
    match (taking.next(), taking.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(TargetError::Unclear),
    }
}

/// Whether the caller may ask for tokens for these targets.
///
/// # Errors
/// `invalid_client` where a public one may not, `unauthorized_client` where this registered one may not.
pub fn admit(caller: &Caller<'_>, targets: &[&Target]) -> Result<(), TokenError> {
    for target in targets {
        match caller {
            Caller::Public(_) if !target.public_clients => return Err(ClientError::Required.into()),
            Caller::Registered(client) if !client.targets.contains(&target.audience) => {
                return Err(TokenError::ClientNotAllowed { audience: target.audience.clone() });
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a target grants.
#[derive(Debug)]
pub struct Granted {
    /// The token, but for who asked and who acts.
    pub draft: Draft,
    /// The keys that it is signed with.
    pub series: Series,
    /// Its scope; empty when there is none.
    pub scope: String,
}

/// Decides about one subject, for one or several targets at once: what is refused for one of them is refused whole.
///
/// One token for several targets says to each of them what it says to all. So each target's subject, claims and keys are
/// worked out on their own, and all of them have to be the same: a claim that only one target gives is one that the others'
/// policies do not grant.
///
/// # Errors
/// The first rule that is broken, in the order issuer, conditions, scope, keys, subject, claims.
pub fn grant(
    token: &VerifiedToken,
    facts: &Facts<'_>,
    targets: &[&Target],
    asked: Option<&str>,
    role: Role,
    now: Timestamp,
) -> Result<Granted, TokenError> {
    let refused = |rejection| TokenError::Token { role, rejection };
    for target in targets {
        if !target.from.iter().any(|issuer| issuer == token.issuer()) {
            return Err(TargetError::Issuer { audience: target.audience.clone() }.into());
        }
        check_conditions(target, facts)?;
    }
    let (first, others) = targets.split_first().ok_or(TargetError::Unclear)?;
    if others.iter().any(|target| target.algorithm != first.algorithm) {
        return Err(TargetError::Apart("algorithms").into());
    }
    let series = first.series();
    if others.iter().any(|target| target.series() != series) {
        return Err(TargetError::Apart("shared secrets").into());
    }
    let scope = granted_scope(token, targets, asked)?;
    let ttl_seconds = targets.iter().map(|target| target.ttl_seconds).min().unwrap_or_default();
    let mut draft = Draft::new(token, ttl_seconds, now).map_err(refused)?;
    let subject = first.subject.apply(token, facts).map_err(refused)?;
    let claims = first.own_claims(facts).map_err(refused)?;
    for target in others {
        if target.subject.apply(token, facts).map_err(refused)? != subject {
            return Err(TargetError::Apart("subjects").into());
        }
        let own = target.own_claims(facts).map_err(refused)?;
        if !texts(&own).eq(texts(&claims)) {
            return Err(TargetError::Apart("claims").into());
        }
    }
    for (name, value) in claims {
        draft.set_raw(name, value);
    }
    draft.set("sub", &subject);
    match targets {
        [only] => draft.set("aud", &only.audience),
        several => draft.set("aud", &several.iter().map(|target| &target.audience).collect::<Vec<_>>()),
    }
    if !scope.is_empty() {
        draft.set("scope", &scope);
    }
    Ok(Granted { draft, series, scope })
}

/// Claims in the text that they will be written in, by name.
fn texts(claims: &BTreeMap<String, Box<RawValue>>) -> impl Iterator<Item = (&str, &str)> {
    claims.iter().map(|(name, value)| (name.as_str(), value.get()))
}

fn check_conditions(target: &Target, facts: &Facts<'_>) -> Result<(), TargetError> {
    match target.when.iter().find(|condition| !condition.holds(facts)) {
        None => Ok(()),
        Some(broken) => Err(TargetError::Condition {
            audience: target.audience.clone(),
            claim: broken.claim.as_str().to_owned(),
            rule: broken.test.name(),
        }),
    }
}

/// What is granted: what is asked for, if every target grants it and it widens nothing; else what every target grants by
/// default, as far as it widens nothing.
fn granted_scope(
    token: &VerifiedToken,
    targets: &[&Target],
    asked: Option<&str>,
) -> Result<String, ScopeError> {
    let mut own = BTreeSet::new();
    own.extend(scopes(token.claims()));
    let has_own = ["scope", "scp"].iter().any(|name| token.claims().members().contains(name));
    let bounded = has_own && targets.iter().any(|target| target.within_subject_scope);
    let within = |scope: &str| !bounded || own.contains(scope);
    let Some(asked) = asked else {
        let everywhere = |scope: &&String| targets.iter().all(|target| target.default_scopes.contains(scope));
        let defaults = targets.first().into_iter().flat_map(|target| &target.default_scopes);
        let granted: Vec<&str> =
            defaults.filter(everywhere).map(String::as_str).filter(|scope| within(scope)).collect();
        return Ok(granted.join(" "));
    };
    let mut granted: Vec<&str> = Vec::new();
    for scope in asked.split(' ') {
        // RFC 6749, appendix A.4.
        let is_token =
            !scope.is_empty() && scope.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if !is_token {
            return Err(ScopeError::Malformed);
        }
        if let Some(target) = targets.iter().find(|target| !target.scopes.iter().any(|one| one == scope)) {
            let granted = if target.scopes.is_empty() { "none".to_owned() } else { target.scopes.join(" ") };
            return Err(ScopeError::NotGranted { audience: target.audience.clone(), granted });
        }
        if !within(scope) {
            return Err(ScopeError::Widening);
        }
        if !granted.contains(&scope) {
            granted.push(scope);
        }
    }
    Ok(granted.join(" "))
}
