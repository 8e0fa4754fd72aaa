//! One root cause for each outcome.
//!
//! The matches on [`Rejection`] and [`Fault`] are exhaustive and have no wildcard, so that a new reason cannot be released
//! without an explanation.

use super::Examination;
use super::advice::{self, Advice};
use super::cause::{Cause, CauseId};
use super::route::Routing;
use crate::config::ConfigFault;
use crate::limits::CLOCK_SKEW_SECONDS;
use crate::rejection::{Fault, Malformed, Missing, NoKey, Refusal, Rejection};
use crate::signing::keyring::BINDING as SIGNING_KEYS;

pub(super) fn of(examination: &Examination<'_>) -> Cause {
    let (id, advice) = match (&examination.routing, &examination.refusal, &examination.route_error) {
        // In the order of a live request's checks.
        (Routing::Refused(error), ..) => advice::request_refused(examination, error),
        (Routing::Preflight(route), Some(_), _) => (CauseId::TokenAbsent, advice::preflight(route)),
        (_, Some(Refusal::Rejection(rejection)), _) => of_rejection(examination, rejection),
        (_, Some(Refusal::Fault(fault)), _) => of_fault(examination, fault),
        (Routing::Route(route), None, Some(error)) => {
            advice::not_accepted_by_route(examination, route, error)
        }
        (_, None, _) => (CauseId::Accepted, advice::accepted(examination)),
    };
    let Advice { mut summary, fix } = advice;
    if let Some(sentence) = advice::class_of_token(examination)
        && !summary.contains(sentence.trim_end_matches('.'))
    {
        summary.push(' ');
        summary.push_str(&sentence);
    }
    Cause { id, summary, fix }
}

pub(super) fn of_configuration(faults: &[ConfigFault]) -> Cause {
    let Advice { summary, fix } = advice::configuration(faults);
    Cause { id: CauseId::Configuration, summary, fix }
}

/// No issuer is configured yet. The table to paste is the one of the token.
pub(super) fn of_no_issuer(examination: &Examination<'_>) -> Option<Cause> {
    let Advice { summary, fix } = advice::first_issuer(examination)?;
    Some(Cause { id: CauseId::Configuration, summary, fix })
}

