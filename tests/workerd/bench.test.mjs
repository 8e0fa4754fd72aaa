// How the benchmark turns what it measured into medians, ratios and the lines of the goals.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { suite, test } from 'node:test';
import { bench } from '../../bench/bench.mjs';
import { cost } from '../../bench/cost.mjs';
import { goals, isReached } from '../../bench/goals.mjs';
import { getRequest, load } from '../../bench/load.mjs';
import { filled } from '../../bench/page.mjs';
import { inRounds, ratioOfRows, rowOf } from '../../bench/rounds.mjs';
import { filledSections } from '../../bench/sections.mjs';
import { GATEWAY, HELLO, SERVED_ALGORITHMS, distinctTokens, oneToken } from '../../bench/served.mjs';

/** A row as the rounds return it, with the same CPU time in each of three rounds. */
const row = (name, target, microseconds, perSecond = 1000) => ({
  name,
  target,
  microseconds,
  perSecond,
  p50: 1,
  p99: 2,
  each: [1, 1, 1].map((one) => one * microseconds),
});
const pair = (name, own, other) => [row(name, 'edge-assay', own), row(name, 'hono-jose', other, 500)];
const line = (results, what) => goals(results).find((goal) => goal.what === what);

test('the benchmark refuses two choices of what is measured, and starts nothing', async () => {
  for (const args of [
    ['--write', '--only', 'native'],
    ['--all', '--rpc'],
    ['--engines', '--native'],
    ['--against', 'build', '--axum'],
  ]) {
    await assert.rejects(bench(args), /npm run bench -- /);
  }
});

suite('the rounds of the benchmark', () => {
  test('measure the cases in alternating order, and keep the median of each figure and the CPU time of each round', async () => {
    const seen = [];
    const figures = { a: [4, 1, 3], b: [40, 20, 60] };
    const rows = await inRounds(
      3,
      [
        { name: 'x', target: 'a' },
        { name: 'x', target: 'b' },
      ],
      async ({ target }) => {
        seen.push(target);
        return { microseconds: figures[target].shift(), perSecond: 7 };
      },
    );
    assert.equal(seen.join(''), 'abbaab');
    assert.deepEqual(rowOf(rows, 'x', 'a'), { name: 'x', target: 'a', microseconds: 3, perSecond: 7, each: [4, 1, 3] });
    // 10, 20 and 20 times: load that lasts for a round affects both cases.
    assert.deepEqual(ratioOfRows(rowOf(rows, 'x', 'b'), rowOf(rows, 'x', 'a')), { median: 20, quartiles: [10, 20] });
  });

  test('have no ratio for a case that was not measured', () => assert.equal(ratioOfRows(row('x', 'a', 1), undefined), undefined));
});

suite('the load of the benchmark', () => {
  test('continues where the last one to the same Worker ended, so that distinct tokens stay distinct', async (context) => {
    const asked = [];
    const serve = async (name) => {
      const server = createServer((request, response) => {
        asked.push(`${name}${request.url}`);
        response.setHeader('content-length', 0).end();
      });
      context.after(() => server.close());
      await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
      return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
    };
    const ports = [await serve('a'), await serve('b')];
    const requests = ['/0', '/1', '/2'].map((path) => getRequest(path));
    const once = (port, count) => load(port, requests, { connections: 1, seconds: 5, warmUpSeconds: 0, count });
    for (const count of [2, 2]) for (const port of ports) assert.equal((await once(port, count)).answers, count);
    assert.deepEqual(asked, ['a/0', 'a/1', 'b/0', 'b/1', 'a/2', 'a/0', 'b/2', 'b/0']);
  });
});

