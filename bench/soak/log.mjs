// Reads what the Worker logs during a soak: it counts the events, and finds those that must not occur and texts that no log may contain.

/** The events of a soak without faults. Any other is a failure. */
const EXPECTED = ['token_refused', 'request_refused', 'token_issued', 'exchange_refused', 'jwks_fetched', 'cross_check_unanswered'];
/**
 * On a busy machine, KV and the identity providers, which are in the load process, and the coordinator may not answer in time. The Worker then goes on
 * without them.
 */
const LATE = /"event":"(jwks_store|jwks_fetch|coordinator)_failed".*no answer within/;
/** The beginning of every JSON object that is the first segment of a token. */
const TOKEN = /eyJ[\w-]{8}/;
const LINES_KEPT = 10;

export function createLog() {
  /** @type {Record<string, number>} */
  const events = {};
  /** @type {string[]} */
  const failures = [];
  const fail = (text) => failures.length < LINES_KEPT && failures.push(text);
  return {
    /** @param {string} line */
    line(line) {
      const event = /"event":"(\w+)"/.exec(line)?.[1] ?? 'a line of the runtime';
      events[event] = (events[event] ?? 0) + 1;
      if (TOKEN.test(line)) fail(`the log contains a token, in a line of the event ${event}`);
      else if (!EXPECTED.includes(event) && !LATE.test(line)) fail(`the log has: ${line.slice(0, 400)}`);
    },
    events: () => events,
    failures: () => failures,
  };
}
