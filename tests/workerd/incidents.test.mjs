// Five real incidents in workerd, with their original names: the results of verification.
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { startBetterAuth } from './support/better-auth.mjs';
import { during } from './support/lifetime.mjs';
import { aged, changeRecord, storedRecord } from './support/store.mjs';
import { assemble, epochSeconds, signer } from './support/tokens.mjs';
import { eventually, startWorker, trusting } from './support/worker.mjs';

/**
 * Identity providers at their real origins, and the Worker that trusts them as `issuers` says, by name.
 *
 * @param {import('node:test').TestContext} context
 * @param {{ providers: { name: string, kind?: string, origin: string }[], issuers?: object, [option: string]: unknown }} options
 */
async function scene(context, { providers, issuers, ...options }) {
  const use = during(context);
  const identityProvider = await use(createIdentityProvider({ providers }));
  const { config, secrets } = trusting(identityProvider.providers, { issuers });
  // Through JSON and back, which removes the members that a test sets to `undefined`.
  const worker = await use(startWorker({ config: JSON.parse(JSON.stringify(config)), secrets, identityProvider, ...options }));
  return { worker, providers: identityProvider.providers };
}

async function refuses(worker, token, code) {
  const answer = await worker.verify(token);
  assert.equal(answer.body.code, code, JSON.stringify(answer.body));
  assert.equal(answer.status, 401);
  return answer;
}

