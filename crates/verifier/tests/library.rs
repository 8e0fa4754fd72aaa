//! The verifier as another server uses it: on threads, with a platform of its own.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::similar_names,
    clippy::unwrap_used,
    missing_docs
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};
use edge_assay_verifier::jose::time::Timestamp;
use edge_assay_verifier::jose::{Algorithm, Jwk, base64url};
use edge_assay_verifier::ports::{
    Clock, Document, DocumentRequest, FetchError, HttpClient, KeyValueStore, Level, Log, PlatformCrypto,
    Random, Secrets, StoreError,
};
use edge_assay_verifier::trust::claims::Confirmation;
use edge_assay_verifier::trust::conditions::{Condition, Member, Test};
use edge_assay_verifier::trust::facts::Pointer;
use edge_assay_verifier::{Builder, Issuer, Rejection, Verifier};
use serde_json::{Value, json};

const ISSUER: &str = "https://app.example";
/// A provider that never answers.
const HANGING: &str = "https://hanging.example";
const NOW: i64 = 1_800_000_000;

/// A provider with one key at a time, and a clock that a test sets.
#[derive(Default)]
struct Platform {
    published: Mutex<Option<SigningKey>>,
    fetches: AtomicU64,
    seconds: AtomicU64,
}

impl Clock for Platform {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_seconds(NOW).plus(self.seconds.load(Ordering::SeqCst))
    }

    async fn sleep(&self, milliseconds: u32) {
        tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
    }
}

impl KeyValueStore for Platform {
    async fn get(&self, _: &str) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn put(&self, _: &str, _: &str, _: u64) -> Result<(), StoreError> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

impl HttpClient for Platform {
    async fn get(&self, request: &DocumentRequest) -> Result<Document, FetchError> {
        if request.url.starts_with(HANGING) {
            std::future::pending::<()>().await;
        }
        assert_eq!(request.url, "https://app.example/api/auth/jwks");
        self.fetches.fetch_add(1, Ordering::SeqCst);
        // All threads ask before the answer is there.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let published = self.published.lock().unwrap().clone();
        let key = published.ok_or_else(|| FetchError::Unreachable("refused".to_owned()))?;
        let set = json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "kid": kid(&key), "x": base64url::encode(key.verifying_key().as_bytes()),
        }]});
        Ok(Document { status: 200, body: set.to_string().into_bytes(), ..Document::default() })
    }
}

impl Log for Platform {
    fn log(&self, _: Level, _: &Value) {}
}

impl Random for Platform {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0x55);
    }
}

impl Secrets for Platform {}
impl PlatformCrypto for Platform {}

fn kid(key: &SigningKey) -> String {
    base64url::encode(&key.verifying_key().as_bytes()[..6])
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn token(key: &SigningKey, claims: &Value) -> String {
    let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid(key) });
    let mut all = json!({ "iss": ISSUER, "aud": ISSUER, "sub": "ada", "exp": NOW + 86_400 });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let input = format!(
        "{}.{}",
        base64url::encode(header.to_string().as_bytes()),
        base64url::encode(all.to_string().as_bytes())
    );
    let signature = base64url::encode(&key.sign(input.as_bytes()).to_bytes());
    format!("{input}.{signature}")
}

fn verifier() -> Arc<Verifier<Platform>> {
    let issuer = Issuer::better_auth(ISSUER).audience([ISSUER]);
    Arc::new(Verifier::builder().issuer(issuer).build_on(Platform::default()).unwrap())
}

fn publish(verifier: &Verifier<Platform>, key: SigningKey) {
    *verifier.platform().published.lock().unwrap() = Some(key);
}

