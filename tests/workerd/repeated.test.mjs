// The same token again and again: what JavaScript keeps of it must lead to the response that Rust would make from the token.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { createApi } from './support/api.mjs';
import { startWorker, trusting } from './support/worker.mjs';

const TIMES = 5;

suite('a token that comes again', () => {
  let identityProvider, clerk, betterAuth, worker;
  const ask = async (token, path = '/verify', init = {}) => {
    const response = await worker.fetch(path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
    return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
  };
  const again = async (...request) => {
    const answers = [];
    for (let i = 0; i < TIMES; i += 1) answers.push(await ask(...request));
    return answers;
  };

  before(async () => {
    identityProvider = await createIdentityProvider();
    [clerk, , betterAuth] = identityProvider.providers;
    worker = await startWorker(trusting(identityProvider.providers));
  });
  after(async () => {
    await worker.dispose();
    await identityProvider.close();
  });

  test('gets the response byte for byte, each token its own', async () => {
    const tokens = await Promise.all([clerk.mint({ claims: { name: 'Ä 😀 \u2028' } }), clerk.mint(), betterAuth.mint()]);
    const firsts = await Promise.all(tokens.map((token) => ask(token)));
    assert.equal(new Set(firsts.map(({ text }) => text)).size, tokens.length);
    for (let i = 0; i < TIMES; i += 1) for (const [index, token] of tokens.entries()) assert.deepEqual(await ask(token), firsts[index]);
    assert.equal(firsts[0].status, 200);
  });

  test('is answered by method, path and query as before', async () => {
    const token = await clerk.mint();
    await again(token);
    assert.equal((await ask(token, '/verify', { method: 'HEAD' })).text, '');
    assert.equal((await ask(token, '/verify', { method: 'DELETE' })).status, 405);
    assert.equal((await ask(token, '/verify', { method: 'POST' })).status, 200);
    assert.equal((await ask(token, '/verify?access_token=x')).status, 400);
    assert.equal((await ask(token, '/nowhere')).status, 404);
    assert.equal((await ask(token)).status, 200);
  });

  test('is refused when one character of the header differs', async () => {
    const token = await clerk.mint();
    await again(token);
    const last = token.at(-1) === 'A' ? 'B' : 'A';
    assert.equal((await ask(`${token.slice(0, -1)}${last}`)).status, 401);
    // What is kept is found by the end of the header.
    const place = Math.floor(token.lastIndexOf('.') / 2);
    for (const character of ['A', 'B']) {
      const other = `${token.slice(0, place)}${character}${token.slice(place + 1)}`;
      if (other !== token) assert.equal((await ask(other)).status, 401);
    }
    assert.equal((await ask(`${token},${token}`)).status, 400);
    const { status } = await worker.fetch('/verify', { headers: { authorization: `Basic ${token}` } });
    assert.equal(status, 401);
  });

  test('is refused in the second in which it expires', async () => {
    const seconds = 40;
    const now = Math.floor(Date.now() / 1000);
    const token = await clerk.mint({ claims: { iat: now, nbf: now, exp: now + seconds } });
    assert.deepEqual([...new Set((await again(token)).map(({ status }) => status))], [200]);
    await worker.clockIsAhead(seconds + 30);
    try {
      const { status, text } = await ask(token);
      assert.deepEqual([status, JSON.parse(text).code], [401, 'token_expired']);
    } finally {
      await worker.clockIs('right');
    }
    assert.equal((await ask(token)).status, 200, 'the clock was set back');
  });

  test('gets the same response when the request has to wait, and after that', async () => {
    const token = await clerk.mint({ claims: { exp: Math.floor(Date.now() / 1000) + 3600 } });
    const [first] = await again(token);
    assert.equal(first.status, 200);
    // After 55 seconds a purge is looked for before the response; a signature is remembered for 60.
    await worker.clockIsAhead(57);
    try {
      for (const answer of await again(token)) assert.deepEqual(answer, first);
    } finally {
      await worker.clockIs('right');
    }
  });

  test('is verified again in the instance that follows a panic', async () => {
    const tokens = await Promise.all([clerk.mint(), betterAuth.mint()]);
    const firsts = await Promise.all(tokens.map(async (token) => (await again(token))[0]));
    await worker.panics();
    // In the other order, so that numbers that began again would be those of the other token.
    for (const index of [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]) assert.deepEqual(await ask(tokens[index]), firsts[index]);
  });
});

suite('a token that comes again to a Worker with CORS', () => {
  test('gets the headers for the origin of each request', async () => {
    const identityProvider = await createIdentityProvider();
    const [clerk] = identityProvider.providers;
    const worker = await startWorker(trusting(identityProvider.providers, { cors: { origins: ['https://app.example.com'] } }));
    try {
      const token = await clerk.mint();
      for (let i = 0; i < TIMES; i += 1) {
        for (const [origin, allowed] of [
          ['https://app.example.com', 'https://app.example.com'],
          ['https://evil.example', null],
          [undefined, null],
        ]) {
          const headers = { authorization: `Bearer ${token}`, ...(origin && { origin }) };
          const response = await worker.fetch('/verify', { headers });
          assert.equal(response.headers.get('access-control-allow-origin'), allowed);
          assert.equal(response.headers.get('vary')?.toLowerCase(), 'origin');
          await response.text();
        }
      }
    } finally {
      await worker.dispose();
      await identityProvider.close();
    }
  });
});

suite('a token that comes again to the gateway', () => {
  let identityProvider, clerk, api, worker;
  const ask = async (token, path, init = {}) => {
    const response = await worker.fetch(path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  };
  const userOf = ({ status, body }) => (status === 200 ? body.headers['x-user-id'] : body.code);

  before(async () => {
    identityProvider = await createIdentityProvider({ providers: [{ name: 'clerk' }] });
    [clerk] = identityProvider.providers;
    api = await createApi();
    const { config, secrets } = trusting([clerk]);
    const route = { upstream: api.url, headers: { 'x-user-id': '/sub' } };
    config.endpoints = { prefix: '/_assay' };
    config.gateway = {
      timeout_ms: 1000,
      routes: [
        { ...route, path: '/*' },
        { ...route, path: '/admin/*', require: { scopes: ['admin'] } },
        { ...route, path: '/places/*', credentials: [{ cookie: 's' }, 'authorization'] },
        { ...route, path: '/closed', upstream: 'http://127.0.0.1:9' },
      ],
    };
    worker = await startWorker({ config, secrets });
  });
  after(async () => {
    await worker.dispose();
    await api.close();
    await identityProvider.close();
  });

  test('is forwarded with its own user, whatever token came before', async () => {
    const subjects = ['user_a', 'user_b', 'user_c'];
    const tokens = await Promise.all(subjects.map((sub) => clerk.mint({ claims: { sub } })));
    for (let i = 0; i < TIMES; i += 1) {
      for (const [index, token] of tokens.entries()) {
        const { status, body } = await ask(token, `/profiles/${i}?page=2`, { headers: { 'x-user-id': 'admin', X_User_Id: 'admin' } });
        assert.deepEqual([status, body.url, body.headers['x-user-id']], [200, `/profiles/${i}?page=2`, subjects[index]]);
        assert.equal(body.headers.authorization, undefined);
        assert.equal(body.headers.x_user_id, undefined);
      }
    }
    const all = await Promise.all(tokens.map((token) => ask(token, '/profiles/1')));
    assert.deepEqual(all.map(userOf), subjects);
  });

  test('is decided about by route, query and other places as before', async () => {
    const [token, other] = await Promise.all([clerk.mint({ claims: { sub: 'user_a' } }), clerk.mint({ claims: { sub: 'user_b' } })]);
    for (let i = 0; i < TIMES; i += 1) {
      assert.equal(userOf(await ask(token, '/x')), 'user_a');
      assert.equal(userOf(await ask(token, '/admin/x')), 'scope_insufficient');
      assert.equal(userOf(await ask(token, `/x?access_token=${other}`)), 'request_ambiguous');
      assert.equal(userOf(await ask(token, '/places/x')), 'user_a');
      // The cookie comes first.
      assert.equal(userOf(await ask(token, '/places/x', { headers: { cookie: `s=${other}` } })), 'user_b');
      assert.equal(userOf(await ask(`${token.slice(0, -8)}AAAAAAAA`, '/x')), 'signature_invalid');
      assert.equal((await ask(token, '/_assay/verify')).body.subject, 'user_a');
      assert.equal(userOf(await ask(token, '/x', { method: 'POST', body: 'a' })), 'user_a');
    }
  });

  test('is refused in the second in which it expires', async () => {
    const seconds = 40;
    const now = Math.floor(Date.now() / 1000);
    const token = await clerk.mint({ claims: { sub: 'user_a', iat: now, nbf: now, exp: now + seconds } });
    for (let i = 0; i < TIMES; i += 1) assert.equal(userOf(await ask(token, '/x')), 'user_a');
    const before = api.requests.length;
    await worker.clockIsAhead(seconds + 30);
    try {
      assert.equal(userOf(await ask(token, '/x')), 'token_expired');
    } finally {
      await worker.clockIs('right');
    }
    assert.equal(api.requests.length, before);
  });

  test('is verified again in the instance that follows a panic', async () => {
    const subjects = ['user_a', 'user_b'];
    const tokens = await Promise.all(subjects.map((sub) => clerk.mint({ claims: { sub } })));
    for (let i = 0; i < TIMES; i += 1) for (const token of tokens) await ask(token, '/x');
    await worker.panics();
    for (const index of [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]) assert.equal(userOf(await ask(tokens[index], '/x')), subjects[index]);
  });

  test('gets an answer although another request has a panic while the API answers', async () => {
    const token = await clerk.mint({ claims: { sub: 'user_a' } });
    for (let i = 0; i < TIMES; i += 1) await ask(token, '/x');
    const slow = ask(token, '/closed');
    await worker.panics();
    assert.equal((await slow).body.code, 'upstream_unavailable');
    await worker.logged(({ event }) => event === 'upstream_failed');
    assert.equal(userOf(await ask(token, '/x')), 'user_a');
  });
});
