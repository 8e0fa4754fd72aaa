// npm run build, and the build command of wrangler: makes build/index.js and build/index_bg.wasm from the current sources.
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { buildWorker, sizeLines } = await import('./lib/worker.mjs');
await run(async () => {
  console.log(sizeLines(await buildWorker()).join('\n'));
});
