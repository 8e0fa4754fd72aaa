//! The rows of `exchange`.

use serde_json::json;

use super::conditions::{Condition, POINTER_FIX};
use crate::config::described::{self, texts};
use crate::config::rows::Inner;
use crate::config::rows::{
    Binding, Boolean, Choice, Entries, List, Optional, Or, Raw, Required, Text, Texts, Whole, entries, inner,
    list, object,
};
use crate::config::shapes::{self, POINTER, SCOPE};
use crate::exchange::{fireproof, mapping, memberships};
use crate::jose::Algorithm;
use crate::limits;

const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("ES256", Algorithm::Es256),
    ("EdDSA", Algorithm::EdDsa),
    ("Ed25519", Algorithm::EdDsa),
    ("HS256", Algorithm::Hs256),
];
const MEMBERSHIPS: &[(&str, memberships::Source)] =
    &[("personal", memberships::Source::Personal), ("directory", memberships::Source::Directory)];

object! {
    /// The token exchange: which tokens are issued, for whom and by what rules.
    Exchange EXCHANGE with(json!({
        "anyOf": [{ "required": ["targets"], "properties": { "targets": { "minItems": 1 } } }, { "required": ["fireproof"] }],
    })) {
        /// `iss` of what `/token` issues: the https URL of this Worker, without a query.
        issuer: Required<Text> = Required(Text, "write the public URL of this Worker, as in \"https://auth.example.com\""),
            with(json!({ "pattern": r"^https?://[^?]+$" }));
        /// How many seconds others may cache our key set. Every key is published at least that long before it signs.
        jwks_max_age_seconds: Or<Whole> =
            Or(Whole(limits::OWN_JWKS_MAX_AGE_RANGE), limits::DEFAULT_OWN_JWKS_MAX_AGE_SECONDS);
        /// The binding of a KV namespace with further data about subjects.
        directory: Optional<Binding> = Optional(Binding), see("See below.");
        /// The audiences for which tokens are issued.
        targets: Optional<List<Target>> = Optional(list());
        /// The registered clients.
        clients: Optional<List<Client>> = Optional(list());
        /// The protocol of the Fireproof dashboard.
        fireproof: Optional<Inner<Fireproof>> = Optional(inner());
    }
}

object! {
    /// An audience for which tokens are issued, and its policy.
    Target TARGET {
        /// `aud` of its tokens. Requests name the target by it, in `audience` or `resource`.
        audience: Required<Text> = Required(Text, "write the `aud` of its tokens, as in \"https://api.example.com\"");
        /// The issuers whose tokens it accepts. Each must be one of `issuers`.
        from: Required<Texts> =
            Required(Texts, "list the issuers whose tokens it accepts, as in [\"https://clerk.example.com\"]");
        /// What signs its tokens. `HS256` is for a target that verifies with a shared secret and not with our key set.
        algorithm: Or<Choice<Algorithm>> = Or(Choice(ALGORITHMS), Algorithm::Es256),
            see("See [below](#hs256-one-secret-for-each-audience).");
        /// The lifetime of its tokens. A token never expires later than the subject token or the actor token.
        ttl_seconds: Or<Whole> = Or(Whole(limits::ISSUED_TTL_RANGE), limits::DEFAULT_ISSUED_TTL_SECONDS);
        /// The scopes that may be granted.
        scopes: Optional<Texts> = Optional(Texts), shape(texts(&json!({ "pattern": SCOPE })));
        /// The scopes that are granted if the request names none.
        default_scopes: Optional<Texts> = Optional(Texts), shape(texts(&json!({ "pattern": SCOPE })));
        /// If the subject token has a `scope`, only scopes in it are granted. `ignored`: its issuer uses scopes for something else.
        subject_scopes: Or<Choice<bool>> = Or(Choice(&[("bound", true), ("ignored", false)]), true);
        /// The `sub` of its tokens: that of the subject token (`"own"`), `<iss>|<sub>` (`"prefixed"`), or the value of a claim. A target with several
        /// issuers must have one of the last two.
        subject: Optional<Raw> = Optional(Raw), absent("`\"own\"`"),
            shape(described::word_or_object::<Subject>(&["own", "prefixed"]));
        /// Conditions, all of which must hold.
        when: Optional<List<Condition>> = Optional(list());
        /// Further claims of its tokens. Registered claims cannot be set.
        claims: Optional<Entries<ClaimMapping>> = Optional(entries()), except(mapping::RESERVED);
        /// Whether clients may request its tokens without authentication.
        public_clients: Or<Boolean> = Or(Boolean, false);
        /// The actors that may act for subjects whose tokens have no `may_act`.
        actors: Optional<List<Actor>> = Optional(list());
    }
}

