//! The rows of `issuers`.

use serde_json::json;

use super::conditions::Condition;
use crate::config::described::{self, texts};
use crate::config::rows::{
    Binding, Boolean, Choice, Optional, Or, Raw, Required, Text, Texts, Whole, inner, list, object,
};
use crate::config::rows::{Inner, List};
use crate::config::shapes::{either, plain};
use crate::jose::Algorithm;
use crate::trust::claims::Confirmation;
use crate::trust::presets::Preset;
use crate::trust::secrets::Encoding;

object! {
    /// A trusted issuer. It needs at least one of `preset`, `jwks_uri`, `discovery`, `jwks`, `public_keys` and `secrets`.
    Issuer ISSUER with(json!({
        "anyOf": [
            { "required": ["preset"] },
            { "required": ["jwks_uri"] },
            { "required": ["discovery"], "properties": { "discovery": { "const": true } } },
            { "required": ["jwks"] },
            { "required": ["public_keys"] },
            { "required": ["secrets"], "properties": { "secrets": { "minItems": 1 } } },
        ],
    })) {
        /// The exact `iss` of the tokens, character for character.
        issuer: Required<Text> = Required(Text, "write the `iss` of its tokens, character for character");
        /// Further exact spellings of `iss`. Everything else names the issuer by `issuer`: verdicts, routes, the exchange.
        also_known_as: Optional<Texts> = Optional(Texts);
        /// The accepted tenants, if `issuer` has `{tenantid}` in the place of the tenant: their ids, or `"any"`. The tenant in `iss` must be the
        /// token's `tid`.
        tenants: Optional<Raw> = Optional(Raw), shape(plain(&json!({ "anyOf": [
            { "const": "any" },
            { "type": "array", "minItems": 1, "items": { "type": "string", "pattern": TENANT } },
        ] }), "`\"any\"`, or a list of strings"));
        /// Fills in the fields below that you leave out.
        preset: Optional<Choice<Preset>> = Optional(Choice(Preset::NAMES));
        /// Where the keys are: an `https` URL, or `http` on a loopback address.
        jwks_uri: Optional<Text> = Optional(Text), absent("the preset's"), with(json!({ "pattern": "^https?://" }));
        /// Reads the address of the keys from `<issuer>/.well-known/openid-configuration`, or, if that is a 404, from the metadata of RFC 8414. The
        /// document's `issuer` must be equal to this one.
        discovery: Or<Boolean> = Or(Boolean, false);
        /// The service binding through which the keys are fetched, at the same URL: for an issuer that is another Worker of the account.
        jwks_service: Optional<Binding> = Optional(Binding), absent("the network");
        /// The keys themselves, as a JWK Set without private members. Nothing is fetched then. It takes the place of `jwks_uri` and `discovery`.
        jwks: Optional<Inner<StaticSet>> = Optional(inner());
        /// The keys themselves, in PEM. They may be beside those in `jwks`.
        public_keys: Optional<List<PublicKey>> = Optional(list());
        /// The allow-list.
        algorithms: Optional<Texts> = Optional(Texts), absent("the preset's"), shape(texts(&json!({ "enum": names() })));
        /// The required `aud`: one of several, or all of them. `"unchecked"` accepts every token, and is for tokens without `aud`. Cognito's access
        /// tokens have `client_id` in its place, which the preset `cognito` compares.
        audience: Optional<Raw> = Optional(Raw), required(),
            shape(described::word_or_object::<Audience>(&["unchecked"]));
        /// The accepted values of `azp`.
        authorized_parties: Optional<Texts> = Optional(Texts), absent("not checked");
        /// Claims that must be present and not null: names, or JSON Pointers such as `/app_metadata/provider`.
        required_claims: Optional<Texts> = Optional(Texts);
        /// Scopes that `scope` must contain. If one is missing, the answer is 403 `insufficient_scope`.
        required_scopes: Optional<Texts> = Optional(Texts);
        /// The accepted classes of the preset's tokens. `"unchecked"` accepts every class, also an unknown one.
        classes: Optional<Raw> = Optional(Raw), absent("those that the preset means"), see("[Token classes](#token-classes) lists them."),
            shape(either(&plain(&json!({ "enum": ["unchecked"] }), "`\"unchecked\"`"), texts(&json!({ "enum": class_names() }))));
        /// Conditions on claims and on the JOSE header, all of which must hold, beside all other rules.
        require: Optional<List<Condition>> = Optional(list());
        /// What to do with a token that `cnf` binds to a key, because such a token is more than a bearer token: refuse it, or ignore `cnf`.
        confirmation: Or<Choice<Confirmation>> = Or(Choice(Confirmation::NAMES), Confirmation::Refuse);
        /// The accepted values of `typ`.
        types: Or<Texts> = Or(Texts, &["JWT", "at+jwt"]);
        /// Refuses a token without `typ`.
        require_type: Or<Boolean> = Or(Boolean, false);
        /// The greatest age since `iat`.
        max_age_seconds: Optional<Whole> = Optional(Whole((1, u32::MAX as u64))), absent("not checked");
        /// Shared secrets for HS256, HS384 and HS512.
        secrets: Optional<List<Secret>> = Optional(list());
        /// Keys that are refused at once with `key_distrusted`, whatever the issuer publishes and any cache holds: each a `kid` or an RFC 7638
        /// thumbprint.
        distrusted_keys: Optional<Texts> = Optional(Texts);
    }
}

object! {
    /// A JWK Set that is written into the configuration.
    StaticSet STATIC_SET {
        /// The public keys (RFC 7517), each an object. A symmetric key or a private member is a fault.
        keys: Optional<Raw> = Optional(Raw), required(),
            shape(plain(&json!({ "type": "array", "minItems": 1 }), "a list of JWKs"));
    }
}

object! {
    /// A public key in PEM.
    PublicKey PUBLIC_KEY {
        /// The `kid` of the tokens that it verifies. A key without one verifies tokens without one.
        kid: Optional<Text> = Optional(Text);
        /// `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`. Of a certificate only the key is read, not its dates.
        pem: Required<Text> = Required(Text, "write the public key, as `openssl pkey -in private.pem -pubout` prints it");
    }
}

object! {
    /// The accepted values of `aud`: `any_of` or `all_of`.
    Audience AUDIENCE with(json!({ "minProperties": 1, "maxProperties": 1 })) {
        /// `aud` must contain one of them.
        any_of: Optional<Texts> = Optional(Texts);
        /// `aud` must contain all of them.
        all_of: Optional<Texts> = Optional(Texts);
    }
}

object! {
    /// The name of a Worker secret that verifies tokens.
    Secret SECRET {
        /// The name of the Worker secret, never its value.
        binding: Required<Binding> =
            Required(Binding, "write the name of the Worker secret, as in \"SUPABASE_JWT_SECRET\"");
        /// The `kid` of the tokens that it is for.
        kid: Optional<Text> = Optional(Text), absent("all tokens");
        /// How the value is written.
        encoding: Or<Choice<Encoding>> = Or(Choice(Encoding::NAMES), Encoding::Utf8);
    }
}

/// The names of all presets' classes, each once.
fn class_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for class in Preset::ALL.iter().flat_map(|preset| preset.classes()) {
        if !names.contains(&class.name) {
            names.push(class.name);
        }
    }
    names
}
/// The id of a tenant.
const TENANT: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

/// The names of all algorithms. One of them has two.
fn names() -> Vec<&'static str> {
    Algorithm::ALL.iter().map(|one| one.name()).chain(["Ed25519"]).collect()
}
