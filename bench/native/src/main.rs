//! Measures what it costs a native program to verify a token with edge-assay, and with `decode` of jsonwebtoken on aws-lc and on the
//! RustCrypto crates. All are measured in turn, in one process. Prints a table for docs/performance.md and asserts nothing but
//! that good tokens are accepted and bad ones are not.
//!
//!     cargo run --locked --release --manifest-path bench/native/Cargo.toml [-- rounds]

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

/// Distinct tokens of each algorithm, so that no branch predictor learns one of them.
const TOKENS: usize = 64;
const ROUND: Duration = Duration::from_millis(100);
const DEFAULT_ROUNDS: usize = 15;

/// A way to verify tokens.
struct Case<'a> {
    prepare: fn(),
    accepts: Box<dyn Fn(&str) -> bool + 'a>,
}

fn main() {
    let rounds =
        std::env::args().nth(1).map_or(DEFAULT_ROUNDS, |text| text.parse().expect("a number of rounds"));
    theirs::install();
    println!("{}\n", circumstances(rounds));
    println!("| µs | edge-assay | jsonwebtoken, aws-lc | ratio | jsonwebtoken, RustCrypto | ratio |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for algorithm in ALGORITHMS {
        let (key, tokens) = mint::subject(algorithm, TOKENS);
        let (ours, theirs) = (ours::Verifier::new(&key), theirs::Verifier::new(algorithm, &key));
        let now = i64::try_from(jsonwebtoken::get_current_timestamp()).expect("a time");
        let cases = [
            Case { prepare: || (), accepts: Box::new(|token| ours.accepts(token, now)) },
            Case {
                prepare: || theirs::use_rust_crypto(false),
                accepts: Box::new(|token| theirs.accepts(token)),
            },
            Case {
                prepare: || theirs::use_rust_crypto(true),
                accepts: Box::new(|token| theirs.accepts(token)),
            },
        ];
        let [ours, aws_lc, rust_crypto] = medians(&cases, &tokens, rounds);
        println!(
            "| {algorithm} | {ours:.1} | {aws_lc:.1} | {:.2} | {rust_crypto:.1} | {:.2} |",
            ours / aws_lc,
            ours / rust_crypto
        );
    }
}

/// The median microseconds per token of each case, over interleaved rounds.
fn medians<const N: usize>(cases: &[Case; N], tokens: &[String], rounds: usize) -> [f64; N] {
    // How many tokens take about as long as a round should.
    let counts = cases.each_ref().map(|case| {
        check(case, tokens);
        let once = time(case, tokens, TOKENS);
        (ROUND.as_secs_f64() / once.as_secs_f64() * TOKENS as f64).ceil() as usize
    });
    let mut micros = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for ((case, count), micros) in cases.iter().zip(counts).zip(&mut micros) {
            micros.push(time(case, tokens, count).as_secs_f64() * 1e6 / count as f64);
        }
    }
    micros.map(|mut micros| {
        micros.sort_by(f64::total_cmp);
        micros[micros.len() / 2]
    })
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
