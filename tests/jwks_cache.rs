//! The JWKS cache on fakes: memory, store and origin together, one scenario each.

#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use edge_assay::keys::{CachePolicy, KeyCache, KeySource, Location, Lookup, Tier, Wanted};
use edge_assay::rejection::Fault;
use support::platform::{Answer, FakePlatform};

const NOW: i64 = 1_800_000_000;
const URL: &str = "https://issuer.example/jwks";
const POLICY: CachePolicy = CachePolicy {
    ttl_seconds: 3600,
    stale_if_error_seconds: 86_400,
    unknown_kid_cooldown_seconds: 30,
    fetch_timeout_ms: 5000,
};

fn source() -> KeySource {
    KeySource { issuer: "https://issuer.example".into(), location: Location::Jwks { uri: URL.into() } }
}

/// A JWK Set with an Ed25519 key per `(kid, seed)`.
fn jwks(keys: &[(&str, u8)]) -> String {
    let keys: Vec<_> = keys.iter().map(|(kid, seed)| jwk(kid, *seed)).collect();
    serde_json::json!({ "keys": keys }).to_string()
}

fn jwk(kid: &str, seed: u8) -> serde_json::Value {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
    let x = edge_assay::jose::base64url::encode(key.as_bytes());
    serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x })
}

/// One isolate in the world.
#[derive(Default)]
struct Isolate(KeyCache);

impl Isolate {
    async fn ask(&self, world: &FakePlatform, wanted: Wanted<'_>) -> Result<Lookup, Fault> {
        self.0.lookup(world, &source(), &POLICY, wanted, world.now()).await
    }
}

#[test]
fn the_first_request_fetches_and_the_second_remembers() {
    let world = FakePlatform::at(NOW);
    world.origin.serves(URL, Answer::json(jwks(&[("a", 1)])));
    let isolate = Isolate::default();
    let first = world.run(isolate.ask(&world, Wanted::Kid("a"))).unwrap();
    assert_eq!((first.tier, first.set.keys.len(), first.refresh_due), (Tier::Origin, 1, false));
    let second = world.run(isolate.ask(&world, Wanted::Kid("a"))).unwrap();
    assert_eq!(second.tier, Tier::Memory);
    assert_eq!(world.origin.calls(URL), 1);
    assert_eq!((world.store.gets(), world.store.puts()), (1, 1));
}
