//! The texts of rejections and faults are ASCII, because they go into HTTP headers (`error_description`, RFC 6750 §3), where every
//! other character would become a question mark.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::faulty_token::{Draft, FAULTS, publish, strict_issuer};
use crate::support::request::FakeRequest;
use crate::support::world::{World, header};
use edge_assay::rejection::{Malformed, Rejection, Segment, excerpt};

/// The files and folders that contain these texts.
const SOURCES: &[&str] = &[
    "crates/jose/src",
    "crates/verifier/src/ports.rs",
    "crates/verifier/src/rejection",
    "crates/verifier/src/trust",
    "src/details.rs",
    "src/intake.rs",
    "src/ports.rs",
];

/// All files at or below a path.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect()
}

/// The code of a source file, without its unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

#[test]
fn the_code_that_makes_texts_of_refusals_is_ascii_outside_comments() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut lines_with_errors = 0;
    for path in SOURCES.iter().flat_map(|source| files(&root.join(source))) {
        for (index, line) in code(&path).lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            assert!(is_comment || line.is_ascii(), "{}:{}: {line}", path.display(), index + 1);
            lines_with_errors += usize::from(line.contains("#[error("));
        }
    }
    assert!(
        lines_with_errors > 60,
        "only {lines_with_errors} texts were found: has the form of the code changed?"
    );
}

#[test]
fn the_challenge_shows_every_rejection_without_replaced_characters() {
    let world = World::trusting(&[strict_issuer()]);
    publish(&world);
    let mut draft = Draft::with_every_fault();
    for (code, fix) in FAULTS {
        let response = world.ask(&FakeRequest::verify(&draft.token()));
        let challenge = header(&response, "www-authenticate").unwrap();
        assert!(challenge.contains("error_description=") && !challenge.contains('?'), "{code}: {challenge}");
        fix(&mut draft);
    }
}

#[test]
fn a_character_is_named_in_ascii() {
    for character in ['=', '+', ' ', '%', '\u{200b}', '\u{2026}', '\u{e9}', '\u{7}', '\u{1f600}', '"'] {
        for segment in [None, Some(Segment::Payload)] {
            let text = Rejection::TokenMalformed(Malformed::Character { segment, character }).to_string();
            assert!(text.is_ascii(), "{text}");
        }
    }
}

#[test]
fn the_end_of_a_truncated_text_is_marked_in_ascii() {
    assert!(excerpt(&"a".repeat(1000)).is_ascii());
}
