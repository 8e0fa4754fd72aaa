// A local identity provider for the demo and for tests. It issues tokens like those of Clerk, Supabase, Better Auth and an OpenID
// provider, publishes key sets at the same paths, rotates keys, and misbehaves on request.
//
//   GET  /token/<provider>?expired=1&aud=…&azp=…&sub=…&template=…&kid=…    a token, as text
//   POST /rotate/<provider>                                      a new signing key; the old key stays published
//   POST /down/<provider>, /up/<provider>, /behave/<provider>/<behaviour>
//   GET  /                                                       the providers, and how often each key set was fetched
//
// Each provider is below /<provider> of this server, or has an origin of its own. In that case the caller has to redirect requests
// for that origin to this server (`localUrl`).
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { PROVIDERS } from './providers.mjs';

/** @import { IncomingMessage, ServerResponse } from 'node:http' */
/** @typedef {{ name: string, kind?: string, origin?: string, algorithm?: string }} ProviderOptions */

const HOST = '127.0.0.1';
const DEMO_PROVIDERS = [{ name: 'clerk' }, { name: 'supabase' }, { name: 'better-auth' }];
const SLOW_MS = 20_000;
const HUGE_BYTES = 5 * 1024 * 1024;

/**
 * The behaviours of a key set's endpoint.
 *
 * @type {Record<string, (provider: Provider, request: IncomingMessage, response: ServerResponse) => void>}
 */
