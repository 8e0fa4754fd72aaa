//! Numbers modulo p = 2^255 - 19 as five digits of 51 bits in doubles, and back.

/// Five digits, the least significant first. Those of a number of *one unit* lie within 2^50 and the breadth of a carry,
/// 2^10; of *k units*, within k times that.
pub(super) type Digits = [f64; 5];

/// The bits of a digit: five of them make 255, so what is carried out of the highest comes in 19-fold at the lowest.
pub(super) const WIDTH: u32 = 51;

const MASK: u64 = (1 << WIDTH) - 1;

/// The 255 low bits of `octets`, little-endian, in two units. The highest bit is not looked at.
pub(super) fn from_le_bytes(octets: &[u8; 32]) -> Digits {
    let mut words = [0_u64; 4];
    for (word, octets) in words.iter_mut().zip(octets.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*octets);
    }
    let [a, b, c, d] = words;
    [a, a >> 51 | b << 13, b >> 38 | c << 26, c >> 25 | d << 39, d >> 12].map(|digit| double(digit & MASK))
}

/// The number of one unit as an integer below p, little-endian.
pub(super) fn to_le_bytes(number: &Digits) -> [u8; 32] {
    let digits = number.map(integer);
    let sign = digits.iter().fold(0, |carry: i64, digit| carry.wrapping_add(*digit) >> WIDTH);
    // The number is above -p. Adding p to a negative one is taking 19 away, and not looking beyond 255 bits.
    let mut carry = -19 & sign >> 63;
    let [a, b, c, d, e] = digits.map(|digit| {
        carry = carry.wrapping_add(digit);
        let rest = carry.cast_unsigned() & MASK;
        carry >>= WIDTH;
        rest
    });
    let words = [a | b << 51, b >> 13 | c << 38, c >> 26 | d << 25, d >> 39 | e << 12];
    let mut octets = [0; 32];
    for (octets, word) in octets.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *octets = word.to_le_bytes();
    }
    octets
}

#[expect(clippy::cast_precision_loss, reason = "a digit has fewer than 53 bits")]
fn double(digit: u64) -> f64 {
    digit as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a digit is an integer of fewer than 53 bits")]
fn integer(digit: f64) -> i64 {
    digit as i64
}
