//! The committed corpus of the fuzz targets, run once through the same functions. `npm run fuzz` looks for new inputs.

use std::path::Path;

#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

/// The inputs of a target, each with its file's name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files
        .map(|file| {
            let path = file.unwrap().path();
            (path.display().to_string(), std::fs::read(&path).unwrap())
        })
        .collect()
}

#[test]
fn every_property_holds_for_the_whole_corpus() {
    for (name, target) in targets::TARGETS {
        let (mut accepted, mut refused) = (0, 0);
        for (file, input) in corpus(name) {
            // The property's own panic message is printed above this one.
            let is_accepted = std::panic::catch_unwind(|| target(&input))
                .unwrap_or_else(|_| panic!("a property of the target {name} does not hold for {file}"));
            if is_accepted {
                accepted += 1;
            } else {
                refused += 1;
            }
        }
        // Without accepted inputs, the properties of accepted inputs would not be tested.
        assert!(accepted >= 3 && refused >= 3, "{name}: {accepted} accepted, {refused} refused");
    }
}
