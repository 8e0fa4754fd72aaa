// The results of a soak: as a summary in Markdown, as sections of docs/operations/soak.md, and as a picture.
import { plot } from '../plot.mjs';
import { filledSections, table } from '../sections.mjs';

export const RESULTS = 'docs/operations/soak.json';
export const PAGE = 'docs/operations/soak.md';
export const PICTURE = 'docs/images/soak.svg';

const MIB = 1024 * 1024;
const whole = (number) => Math.round(number).toLocaleString('en');
const mib = (bytes) => (bytes / MIB).toFixed(1);

/** @type {Record<string, (results: any) => string>} */
const SECTIONS = {
  run({ date, machine, load, versions, settings, capacity, totals, tokens, ways, rotations }) {
    const rotated = rotations.map(({ algorithm, overlapping, abrupt, fetches }) =>
      algorithm.startsWith('HS')
        ? `${algorithm} ${abrupt} changes of the secret`
        : `${algorithm} ${overlapping} with and ${abrupt} without overlap (${fetches} fetches)`,
    );
    return [
      `Run of ${date}, ${whole(settings.seconds / 60)} minutes, on ${machine}; load of the machine before it ${load.toFixed(2)}. workerd ${versions.workerd}, Node ${versions.Node}, jose ${versions.jose}; seed ${settings.seed}.`,
      `The machine answered ${whole(capacity)} requests a second of this mixture; ${whole(capacity * settings.load)} were sent, over ${settings.connections} connections${settings.coordinator ? ', with a coordinator' : ''}.`,
      `${whole(totals.answers)} answers, of them ${statuses(totals.statuses)}. ${whole(tokens)} tokens, made in ${ways} ways. Rotations: ${rotated.join('; ')}.`,
    ].join('\n');
  },

  verdict({ failures, findings }) {
    const lines = findings.map(({ text, limit, failed }) => `- ${failed ? '**Failed**: ' : ''}${text}; ${limit}.`);
    return [
      failures.length === 0 ? 'No wrong answer, no line in the log that must not be there. After the warm-up:' : 'The run failed:',
      '',
      ...lines,
    ].join('\n');
  },

  figures({ totals, asks }) {
    return table([
      ['after the warm-up, medians of the windows', ''],
      ['requests per second', whole(totals.perSecond)],
      ['latency, p50 and p99, ms', `${totals.p50.toFixed(2)} and ${totals.p99.toFixed(2)}`],
      ['contention (1: the processors are free)', totals.contention.toFixed(1)],
      ['CPU time per request, µs', whole(totals.cpuMicroseconds)],
      ['memory of the workerd process, MiB', mib(totals.rss)],
      ['WebAssembly memory, MiB', mib(totals.wasm)],
      ...Object.entries(asks).map(([name, count]) => [WHAT[name], whole(count)]),
    ]);
  },
};

const WHAT = {
  verify: 'answers of `/verify`',
  gateway: '… of the gateway',
  exchange: '… of `/token`',
  explain: '… of `/explain`',
  keys: '… of `/.well-known/jwks.json`',
  readyz: '… of `/readyz`',
  left: 'clients that went away',
};

const statuses = (counts) =>
  Object.entries(counts)
    .map(([status, count]) => `${whole(count)} × ${status}`)
    .join(', ');

/** The page with the sections of these results. */
export const filled = (page, results) => filledSections(page, 'soak', SECTIONS, results);

/** The same for a terminal and for a file. */
export function summary(results) {
  const failures = results.failures.map((text) => `- ${text}`);
  return [
    '# Soak',
    ...Object.values(SECTIONS).map((section) => section(results)),
    ...(failures.length > 0 ? [`## What failed\n\n${failures.join('\n')}`] : []),
    '',
  ].join('\n\n');
}

/** The picture of the run. */
export function picture({ windows, settings, date }) {
  const series = (name, scale = 1) => windows.map((one) => ({ x: one.second / 60, y: one[name] * scale }));
  return plot({
    title: `${whole(settings.seconds / 60)} minutes at half of what the machine can (${date})`,
    alt: 'Requests per second, latency, CPU time per request and memory over the time of the soak',
    xTitle: 'minutes',
    xMost: windows.at(-1).second / 60,
    panels: [
      { title: 'requests per second', series: [{ label: 'requests', points: series('perSecond') }] },
      {
        title: 'latency, ms (logarithmic)',
        logarithmic: true,
        series: [
          { label: 'p50', points: series('p50') },
          { label: 'p99', points: series('p99') },
        ],
      },
      {
        title: 'contention: how many times longer because others use the processors (logarithmic)',
        logarithmic: true,
        series: [{ label: 'contention', points: series('contention') }],
      },
      { title: 'CPU time per request, µs', series: [{ label: 'CPU', points: series('cpuMicroseconds') }] },
      {
        title: 'memory, MiB',
        series: [
          { label: 'workerd process', points: series('rss', 1 / MIB) },
          { label: 'WebAssembly', points: series('wasm', 1 / MIB) },
        ],
      },
    ],
  });
}
