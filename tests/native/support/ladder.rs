//! One token with every fault there is, mended fault by fault: what it earns at each rung is the contract's list of
//! codes in the contract's order.

use edge_assay::jose::Algorithm;
use serde_json::{Value, json};

use super::keys::{self, ed25519};
use super::platform::Answer;
use super::tokens;
use super::world::{NOW, World, issuer, jwks_uri};

/// The issuer that the ladder leads to.
pub const ISS: &str = "https://ladder.example";

/// A token in the making.
pub struct Draft {
    /// Its header.
    pub header: Value,
    /// Its claims.
    pub claims: Value,
    /// Whether its signature is one.
    pub is_signed: bool,
    /// Whether its base64url is canonical.
    pub is_canonical: bool,
}

impl Draft {
    /// Everything about it is wrong.
    pub fn worst() -> Self {
        Self {
            header: json!({
                "alg": "none", "kid": "unknown", "typ": "marker-typ", "jku": "https://marker-jku.example",
                "crit": ["marker-crit"],
            }),
            claims: json!({
                "pad": "p".repeat(20_000), "exp": NOW - 61, "nbf": NOW + 62, "iat": NOW + 63, "sub": "marker-sub",
                "email": "marker@email.example", "jti": "marker-jti", "nested": { "list": ["marker-nested"] },
                "scope": "marker-scope", "cnf": { "jkt": "marker-jkt" },
            }),
            is_signed: false,
            is_canonical: false,
        }
    }

    /// As it stands.
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

/// A code, and what mends the fault that earns it.
pub type Rung = (&'static str, fn(&mut Draft));

/// From everything wrong to nothing wrong.
pub const RUNGS: &[Rung] = &[
    ("token_too_large", |draft| draft.without("pad")),
    ("token_malformed", |draft| draft.is_canonical = true),
    ("header_unsupported", |draft| {
        draft.header.as_object_mut().unwrap().remove("crit");
    }),
    ("issuer_missing", |draft| draft.claims["iss"] = json!("https://stranger.example")),
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
    ("proof_required", |draft| draft.without("cnf")),
    ("scope_insufficient", |draft| draft.claims["scope"] = json!("marker-scope write")),
];

/// The terms at the top.
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
            "required_scopes": ["write"],
        }),
    )
}

/// Lets [`ISS`] publish a good key and one that is set aside.
pub fn publish(world: &World) {
    let aside = ed25519().public_jwk_with(&json!({ "kid": "set aside", "use": "enc" }));
    world.serves(&jwks_uri(ISS), Answer::json(keys::jwks(&[ed25519().public_jwk(), aside])));
}
