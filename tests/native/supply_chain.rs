//! Everything that goes into the deployed wasm is locked: every crate and every npm package by a checksum. No package runs a script
//! while it is installed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The lock file of the workspace `fuzz/`, which only `npm run fuzz` compiles.
const FUZZ_LOCK: &str = "fuzz/Cargo.lock";

/// The lock file of the workspace `bench/native/`, which only `npm run bench -- --native` compiles.
const NATIVE_BENCH_LOCK: &str = "bench/native/Cargo.lock";

/// The lock file of the workspace `bench/axum/`, which only `npm run bench -- --axum` compiles.
const AXUM_BENCH_LOCK: &str = "bench/axum/Cargo.lock";

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

/// The packages of Cargo.lock.
fn crates() -> Vec<toml::Table> {
    crates_of("Cargo.lock")
}

fn crates_of(lock: &str) -> Vec<toml::Table> {
    let lock: toml::Table = toml::from_str(&text(lock)).unwrap();
    lock["package"].as_array().unwrap().iter().map(|package| package.as_table().unwrap().clone()).collect()
}

#[test]
fn the_bindgen_tool_has_the_version_that_the_worker_is_compiled_with() {
    let versions = |name: &str| -> Vec<String> {
        crates()
            .iter()
            .filter(|package| package["name"].as_str() == Some(name))
            .map(|package| package["version"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(versions("wasm-bindgen").len(), 1);
    assert_eq!(versions("wasm-bindgen-cli-support"), versions("wasm-bindgen"));
}

#[test]
fn every_crate_is_ours_or_comes_from_crates_io_with_a_checksum() {
    let ours = [
        "bindgen",
        "edge-assay",
        "edge-assay-abstract-numbers",
        "edge-assay-axum",
        "edge-assay-axum-bench",
        "edge-assay-cli",
        "edge-assay-fuzz",
        "edge-assay-jose",
        "edge-assay-kernels",
        "edge-assay-kernels-proofs",
        "edge-assay-native-bench",
        "edge-assay-verifier",
        "mutants",
    ];
    let benches = [NATIVE_BENCH_LOCK, AXUM_BENCH_LOCK].into_iter().flat_map(crates_of);
    for package in crates().into_iter().chain(crates_of(FUZZ_LOCK)).chain(benches) {
        let name = package["name"].as_str().unwrap();
        match package.get("source").and_then(toml::Value::as_str) {
            None => assert!(ours.contains(&name), "{name}"),
            Some(source) => {
                assert_eq!(source, CRATES_IO, "{name}");
                assert_eq!(package["checksum"].as_str().unwrap().len(), 64, "{name}");
            }
        }
    }
}

#[test]
fn the_fuzzed_crates_have_the_versions_of_the_worker() {
    // libFuzzer itself needs these.
    let further = ["arbitrary", "edge-assay-fuzz", "jobserver", "libfuzzer-sys"];
    let known: BTreeSet<(String, String)> = crates().iter().map(identity).collect();
    for (name, version) in crates_of(FUZZ_LOCK).iter().map(identity) {
        assert!(
            further.contains(&&*name) || known.contains(&(name.clone(), version.clone())),
            "{name} {version}"
        );
    }
}

/// A package's name and version.
fn identity(package: &toml::Table) -> (String, String) {
    let member = |name: &str| package[name].as_str().unwrap().to_owned();
    (member("name"), member("version"))
}

#[test]
fn every_npm_package_is_locked_by_its_checksum() {
    let lock = json("package-lock.json");
    let packages = lock["packages"].as_object().unwrap();
    assert!(packages.len() > 100);
    for (path, package) in packages.iter().filter(|(path, _)| !path.is_empty()) {
        assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{path}");
        assert_eq!((package.get("link"), package.get("resolved")), (None, None), "{path}");
    }
}

#[test]
fn no_npm_package_runs_a_script_while_it_is_installed() {
    assert!(text(".npmrc").lines().any(|line| line == "ignore-scripts=true"));
    let package = json("package.json");
    assert_eq!(package.get("allowScripts"), None);
    for name in package["scripts"].as_object().unwrap().keys() {
        assert!(!name.contains("install") && !name.contains("prepare"), "{name}");
    }
    // The package `node` contains no executable: its script downloads one that no lock file names.
    for table in ["dependencies", "devDependencies", "optionalDependencies"] {
        assert!(package[table].get("node").is_none(), "{table}");
    }
}

#[test]
fn one_version_of_node_is_pinned_for_all_platforms() {
    let package = json("package.json");
    let versions: Vec<&str> = package["optionalDependencies"]
        .as_object()
        .unwrap()
        .values()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert!(versions.len() >= 3 && versions.iter().all(|version| version == &versions[0]), "{versions:?}");
}

#[test]
fn one_version_number_is_in_every_manifest() {
    let workspace: toml::Table = toml::from_str(&text("Cargo.toml")).unwrap();
    let version = workspace["workspace"]["package"]["version"].as_str().unwrap();
    for manifest in ["package.json", "package-lock.json", "npm/package.json", "examples/deploy/package.json"]
    {
        assert_eq!(json(manifest)["version"], version, "{manifest}");
    }
    assert_eq!(json("package-lock.json")["packages"][""]["version"], version);
    let ours: Vec<toml::Table> =
        crates().into_iter().filter(|package| package.get("source").is_none()).collect();
    assert!(ours.len() > 3 && ours.iter().all(|package| package["version"].as_str() == Some(version)));
}

#[test]
fn one_oldest_rust_is_in_every_manifest() {
    let manifest = |path: &str| -> toml::Table { toml::from_str(&text(path)).unwrap() };
    let workspace = &manifest("Cargo.toml")["workspace"];
    for member in workspace["members"].as_array().unwrap() {
        let path = format!("{}/Cargo.toml", member.as_str().unwrap());
        assert_eq!(manifest(&path)["package"]["rust-version"]["workspace"].as_bool(), Some(true), "{path}");
    }
    assert_eq!(manifest("fuzz/Cargo.toml")["package"]["rust-version"], workspace["package"]["rust-version"]);
}

#[test]
fn the_template_pins_this_version_of_the_package_and_the_tested_wrangler() {
    let template = json("examples/deploy/package.json");
    assert_eq!(template["dependencies"]["edge-assay"], json("npm/package.json")["version"]);
    assert_eq!(template["devDependencies"]["wrangler"], json("package.json")["devDependencies"]["wrangler"]);
    let date = |path: &str, before: &str| {
        text(path).split(before).nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
    };
    assert_eq!(
        date("examples/deploy/wrangler.jsonc", "\"compatibility_date\": \""),
        date("wrangler.toml", "compatibility_date = \"")
    );
}

#[test]
fn cargo_is_called_with_the_lock_file_and_installs_nothing() {
    let subcommands =
        ["build", "check", "clippy", "doc", "fetch", "metadata", "run", "rustc", "test", "tree"];
    let mut found = 0;
    for file in scripts() {
        let script = on_one_line(&std::fs::read_to_string(&file).unwrap());
        if !script.contains("'cargo'") {
            continue;
        }
        let script = without_test_tool(&file, &script);
        assert!(!script.contains("'install'") && !script.contains("cargo install"), "{}", file.display());
        for subcommand in subcommands {
            for after in script.split(&format!("['{subcommand}',")).skip(1) {
                assert!(
                    after.starts_with(" '--locked',") || after.starts_with(" '--locked']"),
                    "{}: {subcommand}",
                    file.display()
                );
                found += 1;
            }
        }
    }
    assert!(found >= 8, "{found}");
    let run = text(".ci/run");
    assert!(!run.lines().any(|line| line.contains("cargo ") && !line.contains("--locked")));
}

/// A script without the line breaks that the formatter puts into long lists.
fn on_one_line(script: &str) -> String {
    script.split_whitespace().collect::<Vec<_>>().join(" ").replace("[ ", "[").replace(", ]", "]")
}

/// The script without its one call of `cargo install`, if it has one that is permitted. cargo-mutants lists the mutants of
/// `npm run mutants`: a test tool that no build reads. Its version is pinned, the lock file in its package fixes its dependencies, and
/// it goes into a folder below `target`. As a dev-dependency it would bring 200 crates into Cargo.lock.
fn without_test_tool(file: &Path, script: &str) -> String {
    if !file.ends_with("scripts/lib/crate-mutants.mjs") {
        return script.to_owned();
    }
    let call = "['install', '--locked', '--debug', '--version', VERSION, '--root', folder, 'cargo-mutants']";
    assert_eq!(script.matches(call).count(), 1);
    assert!(script.contains("const folder = at('target', 'tools');"));
    let pinned = script.split("const VERSION = '").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert!(
        pinned.split('.').count() == 3 && pinned.split('.').all(|part| part.parse::<u32>().is_ok()),
        "{pinned}"
    );
    script.replace(call, "")
}

/// Every script that may call cargo.
fn scripts() -> Vec<PathBuf> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "mjs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["bench", "demo", "scripts", "tests/workerd"] {
        below(&root().join(folder), &mut found);
    }
    found
}

#[test]
fn every_python_package_is_locked_by_its_checksums() {
    let proxies = std::fs::read_dir(root().join("scripts/lib/proxies")).unwrap();
    let files =
        proxies.map(|entry| entry.unwrap().path()).chain([root().join("scripts/lib/schemathesis.txt")]);
    let mut count = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // A package's lines, of which all but the last end with a backslash.
        let packages = text.replace("\\\n", " ");
        for package in packages.lines().filter(|line| !line.starts_with('#')) {
            let mut words = package.split_whitespace();
            assert!(words.next().unwrap().contains("=="), "{}: {package}", file.display());
            let hashes: Vec<&str> = words.map(|word| word.strip_prefix("--hash=sha256:").unwrap()).collect();
            assert!(!hashes.is_empty() && hashes.iter().all(|hash| hash.len() == 64), "{package}");
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
    for script in scripts() {
        let text = std::fs::read_to_string(&script).unwrap();
        for install in text.lines().filter(|line| line.contains("'pip', 'install'")) {
            assert!(install.contains("'--require-hashes'"), "{}: {install}", script.display());
        }
    }
}

/// Other servers use these crates, so none may name the runtime, the tool or the company of the Worker.
#[test]
fn no_library_names_the_runtime_of_the_worker() {
    const LIBRARIES: [&str; 4] = ["axum", "jose", "kernels", "verifier"];
    const NAMES: [&str; 7] =
        ["cf-ray", "cloudflare", "isolate", "readyz", "workerd", "workers kv", "wrangler"];
    let mut read = 0;
    for library in LIBRARIES {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates").join(library).join("src");
        for path in files(&sources) {
            let mut text = std::fs::read_to_string(&path).unwrap().to_lowercase();
            // An identity provider whose tokens any server may get.
            if path.ends_with("trust/presets.rs") {
                for name in ["cloudflareaccess", "cloudflare access", "cloudflare-access"] {
                    text = text.replace(name, "");
                }
            }
            let found: Vec<&str> = NAMES.into_iter().filter(|name| text.contains(name)).collect();
            assert!(found.is_empty(), "{} names {found:?}", path.display());
            read += 1;
        }
    }
    assert!(read > 50, "only {read} files were read");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
