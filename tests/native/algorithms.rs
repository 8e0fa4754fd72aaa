//! Every algorithm has its place wherever algorithms are listed by hand: known answers, documentation, types, fuzzing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use edge_assay::jose::Algorithm;
use serde_json::Value;

/// The algorithms that the Worker does not have, because their code would make it too large.
const NOT_IN_THE_WORKER: &[&str] = &["ES512"];

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names in `text` between `quote` characters that look like those of algorithms, as in `'RS256'`.
fn quoted(text: &str, quote: char) -> BTreeSet<&str> {
    let is_name = |word: &&str| {
        let digits = word.get(2..).filter(|digits| digits.len() == 3);
        digits.is_some_and(|digits| digits.parse::<u16>().is_ok()) || word.starts_with("Ed")
    };
    text.split(quote).skip(1).step_by(2).filter(is_name).collect()
}

fn names_in_the_worker() -> BTreeSet<&'static str> {
    let names = Algorithm::ALL.iter().map(|algorithm| algorithm.name());
    names.filter(|name| !NOT_IN_THE_WORKER.contains(name)).collect()
}

#[test]
fn every_algorithm_has_one_known_answer() {
    let mut answered = Vec::new();
    for file in ["known_answers.json", "known_answer_es512.json"] {
        let known: Value =
            serde_json::from_str(&text(&format!("crates/verifier/src/cross_check/{file}"))).unwrap();
        for answer in known["answers"].as_array().unwrap() {
            answered.push(answer["alg"].as_str().unwrap().to_owned());
        }
    }
    for algorithm in Algorithm::ALL {
        let count = answered.iter().filter(|alg| *alg == algorithm.name()).count();
        assert_eq!(count, 1, "{algorithm}");
    }
    let implemented = |alg: &&String| Algorithm::parse(alg).is_some() || NOT_IN_THE_WORKER.contains(&&***alg);
    assert_eq!(answered.iter().filter(implemented).count(), answered.len(), "{answered:?}");
}

#[test]
fn the_documentation_of_the_configuration_lists_every_algorithm() {
    let page = text("docs/configuration.md");
    let row = page.lines().find(|line| line.starts_with("| `algorithms` |")).unwrap();
    let mut names = names_in_the_worker();
    names.insert("Ed25519");
    assert_eq!(quoted(row, '"'), names);
    let of_builds = "`ES512` is known only to builds with the cargo feature `es512`";
    assert!(NOT_IN_THE_WORKER == ["ES512"] && page.contains(of_builds));
}

#[test]
fn the_types_list_every_algorithm_of_the_worker() {
    let configuration = text("npm/types/configuration.d.ts");
    let (_, rest) = configuration.split_once("export type Algorithm =").unwrap();
    let mut names: BTreeSet<&str> = Algorithm::ALL.iter().flat_map(|algorithm| algorithm.names()).collect();
    names.retain(|name| !NOT_IN_THE_WORKER.contains(name));
    assert_eq!(quoted(rest.split_once(';').unwrap().0, '\''), names);

    let token = text("npm/types/token.d.ts");
    let line = token.lines().find(|line| line.trim_start().starts_with("alg: 'RS256'")).unwrap();
    assert_eq!(quoted(line, '\''), names_in_the_worker());
}

#[test]
fn the_fuzzers_dictionary_has_every_algorithm() {
    let words = text("fuzz/words.dict");
    for name in Algorithm::ALL.iter().flat_map(|algorithm| algorithm.names()) {
        assert!(words.contains(&format!("\"{name}\"")), "{name}");
    }
}
