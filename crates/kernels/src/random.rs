//! Numbers for tests of arithmetic.

/// Pseudo-random octets, the same in every run (xorshift64*).
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    /// 256 random bits.
    pub(super) fn number(&mut self) -> [u8; 32] {
        [(); 32].map(|()| {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
        })
    }

    /// 256 bits, with long runs of equal ones.
    pub(super) fn runs(&mut self) -> [u8; 32] {
        let (mask, value) = (self.number(), self.number());
        let mut number = [0; 32];
        for (index, octet) in number.iter_mut().enumerate() {
            *octet = match mask[index / 4 * 4] % 3 {
                0 => 0,
                1 => 0xff,
                _ => value[index],
            };
        }
        number
    }
}
