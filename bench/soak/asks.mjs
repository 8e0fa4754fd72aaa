// The requests of the soak: for each endpoint its share of the requests, the text of a request, and what is wrong with an answer.
import { isDeepStrictEqual } from 'node:util';
import { jwtVerify } from 'jose';
import { requestText } from './client.mjs';
import { kidOf } from './tokens.mjs';

/**
 * @typedef {import('./client.mjs').Answer} Answer
 * @typedef {import('./tokens.mjs').Item} Item
 * @typedef {import('./oracle.mjs').Right} Right
 * @typedef {{ explainKey: string, seen: (number: number) => boolean, signedHere: Parameters<typeof jwtVerify>[1], random: { next: () => number }, coordinator: boolean }} World
 * `seen` tells whether the API behind the gateway got a request, `signedHere` finds the public keys of the exchange.
 * @typedef {{
 *   share: number, takes?: (item: Item) => boolean, text: (item: Item, world: World, number: number) => string,
 *   fault: (answer: Answer, right: Right, item: Item, world: World, number: number) => string | undefined | Promise<string | undefined>,
 * }} Ask `fault` says what is wrong with an answer. `takes` is absent if the endpoint takes every token.
 */

export const TARGET = 'https://api.example.com';
export const EXCHANGE_ISSUER = 'https://auth.example.com';

/** Tokens that a form or a JSON text carries as they are, and in which no white space or quotation mark is taken for a mistake of pasting. */
const isPlain = ({ token }) => /^[\w.~-]+$/.test(token);
const bearer = ({ token }) => ({ authorization: `Bearer ${token}` });

/** @type {Record<string, Ask>} */
export const ASKS = {
  verify: {
    share: 0.7,
    text: (item) => requestText('GET', '/verify', bearer(item)),
    fault(answer, right, item) {
      if (answer.status !== 200) return refusal(answer, right, item, [400, 401]);
      if (!right.accept) return 'it is accepted';
      const { issuer, subject, claims, key } = JSON.parse(answer.body);
      if (issuer !== item.issuer.iss) return `the issuer of the answer is ${issuer}`;
      if (right.payload && (subject ?? undefined) !== right.payload.sub) return 'the subject of the answer is that of another token';
      if (right.payload && !isDeepStrictEqual(claims, right.payload)) return 'the claims of the answer are not those of the token';
      // A token without a kid gets the kid of the key of the set that verifies it; a secret is not named.
      const isNamed = !item.issuer.isShared || kidOf(item.token) !== undefined;
      if (isNamed && key.kid !== item.key.kid) return `the key of the answer is ${key.kid}, and the token was signed with ${item.key.kid}`;
      return undefined;
    },
  },
  gateway: {
    share: 0.14,
    text: (item, _, number) => requestText('GET', `/profiles/${number}`, { accept: 'application/json', ...bearer(item) }),
    fault(answer, right, item, world, number) {
      if (answer.status !== 200) {
        if (world.seen(number)) return 'the API got the request, although it is refused';
        return refusal(answer, right, item, [400, 401]);
      }
      if (!right.accept) return 'the gateway lets it pass';
      const received = JSON.parse(answer.body);
      if (received.number !== String(number)) return `the answer of the API is that to request ${received.number}`;
      if (received.authorization !== null) return 'the API got the token';
      if (right.payload?.sub && received.user !== right.payload.sub) return 'the user in the header is that of another token';
      return undefined;
    },
  },
  exchange: {
    share: 0.08,
    takes: isPlain,
    text: ({ token }) =>
      requestText(
        'POST',
        '/token',
        { 'content-type': 'application/x-www-form-urlencoded' },
        new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          subject_token: token,
          audience: TARGET,
        }).toString(),
      ),
    async fault(answer, right, item, world) {
      if (answer.status !== 200) {
        // The exchange needs more than a good token: a subject, and time before its end.
        const { sub, exp } = right.payload ?? {};
        const isComplete = typeof sub === 'string' && sub !== '' && exp * 1000 > Date.now();
        return refusal(answer, isComplete ? right : { accept: right.accept, refuse: true }, item, [400]);
      }
      if (!right.accept) return 'a token is issued for it';
      const { payload } = await jwtVerify(JSON.parse(answer.body).access_token, world.signedHere, {
        issuer: EXCHANGE_ISSUER,
        audience: TARGET,
        // It may end with the subject token, at any moment.
        clockTolerance: 60,
      });
      if (right.payload && payload.sub !== `${item.issuer.iss}|${right.payload.sub}`)
        return 'the subject of the issued token is that of another token';
      return undefined;
    },
  },
  explain: {
    share: 0.05,
    takes: isPlain,
    text: ({ token }, { explainKey }) =>
      requestText('POST', '/explain', { 'content-type': 'application/json', 'x-explain-key': explainKey }, JSON.stringify({ token })),
    fault(answer, right, item) {
      if (answer.status !== 200) return `status ${answer.status}`;
      const { verdict, code, cross_check: check } = JSON.parse(answer.body);
      if (check && check.agree === false) return 'the engines disagree';
      if (verdict === 'accepted') return right.accept ? undefined : 'the explanation accepts it';
      if (verdict !== 'refused') return `the verdict of the explanation is ${verdict} (${code})`;
      return refusalCode(code, right, item);
    },
  },
  keys: {
    share: 0.01,
    text: () => requestText('GET', '/.well-known/jwks.json', {}),
    fault: ({ status, body }) => (status === 200 && JSON.parse(body).keys.length > 0 ? undefined : `status ${status}`),
  },
  readyz: {
    share: 0.005,
    text: () => requestText('GET', '/readyz', {}),
    fault: ({ status, body }) => (status === 200 && JSON.parse(body).status === 'ready' ? undefined : `status ${status}: ${body.slice(0, 300)}`),
  },
};

/** What a client does in place of waiting for the answer: it goes away. */
export const LEAVING_SHARE = 0.01;

/**
 * The name of an endpoint that takes this token, by the shares.
 *
 * @param {Item} item
 * @param {{ next: () => number }} random
 */
export function chosen(item, random) {
  let left = random.next();
  for (const [name, { share, takes }] of Object.entries(ASKS)) {
    left -= share;
    if (left < 0) return !takes || takes(item) ? name : 'verify';
  }
  return 'verify';
}

/** What is wrong with a refusal: problem details, or an error of OAuth, with one of these statuses. */
function refusal({ status, body }, right, item, statuses) {
  const code = problemCode(body);
  if (!statuses.includes(status)) return `status ${status} (${code ?? body.slice(0, 200)})`;
  return refusalCode(code, right, item);
}

function problemCode(body) {
  try {
    return JSON.parse(body).code;
  } catch {
    return undefined;
  }
}

/** Codes that depend on which keys are published at the moment. */
const OF_KEYS = ['key_not_found', 'key_unusable'];

function refusalCode(code, right, item) {
  if (!right.refuse) return `it is refused: ${code}`;
  if (right.codes && !right.codes.includes(code)) return `it is refused with ${code} and not with ${right.codes.join(' or ')}`;
  if (!item.jose || OF_KEYS.includes(code)) return undefined;
  // The same token has the same fault at all times.
  item.seenCode ??= code;
  return item.seenCode === code ? undefined : `it is refused with ${code}, and was refused with ${item.seenCode} before`;
}
