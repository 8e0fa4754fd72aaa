// The gateway of the built Worker in workerd, in front of a real Node server that records its requests: which requests reach it, with which
// headers, how streams pass, and how the gateway answers if the upstream misbehaves.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { decodeJwt } from 'jose';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { signingKeys } from '../../demo/signing-keys.mjs';
import { createApi, megabytes } from './support/api.mjs';
import { startBetterAuth } from './support/better-auth.mjs';
import { during } from './support/lifetime.mjs';
import { canMeasure, growthDuring } from './support/memory.mjs';
import { raw } from './support/raw.mjs';
import { epochSeconds } from './support/tokens.mjs';
import { answerOf, eventually, startWorker, trusting } from './support/worker.mjs';

const APP = 'https://app.example.com';
const API = 'https://api.example.com';
const HEADERS = { 'x-user-id': '/sub', 'x-user-email': '/email', 'x-missing': '/no/such/claim' };
// workerd's own buffers and V8's heap vary by this much. A body that is kept in memory would take 1000 MB.
const MOST_MEGABYTES = 150;

const SERVICE = `
export default {
  async fetch(request) {
    if (new URL(request.url).pathname.endsWith('/cache')) return Response.json({ cf: request.cf ?? null, headers: Object.fromEntries(request.headers) });
    return Response.json({ url: request.url, method: request.method, user: request.headers.get('x-user-id'),
      authorization: request.headers.get('authorization'), length: (await request.text()).length });
  },
};`;

// Counts the timers that the Worker begins, and those that have neither fired nor been cleared.
const COUNTED_TIMERS = `
import handlers from './index.js';
const { setTimeout: begin, clearTimeout: end } = globalThis;
const pending = new Set();
let begun = 0;
globalThis.setTimeout = (run, ...rest) => {
  const timer = begin((...args) => { pending.delete(timer); run(...args); }, ...rest);
  pending.add(timer);
  begun += 1;
  return timer;
};
globalThis.clearTimeout = (timer) => { pending.delete(timer); end(timer); };
export default {
  fetch: (request, env, context) =>
    new URL(request.url).pathname === '/timers' ? Response.json({ begun, pending: pending.size }) : handlers.fetch(request, env, context),
};`;

