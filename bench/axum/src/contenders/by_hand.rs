//! A server with jsonwebtoken and a cache of keys, as one writes it with care for one application.
//!
//! Keys are fetched when they are too old or lack a `kid`, once at a time; a request that has waited for a fetch takes its result. If the
//! provider fails, the keys stay in use. There is no waiting time between fetches, and no background task.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use tokio::sync::Mutex;

use super::{AUDIENCE, Claims, Me, Settings, now};
use crate::provider::jwks_url;

const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

struct Trust {
    validation: Validation,
    url: String,
    ttl: Duration,
    client: reqwest::Client,
    cached: RwLock<Cached>,
    fetching: Mutex<()>,
}

#[derive(Default)]
struct Cached {
    keys: HashMap<String, Arc<DecodingKey>>,
    fetched_at: Option<Instant>,
}

enum Refused {
    Unauthorized,
    Unavailable,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response(),
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

impl Trust {
    /// The key, whether the keys are fresh, and when they were fetched.
    fn look_up(&self, kid: &str) -> (Option<Arc<DecodingKey>>, bool, Option<Instant>) {
        let cached = self.cached.read().expect("a lock");
        let fresh = cached.fetched_at.is_some_and(|time| time.elapsed() < self.ttl);
        (cached.keys.get(kid).cloned(), fresh, cached.fetched_at)
    }

    async fn key(&self, kid: &str) -> Result<Arc<DecodingKey>, Refused> {
        let (key, fresh, before) = self.look_up(kid);
        if let Some(key) = key.filter(|_| fresh) {
            return Ok(key);
        }
        let turn = self.fetching.lock().await;
        let (mut key, _, fetched_at) = self.look_up(kid);
        if fetched_at == before {
            match self.fetch().await {
                Ok(()) => key = self.look_up(kid).0,
                // An old key is better than none.
                Err(_) => return key.ok_or(Refused::Unavailable),
            }
        }
        drop(turn);
        key.ok_or(Refused::Unauthorized)
    }

    async fn fetch(&self) -> Result<(), reqwest::Error> {
        let set: JwkSet = self.client.get(&self.url).send().await?.error_for_status()?.json().await?;
        let keys = set.keys.iter().filter_map(|jwk| {
            let key = DecodingKey::from_jwk(jwk).ok()?;
            Some((jwk.common.key_id.clone()?, Arc::new(key)))
        });
        *self.cached.write().expect("a lock") = Cached { keys: keys.collect(), fetched_at: Some(now()) };
        Ok(())
    }
}

struct User(String);

impl FromRequestParts<Arc<Trust>> for User {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, trust: &Arc<Trust>) -> Result<Self, Refused> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer ")).ok_or(Refused::Unauthorized)?;
        let kid = decode_header(token).ok().and_then(|header| header.kid).ok_or(Refused::Unauthorized)?;
        let key = trust.key(&kid).await?;
        match decode::<Claims>(token, &key, &trust.validation) {
            Ok(token) => Ok(Self(token.claims.sub)),
            Err(_) => Err(Refused::Unauthorized),
        }
    }
}

pub fn router(settings: &Settings) -> Router {
    let mut validation = Validation::new(settings.algorithm.parse().expect("an algorithm"));
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[AUDIENCE]);
    let trust = Trust {
        validation,
        url: jwks_url(&settings.issuer),
        ttl: settings.ttl,
        client: reqwest::Client::builder().timeout(FETCH_TIMEOUT).build().expect("a client"),
        cached: RwLock::default(),
        fetching: Mutex::default(),
    };
    Router::new().route("/me", get(me)).with_state(Arc::new(trust))
}

async fn me(user: User) -> Json<Me> {
    Json(Me { user: user.0 })
}
