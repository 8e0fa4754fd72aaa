//! What a scenario shows: figures for the assertions, and a text for readers.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde_json::json;

use super::scenario::Scenario;
use super::traffic::Verdict;

/// How an origin answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answered {
    /// 200.
    Set,
    /// 304.
    Confirmed,
    /// 429.
    Refused,
    /// 503, or not in time.
    Failed,
}

/// The figures of one scenario.
#[derive(Debug, Default)]
pub(super) struct Report {
    name: &'static str,
    about: &'static str,
    duration: i64,
    fetches_per_second: Vec<u32>,
    tier: &'static str,
    isolates: usize,
    data_centres: u16,
    wrong_per_second: Vec<u32>,
    /// When each data centre has fetched from each issuer, in seconds; and when anybody has.
    fetched_from: HashMap<(usize, u16), Vec<i64>>,
    fetched_by_all: HashMap<usize, Vec<i64>>,
    /// Questions to the coordinator, and the seconds in which there was one.
    questions: u64,
    busy_seconds: u64,
    last_question: i64,
    /// The second of the last wrong answer.
    pub(super) last_wrong: i64,
    /// Isolates that have refused the new key after they had accepted it.
    pub(super) went_back: u64,
    pub(super) sets: u64,
    pub(super) confirmed: u64,
    pub(super) refused: u64,
    pub(super) failed: u64,
    /// The most fetches in progress in one isolate, per issuer at best.
    pub(super) at_once: u32,
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) refused_writes: u64,
    /// Writes that replaced a set with an older one, and those of them that noted a failure.
    pub(super) older_sets: u64,
    pub(super) failures_over_sets: u64,
    /// Requests with good tokens, and the wrong answers to them.
    pub(super) good: u64,
    pub(super) wrong_401: u64,
    pub(super) wrong_503: u64,
    /// Those of them in the data centre that the origin refuses.
    pub(super) wrong_503_blind: u64,
    waits_ms: Vec<i64>,
    pub(super) unknown: u64,
    unknown_503: u64,
    unknown_waits_ms: Vec<i64>,
    pub(super) withdrawn_accepted: u64,
    withdrawn_refused: u64,
    withdrawn_503: u64,
    /// For how long after the withdrawal each isolate accepted the key that accepted it at all.
    pub(super) withdrawn_accepted_for_ms: Vec<i64>,
    /// The time from the first token of the new key to its acceptance, for each isolate.
    pub(super) new_key_accepted_after_ms: Vec<i64>,
    pub(super) never_accepted_new_key: u64,
    pub(super) cancelled: u64,
    log_lines: BTreeMap<String, u64>,
    /// The shortest time between two log lines of one isolate about failed writes.
    pub(super) closest_write_lines_ms: Option<i64>,
}

/// The titles of [`Report::row`].
pub(super) const ROW_TITLES: &str = "| scenario | tier | fetches, most per second | most per minute and issuer: data centre, world | KV reads / writes / refused, $ | questions, busy s | wrong answers to good tokens | longest wait, ms |
| --- | --- | --- | --- | --- | --- | --- | --- |";

