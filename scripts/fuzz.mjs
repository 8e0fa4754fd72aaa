// npm run fuzz: looks for inputs that break a property of fuzz/src/targets, with libFuzzer and the installed stable Rust. It
// also needs a C++ compiler. docs/fuzzing.md describes the targets.
//
//   npm run fuzz                               every target for 60 s, as many at the same time as there are processors
//   npm run fuzz -- --seconds 4800 [target…]   this time for each target; 12 targets take a night on two processors
//   npm run fuzz -- --at-once 1 [target…]      one after the other, beside something else that needs a processor
//   npm run fuzz -- --minimise [target…]       writes to fuzz/corpus the fewest of all known inputs that reach the same code
//
// New inputs are kept in target/fuzz/corpus, findings in target/fuzz/findings.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { onPinnedNode } from './lib/bootstrap.mjs';
import { at } from './lib/paths.mjs';
import { Failure, matched, quietly, run, step, succeeds } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { ensureToolchain } = await import('./lib/toolchain.mjs');

const DEFAULT_SECONDS = 60;
// In practice every input is shorter; longer ones are only slower.
const LONGEST_INPUT_BYTES = 4096;
// One execution takes well under a millisecond, most of them a few microseconds.
const SLOWEST_SECONDS = 10;
const MOST_MEGABYTES = 1024;

// The options that cargo-fuzz passes for coverage without a memory sanitizer, which code without `unsafe` does not need. All are
// stable options of rustc.
const COVERAGE = [
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
];

await run(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: 'string' }, 'at-once': { type: 'string' }, minimise: { type: 'boolean', default: false } },
  });
  const seconds = Number(values.seconds ?? DEFAULT_SECONDS);
  const atOnce = Number(values['at-once'] ?? availableParallelism());
  if (![seconds, atOnce].every((number) => Number.isInteger(number) && number >= 1)) {
    throw new Failure('✗ npm run fuzz -- [--seconds N] [--at-once N] [--minimise] [target…]');
  }
  const targets = chosen(positionals);
  const binary = await built();
  if (values.minimise) {
    for (const target of targets) await minimise(binary, target);
    return 0;
  }
  const results = [];
  const queue = targets.values();
  const work = async () => {
    for (const target of queue) results.push(await fuzz(binary, target, seconds));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const failed = results.filter(({ failure }) => failure);
  const total = results.reduce((sum, { executions }) => sum + executions, 0);
  for (const { target, failure } of failed) console.error(`✗ ${target}\n${failure}`);
  console.log(`${failed.length === 0 ? '✓' : '✗'} ${total.toLocaleString('en')} executions of ${results.length} targets, ${failed.length} findings`);
  return failed.length === 0 ? 0 : 1;
});

/** The names of the targets in fuzz/src/targets/mod.rs, or the requested ones. */
function chosen(names) {
  const [table] = matched(/TARGETS: [^;]+;/, readFileSync(at('fuzz', 'src', 'targets', 'mod.rs'), 'utf8'));
  const known = [...table.matchAll(/\("(\w+)",/g)].map(([, name]) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown) throw new Failure(`✗ There is no target ${unknown}. There are: ${known.join(', ')}`);
  return names.length === 0 ? known : names;
}

/** Compiles the targets with coverage, and returns the binary's path. */
async function built() {
  await ensureToolchain();
  if (!(await succeeds(process.env.CXX ?? 'c++', ['--version']))) {
    throw new Failure('✗ libFuzzer needs a C++ compiler as `c++` or $CXX (Debian: apt-get install g++).');
  }
  const [, host] = matched(/^host: (.+)$/m, await quietly('rustc', ['-vV'], { stdoutOnly: true }));
  // With the target named, the flags do not reach build scripts and macros.
  const where = ['--manifest-path', at('fuzz', 'Cargo.toml'), '--target', host, '--target-dir', at('target', 'fuzz')];
  await step('Compiling the fuzz targets', '1 to 3 min the first time', () =>
    quietly('cargo', ['build', '--locked', '--release', ...where], { env: { RUSTFLAGS: COVERAGE.join(' '), CARGO_ENCODED_RUSTFLAGS: undefined } }),
  );
  return at('target', 'fuzz', host, 'release', 'edge-assay-fuzz');
}

/** The committed inputs, and those that earlier runs found. */
function folders(target) {
  const found = at('target', 'fuzz', 'corpus', target);
  mkdirSync(found, { recursive: true });
  mkdirSync(at('target', 'fuzz', 'findings'), { recursive: true });
  return [found, at('fuzz', 'corpus', target)].filter(existsSync);
}

async function fuzz(binary, target, seconds) {
  const options = [
    `-max_total_time=${seconds}`,
    `-max_len=${LONGEST_INPUT_BYTES}`,
    `-timeout=${SLOWEST_SECONDS}`,
    `-rss_limit_mb=${MOST_MEGABYTES}`,
    `-dict=${at('fuzz', 'words.dict')}`,
    `-artifact_prefix=${at('target', 'fuzz', 'findings', `${target}-`)}`,
    '-print_final_stats=1',
    '-print_funcs=0',
    '-verbosity=0',
  ];
  let output, failure;
  try {
    output = await quietly(binary, [...options, ...folders(target)], { env: { ASSAY_FUZZ_TARGET: target } });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    failure = `${error.message}\nAgain: ASSAY_FUZZ_TARGET=${target} ${binary} <the file below target/fuzz/findings>`;
    output = error.message;
  }
  const executions = Number(output.match(/number_of_executed_units: +(\d+)/)?.[1] ?? 0);
  if (!failure && executions === 0) failure = 'it reports no executions';
  console.log(`${failure ? '✗' : '✓'} ${target}: ${executions.toLocaleString('en')} executions`);
  return { target, executions, failure };
}

/** Replaces the committed inputs of a target by the fewest of all inputs that reach the same code. */
async function minimise(binary, target) {
  const smallest = at('target', 'fuzz', `smallest-${target}`);
  rmSync(smallest, { recursive: true, force: true });
  mkdirSync(smallest, { recursive: true });
  const options = ['-set_cover_merge=1', '-use_counters=0', `-max_len=${LONGEST_INPUT_BYTES}`, '-verbosity=0'];
  await quietly(binary, [...options, smallest, ...folders(target)], { env: { ASSAY_FUZZ_TARGET: target } });
  const committed = at('fuzz', 'corpus', target);
  rmSync(committed, { recursive: true, force: true });
  mkdirSync(at('fuzz', 'corpus'), { recursive: true });
  renameSync(smallest, committed);
  console.log(`✓ ${target}: ${readdirSync(committed).length} inputs`);
}
