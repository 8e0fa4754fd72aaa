//! The rules for a token's header and claims, checked after its signature (RFC 7519 §4.1, RFC 9068 §4).
//!
//! [`ClaimRules::violations`] returns all rules that a token violates, in the order of the rejection codes. Verification reports
//! the first.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::classes::ClassRule;
use super::conditions::Condition;
use super::facts::Facts;
use super::media_type::media_subtype;
use crate::jose::json;
use crate::jose::object::step_into;
use crate::jose::token::{Claims, Header};
use crate::rejection::{Rejection, excerpt};
use crate::time::Timestamp;

/// The rules for the tokens of an issuer.
#[derive(Clone, Debug)]
pub struct ClaimRules {
    /// The accepted `typ` values. They are compared case-insensitively and without `application/` (RFC 7515 §4.1.9).
    pub types: Vec<String>,
    /// Whether `typ` must be present.
    pub require_type: bool,
    /// The rule for `aud`.
    pub audience: AudienceRule,
    /// The accepted `azp` values; `None`: not checked.
    pub authorized_parties: Option<Vec<String>>,
    /// The claims that must be present and neither null nor an empty string, as names or JSON Pointers (RFC 6901).
    pub required_claims: Vec<String>,
    /// The scopes that the token must grant.
    pub required_scopes: Vec<String>,
    /// The accepted classes of the provider's tokens; `None`: the provider has no classes, or is not known.
    pub classes: Option<ClassRule>,
    /// Further conditions on claims and header, all of which must hold.
    pub require: Vec<Condition>,
    /// What to do with a token that is bound to a key.
    pub confirmation: Confirmation,
    /// The maximum age since `iat`, in seconds.
    pub max_age_seconds: Option<u64>,
    /// The tolerated difference between clocks, in seconds.
    pub leeway_seconds: u64,
}

/// What to do with a token whose claim `cnf` binds it to a key (RFC 7800), and that was sent without proof of the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confirmation {
    /// It is refused: whoever has stolen it must not be able to use it (RFC 9449 §7.1, RFC 8705 §3).
    #[default]
    Refuse,
    /// It is accepted as a bearer token, and `cnf` is ignored.
    Ignore,
}

impl Confirmation {
    /// Their names in a configuration.
    pub const NAMES: &'static [(&'static str, Self)] = &[("refuse", Self::Refuse), ("ignore", Self::Ignore)];
}

/// The rule for `aud`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudienceRule {
    /// Any value, or none. The configuration must name this rule; leaving the field out does not select it.
    Unchecked,
    /// `aud` must contain at least one of these.
    AnyOf(Vec<String>),
    /// `aud` must contain all of these.
    AllOf(Vec<String>),
}

impl AudienceRule {
    fn accepts<S: AsRef<str>>(&self, audience: &[S]) -> bool {
        let has = |wanted: &String| audience.iter().any(|one| one.as_ref() == wanted);
        match self {
            Self::Unchecked => true,
            Self::AnyOf(wanted) => wanted.iter().any(has),
            Self::AllOf(wanted) => wanted.iter().all(has),
        }
    }

    /// The required audiences, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Unchecked => "any".to_owned(),
            Self::AnyOf(wanted) => match wanted.as_slice() {
                [one] => format!("\"{one}\""),
                several => format!("one of {}", quoted(several)),
            },
            Self::AllOf(wanted) => format!("all of {}", quoted(wanted)),
        }
    }
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

impl ClaimRules {
    /// Every rule that the token violates at `now`, in the order of the codes; empty if it violates none.
    #[must_use]
    pub fn violations(&self, header: &Header, claims: &Claims, now: Timestamp) -> Vec<Rejection> {
        [
            self.type_violation(header),
            self.expiry_violation(claims, now),
            self.not_before_violation(claims, now),
            self.issued_at_violation(claims, now),
            self.age_violation(claims, now),
            self.audience_violation(header, claims),
            self.authorized_party_violation(claims),
        ]
        .into_iter()
        .flatten()
        .chain(self.missing_claims(claims))
        .chain(self.class_violation(header, claims))
        .chain(self.failed_conditions(header, claims))
        .chain(self.proof_violation(claims))
        .chain(scope_violation(claims, &self.required_scopes))
        .collect()
    }

