// Runs the command line, which is Rust compiled to WebAssembly, and exits with its exit code.
import { readFileSync } from 'node:fs';
import { run } from './host.js';

// Rust's own exit code for a panic, whose message is on standard error by then.
const PANICKED = 101;

function main() {
  let module;
  try {
    module = new WebAssembly.Module(readFileSync(new URL('./edge-assay.wasm', import.meta.url)));
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    console.error(`Node ${process.versions.node} cannot compile this WebAssembly. Use Node 22.12 or later on a processor with SIMD.`);
    return 2;
  }
  try {
    return run(module, ['edge-assay', ...process.argv.slice(2)]);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    return PANICKED;
  }
}

process.exit(main());
