// npm run mutants -- kernels [text]: changes the kernels in one place at a time, and expects their tests to fail. With a text, only the changes
// whose name or file contains it. lib/kernel-mutants.mjs lists them.
//
// npm run mutants -- fast-paths [text]: the same for the fast paths, with the native tests of them. lib/fast-path-mutants.mjs lists the changes.
//
// npm run mutants -- <area>: changes the root crate in one place at a time, and expects its tests to fail. lib/crate-mutants.mjs has the areas.
//   --shard K/N      every N-th mutant from K on; K counts from 0
//   --sample N       N mutants, chosen by the hash of the commit, or of the text after --seed
//   --one-by-one     only the mutants that need a build of their own, as an earlier run without this option found them
//   --fast           without the slowest tests, and without the mutants whose survival is explained
//   --at-least P     survivors without a reason are permitted as long as P per cent are caught or explained
//   --fresh          tries again what an earlier run has an outcome for
import { parseArgs } from 'node:util';
import { onPinnedNode } from './lib/bootstrap.mjs';
import { crateMutants } from './lib/crate-mutants.mjs';
import { fastPathMutants } from './lib/mutate-fast-paths.mjs';
import { kernelMutants } from './lib/mutate-kernels.mjs';
import { Failure, run } from './lib/steps.mjs';

const USAGE =
  '✗ npm run mutants -- kernels [text], fast-paths [text], or <area> [--shard K/N] [--sample N [--seed text]] [--one-by-one] [--fast] [--at-least P] [--fresh]';
/** @type {{ type: 'string' }} */
const text = { type: 'string' };
/** @type {{ type: 'boolean', default: false }} */
const flag = { type: 'boolean', default: false };

await onPinnedNode(import.meta.url);

await run(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { shard: text, sample: text, seed: text, 'one-by-one': flag, fast: flag, 'at-least': text, fresh: flag },
  });
  if (positionals[0] === 'kernels') return kernelMutants(positionals[1] ?? '');
  if (positionals[0] === 'fast-paths') return fastPathMutants(positionals[1] ?? '');
  const [index, count] = (values.shard ?? '0/1').split('/').map(Number);
  const [sample, atLeast] = [values.sample, values['at-least']].map((value) => (value === undefined ? undefined : Number(value)));
  const wrong = [sample, atLeast].some((value) => value !== undefined && !(value > 0));
  if (positionals.length !== 1 || !(index >= 0 && index < count) || wrong) throw new Failure(USAGE);
  const { seed, fast, fresh, 'one-by-one': alone } = values;
  return crateMutants(positionals[0], { shard: { index, count }, sample, seed, alone, fast, atLeast, fresh });
});
