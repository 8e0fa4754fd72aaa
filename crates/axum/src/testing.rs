//! An identity provider in memory, for the tests of an application (feature `testing`).
//!
//! Tokens are verified as in production: by their signature, their issuer, their audience and their times. Only the network is missing.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use edge_assay_verifier::ports::{Clock as _, Random as _};
use edge_assay_verifier::{BuildError, Issuer};
use serde_json::{Map, Value, json};

use crate::Verifier;
use crate::authenticator::Authenticator;
use crate::runtime::{Documents, Tokio};

/// An identity provider like Better Auth, in memory. It signs tokens with EdDSA.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use axum::{Router, routing::get};
/// use edge_assay_axum::{AuthenticatedUser, Authenticator, testing::Provider};
/// use http::{Request, StatusCode};
/// use tower::ServiceExt as _;
///
/// let provider = Provider::new("https://app.example");
/// let authenticator: Authenticator = provider.authenticator().unwrap();
/// let app = Router::new()
///     .route("/me", get(|user: AuthenticatedUser| async move { user.subject().to_owned() }))
///     .with_state(authenticator);
///
/// let token = provider.token("user-1", serde_json::json!({ "scope": "profiles:read" }));
/// let request = Request::get("/me").header("authorization", format!("Bearer {token}"));
/// let response = app.oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
/// assert_eq!(response.status(), StatusCode::OK);
/// # });
/// ```
pub struct Provider {
    issuer: String,
    documents: Documents,
    keys: Vec<(String, SigningKey)>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Provider").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Provider {
    /// A provider whose tokens have this `iss`, which is also their `aud`.
    #[must_use]
    pub fn new(issuer: &str) -> Self {
        let mut provider =
            Self { issuer: issuer.to_owned(), documents: Documents::default(), keys: Vec::new() };
        provider.rotate();
        provider
    }

    /// An authenticator that trusts this provider, and no other.
    ///
    /// # Errors
    /// If the issuer is not a URL that a provider may have.
    pub fn authenticator(&self) -> Result<Authenticator, BuildError> {
        let issuer = Issuer::better_auth(&self.issuer).audience([&self.issuer]);
        Ok(Authenticator::new(Verifier::builder().issuer(issuer).build_on(self.platform())?))
    }

    /// The platform on which a verifier fetches this provider's keys, for settings that [`Self::authenticator`] does not have.
    #[must_use]
    pub fn platform(&self) -> Tokio {
        Tokio::in_memory(self.documents.clone())
    }

    /// A token for this user with further claims, which expires in 15 minutes. Claims of the same name replace the usual ones: `iss`, `aud`, `sub`,
    /// `iat` and `exp`.
    #[must_use]
    pub fn token(&self, subject: &str, claims: Value) -> String {
        let now = self.platform().now().epoch_seconds();
        let mut members = Map::new();
        members.insert("iss".to_owned(), json!(self.issuer));
        members.insert("aud".to_owned(), json!(self.issuer));
        members.insert("sub".to_owned(), json!(subject));
        members.insert("iat".to_owned(), json!(now));
        members.insert("exp".to_owned(), json!(now.saturating_add(900)));
        if let Value::Object(further) = claims {
            members.extend(further);
        }
        let Some((kid, key)) = self.keys.last() else { return String::new() };
        let header = json!({ "alg": "EdDSA", "kid": kid, "typ": "JWT" });
        let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(Value::Object(members)));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    }

    /// Signs with a new key from now on. The key set shows the former keys too.
    pub fn rotate(&mut self) {
        let mut seed = [0; 32];
        self.platform().fill(&mut seed);
        let kid = format!("key-{}", self.keys.len());
        self.keys.push((kid, SigningKey::from_bytes(&seed)));
        self.publish();
    }

    /// Removes the former keys from the key set: their tokens are refused as soon as an authenticator fetches the set again.
    pub fn forget_former_keys(&mut self) {
        let former = self.keys.len().saturating_sub(1);
        self.keys.drain(..former);
        self.publish();
    }

    /// Whether the provider answers no request, as in an outage.
    pub fn set_down(&self, is_down: bool) {
        self.documents.with(|served| served.is_down = is_down);
    }

    /// How often the provider was asked, answered or not.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.documents.with(|served| served.requests)
    }

    /// The key set as a JWK Set (RFC 7517 §5), for a provider that a test serves over HTTP.
    #[must_use]
    pub fn key_set(&self) -> Value {
        let keys: Vec<Value> = self
            .keys
            .iter()
            .map(|(kid, key)| {
                let x = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
                json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x })
            })
            .collect();
        json!({ "keys": keys })
    }

    fn publish(&self) {
        let (url, set) = (format!("{}/api/auth/jwks", self.issuer), self.key_set().to_string());
        self.documents.with(|served| served.documents.insert(url, set));
    }
}