impl Report {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let Scenario { name, about, duration, isolates, data_centres, tier, .. } = *scenario;
        let fetches_per_second = vec![0; duration as usize + 1];
        let wrong_per_second = fetches_per_second.clone();
        let tier = tier.name();
        let last_question = i64::MIN;
        Self {
            name,
            about,
            duration,
            fetches_per_second,
            tier,
            isolates,
            data_centres,
            wrong_per_second,
            last_question,
            ..Self::default()
        }
    }

    pub(super) fn fetched(&mut self, issuer: usize, data_centre: u16, second: i64) {
        self.fetches_per_second[second as usize] += 1;
        self.fetched_from.entry((issuer, data_centre)).or_default().push(second);
        self.fetched_by_all.entry(issuer).or_default().push(second);
    }

    pub(super) fn asked(&mut self, second: i64) {
        self.questions += 1;
        self.busy_seconds += u64::from(second > self.last_question);
        self.last_question = second;
    }

    pub(super) fn answered(&mut self, answered: Answered) {
        match answered {
            Answered::Set => self.sets += 1,
            Answered::Confirmed => self.confirmed += 1,
            Answered::Refused => self.refused += 1,
            Answered::Failed => self.failed += 1,
        }
    }

    pub(super) fn logged(&mut self, event: &str) {
        match self.log_lines.get_mut(event) {
            Some(lines) => *lines += 1,
            None => {
                self.log_lines.insert(event.to_owned(), 1);
            }
        }
    }

    pub(super) fn good(&mut self, verdict: Verdict, second: i64, waited_ms: i64, is_blind: bool) {
        self.good += 1;
        if verdict != Verdict::Known {
            self.wrong_per_second[second as usize] += 1;
            self.last_wrong = second;
        }
        match verdict {
            Verdict::Known => {}
            Verdict::Unknown => self.wrong_401 += 1,
            Verdict::Unavailable => {
                self.wrong_503 += 1;
                self.wrong_503_blind += u64::from(is_blind);
            }
        }
        if waited_ms > 0 {
            self.waits_ms.push(waited_ms);
        }
    }

    pub(super) fn unknown(&mut self, verdict: Verdict, waited_ms: i64) {
        self.unknown += 1;
        self.unknown_503 += u64::from(verdict == Verdict::Unavailable);
        if waited_ms > 0 {
            self.unknown_waits_ms.push(waited_ms);
        }
    }

    pub(super) fn withdrawn(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Known => self.withdrawn_accepted += 1,
            Verdict::Unknown => self.withdrawn_refused += 1,
            Verdict::Unavailable => self.withdrawn_503 += 1,
        }
    }

    /// Fetches at all origins together.
    pub(super) fn fetches(&self) -> u64 {
        self.fetches_per_second.iter().map(|count| u64::from(*count)).sum()
    }

    /// The most fetches in a second.
    pub(super) fn peak(&self) -> u32 {
        self.fetches_per_second.iter().copied().max().unwrap_or(0)
    }

    /// The most fetches in a minute from one data centre at one issuer.
    pub(super) fn peak_of_a_data_centre(&self) -> usize {
        self.fetched_from.values().map(|seconds| most_in_a_minute(seconds)).max().unwrap_or(0)
    }

    /// The most fetches in a minute from the whole world at one issuer.
    pub(super) fn peak_of_the_world(&self) -> usize {
        self.fetched_by_all.values().map(|seconds| most_in_a_minute(seconds)).max().unwrap_or(0)
    }

    /// The lines of this run for a picture: its figures, then every second in which something happened.
    pub(super) fn series(&self) -> String {
        let (scenario, tier) = (self.name, self.tier);
        let header = json!({
            "scenario": scenario,
            "tier": tier,
            "about": self.about,
            "duration": self.duration,
            "isolates": self.isolates,
            "data_centres": self.data_centres,
            "fetches": self.fetches(),
            "wrong": self.wrong_401 + self.wrong_503,
            "good": self.good,
            "reads": self.reads,
            "writes": self.writes,
            "refused": self.refused_writes,
            "coordinator_requests": self.questions,
            "coordinator_seconds": self.busy_seconds,
        });
        let seconds = self.fetches_per_second.iter().zip(&self.wrong_per_second).enumerate();
        let lines = seconds.filter(|(_, (fetches, wrong))| **fetches + **wrong > 0).map(|(second, (fetches, wrong))| {
            json!({ "scenario": scenario, "tier": tier, "second": second, "fetches": fetches, "wrong": wrong })
        });
        std::iter::once(header).chain(lines).flat_map(|line| [line.to_string(), "\n".to_owned()]).collect()
    }

    /// The longest wait of a request with a good token, in milliseconds.
    pub(super) fn longest_wait_ms(&self) -> i64 {
        self.waits_ms.iter().copied().max().unwrap_or(0)
    }

    /// The row of the table in `docs/operations/fleet.md`.
    pub(super) fn row(&self) -> String {
        let wrong = match (self.wrong_401, self.wrong_503) {
            (0, 0) => "0".to_owned(),
            (unknown, 0) => format!("{unknown} 401"),
            (0, unavailable) => format!("{unavailable} 503"),
            (unknown, unavailable) => format!("{unknown} 401, {unavailable} 503"),
        };
        format!(
            "| `{}` | {} | {}, {} | {}, {} | {} / {} / {}, {} | {}, {} | {wrong} | {} |",
            self.name,
            self.tier,
            self.fetches(),
            self.peak(),
            self.peak_of_a_data_centre(),
            self.peak_of_the_world(),
            self.reads,
            self.writes,
            self.refused_writes,
            self.dollars(),
            self.questions,
            self.busy_seconds,
            self.longest_wait_ms(),
        )
    }

    /// What Workers KV costs: $0.50 per million reads and $5 per million writes.
    fn dollars(&self) -> String {
        let cents = (self.reads * 50 + self.writes * 500) / 1_000_000;
        format!("{}.{:02}", cents / 100, cents % 100)
    }
}

