//! A token with several faults is rejected for the first one, in the order of the contract.

use serde_json::json;

use crate::support::faulty_token::{Draft, FAULTS, publish, strict_issuer};
use crate::support::tokens;
use crate::support::world::World;

fn world() -> World {
    let world = World::trusting(&[strict_issuer()]);
    publish(&world);
    world
}

/// A token whose first fault is the one with `code`.
fn draft_at(code: &str) -> Draft {
    let mut draft = Draft::with_every_fault();
    for (_, fix) in FAULTS.iter().take_while(|(reported, _)| *reported != code) {
        fix(&mut draft);
    }
    draft
}

#[test]
fn the_faults_of_a_token_are_reported_in_the_order_of_the_contract() {
    let warm = world();
    let mut draft = Draft::with_every_fault();
    for (code, fix) in FAULTS {
        // In an isolate that has already verified tokens, and in a new one.
        assert_eq!(warm.rejection(&draft.token()).code(), *code);
        assert_eq!(world().rejection(&draft.token()).code(), *code);
        fix(&mut draft);
    }
    assert!(warm.accepts(&draft.token()));
}

#[test]
fn a_header_that_changes_how_the_rest_is_read_is_refused_before_the_rest_is_read() {
    for (member, code) in
        [("crit", "header_unsupported"), ("b64", "header_unsupported"), ("zip", "header_unsupported")]
    {
        let header = json!({ "alg": "EdDSA", member: [] }).to_string();
        assert_eq!(world().rejection(&tokens::unsigned(&header, "no JSON")).code(), code, "{member}");
    }
    let header = json!({ "alg": "EdDSA", "jwk": [] }).to_string();
    assert_eq!(world().rejection(&tokens::unsigned(&header, "no JSON")).code(), "token_malformed");
}

#[test]
fn a_missing_exp_is_a_missing_claim_and_is_reported_at_the_place_of_an_expired_one() {
    let mut draft = draft_at("type_not_allowed");
    draft.without("exp");
    assert_eq!(world().rejection(&draft.token()).code(), "type_not_allowed");
    draft.header["typ"] = json!("at+jwt");
    let rejection = world().rejection(&draft.token());
    assert_eq!((rejection.code(), rejection.claim()), ("claim_missing", Some("exp")));
    draft.claims["exp"] = json!(null);
    assert_eq!(world().rejection(&draft.token()), rejection, "null counts as absent");
}

#[test]
fn no_claim_is_reported_if_the_signature_is_invalid() {
    let mut draft = draft_at("signature_invalid");
    draft.claims["exp"] = json!(0);
    assert_eq!(world().rejection(&draft.token()).code(), "signature_invalid");
}