suite('the goals of the benchmark', () => {
  const served = [...pair(oneToken('RS256'), 100, 180), ...pair(oneToken('HS256'), 100, 179), row(HELLO, 'hello', 75)];

  test('are judged by the CPU time, and say requests per second beside it', () => {
    const reached = line({ served, failed: {} }, '`/verify`, RS256, one token');
    assert.deepEqual([reached.value, reached.quartiles, reached.perSecond, isReached(reached)], [1.8, [1.8, 1.8], 2, true]);
    assert.equal(isReached(line({ served, failed: {} }, '`/verify`, HS256, one token')), false);
    assert.equal(line({ served, failed: {} }, 'RS256, one token, against a bare Worker').value, 0.75);
  });

  test('with an upper bound are reached below it', () => {
    const growth = [row('1', 'issuers', 100), row('10,000', 'issuers', 105), row('1', 'keys', 100), row('100', 'keys', 106)];
    assert.equal(isReached(line({ growth, failed: {} }, '10,000 issuers, time against one')), true);
    assert.equal(isReached(line({ growth, failed: {} }, '100 keys in the set, time against one')), false);
  });

  test('have a line for every algorithm, and say whether a part failed, was not measured, or its Worker was not built', () => {
    for (const name of SERVED_ALGORITHMS)
      for (const tokens of [oneToken, distinctTokens]) assert.equal(line({ failed: {} }, `\`/verify\`, ${tokens(name)}`).missing, 'not measured');
    assert.equal(line({ failed: { exchange: 'no' } }, 'exchange, signed with ES256').missing, 'failed');
    assert.equal(isReached(line({ failed: {} }, 'exchange, signed with ES256')), undefined);
    assert.equal(line({ failed: {}, startUp: [row('start-up', 'hello', 1)] }, 'slim build').missing, 'not built');
    assert.equal(line({ failed: {}, slim: { gzipped: 250_000 } }, 'slim build').value, 250);
  });
});

suite('the pages of the benchmark', () => {
  const marked = (name) => `<!-- run: ${name} -->\nold\n<!-- end -->`;

  test('say that a part failed, and leave what an older run does not have', () => {
    assert.equal(
      filled(marked('memory'), { failed: { memory: 'no' } }),
      marked('memory').replace('old', 'Not measured: this part of the run failed.'),
    );
    for (const name of ['goals', 'cpu', 'memory', 'exchange', 'issuers', 'native']) assert.equal(filled(marked(name), {}), marked(name), name);
  });

  test('say what each part of a repeated request costs, as the differences between Workers', () => {
    const bounds = Object.entries({ hello: 100, reads: 110, answers: 130, 'edge-assay': 200 }).map(([target, time]) =>
      row(oneToken('RS256'), target, time),
    );
    const text = filled(marked('bounds'), { bounds, failed: {} }).replaceAll(/ +/g, ' ');
    for (const part of [
      'nothing | 100 | 50 %',
      'method | 10 | 5 %',
      'two headers | 20 | 10 %',
      'between them | 70 | 35 %',
      'the whole | 200 | 100 %',
    ])
      assert.ok(text.includes(`${part} |`), part);
  });

  test('have figures within a line too', () => {
    const page = '| <!-- run: x -->17<!-- end --> | <!-- run: x -->18<!-- end --> |';
    assert.equal(filledSections(page, 'run', { x: () => '19' }, {}), page.replaceAll(/1[78]/g, '19'));
  });

  test('compare a bare Worker with requests that nothing is forwarded for', () => {
    const rows = [...pair(oneToken('RS256'), 100, 180), ...pair(GATEWAY + oneToken('RS256'), 400, 420), row(HELLO, 'hello', 75)];
    const text = cost(rows).replaceAll(/ +/g, ' ');
    assert.match(text, /\| RS256, one token \| 100 \| 180 \| 1\.80 \(1\.80 to 1\.80\) \| 0\.75 \(0\.75 to 0\.75\) \|/);
    assert.match(text, /\| gateway, RS256, one token \| 400 \| 420 \| 1\.05 \(1\.05 to 1\.05\) \| \|/);
    assert.match(text, /A bare JavaScript Worker: 75 µs\./);
  });
});
