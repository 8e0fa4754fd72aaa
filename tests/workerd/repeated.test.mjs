// The same token again and again: its response is kept in JavaScript and given again. It must be the response that Rust would make.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
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
    for (const index of [1, 0, 1, 0, 1, 0]) assert.deepEqual(await ask(tokens[index]), firsts[index]);
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
