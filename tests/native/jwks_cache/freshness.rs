//! When a cached set is used, as tables: what is cached, the time, what is asked for, the decision.
//!
//! The policy of all tables: a TTL of 1000 s, so the refresh point is at 800; 500 s of staleness, so the end is at 1500;
//! 30 s of cooldown. The set is fetched at 0.

use edge_assay::keys::CachePolicy;
use edge_assay::keys::freshness::Asked::{self, Any, KnownKid, UnknownKid};
use edge_assay::keys::freshness::Decision::{self, FetchFirst, FetchFirstOrUse, Use, UseAndRefresh};
use edge_assay::keys::freshness::{
    Attempts, Freshness, Lifetime, RefreshPoint, Unavailable, backoff_seconds, decide, due_within,
    max_age_seconds, ttl_seconds,
};
use edge_assay::time::Timestamp;

const POLICY: CachePolicy = CachePolicy {
    ttl_seconds: 1000,
    stale_if_error_seconds: 500,
    unknown_kid_cooldown_seconds: 30,
    fetch_timeout_ms: 5000,
    max_shared_seconds: 30,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_epoch_seconds(seconds)
}

fn refuse(retry_after_seconds: u64) -> Decision {
    Decision::Refuse(Unavailable { retry_after_seconds })
}

/// Nothing was ever fetched.
fn nothing() -> Freshness {
    Freshness::default()
}

/// Fetched at 0, without a failure since.
fn set() -> Freshness {
    Freshness {
        lifetime: Some(Lifetime::starting(at(0), 1000, &POLICY)),
        attempts: Attempts::default().succeeded(at(0), Any, at(0)),
    }
}

/// Events after the fetch.
trait Later {
    fn failed(self, times: u32, last_at: i64) -> Self;
    fn failed_to_find_a_kid(self, times: u32, last_at: i64) -> Self;
    fn looked_for_a_kid(self, ended_at: i64) -> Self;
}

impl Later for Freshness {
    fn failed(self, times: u32, last_at: i64) -> Self {
        let attempts = (0..times).fold(self.attempts, |attempts, _| attempts.failed(at(last_at), Any));
        Self { attempts, ..self }
    }

    fn failed_to_find_a_kid(self, times: u32, last_at: i64) -> Self {
        let attempts = (0..times).fold(self.attempts, |attempts, _| attempts.failed(at(last_at), UnknownKid));
        Self { attempts, ..self }
    }

    fn looked_for_a_kid(self, ended_at: i64) -> Self {
        Self { attempts: self.attempts.succeeded(at(ended_at), UnknownKid, at(ended_at)), ..self }
    }
}

