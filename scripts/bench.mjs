// npm run bench: measures edge-assay, Hono with jose, and a minimal Worker, each in a workerd of its own; then the signature check alone. It prints the
// results and asserts nothing. On a busy machine the figures are unreliable, and it says so.
//
//   npm run bench -- --rounds 9 --seconds 1 --connections 16
//   npm run bench -- --write          every part; writes the pages with figures, docs/performance.md first (with --to DIR, below that folder)
//   npm run bench -- --only PART,…    these parts
//   npm run bench -- --cost           the CPU time of a request, beside that of others
//   npm run bench -- --engines        the cost of each `verify.engine` alone
//   npm run bench -- --rpc            another Worker's calls of `verify`, by RPC and over HTTP
//   npm run bench -- --native         verification in native programs, beside jsonwebtoken's
//   npm run bench -- --against DIR   this build beside the one in another folder
//   npm run bench -- --axum           servers of axum with edge-assay-axum, and with other crates
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { bench } = await import('../bench/bench.mjs');
await run(() => bench(process.argv.slice(2)));
