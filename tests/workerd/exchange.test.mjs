// The exchange of the built Worker in workerd, with real clients: oauth4webapi at /token, Fireproof's own client at /api, and jose
// and PyJWT, which verify the issued tokens.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { Result } from '@adviser/cement';
import { DashboardApiImpl } from '@fireproof/core-protocols-dashboard';
import { ensureSuperThis } from '@fireproof/core-runtime';
import { FPCloudClaimSchema } from '@fireproof/core-types-protocols-cloud';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { signingKeys } from '../../demo/signing-keys.mjs';
import { answerOf, startWorker, trusting } from './support/worker.mjs';

const ISSUER = 'https://auth.example.com';
const API = 'https://api.example.com';
const PROFILES = 'https://profiles.example.com';
const SHARED = 'https://shared.example.com';
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const CLIENT_SECRET = 'a client secret: with + % and ü, and long enough';

// Debian's packages belong to the system's Python, which may not be the first on the PATH.
const python = ['python3', '/usr/bin/python3'].find((path) => spawnSync(path, ['-c', 'import jwt, cryptography']).status === 0);

suite('the exchange', () => {
  let identityProvider, clerk, supabase, worker, keys;
  const call = async (path, init) => answerOf(await worker.fetch(path, init));
  const token = (parameters, init = {}) => call('/token', { method: 'POST', body: new URLSearchParams(parameters), ...init });
  const exchange = (subject_token, more = {}) => token({ grant_type: GRANT, subject_token, subject_token_type: JWT, audience: API, ...more });
  const keySet = () => createRemoteJWKSet(new URL('/.well-known/jwks.json', worker.urls[0]));

  before(async () => {
    identityProvider = await createIdentityProvider();
    [clerk, supabase] = identityProvider.providers;
    const { config, secrets } = trusting(identityProvider.providers);
    config.exchange = {
      issuer: ISSUER,
      targets: [
        {
          audience: API,
          from: [clerk.issuer],
          public_clients: true,
          scopes: ['profiles:read', 'profiles:write'],
          claims: { user_id: { claim: '/sub' } },
        },
        { audience: SHARED, from: [clerk.issuer], algorithm: 'HS256', public_clients: true },
        {
          audience: PROFILES,
          from: [supabase.issuer],
          algorithm: 'EdDSA',
          scopes: ['profiles:read'],
          claims: { email: { claim: '/email' }, role: { claim: '/role' } },
        },
      ],
      clients: [{ id: 'cli', secret: 'CLI_CLIENT_SECRET', targets: [PROFILES] }],
      fireproof: { auth_types: { clerk: [clerk.issuer], supabase: [supabase.issuer] }, claims: { userId: { claim: '/sub' } } },
    };
    keys = await signingKeys(['ES256', 'EdDSA', 'HS256'], { age: 3600 });
    worker = await startWorker({ config, secrets: { ...secrets, SIGNING_KEYS: keys, CLI_CLIENT_SECRET: CLIENT_SECRET }, isolates: 2 });
  });
  after(async () => {
    await worker.dispose();
    await identityProvider.close();
  });

  test('turns a Clerk token into an at+jwt that jose verifies from our JWKS URL', async () => {
    const { status, headers, body } = await exchange(await clerk.mint());
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(headers.get('cache-control'), 'no-store');
    const { payload, protectedHeader } = await jwtVerify(body.access_token, keySet(), {
      issuer: ISSUER,
      audience: API,
      typ: 'at+jwt',
      algorithms: ['ES256'],
    });
    assert.equal(payload.user_id, payload.sub);
    assert.ok(payload.jti && payload.client_id && protectedHeader.kid);
    // Clerk's tokens expire after a minute.
    assert.ok(body.expires_in <= 60);
  });

  test('is found by discovery and used by oauth4webapi, as the command line of incident 2 uses it', async () => {
    const options = { [oauth.customFetch]: (url, init) => fetch(new URL(new URL(url).pathname, worker.urls[0]), init) };
    const response = await oauth.discoveryRequest(new URL(ISSUER), { algorithm: 'oauth2', ...options });
    const server = await oauth.processDiscoveryResponse(new URL(ISSUER), response);
    const client = { client_id: 'cli' };
    const parameters = { subject_token: await supabase.mint(), subject_token_type: JWT, audience: PROFILES, scope: 'profiles:read' };
    for (const authenticate of [oauth.ClientSecretBasic(CLIENT_SECRET), oauth.ClientSecretPost(CLIENT_SECRET)]) {
      const answer = await oauth.genericTokenEndpointRequest(server, client, authenticate, GRANT, parameters, options);
      const issued = await oauth.processGenericTokenEndpointResponse(server, client, answer);
      const { payload } = await jwtVerify(issued.access_token, keySet(), { issuer: ISSUER, audience: PROFILES, algorithms: ['EdDSA'] });
      assert.deepEqual([payload.client_id, payload.scope, payload.email, payload.role], ['cli', 'profiles:read', 'ada@example.com', 'authenticated']);
      assert.equal(issued.issued_token_type, 'urn:ietf:params:oauth:token-type:access_token');
    }
    const wrong = await oauth.genericTokenEndpointRequest(server, client, oauth.ClientSecretBasic('wrong'), GRANT, parameters, options);
    assert.equal(wrong.status, 401);
    await assert.rejects(oauth.processGenericTokenEndpointResponse(server, client, wrong));
  });

  test('signs with HS256 for a target with a shared secret, and shows nothing of the secret in the key set', async () => {
    const { body } = await exchange(await clerk.mint(), { audience: SHARED });
    const { k, kid } = JSON.parse(keys).keys.find(({ kty }) => kty === 'oct');
    const { payload, protectedHeader } = await jwtVerify(body.access_token, Buffer.from(k, 'base64url'), {
      issuer: ISSUER,
      audience: SHARED,
      typ: 'at+jwt',
      algorithms: ['HS256'],
    });
    assert.deepEqual([protectedHeader.kid, payload.client_id], [kid, 'public']);
    const set = await call('/.well-known/jwks.json');
    assert.ok(set.body.keys.every((key) => key.kid !== kid && key.kty !== 'oct'));
  });

  test(
    'issues a token that PyJWT verifies with our JWKS URL',
    { skip: python ? false : 'PyJWT with cryptography is not installed (on Debian: apt-get install python3-jwt python3-cryptography)' },
    async () => {
      const { body } = await exchange(await clerk.mint());
      const script = `
import json, sys, jwt
url, token, audience, issuer = sys.argv[1:]
key = jwt.PyJWKClient(url).get_signing_key_from_jwt(token)
print(json.dumps(jwt.decode(token, key.key, algorithms=["ES256"], audience=audience, issuer=issuer)))`;
      const url = new URL('/.well-known/jwks.json', worker.urls[0]).href;
      const { stdout } = await promisify(execFile)(python, ['-c', script, url, body.access_token, API, ISSUER]);
      assert.equal(JSON.parse(stdout).iss, ISSUER);
    },
  );

  test("exchanges the token of incident 1 for Fireproof's own client, with claims that its schema accepts", async () => {
    const dashboard = new DashboardApiImpl({
      apiUrl: new URL('/api', worker.urls[0]).href,
      fetch: (...args) => fetch(...args),
      getToken: async () => Result.Ok({ type: 'clerk', token: await clerk.mint({ claims: { email: 'ada@example.com' } }) }),
    });
    const session = await dashboard.getCloudSessionToken({});
    assert.ok(session.isOk(), String(session));
    const { payload } = await jwtVerify(session.Ok().token, keySet(), { issuer: 'FP_CLOUD', audience: 'PUBLIC', algorithms: ['ES256'] });
    const claims = FPCloudClaimSchema.parse(payload);
    assert.equal(claims.email, 'ada@example.com');

    const ensured = (await dashboard.ensureCloudToken({ appId: 'notes' })).Ok();
    assert.equal(decodeJwt(ensured.cloudToken).selected.appId, 'notes');
    assert.ok(ensured.expiresInSec > 0 && ensured.expiresInSec <= 60);
    assert.ok(Math.abs(new Date(ensured.expiresDate).getTime() / 1000 - decodeJwt(ensured.cloudToken).exp) < 1);

    assert.ok((await dashboard.getCloudSessionToken({ resultId: 'a-result-to-fetch' })).isOk());
    const found = (await dashboard.getTokenByResultId({ type: 'reqTokenByResultId', resultId: 'a-result-to-fetch' })).Ok();
    assert.equal(found.status, 'found');
    await jwtVerify(found.token, keySet(), { issuer: 'FP_CLOUD' });
    const again = (await dashboard.getTokenByResultId({ type: 'reqTokenByResultId', resultId: 'a-result-to-fetch' })).Ok();
    assert.deepEqual(again, { type: 'resTokenByResultId', status: 'not-found', resultId: 'a-result-to-fetch' });
  });

  test("stores a result under every id that Fireproof's own client makes", async () => {
    const client = ensureSuperThis();
    const token = await clerk.mint();
    for (const resultId of Array.from({ length: 20 }, () => client.nextId().str)) {
      const left = await call('/api', {
        method: 'PUT',
        body: JSON.stringify({ type: 'reqCloudSessionToken', auth: { type: 'clerk', token }, resultId }),
      });
      assert.equal(left.status, 200, JSON.stringify(left.body));
      const { body } = await call('/api', { method: 'PUT', body: JSON.stringify({ type: 'reqTokenByResultId', resultId }) });
      assert.equal(body.status, 'found', resultId);
    }
  });

  test('gives a result to one of six simultaneous requests in one isolate, and another subject cannot replace it', async () => {
    const ask = (message) => worker.fetch('/api', { isolate: 0, method: 'PUT', body: JSON.stringify(message) }).then(answerOf);
    const leave = async (sub) =>
      ask({
        type: 'reqCloudSessionToken',
        auth: { type: 'clerk', token: await clerk.mint({ claims: { sub } }) },
        resultId: 'one-result-for-one-client',
      });
    assert.equal((await leave('ada')).status, 200);
    const taken = await leave('mallory');
    assert.deepEqual([taken.status, taken.body.code, taken.body.token], [409, 'result_taken', undefined]);
    const collected = await Promise.all(Array.from({ length: 6 }, () => ask({ type: 'reqTokenByResultId', resultId: 'one-result-for-one-client' })));
    const found = collected.filter(({ body }) => body.status === 'found');
    assert.deepEqual(
      found.map(({ body }) => decodeJwt(body.token).userId),
      ['ada'],
    );
  });

  test('adds an email to a session token without one, so that the schema accepts it', async () => {
    const { body } = await call('/api', {
      method: 'PUT',
      body: JSON.stringify({ type: 'reqCloudSessionToken', auth: { type: 'clerk', token: await clerk.mint() } }),
    });
    assert.match(FPCloudClaimSchema.parse(decodeJwt(body.token)).email, /@no-email\.invalid$/);
  });

  test('accepts the token of incident 2, HS256 with a kid that is in no JWKS, at /api too', async () => {
    const { status, body } = await call('/api', {
      method: 'POST',
      body: JSON.stringify({ type: 'reqCloudSessionToken', auth: { type: 'supabase', token: await supabase.mint() } }),
    });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal((await jwtVerify(body.token, keySet(), { issuer: 'FP_CLOUD' })).payload.email, 'ada@example.com');
  });

  test("answers the dashboard's client with 401 for a bad token, and names the one issuer and what failed", async () => {
    const bad = await clerk.mint({ expired: true });
    const { status, body } = await call('/api', {
      method: 'PUT',
      body: JSON.stringify({ type: 'reqCloudSessionToken', auth: { type: 'clerk', token: bad } }),
    });
    assert.equal(status, 401);
    assert.deepEqual(
      body.attempts.map(({ issuer, code }) => [issuer, code]),
      [[clerk.issuer, 'token_expired']],
    );
    for (const part of bad.split('.')) assert.ok(!JSON.stringify(body).includes(part));
    const preflight = await call('/api', { method: 'OPTIONS', headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' } });
    assert.deepEqual([preflight.status, preflight.body], [200, { type: 'ok', message: 'CORS preflight' }]);
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  });

  test('names the rule that was broken in each refusal', async () => {
    const subject = await clerk.mint();
    for (const [parameters, status, error] of [
      [{ audience: 'https://nobody.example' }, 400, 'invalid_target'],
      [{ audience: PROFILES }, 401, 'invalid_client'],
      [{ scope: 'admin' }, 400, 'invalid_scope'],
      [{ requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 400, 'invalid_request'],
      [{ subject_token: await supabase.mint() }, 400, 'invalid_target'],
      [{ subject_token: await clerk.mint({ expired: true }) }, 400, 'invalid_request'],
      [{ grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ]) {
      const { status: found, body } = await exchange(subject, parameters);
      assert.deepEqual([found, body.error], [status, error], JSON.stringify(body));
      assert.ok(body.error_description && body.code);
    }
    assert.equal((await call('/token', { method: 'POST', body: JSON.stringify({}), headers: { 'content-type': 'application/json' } })).status, 400);
    assert.equal((await call('/token', { method: 'POST', body: new URLSearchParams({ padding: 'x'.repeat(200_000) }) })).status, 413);
  });

  test('signs with the same key in every isolate', async () => {
    const kids = await Promise.all(
      [0, 1].map(async (isolate) => {
        const parameters = { grant_type: GRANT, subject_token: await clerk.mint(), subject_token_type: JWT, audience: API };
        const { body } = await answerOf(await worker.fetch('/token', { isolate, method: 'POST', body: new URLSearchParams(parameters) }));
        return decodeProtectedHeader(body.access_token).kid;
      }),
    );
    assert.equal(kids[0], kids[1]);
  });

  test('signs with both key pairs by WebCrypto, so no log line says that Rust had to', async () => {
    const registered = { client_id: 'cli', client_secret: CLIENT_SECRET, audience: PROFILES };
    const issued = [await exchange(await clerk.mint()), await exchange(await supabase.mint(), registered)];
    for (const { status, body } of issued) {
      assert.equal(status, 200, JSON.stringify(body));
      const { jti } = decodeJwt(body.access_token);
      await worker.logged((line) => line.event === 'token_issued' && line.jti === jti);
    }
    assert.deepEqual(
      issued.map(({ body }) => decodeProtectedHeader(body.access_token).alg),
      ['ES256', 'EdDSA'],
    );
    assert.deepEqual(
      worker.log().filter(({ event }) => event === 'signing_engine_failed'),
      [],
    );
  });

  test('publishes keys for every origin, with an ETag, and no private member', async () => {
    const first = await call('/.well-known/jwks.json');
    assert.equal(first.headers.get('access-control-allow-origin'), '*');
    assert.match(first.headers.get('cache-control'), /^public, max-age=\d+$/);
    assert.equal(first.body.keys.length, 2);
    for (const key of first.body.keys)
      assert.deepEqual(
        Object.keys(key).filter((name) => ['d', 'k', 'activate_at'].includes(name)),
        [],
      );
    const again = await worker.fetch('/.well-known/jwks.json', { headers: { 'if-none-match': first.headers.get('etag') } });
    assert.equal(again.status, 304);
  });
});

test('the Clerk token of incident 1, without aud, passes where its audience is unchecked and is refused by name where one is required', async (context) => {
  const identityProvider = await createIdentityProvider({ providers: [{ name: 'clerk' }] });
  const [clerk] = identityProvider.providers;
  const exchange = {
    issuer: ISSUER,
    targets: [{ audience: API, from: [clerk.issuer], public_clients: true }],
    fireproof: { auth_types: { clerk: [clerk.issuer] } },
  };
  const secrets = { SIGNING_KEYS: await signingKeys() };
  const workers = await Promise.all(
    ['unchecked', { any_of: ['backend'] }].map((audience) => {
      const { config } = trusting([clerk], { issuers: { clerk: { audience } }, exchange });
      return startWorker({ config, secrets });
    }),
  );
  context.after(() => Promise.all([...workers.map((worker) => worker.dispose()), identityProvider.close()]));
  const subject = await clerk.mint();
  assert.equal(decodeJwt(subject).aud, undefined);
  const answers = workers.flatMap((worker) =>
    [
      {
        path: '/token',
        init: { method: 'POST', body: new URLSearchParams({ grant_type: GRANT, subject_token: subject, subject_token_type: JWT, audience: API }) },
      },
      { path: '/api', init: { method: 'PUT', body: JSON.stringify({ type: 'reqCloudSessionToken', auth: { type: 'clerk', token: subject } }) } },
      { path: '/verify', init: { headers: { authorization: `Bearer ${subject}` } } },
    ].map(async ({ path, init }) => answerOf(await worker.fetch(path, init))),
  );
  const seen = (await Promise.all(answers)).map(({ status, body }) => [status, body.code]);
  assert.deepEqual(seen, [
    [200, undefined],
    [200, undefined],
    [200, undefined],
    [400, 'audience_missing'],
    [401, 'audience_missing'],
    [401, 'audience_missing'],
  ]);
});

test('an identity provider that is down, and a secret that is not bound, are a 503 at both endpoints', async (context) => {
  const identityProvider = await createIdentityProvider({ providers: [{ name: 'clerk' }] });
  const [clerk] = identityProvider.providers;
  const { config } = trusting([clerk]);
  config.exchange = {
    issuer: ISSUER,
    targets: [{ audience: API, from: [clerk.issuer], public_clients: true }],
    fireproof: { auth_types: { clerk: [clerk.issuer] } },
  };
  const worker = await startWorker({ config });
  context.after(() => Promise.all([worker.dispose(), identityProvider.close()]));
  const ask = async () => {
    const subject = await clerk.mint();
    const form = { grant_type: GRANT, subject_token: subject, subject_token_type: JWT, audience: API };
    const message = { type: 'reqCloudSessionToken', auth: { type: 'clerk', token: subject } };
    const answers = [
      await answerOf(await worker.fetch('/token', { method: 'POST', body: new URLSearchParams(form) })),
      await answerOf(await worker.fetch('/api', { method: 'PUT', body: JSON.stringify(message) })),
    ];
    for (const { status, headers } of answers) assert.deepEqual([status, /^\d+$/.test(headers.get('retry-after'))], [503, true]);
    return answers.map(({ body }) => body.code);
  };
  clerk.behave('down');
  assert.deepEqual(await ask(), ['jwks_unavailable', 'jwks_unavailable']);
  clerk.behave('up');
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.deepEqual(await ask(), ['secret_missing', 'secret_missing']);
  assert.equal((await worker.fetch('/.well-known/jwks.json')).status, 503);
});

// Around the Worker, with a clock that stands still: sets the second, and whether WebCrypto's signatures are wrong; returns how many timers were set so far.
const AROUND = `
import handlers from './index.js';
export * from './index.js';
const { sign } = SubtleCrypto.prototype;
const { setTimeout } = globalThis;
let second = 0, isWrong = false, timers = 0;
Date.now = () => second * 1000;
globalThis.setTimeout = (...parts) => ((timers += 1), setTimeout(...parts));
SubtleCrypto.prototype.sign = function (...parts) {
  const signature = sign.apply(this, parts);
  return isWrong ? signature.then((octets) => ((new Uint8Array(octets)[40] ^= 1), octets)) : signature;
};
export default {
  async fetch(request, env, context) {
    if (!request.headers.has('x-around')) return handlers.fetch(request, env, context);
    ({ second = second, isWrong = isWrong } = await request.json());
    return Response.json({ timers });
  },
};`;

test('trusts a signature of WebCrypto in the second of a good one only, and sets no timer for it', async (context) => {
  const identityProvider = await createIdentityProvider({ providers: [{ name: 'clerk' }] });
  const [clerk] = identityProvider.providers;
  const { config } = trusting([clerk]);
  const target = { audience: API, from: [clerk.issuer], public_clients: true };
  config.exchange = { issuer: ISSUER, targets: [target, { ...target, audience: PROFILES, algorithm: 'EdDSA' }] };
  const worker = await startWorker({ config, secrets: { SIGNING_KEYS: await signingKeys(['ES256', 'EdDSA']) }, asker: AROUND });
  context.after(() => Promise.all([worker.dispose(), identityProvider.close()]));
  const around = async (changes) =>
    (await answerOf(await worker.fetch('/', { method: 'POST', headers: { 'x-around': 'yes' }, body: JSON.stringify(changes) }))).body;
  const now = Math.floor(Date.now() / 1000);
  await around({ second: now });
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', worker.urls[0]));
  const subject_token = await clerk.mint();
  const isGood = async (audience) => {
    const form = { grant_type: GRANT, subject_token, subject_token_type: JWT, audience };
    const { status, body } = await answerOf(await worker.fetch('/token', { method: 'POST', body: new URLSearchParams(form) }));
    assert.equal(status, 200, JSON.stringify(body));
    return jwtVerify(body.access_token, keys).then(
      () => true,
      (error) => (assert.equal(error.code, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'), false),
    );
  };
  const failures = () => worker.log().filter(({ event }) => event === 'signing_engine_failed');
  for (const audience of [API, PROFILES]) assert.ok(await isGood(audience));
  const { timers } = await around({});
  for (const audience of [API, PROFILES, API, PROFILES]) assert.ok(await isGood(audience));
  // One each, for the body of the request.
  assert.equal((await around({})).timers - timers, 4);

  await around({ isWrong: true });
  for (const audience of [API, PROFILES]) assert.ok(!(await isGood(audience)));
  assert.deepEqual(failures(), []);
  await around({ second: now + 1 });
  for (const audience of [API, PROFILES, API, PROFILES]) assert.ok(await isGood(audience));
  await worker.logged(({ event, alg }) => event === 'signing_engine_failed' && alg === 'EdDSA');
  assert.deepEqual(
    failures().map(({ alg, reason }) => [alg, reason]),
    ['ES256', 'EdDSA'].map((alg) => [alg, 'its signature does not verify']),
  );
});
