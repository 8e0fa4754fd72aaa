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

mod between;
mod dice;
mod origin;
mod port;
mod report;
mod scenario;
mod store;
mod traffic;
mod world;

use std::io::Write as _;
use std::time::Instant;

use report::{ROW_TITLES, Report};
use scenario::{ALL, Defect, Scenario, Tier};

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

/// The milliseconds after a withdrawal within which the key is refused everywhere: the TTL, and a second that a request waits for a new set.
const WITHIN_TTL_MS: i64 = 3_602_000;

/// What holds in every scenario, for the tier in which it runs.
fn holds_always(report: &Report, scenario: &Scenario) {
    let name = format!("{} ({})", scenario.name, scenario.tier.name());
    assert!(report.good > 0, "{name}: nobody asked");
    assert!(report.at_once as usize <= scenario.issuers, "{name}: an isolate fetches twice at once");
    assert_eq!(report.failures_over_sets, 0, "{name}: a failure replaced a newer set in the store");
    assert_eq!(report.went_back, 0, "{name}: an isolate went back to an older set");
    // The clock of an isolate shows whole seconds.
    let closest_ms = report.closest_write_lines_ms.unwrap_or(i64::MAX);
    assert!(closest_ms > 59_000, "{name}: an isolate logs a failed write again after {closest_ms} ms");
    let withdrawn_ms = report.withdrawn_accepted_for_ms.iter().copied().max().unwrap_or(0);
    assert!(withdrawn_ms <= WITHIN_TTL_MS, "{name}: a withdrawn key is accepted after {withdrawn_ms} ms");
    // While the coordinator works, the bound for the world is the stronger one.
    let works = scenario.tier == Tier::Coordinator && scenario.coordinator.outage.is_none();
    if scenario.tier != Tier::Without && !works {
        holds_in_a_data_centre(report, scenario, &name);
    }
    if scenario.tier == Tier::Coordinator {
        holds_in_the_world(report, scenario, &name);
    }
}

/// At most two fetches a minute per issuer and data centre.
fn holds_in_a_data_centre(report: &Report, scenario: &Scenario, name: &str) {
    let most = match scenario.name {
        // The flood has taken both. The purge asks all the same, and so does an isolate without a set.
        "flood-purge" => 4,
        // Requests fail as soon as they begin, so two isolates may ask at the same moment. The cache has no compare-and-set.
        "outage-unreachable" => 3,
        _ => 2,
    };
    let found = report.peak_of_a_data_centre();
    assert!(found <= most, "{name}: a data centre fetches {found} times a minute");
}

/// At most four fetches a minute in the world. While the coordinator is down, each data centre asks for itself.
fn holds_in_the_world(report: &Report, scenario: &Scenario, name: &str) {
    if scenario.coordinator.outage.is_none() {
        // Each restart may begin anew.
        let most = 4 * (1 + usize::from(scenario.coordinator.restarts_every > 0));
        let found = report.peak_of_the_world();
        assert!(found <= most, "{name}: the world fetches {found} times a minute");
    }
    let wrong = report.wrong_401 + report.wrong_503;
    match scenario.name {
        // The origin does not know the key yet, or nobody gets an answer from it.
        "late" | "outage" | "outage-hangs" | "outage-unreachable" | "hiccup" | "issuers" => {}
        // Somebody asks for unknown keys all the time, so a new key may have to wait for the end of a cooldown.
        "flood-rotation" => {
            assert!(report.last_wrong <= 330, "{name}: wrong answers until second {}", report.last_wrong);
        }
        _ => assert_eq!(wrong, 0, "{name}: a wrong answer to a good token"),
    }
}

fn checked(scenario: Scenario) -> Report {
    let report = run(scenario);
    holds_always(&report, &scenario);
    report
}

fn checked_in_every_tier(scenario: Scenario) -> [Report; 3] {
    Tier::ALL.map(|tier| checked(Scenario { tier, ..scenario }))
}

#[test]
fn a_steady_fleet_fetches_a_few_times_per_ttl_with_and_without_cron() {
    for name in ["steady", "no-cron", "off-grid"] {
        let report = checked(small(name).calm());
        assert_eq!((report.wrong_401, report.wrong_503), (0, 0), "{name}");
        // Two hours are at most four refresh points.
        assert!(report.fetches() <= 4 * 20, "{name}: isolates fetch at the same time");
    }
    let report = checked(Scenario { tier: Tier::Coordinator, ..small("no-cron").calm() });
    assert!(report.fetches() <= 4 * 20, "isolates fetch at the same time");
}

#[test]
fn a_short_max_age_does_not_go_around_the_store() {
    let [without, ..] = checked_in_every_tier(small("max-age-15"));
    assert_eq!((without.wrong_401, without.wrong_503), (0, 0));
    // With a floor of one minute there were 8,205.
    assert!(without.fetches() <= 1500, "{} fetches in 30 min", without.fetches());
}

