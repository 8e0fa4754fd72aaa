// npm run build, and the build command of wrangler: makes build/index.js and build/index_bg.wasm from the current sources.
//
//   npm run build              the whole Worker
//   npm run build -- --slim    the slim one, without the exchange and explanations, into build/gateway
import { onPinnedNode } from './lib/bootstrap.mjs';
import { Failure, run } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { buildWorker, SLIM, sizeLines } = await import('./lib/worker.mjs');
await run(async () => {
  const args = process.argv.slice(2);
  if (args.length > 1 || (args.length === 1 && args[0] !== '--slim')) throw new Failure('✗ npm run build -- [--slim]');
  console.log(sizeLines(await buildWorker(args.length === 1 ? SLIM : {})).join('\n'));
});