#[test]
fn the_futures_of_a_verifier_are_send_if_those_of_its_platform_are() {
    fn sendable<T: Send>(_: &T) {}
    fn shareable<T: Send + Sync + 'static>(_: &T) {}
    let verifier = verifier();
    shareable(&verifier);
    sendable(&verifier.verify("a.b.c"));
    sendable(&verifier.upkeep());
    sendable(&verifier.purge(ISSUER));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_that_need_the_same_keys_fetch_them_once() {
    let verifier = verifier();
    publish(&verifier, key(1));
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let (verifier, token) = (Arc::clone(&verifier), token(&key(1), &json!({ "number": number })));
            tokio::spawn(
                async move { verifier.verify(&token).await.map(|token| token.subject() == Some("ada")) },
            )
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(true));
    }
    assert_eq!(verifier.platform().fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_verified_token_has_typed_claims_and_scopes() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Claims {
        org: String,
        level: u8,
    }
    let verifier = verifier();
    publish(&verifier, key(1));
    let token =
        token(&key(1), &json!({ "org": "acme", "level": 3, "scope": "profiles:read profiles:write" }));
    let verified = verifier.verify(&token).await.unwrap();
    assert_eq!(verified.issuer(), ISSUER);
    assert_eq!(verified.claims_as::<Claims>().unwrap(), Claims { org: "acme".to_owned(), level: 3 });
    assert_eq!(verified.scopes(), ["profiles:read", "profiles:write"]);
    assert_eq!(verified.require_scopes(&["profiles:read"]), Ok(()));
    assert_eq!(
        verified.require_scopes(&["profiles:read", "admin"]),
        Err(Rejection::ScopeInsufficient {
            required: vec!["profiles:read".to_owned(), "admin".to_owned()],
            missing: vec!["admin".to_owned()],
        })
    );
    assert!(verified.claims_as::<Vec<String>>().is_err());
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_an_outage_does_not_end_a_session() {
    let verifier = verifier();
    publish(&verifier, key(1));
    let (first, second) = (token(&key(1), &json!({})), token(&key(2), &json!({})));
    assert!(verifier.verify(&first).await.is_ok());
    // Later than the cooldown for unknown keys.
    publish(&verifier, key(2));
    verifier.platform().seconds.store(60, Ordering::SeqCst);
    assert!(verifier.verify(&second).await.is_ok());
    assert_eq!(verifier.verify(&first).await.unwrap_err().code(), "key_not_found");
    // Past the life of the set, and the provider is down.
    *verifier.platform().published.lock().unwrap() = None;
    verifier.platform().seconds.store(2 * 3600, Ordering::SeqCst);
    verifier.upkeep().await;
    assert!(verifier.verify(&second).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_is_down_at_the_start_is_no_fault_of_the_token() {
    let verifier = verifier();
    let token = token(&key(1), &json!({}));
    let refusal = verifier.verify(&token).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.status()), ("jwks_unavailable", 503));
    assert!(refusal.retry_after_seconds().is_some_and(|seconds| seconds >= 1));
    publish(&verifier, key(1));
    verifier.platform().seconds.store(60, Ordering::SeqCst);
    verifier.upkeep().await;
    assert!(verifier.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_shared_secret_verifies_without_a_key_set() {
    use sha2::Digest as _;
    let secret = b"thirty-two octets are enough here".to_vec();
    let issuer = Issuer::with_secrets(ISSUER).any_audience().shared_secret(None, secret.clone());
    let verifier = Verifier::builder().issuer(issuer).build_on(Platform::default()).unwrap();
    let header = base64url::encode(br#"{"alg":"HS256"}"#);
    let claims = base64url::encode(json!({ "iss": ISSUER, "exp": NOW + 60 }).to_string().as_bytes());
    let input = format!("{header}.{claims}");
    // HMAC (RFC 2104) of a key shorter than a block.
    let pad =
        |byte: u8| -> Vec<u8> { (0..64).map(|at| secret.get(at).copied().unwrap_or(0) ^ byte).collect() };
    let inner = sha2::Sha256::new().chain_update(pad(0x36)).chain_update(&input).finalize();
    let code = sha2::Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    let good = format!("{input}.{}", base64url::encode(&code));
    assert!(verifier.verify(&good).await.is_ok());
    let bad = format!("{input}.{}", base64url::encode(&[0; 32]));
    assert_eq!(verifier.verify(&bad).await.unwrap_err().code(), "signature_invalid");
}

#[test]
fn every_mistake_of_a_description_is_reported_at_once() {
    let error = Verifier::<Platform>::builder()
        .issuer(Issuer::clerk("https://clerk.example.com/"))
        .issuer(Issuer::jwks("https://a.example", "http://a.example/jwks").any_audience())
        .issuer(Issuer::jwks("https://a.example", "https://a.example/jwks").audience(["a"]))
        .issuer(Issuer::with_secrets("https://b.example").any_audience().shared_secret(None, vec![1; 8]))
        .issuer(Issuer::oidc("https://c.example").audience(Vec::<String>::new()).algorithms([]))
        .leeway(Duration::from_hours(1))
        .max_shared_age(Duration::from_secs(31))
        .build()
        .unwrap_err();
    let expected = [
        "`leeway` is 3600 s; accepted are 0 to 300 s",
        "`max_shared_age` is 31 s; accepted are 0 to 30 s",
        "https://clerk.example.com/: Clerk's `iss` does not end with a slash; write \"https://clerk.example.com\"",
        "https://clerk.example.com/: its audience is missing; call `audience` with the `aud` of its tokens, or `any_audience` if they have none",
        "https://a.example: its keys would be at http://a.example/jwks, but the URL has the scheme http, which is accepted for loopback hosts only",
        "https://b.example: a shared secret cannot be used: it is shorter than the 32 octets that HS256 needs (RFC 7518, section 3.2)",
        "https://c.example: no algorithm is allowed; give `algorithms` at least one, or add a shared secret",
        "https://c.example: its audience is an empty list; name at least one",
        "https://a.example is added twice, and nothing tells the two apart; describe it once, or give each of them an audience or a condition",
    ];
    assert_eq!(error.faults(), expected);
    let none = Verifier::<Platform>::builder().build().unwrap_err();
    assert_eq!(none.faults(), ["it trusts no issuer; add one with `issuer`"]);
}

/// The code for which a token with these claims is refused by a verifier of this issuer; `None` if it is accepted.
async fn code(issuer: Issuer, claims: &Value) -> Option<&'static str> {
    let verifier = Verifier::builder().issuer(issuer).build_on(Platform::default()).unwrap();
    *verifier.platform().published.lock().unwrap() = Some(key(1));
    verifier.verify(&token(&key(1), claims)).await.err().map(|refusal| refusal.code())
}

#[tokio::test]
async fn an_issuer_has_classes_conditions_and_a_rule_for_bound_tokens() {
    let issuer = || Issuer::better_auth(ISSUER).audience([ISSUER]);
    let id_token = json!({ "nonce": "n" });
    assert_eq!(code(issuer(), &json!({})).await, None);
    assert_eq!(code(issuer(), &id_token).await, Some("token_class_refused"));
    assert_eq!(code(issuer().classes(["id", "session"]), &id_token).await, None);
    assert_eq!(code(issuer().classes(["id"]), &json!({})).await, Some("token_class_refused"));
    assert_eq!(code(issuer().any_class(), &id_token).await, None);

    let condition = |about, wanted: &str| Condition { about, test: Test::Equals(wanted.into()) };
    let role = || Member::Claim(Pointer::parse("/role").unwrap());
    let typ = || Member::Header(Pointer::parse("/typ").unwrap());
    let admin = || issuer().require(condition(role(), "admin"));
    assert_eq!(code(admin(), &json!({ "role": "admin" })).await, None);
    assert_eq!(code(admin(), &json!({ "role": "user" })).await, Some("condition_failed"));
    // Each call adds a condition.
    let both = admin().require(condition(typ(), "at+jwt"));
    assert_eq!(code(both, &json!({ "role": "admin" })).await, Some("token_class_refused"));
    let both = admin().require(condition(typ(), "JWT"));
    assert_eq!(code(both, &json!({ "role": "admin" })).await, None);

    let bound = json!({ "cnf": { "jkt": "x" } });
    assert_eq!(code(issuer(), &bound).await, Some("proof_required"));
    assert_eq!(code(issuer().confirmation(Confirmation::Refuse), &bound).await, Some("proof_required"));
    assert_eq!(code(issuer().confirmation(Confirmation::Ignore), &bound).await, None);
}

#[test]
fn a_mistake_in_the_classes_is_reported() {
    let fault = |issuer: Issuer| {
        let error = Verifier::<Platform>::builder().issuer(issuer).build().unwrap_err();
        error.faults().join("; ")
    };
    let clerk = || Issuer::clerk("https://clerk.example.com").any_audience();
    assert_eq!(
        fault(clerk().classes(["session", "machines"])),
        "https://clerk.example.com: `classes` names \"machines\", which is not a class of Clerk; write some of machine, oauth, handshake, pending, session, template"
    );
    assert_eq!(
        fault(clerk().classes(Vec::<String>::new())),
        "https://clerk.example.com: `classes` is empty, so no token is accepted"
    );
    let nothing = "https://a.example: `classes` has no effect, because no classes of its tokens are known";
    assert_eq!(fault(Issuer::oidc("https://a.example").any_audience().classes(["session"])), nothing);
    assert_eq!(fault(Issuer::oidc("https://a.example").any_audience().any_class()), nothing);
}

#[test]
fn the_constructors_of_the_providers_know_their_classes() {
    let built = |issuer: Issuer| Verifier::<Platform>::builder().issuer(issuer).build().is_ok();
    let pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a";
    assert!(built(Issuer::cognito(pool).audience(["client"]).classes(["access", "id"])));
    let oauth = Issuer::better_auth_oauth("https://app.example/api/auth").audience(["https://api.example"]);
    assert!(built(oauth.classes(["access"])));
}

#[test]
fn a_secret_makes_only_the_algorithms_allowed_for_which_it_is_long_enough() {
    let built = |octets: usize, algorithms: Option<[Algorithm; 1]>| {
        let issuer = Issuer::with_secrets(ISSUER).any_audience().shared_secret(None, vec![1; octets]);
        let issuer = match algorithms {
            None => issuer,
            Some(algorithms) => issuer.algorithms(algorithms),
        };
        Verifier::<Platform>::builder().issuer(issuer).build().is_ok()
    };
    assert!(built(32, None));
    assert!(!built(31, None));
    assert!(built(64, Some([Algorithm::Hs512])));
    assert!(!built(63, Some([Algorithm::Hs512])));
}

/// As of a machine that starts with a wrong clock.
const TEN_YEARS: u64 = 10 * 365 * 86_400;

fn set_clock(verifier: &Verifier<Platform>, seconds: u64) {
    verifier.platform().seconds.store(seconds, Ordering::SeqCst);
}

/// A token that is valid before and after the clock is set back.
fn lasting_token(key: &SigningKey) -> String {
    token(key, &json!({ "exp": 2 * NOW }))
}

#[tokio::test]
async fn a_key_that_was_fetched_before_the_clock_was_set_back_does_not_outlive_its_withdrawal() {
    let verifier = verifier();
    set_clock(&verifier, TEN_YEARS);
    publish(&verifier, key(1));
    verifier.verify(&lasting_token(&key(1))).await.unwrap();
    set_clock(&verifier, 0);
    publish(&verifier, key(2));
    assert_eq!(verifier.verify(&lasting_token(&key(1))).await.unwrap_err().code(), "key_not_found");
    // The same by the background task.
    set_clock(&verifier, TEN_YEARS);
    publish(&verifier, key(3));
    verifier.upkeep().await;
    set_clock(&verifier, 0);
    publish(&verifier, key(4));
    verifier.upkeep().await;
    let fetches = verifier.platform().fetches.load(Ordering::SeqCst);
    verifier.verify(&lasting_token(&key(4))).await.unwrap();
    assert_eq!(verifier.platform().fetches.load(Ordering::SeqCst), fetches);
}

#[tokio::test]
async fn a_failure_before_the_clock_was_set_back_delays_no_fetch() {
    let verifier = verifier();
    set_clock(&verifier, TEN_YEARS);
    assert_eq!(verifier.verify(&lasting_token(&key(1))).await.unwrap_err().status(), 503);
    set_clock(&verifier, 0);
    publish(&verifier, key(1));
    verifier.verify(&lasting_token(&key(1))).await.unwrap();
}

#[tokio::test]
async fn unknown_kids_cause_one_fetch_per_cooldown_after_the_clock_was_set_back() {
    let verifier = verifier();
    set_clock(&verifier, TEN_YEARS);
    publish(&verifier, key(1));
    verifier.verify(&lasting_token(&key(1))).await.unwrap();
    verifier.verify(&lasting_token(&key(9))).await.unwrap_err();
    set_clock(&verifier, 0);
    for seed in 10..15 {
        verifier.verify(&lasting_token(&key(seed))).await.unwrap_err();
    }
    // One for the set that is too old to know, and one for the first unknown kid.
    let fetches = verifier.platform().fetches.load(Ordering::SeqCst);
    assert!(fetches <= 4, "{fetches}");
}

#[tokio::test]
async fn a_fetch_that_was_dropped_before_the_clock_was_set_back_blocks_no_request() {
    let verifier = verifier();
    set_clock(&verifier, TEN_YEARS);
    publish(&verifier, key(1));
    let token = lasting_token(&key(1));
    tokio::time::timeout(Duration::from_millis(20), verifier.verify(&token)).await.unwrap_err();
    set_clock(&verifier, 0);
    tokio::time::timeout(Duration::from_secs(5), verifier.verify(&token)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_provider_that_does_not_answer_delays_the_upkeep_of_no_other() {
    let issuer = |name: &str| Issuer::better_auth(name).audience([name]);
    let verifier: Verifier<Platform> = Verifier::builder()
        .issuer(issuer(HANGING))
        .issuer(issuer(ISSUER))
        .build_on(Platform::default())
        .unwrap();
    publish(&verifier, key(1));
    tokio::time::timeout(Duration::from_secs(2), verifier.upkeep()).await.unwrap_err();
    assert_eq!(verifier.platform().fetches.load(Ordering::SeqCst), 1);
    verifier.verify(&token(&key(1), &json!({}))).await.unwrap();
    assert_eq!(verifier.platform().fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_scope_with_a_space_is_not_two_scopes_and_two_are_not_one() {
    let verifier = verifier();
    publish(&verifier, key(1));
    for (claims, granted) in [
        (json!({ "scope": "a b" }), [true, true, false]),
        (json!({ "scope": ["a b"] }), [false, false, true]),
        (json!({ "scope": "", "scp": ["a"] }), [false; 3]),
        (json!({ "scope": [["a"]], "scp": "a" }), [false; 3]),
    ] {
        let verified = verifier.verify(&token(&key(1), &claims)).await.unwrap();
        assert_eq!(["a", "b", "a b"].map(|scope| verified.has_scope(scope)), granted, "{claims}");
    }
}

/// The public key of a test key, as JWK.
fn jwk(key: &SigningKey) -> Jwk {
    let x = base64url::encode(key.verifying_key().as_bytes());
    Jwk::from_value(&json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid(key), "x": x })).unwrap()
}

fn built(issuer: Issuer) -> Verifier<Platform> {
    Verifier::builder().issuer(issuer).build_on(Platform::default()).unwrap()
}

#[tokio::test]
async fn keys_that_are_given_with_an_issuer_are_not_fetched_and_a_distrusted_one_is_refused() {
    let issuer = Issuer::with_keys(ISSUER, [jwk(&key(1)), jwk(&key(2))]).audience([ISSUER]);
    let verifier = built(issuer.distrusted_keys([jwk(&key(2)).thumbprint]));
    verifier.verify(&token(&key(1), &json!({}))).await.unwrap();
    let refusal = verifier.verify(&token(&key(2), &json!({}))).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.status()), ("key_distrusted", 401));
    assert_eq!(verifier.verify(&token(&key(3), &json!({}))).await.unwrap_err().code(), "key_not_found");
    verifier.upkeep().await;
    assert_eq!(verifier.platform().fetches.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn other_spellings_and_tenants_of_an_issuer_are_accepted() {
    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    let spelt =
        built(Issuer::with_keys(ISSUER, [jwk(&key(1))]).also_known_as(["app.example"]).any_audience());
    let verified = spelt.verify(&token(&key(1), &json!({ "iss": "app.example" }))).await.unwrap();
    assert_eq!(verified.issuer(), ISSUER);
    let of = |tenant: &str| format!("https://login.example/{tenant}/v2.0");
    let tenants = built(Issuer::with_keys(of("{tenantid}"), [jwk(&key(1))]).tenants([TENANT]).any_audience());
    let verified =
        tenants.verify(&token(&key(1), &json!({ "iss": of(TENANT), "tid": TENANT }))).await.unwrap();
    assert!(verified.issuer() == of(TENANT) && verified.is_of(&of("{tenantid}")));
    let other = tenants.verify(&token(&key(1), &json!({ "iss": of("common"), "tid": "common" }))).await;
    assert_eq!(other.unwrap_err().code(), "issuer_unknown");
    let refusal =
        verifier().verify(&token(&key(1), &json!({ "iss": format!("{ISSUER}/") }))).await.unwrap_err();
    assert_eq!(refusal.code(), "issuer_unknown");
    assert!(refusal.to_string().contains("the slash at its end"), "{refusal}");
}

#[tokio::test]
async fn a_purge_fetches_the_keys_again() {
    let verifier = verifier();
    publish(&verifier, key(1));
    verifier.verify(&token(&key(1), &json!({}))).await.unwrap();
    publish(&verifier, key(2));
    let purged = verifier.purge(ISSUER).await;
    assert!(purged.len() == 1 && purged[0].fetched.is_ok());
    assert_eq!(verifier.verify(&token(&key(1), &json!({}))).await.unwrap_err().code(), "key_not_found");
    assert!(verifier.purge("https://other.example").await.is_empty());
}

#[test]
fn contradictory_issuers_are_reported_together() {
    let faults = |issuers: Vec<Issuer>| {
        let builder = issuers.into_iter().fold(Verifier::<Platform>::builder(), Builder::issuer);
        builder.build_on(Platform::default()).unwrap_err().faults().join("\n")
    };
    let one = || Issuer::with_keys(ISSUER, [jwk(&key(1))]);
    assert!(faults(vec![one().any_audience(), one().audience([ISSUER])]).contains("is added twice"));
    assert!(faults(vec![one().tenants(["common"]).any_audience()]).contains("{tenantid}"));
    assert!(
        faults(vec![one().algorithms([Algorithm::Rs256]).any_audience()]).contains("none of its public keys")
    );
    assert!(faults(vec![one().also_known_as([ISSUER]).any_audience()]).contains("other spelling"));
}
