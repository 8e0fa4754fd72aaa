// Mutants that no test catches, each with the reason. The names are those of cargo-mutants without the line and column.

const row = (file, changes, reason) => changes.map((change) => [`${file}: ${change}`, reason]);

const ERROR_TEXT = 'equivalent: the function only writes a text into an error of serde_json, of which the crate reads the place alone';
const NO_COMMON_BIT =
  'equivalent: the operands, a shifted number and a digit or an octet, have no bit in common, so both operators give the same number';

export const SURVIVORS = Object.fromEntries([
  ...row(
    'crates/jose/src/algorithm.rs',
    ['replace Algorithm::is_pss -> bool with true'],
    'equivalent: RS256, RS384 and RS512 pass the check for PSS too, because their encoding begins with a zero octet',
  ),
  ...row(
    'crates/verifier/src/trust/distrust.rs',
    ['replace DistrustedKeys::is_empty -> bool with false'],
    'equivalent: the verification then asks of each key whether it is one of no distrusted keys',
  ),
  ...row(
    'crates/jose/src/object.rs',
    ['unit', 'bool', 'i64', 'u64', 'f64', 'str'].map(
      (type) => `replace <impl Visitor<'j> for Child<'_>>::visit_${type} -> Result<Self::Value, E> with Ok(Default::default())`,
    ),
    'equivalent: the function returns Ok(None), and None is the default of an Option',
  ),
  ...row(
    'crates/jose/src/object.rs',
    ["replace <impl Visitor<'j> for Child<'_>>::expecting -> std::fmt::Result with Ok(Default::default())"],
    ERROR_TEXT,
  ),
  ...row(
    'crates/jose/src/json.rs',
    ["replace <impl Visitor<'de> for Strict<'_>>::visit_unit -> Result<Value, E> with Ok(Default::default())"],
    'equivalent: the function returns Ok(Value::Null), and Null is the default of a Value',
  ),
  ...row(
    'crates/jose/src/json.rs',
    [
      "<impl Deserialize<'de> for Name<'de>>::deserialize::<impl Visitor<'de> for Text>",
      "<impl Visitor<'de> for TopLevel<'_>>",
      "<impl Visitor<'de> for Strict<'_>>",
    ].map((type) => `replace ${type}::expecting -> fmt::Result with Ok(Default::default())`),
    ERROR_TEXT,
  ),
  ...row(
    'crates/jose/src/json.rs',
    ['replace is_simple -> bool with false'],
    'equivalent: a simple value is then checked too, and the check finds nothing',
  ),
  ...row(
    'crates/jose/src/json.rs',
    ['replace match guard !value.is_object() with true in checked_members'],
    'equivalent: both readers refuse the same texts, so the value of a refused text is never an object',
  ),
  ...row('crates/jose/src/signature/roca.rs', ['replace | with ^ in remainder'], NO_COMMON_BIT),
  ...row('crates/jose/src/signature/rsa.rs', ['replace | with ^ in RsaKey::from_be_bytes'], NO_COMMON_BIT),
  ...row('crates/verifier/src/trust/secrets.rs', ['replace | with ^ in decode_hex'], NO_COMMON_BIT),
  ...row('src/gateway/path.rs', ['replace | with ^ in escape'], NO_COMMON_BIT),
  ...row(
    'src/gateway/headers.rs',
    ['delete match arm Value::Null in value'],
    'equivalent: the last arm gives the empty text too, because a null has no raw value',
  ),
]);
