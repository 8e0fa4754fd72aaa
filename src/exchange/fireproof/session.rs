//! Issues the session token for the subject of a verified token, with the subject's tenants and ledgers.

use serde_json::Value;

use super::message::ExchangeMessage;
use super::{ApiError, Fireproof, results};
use crate::claims::directory;
use crate::exchange::Exchange;
use crate::exchange::mapping;
use crate::exchange::memberships::{self, Memberships, Selected};
use crate::exchange::mint::{Audit, Draft, Minted};
use crate::jose::json as strict;
use crate::members::json;
use crate::ports::Platform;
use crate::rejection::{Rejection, excerpt};
use crate::signing::Checks;
use crate::verify::VerifiedToken;

/// What a session is issued from, besides the verified token.
pub(super) struct Session<'s> {
    pub(super) exchange: &'s Exchange,
    pub(super) fireproof: &'s Fireproof,
    pub(super) message: &'s ExchangeMessage,
}

impl Session<'_> {
    /// Issues the token. Returns the response message that the request asks for, and what to log about the token.
    pub(super) async fn issue<P: Platform>(
        &self,
        token: &VerifiedToken,
        platform: &P,
    ) -> Result<(Value, Audit), ApiError> {
        let refused = |rejection| ApiError::Token { issuer: Some(excerpt(token.issuer())), rejection };
        let faulty = |fault| ApiError::Fault { issuer: Some(excerpt(token.issuer())), fault };
        let binding = self.exchange.directory.as_deref();
        let facts = directory::facts(token, binding, platform).await.map_err(faulty)?;
        let subject = token.claims().subject.as_deref().filter(|sub| !sub.is_empty());
        let subject = subject.ok_or_else(|| refused(Rejection::ClaimMissing { claim: "sub".to_owned() }))?;
        let source = self.fireproof.memberships;
        let memberships =
            Memberships::of(source, token.issuer(), subject, &facts, binding).map_err(faulty)?;
        let ExchangeMessage { app_id, tenant, ledger, .. } = self.message;
        let selected = memberships.select(app_id.clone(), tenant.as_deref(), ledger.as_deref())?;

        let now = platform.now();
        let mut draft = Draft::new(token, self.fireproof.ttl_seconds, now).map_err(refused)?;
        draft.set("created", &now.rfc3339());
        for (name, value) in mapping::apply(&self.fireproof.claims, &facts).map_err(refused)? {
            draft.set_raw(name, value);
        }
        if draft.get("email").is_none() {
            // Fireproof's schema requires an address. `.invalid` never receives mail (RFC 6761 §6.4).
            let name = memberships::personal_name(token.issuer(), subject);
            draft.set(
                "email",
                &format!("u{}@no-email.invalid", name.replace(['-', '_'], "x").to_ascii_lowercase()),
            );
        }
        draft.set("iss", &self.fireproof.issuer);
        draft.set("aud", &self.fireproof.audience);
        draft.set("tenants", &memberships.tenants);
        draft.set("ledgers", &memberships.ledgers);
        draft.set("selected", &selected);
        let ring = self.exchange.keys().map_err(faulty)?;
        let minted = draft
            .sign("JWT", ring, &self.fireproof.series(), platform, Checks::Each)
            .await
            .map_err(faulty)?;
        if let Some(result_id) = &self.message.result_id {
            let owner = memberships::personal_name(token.issuer(), subject);
            results::store_result(&self.exchange.results, result_id, owner, &minted.token, platform).await?;
        }
        let audit = minted.audit(None, vec![self.fireproof.audience.clone()]);
        let message = if self.message.is_ensure {
            ensure_response(&minted, &selected)
        } else {
            json!({ "type": "resCloudSessionToken", "token": minted.token })
        };
        Ok((message, audit))
    }
}

fn ensure_response(minted: &Minted, selected: &Selected) -> Value {
    // `json!` would read a `RawValue` with `serde_json`'s own parser, which gives some names a special meaning.
    let claims = strict::parse_object(&minted.payload).ok();
    json!({
        "type": "resEnsureCloudToken",
        "cloudToken": minted.token,
        "appId": selected.app_id,
        "tenant": selected.tenant,
        "ledger": selected.ledger,
        "expiresInSec": minted.expires_in,
        "expiresDate": minted.expires_at.rfc3339(),
        "claims": claims,
    })
}
