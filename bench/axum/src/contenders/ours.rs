//! A server with edge-assay-axum. No other file here names it.

use axum::routing::get;
use axum::{Json, Router};
use edge_assay_axum::{AuthenticatedUser, Authenticator, Issuer, Verifier};

use super::{AUDIENCE, Me, Settings};
use crate::provider::jwks_url;

pub fn router(settings: &Settings) -> Router {
    let issuer = Issuer::jwks(&settings.issuer, jwks_url(&settings.issuer)).audience([AUDIENCE]);
    let verifier = Verifier::builder().issuer(issuer).jwks_ttl(settings.ttl).build().expect("a verifier");
    Router::new().route("/me", get(me)).with_state(Authenticator::new(verifier))
}

async fn me(user: AuthenticatedUser) -> Json<Me> {
    Json(Me { user: user.subject().to_owned() })
}
