// The results of a run: as tables for the terminal, and in the documents between the marks that name a section.
import { ENGINES } from './alone.mjs';
import { callsTable } from './calls.mjs';
import { cost } from './cost.mjs';
import { NOT_MEASURED, goals, isReached } from './goals.mjs';
import { WHEN } from './memory.mjs';
import { ratioOfRows, rowOf } from './rounds.mjs';
import { filledSections, spread, table } from './sections.mjs';
import { BARE, GATEWAY, HELLO, RIVALS, distinctTokens, oneToken } from './served.mjs';
import { SLIM_TARGET } from './startup.mjs';
import { BOUNDS, ENGINES as CHECKERS } from './workerd.mjs';

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

/** Where each section has its figures from, if it is one part of a run. */
const PART_OF = {
  cpu: 'served',
  served: 'served',
  gateway: 'served',
  bounds: 'bounds',
  size: 'sizes',
  issuers: 'growth',
  keys: 'growth',
  exchange: 'exchange',
  rpc: 'calls',
  engines: 'engines',
  native: 'native',
  memory: 'memory',
  alone: 'alone',
  rsa: 'alone',
  'start-up': 'startUp',
  profile: 'profile',
};
const FAILED = 'Not measured: this part of the run failed.';

/** The text of each section. `undefined` leaves it as it is: the run was made before the section existed, and what is there is from elsewhere. */
const SECTIONS = {
  circumstances({ date, machine, load, versions, settings, minutes }) {
    const busy = load > BUSY ? ', which is busy: take these figures with care' : '';
    return [
      `Run of ${date} on ${machine}; load before it ${load.toFixed(2)}${busy}.`,
      `${Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}.`,
      `${settings.connections} keep-alive connections; medians of ${settings.rounds} interleaved rounds of ${settings.seconds} s.${minutes ? ` The run took ${minutes} min.` : ''}`,
    ].join('\n');
  },

  ages: ({ failed }) =>
    failed &&
    'All tables before [the effect of each technique](#the-effect-of-each-technique) are of this run, except for those that name another one.',

  goals(results) {
    if (!results.failed) return undefined;
    // In a run of some parts only, the goals of the others are no lines.
    const all = goals(results).filter(({ missing }) => missing !== NOT_MEASURED);
    if (all.length === 0) return undefined;
    const rows = all.map((goal) => {
      const { what, least, most, value, quartiles, perSecond, unit = '', missing } = goal;
      const bound = least === undefined ? `≤ ${most}${unit}` : `≥ ${least}`;
      if (value === undefined) return [what, bound, missing ?? '', '', '', '–'];
      const shown = unit ? `${value.toFixed(1)}${unit}` : ratio(value);
      const range = quartiles ? quartiles.map(ratio).join(' to ') : '';
      return [what, bound, shown, range, perSecond === undefined ? '' : ratio(perSecond), isReached(goal) ? 'yes' : 'no'];
    });
    const reached = all.filter(isReached).length;
    return `${table([['', 'goal', 'measured', 'quartiles', 'by requests/s', 'reached'], ...rows])}\n\n${reached} of ${rows.length} are reached.`;
  },

  cpu: ({ served, gateway, failed }) => failed && cost([...served, ...gateway.map((row) => ({ ...row, name: GATEWAY + row.name }))]),

  served({ served }) {
    const hello = rowOf(served, HELLO, 'hello');
    return `${rivalry(
      served,
      names(served).filter((name) => name !== HELLO),
    )}\n\nA bare JavaScript Worker: ${whole(hello.perSecond)} requests/s, ${latency(hello)} ms.`;
  },

  gateway: ({ gateway }) => gateway && rivalry(gateway, names(gateway)),

  // Within a line of a table.
  'rs256-rust': ({ alone }) => alone && `${microseconds(rowOf(alone, 'RS256', 'rust').microseconds)} µs`,
  'rs256-jose': ({ alone }) => alone && `${microseconds(rowOf(alone, 'RS256', 'jose').microseconds)} µs`,

  alone: ({ alone }) => enginesOf(alone, (name) => !name.includes('bits')),
  rsa: ({ alone }) => enginesOf(alone, (name) => name.startsWith('RS256')),

  'start-up'({ startUp }) {
    if (!startUp) return undefined;
    const measured = [RIVALS[0], SLIM_TARGET, RIVALS[1]].map((target) => rowOf(startUp, 'start-up', target)).filter(Boolean);
    const bare = rowOf(startUp, 'start-up', BARE);
    const hasCpu = bare.microseconds !== undefined;
    const rows = measured.map(({ target, milliseconds, microseconds }) => [
      target,
      whole(milliseconds),
      (milliseconds - bare.milliseconds).toFixed(1),
      ...(hasCpu ? [((microseconds - bare.microseconds) / 1000).toFixed(1)] : []),
    ]);
    const head = ['', 'ms to the first verified token', 'ms more than a bare Worker', ...(hasCpu ? ['CPU ms more'] : [])];
    return table([head, ...rows]);
  },

  size: ({ sizes }) => sizes && `${cost(sizes)}\n\n${rivalry(sizes, names(sizes))}`,
  issuers: ({ growth, failed }) => failed && grown(growth, 'issuers'),
  keys: ({ growth, failed }) => failed && grown(growth, 'keys'),
  exchange: ({ exchange }) => exchange && `${cost(exchange)}\n\n${rivalry(exchange, names(exchange))}`,
  rpc: ({ calls }) => calls && callsTable(calls),

  bounds({ bounds }) {
    if (!bounds) return undefined;
    const rows = names(bounds).flatMap((name) => {
      const own = rowOf(bounds, name, RIVALS[0]);
      return bounds
        .filter((row) => row.name === name)
        .map((row) => [`${name}: ${DOES[row.target]}`, row.microseconds.toFixed(0), row === own ? '1' : spread(ratioOfRows(row, own))]);
    });
    return `${parted(bounds)}\n\n${table([['CPU µs per request', 'µs', 'times that of edge-assay'], ...rows])}`;
  },

  engines({ engines }) {
    if (!engines) return undefined;
    const rows = names(engines).map((name) => {
      const [rust, ...others] = CHECKERS.map((engine) => rowOf(engines, name, engine));
      return [name, rust.microseconds.toFixed(0), ...others.flatMap((row) => [row.microseconds.toFixed(0), spread(ratioOfRows(row, rust))])];
    });
    return table([['CPU µs per request', ...CHECKERS.flatMap((engine, index) => (index ? [engine, 'ratio'] : [engine]))], ...rows]);
  },

  native({ native }) {
    if (!native) return undefined;
    const rows = native.rows.map(({ algorithm, ours, awsLc, rustCrypto, toAwsLc, toRustCrypto }) => [
      algorithm,
      ours.toFixed(1),
      awsLc.toFixed(1),
      spread(toAwsLc),
      rustCrypto.toFixed(1),
      spread(toRustCrypto),
    ]);
    const head = ['µs', 'edge-assay', 'jsonwebtoken, aws-lc', 'ratio', 'jsonwebtoken, RustCrypto', 'ratio'];
    return `${table([head, ...rows])}\n\n${native.circumstances}`;
  },

  memory({ memory, settings }) {
    if (!memory) return undefined;
    const mebibytes = (bytes) => (bytes / 1024 ** 2).toFixed(1);
    const rows = [BARE, ...RIVALS].flatMap((target) =>
      Object.values(WHEN).map((when) => {
        const { rss, heap, wasm } = rowOf(memory, when, target);
        return [`${target}, ${when}`, mebibytes(rss), mebibytes(heap), mebibytes(wasm)];
      }),
    );
    return `${table([['MiB', 'process', "V8's heap", 'WebAssembly'], ...rows])}\n\n${whole(settings.requests)} requests to each.`;
  },

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

  price({ alone, served, failed }) {
    if (!alone || !served) return failed && FAILED;
    const perMillion = (cpuMicroseconds) => `$${((cpuMicroseconds / 1000) * CPU_PRICE).toFixed(5)}`;
    const rows = ['RS256', 'ES256', 'EdDSA', 'HS256'].map((name) => [
      name,
      perMillion(rowOf(alone, name, 'rust').microseconds),
      perMillion(timeOf(rowOf(served, oneToken(name), 'edge-assay'))),
      perMillion(timeOf(rowOf(served, distinctTokens(name), 'edge-assay'))),
    ]);
    return table([['dollars of CPU time per million', 'signature checks', '`/verify`, one token', '`/verify`, distinct tokens'], ...rows]);
  },

  wasm({ wasm, slim }) {
    if (!wasm) return undefined;
    const text = `The wasm has ${whole(wasm.bytes)} bytes, ${whole(wasm.gzipped)} gzipped.`;
    return slim ? `${text}\nThat of the slim build has ${whole(slim.bytes)} bytes, ${whole(slim.gzipped)} gzipped.` : text;
  },
};

