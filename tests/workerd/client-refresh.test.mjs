// edge-assay/client in Node, in a Worker and in Chromium, with tokens of a real Better Auth, against the gateway and the exchange: the
// refresh round trip of the fifth incident. In Chromium, the recipe of docs/client.md runs as it stands there.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { build } from 'esbuild';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Miniflare } from 'miniflare';
import { chromium } from 'playwright-core';
import { signingKeys } from '../../demo/signing-keys.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { compatibilityDate } from '../../scripts/lib/worker.mjs';
import { createApi } from './support/api.mjs';
import { startBetterAuth } from './support/better-auth.mjs';
import { createProgram, ownClasses, signUp } from './support/client-program.mjs';
import { during, lifetime } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { epochSeconds } from './support/tokens.mjs';
import { startWorker, trusting } from './support/worker.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const EXCHANGE = 'https://auth.example.com';
const ORDERS = 'https://orders.example.com';
// docs/client.md: from this compatibility date on, workerd removes the token from a redirect to another origin.
const STRIPS_SINCE = '2025-09-01';
const REFUSED = 'Bearer realm="orders", error="invalid_token"';

const outlive = lifetime(after);
let browser;

const bundle = async (contents, format) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: at('tests', 'workerd', 'support') },
    bundle: true,
    write: false,
    format,
    globalName: 'app',
    alias: { 'edge-assay/client': at('npm', 'client.js') },
  });
  return outputFiles[0].text;
};

/** The code of a recipe in docs/client.md. */
function recipe(title) {
  const [, section] = readFileSync(at('docs', 'client.md'), 'utf8').split(`### ${title}\n`);
  return /```js\n(.*?)```/s.exec(section)[1];
}

// Each runtime: starts a client for a new user with this email address, and returns the functions of client-program.mjs.
const RUNTIMES = {
  Node: {
    async start(_, { betterAuth, email, ...options }) {
      return { ...createProgram({ ...options, fetchToken: await signUp(betterAuth.issuer, email) }), ownClasses };
    },
  },
  workerd: {
    async start(use, { betterAuth, email, ...options }) {
      const source = await bundle(
        `import { createProgram, ownClasses, signUp } from './client-program.mjs';
        let program;
        const actions = {
          async start(betterAuth, email, options) { program = createProgram({ ...options, fetchToken: await signUp(betterAuth, email) }); },
          prime: () => program.prime(),
          send: (...args) => program.send(...args),
          ownClasses,
        };
        export default {
          async fetch(request) {
            const [action, ...args] = await request.json();
            return Response.json((await actions[action](...args)) ?? null);
          },
        };`,
        'esm',
      );
      const worker = await use(startPlainWorker(source));
      const act = async (...args) => (await worker.fetch('/', { method: 'POST', body: JSON.stringify(args) })).json();
      await act('start', betterAuth.issuer, email, options);
      return { prime: () => act('prime'), send: (...args) => act('send', ...args), ownClasses: () => act('ownClasses') };
    },
  },
  Chromium: {
    skip: !existsSync(CHROMIUM) && 'chromium is not installed',
    async start(use, { betterAuth, email, baseUrl, refreshAheadSeconds, exchange }) {
      browser ??= outlive(chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }));
      const visit = await use((await browser).newContext());
      const page = await visit.newPage();
      // With a clock that is an hour slow, the page takes an expired token for good.
      if (refreshAheadSeconds === false) await page.clock.setSystemTime(Date.now() - 3_600_000);
      // Some page of the application's origin, from its real server: Chromium lets only pages from loopback call loopback.
      await page.goto(`${betterAuth.issuer}/api/auth/ok`);
      const code = recipe('Better Auth').replace('https://api.example.com', baseUrl);
      const exchanging = exchange ? `createFetch({ baseUrl: '${baseUrl}', getToken, exchange: ${JSON.stringify(exchange)} })` : 'api';
      await page.addScriptTag({
        content: await bundle(`${code}\nexport { ownClasses } from './client-program.mjs';\nexport const client = ${exchanging};`, 'iife'),
      });
      const { error } = await page.evaluate(
        (email) => window.app.authClient.signUp.email({ email, password: 'correct horse battery staple', name: 'Grace' }),
        email,
      );
      assert.equal(error, null);
      let seen = [];
      page.on('response', (response) => seen.push([response.request().method(), new URL(response.url()).pathname, response.status()]));
      return {
        prime: () => page.evaluate(() => window.app.getToken({ forceRefresh: true })),
        ownClasses: () => page.evaluate(() => window.app.ownClasses()),
        async send(path, count = 1) {
          seen = [];
          const answers = await page.evaluate(
            ([path, count]) =>
              Promise.all(
                Array.from({ length: count }, async () => {
                  const response = await window.app.client(path, { method: 'POST', body: 'hello' });
                  return { status: response.status, body: await response.text() };
                }),
              ),
            [path, count],
          );
          const statuses = seen.filter(([method]) => method === 'POST').map(([, , status]) => status);
          return { answers, statuses, refreshes: seen.filter(([, pathname]) => pathname === '/api/auth/token').length };
        },
      };
    },
  },
};

