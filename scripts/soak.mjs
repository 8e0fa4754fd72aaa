// npm run soak: the built Worker in workerd under a load of changing tokens at half of what the machine can, while keys rotate. It fails on a wrong answer, on memory that
// grows, on latency that drifts, and on a line of the log that must not be there. docs/operations/soak.md describes it.
//
//   npm run soak -- --minutes 60
//   npm run soak -- --minutes 60 --write     also writes the page and its picture
//   npm run soak -- --faults "leak verdict"  with deliberate faults: leak, wasm-leak, verdict, drift, secrecy
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { main } = await import('../bench/soak/main.mjs');
await run(() => main(process.argv.slice(2)));
