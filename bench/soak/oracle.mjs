// Which verdicts on a token are right at a time: from jose's verdict, and from what the generator knows of the token and of its key.
import { DEPARTURES } from '../../tests/workerd/support/oracle.mjs';
import { departuresOf } from '../../tests/workerd/support/mutations.mjs';
import { LEEWAY_SECONDS, MOST_BYTES, judged, kidOf } from './tokens.mjs';

/** `jwks.ttl_seconds` of the soak: the shortest, so that sets become due often. */
export const TTL_SECONDS = 60;
/** `jwks.unknown_kid_cooldown_seconds` of the soak. */
export const COOLDOWN_SECONDS = 5;
/** For how long the coordinator holds an answer of an issuer (COORDINATOR_HOLD_SECONDS of the verifier's limits). */
const HOLD_SECONDS = 20;
// Times are whole seconds, and a fetch takes a moment, more on a busy machine.
const MARGIN_MS = 3000;

/**
 * `{ accept, refuse, codes }`: whether a token may be accepted, whether it may be refused, and if so with which codes. `codes` is absent
 * if the token has several faults and any of them may be named.
 *
 * @typedef {{ accept: boolean, refuse: boolean, codes?: string[], payload?: any }} Right
 */

/**
 * What is right for an answer to a request with this token that was sent and received at these times, in milliseconds. With a coordinator, a new key is
 * seen later.
 *
 * @param {import('./tokens.mjs').Item} item
 * @param {{ sent: number, received: number, coordinator?: boolean }} times
 * @returns {Promise<Right>}
 */
export async function right(item, { sent, received, coordinator = false }) {
  const { token, key, code } = item;
  if (token.length > MOST_BYTES) return { accept: false, refuse: true, codes: ['token_too_large', 'request_ambiguous'] };
  const verdicts = item.jose ? [item.jose] : await Promise.all([judged(item, sent - 1000), judged(item, received + 1000)]);
  const state = stateOf(key, { sent, received, coordinator });
  // A key that is not known yet, or not known any more, is found missing before most other faults are looked for. Without a kid, the other keys are tried.
  const missing = state === 'published' ? [] : kidOf(token) === undefined ? ['key_not_found', 'signature_invalid'] : ['key_not_found'];
  if (verdicts.some(({ accepted }) => accepted !== verdicts[0].accepted)) return { accept: state !== 'withdrawn', refuse: true };
  const [{ accepted, payload }] = verdicts;
  if (!accepted) return { accept: false, refuse: true, codes: code ? [code, ...missing] : undefined };
  const departure = departureOf(item);
  if (departure) {
    const isPast = departure === 'issued in the future' && received / 1000 + 1 >= Number(payload.iat) - LEEWAY_SECONDS;
    return { accept: isPast && state !== 'withdrawn', refuse: true, codes: [...DEPARTURES[departure].codes, ...missing], payload };
  }
  return { accept: state !== 'withdrawn', refuse: state !== 'published', codes: missing, payload };
}

/**
 * Whether the Worker must know the key (`published`), must not know it (`withdrawn`), or may not have noticed the change yet.
 *
 * @param {import('./issuers.mjs').Key} key
 */
function stateOf({ publishedAt, withdrawnAt }, { sent, received, coordinator }) {
  if (withdrawnAt !== undefined && sent > withdrawnAt + TTL_SECONDS * 1000 + MARGIN_MS) return 'withdrawn';
  const isKnown = sent > publishedAt + (COOLDOWN_SECONDS + (coordinator ? HOLD_SECONDS : 0)) * 1000 + MARGIN_MS;
  return isKnown && (withdrawnAt === undefined || received < withdrawnAt) ? 'published' : 'unsure';
}

/**
 * Why the Worker refuses what jose accepts, if it does. A change of one character may by chance leave a token as it was.
 *
 * @param {import('./tokens.mjs').Item} item
 */
function departureOf({ token, departure, madeAt }) {
  const isReal = departure !== 'lenient base64url' || departuresOf(token, madeAt / 1000, LEEWAY_SECONDS).has(departure);
  return isReal ? departure : undefined;
}
