//! A token with every fault that a token can have. Its faults are fixed one after the other, so that it gets each rejection code in
//! the order of the contract.

use edge_assay::jose::Algorithm;
use serde_json::{Value, json};

use super::keys::{self, ed25519};
use super::platform::Answer;
use super::tokens;
use super::world::{NOW, World, issuer, jwks_uri};

/// The issuer of the token.
pub const ISS: &str = "https://strict.example";

/// The parts of a token that is not encoded yet.
pub struct Draft {
    /// The header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    /// Whether its signature is valid.
    pub is_signed: bool,
    /// Whether its base64url is canonical, without padding.
    pub is_canonical: bool,
}

impl Draft {
    /// A token with every fault.
    pub fn with_every_fault() -> Self {
        Self {
            header: json!({
                "alg": "none", "kid": "unknown", "typ": "marker-typ", "jku": "https://marker-jku.example",
                "crit": ["marker-crit"], "cat": "marker-other-cat",
            }),
            claims: json!({
                "pad": "p".repeat(20_000), "exp": NOW - 61, "nbf": NOW + 62, "iat": NOW + 63, "sub": "marker-sub",
                "email": "marker@email.example", "jti": "marker-jti", "nested": { "list": ["marker-nested"] },
                "scope": "marker-scope", "plan": "marker-other-plan", "cnf": { "jkt": "marker-jkt" },
            }),
            is_signed: false,
            is_canonical: false,
        }
    }

    /// The encoded token.
    pub fn token(&self) -> String {
        let sign = |input: &[u8]| {
            if self.is_signed { ed25519().sign(Algorithm::EdDsa, input) } else { vec![7; 64] }
        };
        let token = tokens::sealed(&self.header.to_string(), &self.claims.to_string(), sign);
        if self.is_canonical { token } else { token.replacen('.', "==.", 1) }
    }

    /// Removes a claim.
    pub fn without(&mut self, claim: &str) {
        self.claims.as_object_mut().unwrap().remove(claim);
    }
}

/// A rejection code, and the fix for the fault that causes it.
pub type CodeAndFix = (&'static str, fn(&mut Draft));

/// All faults of [`Draft::with_every_fault`] in the order in which they are reported.
pub const FAULTS: &[CodeAndFix] = &[
    ("token_too_large", |draft| draft.without("pad")),
    ("token_malformed", |draft| draft.is_canonical = true),
    ("header_unsupported", |draft| {
        draft.header.as_object_mut().unwrap().remove("crit");
    }),
    ("issuer_missing", |draft| draft.claims["iss"] = json!("https://unknown.example")),
    ("issuer_unknown", |draft| draft.claims["iss"] = json!(ISS)),
    ("algorithm_unsupported", |draft| draft.header["alg"] = json!("RS256")),
    ("algorithm_not_allowed", |draft| draft.header["alg"] = json!("EdDSA")),
    ("key_not_found", |draft| draft.header["kid"] = json!("set aside")),
    ("key_unusable", |draft| draft.header["kid"] = json!(ed25519().kid())),
    ("signature_invalid", |draft| draft.is_signed = true),
    ("type_not_allowed", |draft| draft.header["typ"] = json!("at+jwt")),
    ("token_expired", |draft| draft.claims["exp"] = json!(NOW + 64)),
    ("token_not_yet_valid", |draft| draft.claims["nbf"] = json!(NOW - 65)),
    ("token_issued_in_future", |draft| draft.claims["iat"] = json!(NOW - 1066)),
    ("token_too_old", |draft| draft.claims["iat"] = json!(NOW - 67)),
    ("audience_missing", |draft| draft.claims["aud"] = json!("marker-aud")),
    ("audience_mismatch", |draft| draft.claims["aud"] = json!(["marker-aud", "backend"])),
    ("authorized_party_missing", |draft| draft.claims["azp"] = json!("https://marker-azp.example")),
    ("authorized_party_mismatch", |draft| draft.claims["azp"] = json!("https://app.example")),
    ("claim_missing", |draft| draft.claims["user_id"] = json!("marker-user")),
    ("token_class_refused", |draft| draft.header["cat"] = json!("marker-cat")),
    ("condition_failed", |draft| draft.claims["plan"] = json!("marker-plan")),
    ("proof_required", |draft| draft.without("cnf")),
    ("scope_insufficient", |draft| draft.claims["scope"] = json!("marker-scope write")),
];

/// The configuration of [`ISS`].
pub fn strict_issuer() -> Value {
    issuer(
        ISS,
        &json!({
            "algorithms": ["EdDSA"],
            "types": ["at+jwt"],
            "max_age_seconds": 100,
            "audience": { "any_of": ["backend"] },
            "authorized_parties": ["https://app.example"],
            "required_claims": ["user_id"],
            "require": [
                { "claim": "/plan", "matches": "?*-plan" }, { "claim": "/plan", "one_of": ["marker-plan"] },
                { "header": "/cat", "one_of": ["marker-cat"] },
            ],
            "required_scopes": ["write"],
        }),
    )
}

/// Publishes the key set of [`ISS`]: a usable key, and one that is set aside.
pub fn publish(world: &World) {
    let set_aside = ed25519().public_jwk_with(&json!({ "kid": "set aside", "use": "enc" }));
    world.serves(&jwks_uri(ISS), Answer::json(keys::jwks(&[ed25519().public_jwk(), set_aside])));
}
