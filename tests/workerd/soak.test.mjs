// The soak finds what it is for: wrong answers, memory that grows, latency that drifts, secrets in the log. `npm run soak` runs it without faults.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { parsed } from '../../bench/soak/client.mjs';
import { createLog } from '../../bench/soak/log.mjs';
import { judgement } from '../../bench/soak/figures.mjs';
import { PAGE, PICTURE, RESULTS, filled, picture } from '../../bench/soak/page.mjs';
import { soak } from '../../bench/soak/soak.mjs';
import { drift, growth, theilSen } from '../../bench/soak/trend.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { generator } from './support/oracle.mjs';

const MIB = 1024 * 1024;
const random = generator(20261128);
const noise = (size) => (random.next() - 0.5) * size;
const series = (value, count = 40) => Array.from({ length: count }, (_, x) => ({ x, y: value(x) }));

suite('the test for growth', () => {
  const LEAKS = {
    'a slow leak under noise of ten times its step': (x) => 100 + x + noise(10),
    'steps of the size of a page': (x) => 100 + Math.floor(x / 5) * 5,
    'a leak beside a heap that comes and goes': (x) => 100 + x + (x % 4) * 8,
  };
  const FLAT = {
    'nothing but noise': () => 100 + noise(30),
    'one high sample': (x) => (x === 20 ? 400 : 100) + noise(2),
    'one step within the allowed size': (x) => (x < 20 ? 100 : 110) + noise(2),
    'a heap that comes and goes': (x) => 100 + (x % 8) * 5,
    'memory that is given back': (x) => 200 - x,
    'a rise too small to matter': (x) => 100 + x / 10,
  };
  for (const [name, value] of Object.entries(LEAKS)) test(`finds ${name}`, () => assert.equal(growth(series(value), 12).grows, true));
  for (const [name, value] of Object.entries(FLAT)) test(`lets ${name} pass`, () => assert.equal(growth(series(value), 12).grows, false));

  test('its slope is that of a straight line, whatever a quarter of the samples is', () => {
    const { slope, low, high } = theilSen(series((x) => (x % 4 === 0 ? 1000 * random.next() : 3 * x)));
    assert.ok(Math.abs(slope - 3) < 0.1, String(slope));
    assert.ok(low <= 3 && high >= 3);
  });

  test('refuses to judge a few samples', () =>
    assert.throws(
      () =>
        growth(
          series((x) => x, 7),
          1,
        ),
      /too few/,
    ));
});

suite('the test for drift', () => {
  const allowed = { limit: 3, floor: 1 };
  const values = (value) => series(value, 50).map(({ y }) => y);
  test('finds a latency that rises to four times', () =>
    assert.ok(
      drift(
        values((x) => 2 + (x * 8) / 50 + noise(1)),
        allowed,
      ).drifts,
    ));
  test('lets a noisy one pass', () =>
    assert.ok(
      !drift(
        values(() => 2 + 3 * random.next()),
        allowed,
      ).drifts,
    ));
  test('lets a rise below the floor pass', () =>
    assert.ok(
      !drift(
        values((x) => 0.1 + x / 100),
        allowed,
      ).drifts,
    ));
  test('lets one slow window pass', () =>
    assert.ok(
      !drift(
        values((x) => (x === 45 ? 90 : 2)),
        allowed,
      ).drifts,
    ));
});

