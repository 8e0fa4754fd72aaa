// The costs of a month are computed from the committed figures. UPDATE_DOCS=1 writes docs/operations/costs.md.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { COUNTS, PAGE as COSTS, PRICES, bill, filled as withCosts, priced } from '../../bench/fleet/costs.mjs';
import { RESULTS } from '../../bench/page.mjs';
import { rowOf } from '../../bench/rounds.mjs';
import { distinctTokens } from '../../bench/served.mjs';
import { at } from '../../scripts/lib/paths.mjs';

const read = (path) => readFileSync(at(path), 'utf8');

suite('the costs of a month', () => {
  test("are computed as in Cloudflare's own examples", () => {
    // 15 million requests of 7 ms; 100 million of them; an object with 1.5 million requests that is active for a million seconds.
    const requests = (count) => [priced(PRICES.requests, count), priced(PRICES.cpuMilliseconds, 7 * count)].map((amount) => amount.toFixed(2));
    assert.deepEqual(requests(15e6), ['1.50', '1.50']);
    assert.deepEqual(requests(100e6), ['27.00', '13.40']);
    assert.equal(priced(PRICES.objectGigabyteSeconds, 1e6 * COUNTS.objectGigabytes), 0);
    assert.equal(priced(PRICES.objectRequests, 1.5e6).toFixed(3), '0.075');
  });

  test('do not fall with the requests, and the tiers cost less than the requests', () => {
    const items = bill(100);
    for (const { name, amounts } of items)
      assert.deepEqual(
        amounts,
        amounts.toSorted((a, b) => a - b),
        name,
      );
    const [requests] = items;
    for (const { name, amounts } of items.slice(1)) assert.ok(amounts[2] <= requests.amounts[2], name);
  });

  test('are those on the page', () => {
    const { served } = JSON.parse(read(RESULTS));
    const cpuMicroseconds = 1e6 / rowOf(served, distinctTokens('RS256'), 'edge-assay').perSecond;
    const page = withCosts(read(COSTS), cpuMicroseconds);
    if (process.env.UPDATE_DOCS) writeFileSync(at(COSTS), page);
    assert.equal(read(COSTS), page, 'UPDATE_DOCS=1 writes the page');
    assert.match(page, new RegExp(`read on ${PRICES.read}`));
  });
});