/** What each Worker does for a request. */
const DOES = {
  [BARE]: 'a Worker that does nothing',
  [BOUNDS[0]]: 'reads `Authorization`, URL and method',
  [BOUNDS[1]]: 'the same, and answers with a body and headers of this size',
  [BOUNDS[2]]: 'forwards the request',
  [BOUNDS[3]]: 'the same, and copies and changes the headers',
  [RIVALS[0]]: 'edge-assay',
  [RIVALS[1]]: 'Hono + jose',
};

/** The text of a section; that of a part which failed says so. */
const textOf = (name, results) => (results.failed?.[PART_OF[name]] ? FAILED : SECTIONS[name](results));
const sectionTexts = Object.fromEntries(Object.keys(SECTIONS).map((name) => [name, (results) => textOf(name, results)]));

/** The microseconds of CPU time of a request in this row, or its whole time if the CPU time was not measured: an upper bound. */
export const timeOf = ({ microseconds, perSecond }) => microseconds ?? 1e6 / perSecond;

/** The document with every section between `<!-- run: name -->` and `<!-- end -->` replaced by these results. */
export function filled(page, results) {
  return filledSections(page, 'run', sectionTexts, results);
}

/** The same for a terminal. */
export function summary(results) {
  const last = ['price', 'goals'];
  const left = ['ages', 'rs256-rust', 'rs256-jose'];
  return [...Object.keys(SECTIONS).filter((name) => !last.includes(name) && !left.includes(name)), ...last]
    .filter((name) => !PART_OF[name] || results[PART_OF[name]] || results.failed[PART_OF[name]])
    .filter((name) => name !== 'price' || (results.served && results.alone))
    .map((name) => [name, textOf(name, results)])
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `\n## ${name}\n\n${text}`)
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

