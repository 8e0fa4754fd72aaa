// Empties the functions that begin a panic. All they do is build a message, which Rust's wasm has nowhere to print; then
// the instance traps. Left with the trap alone, wasm-opt drops with them every message and all that formats it.
import { readFileSync, writeFileSync } from 'node:fs';
import binaryen from 'binaryen';
import { Failure } from './steps.mjs';

// None of these returns. What checks and then goes on, as `copy_from_slice` does, must not be among them.
const BEGINS_A_PANIC = new RegExp(
  `^(?:${[
    String.raw`core::panicking::\w`,
    String.raw`core::(?:option|result)::(?:unwrap|expect)_failed\b`,
    String.raw`core::slice::index::slice_\w*fail\b`,
    String.raw`core::slice::copy_from_slice_impl::len_mismatch_fail\b`,
    String.raw`core::str::slice_error_fail`,
    String.raw`core::cell::panic_already_`,
    String.raw`alloc::raw_vec::(?:handle_error|capacity_overflow)\b`,
    String.raw`alloc::alloc::handle_alloc_error\b`,
    String.raw`__rustc::(?:rust_begin_unwind|__rust_alloc_error_handler)\b`,
  ].join('|')})`,
);

/** Rewrites the module at `path`, which must still have its names. */
export function silencePanics(path) {
  const module = binaryen.readBinary(readFileSync(path));
  let found = 0;
  for (let index = 0; index < module.getNumFunctions(); index += 1) {
    const definition = module.getFunctionByIndex(index);
    const { name, module: importedFrom } = binaryen.getFunctionInfo(definition);
    if (importedFrom || !BEGINS_A_PANIC.test(plain(name))) continue;
    binaryen.Function.setBody(definition, module.unreachable());
    found += 1;
  }
  // Ten is less than half of what there is: with none, the names have changed their form.
  if (found < 10) throw new Failure(`✗ only ${found} functions of ${path} are known to begin a panic`);
  writeFileSync(path, module.emitBinary());
  module.dispose();
}

/** A name as Rust has it: without binaryen's escapes and the compiler's hashes. */
const plain = (name) => name.replaceAll(/\\([0-9a-f]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16))).replaceAll(/\[[0-9a-f]+\]/g, '');
