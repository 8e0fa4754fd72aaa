// Forward-auth with real proxies: nginx and Caddy with the documented files, the built Worker in workerd as the authority,
// a real API behind that counts what arrives.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { createApi, megabytes } from './support/api.mjs';
import { lifetime } from './support/lifetime.mjs';
import { PROXIES } from './support/proxies.mjs';
import { raw } from './support/raw.mjs';
import { answerOf, startWorker, trusting } from './support/worker.mjs';

const APP = 'https://app.example.com';
const SECRET = 'a secret for tests alone, public since it was written';
// What each hands on to the API; the others' names must not get through either.
const IDENTITY = {
  nginx: { 'x-auth-request-user': 'sub', 'x-auth-request-email': 'email', 'x-auth-request-groups': '', 'x-user-id': 'sub' },
  Caddy: { 'remote-user': 'sub', 'remote-email': 'email', 'remote-groups': '', 'remote-name': 'name', 'x-user-id': 'sub' },
};
const PERSON = { sub: '0b9f7c6e-2d61-4f0a-b6a7-5b1e6e2a9c34', email: 'grace@example.com', name: 'Grace' };

for (const [name, proxy] of Object.entries(PROXIES)) {
  suite(`forward-auth with ${name}`, { skip: proxy.skip }, () => {
    let provider, outage, api, worker, front, token;
    const use = lifetime(after);
    before(async () => {
      const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'better-auth' }, { name: 'oidc' }] }));
      [provider, outage] = identityProvider.providers;
      api = await use(createApi());
      const { config, secrets } = trusting(identityProvider.providers);
      config.forward_auth = { secret: 'FORWARD_AUTH_SECRET' };
      config.gateway = {
        routes: [
          { path: '/*', headers: { 'x-user-id': '/sub' } },
          { path: '/open/*', public: true },
          { path: '/admin/*', require: { scopes: ['admin'] } },
          { path: '/posts', methods: ['POST'] },
        ],
      };
      worker = await use(startWorker({ config, secrets: { ...secrets, FORWARD_AUTH_SECRET: SECRET } }));
      front = await use(proxy.start({ worker: worker.urls[0], api: api.url, secret: SECRET }));
      token = await provider.mint();
      api.requests.length = 0;
    });
    const ask = (path, { headers = {}, ...init } = {}) => fetch(new URL(path, front.url), { redirect: 'manual', ...init, headers: { authorization: `Bearer ${token}`, ...headers } });
    const reached = async (work) => {
      const before = api.requests.length;
      return { result: await work(), requests: api.requests.slice(before) };
    };

    test('a good token passes, and the API knows whose it is', async () => {
      const { status, body } = await answerOf(await ask('/profiles?page=2'));
      assert.equal(status, 200, front.output());
      assert.equal(body.url, '/profiles?page=2');
      for (const [header, claim] of Object.entries(IDENTITY[name])) assert.equal(body.headers[header] ?? '', PERSON[claim] ?? '', header);
      assert.equal(body.headers.authorization, undefined);
    });

    test('none, an expired one and one without the scope do not, and the client learns why', async () => {
      const { requests } = await reached(async () => {
        const bare = await fetch(new URL('/profiles', front.url));
        assert.deepEqual([bare.status, bare.headers.get('www-authenticate')], [401, 'Bearer realm="edge-assay"']);
        const expired = await ask('/profiles', { headers: { authorization: `Bearer ${await provider.mint({ expired: true })}` } });
        assert.equal(expired.status, 401);
        assert.match(expired.headers.get('www-authenticate'), /error="invalid_token"/);
        assert.equal((await ask('/profiles', { headers: { authorization: 'Bearer null' } })).status, 401);
        assert.equal((await ask('/admin/x')).status, 403);
        assert.equal((await ask('/posts')).status, 403);
        assert.equal((await ask('/open/x', { headers: { authorization: 'Bearer a.b.c' } })).status, 401);
      });
      assert.deepEqual(requests, []);
      assert.equal((await ask('/posts', { method: 'POST', body: 'x' })).status, 200);
    });

    test('nobody is somebody: every identity header times every spelling', async () => {
      const fold = (header) => header.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
      for (const path of ['/open/x', '/x']) {
        for (const header of Object.keys(IDENTITY[name])) {
          const spellings = new Set([header, header.toUpperCase(), ...['_', '.', '~'].flatMap((other) => [header.replaceAll('-', other), header.toUpperCase().replace('-', other)])]);
          for (const spelling of spellings) {
            const credentials = path === '/x' ? [`Authorization: Bearer ${token}`] : [];
            const { result, requests } = await reached(() => raw(front.url, path, [...credentials, `${spelling}: root`, `${spelling}: root`, `Connection: ${spelling}`]));
            assert.ok([200, 400, 403].includes(result.status), `${spelling}: ${result.status}`);
            for (const { rawHeaders } of requests) {
              const spoofed = rawHeaders.filter((given, index) => index % 2 === 0 && fold(given) === fold(header) && rawHeaders[index + 1].includes('root'));
              assert.deepEqual(spoofed, [], `${spelling} on ${path}`);
            }
          }
        }
      }
    });

    test('a client cannot tell of another request than its own', async () => {
      const told = ['X-Original-URI: /open/x', 'X-Original-Method: POST', 'X-Original-Host: h', 'X-Forwarded-Uri: /open/x', 'X-Forwarded-Method: POST', `X-Forward-Auth-Secret: ${SECRET}`];
      // nginx overwrites them with its own; where the proxy has no use for them, they stop the request.
      for (const lines of [told, ...told.map((line) => [line])]) {
        const { result, requests } = await reached(() => raw(front.url, '/profiles', lines));
        assert.ok([401, 403].includes(result.status), `${lines}: ${result.status}`);
        assert.deepEqual(requests, []);
      }
    });

    test('path tricks do not open what is closed', async () => {
      const targets = ['/open/../x', '/open/%2e%2e/x', '/open/..%2fx', '/open%2f..%2fx', '/open/..;/x', '/open/%252e%252e/x', '//open/../x', '/open\\..\\x', '/open/..%5cx', '/open/a%00', '//open/x'];
      for (const target of targets) {
        const { result, requests } = await reached(() => raw(front.url, target));
        assert.ok([400, 401, 403, 404].includes(result.status) || (result.status === 200 && requests.every(({ url }) => url.startsWith('/open') && !/\.\.|%2e|%2f|;|\\|%5c/i.test(url))), `${target}: ${result.status} ${requests[0]?.url}`);
      }
    });

    test('a preflight is answered by the proxy and never reaches the API', async () => {
      const { result, requests } = await reached(() => fetch(new URL('/profiles', front.url), { method: 'OPTIONS', headers: { origin: APP, 'access-control-request-method': 'PUT' } }));
      assert.deepEqual([result.status, result.headers.get('access-control-allow-origin')], [204, APP]);
      assert.match(result.headers.get('access-control-allow-methods'), /PUT/);
      assert.deepEqual(requests, []);
      const stranger = await reached(() => fetch(new URL('/profiles', front.url), { method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'PUT' } }));
      assert.equal(stranger.result.headers.get('access-control-allow-origin'), null);
      assert.deepEqual(stranger.requests, []);
    });

    test('a WebSocket is verified, then passed', async () => {
      const open = (headers) =>
        new Promise((resolve, reject) => {
          const socket = new WebSocket(front.url.replace('http', 'ws') + '/live', { headers });
          socket.addEventListener('open', () => resolve(socket), { once: true });
          socket.addEventListener('error', () => reject(new Error('refused')), { once: true });
        });
      const { requests } = await reached(() => assert.rejects(open({})));
      assert.deepEqual(requests, []);
      const socket = await open({ authorization: `Bearer ${token}` });
      socket.send('hello');
      const { data } = await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
      assert.equal(data, `${PERSON.sub}: hello`);
      socket.close();
    });

    test('the first event arrives while the rest is unsent, and large bodies pass', async () => {
      const begin = performance.now();
      const response = await ask('/events');
      const { value } = await response.body.getReader().read();
      assert.equal(Buffer.from(value).toString(), 'data: first\n\n');
      assert.ok(performance.now() - begin < 800);
      const { hostname, port } = new URL(front.url);
      const sending = httpRequest({ hostname, port, path: '/sink', method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-length': 64 << 20 } });
      Readable.from(megabytes(64)).pipe(sending);
      const [answer] = await once(sending, 'response');
      answer.resume();
      assert.equal(answer.statusCode, 200);
      assert.equal(api.bodies.at(-1), 64 << 20);
    });

    test('an outage of the identity provider stops the request, and is not called a bad token', async () => {
      outage.behaviour = 'down';
      const { result, requests } = await reached(async () => answerOf(await ask('/profiles', { headers: { authorization: `Bearer ${await outage.mint()}` } })));
      // nginx is told to make a 503 of it; Caddy relays the answer as it is.
      assert.equal(result.status, { nginx: 503, Caddy: 403 }[name]);
      assert.ok(Number(result.headers.get('retry-after')) > 0);
      assert.equal(result.headers.get('www-authenticate'), null);
      if (name === 'Caddy') assert.equal(result.body.code, 'jwks_unavailable');
      assert.deepEqual(requests, []);
    });
  });
}
