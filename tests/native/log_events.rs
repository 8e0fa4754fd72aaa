//! `docs/operations/running.md` lists every event that the Worker logs, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What stands before the name of an event in the sources.
const BEFORE: &[&str] =
    &["\"event\": \"", "{ event: '", "Level::Info, \"", "Level::Warn, \"", "Level::Error, \"", "(level, \""];
/// What stands behind it, where the level is named after the event.
const BEHIND: &str = "\", Level::";

/// The name of an event that `text` begins with.
fn name(text: &str) -> Option<&str> {
    let is_other = |character: char| !(character.is_ascii_lowercase() || character == '_');
    text.split(is_other).next().filter(|name| !name.is_empty())
}

/// The events in the sources, found as text.
fn logged() -> BTreeSet<String> {
    let sources = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let mut events = BTreeSet::new();
    for path in sources.iter().filter(|path| path.extension().is_some_and(|end| end == "rs" || end == "js")) {
        let text = fs::read_to_string(path).unwrap();
        // However rustfmt breaks the lines.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
        for before in BEFORE {
            events.extend(text.split(before).skip(1).filter_map(name).map(str::to_owned));
        }
        let parts: Vec<&str> = text.split(BEHIND).collect();
        let ahead = parts.split_last().map_or(&[][..], |(_, ahead)| ahead);
        events.extend(ahead.iter().filter_map(|part| part.rsplit('"').next()).map(str::to_owned));
    }
    events
}

#[test]
fn the_page_for_operators_lists_exactly_the_events_that_are_logged() {
    let page = include_str!("../../docs/operations/running.md");
    let (_, table) = page.split_once("| event | level |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let documented: BTreeSet<String> = table
        .lines()
        .filter_map(|row| row.strip_prefix("| `"))
        .filter_map(|row| row.split('`').next())
        .map(str::to_owned)
        .collect();
    let logged = logged();
    assert!(logged.len() >= 15, "only {logged:?} were found: has the code another form?");
    assert_eq!(documented, logged);
}
