// The coordinator in workerd: a real Durable Object, and several isolates over one KV that ask it. What it decides is tested natively, in
// tests/native/jwks_cache/coordinator.rs; here are the runtime's part and the faults of the object. Time cannot be advanced in workerd, so the
// tests set the clocks of the isolates and of the object ahead.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { beside } from './support/beside.mjs';
import { bundled, layOutPackage } from './support/embedding.mjs';
import { during } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { eventually, startWorker } from './support/worker.mjs';

const ISOLATES = 4;
const isolates = Array.from({ length: ISOLATES }, (_, isolate) => isolate);
const KEY = 'an explain key for this test alone, of forty characters';

/** The Worker in four isolates with one identity provider and one coordinator. */
const coordinated = (context, options = {}) => beside(context, { isolates: ISOLATES, coordinator: true, ...options });

const timed = async (act) => {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
};

/** Drops the provider's cached keys. */
const purge = (worker, provider) =>
  worker.fetch(`/keys?issuer=${encodeURIComponent(provider.issuer)}`, { method: 'DELETE', headers: { 'x-explain-key': KEY } });

/** Sets all clocks ahead. */
async function pass(worker, seconds) {
  await worker.coordinatorIsAhead(seconds);
  for (const isolate of isolates) await worker.clockIsAhead(seconds, isolate);
}

