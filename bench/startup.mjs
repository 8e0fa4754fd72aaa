// Start-up: from the start of the process to the first answer, less the same time of a Worker that does nothing.
import { step } from '../scripts/lib/steps.mjs';
import { getRequest, load } from './load.mjs';
import { inRounds } from './rounds.mjs';
import { startWorkerd } from './workerd.mjs';

/** Milliseconds until the first verified token, for edge-assay and for Hono with jose; includes the fetch of the key set. */
export function startUp(subject, { rounds, folders }) {
  const requests = { hello: getRequest('/'), verify: getRequest('/verify', { authorization: `Bearer ${subject.tokens[0]}` }) };
  const cases = ['hello', 'edge-assay', 'hono-jose'].map((target) => ({ name: 'start-up', target }));
  return step(`Start-up, ${rounds} rounds of ${cases.length} cases`, `${Math.ceil(rounds * 1.5)} s`, () =>
    inRounds(rounds, cases, async ({ target }) => {
      const begin = performance.now();
      const workerd = await startWorkerd([subject], { ...folders, only: target });
      try {
        await load(workerd.ports[target], [requests[target] ?? requests.verify], { connections: 1, seconds: 0, warmUpSeconds: 0 });
        return { milliseconds: performance.now() - begin };
      } finally {
        await workerd.stop();
      }
    }),
  );
}
