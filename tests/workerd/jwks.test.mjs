// The key cache in workerd: memory, KV and origin together, rotations, and outages of each. The tests simulate the passing of time: they change the
// times of the record in KV and ask an isolate that has not read it yet. What isolates share is in jwks-isolates.test.mjs.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { age, beside } from './support/beside.mjs';
import { during } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { changeRecord, failuresKey, storedRecord } from './support/store.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { eventually, startWorker, trusting } from './support/worker.mjs';

const TTL = 3600;
const STALE_IF_ERROR = 86_400;

suite('rotation', () => {
  test('is seen at once for an unknown kid, also right after a fetch, and the former key still serves', async (context) => {
    const { provider, verdict } = await beside(context);
    const former = await provider.mint();
    assert.equal(await verdict(former), 'accepted');
    await provider.rotate();
    assert.equal(await verdict(await provider.mint()), 'accepted');
    assert.equal(await verdict(former), 'accepted');
    assert.equal(provider.jwksRequests, 2);
  });

  test('a second one within the cooldown waits for its end', async (context) => {
    const { provider, verdict } = await beside(context, { jwks: { unknown_kid_cooldown_seconds: 2 } });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await provider.rotate();
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await provider.rotate();
    const token = await provider.mint();
    assert.equal(await verdict(token), 'key_not_found');
    assert.equal(provider.jwksRequests, 2);
    await eventually(async () => (await verdict(token)) === 'accepted', 'the end of the cooldown');
    assert.equal(provider.jwksRequests, 3);
  });

  test('is seen within the TTL, and no request waits: before the end of the TTL, the set is renewed after a response', async (context) => {
    const { provider, worker, verdict } = await beside(context, { isolates: 2 });
    const withdrawn = await provider.mint();
    assert.equal(await verdict(withdrawn), 'accepted');
    await provider.rotate({ keepOld: false });
    await age(worker, provider, 0.81 * TTL);
    assert.equal(await verdict(withdrawn, 1), 'accepted', 'served as it is cached');
    await eventually(async () => (await verdict(withdrawn, 1)) === 'key_not_found', 'the renewed set');
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
  });

  test('before 60 % of the TTL a known kid causes no fetch', async (context) => {
    const { provider, worker, verdict } = await beside(context, { isolates: 2 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await age(worker, provider, 0.59 * TTL);
    for (let i = 0; i < 5; i += 1) assert.equal(await verdict(await provider.mint(), 1), 'accepted');
    assert.equal(provider.jwksRequests, 1);
  });

  test('past its TTL a set is renewed first, so that a withdrawn key is refused', async (context) => {
    const { provider, worker, verdict, stored } = await beside(context, { isolates: 2 });
    const withdrawn = await provider.mint();
    assert.equal(await verdict(withdrawn), 'accepted');
    await provider.rotate({ keepOld: false });
    await age(worker, provider, TTL + 60);
    assert.equal(await verdict(withdrawn, 1), 'key_not_found');
    await eventually(async () => (await stored()).fresh_until > epochSeconds(), 'the renewed record');
    assert.equal(provider.jwksRequests, 2);
  });
});

suite('an origin that misbehaves', () => {
  const BEHAVIOURS = {
    down: 'jwks_unavailable',
    failing: 'jwks_unavailable',
    slow: 'jwks_unavailable',
    redirect: 'jwks_invalid',
    html: 'jwks_invalid',
    huge: 'jwks_invalid',
    blank: 'jwks_invalid',
  };
  const names = Object.keys(BEHAVIOURS);
  const all = async (context, options) => {
    const use = during(context);
    const identityProvider = await use(createIdentityProvider({ providers: [...names, 'empty'].map((name) => ({ name, kind: 'better-auth' })) }));
    const worker = await use(
      startWorker({
        ...trusting(identityProvider.providers, { jwks: { fetch_timeout_ms: 1000, ...options?.jwks } }),
        isolates: options?.isolates,
      }),
    );
    return { identityProvider, worker };
  };

  test('is a 503 with Retry-After while nothing is cached, and never a 401', async (context) => {
    const { identityProvider, worker } = await all(context);
    for (const name of names) {
      const provider = identityProvider.provider(name);
      provider.behave(name);
      const { status, headers, body } = await worker.verify(await provider.mint());
      assert.equal(status, 503, name);
      assert.equal(body.code, BEHAVIOURS[name], name);
      assert.match(headers.get('retry-after'), /^[1-9]\d*$/, name);
      assert.equal(headers.get('www-authenticate'), null, name);
      const line = await worker.logged(({ event, issuer }) => event === 'jwks_fetch_failed' && issuer === provider.issuer);
      assert.ok(line.reason.length > 0 && line.serving === false, name);
    }
  });

  test('never replaces a good set: known kids are still served, and an unknown kid is a 503', async (context) => {
    const { identityProvider, worker } = await all(context);
    for (const name of [...names, 'empty']) {
      const provider = identityProvider.provider(name);
      assert.equal((await worker.verify(await provider.mint())).status, 200, name);
      provider.behave(name);
      const unknown = await worker.verify(await provider.mint({ header: { kid: 'unknown' } }));
      assert.equal(unknown.status, 503, name);
      assert.equal(unknown.body.code, 'jwks_unavailable', name);
      assert.ok(Number(unknown.headers.get('retry-after')) >= 1, name);
      assert.equal((await worker.verify(await provider.mint())).status, 200, name);
      assert.equal(provider.jwksRequests, 2, name);
    }
  });

  test('is asked again when Retry-After says so, and then tokens are accepted', async (context) => {
    const { provider, worker, verdict } = await beside(context);
    provider.behave('down');
    const { headers } = await worker.verify(await provider.mint());
    provider.behave('up');
    await new Promise((resolve) => setTimeout(resolve, 1000 * headers.get('retry-after')));
    assert.equal(await verdict(await provider.mint()), 'accepted');
  });

  test('lets a set serve past its TTL, up to stale_if_error_seconds and no longer', async (context) => {
    const { provider, worker, verdict } = await beside(context, { isolates: 3 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    provider.behave('down');
    await age(worker, provider, TTL + STALE_IF_ERROR - 120);
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
    await eventually(() => storedRecord(worker, provider.jwksUri, failuresKey), 'the failure in KV');
    await age(worker, provider, 240);
    assert.equal(await verdict(await provider.mint(), 2), 'jwks_unavailable');
  });

  test('is not asked by every request: after a failure, by none until its time', async (context) => {
    const { provider, worker, verdict } = await beside(context, { isolates: 2 });
    provider.behave('down');
    const tokens = await Promise.all(Array.from({ length: 50 }, () => provider.mint()));
    const verdicts = await Promise.all(tokens.map((token) => verdict(token)));
    assert.ok(verdicts.every((one) => one === 'jwks_unavailable'));
    assert.ok(provider.jwksRequests <= 2, `${provider.jwksRequests} requests`);
    await eventually(() => storedRecord(worker, provider.jwksUri, failuresKey), 'the failure in KV');
    // The other isolate obeys the backoff of the first.
    await changeRecord(worker, provider.jwksUri, (record) => ({ ...record, consecutive_failures: 6, last_attempt_at: epochSeconds() }), failuresKey);
    const before = provider.jwksRequests;
    assert.equal(await verdict(tokens[0], 1), 'jwks_unavailable');
    assert.equal(provider.jwksRequests, before);
  });

  test('with one bad key among good ones: the good ones serve', async (context) => {
    const { provider, worker, verdict } = await beside(context);
    provider.behave('bad-key-among-good');
    assert.equal(await verdict(await provider.mint()), 'accepted');
    assert.equal(await verdict(await provider.mint({ header: { kid: 'bad' } })), 'key_unusable');
    assert.equal((await worker.logged(({ event }) => event === 'jwks_fetched')).set_aside, 1);
  });

  test('with an empty set and nothing cached: the provider is at fault and the Worker not ready', async (context) => {
    const { provider, worker, verdict } = await beside(context);
    provider.behave('empty');
    assert.equal((await worker.fetch('/readyz')).status, 503);
    assert.equal(await verdict(await provider.mint()), 'jwks_invalid');
  });

  test('readiness fetches from a provider that was not asked yet, and is degraded while cached keys are used', async (context) => {
    const { provider, worker, verdict } = await beside(context, { jwks: { unknown_kid_cooldown_seconds: 1 } });
    const readiness = async () => {
      const response = await worker.fetch('/readyz');
      return [response.status, (await response.json()).status];
    };
    assert.deepEqual(await readiness(), [200, 'ready']);
    assert.equal(provider.jwksRequests, 1);
    assert.equal(await verdict(await provider.mint()), 'accepted');
    provider.behave('down');
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.deepEqual(await readiness(), [200, 'degraded']);
    assert.equal(await verdict(await provider.mint()), 'accepted');
  });

  test('that redirects to good keys is not followed', async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const key = testKey('ed25519');
    const elsewhere = origin.serve('/elsewhere', { keys: [key.publicJwk] });
    const statuses = [301, 302, 303, 307, 308];
    const issuers = statuses.map((status) => ({
      issuer: `https://issuer-${status}.example`,
      jwks_uri: origin.serve(`/${status}`, (_, response) => response.writeHead(status, { location: elsewhere }).end()),
      audience: 'unchecked',
    }));
    const worker = await use(startWorker({ config: { issuers } }));
    for (const { issuer } of issuers) {
      const token = assemble({ alg: 'EdDSA', kid: key.kid }, { iss: issuer, exp: epochSeconds() + 60 }, signer('EdDSA', key.privateKey));
      const { status, body } = await worker.verify(token);
      assert.equal(status, 503, issuer);
      assert.equal(body.code, 'jwks_invalid', issuer);
    }
    assert.equal(origin.count('/elsewhere'), 0);
  });
});

suite('KV that misbehaves', () => {
  for (const kv of ['down', 'rubbish', 'throttled', 'none']) {
    test(`${kv === 'none' ? 'is not bound' : kv}: tokens are verified all the same, from memory and the origin`, async (context) => {
      const { provider, worker, verdict } = await beside(context, { kv });
      for (let i = 0; i < 5; i += 1) assert.equal(await verdict(await provider.mint()), 'accepted');
      assert.equal(provider.jwksRequests, 1);
      await provider.rotate();
      assert.equal(await verdict(await provider.mint()), 'accepted');
      assert.equal(provider.jwksRequests, 2);
      if (kv === 'rubbish') await worker.logged(({ event }) => event === 'jwks_record_discarded');
      else await worker.logged(({ event, operation }) => event === 'jwks_store_failed' && (kv !== 'throttled' || operation === 'put'));
    });
  }

  test('comes back: a set that was fetched meanwhile is written with the next fetch', async (context) => {
    const { provider, worker, verdict, stored } = await beside(context, { kv: 'down' });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await worker.kvBehaves('up');
    await provider.rotate();
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await eventually(stored, 'the record');
  });
});
