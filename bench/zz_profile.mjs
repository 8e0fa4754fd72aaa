// Where the time of one /verify goes: the sampling profiler of V8, asked through workerd's inspector.
import { step } from '../scripts/lib/steps.mjs';
import { getRequest, load } from './load.mjs';
import { oneToken, distinctTokens } from './served.mjs';
import { prepareWorkerd } from './workerd.mjs';

const SECONDS = 4;
const SAMPLING_MICROSECONDS = 100;

/** Microseconds per request by where they are spent, for a repeated token and for distinct ones. */
export function profile(subject, { connections, folders }) {
  const requests = subject.tokens.map((token) => getRequest('/verify', { authorization: `Bearer ${token}` }));
  const cases = { [oneToken(subject.algorithm)]: requests.slice(0, 1), [distinctTokens(subject.algorithm)]: requests };
  return step('The profile of a request', '15 s', async () => {
    const profiles = {};
    for (const [name, requests] of Object.entries(cases)) {
      const start = await prepareWorkerd([subject], { ...folders, only: 'edge-assay' });
      const workerd = await start({ inspected: true });
      try {
        const port = workerd.ports['edge-assay'];
        await load(port, requests, { connections, seconds: 1 });
        profiles[name] = await sampled(workerd.inspector, () => load(port, requests, { connections, seconds: SECONDS, warmUpSeconds: 0 }));
      } finally {
        await workerd.stop();
      }
    }
    return profiles;
  });
}

async function sampled(inspector, work) {
  const [{ webSocketDebuggerUrl }] = (await (await fetch(`http://${inspector}/json`)).json()).filter(({ id }) => id.endsWith('edge-assay'));
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data);
    waiting.get(id)?.(result);
  };
  const call = (method, params = {}) =>
    new Promise((resolve) => {
      waiting.set(waiting.size + 1, resolve);
      socket.send(JSON.stringify({ id: waiting.size, method, params }));
    });
  await call('Profiler.enable');
  await call('Profiler.setSamplingInterval', { interval: SAMPLING_MICROSECONDS });
  await call('Profiler.start');
  const { perSecond } = await work();
  const { profile } = await call('Profiler.stop');
  socket.close();
  return perRequest(profile, perSecond * SECONDS);
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

function place({ functionName, url }) { return (url.slice(0,4) + ' ' + functionName).slice(0,90);
  if (functionName === '(idle)') return 'waiting for the load';
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (url.startsWith('wasm:')) return 'Rust in wasm';
  if (functionName === 'Response') return 'new Response';
  if (url.endsWith('.js') || /wasm/.test(functionName)) return 'JavaScript around wasm';
  return 'the runtime itself';
}
