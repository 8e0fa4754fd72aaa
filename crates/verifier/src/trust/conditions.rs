//! Conditions on the claims and on the JOSE header of a token. For an absent member every test is false, except `exists = false`.

use std::fmt;

use serde_json::Value;

use super::facts::{Facts, Pointer};
use crate::rejection::Rejection;

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The member that it is about.
    pub about: Member,
    /// The test that its value must pass.
    pub test: Test,
}

/// The member of a token that a condition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A claim, or a member of the subject's record.
    Claim(Pointer),
    /// A member of the JOSE header. The signature covers it, as it covers the claims (RFC 7515 §5.2).
    Header(Pointer),
}

/// Claims whose value says of which kind a token is, and not what its subject may do: `token_use` of Cognito, `typ` of Keycloak, `type` of
/// the access proxy, `sts` of Clerk.
const KINDS: [&str; 5] = ["/token_use", "/typ", "/type", "/token_type", "/sts"];

impl Member {
    /// Whether its value says of which kind a token is: every member of the header does, and some claims.
    #[must_use]
    pub fn tells_kinds_apart(&self) -> bool {
        match self {
            Self::Header(_) => true,
            Self::Claim(pointer) => KINDS.contains(&pointer.as_str()),
        }
    }

    /// The JSON Pointer, if it is a claim.
    #[must_use]
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::Header(_) => None,
            Self::Claim(pointer) => Some(pointer.as_str()),
        }
    }
}

/// The member in words, as in "the claim /role".
impl fmt::Display for Member {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(pointer) => write!(formatter, "the claim {}", pointer.as_str()),
            Self::Header(pointer) => write!(formatter, "the header member {}", pointer.as_str()),
        }
    }
}

/// A test of a member's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// The value equals this one.
    Equals(Value),
    /// The value equals one of these.
    OneOf(Vec<Value>),
    /// The value is a list that contains all of these. A single value counts as a list of one.
    ContainsAll(Vec<Value>),
    /// The value is a list that contains at least one of these.
    ContainsAny(Vec<Value>),
    /// The value is a string that the pattern matches as a whole: `*` stands for any characters, also none, `?` for exactly one.
    Matches(String),
    /// The value is a number that is not less than this one.
    AtLeast(serde_json::Number),
    /// With `true`: the member is present and not null. With `false`: it is absent or null.
    Exists(bool),
}

impl Test {
    /// Its name in the configuration, as it is shown in messages.
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
    /// Whether the condition holds for these facts.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let value = match &self.about {
            Member::Claim(pointer) => facts.value(pointer),
            Member::Header(pointer) => facts.header_value(pointer),
        };
        match (&self.test, value) {
            (Test::Exists(wanted), value) => value.is_some() == *wanted,
            (Test::Equals(wanted), Some(value)) => same(&value, wanted),
            (Test::OneOf(wanted), Some(value)) => wanted.iter().any(|one| same(&value, one)),
            (Test::ContainsAll(wanted), Some(value)) => wanted.iter().all(|one| contains(&value, one)),
            (Test::ContainsAny(wanted), Some(value)) => wanted.iter().any(|one| contains(&value, one)),
            (Test::Matches(pattern), Some(value)) => {
                value.as_str().is_some_and(|text| matches_pattern(pattern, text))
            }
            (Test::AtLeast(least), Some(Value::Number(number))) => !less(&number, least),
            (_, None) | (Test::AtLeast(_), Some(_)) => false,
        }
    }
}

impl Condition {
    /// The rejection of a token for which it does not hold. It does not contain the value.
    #[must_use]
    pub fn rejection(&self) -> Rejection {
        Rejection::ConditionFailed {
            about: self.about.to_string(),
            claim: self.about.claim().map(str::to_owned),
            is_about_kind: self.about.tells_kinds_apart(),
            rule: self.test.name(),
        }
    }
}

fn contains(list: &Value, wanted: &Value) -> bool {
    match list {
        Value::Array(elements) => elements.iter().any(|element| same(element, wanted)),
        single => same(single, wanted),
    }
}

/// Whether two JSON values are equal. `1` and `1.0` are the same number; a string never equals a number or a boolean.
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

/// Whether `pattern` matches the whole of `text`. Backtracks to the last `*` only, so the time is at most the product of both
/// lengths.
fn matches_pattern(pattern: &str, text: &str) -> bool {
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
        // No match here: let the last `*` match one character more.
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
    fn a_pattern_matches_the_whole_text_or_not_at_all() {
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
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_matched_in_quadratic_time_at_most() {
        let pattern = format!("{}b", "a*".repeat(2000));
        assert!(!matches_pattern(&pattern, &"a".repeat(16_000)));
    }

    #[test]
    fn only_numbers_are_compared_as_numbers() {
        assert!(same(&json!(1), &json!(1.0)));
        assert!(!same(&json!("1"), &json!(1)));
        assert!(!same(&json!("true"), &json!(true)));
        assert!(!same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
        let number = |value: Value| value.as_number().unwrap().clone();
        assert!(less(&number(json!(-1)), &number(json!(u64::MAX))));
        assert!(!less(&number(json!(2.5)), &number(json!(2))));
    }

    #[test]
    fn every_test_reads_a_claim_or_a_member_of_the_header() {
        let encode = |json: Value| crate::jose::base64url::encode(json.to_string().as_bytes());
        let header =
            encode(json!({ "alg": "RS256", "cat": "a", "list": ["a", "b"], "level": 3, "none": null }));
        let payload =
            encode(json!({ "cat": "z", "list": "b", "level": "3", "none": null, "of": { "claim": 1 } }));
        let token = format!("{header}.{payload}.AAAA");
        let token = crate::jose::UntrustedToken::parse(&token).unwrap();
        let facts = Facts::of(token.header(), token.claims());
        let at = |pointer: &str| Pointer::parse(pointer).unwrap();
        let number = |value: Value| Test::AtLeast(value.as_number().unwrap().clone());
        for (pointer, test, of_header, of_claims) in [
            ("/cat", Test::Equals(json!("a")), true, false),
            ("/cat", Test::Equals(json!("z")), false, true),
            ("/cat", Test::OneOf(vec![json!("a"), json!("b")]), true, false),
            ("/cat", Test::Matches("?".to_owned()), true, true),
            ("/cat", Test::Matches("a*".to_owned()), true, false),
            ("/list", Test::ContainsAll(vec![json!("a"), json!("b")]), true, false),
            ("/list", Test::ContainsAny(vec![json!("b"), json!("c")]), true, true),
            ("/list", Test::Equals(json!("b")), false, true),
            ("/list/0", Test::Equals(json!("a")), true, false),
            ("/level", number(json!(3)), true, false),
            ("/level", number(json!(3.5)), false, false),
            ("/none", Test::Exists(true), false, false),
            ("/none", Test::Exists(false), true, true),
            ("/of", Test::Exists(true), false, true),
            ("/of/claim", Test::Exists(false), true, false),
            ("/absent", Test::Equals(json!(null)), false, false),
        ] {
            let holds = |about| Condition { about, test: test.clone() }.holds(&facts);
            assert_eq!(
                (holds(Member::Header(at(pointer))), holds(Member::Claim(at(pointer)))),
                (of_header, of_claims),
                "{pointer} {test:?}"
            );
        }
    }
}
