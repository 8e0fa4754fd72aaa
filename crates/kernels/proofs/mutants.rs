/// A change of one of the kernels' files that makes it wrong.
struct Mutant {
    /// A description of the change, as an identifier.
    name: &'static str,
    /// The proof that must fail for it.
    proof: &'static str,
    /// The file, under `crates/kernels/src`.
    file: &'static str,
    /// A text that occurs once in the file.
    from: &'static str,
    /// The text that replaces it in the mutant.
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
    mutant("rsa_rounds_at_the_wrong_place", "rsa::rsa_2048", "modexp/product.rs", "LOW * 1_125_899_906_842_624.0", "LOW * 2_251_799_813_685_248.0"),
    mutant("rsa_takes_the_rest_of_another_product", "rsa::rsa_2048", "modexp/product.rs", "second.minus(third)", "first.minus(third)"),
    mutant("rsa_does_not_round_limbs", "rsa::rsa_2048", "modexp/product.rs", "(1 << 62) + (1 << (WIDTH - 1))", "1 << 62"),
    mutant("rsa_carries_into_the_wrong_lane", "rsa::rsa_2048", "modexp/product.rs", "over.shifted_in(carried)", "over"),
    mutant("rsa_loses_the_high_parts_of_even_limbs", "rsa::rsa_2048", "modexp/product.rs", "integer_plus(spill).integer_plus(low)", "integer_plus(low)"),
    mutant("rsa_loses_the_last_high_part_of_a_row", "rsa::rsa_2048", "modexp/product.rs", "column.even = column.even.integer_plus(spill);\n        }\n    }", "let _ = (column, spill);\n        }\n    }"),
    mutant("rsa_does_not_double_in_squares", "rsa::rsa_2048", "modexp/work.rs", "base.iter().map(|limbs| limbs.plus(*limbs))", "base.iter().copied()"),
    mutant("rsa_doubles_squares_of_limbs", "rsa::rsa_2048", "modexp/work.rs", "*limbs = *single", "*limbs = single.plus(*single)"),
    mutant("rsa_keeps_no_double_for_the_next_square", "rsa::rsa_2048", "modexp/work.rs", "set(twice, index.wrapping_add(LEAD), pair.plus(pair));", "set(twice, index.wrapping_add(LEAD), pair);"),
    mutant("rsa_moves_rows_of_a_square_too_little", "rsa::rsa_2048", "modexp/work.rs", "columns.get_mut(2 * BLOCK..)", "columns.get_mut(BLOCK..)"),
    mutant("rsa_moves_rows_of_a_quotient_too_far", "rsa::rsa_2048", "modexp/work.rs", "start = start.wrapping_sub(BLOCK)", "start = start.wrapping_sub(LEAD)"),
    mutant("rsa_keeps_the_guard_limbs_of_a_quotient", "rsa::rsa_2048", "modexp/work.rs", "*guard = Lanes::ZERO", "*guard = *guard"),
    mutant("rsa_counts_a_remainder_wrongly", "rsa::rsa_2048", "modexp/work.rs", "column.start().for_countable()", "column.start()"),
    mutant("rsa_skips_too_much_of_a_product", "rsa::rsa_2048", "modexp/mod.rs", "wrapping_mul(8).wrapping_sub(5)", "wrapping_mul(8).wrapping_add(195)"),
    mutant("rsa_has_too_few_limbs", "rsa::rsa_2048", "modexp/mod.rs", "256 => 7 * BLOCK", "256 => 6 * BLOCK"),
    mutant("ed25519_counts_the_products_of_a_column_wrongly", "ed25519::ed25519", "ed25519/field.rs", "[1, 1, 2, 2, 3, 2, 2, 1, 1]", "[1, 1, 2, 2, 2, 2, 2, 1, 1]"),
    mutant("ed25519_multiplies_what_comes_round_by_27", "ed25519::ed25519", "ed25519/field.rs", "number.shifted_left(4)", "number.shifted_left(3)"),
    mutant("ed25519_carries_the_highest_limb_without_19", "ed25519::ed25519", "ed25519/field.rs", "carry(a, e, 19.0)", "carry(a, e, 1.0)"),
    mutant("ed25519_does_not_double_in_a_square", "ed25519::ed25519", "ed25519/field.rs", "sum([(d1, a4), (d2, a3)])", "sum([(a1, a4), (d2, a3)])"),
    mutant("ed25519_forgets_a_product", "ed25519::ed25519", "ed25519/field.rs", "sum([(a2, b4), (a3, b3), (a4, b2)])", "sum([(a2, b4), (a3, b3), (a4, b3)])"),
    mutant("ed25519_rounds_at_the_wrong_place", "ed25519::ed25519", "ed25519/field.rs", "LOW * 2_251_799_813_685_248.0", "LOW * 1_125_899_906_842_624.0"),
    mutant("ed25519_takes_the_offset_off_once_in_the_lowest_limb", "ed25519::ed25519", "ed25519/field.rs", "const LOWEST: Lanes = back(19)", "const LOWEST: Lanes = back(1)"),
    mutant("ed25519_does_not_carry_the_factors_of_a_point", "ed25519::ed25519", "ed25519/point.rs", "let fh = fh.carried();", "let fh = *fh;"),
    mutant("ed25519_does_not_carry_a_table_entry", "ed25519::ed25519", "ed25519/point.rs", "difference_and_sum().carried()", "difference_and_sum()"),
];