async function startPlainWorker(source, date = compatibilityDate()) {
  const instance = new Miniflare({
    workers: [
      {
        config: {
          name: 'client',
          compatibilityDate: date,
          manifest: { mainModule: 'index.js', modules: { 'index.js': { type: 'esm', contents: source } } },
        },
        dev: { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] },
      },
    ],
  });
  await instance.ready;
  const url = await instance.unsafeGetDirectURL('client');
  return { fetch: (path, init) => fetch(new URL(path, url), init), dispose: () => instance.dispose() };
}

let users = 0;
const newEmail = () => `user${(users += 1)}@example.com`;

/** Better Auth, the Worker with gateway and exchange, and the API behind it. `expired(count)` makes the next tokens expired ones. */
async function waveflow(use) {
  let expired = 0;
  const definePayload = ({ user }) => {
    const now = epochSeconds();
    return { email: user.email, ...(expired-- > 0 ? { iat: now - 900, exp: now - 60 - expired } : {}) };
  };
  const betterAuth = await use(startBetterAuth({ tokens: { definePayload } }));
  const upstream = await use(createApi());
  const { config, secrets } = trusting([betterAuth]);
  config.cors = { origins: [betterAuth.issuer] };
  config.gateway = { routes: [{ path: '/profiles', upstream: upstream.url, headers: { 'x-user-id': '/sub', 'x-user-email': '/email' } }] };
  config.exchange = { issuer: EXCHANGE, targets: [{ audience: ORDERS, from: [betterAuth.issuer], public_clients: true }] };
  const worker = await use(startWorker({ config, secrets: { ...secrets, SIGNING_KEYS: await signingKeys(['ES256'], { age: 3600 }) } }));
  return { betterAuth, upstream, worker, expired: (count) => (expired = count) };
}

/** Fails unless each answer is the API's, for this user. */
function assertServed(answers, count, email) {
  assert.equal(answers.length, count);
  for (const { status, body } of answers) {
    assert.equal(status, 200, body);
    const { headers, method } = JSON.parse(body);
    assert.match(headers['x-user-id'], /^[\w-]{16,64}$/);
    assert.deepEqual([method, headers['x-user-email'], headers['content-length'], headers.authorization], ['POST', email, '5', undefined]);
  }
}

/** An API that verifies the tokens of the exchange with jose, except those whose `jti` is revoked. */
async function ordersApi(use, { worker, betterAuth }) {
  const origin = await use(createOrigin());
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', worker.urls[0]));
  const subjects = [];
  const revoked = new Set();
  origin.serve('/orders', async (request, response) => {
    request.resume();
    const cors = {
      'access-control-allow-origin': betterAuth.issuer,
      'access-control-allow-headers': 'authorization',
      'access-control-expose-headers': 'www-authenticate',
    };
    if (request.method === 'OPTIONS') return void response.writeHead(204, cors).end();
    try {
      const { payload } = await jwtVerify(request.headers.authorization.slice(7), keys, { issuer: EXCHANGE, audience: ORDERS, typ: 'at+jwt' });
      if (revoked.has(payload.jti)) throw new Error('revoked');
      subjects.push(payload);
      response.writeHead(200, cors).end(payload.sub);
    } catch {
      response.writeHead(401, { ...cors, 'www-authenticate': REFUSED }).end('refused');
    }
  });
  return { origin, subjects, revoked };
}

