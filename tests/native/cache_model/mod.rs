//! A model checker for the key cache: it runs the production code of `crates/verifier/src/keys` in small worlds, in every order of events.
//!
//! `world.rs` is the world, in which a choice determines when and how each call of a port ends. `explorer.rs` takes every choice.
//! `properties.rs` checks each step. `docs/cache-model.md` states the properties, the bounds and the figures.

// All data is test data: a panic is a failed test.
#![allow(clippy::unreachable)]

mod explorer;
mod properties;
mod world;

use std::time::Instant;

use explorer::{Report, explore};
use world::{
    Budget,
    Call::{Any, Cron, Kid, LookAgain, Probe},
    Demand, History, Mutant, Setup, Visibility,
};

const NONE: Budget = Budget { ticks: 0, cancels: 0, fetch_failures: 0, store_failures: 0, rotations: 0 };

/// One isolate with an empty memory, shortly before the end of a second.
const COLD: Setup = Setup {
    name: "",
    isolates: 1,
    versions: &[&["a"], &["a", "b"]],
    calls: &[],
    budget: NONE,
    visibility: Visibility::Eventual,
    warm: 0,
    history: History::Quiet,
    begin_ms: 900,
    reach: 2,
    demand: None,
    skew: [0; 3],
    mutant: None,
};

/// Two isolates that know the first set, whose cooldown is over.
const WARM: Setup = Setup { isolates: 2, warm: 2, begin_ms: 5_900, ..COLD };

/// The key `a` is withdrawn, and comes back.
const WITHDRAWN: &[&[&str]] = &[&["a", "b"], &["b"], &["b", "a"]];

/// An isolate in which a `kid` is looked for, looked for again for an explanation, and in which `/readyz` may ask the origin.
const LOOKED_FOR: Setup =
    Setup { isolates: 1, warm: 1, budget: Budget { ticks: 1, rotations: 1, ..NONE }, ..WARM };

/// The key `a` is retired, and comes back.
const RETIRED: Setup = Setup {
    versions: WITHDRAWN,
    history: History::Retired,
    begin_ms: 99_900,
    budget: Budget { ticks: 1, rotations: 1, ..NONE },
    ..WARM
};

/// Explored completely in every test run.
const SMALL: &[Setup] = &[
    Setup {
        name: "a cold isolate, a cancelled request",
        calls: &[(0, Kid("a")), (0, Any)],
        budget: Budget { ticks: 1, cancels: 1, fetch_failures: 1, ..NONE },
        ..COLD
    },
    Setup {
        name: "a cold isolate, a failing store",
        calls: &[(0, Kid("a")), (0, Kid("b"))],
        budget: Budget { ticks: 1, store_failures: 1, ..NONE },
        ..COLD
    },
    Setup {
        name: "two cold isolates, a failing origin",
        isolates: 2,
        calls: &[(0, Kid("a")), (1, Kid("a"))],
        budget: Budget { ticks: 1, fetch_failures: 1, ..NONE },
        ..COLD
    },
    Setup {
        name: "unknown kids in two isolates, a rotation",
        calls: &[(0, Kid("b")), (1, Kid("b")), (0, Kid("a"))],
        budget: Budget { rotations: 1, fetch_failures: 1, ..NONE },
        ..WARM
    },
    Setup {
        name: "unknown kids in three isolates",
        isolates: 3,
        warm: 3,
        calls: &[(0, Kid("b")), (1, Kid("b")), (2, Kid("b"))],
        ..WARM
    },
    Setup {
        name: "the refresh point, with the cron trigger",
        begin_ms: 16_900,
        calls: &[(0, Kid("a")), (1, Cron)],
        budget: Budget { ticks: 1, fetch_failures: 1, ..NONE },
        ..WARM
    },
    Setup {
        name: "the end of the TTL",
        begin_ms: 19_900,
        calls: &[(0, Kid("a")), (1, Kid("a"))],
        budget: Budget { ticks: 1, fetch_failures: 1, ..NONE },
        ..WARM
    },
    Setup {
        name: "the end of a set",
        begin_ms: 29_900,
        calls: &[(0, Kid("a")), (1, Kid("a"))],
        budget: Budget { ticks: 1, fetch_failures: 1, ..NONE },
        ..WARM
    },
    Setup { name: "a second look", calls: &[(0, Kid("b")), (0, LookAgain("b"))], ..LOOKED_FOR },
    Setup { name: "a probe", calls: &[(0, Kid("b")), (0, Probe)], ..LOOKED_FOR },
    Setup {
        name: "a second look and a probe at once",
        calls: &[(0, LookAgain("b")), (0, Probe)],
        ..LOOKED_FOR
    },
    Setup {
        name: "a key that was withdrawn a moment ago, and may come back",
        versions: WITHDRAWN,
        history: History::Rotated,
        begin_ms: 21_900,
        calls: &[(0, Kid("a")), (1, Kid("a"))],
        budget: Budget { rotations: 1, fetch_failures: 1, ..NONE },
        ..WARM
    },
    Setup { name: "a retired key that comes back", calls: &[(0, Kid("a")), (1, Kid("a"))], ..RETIRED },
    Setup {
        name: "a retired key that comes back, in one isolate",
        isolates: 1,
        warm: 1,
        calls: &[(0, Kid("a")), (0, Kid("a"))],
        ..RETIRED
    },
    Setup {
        name: "clocks that differ by a second",
        begin_ms: 28_900,
        calls: &[(0, Kid("a")), (1, Kid("b"))],
        budget: Budget { ticks: 1, ..NONE },
        skew: [0, 1, 0],
        ..WARM
    },
];

