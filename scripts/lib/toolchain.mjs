// What a build needs beyond npm's packages: Rust with the wasm target, and the tool that makes the JavaScript around the
// wasm. Every crate, the tool's too, is the one in Cargo.lock: cargo is never called here without `--locked`.
import { existsSync } from 'node:fs';
import { Failure, quietly, step, succeeds } from './steps.mjs';

const TARGET = 'wasm32-unknown-unknown';
// tools/bindgen, built without optimisation: it runs for two seconds, and optimising it takes minutes.
const BINDGEN = ['--package', 'bindgen'];

/** Installs what is missing of Rust. */
export async function ensureToolchain() {
  await ensureRust();
  await ensureTarget();
}

/** Compiles tools/bindgen, unless that was done before. */
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

async function ensureTarget() {
  const library = (await quietly('rustc', ['--print', 'target-libdir', '--target', TARGET], { stdoutOnly: true })).trim();
  if (existsSync(library)) return;
  if (!(await succeeds('rustup', ['--version']))) {
    throw new Failure(`✗ The Rust toolchain has no standard library for ${TARGET}, and there is no rustup to add it.\n  Install that target the way this toolchain was installed, or use rustup: https://rustup.rs`);
  }
  await step(`Adding the Rust target ${TARGET}`, '20 s', () => quietly('rustup', ['target', 'add', TARGET]));
}
