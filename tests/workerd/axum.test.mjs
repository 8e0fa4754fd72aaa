// The fifth incident, whole: the server of crates/axum (its example `profiles`), a real Better Auth with a session, and edge-assay/client.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { buildProfiles } from '../../scripts/lib/axum-example.mjs';
import { startBetterAuth } from './support/better-auth.mjs';
import { createProgram, signUp } from './support/client-program.mjs';
import { during, lifetime } from './support/lifetime.mjs';
import { epochSeconds } from './support/tokens.mjs';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let program;
before(async () => {
  program = await buildProfiles();
});

/** Starts the server with this environment. */
async function startProfiles(environment) {
  const child = spawn(program, { env: { ...environment, PATH: process.env.PATH, RUST_BACKTRACE: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (log += text));
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  const url = /^listening on (http:\S+)$/.exec(line)?.[1];
  if (!url) throw new Error(`the server did not start: ${line} ${log}`);
  return {
    url,
    log: () => log,
    /**
     * GET, unless `init` says otherwise, with a token if there is one.
     * @param {string} [token]
     * @param {RequestInit & { path?: string }} [init]
     */
    async ask(token, { headers, path = '/profiles', ...init } = {}) {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(new URL(path, url), { ...init, headers: { ...authorization, ...headers } });
      const text = await response.text();
      return {
        status: response.status,
        challenge: response.headers.get('www-authenticate'),
        headers: response.headers,
        body: text.startsWith('{') ? JSON.parse(text) : text,
      };
    },
    async close() {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      const [code] = await ended;
      assert.equal(code, 0, log);
    },
  };
}

/** Better Auth and the server. `next(claims)` sets claims of the tokens from now on. */
async function waveflow(use, environment = {}) {
  let further = {};
  const definePayload = ({ user }) => ({ email: user.email, scope: 'profiles:read', ...further });
  const betterAuth = await use(startBetterAuth({ tokens: { definePayload }, advanced: { database: { generateId: 'uuid' } } }));
  const server = await use(startProfiles({ PORT: '0', ISSUER: betterAuth.issuer, ...environment }));
  return { betterAuth, server, next: (claims) => (further = claims) };
}

/** Asks until `isSo`, and returns the answer; fails after `seconds`. */
async function eventually(seconds, ask, isSo) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    assert.ok(Date.now() < end, `after ${seconds} s: ${JSON.stringify(answer.body)}`);
    await pause(100);
  }
}

function assertRefused(answer, status, code) {
  assert.deepEqual([answer.status, answer.body.code, answer.body.status], [status, code, status]);
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
}

suite('the server profiles, a Better Auth and its users', () => {
  const outlive = lifetime(after);
  let scene, session, token;
  before(async () => {
    scene = await waveflow(outlive);
    session = await scene.betterAuth.signIn();
    token = await session.token();
  });

  test('a token of the session: 200 with sub, a UUID, and the scopes', async () => {
    const answer = await scene.server.ask(token);
    assert.deepEqual([answer.status, answer.body], [200, { user: session.user.id, scopes: ['profiles:read'] }]);
    assert.match(answer.body.user, UUID);
  });

  test('X-User-Id is ignored', async () => {
    const headers = { 'x-user-id': 'root' };
    assertRefused(await scene.server.ask(undefined, { headers }), 401, 'token_missing');
    assert.equal((await scene.server.ask(token, { headers })).body.user, session.user.id);
  });

  test('without a token: 401 and a challenge without error', async () => {
    const answer = await scene.server.ask();
    assertRefused(answer, 401, 'token_missing');
    assert.equal(answer.challenge, 'Bearer realm="profiles"');
    for (const word of ['null', 'undefined']) assert.equal((await scene.server.ask(word)).challenge, 'Bearer realm="profiles"');
  });

  test('an expired token, a broken one and one of another audience: 401 invalid_token', async () => {
    scene.next({ iat: epochSeconds() - 900, exp: epochSeconds() - 60 });
    const expired = await scene.server.ask(await session.token());
    scene.next({ aud: 'https://elsewhere.example' });
    const elsewhere = await scene.server.ask(await session.token());
    scene.next({});
    const [head, payload, signature] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'root' })).toString('base64url');
    for (const [answer, code] of [
      [expired, 'token_expired'],
      [elsewhere, 'audience_mismatch'],
      [await scene.server.ask('garbage'), 'token_malformed'],
      [await scene.server.ask(`${head}.${forged}.${signature}`), 'signature_invalid'],
    ]) {
      assertRefused(answer, 401, code);
      assert.match(answer.challenge, /^Bearer realm="profiles", error="invalid_token", error_description="[^"]+"$/);
    }
  });

  test('POST needs the scope profiles:write', async () => {
    const refused = await scene.server.ask(token, { method: 'POST' });
    assertRefused(refused, 403, 'scope_insufficient');
    assert.match(refused.challenge, /error="insufficient_scope".*, scope="profiles:write"$/);
    scene.next({ scope: 'profiles:read profiles:write' });
    const served = await scene.server.ask(await session.token(), { method: 'POST' });
    scene.next({});
    assert.deepEqual([served.status, served.body.scopes], [200, ['profiles:read', 'profiles:write']]);
  });

  test('no token and no claim is in the log', async () => {
    const [, payload, signature] = token.split('.');
    for (const secret of [payload, signature, 'grace@example.com', session.user.id]) assert.ok(!scene.server.log().includes(secret));
    assert.match(scene.server.log(), /jwks_fetched/);
  });

  test('the client of the web: an expired token is renewed once, and the request is repeated', async () => {
    const expired = await signUp(scene.betterAuth.issuer, 'ada@example.com');
    const client = createProgram({ fetchToken: expired, baseUrl: scene.server.url, refreshAheadSeconds: false });
    scene.next({ scope: 'profiles:write', iat: epochSeconds() - 900, exp: epochSeconds() - 60 });
    await client.prime();
    scene.next({ scope: 'profiles:write' });
    const { answers, refreshes, statuses } = await client.send('/profiles');
    assert.deepEqual([statuses, refreshes], [[401, 200], 1]);
    assert.match(JSON.parse(answers[0].body).user, UUID);
    // A lacking scope is no reason to ask for another token.
    scene.next({});
    await client.prime();
    const lacking = await client.send('/profiles');
    assert.deepEqual([lacking.statuses, lacking.refreshes], [[403], 0]);
  });
});

