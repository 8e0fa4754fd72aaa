// npm run check: the types of the JavaScript, formatting, clippy for each target, the oldest Rust, the documentation, and cargo-deny if it is
// installed. All checks run; the last lines name those that failed and those that were skipped.
//
//   npm run check                 everything
//   npm run check -- javascript   only the JavaScript
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { onPinnedNode } from './lib/bootstrap.mjs';
import { at, root } from './lib/paths.mjs';
import { Failure, matched, quietly, run, succeeds, visibly } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
// Node 20 lacks it, and may have begun this script.
const { globSync } = await import('node:fs');
const { COMMAND_LINE_TARGET, ensureToolchain, WITHOUT_FLAGS } = await import('./lib/toolchain.mjs');

/** @typedef {[args: string[], env?: Record<string, string | undefined>]} Call */

/** @type {Call[]} */
const CHECKS = [
  [['fmt', '--all', '--check']],
  [['fmt', '--manifest-path', 'fuzz/Cargo.toml', '--check']],
  [['fmt', '--manifest-path', 'bench/native/Cargo.toml', '--check']],
  [['fmt', '--manifest-path', 'bench/axum/Cargo.toml', '--check']],
  [['clippy', '--locked', '--all-targets', '--', '-D', 'warnings']],
  [
    ['clippy', '--locked', '--package', 'edge-assay', '--lib', '--target', 'wasm32-unknown-unknown', '--all-features', '--', '-D', 'warnings'],
    WITHOUT_FLAGS,
  ],
  // The slim build.
  [
    [
      ...['clippy', '--locked', '--package', 'edge-assay', '--lib', '--target', 'wasm32-unknown-unknown'],
      ...['--no-default-features', '--features', 'kernels', '--', '-D', 'warnings'],
    ],
    WITHOUT_FLAGS,
  ],
  [['clippy', '--locked', '--package', 'edge-assay-cli', '--target', 'wasm32-wasip1', '--', '-D', 'warnings'], WITHOUT_FLAGS],
  [['clippy', '--locked', '--package', 'bindgen', '--', '-D', 'warnings']],
  [['doc', '--locked', '--no-deps'], { RUSTDOCFLAGS: '-D warnings' }],
];

await run(async () => {
  const [which] = process.argv.slice(2);
  if (which !== undefined && which !== 'javascript') throw new Failure('✗ npm run check -- [javascript]');
  /** @type {string[]} */
  const failed = [];
  const check = async (/** @type {string} */ command, /** @type {string[]} */ args, env = {}) => {
    if ((await visibly(command, args, { env })) !== 0) failed.push(`${command} ${args.join(' ')}`);
  };
  for (const project of projects()) await check('tsc', ['--project', project]);
  await check('prettier', ['--check', '.']);
  const { checks, skipped } = which === undefined ? await ofRust() : { checks: [], skipped: [] };
  for (const [args, env] of checks) await check('cargo', args, env);
  if (which === undefined) failed.push(...(await tooNewCrates()));
  for (const line of skipped) console.log(`· Skipped: ${line}`);
  console.log(failed.length === 0 ? '✓ All checks passed' : failed.map((line) => `✗ Failed: ${line}`).join('\n'));
  return failed.length === 0 ? 0 : 1;
});

/** The folders with a tsconfig.json: one for each runtime, and each degree of strictness. */
function projects() {
  const found = globSync('**/tsconfig.json', { cwd: root, exclude: ['**/node_modules', 'target', 'build', 'dist'] });
  return found.map((path) => dirname(path)).sort();
}

/** @returns {Promise<{ checks: Call[], skipped: string[] }>} */
async function ofRust() {
  await ensureToolchain();
  await ensureToolchain(COMMAND_LINE_TARGET);
  const parts = [await denials(), await withTheOldest()];
  return { checks: [...CHECKS, ...parts.flatMap(({ checks }) => checks)], skipped: parts.flatMap(({ skipped }) => skipped) };
}

/** The oldest Rust that the crates work with: `rust-version` in Cargo.toml. */
function oldestRust() {
  return matched(/^rust-version = "(.+)"$/m, readFileSync(at('Cargo.toml'), 'utf8'))[1];
}

/**
 * Compiles the library crates with the oldest Rust, if it is installed.
 *
 * @returns {Promise<{ checks: Call[], skipped: string[] }>}
 */
async function withTheOldest() {
  const version = `${oldestRust()}.0`;
  if (!(await succeeds('rustup', ['which', '--toolchain', version, 'cargo']))) {
    return {
      checks: [],
      skipped: [`the library crates with Rust ${version}: it is not installed (rustup toolchain install ${version} --profile minimal)`],
    };
  }
  return { checks: [[['check', '--locked', '--package', 'edge-assay-axum'], { RUSTUP_TOOLCHAIN: version }]], skipped: [] };
}

/**
 * A line for each crate that says that it needs a newer Rust than `rust-version` in Cargo.toml. Clippy's `incompatible_msrv` refuses what is
 * newer in the code, so both together stand in for a build of the other crates with that Rust, which may not be installed.
 */
async function tooNewCrates() {
  const oldest = oldestRust();
  const { packages } = JSON.parse(await quietly('cargo', ['metadata', '--locked', '--format-version', '1'], { stdoutOnly: true }));
  const versions = new Intl.Collator('en', { numeric: true });
  return packages
    .filter(({ rust_version: needed }) => needed && versions.compare(needed, oldest) > 0 && !needed.startsWith(`${oldest}.`))
    .map(({ name, version, rust_version: needed }) => `${name} ${version} needs Rust ${needed}, and rust-version in Cargo.toml is ${oldest}`);
}

/** The parts of deny.toml that cargo-deny can check here, and a line for each part that it cannot check. */
async function denials() {
  /** @type {(...parts: string[]) => Call} */
  const deny = (...parts) => [['deny', '--locked', 'check', ...parts]];
  if (!(await succeeds('cargo', ['deny', '--version']))) {
    return { checks: [], skipped: ['advisories, licences and sources of the crates: cargo-deny is not installed'] };
  }
  if (await succeeds('cargo', ['deny', '--locked', 'fetch', 'db'])) return { checks: [deny('all')], skipped: [] };
  return { checks: [deny('bans', 'licenses', 'sources')], skipped: ['advisories of the crates: the database of advisories cannot be fetched'] };
}
