// What a build needs beyond npm's packages: the wasm target of the Rust toolchain, and wasm-bindgen's command line below
// target/tools, in a folder named after its version, so that a new version is a new folder and a second run finds the first.
import { existsSync, readFileSync } from 'node:fs';
import { at } from './paths.mjs';
import { Failure, quietly, step, succeeds } from './steps.mjs';

const TARGET = 'wasm32-unknown-unknown';
const executable = process.platform === 'win32' ? '.exe' : '';

/** Installs what is missing, and returns the paths of the tools. */
export async function ensureToolchain() {
  await ensureRust();
  await ensureTarget();
  // wasm-bindgen's command line must be of the very version that the crate was compiled with. Its published lock file
  // does not build everywhere, so it is resolved anew.
  const wasmBindgen = await ensureCargoTool('wasm-bindgen-cli', lockedVersion('wasm-bindgen'), 'wasm-bindgen', [], '2 to 4 min');
  return { wasmBindgen };
}

/** The version of a crate in Cargo.lock. */
export function lockedVersion(crate) {
  const version = readFileSync(at('Cargo.lock'), 'utf8').match(new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`))?.[1];
  if (!version) throw new Failure(`✗ Cargo.lock has no crate "${crate}"`);
  return version;
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

async function ensureCargoTool(crate, version, binary, options, usually) {
  const folder = at('target', 'tools', `${crate}-${version}`);
  const path = at('target', 'tools', `${crate}-${version}`, 'bin', binary + executable);
  if (!existsSync(path)) {
    await step(`Compiling ${crate} ${version} into target/tools, once`, usually, () =>
      quietly('cargo', ['install', crate, '--version', version, '--root', folder, ...options]),
    );
  }
  return path;
}