object! {
    /// The claim whose value is the `sub` of the issued tokens.
    Subject SUBJECT {
        /// The JSON Pointer to a claim that is unique among all users.
        claim: Required<Text> = Required(Text, POINTER_FIX), with(json!({ "pattern": POINTER }));
    }
}

object! {
    /// A claim of an issued token: copied from the subject token or the directory (`claim`), or fixed (`value`).
    ClaimMapping CLAIM_MAPPING with(json!({ "oneOf": [{ "required": ["claim"] }, { "required": ["value"] }] })) {
        /// The JSON Pointer to the claim that is copied.
        claim: Optional<Text> = Optional(Text), with(json!({ "pattern": POINTER }));
        /// The fixed value.
        value: Optional<Raw> = Optional(Raw), shape(shapes::any());
        /// Whether the token is issued if the claim is absent.
        optional: Or<Boolean> = Or(Boolean, false);
    }
}

object! {
    /// An actor that may act for subjects whose tokens have no `may_act`.
    Actor ACTOR {
        /// The exact `iss` of the actor's tokens.
        issuer: Required<Text> = Required(Text, "write the exact `iss` of the actor's tokens");
        /// The exact `sub` of the actor.
        subject: Required<Text> = Required(Text, "write the exact `sub` of the actor");
    }
}

object! {
    /// A registered client of the exchange.
    Client CLIENT {
        /// The `client_id`.
        id: Required<Text> = Required(Text, "write the client_id of this client, as in \"cli\"");
        /// The name of the Worker secret that holds the `client_secret`, never its value.
        secret: Required<Binding> = Required(
            Binding,
            "write the name of the Worker secret that holds its client_secret, as in \"CLI_CLIENT_SECRET\"",
        );
        /// The audiences that it may request tokens for.
        targets: Required<Texts> = Required(
            Texts,
            "list the audiences that it may request tokens for, as in [\"https://api.example.com\"]",
        );
    }
}

object! {
    /// The protocol of the Fireproof dashboard: which tokens it takes and issues.
    Fireproof FIREPROOF {
        /// Each `auth.type` with the issuers that it accepts, as in `{ clerk = ["https://…"] }`.
        auth_types: Optional<Raw> = Optional(Raw), required(), shape(shapes::map(
            described::texts(&json!({ "minLength": 0 })),
            &json!({ "minProperties": 1 }),
        ));
        /// `iss` of the tokens. It must not be the exchange's issuer together with a target's audience, because that target would accept these tokens
        /// as its own.
        issuer: Or<Text> = Or(Text, "FP_CLOUD");
        /// `aud` of the tokens.
        audience: Or<Text> = Or(Text, "PUBLIC");
        /// The lifetime of the tokens.
        ttl_seconds: Or<Whole> = Or(Whole(limits::ISSUED_TTL_RANGE), limits::DEFAULT_FIREPROOF_TTL_SECONDS);
        /// What signs the tokens.
        algorithm: Or<Choice<Algorithm>> = Or(Choice(ALGORITHMS), Algorithm::Es256);
        /// One tenant and one ledger derived from issuer and subject (`personal`), or those of the directory (`directory`).
        memberships: Or<Choice<memberships::Source>> = Or(Choice(MEMBERSHIPS), memberships::Source::Personal);
        /// Further claims of the tokens. With several issuers, `userId` is required.
        claims: Optional<Entries<ClaimMapping>> = Optional(entries()),
            absent("`userId` from `/sub`, `email` from `/email` if there is one"), except(&[mapping::RESERVED, fireproof::RESERVED].concat());
    }
}
