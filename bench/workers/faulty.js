// The same with deliberate faults, to show that the soak finds them. The text binding FAULTS names those that are active. Each depends on the time
// and not on the number of requests, so that it has the same size on a fast machine and on a slow one.
import { grow, measured } from './watch.js';
import worker from './index.js';

export * from './index.js';
export const memory = { fetch: measured };

const begun = { at: 0 };
const kept = [];
let former;

/** A function that returns true at most once in so many milliseconds. The clock stands still while a request is computed. */
function every(milliseconds) {
  let next = 0;
  return () => {
    const now = Date.now();
    if (now < next) return false;
    next = now + milliseconds;
    return true;
  };
}

const isTime = { leak: every(200), 'wasm-leak': every(200), verdict: every(2000), secrecy: every(2000) };

/** Each gets the request and the right answer, and returns the answer that is sent. */
const FAULTS = {
  // 10 MiB a second stay in the memory of the isolate.
  leak(_, response) {
    if (isTime.leak()) kept.push(new Uint8Array(2 * 1024 * 1024).fill(1));
    return response;
  },
  // More than 1 MiB a second is taken from the memory of the instance and not given back.
  'wasm-leak'(_, response) {
    if (isTime['wasm-leak']()) grow(4);
    return response;
  },
  // An answer is that to the request before.
  async verdict(_, { status, headers, body }) {
    const own = { body: body && (await new Response(body).text()), init: { status, headers: [...headers] } };
    const sent = former && isTime.verdict() ? former : own;
    former = own;
    return new Response(sent.body, sent.init);
  },
  // Requests take more and more of the processor, after a few seconds.
  drift(_, response) {
    const seconds = Math.min(15, Math.max(0, (Date.now() - begun.at) / 1000 - 6));
    let sum = 0;
    for (let i = 0; i < 16_000 * seconds ** 2; i += 1) sum = (sum + i) % 7;
    kept[0] = sum;
    return response;
  },
  // The log has a token.
  secrecy(request, response) {
    if (request.headers.has('authorization') && isTime.secrecy())
      console.log(JSON.stringify({ event: 'token_refused', detail: request.headers.get('authorization') }));
    return response;
  },
};

export default {
  async fetch(request, env, context) {
    begun.at ||= Date.now();
    const response = await worker.fetch(request, env, context);
    return env.FAULTS.split(' ').reduce(async (answer, name) => FAULTS[name](request, await answer), response);
  },
};
