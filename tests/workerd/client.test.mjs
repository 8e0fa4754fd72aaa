// The rules of edge-assay/client, in Node, against servers on loopback. client-refresh.test.mjs has the real providers, the gateway and the
// other runtimes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import { ClientError, createFetch } from '../../npm/client.js';
import { at } from '../../scripts/lib/paths.mjs';
import { during } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { epochSeconds, segment } from './support/tokens.mjs';
import { eventually } from './support/worker.mjs';

const MAX_BYTES_GZIPPED = 2000;
const REFUSED = 'Bearer realm="edge-assay", error="invalid_token", error_description="the token has expired"';

/** A JWT that nobody verifies. */
const jwt = (claims = {}) => {
  const now = epochSeconds();
  return `${segment({ alg: 'none' })}.${segment({ sub: 'grace', iat: now, exp: now + 900, ...claims })}.c2ln`;
};

/** Tokens of one user, of which the last one is accepted. */
const OLD = jwt({ jti: 'old' });
const NEW = jwt({ jti: 'new' });

/**
 * A provider with a cache: a forced refresh moves on to the next token, until the last. `gate` holds refreshes up.
 *
 * @param {(string | null | undefined | Error)[]} tokens
 * @param {{ gate?: Promise<unknown> }} [options]
 */
function provider(tokens, { gate } = {}) {
  let index = 0;
  const calls = [];
  return {
    calls,
    forced: () => calls.filter((forceRefresh) => forceRefresh).length,
    async getToken({ forceRefresh }) {
      calls.push(forceRefresh);
      if (forceRefresh) {
        await gate;
        index = Math.min(index + 1, tokens.length - 1);
      }
      const token = tokens[index];
      if (token instanceof Error) throw token;
      return token;
    },
  };
}

/** Something to await, and the function that lets it happen. */
function gate() {
  let open;
  const closed = new Promise((resolve) => (open = resolve));
  return { closed, open };
}

/** Starts a server that accepts the `good` tokens and refuses others with `challenge`. `seen` are the requests with their bodies. */
async function createApi(use, { good = [NEW], status = 401, challenge = REFUSED, headers = {} } = {}) {
  const origin = await use(createOrigin());
  const seen = [];
  const answer = async (request, response) => {
    const { authorization } = request.headers;
    seen.push({ authorization, method: request.method, type: request.headers['content-type'], body: await text(request), headers: request.headers });
    const isGood = good.some((token) => authorization === `Bearer ${token}`);
    response.writeHead(isGood ? 200 : status, isGood ? {} : { ...(challenge ? { 'www-authenticate': challenge } : {}), ...headers });
    response.end(isGood ? 'welcome' : 'refused');
  };
  origin.serve('/profiles', answer);
  return { origin, seen, answer, url: `${origin.url}/profiles`, sent: () => seen.map(({ authorization }) => authorization?.slice(7)) };
}

/**
 * The client, an API and a provider of tokens.
 *
 * @param {import('node:test').TestContext} context
 * @param {{ tokens?: any, gate?: Promise<unknown>, api?: object } & Partial<import('../../npm/client.js').CreateFetchOptions>} [options]
 */
async function scene(context, { tokens = [OLD, NEW], gate: held, api: apiOptions, ...options } = {}) {
  const use = during(context);
  const api = await createApi(use, apiOptions);
  const idp = provider(tokens, { gate: held });
  return { use, api, idp, call: createFetch({ getToken: idp.getToken, baseUrl: api.origin.url, ...options }) };
}

const rejection = async (promise) =>
  promise.then(
    () => assert.fail('it was not rejected'),
    (error) => error,
  );

/** Fails unless the error is the client's, has the code, and contains no token. */
function assertClientError(error, code) {
  assert.ok(error instanceof ClientError, `${error.name}: ${error.message}`);
  assert.equal(error.code, code);
  for (const token of [OLD, NEW]) assert.ok(!`${error.stack} ${JSON.stringify(error)}`.includes(token.split('.')[1]));
}