/** The differences between Workers that do more and more for one repeated token: what each part of a request costs. */
function parted(bounds) {
  const [bare, reads, answers, own] = [BARE, BOUNDS[0], BOUNDS[1], RIVALS[0]].map((target) => rowOf(bounds, oneToken('RS256'), target).microseconds);
  const rows = [
    ['HTTP and the runtime, as for a Worker that does nothing', bare],
    ['reading `Authorization`, URL and method', reads - bare],
    ['finding the header, and a response of this size with two headers', answers - reads],
    ['the decision in Rust, its JavaScript, and the calls between them', own - answers],
    ['the whole', own],
  ];
  return table([
    ['a repeated token', 'CPU µs', 'share'],
    ...rows.map(([part, time]) => [part, Number(time).toFixed(0), `${Math.round((Number(time) / own) * 100)} %`]),
  ]);
}

/** Distinct tokens with more and more of something, beside one of it. */
function grown(rows, target) {
  const wanted = rows.filter((row) => row.target === target);
  return table([
    ['distinct ES256 tokens', 'CPU µs per request', 'against 1', 'requests/s', 'p50 / p99, ms'],
    ...wanted.map((row) => [
      row.name,
      row.microseconds.toFixed(0),
      row === wanted[0] ? '1' : spread(ratioOfRows(row, wanted[0])),
      whole(row.perSecond),
      latency(row),
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
