//! `SECURITY.md` names a test for each attack. Every test and every file in its tables must exist.

use std::fs;
use std::path::{Path, PathBuf};

/// All files below a folder of the project whose names end with `extension`.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(extension) {
                found.push(path);
            }
        }
    }
    found
}

/// The sources of all tests: the native ones, and those in the real runtime.
fn sources() -> String {
    [("src", ".rs"), ("tests/native", ".rs"), ("tests/workerd", ".mjs"), ("crates", ".rs")]
        .iter()
        .flat_map(|(folder, extension)| files(folder, extension))
        .filter(|path| !path.ends_with("security_page.rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect::<String>()
        // Test names in JavaScript may contain an escaped apostrophe.
        .replace("\\'", "'")
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let page = include_str!("../../SECURITY.md");
    let sources = sources();
    let mut checked = 0;
    let mut absent = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in tests.split('`').skip(1).step_by(2) {
            checked += 1;
            let is_path = name.contains('/') && !name.contains(' ');
            let exists = if is_path {
                Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists()
            } else if name.contains(' ') {
                sources.contains(name.trim_end_matches('…'))
            } else {
                sources.contains(&format!("fn {name}("))
            };
            if !exists {
                absent.push(name);
            }
        }
    }
    assert!(checked > 100, "only {checked} names were found: has the form of the page changed?");
    assert!(absent.is_empty(), "SECURITY.md names tests that do not exist: {absent:#?}");
}
