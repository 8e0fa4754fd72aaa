// Faults in the real runtime, continued: clients that hang up at each stage, traps of the WebAssembly, and a configuration or a secret that changes
// under load. The runtime ends the work of a request whose client has gone; no other request may wait for it, and nothing may be lost.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ISSUER, RIGHT, TOKENS, hangingUp, pause, scene, unknown } from './support/scene.mjs';
import { storedRecord } from './support/store.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { eventually } from './support/worker.mjs';

const TIERS = { 'KV alone': false, 'KV and a coordinator': true };

const timed = async (act) => {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
};

for (const [tiers, coordinator] of Object.entries(TIERS)) {
  suite(`clients that hang up, with ${tiers}`, () => {
    // The lease of a read of KV is three seconds, that of a fetch the time limit (one second here) and two, or four with a coordinator.
    const within = coordinator ? 6500 : 4500;

    test('before the fetch, while KV is read: the next request reads it', async (context) => {
      const { worker, verdicts } = await scene(context, { coordinator, kv: 'slow' });
      await hangingUp(worker.urls[0], TOKENS.accepted(), 100);
      const took = await timed(async () => assert.deepEqual(await verdicts(), RIGHT));
      context.diagnostic(`${took.toFixed(0)} ms`);
      assert.ok(took < within, `${took} ms`);
    });

    for (const [stage, fault] of [
      ['during the fetch', 'hanging'],
      ['during the body', 'stalled in mid-body'],
    ]) {
      test(`${stage}: the next request fetches, or gets the answer of the fetch that goes on`, async (context) => {
        const { worker, verdicts, provider } = await scene(context, { coordinator, does: fault });
        const gone = hangingUp(worker.urls[0], TOKENS.accepted(), 300);
        await eventually(() => provider.requests() > 0, 'the fetch');
        await gone;
        provider.does('up');
        const took = await timed(async () => {
          for (;;) {
            const found = await verdicts();
            if (JSON.stringify(found) === JSON.stringify(RIGHT)) return;
            // The coordinator's own fetch is still waiting for the provider, until its time limit.
            for (const seen of Object.values(found)) for (const one of seen) assert.ok(one === 'jwks_unavailable' || one in TOKENS, one);
            if (!coordinator) assert.deepEqual(found, RIGHT);
          }
        });
        context.diagnostic(`${took.toFixed(0)} ms`);
        assert.ok(took < within, `${took} ms`);
      });
    }

    test('as soon as the answer arrives, while KV is written: the set is in KV all the same', async (context) => {
      const { worker, verdicts, jwks_uri } = await scene(context, { coordinator, kv: 'slow' });
      await hangingUp(worker.urls[0], TOKENS.accepted(), 'answered');
      await eventually(() => storedRecord(worker, jwks_uri), 'the record in KV', 5000);
      assert.deepEqual(await verdicts(), RIGHT);
    });

    test('after the answer, while KV hangs: the next request of the isolate writes what is left', async (context) => {
      const { worker, verdict, verdicts, jwks_uri } = await scene(context, { coordinator, kv: 'silent' });
      await hangingUp(worker.urls[0], TOKENS.accepted(), 'answered');
      await pause(200);
      await worker.kvBehaves('up');
      await pause(2500);
      assert.equal(await verdict(TOKENS.accepted()), 'accepted');
      await pause(1100);
      // Whoever gets an answer of the coordinator first writes it. It gave this one away, so the next one is written, after 20 s.
      await worker.coordinatorIsAheadIfAny(21);
      await verdict(unknown());
      await eventually(() => storedRecord(worker, jwks_uri), 'the record in KV', 5000);
      for (const isolate of [1, 2]) await worker.kvBehaves('up', isolate);
      assert.deepEqual(await verdicts(), RIGHT);
    });

    test('three hundred at random moments of an outage and a recovery: no request after them waits or is lost', async (context) => {
      const { worker, verdicts, provider, recovery } = await scene(context, { coordinator, does: 'hanging' });
      const moments = Array.from({ length: 300 }, (_, index) => (index * 37) % 900);
      const gone = Promise.all(
        moments.map((milliseconds, index) => hangingUp(worker.urls[index % 3], index % 5 ? TOKENS.accepted() : unknown(), milliseconds)),
      );
      await pause(500);
      provider.does('slow within the time limit');
      await gone;
      provider.does('up');
      const seconds = await recovery(10);
      context.diagnostic(`recovered after ${seconds.toFixed(1)} s, ${provider.requests()} fetches`);
      assert.deepEqual(await verdicts(), RIGHT);
      assert.ok(provider.requests() <= 12, `${provider.requests()} fetches`);
    });
  });
}

