// The tokens of the soak: good ones of all sizes and shapes, and every fault of tests/workerd/support/oracle.mjs, from one seed. Each has the
// verdict that jose gives, and what the generator knows of it: its key, its departure from jose, its length.
import { jwtVerify } from 'jose';
import { FAULTS, generator } from '../../tests/workerd/support/oracle.mjs';
import { assemble } from '../../tests/workerd/support/tokens.mjs';
import { ALGORITHMS } from './issuers.mjs';

export const AUDIENCE = 'api';
export const LEEWAY_SECONDS = 5;
export const MOST_BYTES = 16 * 1024;
const SMALLEST_BYTES = 300;
const SHARE_OF_FAULTS = 0.35;
const SHARE_OF_SHORT_LIVES = 0.05;
const SHORT_LIVED = 'good, expires soon';
/** For how long a token is used at the most. Within this time, and two seconds before, jose's verdict is asked for once if it does not change. */
export const USED_SECONDS = 240;

/** Codes that a fault has whatever the algorithm and the keys. */
const CODES = {
  'exp long ago': 'token_expired',
  'exp absent': 'claim_missing',
  'iss of an unknown issuer': 'issuer_unknown',
  'iss absent': 'issuer_missing',
  'aud another': 'audience_mismatch',
  'aud absent': 'audience_missing',
  'alg none, unsigned': 'token_malformed',
  'crit unknown': 'header_unsupported',
  'exp twice': 'token_malformed',
  'two segments': 'token_malformed',
};

/** What fills a token, by the kind of content that costs a parser most. Each takes the octets to fill and returns claims. */
const SHAPES = {
  'one text': (octets) => ({ text: 'x'.repeat(octets) }),
  'many claims': (octets) => Object.fromEntries(Array.from({ length: octets / 12 }, (_, index) => [`c${index}`, index])),
  'empty lists': (octets) => ({ list: Array.from({ length: octets / 3 }, () => []) }),
  objects: (octets) => ({ user_metadata: Array.from({ length: octets / 8 }, (_, index) => ({ n: index % 10 })) }),
  numbers: (octets) => ({ list: Array.from({ length: octets / 6 }, (_, index) => 10_000 + (index % 80_000)) }),
};

/**
 * @typedef {import('./issuers.mjs').Issuer} Issuer
 * @typedef {import('./issuers.mjs').Key} Key
 * @typedef {{ accepted: boolean, payload?: any }} Verdict jose's
 * @typedef {{
 *   number: number, way: string, issuer: Issuer, key: Key, token: string, iat: number, madeAt: number, jose?: Verdict, departure?: string,
 *   code?: string, seenCode?: string,
 * }} Item `jose` is absent while its verdict changes with the time. `code` is known from the way, `seenCode` is that of the first answer.
 */

/**
 * The source of tokens of these issuers: each call returns the next one. The same seed gives the same sequence of ways, sizes and claims; keys
 * and signatures differ.
 *
 * @param {Issuer[]} issuers
 * @param {number} seed
 * @returns {() => Promise<Item>}
 */
export function tokenSource(issuers, seed) {
  const random = generator(seed);
  const ways = Object.keys(FAULTS);
  let number = 0;
  return async () => {
    for (;;) {
      number += 1;
      const issuer = random.one(issuers);
      const isFaulty = random.next() < SHARE_OF_FAULTS;
      const way = isFaulty ? random.one(ways) : random.next() < SHARE_OF_SHORT_LIVES ? SHORT_LIVED : 'good';
      const made = tokenOf(issuer, way, number, random);
      // A header cannot hold every octet that a token can hold, and white space at its ends is not part of it.
      if (!/^[\t\x20-\x7e]+$/.test(made.token) || made.token.trim() !== made.token) continue;
      if (issuer.isQuiet && namesUnknownKey(made.token, issuer)) continue;
      const item = { number, way, issuer, madeAt: Date.now(), code: CODES[way], ...made };
      const [first, last] = await Promise.all([judged(item, item.madeAt - 2000), judged(item, item.madeAt + USED_SECONDS * 1000)]);
      return { ...item, jose: first.accepted === last.accepted ? first : undefined };
    }
  };
}

