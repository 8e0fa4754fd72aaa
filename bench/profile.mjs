// Where the time of one /verify goes, and of a request to a Worker that does nothing: the sampling profiler of V8, asked through workerd's inspector.
import { step } from '../scripts/lib/steps.mjs';
import { inspect } from './inspector.mjs';
import { getRequest, load } from './load.mjs';
import { BARE, DISTINCT_TOKENS, RIVALS, distinctTokens, oneToken, verifyRequest } from './served.mjs';
import { createSubject } from './subjects.mjs';
import { prepareWorkerd } from './workerd.mjs';

const MOST_SECONDS = 4;
const SAMPLING_MICROSECONDS = 100;

/** Microseconds per request by where they are spent: of a Worker that does nothing, for a repeated token, and for distinct ones. */
export function profile({ connections, folders, seconds }) {
  const duration = Math.min(MOST_SECONDS, 4 * seconds);
  return step('The profile of a request', '20 s', async () => {
    const subject = await createSubject('RS256', DISTINCT_TOKENS);
    const requests = subject.tokens.map(verifyRequest);
    const cases = [
      { name: 'a bare Worker', only: BARE, requests: [getRequest('/')] },
      { name: oneToken('RS256'), only: RIVALS[0], requests: requests.slice(0, 1) },
      { name: distinctTokens('RS256'), only: RIVALS[0], requests },
    ];
    const profiles = {};
    for (const { name, only, requests } of cases) {
      const start = await prepareWorkerd([subject], { ...folders, only });
      const workerd = await start({ inspected: true });
      try {
        const port = workerd.ports[only];
        await load(port, requests, { connections, seconds: duration / 4 });
        profiles[name] = await sampled(workerd.inspector, only, () => load(port, requests, { connections, seconds: duration, warmUpSeconds: 0 }));
      } finally {
        await workerd.stop();
      }
    }
    return profiles;
  });
}

async function sampled(inspector, worker, work) {
  const { call, close } = await inspect(inspector, worker);
  await call('Profiler.enable');
  await call('Profiler.setSamplingInterval', { interval: SAMPLING_MICROSECONDS });
  await call('Profiler.start');
  const { answers } = await work();
  const { profile } = await call('Profiler.stop');
  close();
  return perRequest(profile, answers);
}

function perRequest({ nodes, samples, timeDeltas }, requests) {
  const placeOf = new Map(nodes.map(({ id, callFrame }) => [id, place(callFrame)]));
  const times = {};
  samples.forEach((node, index) => {
    const where = placeOf.get(node);
    times[where] = (times[where] ?? 0) + timeDeltas[index];
  });
  return Object.fromEntries(Object.entries(times).map(([where, microseconds]) => [where, microseconds / requests]));
}

function place({ functionName, url }) {
  if (functionName === '(idle)') return 'waiting for the load';
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (url.startsWith('wasm:')) return 'Rust in wasm';
  if (functionName === 'Response') return 'new Response';
  if (url.endsWith('.js') || /wasm/.test(functionName)) return 'JavaScript around wasm';
  return 'the runtime itself';
}
