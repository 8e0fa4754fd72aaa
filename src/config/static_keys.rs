//! Reads `jwks` and `public_keys` of an issuer: the keys that the operator writes into the configuration. They need no network and no
//! store.

use serde_json::Value;

use super::fields::issuers::{ISSUER, PUBLIC_KEY, STATIC_SET};
use super::reader::Table;
use crate::jose::{Jwk, KeySet, SetAside, SetAsideReason};
use crate::limits::MAX_JWKS_KEYS;

/// Whether the issuer's table has keys, even if they are at fault.
pub(super) fn are_given(table: &Table<'_>) -> bool {
    table.given(&ISSUER.jwks).is_some() || table.given(&ISSUER.public_keys).is_some()
}

/// The keys in the issuer's table. A key that a set may have for another purpose is set aside; every other key that cannot be used is a fault.
pub(super) fn read(table: &Table<'_>) -> Option<KeySet> {
    if !are_given(table) {
        return None;
    }
    let (mut keys, mut set_aside) = (Vec::new(), Vec::new());
    if let Some(set) = table.read(&ISSUER.jwks) {
        read_set(&set, &mut keys, &mut set_aside);
        set.finish();
    }
    for one in table.read(&ISSUER.public_keys).into_iter().flatten() {
        let (kid, pem) = (one.read(&PUBLIC_KEY.kid), one.read(&PUBLIC_KEY.pem));
        match pem.map(|pem| Jwk::from_pem(kid.as_deref(), &pem)) {
            Some(Ok(key)) => keys.push(key),
            Some(Err(error)) => one.fault(
                PUBLIC_KEY.pem.name,
                format!("holds no public key: {error}"),
                "write the public key alone, as `openssl pkey -in private.pem -pubout` prints it",
            ),
            None => {}
        }
        one.finish();
    }
    if keys.len().saturating_add(set_aside.len()) > MAX_JWKS_KEYS {
        let problem = format!("holds no public key: more than {MAX_JWKS_KEYS} are given");
        table.fault(ISSUER.jwks.name, problem, "remove keys that no longer sign");
    }
    let mut set = KeySet::of(keys);
    set.set_aside = set_aside;
    Some(set)
}

fn read_set(table: &Table<'_>, keys: &mut Vec<Jwk>, set_aside: &mut Vec<SetAside>) {
    let name = STATIC_SET.keys.name;
    let elements = match table.read(&STATIC_SET.keys) {
        Some(Value::Array(elements)) if !elements.is_empty() => elements.as_slice(),
        Some(_) => {
            table.fault(
                name,
                "is not a list of keys, or is empty",
                "write the `keys` of the issuer's JWK Set",
            );
            &[]
        }
        None => {
            if table.given(&STATIC_SET.keys).is_none() {
                table.fault(name, "is missing", "write the `keys` of the issuer's JWK Set");
            }
            &[]
        }
    };
    let begun = keys.len();
    for (index, element) in elements.iter().enumerate() {
        match Jwk::from_value(element) {
            Ok(key) => keys.push(key),
            Err(reason) if is_of_another_purpose(&reason) => {
                let kid = element.get("kid").and_then(Value::as_str).map(str::to_owned);
                set_aside.push(SetAside { index, kid, reason });
            }
            Err(reason) => {
                table.fault(
                    &format!("{name}[{index}]"),
                    format!("holds no public key: {reason}"),
                    fix(&reason),
                );
            }
        }
    }
    if keys.len() == begun && set_aside.len() == elements.len() && !elements.is_empty() {
        table.fault(
            name,
            "holds no public key: none verifies signatures",
            "add the key that signs the tokens",
        );
    }
}

/// Whether sets commonly have such keys beside those that sign.
fn is_of_another_purpose(reason: &SetAsideReason) -> bool {
    matches!(
        reason,
        SetAsideReason::NotForSignatures(_)
            | SetAsideReason::NotForVerifying
            | SetAsideReason::UnsupportedKeyType(_)
            | SetAsideReason::UnsupportedCurve(_)
            | SetAsideReason::UnsupportedAlgorithm(_)
    )
}

fn fix(reason: &SetAsideReason) -> &'static str {
    match reason {
        SetAsideReason::PrivateMember(_) => {
            "replace the key pair at the issuer, because this private key was in a configuration; write only `kty`, `kid`, `alg`, `crv`, `x`, `y`, `n` and `e`"
        }
        SetAsideReason::Symmetric => {
            "remove it, and replace the secret at the issuer, because it was in a configuration; `secrets` names a Worker secret"
        }
        _ => "write the key as the issuer publishes it, or remove it",
    }
}