#[test]
fn a_rotation_with_an_origin_that_answers_gives_no_wrong_answer() {
    for name in ["overlap-10min", "rotation", "skew", "cancelled", "deployment"] {
        for report in checked_in_every_tier(small(name)) {
            assert_eq!((report.wrong_401, report.wrong_503), (0, 0), "{name}");
        }
    }
}

#[test]
fn an_origin_that_limits_or_publishes_late_costs_wrong_answers_only_for_its_own_time() {
    for (name, most) in [("rotation-10", 3000), ("late", 3000), ("cold-10", 9000), ("blind", 1000)] {
        let reports = checked_in_every_tier(small(name));
        for report in &reports {
            assert!(report.wrong_401 + report.wrong_503 <= most, "{name}");
        }
        if name == "blind" {
            let [without, ..] = &reports;
            assert_eq!(without.wrong_503, without.wrong_503_blind, "the failure stays in its data centre");
        }
    }
}

#[test]
fn unknown_kids_cost_known_ones_nothing() {
    for scenario in [small("flood-local"), small("noise"), small("flood-rotation").calm()] {
        let name = scenario.name;
        for report in checked_in_every_tier(scenario) {
            assert_eq!(report.wrong_503, 0, "{name}");
            assert!(report.longest_wait_ms() <= 600, "{name}: {} ms", report.longest_wait_ms());
        }
    }
}

#[test]
fn a_withdrawn_key_is_refused_within_the_ttl_and_its_tokens_are_not_looked_for() {
    let [without, ..] = checked_in_every_tier(small("withdrawn").calm());
    assert_eq!((without.wrong_401, without.wrong_503), (0, 0));
    // When each isolate looked once per cooldown there were 14,409.
    assert!(without.fetches() <= 1000, "{} fetches for the tokens of a retired key", without.fetches());
    let idle = checked(small("withdrawn-idle"));
    assert_eq!((idle.wrong_401, idle.wrong_503), (0, 0));
}

#[test]
fn a_purge_and_a_distrusted_key_take_effect_everywhere_within_the_time_of_the_store() {
    checked(Scenario { tier: Tier::Cache, ..small("flood-purge").calm() });
    for (tier, report) in Tier::ALL.into_iter().zip(checked_in_every_tier(small("purge"))) {
        // 55 s until an idle isolate looks, and 90 s until KV shows the mark in every data centre. The coordinator knows it at once. The purge is
        // 10 s after the withdrawal.
        let most_ms = if tier == Tier::Coordinator { 60_000 } else { 55_000 + 90_000 };
        let last_ms = report.withdrawn_accepted_for_ms.iter().copied().max().unwrap();
        assert!(last_ms <= 10_000 + most_ms, "{}: a purged key is accepted after {last_ms} ms", tier.name());
        assert_eq!((report.wrong_401, report.wrong_503), (0, 0));
    }
    let report = checked(small("distrusted"));
    let last_ms = report.withdrawn_accepted_for_ms.iter().copied().max().unwrap();
    // A deployment reaches every isolate within half a minute.
    assert!(last_ms <= 31_000, "a distrusted key is accepted after {last_ms} ms");
}

#[test]
fn a_failing_store_costs_a_bounded_wait_and_no_wrong_answer() {
    for (name, longest_ms) in [("kv-down", 500), ("kv-hangs", 700)] {
        for tier in [Tier::Without, Tier::Coordinator] {
            let report = checked(Scenario { tier, ..small(name).calm() });
            assert_eq!((report.wrong_401, report.wrong_503), (0, 0), "{name}");
            // 300 ms for the store, and a fetch.
            let most_ms = longest_ms + 300 * i64::from(tier == Tier::Coordinator);
            assert!(report.longest_wait_ms() <= most_ms, "{name}: {} ms", report.longest_wait_ms());
        }
    }
}

#[test]
fn a_coordinator_that_fails_costs_a_bounded_wait_and_no_wrong_answer() {
    // One that hangs costs 1.5 s; then an isolate reads the mark of a purge in the store, and fetches. A new isolate asks twice: whether the set in the
    // store was purged, and for a newer set. With one that is slow, each question takes 1.1 s.
    for (name, longest_ms) in
        [("coordinator-down", 800), ("coordinator-hangs", 2500), ("coordinator-slow", 2500)]
    {
        let report = checked(Scenario { tier: Tier::Coordinator, ..small(name).calm() });
        assert!(report.longest_wait_ms() <= longest_ms, "{name}: {} ms", report.longest_wait_ms());
    }
    checked(Scenario { tier: Tier::Coordinator, ..small("coordinator-restarts").calm() });
}

#[test]
fn an_outage_of_one_issuer_does_not_concern_the_others() {
    let report = checked(small("issuers").calm());
    assert_eq!((report.wrong_401, report.wrong_503 <= 3), (0, true));
}