    fn type_violation(&self, header: &Header) -> Option<Rejection> {
        let accepted = match &header.typ {
            None => !self.require_type,
            Some(typ) => self
                .types
                .iter()
                .any(|accepted| media_subtype(accepted).eq_ignore_ascii_case(media_subtype(typ))),
        };
        (!accepted).then(|| Rejection::TypeNotAllowed {
            found: header.typ.as_deref().map(excerpt),
            accepted: self.types.clone(),
        })
    }

    fn expiry_violation(&self, claims: &Claims, now: Timestamp) -> Option<Rejection> {
        let Some(expires_at) = claims.expires_at else {
            return Some(Rejection::ClaimMissing { claim: "exp".to_owned() });
        };
        (expires_at.plus(self.leeway_seconds) <= now).then_some(Rejection::TokenExpired { expires_at, now })
    }

    fn not_before_violation(&self, claims: &Claims, now: Timestamp) -> Option<Rejection> {
        claims
            .not_before
            .filter(|not_before| *not_before > now.plus(self.leeway_seconds))
            .map(|not_before| Rejection::TokenNotYetValid { not_before, now })
    }

    fn issued_at_violation(&self, claims: &Claims, now: Timestamp) -> Option<Rejection> {
        claims
            .issued_at
            .filter(|issued_at| *issued_at > now.plus(self.leeway_seconds))
            .map(|issued_at| Rejection::TokenIssuedInFuture { issued_at, now })
    }

    fn age_violation(&self, claims: &Claims, now: Timestamp) -> Option<Rejection> {
        let max_age_seconds = self.max_age_seconds?;
        let too_old = claims
            .issued_at
            .is_none_or(|issued_at| issued_at.plus(max_age_seconds).plus(self.leeway_seconds) < now);
        too_old.then(|| Rejection::TokenTooOld {
            age_seconds: claims.issued_at.map(|issued_at| now.since(issued_at)),
            max_age_seconds,
        })
    }

    /// Whether a token can tell this issuer from another with the same `iss`: by its audience or by a condition.
    #[must_use]
    pub fn tell_apart(&self) -> bool {
        self.audience != AudienceRule::Unchecked || !self.require.is_empty()
    }

    /// Whether a token with this header and these claims has the audience and meets the conditions.
    #[must_use]
    pub fn choose(&self, header: &Header, claims: &Claims) -> bool {
        self.audience_violation(header, claims).is_none() && self.failed_conditions(header, claims).is_empty()
    }

    fn audience_violation(&self, header: &Header, claims: &Claims) -> Option<Rejection> {
        if self.audience == AudienceRule::Unchecked {
            return None;
        }
        match claims.audience.as_deref() {
            None | Some([]) => match self.stand_in_for_audience(header, claims) {
                Some((claim, value)) => self.mismatch(claim, &[value]),
                None => Some(Rejection::AudienceMissing { expected: self.audience.in_words() }),
            },
            Some(audience) => self.mismatch("aud", audience),
        }
    }

    fn mismatch<S: AsRef<str>>(&self, claim: &'static str, audience: &[S]) -> Option<Rejection> {
        (!self.audience.accepts(audience)).then(|| Rejection::AudienceMismatch {
            claim,
            found: audience.iter().take(MAX_SHOWN).map(|one| excerpt(one.as_ref())).collect(),
            expected: self.audience.in_words(),
        })
    }

