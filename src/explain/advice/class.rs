//! What to do about a token of another class, and about a condition of its issuer.

use super::route::condition;
use super::{Advice, advice, list, table};
use crate::explain::Examination;
use crate::explain::issuers::provider_of;
use crate::explain::report::Stage;
use crate::rejection::{Refusal, Rejection};
use crate::trust::classes::{Class, ClassRule};
use crate::trust::conditions::Condition;
use crate::trust::facts::Facts;

/// The token's class with the name of its provider, whether or not the configuration checks classes.
fn class(examination: &Examination<'_>) -> Option<(&'static str, &'static Class)> {
    let token = examination.token.as_ref()?;
    let (header, claims) = (token.header(), token.claims());
    if let Some(rule) = examination.issuer().and_then(|issuer| issuer.rules.classes.as_ref()) {
        return Some((rule.provider, rule.class_of(header, claims)?));
    }
    let provider = provider_of(claims.issuer.as_deref()?)?;
    Some((provider.name(), provider.class_of(header, claims)?))
}

/// The sentence that names the token's class; `None` if it is not known, or if the signature was not found valid.
pub(in crate::explain) fn class_of_token(examination: &Examination<'_>) -> Option<String> {
    let is_signed = examination.refusal.as_ref().is_none_or(|refusal| Stage::of(refusal) >= Stage::Claims);
    let (provider, class) = class(examination).filter(|_| is_signed)?;
    Some(format!("This is {}.", class.with_provider(provider)))
}

/// The classes that are accepted, each with what gives such a token.
pub(super) fn accepted_hints(rule: &ClassRule) -> String {
    let accepted = rule.known.iter().filter(|class| rule.accepts(Some(class)));
    accepted.flat_map(|class| [" `", class.name, "`: ", class.hint]).collect()
}

pub(in crate::explain) fn class_refused(examination: &Examination<'_>) -> Advice {
    let rule = examination.issuer().and_then(|issuer| issuer.rules.classes.as_ref());
    let Some((rule, accepted)) = rule.and_then(|rule| Some((rule, rule.accepted.as_ref()?))) else {
        return advice("The token is of another class.", "Send a token of an accepted class.");
    };
    let names = accepted.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    // A refusal for another reason than the claims is no violation.
    let algorithm = match &examination.refusal {
        Some(Refusal::Rejection(one @ Rejection::AlgorithmNotAllowed { .. })) => Some(one),
        _ => None,
    };
    let others =
        examination.violations.iter().filter(|one| !matches!(one, Rejection::TokenClassRefused { .. }));
    let others: Vec<&str> = algorithm.into_iter().chain(others).map(Rejection::code).collect();
    let still = if others.is_empty() {
        String::new()
    } else {
        format!("\nThe token would then still be refused: {}.", others.join(", "))
    };
    let accepted_hints = accepted_hints(rule);
    match class(examination) {
        Some((provider, class)) => advice(
            format!(
                "This is {}, which is not accepted here. Accepted classes: {names}. {}",
                class.with_provider(provider),
                class.hint
            ),
            format!(
                "Send a token of an accepted class.{accepted_hints} To accept this class too, set {}:\n    classes = {}{still}",
                table(examination),
                list(accepted.iter().copied().chain([class.name]), &[])
            ),
        ),
        None => advice(
            format!(
                "The token is of no class of {}'s tokens that is known. Accepted classes: {names}.",
                rule.provider
            ),
            format!(
                "Send a token of an accepted class.{accepted_hints} If {} has a new kind of token, and you want to accept it, set {}:\n    classes = \"unchecked\"\nCareful: every kind of token is then accepted. `require` can name what the right kind has.{still}",
                rule.provider,
                table(examination)
            ),
        ),
    }
}

/// A condition of the issuer's `require` does not hold.
pub(in crate::explain) fn condition_failed(examination: &Examination<'_>) -> Advice {
    let require = examination.issuer().map_or(&[][..], |issuer| issuer.rules.require.as_slice());
    let (met, failed): (Vec<&Condition>, Vec<&Condition>) = match &examination.token {
        Some(token) => {
            let facts = Facts::of(token.header(), token.claims());
            require.iter().partition(|one| one.holds(&facts))
        }
        None => (Vec::new(), Vec::new()),
    };
    let is_about_kind = failed.iter().any(|one| one.about.tells_kinds_apart());
    let shown: Vec<String> = failed.iter().map(|one| condition(one)).collect();
    let (what, ask) = if is_about_kind {
        ("The token is of the wrong kind: it", "Send the kind of token that the condition names.")
    } else {
        (
            "The token",
            "Give the user what the condition asks for, at the identity provider, and sign in again: a token keeps the claims that it was issued with.",
        )
    };
    let place = table(examination);
    let drop = if met.is_empty() {
        format!("remove the field {place}:\n    require")
    } else {
        let met: Vec<String> = met.into_iter().map(condition).collect();
        format!("set {place}:\n    require = [{}]", met.join(", "))
    };
    advice(
        format!("{what} does not meet what its issuer's `require` asks for: {}.", shown.join(", ")),
        format!("{ask} To accept tokens that do not meet it, {drop}"),
    )
}
