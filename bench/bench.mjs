// Measures in interleaved rounds, so that whatever else the machine does meets all alike, and reports medians.
import { cpus, loadavg } from 'node:os';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { at } from '../scripts/lib/paths.mjs';
import { Failure, quietly, step } from '../scripts/lib/steps.mjs';
import { buildWorker } from '../scripts/lib/worker.mjs';
import { getRequest, load } from './load.mjs';
import { createSubject } from './subjects.mjs';
import { startWorkerd } from './workerd.mjs';

const SERVED_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'HS256'];
const ALONE_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256'];
const PROXIED_ALGORITHMS = ['RS256', 'EdDSA'];
const DISTINCT_TOKENS = 1000;
// What a request through a gateway brings beside its token.
const BROWSER_HEADERS = {
  accept: 'application/json',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-GB,en;q=0.9',
  origin: 'https://app.example.com',
  referer: 'https://app.example.com/',
  'sec-fetch-mode': 'cors',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
};
const ENGINES = ['rust', 'subtle', 'jose'];
const ALONE_MS = 250;

/** Runs everything and prints the tables. */
export async function bench(args) {
  const settings = options(args);
  const worker = await buildWorker();
  await buildWorker({ folder: 'target/bench-worker', features: ['bench'] });
  const subjects = await step('Minting the tokens', '2 s', () =>
    Promise.all(ALONE_ALGORITHMS.map((algorithm) => createSubject(algorithm, SERVED_ALGORITHMS.includes(algorithm) ? DISTINCT_TOKENS : 1))),
  );
  const workerd = await startWorkerd(subjects, { worker: 'build', benchWorker: 'target/bench-worker' });
  try {
    const busy = loadavg()[0];
    const served = await measureServed(workerd.ports, subjects, settings);
    const alone = await measureAlone(workerd.ports['verify-alone'], subjects, settings);
    console.log(await report(served, alone, worker, settings, busy));
  } finally {
    await workerd.stop();
  }
}

function options(args) {
  const { values } = parseArgs({
    args,
    options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' }, connections: { type: 'string', default: '16' } },
  });
  const numbers = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
  if (Object.values(numbers).some((number) => !(number > 0))) throw new Failure('✗ npm run bench -- [--rounds 5] [--seconds 2] [--connections 16]');
  return numbers;
}

async function measureServed(ports, subjects, { rounds, seconds, connections }) {
  const cases = SERVED_ALGORITHMS.flatMap((algorithm) => {
    const { tokens } = subjects.find((subject) => subject.algorithm === algorithm);
    const requests = tokens.map((token) => getRequest('/verify', { authorization: `Bearer ${token}` }));
    return [
      { name: `${algorithm}, one token`, requests: requests.slice(0, 1) },
      { name: `${algorithm}, ${DISTINCT_TOKENS} tokens`, requests },
    ].flatMap(({ name, requests }) => ['edge-assay', 'hono-jose'].map((target) => ({ name, target, requests })));
  });
  for (const algorithm of PROXIED_ALGORITHMS) {
    const { tokens } = subjects.find((subject) => subject.algorithm === algorithm);
    const request = getRequest('/profiles/7?fields=name', { ...BROWSER_HEADERS, authorization: `Bearer ${tokens[0]}` });
    cases.push(...['edge-assay', 'hono-jose'].map((target) => ({ name: `gateway, ${algorithm}, one token`, target, requests: [request] })));
  }
  cases.unshift({ name: 'no verification', target: 'hello', requests: [getRequest('/')] });
  const usually = `${Math.ceil((rounds * cases.length * (seconds + 0.4)) / 60)} min`;
  return step(`Requests through workerd, ${rounds} rounds of ${cases.length} cases`, usually, () =>
    inRounds(rounds, cases, ({ target, requests }) => load(ports[target], requests, { connections, seconds })),
  );
}