    /// The claim that names the audience of such tokens in place of `aud`, and its value.
    fn stand_in_for_audience<'c>(
        &self,
        header: &Header,
        claims: &'c Claims,
    ) -> Option<(&'static str, Cow<'c, str>)> {
        let claim = self.classes.as_ref()?.class_of(header, claims)?.audience_in?;
        Some((claim, claims.members().string(claim)?))
    }

    fn authorized_party_violation(&self, claims: &Claims) -> Option<Rejection> {
        let expected = self.authorized_parties.as_ref()?;
        match &claims.authorized_party {
            None => Some(Rejection::AuthorizedPartyMissing { expected: expected.clone() }),
            Some(found) if expected.contains(found) => None,
            Some(found) => {
                Some(Rejection::AuthorizedPartyMismatch { found: excerpt(found), expected: expected.clone() })
            }
        }
    }

    fn missing_claims(&self, claims: &Claims) -> impl Iterator<Item = Rejection> {
        self.required_claims
            .iter()
            // `expiry_violation` reports a missing `exp`.
            .filter(|claim| *claim != "exp" && !has(claims, claim))
            .map(|claim| Rejection::ClaimMissing { claim: claim.clone() })
    }

    fn class_violation(&self, header: &Header, claims: &Claims) -> Option<Rejection> {
        let rule = self.classes.as_ref()?;
        let accepted = rule.accepted.as_ref()?;
        let found = rule.class_of(header, claims);
        (!rule.accepts(found))
            .then(|| Rejection::TokenClassRefused { found: rule.in_words(found), accepted: accepted.clone() })
    }

    /// The conditions that do not hold: first those about the kind of token.
    fn failed_conditions(&self, header: &Header, claims: &Claims) -> Vec<Rejection> {
        let facts = Facts::of(header, claims);
        let mut failed = Vec::new();
        // Two passes, because a sort would be compiled for them alone.
        for is_about_kind in [true, false] {
            let of_these = self.require.iter().filter(|one| one.about.tells_kinds_apart() == is_about_kind);
            failed.extend(of_these.filter(|one| !one.holds(&facts)).map(Condition::rejection));
        }
        failed
    }

    fn proof_violation(&self, claims: &Claims) -> Option<Rejection> {
        let is_refused = claims.is_bound_to_a_key && self.confirmation == Confirmation::Refuse;
        is_refused.then_some(Rejection::ProofRequired)
    }
}

/// The maximum number of a token's audiences that a rejection contains.
const MAX_SHOWN: usize = 8;

/// The claim that `path` names, as its text. `path` is a JSON Pointer (RFC 6901) if it starts with a slash, otherwise the name of a
/// member.
fn raw_at<'c>(claims: &'c Claims, path: &str) -> Option<&'c str> {
    let Some(pointer) = path.strip_prefix('/') else {
        return claims.members().raw(path);
    };
    let mut steps = pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
    let first = claims.members().raw(&steps.next()?)?;
    // Most pointers have one step. Then no value needs to be parsed.
    let Some(second) = steps.next() else { return Some(first) };
    let value = step_into(json::raw(first)?, &second)?;
    steps.try_fold(value, |value, step| step_into(value, &step)).map(RawValue::get)
}

/// Whether the claim that `path` names is present, is not null and is not an empty string.
#[must_use]
pub fn has(claims: &Claims, path: &str) -> bool {
    raw_at(claims, path).is_some_and(|value| !matches!(value, "null" | "\"\""))
}

/// The claim that `path` names. `path` is a JSON Pointer (RFC 6901) if it starts with a slash, otherwise the name of a member.
#[must_use]
pub fn claim_at(claims: &Claims, path: &str) -> Option<Value> {
    json::parse_value(raw_at(claims, path)?).ok()
}

/// [`Rejection::ScopeInsufficient`] if the token does not grant all of `required`.
#[must_use]
pub fn scope_violation(claims: &Claims, required: &[impl AsRef<str>]) -> Option<Rejection> {
    if required.is_empty() {
        return None;
    }
    let granted = scopes(claims);
    let required = || required.iter().map(AsRef::as_ref);
    let is_missing = |scope: &&str| !granted.iter().any(|one| one == *scope);
    let missing: Vec<String> = required().filter(is_missing).map(str::to_owned).collect();
    (!missing.is_empty())
        .then(|| Rejection::ScopeInsufficient { required: required().map(str::to_owned).collect(), missing })
}

/// The scopes that a token grants, from `scope`, or from `scp` if there is no `scope`. Both may be one string (RFC 8693 §4.2) or, as
/// some providers write them, a list.
#[must_use]
pub fn scopes(claims: &Claims) -> Vec<Cow<'_, str>> {
    let is_scope = |scope: &&str| !scope.is_empty();
    let owned = |scope: &str| Cow::Owned(scope.to_owned());
    let name = if claims.members().contains("scope") { "scope" } else { "scp" };
    match claims.members().string(name) {
        // Nearly every token: no copy is needed.
        Some(Cow::Borrowed(text)) => text.split(' ').filter(is_scope).map(Cow::Borrowed).collect(),
        Some(Cow::Owned(text)) => text.split(' ').filter(is_scope).map(owned).collect(),
        None => match claims.get(name) {
            Some(Value::Array(scopes)) => scopes.iter().filter_map(Value::as_str).map(owned).collect(),
            _ => Vec::new(),
        },
    }
}