function tokenOf(issuer, way, number, random) {
  const key = issuer.signing;
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: issuer.algorithm, typ: 'JWT', kid: key.kid };
  const payload = padded(
    header,
    {
      iss: issuer.iss,
      aud: AUDIENCE,
      sub: `user-${number}-${random.below(1e9)}`,
      iat: now - random.below(600),
      nbf: now - 60,
      exp: way === SHORT_LIVED ? now + 1 + random.below(20) : now + 600 + random.below(6000),
    },
    random,
  );
  const { kid: foreignKid } = random.one(issuer.known);
  const faulty =
    FAULTS[way]?.({
      algorithm: issuer.algorithm,
      random,
      now,
      key: key.privateKey,
      header,
      payload,
      sign: key.sign,
      foreignSign: issuer.foreign.sign,
      foreign: issuer.foreign.publicJwk ?? {},
      other: random.one(ALGORITHMS.filter((one) => one !== issuer.algorithm)),
      foreignKid: foreignKid === key.kid ? issuer.foreign.kid : foreignKid,
      publicPem: key.publicPem,
    }) ?? assemble(header, payload, key.sign);
  return { key, iat: payload.iat, ...(typeof faulty === 'string' ? { token: faulty } : faulty) };
}

/** The payload with one of the shapes, so that the token has a length between the smallest and the greatest; each doubling is as likely as the others. */
function padded(header, payload, random) {
  const bytes = SMALLEST_BYTES * (MOST_BYTES / SMALLEST_BYTES) ** random.next();
  const fill = random.one(Object.values(SHAPES));
  // Four characters are three octets; an RSA signature has 256.
  const octets = Math.floor((bytes * 3) / 4) - 256 - JSON.stringify(header).length - JSON.stringify(payload).length - 20;
  return octets < 20 ? payload : { ...payload, scope: 'profiles:read profiles:write', ...fill(octets) };
}

/** Whether the header of a token has a `kid` that the issuer does not publish. */
function namesUnknownKey(token, issuer) {
  const kid = kidOf(token);
  return typeof kid === 'string' && !issuer.published.some((key) => key.kid === kid);
}

/** The `kid` in the header; `undefined` if there is none, or no header that can be read. */
export function kidOf(token) {
  try {
    return JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString()).kid;
  } catch {
    return undefined;
  }
}

/**
 * jose's verdict as of `milliseconds`, with all keys that the issuer publishes or has published.
 *
 * @param {Pick<Item, 'issuer' | 'token'>} item
 * @param {number} milliseconds
 * @returns {Promise<Verdict>}
 */
export async function judged({ issuer, token }, milliseconds) {
  const options = {
    issuer: issuer.iss,
    audience: AUDIENCE,
    algorithms: issuer.algorithm === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [issuer.algorithm],
    clockTolerance: LEEWAY_SECONDS,
    currentDate: new Date(milliseconds),
    requiredClaims: ['exp'],
  };
  const tried = async (key) => {
    try {
      return { accepted: true, payload: (await jwtVerify(token, key, options)).payload };
    } catch (error) {
      return { accepted: false, error };
    }
  };
  // Without a kid, several keys are possible, and jose's user has to try them.
  const firstAccepted = async (keys) => {
    for await (const key of keys) {
      const verdict = await tried(key);
      if (verdict.accepted) return verdict;
    }
    return { accepted: false };
  };
  if (issuer.isShared) {
    const kid = kidOf(token);
    return firstAccepted(issuer.known.filter((key) => kid === undefined || key.kid === kid).map(({ privateKey }) => privateKey));
  }
  const verdict = await tried(issuer.localSet());
  return verdict.error?.code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS' ? firstAccepted(verdict.error) : verdict;
}