suite('the judgement', () => {
  const window = (second, changes) => ({
    second,
    p50: 1,
    p99: 5,
    contention: 1,
    cpuMicroseconds: 400,
    rss: 100 * MIB,
    wasm: 10 * MIB,
    perSecond: 100,
    statuses: {},
    ...changes,
  });
  const failed = (changes) =>
    judgement(series((x) => x, 60).map(({ x }) => window(x * 5, changes(x))))
      .filter((finding) => finding.failed)
      .map(({ name }) => name);
  test('of a run like any other is no failure', () =>
    assert.deepEqual(
      failed(() => ({})),
      [],
    ));
  test('ignores the warm-up', () =>
    assert.deepEqual(
      failed((x) => ({ wasm: Math.min(x, 20) * MIB, rss: Math.min(x, 20) * 4 * MIB })),
      [],
    ));
  test('names what grows', () =>
    assert.deepEqual(
      failed((x) => ({ wasm: (10 + x / 10) * MIB })),
      ['wasm'],
    ));
  test('does not take a machine that becomes busy for a drift', () => {
    const busy = (x) => (x > 40 ? 16 : 1);
    assert.deepEqual(
      failed((x) => ({ p50: 2 * busy(x), p99: 20 * busy(x), contention: busy(x) })),
      [],
    );
  });
  test('does not take one that becomes free for a drift', () => {
    const busy = (x) => (x < 20 ? 900 : 4);
    assert.deepEqual(
      failed((x) => ({ p50: busy(x) / 4 + 8, p99: busy(x) / 2 + 80, contention: busy(x) })),
      [],
    );
  });
  test('names what drifts', () =>
    assert.deepEqual(
      failed((x) => ({ cpuMicroseconds: 400 + 20 * x })),
      ['cpuMicroseconds'],
    ));
});

test('an answer is complete with its length or its last chunk, and not before', () => {
  const whole = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nÃ¼ber';
  assert.deepEqual([parsed(whole)?.status, parsed(whole)?.body], [401, 'über']);
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
  assert.equal(parsed(chunked)?.body, 'abcde');
  for (const text of [whole, chunked]) assert.equal(parsed(text.slice(0, -1)), undefined);
});

suite('the reader of the log', () => {
  const failures = (...members) => {
    const log = createLog();
    for (const member of members) log.line(JSON.stringify({ event: 'token_issued', ...member }));
    return log.failures();
  };
  const base64url = (text) => Buffer.from(text).toString('base64url');
  test('takes no random identifier for a token', () => {
    assert.deepEqual(failures({ jti: 'DeyJM_fb3H8pnKYl1AtJXk' }), []);
    const identifier = (_, length) => 'eyJ' + base64url(Uint8Array.from({ length }, () => random.next() * 256));
    const identifiers = Array.from({ length: 1000 }, (_, x) => ({ jti: identifier(x, 13) }));
    assert.deepEqual(failures(...identifiers), []);
  });
  const header = base64url('{"alg":"RS256","kid":"1"}');
  const claims = base64url('{"sub":"Zoë"}');
  for (const [what, detail] of Object.entries({
    'a token': `${header}.${claims}.c2ln`,
    'the beginning of one': header.slice(0, 12),
    'one in a header of a request': `Bearer ${header}.${claims}`,
    'its claims alone': `x.${claims}`,
    'one behind an identifier': `DeyJM_fb3H8pnKYl1AtJXk ${header}`,
  })) {
    test(`finds ${what}`, () => assert.deepEqual(failures({ detail }), ['the log contains a token, in a line of the event token_issued']));
  }
});

test('deliberate faults of the Worker are found, each by its name', async (context) => {
  const { failures, totals } = await soak({
    seconds: 15,
    windowSeconds: 0.5,
    periodSeconds: 6,
    connections: 8,
    seed: 1,
    faults: 'leak wasm-leak verdict drift secrecy',
  });
  context.diagnostic(`${totals.answers} answers; ${failures.join('\n')}`);
  for (const expected of [
    /^WebAssembly memory: /,
    /^memory of the workerd process: /,
    /^wrong answer at /,
    /^CPU time per request: /,
    /^the log contains a token/,
  ]) {
    assert.ok(
      failures.some((failure) => expected.test(failure)),
      `${expected} is not among:\n${failures.join('\n')}`,
    );
  }
});

suite('the page about the soak', () => {
  const results = JSON.parse(readFileSync(at(RESULTS), 'utf8'));
  test('shows the figures of the run', () => {
    const page = readFileSync(at(PAGE), 'utf8');
    assert.match(page, /<!-- soak: \w+ -->/);
    assert.equal(page, filled(page, results));
  });
  test('has the picture of it', () => assert.equal(readFileSync(at(PICTURE), 'utf8'), picture(results)));
  test('is of a run without failures', () => assert.deepEqual(results.failures, []));
});
