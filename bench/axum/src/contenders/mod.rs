//! The compared servers. Each has one route, `/me`, which answers with the `sub` of the request's token.

mod axum_jwt_auth;
mod by_hand;
mod ours;

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use serde::{Deserialize, Serialize};

use crate::mint::AUDIENCE;
use crate::thread::Server;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// It reads the header, and verifies nothing: what the rest of a request costs.
    Nothing,
    EdgeAssay,
    /// jsonwebtoken on aws-lc, and a cache of its keys.
    ByHand,
    /// axum-jwt-auth as it comes: its jsonwebtoken checks signatures with RustCrypto.
    AxumJwtAuth,
    /// axum-jwt-auth in an application that has chosen aws-lc for jsonwebtoken.
    AxumJwtAuthAwsLc,
}

/// What a server trusts.
#[derive(Clone)]
pub struct Settings {
    pub issuer: String,
    pub algorithm: &'static str,
    /// How long keys are fresh. All other settings keep their defaults.
    pub ttl: Duration,
}

/// The answer of `/me`.
#[derive(Serialize)]
struct Me {
    user: String,
}

#[derive(Clone, Deserialize)]
struct Claims {
    sub: String,
}

/// Must be called once, before all else here.
pub fn install() {
    axum_jwt_auth::install();
}

impl Contender {
    pub const MEASURED: [Self; 5] =
        [Self::Nothing, Self::EdgeAssay, Self::ByHand, Self::AxumJwtAuth, Self::AxumJwtAuthAwsLc];

    pub const OBSERVED: [Self; 3] = [Self::EdgeAssay, Self::ByHand, Self::AxumJwtAuth];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no verification",
            Self::EdgeAssay => "edge-assay-axum",
            Self::ByHand => "jsonwebtoken, aws-lc, cache by hand",
            Self::AxumJwtAuth => "axum-jwt-auth",
            Self::AxumJwtAuthAwsLc => "axum-jwt-auth, aws-lc",
        }
    }

    /// Starts a server.
    ///
    /// # Errors
    /// Why it does not start.
    pub fn start(self, settings: Settings) -> Result<Server, String> {
        Server::start(async move || match self {
            Self::Nothing => Ok(Router::new().route("/me", get(unverified))),
            Self::EdgeAssay => Ok(ours::router(&settings)),
            Self::ByHand => Ok(by_hand::router(&settings)),
            Self::AxumJwtAuth => axum_jwt_auth::router(&settings, false).await,
            Self::AxumJwtAuthAwsLc => axum_jwt_auth::router(&settings, true).await,
        })
    }
}

async fn unverified(headers: HeaderMap) -> axum::Json<Me> {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    axum::Json(Me { user: token.and_then(|token| token.get(..36)).unwrap_or_default().to_owned() })
}

fn now() -> Instant {
    Instant::now()
}