type Row = (&'static str, Option<Freshness>, i64, Asked, Decision);

fn holds(rows: &[Row]) {
    for (what, cached, now, asked, expected) in rows {
        let decision = decide(at(*now), cached.as_ref(), *asked, &POLICY, RefreshPoint::LAST);
        assert_eq!(decision, *expected, "{what}: at {now}, {asked:?}");
    }
}

#[test]
fn with_nothing_cached_the_origin_is_asked_once_per_backoff() {
    holds(&[
        ("nothing is known", None, 0, KnownKid, FetchFirst),
        ("nothing is known", None, 0, UnknownKid, FetchFirst),
        ("nothing is known", None, 0, Any, FetchFirst),
        ("never tried", Some(nothing()), 0, Any, FetchFirst),
        ("failed once, now", Some(nothing().failed(1, 100)), 100, Any, refuse(1)),
        ("failed once, a second ago", Some(nothing().failed(1, 100)), 101, Any, FetchFirst),
        ("failed twice", Some(nothing().failed(2, 100)), 101, Any, refuse(1)),
        ("failed twice", Some(nothing().failed(2, 100)), 102, Any, FetchFirst),
        ("failed five times", Some(nothing().failed(5, 100)), 101, KnownKid, refuse(15)),
        ("failed five times", Some(nothing().failed(5, 100)), 116, KnownKid, FetchFirst),
        ("failed all day", Some(nothing().failed(999, 100)), 100, Any, refuse(60)),
        ("failed all day", Some(nothing().failed(999, 100)), 160, Any, FetchFirst),
        ("no set, so no cooldown", Some(nothing().failed(1, 100)), 101, UnknownKid, FetchFirst),
        ("the clock went back", Some(nothing().failed(1, 100)), 40, Any, refuse(1)),
    ]);
}

#[test]
fn a_fresh_set_is_used_and_refreshed_ahead() {
    holds(&[
        ("just fetched", Some(set()), 0, KnownKid, Use),
        ("just fetched", Some(set()), 0, Any, Use),
        ("before 80 %", Some(set()), 799, KnownKid, Use),
        ("at 80 %", Some(set()), 800, KnownKid, UseAndRefresh),
        ("at 80 %", Some(set()), 800, Any, UseAndRefresh),
        ("to the end of the TTL", Some(set()), 999, KnownKid, UseAndRefresh),
        ("at 80 %, in backoff", Some(set().failed(3, 800)), 803, KnownKid, Use),
        ("at 80 %, backoff over", Some(set().failed(3, 800)), 804, KnownKid, UseAndRefresh),
        ("before 80 %, after a failure", Some(set().failed(1, 10)), 500, KnownKid, Use),
        ("the clock went back", Some(set()), -50, KnownKid, Use),
    ]);
}

#[test]
fn each_isolate_refreshes_at_its_own_point_between_60_and_80_percent() {
    let lifetime = Lifetime::starting(at(0), 1000, &POLICY);
    let due = |bytes| lifetime.refresh_at(RefreshPoint::drawn(bytes)).epoch_seconds();
    assert_eq!(
        (due([[0; 2]; 4]), due([[0xff; 2]; 4]), due([[0, 1], [0x80, 0], [0, 0], [0x7f, 0xff]])),
        (600, 800, 700)
    );
    assert_eq!(RefreshPoint::drawn([[0; 2]; 4]), RefreshPoint::FIRST);
    assert_eq!(RefreshPoint::drawn([[0xff; 2]; 4]), RefreshPoint::LAST);
    assert_eq!(decide(at(600), Some(&set()), KnownKid, &POLICY, RefreshPoint::FIRST), UseAndRefresh);
    assert_eq!(decide(at(599), Some(&set()), KnownKid, &POLICY, RefreshPoint::FIRST), Use);
}

#[test]
fn a_stale_set_serves_known_keys_until_its_end_if_the_origin_fails() {
    holds(&[
        ("the TTL has passed", Some(set()), 1000, KnownKid, FetchFirstOrUse),
        ("the TTL has passed", Some(set()), 1000, Any, FetchFirstOrUse),
        ("in backoff", Some(set().failed(4, 1100)), 1107, KnownKid, Use),
        ("backoff over, failed recently", Some(set().failed(4, 1100)), 1108, KnownKid, UseAndRefresh),
        ("failed recently", Some(set().failed(4, 1100)), 1219, KnownKid, UseAndRefresh),
        ("failed two minutes ago", Some(set().failed(4, 1100)), 1220, KnownKid, FetchFirstOrUse),
        ("the last second", Some(set()), 1499, KnownKid, FetchFirstOrUse),
        ("the last second, in backoff", Some(set().failed(9, 1490)), 1499, Any, Use),
        ("the end", Some(set()), 1500, KnownKid, FetchFirst),
        ("the end", Some(set()), 1500, Any, FetchFirst),
        ("the end", Some(set()), 1500, UnknownKid, FetchFirst),
        ("the end, in backoff", Some(set().failed(9, 1490)), 1500, KnownKid, refuse(50)),
        ("the end, in backoff", Some(set().failed(9, 1490)), 1500, UnknownKid, refuse(50)),
        ("the end, backoff over", Some(set().failed(9, 1490)), 1550, KnownKid, FetchFirst),
    ]);
}

#[test]
fn an_unknown_kid_is_looked_for_once_and_then_the_cooldown_counts() {
    holds(&[
        ("rotated right after the fetch", Some(set()), 0, UnknownKid, FetchFirst),
        ("long after the fetch", Some(set()), 30, UnknownKid, FetchFirst),
        ("looked with the first fetch", Some(set().looked_for_a_kid(0)), 0, UnknownKid, Use),
        ("looked with the first fetch", Some(set().looked_for_a_kid(0)), 29, UnknownKid, Use),
        ("looked with the first fetch", Some(set().looked_for_a_kid(0)), 30, UnknownKid, FetchFirst),
        ("looked and not found", Some(set().looked_for_a_kid(100)), 129, UnknownKid, Use),
        ("looked and not found", Some(set().looked_for_a_kid(100)), 130, UnknownKid, FetchFirst),
        ("looked, past 80 %", Some(set().looked_for_a_kid(810)), 820, UnknownKid, UseAndRefresh),
        ("past the TTL no look is recent", Some(set().looked_for_a_kid(990)), 1000, UnknownKid, FetchFirst),
        ("past 80 %", Some(set()), 850, UnknownKid, FetchFirst),
        ("stale", Some(set()), 1200, UnknownKid, FetchFirst),
    ]);
}

/// A kid was looked for at 100 and not found, and a refresh failed at 109.
fn failed_after_a_look() -> Freshness {
    set().looked_for_a_kid(100).failed(1, 109)
}

#[test]
fn an_outage_is_never_reported_as_an_unknown_key() {
    holds(&[
        ("the look failed", Some(set().failed_to_find_a_kid(1, 100)), 100, UnknownKid, refuse(30)),
        ("the look failed", Some(set().failed_to_find_a_kid(1, 100)), 129, UnknownKid, refuse(1)),
        (
            "the look failed, cooldown over",
            Some(set().failed_to_find_a_kid(1, 100)),
            130,
            UnknownKid,
            FetchFirst,
        ),
        ("a refresh failed", Some(set().failed(1, 850)), 850, UnknownKid, refuse(1)),
        ("a refresh failed, backoff over", Some(set().failed(1, 850)), 851, UnknownKid, FetchFirst),
        ("a refresh failed in the cooldown", Some(failed_after_a_look()), 110, UnknownKid, refuse(20)),
        ("a refresh failed in the cooldown", Some(failed_after_a_look()), 130, UnknownKid, FetchFirst),
        ("the backoff is longer", Some(set().failed(7, 850)), 880, UnknownKid, refuse(30)),
        ("the backoff is longer", Some(set().failed(7, 850)), 910, UnknownKid, FetchFirst),
        ("the backoff is longer", Some(set().failed_to_find_a_kid(7, 850)), 880, UnknownKid, refuse(30)),
    ]);
}

#[test]
fn a_known_kid_is_never_delayed_by_unknown_ones() {
    for now in [0, 100, 500, 799, 800, 999, 1000, 1499] {
        for cached in [
            set(),
            set().looked_for_a_kid(now),
            set().failed_to_find_a_kid(1, now),
            set().failed_to_find_a_kid(99, now),
        ] {
            let decision = decide(at(now), Some(&cached), KnownKid, &POLICY, RefreshPoint::LAST);
            // Past the TTL a request asks first, because of the time alone.
            let is_prompt = matches!(decision, Use | UseAndRefresh);
            assert!(
                is_prompt || (now >= 1000 && decision == FetchFirstOrUse),
                "{cached:?} at {now}: {decision:?}"
            );
        }
    }
}

#[test]
fn a_cooldown_longer_than_the_ttl_does_not_hide_a_rotation() {
    let patient = CachePolicy { unknown_kid_cooldown_seconds: 3600, ..POLICY };
    let looked = set().looked_for_a_kid(1);
    assert_eq!(decide(at(999), Some(&looked), UnknownKid, &patient, RefreshPoint::LAST), UseAndRefresh);
    assert_eq!(decide(at(1000), Some(&looked), UnknownKid, &patient, RefreshPoint::LAST), FetchFirst);
}

#[test]
fn without_staleness_the_end_of_the_ttl_is_the_end() {
    let strict = CachePolicy { stale_if_error_seconds: 0, ..POLICY };
    let cached = Freshness {
        lifetime: Some(Lifetime::starting(at(0), 1000, &strict)),
        attempts: Attempts::default().succeeded(at(0), Any, at(0)),
    };
    assert_eq!(decide(at(999), Some(&cached), KnownKid, &strict, RefreshPoint::LAST), UseAndRefresh);
    assert_eq!(decide(at(1000), Some(&cached), KnownKid, &strict, RefreshPoint::LAST), FetchFirst);
}

#[test]
fn the_cron_trigger_renews_what_comes_due_before_its_next_run() {
    for (what, cached, now, expected) in [
        ("never fetched", nothing(), 0, true),
        ("never fetched, in backoff", nothing().failed(7, 0), 59, false),
        ("due after the next run", set(), 299, false),
        ("due at the next run in the first isolate", set(), 300, true),
        ("due", set(), 800, true),
        ("stale", set(), 1200, true),
        ("due, in backoff", set().failed(7, 800), 859, false),
        ("due, backoff over", set().failed(7, 800), 860, true),
    ] {
        assert_eq!(due_within(300, at(now), &cached), expected, "{what}, at {now}");
    }
}

#[test]
fn the_backoff_doubles_from_a_second_to_a_minute() {
    let waits: Vec<_> = (0..9).map(backoff_seconds).collect();
    let expected = [None, Some(1), Some(2), Some(4), Some(8), Some(16), Some(32), Some(60), Some(60)];
    assert_eq!(waits, expected);
    assert_eq!(backoff_seconds(u32::MAX), Some(60));
}

#[test]
fn a_success_forgets_the_failures() {
    let attempts =
        Attempts::default().failed(at(1), Any).failed(at(2), UnknownKid).succeeded(at(9), Any, at(9));
    assert_eq!(
        attempts,
        Attempts {
            last_attempt_at: Some(at(9)),
            consecutive_failures: 0,
            last_unknown_kid_fetch_at: Some(at(2)),
        }
    );
}

#[test]
fn of_two_isolates_the_later_attempt_counts() {
    let earlier = Attempts::default().failed(at(1), UnknownKid);
    let later = Attempts::default().succeeded(at(2), Any, at(2));
    let both = Attempts { last_unknown_kid_fetch_at: Some(at(1)), ..later };
    assert_eq!(earlier.merged_with(later), both);
    assert_eq!(later.merged_with(earlier), both);
    assert_eq!(later.merged_with(Attempts::default()), later);
    assert_eq!(Attempts::default().merged_with(later), later);
    // Two isolates that fail in the same outage: the one that has tried more often knows more about it.
    let often = Attempts::default().failed(at(1), Any).failed(at(2), Any).failed(at(3), Any);
    let once = Attempts::default().failed(at(9), Any);
    assert_eq!(often.merged_with(once), Attempts { consecutive_failures: 3, ..once });
    let much_later = Attempts::default().failed(at(200), Any);
    assert_eq!(often.merged_with(much_later), much_later, "another outage");
    // Of two attempts of one second, each isolate counts its own.
    let failed = Attempts::default().failed(at(2), Any);
    assert_eq!(later.merged_with(failed), later);
    assert_eq!(failed.merged_with(later), failed);
}

#[test]
fn cache_control_may_shorten_the_ttl_to_five_minutes_and_never_lengthens_it() {
    for (cache_control, expected) in [
        ("max-age=300", 300),
        ("public, max-age=300, must-revalidate", 300),
        ("MAX-AGE=300", 300),
        ("max-age=\"300\"", 300),
        ("max-age=500, max-age=400", 400),
        ("max-age=5", 300),
        ("max-age=0", 300),
        ("no-store", 300),
        ("No-Cache", 300),
        ("max-age=300, no-cache", 300),
        ("max-age=soon", 300),
        ("max-age=-1", 300),
        ("max-age", 300),
        ("max-age=1000", 1000),
        ("max-age=999999", 1000),
        ("max-age=99999999999999999999999999", 1000),
        ("public", 1000),
        ("s-maxage=5, stale-while-revalidate=5", 1000),
        ("", 1000),
    ] {
        assert_eq!(ttl_seconds(&POLICY, max_age_seconds(cache_control)), expected, "{cache_control}");
    }
    assert_eq!(ttl_seconds(&POLICY, None), 1000);
}