const BEHAVIOURS = {
  up: (provider, request, response) => provider.answerKeys(request, response),
  down: (_, request) => request.socket.destroy(),
  failing: (_, __, response) => response.writeHead(500, { 'content-type': 'text/plain' }).end('out of order'),
  slow: (provider, request, response) => {
    const timer = setTimeout(() => provider.answerKeys(request, response), SLOW_MS);
    response.on('close', () => clearTimeout(timer));
  },
  redirect: (_, __, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
  html: (_, __, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Maintenance</title>'),
  huge: (provider, request, response) => provider.answerKeys(request, response, { padding: 'x'.repeat(HUGE_BYTES) }),
  empty: (_, __, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}'),
  blank: (_, __, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(),
  'bad-key-among-good': (provider, request, response) =>
    provider.answerKeys(request, response, { keys: [{ kty: 'RSA', kid: 'bad', n: '!', e: 'AQAB' }, ...provider.publicKeys()] }),
};

/** One identity provider with its keys. Made by `createIdentityProvider`. */
class Provider {
  #recipe;
  #keys = [];

  /**
   * @param {ProviderOptions} options
   * @param {string} serverUrl
   */
  constructor({ name, kind = name, origin, algorithm }, serverUrl) {
    this.#recipe = PROVIDERS[kind];
    if (!this.#recipe) throw new Error(`there is no provider "${kind}"; there are ${Object.keys(PROVIDERS).join(', ')}`);
    this.name = name;
    this.kind = kind;
    this.localOrigin = `${serverUrl}/${name}`;
    this.origin = origin ?? this.localOrigin;
    this.issuer = this.#recipe.issuer(this.origin);
    this.jwksUri = this.origin + this.#recipe.jwksPath;
    this.algorithm = algorithm ?? this.#recipe.algorithm;
    this.behaviour = 'up';
    this.jwksRequests = 0;
    // Like the legacy secret of Supabase: the text itself is the secret.
    this.secret = randomBytes(48).toString('base64');
  }

  /** Makes a new signing key. The old keys stay published unless `keepOld` is false. */
  async rotate({ keepOld = true } = {}) {
    if (this.#keys.length > 0 && this.#recipe.algorithmAfterRotation) this.algorithm = this.#recipe.algorithmAfterRotation;
    const key = await this.#newKey();
    this.#keys = [key, ...(keepOld ? this.#keys : [])];
    return key.kid;
  }

  /**
   * A token of this provider. `claims` and `header` replace members (`undefined` removes one), `expired` moves all times into the
   * past, `keyIndex` selects an older key.
   *
   * @param {{ template?: string, expired?: boolean, claims?: object, header?: object, keyIndex?: number, now?: number }} [options]
   */
  async mint({ template, expired = false, claims = {}, header = {}, keyIndex = 0, now = Math.floor(Date.now() / 1000) } = {}) {
    const { lifetime } = this.#recipe;
    const issuedAt = expired ? now - lifetime - 600 : now;
    const payload = {
      iss: this.issuer,
      iat: issuedAt,
      exp: issuedAt + lifetime,
      ...this.#recipe.claims({ issuer: this.issuer, now: issuedAt, template }),
      ...claims,
    };
    const key = this.#keys[keyIndex];
    const protectedHeader = { alg: key.algorithm, typ: 'JWT', kid: key.kid, ...this.#recipe.header?.({ template }), ...header };
    return new SignJWT(definedOnly(payload))
      .setProtectedHeader(/** @type {import('jose').JWTHeaderParameters} */ (definedOnly(protectedHeader)))
      .sign(key.signingKey);
  }

  /** The public keys in the JWKS. A shared secret is not published. */
  publicKeys() {
    return this.#keys.flatMap(({ jwk }) => (jwk ? [jwk] : []));
  }

  /** Sets the behaviour of the key set's endpoint, one of `BEHAVIOURS`. */
  behave(behaviour) {
    if (!BEHAVIOURS[behaviour]) throw new Error(`there is no behaviour "${behaviour}"; there are ${Object.keys(BEHAVIOURS).join(', ')}`);
    this.behaviour = behaviour;
  }

  /** Answers a request below this provider's origin; returns false if nothing is at the path. */
  answer(path, request, response) {
    if (path === this.#recipe.jwksPath) {
      this.jwksRequests += 1;
      BEHAVIOURS[this.behaviour](this, request, response);
      return true;
    }
    if (path === this.#recipe.discoveryPath) {
      if (this.behaviour === 'down') BEHAVIOURS.down(this, request, response);
      else sendJson(response, 200, { issuer: this.issuer, jwks_uri: this.jwksUri, id_token_signing_alg_values_supported: [this.algorithm] });
      return true;
    }
    return false;
  }

  /**
   * @param {IncomingMessage} request
   * @param {ServerResponse} response
   * @param {{ keys?: object[], padding?: string }} [set]
   */
  answerKeys(request, response, { keys = this.publicKeys(), ...rest } = {}) {
    const body = JSON.stringify({ keys, ...rest });
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    const headers = { etag, 'cache-control': 'public, max-age=3600' };
    if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
    else response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(body);
  }

  async #newKey() {
    const { algorithm } = this;
    if (algorithm.startsWith('HS')) {
      return { algorithm, kid: this.#recipe.sharedSecretKeyId, signingKey: new TextEncoder().encode(this.secret) };
    }
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const kid = this.#recipe.keyId();
    return { algorithm, kid, signingKey: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } };
  }
}

/**
 * Starts the server. `providers` are `{ name, kind?, origin?, algorithm? }`, where `kind` is one of `PROVIDERS`.
 * Returns `{ url, provider(name), providers, localUrl(url), close() }`.
 *
 * @param {{ port?: number, providers?: ProviderOptions[] }} [options]
 */
export async function createIdentityProvider({ port = 0, providers: wanted = DEMO_PROVIDERS } = {}) {
  const providers = new Map();
  const server = createServer((request, response) => {
    answer(providers, request, response).catch((error) => sendJson(response, error.status ?? 500, { error: error.message }));
  });
  server.listen(port, HOST);
  await once(server, 'listening');
  const url = `http://${HOST}:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
  for (const one of wanted) {
    const provider = new Provider(one, url);
    await provider.rotate();
    providers.set(provider.name, provider);
  }
  return {
    url,
    providers: [...providers.values()],
    provider: (name) => providers.get(name),
    /** The URL on this server for `target`, a URL of one of its providers; `undefined` for other URLs. */
    localUrl(target) {
      const owner = [...providers.values()].find(({ origin }) => target === origin || target.startsWith(`${origin}/`));
      return owner && owner.localOrigin + target.slice(owner.origin.length);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(providers, request, response) {
  const url = new URL(request.url, 'http://local');
  const [, first, name, third] = url.pathname.split('/');
  const named = () => providers.get(name) ?? refuse(404, `there is no provider "${name}"; there are ${[...providers.keys()].join(', ')}`);

  if (request.method === 'GET' && url.pathname === '/') return sendJson(response, 200, [...providers.values()].map(describe));
  if (request.method === 'GET' && first === 'token') return sendText(response, await named().mint(mintOptions(url.searchParams)));
  if (request.method === 'POST' && first === 'rotate') {
    const provider = named();
    await provider.rotate();
    return sendJson(response, 200, describe(provider));
  }
  if (request.method === 'POST' && (first === 'down' || first === 'up' || first === 'behave')) {
    const provider = named();
    provider.behave(first === 'behave' ? third : first);
    return sendJson(response, 200, describe(provider));
  }
  const provider = providers.get(first);
  if (request.method === 'GET' && provider?.answer(url.pathname.slice(first.length + 1), request, response)) return undefined;
  return refuse(404, 'not found; GET / lists the providers');
}

/** The options for `mint` in a query. */
function mintOptions(query) {
  const claims = {};
  for (const name of ['aud', 'azp', 'sub', 'iss']) if (query.has(name)) claims[name] = query.get(name);
  const header = query.has('kid') ? { kid: query.get('kid') } : {};
  return { claims, header, template: query.get('template') ?? undefined, expired: query.has('expired') };
}

function describe(provider) {
  const { name, issuer, jwksUri, algorithm, behaviour, jwksRequests } = provider;
  return { name, issuer, jwksUri, algorithm, behaviour, jwksRequests, kids: provider.publicKeys().map(({ kid }) => kid) };
}

const definedOnly = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

function refuse(status, message) {
  throw Object.assign(new Error(message), { status });
}

function sendText(response, text) {
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end(text);
}

function sendJson(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${JSON.stringify(value)}\n`);
}
