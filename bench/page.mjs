// The results of a run: as tables for the terminal, and in the documents between the marks that name a section.
import { ENGINES } from './alone.mjs';
import { rowOf } from './rounds.mjs';
import { filledSections, table } from './sections.mjs';
import { HELLO, RIVALS, distinctTokens, oneToken } from './served.mjs';

export const PAGES = ['docs/performance.md', 'docs/operations/running.md', 'README.md'];
export const CHART = 'docs/images/performance.svg';
export const RESULTS = 'docs/performance.json';

/** Dollars per million CPU milliseconds on the paid plan. */
const CPU_PRICE = 0.02;
const BUSY = 0.5;

const whole = (number) => Math.round(number).toLocaleString('en');
const ratio = (number) => number.toFixed(2);
const microseconds = (number) => (number < 10 ? number.toFixed(1) : whole(number));
const names = (rows) => [...new Set(rows.map(({ name }) => name))];

const SECTIONS = {
  circumstances({ date, machine, load, versions, settings }) {
    const busy = load > BUSY ? ', which is busy: take these figures with care' : '';
    return [
      `Run of ${date} on ${machine}; load before it ${load.toFixed(2)}${busy}.`,
      `${Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}.`,
      `${settings.connections} keep-alive connections; medians of ${settings.rounds} interleaved rounds of ${settings.seconds} s.`,
    ].join('\n');
  },

  goals(results) {
    const { alone, served, wasm, startUp } = results;
    const aloneRatio = (name) => rowOf(alone, name, 'rust').microseconds / rowOf(alone, name, 'jose').microseconds;
    /** @type {[string, string, number | undefined, (value: number) => boolean][]} */
    const rows = [
      ['RS256 alone, against `jose.jwtVerify`', '≤ 1.0', aloneRatio('RS256'), (value) => value <= 1],
      ['ES256 alone', '≤ 3', aloneRatio('ES256'), (value) => value <= 3],
      ['EdDSA alone', '≤ 1.5', aloneRatio('EdDSA'), (value) => value <= 1.5],
      ['`/verify`, one RS256 token, requests/s against Hono + jose', '≥ 1.3', servedRatio(served, oneToken('RS256')), (value) => value >= 1.3],
      ['`/verify`, distinct RS256 tokens', '≥ 1.0', servedRatio(served, distinctTokens('RS256')), (value) => value >= 1],
      [
        'gateway, one RS256 token, against a Hono + jose proxy',
        '≥ 1.2',
        results.gateway && servedRatio(results.gateway, oneToken('RS256')),
        (value) => value >= 1.2,
      ],
      ['wasm, kB gzipped', '≤ 300', wasm.gzipped / 1000, (value) => value <= 300],
      [
        'start-up, ms more than Hono + jose',
        '≤ 5',
        startUp && beyondHello(startUp, 'edge-assay') - beyondHello(startUp, 'hono-jose'),
        (value) => value <= 5,
      ],
    ];
    return table([
      ['', 'goal', 'measured', 'reached'],
      ...rows.flatMap(([what, goal, value, reached]) => (value === undefined ? [] : [[what, goal, ratio(value), reached(value) ? 'yes' : 'no']])),
    ]);
  },

  served({ served }) {
    const hello = rowOf(served, HELLO, 'hello');
    return `${rivalry(
      served,
      names(served).filter((name) => name !== HELLO),
    )}\n\nA bare JavaScript Worker: ${whole(hello.perSecond)} requests/s, ${latency(hello)} ms.`;
  },

  gateway: ({ gateway }) => gateway && rivalry(gateway, names(gateway)),

  alone: ({ alone }) => enginesOf(alone, (name) => !name.includes('bits')),
  rsa: ({ alone }) => enginesOf(alone, (name) => name.startsWith('RS256')),

  'start-up'({ startUp }) {
    if (!startUp) return undefined;
    const rows = RIVALS.map((target) => [target, whole(rowOf(startUp, 'start-up', target).milliseconds), beyondHello(startUp, target).toFixed(1)]);
    return table([['', 'ms to the first verified token', 'ms more than a bare Worker'], ...rows]);
  },

  size: ({ growth }) => growth && rivalry(growth.size, names(growth.size)),
  issuers: ({ growth }) => growth && rivalry(growth.issuers, names(growth.issuers)),
  keys: ({ growth }) => growth && rivalry(growth.keys, names(growth.keys)),

  profile({ profile }) {
    if (!profile) return undefined;
    const columns = Object.keys(profile);
    const places = [...new Set(columns.flatMap((name) => Object.keys(profile[name])))].sort(
      (a, b) => (profile[columns[0]][b] ?? 0) - (profile[columns[0]][a] ?? 0),
    );
    return table([
      ['µs per request', ...columns],
      ...places.map((place) => [place, ...columns.map((name) => (profile[name][place] ?? 0).toFixed(1))]),
    ]);
  },

  price({ alone, served }) {
    const perMillion = (cpuMicroseconds) => `$${((cpuMicroseconds / 1000) * CPU_PRICE).toFixed(5)}`;
    const rows = ['RS256', 'ES256', 'EdDSA', 'HS256'].map((name) => [
      name,
      perMillion(rowOf(alone, name, 'rust').microseconds),
      perMillion(1e6 / rowOf(served, oneToken(name), 'edge-assay').perSecond),
      perMillion(1e6 / rowOf(served, distinctTokens(name), 'edge-assay').perSecond),
    ]);
    return table([['dollars of CPU time per million', 'signature checks', '`/verify`, one token', '`/verify`, distinct tokens'], ...rows]);
  },

  wasm: ({ wasm }) => `The wasm has ${whole(wasm.bytes)} bytes, ${whole(wasm.gzipped)} gzipped.`,
};