suite('the client: what it sends', () => {
  test('it is below its size, minified and gzipped, and imports nothing', async () => {
    const source = readFileSync(at('npm', 'client.js'), 'utf8');
    const { code } = await transform(source, { minify: true, format: 'esm', target: 'es2022' });
    const { length } = gzipSync(code, { level: 9 });
    assert.ok(length < MAX_BYTES_GZIPPED, `${length} bytes`);
    assert.doesNotMatch(code, /\bimport\b|\brequire\(/);
  });

  test('it adds the token to strings, URLs and Requests, and keeps the other headers', async (context) => {
    const { api, call } = await scene(context, { tokens: [NEW] });
    const init = { headers: { 'x-other': 'kept' } };
    /** @type {[input: string | URL | Request, init?: RequestInit][]} */
    const inputs = [
      [api.url, init],
      [new URL(api.url), init],
      ['/profiles', init],
      [new Request(api.url, init)],
      [new Request(api.url), init],
      [api.url, new Request(api.url, init)],
    ];
    for (const [input, init] of inputs) assert.equal(await (await call(input, init)).text(), 'welcome');
    assert.deepEqual(
      api.seen.map(({ authorization, headers }) => [authorization, headers['x-other']]),
      inputs.map(() => [`Bearer ${NEW}`, 'kept']),
    );
  });

  test('it sends an Authorization header of the caller as it is, asks for no token and does not retry', async (context) => {
    const { use, api, idp, call } = await scene(context);
    const other = await createApi(use);
    const headers = { Authorization: 'Basic Z3JhY2U6eA==' };
    assert.equal((await call(new Request(api.url, { headers }))).status, 401);
    for (const url of [api.url, other.url]) {
      assert.equal((await call(url, { headers })).status, 401);
    }
    assert.deepEqual(
      [...api.seen, ...other.seen].map(({ authorization }) => authorization),
      Array(3).fill('Basic Z3JhY2U6eA=='),
    );
    assert.deepEqual(idp.calls, []);
  });

  for (const nothing of [null, undefined, '', 'null', 'undefined']) {
    test(`if getToken returns ${JSON.stringify(nothing)}, no Authorization header is sent, or none of the request if a token is required`, async (context) => {
      const { api, call } = await scene(context, { tokens: [nothing] });
      assert.equal((await call('/profiles')).status, 401);
      assert.deepEqual(api.sent(), [undefined]);
      const strict = createFetch({ getToken: () => nothing, baseUrl: api.origin.url, requireToken: true });
      assertClientError(await rejection(strict('/profiles')), 'not_signed_in');
      assert.equal(api.seen.length, 1);
    });
  }

  for (const [name, value] of [
    ['Bearer before it', `Bearer ${NEW}`],
    ['a line break in it', `${NEW}\n`],
    ['an object around it', { token: NEW }],
    ['a space in it', `${NEW} x`],
  ]) {
    test(`a token with ${name} is an error that does not contain it`, async (context) => {
      const { api, call } = await scene(context, { tokens: [value] });
      assertClientError(await rejection(call('/profiles')), 'token_malformed');
      assert.equal(api.seen.length, 0);
    });
  }

  test('an error of getToken rejects the request', async (context) => {
    const failure = new Error('login_required');
    const { api, call } = await scene(context, { tokens: [failure] });
    assert.equal(await rejection(call('/profiles')), failure);
    const { api: second, call: renewing } = await scene(context, { tokens: [OLD, failure] });
    assert.equal(await rejection(renewing('/profiles')), failure);
    assert.deepEqual([api.seen.length, second.seen.length], [0, 1]);
  });
});

suite('the client: where it sends the token', () => {
  test('a request to an origin that is not listed is rejected, and nothing is sent', async (context) => {
    const { use, api, idp, call } = await scene(context, { tokens: [NEW] });
    const other = await createApi(use);
    for (const input of [
      other.url,
      new Request(other.url),
      `//127.0.0.1:${new URL(other.url).port}/profiles`,
      api.url.replace('127.0.0.1', 'localhost'),
    ]) {
      assertClientError(await rejection(call(input)), 'origin_not_listed');
    }
    assert.deepEqual([api.seen.length, other.seen.length, idp.calls.length], [0, 0, 0]);
  });

  test('`origins` replaces the origin of baseUrl', async (context) => {
    const use = during(context);
    const [first, second] = [await createApi(use), await createApi(use)];
    const call = createFetch({ getToken: () => NEW, baseUrl: first.origin.url, origins: [`${second.origin.url}/with/a/path`] });
    assert.equal((await call(second.url)).status, 200);
    assertClientError(await rejection(call('/profiles')), 'origin_not_listed');
  });

  test('without a page, an origin has to be given', () => {
    assert.equal(globalThis.location, undefined);
    assert.throws(() => createFetch({ getToken: () => NEW }), { name: 'ClientError', code: 'origins_missing' });
  });

  test('in a page, the page’s own origin is the default', async (context) => {
    const use = during(context);
    const [api, other] = [await createApi(use), await createApi(use)];
    Object.assign(globalThis, { location: new URL(`${api.origin.url}/page`) });
    context.after(() => delete globalThis.location);
    const call = createFetch({ getToken: () => NEW });
    assert.equal((await call(api.url)).status, 200);
    assertClientError(await rejection(call(other.url)), 'origin_not_listed');
  });

  test('the runtime removes the token from a redirect to another origin, and keeps it on one to the same', async (context) => {
    const { use, api, call } = await scene(context, { tokens: [NEW] });
    const other = await createApi(use);
    for (const [path, target] of [
      ['/away', other.url],
      ['/here', api.url],
    ]) {
      api.origin.serve(path, (_, response) => response.writeHead(307, { location: target }).end());
      await call(path);
    }
    assert.deepEqual(other.sent(), [undefined]);
    assert.deepEqual(api.sent(), [NEW]);
  });
});

suite('the client: a refused token', () => {
  const challenges = [
    [REFUSED, true],
    ['bearer ERROR=invalid_token', true],
    ['Bearer error = "invalid_token"', true],
    ['Bearer scope="a, b=c", error="invalid_token"', true],
    ['Bearer realm="say \\"hi\\", Digest x", error="invalid_token"', true],
    ['Bearer error="invalid\\_token"', true],
    ['DPoP algs="ES256", error="use_dpop_nonce", Bearer error="invalid_token"', true],
    ['Negotiate, Basic realm="x" , , Bearer realm="y", ,error="invalid_token", Digest qop="auth"', true],
    ['Negotiate YWJj/ZGVm==, Bearer error="invalid_token"', true],
    [['Basic realm="x"', 'Bearer error="invalid_token"'], true],
    [null, false],
    ['Bearer realm="edge-assay"', false],
    ['Bearer', false],
    ['Bearer error="insufficient_scope"', false],
    ['Bearer error="invalid_token_format"', false],
    ['Bearer error_description="invalid_token"', false],
    ['DPoP error="invalid_token"', false],
    ['Bearer realm="x", DPoP error="invalid_token"', false],
    ['Digest realm="Bearer error=\\"invalid_token\\""', false],
    ['Digest realm=", Bearer error=invalid_token, "', false],
    ['Digest realm="x, Bearer error=invalid_token', false],
    ['Bearer realm="error=invalid_token"', false],
    ['NotBearer error="invalid_token"', false],
    ['Bearerx error="invalid_token"', false],
    ['X-Bearer error="invalid_token"', false],
  ];
  for (const [challenge, isRetried] of challenges) {
    test(`${JSON.stringify(challenge)} ${isRetried ? 'renews the token' : 'does not renew it'}`, async (context) => {
      const { api, idp, call } = await scene(context, { api: { challenge } });
      const response = await call('/profiles');
      assert.deepEqual([response.status, await response.text()], isRetried ? [200, 'welcome'] : [401, 'refused']);
      assert.deepEqual(api.sent(), isRetried ? [OLD, NEW] : [OLD]);
      assert.deepEqual(idp.calls, isRetried ? [false, true] : [false]);
    });
  }

  for (const status of [400, 403, 429, 500, 503]) {
    test(`a ${status} does not renew the token and is not retried`, async (context) => {
      const { api, idp, call } = await scene(context, { api: { status, headers: { 'retry-after': '0' } } });
      const response = await call('/profiles');
      assert.deepEqual([response.status, await response.text()], [status, 'refused']);
      assert.deepEqual([api.sent(), idp.calls], [[OLD], [false]]);
    });
  }

  test('a second 401 is returned', async (context) => {
    const { api, idp, call } = await scene(context, { api: { good: [] }, tokens: [OLD, NEW, jwt({ jti: 'third' })] });
    const response = await call('/profiles');
    assert.deepEqual([response.status, await response.text()], [401, 'refused']);
    assert.deepEqual([api.sent(), idp.forced()], [[OLD, NEW], 1]);
  });

  for (const [name, tokens] of [
    ['the same token', [OLD, OLD]],
    ['no token', [OLD, null]],
    ['no token in place of an opaque one', ['opaque', null]],
    ['the token of another user', [OLD, jwt({ sub: 'alan' })]],
  ]) {
    test(`if the provider then has ${name}, the 401 is returned`, async (context) => {
      const { api, idp, call } = await scene(context, { tokens });
      const response = await call('/profiles');
      assert.deepEqual([response.status, await response.text()], [401, 'refused']);
      assert.deepEqual([api.sent(), idp.forced()], [[tokens[0]], 1]);
    });
  }

  test('an opaque token is renewed as well', async (context) => {
    const { api, call } = await scene(context, { tokens: ['opaque-1', 'opaque-2'], api: { good: ['opaque-2'] } });
    assert.equal((await call('/profiles')).status, 200);
    assert.deepEqual(api.sent(), ['opaque-1', 'opaque-2']);
  });

  test('a request without a token is not retried', async (context) => {
    const { idp, call } = await scene(context, { tokens: [null, NEW] });
    assert.equal((await call('/profiles')).status, 401);
    assert.equal(idp.forced(), 0);
  });

  test('twenty requests at once refresh once', async (context) => {
    const { api, idp, call } = await scene(context);
    const responses = await Promise.all(Array.from({ length: 20 }, () => call('/profiles')));
    assert.deepEqual(
      responses.map(({ status }) => status),
      Array(20).fill(200),
    );
    assert.equal(idp.forced(), 1);
    assert.equal(api.sent().filter((token) => token === NEW).length, 20);
  });

  test('a request that is refused after the refresh takes the new token and does not refresh again', async (context) => {
    const { api, idp, call } = await scene(context, { tokens: [OLD, NEW, jwt({ jti: 'third' })] });
    const late = gate();
    api.origin.serve('/late', async (request, response) => {
      if (request.headers.authorization === `Bearer ${OLD}`) await late.closed;
      await api.answer(request, response);
    });
    const slow = call('/late');
    await eventually(() => api.origin.count('/late') === 1, 'the slow request');
    assert.equal((await call('/profiles')).status, 200);
    late.open();
    assert.equal((await slow).status, 200);
    assert.equal(idp.forced(), 1);
  });

  test('a request that is refused during a later refresh waits for that one', async (context) => {
    const third = jwt({ jti: 'third' });
    const good = [NEW];
    const [late, held] = [gate(), gate()];
    const answers = [OLD, OLD, NEW, NEW, held.closed.then(() => third)];
    const forced = [];
    const getToken = ({ forceRefresh }) => (forced.push(forceRefresh), answers.shift());
    const { api, call } = await scene(context, { getToken, api: { good } });
    api.origin.serve('/late', async (request, response) => {
      if (request.headers.authorization === `Bearer ${OLD}`) await late.closed;
      await api.answer(request, response);
    });
    const slow = call('/late');
    await eventually(() => api.origin.count('/late') === 1, 'the slow request');
    await call('/profiles');
    good[0] = third;
    const second = call('/profiles');
    await eventually(() => forced.length === 5, 'the second refresh');
    late.open();
    await eventually(() => api.sent().filter((token) => token === OLD).length === 2, 'the late refusal');
    held.open();
    assert.deepEqual([(await slow).status, (await second).status], [200, 200]);
    assert.deepEqual([forced, api.sent().filter((token) => token === third).length], [[false, false, true, false, true], 2]);
  });

  test('a token that is refused later is renewed again', async (context) => {
    const third = jwt({ jti: 'third' });
    const good = [NEW];
    const { idp, call } = await scene(context, { tokens: [OLD, NEW, third], api: { good } });
    assert.equal((await call('/profiles')).status, 200);
    good[0] = third;
    assert.equal((await call('/profiles')).status, 200);
    assert.equal(idp.forced(), 2);
  });

  test('a replaced token that getToken still returns is not sent again', async (context) => {
    const calls = [];
    const getToken = ({ forceRefresh }) => (calls.push(forceRefresh), forceRefresh ? NEW : OLD);
    const { api, call } = await scene(context, { getToken });
    for (let count = 0; count < 3; count += 1) assert.equal((await call('/profiles')).status, 200);
    assert.deepEqual(api.sent(), [OLD, NEW, NEW, NEW]);
    assert.deepEqual(calls, [false, true, false, false]);
  });

  test('two clients share nothing', async (context) => {
    const first = await scene(context);
    const second = await scene(context);
    await Promise.all([first.call('/profiles'), second.call('/profiles')]);
    assert.deepEqual([first.idp.forced(), second.idp.forced()], [1, 1]);
  });

  test('the body of the first answer is cancelled if the request is retried, and left alone if not', async (context) => {
    const cancelled = [];
    const answer = (name, status) =>
      new Response(new ReadableStream({ cancel: () => void cancelled.push(name) }), { status, headers: { 'www-authenticate': REFUSED } });
    const answers = [answer('first', 401), answer('second', 401)];
    const { call } = await scene(context, { fetch: async () => answers.shift() });
    await call('/profiles');
    assert.deepEqual(cancelled, ['first']);
    answers.push(answer('third', 401));
    const { call: failing } = await scene(context, { tokens: [OLD, new Error('offline')], fetch: async () => answers.shift() });
    await rejection(failing('/profiles'));
    assert.deepEqual(cancelled, ['first', 'third']);
  });
});

suite('the client: bodies', () => {
  const form = () => {
    const data = new FormData();
    data.append('name', 'Grace');
    data.append('file', new Blob(['content'], { type: 'text/plain' }), 'notes.txt');
    return data;
  };
  const replayable = {
    'a string': () => 'hello',
    'a Blob': () => new Blob(['hello']),
    'an ArrayBuffer': () => new TextEncoder().encode('hello').buffer,
    'a typed array': () => new TextEncoder().encode('hello'),
    URLSearchParams: () => new URLSearchParams({ name: 'Grace' }),
    FormData: form,
  };
  for (const [name, body] of Object.entries(replayable)) {
    for (const way of ['in init', 'in a Request', 'in a Request as init']) {
      test(`${name} ${way} is sent again`, async (context) => {
        const { api, call } = await scene(context);
        const init = { method: 'POST', body: body() };
        /** @type {[input: string | URL | Request, init?: RequestInit]} */
        const input =
          way === 'in init' ? [api.url, init] : way === 'in a Request' ? [new Request(api.url, init)] : [api.url, new Request(api.url, init)];
        assert.equal((await call(input[0], input[1])).status, 200);
        const normal = api.seen.map(({ method, type, body }) => {
          const boundary = /boundary=(.*)/.exec(type)?.[1];
          return { method, type: type?.replace(boundary, 'B'), body: body.replaceAll(boundary ?? '\0', 'B') };
        });
        assert.equal(normal.length, 2);
        assert.ok(normal[0].body.length > 4, 'the body has arrived');
        assert.deepEqual(normal[0], normal[1]);
      });
    }
  }

  /** @type {Record<string, () => any>} */
  const streams = {
    'a ReadableStream': () => new Blob(['hello']).stream(),
    'an asynchronous iterable': () => ({
      async *[Symbol.asyncIterator]() {
        yield new TextEncoder().encode('hello');
      },
    }),
  };
  for (const [name, body] of Object.entries(streams)) {
    test(`${name} is sent once, and the 401 is returned`, async (context) => {
      const { api, idp, call } = await scene(context);
      const response = await call('/profiles', { method: 'POST', body: body(), duplex: 'half' });
      assert.deepEqual([response.status, await response.text()], [401, 'refused']);
      assert.deepEqual([api.seen.map(({ body }) => body), idp.forced()], [['hello'], 0]);
    });
  }

  test('a Request is used up as by fetch, and a used one is rejected', async (context) => {
    const { api, call } = await scene(context);
    const request = new Request(api.url, { method: 'POST', body: 'hello' });
    assert.equal((await call(request)).status, 200);
    assert.equal(request.bodyUsed, true);
    assert.ok((await rejection(call(request))) instanceof TypeError);
    assert.equal(api.seen.length, 2);
  });

  test('the copy of a Request is released when the answer is returned', async (context) => {
    let isReleased = false;
    const body = new ReadableStream({ cancel: () => void (isReleased = true) });
    const answerAtOnce = async (request) => (request.body.cancel(), new Response('welcome'));
    const { api, call } = await scene(context, { fetch: answerAtOnce });
    await call(new Request(api.url, { method: 'POST', body, duplex: 'half' }));
    await eventually(() => isReleased, 'the release');
  });

  test('a POST that was redirected is not repeated, a GET is', async (context) => {
    const { api, idp, call } = await scene(context);
    api.origin.serve('/orders', (request, response) => response.writeHead(request.method === 'POST' ? 303 : 307, { location: '/profiles' }).end());
    assert.equal((await call('/orders', { method: 'POST', body: 'one' })).status, 401);
    assert.deepEqual([api.origin.count('/orders'), idp.forced()], [1, 0]);
    assert.equal((await call('/orders')).status, 200);
    assert.equal(api.origin.count('/orders'), 3);
  });

  test('a change to the headers or to init after the call changes nothing', async (context) => {
    const { api, call } = await scene(context);
    const init = { method: 'POST', body: 'hello', headers: new Headers({ 'x-other': 'first' }) };
    const answer = call('/profiles', init);
    init.headers.set('x-other', 'second');
    init.body = 'changed';
    await answer;
    assert.deepEqual(
      api.seen.map(({ body, headers }) => [body, headers['x-other']]),
      [
        ['hello', 'first'],
        ['hello', 'first'],
      ],
    );
  });
});

suite('the client: signals', () => {
  const reason = new Error('the user has left');

  test('an aborted signal: no token is asked for, and nothing is sent', async (context) => {
    const { api, idp, call } = await scene(context);
    const signal = AbortSignal.abort(reason);
    for (const [input, init] of [['/profiles', { signal }], [new Request(api.url, { signal })]]) {
      assert.equal(await rejection(call(/** @type {string | Request} */ (input), /** @type {RequestInit} */ (init))), reason);
    }
    assert.deepEqual([api.seen.length, idp.calls.length], [0, 0]);
  });

  test('abort while getToken is asked', async (context) => {
    const controller = new AbortController();
    const { api, call } = await scene(context, { getToken: () => (controller.abort(reason), new Promise(() => {})) });
    assert.equal(await rejection(call('/profiles', { signal: controller.signal })), reason);
    assert.equal(api.seen.length, 0);
  });

  test('abort during the shared refresh: the others go on', async (context) => {
    const held = gate();
    const { api, idp, call } = await scene(context, { gate: held.closed });
    const controller = new AbortController();
    const leaving = rejection(call('/profiles', { signal: controller.signal }));
    await eventually(() => idp.forced() === 1, 'the refresh');
    const staying = call('/profiles');
    await eventually(() => api.seen.length === 2, 'the other request');
    controller.abort(reason);
    assert.equal(await leaving, reason);
    held.open();
    assert.equal((await staying).status, 200);
    assert.deepEqual([idp.forced(), api.sent()], [1, [OLD, OLD, NEW]]);
  });

  test('abort while waiting for Retry-After, through a Request too', async (context) => {
    const { api, call } = await scene(context, { tokens: [NEW], retryAfter: { atMostSeconds: 1000 } });
    api.origin.serve('/busy', (_, response) => response.writeHead(503, { 'retry-after': '999' }).end());
    const waiting = recordDelays(context);
    const controller = new AbortController();
    const answer = rejection(call(new Request(`${api.origin.url}/busy`, { signal: controller.signal })));
    await eventually(() => waiting.includes(999_000), 'the pause');
    controller.abort(reason);
    assert.equal(await answer, reason);
    assert.equal(api.origin.count('/busy'), 1);
  });

  test('abort while the request is under way', async (context) => {
    const { api, call } = await scene(context);
    const controller = new AbortController();
    api.origin.serve('/hang', () => controller.abort(reason));
    assert.equal(await rejection(call('/hang', { signal: controller.signal })), reason);
  });
});

/** Records the delays of setTimeout. Those of about seven seconds end at once. */
function recordDelays(context) {
  const delays = [];
  const original = globalThis.setTimeout;
  context.mock.method(globalThis, 'setTimeout', (act, delay, ...rest) => {
    delays.push(delay);
    return original(act, delay > 5000 && delay < 8000 ? 0 : delay, ...rest);
  });
  return delays;
}

suite('the client: Retry-After', () => {
  /** A server that answers `status` with `Retry-After` the first `times` times. */
  /** @type {(context: import('node:test').TestContext, options: { status?: number, value?: string, times?: number, [option: string]: unknown }) => Promise<any>} */
  const busy = async (context, { status = 503, value, times = 1, ...options }) => {
    const started = await scene(context, { tokens: [NEW], retryAfter: { atMostSeconds: 10 }, ...options });
    const bodies = [];
    started.api.origin.serve('/busy', async (request, response) => {
      bodies.push(await text(request));
      if (bodies.length > times) response.end('done');
      else response.writeHead(status, value === undefined ? {} : { 'retry-after': value }).end('busy');
    });
    return { ...started, bodies, delays: recordDelays(context) };
  };

  for (const status of [429, 503]) {
    test(`a ${status} is retried once after the seconds that it names`, async (context) => {
      const { call, bodies, delays } = await busy(context, { status, value: '7' });
      assert.equal(await (await call('/busy', { method: 'POST', body: 'hello' })).text(), 'done');
      assert.deepEqual(bodies, ['hello', 'hello']);
      assert.ok(delays.includes(7000));
    });
  }

  test('a date is understood', async (context) => {
    const { call, bodies, delays } = await busy(context, { value: new Date(Date.now() + 7900).toUTCString() });
    assert.equal(await (await call('/busy')).text(), 'done');
    assert.equal(bodies.length, 2);
    assert.ok(
      delays.some((delay) => delay > 5000 && delay < 8000),
      `${delays}`,
    );
  });

  /** @type {Record<string, { value?: string, times?: number, status?: number }>} */
  const others = {
    'a second one': { value: '0', times: 2 },
    'a longer one than allowed': { value: '11' },
    'a later date than allowed': { value: new Date(Date.now() + 3_600_000).toUTCString() },
    none: {},
    'a malformed one': { value: '-1' },
    'a fraction': { value: '1.5' },
    'another status': { value: '0', status: 500 },
    'a 403': { value: '0', status: 403 },
  };
  for (const [name, options] of Object.entries(others)) {
    test(`${name} is returned`, async (context) => {
      const { call, bodies } = await busy(context, options);
      const response = await call('/busy');
      assert.deepEqual([response.status, await response.text()], [options.status ?? 503, 'busy']);
      assert.equal(bodies.length, options.times ?? 1);
    });
  }

  test('a stream is not sent again', async (context) => {
    const { call, bodies } = await busy(context, { value: '0' });
    assert.equal((await call('/busy', { method: 'POST', body: new Blob(['hello']).stream(), duplex: 'half' })).status, 503);
    assert.deepEqual(bodies, ['hello']);
  });

  test('the body of the first answer is cancelled, and the token is asked for again', async (context) => {
    let isCancelled = false;
    const busyBody = new ReadableStream({ cancel: () => void (isCancelled = true) });
    const third = jwt({ jti: 'third' });
    const tokens = [OLD, NEW, third];
    const answers = [
      new Response('', { status: 401, headers: { 'www-authenticate': REFUSED } }),
      new Response(busyBody, { status: 503, headers: { 'retry-after': '0' } }),
      new Response('done'),
    ];
    const sent = [];
    const fetch = async (_, /** @type {any} */ { headers }) => (sent.push(headers.get('authorization').slice(7)), answers.shift());
    const { call } = await scene(context, { getToken: () => tokens.shift(), fetch, retryAfter: { atMostSeconds: 10 } });
    assert.equal(await (await call('/profiles')).text(), 'done');
    assert.deepEqual([sent, isCancelled], [[OLD, NEW, third], true]);
  });

  test('a token may be renewed after it', async (context) => {
    const { api, idp, call } = await scene(context, { retryAfter: { atMostSeconds: 10 } });
    api.origin.serve('/both', async (request, response) => {
      if (api.origin.count('/both') === 1) response.writeHead(503, { 'retry-after': '0' }).end();
      else await api.answer(request, response);
    });
    assert.equal((await call('/both')).status, 200);
    assert.deepEqual([api.origin.count('/both'), idp.forced()], [3, 1]);
  });
});

suite('the client: refresh ahead', () => {
  const lasting = (seconds, claims = {}) => {
    const now = epochSeconds();
    return jwt({ iat: now - 800, exp: now + seconds, ...claims });
  };

  test('a token whose end is near is replaced before it is sent, once for all requests', async (context) => {
    const { api, idp, call } = await scene(context, { tokens: [lasting(8), NEW] });
    await Promise.all(Array.from({ length: 5 }, () => call('/profiles')));
    assert.deepEqual([api.sent(), idp.forced()], [Array(5).fill(NEW), 1]);
  });

  /** @type {[string, () => string, object?][]} */
  const untouched = [
    ['a token with time left', () => lasting(30)],
    ['a token with more time than asked for', () => lasting(9), { refreshAheadSeconds: 2 }],
    ['an expired one, if switched off,', () => lasting(-5), { refreshAheadSeconds: false }],
    ['one without iat', () => jwt({ exp: epochSeconds(), iat: undefined })],
    ['one without exp', () => jwt({ exp: undefined })],
    ['one that lives ten seconds and has been made just now', () => jwt({ exp: epochSeconds() + 10 })],
    ['an opaque one', () => 'opaque'],
    ['one of three segments without JSON', () => 'a.b.c'],
    ['one whose payload is null', () => `a.${segment('null')}.c`],
  ];
  for (const [name, token, options] of untouched) {
    test(`${name} is sent as it is`, async (context) => {
      const sent = token();
      const { api, idp, call } = await scene(context, { ...options, tokens: [sent, NEW], api: { good: [sent] } });
      assert.equal((await call('/profiles')).status, 200);
      assert.deepEqual([api.sent(), idp.forced()], [[sent], 0]);
    });
  }

  test('the seconds can be set', async (context) => {
    const { api, call } = await scene(context, { tokens: [lasting(100), NEW], refreshAheadSeconds: 200 });
    await call('/profiles');
    assert.deepEqual(api.sent(), [NEW]);
  });

  test('the end is read from a payload with each character of base64url', async (context) => {
    const token = lasting(8, { note: '~~~???>>>' });
    assert.match(token.split('.')[1], /^(?=.*-).*_/);
    const { api, call } = await scene(context, { tokens: [token, NEW] });
    await call('/profiles');
    assert.deepEqual(api.sent(), [NEW]);
  });

  test('a token that was renewed ahead and is refused is renewed again', async (context) => {
    const third = jwt({ jti: 'third' });
    const { api, call } = await scene(context, { tokens: [lasting(8), NEW, third], api: { good: [third] } });
    assert.equal((await call('/profiles')).status, 200);
    assert.deepEqual(api.sent(), [NEW, third]);
  });

  test('it still happens after an opaque token was renewed', async (context) => {
    const answers = ['opaque-1', 'opaque-2', lasting(8), NEW];
    const { api, call } = await scene(context, { getToken: () => answers.shift(), api: { good: ['opaque-2', NEW] } });
    assert.equal((await call('/profiles')).status, 200);
    assert.equal((await call('/profiles')).status, 200);
    assert.deepEqual(api.sent(), ['opaque-1', 'opaque-2', NEW]);
  });

  test('if no new token can be had, the present one is sent', async (context) => {
    const token = lasting(8);
    const { api, idp, call } = await scene(context, { tokens: [token, new Error('offline')], api: { good: [token] } });
    assert.equal((await call('/profiles')).status, 200);
    assert.deepEqual([api.sent(), idp.forced()], [[token], 1]);
  });

  test('a clock that is an hour fast costs one refresh, not one for each request', async (context) => {
    const { idp, call } = await scene(context);
    context.mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_000 });
    for (let count = 0; count < 4; count += 1) assert.equal((await call('/profiles')).status, 200);
    assert.equal(idp.forced(), 1);
    context.mock.timers.tick(895_000);
    await call('/profiles');
    assert.equal(idp.forced(), 2, 'the end is seen all the same');
  });

  test('a clock that is an hour slow: the refusal renews the token, and from then on the end is seen', async (context) => {
    const third = jwt({ jti: 'third', iat: epochSeconds() + 890, exp: epochSeconds() + 1790 });
    const { api, idp, call } = await scene(context, { tokens: [lasting(-60), NEW, third], api: { good: [NEW, third] } });
    context.mock.timers.enable({ apis: ['Date'], now: Date.now() - 3_600_000 });
    assert.equal((await call('/profiles')).status, 200);
    assert.equal(api.seen.length, 2);
    context.mock.timers.tick(895_000);
    assert.equal((await call('/profiles')).status, 200);
    assert.deepEqual([api.sent().at(-1), api.seen.length, idp.forced()], [third, 3, 2]);
  });
});

