// Everything that `npm run bench` measures, in one run; with --write, docs/performance.md and its chart are made from it.
import { loadavg } from 'node:os';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { relative, resolve } from 'node:path';
import { at, root } from '../scripts/lib/paths.mjs';
import { Failure, quietly, step, visibly } from '../scripts/lib/steps.mjs';
import { buildWorker } from '../scripts/lib/worker.mjs';
import { against } from './against.mjs';
import { alone } from './alone.mjs';
import { calls } from './calls.mjs';
import { chart } from './chart.mjs';
import { circumstances } from './circumstances.mjs';
import { cost } from './cost.mjs';
import { engines } from './engines.mjs';
import { CHART, PAGES, RESULTS, filled, summary } from './page.mjs';
import { profile } from './profile.mjs';
import { DISTINCT_TOKENS, growth, proxied, served } from './served.mjs';
import { startUp } from './startup.mjs';
import { createSubject } from './subjects.mjs';
import { startWorkerd } from './workerd.mjs';

const SERVED_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'HS256'];
const ALONE = [
  ...['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256'].map((algorithm) => ({ algorithm })),
  ...[3072, 4096].map((modulusLength) => ({ algorithm: 'RS256', modulusLength, name: `RS256, ${modulusLength} bits` })),
];
const BENCH_WORKER = 'target/bench-worker';
// Workspaces of their own, so that ordinary builds do not compile aws-lc.
const NATIVE = ['run', '--locked', '--release', '--manifest-path', 'bench/native/Cargo.toml'];
const AXUM = ['run', '--locked', '--release', '--manifest-path', 'bench/axum/Cargo.toml'];
const USAGE =
  '✗ npm run bench -- [--rounds 5] [--seconds 2] [--connections 16] [--all] [--write] [--cost] [--engines] [--rpc] [--native] [--axum] [--against FOLDER]';

/**
 * Runs the benchmarks and prints the tables. Without --all, only the comparisons with others; with --cost, only the CPU time of a request beside
 * that of others; with --engines, only the engines; with --rpc,
 * only the calls of another Worker; with --native or --axum, only native programs; with --against, only this build and the one in that folder.
 */
export async function bench(args) {
  const settings = { ...options(args), folders: { worker: 'build', benchWorker: 'build' } };
  if (settings.native) return visibly('cargo', NATIVE);
  if (settings.axum) return visibly('cargo', AXUM);
  const worker = await buildWorker();
  if (settings.engines) return void console.log(await engines(settings));
  if (settings.rpc) return void console.log(await calls(settings));
  if (settings.cost) return void console.log(await cost(await servedSubjects(), settings));
  if (settings.against) return void console.log(await against(settings.against, await servedSubjects(), settings));
  await buildWorker({ folder: BENCH_WORKER, features: ['bench'], entry: 'bench/workers/assay.js' });
  settings.folders.benchWorker = BENCH_WORKER;
  const [subjects, checked] = await step('Minting the tokens', '10 s', () =>
    Promise.all([servedSubjects(), Promise.all(ALONE.map(({ algorithm, ...options }) => createSubject(algorithm, 1, options)))]),
  );
  const results = {
    ...(await compared(worker)),
    settings: { rounds: settings.rounds, seconds: settings.seconds, connections: settings.connections },
    served: await inWorkerd(subjects, settings, ({ ports }) => served(ports, subjects, settings)),
    gateway: await inWorkerd(subjects, settings, ({ ports }) => proxied(ports, subjects, settings)),
    alone: await inWorkerd(checked, settings, ({ ports }) => alone(ports['verify-alone'], checked, settings)),
    ...(settings.all && {
      startUp: await startUp(subjects[0], settings),
      growth: await growth(settings),
      profile: await profile(subjects[0], settings),
    }),
  };
  console.log(summary(results));
  if (settings.write) {
    writeFileSync(at(RESULTS), `${JSON.stringify(results, null, 1)}\n`);
    for (const page of PAGES) writeFileSync(at(page), filled(readFileSync(at(page), 'utf8'), results));
    writeFileSync(at(CHART), chart(results));
    console.log(`✓ Wrote ${[RESULTS, CHART, ...PAGES].join(', ')}`);
  }
}

const servedSubjects = () => Promise.all(SERVED_ALGORITHMS.map((algorithm) => createSubject(algorithm, DISTINCT_TOKENS)));

async function inWorkerd(subjects, { folders }, measure) {
  const workerd = await startWorkerd(subjects, folders);
  try {
    return await measure(workerd);
  } finally {
    await workerd.stop();
  }
}

function options(args) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      connections: { type: 'string', default: '16' },
      all: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      cost: { type: 'boolean', default: false },
      engines: { type: 'boolean', default: false },
      rpc: { type: 'boolean', default: false },
      native: { type: 'boolean', default: false },
      axum: { type: 'boolean', default: false },
      against: { type: 'string' },
    },
  });
  const { all, write, cost: onlyCost, engines: onlyEngines, rpc, native, axum, against: other, ...texts } = values;
  const [rounds, seconds, connections] = [texts.rounds, texts.seconds, texts.connections].map(Number);
  if ([rounds, seconds, connections].some((number) => !(number > 0))) throw new Failure(USAGE);
  return {
    rounds,
    seconds,
    connections,
    all: all || write,
    write,
    cost: onlyCost,
    engines: onlyEngines,
    rpc,
    native,
    axum,
    against: other && relative(root, resolve(other)),
  };
}

/** The conditions of the run, with what was compared. */
async function compared(worker) {
  const { devDependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const { bytes, gzipped } = worker.find(({ path }) => path.endsWith('.wasm'));
  return {
    ...circumstances(loadavg()[0]),
    versions: {
      workerd: devDependencies.workerd,
      jose: devDependencies.jose,
      hono: devDependencies.hono,
      rustc: (await quietly('rustc', ['--version'])).trim().split(' ')[1],
      binaryen: devDependencies.binaryen,
      Node: process.versions.node,
    },
    wasm: { bytes, gzipped },
  };
}
