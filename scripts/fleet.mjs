// npm run fleet [-- scenario…] [--small] [--tier without|cache|coordinator]… [--series FILE]: simulates ten thousand isolates in 300 data centres on the
// production code of the key cache, and prints a report for each scenario and tier, and a table. Without a name, every scenario runs; without a tier, each
// of them. That takes hours. With --small there are 300 isolates in 12 data centres, which takes minutes. FILE receives what happened in each second, as
// JSON lines. An unknown name prints the list. docs/operations/fleet.md explains the scenarios.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { onPinnedNode } from './lib/bootstrap.mjs';
import { run, visibly } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);

await run(() => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      small: { type: 'boolean', default: false },
      tier: { type: 'string', multiple: true, default: [] },
      series: { type: 'string' },
    },
  });
  const unknown = values.tier.filter((tier) => !['without', 'cache', 'coordinator'].includes(tier));
  if (unknown.length > 0) throw new Error(`there is no tier ${unknown.join(', ')}: use without, cache or coordinator`);
  const env = {
    FLEET_SCENARIOS: positionals.join(','),
    FLEET_TIERS: values.tier.join(','),
    ...(values.small && { FLEET_SMALL: '1' }),
    ...(values.series && { FLEET_SERIES: resolve(values.series) }),
    // A simulation of minutes is worth the compilation.
    ...(!values.small && { CARGO_PROFILE_TEST_OPT_LEVEL: '3' }),
  };
  const test = 'fleet::the_chosen_scenarios_are_reported';
  return visibly('cargo', ['test', '--locked', '--test', 'native', test, '--', '--ignored', '--nocapture'], { env });
});
