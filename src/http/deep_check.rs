//! `GET /readyz?deep=1`: tests both cryptographic engines, compares the clocks, and describes the environment.

use serde::Serialize;

use crate::cross_check::{Answers, self_test};
use crate::jose::Algorithm;
use crate::keys::Location;
use crate::limits;
use crate::ports::{DocumentRequest, HttpClient, Platform, RuntimeFacts};
use crate::time::{Timestamp, duration_in_words};
use crate::verify::Terms;

/// The results of the known-answer tests, the facts of the environment, and the comparison of the clocks.
#[derive(Clone, Debug, Serialize)]
pub struct DeepCheck {
    checked_at: Timestamp,
    self_test: Vec<Answers>,
    environment: RuntimeFacts,
    clock: Option<ClockCheck>,
}

/// Our clock compared with the `Date` header of an identity provider.
#[derive(Clone, Debug, Serialize)]
struct ClockCheck {
    asked: String,
    /// Our time minus theirs, in seconds. The round trip accounts for one or two seconds.
    ahead_seconds: Option<i64>,
    in_words: String,
}

impl DeepCheck {
    /// Tests all algorithms on both engines, and fetches a document of the first identity provider to compare the clocks. This
    /// costs some milliseconds and a fetch, so only callers that may see details can start it, and its result is kept for a while.
    pub(super) async fn perform<P: Platform>(terms: &Terms, platform: &P, now: Timestamp) -> Self {
        Self {
            checked_at: now,
            self_test: self_test(&terms.cross_checks, platform, Algorithm::ALL).await,
            environment: platform.facts(),
            clock: compare_clocks(terms, platform).await,
        }
    }

    /// Whether this result is too recent for another check.
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        now < self.checked_at.plus(limits::DEEP_CHECK_INTERVAL_SECONDS)
    }
}

async fn compare_clocks<P: Platform>(terms: &Terms, platform: &P) -> Option<ClockCheck> {
    let source = terms.issuers.iter().find_map(|issuer| issuer.keys.as_ref())?;
    let (Location::Jwks { uri } | Location::Discovery { uri }) = &source.location;
    let request = DocumentRequest {
        url: uri.clone(),
        channel: source.channel.clone(),
        accept: "application/json",
        if_none_match: None,
        timeout_ms: terms.cache.fetch_timeout_ms,
        max_bytes: limits::MAX_JWKS_BYTES,
        max_age_seconds: 0,
    };
    let answer = HttpClient::get(platform, &request).await;
    // In production the clock advances only after I/O.
    let now = platform.now();
    let theirs = answer.ok().and_then(|document| Timestamp::from_http_date(document.date.as_deref()?));
    let ahead_seconds = theirs.map(|theirs| now.since(theirs));
    let in_words = match ahead_seconds {
        None => "the identity provider sent no readable Date header".to_owned(),
        Some(ahead) if ahead.abs() <= limits::CLOCKS_APART_SECONDS => "the clocks agree".to_owned(),
        Some(ahead) if ahead > 0 => format!("our clock is {} ahead of theirs", duration_in_words(ahead)),
        Some(behind) => format!("our clock is {} behind theirs", duration_in_words(behind)),
    };
    Some(ClockCheck { asked: uri.clone(), ahead_seconds, in_words })
}
