//! floor(2^power / n), by long division in words of 32 bits, once per key.

/// floor(2^`power` / `modulus`), big-endian. `modulus` is big-endian, odd, has its first bit set and a whole number of
/// words; `power` is at least its length in bits.
pub(super) fn of(modulus: &[u8], power: usize) -> Vec<u8> {
    let divisor: Vec<u32> =
        modulus.as_rchunks::<4>().1.iter().rev().map(|word| u32::from_be_bytes(*word)).collect();
    let top = u64::from(divisor.last().copied().unwrap_or_default()).wrapping_add(1);
    // Start with the largest power of two below the divisor that whole words shift to 2^power.
    let steps = power.wrapping_sub(modulus.len().wrapping_mul(8)).wrapping_add(1).div_ceil(32);
    let start = power.wrapping_sub(steps.wrapping_mul(32));
    let mut remainder = vec![0_u32; divisor.len()];
    if let (Some(word), Ok(bit)) = (remainder.get_mut(start.wrapping_div(32)), u32::try_from(start % 32)) {
        *word = 1 << bit;
    }
    let mut quotient = Vec::new();
    for _ in 0..steps {
        remainder.insert(0, 0);
        let mut word = 0_u64;
        loop {
            // The estimate is never too large, because `top` is more than the divisor's first word.
            let head =
                remainder.iter().rev().take(2).fold(0, |head: u64, word| head << 32 | u64::from(*word));
            let estimate = head.checked_div(top).unwrap_or_default();
            if estimate == 0 {
                break;
            }
            subtract(&mut remainder, &divisor, estimate);
            word = word.wrapping_add(estimate);
        }
        while !less(&remainder, &divisor) {
            subtract(&mut remainder, &divisor, 1);
            word = word.wrapping_add(1);
        }
        remainder.pop();
        quotient.extend(word.to_be_bytes().into_iter().skip(4));
    }
    quotient
}

/// Whether `number`, one word longer, is less than `bound`.
fn less(number: &[u32], bound: &[u32]) -> bool {
    let bound = bound.iter().chain([&0]);
    number.iter().zip(bound).fold(false, |below, (word, bound)| word < bound || (word == bound && below))
}

/// Subtracts `factor` times `divisor` from `number`, which is one word longer and not smaller. `factor` is below 2^32.
fn subtract(number: &mut [u32], divisor: &[u32], factor: u64) {
    let mut owed = 0_u64;
    for (word, divisor) in number.iter_mut().zip(divisor.iter().chain([&0])) {
        owed = owed.wrapping_add(factor.wrapping_mul(u64::from(*divisor)));
        #[expect(clippy::cast_possible_truncation, reason = "the high bits remain in `owed`")]
        let (rest, borrow) = word.overflowing_sub(owed as u32);
        *word = rest;
        owed = (owed >> 32).wrapping_add(u64::from(borrow));
    }
}