async function accepts(worker, token, isolate = 0) {
  const { status, body } = await worker.verify(token, { isolate });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

suite('1. Clerk to Fireproof: "No well-known JWKS URL could verify the token"', () => {
  const providers = [
    { name: 'production', kind: 'clerk', origin: 'https://clerk.fireproof.direct' },
    { name: 'vibes', kind: 'clerk', origin: 'https://clerk.vibes.diy' },
    { name: 'development', kind: 'clerk', origin: 'https://sincere-cheetah-30.clerk.accounts.dev' },
  ];

  test('the session token without an audience is accepted, by the keys of its own issuer alone', async (context) => {
    const {
      worker,
      providers: [production, vibes, development],
    } = await scene(context, { providers });
    const body = await accepts(worker, await development.mint());
    assert.equal(body.issuer, development.issuer);
    assert.equal(body.claims.aud, undefined);
    assert.equal(body.key.alg, 'RS256');
    assert.deepEqual(
      [production, vibes, development].map(({ jwksRequests }) => jwksRequests),
      [0, 0, 1],
    );
  });

  test('suspicion one, the audience: a missing audience is reported as such, and not as a bad signature', async (context) => {
    const audience = { any_of: ['fireproof'] };
    const {
      worker,
      providers: [, , development],
    } = await scene(context, { providers, issuers: { development: { audience } } });
    const { body } = await refuses(worker, await development.mint(), 'audience_missing');
    assert.equal(body.claim, 'aud');
    assert.match(body.detail, /fireproof/);
  });

  test('suspicion two, the cache: a rotation is seen at once, and an outage is a 503 and not a rejection of the token', async (context) => {
    const {
      worker,
      providers: [production, , development],
    } = await scene(context, { providers });
    await accepts(worker, await development.mint());
    await development.rotate({ keepOld: false });
    await accepts(worker, await development.mint());
    production.behave('down');
    const { status, body, headers } = await worker.verify(await production.mint());
    assert.equal(status, 503);
    assert.equal(body.code, 'jwks_unavailable');
    assert.match(headers.get('retry-after'), /^[1-9]\d*$/);
  });

  test("suspicion three, the crypto: a key of another instance under the token's issuer is 401 and not 500", async (context) => {
    const {
      worker,
      providers: [production, , development],
    } = await scene(context, { providers });
    const foreign = await production.mint({ claims: { iss: development.issuer } });
    await refuses(worker, foreign, 'key_not_found');
    const disguised = await production.mint({ claims: { iss: development.issuer }, header: { kid: development.publicKeys()[0].kid } });
    await refuses(worker, disguised, 'signature_invalid');
  });
});

suite('2. Supabase command line: "The signature key was not found"', () => {
  const providers = [{ name: 'supabase', origin: 'https://fqceiphubiqnorytayiu.supabase.co' }];

  test('with the shared secret configured the HS256 token is accepted, and no JWKS is asked', async (context) => {
    const {
      worker,
      providers: [supabase],
    } = await scene(context, { providers });
    const body = await accepts(worker, await supabase.mint());
    assert.equal(body.key.kid, '0TRLgU4IVDYEpL98');
    assert.equal(body.claims.role, 'authenticated');
    assert.match(body.subject, /^[0-9a-f-]{36}$/);
    assert.equal(supabase.jwksRequests, 0);
  });

  test('without it the refusal says that no JWKS can verify the token', async (context) => {
    const {
      worker,
      providers: [supabase],
    } = await scene(context, { providers, issuers: { supabase: { secrets: undefined } } });
    const { body } = await refuses(worker, await supabase.mint(), 'key_not_found');
    assert.match(body.detail, /shared secret/);
    assert.match(body.detail, /no JWKS can verify/);
    assert.equal(supabase.jwksRequests, 0);
  });

  test('a configured secret that is not bound is a fault of the Worker, and the answer says so', async (context) => {
    const {
      worker,
      providers: [supabase],
    } = await scene(context, { providers, secrets: {} });
    const { status, body } = await worker.verify(await supabase.mint());
    assert.equal(status, 503);
    assert.equal(body.code, 'secret_missing');
    // The log names the secret for the operator; the answer does not name it.
    assert.doesNotMatch(body.detail, /SUPABASE_JWT_SECRET/);
    await eventually(() => worker.log().some(({ detail }) => /SUPABASE_JWT_SECRET/.test(detail)), 'the log line that names the secret');
  });

  test('after the migration to ES256 old and new tokens are accepted side by side', async (context) => {
    const {
      worker,
      providers: [supabase],
    } = await scene(context, { providers });
    const legacy = await supabase.mint();
    await supabase.rotate();
    const modern = await supabase.mint();
    assert.equal((await accepts(worker, modern)).key.alg, 'ES256');
    assert.equal((await accepts(worker, legacy)).key.alg, 'HS256');
  });
});

suite('3. Go backend: RS256 verified with an HMAC secret', () => {
  const providers = [{ name: 'clerk', origin: 'https://clerk.example.com' }];

  test('the Clerk domain alone configures it: good tokens 200, invalid and expired ones 401', async (context) => {
    const {
      worker,
      providers: [clerk],
    } = await scene(context, { providers });
    const token = await clerk.mint();
    await accepts(worker, token);
    await refuses(worker, await clerk.mint({ expired: true }), 'token_expired');
    await refuses(worker, `${token.slice(0, -8)}AAAAAAAA`, 'signature_invalid');
  });

  test('a verifier that holds a secret in place of the keys names the algorithm as the cause', async (context) => {
    const {
      worker,
      providers: [clerk],
    } = await scene(context, {
      providers,
      issuers: { clerk: { algorithms: ['HS256'], secrets: [{ binding: 'JWT_SECRET' }] } },
      secrets: { JWT_SECRET: 'the secret of the Go backend, which Clerk never heard of' },
    });
    const { body } = await refuses(worker, await clerk.mint(), 'algorithm_not_allowed');
    assert.match(body.detail, /RS256/);
    assert.match(body.detail, /HS256/);
  });

  test('a public key never serves as the HMAC secret', async (context) => {
    const {
      worker,
      providers: [clerk],
    } = await scene(context, { providers });
    const [jwk] = clerk.publicKeys();
    const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const claims = { iss: clerk.issuer, sub: 'root', exp: epochSeconds() + 60 };
    await refuses(worker, assemble({ alg: 'HS256', kid: jwk.kid }, claims, signer('HS256', Buffer.from(pem))), 'algorithm_not_allowed');
  });

  test('the keys are refreshed by themselves, and no request waits for it', async (context) => {
    const {
      worker,
      providers: [clerk],
    } = await scene(context, { providers, isolates: 2 });
    await accepts(worker, await clerk.mint());
    await eventually(() => storedRecord(worker, clerk.jwksUri), 'the record in KV');
    await changeRecord(worker, clerk.jwksUri, aged(3000));
    await accepts(worker, await clerk.mint(), 1);
    await eventually(() => clerk.jwksRequests === 2, 'the refresh');
  });
});

suite('4. FastAPI backend: templates, audience, user_id, and Bearer null', () => {
  const providers = [{ name: 'clerk', origin: 'https://clerk.example.com' }];
  const issuers = { clerk: { audience: { any_of: ['backend'] }, required_claims: ['user_id'] } };

  test('a token of the template is accepted with its user_id', async (context) => {
    const {
      worker,
      providers: [clerk],
    } = await scene(context, { providers, issuers });
    const body = await accepts(worker, await clerk.mint({ template: 'backend' }));
    assert.equal(body.claims.user_id, body.subject);
  });

  test('a session token, another audience, another issuer, a bad signature, an expired one: 401, each by its name', async (context) => {
    const {
      worker,
      providers: [clerk],
    } = await scene(context, { providers, issuers });
    const good = await clerk.mint({ template: 'backend' });
    await refuses(worker, await clerk.mint(), 'audience_missing');
    await refuses(worker, await clerk.mint({ template: 'frontend' }), 'audience_mismatch');
    const { body } = await refuses(worker, await clerk.mint({ template: 'backend', claims: { user_id: undefined } }), 'claim_missing');
    assert.equal(body.claim, 'user_id');
    await refuses(worker, await clerk.mint({ template: 'backend', claims: { user_id: null } }), 'claim_missing');
    await refuses(worker, await clerk.mint({ template: 'backend', claims: { iss: 'https://other.example.com' } }), 'issuer_unknown');
    await refuses(worker, await clerk.mint({ template: 'backend', expired: true }), 'token_expired');
    const [header, , signature] = good.split('.');
    const [, payload] = (await clerk.mint({ template: 'backend', claims: { sub: 'root' } })).split('.');
    await refuses(worker, `${header}.${payload}.${signature}`, 'signature_invalid');
  });

  test('Bearer null is a 401 that says what the client did', async (context) => {
    const { worker } = await scene(context, { providers, issuers });
    const { body, headers } = await refuses(worker, 'null', 'token_missing');
    assert.match(body.detail, /the word "null"/);
    assert.equal(headers.get('www-authenticate'), 'Bearer realm="edge-assay"');
  });
});

suite("5. WaveFlow: Better Auth's JWKS to a Rust server", () => {
  const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
  const tokens = { definePayload: ({ user }) => ({ email: user.email, scope: 'profiles:read' }) };
  const advanced = { database: { generateId: 'uuid' } };
  /** @type {(context: import('node:test').TestContext, options?: { issuer?: object, [option: string]: unknown }) => Promise<any>} */
  const waveflow = async (context, { issuer = {}, ...options } = {}) => {
    const use = during(context);
    const betterAuth = await use(startBetterAuth({ tokens, advanced }));
    const worker = await use(startWorker({ ...trusting([betterAuth], { issuers: { 'better-auth': issuer } }), ...options }));
    return { betterAuth, worker };
  };

  test("a real Better Auth's EdDSA token is accepted; sub is a UUID, and scope is there", async (context) => {
    const { betterAuth, worker } = await waveflow(context, { issuer: { required_scopes: ['profiles:read'] } });
    const session = await betterAuth.signIn();
    const body = await accepts(worker, await session.token());
    assert.equal(body.key.alg, 'EdDSA');
    assert.match(body.subject, UUID);
    assert.equal(body.claims.scope, 'profiles:read');
  });

  test('without the header 401 and a bare challenge; expired 401 with error="invalid_token"', async (context) => {
    const use = during(context);
    const betterAuth = await use(startBetterAuth({ tokens: { expirationTime: epochSeconds() - 60 } }));
    const worker = await use(startWorker(trusting([betterAuth])));
    const bare = await worker.fetch('/verify');
    assert.equal(bare.status, 401);
    assert.equal(bare.headers.get('www-authenticate'), 'Bearer realm="edge-assay"');
    const session = await betterAuth.signIn();
    const { headers } = await refuses(worker, await session.token(), 'token_expired');
    assert.match(headers.get('www-authenticate'), /^Bearer realm="edge-assay", error="invalid_token"/);
  });

  test('a scope that the token lacks is 403 and names what is required', async (context) => {
    const { betterAuth, worker } = await waveflow(context, { issuer: { required_scopes: ['profiles:read', 'profiles:write'] } });
    const session = await betterAuth.signIn();
    const { status, headers } = await worker.verify(await session.token());
    assert.equal(status, 403);
    assert.match(headers.get('www-authenticate'), /error="insufficient_scope".*scope="profiles:read profiles:write"/);
  });

  test('an X-User-Id header is never an identity', async (context) => {
    const { betterAuth, worker } = await waveflow(context);
    const headers = { 'x-user-id': 'root' };
    assert.equal((await worker.fetch('/verify', { headers })).status, 401);
    const session = await betterAuth.signIn();
    const { body } = await worker.verify(await session.token(), { headers });
    assert.equal(body.subject, session.user.id);
    assert.ok(!JSON.stringify(body).includes('root'));
  });

  test('keys rotated at the issuer are picked up: at once for a new kid, within the TTL for all else', async (context) => {
    const { betterAuth, worker } = await waveflow(context, { isolates: 2 });
    const session = await betterAuth.signIn();
    const token = await session.token();
    await accepts(worker, token);
    betterAuth.rotate();
    await accepts(worker, await session.token());
    await accepts(worker, token);

    betterAuth.rotate({ keepOld: false });
    await session.token();
    const uri = `${betterAuth.issuer}/api/auth/jwks`;
    await eventually(async () => (await storedRecord(worker, uri))?.last_unknown_kid_fetch_at, 'the rotation in KV');
    await changeRecord(worker, uri, aged(3601));
    await eventually(async () => (await worker.verify(token, { isolate: 1 })).status === 401, 'the refresh round trip');
  });
});
