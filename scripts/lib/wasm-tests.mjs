// Runs this crate's unit tests and Wycheproof's vectors as wasm in this JavaScript engine, so that what the kernels do with
// SIMD registers is proven where it runs. A test that fails traps.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { duration, quietly, step } from './steps.mjs';

const CARGO = ['test', '--locked', '-p', 'edge-assay', '-p', 'edge-assay-kernels', '--release', '--target', 'wasm32-unknown-unknown', '--no-default-features', '--no-run', '--message-format=json'];
// The libraries of the crate and of its kernels.
const TESTS = ['--lib', '--test', 'wycheproof'];

/** Builds and runs them; returns whether all passed. */
export async function wasmTests() {
  // A RUSTFLAGS variable would replace the target features of .cargo/config.toml.
  const env = { RUSTFLAGS: undefined, CARGO_ENCODED_RUSTFLAGS: undefined };
  const messages = await step('Building the unit tests and vectors for V8', '1 min, 2 min the first time', () => quietly('cargo', [...CARGO, ...TESTS], { env, stdoutOnly: true }));
  const files = messages
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter((message) => message.reason === 'compiler-artifact' && message.profile.test)
    .flatMap((message) => message.filenames.filter((name) => name.endsWith('.wasm')));
  return files.length === 3 && files.map(passes).every(Boolean);
}

function passes(file) {
  const name = basename(file).replace(/-[0-9a-f]+\.wasm$/, '');
  const begin = performance.now();
  try {
    const module = new WebAssembly.Module(readFileSync(file));
    const code = new WebAssembly.Instance(module, refusing(module)).exports.main(0, 0);
    console.log(`${code === 0 ? '✓' : '✗'} ${name} in V8: ${duration(performance.now() - begin)}`);
    return code === 0;
  } catch (trap) {
    console.error(`✗ ${name} in V8: ${trap.message}. npm test -- native names the test, unless it fails in wasm alone.`);
    return false;
  }
}

/** What the platform would provide, each of which says that no test here may need it. */
function refusing(module) {
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = () => {
      throw new Error(`a test called ${name}`);
    };
  }
  return imports;
}
