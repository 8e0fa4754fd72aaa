//! A server with axum-jwt-auth, after its example `remote`.
//!
//! Its jsonwebtoken has one cryptographic provider for the whole process. So the provider here asks RustCrypto or aws-lc, as the thread of the
//! server has chosen.

use std::cell::Cell;
use std::sync::Arc;

use ::axum_jwt_auth::{Claims as Verified, Decoder, RemoteJwksDecoder, RemoteJwksDecoderConfig};
use axum::extract::FromRef;
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken_10::Validation;
use jsonwebtoken_10::crypto::{CryptoProvider, JwkUtils, aws_lc, rust_crypto};

use super::{AUDIENCE, Claims, Me, Settings};
use crate::provider::jwks_url;

thread_local! {
    static AWS_LC: Cell<bool> = const { Cell::new(false) };
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| (aws_lc::DEFAULT_PROVIDER.signer_factory)(algorithm, key),
    verifier_factory: |algorithm, key| {
        let provider = if AWS_LC.get() { &aws_lc::DEFAULT_PROVIDER } else { &rust_crypto::DEFAULT_PROVIDER };
        (provider.verifier_factory)(algorithm, key)
    },
    jwk_utils: JwkUtils::new_unimplemented(),
};

pub fn install() {
    PROVIDER.install_default().expect("the first provider");
}

#[derive(Clone, FromRef)]
struct AppState {
    decoder: Decoder<Claims>,
}

/// The server's routes, when its keys are fetched.
pub async fn router(settings: &Settings, aws_lc: bool) -> Result<Router, String> {
    AWS_LC.set(aws_lc);
    let mut validation = Validation::new(settings.algorithm.parse().expect("an algorithm"));
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[AUDIENCE]);
    let decoder = RemoteJwksDecoder::builder()
        .jwks_url(jwks_url(&settings.issuer))
        .validation(validation)
        .config(RemoteJwksDecoderConfig::builder().cache_duration(settings.ttl).build())
        .build()
        .expect("a decoder");
    // The background task goes on if what this returns is dropped.
    drop(decoder.initialize().await.map_err(|error| error.to_string())?);
    Ok(Router::new().route("/me", get(me)).with_state(AppState { decoder: Arc::new(decoder) }))
}

async fn me(user: Verified<Claims>) -> Json<Me> {
    Json(Me { user: user.claims.sub })
}
