//! What JavaScript and Rust both have and neither can read from the other is the same in both.

use std::path::Path;

use edge_assay::limits;

/// The text of a file of the project.
fn source(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn both_languages_number_the_calls_alike() {
    let numbers = "const [VERIFY, AUTHENTICATE, EXCHANGE, EXPLAIN] = [0, 1, 2, 3];";
    assert!(source("src/instance.js").contains(numbers));
    let rust = source("src/entry.rs");
    for (number, name) in ["VERIFY", "AUTHENTICATE", "EXCHANGE"].into_iter().enumerate() {
        assert!(
            rust.contains(&format!("const {name}: u8 = {number};")),
            "{name} is not {number} in src/entry.rs"
        );
    }
}

#[test]
fn both_languages_keep_the_same_number_of_configurations() {
    let number = format!("const MAX_CONFIGURATIONS = {};", limits::MAX_CONFIGURATIONS);
    assert!(source("npm/embedded.js").contains(&number), "npm/embedded.js has no `{number}`");
}

#[test]
fn the_command_line_and_its_host_name_the_file_of_requests_alike() {
    assert!(source("crates/cli/src/http.rs").contains("const REQUESTS: &str = \"/edge-assay:http\";"));
    assert!(source("npm/cli/host.js").contains("const REQUESTS = 'edge-assay:http';"));
}
