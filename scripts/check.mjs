// npm run check: formatting, clippy for each target, the documentation, and cargo-deny if it is installed. All checks run; the last
// lines name those that failed and those that were skipped.
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run, succeeds, visibly } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { COMMAND_LINE_TARGET, ensureToolchain, WITHOUT_FLAGS } = await import('./lib/toolchain.mjs');

const CHECKS = [
  [['fmt', '--all', '--check']],
  [['fmt', '--manifest-path', 'fuzz/Cargo.toml', '--check']],
  [['clippy', '--locked', '--all-targets', '--', '-D', 'warnings']],
  [['clippy', '--locked', '--lib', '--target', 'wasm32-unknown-unknown', '--all-features', '--', '-D', 'warnings'], WITHOUT_FLAGS],
  [['clippy', '--locked', '--package', 'edge-assay-cli', '--target', 'wasm32-wasip1', '--', '-D', 'warnings'], WITHOUT_FLAGS],
  [['clippy', '--locked', '--package', 'bindgen', '--', '-D', 'warnings']],
  [['doc', '--locked', '--no-deps'], { RUSTDOCFLAGS: '-D warnings' }],
];

await run(async () => {
  await ensureToolchain();
  await ensureToolchain(COMMAND_LINE_TARGET);
  const { checks, skipped } = await denials();
  const failed = [];
  for (const [args, env] of [...CHECKS, ...checks]) {
    if ((await visibly('cargo', args, { env })) !== 0) failed.push(`cargo ${args.join(' ')}`);
  }
  for (const line of skipped) console.log(`· Skipped: ${line}`);
  console.log(failed.length === 0 ? '✓ All checks passed' : failed.map((line) => `✗ Failed: ${line}`).join('\n'));
  return failed.length === 0 ? 0 : 1;
});

/** The parts of deny.toml that cargo-deny can check here, and a line for each part that it cannot check. */
async function denials() {
  const deny = (...parts) => [['deny', '--locked', 'check', ...parts]];
  if (!(await succeeds('cargo', ['deny', '--version']))) {
    return { checks: [], skipped: ['advisories, licences and sources of the crates: cargo-deny is not installed'] };
  }
  if (await succeeds('cargo', ['deny', '--locked', 'fetch', 'db'])) return { checks: [deny('all')], skipped: [] };
  return { checks: [deny('bans', 'licenses', 'sources')], skipped: ['advisories of the crates: the database of advisories cannot be fetched'] };
}
