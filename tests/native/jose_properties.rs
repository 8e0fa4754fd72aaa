//! Properties that hold for every input: no panic, only canonical encodings are accepted, and every change of a token is detected.

use crate::support::keys;
use crate::support::tokens;
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use edge_assay::jose::json::{self, JsonError};
use edge_assay::jose::{Algorithm, Jwk, KeySet, SharedSecret, UntrustedToken, base64url};
use edge_assay::jose::{Malformed, TokenFormatError};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Accepts any padding and any trailing bits, which the strict decoder must refuse.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Asserts that each segment of a token, if it parses, is the canonical encoding of its content.
fn assert_canonical(token: &str) {
    let Ok(parsed) = UntrustedToken::parse(token) else { return };
    let segments: Vec<&str> = token.split('.').collect();
    assert_eq!(segments.len(), 3);
    assert_eq!(base64url::encode(&LENIENT.decode(segments[0]).unwrap()), segments[0]);
    assert_eq!(base64url::encode(parsed.claims().raw().as_bytes()), segments[1]);
    assert_eq!(base64url::encode(parsed.signature()), segments[2]);
    assert_eq!(parsed.signing_input(), format!("{}.{}", segments[0], segments[1]).as_bytes());
}

/// Whether a verifier without configuration accepts `token`: the key is fixed, and the header chooses the algorithm.
fn accepted(token: &str) -> bool {
    let Ok(parsed) = UntrustedToken::parse(token) else { return false };
    let Ok(algorithm) = parsed.header().algorithm() else { return false };
    if algorithm.is_shared_secret() {
        let secret = SharedSecret::new(keys::SECRET.as_bytes().to_vec());
        return secret.verify(algorithm, parsed.signing_input(), parsed.signature());
    }
    let key = Jwk::from_value(&keys::for_algorithm(algorithm).public_jwk()).unwrap();
    key.key.verify(algorithm, parsed.signing_input(), parsed.signature())
}

fn claims() -> Value {
    json!({"iss": "https://issuer.example", "sub": "user_1", "aud": ["a", "b"], "exp": 2_000_000_000, "o": {"id": 1.5}})
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(Algorithm::ALL)
}

/// Any JSON of moderate size. Names are short, so that some occur twice.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-f\u{e9}\"]{0,2}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[derive(Clone, Debug)]
enum Edit {
    Replace(char),
    Insert(char),
    Delete,
    Swap,
    Truncate,
}

fn edit() -> impl Strategy<Value = Edit> {
    let character = prop_oneof![4 => prop::char::ranges(vec!['!'..='~'].into()), 1 => any::<char>()];
    prop_oneof![
        4 => character.clone().prop_map(Edit::Replace),
        2 => character.prop_map(Edit::Insert),
        1 => Just(Edit::Delete),
        1 => Just(Edit::Swap),
        1 => Just(Edit::Truncate),
    ]
}