suite('the keys of Better Auth', () => {
  test('a new key is accepted at once, and one that is gone is refused within the TTL', async (context) => {
    const { betterAuth, server } = await waveflow(during(context), { JWKS_TTL_SECONDS: '5' });
    const session = await betterAuth.signIn();
    const former = await session.token();
    assert.equal((await server.ask(former)).status, 200);
    betterAuth.rotate();
    assert.equal((await server.ask(await session.token())).status, 200);
    assert.equal((await server.ask(former)).status, 200, 'the former key is still published');

    const gone = await session.token();
    betterAuth.rotate({ keepOld: false });
    const begun = Date.now();
    const refused = await eventually(
      15,
      () => server.ask(gone),
      ({ status }) => status !== 200,
    );
    assertRefused(refused, 401, 'key_not_found');
    // Times are whole seconds, and this machine may be busy.
    assert.ok(Date.now() - begun < 10_000, `${Date.now() - begun} ms`);
    assert.equal((await server.ask(await session.token())).status, 200);
  });

  test('a flood of unknown keys costs one fetch, and delays no known key', async (context) => {
    const { betterAuth, server } = await waveflow(during(context));
    const session = await betterAuth.signIn();
    const token = await session.token();
    assert.equal((await server.ask(token)).status, 200);
    const requests = betterAuth.jwksRequests();
    const [, payload, signature] = token.split('.');
    const unknown = (kid) => `${Buffer.from(JSON.stringify({ alg: 'EdDSA', kid })).toString('base64url')}.${payload}.${signature}`;
    const answers = await Promise.all(Array.from({ length: 100 }, (_, number) => server.ask(unknown(`kid-${number}`))));
    for (const answer of answers) assertRefused(answer, 401, 'key_not_found');
    assert.equal((await server.ask(token)).status, 200);
    assert.equal(betterAuth.jwksRequests() - requests, 1);
  });

  test('an outage: cached keys serve; without any it is 503 with Retry-After, until the provider is back', async (context) => {
    const { betterAuth, server } = await waveflow(during(context), { JWKS_TTL_SECONDS: '2' });
    const session = await betterAuth.signIn();
    const token = await session.token();
    assert.equal((await server.ask(token)).status, 200);
    betterAuth.setKeysDown(true);
    await pause(3_000);
    assert.equal((await server.ask(token)).status, 200, 'the set is past its TTL, and serves');
    assert.match(server.log(), /jwks_fetch_failed/);

    const second = await during(context)(startProfiles({ PORT: '0', ISSUER: betterAuth.issuer }));
    const refused = await second.ask(token);
    assertRefused(refused, 503, 'jwks_unavailable');
    assert.equal(refused.challenge, null);
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
    assertRefused(await second.ask(), 401, 'token_missing');

    betterAuth.setKeysDown(false);
    await eventually(
      20,
      () => second.ask(token),
      ({ status }) => status === 200,
    );
  });

  test('keys are fetched before the first request, and again before their TTL ends', async (context) => {
    const { betterAuth } = await waveflow(during(context), { JWKS_TTL_SECONDS: '4' });
    await eventually(
      5,
      () => ({ body: betterAuth.jwksRequests() }),
      ({ body }) => body >= 1,
    );
    await eventually(
      10,
      () => ({ body: betterAuth.jwksRequests() }),
      ({ body }) => body >= 3,
    );
  });
});

test('a wrong environment is explained, and the exit code is 2', async () => {
  /** @type {[Record<string, string>, RegExp][]} */
  const cases = [
    [{}, /ISSUER must be the base URL/],
    [{ ISSUER: 'https://app.example.com', PORT: 'http' }, /PORT must be a whole number from 0 to 65535/],
    [{ ISSUER: 'https://app.example.com', JWKS_TTL_SECONDS: '0' }, /JWKS_TTL_SECONDS must be a whole number from 1 to 86400/],
    [{ ISSUER: 'http://app.example.com', PORT: '0' }, /http:\/\/app\.example\.com: /],
    [{ PORT: '70000', JWKS_TTL_SECONDS: '1h' }, /PORT must be.*\nJWKS_TTL_SECONDS must be.*\nISSUER must be/],
  ];
  for (const [environment, expected] of cases) {
    const child = spawn(program, { env: { PATH: process.env.PATH, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
    const [code] = await once(child, 'close');
    assert.equal(code, 2, output);
    assert.match(output, expected);
    assert.doesNotMatch(output, /panicked|Error:/);
  }
});
