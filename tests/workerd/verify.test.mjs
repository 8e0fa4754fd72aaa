// The HTTP contract of /verify, /healthz and /readyz, with the built Worker in workerd.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { answerOf, startWorker, trusting } from './support/worker.mjs';

const REALM = 'Bearer realm="edge-assay"';

suite('the Worker, trusting Clerk, Supabase and Better Auth', () => {
  let identityProvider, clerk, supabase, betterAuth, worker;
  const call = async (path, init) => answerOf(await worker.fetch(path, init));

  before(async () => {
    identityProvider = await createIdentityProvider();
    [clerk, supabase, betterAuth] = identityProvider.providers;
    worker = await startWorker(trusting(identityProvider.providers, { cors: { origins: ['https://app.example.com'] } }));
  });
  after(async () => {
    await worker.dispose();
    await identityProvider.close();
  });

  test('answers a good token with its claims, its key and its times', async () => {
    for (const provider of [clerk, supabase, betterAuth]) {
      const token = await provider.mint();
      const [header, claims] = token.split('.', 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
      const { status, headers, body } = await worker.verify(token);
      assert.equal(status, 200, provider.name);
      assert.equal(headers.get('content-type'), 'application/json');
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.deepEqual(body.claims, claims);
      assert.equal(body.issuer, provider.issuer);
      assert.equal(body.subject, claims.sub);
      assert.equal(body.expires_at, claims.exp);
      assert.equal(body.issued_at, claims.iat);
      assert.equal(body.not_before, claims.nbf);
      assert.equal(body.key.alg, provider.algorithm);
      assert.equal(body.key.kid, header.kid);
      // The thumbprint of a shared secret would be a hash of the secret.
      if (provider === supabase) assert.equal(body.key.thumbprint, undefined);
      else assert.match(body.key.thumbprint, /^[\w-]{43}$/);
    }
  });

  test('takes POST as it takes GET', async () => {
    const { status } = await call('/verify', { method: 'POST', headers: { authorization: `Bearer ${await clerk.mint()}` } });
    assert.equal(status, 200);
  });

  test('challenges a request without a token, and the challenge carries no error', async () => {
    const { status, headers, body } = await call('/verify');
    assert.equal(status, 401);
    assert.equal(headers.get('www-authenticate'), REALM);
    assert.equal(body.code, 'token_missing');
  });

  test('refuses an expired token as an invalid one', async () => {
    const answer = await worker.verify(await clerk.mint({ expired: true }));
    assertRefused(answer, 401, 'token_expired');
    assert.equal(answer.body.claim, 'exp');
  });

  test('treats Bearer null, undefined and an empty Bearer as a missing token', async () => {
    for (const word of ['null', 'undefined', '']) {
      const { status, headers, body } = await worker.verify(word);
      assert.equal(status, 401, word);
      assert.equal(headers.get('www-authenticate'), REALM, word);
      assert.equal(body.code, 'token_missing', word);
    }
  });

  test('refuses a token for another audience, of an unknown issuer, or altered', async () => {
    assertRefused(await worker.verify(await betterAuth.mint({ claims: { aud: 'https://elsewhere.example' } })), 401, 'audience_mismatch');
    assertRefused(await worker.verify(await clerk.mint({ claims: { iss: 'https://unknown.example' } })), 401, 'issuer_unknown');
    const [header, , signature] = (await clerk.mint()).split('.');
    const claims = Buffer.from(JSON.stringify({ iss: clerk.issuer, sub: 'root', exp: 4_000_000_000 })).toString('base64url');
    assertRefused(await worker.verify(`${header}.${claims}.${signature}`), 401, 'signature_invalid');
    assertRefused(await worker.verify('sb_secret_0123456789'), 401, 'token_malformed');
  });

  test('answers two credentials with 400 and invalid_request', async () => {
    const token = await clerk.mint();
    const { status, headers, body } = await worker.verify(`${token}, Bearer ${token}`);
    assert.equal(status, 400);
    assert.equal(body.code, 'request_ambiguous');
    assert.match(headers.get('www-authenticate'), /^Bearer realm="edge-assay", error="invalid_request"/);
  });

  test('refuses other kinds of tokens, which the same key signs, and says which class came', async () => {
    const machine = await clerk.mint({ claims: { sub: 'mch_2xYz', sid: undefined } });
    const answer = await worker.verify(machine);
    assertRefused(answer, 401, 'token_class_refused');
    assert.equal(answer.body.detail, 'the token is a Clerk machine-to-machine token (`machine`); accepted: session, template');
    assertRefused(await worker.verify(await supabase.mint({ claims: { role: 'service_role' } })), 401, 'token_class_refused');
    assertRefused(await worker.verify(await betterAuth.mint({ claims: { nonce: 'n' } })), 401, 'token_class_refused');
    assertRefused(await worker.verify(await clerk.mint({ claims: { cnf: { jkt: 'x' } } })), 401, 'proof_required');
  });

  test('describes every refusal as problem details, and shows nothing of the token', async () => {
    const token = await clerk.mint({ expired: true });
    const { headers, body } = await worker.verify(token);
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.deepEqual(Object.keys(body).sort(), ['claim', 'code', 'detail', 'status', 'title', 'type']);
    assert.equal(body.type, `urn:edge-assay:${body.code}`);
    assert.equal(body.status, 401);
    const seen = JSON.stringify(body) + headers.get('www-authenticate');
    for (const part of token.split('.')) assert.ok(!seen.includes(part));
  });

  test('logs a refusal as one line of JSON that identifies the token without holding it', async () => {
    const token = await betterAuth.mint({ expired: true });
    await worker.verify(token, { headers: { 'cf-ray': 'test-ray-1' } });
    const line = await worker.logged(({ code, ray }) => code === 'token_expired' && ray === 'test-ray-1');
    assert.equal(line.iss, betterAuth.issuer);
    assert.equal(line.alg, 'EdDSA');
    assert.match(line.token_sha256, /^[0-9a-f]{12}$/);
    for (const part of token.split('.')) assert.ok(!JSON.stringify(line).includes(part));
  });

  test('lets scripts of a configured origin read the answer, and those of no other', async () => {
    const preflight = (origin) =>
      call('/verify', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
      });
    const allowed = await preflight('https://app.example.com');
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example.com');
    assert.match(allowed.headers.get('access-control-allow-methods'), /\bGET\b.*\bPOST\b/);
    assert.match(allowed.headers.get('access-control-allow-headers'), /\bauthorization\b/i);
    assert.match(allowed.headers.get('vary'), /\borigin\b/i);
    const refused = await preflight('https://evil.example');
    assert.equal(refused.headers.get('access-control-allow-origin'), null);

    const answer = await worker.verify('null', { headers: { origin: 'https://app.example.com' } });
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://app.example.com');
    assert.match(answer.headers.get('access-control-expose-headers'), /\bwww-authenticate\b/i);
  });

  test('answers another method with 405 and the allowed ones', async () => {
    for (const { path, method, allow } of [
      { path: '/verify', method: 'DELETE', allow: /\bGET\b.*\bPOST\b/ },
      { path: '/healthz', method: 'POST', allow: /\bGET\b/ },
    ]) {
      const { status, headers } = await call(path, { method });
      assert.equal(status, 405, path);
      assert.match(headers.get('allow'), allow);
    }
  });

  test('answers 404 at all other paths', async () => {
    const { status, headers, body } = await call('/nowhere');
    assert.equal(status, 404);
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.equal(body.status, 404);
  });

  test('is alive and ready', async () => {
    assert.equal((await call('/healthz')).status, 200);
    assert.equal((await call('/readyz')).status, 200);
  });

  test('continues with a new instance after a panic, and logs that', async () => {
    const token = await clerk.mint();
    assert.equal((await worker.verify(token)).status, 200);
    // The memory has grown as far as it will, so JavaScript still has a view of that of the old instance.
    for (let i = 0; i < 20; i += 1) assert.equal((await call('/healthz')).status, 200);
    await worker.panics();
    for (let i = 0; i < 3; i += 1) assert.equal((await worker.verify(token)).status, 200);
    await worker.logged(({ event }) => event === 'instance_replaced');
    assert.equal(worker.log().filter(({ event }) => event === 'instance_replaced').length, 1);
  });

  test('keeps verifying while the identity provider is down', async () => {
    await worker.verify(await clerk.mint());
    clerk.behave('down');
    assert.equal((await worker.verify(await clerk.mint())).status, 200);
    clerk.behave('up');
  });
});

