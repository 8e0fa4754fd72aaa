// The parts of a run, in the order in which they are measured, each with its usual duration. A part that fails does not stop the others.
import { Failure, duration } from '../scripts/lib/steps.mjs';
import { buildWorker } from '../scripts/lib/worker.mjs';
import { alone } from './alone.mjs';
import { calls } from './calls.mjs';
import { memory } from './memory.mjs';
import { compileNative, native } from './native.mjs';
import { profile } from './profile.mjs';
import { GATEWAY, MEASUREMENTS, bounds, engines, exchange, growth, secondsFor, served, sizes } from './served.mjs';
import { startUp } from './startup.mjs';
import { createSubject } from './subjects.mjs';
import { startWorkerd } from './workerd.mjs';

const ALONE = [
  ...['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256'].map((algorithm) => ({ algorithm })),
  ...[3072, 4096].map((modulusLength) => ({ algorithm: 'RS256', modulusLength, name: `RS256, ${modulusLength} bits` })),
];
const BENCH_WORKER = 'target/bench-worker';

/** The parts that compare with others, without which a run says little. */
export const COMPARISON = ['served', 'alone'];

/**
 * @typedef {{ rounds: number, seconds: number, connections: number, requests: number, folders: { worker: string, benchWorker: string, slim?: string } }} Settings
 * @type {Record<string, { seconds: (settings: Settings) => number, run: (settings: Settings) => Promise<object>, prepare?: () => Promise<unknown> }>}
 */
export const PARTS = {
  // First, while the machine is as idle as the circumstances say.
  served: {
    seconds: (settings) => 25 + secondsFor(MEASUREMENTS.served, settings),
    async run(settings) {
      const rows = await served(settings);
      const isGateway = ({ name }) => name.startsWith(GATEWAY);
      return {
        served: rows.filter((row) => !isGateway(row)),
        gateway: rows.filter(isGateway).map((row) => ({ ...row, name: row.name.slice(GATEWAY.length) })),
      };
    },
  },
  bounds: { seconds: (settings) => 5 + secondsFor(MEASUREMENTS.bounds, settings), run: async (settings) => ({ bounds: await bounds(settings) }) },
  sizes: { seconds: (settings) => 15 + secondsFor(MEASUREMENTS.sizes, settings), run: async (settings) => ({ sizes: await sizes(settings) }) },
  growth: { seconds: (settings) => 20 + secondsFor(MEASUREMENTS.growth, settings), run: async (settings) => ({ growth: await growth(settings) }) },
  exchange: {
    seconds: (settings) => 5 + secondsFor(MEASUREMENTS.exchange, settings),
    run: async (settings) => ({ exchange: await exchange(settings) }),
  },
  calls: { seconds: ({ rounds }) => 5 + rounds * 2.5, run: async (settings) => ({ calls: await calls(settings) }) },
  engines: {
    seconds: (settings) => 25 + secondsFor(MEASUREMENTS.engines, halved(settings)),
    run: async (settings) => ({ engines: await engines(halved(settings)) }),
  },
  startUp: { seconds: ({ rounds }) => rounds * 4, run: async (settings) => ({ startUp: await startUp(settings) }) },
  profile: { seconds: ({ seconds }) => 5 + 18 * seconds, run: async (settings) => ({ profile: await profile(settings) }) },
  memory: { seconds: ({ requests }) => 10 + requests / 1500, run: async (settings) => ({ memory: await memory(settings) }) },
  native: { seconds: ({ rounds }) => 15 + rounds * 2, prepare: compileNative, run: async (settings) => ({ native: await native(settings) }) },
  alone: {
    seconds: ({ rounds }) => 10 + rounds * 11,
    prepare: () => buildWorker({ folder: BENCH_WORKER, features: ['bench'], entry: 'bench/workers/assay.js' }),
    async run(settings) {
      const subjects = await Promise.all(ALONE.map(({ algorithm, ...options }) => createSubject(algorithm, 1, options)));
      const workerd = await startWorkerd(subjects, { ...settings.folders, benchWorker: BENCH_WORKER, only: 'verify-alone' });
      try {
        return { alone: await alone(workerd, subjects, settings) };
      } finally {
        await workerd.stop();
      }
    },
  },
};

const halved = (settings) => ({ ...settings, rounds: Math.ceil(settings.rounds / 2) });

/**
 * Runs these parts and returns their results, with the message of each that failed under `failed`.
 *
 * @param {string[]} names
 * @param {Settings} settings
 */
export async function measured(names, settings) {
  const total = names.reduce((sum, name) => sum + PARTS[name].seconds(settings), 0);
  console.log(
    `▸ ${names.length} part${names.length > 1 ? 's' : ''}, about ${duration(total * 1000)} on an idle machine, without what has to be compiled: ${names.join(', ')}`,
  );
  const results = {};
  /** @type {Record<string, string>} */
  const failed = {};
  const attempted = async (name, work) => {
    try {
      await work();
    } catch (error) {
      failed[name] = error instanceof Error ? error.message : String(error);
      console.error(`✗ ${name}: ${error instanceof Failure ? error.message : (error?.stack ?? error)}`);
    }
  };
  // What is compiled would disturb what is measured.
  for (const name of names) await attempted(name, async () => PARTS[name].prepare?.());
  const begin = performance.now();
  for (const [index, name] of names.entries()) {
    if (!failed[name]) await attempted(name, async () => Object.assign(results, await PARTS[name].run(settings)));
    const left = names.slice(index + 1).reduce((sum, later) => sum + PARTS[later].seconds(settings), 0);
    console.log(`· ${index + 1} of ${names.length} parts after ${duration(performance.now() - begin)}, about ${duration(left * 1000)} left`);
  }
  return { ...results, failed };
}
