// npm run setup: installs everything that a build, the demo or a test needs. A second run installs nothing.
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run, step } from './lib/steps.mjs';
import { buildBindgen, ensureToolchain } from './lib/toolchain.mjs';

await onPinnedNode(import.meta.url);
await run(async () => {
  await ensureToolchain();
  await step('Compiling tools/bindgen', '1 min the first time', buildBindgen);
  console.log('✓ The npm packages, Node, the wasm target and bindgen are installed');
});
