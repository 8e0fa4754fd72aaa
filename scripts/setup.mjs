// npm run setup: everything that a build, a start or a test needs, and nothing else. A second run finds all of it.
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run, step } from './lib/steps.mjs';
import { buildBindgen, ensureToolchain } from './lib/toolchain.mjs';

await onPinnedNode(import.meta.url);
await run(async () => {
  await ensureToolchain();
  await step('Compiling tools/bindgen', '1 min the first time', buildBindgen);
  console.log('✓ Set up: npm packages, Node, the wasm target and bindgen');
});