fn of_rejection(examination: &Examination<'_>, rejection: &Rejection) -> (CauseId, Advice) {
    match rejection {
        Rejection::TokenMissing(Missing::Literal(word)) => (CauseId::LiteralNull, advice::literal(word)),
        Rejection::TokenMissing(Missing::Dpop) => (CauseId::ProofRequired, advice::dpop()),
        Rejection::TokenMissing(missing) => {
            (CauseId::TokenAbsent, advice::token_absent(examination, *missing))
        }
        Rejection::CrossSite { origin } => (CauseId::CrossSite, advice::cross_site(origin.as_deref())),
        Rejection::RequestAmbiguous(ambiguous) => (CauseId::RequestAmbiguous, advice::ambiguous(*ambiguous)),
        Rejection::TokenTooLarge { length, limit } => {
            (CauseId::TokenTooLarge, advice::too_large(*length, *limit))
        }
        Rejection::TokenMalformed(malformed) => of_malformed(examination, malformed),
        Rejection::HeaderUnsupported { member, reason } => {
            (CauseId::HeaderUnsupported, advice::header(member, reason))
        }
        Rejection::IssuerMissing => (CauseId::IssuerAbsent, advice::issuer_absent()),
        Rejection::IssuerUnknown { .. } => advice::issuer_unknown(examination),
        Rejection::AlgorithmUnsupported { algorithm } => {
            (CauseId::AlgorithmUnsupported, advice::algorithm_unsupported(algorithm))
        }
        Rejection::AlgorithmNotAllowed { algorithm, allowed } => {
            advice::algorithm_not_allowed(examination, algorithm, allowed)
        }
        Rejection::KeyDistrusted { kid } => {
            (CauseId::KeyDistrusted, advice::distrusted(examination, kid.as_deref()))
        }
        Rejection::KeyNotFound(no_key) => of_no_key(examination, no_key),
        Rejection::KeyUnusable { kid, reason } => {
            (CauseId::KeySetAside, advice::set_aside(kid.as_deref(), reason))
        }
        Rejection::SignatureInvalid { .. } => match examination.trail.algorithm {
            Some(algorithm) if algorithm.is_shared_secret() => {
                (CauseId::SharedSecretWrong, advice::wrong_secret(examination))
            }
            _ if examination.set_was_stale() => (CauseId::JwksStale, advice::stale(examination)),
            _ => (CauseId::SignatureWrong, advice::signature_wrong(examination)),
        },
        Rejection::TypeNotAllowed { found, accepted } => {
            (CauseId::TypeNotAllowed, advice::type_not_allowed(examination, found.as_deref(), accepted))
        }
        Rejection::TokenExpired { expires_at, now } => {
            (CauseId::Expired, advice::expired(examination, now.since(*expires_at)))
        }
        Rejection::TokenNotYetValid { not_before, now } => ahead(examination, "nbf", not_before.since(*now)),
        Rejection::TokenIssuedInFuture { issued_at, now } => ahead(examination, "iat", issued_at.since(*now)),
        Rejection::TokenTooOld { age_seconds, max_age_seconds } => {
            (CauseId::TooOld, advice::too_old(examination, *age_seconds, *max_age_seconds))
        }
        // Another kind of token lacks what the right kind has, so the kind is the cause.
        Rejection::AudienceMissing { .. }
        | Rejection::AudienceMismatch { .. }
        | Rejection::AuthorizedPartyMissing { .. }
        | Rejection::AuthorizedPartyMismatch { .. }
        | Rejection::ClaimMissing { .. }
            if examination.is_of_refused_class() =>
        {
            (CauseId::TokenClassRefused, advice::class_refused(examination))
        }
        Rejection::AudienceMissing { expected } => session_token(examination)
            .unwrap_or_else(|| (CauseId::AudienceAbsent, advice::audience_absent(examination, expected))),
        Rejection::AudienceMismatch { claim, found, expected } => {
            (CauseId::AudienceOther, advice::audience_other(examination, claim, found, expected))
        }
        Rejection::AuthorizedPartyMissing { expected } => {
            (CauseId::AuthorizedPartyAbsent, advice::party_absent(examination, expected))
        }
        Rejection::AuthorizedPartyMismatch { found, expected } => {
            (CauseId::AuthorizedPartyOther, advice::party_other(examination, found, expected))
        }
        Rejection::ClaimMissing { claim } if claim == "exp" => {
            (CauseId::ClaimAbsent, advice::no_expiry(examination))
        }
        Rejection::ClaimMissing { claim } => session_token(examination)
            .unwrap_or_else(|| (CauseId::ClaimAbsent, advice::claim_absent(examination, claim))),
        Rejection::TokenClassRefused { .. } => {
            (CauseId::TokenClassRefused, advice::class_refused(examination))
        }
        Rejection::ConditionFailed { is_about_kind, .. } => (
            if *is_about_kind { CauseId::TokenClassRefused } else { CauseId::ConditionFailed },
            advice::condition_failed(examination),
        ),
        Rejection::ProofRequired => (CauseId::ProofRequired, advice::proof_required(examination)),
        Rejection::ScopeInsufficient { missing, .. } => {
            (CauseId::ScopeInsufficient, advice::scope(examination, missing))
        }
    }
}

/// No key of the issuer is the token's.
fn of_no_key(examination: &Examination<'_>, no_key: &NoKey) -> (CauseId, Advice) {
    match no_key {
        NoKey::UnknownKid { .. } | NoKey::KeysWithoutKid { .. } if examination.set_was_stale() => {
            (CauseId::JwksStale, advice::stale(examination))
        }
        NoKey::UnknownKid { kid, .. } => (CauseId::KeyUnknown, advice::key_unknown(examination, kid)),
        NoKey::NotConfigured { kid, .. } => {
            (CauseId::KeyUnknown, advice::key_not_configured(examination, kid))
        }
        NoKey::KeysWithoutKid { kid, .. } => {
            (CauseId::KeyUnknown, advice::keys_without_kid(examination, kid))
        }
        NoKey::OtherTenant { .. } => (CauseId::KeyUnknown, advice::key_of_another_tenant(examination)),
        NoKey::OtherAlgorithm { kid, algorithm } => {
            (CauseId::AlgorithmMismatch, advice::other_algorithm(examination, kid, algorithm))
        }
        NoKey::NoneForAlgorithm { algorithm, .. } => advice::none_for_algorithm(examination, algorithm),
        NoKey::NoSharedSecret { algorithm } => {
            (CauseId::SharedSecretAbsent, advice::no_secret(examination, algorithm))
        }
    }
}