/// Explored by a command, up to a limit of states.
const LARGE: &[Setup] = &[
    Setup {
        name: "a look, a second look and a probe",
        calls: &[(0, Kid("b")), (0, LookAgain("b")), (0, Probe)],
        ..LOOKED_FOR
    },
    Setup {
        name: "three requests for a retired key that comes back",
        calls: &[(0, Kid("a")), (1, Kid("a")), (0, Kid("a"))],
        ..RETIRED
    },
    Setup {
        name: "three requests of a cold isolate, all faults",
        calls: &[(0, Kid("a")), (0, Any), (0, Kid("b"))],
        budget: Budget { ticks: 2, cancels: 1, fetch_failures: 1, store_failures: 1, rotations: 1 },
        ..COLD
    },
    Setup {
        name: "three requests of two cold isolates, all faults",
        isolates: 2,
        calls: &[(0, Kid("a")), (1, Kid("a")), (0, Kid("b"))],
        budget: Budget { ticks: 2, cancels: 1, fetch_failures: 1, store_failures: 1, rotations: 1 },
        ..COLD
    },
    Setup {
        name: "three isolates, unknown kids, all faults",
        isolates: 3,
        warm: 3,
        calls: &[(0, Kid("b")), (1, Kid("b")), (2, Kid("b")), (0, Kid("a"))],
        budget: Budget { ticks: 1, cancels: 1, fetch_failures: 1, store_failures: 1, rotations: 1 },
        ..WARM
    },
    Setup {
        name: "the refresh point of two isolates, all faults",
        begin_ms: 16_900,
        calls: &[(0, Kid("a")), (1, Cron), (0, Kid("b"))],
        budget: Budget { ticks: 2, cancels: 1, fetch_failures: 1, store_failures: 1, rotations: 1 },
        ..WARM
    },
    Setup {
        name: "the end of a set in two isolates, all faults",
        begin_ms: 29_900,
        calls: &[(0, Kid("a")), (1, Kid("a")), (0, Kid("b"))],
        budget: Budget { ticks: 2, cancels: 1, fetch_failures: 1, store_failures: 1, rotations: 1 },
        ..WARM
    },
];

fn run(setup: Setup, limit: usize) -> Report {
    let begun = Instant::now();
    let report = explore(setup, limit);
    println!(
        "{}: {} states{}, {} executions, {} ends, at most {} steps, {:.1} s",
        setup.name,
        report.states,
        if report.is_partial { " (not all)" } else { "" },
        report.executions,
        report.ends,
        report.longest,
        begun.elapsed().as_secs_f64(),
    );
    report
}

/// Explores every `half`th of the small worlds, so that two threads share them.
fn explore_small_worlds(half: usize) {
    for setup in SMALL.iter().skip(half).step_by(2) {
        let report = run(*setup, 100_000);
        assert_eq!(report.violation, None, "{}", setup.name);
        assert!(!report.is_partial && report.ends > 0, "{}", setup.name);
    }
}

