//! `bindgen <edge_assay.wasm> <folder>` writes `index.js` and `index_bg.wasm` for workerd into the folder. It replaces
//! wasm-bindgen's own command line, because `cargo install` would not use this repository's `Cargo.lock`.

use std::env;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [wasm, folder] = arguments.as_slice() else {
        eprintln!("Usage: bindgen <edge_assay.wasm> <folder>");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name("index").typescript(false);
    // Generates the function that creates a new instance of the wasm after a trap.
    bindgen.reset_state_function(true);
    // With `module` the wasm is imported as workerd imports it: as a compiled module.
    match bindgen.module(true).and_then(|bindgen| bindgen.generate(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
