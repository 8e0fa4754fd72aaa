//! Copies the kernels' files for the proofs: once unchanged, and once for each mutant.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

include!("mutants.rs");

/// The kernels' files that each proof is about, as modules. The other modules that they use are in `src`.
const AREAS: &[(&str, &[(&str, &str)])] = &[
    (
        "ecdsa",
        &[
            ("comb", "comb.rs"),
            ("ecdsa", "ecdsa/mod.rs"),
            ("inversion", "inversion.rs"),
            ("limbs", "limbs.rs"),
            ("p256", "p256.rs"),
            ("p384", "p384.rs"),
        ],
    ),
    (
        "ed25519",
        &[
            ("comb", "comb.rs"),
            ("ed25519", "ed25519/mod.rs"),
            ("inversion", "inversion.rs"),
            ("limbs", "limbs.rs"),
        ],
    ),
    ("rsa", &[("modexp", "modexp/mod.rs")]),
];

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    let kernels = here.join("../src");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=mutants.rs");
    println!("cargo::rerun-if-changed={}", kernels.display());

    let original = out.join("original");
    copied(&kernels, &original);
    let originals: String = AREAS.iter().map(|(area, _)| tree(area, area, &original, &here)).collect();
    fs::write(out.join("originals.rs"), originals).expect("writable");

    let (mut mutants, mut table) = (String::new(), String::new());
    for mutant in MUTANTS {
        let copy = out.join(mutant.name);
        copied(&kernels, &copy);
        let file = copy.join(mutant.file);
        let text = fs::read_to_string(&file).expect("a file of the kernels");
        assert_eq!(text.matches(mutant.from).count(), 1, "{}: {:?}", mutant.name, mutant.from);
        fs::write(&file, text.replace(mutant.from, mutant.to)).expect("writable");
        let (area, proof) = mutant.proof.split_once("::").expect("area::proof");
        mutants += &tree(mutant.name, area, &copy, &here);
        writeln!(table, "(\"{0}\", || {{ let _ = {0}::proofs::{proof}(); }}),", mutant.name)
            .expect("a string");
    }
    writeln!(mutants, "pub const MUTANTS: &[(&str, fn())] = &[{table}];").expect("a string");
    fs::write(out.join("mutants.rs"), mutants).expect("writable");
}

/// The module that contains a proof and the files that it is about.
fn tree(name: &str, area: &str, kernels: &Path, here: &Path) -> String {
    let (_, files) = AREAS.iter().find(|(name, _)| *name == area).expect("an area");
    let modules = files.iter().fold(String::new(), |text, (module, file)| {
        text + &format!("#[path = \"{}\"] mod {module};\n", kernels.join(file).display())
    });
    let proof = here.join("src/proofs").join(format!("{area}.rs"));
    format!(
        "pub mod {name} {{\nuse edge_assay_abstract_numbers::{{lanes, limb}};\n{modules}#[path = \"{}\"] pub mod proofs;\n}}\n",
        proof.display()
    )
}

/// Copies all files, without the unit tests, which use the machine's integers for limbs.
fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("the kernels' folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copied(&path, &target);
        } else {
            let text = fs::read_to_string(path).expect("a text");
            fs::write(target, text.replace("#[cfg(test)]", "#[cfg(any())]")).expect("writable");
        }
    }
}