suite('the gateway', () => {
  let identityProvider, provider, api, worker, token;
  const ask = (path, init = {}) => worker.fetch(path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
  const reached = async (work) => {
    const before = api.requests.length;
    const result = await work();
    return { result, requests: api.requests.slice(before) };
  };

  before(async () => {
    identityProvider = await createIdentityProvider({ providers: [{ name: 'better-auth' }] });
    [provider] = identityProvider.providers;
    api = await createApi();
    const { config, secrets } = trusting([provider]);
    config.endpoints = { prefix: '/_assay' };
    config.exchange = { issuer: 'https://auth.example.com', targets: [{ audience: API, from: [provider.issuer] }] };
    const upstream = api.url;
    config.gateway = {
      timeout_ms: 1000,
      routes: [
        { path: '/*', upstream, headers: HEADERS },
        { path: '/open/*', upstream, public: true, headers: HEADERS },
        { path: '/admin/*', upstream, require: { scopes: ['admin'] } },
        { path: '/cookies', upstream, cors: { origins: [APP], credentials: true } },
        { path: '/cors/*', upstream, cors: { origins: [APP] } },
        { path: '/service/*', upstream: { service: 'PROFILES' }, headers: HEADERS },
        { path: '/unbound', upstream: { service: 'NOWHERE' } },
        { path: '/closed', upstream: 'http://127.0.0.1:9' },
        { path: '/exchanged', upstream, credential: { exchange: API } },
        { path: '/forwarded', upstream, credential: 'forward' },
        { path: '/cached/*', upstream, cache: 'zone' },
        { path: '/packages/*', upstream, public: true, allow_in_path: ['encoded_slash', 'semicolon'] },
        { path: '/packages/admin/*', upstream, allow_in_path: ['encoded_slash', 'semicolon'] },
        { path: '/service/packages/*', upstream: { service: 'PROFILES' }, allow_in_path: ['encoded_slash', 'semicolon'] },
      ],
    };
    const keys = await signingKeys(['ES256'], { age: 3600 });
    worker = await startWorker({ config, secrets: { ...secrets, SIGNING_KEYS: keys }, services: { PROFILES: SERVICE } });
    token = await provider.mint();
  });
  after(async () => {
    await worker.dispose();
    await api.close();
    await identityProvider.close();
  });

  test('only verified requests reach the API', async () => {
    const expired = await provider.mint({ expired: true });
    const { requests } = await reached(async () => {
      /** @type {[string | undefined, number, string][]} */
      const refused = [
        [undefined, 401, 'token_missing'],
        ['Bearer null', 401, 'token_missing'],
        ['Basic dTpw', 401, 'token_missing'],
        [`Bearer ${expired}`, 401, 'token_expired'],
        [`Bearer ${token}, Bearer ${token}`, 400, 'request_ambiguous'],
        [`Bearer ${token.slice(0, -8)}AAAAAAAA`, 401, 'signature_invalid'],
      ];
      for (const [authorization, status, code] of refused) {
        for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
          const { status: found, body } = await answerOf(await worker.fetch('/x', { method, headers: authorization ? { authorization } : {} }));
          assert.deepEqual([found, body.code], [status, code], `${method} with ${authorization?.slice(0, 12)}`);
        }
      }
      assert.equal((await answerOf(await ask('/admin/x'))).body.code, 'scope_insufficient');
      await assert.rejects(websocket('/x'));
    });
    assert.deepEqual(requests, []);
    assert.equal((await ask('/x')).status, 200);
  });

  test('only the gateway sets the identity headers: every header times every spelling', async () => {
    const names = [
      'x-user-id',
      'x-user-email',
      'x-missing',
      'x-forwarded-for',
      'x-forwarded-user',
      'x-auth-request-user',
      'remote-user',
      'forwarded',
      'x-real-ip',
      'x-http-method-override',
      'x-original-url',
    ];
    const fold = (name) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
    for (const path of ['/x', '/open/x', '/cors/x']) {
      for (const name of names) {
        const spellings = new Set([
          name,
          name.toUpperCase(),
          ...['_', '.', '~', '!', "'"].flatMap((other) => [name.replaceAll('-', other), name.toUpperCase().replace('-', other)]),
        ]);
        for (const spelling of spellings) {
          const lines = [`${spelling}: root`, `${spelling.toUpperCase()}: root`, `Connection: ${spelling}, x-user-id`];
          const { result, requests } = await reached(() => raw(worker.urls[0], path, [`Authorization: Bearer ${token}`, ...lines]));
          // workerd refuses some spellings as header names. Then no request may reach the API.
          if (result.status !== 200) assert.equal(requests.length, 0, `${spelling}: ${result.status}`);
          for (const { rawHeaders } of requests) {
            const values = rawHeaders.filter((_, index) => index % 2 === 1);
            assert.ok(!values.some((value) => value.includes('root')), `${spelling} on ${path}: ${JSON.stringify(rawHeaders)}`);
            const same = rawHeaders.filter((given, index) => index % 2 === 0 && fold(given) === fold(name));
            assert.ok(same.length <= 1, `${spelling} on ${path}: ${same}`);
          }
        }
      }
    }
  });

  test('configured headers are always set, and empty if the claim is absent', async () => {
    const { body } = await answerOf(await ask('/x', { headers: { 'x-custom': 'kept' } }));
    assert.equal(body.headers['x-user-id'], '0b9f7c6e-2d61-4f0a-b6a7-5b1e6e2a9c34');
    assert.equal(body.headers['x-user-email'], 'grace@example.com');
    assert.equal(body.headers['x-missing'], '');
    assert.equal(body.headers['x-custom'], 'kept');
    assert.equal(body.headers.authorization, undefined);
    const { host } = new URL(worker.urls[0]);
    assert.equal(body.headers['x-forwarded-host'], host);
    assert.equal(body.headers['x-forwarded-proto'], 'http');
    assert.equal(body.headers.forwarded, `for=unknown;host="${host}";proto=http`);
    assert.equal(body.headers.host, new URL(api.url).host);

    const anonymous = await answerOf(await worker.fetch('/open/x'));
    assert.equal(anonymous.status, 200);
    for (const name of Object.keys(HEADERS)) assert.equal(anonymous.body.headers[name], '', name);
    const expired = await worker.fetch('/open/x', { headers: { authorization: `Bearer ${await provider.mint({ expired: true })}` } });
    assert.equal(expired.status, 401);
  });

  test('the matched path is the path that the API gets', async () => {
    for (const [target, expected] of [
      ['/open/a?b=%2F..;&c', '/open/a?b=%2F..;&c'],
      ['//open//a', '/open/a'],
      ['/%6fpen/%61', '/open/a'],
      ['/open/%c3%a9', '/open/%C3%A9'],
      ['/open/a%2Cb', '/open/a%2Cb'],
      ['/open/{a}|b', '/open/%7Ba%7D%7Cb'],
      ['/open/100%25', '/open/100%25'],
    ]) {
      const { result, requests } = await reached(() => raw(worker.urls[0], target));
      assert.equal(result.status, 200, target);
      assert.deepEqual(
        requests.map(({ url }) => url),
        [expected],
        target,
      );
    }
    const tricks = [
      '/open/../x',
      '/open/./a',
      '/open/%2e%2e/x',
      '/open/.%2E/x',
      '/open%2fa',
      '/open/..%2Fx',
      '/open\\..\\x',
      '/open%5ca',
      '/open/a%00',
      '/open/a%0d%0ax',
      '/open;a/b',
      '/open/..;/x',
      '/open/%252e%252e/x',
      '/open/a%',
      '/open/%ff',
    ];
    for (const target of tricks) {
      const { result, requests } = await reached(() => raw(worker.urls[0], target));
      assert.deepEqual([result.status, requests], [400, []], target);
    }
  });

  test('an encoded slash and a semicolon reach the API unchanged where the route allows them, and open no other route', async () => {
    for (const [target, expected] of [
      ['/packages/@scope%2Fname', '/packages/@scope%2Fname'],
      ['/packages/%40scope%2fname?write=true', '/packages/%40scope%2Fname?write=true'],
      ['/packages/group%2Fsub%2Fproject/files/lib%2Fclass%2Erb', '/packages/group%2Fsub%2Fproject/files/lib%2Fclass.rb'],
      ['/packages/1;v=2/issues;sort=up', '/packages/1;v=2/issues;sort=up'],
      ['/packages/1%3bv=2', '/packages/1%3Bv=2'],
      ['//packages//a%2Fb;v=1', '/packages/a%2Fb;v=1'],
    ]) {
      const { result, requests } = await reached(() => raw(worker.urls[0], target));
      assert.deepEqual([result.status, requests.map(({ url }) => url)], [200, [expected]], target);
    }
    const tricks = [
      '/packages/admin%2Fx',
      '/packages/admin;v=1/x',
      '/packages/admin%3Bv=1/x',
      '/packages%2Fx',
      '/packages;v=1/x',
      '/packages/..%2Fx',
      '/packages/..%2f..%2fx',
      '/packages/x%2F..%2Fadmin%2Fx',
      '/packages/x/..;/admin/x',
      '/packages/..;v=1/x',
      '/packages/x%252Fadmin',
      '/packages/x%2F%5Cy',
      '/packages/x%2F%2Fy',
      '/packages/x%2F',
      '/packages/x;v=1%2Fy',
      '/packages/x%3bv=1%2fy',
      '/packages/;/x',
      '/x%2Fpackages;',
    ];
    for (const target of tricks) {
      const { result, requests } = await reached(() => raw(worker.urls[0], target, [`Authorization: Bearer ${token}`]));
      assert.deepEqual([result.status, requests], [400, []], target);
      assert.equal(JSON.parse(result.body).code, 'path_refused', target);
    }
    const { result, requests } = await reached(() => raw(worker.urls[0], '/packages/admin/a%2Fb'));
    assert.deepEqual([result.status, requests], [401, []]);
    const { body } = await answerOf(await ask('/service/packages/a%2Fb;v=1'));
    assert.equal(new URL(body.url).pathname, '/service/packages/a%2Fb;v=1');
  });

  test('status, headers and cookies come back as the API sent them', async () => {
    const cookies = await ask('/cookies', { headers: { origin: APP } });
    assert.deepEqual(cookies.headers.getSetCookie(), ['a=1; Path=/; Expires=Wed, 21 Oct 2099 07:28:00 GMT', 'b=2; HttpOnly', 'a=3']);
    assert.equal(cookies.headers.get('access-control-allow-origin'), APP);
    assert.equal(cookies.headers.get('access-control-allow-credentials'), 'true');
    assert.match(cookies.headers.get('vary'), /Accept.*Origin/);
    assert.equal(await cookies.text(), 'cookies');
    const otherOrigin = await ask('/cookies', { headers: { origin: 'https://evil.example' } });
    assert.equal(otherOrigin.headers.get('access-control-allow-origin'), null);
    await otherOrigin.text();

    const teapot = await ask('/teapot');
    assert.deepEqual([teapot.status, await teapot.text()], [418, 'tea']);
    for (const status of [204, 304, 404, 500]) {
      const response = await ask(`/status/${status}`);
      assert.deepEqual([response.status, response.headers.get('x-from'), await response.text()], [status, 'api', ''], `${status}`);
    }
    const redirect = await ask('/redirect');
    assert.deepEqual([redirect.status, redirect.headers.get('location')], [307, 'https://elsewhere.example/there?x=1']);
    const head = await ask('/x', { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
  });

  test('interim responses do no harm', async () => {
    const early = await ask('/early');
    assert.deepEqual([early.status, await early.text()], [200, 'final']);
  });

  test('methods and bodies are forwarded unchanged', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const { result, requests } = await reached(async () => answerOf(await ask('/sink', { method, body: 'twelve bytes' })));
      assert.deepEqual([result.status, result.body, requests[0].method], [200, '12', method]);
      assert.equal(requests[0].headers['content-length'], '12');
    }
  });

  test('an API may answer before it has read the body', async () => {
    const { status, body } = await answerOf(await ask('/teapot', { method: 'POST', body: 'x'.repeat(3_000_000) }));
    assert.deepEqual([status, body], [418, 'tea']);
    const hanging = await answerOf(await ask('/hang', { method: 'POST', body: 'read, and never answered' }));
    assert.deepEqual([hanging.status, hanging.body.code], [504, 'upstream_unavailable']);
  });

  test('an API that hangs is 504, an unreachable one is 502, and no answer names them', async () => {
    const begin = Date.now();
    for (const [path, status] of Object.entries({ '/hang': 504, '/reset': 502, '/closed': 502, '/unbound': 502 })) {
      const { status: found, headers, body } = await answerOf(await ask(path));
      assert.deepEqual([found, body.code], [status, 'upstream_unavailable'], path);
      assert.equal(headers.get('content-type'), 'application/problem+json');
      assert.doesNotMatch(JSON.stringify(body), /127\.0\.0\.1|NOWHERE|localhost/);
      const line = await worker.logged(({ event, route }) => event === 'upstream_failed' && path.startsWith(route.replace('/*', '')));
      assert.ok(line.upstream, JSON.stringify(line));
    }
    assert.ok(Date.now() - begin < 5000);
    assert.equal((await ask('/x')).status, 200);
  });

  test('the time limit is for the headers: a body may take longer', async () => {
    const late = await ask('/late');
    assert.equal(await late.text(), 'first last');
  });

  test('an upstream that hangs is given up once, in its time limit, with and without a body', async () => {
    const isOfHang = ({ event, route }) => event === 'upstream_failed' && route === '/*';
    for (const init of [{}, { method: 'POST', body: 'read, and never answered' }, { method: 'POST' }]) {
      const [lines, begin] = [worker.log().filter(isOfHang).length, Date.now()];
      const { status, body } = await answerOf(await ask('/hang', init));
      const milliseconds = Date.now() - begin;
      assert.deepEqual([status, body.code], [504, 'upstream_unavailable']);
      assert.ok(milliseconds >= 900 && milliseconds < 4000, `${milliseconds} ms`);
      // The end of a request that is given up is no second failure.
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(worker.log().filter(isOfHang).length, lines + 1, JSON.stringify(init));
    }
  });

  test('no timer outlives the headers of an answer', async () => {
    const { config, secrets } = trusting([provider]);
    config.gateway = {
      timeout_ms: 60_000,
      routes: [
        { path: '/*', upstream: api.url },
        { path: '/closed', upstream: 'http://127.0.0.1:9' },
      ],
    };
    const counted = await startWorker({ config, secrets, asker: COUNTED_TIMERS });
    try {
      const timers = async () => (await counted.fetch('/timers')).json();
      const send = (path, init = {}) => counted.fetch(path, { ...init, headers: { authorization: `Bearer ${token}` } });
      await (await send('/x')).text();
      await eventually(async () => (await timers()).pending === 0, 'the end of the timers of the first request');
      /** @type {[string, RequestInit?][]} */
      const requests = [['/x'], ['/x', { method: 'POST', body: 'a body' }], ['/late'], ['/reset'], ['/closed']];
      for (const [path, init] of requests) {
        const before = await timers();
        const response = await send(path, init);
        // The body of `/late` has not ended yet.
        assert.deepEqual(await timers(), { begun: before.begun + 1, pending: 0 }, `${init?.method ?? 'GET'} ${path}`);
        await response.text();
      }
    } finally {
      await counted.dispose();
    }
  });

  test('no cache may keep an answer unless the route says so, and an API still answers 304', async () => {
    const headersOf = async (path, headers) => (await answerOf(await ask(path, { headers }))).body.headers;
    const closed = await headersOf('/x');
    // The runtime adds `Pragma` if its own cache mode is `no-store`. A cache reads it only if there is no Cache-Control.
    assert.deepEqual([closed['cache-control'], closed.pragma], ['no-store', 'no-cache']);
    assert.equal((await headersOf('/x', { 'cache-control': 'max-age=0' }))['cache-control'], 'max-age=0, no-store');
    const open = await headersOf('/cached/x', { 'cache-control': 'max-age=0' });
    assert.deepEqual([open['cache-control'], open.pragma], ['max-age=0', undefined]);
    assert.equal((await headersOf('/cached/x'))['cache-control'], undefined);
    // The settings for Cloudflare's own cache, which a Worker behind a binding can see.
    const { body } = await answerOf(await ask('/service/cache'));
    assert.equal(body.cf.cacheControl, 'no-store');
    assert.deepEqual([body.cf.cacheTtl, body.cf.cacheLevel], [-1, 'bypass']);
    assert.equal(body.headers['cache-control'], 'no-store');
  });

  test("an API's own Cache-Control comes back as it was sent", async () => {
    const response = await ask('/control');
    assert.equal(response.headers.get('cache-control'), 'public, max-age=60');
    await response.text();
  });

  test('a GET or HEAD with a body is 400 and never reaches the API; Content-Length: 0 is no body', async () => {
    /** @type {[string, string[], string][]} */
    const bodies = [
      ['GET', ['Content-Length: 5'], 'hello'],
      ['HEAD', ['Content-Length: 5'], 'hello'],
      ['GET', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'],
      // A chunked body can be known to be empty only after it is read.
      ['GET', ['Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ];
    for (const [method, lines, body] of bodies) {
      const { result, requests } = await reached(() => raw(worker.urls[0], '/x', [`Authorization: Bearer ${token}`, ...lines, '', body], { method }));
      assert.deepEqual([result.status, requests], [400, []], `${method} with ${lines}`);
      if (method === 'GET') assert.match(result.body, /body_not_allowed/);
    }
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      const { status } = await raw(worker.urls[0], '/x', [`Authorization: Bearer ${token}`, 'Content-Length: 0'], { method });
      assert.equal(status, 200, method);
    }
    assert.equal(
      worker.log().some(({ event, detail }) => event === 'upstream_failed' && /body/.test(detail)),
      false,
    );
  });

  test('an answer to TRACE shows no client the headers that the API gets', async () => {
    const { result, requests } = await reached(() => raw(worker.urls[0], '/exchanged', [`Authorization: Bearer ${token}`], { method: 'TRACE' }));
    assert.deepEqual([result.status, requests], [405, []]);
  });

  test('no client chooses the address that the API gets: CF-Connecting-IP counts only on Cloudflare', async () => {
    const addressSent = async (...lines) => {
      const { body, status } = await raw(worker.urls[0], '/open/x', ['CF-Connecting-IP: 192.0.2.7', ...lines]);
      assert.equal(status, 200);
      return JSON.parse(body).headers;
    };
    const elsewhere = await addressSent();
    assert.equal(elsewhere['x-forwarded-for'], undefined);
    assert.match(elsewhere.forwarded, /^for=unknown;/);
    // In this header Miniflare passes `request.cf`, the edge's information about a request, to workerd.
    const atTheEdge = await addressSent('MF-CF-Blob: {"colo":"FRA"}');
    assert.equal(atTheEdge['x-forwarded-for'], '192.0.2.7');
    assert.match(atTheEdge.forwarded, /^for=192\.0\.2\.7;/);
  });

  test('another name of the same file is refused and never reaches the API', async () => {
    for (const target of [
      '/open/a.',
      '/open/a%2e',
      '/open./a',
      '/open/a%20',
      '/open%20/a',
      '/%20open/a',
      '/open/a::$DATA',
      '/open/a::%24DATA',
      '/open:$i30:$INDEX_ALLOCATION/a',
      '/op%E2%80%8Ben/a',
      '/open/a%EF%BB%BF',
      '/open/%E2%80%AEa',
      '/open/x%EF%BC%8F..%EF%BC%8Fa',
    ]) {
      const { result, requests } = await reached(() => raw(worker.urls[0], target));
      assert.deepEqual([result.status, requests], [400, []], target);
      assert.equal(JSON.parse(result.body).code, 'path_refused', target);
    }
  });

  suite('an upload', () => {
    const sending = (path, headers = {}) => {
      const { hostname, port } = new URL(worker.urls[0]);
      const request = httpRequest({ hostname, port, path, method: 'POST', headers: { authorization: `Bearer ${token}`, ...headers } });
      // The rest of the body cannot be sent after the answer has arrived.
      request.on('error', () => {});
      return request;
    };
    const answered = async (request) => {
      const [response] = await once(request, 'response');
      const body = await text(response);
      return { status: response.statusCode, code: response.headers['content-type']?.includes('problem') ? JSON.parse(body).code : body };
    };
    const FRAMINGS = [{ 'content-length': 64 << 20 }, { 'transfer-encoding': 'chunked' }];

    test('that the API stops reading half-way is 504, and workerd keeps nothing in memory', { timeout: 30_000 }, async () => {
      for (const headers of FRAMINGS) {
        const begin = Date.now();
        const url = `/stall?after=2000000&${Object.keys(headers)[0]}`;
        const work = async () => {
          const request = sending(url, headers);
          Readable.from(megabytes(64))
            .on('error', () => {})
            .pipe(request);
          assert.deepEqual(await answered(request), { status: 504, code: 'upstream_unavailable' });
          request.destroy();
        };
        if (canMeasure) assert.ok((await growthDuring(work)) < 60);
        else await work();
        assert.ok(Date.now() - begin < 5000);
        await eventually(() => api.broken.includes(url), 'the end of the upload at the API');
      }
    });

    test('that the client stops sending is 408, and the API does not accept the half as complete', { timeout: 30_000 }, async () => {
      const failures = worker.log().filter(({ event }) => event === 'upstream_failed').length;
      for (const headers of FRAMINGS) {
        const url = `/sink?stopped&${Object.keys(headers)[0]}`;
        const count = api.bodies.length;
        const begin = Date.now();
        const request = sending(url, headers);
        request.write('the first half');
        assert.deepEqual(await answered(request), { status: 408, code: 'body_incomplete' });
        assert.ok(Date.now() - begin >= 900 && Date.now() - begin < 5000, `${Date.now() - begin} ms`);
        request.destroy();
        await eventually(() => api.broken.includes(url), 'the end of the upload at the API');
        assert.equal(api.bodies.length, count);
      }
      await worker.logged(({ event, code }) => event === 'request_refused' && code === 'body_incomplete');
      assert.equal(worker.log().filter(({ event }) => event === 'upstream_failed').length, failures);
    });

    test('that the client breaks off never looks complete to the API', { timeout: 30_000 }, async () => {
      for (const headers of FRAMINGS) {
        const url = `/sink?broken&${Object.keys(headers)[0]}`;
        const count = api.bodies.length;
        const request = sending(url, headers);
        request.write('the first half');
        await eventually(() => api.requests.some((one) => one.url === url), 'the request at the API');
        request.destroy();
        await eventually(() => api.broken.includes(url), 'the end of the upload at the API');
        assert.equal(api.bodies.length, count);
      }
      const malformed = await raw(
        worker.urls[0],
        '/sink',
        [`Authorization: Bearer ${token}`, 'Transfer-Encoding: chunked', '', '3\r\nabc\r\nzz\r\n'],
        { method: 'POST' },
      );
      assert.deepEqual([malformed.status, JSON.parse(malformed.body).code], [400, 'body_incomplete']);
    });

    test('that makes slow progress has no time limit', { timeout: 30_000 }, async () => {
      for (const headers of [{ 'content-length': 60 }, { 'transfer-encoding': 'chunked' }]) {
        const request = sending('/sink', headers);
        const answer = answered(request);
        const begin = Date.now();
        for (let piece = 0; piece < 6; piece += 1) {
          request.write('ten bytes.');
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
        request.end();
        assert.deepEqual(await answer, { status: 200, code: '60' });
        assert.ok(Date.now() - begin > 2500);
      }
    });

    test('and its answer may go on at the same time, with pauses longer than the time limit', { timeout: 30_000 }, async () => {
      const request = sending('/duplex', { 'transfer-encoding': 'chunked' });
      request.write('a');
      const [response] = await once(request, 'response');
      const whole = text(response);
      await new Promise((resolve) => setTimeout(resolve, 2500));
      request.write('b');
      await new Promise((resolve) => setTimeout(resolve, 200));
      request.end('c');
      assert.equal(await whole, 'abc');
    });
  });

  test('the first event arrives while the rest is still unsent', async () => {
    const begin = performance.now();
    const response = await ask('/events');
    const reader = response.body.getReader();
    const first = await reader.read();
    assert.equal(Buffer.from(first.value).toString(), 'data: first\n\n');
    assert.ok(performance.now() - begin < 800, `${performance.now() - begin} ms`);
    const last = await reader.read();
    assert.equal(Buffer.from(last.value).toString(), 'data: last\n\n');
    assert.ok((await reader.read()).done);
  });

  test('the first byte of a request arrives while the rest is still unsent', async () => {
    const { hostname, port } = new URL(worker.urls[0]);
    const sending = httpRequest({ hostname, port, path: '/sink', method: 'POST', headers: { authorization: `Bearer ${token}` } });
    const count = api.requests.length;
    sending.write('first');
    await eventually(() => api.requests.length > count, 'the request at the API');
    sending.end(' last');
    const [response] = await once(sending, 'response');
    assert.equal(await text(response), '10');
  });

  test('a WebSocket is verified, then passed', async () => {
    const socket = await websocket('/live', { authorization: `Bearer ${token}`, 'x-user-id': 'root', x_user_id: 'root' });
    socket.send('hello');
    const { data } = await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
    assert.equal(data, '0b9f7c6e-2d61-4f0a-b6a7-5b1e6e2a9c34: hello');
    socket.close();
    const cors = await websocket('/cors/live', { authorization: `Bearer ${token}`, origin: APP });
    cors.close();
  });

  test('a preflight is answered at the edge, and the API never sees it', async () => {
    const { result, requests } = await reached(() =>
      worker.fetch('/cors/x', {
        method: 'OPTIONS',
        headers: { origin: APP, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' },
      }),
    );
    assert.equal(result.status, 204);
    assert.equal(result.headers.get('access-control-allow-origin'), APP);
    assert.equal(result.headers.get('access-control-allow-methods'), 'PUT');
    assert.equal(result.headers.get('access-control-allow-headers'), 'authorization');
    assert.deepEqual(requests, []);
    const refused = await worker.fetch('/cors/x', { headers: { origin: APP } });
    assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin'), refused.headers.get('vary')], [401, APP, 'Origin']);
  });

  test('a service binding is an upstream like any other', async () => {
    const { body } = await answerOf(await ask('/service/7?x=1', { method: 'POST', body: 'four' }));
    assert.deepEqual(body, {
      url: new URL('/service/7?x=1', worker.urls[0]).href,
      method: 'POST',
      user: '0b9f7c6e-2d61-4f0a-b6a7-5b1e6e2a9c34',
      authorization: null,
      length: 4,
    });
  });

  test("the API gets the client's token, none, or an issued one that is kept while it is valid", async () => {
    const authorization = async (path) => (await answerOf(await ask(path))).body.headers.authorization;
    assert.equal(await authorization('/forwarded'), `Bearer ${token}`);
    assert.equal(await authorization('/x'), undefined);
    const first = await authorization('/exchanged');
    const claims = decodeJwt(first.slice('Bearer '.length));
    assert.deepEqual([claims.iss, claims.aud, claims.sub], ['https://auth.example.com', API, decodeJwt(token).sub]);
    assert.ok(claims.exp <= decodeJwt(token).exp);
    assert.equal(await authorization('/exchanged'), first);
  });

  test(
    'a gigabyte passes both ways, and workerd keeps nothing in memory',
    { skip: canMeasure ? false : 'there is no /proc to measure memory with' },
    async () => {
      const up = await growthDuring(async () => {
        const { hostname, port } = new URL(worker.urls[0]);
        const sending = httpRequest({
          hostname,
          port,
          path: '/sink',
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-length': 1 << 30 },
        });
        Readable.from(megabytes(1024)).pipe(sending);
        const [response] = await once(sending, 'response');
        assert.equal(await text(response), String(1 << 30));
      });
      const down = await growthDuring(async () => {
        const response = await ask('/source?megabytes=1024');
        let length = 0;
        for await (const chunk of response.body) length += chunk.length;
        assert.equal(length, 1 << 30);
      });
      const slow = await growthDuring(async () => {
        // The client does not read, so the API must wait before it sends more.
        const response = await ask('/source?megabytes=1024');
        await new Promise((resolve) => setTimeout(resolve, 1500));
        await response.body.cancel();
      });
      assert.ok(Math.max(up, down, slow) < MOST_MEGABYTES, `it grew by ${up}, ${down} and ${slow} MB`);
    },
  );

  async function websocket(path, headers = {}) {
    const socket = new WebSocket(new URL(path, String(worker.urls[0]).replace('http', 'ws')), /** @type {any} */ ({ headers }));
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error('refused')), { once: true });
    });
    return socket;
  }
});

suite("5. WaveFlow: GET /profiles behind the gateway, with a real Better Auth's token", () => {
  test('200 with it, 401 without, expired 401 invalid_token; an inbound X-User-Id is stripped', async (context) => {
    const use = during(context);
    const betterAuth = await use(startBetterAuth({ tokens: { definePayload: ({ user }) => ({ email: user.email, scope: 'profiles:read' }) } }));
    const api = await use(createApi());
    const { config, secrets } = trusting([betterAuth]);
    config.gateway = {
      routes: [{ path: '/profiles/*', upstream: api.url, require: { scopes: ['profiles:read'] }, headers: { 'x-user-id': '/sub' } }],
    };
    const worker = await use(startWorker({ config, secrets }));
    const session = await betterAuth.signIn();
    const authorization = `Bearer ${await session.token()}`;

    const { status, body } = await answerOf(await worker.fetch('/profiles', { headers: { authorization, 'X-User-Id': 'root' } }));
    assert.equal(status, 200);
    assert.equal(body.headers['x-user-id'], session.user.id);

    const bare = await worker.fetch('/profiles', { headers: { 'X-User-Id': 'root' } });
    assert.deepEqual([bare.status, bare.headers.get('www-authenticate')], [401, 'Bearer realm="edge-assay"']);

    const late = await use(startBetterAuth({ tokens: { expirationTime: epochSeconds() - 60 } }));
    const second = trusting([late]);
    second.config.gateway = config.gateway;
    const expiredWorker = await use(startWorker(second));
    const expired = await expiredWorker.fetch('/profiles', { headers: { authorization: `Bearer ${await (await late.signIn()).token()}` } });
    assert.equal(expired.status, 401);
    assert.match(expired.headers.get('www-authenticate'), /^Bearer realm="edge-assay", error="invalid_token"/);
    assert.equal(api.requests.length, 1);
  });
});

async function text(stream) {
  let all = '';
  for await (const chunk of stream.setEncoding('utf8')) all += chunk;
  return all;
}
