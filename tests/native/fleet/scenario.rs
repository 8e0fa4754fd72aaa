//! What happens in a simulated fleet. Times are seconds from the beginning of the measurement, unless a name ends in `_ms`.

/// From the first second up to and without the second.
pub(super) type Span = (i64, i64);

/// One scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    /// Its name for the command line.
    pub(super) name: &'static str,
    /// What happens in it, for the report.
    pub(super) about: &'static str,
    pub(super) isolates: usize,
    pub(super) data_centres: u16,
    /// The number of issuers. Each has its own key set, and requests are spread evenly.
    pub(super) issuers: usize,
    /// The mean pause between two requests of an isolate.
    pub(super) pause_ms: i64,
    /// The mean life of an isolate; 0: they do not end.
    pub(super) life: i64,
    /// The fleet runs for this long before the measurement begins.
    pub(super) warm_up: i64,
    pub(super) duration: i64,
    /// Whether the cron trigger runs, every five minutes.
    pub(super) cron: bool,
    /// How long before the measurement the set in the store was fetched; `None`: the store is empty.
    pub(super) stored_age: Option<i64>,
    pub(super) origin: Origin,
    pub(super) store: Store,
    /// What stands between the isolates and the origins.
    pub(super) tier: Tier,
    pub(super) coordinator: CoordinatorFaults,
    /// When an operator purges the set of the first issuer.
    pub(super) purged_at: Option<i64>,
    pub(super) tokens: Tokens,
    pub(super) flood: Option<Flood>,
    /// By how much clocks are wrong, at most.
    pub(super) clock_error: i64,
    /// Per cent of the waiting requests whose client goes away within 400 ms.
    pub(super) cancelled_percent: i64,
    /// When all isolates are replaced, within half a minute.
    pub(super) deployed_at: Option<i64>,
    /// Whether that deployment has the key `old` on `distrusted_keys`.
    pub(super) distrusts_old: bool,
    /// The fault of the fakes, to show that an assertion can fail.
    pub(super) defect: Option<Defect>,
    pub(super) seed: u64,
}

/// The identity provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// The `kid`s that it publishes, each list from a time on. The first list is published from the beginning.
    pub(super) documents: &'static [(i64, &'static [&'static str])],
    pub(super) cache_control: Option<&'static str>,
    /// Requests that it answers per second; it refuses the others with 429.
    pub(super) per_second: Option<u32>,
    pub(super) outage: Option<Outage>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) span: Span,
    pub(super) failure: Failure,
    /// Concerns only requests from this data centre.
    pub(super) data_centre: Option<u16>,
    /// Concerns only this issuer.
    pub(super) issuer: Option<usize>,
}

/// How an origin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It answers 503.
    Answers503,
    /// It does not answer.
    Hangs,
    /// It cannot be reached.
    Unreachable,
}

/// Workers KV.
#[derive(Clone, Copy, Debug)]
pub(super) struct Store {
    /// When it fails.
    pub(super) outage: Option<Span>,
    /// It does not answer while it fails.
    pub(super) hangs: bool,
    /// A write is seen in other data centres after this time to twice this time.
    pub(super) propagation_ms: i64,
}

/// What stands between the isolates and the origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tier {
    /// Nothing: an isolate that needs a set asks the origin.
    Without,
    /// A cache in each data centre, which holds an answer for 30 s and makes one request of concurrent ones.
    Cache,
    /// The same, and one coordinator in the world before it.
    Coordinator,
}

impl Tier {
    pub(super) const ALL: [Self; 3] = [Self::Without, Self::Cache, Self::Coordinator];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::Cache => "cache",
            Self::Coordinator => "coordinator",
        }
    }
}

/// What is wrong with the coordinator.
#[derive(Clone, Copy, Debug)]
pub(super) struct CoordinatorFaults {
    /// When it fails.
    pub(super) outage: Option<Span>,
    /// It does not answer while it fails.
    pub(super) hangs: bool,
    /// How much longer it takes to answer.
    pub(super) slow_ms: i64,
    /// How often it loses its memory; 0: never.
    pub(super) restarts_every: i64,
}

/// The tokens of honest clients.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens {
    /// For how long clients use a token.
    pub(super) life: i64,
    /// From when on the issuer signs with the key `new`.
    pub(super) new_key_from: Option<i64>,
    /// From when on the key `old` is withdrawn, and per cent of the requests that still have a token of it.
    pub(super) withdrawn: Option<(i64, i64)>,
}

