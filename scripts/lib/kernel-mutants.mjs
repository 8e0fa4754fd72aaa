// Changes that make the kernels wrong, for `npm run mutants -- kernels`. Each is one row: a name, a file under crates/kernels/src, a text that the
// file has once, and its replacement.
//
// The 40 changes in crates/kernels/proofs/mutants.rs concern the field arithmetic, and every `cargo test` refutes them. Those here concern the rest:
// range checks, exceptional points, tables, inversion, conversions, constants and probes. The unit tests have to catch them.
//
// A row with `equivalent` changes no result; the text says why. A row with `wasm` is caught by `npm test -- wasm` only, because every native
// build fuses multiplication with addition.

const rows = (file, mutants) => mutants.map(([name, from, to, more = {}]) => ({ name, file, from, to, ...more }));

export const MUTANTS = [
  ...rows('ecdsa/mod.rs', [
    ['a key may have an x of p', 'x >= C::PRIME_OCTETS', 'x > C::PRIME_OCTETS'],
    [
      'a key may have a y of p',
      'y >= C::PRIME_OCTETS',
      'y > C::PRIME_OCTETS',
      { equivalent: 'a group of odd order has no point with a y of zero, so the check of the equation refuses the key' },
    ],
    ['x is not compared with p', 'x >= C::PRIME_OCTETS || ', ''],
    ['y is not compared with p', ' || y >= C::PRIME_OCTETS', ''],
    ['a key need not be on the curve', 'difference.is_zero().then(|| Self::on_curve(&x, &y))', 'Some(Self::on_curve(&x, &y))'],
    ['the curve has another b', '.plus(&x.small_multiple(3))', '.plus(&x.small_multiple(2))'],
    ['zero is in range', 'number.iter().any(|octet| *octet != 0) && ', ''],
    ['the order is in range', 'number < C::ORDER_OCTETS', 'number <= C::ORDER_OCTETS'],
    ['the order bounds nothing', ' && number < C::ORDER_OCTETS', ''],
    ['r is not compared with the order', 'in_range(r) && in_range(s)', 'in_range(s)'],
    ['s is not compared with the order', 'in_range(r) && in_range(s)', 'in_range(r)'],
    ['hash and r change places', '(signs(hash), signs(r))', '(signs(r), signs(hash))'],
    ['exceptional sums are not computed again', 'if sum.z.is_zero() { sum_of', 'if false { sum_of'],
    ['columns are added from the least significant', '(0..C::EIGHTH).rev()', '(0..C::EIGHTH)'],
    ['a sum is not doubled between columns', 'plus(&sum.doubled(), &base)', 'plus(&sum, &base)'],
    [
      'the point at infinity has an x-coordinate',
      '!sum.z.is_zero()\n        && (is(r_field)',
      'true\n        && (is(r_field)',
      { equivalent: 'a sum with a z of zero has the square of a difference of two y-coordinates as its x, which is not zero, so no r fits' },
    ],
    ['p - n stands for zero', 'r < C::PRIME_LESS_ORDER', 'r <= C::PRIME_LESS_ORDER'],
    ['x-coordinates of n or more are refused', 'r < C::PRIME_LESS_ORDER && is(', 'false && is('],
    ['r + n is tried for every r', 'r < C::PRIME_LESS_ORDER && is(', 'is('],
  ]),
  ...rows('ecdsa/order.rs', [
    ['a product modulo the order has the wrong sign', '*column += limb * other', '*column -= limb * other'],
    ['a carry modulo the order is doubled', 'limbs::lowest(&sum) >> WIDTH', 'limbs::lowest(&sum) >> (WIDTH - 1)'],
    ['columns modulo the order stay in place', 'sum.rotate_left(1);', ''],
    ['the lowest column comes round', '*top = Wrapping(0);', ''],
    ['half of the ones is subtracted', '*limb += ones', '*limb -= ones'],
    ['signs of a sum out of range are kept', 'if over == 0', 'if true'],
    ['the order is always subtracted once', 'Wrapping(over.signum())', 'Wrapping(1)'],
    ['the order is added, not subtracted', '*limb -= times * order', '*limb += times * order'],
  ]),
  ...rows('ecdsa/field.rs', [
    ['one zero limb is enough for zero', '.0.iter().all(|limb| *limb == Wrapping(0))', '.0.iter().any(|limb| *limb == Wrapping(0))'],
    [
      'numbers do not enter the Montgomery form',
      'Self::new(limbs::from_be_bytes(number)).times(&Self::R_SQUARED)',
      'Self::new(limbs::from_be_bytes(number))',
    ],
    ['an inverse leaves the Montgomery form', '.times(&Self::R_SQUARED).times(&Self::R_SQUARED)', '.times(&Self::R_SQUARED)'],
    ['the highest limb takes no part of p', 'rest + multiple * ((Wrapping(1_i64) << C::TOP_BITS) - prime_top)', 'rest'],
  ]),
  ...rows('ecdsa/point.rs', [
    ['a sum with the point at infinity is any', 'if self.z.is_zero() {', 'if false {'],
    ['opposite points are doubled', 'sum.z.is_zero() && sum.x.is_zero()', 'sum.z.is_zero()'],
    ['equal points give the point at infinity', '{ self.doubled() } else { sum }', '{ sum } else { sum }'],
    ['one inverse serves all points of a table', 'inverse = inverse.times(&point.z);', ''],
    ['a table is in the reverse order', 'affine.reverse();', ''],
    ['a negative is the same point', 'y: entry.y.map(Stored::wrapping_neg)', 'y: entry.y'],
    ['y / z^3 is y / z^2', 'other.y().times(&square.times(&self.z))', 'other.y().times(&square)'],
  ]),
  ...rows('comb.rs', [
    ['a negative entry has the sign of one tooth wrong', 'index ^ 0x7f', 'index ^ 0x3f'],
    ['signs of the highest tooth are the opposite', 'top >> column & 1 == 1', 'top >> column & 1 == 0'],
    ['the comb has seven teeth', 'for _ in 1..8', 'for _ in 1..7'],
    ['the first entry has all signs plus', 'sum.plus(&P::negated(tooth))', 'sum.plus(tooth)'],
    ['both halves have the table of the lower one', 'upper: Table::new(&upper)', 'upper: Table::new(&lower)'],
    ['both halves have the lower columns', 'step.wrapping_add(Self::STEPS)', 'step'],
  ]),
  ...rows('inversion.rs', [
    ['steps never swap for a positive delta', '-*delta >> 63', '*delta >> 63'],
    ['delta shrinks', 'negate(*delta) + Wrapping(2)', 'negate(*delta) - Wrapping(2)'],
    ['f is always added', 'g += negate(f) & odd', 'g += f & odd'],
    ['u is always added', 'q += negate(u) & odd', 'q += u & odd'],
    ['v is always added', 'r += negate(v) & odd', 'r += v & odd'],
    ['the sign of f is ignored', 'let sign = lowest(&f);', 'let sign = Wrapping(1);'],
    ['the cleared limb stays', 'columns.next();', ''],
    ['the multiple that clears a limb is its carry', 'split(first * self.negated_inverse).1', 'split(first * self.negated_inverse).0'],
  ]),
  ...rows('limb.rs', [['a quotient is rounded down', 'number + (Wrapping(1_i64) << bits.wrapping_sub(1))', 'number']]),
  ...rows('limbs.rs', [
    [
      'octets lose the bits between limbs',
      'pending >>= WIDTH;\n        bits = bits.wrapping_sub(WIDTH);\n        limb',
      'pending = Wrapping(0);\n        bits = bits.wrapping_sub(WIDTH);\n        limb',
    ],
    ['the carry beyond the eighths is lost', 'value(pending + (carry << bits))', 'value(pending)'],
    [
      'the carry out of the highest limb is lost',
      '*top += carry << WIDTH;',
      '',
      {
        equivalent:
          'the bounds keep the highest limb within 2^28, so there is no carry: the limbs have 5 bits more than P-256 and 22 more than P-384',
      },
    ],
  ]),
  ...rows('p256.rs', [
    ["P-256's base point is another", '0xce, 0x33, 0x57', '0xce, 0x33, 0x58'],
    ["P-256's p - n is one more", '0x9c, 0xda, 0xae', '0x9c, 0xda, 0xaf'],
    ["P-256's order is one less", '0xfc, 0x63, 0x25, 0x51', '0xfc, 0x63, 0x25, 0x50'],
  ]),
  ...rows('lanes.rs', [
    [
      'only the second lane is probed',
      'square.first().to_bits() == exact.to_bits() && ',
      '',
      { equivalent: 'one instruction computes both lanes, so either both are rounded once or neither is' },
    ],
    [
      'an unfused product passes the probe',
      'square.first().to_bits() == exact.to_bits() && square.second().to_bits() == exact.to_bits()',
      'square.first().to_bits() | exact.to_bits() != 1',
      { wasm: true },
    ],
    ['the probe fails everywhere', 'square.second().to_bits() == exact.to_bits()', 'square.second().to_bits() != exact.to_bits()'],
  ]),
  ...rows('dispatch.rs', [
    ['keys are taken where nothing fuses', '.then_some(fused)', '.then_some(fused).or(Some(fused))', { wasm: true }],
    ['keys are taken on no processor of x86-64', 'fearless_simd::Level::new().as_avx2()', 'None'],
  ]),
  ...rows('modexp/mod.rs', [
    ['a modulus may have a zero as its first bit', 'first & 0x80 != 0 && ', ''],
    ['a modulus may be even', 'last & 1 == 1 && ', ''],
    [
      'an exponent may be even',
      'exponent & 1 == 1 && ',
      '',
      { equivalent: 'the second check, is_odd_function, refuses an even exponent: opposite numbers have equal powers then' },
    ],
    ['an exponent may be 1', '(3..1 << 33)', '(1..1 << 33)'],
    ['an exponent may be 2^33 + 1', '(3..1 << 33)', '(3..2 + (1 << 33))'],
    ['an exponent may be 2^33', '(3..1 << 33)', '(3..=1 << 33)', { equivalent: '2^33 is even, and even exponents are refused' }],
    [
      'the second check of RSA keys is not made',
      'operation.is_odd_function().then_some(operation)',
      'Some(operation)',
      { equivalent: 'Lanes::fuses has refused already where it would fail; a unit test asks the check itself' },
    ],
    ['any two powers are opposite', 'self.less(&power) == opposite', 'true'],
    ['a difference borrows once only', 'borrow = first || second;', 'borrow = first;'],
    ['a signature may be the modulus', 'signature >= &*self.octets', 'signature > &*self.octets'],
    ['a signature may be larger than the modulus', ' || signature >= &*self.octets', ''],
    ['the bits of an exponent are inverted', 'self.exponent >> bit & 1 == 1', 'self.exponent >> bit & 1 == 0'],
    ['the highest bit of an exponent is used twice', '(0..self.exponent.ilog2())', '(0..=self.exponent.ilog2())'],
  ]),
  ...rows('modexp/reciprocal.rs', [
    ['a reciprocal is not corrected', 'while !less(&remainder, &divisor)', 'while false && !less(&remainder, &divisor)'],
    ['equal words compare as less', 'word == bound && below', 'word == bound'],
    ['an estimate may be too large', 'unwrap_or_default()).wrapping_add(1)', 'unwrap_or_default())'],
    ['a borrow between words is lost', '(owed >> 32).wrapping_add(u64::from(borrow))', 'owed >> 32'],
  ]),
  ...rows('modexp/limbs.rs', [
    ['a limb of half the base is not balanced', 'limb > 1 << (WIDTH - 1)', 'limb > 1 << WIDTH'],
    ['a negative number is not made positive', 'wrapping_sub(negated & (sign >> 63))', 'wrapping_sub(negated & 0)'],
  ]),
  ...rows('ed25519/mod.rs', [
    ['the second step is not doubled', 'step.wrapping_add(1) == ', 'step.wrapping_add(2) == '],
    ["a key's point is not negated", '*last ^= 0x80;', ''],
    ['an R of small order is accepted', 'sum.encoded() == *r && !sum.has_small_order()', 'sum.encoded() == *r'],
    ['any R is accepted', 'sum.encoded() == *r && !sum.has_small_order()', '!sum.has_small_order()'],
    ['even scalars are taken for odd ones', 'lowest & 1 == 0', 'lowest & 1 == 1'],
    ['the highest sign is minus', 'let mut over = 1;', 'let mut over = 0;'],
    [
      'the second check of Ed25519 keys is not made',
      '(point.doubled().encoded() == twice.encoded()).then',
      '(point.doubled().encoded() == point.doubled().encoded() || twice.encoded() == [0; 32]).then',
      { equivalent: 'Lanes::fuses has refused already where it would fail' },
    ],
  ]),
  ...rows('ed25519/number.rs', [
    ['a negative number is not made positive', 'if sign < 0 { -19_i64 } else { 0 }', 'if sign < i64::MIN { -19_i64 } else { 0 }'],
    ['the bit between eighths and carry is lost', 'over << 1 | (h >> 31)', 'over << 1 | (h >> 32)'],
    ['zero has p as its octets', 'if sign < 0 {', 'if sign <= 0 {'],
  ]),
  ...rows('ed25519/point.rs', [
    ['the sign of x is the opposite', '(last >> 7 == 1)', '(last >> 7 == 0)'],
    ['only one of two roots is tried', '[x, x.times(&Pair::both(ROOT_OF_MINUS_ONE))]', '[x]'],
    ['points with an x of zero pass', 'self.xy.is_zero() || self.xy.swapped()', 'self.xy.swapped()'],
    ['points with a y of zero pass', 'self.xy.swapped().is_zero() || ', ''],
    ['points of order eight pass', ' || squares.plus(&squares.swapped()).is_zero()', ''],
    ['the sign is encoded in another bit', 'u8::from(is_odd(&xy.first())) << 7', 'u8::from(is_odd(&xy.first())) << 6'],
    ['a negative entry keeps its first half', 'first: entry.first.swapped()', 'first: entry.first'],
  ]),
  ...rows('ed25519/field.rs', [
    ['the power for roots has another exponent', 'squared_times(50).times(&fifty)', 'squared_times(49).times(&fifty)'],
    ['zero is recognised without carrying', '&self.carried().first()', '&self.first()'],
  ]),
];
