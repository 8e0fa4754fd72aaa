// Tokens of real identity providers, which run in the test: Better Auth and oidc-provider in ordinary configurations, with key rotations.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decodeProtectedHeader } from 'jose';
import { startBetterAuth } from './support/better-auth.mjs';
import { during } from './support/lifetime.mjs';
import { CLIENT, RESOURCE, startOidcProvider } from './support/oidc-provider.mjs';
import { startWorker, trusting } from './support/worker.mjs';

const UUID_OR_ID = /^[\w-]{16,64}$/;

suite('Better Auth', () => {
  for (const keyPairConfig of [undefined, { alg: 'ES256' }, { alg: 'RS256' }]) {
    const algorithm = keyPairConfig?.alg ?? 'EdDSA';
    test(`a signed-in user's token is verified (${algorithm}${keyPairConfig ? '' : ', the default'}), before and right after a rotation`, async (context) => {
      const use = during(context);
      const betterAuth = await use(startBetterAuth({ keyPairConfig }));
      const worker = await use(startWorker(trusting([betterAuth])));

      const session = await betterAuth.signIn();
      const token = await session.token();
      const first = await worker.verify(token);
      assert.equal(first.status, 200, JSON.stringify(first.body));
      assert.equal(first.body.key.alg, algorithm);
      assert.equal(first.body.issuer, betterAuth.issuer);
      assert.equal(first.body.claims.aud, betterAuth.issuer);
      assert.equal(first.body.subject, session.user.id);
      assert.match(first.body.subject, UUID_OR_ID);
      assert.equal(first.body.claims.email, 'grace@example.com');
      assert.equal(first.body.expires_at - first.body.issued_at, 15 * 60);

      betterAuth.rotate();
      const rotated = await session.token();
      assert.notEqual(decodeProtectedHeader(rotated).kid, decodeProtectedHeader(token).kid);
      const second = await worker.verify(rotated);
      assert.equal(second.status, 200, JSON.stringify(second.body));
      assert.equal(second.body.key.kid, decodeProtectedHeader(rotated).kid);
      // The former key is published for its grace period.
      assert.equal((await worker.verify(token)).status, 200);
      assert.equal(betterAuth.jwksRequests(), 2);
    });
  }

  test('a key that is withdrawn without notice verifies nothing after the rotation was seen', async (context) => {
    const use = during(context);
    const betterAuth = await use(startBetterAuth());
    const worker = await use(startWorker(trusting([betterAuth])));
    const session = await betterAuth.signIn();
    const token = await session.token();
    assert.equal((await worker.verify(token)).status, 200);
    betterAuth.rotate({ keepOld: false });
    assert.equal((await worker.verify(await session.token())).status, 200);
    const { status, body } = await worker.verify(token);
    assert.equal(status, 401);
    assert.equal(body.code, 'key_not_found');
  });

  test('the tokens of a withdrawn key cost no fetches after a minute, and are accepted within the TTL if it is published again', async (context) => {
    const use = during(context);
    const betterAuth = await use(startBetterAuth());
    const worker = await use(startWorker(trusting([betterAuth], { jwks: { ttl_seconds: 300 } })));
    const session = await betterAuth.signIn();
    const token = await session.token();
    const code = async () => {
      const { status, body } = await worker.verify(token);
      return status === 200 ? 'accepted' : body.code;
    };
    assert.equal(await code(), 'accepted');
    const publishAgain = betterAuth.withdraw();
    const other = await session.token();
    assert.equal((await worker.verify(other)).status, 200);
    assert.equal(betterAuth.jwksRequests(), 2);
    // One look in each cooldown of 30 s, until the key has been absent for a minute.
    for (const [seconds, fetches] of [
      [0, 2],
      [31, 3],
      [62, 4],
    ]) {
      await worker.clockIsAhead(seconds);
      for (let i = 0; i < 3; i += 1) assert.equal(await code(), 'key_not_found', `after ${seconds} s`);
      assert.equal(betterAuth.jwksRequests(), fetches, `after ${seconds} s`);
    }
    for (let seconds = 65; seconds < 230; seconds += 11) {
      await worker.clockIsAhead(seconds);
      assert.equal(await code(), 'key_not_found', `after ${seconds} s`);
    }
    assert.equal(betterAuth.jwksRequests(), 4, 'nobody looks for it any more');
    publishAgain();
    assert.equal(await code(), 'key_not_found', 'nobody knows yet that it is back');
    // The TTL of the last fetch ends.
    await worker.clockIsAhead(62 + 300 + 2);
    assert.equal(await code(), 'accepted');
    assert.equal((await worker.verify(other)).status, 200);
    assert.equal(betterAuth.jwksRequests(), 5);
  });

  test("two instances do not accept each other's users", async (context) => {
    const use = during(context);
    const [first, second] = await Promise.all([use(startBetterAuth()), use(startBetterAuth())]);
    const worker = await use(startWorker(trusting([first])));
    const { status, body } = await worker.verify(await (await second.signIn()).token());
    assert.equal(status, 401);
    assert.equal(body.code, 'issuer_unknown');
    assert.equal(second.jwksRequests(), 0);
  });
});