suite('isolates that share a coordinator', () => {
  test('with an empty KV cause one fetch together, in one object', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { kv: 'down' });
    const token = await provider.mint();
    const verdicts = await Promise.all(isolates.flatMap((isolate) => [verdict(token, isolate), verdict(token, isolate)]));
    assert.deepEqual([...new Set(verdicts)], ['accepted']);
    assert.equal(provider.jwksRequests, 1);
    assert.equal((await worker.coordinatorCounts()).objects, 1);
  });

  test('ask it nothing while they know the key', async (context) => {
    const { provider, worker, verdict } = await coordinated(context);
    for (const isolate of isolates) assert.equal(await verdict(await provider.mint(), isolate), 'accepted');
    const { asked } = await worker.coordinatorCounts();
    for (let i = 0; i < 20; i += 1) assert.equal(await verdict(await provider.mint(), i % ISOLATES), 'accepted');
    assert.equal((await worker.coordinatorCounts()).asked, asked);
  });

  test('cause at most four fetches a minute together in a flood of unknown kids', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { jwks: { unknown_kid_cooldown_seconds: 1 } });
    for (const isolate of isolates) assert.equal(await verdict(await provider.mint(), isolate), 'accepted');
    const begun = provider.jwksRequests;
    const minutes = 3;
    for (let second = 2; second <= 60 * minutes; second += 2) {
      await pass(worker, second);
      const token = await provider.mint({ header: { kid: `unknown ${second}` } });
      const verdicts = await Promise.all(isolates.map((isolate) => verdict(token, isolate)));
      assert.deepEqual([...new Set(verdicts)], ['key_not_found'], `after ${second} s`);
    }
    const fetches = provider.jwksRequests - begun;
    context.diagnostic(`${fetches} fetches in ${minutes} minutes; the coordinator was asked ${(await worker.coordinatorCounts()).asked} times`);
    assert.ok(fetches <= 4 * minutes, `${fetches} fetches`);
    assert.ok(fetches >= minutes, 'they still look for new keys');
    // Everything still works: the key is known, and a new one is found.
    await provider.rotate();
    await pass(worker, 60 * minutes + 62);
    for (const isolate of isolates) assert.equal(await verdict(await provider.mint(), isolate), 'accepted');
  });

  test('see a rotation without overlap within the hold of the coordinator', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { jwks: { unknown_kid_cooldown_seconds: 1 } });
    for (const isolate of isolates) assert.equal(await verdict(await provider.mint(), isolate), 'accepted');
    await pass(worker, 25);
    const before = provider.jwksRequests;
    await provider.rotate({ keepOld: false });
    const token = await provider.mint();
    const verdicts = await Promise.all(isolates.map((isolate) => verdict(token, isolate)));
    assert.deepEqual(
      verdicts,
      isolates.map(() => 'accepted'),
    );
    assert.equal(provider.jwksRequests, before + 1);
  });

  test('pass it with a purge: the purge asks the origin, although an answer is held', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { secrets: { EXPLAIN_KEY: KEY } });
    const withdrawn = await provider.mint();
    assert.equal(await verdict(withdrawn), 'accepted');
    await provider.rotate({ keepOld: false });
    const answer = await purge(worker, provider);
    assert.equal(answer.status, 200);
    const { fetched, everywhere_within_seconds: seconds, coordinator_problem: problem } = await answer.json();
    assert.deepEqual([fetched, seconds, problem], [true, 60, undefined]);
    assert.equal(provider.jwksRequests, 2);
    assert.equal(await verdict(withdrawn), 'key_not_found');
    assert.equal(await verdict(await provider.mint()), 'accepted');
  });

  test('hear of a purge from it within a minute, although KV shows nothing', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { kv: 'down', secrets: { EXPLAIN_KEY: KEY } });
    const withdrawn = await provider.mint();
    for (const isolate of isolates) assert.equal(await verdict(withdrawn, isolate), 'accepted');
    await provider.rotate({ keepOld: false });
    const answer = await purge(worker, provider);
    assert.deepEqual([answer.status, (await answer.json()).code], [503, 'store_unavailable']);
    for (const isolate of isolates.slice(1)) assert.equal(await verdict(withdrawn, isolate), 'accepted', 'from memory');
    await pass(worker, 57);
    for (const isolate of isolates) assert.equal(await verdict(withdrawn, isolate), 'key_not_found', `isolate ${isolate}`);
    for (const isolate of isolates) assert.equal(await verdict(await provider.mint(), isolate), 'accepted', `isolate ${isolate}`);
    assert.ok(provider.jwksRequests <= 4, `${provider.jwksRequests} fetches`);
    assert.deepEqual(
      worker.log().filter(({ event }) => event === 'coordinator_failed'),
      [],
    );
  });

  test('hear of a purge that it learnt from KV, after a restart', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { secrets: { EXPLAIN_KEY: KEY } });
    const withdrawn = await provider.mint();
    for (const isolate of isolates) assert.equal(await verdict(withdrawn, isolate), 'accepted');
    await provider.rotate({ keepOld: false });
    assert.equal((await purge(worker, provider)).status, 200);
    await worker.coordinatorRestarts();
    await pass(worker, 57);
    const reads = await Promise.all(isolates.map((isolate) => worker.kvGets(isolate)));
    const { asked } = await worker.coordinatorCounts();
    for (const isolate of isolates) assert.equal(await verdict(withdrawn, isolate), 'key_not_found', `isolate ${isolate}`);
    assert.ok((await worker.coordinatorCounts()).asked > asked);
    context.diagnostic(`KV was read ${await Promise.all(isolates.map(async (isolate) => (await worker.kvGets(isolate)) - reads[isolate]))} times`);
  });

  test('hear of a purge from KV while it fails, and the answer to the purge says so', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { secrets: { EXPLAIN_KEY: KEY } });
    const withdrawn = await provider.mint();
    for (const isolate of isolates) assert.equal(await verdict(withdrawn, isolate), 'accepted');
    await provider.rotate({ keepOld: false });
    await worker.coordinatorBehaves('throws');
    const answer = await purge(worker, provider);
    assert.equal(answer.status, 200);
    const { everywhere_within_seconds: seconds, coordinator_problem: problem } = await answer.json();
    assert.equal(seconds, 150);
    assert.match(problem, /the object is overloaded/);
    await pass(worker, 57);
    for (const isolate of isolates) assert.equal(await verdict(withdrawn, isolate), 'key_not_found', `isolate ${isolate}`);
  });

  test('whose fetches fail hear of it from the object, and of the recovery', async (context) => {
    const { provider, worker, verdict } = await coordinated(context);
    provider.behave('failing');
    const token = await provider.mint();
    const verdicts = await Promise.all(isolates.map((isolate) => verdict(token, isolate)));
    assert.deepEqual([...new Set(verdicts)], ['jwks_unavailable']);
    assert.equal(provider.jwksRequests, 1);
    assert.deepEqual(
      worker.log().filter(({ event }) => event === 'coordinator_failed'),
      [],
      'the provider is at fault, not the coordinator',
    );
    provider.behave('up');
    await pass(worker, 62);
    for (const isolate of isolates) assert.equal(await verdict(token, isolate), 'accepted');
    assert.equal(provider.jwksRequests, 2);
  });

  test('get a set of many keys, and one that is not UTF-8 is refused as if it came from the origin', async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const key = testKey('ed25519');
    const keys = [key.publicJwk, ...Array.from({ length: 90 }, (_, index) => ({ ...testKey('rsa-4096').publicJwk, kid: `k${index}` }))];
    const issuers = [
      { issuer: 'https://large.example', jwks_uri: origin.serve('/large', { keys }), audience: 'unchecked' },
      {
        issuer: 'https://octets.example',
        jwks_uri: origin.serve('/octets', (_, response) =>
          response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from([0x7b, 0xff, 0xfe])),
        ),
        audience: 'unchecked',
      },
    ];
    const worker = await use(startWorker({ config: { issuers }, coordinator: true }));
    const token = (iss) => assemble({ alg: 'EdDSA', kid: key.kid }, { iss, exp: epochSeconds() + 60 }, signer('EdDSA', key.privateKey));
    assert.equal((await worker.verify(token('https://large.example'))).status, 200);
    assert.equal((await worker.verify(token('https://octets.example'))).body.code, 'jwks_invalid');
    assert.equal((await worker.coordinatorCounts()).objects, 2, 'one object for each document');
  });

  test('reach a provider behind a service binding through it', async (context) => {
    const use = during(context);
    const key = testKey('ed25519');
    const AUTH = `
      let count = 0;
      export default {
        fetch(request) {
          count += 1;
          return Response.json({ keys: [{ ...${JSON.stringify(key.publicJwk)}, kid: 'count-' + count }] }, { headers: { etag: '"' + count + '"' } });
        },
      };`;
    const issuers = [{ issuer: 'https://issuer.example', audience: 'unchecked', preset: 'better-auth', jwks_service: 'AUTH' }];
    const worker = await use(startWorker({ config: { issuers }, coordinator: true, isolates: 2, kv: 'down', services: { AUTH } }));
    const token = assemble(
      { alg: 'EdDSA', kid: 'count-1' },
      { iss: 'https://issuer.example', exp: epochSeconds() + 60 },
      signer('EdDSA', key.privateKey),
    );
    for (const isolate of [0, 1]) assert.equal((await worker.verify(token, { isolate })).status, 200, 'the set of the only fetch');
  });
});