/** The document with every section between `<!-- run: name -->` and `<!-- end -->` replaced by these results. */
export function filled(page, results) {
  return filledSections(page, 'run', SECTIONS, results);
}

/** The same for a terminal. */
export function summary(results) {
  const shown = ['circumstances', 'wasm', 'served', 'gateway', 'alone', 'start-up', 'size', 'issuers', 'keys', 'profile', 'price', 'goals'];
  return shown
    .map((name) => SECTIONS[name](results))
    .filter((text) => text !== undefined)
    .map((text) => `\n${text}`)
    .join('\n');
}

function rivalry(rows, wanted) {
  return table([
    ['requests/s; latency in ms, p50 / p99', ...RIVALS.flatMap((target) => [target, 'latency']), 'ratio'],
    ...wanted.map((name) => [
      name,
      ...RIVALS.flatMap((target) => {
        const row = rowOf(rows, name, target);
        return [whole(row.perSecond), latency(row)];
      }),
      ratio(servedRatio(rows, name)),
    ]),
  ]);
}

function enginesOf(alone, wanted) {
  return table([
    ['µs', 'Rust in wasm', 'crypto.subtle', 'jose.jwtVerify', 'Rust : subtle', 'Rust : jose'],
    ...names(alone)
      .filter(wanted)
      .map((name) => {
        const [rust, subtle, jose] = ENGINES.map((engine) => rowOf(alone, name, engine).microseconds);
        return [name, ...[rust, subtle, jose].map(microseconds), ratio(rust / subtle), ratio(rust / jose)];
      }),
  ]);
}

const latency = ({ p50, p99 }) => `${p50.toFixed(2)} / ${p99.toFixed(2)}`;
const servedRatio = (rows, name) => rowOf(rows, name, RIVALS[0]).perSecond / rowOf(rows, name, RIVALS[1]).perSecond;
const beyondHello = (rows, target) => rowOf(rows, 'start-up', target).milliseconds - rowOf(rows, 'start-up', 'hello').milliseconds;
