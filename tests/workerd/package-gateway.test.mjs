// The slim build, `edge-assay/gateway` of the package: what it does like the whole one, what it lacks, and its size. It is built only with the
// package.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { STAGE } from '../../scripts/lib/package.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { sha256, SLIM } from '../../scripts/lib/worker.mjs';
import { lifetime } from './support/lifetime.mjs';
import { answerOf, startWorker, trusting } from './support/worker.mjs';

// A little above what it is now: growth is to be noticed, and this raised only with a reason. docs/performance.md says of what it consists.
const MAX_WASM_BYTES_GZIPPED = 350_000;
const MAX_SCRIPT_BYTES_GZIPPED = 8_300;

const EXPLAIN_KEY = 'e'.repeat(40);
const PROXY_SECRET = 'p'.repeat(40);
const bearer = (token) => ({ authorization: `Bearer ${token}` });
const ECHO = `export default { fetch: (request) => Response.json(Object.fromEntries(request.headers)) };`;
const ROUTE = { path: '/profiles/*', upstream: { service: 'PROFILES' }, headers: { 'x-user-id': '/sub' } };
const CALLER = `export default { async fetch(request, env) {
  const { member, argument } = await request.json();
  try { return Response.json({ value: await env.AUTH[member](argument) }); } catch (error) { return Response.json({ error: String(error) }); }
} };`;
const module = (name) => ({ script: readFileSync(at(STAGE, 'gateway', name), 'utf8') });

