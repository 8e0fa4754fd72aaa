// Faults in the real runtime: Workers KV, the provider and the coordinator are slow, wrong, truncated, or reset in mid-body. Each scenario has
// three isolates over one KV. No verdict may be wrong: a good token is never refused with 401, a bad one never accepted, and a 503 is given only
// while no key is known. Each states within how many seconds everything works again.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RIGHT, PROVIDER, TOKENS, pause, scene, unknown } from './support/scene.mjs';
import { changeRecord, recordKey, storedRecord } from './support/store.mjs';
import { eventually } from './support/worker.mjs';

const TIERS = { 'KV alone': false, 'KV and a coordinator': true };
const GOOD = ['up', 'slow within the time limit'];
/** The faults of a provider's answer; those of `hanging` and the like take the whole time limit of a fetch, one second here. */
const BAD = Object.keys(PROVIDER).filter((name) => !GOOD.includes(name));
// A provider that serves a set of other keys is up: it says that it has no such key.
const HELD = ['wrong: the set of somebody else', 'wrong: a page', 'cut at a place where it still is JSON', 'wrong: a 304 that nobody asked for'];
const ANSWERS = { 'wrong: the set of somebody else': 'key_not_found' };

for (const [tiers, coordinator] of Object.entries(TIERS)) {
  suite(`a provider that misbehaves, with ${tiers}`, () => {
    for (const fault of BAD) {
      test(`${fault}: while no key is known, and after the keys are known`, async (context) => {
        const { worker, verdict, verdicts, provider, recovery } = await scene(context, { coordinator, does: fault });
        const found = await verdicts();
        // On a busy machine an answer may come after the time limit, too.
        const said = [ANSWERS[fault] ?? 'jwks_invalid', 'jwks_unavailable'];
        for (const [kind, seen] of Object.entries(found)) {
          for (const verdict of seen) assert.ok(said.includes(verdict), `${kind}: ${verdict}`);
        }
        provider.does('up');
        // The coordinator holds a first failure for 2 s, and an answer for 20 s, whatever is in it. Without it, the backoff begins with 1 s.
        if (HELD.includes(fault)) await worker.coordinatorIsAheadIfAny(21);
        const seconds = await recovery(15);
        context.diagnostic(`recovered after ${seconds.toFixed(1)} s`);
        assert.deepEqual(await verdicts(), RIGHT);

        await worker.coordinatorIsAheadIfAny(90);
        provider.does(fault);
        const asked = Promise.all([0, 1, 2].map((isolate) => verdict(unknown(), isolate)));
        assert.deepEqual(await verdicts(), RIGHT, 'while it is asked');
        for (const answer of await asked) assert.ok([ANSWERS[fault] ?? 'jwks_unavailable', 'key_not_found'].includes(answer), answer);
        if (!ANSWERS[fault]) assert.deepEqual(await verdicts(), RIGHT, 'after it was asked');
        provider.does('up');
        await worker.coordinatorIsAheadIfAny(180);
        await recovery(15);
        assert.deepEqual(await verdicts(), RIGHT);
      });
    }

    test('slow within the time limit: requests wait for it, once', async (context) => {
      const { verdicts, provider } = await scene(context, {
        coordinator,
        does: 'slow within the time limit',
        config: { jwks: { fetch_timeout_ms: 3000 } },
      });
      const begun = performance.now();
      assert.deepEqual(await verdicts(), RIGHT);
      assert.ok(performance.now() - begun < 3000);
      provider.does('down');
      assert.deepEqual(await verdicts(), RIGHT);
    });
  });

  suite(`KV that misbehaves, with ${tiers}`, () => {
    const behave = (worker, behaviour) => Promise.all([0, 1, 2].map((isolate) => worker.kvBehaves(behaviour, isolate)));
    // The longest wait of a cold isolate. A KV that does not answer costs its time limit.
    const COLD_MS = { slow: 4000, truncated: 3000, reset: 3000, rubbish: 3000, down: 3000, silent: 4500 };

    for (const [behaviour, longest] of Object.entries(COLD_MS)) {
      test(`${behaviour}: cold isolates verify from the provider, warm ones from memory, and KV has the set within 5 s after it works again`, async (context) => {
        const { worker, verdict, verdicts, provider, jwks_uri } = await scene(context, { coordinator, kv: behaviour });
        const begun = performance.now();
        assert.deepEqual(await verdicts(), RIGHT);
        const took = performance.now() - begun;
        context.diagnostic(`cold: ${took.toFixed(0)} ms`);
        assert.ok(took < longest, `${took} ms`);
        provider.does('down');
        const again = performance.now();
        assert.deepEqual(await verdicts(), RIGHT, 'from memory');
        assert.ok(performance.now() - again < 500);
        provider.does('up');
        await behave(worker, 'up');
        await worker.coordinatorIsAheadIfAny(25);
        await pause(1100);
        await verdict(unknown());
        await eventually(() => storedRecord(worker, jwks_uri), 'the record in KV');
        assert.deepEqual(await verdicts(), RIGHT);
      });
    }

    test('has a record that was cut, or the record of another source: it is ignored, and replaced', async (context) => {
      const { worker, verdict, verdicts, jwks_uri } = await scene(context, { coordinator });
      assert.equal(await verdict(TOKENS.accepted()), 'accepted');
      const record = await eventually(() => storedRecord(worker, jwks_uri), 'the record');
      for (const wrong of [
        JSON.stringify(record).slice(0, 300),
        JSON.stringify({ ...record, issuer: 'https://other.example', source: 'https://other.example/jwks', source_uri: 'x' }),
      ]) {
        await changeRecord(worker, jwks_uri, () => wrong);
        assert.deepEqual(await verdicts([1]), RIGHT);
        await (await worker.kv()).put(recordKey(jwks_uri), JSON.stringify(record));
      }
      assert.deepEqual(await verdicts(), RIGHT);
    });
  });
}

suite('a coordinator that misbehaves under load', () => {
  for (const fault of ['throws', 'hangs', 'nonsense', 'truncated', 'slow', 'resets']) {
    test(`${fault}: cold isolates, then a rotation, then it works again`, async (context) => {
      const { worker, verdicts, provider } = await scene(context, { coordinator: true });
      await worker.coordinatorBehaves(fault);
      const begun = performance.now();
      assert.deepEqual(await verdicts(), RIGHT);
      const took = performance.now() - begun;
      context.diagnostic(`cold: ${took.toFixed(0)} ms, ${provider.requests()} fetches`);
      // A coordinator that says nothing costs a request 1.5 s at most, once a minute and isolate.
      assert.ok(took < 4000, `${took} ms`);
      assert.ok(provider.requests() <= 4, `${provider.requests()} fetches`);
      await worker.coordinatorBehaves('up');
      assert.deepEqual(await verdicts(), RIGHT);
    });
  }

  test('KV hangs, the coordinator hangs, and the provider is slow: good tokens are accepted all the same', async (context) => {
    const { worker, verdicts } = await scene(context, {
      coordinator: true,
      kv: 'silent',
      does: 'slow within the time limit',
      config: { jwks: { fetch_timeout_ms: 3000 } },
    });
    await worker.coordinatorBehaves('hangs');
    const begun = performance.now();
    assert.deepEqual(await verdicts(), RIGHT);
    const took = performance.now() - begun;
    context.diagnostic(`${took.toFixed(0)} ms`);
    assert.ok(took < 6000, `${took} ms`);
    assert.deepEqual(await verdicts(), RIGHT);
  });
});
