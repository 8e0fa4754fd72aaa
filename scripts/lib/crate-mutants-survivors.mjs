// Mutants of the root crate that no test catches, each with the reason. The names are those of cargo-mutants without the line and column.

const row = (file, changes, reason) => changes.map((change) => [`src/${file}: ${change}`, reason]);

export const SURVIVORS = Object.fromEntries([
  ...row(
    'jose/object.rs',
    ['unit', 'bool', 'i64', 'u64', 'f64', 'str'].map(
      (type) => `replace <impl Visitor<'j> for Child<'_>>::visit_${type} -> Result<Self::Value, E> with Ok(Default::default())`,
    ),
    'equivalent: the function returns Ok(None), and None is the default of an Option',
  ),
  ...row(
    'jose/json.rs',
    ["replace <impl Visitor<'de> for Strict<'_>>::visit_unit -> Result<Value, E> with Ok(Default::default())"],
    'equivalent: the function returns Ok(Value::Null), and Null is the default of a Value',
  ),
]);
