//! The rows of `gateway`.

use serde_json::json;

use super::conditions::Condition;
use crate::config::described::{self, texts};
use crate::config::rows::{
    Binding, Boolean, Choice, Optional, Or, Raw, Required, Text, Texts, Whole, inner, list, object,
};
use crate::config::rows::{Inner, List};
use crate::config::shapes::{self, ORIGIN, POINTER, SCOPE};
use crate::gateway::ClientAddress;
use crate::gateway::path::Specials;
use crate::limits;

const ADDRESSES: &[(&str, ClientAddress)] =
    &[("cloudflare", ClientAddress::Cloudflare), ("cf-connecting-ip", ClientAddress::Header)];

/// The names of `cache`, and whether the zone's cache may answer.
const CACHES: &[(&str, bool)] = &[("no-store", false), ("zone", true)];

/// The fix of an upstream that is missing or unreadable.
pub(in crate::config) const UPSTREAM_FIX: &str = "write scheme and host, for example \"https://origin.example.com\" (\"http://127.0.0.1:3000\" on your own machine), or { service = \"PROFILES\" }";
/// The fix of a credential that is unreadable.
pub(in crate::config) const CREDENTIAL_FIX: &str =
    "write \"strip\", \"forward\", or { exchange = \"<the audience of a target>\" }";

object! {
    /// The APIs behind the Worker.
    Gateway GATEWAY {
        /// The routes, at least one.
        routes: Optional<List<Route>> = Optional(list()), at_least_one();
        /// How long an API may take, in milliseconds. A route may have its own.
        timeout_ms: Or<Whole> = Or(Whole(limits::UPSTREAM_TIMEOUT_RANGE_MS), limits::DEFAULT_UPSTREAM_TIMEOUT_MS as u64);
        /// Who sets `CF-Connecting-IP`: Cloudflare's edge (`cloudflare`), or a proxy of yours in front of the Worker (`cf-connecting-ip`).
        client_address: Or<Choice<ClientAddress>> = Or(Choice(ADDRESSES), ClientAddress::Cloudflare);
    }
}

object! {
    /// A route of the gateway and of forward-auth.
    Route ROUTE {
        /// `/profiles` takes that path. `/profiles/*` takes it and all paths below it. `*` in the middle is any one segment.
        path: Required<Text> = Required(Text, "write a path such as \"/profiles/*\""), with(json!({ "pattern": "^/" }));
        /// For example `api.example.com`, which includes all ports, or `api.example.com:8443`.
        host: Optional<Text> = Optional(Text), absent("any");
        /// For example `["GET", "POST"]`. GET includes HEAD. Other methods are 405.
        methods: Optional<Texts> = Optional(Texts), absent("all"), shape(texts(&json!({ "pattern": "^[^a-z]+$" })));
        /// Scheme and host, or a service binding. With forward-auth it can be left out: the route then serves forward-auth only.
        upstream: Optional<Raw> = Optional(Raw), absent("required"),
            shape(described::text_or_object::<Service>(json!({ "pattern": "^https?://[^/?]+$" })));
        /// What the token must have.
        require: Optional<Inner<Require>> = Optional(inner());
        /// What the API gets in `Authorization`: nothing (`"strip"`), the client's token (`"forward"`), or a token issued by this Worker.
        credential: Optional<Raw> = Optional(Raw), absent("`\"strip\"`"),
            shape(described::word_or_object::<Exchanged>(&["strip", "forward"]));
        /// Header names and the claims that they hold, as JSON Pointers; or `{ claim = "/sub", required = true }`: a token whose claim is absent or
        /// empty is then 401 `claim_missing`. Names that have another meaning are refused, such as `X-Real-IP`, `X-Original-URI`, `Range`,
        /// `Cache-Control`, `Location` or `X-Explain-Key`.
        headers: Optional<Raw> = Optional(Raw), shape(shapes::map(
            described::text_or_object::<HeaderSource>(json!({ "pattern": POINTER })),
            &json!({ "propertyNames": { "pattern": "^[A-Za-z0-9-]+$" } }),
        ));
        /// No token is needed. One that is sent is still verified: a bad one is refused, a good one fills the headers.
        public: Or<Boolean> = Or(Boolean, false);
        /// Where the token of a request is read, in order of preference.
        credentials: Optional<Raw> = Optional(Raw), absent("`credentials` of the root"), shape(super::credentials::places_of_the_root()),
            see("[Where tokens are read](credentials.md) describes the places.");
        /// The origins for which the gateway answers preflights. `false`: the API answers preflights itself.
        cors: Optional<Raw> = Optional(Raw), absent("the origins of `cors.origins`"), shape(described::false_or_object::<RouteCors>());
        /// How long the API may take from the end of the request to the headers of its answer, and how long an upload may stand still, in milliseconds.
        timeout_ms: Optional<Whole> = Optional(Whole(limits::UPSTREAM_TIMEOUT_RANGE_MS)), absent("`gateway.timeout_ms`");
        /// `zone` applies the zone's cache rules to the API's answers.
        cache: Or<Choice<bool>> = Or(Choice(CACHES), false), see("See [Caches](#caches).");
        /// Paths with `%2F` (`encoded_slash`) or `;` (`semicolon`) are not refused.
        allow_in_path: Optional<Texts> = Optional(Texts), see("See [below](#encoded-slashes-and-semicolons)."),
            shape(texts(&json!({ "enum": Specials::NAMED.map(|(name, _)| name) })));
    }
}

object! {
    /// A service binding.
    Service SERVICE {
        /// The name of the service binding.
        service: Required<Binding> = Required(Binding, UPSTREAM_FIX);
    }
}

object! {
    /// What a token must have.
    Require REQUIRE {
        /// The issuers whose tokens are accepted, by exact `iss`.
        issuers: Optional<Texts> = Optional(Texts), absent("all");
        /// The scopes that the token's `scope` must contain.
        scopes: Optional<Texts> = Optional(Texts), shape(texts(&json!({ "pattern": SCOPE })));
        /// Conditions, such as `{ claim = "/org/plan", one_of = ["pro", "team"] }`.
        claims: Optional<List<Condition>> = Optional(list()), see("[The exchange](exchange.md) lists the tests.");
    }
}

object! {
    /// A token issued by this Worker.
    Exchanged EXCHANGED {
        /// The audience of a target of the exchange.
        exchange: Required<Text> = Required(Text, CREDENTIAL_FIX);
    }
}

object! {
    /// The claim that a header holds.
    HeaderSource HEADER_SOURCE {
        /// The JSON Pointer to the claim.
        claim: Optional<Raw> = Optional(Raw), required(), shape(shapes::pointer());
        /// Whether a token without the claim is refused.
        required: Optional<Raw> = Optional(Raw), absent("`false`"), shape(shapes::plain(&json!({ "type": "boolean" }), "`true`, `false`"));
    }
}

object! {
    /// The origins for which the gateway answers preflights.
    RouteCors ROUTE_CORS {
        /// Origins as a browser writes them, as in `https://app.example.com`; `*` for all.
        origins: Optional<Texts> = Optional(Texts), absent("those of `cors.origins`"), shape(texts(&json!({ "pattern": ORIGIN })));
        /// Whether browsers may send cookies and the like.
        credentials: Or<Boolean> = Or(Boolean, false);
    }
}