/// Requests with unknown `kid`s.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flood {
    pub(super) span: Span,
    /// The mean pause between two of them at one isolate.
    pub(super) pause_ms: i64,
    /// Concerns only this data centre.
    pub(super) data_centre: Option<u16>,
}

/// A deliberate fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defect {
    /// Each request has a memory of its own, so it sees no other request's lease.
    LeaseIgnored,
    /// A failure is written over the record of the set.
    FailureOverwritesSet,
    /// All isolates draw the same refresh point.
    OneRefreshPoint,
    /// The coordinator forgets everything between two questions, so it sees no lease of another fetch.
    CoordinatorForgets,
    /// A minute passes for the coordinator between two questions, so it holds nothing.
    HoldIgnored,
    /// The store loses which keys are retired.
    RetiredNotStored,
    /// The coordinator is of a version that does not know of purges.
    PurgesUnknown,
    /// The data centre's cache holds an answer for ten minutes and says that the origin has just given it.
    AgeHidden,
    /// The data centre's cache loses the notes of fetches.
    NotesLost,
}

const OLD: &[(i64, &[&str])] = &[(i64::MIN, &["old"])];
/// The new key is published at 300 s, beside the old one.
const ROTATED: &[(i64, &[&str])] = &[(i64::MIN, &["old"]), (300, &["old", "new"])];
/// The same, but the origin publishes 20 s later.
const ROTATED_LATE: &[(i64, &[&str])] = &[(i64::MIN, &["old"]), (320, &["old", "new"])];
/// The old key is withdrawn at 600 s.
const WITHDRAWN: &[(i64, &[&str])] = &[(i64::MIN, &["old", "new"]), (600, &["new"])];

/// Both keys are published all the time.
const BOTH: &[(i64, &[&str])] = &[(i64::MIN, &["old", "new"])];

const BASE: Scenario = Scenario {
    name: "",
    about: "",
    isolates: 10_000,
    data_centres: 300,
    issuers: 1,
    pause_ms: 2000,
    life: 1200,
    warm_up: 300,
    duration: 1800,
    cron: true,
    stored_age: Some(900),
    origin: Origin { documents: OLD, cache_control: None, per_second: None, outage: None },
    store: Store { outage: None, hangs: false, propagation_ms: 30_000 },
    tier: Tier::Without,
    coordinator: CoordinatorFaults { outage: None, hangs: false, slow_ms: 0, restarts_every: 0 },
    purged_at: None,
    tokens: Tokens { life: 60, new_key_from: None, withdrawn: None },
    flood: None,
    clock_error: 0,
    cancelled_percent: 0,
    deployed_at: None,
    distrusts_old: false,
    defect: None,
    seed: 1,
};

/// The issuer signs with a new key as soon as it publishes it.
const ROTATION: Scenario = Scenario {
    duration: 1200,
    origin: Origin { documents: ROTATED, ..BASE.origin },
    tokens: Tokens { new_key_from: Some(300), ..BASE.tokens },
    ..BASE
};

/// A tenth of the requests has a token of a withdrawn key.
const WITHDRAWAL: Scenario = Scenario {
    duration: 7200,
    origin: Origin { documents: WITHDRAWN, ..BASE.origin },
    tokens: Tokens { withdrawn: Some((600, 10)), ..BASE.tokens },
    ..BASE
};

/// Five tokens with unknown `kid`s per second at each isolate, for ten minutes.
const FLOODED: Scenario = Scenario {
    duration: 900,
    flood: Some(Flood { span: (60, 660), pause_ms: 200, data_centre: None }),
    ..BASE
};

/// The fleet starts at once.
const COLD: Scenario = Scenario { warm_up: 0, duration: 900, ..BASE };

/// The origin fails in the fourth largest data centre only.
const ONE_BLIND: Outage =
    Outage { span: (0, 1200), failure: Failure::Answers503, data_centre: Some(3), issuer: None };

/// The origin fails in the whole world.
const SIX_HOURS: Outage =
    Outage { span: (600, 22_200), failure: Failure::Answers503, data_centre: None, issuer: None };

