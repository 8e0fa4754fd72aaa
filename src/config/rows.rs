//! A field of the configuration is one row: its name, its type, its range, its default, and the sentence that describes it.
//!
//! The reader takes a row and nothing else, so no field is read without one. [`object!`] makes a struct of the rows of an object, and the compiler
//! reports a row that no code reads as an unused field. The JSON Schema and the tables in `docs/` are made from the same rows
//! (`schema.rs`). The sentences are only in the functions that make them, so they are not part of the Worker.

use std::marker::PhantomData;

use serde_json::Value;

use super::reader::{Faults, Table};

/// A row: the name of a field, and the rule by which it is read.
pub(super) struct Field<R> {
    pub(super) name: &'static str,
    pub(super) rule: R,
}

impl<K: Defaulted> Field<Or<K>> {
    /// The default.
    pub(super) const fn default_of(&self) -> K::Constant {
        self.rule.1
    }
}

impl<K> Field<Required<K>> {
    /// The fix of the fault if it is missing.
    pub(super) const fn fix(&self) -> &'static str {
        self.rule.1
    }
}

/// The rows of an object.
pub(super) trait Rows {
    /// The names of all fields that the object may have.
    const NAMES: &'static [&'static str];
    /// The sentence that describes the object.
    const ABOUT: &'static str;

    /// The rows as data, for the JSON Schema and the documentation.
    fn described() -> Vec<super::shapes::Row>;

    /// Rules of the JSON Schema that concern several fields.
    fn rules() -> Value;
}

/// How a table is read by rows.
impl<'d> Table<'d> {
    /// Reads `value`, the member at `path`, as an object with the rows `T`. If it is not an object, this is a fault, and the table is
    /// empty.
    pub(super) fn of<T: Rows>(path: String, value: &'d Value, faults: &'d Faults) -> Self {
        Self::new(path, value, T::NAMES, faults)
    }

    /// Reads a field by the rule of its row.
    pub(super) fn read<R: Rule>(&self, field: &Field<R>) -> R::Read<'d> {
        field.rule.read(self, field.name)
    }

    /// Reads the object in a field. If it is absent or at fault, it is read as empty, so that its fields have their defaults.
    pub(super) fn read_or_empty<T: Rows>(&self, field: &Field<Optional<Inner<T>>>) -> Self {
        self.read(field).unwrap_or_else(|| self.empty(field.name, T::NAMES))
    }

    /// The value of a field as it is written, even if it is at fault.
    pub(super) fn given<R>(&self, field: &Field<R>) -> Option<&'d Value> {
        self.value(field.name)
    }

    /// Reads `value`, which is somewhere below this table, at `path`, as an object with the rows `T`.
    pub(super) fn below<T: Rows>(&self, path: &str, value: &'d Value) -> Self {
        self.inside(path, value, T::NAMES)
    }

    /// The value of a field as an object with the rows `T`. For fields that may also have a value of another type.
    pub(super) fn inner<T: Rows>(&self, field: &Field<Optional<Raw>>) -> Option<Self> {
        self.table(field.name, T::NAMES)
    }
}

/// How the values of a field are read.
pub(super) trait Kind {
    /// What a value is read as.
    type Value<'d>;

    /// The value of the member `name`; `None` if it is absent, or if it is at fault, which is then reported.
    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>>;
}

/// A type whose fields may have a default.
pub(super) trait Defaulted: Kind {
    /// The default as a constant.
    type Constant: Copy;

    /// The default as a value.
    fn default<'d>(constant: Self::Constant) -> Self::Value<'d>;
}

/// How a field is read that may be absent.
pub(super) trait Rule {
    /// What the reader gets.
    type Read<'d>;

    /// Reads the member `name`.
    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Self::Read<'d>;
}

/// A field that may be left out.
pub(super) struct Optional<K>(pub(super) K);

/// A field that must be present, and the fix of the fault if it is missing.
pub(super) struct Required<K>(pub(super) K, pub(super) &'static str);

/// A field that has a default.
pub(super) struct Or<K: Defaulted>(pub(super) K, pub(super) K::Constant);

impl<K: Kind> Rule for Optional<K> {
    type Read<'d> = Option<K::Value<'d>>;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Self::Read<'d> {
        self.0.read(table, name)
    }
}

impl<K: Kind> Rule for Required<K> {
    type Read<'d> = Option<K::Value<'d>>;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Self::Read<'d> {
        let value = self.0.read(table, name);
        table.report_missing(name, self.1);
        value
    }
}

impl<K: Defaulted> Rule for Or<K> {
    type Read<'d> = K::Value<'d>;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Self::Read<'d> {
        self.0.read(table, name).unwrap_or_else(|| K::default(self.1))
    }
}

/// A string that is not empty.
pub(super) struct Text;

impl Kind for Text {
    type Value<'d> = String;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.string(name)
    }
}

impl Defaulted for Text {
    type Constant = &'static str;

    fn default<'d>(constant: &'static str) -> Self::Value<'d> {
        constant.to_owned()
    }
}

/// A list of at least one string, none of them empty.
pub(super) struct Texts;

