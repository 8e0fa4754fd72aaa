//! Seeded random numbers, and how isolates and requests are distributed. The same seed gives the same world.

use std::cell::Cell;

/// A generator of random numbers (`SplitMix64`).
#[derive(Debug)]
pub(super) struct Dice(Cell<u64>);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// 64 random bits.
    pub(super) fn bits(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        mixed(self.0.get())
    }

    /// A number in `[0, 1)`.
    fn unit(&self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from `from` up to and without `to`.
    pub(super) fn between(&self, from: i64, to: i64) -> i64 {
        from + (self.unit() * (to - from) as f64) as i64
    }

    /// `true` in `percent` of 100 cases.
    pub(super) fn happens(&self, percent: i64) -> bool {
        percent > 0 && self.between(0, 100) < percent
    }

    /// The time until the next event of a process without memory, at least 1.
    pub(super) fn pause(&self, mean: i64) -> i64 {
        ((-(1.0 - self.unit()).ln() * mean as f64) as i64).max(1)
    }

    /// The mean pause between two requests for each of `count` isolates. Their rates are distributed log-normally, so some isolates
    /// are busy and some are idle. All together have the rate of isolates with the pause `mean`.
    pub(super) fn pauses(&self, count: usize, mean: i64) -> Vec<i64> {
        let rates: Vec<f64> = (0..count)
            .map(|_| {
                let normal =
                    (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos();
                normal.exp()
            })
            .collect();
        let average = rates.iter().sum::<f64>() / count as f64;
        rates.iter().map(|rate| (mean as f64 * average / rate) as i64).collect()
    }
}

/// A number that looks random, for each number.
pub(super) fn mixed(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// How many of about `isolates` isolates each data centre has, the largest first (Zipf's law with the exponent 0.9).
pub(super) fn sizes(isolates: usize, data_centres: u16) -> Vec<usize> {
    let weights: Vec<f64> = (1..=data_centres).map(|rank| f64::from(rank).powf(-0.9)).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| ((isolates as f64 * weight / total).round() as usize).max(1)).collect()
}
