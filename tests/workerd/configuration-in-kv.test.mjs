// A configuration in Workers KV, and configurations that are larger than a variable: in workerd, with real tokens.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { bundled, layOutPackage } from './support/embedding.mjs';
import { during, lifetime } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { answerOf, eventually, startWorker } from './support/worker.mjs';

const NAMESPACE = 'ASSAY_CONFIG';
const REFERENCE = { kv: NAMESPACE };
const EXPLAIN_KEY = 'an explain key that is long enough for one';
const KEY = testKey('p-256');
const SIGN = signer('ES256', KEY.privateKey);
const VARIABLE_BYTES = 5120;

suite('a configuration in Workers KV', () => {
  const use = lifetime(after);
  let origin, jwksUri;

  before(async () => {
    origin = await use(createOrigin());
    jwksUri = origin.serve('/jwks', { keys: [{ ...KEY.publicJwk, alg: 'ES256' }] });
  });

  const issuer = (name) => ({ issuer: name, jwks_uri: jwksUri, audience: 'unchecked' });
  const trusting = (...names) => JSON.stringify({ issuers: names.map(issuer) });
  const token = (iss) => assemble({ alg: 'ES256', kid: KEY.kid }, { iss, sub: 'user_1', exp: epochSeconds() + 100_000 }, SIGN);
  const A = 'https://a.example';
  const B = 'https://b.example';

  async function start(context, record, options = {}) {
    const worker = await during(context)(startWorker({ config: REFERENCE, namespaces: [NAMESPACE], secrets: { EXPLAIN_KEY }, ...options }));
    const namespace = await worker.kv(NAMESPACE);
    const put = (text, key = 'assay') => namespace.put(key, text);
    if (record !== undefined) await put(record);
    const statusOf = async (iss) => (await worker.verify(token(iss))).status;
    const readyz = async () => answerOf(await worker.fetch('/readyz', { headers: { 'x-explain-key': EXPLAIN_KEY } }));
    let ahead = 0;
    /** Lets time pass in the isolate. */
    const pass = (seconds) => worker.clockIsAhead((ahead += seconds));
    /** Lets a minute pass, and waits until `probe` holds. The request of the first try makes the isolate read the record. */
    const afterAMinute = async (what, probe) => {
      await pass(61);
      await eventually(probe, what);
    };
    return { worker, namespace, put, statusOf, readyz, pass, afterAMinute };
  }

  test('is read at the first request, and a newer version is in force a minute later', async (context) => {
    const { worker, put, statusOf, readyz, afterAMinute } = await start(context, trusting(A));
    assert.equal(await statusOf(A), 200);
    assert.equal(await statusOf(B), 401);
    const { body } = await readyz();
    assert.equal(body.status, 'ready');
    const { version } = body.details.configuration;
    assert.equal(version.sha256, createHash('sha256').update(trusting(A)).digest('hex').slice(0, 32));
    const fetches = origin.count('/jwks');
    await put(trusting(A, B));
    assert.equal(await statusOf(B), 401);
    await afterAMinute('the newer version', async () => (await statusOf(B)) === 200);
    assert.equal(await statusOf(A), 200);
    assert.equal(origin.count('/jwks'), fetches, 'the key set is kept');
    assert.notEqual((await readyz()).body.details.configuration.version.sha256, version.sha256);
    const lines = worker.log().filter(({ event }) => event === 'config_in_force');
    assert.equal(lines.length, 2);
  });

  test('is read once by many requests at the start, and then not before a minute has passed', async (context) => {
    const { worker, statusOf, pass } = await start(context, trusting(A));
    const statuses = await Promise.all(Array.from({ length: 50 }, () => statusOf(A)));
    assert.deepEqual([...new Set(statuses)], [200]);
    assert.equal(await worker.kvGets(0, NAMESPACE), 1);
    await pass(50);
    for (let i = 0; i < 20; i += 1) await statusOf(A);
    assert.equal(await worker.kvGets(0, NAMESPACE), 1);
  });

  const faulty = {
    faults: JSON.stringify({ issuers: [{ issuer: A }], surplus: 1 }),
    'no JSON': '[[issuers]]',
    'deep nesting': `{"issuers":${'['.repeat(200_000)}`,
    'too many bytes': `${trusting(B)}${' '.repeat(4 * 1024 * 1024)}`,
    'a reference': JSON.stringify({ kv: NAMESPACE, key: 'other' }),
  };

  test('stays in force while a newer version cannot be used, and /readyz says why', async (context) => {
    const { worker, put, statusOf, readyz, afterAMinute } = await start(context, trusting(A));
    assert.equal(await statusOf(A), 200);
    for (const [what, text] of Object.entries(faulty)) {
      await put(text);
      await afterAMinute(what, async () => {
        assert.equal(await statusOf(A), 200, what);
        return (await readyz()).body.details.configuration.refused;
      });
      assert.equal(await statusOf(B), 401, what);
      const { status, body } = await readyz();
      assert.deepEqual([status, body.status], [200, 'degraded'], what);
      assert.ok(body.details.configuration.refused.faults.length > 0, what);
      assert.deepEqual((await answerOf(await worker.fetch('/readyz'))).body, { status: 'degraded' });
      await put(trusting(A));
      await afterAMinute('the correction', async () => {
        await statusOf(A);
        return (await readyz()).body.status === 'ready';
      });
    }
  });

  test('stays in force while KV is silent, and no request waits for KV', async (context) => {
    const { worker, statusOf, readyz, pass } = await start(context, trusting(A));
    assert.equal(await statusOf(A), 200);
    await worker.kvBehaves('silent');
    for (let minute = 0; minute < 3; minute += 1) {
      await pass(61);
      const begun = performance.now();
      for (let i = 0; i < 10; i += 1) assert.equal(await statusOf(A), 200);
      assert.ok(performance.now() - begun < 3000, 'a request has waited for KV');
    }
    await worker.logged(({ event, reason }) => event === 'config_unavailable' && /no answer within 5000 ms/.test(reason));
    await worker.kvBehaves('up');
    await pass(61);
    await statusOf(A);
    await eventually(async () => (await readyz()).body.status === 'ready', 'the end of the failure');
  });

  test('is 503 with Retry-After without a first answer, and is read as soon as KV answers', async (context) => {
    for (const kv of ['down', 'silent']) {
      const { worker, statusOf, pass } = await start(context, trusting(A), { kv });
      const { status, headers, body } = await worker.verify(token(A));
      assert.deepEqual([status, body.code], [503, 'store_unavailable'], kv);
      assert.ok(Number(headers.get('retry-after')) > 0);
      assert.equal((await worker.fetch('/healthz')).status, 200);
      await worker.kvBehaves('up');
      await pass(6);
      assert.equal(await statusOf(A), 200, kv);
    }
    const { worker } = await start(context, undefined);
    const { status, body } = await worker.verify(token(A));
    assert.deepEqual([status, body.code], [503, 'config_invalid']);
  });

  test('has a copy of the last good version, written by the cron trigger, for isolates that start while the record has faults', async (context) => {
    const { worker, namespace, put, pass } = await start(context, trusting(A), { isolates: 2 });
    assert.equal((await worker.verify(token(A))).status, 200);
    await pass(61);
    await worker.scheduled();
    assert.equal(await namespace.get('assay.last-good'), trusting(A));
    await put(faulty.faults);
    assert.equal((await worker.verify(token(A), { isolate: 1 })).status, 200);
    const { body } = await answerOf(await worker.fetch('/readyz', { isolate: 1, headers: { 'x-explain-key': EXPLAIN_KEY } }));
    assert.equal(body.status, 'degraded');
  });

  test('serves calls of other Workers too', async (context) => {
    const caller = `export default { fetch: async (request, { AUTH }) => Response.json(await AUTH.verify(await request.text())) }`;
    const { worker } = await start(context, trusting(A), { caller });
    const verdict = async (iss) => (await (await worker.caller('/', { method: 'POST', body: token(iss) })).json()).ok;
    assert.deepEqual([await verdict(A), await verdict(B)], [true, false]);
  });

  test('ten thousand issuers in KV and in code are served, with a bounded memory', async (context) => {
    const names = Array.from({ length: 10_000 }, (_, number) => `https://tenant-${number}.example.com`);
    const text = trusting(...names);
    assert.ok(text.length > 100 * VARIABLE_BYTES);
    const { worker, put, statusOf, afterAMinute } = await start(context, text);
    const begun = performance.now();
    assert.equal(await statusOf(names[9_999]), 200);
    const first = performance.now() - begun;
    assert.equal(await statusOf(A), 401);
    const megabytes = async () => (await worker.wasmBytes()) / 1024 / 1024;
    const once = await megabytes();
    // The former version is dropped, so a newer one takes no more memory again and again.
    for (let version = 0; version < 3; version += 1) {
      await put(trusting(...names, `https://version-${version}.example`));
      await afterAMinute('the newer version', async () => (await statusOf(`https://version-${version}.example`)) === 200);
    }
    const after = await megabytes();
    context.diagnostic(
      `${text.length} bytes: ${first.toFixed(0)} ms for the first request, ${once.toFixed(1)} MiB of wasm memory, ${after.toFixed(1)} MiB after three newer versions`,
    );
    assert.ok(after < 96, `${after} MiB`);
  });
});

suite('a configuration in code that is larger than a variable', () => {
  test('is served by createWorker, as an object and as a text module', async (context) => {
    await layOutPackage();
    const use = during(context);
    const origin = await use(createOrigin());
    const jwks_uri = origin.serve('/jwks', { keys: [{ ...KEY.publicJwk, alg: 'ES256' }] });
    const names = Array.from({ length: 500 }, (_, number) => `https://tenant-${number}.example.com`);
    const text = JSON.stringify({ issuers: names.map((issuer) => ({ issuer, jwks_uri, audience: 'unchecked' })) });
    assert.ok(text.length > 10 * VARIABLE_BYTES);
    for (const configuration of [text, JSON.stringify(text)]) {
      const source = `import { createWorker } from 'edge-assay';\nexport default createWorker(${configuration});\n`;
      const worker = await use(startWorker({ script: await bundled({ text: source }) }));
      for (const iss of [names[0], names[499]]) {
        const token = assemble({ alg: 'ES256', kid: KEY.kid }, { iss, sub: 'user_1', exp: epochSeconds() + 600 }, SIGN);
        assert.equal((await worker.verify(token)).status, 200);
      }
    }
  });
});
