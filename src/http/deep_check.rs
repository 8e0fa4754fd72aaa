//! `GET /readyz?deep=1`: do both engines give the right answers here, and what is this environment?

use serde::Serialize;

use crate::explain::cross_check::{Answers, self_test};
use crate::jose::Algorithm;
use crate::keys::Location;
use crate::limits;
use crate::ports::{DocumentRequest, HttpClient, Platform, RuntimeFacts};
use crate::time::{Timestamp, duration_in_words};
use crate::verify::Terms;

/// Both engines' answers to known questions, and the facts of the environment.
#[derive(Clone, Debug, Serialize)]
pub struct DeepCheck {
    checked_at: Timestamp,
    self_test: Vec<Answers>,
    environment: RuntimeFacts,
    clock: Option<ClockCheck>,
}

/// Our clock against an identity provider's `Date` header.
#[derive(Clone, Debug, Serialize)]
struct ClockCheck {
    asked: String,
    /// Ours minus theirs, in seconds; a second or two is the way there and back.
    ahead_seconds: Option<i64>,
    in_words: String,
}

impl DeepCheck {
    /// Tests all algorithms on both engines, and asks the first identity provider for the time. Costs some milliseconds
    /// and a fetch, so it is for those who may see details, and what it found serves for a while.
    pub(super) async fn perform<P: Platform>(terms: &Terms, platform: &P, now: Timestamp) -> Self {
        Self {
            checked_at: now,
            self_test: self_test(&terms.cross_checks, platform, Algorithm::ALL).await,
            environment: platform.facts(),
            clock: compare_clocks(terms, platform).await,
        }
    }

    /// Whether it is too early for another.
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        now < self.checked_at.plus(limits::DEEP_CHECK_INTERVAL_SECONDS)
    }
}

async fn compare_clocks<P: Platform>(terms: &Terms, platform: &P) -> Option<ClockCheck> {
    let source = terms.issuers.iter().find_map(|issuer| issuer.keys.as_ref())?;
    let (Location::Jwks { uri } | Location::Discovery { uri }) = &source.location;
    let request = DocumentRequest {
        url: uri.clone(),
        accept: "application/json",
        if_none_match: None,
        timeout_ms: terms.cache.fetch_timeout_ms,
        max_bytes: limits::MAX_JWKS_BYTES,
    };
    let answer = HttpClient::get(platform, &request).await;
    // Only now has the clock moved on, in production.
    let now = platform.now();
    let theirs = answer.ok().and_then(|document| Timestamp::from_http_date(document.date.as_deref()?));
    let ahead_seconds = theirs.map(|theirs| now.since(theirs));
    let in_words = match ahead_seconds {
        None => "the identity provider did not tell the time".to_owned(),
        Some(ahead) if ahead.abs() <= limits::CLOCKS_APART_SECONDS => "the clocks agree".to_owned(),
        Some(ahead) if ahead > 0 => format!("ours is {} ahead of theirs", duration_in_words(ahead)),
        Some(behind) => format!("ours is {} behind theirs", duration_in_words(behind)),
    };
    Some(ClockCheck { asked: uri.clone(), ahead_seconds, in_words })
}
