//! A token with several faults earns the first, by the contract's order.

use edge_assay::jose::Algorithm;
use serde_json::{Value, json};

use crate::ISS;
use crate::support::keys::{self, ed25519};
use crate::support::platform::Answer;
use crate::support::tokens;
use crate::support::world::{NOW, World, issuer, jwks_uri};

/// A token in the making.
struct Draft {
    header: Value,
    claims: Value,
    is_signed: bool,
    is_canonical: bool,
}

impl Draft {
    fn token(&self) -> String {
        let sign = |input: &[u8]| {
            if self.is_signed { ed25519().sign(Algorithm::EdDsa, input) } else { vec![7; 64] }
        };
        let token = tokens::sealed(&self.header.to_string(), &self.claims.to_string(), sign);
        if self.is_canonical { token } else { format!("{token}==") }
    }

    fn without(&mut self, claim: &str) {
        self.claims.as_object_mut().unwrap().remove(claim);
    }
}

/// A code, and what mends the fault that earns it.
type Step = (&'static str, fn(&mut Draft));

/// From everything wrong to nothing wrong, one fault at a time.
const STEPS: &[Step] = &[
    ("token_too_large", |draft| draft.without("pad")),
    ("token_malformed", |draft| draft.is_canonical = true),
    ("header_unsupported", |draft| {
        draft.header.as_object_mut().unwrap().remove("jku");
    }),
    ("issuer_missing", |draft| draft.claims["iss"] = json!("https://stranger.example")),
    ("issuer_unknown", |draft| draft.claims["iss"] = json!(ISS)),
    ("algorithm_unsupported", |draft| draft.header["alg"] = json!("RS256")),
    ("algorithm_not_allowed", |draft| draft.header["alg"] = json!("EdDSA")),
    ("key_not_found", |draft| draft.header["kid"] = json!("set aside")),
    ("key_unusable", |draft| draft.header["kid"] = json!(ed25519().kid())),
    ("signature_invalid", |draft| draft.is_signed = true),
    ("type_not_allowed", |draft| draft.header["typ"] = json!("at+jwt")),
    ("token_expired", |draft| draft.claims["exp"] = json!(NOW + 60)),
    ("token_not_yet_valid", |draft| draft.claims["nbf"] = json!(NOW)),
    ("token_issued_in_future", |draft| draft.claims["iat"] = json!(NOW - 1000)),
    ("token_too_old", |draft| draft.claims["iat"] = json!(NOW)),
    ("audience_missing", |draft| draft.claims["aud"] = json!("elsewhere")),
    ("audience_mismatch", |draft| draft.claims["aud"] = json!(["elsewhere", "backend"])),
    ("authorized_party_missing", |draft| draft.claims["azp"] = json!("https://elsewhere.example")),
    ("authorized_party_mismatch", |draft| draft.claims["azp"] = json!("https://app.example")),
    ("claim_missing", |draft| draft.claims["user_id"] = json!("u")),
    ("scope_insufficient", |draft| draft.claims["scope"] = json!("read write")),
];

fn strict_world() -> World {
    let world = World::trusting(&[issuer(
        ISS,
        &json!({
            "algorithms": ["EdDSA"],
            "types": ["at+jwt"],
            "max_age_seconds": 100,
            "audience": { "any_of": ["backend"] },
            "authorized_parties": ["https://app.example"],
            "required_claims": ["user_id"],
            "required_scopes": ["write"],
        }),
    )]);
    let aside = ed25519().public_jwk_with(&json!({ "kid": "set aside", "use": "enc" }));
    world.serves(&jwks_uri(ISS), Answer::json(keys::jwks(&[ed25519().public_jwk(), aside])));
    world
}

fn worst() -> Draft {
    Draft {
        header: json!({ "alg": "none", "kid": "unknown", "typ": "JOSE", "jku": "https://attacker.example" }),
        claims: json!({ "pad": "p".repeat(20_000), "exp": NOW - 60, "nbf": NOW + 60, "iat": NOW + 60 }),
        is_signed: false,
        is_canonical: false,
    }
}

#[test]
fn a_token_with_every_fault_earns_them_in_the_contracts_order() {
    let world = strict_world();
    let mut draft = worst();
    for (code, mend) in STEPS {
        // Each time in an isolate that knows nothing and in one that has seen the token before.
        assert_eq!(strict_world().rejection(&draft.token()).code(), *code);
        assert_eq!(world.rejection(&draft.token()).code(), *code);
        mend(&mut draft);
    }
    assert!(world.accepts(&draft.token()));
}

#[test]
fn a_header_that_changes_how_the_rest_is_read_is_refused_before_the_rest_is_read() {
    let world = strict_world();
    for (member, code) in
        [("crit", "header_unsupported"), ("b64", "header_unsupported"), ("jwk", "token_malformed")]
    {
        let header = json!({ "alg": "EdDSA", member: [] }).to_string();
        assert_eq!(world.rejection(&tokens::unsigned(&header, "no JSON")).code(), code, "{member}");
    }
}

#[test]
fn a_missing_exp_is_malformed_and_comes_in_the_place_of_an_expired_one() {
    let world = strict_world();
    let mut draft = worst();
    for (_, mend) in STEPS.iter().take_while(|(code, _)| *code != "type_not_allowed") {
        mend(&mut draft);
    }
    draft.without("exp");
    assert_eq!(world.rejection(&draft.token()).code(), "type_not_allowed");
    draft.header["typ"] = json!("at+jwt");
    let rejection = world.rejection(&draft.token());
    assert_eq!((rejection.code(), rejection.claim()), ("token_malformed", Some("exp")));
}

#[test]
fn no_claim_of_a_token_whose_signature_fails_is_reported_on() {
    let world = strict_world();
    let mut draft = worst();
    for (_, mend) in STEPS.iter().take_while(|(code, _)| *code != "signature_invalid") {
        mend(&mut draft);
    }
    draft.claims["exp"] = json!(0);
    assert_eq!(world.rejection(&draft.token()).code(), "signature_invalid");
}
