// The identity providers of the soak, one for each algorithm, and the API behind its gateway, in one web server. Their keys rotate, with and
// without overlap, and each key knows when it was published and withdrawn: from that the oracle derives which verdicts are right.
import { createHash, createPublicKey, generateKeyPair, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { createLocalJWKSet } from 'jose';
import { keyOf, signer } from '../../tests/workerd/support/tokens.mjs';

export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'HS256'];
/** No token of this issuer names a key that it does not publish. Such tokens make the Worker fetch the set again, so that it would never be old. */
const QUIET = 'ES256';
/** Keys that an issuer remembers after it has withdrawn them. Tokens of older ones are not sent any more. */
const REMEMBERED_KEYS = 4;

const generate = promisify(generateKeyPair);
const NEW_KEY = {
  RS256: () => generate('rsa', { modulusLength: 2048 }),
  ES256: () => generate('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generate('ed25519'),
};

/**
 * @typedef {{
 *   kid: string, privateKey: any, publicJwk?: object, publicPem: string, sign: (input: Buffer) => Buffer, publishedAt: number, withdrawnAt?: number,
 * }} Key `privateKey` is the octets of a shared secret. The times are milliseconds. A secret is never withdrawn: the Worker knows all secrets for
 * the whole run.
 */

/** One issuer. Made by `createIssuers`. */
export class Issuer {
  /** @type {Key[]} */
  #keys = [];
  /** @type {Key | undefined} */
  #signing;
  /** @type {ReturnType<typeof createLocalJWKSet> | undefined} */
  #localSet;
  /** @type {Key | undefined} */
  #foreign;
  rotations = { overlapping: 0, abrupt: 0 };
  fetches = 0;
  /** The most fetches within a minute. */
  mostPerMinute = 0;
  /** @type {number[]} */
  #lastFetches = [];

  constructor(algorithm) {
    this.algorithm = algorithm;
    this.isShared = algorithm.startsWith('HS');
    this.isQuiet = algorithm === QUIET;
    this.iss = `https://${algorithm.toLowerCase()}.soak.example`;
    this.path = `/${algorithm.toLowerCase()}/jwks`;
  }

  /** The key that signs new tokens. */
  get signing() {
    if (!this.#signing) throw new Error(`${this.iss} has no key yet`);
    return this.#signing;
  }

  /** A key of the same kind that is never published. */
  get foreign() {
    if (!this.#foreign) throw new Error(`${this.iss} has no key yet`);
    return this.#foreign;
  }

  get published() {
    return this.#keys.filter(({ withdrawnAt }) => withdrawnAt === undefined);
  }

  /** The published keys and the latest of those that were withdrawn. */
  get known() {
    return this.#keys;
  }

  /** Makes a key and publishes it; `publishedAt` is 0 for a key from before the run. */
  async publish(publishedAt = Date.now()) {
    this.#foreign ??= await this.#newKey();
    const key = { ...(await this.#newKey()), publishedAt: publishedAt && Date.now() };
    this.#keys = [...this.#keys.filter(({ withdrawnAt }) => withdrawnAt === undefined), ...this.#withdrawn().slice(-REMEMBERED_KEYS), key];
    this.#localSet = undefined;
    return key;
  }

  /** Signs with this key from now on. */
  use(key) {
    this.#signing = key;
  }

  /** Removes all published keys but this one from the set. */
  withdrawOthers(key) {
    for (const other of this.published) if (other !== key) other.withdrawnAt = Date.now();
  }

  /** How jose finds a key of this issuer, among the published keys and those that were published before. */
  localSet() {
    this.#localSet ??= createLocalJWKSet({ keys: /** @type {any[]} */ (this.#keys.map(({ publicJwk }) => publicJwk)) });
    return this.#localSet;
  }

  fetched() {
    const now = Date.now();
    this.fetches += 1;
    this.#lastFetches = [...this.#lastFetches.filter((at) => now - at < 60_000), now];
    this.mostPerMinute = Math.max(this.mostPerMinute, this.#lastFetches.length);
  }

  #withdrawn() {
    return this.#keys.filter(({ withdrawnAt }) => withdrawnAt !== undefined);
  }

  /** @returns {Promise<Key>} */
  async #newKey() {
    const kid = randomBytes(6).toString('hex');
    if (this.isShared) {
      const secret = Buffer.from(randomBytes(48).toString('base64'));
      return { kid, privateKey: secret, publicPem: '', sign: signer(this.algorithm, secret), publishedAt: Date.now() };
    }
    const { privateKey } = await NEW_KEY[this.algorithm]();
    const { publicJwk } = keyOf(kid, privateKey.export({ format: 'jwk' }));
    return {
      kid,
      privateKey,
      // Without `alg`, so that a header with the other name of EdDSA fits.
      publicJwk: { ...publicJwk, use: 'sig' },
      publicPem: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
      sign: signer(this.algorithm, privateKey),
      publishedAt: Date.now(),
    };
  }
}

/** The issuers with their first keys: two secrets where it is shared, otherwise one key. */
export async function createIssuers() {
  const issuers = ALGORITHMS.map((algorithm) => new Issuer(algorithm));
  await Promise.all(
    issuers.map(async (issuer) => {
      const key = await issuer.publish(0);
      if (issuer.isShared) await issuer.publish(0);
      issuer.use(key);
    }),
  );
  return issuers;
}

/**
 * Rotates the keys of one issuer until `stopped` says so: every `periodMs`, in turn with and without overlap, beginning as `overlapsFirst` says.
 * With overlap, a key is published a third of the period before it signs, and the former key is withdrawn another third later. A shared secret is
 * replaced by the other one that the Worker knows.
 *
 * @param {Issuer} issuer
 * @param {{ periodMs: number, overlapsFirst: boolean, stopped: () => boolean }} options
 */
export async function rotate(issuer, { periodMs, overlapsFirst, stopped }) {
  for (let overlaps = overlapsFirst; await waited(periodMs / 3, stopped); overlaps = !overlaps) {
    if (issuer.isShared) {
      const other = issuer.published.find((key) => key !== issuer.signing);
      if (other) issuer.use(other);
      issuer.rotations.abrupt += 1;
      if (!(await waited((periodMs * 2) / 3, stopped))) return;
      continue;
    }
    const key = await issuer.publish();
    if (overlaps && !(await waited(periodMs / 3, stopped))) return;
    issuer.use(key);
    if (overlaps && !(await waited(periodMs / 3, stopped))) return;
    issuer.withdrawOthers(key);
    issuer.rotations[overlaps ? 'overlapping' : 'abrupt'] += 1;
    if (!overlaps && !(await waited((periodMs * 2) / 3, stopped))) return;
  }
}

/** Waits; returns false as soon as `stopped` says so. */
async function waited(milliseconds, stopped) {
  const end = Date.now() + milliseconds;
  while (!stopped()) {
    const left = end - Date.now();
    if (left <= 0) return true;
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, 200)));
  }
  return false;
}

/**
 * The web server: the key sets, and an API at /profiles/<number> that answers with the user whom the gateway named. `seen` tells whether the
 * API got the request with a number.
 *
 * @param {Issuer[]} issuers
 */
export async function serveIssuers(issuers) {
  const byPath = new Map(issuers.map((issuer) => [issuer.path, issuer]));
  // Of the last requests, in two generations, so that its size is bounded.
  let [recent, former] = [new Set(), new Set()];
  const server = createServer((request, response) => {
    const issuer = byPath.get(request.url ?? '');
    if (issuer) return answerKeys(issuer, request, response);
    const number = /^\/profiles\/(\d+)$/.exec(request.url ?? '')?.[1];
    if (!number) return void response.writeHead(404).end();
    if (recent.size >= 10_000) [recent, former] = [new Set(), recent];
    recent.add(number);
    const { 'x-user-id': user = null, authorization = null } = request.headers;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ number, user, authorization }));
  });
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
    seen: (number) => recent.has(String(number)) || former.has(String(number)),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function answerKeys(issuer, request, response) {
  issuer.fetched();
  const body = JSON.stringify({ keys: issuer.published.map(({ publicJwk }) => publicJwk) });
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end();
  else response.writeHead(200, { 'content-type': 'application/json', etag }).end(body);
}