suite('oidc-provider, found by discovery', () => {
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'Ed25519']) {
    test(`its access tokens (at+jwt, ${algorithm}) are verified, before and right after a rotation`, async (context) => {
      const use = during(context);
      const oidc = await use(startOidcProvider({ algorithm }));
      const audience = { any_of: [RESOURCE] };
      const worker = await use(
        startWorker({ config: { issuers: [{ issuer: oidc.issuer, discovery: true, types: ['at+jwt'], require_type: true, audience }] } }),
      );

      const token = await oidc.accessToken();
      assert.equal(decodeProtectedHeader(token).typ, 'at+jwt');
      const first = await worker.verify(token);
      assert.equal(first.status, 200, JSON.stringify(first.body));
      // Ed25519 is RFC 9864's name for what is called EdDSA elsewhere.
      assert.equal(first.body.key.alg, algorithm === 'Ed25519' ? 'EdDSA' : algorithm);
      assert.equal(first.body.claims.client_id, CLIENT);
      assert.equal(first.body.claims.scope, 'api:read');

      await oidc.rotate();
      const rotated = await oidc.accessToken();
      assert.notEqual(decodeProtectedHeader(rotated).kid, decodeProtectedHeader(token).kid);
      const second = await worker.verify(rotated);
      assert.equal(second.status, 200, JSON.stringify(second.body));
      assert.equal((await worker.verify(token)).status, 200);
    });
  }

  test('an ID token from the authorization code flow is verified by the preset alone', async (context) => {
    const use = during(context);
    const oidc = await use(startOidcProvider());
    const worker = await use(startWorker(trusting([oidc], { issuers: { oidc: { audience: { any_of: [CLIENT] } } } })));
    const { status, body } = await worker.verify(await oidc.idToken('alan'));
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.subject, 'alan');
    assert.equal(body.claims.aud, CLIENT);
  });

  test('an ID token does not pass where access tokens are asked for', async (context) => {
    const use = during(context);
    const oidc = await use(startOidcProvider());
    const worker = await use(startWorker(trusting([oidc], { issuers: { oidc: { audience: 'unchecked', types: ['at+jwt'], require_type: true } } })));
    assert.equal((await worker.verify(await oidc.accessToken())).status, 200);
    const { status, body } = await worker.verify(await oidc.idToken());
    assert.equal(status, 401);
    assert.equal(body.code, 'type_not_allowed');
  });

  test('a discovery document about another issuer is not followed', async (context) => {
    const use = during(context);
    const oidc = await use(startOidcProvider());
    // The same server under its other name: its document says 127.0.0.1.
    const issuer = oidc.issuer.replace('127.0.0.1', 'localhost');
    const worker = await use(startWorker({ config: { issuers: [{ issuer, discovery: true, audience: 'unchecked' }] } }));
    const [header, , signature] = (await oidc.accessToken()).split('.');
    const payload = Buffer.from(JSON.stringify({ iss: issuer, exp: 4_000_000_000 })).toString('base64url');
    const { status, body } = await worker.verify(`${header}.${payload}.${signature}`);
    assert.equal(status, 503);
    assert.equal(body.code, 'jwks_invalid');
    assert.match(body.detail, /another issuer/);
  });
});