suite('the slim build', () => {
  const use = lifetime(after);
  let identityProvider, provider, worker;
  const start = async (/** @type {Parameters<typeof startWorker>[0] & { config?: any }} */ { config = {}, ...options } = {}) => {
    const trusted = trusting([provider], config);
    return use(
      startWorker({
        build: SLIM.folder,
        ...trusted,
        secrets: { ...trusted.secrets, EXPLAIN_KEY, PROXY_SECRET },
        services: { PROFILES: ECHO },
        identityProvider,
        ...options,
      }),
    );
  };
  const ask = async (path, init) => answerOf(await worker.fetch(path, init));

  before(async () => {
    identityProvider = await use(createIdentityProvider({ providers: [{ name: 'clerk' }] }));
    [provider] = identityProvider.providers;
    worker = await start({ config: { gateway: { routes: [ROUTE] }, forward_auth: { secret: 'PROXY_SECRET' } }, caller: CALLER });
  });

  test('the wasm is not larger than its limit, and is the one of the package', () => {
    const wasm = readFileSync(at(SLIM.folder, 'index_bg.wasm'));
    const { length } = gzipSync(wasm, { level: 9 });
    assert.ok(length <= MAX_WASM_BYTES_GZIPPED, `${length} bytes gzipped`);
    assert.equal(sha256(`${STAGE}/gateway/index_bg.wasm`), sha256(`${SLIM.folder}/index_bg.wasm`));
    const script = gzipSync(readFileSync(at(SLIM.folder, 'index.js')), { level: 9 });
    assert.ok(script.length <= MAX_SCRIPT_BYTES_GZIPPED, `${script.length} bytes gzipped`);
  });

  test('verifies: a good token, a changed one, and none', async () => {
    const token = await provider.mint();
    assert.equal((await ask('/verify', { headers: bearer(token) })).status, 200);
    const changed = await ask('/verify', { headers: bearer(`${token.slice(0, -8)}AAAAAAAA`) });
    assert.deepEqual([changed.status, changed.body.code], [401, 'signature_invalid']);
    assert.deepEqual([(await ask('/verify')).status, (await ask('/verify')).body.code], [401, 'token_missing']);
  });

  test('forwards a request with the claims of its token as headers, and without the token', async () => {
    const headers = { ...bearer(await provider.mint()), 'x-user-id': 'forged' };
    const { status, body } = await ask('/profiles/7', { headers });
    assert.equal(status, 200);
    assert.notEqual(body['x-user-id'], 'forged');
    assert.equal(body.authorization, undefined);
    assert.equal((await ask('/profiles/7')).status, 401);
  });

  test('answers a proxy that sends its secret, and no other', async () => {
    const question = {
      'x-forwarded-method': 'GET',
      'x-forwarded-host': 'api.example',
      'x-forwarded-uri': '/profiles/7',
      'x-forwarded-proto': 'https',
    };
    const headers = { ...question, ...bearer(await provider.mint()), 'x-forward-auth-secret': PROXY_SECRET };
    const passed = await ask('/forward-auth', { headers });
    assert.equal(passed.status, 200, JSON.stringify(passed.body));
    assert.ok(passed.headers.get('x-user-id'));
    const untrusted = await ask('/forward-auth', { headers: { ...headers, 'x-forward-auth-secret': 'x'.repeat(40) } });
    assert.deepEqual([untrusted.status, untrusted.headers.get('x-assay-code')], [403, 'forward_auth_untrusted']);
  });

  test('says that it is ready, with the states of the keys', async () => {
    const { status, body } = await ask('/readyz', { headers: { 'x-explain-key': EXPLAIN_KEY } });
    assert.deepEqual([status, body.status], [200, 'ready']);
    assert.ok(body.details.issuers[0].keys.keys.length > 0);
    assert.equal((await ask('/healthz')).status, 200);
  });

  test('has no endpoint of the parts that it lacks, and lets a route take such a path', async () => {
    const routed = await start({ config: { gateway: { routes: [{ path: '/explain', upstream: { service: 'PROFILES' } }] } } });
    for (const path of [
      '/explain',
      '/console',
      '/openapi.json',
      '/token',
      '/api',
      '/.well-known/jwks.json',
      '/.well-known/oauth-authorization-server',
    ]) {
      for (const method of ['GET', 'POST']) {
        const { status, body } = await ask(path, { method, headers: { 'x-explain-key': EXPLAIN_KEY } });
        assert.deepEqual([status, body.code], [404, 'not_found'], `${method} ${path}`);
      }
    }
    assert.equal((await routed.fetch('/explain', { headers: bearer(await provider.mint()) })).status, 200);
  });

  test('refuses a configuration that needs the exchange, and says which module has it', async () => {
    const exchange = { issuer: 'https://auth.example.com', targets: [{ audience: 'api', from: [provider.issuer] }] };
    for (const [config, path] of [
      [{ exchange }, 'exchange'],
      [{ exchange: false }, 'exchange'],
      [{ gateway: { routes: [{ ...ROUTE, credential: { exchange: 'api' } }] } }, 'gateway.routes[0].credential'],
    ]) {
      const refused = await start({ config });
      const { status, body } = await answerOf(await refused.fetch('/readyz', { headers: { 'x-explain-key': EXPLAIN_KEY } }));
      assert.equal(status, 503);
      const [{ path: found, problem, fix }] = body.details.faults;
      assert.deepEqual([found, problem], [path, 'needs the token exchange, which this build lacks']);
      assert.match(fix, /^import "edge-assay" in place of "edge-assay\/gateway"/);
      const verdict = await answerOf(await refused.fetch('/verify', { headers: bearer(await provider.mint()) }));
      assert.deepEqual([verdict.status, verdict.body.code], [503, 'config_invalid']);
    }
  });

  test('isolates share key sets through KV, and through the coordinator', async () => {
    for (const coordinator of [false, true]) {
      const before = provider.jwksRequests;
      const several = await start({ isolates: 2, coordinator });
      for (const isolate of [0, 1]) {
        assert.equal((await several.fetch('/verify', { headers: bearer(await provider.mint()), isolate })).status, 200);
      }
      assert.equal(provider.jwksRequests - before, 1, `coordinator: ${coordinator}`);
    }
  });

  test('other Workers can call verify by RPC, and no call of the parts that it lacks', async () => {
    const call = async (member, argument) => (await worker.caller('/', { method: 'POST', body: JSON.stringify({ member, argument }) })).json();
    assert.equal((await call('verify', await provider.mint())).value.ok, true);
    assert.equal((await call('verify', 'a.b.c')).value.ok, false);
    for (const member of ['explain', 'exchange']) assert.match((await call(member, {})).error, /does not implement|not.*method|RPC/i, member);
  });

  test('a Worker of its own can be only `export { default } from "edge-assay/gateway"`', async () => {
    const trusted = trusting([provider]);
    const own = await use(startWorker({ build: SLIM.folder, ...trusted, ...module('index.js'), identityProvider }));
    assert.equal((await own.fetch('/verify', { headers: bearer(await provider.mint()) })).status, 200);
  });
});
