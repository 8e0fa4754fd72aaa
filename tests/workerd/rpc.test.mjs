// Another Worker calls verify, exchange and explain through a service binding (docs/rpc.md).
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { AUDIENCES, CLIENT, exchangeTable } from '../../demo/configuration.mjs';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { signingKeys } from '../../demo/signing-keys.mjs';
import { age, beside } from './support/beside.mjs';
import { answerOf, eventually, startWorker, trusting } from './support/worker.mjs';

// Makes the call that the test describes. What a JSON text cannot express, the test names.
const CALLER = `
const special = { undefined: undefined, number: 7, function: () => {}, cycle: (() => { const one = {}; one.one = one; return one; })() };
special.map = new Map([['scopes', ['profiles:delete']]]);
special.scopesFunction = { scopes: () => ['profiles:delete'] };
special.scopesOfClaims = { claims: [{ claim: '/role', equals: () => 'admin' }] };
special.long = 'a'.repeat(4_000_000);
special.longParameter = { subject_token: special.long };
special.longQuestion = { token: special.long };
special.longOptions = { scopes: [special.long] };
const revive = (value) => (value?.special ? special[value.special] : value?.scopesUndefined ? { scopes: undefined } : value);
export default {
  async fetch(request, env) {
    const { method, args } = await request.json();
    try {
      return Response.json({ value: await env.AUTH[method](...args.map(revive)) });
    } catch (error) {
      return Response.json({ thrown: String(error) });
    }
  },
};`;

const TOKEN_EXCHANGE = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' };

/** A caller of this Worker: `call(method, ...args)` gives the value, or fails with what was thrown. */
const callerOf =
  (worker) =>
  async (method, ...args) => {
    const { value, thrown } = await (await worker.caller('/', { method: 'POST', body: JSON.stringify({ method, args }) })).json();
    if (thrown !== undefined) throw new Error(thrown);
    return value;
  };

