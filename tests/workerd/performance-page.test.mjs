// The pages show exactly the figures in docs/performance.json.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { chart } from '../../bench/chart.mjs';
import { CHART, PAGES, RESULTS, filled } from '../../bench/page.mjs';
import { at } from '../../scripts/lib/paths.mjs';

suite('the figures in the documents', () => {
  const read = (path) => readFileSync(at(path), 'utf8');
  const results = JSON.parse(read(RESULTS));

  for (const page of PAGES) {
    test(`${page} shows those of the run, in every section that is marked`, () => {
      const text = read(page);
      assert.match(text, /<!-- run: \w+ -->/);
      assert.equal(text, filled(text, results));
    });
  }

  test('the chart is drawn from them', () => assert.equal(read(CHART), chart(results)));
});
