// The pictures of the fleet and the costs of a month are made from the figures that are committed. UPDATE_DOCS=1 writes docs/operations/costs.md.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { COUNTS, PAGE as COSTS, PRICES, bill, filled as withCosts, priced } from '../../bench/fleet/costs.mjs';
import { PAGE, SERIES, filled, picture, pictureOf, scenariosIn } from '../../bench/fleet/pictures.mjs';
import { RESULTS, timeOf } from '../../bench/page.mjs';
import { rowOf } from '../../bench/rounds.mjs';
import { distinctTokens } from '../../bench/served.mjs';
import { at } from '../../scripts/lib/paths.mjs';

const read = (path) => readFileSync(at(path), 'utf8');

suite('the pictures of the fleet', () => {
  const second = (at, fetches, wrong, tier = 'without') => ({ scenario: 'flood', tier, second: at, fetches, wrong });
  const head = (tier = 'without') => ({ scenario: 'flood', tier, about: 'a flood', duration: 720, isolates: 300, data_centres: 12 });
  const text = (...lines) => lines.map((line) => JSON.stringify(line)).join('\n');

  test('lose no peak and no wrong answer', () => {
    const { flood } = scenariosIn(text(head(), second(0, 3, 0), second(2, 90, 8), second(719, 7, 4)));
    const { fetches, wrong, sum, most, wrongs } = flood.tiers.without;
    assert.equal(flood.width, 4);
    assert.deepEqual([fetches.length, fetches[0], fetches.at(-1)], [180, 90, 7]);
    assert.deepEqual([wrong[0], wrong.at(-1)], [2, 1]);
    assert.deepEqual([sum, most, wrongs], [100, 90, 12]);
  });

  test('show the last run of a scenario that was run twice', () => {
    const { flood } = scenariosIn(text(head(), second(1, 5, 5), head(), second(9, 1, 0)));
    assert.deepEqual([flood.tiers.without.sum, flood.tiers.without.wrongs], [1, 0]);
  });

  test('have a panel for each tier that was run, in the order of the page, and say in words what they show', () => {
    const lines = [head('coordinator'), second(1, 2, 0, 'coordinator'), head(), second(1, 1000, 5)];
    const svg = picture('flood', scenariosIn(text(...lines)).flood);
    const [first, last] = ['KV alone', 'with the coordinator'].map((title) => svg.indexOf(`>${title}<`));
    assert.ok(first > 0 && last > first);
    assert.match(svg, /aria-label="flood, a flood: KV alone, 1,000 fetches, at most 1,000 in a second, and 5 wrong answers; /);
  });

  test('are refused for a tier that nobody knows, and for seconds of an unknown run', () => {
    assert.throws(() => scenariosIn(text(second(1, 1, 1, 'magic'))), /no tier "magic"/);
    assert.throws(() => scenariosIn(text(second(1, 1, 1))), /does not begin with the line that says what it is/);
  });

  test('and their page are drawn from the committed series', () => {
    const scenarios = JSON.parse(read(SERIES));
    assert.equal(read(PAGE), filled(read(PAGE), scenarios));
    for (const [name, scenario] of Object.entries(scenarios)) assert.equal(read(pictureOf(name)), picture(name, scenario), name);
  });
});

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
    const cpuMicroseconds = timeOf(rowOf(served, distinctTokens('RS256'), 'edge-assay'));
    const page = withCosts(read(COSTS), cpuMicroseconds);
    if (process.env.UPDATE_DOCS) writeFileSync(at(COSTS), page);
    assert.equal(read(COSTS), page, 'UPDATE_DOCS=1 writes the page');
    assert.match(page, new RegExp(`read on ${PRICES.read}`));
  });
});
