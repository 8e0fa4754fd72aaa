// The tools that a build needs in addition to the npm packages: Rust with a wasm target, and the tool that makes the JavaScript around the
// wasm. Every call of cargo has `--locked`, so all crates, including those of the tool, have the versions in Cargo.lock.
import { existsSync } from 'node:fs';
import { Failure, quietly, step, succeeds } from './steps.mjs';

const TARGET = 'wasm32-unknown-unknown';
// tools/bindgen, built without optimisation: it runs for two seconds, and to optimise it takes minutes.
const BINDGEN = ['--package', 'bindgen'];

/** Checks that Rust is installed, and adds the wasm target if it is missing. */
export async function ensureToolchain(target = TARGET) {
  await ensureRust();
  await ensureTarget(target);
}

/** Compiles tools/bindgen if it has changed. */
export async function buildBindgen() {
  await quietly('cargo', ['build', '--locked', ...BINDGEN]);
}

/** Writes `index.js` and `index_bg.wasm` for workerd into `folder`. */
export async function runBindgen(wasm, folder) {
  await quietly('cargo', ['run', '--locked', '--quiet', ...BINDGEN, '--', wasm, folder]);
}

async function ensureRust() {
  if (await succeeds('cargo', ['--version'])) return;
  throw new Failure('✗ cargo is not on the PATH. Install Rust (rustup installs it: https://rustup.rs), open a new shell and try again.');
}

async function ensureTarget(target) {
  const library = (await quietly('rustc', ['--print', 'target-libdir', '--target', target], { stdoutOnly: true })).trim();
  if (existsSync(library)) return;
  if (!(await succeeds('rustup', ['--version']))) {
    throw new Failure(`✗ The Rust toolchain has no standard library for ${target}, and there is no rustup to add it.\n  Install that target the way this toolchain was installed, or use rustup: https://rustup.rs`);
  }
  await step(`Adding the Rust target ${target}`, '20 s', () => quietly('rustup', ['target', 'add', target]));
}
