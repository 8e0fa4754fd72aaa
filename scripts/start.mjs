// npm start: runs the Worker on `wrangler dev` with a local identity provider, and prints commands to paste. It builds the Worker first,
// and installs what the build needs. No request leaves this machine.
//
//   npm start -- --port 9787 --idp-port 9788      other ports than 8787 and 8788
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { startDemo } = await import('../demo/start.mjs');
await run(() => startDemo(process.argv.slice(2)));
