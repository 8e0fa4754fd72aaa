//! Tokens that wait in the store for whoever knows their `resultId`: left by one client, collected once by another.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::ApiError;
use crate::exchange::outage::Outage;
use crate::jose::base64url;
use crate::limits;
use crate::patience::in_time;
use crate::ports::{KeyValueStore, Level, Platform, StoreError};

/// The namespace they wait in, which is the key sets' too.
const BINDING: &str = "JWKS_CACHE";

/// Whether nobody could guess it.
pub(super) fn is_long_enough(result_id: &str) -> bool {
    result_id.chars().nth(limits::MIN_RESULT_ID_CHARS.saturating_sub(1)).is_some()
}

/// The store's key of a result. Whoever can list the keys learns no `resultId` from it.
#[must_use]
pub fn result_key(result_id: &str) -> String {
    format!("fireproof-result:v1:{}", base64url::encode(&Sha256::digest(result_id.as_bytes())))
}

/// Leaves a token for whoever knows the `resultId`. That the store is down does not take the token from who asked.
pub(super) async fn leave<P: Platform>(result_id: &str, token: &str, platform: &P) {
    let key = result_key(result_id);
    let left = in_time(platform, platform.put(&key, token, limits::FIREPROOF_RESULT_SECONDS)).await;
    if let Err(error) = left {
        platform.log(Level::Warn, &json!({ "event": "result_not_stored", "reason": error.to_string() }));
    }
}

/// `reqTokenByResultId`: the token that was left, once.
pub(super) async fn collect<P: Platform>(result_id: &str, platform: &P) -> Result<Value, ApiError> {
    let unavailable = |error: StoreError| ApiError::Outage {
        issuer: None,
        outage: Outage::Store { binding: BINDING.to_owned(), reason: error.to_string() },
    };
    let token = if is_long_enough(result_id) {
        let key = result_key(result_id);
        let found = in_time(platform, KeyValueStore::get(platform, &key)).await.map_err(unavailable)?;
        if found.is_some() {
            // Removed before it is handed out: better lost than handed out twice.
            in_time(platform, platform.delete(&key)).await.map_err(unavailable)?;
        }
        found
    } else {
        None
    };
    Ok(match token {
        Some(token) => {
            json!({ "type": "resTokenByResultId", "status": "found", "resultId": result_id, "token": token })
        }
        None => json!({ "type": "resTokenByResultId", "status": "not-found", "resultId": result_id }),
    })
}
