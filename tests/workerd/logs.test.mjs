// The log of the Worker: one line of JSON per refusal and per fault. It identifies the token and the cause, and contains no token and
// no secret.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { lifetime } from './support/lifetime.mjs';
import { assemble, epochSeconds, signer } from './support/tokens.mjs';
import { eventually, startWorker, trusting } from './support/worker.mjs';

const WEAK = 'marker-of-a-weak-one';

suite('the log', () => {
  const use = lifetime(after);
  let clerk, supabase, betterAuth, silent, unbound, worker, secrets;
  let serial = 0;
  const sent = [];

  before(async () => {
    const names = ['clerk', 'supabase', 'better-auth', 'silent', 'unbound'];
    const kinds = { silent: 'clerk', unbound: 'supabase' };
    const identityProvider = await use(createIdentityProvider({ providers: names.map((name) => ({ name, kind: kinds[name] ?? name })) }));
    [clerk, supabase, betterAuth, silent, unbound] = identityProvider.providers;
    silent.behave('down');
    const trusted = trusting(identityProvider.providers, {
      issuers: {
        'better-auth': { required_scopes: ['admin'], audience: { any_of: [betterAuth.issuer] } },
        supabase: { secrets: [{ binding: 'SUPABASE_JWT_SECRET' }, { binding: 'WEAK', kid: 'weak' }] },
      },
    });
    delete trusted.secrets.UNBOUND_JWT_SECRET;
    secrets = { ...trusted.secrets, WEAK, EXPLAIN_KEY: 'marker-of-the-explain-key-that-is-long' };
    worker = await use(startWorker({ config: trusted.config, secrets }));
  });

  /** Asks about `token` under a ray id of its own; returns the answer and every line with that id. */
  async function ask(token, headers = {}) {
    const ray = `8f2b0c9d1e3a4b5c-${(serial += 1)}`;
    sent.push(token);
    const answer = await worker.verify(token, { headers: { 'cf-ray': ray, ...headers } });
    const lines = await eventually(() => {
      const found = worker.log().filter((line) => line.ray === ray);
      return found.length > 0 && found;
    }, `a line of ${ray}`);
    return { answer, lines, ray };
  }

  const hashPrefix = (token) => createHash('sha256').update(token).digest('hex').slice(0, 12);

  test("has one line for each refusal, with code, issuer, kid, alg, the token's hash and the ray id", async () => {
    const kid = clerk.publicKeys()[0].kid;
    const forged = assemble({ alg: 'RS256', kid }, { iss: clerk.issuer, exp: epochSeconds() + 60 }, () => Buffer.alloc(256, 1));
    const cases = [
      ['token_expired', await clerk.mint({ expired: true }), clerk.issuer, kid, 'RS256'],
      ['key_not_found', await clerk.mint({ header: { kid: 'elsewhere' } }), clerk.issuer, 'elsewhere', 'RS256'],
      ['signature_invalid', forged, clerk.issuer, kid, 'RS256'],
      ['audience_mismatch', await supabase.mint({ claims: { aud: 'anon' } }), supabase.issuer, '0TRLgU4IVDYEpL98', 'HS256'],
      ['scope_insufficient', await betterAuth.mint(), betterAuth.issuer, betterAuth.publicKeys()[0].kid, 'EdDSA'],
      ['issuer_unknown', await clerk.mint({ claims: { iss: 'https://unknown.example' } }), 'https://unknown.example', kid, 'RS256'],
      ['algorithm_not_allowed', await betterAuth.mint({ claims: { iss: clerk.issuer } }), clerk.issuer, betterAuth.publicKeys()[0].kid, 'EdDSA'],
    ];
    for (const [code, token, iss, tokenKid, alg] of cases) {
      const { answer, lines } = await ask(token);
      assert.equal(answer.body.code, code);
      assert.equal(lines.length, 1, code);
      const [{ detail, ray, ...line }] = lines;
      assert.deepEqual(line, { event: 'token_refused', code, iss, kid: tokenKid, alg, token_sha256: hashPrefix(token) });
      assert.equal(detail, answer.body.detail);
      assert.ok(ray);
    }
  });

  test('contains the known parts of a token that cannot be read', async () => {
    for (const token of ['sb_secret_marker0123456789', 'a.b.c', 'x'.repeat(20_000)]) {
      const { answer, lines } = await ask(token);
      assert.equal(lines.length, 1);
      assert.equal(lines[0].code, answer.body.code);
      assert.equal(lines[0].token_sha256, hashPrefix(token));
      for (const member of ['iss', 'kid', 'alg']) assert.ok(!(member in lines[0]), member);
    }
  });

  test('has one line for a request without a token', async () => {
    const { answer, lines } = await ask('null');
    sent.pop();
    assert.equal(answer.body.code, 'token_missing');
    assert.equal(lines.length, 1);
    assert.deepEqual(Object.keys(lines[0]).sort(), ['code', 'detail', 'event', 'ray']);
  });

  test('has one line of level error for each fault, in addition to the line about the origin', async () => {
    const { answer, lines, ray } = await ask(await silent.mint());
    assert.equal(answer.status, 503);
    assert.equal(lines.length, 1);
    assert.equal(lines[0].event, 'fault');
    assert.equal(lines[0].code, 'jwks_unavailable');
    assert.equal(lines[0].iss, silent.issuer);
    assert.equal(worker.lines.find(({ message }) => message.includes(ray)).level, 'error');
    const origin = await worker.logged(({ event, issuer }) => event === 'jwks_fetch_failed' && issuer === silent.issuer);
    assert.equal(origin.consecutive_failures, 1);

    const unboundFault = await ask(await unbound.mint());
    assert.equal(unboundFault.lines[0].code, 'secret_missing');
    assert.match(unboundFault.lines[0].detail, /UNBOUND_JWT_SECRET/);

    const weak = assemble({ alg: 'HS256', kid: 'weak' }, { iss: supabase.issuer, exp: epochSeconds() + 60 }, signer('HS256', Buffer.from('x')));
    const weakFault = await ask(weak);
    assert.deepEqual([weakFault.lines[0].event, weakFault.lines[0].code], ['fault', 'secret_missing']);
    assert.match(weakFault.lines[0].detail, /WEAK/);
    assert.ok(!weakFault.lines[0].detail.includes(WEAK));
  });

  test('has no line for a token that is accepted, and one for each fetch of keys', async () => {
    const token = await clerk.mint();
    sent.push(token);
    const before = worker.log().length;
    for (let i = 0; i < 10; i += 1) assert.equal((await worker.verify(token, { headers: { 'cf-ray': 'accepted-1' } })).status, 200);
    // A later refusal: when its line has arrived, lines of the earlier requests would have arrived too.
    await ask(await clerk.mint({ expired: true }));
    assert.ok(
      worker
        .log()
        .slice(before)
        .every(({ ray }) => ray !== 'accepted-1'),
    );
    const fetched = await worker.logged(({ event, issuer }) => event === 'jwks_fetched' && issuer === clerk.issuer);
    assert.equal(fetched.keys, 1);
    assert.equal(fetched.set_aside, 0);
  });

  test('keeps texts from a token within a bound and on one line', async () => {
    const long = `https://${'x'.repeat(3000)}.example`;
    const {
      lines: [cut],
    } = await ask(await clerk.mint({ claims: { iss: long } }));
    assert.ok(cut.iss.length <= 123 && long.startsWith(cut.iss.slice(0, 100)));
    const {
      lines: [clean],
    } = await ask(await clerk.mint({ header: { kid: 'line\none\r\u001b[31m' } }));
    assert.ok(!/[\u0000-\u001f]/.test(clean.kid), JSON.stringify(clean.kid));
  });

  test('is JSON throughout, and holds no token, no part of one, no claim and no secret', async () => {
    for (const { message } of worker.lines) assert.doesNotThrow(() => JSON.parse(message), message);
    const everything = worker.lines.map(({ message }) => message).join('\n');
    assert.ok(worker.log().length > 10);
    for (const token of sent) {
      for (const part of token.split('.').filter((one) => one.length > 8)) assert.ok(!everything.includes(part), part.slice(0, 60));
    }
    for (const secret of [...Object.values(secrets), unbound.secret]) assert.ok(!everything.includes(secret));
    for (const claim of ['ada@example.com', 'grace@example.com', 'user_2vXWc4bPm0qkPaU9h3vJwZ1gYdT', '7c9d2f1e-4b58-4a36-9f0d-3f6f1a5f2b71'])
      assert.ok(!everything.includes(claim), claim);
  });
});

test('a faulty configuration is one line with all faults, not one for each request', async (context) => {
  const worker = await lifetime((stop) => context.after(stop))(
    startWorker({ config: { issuers: [{ issuer: 'https://a.example' }], verify: { leeway: 1 } } }),
  );
  for (let i = 0; i < 3; i += 1) await worker.verify('a.b.c');
  const line = await worker.logged(({ event }) => event === 'config_invalid');
  assert.ok(line.faults.length >= 3, JSON.stringify(line));
  for (const fault of line.faults) assert.deepEqual(Object.keys(fault).sort(), ['fix', 'path', 'problem']);
  assert.equal(worker.log().filter(({ event }) => event === 'config_invalid').length, 1);
});