suite('a coordinator that', () => {
  const FAULTS = {
    throws: /the object is overloaded/,
    resets: /./,
    nonsense: /./,
    truncated: /it cannot be read/,
  };
  for (const [fault, reason] of Object.entries(FAULTS)) {
    const how = fault === 'nonsense' || fault === 'truncated' ? `answers ${fault}` : fault;
    test(`${how}, so it gives no usable answer: each isolate fetches by itself at once`, async (context) => {
      const { provider, worker, verdict } = await coordinated(context);
      await worker.coordinatorBehaves(fault);
      for (const isolate of isolates) {
        const took = await timed(async () => assert.equal(await verdict(await provider.mint(), isolate), 'accepted'));
        assert.ok(took < 1500, `${took} ms`);
      }
      const line = await worker.logged(({ event }) => event === 'coordinator_failed');
      assert.equal(line.issuer, provider.issuer);
      assert.match(line.reason, reason);
    });
  }

  test('hangs: one request of an isolate waits for 1.5 s, and no other for a minute', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { jwks: { unknown_kid_cooldown_seconds: 1 } });
    await worker.coordinatorBehaves('hangs');
    const first = await timed(async () => assert.equal(await verdict(await provider.mint()), 'accepted'));
    assert.ok(first >= 1400 && first < 2500, `${first} ms`);
    for (let i = 0; i < 3; i += 1) {
      await provider.rotate();
      await worker.clockIsAhead(2 * (i + 1));
      const later = await timed(async () => assert.equal(await verdict(await provider.mint()), 'accepted'));
      assert.ok(later < 1000, `${later} ms`);
    }
    assert.equal((await worker.coordinatorCounts()).asked, 1);
    assert.equal(worker.log().filter(({ event }) => event === 'coordinator_failed').length, 1);
  });

  test('answers late counts as one that works, while it answers within its time', async (context) => {
    const { provider, worker, verdict } = await coordinated(context);
    await worker.coordinatorBehaves('slow');
    assert.equal(await verdict(await provider.mint()), 'accepted');
    assert.equal(provider.jwksRequests, 1);
    assert.equal(worker.log().filter(({ event }) => event === 'coordinator_failed').length, 0);
  });

  test('comes back is asked again after a minute', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { jwks: { unknown_kid_cooldown_seconds: 1 } });
    await worker.coordinatorBehaves('throws');
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await worker.coordinatorBehaves('up');
    await provider.rotate();
    await pass(worker, 70);
    assert.equal(await verdict(await provider.mint()), 'accepted');
    // Once in vain, then for a purge of the set in memory, and for the new set.
    assert.equal((await worker.coordinatorCounts()).asked, 3);
    assert.equal(worker.log().filter(({ event }) => event === 'coordinator_failed').length, 1);
  });

  test('restarts has forgotten its answers, and works: one more fetch', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { kv: 'down' });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await worker.coordinatorRestarts();
    assert.equal(await verdict(await provider.mint(), 1), 'accepted');
    assert.equal(await verdict(await provider.mint(), 2), 'accepted');
    assert.equal(provider.jwksRequests, 2);
    await worker.logged(({ event }) => event === 'instance_replaced');
    assert.equal(worker.log().filter(({ event }) => event === 'coordinator_failed').length, 0);
  });

  test('waits for a slow origin is not taken for a dead one: no second fetch', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { jwks: { fetch_timeout_ms: 3000 } });
    provider.behave('slow');
    const took = await timed(async () => assert.equal(await verdict(await provider.mint()), 'jwks_unavailable'));
    assert.ok(took < 5500, `${took} ms`);
    assert.equal(provider.jwksRequests, 1);
    assert.equal(worker.log().filter(({ event }) => event === 'coordinator_failed').length, 0);
  });
});

