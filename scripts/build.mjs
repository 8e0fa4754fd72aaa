// npm run build, and wrangler's build command: build/index.js and build/index_bg.wasm from whatever is there now.
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { buildWorker, sizeLines } = await import('./lib/worker.mjs');
await run(async () => {
  console.log(sizeLines(await buildWorker()).join('\n'));
});