/// The most of these seconds, which are in order, that lie within 60 seconds.
fn most_in_a_minute(seconds: &[i64]) -> usize {
    let (mut first, mut most) = (0, 0);
    for (last, second) in seconds.iter().enumerate() {
        while seconds[first] + 60 <= *second {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

/// The median, the 99th percentile and the maximum.
fn quantiles(values: &[i64]) -> String {
    let mut values = values.to_vec();
    values.sort_unstable();
    let Some(last) = values.len().checked_sub(1) else { return "none".to_owned() };
    format!("{} / {} / {}", values[last / 2], values[last * 99 / 100], values[last])
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} ({}): {} ({} s)", self.name, self.tier, self.about, self.duration)?;
        writeln!(
            out,
            "  origin: {} fetches, at most {} a second, {} a minute per issuer and data centre, {} in the world; 200: {}, 304: {}, 429: {}, failed: {}; {} at once in an isolate",
            self.fetches(),
            self.peak(),
            self.peak_of_a_data_centre(),
            self.peak_of_the_world(),
            self.sets,
            self.confirmed,
            self.refused,
            self.failed,
            self.at_once,
        )?;
        writeln!(
            out,
            "  KV: {} reads, {} writes, {} of them refused, ${}; {} sets replaced by older ones, {} of them by failures",
            self.reads,
            self.writes,
            self.refused_writes,
            self.dollars(),
            self.older_sets,
            self.failures_over_sets,
        )?;
        writeln!(
            out,
            "  good tokens: {} requests, wrong 401: {}, wrong 503: {} ({} where the origin fails); {} waited, ms: {}",
            self.good,
            self.wrong_401,
            self.wrong_503,
            self.wrong_503_blind,
            self.waits_ms.len(),
            quantiles(&self.waits_ms),
        )?;
        if self.unknown > 0 {
            writeln!(
                out,
                "  unknown kids: {} requests, 503: {}; {} waited, ms: {}",
                self.unknown,
                self.unknown_503,
                self.unknown_waits_ms.len(),
                quantiles(&self.unknown_waits_ms),
            )?;
        }
        if !self.new_key_accepted_after_ms.is_empty() {
            writeln!(
                out,
                "  new key: accepted after ms: {} by {} isolates; {} ended before",
                quantiles(&self.new_key_accepted_after_ms),
                self.new_key_accepted_after_ms.len(),
                self.never_accepted_new_key,
            )?;
        }
        if self.withdrawn_accepted + self.withdrawn_refused > 0 {
            writeln!(
                out,
                "  withdrawn key: accepted {} times, refused {}, 503: {}; last accepted after ms: {} by {} isolates",
                self.withdrawn_accepted,
                self.withdrawn_refused,
                self.withdrawn_503,
                quantiles(&self.withdrawn_accepted_for_ms),
                self.withdrawn_accepted_for_ms.len(),
            )?;
        }
        if self.questions > 0 {
            writeln!(out, "  coordinator: {} questions, in {} seconds", self.questions, self.busy_seconds)?;
        }
        if self.went_back > 0 {
            writeln!(out, "  the new key was refused {} times after it had been accepted", self.went_back)?;
        }
        if self.cancelled > 0 {
            writeln!(out, "  cancelled requests: {}", self.cancelled)?;
        }
        write!(out, "  log lines: {:?}", self.log_lines)
    }
}