#[test]
fn every_property_holds_in_every_small_world() {
    explore_small_worlds(0);
}

#[test]
fn every_property_holds_in_every_other_small_world() {
    explore_small_worlds(1);
}

/// `CACHE_MODEL_STATES` is the limit of states of one world; the default is 200,000.
#[test]
#[ignore = "takes minutes: npm run model"]
fn every_property_holds_in_the_large_worlds() {
    let limit = std::env::var("CACHE_MODEL_STATES").map_or(200_000, |states| states.parse().unwrap());
    for setup in LARGE {
        assert_eq!(run(*setup, limit).violation, None, "{}", setup.name);
    }
}

/// The violation that the exploration of `setup` finds.
fn refutation(setup: Setup) -> String {
    let (what, steps) = explore(setup, 20_000).violation.expect("a violation");
    println!("{what}: {steps:?}");
    what
}

#[test]
fn each_fault_of_the_protocol_is_found() {
    let fails_once = Budget { fetch_failures: 1, ..NONE };
    let two_cold_requests = Setup { calls: &[(0, Kid("a")), (0, Kid("a"))], ..COLD };
    let two_looks = Setup { calls: &[(0, Kid("b")), (1, Kid("b"))], ..WARM };
    for (mutant, setup, expected) in [
        (Mutant::LeaseIgnored, two_cold_requests, "an isolate reads the store twice at once"),
        (Mutant::CooldownNotStored, two_looks, "an isolate looks for an unknown kid after"),
        (
            Mutant::FailureOverwritesSet,
            Setup { budget: fails_once, ..two_looks },
            "a failure replaces a newer set in the store",
        ),
        (
            Mutant::EndIgnored,
            Setup { calls: &[(0, Kid("a"))], begin_ms: 29_900, budget: Budget { ticks: 1, ..NONE }, ..WARM },
            "a set is used",
        ),
        (
            Mutant::EndlessLease,
            Setup { calls: &[(0, Kid("a"))], budget: Budget { cancels: 1, ..NONE }, ..COLD },
            "progress: a request does not end",
        ),
        (
            Mutant::BackoffForgotten,
            Setup { budget: Budget { store_failures: 2, ..fails_once }, ..two_cold_requests },
            "an isolate fetches 0 s after failure 1",
        ),
        (
            Mutant::TtlIgnored,
            Setup { calls: &[(0, Kid("a"))], begin_ms: 19_900, budget: Budget { ticks: 1, ..NONE }, ..WARM },
            "a set of 20 s is used, and its origin was not asked",
        ),
        (
            Mutant::RetiredAtOnce,
            Setup {
                versions: WITHDRAWN,
                history: History::Rotated,
                begin_ms: 21_900,
                calls: &[(1, Kid("a"))],
                ..WARM
            },
            "\"a\" is called unknown",
        ),
        (
            Mutant::FailureHidden,
            Setup { calls: &[(0, Kid("b"))], budget: fails_once, ..WARM },
            "\"b\" is called unknown",
        ),
    ] {
        let sound = explore(setup, 20_000);
        assert_eq!(sound.violation, None, "{mutant:?} without the fault");
        let found = refutation(Setup { mutant: Some(mutant), ..setup });
        assert!(found.starts_with(expected), "{mutant:?}: {found}");
    }
}

/// No protocol over a store without compare-and-set has these properties. `docs/cache-model.md` has the counterexamples.
#[test]
fn what_is_not_promised_is_refuted() {
    let two_looks = Setup { calls: &[(0, Kid("b")), (1, Kid("b"))], ..WARM };
    for visibility in [Visibility::Eventual, Visibility::Immediate] {
        let found = refutation(Setup { demand: Some(Demand::SharedCooldown), visibility, ..two_looks });
        assert!(found.starts_with("two isolates look for an unknown kid within"), "{found}");
    }
    let budget = Budget { ticks: 1, rotations: 1, ..NONE };
    let found = refutation(Setup { demand: Some(Demand::NewestSetInStore), budget, ..two_looks });
    assert_eq!(found, "an older set replaces a newer one in the store");
}