suite('the client: the exchange', () => {
  /** An API behind a token endpoint that counts. `answer(form, count)` gives `[status, body]`. */
  /** @type {(context: import('node:test').TestContext, options?: { answer?: Function, exchange?: object, tokens?: unknown[], good?: string[], [option: string]: unknown }) => Promise<any>} */
  const exchanging = async (context, { answer, exchange = {}, tokens = [OLD, NEW], good = [], ...options } = {}) => {
    const started = await scene(context, {
      tokens,
      api: { good },
      exchange: { url: '/token', audience: 'https://api.example.com', ...exchange },
      ...options,
    });
    const forms = [];
    const issue = (_, count) => {
      good.push(`issued-${count}`);
      return [200, { access_token: `issued-${count}`, expires_in: 900, token_type: 'Bearer' }];
    };
    started.api.origin.serve('/token', async (request, response) => {
      const form = Object.fromEntries(new URLSearchParams(await text(request)));
      forms.push({ ...form, authorization: request.headers.authorization });
      const [status, body, headers = {}] = (answer ?? issue)(form, forms.length);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    return { ...started, forms, good };
  };

  test('it sends the form of RFC 8693, and keeps the issued token', async (context) => {
    const { api, forms, call } = await exchanging(context, { exchange: { scope: 'profiles:read', client_id: 'web', resource: undefined } });
    await Promise.all(Array.from({ length: 20 }, () => call('/profiles')));
    await call('/profiles');
    assert.deepEqual(forms, [
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: OLD,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        audience: 'https://api.example.com',
        scope: 'profiles:read',
        client_id: 'web',
        authorization: undefined,
      },
    ]);
    assert.deepEqual(api.sent(), Array(21).fill('issued-1'));
  });

  test('it exchanges again when the issued token has ended, without a forced refresh', async (context) => {
    const { api, idp, forms, call } = await exchanging(context);
    context.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    await call('/profiles');
    context.mock.timers.tick(899_000);
    await call('/profiles');
    context.mock.timers.tick(2000);
    await call('/profiles');
    assert.deepEqual([api.sent(), forms.length, idp.forced()], [['issued-1', 'issued-1', 'issued-2'], 2, 0]);
  });

  test('it exchanges a fresh token when the issued one is refused', async (context) => {
    const { api, idp, forms, good, call } = await exchanging(context);
    await call('/profiles');
    good.length = 0;
    const responses = await Promise.all(Array.from({ length: 20 }, () => call('/profiles')));
    assert.deepEqual(
      responses.map(({ status }) => status),
      Array(20).fill(200),
    );
    assert.deepEqual([forms.map((form) => form.subject_token), idp.forced()], [[OLD, NEW], 1]);
    assert.equal(api.sent().filter((token) => token === 'issued-2').length, 20);
  });

  test('the issued token of one user is never sent for another, nor after signing out', async (context) => {
    let token = OLD;
    const { api, forms, call } = await exchanging(context, { getToken: () => token });
    await call('/profiles');
    token = jwt({ sub: 'alan' });
    await call('/profiles');
    token = null;
    await call('/profiles');
    assert.deepEqual([api.sent(), forms.length], [['issued-1', 'issued-2', undefined], 2]);
  });

  test('the issued token is not sent for another issuer, session, organization or role of the same user', async (context) => {
    const common = { iss: 'https://one.example', sid: 'one', o: { id: 'org_a' }, role: 'admin' };
    for (const other of [{ iss: 'https://other.example' }, { sid: 'another' }, { o: { id: 'org_b' } }, { role: 'member' }]) {
      let token = jwt(common);
      const { api, call } = await exchanging(context, { getToken: () => token });
      await call('/profiles');
      token = jwt({ ...common, ...other });
      await call('/profiles');
      assert.deepEqual(api.sent(), ['issued-1', 'issued-2'], JSON.stringify(other));
    }
  });

  test('a new token of the provider for the same user does not cost an exchange', async (context) => {
    const ofClerk = (claims) => jwt({ iss: 'https://clerk.example.com', sid: 'one', v: 2, ...claims });
    let token = ofClerk({ jti: 'a', fva: [0, -1] });
    const { forms, call } = await exchanging(context, { getToken: () => token });
    await call('/profiles');
    token = ofClerk({ jti: 'b', fva: [1, -1], iat: epochSeconds() + 60, nbf: epochSeconds() + 50, exp: epochSeconds() + 120 });
    await call('/profiles');
    assert.equal(forms.length, 1);
  });

  test('a refusal is an error with its code, status and advice, and without the token', async (context) => {
    const refusal = (form) => [
      400,
      { error: 'invalid_target', code: 'target_unknown', error_description: `no such target for ${form.subject_token}` },
    ];
    const { api, call } = await exchanging(context, { answer: refusal });
    const error = await rejection(call('/profiles'));
    assertClientError(error, 'target_unknown');
    assert.equal(error.status, 400);
    assert.match(error.message, /no such target for …\. Look up target_unknown in docs\/exchange\.md/);
    assert.equal(api.seen.length, 0);
  });

  test('a token that only the exchange refuses is renewed once', async (context) => {
    const answer = (form, count) =>
      form.subject_token === OLD
        ? [400, { error: 'invalid_request', code: 'token_expired' }]
        : [200, { access_token: `issued-${count}`, expires_in: 900 }];
    const { idp, forms, call } = await exchanging(context, { answer, good: ['issued-2'] });
    const responses = await Promise.all(Array.from({ length: 5 }, () => call('/profiles')));
    assert.deepEqual(
      responses.map(({ status }) => status),
      Array(5).fill(200),
    );
    assert.deepEqual([forms.map((form) => form.subject_token), idp.forced()], [[OLD, NEW], 1]);
  });

  for (const [name, answer, status] of [
    ['a problem document', [404, { code: 'exchange_failed', detail: 'no such path' }], 404],
    ['a 503', [503, { error: 'temporarily_unavailable', code: 'jwks_unavailable' }], 503],
    ['an answer that is no JSON', [502, '<html>'], 502],
    ['an answer that is null', [200, 'null'], 200],
    ['an answer without a token', [200, {}], 200],
    ['a refusal with a token in it', [403, { access_token: 'x' }], 403],
    ['a redirect', [307, '', { location: 'http://127.0.0.1:9/' }], 307],
  ]) {
    test(`${name} is an error, and the next request tries again`, async (context) => {
      const answers = [answer];
      const { forms, call } = await exchanging(context, {
        answer: () => answers.shift() ?? [200, { access_token: 'issued', expires_in: 9 }],
        good: ['issued'],
      });
      const error = await rejection(call('/profiles'));
      assertClientError(error, status === 503 ? 'jwks_unavailable' : 'exchange_failed');
      assert.equal(error.status, status);
      assert.equal((await call('/profiles')).status, 200);
      assert.equal(forms.length, 2);
    });
  }

  test('an aborted request does not abort the exchange of the others', async (context) => {
    const controller = new AbortController();
    const held = gate();
    const { api, call, forms, good } = await exchanging(context);
    const reason = new Error('gone');
    api.origin.serve('/token', async (_, response) => {
      forms.push({});
      await held.closed;
      good.push('issued');
      response.end(JSON.stringify({ access_token: 'issued', expires_in: 900 }));
    });
    const leaving = rejection(call('/profiles', { signal: controller.signal }));
    const staying = call('/profiles');
    await eventually(() => forms.length === 1, 'the exchange');
    controller.abort(reason);
    assert.equal(await leaving, reason);
    held.open();
    assert.equal((await staying).status, 200);
    assert.equal(forms.length, 1);
  });

  test('several audiences are several parameters', async (context) => {
    const use = during(context);
    const sent = [];
    const call = createFetch({
      getToken: () => OLD,
      origins: ['https://api.example.com'],
      exchange: { url: 'https://auth.example.com/token', audience: ['a', 'b'] },
      fetch: async (url, init) => (sent.push(init), Response.json({ access_token: 'issued' })),
    });
    await call('https://api.example.com/profiles');
    assert.deepEqual(sent[0].body.getAll('audience'), ['a', 'b']);
  });
});
