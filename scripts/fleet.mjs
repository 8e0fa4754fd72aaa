// npm run fleet [-- scenario…] [--small]: simulates ten thousand isolates in 300 data centres on the production code of the key cache, and prints a
// report for each scenario and one table. Without a name, every scenario runs, which takes tens of minutes. With --small there are 300 isolates in
// 12 data centres. An unknown name prints the list. docs/operations/fleet.md explains the scenarios.
import { parseArgs } from 'node:util';
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run, visibly } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);

await run(() => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { small: { type: 'boolean', default: false } } });
  const env = { FLEET_SCENARIOS: positionals.join(','), ...(values.small && { FLEET_SMALL: '1' }) };
  const test = 'fleet::the_chosen_scenarios_are_reported';
  return visibly('cargo', ['test', '--locked', '--test', 'native', test, '--', '--ignored', '--nocapture'], { env });
});
