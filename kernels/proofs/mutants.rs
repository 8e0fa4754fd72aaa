/// A change of one of the kernels' files that makes it wrong.
struct Mutant {
    /// What it does, as an identifier.
    name: &'static str,
    /// Which proof must refute it.
    proof: &'static str,
    /// The file, under `kernels/src`.
    file: &'static str,
    /// A text that the file has once.
    from: &'static str,
    /// What stands there in the mutant.
    to: &'static str,
}

const fn mutant(
    name: &'static str,
    proof: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
) -> Mutant {
    Mutant { name, proof, file, from, to }
}

#[rustfmt::skip]
const MUTANTS: &[Mutant] = &[
    mutant("p256_shifts_a_multiple_of_p_wrongly", "ecdsa::p256", "p256.rs", "q << (224 - 7 * WIDTH)", "q << (223 - 7 * WIDTH)"),
    mutant("p256_forgets_a_multiple_of_p", "ecdsa::p256", "p256.rs", "limb(t15 - c(q8) + d(q7))", "limb(t15 - c(q8))"),
    mutant("p256_adds_a_multiple_of_p_that_it_should_subtract", "ecdsa::p256", "p256.rs", "- c(q1) + d(q0)", "+ c(q1) + d(q0)"),
    mutant("p256_swaps_factors_of_a_product", "ecdsa::p256", "p256.rs", "a0 * b2 + a1 * b1 + a2 * b0", "a0 * b2 + a1 * b2 + a2 * b0"),
    mutant("p256_forgets_to_double_in_a_square", "ecdsa::p256", "p256.rs", "d0 * a3 + d1 * a2", "d0 * a3 + a1 * a2"),
    mutant("p384_shifts_a_multiple_of_p_wrongly", "ecdsa::p384", "p384.rs", "q << (128 - 4 * WIDTH)", "q << (129 - 4 * WIDTH)"),
    mutant("p384_forgets_a_multiple_of_p", "ecdsa::p384", "p384.rs", "limb(t7 + a(q6) - b(q4) - c(q3))", "limb(t7 + a(q6) - b(q4))"),
    mutant("p384_forgets_to_double_in_a_square", "ecdsa::p384", "p384.rs", "sum!(d12 a13)", "sum!(a12 a13)"),
    mutant("p384_forgets_a_product", "ecdsa::p384", "p384.rs", "sum!(a12 b13, a13 b12)", "sum!(a12 b13)"),
    mutant("limbs_lose_a_carry", "ecdsa::p256", "limbs.rs", "split(limb + carry)", "split(limb)"),
    mutant("a_carried_number_keeps_its_multiples_of_p", "ecdsa::p256", "ecdsa/field.rs", "split_at(C::TOP_BITS, top)", "(Wrapping(0), top)"),
    mutant("a_multiple_of_p_is_not_taken_off_all_limbs", "ecdsa::p256", "ecdsa/field.rs", "*limb -= multiple * prime", "*limb -= multiple"),
    mutant("a_doubling_does_not_carry_x", "ecdsa::p256", "ecdsa/point.rs", "minus(&beta.small_multiple(8)).carried()", "minus(&beta.small_multiple(8))"),
    mutant("a_doubling_does_not_carry_alpha", "ecdsa::p256", "ecdsa/point.rs", "small_multiple(3).carried()", "small_multiple(3)"),
    mutant("a_doubling_does_not_carry_y", "ecdsa::p256", "ecdsa/point.rs", "small_multiple(8)).carried();\n        Self", "small_multiple(8));\n        Self"),
    mutant("an_addition_does_not_carry_x", "ecdsa::p384", "ecdsa/point.rs", "small_multiple(2)).carried()", "small_multiple(2))"),
];
