// The real oidc-provider on loopback: access tokens as JWTs (RFC 9068) by client credentials, ID tokens by the
// authorization code flow with its own sign-in pages.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { browser } from './cookies.mjs';

export const RESOURCE = 'https://api.example.com';
export const CLIENT = 'edge-assay-tests';
const SECRET = 'a secret for tests alone, public since it was written';
const CALLBACK = 'https://app.example.com/callback';

/** Starts it, signing with `algorithm`. It has the members of a provider that `trusting` wants. */
export async function startOidcProvider({ algorithm = 'ES256' } = {}) {
  let keys = [];
  let callback;
  const server = createServer((request, response) => callback(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;

  /** Adds a new key, which signs; the former ones stay published unless `keepOld` is false. The effect is that of a restart. */
  async function rotate({ keepOld = true } = {}) {
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const key = { ...(await exportJWK(privateKey)), kid: randomBytes(9).toString('base64url'), alg: algorithm, use: 'sig' };
    keys = [key, ...(keepOld ? keys : [])];
    callback = quietly(() => new Provider(url, configuration(algorithm, keys))).callback();
  }
  await rotate();

  const client = {
    authorization: `Basic ${Buffer.from(`${encodeURIComponent(CLIENT)}:${encodeURIComponent(SECRET)}`).toString('base64')}`,
  };
  const askForToken = async (parameters) => {
    const response = await fetch(`${url}/token`, { method: 'POST', headers: client, body: new URLSearchParams(parameters) });
    const body = await response.json();
    if (!response.ok) throw new Error(`oidc-provider answered ${response.status}: ${JSON.stringify(body)}`);
    return body;
  };

  return {
    name: 'oidc',
    kind: 'oidc',
    issuer: url,
    algorithm,
    rotate,
    /** A JWT access token for `RESOURCE`, by client credentials. */
    async accessToken() {
      return (await askForToken({ grant_type: 'client_credentials', resource: RESOURCE, scope: 'api:read' })).access_token;
    },
    /** An ID token for `login`, by the authorization code flow: its pages are visited as a browser would. */
    async idToken(login = 'alan') {
      const verifier = randomBytes(32).toString('base64url');
      const request = new URLSearchParams({
        client_id: CLIENT,
        response_type: 'code',
        scope: 'openid',
        redirect_uri: CALLBACK,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      });
      const arrived = await signInByHand(`${url}/auth?${request}`, login);
      const code = arrived.searchParams.get('code');
      if (!code) throw new Error(`oidc-provider sent the browser to ${arrived}`);
      const answer = await askForToken({ grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier });
      return answer.id_token;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function configuration(algorithm, keys) {
  return {
    jwks: { keys },
    clients: [
      {
        client_id: CLIENT,
        client_secret: SECRET,
        grant_types: ['client_credentials', 'authorization_code'],
        redirect_uris: [CALLBACK],
        id_token_signed_response_alg: algorithm,
      },
    ],
    scopes: ['openid', 'api:read'],
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    // Set explicitly, because oidc-provider prints a warning for each default.
    ttl: { AccessToken: 300, AuthorizationCode: 60, ClientCredentials: 300, Grant: 300, IdToken: 300, Interaction: 300, Session: 300 },
    cookies: { keys: ['a key for tests alone'] },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'Ed25519', 'EdDSA'] },
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'api:read',
          audience: RESOURCE,
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
  };
}

/** Follows `url`, fills in the form of every page, and returns the URL at which the browser leaves the provider. */
async function signInByHand(url, login) {
  const visit = browser();
  const home = new URL(url).origin;
  let response = await visit(url);
  for (let step = 0; step < 12; step += 1) {
    const location = response.headers.get('location');
    if (location) {
      const target = new URL(location, home);
      if (target.origin !== home) return target;
      response = await visit(target);
      continue;
    }
    const page = await response.text();
    const action = page.match(/<form[^>]* action="([^"]+)"/)?.[1];
    const prompt = page.match(/name="prompt" value="([^"]+)"/)?.[1];
    if (!action || !prompt) throw new Error(`oidc-provider shows ${response.status}: ${page.slice(0, 500)}`);
    response = await visit(new URL(action, home), {
      method: 'POST',
      body: new URLSearchParams({ prompt, ...(prompt === 'login' ? { login, password: 'any' } : {}) }),
    });
  }
  throw new Error('oidc-provider does not let the browser go');
}

/** Suppresses its warnings about development settings. */
function quietly(make) {
  const { warn, info } = console;
  Object.assign(console, { warn() {}, info() {} });
  try {
    return make();
  } finally {
    Object.assign(console, { warn, info });
  }
}