suite('the object', () => {
  const started = async (context, options = {}) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const key = testKey('ed25519');
    const jwks_uri = origin.serve('/jwks', { keys: [key.publicJwk] });
    const config = { issuers: [{ issuer: 'https://issuer.example', jwks_uri, audience: 'unchecked' }] };
    const worker = await use(startWorker({ config, coordinator: true, ...options }));
    const token = assemble(
      { alg: 'EdDSA', kid: key.kid },
      { iss: 'https://issuer.example', exp: epochSeconds() + 60 },
      signer('EdDSA', key.privateKey),
    );
    return { origin, worker, token };
  };

  test('is reached by no request of a client: no path, method or header of the Worker leads to it', async (context) => {
    const { worker, token } = await started(context);
    assert.equal((await worker.verify(token)).status, 200);
    const { asked } = await worker.coordinatorCounts();
    const question = JSON.stringify({ url: 'https://victim.example/', accept: 'application/json', timeout_ms: 100, max_age_seconds: 0 });
    for (const path of ['/coordinator', '/Coordinator', '/ask', '/__coordinator', '/.well-known/coordinator', '/keys', '/cdn-cgi/mf/do']) {
      for (const method of ['GET', 'POST']) {
        const response = await worker.fetch(path, { method, ...(method === 'POST' ? { body: question } : {}) });
        await response.arrayBuffer();
        assert.ok(response.status >= 400, `${method} ${path}: ${response.status}`);
      }
    }
    assert.equal((await worker.coordinatorCounts()).asked, asked);
  });

  test('is no entrypoint, and a service binding to the Worker does not lead to it', async (context) => {
    const CALLER = `
      export default {
        async fetch(request, env) {
          const tries = { ask: () => env.AUTH.ask('{}'), coordinate: () => env.AUTH.coordinate('{}'), property: () => env.AUTH.Coordinator.ask('{}') };
          const found = {};
          for (const [name, act] of Object.entries(tries)) found[name] = await act().then((value) => 'returned ' + value, () => 'refused');
          return Response.json(found);
        },
      };`;
    const { worker } = await started(context, { caller: CALLER });
    assert.deepEqual(await (await worker.caller('/')).json(), { ask: 'refused', coordinate: 'refused', property: 'refused' });
    assert.equal((await worker.coordinatorCounts()).asked, 0);
  });

  test('refuses a question that is none, and fetches nothing for it', async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const secret = origin.serve('/secret', { secret: 'x' });
    const ASKER = `
      import handlers from './index.js';
      export * from './index.js';
      export default { ...handlers, async fetch(request, env) {
        const question = await request.json();
        return Response.json({ answer: await env.COORDINATOR.get(env.COORDINATOR.idFromName('any')).ask(question) });
      } };`;
    const worker = await use(startWorker({ coordinator: true, asker: ASKER }));
    const ask = async (question) =>
      JSON.parse((await (await worker.fetch('/', { method: 'POST', body: JSON.stringify(question) })).json()).answer).state;
    const good = { url: secret, accept: 'application/json', timeout_ms: 1000, max_age_seconds: 0 };
    const refused = [
      null,
      7,
      { url: secret },
      '',
      '{}',
      'x'.repeat(300_000),
      JSON.stringify({ ...good, url: 'file:///etc/passwd' }),
      JSON.stringify({ ...good, url: 'http://10.0.0.1/jwks' }),
      JSON.stringify({ ...good, accept: '*/*' }),
      JSON.stringify({ ...good, timeout_ms: 10_000_000 }),
      JSON.stringify({ ...good, method: 'POST' }),
      JSON.stringify(good).replace('{', '{"url":"https://other.example",'),
    ];
    for (const question of refused) assert.equal(await ask(question), 'refused', String(question).slice(0, 80));
    assert.deepEqual(origin.requests, []);
    assert.equal(await ask(JSON.stringify(good)), 'document', 'so the refusals are for their own reasons');
  });

  test('reads no configuration and no secret, and its memory is not filled by a flood of questions', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { jwks: { unknown_kid_cooldown_seconds: 1 } });
    for (let round = 0; round < 5; round += 1) {
      const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => provider.mint({ header: { kid: `${round} ${index}` } })));
      await pass(worker, 2 * (round + 1));
      await Promise.all(tokens.map((token, index) => verdict(token, index % ISOLATES)));
    }
    const { asked } = await worker.coordinatorCounts();
    assert.ok(asked <= 4 + 5 * ISOLATES, `${asked} questions: at most one per isolate and cooldown`);
    assert.ok(provider.jwksRequests <= 4, `${provider.jwksRequests} fetches`);
  });
});