fn of_malformed(examination: &Examination<'_>, malformed: &Malformed) -> (CauseId, Advice) {
    match malformed {
        Malformed::Segments(1) => (CauseId::OpaqueKey, advice::opaque(examination)),
        Malformed::Unsigned => (CauseId::AlgorithmUnsupported, advice::unsigned(examination)),
        Malformed::Segments(_)
        | Malformed::EmptySegment(_)
        | Malformed::Base64(_)
        | Malformed::Utf8(_)
        | Malformed::Json(..)
        | Malformed::DuplicateMember(..)
        | Malformed::Member { .. }
        | Malformed::MemberType { .. }
        | Malformed::Character { .. } => (CauseId::NotAJwt, advice::not_a_jwt(examination, malformed)),
    }
}

pub(super) fn of_fault(examination: &Examination<'_>, fault: &Fault) -> (CauseId, Advice) {
    match fault {
        Fault::JwksUnavailable { issuer, reason, retry_after_seconds } => (
            CauseId::IdentityProviderDown,
            advice::provider_down(examination, issuer, reason, *retry_after_seconds),
        ),
        Fault::JwksInvalid { issuer, reason, .. } => {
            (CauseId::JwksInvalid, advice::jwks_invalid(examination, issuer, reason))
        }
        Fault::SecretMissing { binding, reason } if binding == SIGNING_KEYS => {
            (CauseId::SigningKeysUnusable, advice::no_signing_keys(binding, reason))
        }
        Fault::SecretMissing { binding, reason } => match examination.weak_secret(binding) {
            Some(encoding) => {
                (CauseId::SharedSecretWeak, advice::weak_secret(examination, binding, reason, encoding))
            }
            None => (CauseId::SharedSecretAbsent, advice::secret_missing(binding, reason)),
        },
        Fault::StoreUnavailable { binding, reason } => {
            (CauseId::StoreUnavailable, advice::store_unavailable(binding, reason))
        }
        Fault::CryptoDisagreement { algorithm } => {
            (CauseId::CryptoDisagreement, advice::disagreement(examination, algorithm))
        }
        // With a faulty configuration no token is examined, so this is about the engine that the configuration names.
        Fault::ConfigInvalid { detail } => (CauseId::Configuration, advice::engine(examination, detail)),
    }
}

/// A time in the future. Less than [`CLOCK_SKEW_SECONDS`] is taken for a wrong clock; more for a token that was issued for later,
/// or a clock that is far off.
fn ahead(examination: &Examination<'_>, claim: &str, seconds: i64) -> (CauseId, Advice) {
    if seconds < CLOCK_SKEW_SECONDS {
        (CauseId::ClockSkew, advice::clock_skew(examination, claim, seconds))
    } else {
        (CauseId::NotYetValid, advice::not_yet_valid(claim, seconds))
    }
}

/// A Clerk session token that lacks a required claim is the wrong kind of token: only a template's token can have the claim.
fn session_token(examination: &Examination<'_>) -> Option<(CauseId, Advice)> {
    let missing: Vec<&str> = examination
        .violations
        .iter()
        .filter_map(|violation| match violation {
            Rejection::ClaimMissing { claim } if claim != "exp" => Some(claim.as_str()),
            _ => None,
        })
        .collect();
    (!missing.is_empty() && advice::is_session_token(examination))
        .then(|| (CauseId::SessionTokenNotTemplate, advice::session_token(examination, &missing)))
}
