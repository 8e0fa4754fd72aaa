// The memory of a Worker before and after many requests with tokens that are all different: of the whole process, of V8's heap, and of WebAssembly.
import { readFileSync } from 'node:fs';
import { step } from '../scripts/lib/steps.mjs';
import { inspect } from './inspector.mjs';
import { getRequest, load } from './load.mjs';
import { BARE, RIVALS, verifyRequest } from './served.mjs';
import { createSubject } from './subjects.mjs';
import { MEMORY, startWorkerd } from './workerd.mjs';

/** When the memory is measured. */
export const WHEN = { idle: 'idle', loaded: 'under load', after: 'after it' };
const MOST_SECONDS = 120;

/** Rows `{ name, target, rss, heap, wasm }` in bytes: after the first token, at the end of `requests` requests, and after a garbage collection. */
export function memory({ connections, folders, requests: count }) {
  return step(`Memory, ${count.toLocaleString('en')} requests to each of ${RIVALS.length + 1} Workers`, '2 min', async () => {
    const subject = await createSubject('ES256', count);
    const requests = subject.tokens.map(verifyRequest);
    const rows = [];
    for (const target of [BARE, ...RIVALS]) {
      const workerd = await startWorkerd([subject], { ...folders, only: target, watched: true });
      try {
        const sent = target === BARE ? [getRequest('/')] : requests;
        const { call, close } = await inspect(workerd.inspector, target);
        const measured = async (name, { collect }) => {
          const rss = rssOf(workerd.pid);
          const before = (await call('Runtime.getHeapUsage')).usedSize;
          // Answers with the size of the WebAssembly memory after a garbage collection.
          const wasm = Number(await (await fetch(`http://127.0.0.1:${workerd.ports[MEMORY]}/`)).text());
          const after = (await call('Runtime.getHeapUsage')).usedSize;
          rows.push({ name, target, rss: collect ? rssOf(workerd.pid) : rss, heap: collect ? after : before, wasm });
        };
        await load(workerd.ports[target], sent, { connections: 1, seconds: 0, warmUpSeconds: 0 });
        await measured(WHEN.idle, { collect: true });
        await load(workerd.ports[target], sent, { connections, seconds: MOST_SECONDS, warmUpSeconds: 0, count });
        await measured(WHEN.loaded, { collect: false });
        await measured(WHEN.after, { collect: true });
        close();
      } finally {
        await workerd.stop();
      }
    }
    return rows;
  });
}

/** The bytes of main memory that the process has. */
const rssOf = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
