//! The kernels' arithmetic is proven for all inputs, and its mutants are not.

use edge_assay_kernels_proofs::{Bounds, MUTANTS, ecdsa, ed25519, rsa};

fn assert_bounds(bounds: &Bounds) {
    assert!(bounds.x < 0.55 && bounds.y < 1.07 && bounds.z < 1.08, "{bounds:?}");
    assert!(bounds.largest < 62.9, "{bounds:?}");
}

#[test]
fn p256_operations_are_congruent_and_any_order_of_doublings_and_additions_closes_within_64_bits() {
    assert_bounds(&ecdsa::p256());
}

#[test]
fn p384_operations_are_congruent_and_any_order_of_doublings_and_additions_closes_within_64_bits() {
    assert_bounds(&ecdsa::p384());
}

#[test]
fn ed25519_operations_are_congruent_and_any_order_of_doublings_and_additions_closes() {
    assert!(ed25519::ed25519() <= 58);
}

#[test]
fn rsa_operations_are_exact_and_remainders_within_0_6_of_the_modulus_for_2048_bits() {
    assert!(rsa::rsa_2048() <= 57);
}

#[test]
fn rsa_operations_are_exact_and_remainders_within_0_6_of_the_modulus_for_3072_bits() {
    assert!(rsa::rsa_3072() <= 57);
}

#[test]
fn rsa_operations_are_exact_and_remainders_within_0_6_of_the_modulus_for_4096_bits() {
    assert!(rsa::rsa_4096() <= 57);
}

#[test]
fn mutants_of_the_kernels_are_refuted() {
    let survivors: Vec<&str> = MUTANTS
        .iter()
        .filter(|(_, proof)| std::panic::catch_unwind(proof).is_ok())
        .map(|(name, _)| *name)
        .collect();
    assert!(survivors.is_empty(), "{survivors:?}");
}
