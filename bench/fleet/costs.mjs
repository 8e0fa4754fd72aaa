// What a month costs, from one row of prices and one row of counts: the table of docs/operations/costs.md.
import { filledSections, table } from '../sections.mjs';

export const PAGE = 'docs/operations/costs.md';

const HOURS_OF_A_MONTH = 30 * 24;
const SECONDS_OF_A_MONTH = HOURS_OF_A_MONTH * 3600;

/** Cloudflare's prices on the paid plan, in dollars: what the plan includes, and the price of each further unit. `read` is when its pages were read. */
export const PRICES = {
  read: '2026-11-28',
  plan: 5,
  requests: { included: 10e6, each: 0.3 / 1e6 },
  cpuMilliseconds: { included: 30e6, each: 0.02 / 1e6 },
  kvReads: { included: 10e6, each: 0.5 / 1e6 },
  kvWrites: { included: 1e6, each: 5 / 1e6 },
  objectRequests: { included: 1e6, each: 0.15 / 1e6 },
  objectGigabyteSeconds: { included: 400e3, each: 12.5 / 1e6 },
  // From 2026-12-01 on.
  logGigabytes: { included: 50, each: 0.25 },
};

/** What a month's bill depends on beside the requests. */
export const COUNTS = {
  // 69,063 reads in two hours of `steady` with 300 isolates. Nearly all are looks for a purge: a busy isolate makes one every half minute (PURGE_LOOK_SECONDS
  // of the verifier's limits). An isolate lives for 20 minutes, and reads two records and the mark of a purge when it starts.
  kvReadsPerIsolateHour: 115,
  // With the coordinator, isolates ask that for purges: 7,017 reads, and 64,193 questions.
  kvReadsPerIsolateHourCoordinated: 12,
  questionsPerIsolateHour: 107,
  // With or without cron, the fleet fetches at two or three refresh points per TTL; `no-cron` with 10,000 isolates: 23 in two hours.
  kvWritesPerHour: 12,
  // An object is billed for 128 MB while it is in memory. Questions come more often than every ten seconds, so that is always.
  objectGigabytes: 0.128,
  // `flood` with 300 isolates in 12 data centres, ten minutes of it: 5,368 writes to KV, refused ones included. With the cache of the data centre 240. With
  // the coordinator 26, and 11,287 questions to it.
  writesPerIsolateHourInFlood: 107,
  writesPerDataCentreHourInFlood: 120,
  writesPerHourInFlood: 156,
  questionsPerIsolateHourInFlood: 226,
  // A log event for each request. An assumption: the runtime's own members are most of it.
  logBytesPerRequest: 1000,
};

/**
 * The requests of a month, and how many isolates in how many data centres answer them. The latter is an assumption: Cloudflare publishes no number, and it depends on
 * where clients are.
 */
export const VOLUMES = [
  { requests: 10e6, isolates: 100, dataCentres: 12 },
  { requests: 1e9, isolates: 1000, dataCentres: 100 },
  { requests: 100e9, isolates: 10_000, dataCentres: 300 },
];

/** The price of so many units. */
export const priced = ({ included, each }, count) => Math.max(0, count - included) * each;

// An isolate reads and asks only if a request comes.
const times = ({ requests, isolates }, perIsolateHour) => Math.min(requests, isolates * HOURS_OF_A_MONTH * perIsolateHour);
const object = (requests) =>
  priced(PRICES.objectRequests, requests) + priced(PRICES.objectGigabyteSeconds, SECONDS_OF_A_MONTH * COUNTS.objectGigabytes);

/**
 * The items of a month's bill with one issuer: `{ name, amounts }`, with the dollars for each of VOLUMES.
 *
 * @param {number} cpuMicroseconds of a request
 */
export function bill(cpuMicroseconds) {
  const items = {
    'requests to the Worker': ({ requests }) => priced(PRICES.requests, requests),
    'CPU time': ({ requests }) => priced(PRICES.cpuMilliseconds, (requests * cpuMicroseconds) / 1000),
    'Workers Logs, each request logged': ({ requests }) => priced(PRICES.logGigabytes, (requests * COUNTS.logBytesPerRequest) / 1e9),
    '**KV**: reads': (volume) => priced(PRICES.kvReads, times(volume, COUNTS.kvReadsPerIsolateHour)),
    '… writes': () => priced(PRICES.kvWrites, COUNTS.kvWritesPerHour * HOURS_OF_A_MONTH),
    '… writes, if a flood of unknown keys lasts all month': ({ isolates }) =>
      priced(PRICES.kvWrites, isolates * HOURS_OF_A_MONTH * COUNTS.writesPerIsolateHourInFlood),
    '**The cache of the data centre**': () => 0,
    '… writes to KV in the flood': ({ dataCentres }) =>
      priced(PRICES.kvWrites, dataCentres * HOURS_OF_A_MONTH * COUNTS.writesPerDataCentreHourInFlood),
    '**The coordinator**, while nothing happens': (volume) => object(times(volume, COUNTS.questionsPerIsolateHour)),
    '… reads of KV, with it': (volume) => priced(PRICES.kvReads, times(volume, COUNTS.kvReadsPerIsolateHourCoordinated)),
    '… in the flood': ({ isolates }) => object(isolates * HOURS_OF_A_MONTH * COUNTS.questionsPerIsolateHourInFlood),
    '… writes to KV in the flood, with it': () => priced(PRICES.kvWrites, HOURS_OF_A_MONTH * COUNTS.writesPerHourInFlood),
  };
  return Object.entries(items).map(([name, amount]) => ({ name, amounts: VOLUMES.map(amount) }));
}

const shown = (amount) => (amount === 0 ? '$0' : amount < 10 ? `$${amount.toFixed(2)}` : `$${Math.round(amount).toLocaleString('en')}`);
const count = (number) => (number >= 1e9 ? `${number / 1e9} billion` : `${number / 1e6} million`);

/** The page with the table and the prices. */
export function filled(page, cpuMicroseconds) {
  const sections = {
    month: () =>
      table([
        ['dollars a month', ...VOLUMES.map(({ requests }) => `${count(requests)} requests`)],
        ['isolates, data centres (assumed)', ...VOLUMES.map(({ isolates, dataCentres }) => `${isolates.toLocaleString('en')}, ${dataCentres}`)],
        ...bill(cpuMicroseconds).map(({ name, amounts }) => [name, ...amounts.map(shown)]),
      ]),
    prices: () => {
      const per = (name, unit = 1e6) => `$${Number((PRICES[name].each * unit).toPrecision(4))}`;
      const included = (name) => PRICES[name].included.toLocaleString('en');
      return table([
        ['Cloudflare, paid plan, $5 a month', 'included', 'further'],
        ['requests', included('requests'), `${per('requests')} per million`],
        ['CPU milliseconds', included('cpuMilliseconds'), `${per('cpuMilliseconds')} per million`],
        ['KV reads', included('kvReads'), `${per('kvReads')} per million`],
        ['KV writes', included('kvWrites'), `${per('kvWrites')} per million`],
        ['Durable Object requests', included('objectRequests'), `${per('objectRequests')} per million`],
        ['Durable Object duration, GB-s', included('objectGigabyteSeconds'), `${per('objectGigabyteSeconds')} per million`],
        ['Workers Logs, GB, from 2026-12-01', included('logGigabytes'), `${per('logGigabytes', 1)} each`],
      ]);
    },
  };
  return filledSections(page, 'costs', sections, undefined);
}