suite('calls of another Worker', () => {
  let identityProvider, clerk, supabase, worker, call;

  before(async () => {
    identityProvider = await createIdentityProvider();
    [clerk, supabase] = identityProvider.providers;
    const { config, secrets } = trusting(identityProvider.providers, {
      exchange: exchangeTable('https://auth.example.com', identityProvider.providers),
      explain: { access: 'key' },
    });
    worker = await startWorker({
      config,
      secrets: { ...secrets, [CLIENT.binding]: CLIENT.secret, SIGNING_KEYS: await signingKeys(['ES256', 'EdDSA'], { age: 86400 }) },
      caller: CALLER,
    });
    call = callerOf(worker);
  });
  after(async () => {
    await worker.dispose();
    await identityProvider.close();
  });

  /** What `act` gives, and the first line of the log after it. */
  async function withLine(act) {
    const before = worker.log().length;
    const result = await act();
    return { result, line: await eventually(() => worker.log().at(before), 'a log line') };
  }

  test('verify gives the members of the answer of /verify', async () => {
    for (const provider of [clerk, supabase]) {
      const token = await provider.mint();
      const { ok, ...members } = await call('verify', token);
      assert.equal(ok, true);
      assert.deepEqual(members, (await worker.verify(token)).body);
    }
  });

  test('verify gives an equal value for a token that comes again, and decides about its options each time', async () => {
    const tokens = await Promise.all([clerk.mint(), supabase.mint(), clerk.mint({ claims: { name: 'Ä 😀 \u2028' } })]);
    const firsts = await Promise.all(tokens.map((token) => call('verify', token)));
    for (let i = 0; i < 5; i += 1) {
      for (const [index, token] of tokens.entries()) {
        assert.deepEqual(await call('verify', token), firsts[index]);
        assert.equal((await call('verify', token, { scopes: ['profiles:delete'] })).code, 'scope_insufficient');
        assert.equal((await call('verify', token, null)).code, 'call_invalid');
        assert.equal((await call('verify', `${token.slice(0, -8)}AAAAAAAA`)).code, 'signature_invalid');
      }
    }
    assert.deepEqual(
      firsts.map(({ ok }) => ok),
      [true, true, true],
    );
  });

  test('verify refuses a token that comes again in the second in which it expires', async () => {
    const now = Math.floor(Date.now() / 1000);
    const token = await clerk.mint({ claims: { iat: now, nbf: now, exp: now + 40 } });
    for (let i = 0; i < 5; i += 1) assert.equal((await call('verify', token)).ok, true);
    await worker.clockIsAhead(70);
    try {
      assert.equal((await call('verify', token)).code, 'token_expired');
    } finally {
      await worker.clockIs('right');
    }
  });

  test('a refused token is a value with the problem details of /verify, and the same line in the log', async () => {
    const tokens = ['garbage', 'null', await clerk.mint({ expired: true }), `${(await clerk.mint()).slice(0, -8)}AAAAAAAA`];
    for (const token of tokens) {
      const { result: value, line } = await withLine(() => call('verify', token));
      const { result: answer, line: lineOfAnswer } = await withLine(() => worker.verify(token));
      const { ok, ...members } = value;
      assert.equal(ok, false);
      assert.deepEqual(members, answer.body);
      assert.equal(value.status, answer.status);
      assert.deepEqual(line, lineOfAnswer);
    }
    const text = worker.lines.map(({ message }) => message).join('\n');
    for (const token of tokens.slice(2)) assert.ok(!text.includes(token) && !text.includes(token.split('.')[2]));
  });

  test('a token that is no text is refused, whatever it is', async () => {
    for (const token of [{ special: 'undefined' }, null, { special: 'number' }, { token: 'x' }, ['x'], '', { special: 'function' }]) {
      const value = await call('verify', token);
      assert.deepEqual([value.ok, value.status, value.code], [false, 401, 'token_missing'], JSON.stringify(token));
    }
    assert.equal((await call('verify', `Bearer ${await clerk.mint()}`)).code, 'request_ambiguous');
  });

  test('a text that is longer than any token is refused, whatever its length', async () => {
    const refusals = { verify: 'token_too_large', exchange: 'body_too_large', explain: 'body_too_large' };
    const args = { verify: 'long', exchange: 'longParameter', explain: 'longQuestion' };
    for (const [method, code] of Object.entries(refusals)) assert.equal((await call(method, { special: args[method] })).code, code, method);
    // What is copied into the instance is named by its length.
    const { detail } = await call('verify', { special: 'long' });
    assert.doesNotMatch(detail.replaceAll(/\D/g, ''), /4000000/);
    assert.match(detail.replaceAll(/[^\d ]/g, ''), /131073/);
    assert.equal((await call('verify', await clerk.mint(), { special: 'longOptions' })).code, 'call_invalid');
  });

  test('scopes, issuers and claims can be required', async () => {
    const token = await supabase.mint();
    assert.equal((await call('verify', token, { issuers: [supabase.issuer], claims: [{ claim: '/role', equals: 'authenticated' }] })).ok, true);
    const lacking = await call('verify', token, { scopes: ['profiles:delete'] });
    assert.deepEqual([lacking.ok, lacking.status, lacking.code], [false, 403, 'scope_insufficient']);
    const other = await call('verify', token, { issuers: [clerk.issuer] });
    assert.deepEqual([other.ok, other.status, other.code], [false, 403, 'issuer_not_accepted']);
  });

  test('a mistake in the options is a refusal that says which options exist', async () => {
    const token = await clerk.mint();
    for (const options of [
      { scope: ['a'] },
      { scopes: 'a' },
      { scopesUndefined: true },
      { special: 'cycle' },
      { special: 'number' },
      { special: 'function' },
      { special: 'map' },
      { special: 'scopesFunction' },
      { special: 'scopesOfClaims' },
      null,
      'a',
      ['a'],
    ]) {
      const value = await call('verify', token, options);
      assert.deepEqual([value.ok, value.status, value.code], [false, 400, 'call_invalid'], JSON.stringify(options));
      assert.match(value.detail, /scopes, issuers, claims$/);
    }
    assert.equal((await call('verify', token, { special: 'undefined' })).ok, true);
  });

  test('exchange issues a token by the rules of /token', async () => {
    const params = { ...TOKEN_EXCHANGE, subject_token: await clerk.mint(), audience: [AUDIENCES.web] };
    const value = await call('exchange', params);
    assert.equal(value.ok, true, JSON.stringify(value));
    assert.deepEqual(
      [value.token_type, value.issued_token_type, value.scope],
      ['Bearer', 'urn:ietf:params:oauth:token-type:access_token', 'profiles:read'],
    );
    assert.ok(value.expires_in > 0 && value.access_token.split('.').length === 3);
    const line = await worker.logged(({ event }) => event === 'token_issued');
    assert.deepEqual(line.targets, [AUDIENCES.web]);
  });

  test('a client authenticates to exchange with client_id and client_secret', async () => {
    const params = { ...TOKEN_EXCHANGE, subject_token: await supabase.mint(), audience: AUDIENCES.cli, client_id: CLIENT.id };
    assert.equal((await call('exchange', { ...params, client_secret: CLIENT.secret })).ok, true);
    const refused = await call('exchange', { ...params, client_secret: 'another secret than the right one' });
    assert.deepEqual([refused.ok, refused.status, refused.error], [false, 401, 'invalid_client']);
    assert.ok(!worker.lines.some(({ message }) => message.includes('another secret')));
  });

  test('a refused exchange has status, error and code of /token', async () => {
    const token = await clerk.mint();
    for (const params of [
      {},
      { grant_type: 'password' },
      { ...TOKEN_EXCHANGE, subject_token: await clerk.mint({ expired: true }), audience: AUDIENCES.web },
      { ...TOKEN_EXCHANGE, subject_token: token, audience: 'https://other.example' },
    ]) {
      const value = await call('exchange', params);
      const { status, body } = await answerOf(await worker.fetch('/token', { method: 'POST', body: new URLSearchParams(params) }));
      assert.deepEqual([value.ok, value.status, value.error, value.code], [false, status, body.error, body.code]);
    }
    for (const params of [null, { special: 'undefined' }, 7, 'x']) assert.equal((await call('exchange', params)).ok, false);
  });

  test('explain gives the report of /explain without a key, checked by WebCrypto too', async () => {
    const report = await call('explain', { token: await clerk.mint({ expired: true }) });
    assert.deepEqual([report.ok, report.verdict, report.code], [true, 'refused', 'token_expired']);
    assert.deepEqual(report.cross_check, { pure_rust: true, web_crypto: true, agree: true });
    const question = await call('explain', { token: 7 });
    assert.deepEqual([question.ok, question.code], [false, 'call_invalid']);
    for (const wrong of [null, { special: 'undefined' }, { special: 'cycle' }, 'a.b.c'])
      assert.equal((await call('explain', wrong)).code, 'call_invalid');
  });

  test('the entrypoint has no other method', async () => {
    for (const method of ['fetch', 'authenticate', 'scheduled', 'env']) await assert.rejects(call(method, 'https://a.example/verify'));
  });

  test('a panic rejects the call, and the next call has a new instance', async () => {
    const token = await clerk.mint();
    await worker.clockIs('broken');
    await assert.rejects(call('verify', token), /unreachable/);
    await worker.clockIs('right');
    assert.equal((await call('verify', token)).ok, true);
    await worker.logged(({ event }) => event === 'instance_replaced');
  });
});

