// npm run mutants -- kernels [text]: changes the kernels in one place at a time, and expects their tests to fail. With a text, only the changes
// whose name or file contains it. lib/kernel-mutants.mjs lists them.
//
// npm run mutants -- <area> [--shard K/N] [--together] [--at-least P]: changes the root crate in one place at a time, and expects its tests to fail.
// lib/crate-mutants.mjs has the areas. With --shard, every N-th mutant from K on (K counts from 0). With --together, only the mutants that
// fit into one build. With --at-least, survivors without a reason are permitted as long as P per cent are caught or explained.
import { parseArgs } from 'node:util';
import { onPinnedNode } from './lib/bootstrap.mjs';
import { crateMutants } from './lib/crate-mutants.mjs';
import { kernelMutants } from './lib/mutate-kernels.mjs';
import { Failure, run } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);

await run(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { shard: { type: 'string' }, together: { type: 'boolean', default: false }, 'at-least': { type: 'string' } } });
  if (positionals[0] === 'kernels') return kernelMutants(positionals[1] ?? '');
  const [index, count] = (values.shard ?? '0/1').split('/').map(Number);
  if (positionals.length !== 1 || !(index >= 0 && index < count)) throw new Failure('✗ npm run mutants -- kernels [text], or <area> [--shard K/N] [--together] [--at-least P]');
  return crateMutants(positionals[0], { shard: { index, count }, separately: !values.together, atLeast: values['at-least'] && Number(values['at-least']) });
});
