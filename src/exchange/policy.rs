//! The configured targets with their policies, and the decision about one request.
//!
//! All functions are pure: the input is a verified token with its [`Facts`], the output is a [`Draft`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::clients::Caller;
use super::mapping::{self, Mapping};
use super::mint::Draft;
use super::refusal::{ClientError, Role, ScopeError, TargetError, TokenError};
use crate::claims::conditions::Condition;
use crate::claims::facts::{Facts, Pointer};
use crate::jose::Algorithm;
use crate::rejection::Rejection;
use crate::signing::Series;
use crate::time::Timestamp;
use crate::trust::claims::scopes;
use crate::verify::VerifiedToken;

/// An audience for which tokens are issued, and its policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The `aud` of its tokens.
    pub audience: String,
    /// The issuers whose tokens it accepts, by exact `iss`.
    pub from: Vec<String>,
    /// The algorithm that its tokens are signed with.
    pub algorithm: Algorithm,
    /// The longest lifetime of its tokens, in seconds.
    pub ttl_seconds: u64,
    /// The scopes that may be granted.
    pub scopes: Vec<String>,
    /// The scopes that are granted if the request names none.
    pub default_scopes: Vec<String>,
    /// Whether only scopes in the subject token's own `scope` are granted, if it has one.
    pub within_subject_scope: bool,
    /// The rule for `sub`.
    pub subject: SubjectRule,
    /// The conditions that must hold for the subject.
    pub when: Vec<Condition>,
    /// Further claims.
    pub claims: Vec<Mapping>,
    /// Whether clients may request its tokens without authentication.
    pub public_clients: bool,
    /// The actors that may act for subjects whose tokens have no `may_act`.
    pub actors: Vec<Actor>,
}

/// An actor that may act for a target's subjects, by exact `iss` and `sub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The `iss` of the actor's token.
    pub issuer: String,
    /// The `sub` of the actor's token.
    pub subject: String,
}

/// The rule for the `sub` of issued tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectRule {
    /// The subject token's `sub`.
    Own,
    /// `<iss>|<sub>` of the subject token. No issuer of such a target contains a `|`, so two subjects never get the same `sub`.
    Prefixed,
    /// The value of another claim, or of a member of the directory's record.
    Claim(Pointer),
}

impl Target {
    /// The keys that its tokens are signed with.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::of(self.algorithm, &self.audience)
    }

    /// The claims that its policy adds, by name.
    fn own_claims(&self, facts: &Facts<'_>) -> Result<BTreeMap<String, Box<RawValue>>, Rejection> {
        let mut own = BTreeMap::new();
        // `collect` would compile a sort for these pairs.
        for (name, value) in mapping::apply(&self.claims, facts)? {
            own.insert(name, value);
        }
        Ok(own)
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

/// The targets that the parameters `audience` and `resource` name, in their order, without repetitions.
///
/// # Errors
/// [`TargetError`] at the first name that is unknown or malformed: either all requested targets are granted, or none.
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
            .ok_or_else(|| differs_by_slash(targets, name).unwrap_or(TargetError::Unknown))?;
        if !named.iter().any(|known| known.audience == target.audience) {
            named.push(target);
        }
    }
    Ok(named)
}

/// The error that names the intended target, if `name` differs from its audience only by a slash at the end.
fn differs_by_slash(targets: &[Target], name: &str) -> Option<TargetError> {
    let bare = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
    let intended = targets.iter().find(|target| bare(&target.audience) == bare(name))?;
    Some(TargetError::Slash { audience: intended.audience.clone() })
}

/// Whether `text` is an absolute URI without a fragment (RFC 8693 §2.1).
fn is_absolute_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
    })
}

/// The target of a request that names none: the only target that accepts the issuer's tokens.
///
/// # Errors
/// [`TargetError::Unclear`] if there is none, or more than one.
pub fn only_target_for<'t>(targets: &'t [Target], token: &VerifiedToken) -> Result<&'t Target, TargetError> {
    let mut accepting = targets.iter().filter(|target| target.from.iter().any(|from| token.is_of(from)));
    match (accepting.next(), accepting.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(TargetError::Unclear),
    }
}

/// Checks that the caller may request tokens for these targets.
///
/// # Errors
/// [`ClientError::Required`] for a public client where a target requires a registered one, and
/// [`TokenError::ClientNotAllowed`] for a registered client that does not have a target.
pub fn check_caller(caller: &Caller<'_>, targets: &[&Target]) -> Result<(), TokenError> {
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

/// What the policies of the targets grant.
#[derive(Debug)]
pub struct Granted {
    /// The token without `iss`, `client_id` and `act`.
    pub draft: Draft,
    /// The series of keys that sign it.
    pub series: Series,
    /// Its scopes, separated by spaces; empty if there are none.
    pub scope: String,
}

/// Decides about one subject, for one or several targets at once. If one target refuses, the whole request is refused.
///
/// One token for several targets has the same content for all of them. Therefore the subject, the claims and the keys are
/// determined for each target separately and must be equal: a claim that only one target adds is one that the policies of the
/// others do not grant.
///
/// # Errors
/// [`TokenError`] for the first rule that is broken, in the order issuer, conditions, algorithm and keys, scope, lifetime,
/// subject, claims.
pub fn grant(
    token: &VerifiedToken,
    facts: &Facts<'_>,
    targets: &[&Target],
    requested: Option<&str>,
    role: Role,
    now: Timestamp,
) -> Result<Granted, TokenError> {
    let refused = |rejection| TokenError::Token { role, rejection };
    for target in targets {
        if !target.from.iter().any(|issuer| token.is_of(issuer)) {
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
    let scope = granted_scope(token, targets, requested)?;
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

/// The names of the claims with their JSON texts.
fn texts(claims: &BTreeMap<String, Box<RawValue>>) -> impl Iterator<Item = (&str, &str)> {
    claims.iter().map(|(name, value)| (name.as_str(), value.get()))
}

fn check_conditions(target: &Target, facts: &Facts<'_>) -> Result<(), TargetError> {
    match target.when.iter().find(|condition| !condition.holds(facts)) {
        None => Ok(()),
        Some(condition) => Err(TargetError::Condition {
            audience: target.audience.clone(),
            about: condition.about.clone(),
            rule: condition.test.name(),
        }),
    }
}

/// The granted scopes, separated by spaces. If the request names scopes: exactly those, provided that every target grants each
/// of them. If it names none: the scopes that every target grants by default. In both cases only scopes that the subject token
/// has itself, where a target requires that.
fn granted_scope(
    token: &VerifiedToken,
    targets: &[&Target],
    requested: Option<&str>,
) -> Result<String, ScopeError> {
    let mut own = BTreeSet::new();
    own.extend(scopes(token.claims()));
    let has_own = ["scope", "scp"].iter().any(|name| token.claims().members().contains(name));
    let bounded = has_own && targets.iter().any(|target| target.within_subject_scope);
    let within = |scope: &str| !bounded || own.contains(scope);
    let Some(requested) = requested else {
        let everywhere = |scope: &&String| targets.iter().all(|target| target.default_scopes.contains(scope));
        let defaults = targets.first().into_iter().flat_map(|target| &target.default_scopes);
        let granted: Vec<&str> =
            defaults.filter(everywhere).map(String::as_str).filter(|scope| within(scope)).collect();
        return Ok(granted.join(" "));
    };
    let mut granted: Vec<&str> = Vec::new();
    for scope in requested.split(' ') {
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