suite('calls of another Worker while something is wrong', () => {
  test('an identity provider that is down is a fault and says when to retry', async (context) => {
    const identityProvider = await createIdentityProvider();
    context.after(() => identityProvider.close());
    const [clerk] = identityProvider.providers;
    const worker = await startWorker({ ...trusting(identityProvider.providers), caller: CALLER });
    context.after(() => worker.dispose());
    const token = await clerk.mint();
    clerk.behave('down');
    const value = await callerOf(worker)('verify', token);
    assert.deepEqual([value.ok, value.status, value.code], [false, 503, 'jwks_unavailable']);
    assert.ok(value.retry_after >= 1);
    await worker.logged(({ event, code }) => event === 'fault' && code === 'jwks_unavailable');
  });

  test('keys that are due are refreshed after the call', async (context) => {
    const { provider, worker } = await beside(context, { caller: CALLER });
    const call = callerOf(worker);
    const token = await provider.mint();
    assert.equal((await worker.verify(token)).status, 200);
    await age(worker, provider, 0.81 * 3600);
    await worker.panics();
    const before = provider.jwksRequests;
    assert.equal((await call('verify', token)).ok, true);
    await eventually(() => provider.jwksRequests === before + 1, 'the refresh after the call');
  });

  test('a panic after the call has waited rejects it too, and the next call has a new instance', async (context) => {
    const { provider, worker } = await beside(context, { jwks: { fetch_timeout_ms: 2000 }, caller: CALLER });
    const call = callerOf(worker);
    const token = await provider.mint();
    provider.behave('slow');
    const called = assert.rejects(call('verify', token));
    await eventually(() => provider.jwksRequests === 1, 'the fetch of the keys');
    await worker.clockIs('broken');
    await called;
    await worker.clockIs('right');
    provider.behave('up');
    assert.equal((await call('verify', token)).ok, true);
    await worker.logged(({ event }) => event === 'instance_replaced');
  });

  test('a faulty configuration is a fault of every call, and explain names it', async (context) => {
    const worker = await startWorker({ config: { issuers: [{}] }, caller: CALLER });
    context.after(() => worker.dispose());
    const call = callerOf(worker);
    for (const [method, argument] of [
      ['verify', 'a.b.c'],
      ['exchange', {}],
    ]) {
      const value = await call(method, argument);
      assert.deepEqual([value.ok, value.status, value.code, value.retry_after], [false, 503, 'config_invalid', 60]);
    }
    assert.equal((await call('explain', { token: 'a.b.c' })).cause.id, 'configuration');
  });
});