async function measureAlone(port, subjects, { rounds }) {
  const ask = async (algorithm, engine, times) => {
    const begin = performance.now();
    const response = await fetch(`http://127.0.0.1:${port}/?algorithm=${algorithm}&engine=${engine}&times=${times}`);
    const text = await response.text();
    if (!response.ok) throw new Failure(`✗ ${engine} ${algorithm}: ${text}`);
    return performance.now() - begin;
  };
  const cases = subjects.flatMap(({ algorithm }) => ENGINES.map((engine) => ({ name: algorithm, target: engine })));
  return step(`The verification alone, ${rounds} rounds of ${cases.length} cases`, `${Math.ceil((rounds * cases.length * 0.4) / 60)} min`, async () => {
    for (const one of cases) {
      // How many fit into the time that a round takes; also the warm-up, for the compilers of both languages.
      await ask(one.name, one.target, 200);
      one.times = Math.max(50, Math.round((ALONE_MS * 200) / (await ask(one.name, one.target, 200))));
    }
    return inRounds(rounds, cases, async ({ name, target, times }) => {
      const empty = await ask(name, target, 0);
      return { microseconds: ((await ask(name, target, times)) - empty) * (1000 / times) };
    });
  });
}

/** Runs `measure` for each case in each round, and returns the cases with the median of each figure. */
async function inRounds(rounds, cases, measure) {
  const results = cases.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, one] of cases.entries()) results[index].push(await measure(one));
  }
  return cases.map(({ name, target }, index) => {
    const figures = Object.keys(results[index][0]).map((figure) => [figure, median(results[index].map((result) => result[figure]))]);
    return { name, target, ...Object.fromEntries(figures) };
  });
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function report(served, alone, worker, { rounds, seconds, connections }, busy) {
  const { devDependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const rustc = (await quietly('rustc', ['--version'])).trim();
  const processors = cpus();
  const wasm = worker.find(({ path }) => path.endsWith('.wasm'));
  const figure = (rows, name, target) => rows.find((row) => row.name === name && row.target === target);
  const whole = (number) => Math.round(number).toLocaleString('en');
  const milliseconds = (number) => number.toFixed(2);
  const microseconds = (number) => (number < 10 ? number.toFixed(1) : whole(number));
  const names = (rows) => [...new Set(rows.map(({ name }) => name))];

  const hello = figure(served, 'no verification', 'hello');
  const servedRows = names(served)
    .filter((name) => name !== 'no verification')
    .map((name) => {
      const [assay, hono] = ['edge-assay', 'hono-jose'].map((target) => figure(served, name, target));
      const cells = (one) => [whole(one.perSecond), `${milliseconds(one.p50)} / ${milliseconds(one.p99)}`];
      return [name, ...cells(assay), ...cells(hono), (assay.perSecond / hono.perSecond).toFixed(2)];
    });
  const aloneRows = names(alone).map((name) => {
    const [rust, subtle, jose] = ENGINES.map((engine) => figure(alone, name, engine).microseconds);
    return [name, microseconds(rust), microseconds(subtle), microseconds(jose), (rust / subtle).toFixed(2), (rust / jose).toFixed(2)];
  });
  return [
    '',
    `Machine: ${processors[0].model.trim()}, ${processors.length} cores, ${process.platform} ${process.arch}; load before: ${busy.toFixed(2)}${busy > 0.5 ? ' (busy: take these figures with care)' : ''}`,
    `Versions: workerd ${devDependencies.workerd}, jose ${devDependencies.jose}, hono ${devDependencies.hono}, ${rustc}, binaryen ${devDependencies.binaryen}, Node ${process.versions.node} for the load`,
    `Wasm: ${whole(wasm.bytes)} bytes, ${whole(wasm.gzipped)} gzipped`,
    '',
    `Requests per second on ${connections} keep-alive connections, medians of ${rounds} rounds of ${seconds} s; latencies in ms (p50 / p99)`,
    '',
    table([['', 'edge-assay', 'latency', 'hono + jose', 'latency', 'ratio'], ...servedRows]),
    '',
    `A bare JavaScript Worker: ${whole(hello.perSecond)} requests/s, ${milliseconds(hello.p50)} / ${milliseconds(hello.p99)} ms`,
    '',
    `One verification alone, in µs, medians of ${rounds} rounds; Rust and WebCrypto check the signature, jose the whole token`,
    '',
    table([['', 'Rust in wasm', 'crypto.subtle', 'jose.jwtVerify', 'Rust : subtle', 'Rust : jose'], ...aloneRows]),
    '',
  ].join('\n');
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}
