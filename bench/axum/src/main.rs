//! Compares three servers of axum that verify tokens: with edge-assay-axum, with jsonwebtoken and a cache of keys by hand, and with
//! axum-jwt-auth. Measures requests per second in one run, and counts what happens when the provider rotates its keys, when it is down, and
//! when tokens with unknown `kid`s come. Prints tables for docs/axum.md and asserts nothing but that good tokens are accepted and
//! bad ones are not. All traffic is on loopback.
//!
//!     cargo run --locked --release --manifest-path bench/axum/Cargo.toml [-- rounds]
//!
//! With 0 rounds, only what happens is counted.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod behaviour;
mod client;
mod contenders;
mod mint;
mod provider;
mod speed;
mod thread;

const DEFAULT_ROUNDS: usize = 7;

fn main() {
    let rounds =
        std::env::args().nth(1).map_or(DEFAULT_ROUNDS, |text| text.parse().expect("a number of rounds"));
    contenders::install();
    println!("{}\n", circumstances(rounds));
    // One thread for all clients; each server has one too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        if rounds > 0 {
            speed::measure(rounds).await;
        }
        println!("\nWith a TTL of {} s, where no other is given:\n", behaviour::TTL.as_secs());
        behaviour::observe().await;
    });
}

fn circumstances(rounds: usize) -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!(
        "{model}, {} {}, load before {load}. Processor has: {}.\nMedians of {rounds} interleaved rounds of {} requests, {} connections, one thread for each server.",
        std::env::consts::OS,
        std::env::consts::ARCH,
        detected().join(", "),
        speed::REQUESTS,
        speed::CONNECTIONS,
    )
}

/// Which instructions that verification can use the processor has.
fn detected() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let list = [
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("bmi2", std::arch::is_x86_feature_detected!("bmi2")),
        ("adx", std::arch::is_x86_feature_detected!("adx")),
        ("sha", std::arch::is_x86_feature_detected!("sha")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let list: [(&'static str, bool); 0] = [];
    list.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}
