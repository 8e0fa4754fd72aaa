//! A fleet of isolates in many data centres, in virtual time, on the production code of `crates/verifier/src/keys`.
//!
//! `scenario.rs` says what happens, `world.rs` runs it, `port.rs`, `store.rs` and `origin.rs` are the ports of an isolate, `traffic.rs`
//! asks and judges the answers, `report.rs` counts. The small scenarios run in every test run; the whole ones by `npm run fleet`.
//! `docs/operations/fleet.md` has the figures.

// All data is test data: a panic is a failed test. Counts and times are far below 2^52. A scenario is copied a few times per run.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::large_types_passed_by_value,
    clippy::unreachable
)]

mod dice;
mod origin;
mod port;
mod report;
mod scenario;
mod store;
mod traffic;
mod world;

use std::time::Instant;

use report::{ROW_TITLES, Report};
use scenario::{ALL, Defect, Scenario};

fn run(scenario: Scenario) -> Report {
    let begun = Instant::now();
    let report = world::simulate(scenario);
    println!("{report}\n  simulated in {:.1} s", begun.elapsed().as_secs_f64());
    report
}

/// A scenario with 300 isolates in 12 data centres.
fn small(name: &str) -> Scenario {
    Scenario::named(name).small()
}

/// What holds in every scenario.
fn holds_always(report: &Report, scenario: &Scenario) {
    let name = scenario.name;
    assert!(report.good > 0, "{name}: nobody asked");
    assert!(report.at_once as usize <= scenario.issuers, "{name}: an isolate fetches twice at once");
    assert_eq!(report.failures_over_sets, 0, "{name}: a failure replaced a newer set in the store");
    // The clock of an isolate shows whole seconds.
    let closest_ms = report.closest_write_lines_ms.unwrap_or(i64::MAX);
    assert!(closest_ms > 59_000, "{name}: an isolate logs a failed write again after {closest_ms} ms");
}

fn checked(scenario: Scenario) -> Report {
    let report = run(scenario);
    holds_always(&report, &scenario);
    report
}

#[test]
fn a_steady_fleet_fetches_a_few_times_per_ttl_with_and_without_cron() {
    for name in ["steady", "no-cron", "off-grid"] {
        let report = checked(small(name));
        assert_eq!((report.wrong_401, report.wrong_503), (0, 0), "{name}");
        // Two hours are at most four refresh points.
        assert!(report.fetches() <= 4 * 20, "{name}: isolates fetch at the same time");
    }
}

#[test]
fn a_short_max_age_does_not_go_around_the_store() {
    let report = checked(small("max-age-15"));
    assert_eq!((report.wrong_401, report.wrong_503), (0, 0));
    // With a floor of one minute there were 8,205.
    assert!(report.fetches() <= 1500, "{} fetches in 30 min", report.fetches());
}

#[test]
fn a_rotation_with_an_origin_that_answers_gives_no_wrong_answer() {
    for name in ["overlap-1h", "overlap-10min", "rotation", "skew", "cancelled", "deployment"] {
        let report = checked(small(name));
        assert_eq!((report.wrong_401, report.wrong_503), (0, 0), "{name}");
    }
}

#[test]
fn an_origin_that_limits_or_publishes_late_costs_wrong_answers_only_for_its_own_time() {
    for (name, most) in [("rotation-10", 3000), ("late", 3000), ("cold-10", 8000), ("blind", 1000)] {
        let report = checked(small(name));
        assert!(report.wrong_401 + report.wrong_503 <= most, "{name}");
    }
    let report = checked(small("blind"));
    assert_eq!(report.wrong_503, report.wrong_503_blind, "the failure stays in its data centre");
}

#[test]
fn unknown_kids_cost_known_ones_nothing() {
    for name in ["flood-local", "noise"] {
        let report = checked(small(name));
        assert_eq!((report.wrong_401, report.wrong_503), (0, 0), "{name}");
        assert!(report.longest_wait_ms() <= 500, "{name}");
    }
}

#[test]
fn a_withdrawn_key_is_refused_within_the_ttl() {
    for name in ["withdrawn", "withdrawn-idle"] {
        let report = checked(small(name));
        assert_eq!((report.wrong_401, report.wrong_503), (0, 0), "{name}");
        let last_ms = report.withdrawn_accepted_for_ms.iter().copied().max().unwrap();
        // A request waits a second at most for a set to take the place of one past its TTL.
        assert!(last_ms <= 3_602_000, "{name}: a withdrawn key is accepted after {last_ms} ms");
    }
}

#[test]
fn a_failing_store_costs_a_bounded_wait_and_no_wrong_answer() {
    for (name, longest_ms) in [("kv-down", 500), ("kv-hangs", 1900)] {
        let report = checked(small(name));
        assert_eq!((report.wrong_401, report.wrong_503), (0, 0), "{name}");
        assert!(report.longest_wait_ms() <= longest_ms, "{name}: {} ms", report.longest_wait_ms());
    }
}

#[test]
fn an_outage_of_one_issuer_does_not_concern_the_others() {
    let report = checked(small("issuers"));
    assert_eq!((report.wrong_401, report.wrong_503 <= 3), (0, true));
}

/// The assertion that a deliberate fault breaks.
fn broken(scenario: Scenario, defect: Defect) -> String {
    let failure = std::panic::catch_unwind(|| checked(Scenario { defect: Some(defect), ..scenario }));
    let failure = failure.expect_err("an assertion fails");
    failure.downcast_ref::<String>().cloned().unwrap()
}

#[test]
fn each_deliberate_fault_breaks_a_named_assertion() {
    let broken_by = |name: &str, defect| broken(small(name), defect);
    assert!(broken_by("cold", Defect::LeaseIgnored).contains("an isolate fetches twice at once"));
    assert!(broken_by("blind", Defect::FailureOverwritesSet).contains("a failure replaced a newer set"));
    let herd = run(Scenario { defect: Some(Defect::OneRefreshPoint), ..small("no-cron") });
    assert!(herd.fetches() > 80, "isolates with the same point fetch at the same time: {}", herd.fetches());
}

/// `FLEET_SCENARIOS` names the scenarios, separated by commas; without it all run. `FLEET_SMALL` runs them with 300 isolates.
#[test]
#[ignore = "takes minutes: npm run fleet"]
fn the_chosen_scenarios_are_reported() {
    let chosen = std::env::var("FLEET_SCENARIOS").unwrap_or_default();
    let chosen: Vec<_> = chosen.split(',').filter(|name| !name.is_empty()).map(Scenario::named).collect();
    let scenarios = if chosen.is_empty() { ALL } else { &chosen };
    let is_small = std::env::var_os("FLEET_SMALL").is_some();
    let sized = |scenario: &Scenario| if is_small { scenario.small() } else { *scenario };
    let rows: Vec<_> = scenarios.iter().map(|scenario| run(sized(scenario)).row()).collect();
    println!("{ROW_TITLES}\n{}", rows.join("\n"));
}