test('a rotated key is fetched for the first token that names it, and the former key still serves', async (context) => {
  const identityProvider = await createIdentityProvider({ providers: [{ name: 'better-auth' }] });
  const [betterAuth] = identityProvider.providers;
  const worker = await startWorker(trusting([betterAuth], { jwks: { unknown_kid_cooldown_seconds: 1 } }));
  context.after(() => Promise.all([worker.dispose(), identityProvider.close()]));

  assert.equal((await worker.verify(await betterAuth.mint())).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await betterAuth.rotate();
  assert.equal((await worker.verify(await betterAuth.mint())).status, 200);
  assert.equal((await worker.verify(await betterAuth.mint({ keyIndex: 1 }))).status, 200);
  assert.equal(betterAuth.jwksRequests, 2);
});

test('an identity provider that is down, with nothing cached, is a 503 with Retry-After and never a 401', async (context) => {
  const identityProvider = await createIdentityProvider({ providers: [{ name: 'clerk' }] });
  const [clerk] = identityProvider.providers;
  const worker = await startWorker(trusting([clerk]));
  context.after(() => Promise.all([worker.dispose(), identityProvider.close()]));

  clerk.behave('down');
  const { status, headers, body } = await worker.verify(await clerk.mint());
  assert.equal(status, 503);
  assert.equal(body.code, 'jwks_unavailable');
  assert.match(headers.get('retry-after'), /^[1-9]\d*$/);
  assert.equal(headers.get('www-authenticate'), null);

  clerk.behave('up');
  await new Promise((resolve) => setTimeout(resolve, 1000 * headers.get('retry-after')));
  assert.equal((await worker.verify(await clerk.mint())).status, 200);
});

suite('a Worker with a faulty configuration', () => {
  const faulty = { verify: { leeway: 5 }, issuers: [{ issuer: 'https://a.example', preset: 'clerk' }], explain: { access: 'open' } };

  test('answers 503 config_invalid to everything but /healthz', async (context) => {
    const worker = await startWorker({ config: faulty });
    context.after(() => worker.dispose());
    const { status, headers, body } = await worker.verify('a.b.c');
    assert.equal(status, 503);
    assert.equal(body.code, 'config_invalid');
    assert.match(headers.get('retry-after'), /^[1-9]\d*$/);
    assert.equal((await worker.fetch('/healthz')).status, 200);
    assert.equal((await worker.fetch('/readyz')).status, 503);
  });

  test('reports all faults together, each with its path, in the log and on /readyz', async (context) => {
    const worker = await startWorker({ config: faulty });
    context.after(() => worker.dispose());
    const { body } = await answerOf(await worker.fetch('/readyz'));
    for (const path of ['verify.leeway', 'issuers[0].audience']) assert.ok(JSON.stringify(body).includes(`"${path}"`), path);
    await worker.logged((line) => JSON.stringify(line).includes('issuers[0].audience'));
  });

  test('shows its faults only to callers that may see details', async (context) => {
    const worker = await startWorker({ config: { ...faulty, explain: { access: 'key' } } });
    context.after(() => worker.dispose());
    const { body } = await answerOf(await worker.fetch('/readyz'));
    assert.ok(!JSON.stringify(body).includes('issuers[0]'));
  });

  test('is one without any configuration, too', async (context) => {
    const worker = await startWorker();
    context.after(() => worker.dispose());
    assert.equal((await worker.verify('a.b.c')).body.code, 'config_invalid');
  });
});

function assertRefused({ status, headers, body }, expectedStatus, code) {
  assert.equal(body.code, code);
  assert.equal(status, expectedStatus);
  assert.match(headers.get('www-authenticate'), /^Bearer realm="edge-assay", error="invalid_token"/);
}