suite('without a binding', () => {
  test('nothing changes, and a binding that is no namespace costs one attempt a minute', async (context) => {
    const { provider, worker, verdict } = await beside(context, { secrets: { COORDINATOR: 'a text' }, jwks: { unknown_kid_cooldown_seconds: 1 } });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await provider.rotate();
    await worker.clockIsAhead(2);
    assert.equal(await verdict(await provider.mint()), 'accepted');
    await worker.logged(({ event }) => event === 'coordinator_failed');
    assert.equal(worker.log().filter(({ event }) => event === 'coordinator_failed').length, 1);
  });
});

suite('in a Worker that has the package', () => {
  const PROGRAMS = {
    'as it is': () => `export { default, Assay, Coordinator } from 'edge-assay';`,
    'with createWorker': (configuration) => `
      import { Coordinator, createWorker } from 'edge-assay';
      export { Coordinator };
      const own = createWorker(${JSON.stringify(configuration)});
      export default { fetch: (request, env, context) => own.fetch(request, env, context), scheduled: own.scheduled };`,
    'with createVerifier': (configuration) => `
      import { Coordinator, createVerifier } from 'edge-assay';
      export { Coordinator };
      export default {
        async fetch(request, env) {
          const user = await createVerifier(${JSON.stringify(configuration)}, env).authenticate(request);
          return user.ok ? Response.json(user) : user.response();
        },
        scheduled() {},
      };`,
  };
  for (const [how, program] of Object.entries(PROGRAMS)) {
    test(`${how}, the class is exported and the isolates share one fetch`, async (context) => {
      const use = during(context);
      await layOutPackage();
      const origin = await use(createOrigin());
      const key = testKey('ed25519');
      const jwks_uri = origin.serve('/jwks', { keys: [key.publicJwk] });
      const config = { issuers: [{ issuer: 'https://issuer.example', jwks_uri, audience: 'unchecked' }] };
      const script = await bundled({ text: program(config) });
      const worker = await use(startWorker({ config, script, coordinator: true, isolates: 2, kv: 'down' }));
      const token = assemble(
        { alg: 'EdDSA', kid: key.kid },
        { iss: 'https://issuer.example', exp: epochSeconds() + 60 },
        signer('EdDSA', key.privateKey),
      );
      for (const isolate of [0, 1]) assert.equal((await worker.verify(token, { isolate })).status, 200);
      assert.equal(origin.count('/jwks'), 1);
      assert.equal((await worker.coordinatorCounts()).objects, 1);
    });
  }
});

