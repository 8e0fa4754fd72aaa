// Start-up: from the start of the process to the first answer, less the same time of a Worker that does nothing. The time, and the CPU time of the process.
import { step } from '../scripts/lib/steps.mjs';
import { getRequest, load } from './load.mjs';
import { cpuClock } from './cpu.mjs';
import { inRounds } from './rounds.mjs';
import { createSubject } from './subjects.mjs';
import { prepareWorkerd } from './workerd.mjs';

/** The slim build, measured like a Worker of its own. */
export const SLIM_TARGET = 'edge-assay, slim';

/** Milliseconds until the first verified token, for edge-assay, its slim build if there is one, and Hono with jose; includes the fetch of the key set. */
export async function startUp({ rounds, folders }) {
  const subject = await createSubject('RS256', 1);
  const requests = { hello: getRequest('/'), verify: getRequest('/verify', { authorization: `Bearer ${subject.tokens[0]}` }) };
  const builds = { 'edge-assay': folders.worker, ...(folders.slim && { [SLIM_TARGET]: folders.slim }) };
  const cases = ['hello', ...Object.keys(builds), 'hono-jose'].map((target) => ({ name: 'start-up', target }));
  // A process takes a second at most, so these are more rounds than elsewhere.
  const times = rounds * 2;
  return step(`Start-up, ${times} rounds of ${cases.length} cases`, `${Math.ceil(times * cases.length * 0.5)} s`, () =>
    inRounds(times, cases, async ({ target: name }) => {
      const target = builds[name] ? 'edge-assay' : name;
      const start = await prepareWorkerd([subject], { ...folders, ...(builds[name] && { worker: builds[name] }), only: target });
      const begin = performance.now();
      const workerd = await start();
      try {
        await load(workerd.ports[target], [requests[target] ?? requests.verify], { connections: 1, seconds: 0, warmUpSeconds: 0 });
        return { milliseconds: performance.now() - begin, microseconds: cpuClock(workerd.pid)() * 1e6 };
      } finally {
        await workerd.stop();
      }
    }),
  );
}