for (const [name, { skip, start }] of Object.entries(RUNTIMES)) {
  suite(`the client in ${name}`, { skip }, () => {
    let scene;
    before(async () => {
      scene = await waveflow(outlive);
    });
    /** Starts a client for a new user. */
    const started = async (context, options) => {
      const email = newEmail();
      const client = await start(during(context), { betterAuth: scene.betterAuth, baseUrl: scene.worker.urls[0], email, ...options });
      return { ...scene, client, email };
    };

    test('an expired token: the gateway answers 401, Better Auth gives a new one, and the user is served', async (context) => {
      const { client, email, upstream, expired } = await started(context, { refreshAheadSeconds: false });
      const reached = upstream.requests.length;
      expired(1);
      await client.prime();
      const { answers, refreshes, statuses } = await client.send('/profiles');
      assertServed(answers, 1, email);
      assert.deepEqual([statuses, refreshes], [[401, 200], 1]);
      assert.equal(upstream.requests.length - reached, 1, 'the refused request has not reached the API');
      assert.deepEqual((await client.send('/profiles')).statuses, [200]);
    });

    test('twenty requests at once with a revoked key refresh once', async (context) => {
      const { client, email, betterAuth, worker } = await started(context);
      const first = await client.send('/profiles');
      assertServed(first.answers, 1, email);
      betterAuth.rotate({ keepOld: false });
      // The Worker sees the rotation by another user's token.
      assert.equal((await worker.verify(await (await betterAuth.signIn()).token())).status, 200);

      const { answers, refreshes, statuses } = await client.send('/profiles', 20);
      assertServed(answers, 20, email);
      assert.equal(refreshes, 1);
      assert.ok(statuses.includes(401));
      assert.equal(statuses.filter((status) => status === 200).length, 20);
      assert.equal(JSON.parse(answers[0].body).headers['x-user-id'], JSON.parse(first.answers[0].body).headers['x-user-id']);
    });

    test('a token whose end is near is replaced before the gateway could refuse it', async (context) => {
      const { client, email, expired } = await started(context);
      expired(1);
      await client.prime();
      const { answers, refreshes, statuses } = await client.send('/profiles');
      assertServed(answers, 1, email);
      assert.deepEqual([statuses, refreshes], [[200], 1]);
    });

    test('a provider that gives only expired tokens: the 401 is returned after one refresh', async (context) => {
      const { client, upstream, expired } = await started(context, { refreshAheadSeconds: false });
      const reached = upstream.requests.length;
      expired(2);
      await client.prime();
      const { answers, refreshes, statuses } = await client.send('/profiles');
      assert.equal(answers[0].status, 401);
      assert.equal(JSON.parse(answers[0].body).code, 'token_expired');
      assert.deepEqual([statuses, refreshes], [[401, 401], 1]);
      assert.equal(upstream.requests.length, reached);
    });

    test('the exchange: one issued token serves all requests, and a revoked one is replaced', async (context) => {
      const orders = await ordersApi(during(context), scene);
      const exchange = { url: new URL('/token', scene.worker.urls[0]).href, audience: ORDERS };
      const { client } = await started(context, { baseUrl: orders.origin.url, exchange });
      const first = await client.send('/orders', 5);
      assert.deepEqual(
        first.answers.map(({ status }) => status),
        Array(5).fill(200),
      );
      assert.equal(new Set(orders.subjects.map(({ jti }) => jti)).size, 1);

      orders.revoked.add(orders.subjects[0].jti);
      const second = await client.send('/orders', 5);
      assert.deepEqual(
        second.answers.map(({ status }) => status),
        Array(5).fill(200),
      );
      assert.equal(second.refreshes, 1);
      assert.equal(new Set(orders.subjects.map(({ jti }) => jti)).size, 2);
      assert.equal(new Set(orders.subjects.map(({ sub }) => sub)).size, 1);
    });

    test("the runtime's own bodies are sent again, a stream is not, and its signals end a request at each wait", async (context) => {
      const { client } = await started(context);
      const { bodies, signals } = await client.ownClasses();
      const { stream, ...others } = bodies;
      assert.deepEqual(stream, [401, true]);
      assert.equal(Object.keys(others).length, 10);
      for (const [body, seen] of Object.entries(others)) assert.deepEqual(seen, [200, true, true], body);
      const expected = ['init', 'request'].flatMap((place) =>
        ['before', 'token', 'refresh', 'pause'].map((moment) => [`${place} ${moment}`, `left at ${moment}`]),
      );
      assert.deepEqual(signals, Object.fromEntries(expected));
    });

    test('a redirect to another origin does not carry the token there', async (context) => {
      const use = during(context);
      const [origin, other] = [await use(createOrigin()), await use(createOrigin())];
      const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization, content-type' };
      other.serve('/there', (_, response) => response.writeHead(200, cors).end('there'));
      origin.serve('/here', (request, response) => {
        response.writeHead(request.method === 'OPTIONS' ? 204 : 307, { ...cors, location: `${other.url}/there` }).end();
      });
      const { client } = await started(context, { baseUrl: origin.url });
      assert.equal((await client.send('/here')).answers[0].status, 200);
      const sent = ({ requests }) => requests.filter(({ method }) => method === 'POST').map(({ headers }) => headers.authorization?.slice(0, 6));
      assert.deepEqual([sent(origin), sent(other)], [['Bearer'], [undefined]]);
    });
  });
}

