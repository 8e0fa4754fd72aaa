//! Natively, the public operations of RSA and Ed25519 run on the processor's fused multiplication, with no compiler flag.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use edge_assay_kernels::ed25519::PublicPoint;
use edge_assay_kernels::is_fused;
use edge_assay_kernels::modexp::PublicOperation;

/// The encoding of Ed25519's base point.
fn base_point() -> [u8; 32] {
    let mut octets = [0x66; 32];
    octets[0] = 0x58;
    octets
}

#[test]
fn the_operations_exist_where_the_processor_fuses() {
    #[cfg(target_arch = "x86_64")]
    let fuses = std::arch::is_x86_feature_detected!("fma") && std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let fuses = cfg!(target_arch = "aarch64");
    assert_eq!(is_fused(), fuses);
    assert_eq!(PublicOperation::new(&[0xff; 256], 65_537).is_some(), fuses);
    assert_eq!(PublicPoint::new(&base_point()).is_some(), fuses);
}

/// Where a function is not compiled for fused multiplication, `f64::mul_add` calls the C library's `fma`. So a program that calls all
/// public operations names no such function if each multiplication was inlined into an operation that is.
#[test]
#[cfg(target_os = "linux")]
fn no_multiplication_is_emulated() {
    let operation = PublicOperation::new(&[0xff; 256], 65_537);
    let power = operation.is_some_and(|operation| operation.apply(&[0x7f; 256], &mut [0; 256]));
    let key = PublicPoint::new(&base_point());
    let valid = key.is_some_and(|key| key.verify(&base_point(), &[1; 32], &[1; 32]));
    assert_eq!((power, valid), (is_fused(), false));
    let names = imported(&std::fs::read(std::env::current_exe().unwrap()).unwrap());
    assert!(names.iter().any(|name| name == "memcpy"), "{names:?}");
    assert!(!names.iter().any(|name| name == "fma"), "{names:?}");
}

/// The names in the program's table of dynamic symbols: the section of type `STRTAB` that is loaded with it (ELF-64, little-endian).
#[cfg(target_os = "linux")]
fn imported(program: &[u8]) -> Vec<String> {
    const STRTAB: usize = 3;
    const ALLOC: usize = 2;
    let number = |at: usize, length: usize| {
        program[at..at + length]
            .iter()
            .rev()
            .fold(0, |number: usize, octet| number << 8 | usize::from(*octet))
    };
    let (sections, size, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    let mut starts = (0..count).map(|index| sections + index * size);
    let section = starts.find(|at| number(at + 4, 4) == STRTAB && number(at + 8, 8) & ALLOC != 0).unwrap();
    let (begin, length) = (number(section + 0x18, 8), number(section + 0x20, 8));
    let names = program[begin..begin + length].split(|octet| *octet == 0);
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}