suite('traps', () => {
  test('of the WebAssembly under load: the isolate is replaced, and the others do not notice', async (context) => {
    const { worker, verdict, verdicts, provider, jwks_uri, recovery } = await scene(context);
    assert.deepEqual(await verdicts(), RIGHT);
    await eventually(() => storedRecord(worker, jwks_uri), 'the record in KV');
    const fetches = provider.requests();
    const load = (isolate, count) =>
      Promise.all(Array.from({ length: count }, () => verdict(TOKENS.accepted(), isolate).catch((error) => String(error.message))));
    await worker.clockIs('broken');
    const broken = await worker.fetch('/verify', { headers: { authorization: `Bearer ${TOKENS.accepted()}` } });
    assert.equal(broken.status, 500);
    await worker.clockIs('right');
    const [here, there] = await Promise.all([load(0, 20), load(1, 20)]);
    assert.deepEqual([...new Set(there)], ['accepted']);
    assert.deepEqual([...new Set(here)], ['accepted']);
    await worker.logged(({ event }) => event === 'instance_replaced');
    assert.ok((await recovery(2)) < 2);
    // The set is in KV, so the new instance fetches nothing.
    assert.equal(provider.requests(), fetches);
    assert.deepEqual(await verdicts(), RIGHT);
  });

  test('while requests wait for a fetch: those end, and the next ones are answered within 5 s', async (context) => {
    const { worker, verdict, verdicts, recovery } = await scene(context, { does: 'slow within the time limit', kv: 'down' });
    const waiting = Array.from({ length: 10 }, () =>
      verdict(TOKENS.accepted()).then(
        (found) => found,
        () => 'ended',
      ),
    );
    await pause(200);
    await worker.panics();
    const after = verdict(TOKENS.accepted());
    const ended = await Promise.race([Promise.all(waiting), pause(8000).then(() => ['never ended'])]);
    for (const one of ended) assert.ok(['accepted', 'ended', undefined].includes(one), one);
    assert.equal(await after, 'accepted');
    context.diagnostic(`recovered after ${(await recovery(5)).toFixed(1)} s`);
    assert.deepEqual(await verdicts(), RIGHT);
  });

  test("of the coordinator's WebAssembly while it fetches: the isolates get their keys within 5 s", async (context) => {
    const { worker, verdict, verdicts, provider } = await scene(context, { coordinator: true, does: 'slow within the time limit' });
    const first = verdict(TOKENS.accepted());
    await eventually(() => provider.requests() > 0, 'the fetch');
    await worker.coordinatorRestarts();
    const took = await timed(async () => assert.deepEqual(await verdicts([1, 2]), RIGHT));
    context.diagnostic(`${took.toFixed(0)} ms`);
    assert.ok(took < 5000);
    assert.ok(['accepted', 'jwks_unavailable'].includes(await first));
    assert.deepEqual(await verdicts(), RIGHT);
  });
});

