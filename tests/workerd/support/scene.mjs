// Several isolates over one KV and one scripted provider, and requests whose right verdicts are known: for tests of faults.
import { connect } from 'node:net';
import { during } from './lifetime.mjs';
import { createOrigin } from './origin.mjs';
import { assemble, epochSeconds, signer, testKey } from './tokens.mjs';
import { startWorker } from './worker.mjs';

export const ISSUER = 'https://issuer.example';
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const published = testKey('ed25519');
const forger = testKey('ed25519-second');
let serial = 0;
const claims = () => ({ iss: ISSUER, sub: 'u', exp: epochSeconds() + 600, serial: (serial += 1) });

/** Tokens by their right verdict while the keys are known. */
export const TOKENS = {
  accepted: () => assemble({ alg: 'EdDSA', kid: published.kid }, claims(), signer('EdDSA', published.privateKey)),
  signature_invalid: () => assemble({ alg: 'EdDSA', kid: published.kid }, claims(), signer('EdDSA', forger.privateKey)),
  token_expired: () =>
    assemble({ alg: 'EdDSA', kid: published.kid }, { ...claims(), exp: epochSeconds() - 600 }, signer('EdDSA', published.privateKey)),
};

/** A token whose key nobody publishes. */
export const unknown = () => assemble({ alg: 'EdDSA', kid: `unknown ${serial}` }, claims(), signer('EdDSA', forger.privateKey));

export const SET = JSON.stringify({ keys: [published.publicJwk] });
const json = { 'content-type': 'application/json' };
const half = SET.slice(0, SET.length / 2);

/** What a provider may do to a request for its keys. The faults in the transport need the response's socket. */
export const PROVIDER = {
  up: (_, response) => response.writeHead(200, json).end(SET),
  down: (request) => request.socket.destroy(),
  failing: (_, response) => response.writeHead(503, { 'retry-after': '1' }).end('out of order'),
  hanging: () => {},
  'slow within the time limit': (_, response) => setTimeout(() => response.writeHead(200, json).end(SET), 600),
  'truncated: fewer octets than Content-Length says': (_, response) => {
    response.writeHead(200, { ...json, 'content-length': String(SET.length) }).write(half);
    setTimeout(() => response.socket?.end(), 20);
  },
  'reset in mid-body': (_, response) => {
    response.writeHead(200, json).write(half);
    setTimeout(() => response.socket?.resetAndDestroy(), 20);
  },
  'stalled in mid-body': (_, response) => response.writeHead(200, json).write(half),
  'cut at a place where it still is JSON': (_, response) => response.writeHead(200, json).end('{"keys":[]}'),
  'wrong: the set of somebody else': (_, response) => response.writeHead(200, json).end(JSON.stringify({ keys: [testKey('p-256').publicJwk] })),
  'wrong: a page': (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Maintenance</title>'),
  'wrong: not the encoding that it names': (_, response) => response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(SET),
  'wrong: a 304 that nobody asked for': (_, response) => response.writeHead(304).end(),
};

/**
 * Starts the scene. `provider.does(name)` sets what the provider does from now on.
 *
 * @param {import('node:test').TestContext} context
 * @param {{ isolates?: number, config?: object, does?: string, [option: string]: unknown }} [options]
 */
export async function scene(context, { isolates = 3, config = {}, does = 'up', ...options } = {}) {
  const use = during(context);
  const origin = await use(createOrigin());
  let behaviour = does;
  const jwks_uri = origin.serve('/jwks', (request, response) => PROVIDER[behaviour](request, response));
  const issuers = [{ issuer: ISSUER, jwks_uri, audience: 'unchecked' }];
  const jwks = { fetch_timeout_ms: 1000, unknown_kid_cooldown_seconds: 1 };
  const worker = await use(startWorker({ isolates, config: { issuers, jwks, ...config }, ...options }));
  const verdict = async (token, isolate = 0) => {
    const { status, body, headers } = await worker.verify(token, { isolate });
    if (status === 503 && !/^[1-9]\d*$/.test(headers.get('retry-after') ?? '')) return '503 without Retry-After';
    return status === 200 ? 'accepted' : body.code;
  };
  /** Sends each kind of token to each isolate at once, and returns the verdicts of each kind, without repetitions. */
  const verdicts = async (which = Array.from({ length: isolates }, (_, isolate) => isolate)) => {
    const found = Object.fromEntries(Object.keys(TOKENS).map((kind) => [kind, new Set()]));
    const asked = Object.entries(TOKENS).flatMap(([kind, token]) => which.map(async (isolate) => found[kind].add(await verdict(token(), isolate))));
    await Promise.all(asked);
    return Object.fromEntries(Object.entries(found).map(([kind, seen]) => [kind, [...seen].sort()]));
  };
  /** Asks until a good token is accepted in each isolate, and returns the seconds that this took. */
  const recovery = async (limitSeconds, which = Array.from({ length: isolates }, (_, isolate) => isolate)) => {
    const begun = performance.now();
    for (const isolate of which) {
      while ((await verdict(TOKENS.accepted(), isolate)) !== 'accepted') {
        if (performance.now() - begun > 1000 * limitSeconds) throw new Error(`no recovery within ${limitSeconds} s in isolate ${isolate}`);
        await pause(100);
      }
    }
    return (performance.now() - begun) / 1000;
  };
  return {
    origin,
    worker,
    jwks_uri,
    verdict,
    verdicts,
    recovery,
    provider: { does: (name) => (behaviour = name), requests: () => origin.count('/jwks') },
  };
}

/** The right verdicts while the keys are known. */
export const RIGHT = Object.fromEntries(Object.keys(TOKENS).map((kind) => [kind, [kind]]));

/**
 * A client that sends a request for `/verify` and hangs up: after `milliseconds`, or with `'answered'` as soon as the answer begins to arrive.
 *
 * @param {any} url
 * @param {string} token
 * @param {number | 'answered'} when
 */
export function hangingUp(url, token, when) {
  const { port, hostname, host } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET /verify HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      if (when === 'answered') socket.once('data', () => socket.resetAndDestroy());
      else setTimeout(() => socket.resetAndDestroy(), when);
    });
    socket.on('error', () => {}).on('close', resolve);
  });
}
