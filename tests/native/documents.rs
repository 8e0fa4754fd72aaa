//! The documentation is complete: `docs/operations/running.md` lists exactly the events that are logged, and the
//! types of the package have every field of the configuration. Commands name scripts and tests that exist, and the command line as
//! every user can call it. The sources are searched as text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use edge_assay::config::schema::{Row, rows};
use serde_json::Value;

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The sources below a folder of the project, without the line breaks that rustfmt puts between a call and its argument.
fn sources(folder: &str) -> Vec<String> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs" || end == "js"))
        .map(|path| fs::read_to_string(path).unwrap())
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "("))
        .collect()
}

/// The name of a field or an event at the start of `text`.
fn name(text: &str) -> Option<&str> {
    let is_other = |character: char| !(character.is_ascii_lowercase() || character == '_');
    text.split(is_other).next().filter(|name| !name.is_empty())
}

/// The names that follow one of `beginnings`.
fn names_after(sources: &[String], beginnings: &[impl AsRef<str>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (text, beginning) in sources.iter().flat_map(|text| beginnings.iter().map(move |one| (text, one))) {
        names.extend(text.split(beginning.as_ref()).skip(1).filter_map(name).map(str::to_owned));
    }
    names
}

#[test]
fn the_page_for_operators_lists_exactly_the_events_that_are_logged() {
    const BEFORE: &[&str] = &[
        "\"event\": \"",
        "{ event: '",
        "Level::Info, \"",
        "Level::Warn, \"",
        "Level::Error, \"",
        "(level, \"",
    ];
    let sources: Vec<String> = ["src", "crates/verifier/src"].into_iter().flat_map(sources).collect();
    let mut logged = names_after(&sources, BEFORE);
    // Calls in which the level follows the event.
    for text in &sources {
        let parts: Vec<&str> = text.split("\", Level::").collect();
        let before = parts.split_last().map_or(&[][..], |(_, before)| before);
        logged.extend(before.iter().filter_map(|part| part.rsplit('"').next()).map(str::to_owned));
    }
    assert!(logged.len() >= 15, "only {logged:?} were found: has the form of the code changed?");

    let page = include_str!("../../docs/operations/running.md");
    let (_, table) = page.split_once("| event | level |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `"));
    let documented: BTreeSet<String> =
        rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect();
    assert_eq!(documented, logged);
}

/// The names of all fields of the configuration.
fn fields() -> BTreeSet<String> {
    fn add(rows: Vec<Row>, names: &mut BTreeSet<String>) {
        for row in rows {
            names.insert(row.name.to_owned());
            add(row.shape.rows, names);
        }
    }
    let mut names = BTreeSet::new();
    add(rows(), &mut names);
    names
}

#[test]
fn the_types_of_the_package_have_exactly_the_fields_that_are_read() {
    let text = include_str!("../../npm/types/configuration.d.ts");
    let code =
        text.lines().map(str::trim_start).filter(|line| !line.starts_with(['/', '*'])).collect::<String>();
    // A member is followed by `:` or `?:`, and its name follows `{`, `;` or `(`.
    let typed: BTreeSet<String> = code
        .split(['{', ';', '('])
        .filter_map(|rest| rest.split_once(':').map(|(member, _)| member.trim().trim_end_matches('?')))
        .filter(|member| name(member) == Some(member))
        .map(str::to_owned)
        .collect();
    assert_eq!(typed, fields());
}

/// The pages of the documentation, with their paths.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = files(&root.join("docs"));
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths.extend(["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(|name| root.join(name)));
    paths.push(root.join("examples/incidents/README.md"));
    paths.iter().map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_file_that_the_page_for_contributors_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let in_code = page.split('`').skip(1).step_by(2);
    let linked = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    // A path is one word with a slash or with the ending of a file. `<name>` stands for a name of the reader's.
    let endings = [".md", ".toml", ".rs", ".mjs", ".json", ".ts"];
    let is_path = |word: &&str| word.contains('/') || endings.iter().any(|ending| word.ends_with(ending));
    let paths: BTreeSet<&str> = in_code
        .chain(linked)
        .filter(|word| !word.contains([' ', '<', '\n']) && *word != "limits.rs")
        .filter(is_path)
        .collect();
    assert!(paths.len() > 50, "only {paths:?} were found: has the page another form?");
    let absent: Vec<&&str> = paths.iter().filter(|path| !root.join(path).exists()).collect();
    assert!(absent.is_empty(), "there is no {absent:?}");
}

/// The rest of the line or of the inline code behind each `beginning`.
fn commands<'a>(page: &'a str, beginning: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(beginning).skip(1).filter_map(|rest| rest.split(['\n', '`', '#', ';']).next())
}