fn edited(text: &str, at: prop::sample::Index, edit: &Edit) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = at.index(characters.len());
    match edit {
        Edit::Replace(character) => characters[at] = *character,
        Edit::Insert(character) => characters.insert(at, *character),
        Edit::Delete => drop(characters.remove(at)),
        Edit::Swap => {
            let other = (at + 1) % characters.len();
            characters.swap(at, other);
        }
        Edit::Truncate => characters.truncate(at),
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_token_parser_panic(text in any::<String>()) {
        assert_canonical(&text);
    }

    #[test]
    fn no_text_in_the_form_of_a_token_makes_it_panic(text in "[A-Za-z0-9_=.-]{0,20}\\.[A-Za-z0-9_=-]{0,20}\\.[A-Za-z0-9_=-]{0,20}") {
        assert_canonical(&text);
    }

    #[test]
    fn no_octets_as_segments_make_it_panic(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>()) {
        let token = [header, payload, signature].map(|octets| base64url::encode(&octets)).join(".");
        assert_canonical(&token);
    }

    #[test]
    fn any_json_in_a_token_is_read_completely_or_refused(header in any_json(), payload in any_json()) {
        let (header, payload) = (header.to_string(), payload.to_string());
        let token = tokens::unsigned(&header, &payload);
        assert_canonical(&token);
        if let Ok(parsed) = UntrustedToken::parse(&token) {
            for (read, text) in [(parsed.claims().members(), payload), (parsed.header().members(), header)] {
                let members = read.names().map(|name| (name.to_owned(), read.get(name).unwrap())).collect();
                prop_assert_eq!(Value::Object(members), serde_json::from_str::<Value>(&text).unwrap());
                prop_assert_eq!(read.text(), text);
            }
        }
    }

    #[test]
    fn a_mutated_token_that_parses_is_canonical(
        algorithm in algorithm(), edits in prop::collection::vec((any::<prop::sample::Index>(), edit()), 1..4),
    ) {
        let mut text = tokens::mint(algorithm, &json!({}), &claims());
        for (at, edit) in &edits {
            if !text.is_empty() {
                text = edited(&text, *at, edit);
            }
        }
        assert_canonical(&text);
    }

    #[test]
    fn every_single_edit_of_a_signed_token_is_detected(algorithm in algorithm(), at in any::<prop::sample::Index>(), edit in edit()) {
        let token = tokens::mint(algorithm, &json!({}), &claims());
        prop_assert!(accepted(&token));
        let changed = edited(&token, at, &edit);
        prop_assert!(changed == token || !accepted(&changed), "{}", changed);
    }

    #[test]
    fn no_octets_make_the_set_parser_panic(octets in any::<Vec<u8>>()) {
        let _ = KeySet::parse(&octets);
    }

    #[test]
    fn each_element_of_a_set_is_used_or_set_aside_for_any_json(elements in prop::collection::vec(any_json(), 0..8)) {
        let set = KeySet::parse(keys::jwks(&elements).as_bytes()).unwrap();
        prop_assert_eq!(set.keys.len() + set.set_aside.len(), elements.len());
        prop_assert!(set.keys.is_empty());
    }

    #[test]
    fn the_numbers_of_a_mutated_key_that_is_used_have_only_one_meaning(
        which in 0_usize..5, edits in prop::collection::vec((any::<prop::sample::Index>(), edit()), 1..4),
    ) {
        let key = [keys::rsa_2048(), keys::rsa_3072(), keys::p_256(), keys::p_384(), keys::ed25519()][which];
        let mut text = keys::published(&[key]);
        for (at, edit) in &edits {
            if !text.is_empty() {
                text = edited(&text, *at, edit);
            }
        }
        if let Ok(set) = KeySet::parse(text.as_bytes()) && !set.keys.is_empty() {
            let jwk = &serde_json::from_str::<Value>(&text).unwrap()["keys"][0];
            for member in ["n", "e", "x", "y"].iter().filter_map(|member| jwk[*member].as_str()) {
                if jwk["kty"] == "RSA" || member.len() > 6 {
                    // Except for alphabet and padding, which do not change the number, it is canonical.
                    let canonical = member.trim_end_matches('=').replace('+', "-").replace('/', "_");
                    prop_assert_eq!(base64url::encode(&LENIENT.decode(&canonical).unwrap()), canonical);
                }
            }
        }
    }

    #[test]
    fn every_single_change_of_key_material_gives_another_key_or_none(
        which in 0_usize..4, at in any::<prop::sample::Index>(), character in "[A-Za-z0-9_-]",
    ) {
        let (key, member) = [
            (keys::rsa_2048(), "n"), (keys::p_256(), "x"), (keys::p_384(), "y"), (keys::ed25519(), "x"),
        ][which];
        let original = key.public_jwk();
        let good = original[member].as_str().unwrap();
        let changed = edited(good, at, &Edit::Replace(character.chars().next().unwrap()));
        prop_assume!(changed != good);
        if let Ok(other) = Jwk::from_value(&key.public_jwk_with(&json!({ member: changed }))) {
            prop_assert_ne!(other.thumbprint, Jwk::from_value(&original).unwrap().thumbprint);
        }
    }

    #[test]
    fn strict_json_is_parsed_as_serde_json_parses_it(value in any_json()) {
        let text = value.to_string();
        match json::parse_object(&text) {
            Ok(members) => prop_assert_eq!(Value::Object(members), serde_json::from_str::<Value>(&text).unwrap()),
            Err(fault) => prop_assert!(fault == JsonError::NotAnObject && !value.is_object(), "{}", fault),
        }
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused_at_any_depth(
        name in "[a-z]{1,4}", values in (any_json(), any_json()), wrappings in prop::collection::vec(any::<bool>(), 0..20),
    ) {
        let label = json!(name);
        let mut text = format!("{{{label}:{},\"other-member\":0,{label}:{}}}", values.0, values.1);
        for in_array in wrappings {
            text = if in_array { format!("[0,{text},1]") } else { format!("{{\"in\":{text}}}") };
        }
        let text = format!("{{\"top\":{text}}}");
        prop_assert_eq!(json::parse_object(&text), Err(JsonError::Duplicate(name.clone())));
        let token = tokens::unsigned("{}", &text);
        prop_assert!(matches!(
            UntrustedToken::parse(&token),
            Err(TokenFormatError::Malformed(Malformed::DuplicateMember(_, member))) if member == name
        ));
        let set = format!("{{\"keys\":[],\"x\":{text}}}");
        prop_assert!(KeySet::parse(set.as_bytes()).is_err());
    }
}

#[test]
fn every_change_of_one_character_is_detected_at_every_place() {
    let alphabet: Vec<char> =
        ('A'..='Z').chain('a'..='z').chain('0'..='9').chain("-_.=+/ \n\0\u{e9}".chars()).collect();
    // All characters at all places if verification is cheap, otherwise a part of them.
    for (algorithm, step) in [
        (Algorithm::Hs256, 1),
        (Algorithm::Hs384, 7),
        (Algorithm::Hs512, 7),
        (Algorithm::EdDsa, 11),
        (Algorithm::Es256, 37),
        (Algorithm::Es384, 71),
        #[cfg(feature = "es512")]
        (Algorithm::Es512, 331),
        (Algorithm::Rs256, 31),
        (Algorithm::Ps256, 31),
    ] {
        let token: Vec<char> = tokens::mint(algorithm, &json!({}), &claims()).chars().collect();
        let mut offset = 0;
        for place in 0..token.len() {
            offset = (offset + 1) % step;
            for character in alphabet.iter().skip(offset).step_by(step).filter(|c| **c != token[place]) {
                let mut changed = token.clone();
                changed[place] = *character;
                let changed: String = changed.into_iter().collect();
                assert!(!accepted(&changed), "{algorithm}: {character:?} at {place}");
            }
        }
    }
}