suite('/readyz', () => {
  const ready = async (worker, isolate = 0) => (await worker.fetch('/readyz', { isolate, headers: { 'x-explain-key': KEY } })).json();

  test('says nothing of a coordinator that is not bound, and asks one that is bound nothing for its report', async (context) => {
    const { worker: without } = await beside(context, { secrets: { EXPLAIN_KEY: KEY } });
    assert.equal((await ready(without)).details.coordinator, undefined);
    const { provider, worker, verdict } = await coordinated(context, { secrets: { EXPLAIN_KEY: KEY } });
    assert.equal(await verdict(await provider.mint()), 'accepted');
    const { asked } = await worker.coordinatorCounts();
    const { status, details } = await ready(worker);
    assert.equal(status, 'ready');
    assert.equal(details.coordinator.problem, null);
    assert.ok(Math.abs(details.coordinator.last_answered_at - epochSeconds()) <= 5);
    assert.equal(details.coordinator.last_failed_at, null);
    assert.ok((await worker.coordinatorCounts()).asked - asked <= 1, 'at most to see whether the provider answers');
    const open = await (await worker.fetch('/readyz')).json();
    assert.equal(open.details, undefined, 'nothing without the key');
  });

  test('is degraded, at once, while the coordinator does not answer, and ready after it has', async (context) => {
    const { provider, worker, verdict } = await coordinated(context, { secrets: { EXPLAIN_KEY: KEY }, jwks: { unknown_kid_cooldown_seconds: 1 } });
    await worker.coordinatorBehaves('hangs');
    assert.equal(await verdict(await provider.mint()), 'accepted');
    let report;
    const took = await timed(async () => (report = await ready(worker)));
    assert.ok(took < 1000, `${took} ms`);
    assert.equal(report.status, 'degraded');
    assert.match(report.details.coordinator.problem, /no answer within 1500 ms/);
    await worker.coordinatorBehaves('up');
    await pass(worker, 70);
    const recovered = await ready(worker);
    assert.deepEqual([recovered.status, recovered.details.coordinator.problem], ['ready', null]);
  });
});

