// Forward-auth with real proxies: nginx, Caddy, Traefik and Envoy with the documented files, the built Worker in workerd, which
// they ask, and a real API behind them that records its requests.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { WHEELS } from '../../scripts/lib/proxies.mjs';
import { createApi, megabytes } from './support/api.mjs';
import { lifetime } from './support/lifetime.mjs';
import { HOST, PROXIES } from './support/proxies.mjs';
import { raw } from './support/raw.mjs';
import { answerOf, startWorker, trusting } from './support/worker.mjs';

const APP = 'https://app.example.com';
const SECRET = 'a secret for tests alone, public since it was written';
const PERSON = { sub: '0b9f7c6e-2d61-4f0a-b6a7-5b1e6e2a9c34', email: 'grace@example.com', name: 'Grace' };
// The identity headers that each proxy passes to the API.
const AUTH_REQUEST = { 'x-auth-request-user': 'sub', 'x-auth-request-email': 'email', 'x-auth-request-groups': '', 'x-user-id': 'sub' };
const IDENTITY = {
  nginx: AUTH_REQUEST,
  Caddy: { 'remote-user': 'sub', 'remote-email': 'email', 'remote-groups': '', 'remote-name': 'name', 'x-user-id': 'sub' },
  Traefik: { 'x-forwarded-user': 'sub', 'x-forwarded-email': 'email', 'x-forwarded-groups': '', 'x-user-id': 'sub' },
  Envoy: AUTH_REQUEST,
};
// Identity headers that no client may send to the API, behind any proxy.
const IDENTITY_NAMES = [
  ...new Set(Object.values(IDENTITY).flatMap(Object.keys)),
  'x-forwarded-preferred-username',
  'x-forwarded-client-cert',
  'x-auth-request-access-token',
];
const REQUEST_NAMES = [
  ...['method', 'uri', 'host'].flatMap((what) => [`x-original-${what}`, `x-forwarded-${what}`]),
  ...['x-original-url', 'x-rewrite-url', 'x-http-method-override', 'x-forward-auth-path', 'x-forward-auth-secret'],
];
const ORIGIN_NAMES = [
  ...['for', 'proto', 'port', 'server', 'prefix', 'scheme', 'ssl', 'protocol', 'path', 'by'].map((what) => `x-forwarded-${what}`),
  ...['forwarded', 'x-real-ip', 'client-ip', 'x-client-ip', 'x-cluster-client-ip', 'true-client-ip', 'cf-connecting-ip'],
];
const FORGED = 'forged-by-the-client';
const WEBSOCKET = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];

const fold = (header) => header.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
const spellingsOf = (header) => [
  ...new Set([
    header,
    header.toUpperCase(),
    ...['_', '.', '~'].flatMap((other) => [header.replaceAll('-', other), header.toUpperCase().replace('-', other)]),
  ]),
];

/** An identity provider, an API and a Worker that answers proxies' questions about these hosts and paths. */
async function createScene(use) {
  const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'better-auth' }, { name: 'oidc' }] }));
  const [provider, outage] = identityProvider.providers;
  const api = await use(createApi());
  const { config, secrets } = trusting(identityProvider.providers);
  config.forward_auth = { secret: 'FORWARD_AUTH_SECRET' };
  config.gateway = {
    routes: [
      { path: '/*', headers: { 'x-user-id': '/sub' } },
      { path: '/open/*', public: true },
      { path: '/admin/*', require: { scopes: ['admin'] } },
      { path: '/posts', methods: ['POST'] },
      { path: '/hosted/*', public: true },
      { path: '/hosted/*', host: HOST, require: { scopes: ['admin'] } },
      { path: '/open/*', host: 'admin.example.com', require: { scopes: ['admin'] } },
      { path: '/*', host: 'status.example.com', public: true },
      { path: '/packages/*', public: true, allow_in_path: ['encoded_slash', 'semicolon'] },
      { path: '/packages/admin/*', require: { scopes: ['admin'] }, allow_in_path: ['encoded_slash', 'semicolon'] },
    ],
  };
  const worker = await use(startWorker({ config, secrets: { ...secrets, FORWARD_AUTH_SECRET: SECRET } }));
  return { provider, outage, api, worker, upstreams: { worker: worker.urls[0], api: api.url, secret: SECRET } };
}

/** Runs `work` and returns its result with the requests that reached the API meanwhile. */
async function reached(api, work) {
  const before = api.requests.length;
  return { result: await work(), requests: api.requests.slice(before) };
}

