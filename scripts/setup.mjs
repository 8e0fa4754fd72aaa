// npm run setup: installs everything that a build, the demo or a test needs. A second run installs nothing.
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run, step } from './lib/steps.mjs';
import { buildBindgen, ensureToolchain, WASM_TARGETS } from './lib/toolchain.mjs';

await onPinnedNode(import.meta.url);
await run(async () => {
  for (const target of WASM_TARGETS) await ensureToolchain(target);
  await step('Compiling tools/bindgen', '1 min the first time', buildBindgen);
  console.log('✓ The npm packages, Node, the wasm targets and bindgen are installed');
});