suite('the cache of the data centre', () => {
  const key = testKey('ed25519');
  const token = () =>
    assemble({ alg: 'EdDSA', kid: key.kid }, { iss: 'https://issuer.example', exp: epochSeconds() + 60 }, signer('EdDSA', key.privateKey));
  /** @type {(context: import('node:test').TestContext, options?: { headers?: Record<string, string>, [option: string]: unknown }) => Promise<any>} */
  const started = async (context, { headers = {}, ...options } = {}) => {
    const use = during(context);
    const seen = [];
    const outbound = async (request) => {
      seen.push({ url: request.url, cf: request.cf, cacheControl: request.headers.get('cache-control'), pragma: request.headers.get('pragma') });
      return Response.json({ keys: [key.publicJwk] }, { headers });
    };
    const issuers = [{ issuer: 'https://issuer.example', jwks_uri: 'https://issuer.example/jwks', audience: 'unchecked' }];
    const worker = await use(startWorker({ config: { issuers }, outbound, secrets: { EXPLAIN_KEY: KEY }, ...options }));
    return { seen, worker };
  };

  test('may answer for 30 s', async (context) => {
    const { seen, worker } = await started(context);
    assert.equal((await worker.verify(token())).status, 200);
    assert.deepEqual(
      seen.map(({ cf, pragma }) => [cf?.cacheTtl, cf?.cacheEverything, pragma]),
      [[30, true, null]],
    );
  });

  test('is not asked, and keeps nothing, with jwks.data_centre_cache = false', async (context) => {
    const issuers = [{ issuer: 'https://issuer.example', jwks_uri: 'https://issuer.example/jwks', audience: 'unchecked' }];
    const config = { issuers, jwks: { data_centre_cache: false } };
    // An answer that says that it comes from a cache is an answer of the origin then.
    const { seen, worker } = await started(context, { config, headers: { 'cf-cache-status': 'HIT' } });
    const before = epochSeconds();
    assert.equal((await worker.verify(token())).status, 200);
    assert.equal(seen.length, 1);
    const [{ cf, pragma }] = seen;
    // The runtime writes `no-store` as a negative time.
    assert.ok(cf?.cacheTtl === undefined || cf.cacheTtl < 0, JSON.stringify(cf));
    assert.notEqual(cf?.cacheEverything, true);
    assert.equal(pragma, 'no-cache');
    const ready = await (await worker.fetch('/readyz', { headers: { 'x-explain-key': KEY } })).json();
    assert.ok(Math.abs(ready.details.issuers[0].keys.fetched_at - before) <= 2, 'no age is taken off');
  });

  test('does not answer a purge', async (context) => {
    const { seen, worker } = await started(context);
    assert.equal((await worker.verify(token())).status, 200);
    const answer = await worker.fetch('/keys?issuer=https://issuer.example', { method: 'DELETE', headers: { 'x-explain-key': KEY } });
    assert.equal(answer.status, 200);
    assert.equal(seen.length, 2);
    // The runtime writes `no-store` as a negative time.
    assert.ok(seen[1].cf?.cacheTtl === undefined || seen[1].cf.cacheTtl < 0, JSON.stringify(seen[1]));
    assert.equal(seen[1].pragma, 'no-cache');
  });

  test('does not answer the coordinator, which collapses requests itself', async (context) => {
    const { seen, worker } = await started(context, { coordinator: true });
    assert.equal((await worker.verify(token())).status, 200);
    assert.equal(seen.length, 1);
    assert.equal(seen[0].pragma, 'no-cache');
  });

  for (const [failure, fails] of Object.entries({
    'does not answer': () => new Promise(() => {}),
    'cannot be reached': () => new Response('error code: 522', { status: 522 }),
  })) {
    /** Two isolates of one data centre that share nothing through KV, and what the provider receives from them. */
    const failing = async (context, jwks = {}) => {
      const use = during(context);
      const seen = [];
      let isUp = false;
      const outbound = (request) => {
        seen.push(request.url);
        return isUp ? Response.json({ keys: [key.publicJwk] }) : fails();
      };
      const issuers = [{ issuer: 'https://issuer.example', jwks_uri: 'https://issuer.example/jwks', audience: 'unchecked' }];
      const config = { issuers, jwks: { fetch_timeout_ms: 800, ...jwks } };
      const worker = await use(startWorker({ config, outbound, isolates: 2, kv: 'down' }));
      const ask = async (isolate) => (await worker.verify(token(), { isolate })).status;
      const at = (seconds) => Promise.all([0, 1].map((isolate) => worker.clockIsAhead(seconds, isolate)));
      return { seen, ask, at, worker, recover: () => (isUp = true) };
    };

    test(`has the isolates ask a provider that ${failure} twice a minute together`, async (context) => {
      const { seen, ask, at, worker, recover } = await failing(context);
      assert.equal(await ask(0), 503);
      assert.equal(await ask(1), 503);
      assert.equal(seen.length, 1, 'the second isolate waits for 2 s');
      await worker.logged(({ event, reason }) => event === 'jwks_fetch_failed' && /processes nearby have just done so/.test(reason));
      await at(8);
      assert.deepEqual([await ask(1), seen.length], [503, 2]);
      recover();
      await at(20);
      assert.deepEqual([await ask(0), await ask(1), seen.length], [503, 503, 2]);
      await at(62);
      assert.deepEqual([await ask(0), seen.length], [200, 3]);
    });

    test(`does not hold back an isolate with jwks.data_centre_cache = false whose provider ${failure}`, async (context) => {
      const { seen, ask } = await failing(context, { data_centre_cache: false });
      assert.deepEqual([await ask(0), await ask(1), seen.length], [503, 503, 2]);
    });
  }

  for (const [status, aged] of Object.entries({ HIT: 30, STALE: 30, MISS: 0, DYNAMIC: 0 })) {
    test(`has the age of its answer taken off the life of the set: ${status}, ${aged} s`, async (context) => {
      const { worker } = await started(context, { headers: { 'cf-cache-status': status } });
      const before = epochSeconds();
      assert.equal((await worker.verify(token())).status, 200);
      const ready = await (await worker.fetch('/readyz', { headers: { 'x-explain-key': KEY } })).json();
      const { fetched_at: fetchedAt, fresh_until: freshUntil } = ready.details.issuers[0].keys;
      assert.equal(freshUntil - fetchedAt, 3600);
      assert.ok(Math.abs(fetchedAt + aged - before) <= 2, `${fetchedAt} and ${before}`);
    });
  }
});
