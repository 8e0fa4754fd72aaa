// Reads what the Worker logs during a soak: it counts the events, and finds those that must not occur and texts that no log may contain.

/** The events of a soak without faults. Any other is a failure. */
const EXPECTED = ['token_refused', 'request_refused', 'token_issued', 'exchange_refused', 'jwks_fetched', 'cross_check_unanswered'];
/**
 * On a busy machine, KV and the identity providers, which are in the load process, and the coordinator may not answer in time. The Worker then goes on
 * without them.
 */
const LATE = /"event":"(jwks_store|jwks_fetch|coordinator)_failed".*no answer within/;
/** What may be a segment of a token: base64url of a text that begins with `{"`. Random text such as a `jti` contains these letters too. */
const SEGMENT = /eyJ[\w-]{9,}/g;
/** The beginning of a JSON object, which a segment of a token is. Random text with these letters is nearly never one. */
const OBJECT = /^\{"[\w:/.-]+(":|"?$)/;
const containsToken = (line) =>
  (line.match(SEGMENT) ?? []).some((segment) => OBJECT.test(Buffer.from(segment.slice(0, 24), 'base64url').toString('latin1')));
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
      if (containsToken(line)) fail(`the log contains a token, in a line of the event ${event}`);
      else if (!EXPECTED.includes(event) && !LATE.test(line)) fail(`the log has: ${line.slice(0, 400)}`);
    },
    events: () => events,
    failures: () => failures,
  };
}
