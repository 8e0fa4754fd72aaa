//! The cache of key sets: its decisions as tables, and scenarios of memory, store and origin on fakes.

mod concurrency;
mod coordinator;
mod discovery;
mod freshness;
mod nearby;
mod origin;
mod outage;
mod purge;
mod record;
mod retired;
mod rotation;
mod shared_answers;
mod store;

use crate::support::platform::{Answer, FakePlatform};
use edge_assay::keys::freshness::RefreshPoint;
use edge_assay::keys::{CachePolicy, KeyCache, KeySource, KeyState, Location, Lookup, Tier, Wanted};
use edge_assay::rejection::Fault;

const NOW: i64 = 1_800_000_000;
const URL: &str = "https://issuer.example/jwks";
const POLICY: CachePolicy = CachePolicy {
    ttl_seconds: 3600,
    stale_if_error_seconds: 86_400,
    unknown_kid_cooldown_seconds: 30,
    fetch_timeout_ms: 5000,
    max_shared_seconds: 30,
};
/// When a set that was fetched at the start is refreshed in advance, becomes stale, and ends; in seconds after the start.
const REFRESH_AT: i64 = 2880;
const STALE_AT: i64 = 3600;
const GONE_AT: i64 = 90_000;

fn source() -> KeySource {
    let location = Location::Jwks { uri: URL.into() };
    KeySource { issuer: "https://issuer.example".into(), location, may_be_empty: false, channel: None }
}

/// The same issuer, but with shared secrets.
fn source_beside_secrets() -> KeySource {
    KeySource { may_be_empty: true, ..source() }
}

/// A JWK Set with an Ed25519 key per `(kid, seed)`.
fn jwks(keys: &[(&str, u8)]) -> String {
    let keys: Vec<_> = keys.iter().map(|(kid, seed)| jwk(kid, *seed)).collect();
    crate::support::keys::jwks(&keys)
}

fn jwk(kid: &str, seed: u8) -> serde_json::Value {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
    let x = edge_assay::jose::base64url::encode(key.as_bytes());
    serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x })
}

/// A world whose issuer serves the key `a`.
fn world() -> FakePlatform {
    let world = FakePlatform::at(NOW);
    serve(&world, &[("a", 1)]);
    world
}

fn serve(world: &FakePlatform, keys: &[(&str, u8)]) {
    world.origin.serves(URL, Answer::json(jwks(keys)));
}

fn calls(world: &FakePlatform) -> usize {
    world.origin.calls(URL)
}

/// An isolate: its memory, its source and its policy.
struct Isolate {
    cache: KeyCache,
    source: KeySource,
    policy: CachePolicy,
}

impl Isolate {
    fn new() -> Self {
        Self::of(source())
    }

    fn of(source: KeySource) -> Self {
        Self { cache: KeyCache::refreshing_at(RefreshPoint::LAST), source, policy: POLICY }
    }

    /// An isolate that has already served a request.
    fn warm(world: &FakePlatform) -> Self {
        let isolate = Self::new();
        isolate.ask(world, Wanted::Any).expect("the issuer answers");
        isolate
    }

    async fn asking(&self, world: &FakePlatform, wanted: Wanted<'_>) -> Result<Lookup, Fault> {
        self.cache.lookup(world, &self.source, &self.policy, wanted, world.now()).await
    }

    /// A request and the write after its response, without the refresh.
    fn ask(&self, world: &FakePlatform, wanted: Wanted<'_>) -> Result<Lookup, Fault> {
        let found = world.run(self.asking(world, wanted));
        world.run(self.cache.write_back(world));
        found
    }

    /// A request, and the refresh after its response.
    fn serve(&self, world: &FakePlatform, wanted: Wanted<'_>) -> Result<Lookup, Fault> {
        let lookup = self.ask(world, wanted)?;
        if lookup.refresh_due {
            world.run(self.cache.refresh(world, &self.source, &self.policy, world.now()));
        }
        Ok(lookup)
    }

    fn cron(&self, world: &FakePlatform) {
        world.run(self.cache.refresh_scheduled(
            world,
            &self.source,
            &self.policy,
            edge_assay::limits::CRON_HORIZON_SECONDS,
            world.now(),
        ));
    }

    fn state(&self, world: &FakePlatform) -> KeyState {
        world.run(self.cache.state(world, &self.source, &self.policy, world.now()))
    }
}

