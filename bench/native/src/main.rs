//! Measures what it costs a native program to verify a token with edge-assay, and with `decode` of jsonwebtoken on aws-lc and on the
//! RustCrypto crates. All are measured in turn, in one process. Prints a table for docs/performance.md and asserts nothing but
//! that good tokens are accepted and bad ones are not.
//!
//!     cargo run --locked --release --manifest-path bench/native/Cargo.toml [-- rounds [--json]]

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock, and jsonwebtoken's types come from serde_json"
)]

mod mint;
mod ours;
mod theirs;

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use mint::ALGORITHMS;
use serde_json::{Value, json};

/// Distinct tokens of each algorithm, so that no branch predictor learns one of them.
const TOKENS: usize = 64;
const ROUND: Duration = Duration::from_millis(100);
/// What a clock with ticks of up to 10 ms measures well enough to find the length of a round.
const LEAST_MEASURED: Duration = Duration::from_millis(40);
const DEFAULT_ROUNDS: usize = 15;

/// A way to verify tokens.
struct Case<'a> {
    prepare: fn(),
    accepts: Box<dyn Fn(&str) -> bool + 'a>,
}

fn main() {
    let rounds =
        std::env::args().nth(1).map_or(DEFAULT_ROUNDS, |text| text.parse().expect("a number of rounds"));
    let as_json = std::env::args().nth(2).is_some_and(|option| option == "--json");
    theirs::install();
    let circumstances = circumstances(rounds);
    let rows = ALGORITHMS.map(|algorithm| measured(algorithm, rounds));
    if as_json {
        println!("{}", json!({ "circumstances": circumstances, "rows": rows.each_ref().map(Row::as_json) }));
        return;
    }
    println!("{circumstances}\n");
    println!("| µs | edge-assay | jsonwebtoken, aws-lc | ratio | jsonwebtoken, RustCrypto | ratio |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for Row { algorithm, ours, aws_lc, rust_crypto } in rows {
        println!(
            "| {algorithm} | {:.1} | {:.1} | {} | {:.1} | {} |",
            median(&ours),
            median(&aws_lc),
            Ratio::of(&ours, &aws_lc),
            median(&rust_crypto),
            Ratio::of(&ours, &rust_crypto)
        );
    }
}

/// The microseconds per token in each round.
struct Row {
    algorithm: &'static str,
    ours: Vec<f64>,
    aws_lc: Vec<f64>,
    rust_crypto: Vec<f64>,
}

impl Row {
    fn as_json(&self) -> Value {
        json!({
            "algorithm": self.algorithm,
            "ours": median(&self.ours),
            "awsLc": median(&self.aws_lc),
            "rustCrypto": median(&self.rust_crypto),
            "toAwsLc": Ratio::of(&self.ours, &self.aws_lc).as_json(),
            "toRustCrypto": Ratio::of(&self.ours, &self.rust_crypto).as_json(),
        })
    }
}

/// The ratio of two cases in the same round: its median and quartiles.
struct Ratio {
    median: f64,
    quartiles: [f64; 2],
}

impl Ratio {
    fn of(ones: &[f64], others: &[f64]) -> Self {
        let mut sorted: Vec<_> = ones.iter().zip(others).map(|(one, other)| one / other).collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len() - 1;
        Self { median: median(&sorted), quartiles: [sorted[last / 4], sorted[last - last / 4]] }
    }

    fn as_json(&self) -> Value {
        json!({ "median": self.median, "quartiles": self.quartiles })
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, text: &mut std::fmt::Formatter) -> std::fmt::Result {
        let [first, third] = self.quartiles;
        write!(text, "{:.2} ({first:.2} to {third:.2})", self.median)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn measured(algorithm: &'static str, rounds: usize) -> Row {
    let (key, tokens) = mint::subject(algorithm, TOKENS);
    let (ours, theirs) = (ours::Verifier::new(&key), theirs::Verifier::new(algorithm, &key));
    let now = i64::try_from(jsonwebtoken::get_current_timestamp()).expect("a time");
    let cases = [
        Case { prepare: || (), accepts: Box::new(|token| ours.accepts(token, now)) },
        Case { prepare: || theirs::use_rust_crypto(false), accepts: Box::new(|token| theirs.accepts(token)) },
        Case { prepare: || theirs::use_rust_crypto(true), accepts: Box::new(|token| theirs.accepts(token)) },
    ];
    let [ours, aws_lc, rust_crypto] = micros(&cases, &tokens, rounds);
    Row { algorithm, ours, aws_lc, rust_crypto }
}

/// The microseconds per token of each case, in each of the interleaved rounds.
fn micros<const N: usize>(cases: &[Case; N], tokens: &[String], rounds: usize) -> [Vec<f64>; N] {
    // How many tokens take about as long as a round should.
    let counts = cases.each_ref().map(|case| {
        check(case, tokens);
        let mut count = TOKENS;
        let mut taken = time(case, tokens, count);
        // The clock of a thread that runs may stand still for some milliseconds.
        while taken < LEAST_MEASURED {
            count *= 2;
            taken = time(case, tokens, count);
        }
        (ROUND.as_secs_f64() / taken.as_secs_f64() * count as f64).ceil() as usize
    });
    let mut micros = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for ((case, count), micros) in cases.iter().zip(counts).zip(&mut micros) {
            micros.push(time(case, tokens, count).as_secs_f64() * 1e6 / count as f64);
        }
    }
    micros
}

fn time(case: &Case, tokens: &[String], count: usize) -> Duration {
    (case.prepare)();
    let begin = clock();
    for token in tokens.iter().cycle().take(count) {
        assert!((case.accepts)(black_box(token)));
    }
    clock().saturating_sub(begin)
}

/// The CPU time of this thread where the system tells it, as Linux does: other load on the machine does not change it. Else the time.
fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = statistics.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// Every token is accepted, and none with the signature of another.
fn check(case: &Case, tokens: &[String]) {
    (case.prepare)();
    for (token, other) in tokens.iter().zip(tokens.iter().skip(1)) {
        let (input, _) = token.rsplit_once('.').expect("a signature");
        let (_, signature) = other.rsplit_once('.').expect("a signature");
        assert!((case.accepts)(token) && !(case.accepts)(&format!("{input}.{signature}")));
    }
}

fn circumstances(rounds: usize) -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!(
        "{model}, {} {}, load before {load}. Processor has: {}. Compiled for: {}.\nMedians of {rounds} interleaved rounds of {} ms, {TOKENS} distinct tokens.",
        std::env::consts::OS,
        std::env::consts::ARCH,
        features(DETECTED),
        features(COMPILED),
        ROUND.as_millis(),
    )
}

fn features(list: impl FnOnce() -> Vec<(&'static str, bool)>) -> String {
    let names: Vec<_> = list().into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect();
    if names.is_empty() { "the baseline".to_owned() } else { names.join(", ") }
}

macro_rules! lists {
    ($($feature:tt)*) => {
        #[cfg(target_arch = "x86_64")]
        const DETECTED: fn() -> Vec<(&'static str, bool)> =
            || vec![$(($feature, std::arch::is_x86_feature_detected!($feature))),*];
        #[cfg(not(target_arch = "x86_64"))]
        const DETECTED: fn() -> Vec<(&'static str, bool)> = Vec::new;
        const COMPILED: fn() -> Vec<(&'static str, bool)> =
            || vec![$(($feature, cfg!(target_feature = $feature))),*];
    };
}

lists!("fma" "avx2" "bmi2" "adx" "sha" "avx512f");
