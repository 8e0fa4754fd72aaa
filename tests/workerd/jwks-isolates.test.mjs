// The key cache in workerd, continued: what isolates share through KV, the cron trigger, and the headers of an origin's
// answer.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { age, beside } from './support/beside.mjs';
import { during } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { aged, changeRecord, recordKey, storedRecord } from './support/store.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { eventually, startWorker } from './support/worker.mjs';

const TTL = 3600;
const STALE_IF_ERROR = 86_400;
const ISSUER = 'https://issuer.example';

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

  test('share a cooldown: of all unknown kids at both, one causes a fetch', async (context) => {
    const { provider, verdict, stored } = await beside(context, { isolates: 2 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await eventually(stored, 'the record');
    // The second isolate knows the set before a token names an unknown kid.
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
  test('fetches a set that was never fetched, so that the first request finds it', async (context) => {
    const { provider, worker, verdict } = await beside(context);
    await worker.scheduled();
    assert.equal(provider.jwksRequests, 1);
    assert.equal(await verdict(await provider.mint()), 'accepted');
    assert.equal(provider.jwksRequests, 1);
  });

  test('refreshes only the sets that become due before its next run', async (context) => {
    const { provider, worker, verdict, stored } = await beside(context, { isolates: 3 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await worker.scheduled();
    assert.equal(provider.jwksRequests, 1, 'nothing is due yet');
    // The first isolate refreshes at 60 %. A run every five minutes refreshes two minutes before that at the latest.
    await age(worker, provider, 0.6 * TTL - 520);
    await worker.scheduled(1);
    assert.equal(provider.jwksRequests, 1, 'the next run will refresh it');
    await age(worker, provider, 200);
    await worker.scheduled(2);
    assert.equal(provider.jwksRequests, 2);
    assert.ok((await stored()).fetched_at >= epochSeconds() - 5);
  });

  test('keeps the cached set while its origin is down', async (context) => {
    const { provider, worker, verdict } = await beside(context, { isolates: 2 });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await age(worker, provider, TTL - 60);
    provider.behave('down');
    await worker.scheduled(1);
    assert.equal(provider.jwksRequests, 2);
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
  });
});

suite("the headers of the origin's answer", () => {
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

  test('no cache on the way answers for longer than 30 s: the request says max-age=0', async (context) => {
    const { origin, worker } = await started(context, { keys: [key.publicJwk] });
    assert.equal((await worker.verify(token())).status, 200);
    // What the cache of the data centre is told is in coordinator.test.mjs.
    const { headers } = origin.requests[0];
    assert.deepEqual([headers['cache-control'], headers.pragma], ['max-age=0', undefined]);
  });

  for (const [cacheControl, seconds] of [
    ['max-age=600', 600],
    ['max-age=5', 300],
    ['no-store', 300],
    ['public, max-age=999999', TTL],
  ]) {
    test(`Cache-Control: ${cacheControl} gives a TTL of ${seconds} s`, async (context) => {
      const { jwks_uri, worker } = await started(context, { keys: [key.publicJwk] }, { 'cache-control': cacheControl });
      assert.equal((await worker.verify(token())).status, 200);
      const record = await eventually(() => storedRecord(worker, jwks_uri), 'the record');
      assert.equal(record.fresh_until - record.fetched_at, seconds);
      assert.equal(record.stale_until - record.fresh_until, STALE_IF_ERROR);
    });
  }

  test('the request to it names the Worker and contains nothing of the token', async (context) => {
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

suite('a purge', () => {
  const KEY = 'an explain key for this test alone, of forty characters';

  test('drops the set at once in the isolate that is asked, and within a minute in the others', async (context) => {
    const { provider, worker, verdict } = await beside(context, { isolates: 3, secrets: { EXPLAIN_KEY: KEY } });
    const purge = (headers) => worker.fetch(`/keys?issuer=${encodeURIComponent(provider.issuer)}`, { method: 'DELETE', headers });
    const withdrawn = await provider.mint();
    for (const isolate of [0, 1, 2]) assert.equal(await verdict(withdrawn, isolate), 'accepted');
    await provider.rotate({ keepOld: false });
    for (const isolate of [0, 1, 2]) assert.equal(await verdict(withdrawn, isolate), 'accepted', 'from memory');
    assert.equal((await purge({})).status, 401);
    const answer = await purge({ 'x-explain-key': KEY });
    assert.equal(answer.status, 200);
    const { fetched, everywhere_within_seconds: seconds } = await answer.json();
    assert.deepEqual([fetched, seconds], [true, 150]);
    assert.equal(await verdict(withdrawn), 'key_not_found');
    for (const isolate of [1, 2]) await eventually(async () => (await verdict(withdrawn, isolate)) === 'key_not_found', 'the purge', 60_000);
    for (const isolate of [0, 1, 2]) assert.equal(await verdict(await provider.mint(), isolate), 'accepted');
    // The first fetch, that of the purge, and one in each isolate for the `kid` that the new set lacks.
    assert.ok(provider.jwksRequests <= 5, `${provider.jwksRequests} requests`);
  });
});
