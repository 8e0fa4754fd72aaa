// npm run check: what the compilers and linters have to say, on both targets. Everything is run, then what failed is named.
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run, visibly } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { ensureToolchain } = await import('./lib/toolchain.mjs');

const CHECKS = [
  [['fmt', '--all', '--check']],
  [['clippy', '--locked', '--all-targets', '--', '-D', 'warnings']],
  [['clippy', '--locked', '--lib', '--target', 'wasm32-unknown-unknown', '--all-features', '--', '-D', 'warnings'], { RUSTFLAGS: undefined, CARGO_ENCODED_RUSTFLAGS: undefined }],
  [['clippy', '--locked', '--package', 'bindgen', '--', '-D', 'warnings']],
  [['doc', '--locked', '--no-deps'], { RUSTDOCFLAGS: '-D warnings' }],
];

await run(async () => {
  await ensureToolchain();
  const failed = [];
  for (const [args, env] of CHECKS) {
    if ((await visibly('cargo', args, { env })) !== 0) failed.push(`cargo ${args.join(' ')}`);
  }
  console.log(failed.length === 0 ? '✓ All checks are clean' : failed.map((line) => `✗ Failed: ${line}`).join('\n'));
  return failed.length === 0 ? 0 : 1;
});
