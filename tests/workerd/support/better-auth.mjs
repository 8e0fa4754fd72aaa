// The real Better Auth on loopback, with its JWT plugin and a database in memory: users sign up, sessions get tokens,
// keys rotate.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';
import { browser } from './cookies.mjs';

const PASSWORD = 'correct horse battery staple';
const KEYS = '/api/auth/jwks';

/**
 * Starts it. `keyPairConfig` is the plugin's (absent: its default, EdDSA), `tokens` its `jwt` options, `advanced`
 * Better Auth's own. It has the members of a provider that `trusting` wants, and `signIn()`, `rotate()` and `close()`.
 *
 * @param {{ keyPairConfig?: any, tokens?: object, advanced?: object }} [options]
 */
export async function startBetterAuth({ keyPairConfig, tokens, advanced } = {}) {
  let handler;
  const seen = [];
  let keysAreDown = false;
  const server = createServer((request, response) => {
    seen.push(request.url);
    if (keysAreDown && request.url === KEYS) request.socket.destroy();
    else handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
  const database = { user: [], session: [], account: [], verification: [], jwks: [] };
  const auth = betterAuth({
    baseURL: url,
    secret: 'a secret for tests alone, public since it was written',
    database: memoryAdapter(database),
    emailAndPassword: { enabled: true },
    advanced,
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { level: 'error' },
    plugins: [jwt({ jwks: { keyPairConfig }, jwt: tokens })],
  });
  handler = toNodeHandler(auth);

  return {
    name: 'better-auth',
    kind: 'better-auth',
    issuer: url,
    algorithm: keyPairConfig?.alg ?? 'EdDSA',
    jwksRequests: () => seen.filter((path) => path === KEYS).length,
    /** Signs a new user up, then in, and asks for the token of the session. */
    async signIn(email = 'grace@example.com') {
      const visit = browser();
      const post = (path, body) =>
        visit(`${url}/api/auth${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', origin: url },
          body: JSON.stringify(body),
        });
      if (!database.user.some((user) => user.email === email)) {
        await expectOk(await post('/sign-up/email', { email, password: PASSWORD, name: 'Grace' }));
      }
      const { user } = await expectOk(await post('/sign-in/email', { email, password: PASSWORD }));
      return {
        user,
        /** A fresh token of this session. */
        token: async () => (await expectOk(await visit(`${url}/api/auth/token`))).token,
      };
    },
    /**
     * Retires the signing key as its interval would: the next token is signed with a new one, and the former stays
     * published for its grace period, or is gone at once.
     */
    rotate({ keepOld = true } = {}) {
      for (const key of database.jwks) key.expiresAt = new Date(Date.now() - 1000);
      if (!keepOld) database.jwks.length = 0;
    },
    /** Withdraws all keys: the next token is signed with a new one. Returns a function that publishes the former ones again beside it. */
    withdraw() {
      const withdrawn = [...database.jwks];
      this.rotate({ keepOld: false });
      return () => database.jwks.push(...withdrawn);
    },
    /** Ends the connections that ask for the key set, or answers them again. Users still sign in. */
    setKeysDown(isDown) {
      keysAreDown = isDown;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function expectOk(response) {
  const text = await response.text();
  if (!response.ok) throw new Error(`Better Auth answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
