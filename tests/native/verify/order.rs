//! A token with several faults earns the first, by the contract's order.

use serde_json::json;

use crate::support::ladder::{Draft, RUNGS, publish, strict_issuer};
use crate::support::tokens;
use crate::support::world::World;

fn world() -> World {
    let world = World::trusting(&[strict_issuer()]);
    publish(&world);
    world
}

/// A token whose first fault is the one that earns `code`.
fn draft_at(code: &str) -> Draft {
    let mut draft = Draft::worst();
    for (_, mend) in RUNGS.iter().take_while(|(earned, _)| *earned != code) {
        mend(&mut draft);
    }
    draft
}

#[test]
fn a_token_with_every_fault_earns_them_in_the_contracts_order() {
    let knowing = world();
    let mut draft = Draft::worst();
    for (code, mend) in RUNGS {
        // In an isolate that has seen the token before, and in one that knows nothing.
        assert_eq!(knowing.rejection(&draft.token()).code(), *code);
        assert_eq!(world().rejection(&draft.token()).code(), *code);
        mend(&mut draft);
    }
    assert!(knowing.accepts(&draft.token()));
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
fn a_missing_exp_is_a_missing_claim_and_comes_in_the_place_of_an_expired_one() {
    let mut draft = draft_at("type_not_allowed");
    draft.without("exp");
    assert_eq!(world().rejection(&draft.token()).code(), "type_not_allowed");
    draft.header["typ"] = json!("at+jwt");
    let rejection = world().rejection(&draft.token());
    assert_eq!((rejection.code(), rejection.claim()), ("claim_missing", Some("exp")));
    draft.claims["exp"] = json!(null);
    assert_eq!(world().rejection(&draft.token()), rejection, "null says no more than its absence");
}

#[test]
fn no_claim_of_a_token_whose_signature_fails_is_reported_on() {
    let mut draft = draft_at("signature_invalid");
    draft.claims["exp"] = json!(0);
    assert_eq!(world().rejection(&draft.token()).code(), "signature_invalid");
}
