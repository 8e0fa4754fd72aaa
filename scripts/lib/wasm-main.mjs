// node [flags of V8] wasm-main.mjs <file>: runs `main` of a test that is compiled to wasm, and exits with its result, or with 101 if it
// traps.
import { readFileSync } from 'node:fs';
import { exit } from 'node:process';

const [, , file] = process.argv;
try {
  const module = new WebAssembly.Module(readFileSync(file));
  const { main } = new WebAssembly.Instance(module, refusing(module)).exports;
  exit(/** @type {(argc: number, argv: number) => number} */ (main)(0, 0));
} catch (trap) {
  console.error(trap.message);
  exit(101);
}

/** Imports that the platform would provide. Each one throws: the tests may not need any. */
function refusing(module) {
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = () => {
      throw new Error(`a test called ${name}`);
    };
  }
  return imports;
}
