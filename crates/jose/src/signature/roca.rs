//! The ROCA fingerprint (CVE-2017-15361).
//!
//! Infineon's `RSALib` made primes of the form `k * M + (65537^a mod M)`, where `M` is the product of the first 39 or more
//! primes. So the modulus is a power of 65537 modulo each of those primes too. About one other modulus in 10^8 has this
//! property by chance, and it is refused as well (Nemec et al., CCS 2017, §2.3).

/// The odd primes among the first 39, which divide `M` at every key length. The primes modulo which 65537 has few powers come
/// first, so that other moduli are recognised after one or two divisions.
const PRIMES: [u64; 38] = [
    97, 37, 79, 11, 61, 73, 127, 151, 13, 17, 19, 53, 71, 103, 107, 109, 157, 3, 5, 7, 23, 29, 31, 41, 43,
    47, 59, 67, 83, 89, 101, 113, 131, 137, 139, 149, 163, 167,
];
const GENERATOR: u64 = 65_537;

/// Whether the big-endian `modulus` has the fingerprint.
pub(super) fn is_marked(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power_of_generator(remainder(modulus, *prime), *prime))
}

/// `number` modulo `prime`. The prime is below 2^8, so nothing overflows.
fn remainder(number: &[u8], prime: u64) -> u64 {
    number
        .iter()
        .fold(0, |rest, octet| (rest << 8 | u64::from(*octet)).checked_rem(prime).unwrap_or_default())
}

/// Whether `residue` is among the powers of 65537 modulo `prime`.
fn is_power_of_generator(residue: u64, prime: u64) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == residue {
            return true;
        }
        power = power.wrapping_mul(GENERATOR).checked_rem(prime).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::rsa::BigUint;

    /// `M` of the 2048-bit keys: the product of the first 126 primes.
    fn primorial() -> BigUint {
        (2_u32..702)
            .filter(|n| (2..*n).all(|d| n % d != 0))
            .fold(BigUint::from(1_u32), |product, prime| product * prime)
    }

    #[test]
    fn a_modulus_made_as_rsalib_made_it_is_marked() {
        let m = primorial();
        let factor = |k: u64, a: u32| &m * k + BigUint::from(65_537_u32).modpow(&a.into(), &m);
        let n = factor(0x0123_4567_89ab_cdef, 1_234_567) * factor(0xfedc_ba98_7654_3210, 7_654_321);
        assert!(is_marked(&n.to_bytes_be()));
        assert!(!is_marked(&(n + 2_u32).to_bytes_be()));
    }

    #[test]
    fn other_moduli_are_not_marked() {
        // Consecutive odd numbers have every residue. None of these 4000 is marked by chance.
        let base = (BigUint::from(1_u32) << 2047_usize) + 1_u32;
        assert!((0_u32..4000).all(|i| !is_marked(&(&base + 2 * i).to_bytes_be())));
    }

    #[test]
    fn the_primes_are_the_first_38_odd_ones() {
        let mut sorted = PRIMES;
        sorted.sort_unstable();
        let odd: Vec<u64> = (3..168).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
        assert_eq!(sorted.to_vec(), odd);
    }
}
