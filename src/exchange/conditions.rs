//! A target's `when` and a route's `require.claims`: what must hold of a subject before anything is issued or let through.
//! Every test is true or false, and of what is absent every test is false but `exists = false`.

use serde_json::Value;

use super::facts::{Facts, Pointer};

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What it looks at.
    pub claim: Pointer,
    /// What must be true of it.
    pub test: Test,
}

/// What may be asked of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is this very value.
    Equals(Value),
    /// It is one of these.
    OneOf(Vec<Value>),
    /// It is a list that holds all of these. A single value counts as a list of one.
    ContainsAll(Vec<Value>),
    /// It is a list that holds one of these at least.
    ContainsAny(Vec<Value>),
    /// It is a string that the pattern fits from its first character to its last: `*` is any run of characters, `?` any one.
    Matches(String),
    /// It is a number that is not less.
    AtLeast(serde_json::Number),
    /// It is there and not null; or not.
    Exists(bool),
}

impl Test {
    /// Its name in the configuration, as messages have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Equals(_) => "`equals`",
            Self::OneOf(_) => "`one_of`",
            Self::ContainsAll(_) => "`contains_all`",
            Self::ContainsAny(_) => "`contains_any`",
            Self::Matches(_) => "`matches`",
            Self::AtLeast(_) => "`at_least`",
            Self::Exists(true) => "`exists = true`",
            Self::Exists(false) => "`exists = false`",
        }
    }
}

impl Condition {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let value = facts.value(&self.claim);
        match (&self.test, value) {
            (Test::Exists(wanted), value) => value.is_some() == *wanted,
            (Test::Equals(wanted), Some(value)) => same(&value, wanted),
            (Test::OneOf(wanted), Some(value)) => wanted.iter().any(|one| same(&value, one)),
            (Test::ContainsAll(wanted), Some(value)) => wanted.iter().all(|one| contains(&value, one)),
            (Test::ContainsAny(wanted), Some(value)) => wanted.iter().any(|one| contains(&value, one)),
            (Test::Matches(pattern), Some(value)) => value.as_str().is_some_and(|text| fits(pattern, text)),
            (Test::AtLeast(least), Some(Value::Number(number))) => !less(&number, least),
            (_, None) | (Test::AtLeast(_), Some(_)) => false,
        }
    }
}

fn contains(list: &Value, wanted: &Value) -> bool {
    match list {
        Value::Array(elements) => elements.iter().any(|element| same(element, wanted)),
        single => same(single, wanted),
    }
}

/// Equal as JSON values; `1` and `1.0` are one number. A string is never a number or a boolean.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => !less(a, b) && !less(b, a),
        _ => a == b,
    }
}

fn less(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    match (as_integer(a), as_integer(b)) {
        (Some(a), Some(b)) => a < b,
        _ => matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a < b),
    }
}

fn as_integer(number: &serde_json::Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Whether `pattern` fits the whole of `text`. Linear but for the last `*`, to which alone it goes back.
fn fits(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.chars();
    let mut text = text.chars();
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut rest = pattern.clone();
        match (rest.next(), text.clone().next()) {
            (Some('*'), _) => {
                pattern = rest.clone();
                retry = Some((rest, text.clone()));
                continue;
            }
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                pattern = rest;
                text.next();
                continue;
            }
            _ => {}
        }
        // The last `*` takes one character more.
        let Some((after_star, mut later)) = retry.take() else { return false };
        if later.next().is_none() {
            return false;
        }
        pattern = after_star.clone();
        text = later.clone();
        retry = Some((after_star, later));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pattern_fits_the_whole_text_or_not_at_all() {
        for (pattern, text, expected) in [
            ("*@example.com", "ada@example.com", true),
            ("*@example.com", "ada@example.com.evil.example", false),
            ("*@example.com", "@example.com", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("user_???", "user_abc", true),
            ("user_???", "user_abcd", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "anything", true),
            ("a|b", "a", false),
            (".*", "abc", false),
            ("é?", "éü", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_costs_no_more_than_its_length_times_the_texts() {
        let pattern = format!("{}b", "a*".repeat(2000));
        assert!(!fits(&pattern, &"a".repeat(16_000)));
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_nothing_else_is() {
        assert!(same(&json!(1), &json!(1.0)));
        assert!(!same(&json!("1"), &json!(1)));
        assert!(!same(&json!("true"), &json!(true)));
        assert!(!same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
        let number = |value: Value| value.as_number().unwrap().clone();
        assert!(less(&number(json!(-1)), &number(json!(u64::MAX))));
        assert!(!less(&number(json!(2.5)), &number(json!(2))));
    }
}
