//! The public operation against `rsa`'s numbers, for random and for extreme moduli and signatures.

use rsa::BigUint;

use super::super::lanes::Lanes;
use super::PublicOperation;

/// Pseudo-random octets, the same in every run (xorshift64*).
struct Octets(u64);

impl Iterator for Octets {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        Some((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8)
    }
}

/// The random cases of a test at 2048 bits, and how many of them share a modulus.
const CASES: usize = 2_000;
const BASES: usize = 5;

const LENGTHS: [usize; 3] = [256, 384, 512];

fn be_bytes(number: &BigUint, length: usize) -> Vec<u8> {
    let octets = number.to_bytes_be();
    [vec![0; length - octets.len()], octets].concat()
}

/// Checks the powers of all `bases`.
fn check(modulus: &BigUint, bases: impl IntoIterator<Item = BigUint>, exponent: u64) {
    let length = modulus.bits() / 8;
    let operation = PublicOperation::new(&modulus.to_bytes_be(), exponent).unwrap();
    for base in bases {
        let mut out = vec![0xaa; length];
        assert!(operation.apply(&be_bytes(&base, length), &mut out), "{base} mod {modulus}");
        let expected = base.modpow(&BigUint::from(exponent), modulus);
        assert_eq!(BigUint::from_bytes_be(&out), expected, "{base} ^ {exponent} mod {modulus}");
    }
}

/// A number of exactly `length` octets that is odd and has its first bit set.
fn as_modulus(mut octets: Vec<u8>) -> BigUint {
    octets[0] |= 0x80;
    *octets.last_mut().unwrap() |= 1;
    BigUint::from_bytes_be(&octets)
}

/// Moduli of `length` octets with extreme words or limbs.
fn extreme_moduli(length: usize) -> Vec<BigUint> {
    let repeat = |pattern: &[u8]| as_modulus(pattern.iter().copied().cycle().take(length).collect());
    let one = BigUint::from(1_u8);
    let half = &one << (length * 8 - 1);
    let mut moduli = vec![
        repeat(&[0xff]),
        repeat(&[0x80, 0, 0]),
        repeat(&[0, 0, 0x80]),
        repeat(&[0x7f, 0xff, 0xff]),
        repeat(&[0x80, 0, 1]),
        repeat(&[0xff, 0, 0, 0, 0, 0, 0, 0]),
        repeat(&[0, 0, 0, 0, 0, 0, 0, 0xff]),
        repeat(&[0; 1]),
        repeat(&[0x55]),
        repeat(&[0xaa]),
        &half + 1_u8,
        &half + 3_u8,
        &half + (&one << (length * 4)) + 1_u8,
        (&half << 1) - 3_u8,
        (&half << 1) - (&one << (length * 4)) - 1_u8,
    ];
    // Every limb at plus and at minus its largest, in limbs of 50 and of 25 bits.
    for width in [25_usize, 50] {
        let mut largest = BigUint::from(0_u8);
        for limb in 0..(length * 8 - 1) / width {
            largest += &one << (limb * width + width - 1);
        }
        moduli.push(&half + &largest + 1_u8);
        moduli.push((&half << 1) - &largest - 1_u8);
    }
    moduli.into_iter().map(|modulus| as_modulus(modulus.to_bytes_be())).collect()
}

/// Extreme bases below `modulus`.
fn extreme_bases(modulus: &BigUint) -> Vec<BigUint> {
    let length = modulus.bits();
    let one = BigUint::from(1_u8);
    let mut bases = vec![
        BigUint::from(0_u8),
        one.clone(),
        BigUint::from(2_u8),
        modulus - 1_u8,
        modulus - 2_u8,
        modulus >> 1,
        (modulus >> 1) + 1_u8,
        &one << (length - 1),
        (&one << (length - 1)) - 1_u8,
        &one << (length / 2),
        modulus - (&one << (length / 2)),
    ];
    for width in [25, 50] {
        let mut largest = BigUint::from(0_u8);
        for limb in 0..length / width {
            largest += &one << (limb * width + width - 1);
        }
        bases.push(&largest % modulus);
        bases.push(modulus - (&largest % modulus));
        bases.push(largest >> 2);
    }
    bases.into_iter().map(|base| base % modulus).collect()
}