/// Every scenario, in the order of `docs/operations/fleet.md`.
pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "steady", about: "nothing happens, cron", duration: 7200, ..BASE },
    Scenario { name: "no-cron", about: "nothing happens, no cron", duration: 7200, cron: false, ..BASE },
    Scenario {
        name: "off-grid",
        about: "cron; the set is due just after a run of the cron trigger",
        duration: 7200,
        stored_age: Some(770),
        ..BASE
    },
    Scenario {
        name: "max-age-15",
        about: "the origin says max-age=15",
        warm_up: 0,
        stored_age: Some(10),
        origin: Origin { cache_control: Some("max-age=15"), ..BASE.origin },
        ..BASE
    },
    Scenario {
        name: "overlap-1h",
        about: "rotation, the new key is published an hour before its use",
        duration: 5400,
        tokens: Tokens { new_key_from: Some(3900), ..BASE.tokens },
        ..ROTATION
    },
    Scenario {
        name: "overlap-10min",
        about: "rotation, the new key is published ten minutes before its use",
        duration: 1800,
        tokens: Tokens { new_key_from: Some(900), ..BASE.tokens },
        ..ROTATION
    },
    Scenario { name: "rotation", about: "rotation without overlap", ..ROTATION },
    Scenario {
        name: "rotation-100",
        about: "rotation without overlap, the origin answers 100 a second",
        origin: Origin { per_second: Some(100), ..ROTATION.origin },
        ..ROTATION
    },
    Scenario {
        name: "rotation-10",
        about: "rotation without overlap, the origin answers 10 a second",
        origin: Origin { per_second: Some(10), ..ROTATION.origin },
        ..ROTATION
    },
    Scenario {
        name: "late",
        about: "rotation without overlap, published 20 s after the first use",
        origin: Origin { documents: ROTATED_LATE, ..BASE.origin },
        ..ROTATION
    },
    Scenario { name: "flood", about: "unknown kids everywhere, 5/s per isolate, 10 min", ..FLOODED },
    Scenario {
        name: "flood-local",
        about: "the same in one data centre",
        flood: Some(Flood { span: (60, 660), pause_ms: 200, data_centre: Some(3) }),
        ..FLOODED
    },
    Scenario {
        name: "noise",
        about: "ten tokens a second with unknown kids in the whole world",
        flood: Some(Flood { span: (0, 1800), pause_ms: 1_000_000, data_centre: None }),
        ..BASE
    },
    Scenario {
        name: "outage",
        about: "the origin answers 503 for 6 h (1,000 isolates)",
        isolates: 1000,
        duration: 23_400,
        origin: Origin { outage: Some(SIX_HOURS), ..BASE.origin },
        ..BASE
    },
    Scenario {
        name: "outage-hangs",
        about: "the origin does not answer for 6 h (1,000 isolates)",
        isolates: 1000,
        duration: 23_400,
        origin: Origin { outage: Some(Outage { failure: Failure::Hangs, ..SIX_HOURS }), ..BASE.origin },
        ..BASE
    },
    Scenario {
        name: "outage-unreachable",
        about: "the origin cannot be reached for 6 h (1,000 isolates)",
        isolates: 1000,
        duration: 23_400,
        origin: Origin { outage: Some(Outage { failure: Failure::Unreachable, ..SIX_HOURS }), ..BASE.origin },
        ..BASE
    },
    Scenario {
        name: "hiccup",
        about: "rotation without overlap, and the origin does not answer what it is asked in its first 6 s",
        origin: Origin {
            outage: Some(Outage { span: (300, 306), failure: Failure::Hangs, ..SIX_HOURS }),
            ..ROTATION.origin
        },
        ..ROTATION
    },
    Scenario {
        name: "blind",
        about: "the origin refuses one data centre, rotation without overlap",
        origin: Origin { outage: Some(ONE_BLIND), ..ROTATION.origin },
        ..ROTATION
    },
    Scenario { name: "withdrawn", about: "a key is withdrawn, its tokens circulate", ..WITHDRAWAL },
    Scenario {
        name: "withdrawn-idle",
        about: "the same, isolates mostly idle for hours, no cron",
        pause_ms: 300_000,
        life: 43_200,
        duration: 14_400,
        cron: false,
        tokens: Tokens { withdrawn: Some((600, 30)), ..BASE.tokens },
        ..WITHDRAWAL
    },
    Scenario {
        name: "purge",
        about: "a key is withdrawn, and an operator purges its set",
        duration: 1200,
        purged_at: Some(610),
        ..WITHDRAWAL
    },
    Scenario {
        name: "flood-purge",
        about: "a key is withdrawn, and an operator purges its set, during a flood of unknown kids",
        duration: 1200,
        purged_at: Some(610),
        flood: Some(Flood { span: (60, 960), pause_ms: 200, data_centre: None }),
        ..WITHDRAWAL
    },
    Scenario {
        name: "distrusted",
        about: "a key that its issuer still publishes is distrusted by a deployment",
        duration: 1200,
        origin: Origin { documents: BOTH, ..BASE.origin },
        deployed_at: Some(600),
        distrusts_old: true,
        ..WITHDRAWAL
    },
    Scenario { name: "cold", about: "the whole fleet starts at once, KV empty", stored_age: None, ..COLD },
    Scenario {
        name: "cold-10",
        about: "the same, the origin answers 10 a second",
        duration: 1800,
        stored_age: None,
        origin: Origin { per_second: Some(10), ..BASE.origin },
        ..COLD
    },
    Scenario {
        name: "deployment",
        about: "a deployment in the middle of a rotation without overlap",
        deployed_at: Some(310),
        ..ROTATION
    },
    Scenario {
        name: "kv-down",
        about: "KV fails for an hour",
        duration: 5400,
        store: Store { outage: Some((600, 4200)), ..BASE.store },
        ..BASE
    },
    Scenario {
        name: "kv-hangs",
        about: "KV does not answer for an hour",
        duration: 5400,
        store: Store { outage: Some((600, 4200)), hangs: true, ..BASE.store },
        ..BASE
    },
    Scenario {
        name: "skew",
        about: "clocks are wrong by up to 30 s, rotation without overlap",
        clock_error: 30,
        ..ROTATION
    },
    Scenario {
        name: "cancelled",
        about: "half of the waiting clients go away, rotation without overlap",
        cancelled_percent: 50,
        ..ROTATION
    },
    Scenario {
        name: "flood-rotation",
        about: "rotation without overlap during a flood of unknown kids",
        duration: 900,
        origin: Origin { documents: ROTATED, ..BASE.origin },
        tokens: Tokens { new_key_from: Some(300), ..BASE.tokens },
        ..FLOODED
    },
    Scenario {
        name: "coordinator-down",
        about: "the coordinator fails for an hour, with a rotation without overlap in it",
        duration: 4500,
        coordinator: CoordinatorFaults { outage: Some((100, 3700)), ..BASE.coordinator },
        ..ROTATION
    },
    Scenario {
        name: "coordinator-hangs",
        about: "the coordinator does not answer for an hour, with a rotation without overlap in it",
        duration: 4500,
        coordinator: CoordinatorFaults { outage: Some((100, 3700)), hangs: true, ..BASE.coordinator },
        ..ROTATION
    },
    Scenario {
        name: "coordinator-slow",
        about: "the coordinator takes a second longer, rotation without overlap",
        coordinator: CoordinatorFaults { slow_ms: 1000, ..BASE.coordinator },
        ..ROTATION
    },
    Scenario {
        name: "coordinator-restarts",
        about: "the coordinator loses its memory every five minutes, unknown kids everywhere",
        coordinator: CoordinatorFaults { restarts_every: 300, ..BASE.coordinator },
        ..FLOODED
    },
    Scenario {
        name: "issuers",
        about: "three issuers, the second one fails for 40 min",
        issuers: 3,
        duration: 3600,
        origin: Origin {
            outage: Some(Outage { span: (600, 3000), issuer: Some(1), ..SIX_HOURS }),
            ..BASE.origin
        },
        ..BASE
    },
];

impl Scenario {
    /// The scenario with this name.
    pub(super) fn named(name: &str) -> Self {
        *ALL.iter().find(|scenario| scenario.name == name).unwrap_or_else(|| {
            let names: Vec<_> = ALL.iter().map(|scenario| scenario.name).collect();
            panic!("there is no scenario \"{name}\". The scenarios are: {}", names.join(", "))
        })
    }

    /// The same with 300 isolates in 12 data centres. A limit of the origin is divided by the same factor.
    pub(super) fn small(self) -> Self {
        let origin =
            Origin { per_second: self.origin.per_second.map(|limit| limit.div_ceil(33)), ..self.origin };
        Self { isolates: 300, data_centres: 12, origin, ..self }
    }

    /// The same, with a third of the requests: for what takes hours, where the requests of an isolate are far more frequent than its decisions either way.
    pub(super) fn calm(self) -> Self {
        let flood = self.flood.map(|flood| Flood { pause_ms: 3 * flood.pause_ms, ..flood });
        Self { pause_ms: 3 * self.pause_ms, flood, ..self }
    }
}
