// Everything that `npm run bench` measures, in one run; with --write, docs/performance.md, its chart and the other pages with figures are made from it.
import { loadavg } from 'node:os';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { dirname, relative, resolve } from 'node:path';
import { at, root } from '../scripts/lib/paths.mjs';
import { Failure, quietly, visibly } from '../scripts/lib/steps.mjs';
import { buildWorker } from '../scripts/lib/worker.mjs';
import { against } from './against.mjs';
import { chart } from './chart.mjs';
import { circumstances } from './circumstances.mjs';
import { PAGE as COSTS, filled as withCosts } from './fleet/costs.mjs';
import { CHART, PAGES, RESULTS, filled, summary, timeOf } from './page.mjs';
import { COMPARISON, PARTS, measured } from './parts.mjs';
import { rowOf } from './rounds.mjs';
import { distinctTokens, mint } from './served.mjs';
import { slimWorker } from './slim.mjs';

// A workspace of its own, so that ordinary builds do not compile the other crates.
const AXUM = ['run', '--locked', '--release', '--manifest-path', 'bench/axum/Cargo.toml'];
/** The parts that have an option of their own. */
const ALONE_BY = { cost: ['served', 'sizes'], engines: ['engines'], rpc: ['calls'], native: ['native'] };
const USAGE = `✗ npm run bench -- [--rounds 9] [--seconds 1] [--connections 16] [--requests 100000] [--all | --write | --only PART,PART | --cost | --engines | --rpc | --native | --axum | --against FOLDER] [--to FOLDER]
  The parts: ${Object.keys(PARTS).join(', ')}`;

/**
 * Runs the benchmarks and prints the tables. Without an option, only the comparisons with others; with --all, every part; with --only, these parts; with
 * --cost, only the CPU time of a request beside that of others; with --engines, only the engines; with --rpc, only the calls of another Worker; with
 * --native or --axum, only native programs; with --against, only this build and the one in that folder. --write runs every part and writes the pages; with
 * --to, below that folder instead of here. Returns 1 if a part failed.
 */
export async function bench(args) {
  const { only, other, axum, write, to, ...settings } = options(args);
  if (axum) return visibly('cargo', AXUM);
  const load = loadavg()[0];
  const begin = performance.now();
  const folders = { worker: 'build', benchWorker: 'build' };
  const worker = only.every((part) => part === 'native') ? undefined : await buildWorker();
  if (other) return void console.log(await against(other, await mint(['RS256', 'ES256', 'EdDSA', 'HS256']), { ...settings, folders }));
  const slim = only.includes('startUp') ? await slimWorker().catch((error) => void console.error(error.message)) : undefined;
  /** @type {any} */
  const results = {
    ...(await compared(load, worker, slim)),
    settings,
    ...(await measured(only, { ...settings, folders: { ...folders, slim: slim?.folder } })),
  };
  results.minutes = Math.round((performance.now() - begin) / 60_000);
  const place = (path) => (to ? resolve(to, path) : at(path));
  const put = (path, text) => {
    mkdirSync(dirname(place(path)), { recursive: true });
    writeFileSync(place(path), text);
  };
  // First, so that no later failure can lose them.
  if (write) put(RESULTS, asJson(results));
  console.log(summary(results));
  if (write) {
    for (const page of PAGES) put(page, filled(readFileSync(at(page), 'utf8'), results));
    if (results.alone) put(CHART, chart(results));
    if (results.served) put(COSTS, withCosts(readFileSync(at(COSTS), 'utf8'), timeOf(rowOf(results.served, distinctTokens('RS256'), 'edge-assay'))));
    console.log(`✓ Wrote ${[RESULTS, CHART, COSTS, ...PAGES].map((path) => relative(process.cwd(), place(path))).join(', ')}`);
  }
  const failed = Object.keys(results.failed);
  if (failed.length > 0) console.error(`✗ ${failed.join(', ')} failed; the pages say so where their figures would be`);
  return failed.length > 0 ? 1 : 0;
}

/** The results with each list of numbers in one line. */
const asJson = (results) =>
  `${JSON.stringify(results, null, 1).replace(/\[\s+([-\d.,\s]+?)\s+\]/g, (_, list) => `[${list.replaceAll(/\s+/g, ' ')}]`)}\n`;

function options(args) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '9' },
      seconds: { type: 'string', default: '1' },
      connections: { type: 'string', default: '16' },
      requests: { type: 'string', default: '100000' },
      all: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      to: { type: 'string' },
      only: { type: 'string' },
      ...Object.fromEntries(Object.keys(ALONE_BY).map((name) => [name, { type: /** @type {const} */ ('boolean'), default: false }])),
      axum: { type: 'boolean', default: false },
      against: { type: 'string' },
    },
  });
  const [rounds, seconds, connections, requests] = ['rounds', 'seconds', 'connections', 'requests'].map((name) => Number(values[name]));
  const { all, write, to, axum, against: other } = values;
  const chosen = Object.keys(ALONE_BY).find((name) => values[name]);
  const only = all || write ? Object.keys(PARTS) : (values.only?.split(',') ?? (chosen ? ALONE_BY[chosen] : COMPARISON));
  // Each of these says by itself what is measured.
  const choices = [all, write, axum, other, values.only, ...Object.keys(ALONE_BY).map((name) => values[name])].filter(Boolean).length;
  const isWrong =
    [rounds, seconds, connections, requests].some((number) => !(number > 0)) || only.some((name) => !PARTS[name]) || (to && !write) || choices > 1;
  if (isWrong) throw new Failure(USAGE);
  return { rounds, seconds, connections, requests, only, write, to, axum, other: other && relative(root, resolve(other)) };
}

/** The conditions of the run, with what was compared. */
async function compared(load, worker, slim) {
  const { devDependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const size = (parts) => {
    const { bytes, gzipped } = parts.find(({ path }) => path.endsWith('.wasm'));
    return { bytes, gzipped };
  };
  return {
    ...circumstances(load),
    versions: {
      workerd: devDependencies.workerd,
      jose: devDependencies.jose,
      hono: devDependencies.hono,
      rustc: (await quietly('rustc', ['--version'])).trim().split(' ')[1],
      binaryen: devDependencies.binaryen,
      Node: process.versions.node,
    },
    ...(worker && { wasm: size(worker) }),
    ...(slim && { slim: size(slim.parts) }),
  };
}