for (const [name, proxy] of Object.entries(PROXIES)) {
  suite(`forward-auth with ${name}`, { skip: proxy.skip }, () => {
    const kind = name.split(' ')[0];
    let provider, outage, api, front, token;
    const use = lifetime(after);
    before(async () => {
      const scene = await createScene(use);
      ({ provider, outage, api } = scene);
      front = await use(proxy.start(scene.upstreams));
      token = await provider.mint();
      api.requests.length = 0;
    });
    const ask = (path, /** @type {RequestInit} */ { headers = {}, ...init } = {}) =>
      fetch(new URL(path, front.url), { redirect: 'manual', ...init, headers: { authorization: `Bearer ${token}`, ...headers } });
    /** Sends what a client may not, and asserts that the API sees nothing of it. */
    const forge = async (path, lines, options) => {
      const { result, requests } = await reached(api, () => raw(front.url, path, lines, options));
      assert.ok(
        [200, 400, 401, 403, 404, 431].includes(result.status) || (result.status === 101 && requests.length === 1),
        `${lines}: ${result.status}`,
      );
      for (const { url, rawHeaders } of requests)
        assert.ok(!JSON.stringify([url, rawHeaders]).includes(FORGED), `${lines} on ${path}: ${rawHeaders}`);
      return { result, requests };
    };

    test('a request with a good token passes, and the API gets its identity', async () => {
      const { status, body } = await answerOf(await ask('/profiles?page=2'));
      assert.equal(status, 200, front.output());
      assert.equal(body.url, '/profiles?page=2');
      for (const [header, claim] of Object.entries(IDENTITY[kind])) assert.equal(body.headers[header] ?? '', PERSON[claim] ?? '', header);
      assert.equal(body.headers.authorization, undefined);
    });

    test('a request without a token, with an expired one or without the scope does not pass, and the client gets the reason', async () => {
      const { requests } = await reached(api, async () => {
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

    test('no identity of a client reaches the API: every name of every dialect and route times every spelling', async () => {
      for (const path of ['/open/x', '/x']) {
        const credentials = path === '/x' ? [`Authorization: Bearer ${token}`] : [];
        for (const header of IDENTITY_NAMES) {
          for (const spelling of spellingsOf(header)) {
            await forge(path, [...credentials, `${spelling}: ${FORGED}`, `${spelling}: ${FORGED}`]);
            await forge(path, [...credentials, `${spelling}: ${FORGED}`], { connection: `close, ${spelling}` });
          }
          await forge(path, [...credentials, ...WEBSOCKET, `${header}: ${FORGED}`], { connection: `Upgrade, ${header}` });
        }
      }
    });

    test("a header that the proxy has no value for is empty or absent, not the client's", async () => {
      const bare = await provider.mint({ claims: { sub: '', email: null, name: null } });
      for (const header of Object.keys(IDENTITY[kind])) {
        await forge('/open/x', [`${header}: ${FORGED}`]);
        await forge('/x', [`Authorization: Bearer ${bare}`, `${header}: ${FORGED}`]);
      }
    });

    test('the address, scheme and host of a request are those that the proxy sees, and no header changes them', async () => {
      for (const header of [...REQUEST_NAMES, ...ORIGIN_NAMES]) {
        for (const spelling of spellingsOf(header)) {
          await forge('/open/x', [`${spelling}: ${FORGED}`]);
          await forge('/open/x', [`${spelling}: ${FORGED}`], { connection: `close, ${spelling}` });
        }
      }
      const { requests } = await reached(api, () =>
        raw(
          front.url,
          '/open/x',
          ['X-Forwarded-For: 203.0.113.9', 'X-Real-IP: 203.0.113.9', 'X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: gopher'],
          { host: HOST },
        ),
      );
      for (const { headers } of requests) {
        assert.deepEqual([headers['x-forwarded-for'], headers['x-forwarded-host'], headers['x-forwarded-proto']], ['127.0.0.1', HOST, 'http']);
      }
    });

    test('a client cannot choose the host whose routes apply to it', async () => {
      for (const host of [HOST, `${HOST}:80`, new URL(front.url).host]) {
        const { result, requests } = await reached(api, () => raw(front.url, '/open/x', [], { host }));
        assert.deepEqual([result.status, requests.length], [200, 1], host);
        assert.deepEqual((await reached(api, () => raw(front.url, '/hosted/x', [], { host }))).requests, [], host);
      }
      // The proxy's file does not list these hosts. Some of them have laxer routes.
      for (const host of ['status.example.com', 'status.example.com:80', 'STATUS.example.com', 'status.example.com.', 'open.example.com', '']) {
        const bearer = `Authorization: Bearer ${token}`;
        /** @type {[string, string[]][]} */
        const targets = [
          ['/admin/secrets', []],
          ['/admin/secrets', [bearer]],
          ['/open/x', []],
          [`http://${host || 'status.example.com'}/admin/secrets`, []],
        ];
        for (const [target, lines] of targets) {
          const { requests } = await reached(api, () => raw(front.url, target, lines, { host }));
          assert.deepEqual(requests, [], `${host} ${target}`);
        }
      }
      const absolute = await reached(api, () => raw(front.url, 'http://status.example.com/admin/secrets', [], { host: HOST }));
      assert.deepEqual(absolute.requests, []);
      for (const host of [`${HOST}.`, `${HOST}..`, `${HOST}:443:443`, `x@${HOST}`, `${HOST}/open/x?`]) {
        // nginx reads some of these as the API's own host. Then the routes of that host apply.
        assert.deepEqual((await reached(api, () => raw(front.url, '/hosted/x', [], { host }))).requests, [], host);
      }
      const odd = [
        'admin.example.com',
        'ADMIN.example.com',
        'admin.example.com.',
        'admin.example.com:80',
        'admin.example.com..',
        '.admin.example.com',
        'admin.example.com:443:443',
        '[admin.example.com]',
        'x@admin.example.com',
        'admin.example.com/open/x?',
        'open.example.com/healthz?',
        'open.example.com/ext-authz/open/x?',
      ];
      for (const host of odd) {
        for (const lines of [
          [],
          ['X-Forwarded-Host: open.example.com'],
          ['X-Original-Host: open.example.com'],
          ['Host: open.example.com'],
          ['X-Host: open.example.com'],
          ['Forwarded: host=open.example.com'],
        ]) {
          const { result, requests } = await reached(api, () => raw(front.url, '/open/x', lines, { host }));
          // Caddy answers an empty 200 for a host that its file does not list.
          assert.deepEqual(
            [requests, result.status >= 400 || (kind === 'Caddy' && result.body === '')],
            [[], true],
            `${host} ${lines}: ${result.status}`,
          );
        }
      }
    });

    test('a client cannot hide headers from the question or from the API by naming them in Connection', async () => {
      const names = Object.keys(IDENTITY[kind]);
      for (const connection of [...names, names.join(), 'X-Forward-Auth-Secret', 'X-Forwarded-Host, X-Forwarded-Uri, X-Original-URI'].map(
        (name) => `close, ${name}`,
      )) {
        const { result, requests } = await reached(api, () => raw(front.url, '/x', [`Authorization: Bearer ${token}`], { connection }));
        // Envoy itself refuses some of these.
        if (kind !== 'Envoy' || result.status !== 400) assert.deepEqual([result.status, requests.length], [200, 1], connection);
        if (requests.length === 0) continue;
        for (const name of names) assert.equal(requests[0].headers[name] ?? '', PERSON[IDENTITY[kind][name]] ?? '', `${name}: ${connection}`);
        await forge('/open/x', [`X_User_Id: ${FORGED}`, `X-Original-URL: ${FORGED}`], { connection: `${connection}, X_User_Id, X-Original-URL` });
      }
    });

    test('no answer to TRACE shows the identity headers', async () => {
      for (const method of ['TRACE', 'TRACK', 'trace']) {
        const { result, requests } = await reached(api, () => raw(front.url, '/x', [`Authorization: Bearer ${token}`], { method }));
        assert.deepEqual([requests, result.status >= 400], [[], true], `${method}: ${result.status}`);
      }
    });

    test('a query passes as the client sent it', async () => {
      for (const query of ['a=1&b=2', 'a={b}', 'a="b"', 'a=<b>']) {
        const { result, requests } = await reached(api, () => raw(front.url, `/open/x?${query}`));
        // workerd refuses such a URL, and the URL of Envoy's question contains the client's query.
        const expected = kind === 'Envoy' && /["<]/.test(query) ? [400, undefined] : [200, `/open/x?${query}`];
        assert.deepEqual([result.status, requests[0]?.url], expected);
      }
    });

    test('only an upgrade to WebSocket reaches the API, so no client opens a tunnel past the checks', async () => {
      for (const upgrade of [
        ['h2c'],
        ['HTTP/2.0'],
        ['tunnel/1'],
        ['websocket, h2c'],
        ['h2c, websocket'],
        ['websocket', 'h2c'],
        ['h2c', 'websocket'],
      ]) {
        for (const path of ['/open/x', '/x']) {
          for (const connection of ['Upgrade', 'Upgrade, HTTP2-Settings']) {
            const lines = [
              `Authorization: Bearer ${token}`,
              'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
              ...upgrade.map((one) => `Upgrade: ${one}`),
              ...WEBSOCKET.slice(1),
            ];
            const { result, requests } = await reached(api, () => raw(front.url, path, lines, { connection }));
            for (const { headers } of requests) {
              assert.ok([undefined, 'websocket'].includes(headers.upgrade), `${upgrade}: ${headers.upgrade}`);
              assert.equal(headers['http2-settings'], undefined);
            }
            if (result.status === 101) assert.equal(requests[0].headers.upgrade, 'websocket');
          }
        }
      }
    });

    test('a client cannot describe another request than its own', async () => {
      const descriptions = [
        'X-Forward-Auth-Path: /open/x',
        'X-Original-URI: /open/x',
        'X-Original-Method: POST',
        'X-Original-Host: h',
        'X-Forwarded-Uri: /open/x',
        'X-Forwarded-Method: POST',
        `X-Forward-Auth-Secret: ${SECRET}`,
      ];
      // A proxy overwrites its own headers; those of the others are refused.
      for (const lines of [descriptions, ...descriptions.map((line) => [line])]) {
        const { result, requests } = await reached(api, () => raw(front.url, '/profiles', lines));
        assert.ok([401, 403].includes(result.status), `${lines}: ${result.status}`);
        assert.deepEqual(requests, []);
      }
    });

    test('path tricks do not open a closed route', async () => {
      const targets = [
        '/open/../x',
        '/open/%2e%2e/x',
        '/open/..%2fx',
        '/open%2f..%2fx',
        '/open/..;/x',
        '/open/%252e%252e/x',
        '//open/../x',
        '/open\\..\\x',
        '/open/..%5cx',
        '/admin/../../healthz',
        '/admin/%2e%2e/%2e%2e/healthz',
        '/admin/../../../openapi.json',
        '/..//open/x',
        'http://open.example.com/x',
        '/x#/../open/x',
        '/open/a%00',
        '//open/x',
      ];
      for (const target of targets) {
        const { result, requests } = await reached(api, () => raw(front.url, target));
        assert.ok(
          [400, 401, 403, 404, 421].includes(result.status) ||
            (result.status === 200 && requests.every(({ url }) => url.startsWith('/open') && !/\.\.|%2e|%2f|;|\\|%5c|#/i.test(url))),
          `${target}: ${result.status} ${requests[0]?.url}`,
        );
      }
    });

    test('a preflight is answered by the proxy and never reaches the API', async () => {
      const { result, requests } = await reached(api, () =>
        fetch(new URL('/profiles', front.url), { method: 'OPTIONS', headers: { origin: APP, 'access-control-request-method': 'PUT' } }),
      );
      assert.ok([200, 204].includes(result.status), `${result.status}`);
      assert.equal(result.headers.get('access-control-allow-origin'), APP);
      assert.match(result.headers.get('access-control-allow-methods'), /PUT/);
      assert.deepEqual(requests, []);
      const other = await reached(api, () =>
        fetch(new URL('/profiles', front.url), {
          method: 'OPTIONS',
          headers: { origin: 'https://evil.example', 'access-control-request-method': 'PUT' },
        }),
      );
      assert.equal(other.result.headers.get('access-control-allow-origin'), null);
      assert.deepEqual(other.requests, []);
    });

    test('a WebSocket is verified, then passed', async () => {
      const open = (headers) =>
        new Promise((resolve, reject) => {
          const socket = new WebSocket(front.url.replace('http', 'ws') + '/live', /** @type {any} */ ({ headers }));
          socket.addEventListener('open', () => resolve(socket), { once: true });
          socket.addEventListener('error', () => reject(new Error('refused')), { once: true });
        });
      const { requests } = await reached(api, () => assert.rejects(open({})));
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
      const sending = httpRequest({
        hostname,
        port,
        path: '/sink',
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-length': 64 << 20 },
      });
      Readable.from(megabytes(64)).pipe(sending);
      const [answer] = await once(sending, 'response');
      answer.resume();
      assert.equal(answer.statusCode, 200);
      assert.equal(api.bodies.at(-1), 64 << 20);
    });

    test('an outage of the identity provider stops the request, and is not called a bad token', async () => {
      outage.behaviour = 'down';
      const { result, requests } = await reached(api, async () =>
        answerOf(await ask('/profiles', { headers: { authorization: `Bearer ${await outage.mint()}` } })),
      );
      // nginx's file turns it into a 503; the others relay the answer unchanged.
      assert.equal(result.status, kind === 'nginx' ? 503 : 403);
      assert.ok(Number(result.headers.get('retry-after')) > 0);
      assert.equal(result.headers.get('www-authenticate'), null);
      if (kind !== 'nginx') assert.equal(result.body.code, 'jwks_unavailable');
      assert.deepEqual(requests, []);
    });
  });
}

// The change that docs/forward-auth.md requires for a route with `allow_in_path`.
const KEPT_SLASHES = ['path_with_escaped_slashes_action: REJECT_REQUEST', 'path_with_escaped_slashes_action: KEEP_UNCHANGED'];
for (const [name, proxy] of Object.entries(PROXIES)) {
  suite(`forward-auth with ${name} where a route allows encoded slashes and semicolons`, { skip: proxy.skip }, () => {
    const kind = name.split(' ')[0];
    const use = lifetime(after);
    test('the API gets the path that was checked, and no other route is opened', async () => {
      const { api, provider, upstreams } = await createScene(use);
      const front = await use(proxy.start(upstreams, kind === 'Envoy' ? [KEPT_SLASHES] : []));
      for (const target of [
        '/packages/@scope%2Fname',
        '/packages/group%2Fsub%2Fproject?a=%2F',
        '/packages/a;v=1',
        '/packages/a%3Bv=1',
        '/packages/a%2Fb;v=1/c',
      ]) {
        const { result, requests } = await reached(api, () => raw(front.url, target));
        assert.deepEqual([result.status, requests.map(({ url }) => url)], [200, [target]], front.output());
      }
      const token = await provider.mint();
      const tricks = [
        '/packages/admin%2Fx',
        '/packages/admin;v=1/x',
        '/packages/admin%3Bv=1/x',
        '/packages%2Fx',
        '/packages;v=1/x',
        '/packages/..%2Fadmin%2Fx',
        '/packages/x%2F..%2Fadmin%2Fx',
        '/packages/x/..;/admin/x',
        '/packages/..;v=1/admin/x',
        '/packages/x%252Fy',
        '/packages/x%2F%5Cy',
        '/packages/x%2F%2Fy',
        '/packages/x;v=1%2Fy',
        '/packages/x%3Bv=1%2Fy',
        '/open/x%2Fy',
        '/open/x;y',
      ];
      for (const target of tricks) {
        const { result, requests } = await reached(api, () => raw(front.url, target, [`Authorization: Bearer ${token}`]));
        assert.deepEqual([requests, result.status >= 400], [[], true], `${target}: ${result.status}`);
      }
    });
  });
}

// The documented files as the only defence: the server that they ask accepts every request.
for (const [name, proxy] of Object.entries(PROXIES)) {
  suite(`the documented file of ${name} alone`, { skip: proxy.skip }, () => {
    const kind = name.split(' ')[0];
    const use = lifetime(after);
    let api, front;
    before(async () => {
      api = await use(createApi());
      const worker = await use(createYesMan(Object.keys(IDENTITY[kind])));
      front = await use(proxy.start({ worker: worker.url, api: api.url, secret: SECRET }));
    });
    const seen = async (lines, options) => {
      const { requests } = await reached(api, () => raw(front.url, '/open/x', lines, { host: HOST, ...options }));
      return requests;
    };

    test('accepts only an upgrade to WebSocket', async () => {
      for (const upgrade of [['h2c'], ['tunnel/1'], ['websocket, h2c'], ['websocket', 'h2c'], ['h2c', 'websocket']]) {
        for (const connection of ['Upgrade', 'Upgrade, HTTP2-Settings']) {
          const lines = ['HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA', ...WEBSOCKET.slice(1), ...upgrade.map((one) => `Upgrade: ${one}`)];
          for (const { headers } of await seen(lines, { connection })) {
            assert.ok([undefined, 'websocket'].includes(headers.upgrade), `${upgrade}: ${headers.upgrade}`);
            assert.equal(headers['http2-settings'], undefined);
          }
        }
      }
      const [{ headers }] = await seen(['Upgrade: WebSocket', ...WEBSOCKET.slice(1)], { connection: 'Upgrade' });
      assert.equal(headers.upgrade.toLowerCase(), 'websocket');
    });

    test('sets the identity and address headers itself', async () => {
      const own = { nginx: 'x-original-', Caddy: 'x-forwarded-', Traefik: 'x-forwarded-', Envoy: 'x-forward-auth-' }[kind];
      const received = REQUEST_NAMES.filter((header) => header.startsWith(own) || header === 'x-forward-auth-secret');
      for (const header of [
        ...Object.keys(IDENTITY[kind]),
        ...ORIGIN_NAMES,
        ...received,
        'authorization',
        'proxy-authorization',
        'x-forwarded-host',
      ]) {
        for (const lines of [[`${header}: ${FORGED}`], [`${header}: ${FORGED}`, `${header}: ${FORGED}`]]) {
          const requests = await seen(lines);
          // nginx itself refuses a second Authorization header.
          if (lines.length === 1) assert.equal(requests.length, 1, header);
          for (const { rawHeaders } of requests) assert.ok(!JSON.stringify(rawHeaders).includes(FORGED), `${header}: ${rawHeaders}`);
        }
      }
    });
  });
}

// A server that answers in place of the Worker gets the secret and the token, and can let any request pass.
for (const [name, proxy] of Object.entries(PROXIES)) {
  suite(`the documented file of ${name} before a Worker with a certificate`, { skip: proxy.skip }, () => {
    const use = lifetime(after);
    const ask = async (certificate, ca) => {
      const api = await use(createApi());
      const worker = await use(createSecureYesMan(certificate));
      const front = await use(proxy.start({ worker: worker.url, api: api.url, secret: SECRET, ca, ready: [200, 403, 500, 502, 503] }));
      const { result, requests } = await reached(api, () => raw(front.url, '/x', ['Authorization: Bearer the.clients.token'], { host: HOST }));
      return { status: result.status, requests: requests.length, received: worker.received };
    };

    test('asks only a Worker with a valid certificate, and sends no secret or token to another server', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'edge-assay-'));
      await use(Promise.resolve({ close: () => rmSync(folder, { recursive: true, force: true }) }));
      const names = ['assay.example.workers.dev', 'assay.example.com'].map((name) => `DNS:${name}`).join();
      const good = selfSigned(folder, 'good', `${names},IP:127.0.0.1`);
      const other = selfSigned(folder, 'other', `${names},IP:127.0.0.1`);
      const another = selfSigned(folder, 'another', 'DNS:evil.example');
      const trusted = join(folder, 'trusted.pem');
      writeFileSync(trusted, good.cert + another.cert);
      const known = await ask(good, trusted);
      assert.deepEqual([known.status, known.requests], [200, 1]);
      assert.ok(
        known.received.some((received) => received.includes(SECRET)) && known.received.some((received) => received.includes('the.clients.token')),
      );
      for (const certificate of [other, another]) {
        const { status, requests, received } = await ask(certificate, trusted);
        assert.deepEqual([requests, received, status >= 400], [0, [], true], `${status}`);
      }
    });
  });
}

/** A self-signed certificate for these names. */
function selfSigned(folder, name, names) {
  const [key, cert] = ['key', 'cert'].map((kind) => join(folder, `${name}-${kind}.pem`));
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=${names}`,
    '-keyout',
    key,
    '-out',
    cert,
  ];
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

/** Answers 200 to every question over TLS, and records the headers. */
async function createSecureYesMan({ key, cert }) {
  const received = [];
  const server = createSecureServer({ key, cert }, (request, response) => {
    received.push(JSON.stringify(request.headers));
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
    received,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers 200 to every question except those about `/`, with these headers empty. */
async function createYesMan(headers) {
  const server = createServer((request, response) => {
    const asked = request.headers['x-original-uri'] ?? request.headers['x-forwarded-uri'] ?? request.url.replace('/ext-authz', '');
    for (const header of headers) response.setHeader(header, '');
    response.writeHead(asked === '/' ? 401 : 200).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

// The Worker as the only defence: parts of the documented files are missing.
const oldCaddy = PROXIES[`Caddy ${WHEELS.oldCaddy.version}`];
suite('forward-auth with a Caddyfile that deletes nothing first', { skip: oldCaddy.skip }, () => {
  const use = lifetime(after);
  test('an empty value that Caddy does not copy leaves no identity of the client in its place', async () => {
    const { api, provider, upstreams } = await createScene(use);
    const deletions = Object.keys(IDENTITY.Caddy).map((header) => [new RegExp(`request_header -${header}\\n`, 'i'), '\n']);
    const front = await use(oldCaddy.start(upstreams, deletions));
    const token = await provider.mint();
    for (const [path, credentials] of Object.entries({ '/open/x': [], '/x': [`Authorization: Bearer ${token}`] })) {
      for (const header of Object.keys(IDENTITY.Caddy)) {
        const { result, requests } = await reached(api, () => raw(front.url, path, [...credentials, `${header}: ${FORGED}`]));
        assert.deepEqual([result.status, requests], [403, []], header);
      }
      assert.equal((await raw(front.url, path, credentials)).status, 200);
    }
  });
});

const behindLoadBalancer = {
  [`Caddy ${WHEELS.caddy.version}`]: ['\tadmin off\n', '\tadmin off\n\tservers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}\n'],
  Traefik: ['    # Leave forwardedHeaders', '    forwardedHeaders: { insecure: true }\n    # Leave forwardedHeaders'],
};
for (const [name, change] of Object.entries(behindLoadBalancer)) {
  suite(`forward-auth with a ${name} that trusts a load balancer in front of it`, { skip: PROXIES[name].skip }, () => {
    const use = lifetime(after);
    test('a client whose headers the load balancer passes on cannot change the request that is checked', async () => {
      const { api, upstreams } = await createScene(use);
      const front = await use(PROXIES[name].start(upstreams, [change]));
      for (const lines of [
        ['X-Forwarded-Host: open.example.com'],
        ['X-Forwarded-Uri: /open/x'],
        ['X-Forwarded-Method: POST'],
        ['X-Forwarded-User: root'],
        ['X-Forwarded-Prefix: /open'],
        ['Forwarded: host=open.example.com'],
      ]) {
        for (const path of ['/hosted/x', '/admin/x', '/posts']) {
          const { result, requests } = await reached(api, () => raw(front.url, path, ['X-Forwarded-For: 203.0.113.9', ...lines], { host: HOST }));
          assert.deepEqual([requests, result.status >= 400], [[], true], `${path} ${lines}: ${result.status}`);
        }
      }
      const { requests } = await reached(api, () => raw(front.url, '/open/x', ['X-Forwarded-For: 203.0.113.9'], { host: HOST }));
      assert.match(requests[0].headers['x-forwarded-for'], /^203\.0\.113\.9/);
    });
  });
}

// The lines of the table of load balancers in docs/forward-auth.md, and their places in the files.
const rows = readFileSync(new URL('../../docs/forward-auth.md', import.meta.url), 'utf8')
  .split('| load balancer |')[1]
  .split('\n\n')[0]
  .split('\n')
  .slice(2);
const LOAD_BALANCERS = rows
  .map((row) => row.split('|').map((cell) => cell.trim()))
  .map(([, , header, ...lines]) => ({ header: header.replaceAll('`', ''), lines }));
const PLACES = {
  nginx: ['proxy_http_version 1.1;', 2],
  Caddy: ['\t\t\trequest_header -X-User-Id\n', 3],
  Traefik: ['          X-Forward-Auth-Secret: "a secret', 10],
  Envoy: ['                        - remove: forwarded\n', 24],
};
for (const [name, proxy] of Object.entries(PROXIES)) {
  suite(`forward-auth with ${name} behind the load balancers that the page names`, { skip: proxy.skip }, () => {
    const use = lifetime(after);
    test('their requests pass with the lines of the page, and the API does not see their headers', async () => {
      const kind = name.split(' ')[0];
      const { api, upstreams } = await createScene(use);
      const column = Object.keys(PLACES).indexOf(kind);
      const lines = LOAD_BALANCERS.map((row) => row.lines[column].match(/`([^/`].*?)`/)?.[1]).filter(Boolean);
      assert.ok(lines.length >= 2);
      const [anchor, indent] = PLACES[kind];
      const space = (kind === 'Caddy' ? '\t' : ' ').repeat(indent);
      const change = [[anchor, `${lines.map((line) => `${space}${line}\n`).join('')}${anchor}`]];
      const front = await use(kind === 'Traefik' ? proxy.start(upstreams, [], change) : proxy.start(upstreams, change));
      assert.deepEqual(
        LOAD_BALANCERS.map(({ header }) => header),
        ['X-Original-Host', 'X-Forwarded-Client-Cert', 'X-Original-URL'],
      );
      for (const { header } of LOAD_BALANCERS) {
        const { result, requests } = await reached(api, () => raw(front.url, '/open/x', [`${header}: ${FORGED}`]));
        assert.deepEqual([result.status, requests.length], [200, 1], `${header}: ${result.body}`);
        assert.ok(!JSON.stringify(requests[0].rawHeaders).includes(FORGED), header);
      }
    });
  });
}

suite('forward-auth with an Envoy that normalises nothing and removes nothing', { skip: PROXIES.Envoy.skip }, () => {
  const use = lifetime(after);
  test('no other endpoint of the Worker accepts a question, and the checked path is the path that the API gets', async () => {
    const { api, upstreams } = await createScene(use);
    const front = await use(
      PROXIES.Envoy.start(upstreams, [
        ['normalize_path: true', 'normalize_path: false'],
        ['merge_slashes: true', 'merge_slashes: false'],
        ['path_with_escaped_slashes_action: REJECT_REQUEST', 'path_with_escaped_slashes_action: KEEP_UNCHANGED'],
        ['- remove: x-forwarded-host', '- remove: x-unused'],
        [`domains: ["${HOST}", "${HOST}:*"]`, 'domains: ["*"]'],
      ]),
    );
    const endpoints = ['healthz', 'readyz', 'verify', 'openapi.json', 'forward-auth', 'auth-request', 'ext-authz/open/x'];
    const targets = [
      ...endpoints.flatMap((endpoint) => [`/admin/../../${endpoint}`, `/admin/%2e%2e/%2e%2e/${endpoint}`]),
      '/admin/../open/x',
      '/open/..\\admin',
      '/open\\x',
      '//open/x',
      '/open/x#/../../admin',
    ];
    for (const target of targets) {
      for (const lines of [[], ['X-Forward-Auth-Path: /open/x'], ['X-Envoy-Original-Path: /open/x'], ['X-Original-URI: /open/x']]) {
        const { result, requests } = await reached(api, () => raw(front.url, target, lines));
        assert.deepEqual([requests, result.status >= 400], [[], true], `${target} ${lines}: ${result.status}`);
      }
    }
    // Without configuration Envoy neither sets nor removes X-Forwarded-Host.
    const { result, requests } = await reached(api, () =>
      raw(front.url, '/open/x', ['X-Forwarded-Host: open.example.com'], { host: 'admin.example.com' }),
    );
    assert.deepEqual([result.status, requests], [403, []]);
    assert.equal((await raw(front.url, '/open/x?a={b}&c=%22')).status, 200);
  });
});

suite('a question in workerd', () => {
  const use = lifetime(after);
  test("gets 403 at every path and host to which the client's path or host leads", async () => {
    const { worker } = await createScene(use);
    const ask = (target, path, host) => raw(worker.urls[0], target, [`X-Forward-Auth-Secret: ${SECRET}`, `X-Forward-Auth-Path: ${path}`], { host });
    assert.equal((await ask('/ext-authz/open/x', '/open/x', 'h')).status, 200);
    for (const endpoint of ['healthz', 'readyz', 'verify', 'openapi.json', 'nothing']) {
      const path = `/admin/../../${endpoint}`;
      // Cloudflare removes the dot segments, workerd leaves them in the URL.
      for (const [target, code] of [
        [`/ext-authz${path}`, 'path_refused'],
        [`/${endpoint}`, 'forward_auth_misdirected'],
      ]) {
        const answer = await ask(target, path, 'h');
        assert.deepEqual([answer.status, answer.headers.get('x-assay-code')], [403, code], target);
      }
      const hosted = await ask('/ext-authz/admin', '/admin', `h/${endpoint}?`);
      assert.ok([400, 403].includes(hosted.status), `${endpoint}: ${hosted.status}`);
    }
    for (const host of [
      'admin.example.com..',
      '.admin.example.com',
      'a:443:443',
      '[admin.example.com]',
      'open@admin.example.com',
      'h/ext-authz/open/x?',
    ]) {
      const answer = await ask('/ext-authz/open/x', '/open/x', host);
      assert.ok([400, 403].includes(answer.status), `${host}: ${answer.status}`);
    }
  });
});