suite('a redirect to another origin in workerd', () => {
  const arrives = async (context, date) => {
    const use = during(context);
    const [origin, other] = [await use(createOrigin()), await use(createOrigin())];
    origin.serve('/', (_, response) => response.writeHead(307, { location: other.url }).end());
    const source = await bundle(
      `import { createFetch } from 'edge-assay/client';
      export default { fetch: () => createFetch({ baseUrl: '${origin.url}', getToken: () => 'token' })('/') };`,
      'esm',
    );
    await (await use(startPlainWorker(source, date))).fetch('/');
    assert.equal(origin.requests[0].headers.authorization, 'Bearer token');
    return other.requests[0].headers.authorization;
  };

  test(`carries no token from the compatibility date ${STRIPS_SINCE} on, as the documentation says`, async (context) => {
    assert.match(readFileSync(at('docs', 'client.md'), 'utf8'), new RegExp(`compatibility date of ${STRIPS_SINCE} or later`));
    assert.equal(await arrives(context, STRIPS_SINCE), undefined);
    assert.equal(await arrives(context, '2025-08-31'), 'Bearer token');
  });
});

suite('the client and refusals of the exchange', () => {
  const exchanging = async (context, audience) => {
    const use = during(context);
    const scene = await waveflow(use);
    const orders = await ordersApi(use, scene);
    const exchange = { url: new URL('/token', scene.worker.urls[0]).href, audience };
    const { betterAuth, expired } = scene;
    const options = { betterAuth, email: newEmail(), baseUrl: orders.origin.url, refreshAheadSeconds: false, exchange };
    return { client: await RUNTIMES.Node.start(use, options), expired };
  };

  test('a refusal is an error with the code of the exchange', async (context) => {
    const { client } = await exchanging(context, 'https://nobody.example.com');
    await assert.rejects(client.send('/orders'), (/** @type {import('../../npm/client.js').ClientError} */ error) => {
      assert.deepEqual([error.name, error.code, error.status], ['ClientError', 'target_unknown', 400]);
      assert.match(error.message, /^The exchange failed: .+ Look up target_unknown in docs\/exchange\.md$/);
      return true;
    });
  });

  test('an expired token of the provider is renewed, and the new one is exchanged', async (context) => {
    const { client, expired } = await exchanging(context, ORDERS);
    expired(1);
    await client.prime();
    const { answers, refreshes, statuses } = await client.send('/orders');
    assert.equal(answers[0].status, 200);
    assert.deepEqual([statuses, refreshes], [[400, 200, 200], 1]);
  });
});