/// Whether the look-up found a set that holds `kid`.
fn holds(lookup: &Result<Lookup, Fault>, kid: &str) -> bool {
    lookup.as_ref().is_ok_and(|lookup| lookup.set.with_kid(kid).next().is_some())
}

/// `Retry-After` in seconds, if the keys are unavailable.
fn retry_after(result: &Result<Lookup, Fault>) -> Option<u64> {
    match result {
        Err(Fault::JwksUnavailable { retry_after_seconds, .. }) => Some(*retry_after_seconds),
        _ => None,
    }
}

#[test]
fn the_first_request_fetches_and_the_second_remembers() {
    let world = world();
    let isolate = Isolate::new();
    let first = isolate.ask(&world, Wanted::Kid("a")).unwrap();
    assert_eq!((first.tier, first.set.keys.len(), first.refresh_due), (Tier::Origin, 1, false));
    let second = isolate.ask(&world, Wanted::Kid("a")).unwrap();
    assert_eq!((second.tier, second.fetched_at), (Tier::Memory, first.fetched_at));
    assert_eq!(calls(&world), 1);
    assert_eq!((world.store.gets(), world.store.puts()), (2, 1));
}

#[test]
fn a_new_isolate_asks_the_store_and_not_the_origin() {
    let world = world();
    Isolate::warm(&world);
    let lookup = Isolate::new().ask(&world, Wanted::Kid("a")).unwrap();
    assert_eq!(lookup.tier, Tier::Store);
    assert_eq!(calls(&world), 1);
}

#[test]
fn the_request_says_what_is_acceptable_and_for_how_long() {
    let world = world();
    Isolate::warm(&world);
    let request = world.origin.requests().remove(0);
    assert_eq!((request.timeout_ms, request.max_bytes, request.if_none_match), (5000, 256 * 1024, None));
}

#[test]
fn the_state_shows_keys_times_and_reasons_and_never_asks_the_origin() {
    let world = world();
    let isolate = Isolate::new();
    let unknown = isolate.state(&world);
    assert_eq!((unknown.tier, unknown.serving, unknown.keys.len()), (None, false, 0));
    assert_eq!(calls(&world), 0);

    let bad = serde_json::json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0" });
    let mut good = jwk("a", 1);
    good["alg"] = "EdDSA".into();
    let set = serde_json::json!({ "keys": [good, bad] });
    world.origin.serves(URL, Answer::json(set.to_string()));
    isolate.ask(&world, Wanted::Any).unwrap();
    let state = isolate.state(&world);
    assert_eq!((state.tier, state.serving), (Some(Tier::Memory), true));
    assert_eq!((state.keys[0].kid.as_deref(), state.keys[0].alg), (Some("a"), Some("EdDSA")));
    assert_eq!(state.keys[0].thumbprint.len(), 43);
    assert_eq!(state.set_aside[0].kid.as_deref(), Some("shared"));
    assert_eq!(state.fresh_until.unwrap().since(state.fetched_at.unwrap()), STALE_AT);

    assert_eq!(Isolate::new().state(&world).tier, Some(Tier::Store));
    world.origin.serves(URL, Answer::unreachable());
    world.pass(REFRESH_AT);
    isolate.serve(&world, Wanted::Any).unwrap();
    let state = isolate.state(&world);
    assert_eq!((state.serving, state.consecutive_failures), (true, 1));
    assert!(state.last_error.is_some());
    assert_eq!(calls(&world), 2);
}

#[test]
fn the_same_kid_at_two_issuers_stays_apart() {
    const OTHER: &str = "https://other.example/jwks";
    let world = world();
    world.origin.serves(OTHER, Answer::json(jwks(&[("a", 2)])));
    let isolate = Isolate::new();
    let location = Location::Jwks { uri: OTHER.into() };
    let other =
        KeySource { issuer: "https://other.example".into(), location, may_be_empty: false, channel: None };
    let one = isolate.ask(&world, Wanted::Kid("a")).unwrap();
    let two =
        world.run(isolate.cache.lookup(&world, &other, &POLICY, Wanted::Kid("a"), world.now())).unwrap();
    assert_ne!(one.set.keys[0].thumbprint, two.set.keys[0].thumbprint);
    assert_eq!((calls(&world), world.origin.calls(OTHER)), (1, 1));
}
