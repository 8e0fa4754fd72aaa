// The key cache in workerd: memory, KV and origin together, rotations, outages of each, isolates that share what they know.
// Time is brought about by ageing the record in KV and asking an isolate that has yet to read it.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { during } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { aged, changeRecord, recordKey, storedRecord } from './support/store.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { eventually, startWorker, trusting } from './support/worker.mjs';

const TTL = 3600;
const STALE_IF_ERROR = 86_400;
const ISSUER = 'https://issuer.example';

/** The Worker, trusting one identity provider. */
async function beside(context, { jwks, ...options } = {}) {
  const use = during(context);
  const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'better-auth' }] }));
  const [provider] = identityProvider.providers;
  const worker = await use(startWorker({ ...trusting([provider], jwks ? { jwks } : {}), ...options }));
  const verdict = async (token, isolate = 0) => {
    const { status, body } = await worker.verify(token, { isolate });
    return status === 200 ? 'accepted' : body.code;
  };
  return { provider, worker, verdict, stored: () => storedRecord(worker, provider.jwksUri) };
}

/** Lets the record in KV grow older, once it is there. */
async function age(worker, provider, seconds) {
  await eventually(() => storedRecord(worker, provider.jwksUri), 'the record in KV');
  await changeRecord(worker, provider.jwksUri, aged(seconds));
}

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

  test('is seen within the TTL without anybody waiting: the set is renewed behind a request from 80 % of it on', async (context) => {
    const { provider, worker, verdict } = await beside(context, { isolates: 2 });
    const withdrawn = await provider.mint();
    assert.equal(await verdict(withdrawn), 'accepted');
    await provider.rotate({ keepOld: false });
    await age(worker, provider, 0.81 * TTL);
    assert.equal(await verdict(withdrawn, 1), 'accepted', 'served as it is cached');
    await eventually(async () => (await verdict(withdrawn, 1)) === 'key_not_found', 'the renewed set');
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
  });

  test('before 80 % of the TTL a known kid causes no fetch', async (context) => {
    const { provider, worker, verdict } = await beside(context, { isolates: 2 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await age(worker, provider, 0.79 * TTL);
    for (let i = 0; i < 5; i += 1) assert.equal(await verdict(await provider.mint(), 1), 'accepted');
    assert.equal(provider.jwksRequests, 1);
  });

  test('past its TTL a set still serves while it is renewed', async (context) => {
    const { provider, worker, verdict, stored } = await beside(context, { isolates: 2 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await age(worker, provider, TTL + 60);
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
    await eventually(async () => (await stored()).fresh_until > epochSeconds(), 'the renewed record');
    assert.equal(provider.jwksRequests, 2);
  });
});

suite('an origin that misbehaves', () => {
  const BEHAVIOURS = { down: 'jwks_unavailable', failing: 'jwks_unavailable', slow: 'jwks_unavailable', redirect: 'jwks_invalid', html: 'jwks_invalid', huge: 'jwks_invalid', blank: 'jwks_invalid' };
  const names = Object.keys(BEHAVIOURS);
  const all = async (context, options) => {
    const use = during(context);
    const identityProvider = await use(createIdentityProvider({ providers: [...names, 'empty'].map((name) => ({ name, kind: 'better-auth' })) }));
    const worker = await use(startWorker({ ...trusting(identityProvider.providers, { jwks: { fetch_timeout_ms: 300, ...options?.jwks } }), isolates: options?.isolates }));
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

  test('never replaces a good set, whose known kids go on being served; of an unknown one nobody can tell', async (context) => {
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

  test('is asked again when Retry-After says so, and then all is well', async (context) => {
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
    await eventually(async () => (await storedRecord(worker, provider.jwksUri)).consecutive_failures > 0, 'the failure in KV');
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
    await eventually(() => storedRecord(worker, provider.jwksUri), 'the failure in KV');
    // The other isolate heeds what the first has met.
    await changeRecord(worker, provider.jwksUri, (record) => ({ ...record, consecutive_failures: 6, last_attempt_at: epochSeconds() }));
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

  test('with an empty set and nothing cached: there is no such key', async (context) => {
    const { provider, verdict } = await beside(context);
    provider.behave('empty');
    assert.equal(await verdict(await provider.mint()), 'key_not_found');
  });

  test('whose redirect would lead to good keys is not followed there', async (context) => {
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

  test('comes back: what was fetched meanwhile is written with the next fetch', async (context) => {
    const { provider, worker, verdict, stored } = await beside(context, { kv: 'down' });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await worker.kvBehaves('up');
    await provider.rotate();
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await eventually(stored, 'the record');
  });
});

suite('isolates over one KV', () => {
  test('a second isolate takes the set from KV and asks no origin', async (context) => {
    const { provider, verdict, stored } = await beside(context, { isolates: 3 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await eventually(stored, 'the record');
    provider.behave('down');
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
    assert.equal(await verdict(await provider.mint(), 2), 'accepted');
    assert.equal(provider.jwksRequests, 1);
  });

  test('share a cooldown: of all unknown kids at both, one is looked for', async (context) => {
    const { provider, verdict, stored } = await beside(context, { isolates: 2 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await eventually(stored, 'the record');
    // The second isolate knows the set before anybody asks for an unknown kid.
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
    assert.equal(await verdict(await provider.mint({ header: { kid: 'unknown-0' } })), 'key_not_found');
    await eventually(async () => (await stored()).last_unknown_kid_fetch_at, 'the cooldown in KV');
    for (let i = 1; i < 10; i += 1) {
      for (const isolate of [0, 1]) assert.equal(await verdict(await provider.mint({ header: { kid: `unknown-${i}` } }), isolate), 'key_not_found');
    }
    assert.equal(provider.jwksRequests, 2);
  });

  test('a rotation that one has seen is known to the other without a fetch', async (context) => {
    const { provider, verdict, stored } = await beside(context, { isolates: 2 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
    const kid = await provider.rotate();
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await eventually(async () => (await stored()).set.includes(kid), 'the rotation in KV');
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
    assert.equal(provider.jwksRequests, 2);
  });

  test('a hundred requests at a cold isolate cause one fetch', async (context) => {
    const { provider, verdict } = await beside(context);
    const tokens = await Promise.all(Array.from({ length: 100 }, () => provider.mint()));
    const verdicts = await Promise.all(tokens.map((token) => verdict(token)));
    assert.ok(verdicts.every((one) => one === 'accepted'));
    assert.equal(provider.jwksRequests, 1);
  });
});

suite('the cron trigger', () => {
  test('fetches what has never been fetched, so that the first request finds it', async (context) => {
    const { provider, worker, verdict } = await beside(context);
    await worker.scheduled();
    assert.equal(provider.jwksRequests, 1);
    assert.equal(await verdict(await provider.mint()), 'accepted');
    assert.equal(provider.jwksRequests, 1);
  });

  test('refreshes ahead what would fall due before its next run, and nothing else', async (context) => {
    const { provider, worker, verdict, stored } = await beside(context, { isolates: 3 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await worker.scheduled();
    assert.equal(provider.jwksRequests, 1, 'nothing is due yet');
    await age(worker, provider, 0.8 * TTL - 400);
    await worker.scheduled(1);
    assert.equal(provider.jwksRequests, 1, 'the next run will do');
    await age(worker, provider, 200);
    await worker.scheduled(2);
    assert.equal(provider.jwksRequests, 2);
    assert.ok((await stored()).fetched_at >= epochSeconds() - 5);
  });

  test('with its origin down it keeps what there is', async (context) => {
    const { provider, worker, verdict } = await beside(context, { isolates: 2 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await age(worker, provider, TTL - 60);
    provider.behave('down');
    await worker.scheduled(1);
    assert.equal(provider.jwksRequests, 2);
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
  });
});

suite('what the origin says of its answer', () => {
  const key = testKey('ed25519');
  const token = () => assemble({ alg: 'EdDSA', kid: key.kid }, { iss: ISSUER, exp: epochSeconds() + 60 }, signer('EdDSA', key.privateKey));
  async function started(context, answer, headers) {
    const use = during(context);
    const origin = await use(createOrigin());
    const jwks_uri = origin.serve('/jwks', answer, headers);
    const worker = await use(startWorker({ isolates: 2, config: { issuers: [{ issuer: ISSUER, jwks_uri, audience: 'unchecked' }] } }));
    return { origin, jwks_uri, worker };
  }

  test('an ETag is sent back, and a 304 renews the set without sending it again', async (context) => {
    const { origin, jwks_uri, worker } = await started(context, (request, response) => {
      const headers = { etag: '"one"', 'content-type': 'application/json' };
      if (request.headers['if-none-match'] === '"one"') response.writeHead(304, headers).end();
      else response.writeHead(200, headers).end(JSON.stringify({ keys: [key.publicJwk] }));
    });
    assert.equal((await worker.verify(token())).status, 200);
    await eventually(() => storedRecord(worker, jwks_uri), 'the record');
    await changeRecord(worker, jwks_uri, aged(TTL + 10));
    assert.equal((await worker.verify(token(), { isolate: 1 })).status, 200);
    const renewed = await eventually(async () => {
      const record = await storedRecord(worker, jwks_uri);
      return record.fresh_until > epochSeconds() && record;
    }, 'the renewed record');
    assert.equal(origin.requests[1].headers['if-none-match'], '"one"');
    assert.deepEqual(JSON.parse(renewed.set), { keys: [key.publicJwk] });
    assert.equal((await worker.verify(token(), { isolate: 1 })).status, 200);
  });

  for (const [cacheControl, seconds] of [['max-age=600', 600], ['max-age=5', 60], ['no-store', 60], ['public, max-age=999999', TTL]]) {
    test(`Cache-Control: ${cacheControl} gives a TTL of ${seconds} s`, async (context) => {
      const { jwks_uri, worker } = await started(context, { keys: [key.publicJwk] }, { 'cache-control': cacheControl });
      assert.equal((await worker.verify(token())).status, 200);
      const record = await eventually(() => storedRecord(worker, jwks_uri), 'the record');
      assert.equal(record.fresh_until - record.fetched_at, seconds);
      assert.equal(record.stale_until - record.fresh_until, STALE_IF_ERROR);
    });
  }

  test('what it is asked says who asks, and nothing of the token', async (context) => {
    const { origin, jwks_uri, worker } = await started(context, { keys: [key.publicJwk] });
    const sent = token();
    await worker.verify(sent);
    assert.equal(origin.requests.length, 1);
    const [{ method, headers }] = origin.requests;
    assert.equal(method, 'GET');
    assert.match(headers['user-agent'], /^edge-assay\//);
    assert.match(headers.accept, /application\/json/);
    for (const part of sent.split('.')) assert.ok(!JSON.stringify(headers).includes(part));
    assert.ok(await eventually(async () => (await worker.kv()).get(recordKey(jwks_uri)), 'the record'));
  });
});