#[test]
fn an_outage_costs_an_origin_a_bounded_number_of_requests() {
    for name in ["outage", "outage-hangs", "outage-unreachable"] {
        for tier in [Tier::Cache, Tier::Coordinator] {
            // An hour of the six.
            let report = checked(Scenario { tier, duration: 4200, ..small(name).calm() });
            // Who starts in the outage and reads nothing from the store has no set.
            assert_eq!((report.wrong_401, report.wrong_503 <= 30), (0, true), "{name}: {}", report.wrong_503);
        }
    }
}

#[test]
fn a_request_that_gets_no_answer_costs_wrong_answers_for_about_a_minute_at_most() {
    for report in checked_in_every_tier(small("hiccup")) {
        // A look that fails takes 5 s and begins the cooldown of its isolate. After it, a data centre that has asked twice waits for the end of the minute.
        assert!(report.last_wrong <= 375, "wrong answers until second {}", report.last_wrong);
    }
}

/// The assertion that a deliberate fault breaks.
fn broken(scenario: Scenario, defect: Defect) -> String {
    let failure = std::panic::catch_unwind(|| checked(Scenario { defect: Some(defect), ..scenario }));
    let failure = failure.expect_err("an assertion fails");
    failure.downcast_ref::<String>().cloned().unwrap()
}

#[test]
fn each_deliberate_fault_breaks_a_named_assertion() {
    let broken_by = |name: &str, tier, defect| broken(Scenario { tier, ..small(name) }, defect);
    for (name, tier, defect, expected) in [
        ("cold", Tier::Without, Defect::LeaseIgnored, "an isolate fetches twice at once"),
        ("blind", Tier::Without, Defect::FailureOverwritesSet, "a failure replaced a newer set"),
        ("rotation", Tier::Coordinator, Defect::CoordinatorForgets, "the world fetches"),
        ("rotation", Tier::Coordinator, Defect::HoldIgnored, "the world fetches"),
    ] {
        let found = broken_by(name, tier, defect);
        assert!(found.contains(expected), "{defect:?}: {found}");
    }
    for name in ["outage-hangs", "outage-unreachable"] {
        let scenario = Scenario { tier: Tier::Cache, duration: 4200, ..small(name).calm() };
        let found = broken(scenario, Defect::NotesLost);
        assert!(found.contains("a data centre fetches"), "{name}: {found}");
    }
    let herd = run(Scenario { defect: Some(Defect::OneRefreshPoint), ..small("no-cron").calm() });
    assert!(herd.fetches() > 80, "isolates with the same point fetch at the same time: {}", herd.fetches());
    let untold = Scenario { defect: Some(Defect::PurgesUnknown), tier: Tier::Coordinator, ..small("purge") };
    let last_ms = run(untold).withdrawn_accepted_for_ms.iter().copied().max().unwrap();
    assert!(
        (70_000..=155_000).contains(&last_ms),
        "an older coordinator leaves purges to the store: {last_ms} ms"
    );
    let hidden =
        Scenario { defect: Some(Defect::AgeHidden), tier: Tier::Cache, ..small("flood-rotation").calm() };
    let last_wrong = run(hidden).last_wrong;
    assert!(last_wrong > 400, "an old set in the place of a new one gives wrong answers: until {last_wrong}");
    let looks = run(Scenario { defect: Some(Defect::RetiredNotStored), ..small("withdrawn").calm() });
    assert!(looks.fetches() > 1000, "each isolate has to learn which keys are retired: {}", looks.fetches());
}

/// `FLEET_SCENARIOS` and `FLEET_TIERS` name the scenarios and the tiers, separated by commas; without them all run. `FLEET_SMALL` runs them with 300
/// isolates. `FLEET_SERIES` is a file for what happened in each second.
#[test]
#[ignore = "takes minutes: npm run fleet"]
fn the_chosen_scenarios_are_reported() {
    let list = |name: &str| -> Vec<String> {
        let text = std::env::var(name).unwrap_or_default();
        text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let chosen: Vec<_> = list("FLEET_SCENARIOS").iter().map(|name| Scenario::named(name)).collect();
    let scenarios = if chosen.is_empty() { ALL } else { &chosen };
    let tiers = list("FLEET_TIERS");
    let is_chosen = |tier: &Tier| tiers.is_empty() || tiers.iter().any(|name| name == tier.name());
    let is_small = std::env::var_os("FLEET_SMALL").is_some();
    let mut series = std::env::var_os("FLEET_SERIES").map(|path| std::fs::File::create(path).unwrap());
    println!("{ROW_TITLES}");
    for scenario in scenarios {
        for tier in Tier::ALL.into_iter().filter(is_chosen) {
            let scenario = Scenario { tier, ..*scenario };
            let report = run(if is_small { scenario.small() } else { scenario });
            println!("{}", report.row());
            if let Some(file) = &mut series {
                file.write_all(report.series().as_bytes()).unwrap();
            }
        }
    }
}