#[test]
fn powers_under_random_moduli_are_those_of_the_rsa_crate() {
    for length in LENGTHS {
        let mut octets = Octets(length as u64);
        for _ in 0..CASES * 256 / length / BASES {
            let modulus = as_modulus(octets.by_ref().take(length).collect());
            let bases = [(); BASES].map(|()| {
                BigUint::from_bytes_be(&octets.by_ref().take(length).collect::<Vec<_>>()) % &modulus
            });
            check(&modulus, bases, 65_537);
        }
    }
}

#[test]
fn powers_of_extreme_numbers_are_those_of_the_rsa_crate() {
    for length in LENGTHS {
        for modulus in extreme_moduli(length) {
            check(&modulus, extreme_bases(&modulus), 65_537);
        }
    }
}

#[test]
fn powers_of_numbers_with_long_runs_of_equal_bits_are_those_of_the_rsa_crate() {
    let mut octets = Octets(7);
    for _ in 0..CASES / 4 / BASES {
        let mut runs = || {
            let mut number = Vec::new();
            while number.len() < 256 {
                let fill = if octets.next().unwrap() & 1 == 1 { 0xff } else { 0 };
                let length = octets.next().unwrap() / 8;
                number.extend(std::iter::repeat_n(fill, length.into()));
                number.push(octets.next().unwrap());
            }
            number.truncate(256);
            number
        };
        let modulus = as_modulus(runs());
        let bases = [(); BASES].map(|()| BigUint::from_bytes_be(&runs()) % &modulus);
        check(&modulus, bases, 65_537);
    }
}

#[test]
fn odd_exponents_from_3_to_below_2_to_the_33_are_accepted() {
    let mut octets = Octets(33);
    for exponent in [3, 5, 17, 257, 65_537, 65_539, 0xffff_ffff, 0x1_0000_0001, 0x1_ffff_ffff] {
        let modulus = as_modulus(octets.by_ref().take(256).collect());
        let base = BigUint::from_bytes_be(&octets.by_ref().take(256).collect::<Vec<_>>()) % &modulus;
        check(&modulus, [base], exponent);
    }
}

#[test]
fn a_signature_is_as_long_as_the_modulus_and_less_than_it() {
    for length in LENGTHS {
        let modulus = as_modulus(Octets(1).take(length).collect());
        let operation = PublicOperation::new(&modulus.to_bytes_be(), 65_537).unwrap();
        let mut out = vec![0; length];
        assert!(operation.apply(&be_bytes(&(&modulus - 1_u8), length), &mut out));
        assert!(!operation.apply(&modulus.to_bytes_be(), &mut out));
        assert!(!operation.apply(&be_bytes(&(&modulus + 1_u8), length), &mut out));
        assert!(!operation.apply(&vec![0xff; length], &mut out));
        for wrong in [0, 1, length - 1, length + 1] {
            assert!(!operation.apply(&vec![0; wrong], &mut out));
            assert!(!operation.apply(&vec![0; length], &mut vec![0; wrong]));
        }
    }
}

#[test]
fn an_operation_whose_powers_of_opposite_numbers_are_not_opposite_is_refused() {
    let modulus = as_modulus(Octets(1).take(256).collect()).to_bytes_be();
    let right = PublicOperation::new(&modulus, 65_537).unwrap();
    assert!(right.is_odd_function());
    let mut wrong_modulus = right.clone();
    wrong_modulus.modulus.negated[0] = Lanes::ZERO;
    assert!(!wrong_modulus.is_odd_function());
    let mut wrong_reciprocal = right.clone();
    wrong_reciprocal.modulus.reciprocal.rotate_left(1);
    assert!(!wrong_reciprocal.is_odd_function());
    let mut wrong_exponent = right;
    wrong_exponent.exponent -= 1;
    assert!(!wrong_exponent.is_odd_function());
}

#[test]
fn other_moduli_and_exponents_are_refused() {
    let modulus = |length: usize| as_modulus(Octets(1).take(length).collect()).to_bytes_be();
    for length in [0, 1, 128, 255, 257, 320, 383, 511, 513, 1024] {
        let octets = if length == 0 { Vec::new() } else { modulus(length) };
        assert!(PublicOperation::new(&octets, 65_537).is_none());
    }
    for exponent in [0, 1, 2, 4, 65_536, 1 << 33, (1 << 33) + 1, u64::MAX] {
        assert!(PublicOperation::new(&modulus(256), exponent).is_none());
    }
    let mut even = modulus(256);
    even[255] &= 0xfe;
    assert!(PublicOperation::new(&even, 65_537).is_none());
    let mut short = modulus(256);
    short[0] &= 0x7f;
    assert!(PublicOperation::new(&short, 65_537).is_none());
}
