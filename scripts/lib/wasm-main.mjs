// node [flags of V8] wasm-main.mjs <file>: runs `main` of a test compiled to wasm and exits with what it returns; with 101 if it traps.
import { readFileSync } from 'node:fs';
import { exit } from 'node:process';

const [, , file] = process.argv;
try {
  const module = new WebAssembly.Module(readFileSync(file));
  exit(new WebAssembly.Instance(module, refusing(module)).exports.main(0, 0));
} catch (trap) {
  console.error(trap.message);
  exit(101);
}

/** What the platform would provide. Each throws: no test here may need it. */
function refusing(module) {
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = () => {
      throw new Error(`a test called ${name}`);
    };
  }
  return imports;
}