suite('under load, a change', () => {
  const SECRETS = ['a secret that is as long as the hash that it is used with', 'another secret, also as long as the hash it is used with'];
  const withSecret = (secret) =>
    assemble({ alg: 'HS256' }, { iss: 'https://secret.example', exp: epochSeconds() + 600, n: Math.random() }, signer('HS256', Buffer.from(secret)));
  const other = { issuer: 'https://secret.example', audience: 'unchecked', algorithms: ['HS256'], secrets: [{ binding: 'KEY' }] };

  /** Asks without a pause, and records each verdict with the time at which its request began and ended. */
  function asking(verdict, token) {
    const seen = [];
    let stopped = false;
    const run = async () => {
      while (!stopped) {
        const begun = performance.now();
        const found = await verdict(token());
        seen.push({ begun, ended: performance.now(), found });
      }
    };
    const runs = Promise.all([run(), run(), run(), run()]);
    const stop = async () => {
      stopped = true;
      await runs;
      return seen;
    };
    return stop;
  }

  /** The verdicts of the requests that ended before, that began after, and that were under way. */
  const parts = (seen, from, to) => ({
    before: [...new Set(seen.filter(({ ended }) => ended < from).map(({ found }) => found))],
    after: [...new Set(seen.filter(({ begun }) => begun > to).map(({ found }) => found))],
    meanwhile: [...new Set(seen.filter(({ begun, ended }) => ended >= from && begun <= to).map(({ found }) => found))],
  });

  async function changing(context, { bindings, tokens, settings = {} }) {
    const { worker, verdict, provider, jwks_uri } = await scene(context, { isolates: 1, secrets: { KEY: SECRETS[0] }, ...settings });
    const issuers = [{ issuer: ISSUER, jwks_uri, audience: 'unchecked' }, other];
    await worker.bind({ ASSAY: { issuers } });
    for (const token of Object.values(tokens)) await verdict(token());
    const stops = Object.entries(tokens).map(([name, token]) => ({ name, stop: asking(verdict, token) }));
    await pause(300);
    const fetches = provider.requests();
    const from = performance.now();
    await worker.bind(bindings({ issuers }));
    const to = performance.now();
    await pause(500);
    const found = {};
    for (const { name, stop } of stops) found[name] = parts(await stop(), from, to);
    return { found, fetched: provider.requests() - fetches, verdict, worker, issuers };
  }
  const only = (...all) => all;
  const within = (seen, allowed) => seen.forEach((one) => assert.ok(allowed.includes(one), one));

  test('of a secret takes effect with the next request: the old one is good before, the new one after', async (context) => {
    const { found } = await changing(context, {
      bindings: ({ issuers }) => ({ ASSAY: { issuers }, KEY: SECRETS[1] }),
      tokens: { old: () => withSecret(SECRETS[0]), new: () => withSecret(SECRETS[1]), keys: TOKENS.accepted },
    });
    assert.deepEqual([found.old.before, found.old.after], [only('accepted'), only('signature_invalid')]);
    assert.deepEqual([found.new.before, found.new.after], [only('signature_invalid'), only('accepted')]);
    within([...found.old.meanwhile, ...found.new.meanwhile], ['accepted', 'signature_invalid']);
    assert.deepEqual(found.keys, { before: only('accepted'), meanwhile: only('accepted'), after: only('accepted') });
  });

  test('that removes an issuer refuses its tokens from the next request on, and costs the other no fetch and no refusal', async (context) => {
    const { found, fetched } = await changing(context, {
      bindings: ({ issuers }) => ({ ASSAY: { issuers: issuers.slice(0, 1) } }),
      tokens: { removed: () => withSecret(SECRETS[0]), kept: TOKENS.accepted },
    });
    assert.deepEqual([found.removed.before, found.removed.after], [only('accepted'), only('issuer_unknown')]);
    assert.deepEqual(found.kept, { before: only('accepted'), meanwhile: only('accepted'), after: only('accepted') });
    assert.equal(fetched, 0);
  });

  test('that distrusts a key refuses it from the next request on, remembered signatures included', async (context) => {
    const token = TOKENS.accepted();
    const { found, fetched } = await changing(context, {
      bindings: ({ issuers }) => ({ ASSAY: { issuers: [{ ...issuers[0], distrusted_keys: [testKey('ed25519').kid] }, issuers[1]] } }),
      tokens: { same: () => token, others: TOKENS.accepted },
    });
    for (const seen of [found.same, found.others]) assert.deepEqual([seen.before, seen.after], [only('accepted'), only('key_distrusted')]);
    assert.equal(fetched, 0);
  });

  test('to a configuration with a fault gives 503 and no 401, and the way back needs no fetch', async (context) => {
    const { found, verdict, worker, issuers } = await changing(context, {
      bindings: () => ({ ASSAY: { issuers: [{ issuer: 'not a URL' }] } }),
      tokens: { good: TOKENS.accepted, bad: TOKENS.signature_invalid },
    });
    assert.deepEqual([found.good.before, found.good.after], [only('accepted'), only('config_invalid')]);
    assert.deepEqual([found.bad.before, found.bad.after], [only('signature_invalid'), only('config_invalid')]);
    await worker.bind({ ASSAY: { issuers } });
    assert.equal(await verdict(TOKENS.accepted()), 'accepted');
    assert.equal(await verdict(TOKENS.signature_invalid()), 'signature_invalid');
  });

  test('while requests wait for the provider: each gets the verdict of the configuration that it began with', async (context) => {
    const { worker, verdict, jwks_uri } = await scene(context, { isolates: 1, does: 'slow within the time limit' });
    const waiting = Array.from({ length: 5 }, () => verdict(TOKENS.accepted()));
    await pause(200);
    await worker.bind({ ASSAY: { issuers: [{ issuer: ISSUER, jwks_uri, audience: { any_of: ['another'] } }] } });
    assert.deepEqual([...new Set(await Promise.all(waiting))], ['accepted']);
    assert.equal(await verdict(TOKENS.accepted()), 'audience_missing');
  });
});
