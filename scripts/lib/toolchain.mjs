// The tools that a build needs in addition to the npm packages: Rust with a wasm target, and the tool that makes the JavaScript around the
// wasm. Every call of cargo has `--locked`, so all crates, including those of the tool, have the versions in Cargo.lock.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { at } from './paths.mjs';
import { Failure, quietly, step, succeeds } from './steps.mjs';

/** rustc's name for what the Worker runs on. */
export const WORKER_TARGET = 'wasm32-unknown-unknown';
/** rustc's name for what the command line runs on under Node. */
export const COMMAND_LINE_TARGET = 'wasm32-wasip1';
/** Arguments of `cargo test` for all native tests. Another selection of crates or features would compile the crates again. */
export const NATIVE_TESTS = ['test', '--locked', '--features', 'es512'];
/** Both. */
export const WASM_TARGETS = [WORKER_TARGET, COMMAND_LINE_TARGET];
/** An environment without the variables that would replace the target features of .cargo/config.toml, which the kernels need. */
export const WITHOUT_FLAGS = { RUSTFLAGS: undefined, CARGO_ENCODED_RUSTFLAGS: undefined };
// tools/bindgen, built without optimisation: it runs for two seconds, and to optimise it takes minutes.
const BINDGEN = ['--package', 'bindgen'];

/** Checks that Rust is installed, and adds the wasm target if it is missing. */
export async function ensureToolchain(target = WORKER_TARGET) {
  await ensureRust();
  await ensureTarget(target);
}

/**
 * Arguments of cargo that leave the folders of this machine out of a wasm, so that the same sources give the same wasm in every folder.
 * Cargo adds these flags to those of .cargo/config.toml. Panics then name a file as `src/entry.rs` or `rsa-0.9.10/src/key.rs`.
 */
export async function withoutLocalPaths() {
  const folders = new Set((await crates()).map(({ folder }) => dirname(folder)));
  // Of several prefixes that fit, rustc takes the last. The crates may be in a folder below this one.
  const flags = [dirname(at('Cargo.toml')), ...folders].map((prefix) => `--remap-path-prefix=${prefix}=`);
  return ['--config', `target.'cfg(target_arch = "wasm32")'.rustflags=${JSON.stringify(flags)}`];
}

let listed;

/** The crates from a registry that are compiled to wasm or used for that: `{ name, version, license, folder }` with the folder of the sources. */
export async function crates() {
  listed ??= quietly('cargo', ['metadata', '--locked', '--format-version', '1', ...WASM_TARGETS.flatMap((target) => ['--filter-platform', target])], {
    stdoutOnly: true,
  });
  return JSON.parse(await listed)
    .packages.filter(({ source }) => source)
    .map(({ name, version, license, manifest_path: manifest }) => ({ name, version, license, folder: dirname(manifest) }));
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
    throw new Failure(
      `✗ The Rust toolchain has no standard library for ${target}, and there is no rustup to add it.\n  Install that target the way this toolchain was installed, or use rustup: https://rustup.rs`,
    );
  }
  await step(`Adding the Rust target ${target}`, '20 s', () => quietly('rustup', ['target', 'add', target]));
}