/// zsh takes a `#` that is typed or pasted as part of the command, unless an option is set. Behind a command it would be an argument. A line
/// of its own is a command that is not found, which does no harm if the rest of it has no meaning for the shell.
#[test]
fn a_pasted_command_works_in_zsh_and_in_bash() {
    let mut lines = 0;
    for (path, page) in pages() {
        let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        for line in blocks.flat_map(str::lines) {
            lines += 1;
            match line.trim_start().strip_prefix("# ") {
                Some(comment) => assert!(
                    !comment.contains(|c: char| "'\"`$;|&<>()*?[]{}\\".contains(c)),
                    "{path}: the shell reads a part of this comment: {line}"
                ),
                None => assert!(!line.contains(" # "), "{path}: a comment is behind a command: {line}"),
            }
        }
    }
    assert!(lines > 100, "only {lines} lines were found: have the pages another form?");
}

#[test]
fn every_script_and_every_test_that_a_command_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package: Value = serde_json::from_str(include_str!("../../package.json")).unwrap();
    let native = files(&root.join("tests/native"));
    let names: Vec<String> = native
        .iter()
        .map(|path| path.strip_prefix(root).unwrap().display().to_string())
        .chain(native.iter().flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.split("fn ")
                .skip(1)
                .filter_map(|rest| rest.split('(').next())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        }))
        .collect();

    let mut checked = 0;
    let mut absent = Vec::new();
    let mut check = |exists: bool, page: &str, what: &str| {
        checked += 1;
        if !exists {
            absent.push(format!("{page}: {what}"));
        }
    };
    for (path, page) in pages() {
        for command in commands(&page, "npm run ") {
            let script = command.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).next().unwrap();
            check(package["scripts"].get(script).is_some(), &path, command);
        }
        for command in commands(&page, "npm test -- workerd ") {
            for name in command.split_whitespace() {
                check(root.join(format!("tests/workerd/{name}.test.mjs")).exists(), &path, name);
            }
        }
        for command in commands(&page, "--test native ") {
            for filter in command.split_whitespace().filter(|word| !word.starts_with('-')) {
                let filter = filter.rsplit("::").next().unwrap();
                check(names.iter().any(|name| name.contains(filter)), &path, filter);
            }
        }
    }
    assert!(checked > 60, "only {checked} names were found: have the pages another form?");
    assert!(absent.is_empty(), "no script and no test has these names: {absent:#?}");
}

/// `npx edge-assay` works in a clone of this repository and where the npm package is installed. cargo works in the clone alone.
#[test]
fn advice_and_pages_call_the_command_line_as_every_user_can() {
    let advice = ["src", "crates"]
        .into_iter()
        .flat_map(|folder| sources(folder).into_iter().map(move |text| (folder.to_owned(), text)));
    let mut calls = 0;
    for (path, text) in pages().into_iter().chain(advice) {
        calls += commands(&text, "npx edge-assay ").count();
        for call in
            ["cargo run -q -- ", "--bin edge-assay -- ", "\nedge-assay keys ", " | edge-assay explain "]
        {
            assert!(!text.contains(call), "{path} has \"{call}\": write npx edge-assay");
        }
    }
    assert!(calls > 30, "only {calls} calls were found: have they another form?");
}

#[test]
fn only_the_arithmetic_of_the_kernels_is_called_proven() {
    // A term of RFC 7800, a code, the name of a test, a denial, and the origin of a package.
    const OTHER_MEANINGS: &[&str] =
        &["proof of possession", "proof_required", "proves its name", "not a proof", "provenance"];
    let mut found = 0;
    for (path, page) in pages() {
        if path.ends_with("docs/kernels.md") {
            continue;
        }
        let claims = page.matches("**Proven.**").count();
        assert_eq!(
            claims,
            usize::from(path.ends_with("docs/assurance.md")),
            "{path} has {claims} claims of proof"
        );
        if path.ends_with("docs/assurance.md") {
            continue;
        }
        for line in page.lines() {
            let mut text = line.to_lowercase();
            for phrase in OTHER_MEANINGS {
                text = text.replace(phrase, "");
            }
            let mut words = text.split(|c: char| !c.is_alphanumeric());
            if words.any(|word| ["prove", "proof", "proving"].iter().any(|stem| word.starts_with(stem))) {
                found += 1;
                assert!(
                    text.contains("kernels") || text.contains("assurance"),
                    "{path} calls this proven: {line}"
                );
            }
        }
    }
    assert!(found > 3, "only {found} lines were found: have the pages another form?");
}