impl Kind for Texts {
    type Value<'d> = Vec<String>;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.strings(name)
    }
}

impl Defaulted for Texts {
    type Constant = &'static [&'static str];

    fn default<'d>(constant: Self::Constant) -> Self::Value<'d> {
        constant.iter().map(|&one| one.to_owned()).collect()
    }
}

/// The name of a Worker secret or of another binding.
pub(super) struct Binding;

impl Kind for Binding {
    type Value<'d> = String;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.binding(name)
    }
}

/// `true` or `false`.
pub(super) struct Boolean;

impl Kind for Boolean {
    type Value<'d> = bool;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.boolean(name)
    }
}

impl Defaulted for Boolean {
    type Constant = bool;

    fn default<'d>(constant: bool) -> Self::Value<'d> {
        constant
    }
}

/// A whole number from the first to the second, which are included.
pub(super) struct Whole(pub(super) (u64, u64));

impl Kind for Whole {
    type Value<'d> = u64;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.integer(name, self.0)
    }
}

impl Defaulted for Whole {
    type Constant = u64;

    fn default<'d>(constant: u64) -> Self::Value<'d> {
        constant
    }
}

/// A number from 0 to 1.
pub(super) struct Fraction;

impl Kind for Fraction {
    type Value<'d> = f64;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.fraction(name)
    }
}

impl Defaulted for Fraction {
    type Constant = f64;

    fn default<'d>(constant: f64) -> Self::Value<'d> {
        constant
    }
}

/// One of these names, which stand for these values.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy> Kind for Choice<T> {
    type Value<'d> = T;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.choice(name, self.0)
    }
}

impl<T: Copy> Defaulted for Choice<T> {
    type Constant = T;

    fn default<'d>(constant: T) -> Self::Value<'d> {
        constant
    }
}

/// An object with these rows.
pub(super) struct Inner<T>(PhantomData<fn() -> T>);

/// A list of objects with these rows.
pub(super) struct List<T>(PhantomData<fn() -> T>);

/// An object of objects with these rows. The operator chooses the names.
pub(super) struct Entries<T>(PhantomData<fn() -> T>);

pub(super) const fn inner<T>() -> Inner<T> {
    Inner(PhantomData)
}

pub(super) const fn list<T>() -> List<T> {
    List(PhantomData)
}

pub(super) const fn entries<T>() -> Entries<T> {
    Entries(PhantomData)
}

impl<T: Rows> Kind for Inner<T> {
    type Value<'d> = Table<'d>;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.table(name, T::NAMES)
    }
}

impl<T: Rows> Kind for List<T> {
    type Value<'d> = Vec<Table<'d>>;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.tables(name, T::NAMES)
    }
}

impl<T: Rows> Kind for Entries<T> {
    type Value<'d> = Vec<(String, Table<'d>)>;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.entries(name, T::NAMES)
    }
}

/// A value whose form the reader checks itself. Its row says what the form is (`Row::shape`).
pub(super) struct Raw;

impl Kind for Raw {
    type Value<'d> = &'d Value;

    fn read<'d>(&self, table: &Table<'d>, name: &'static str) -> Option<Self::Value<'d>> {
        table.value(name)
    }
}

/// Makes the rows of an object: a struct with a [`Field`] for each, a static value of it, and its [`Rows`].
///
/// A row is `name: rule = value, notes;` below its sentence. The notes are methods of `shapes::Row`; they say what the rule does not.
/// The rule is written once and used twice: for the reader, and in the function that describes the row. So the description does not count as a use
/// of the row, and a row that nothing reads is reported.
macro_rules! object {
    (
        $(#[doc = $about:literal])+
        $object:ident $rows:ident $(with($rules:expr))? {
            $(
                $(#[doc = $sentence:literal])+
                $name:ident: $rule:ty = $value:expr $(, $note:ident($($argument:expr),*))*;
            )+
        }
    ) => {
        $(#[doc = $about])+
        // The names are those of the configuration.
        #[allow(clippy::struct_field_names)]
        pub(in crate::config) struct $object {
            $($(#[doc = $sentence])+ pub(in crate::config) $name: $crate::config::rows::Field<$rule>,)+
        }

        #[doc = concat!("The rows of [`", stringify!($object), "`].")]
        pub(in crate::config) static $rows: $object = $object {
            $($name: $crate::config::rows::Field { name: stringify!($name), rule: $value },)+
        };

        impl $crate::config::rows::Rows for $object {
            const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];
                    const ABOUT: &'static str = concat!($($about),+);

                    // `From` cannot be used in the static value.
            #[allow(clippy::cast_lossless)]
            fn described() -> Vec<$crate::config::shapes::Row> {
                vec![$(
                    $crate::config::shapes::Row::new::<$rule>(stringify!($name), concat!($($sentence),+), &$value)
                        $(.$note($($argument),*))*
                ),+]
            }

            fn rules() -> ::serde_json::Value {
                #[allow(unused_mut, unused_assignments)]
                let mut rules = ::serde_json::Value::Null;
                $(rules = $rules;)?
                rules
            }
        }
    };
}

pub(super) use object;
