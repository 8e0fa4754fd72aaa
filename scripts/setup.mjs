// npm run setup: everything that a build, a start or a test needs, and nothing else. A second run finds all of it.
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run } from './lib/steps.mjs';
import { ensureToolchain } from './lib/toolchain.mjs';

await onPinnedNode(import.meta.url);
await run(async () => {
  await ensureToolchain();
  console.log('✓ Set up: npm packages, Node, the wasm target and wasm-bindgen');
});
