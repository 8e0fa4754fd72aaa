// What the soak counts and measures, in windows of equal length, and the verdict on the whole run.
import { median } from '../rounds.mjs';
import { drift, growth } from './trend.mjs';

const MIB = 1024 * 1024;
/**
 * The warm-up, for the memory: the isolate's caches fill, which takes two minutes, and V8 finds the size of its heap. A shorter run has a shorter
 * one.
 */
const WARM_UP = { share: 0.4, mostSeconds: 300 };
/** The warm-up for latencies: V8 compiles the hot code. A drift is best seen from the beginning. */
const WARM_UP_OF_CODE = { share: 0.1, mostSeconds: 60 };
/** How much the memory may grow after the warm-up. V8 gives memory back late and in large parts, so the process may grow more. */
export const ALLOWED_WASM_BYTES = 2 * MIB;
export const ALLOWED_RSS_BYTES = 24 * MIB;
/** Generous, because other programs share the machine, and the latencies are only roughly corrected for that. */
export const ALLOWED_DRIFT = {
  p50: { limit: 3, floor: 1 },
  p99: { limit: 5, floor: 10 },
  cpuMicroseconds: { limit: 2, floor: 100 },
};

// A bucket is 2 % wider than the one before; the first begins at a microsecond, and the last at some minutes.
const BUCKETS_PER_E = 50;
const BUCKETS = 1000;

/** Latencies in buckets, so that an hour of them takes no memory. */
class Latencies {
  #counts = new Uint32Array(BUCKETS);
  #total = 0;

  /** @param {number} milliseconds */
  add(milliseconds) {
    this.#counts[Math.min(BUCKETS - 1, Math.max(0, Math.round(Math.log(milliseconds * 1000) * BUCKETS_PER_E)))] += 1;
    this.#total += 1;
  }

  /** The quantile in milliseconds, to 1 %. */
  quantile(share) {
    let left = this.#total * share;
    const bucket = this.#counts.findIndex((count) => (left -= count) <= 0);
    return Math.exp(bucket / BUCKETS_PER_E) / 1000;
  }
}

/** Counts what happens in one window of time. */
export class Window {
  answers = 0;
  #latencies = new Latencies();
  /** @type {Map<number, number>} */
  #statuses = new Map();
  #memory = { rss: Infinity, wasm: 0 };

  answered(status, milliseconds) {
    this.answers += 1;
    this.#latencies.add(milliseconds);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }

  /** The memory after a garbage collection. The least of the process counts, and the WebAssembly memory never shrinks. */
  sampled({ rss, wasm }) {
    this.#memory = { rss: Math.min(rss, this.#memory.rss), wasm };
  }

  /**
   * The figures of the window, which ended at `second` and took `seconds`, in which the process used `cpuSeconds`. `waits` are those of its thread and of
   * the load's thread (`waitClock`).
   */
  figures({ second, seconds, cpuSeconds, waits }) {
    return {
      second: Math.round(second * 10) / 10,
      perSecond: this.answers / seconds,
      p50: this.#latencies.quantile(0.5),
      p99: this.#latencies.quantile(0.99),
      // How many times longer a request takes because other programs have the processors: it needs both threads, and a queue grows at each. 1 if they
      // are free. Measured on a busy machine, the latency rises about as this product.
      contention: waits.reduce((product, { run, waited }) => product * (1 + waited / run), 1),
      cpuMicroseconds: (cpuSeconds * 1e6) / this.answers,
      ...this.#memory,
      statuses: Object.fromEntries([...this.#statuses].sort(([a], [b]) => a - b)),
    };
  }
}

/** @typedef {ReturnType<Window['figures']>} Figures */

/**
 * The judgement of a run: each finding with the figures that it is based on, and whether it is a failure.
 *
 * @param {Figures[]} windows
 */
export function judgement(windows) {
  const memory = (name, what, allowed) => {
    const samples = settled(windows, WARM_UP).map((one) => ({ x: one.second, y: one[name] }));
    const { slope, low, grown, grows } = growth(samples, allowed);
    const text = `${what}: ${signed(grown / MIB)} MiB from the first to the last quarter after the warm-up; slope ${signed((slope * 3600) / MIB)} MiB/h, its lower bound ${signed((low * 3600) / MIB)}`;
    return { name, text, limit: `a leak is more than ${allowed / MIB} MiB with a lower bound above 0`, failed: grows };
  };
  const change = (name, what, unit, corrected = (one) => one[name]) => {
    const allowed = ALLOWED_DRIFT[name];
    const calm = settled(windows, WARM_UP_OF_CODE);
    const { first, last, ratio, drifts } = drift(calm.map(corrected), allowed);
    // The correction is rough. On a machine that becomes free it rises, and what was measured falls.
    const isMeasured = drift(
      calm.map((one) => one[name]),
      allowed,
    ).drifts;
    const text = `${what}: ${shown(first)} ${unit} in the first fifth, ${shown(last)} ${unit} in the last, ratio ${ratio.toFixed(2)}`;
    return { name, text, limit: `a drift is a ratio above ${allowed.limit} and ${allowed.floor} ${unit} more`, failed: drifts && isMeasured };
  };
  return [
    memory('wasm', 'WebAssembly memory', ALLOWED_WASM_BYTES),
    memory('rss', 'memory of the workerd process', ALLOWED_RSS_BYTES),
    change('p50', 'median latency, without the waiting for processors', 'ms', ({ p50, contention }) => p50 / contention),
    change('p99', '99th percentile of the latency, the same', 'ms', ({ p99, contention }) => p99 / contention),
    change('cpuMicroseconds', 'CPU time per request', 'µs'),
  ];
}

/** The windows after a warm-up. */
function settled(windows, { share, mostSeconds }) {
  const seconds = windows.at(-1)?.second ?? 0;
  return windows.filter(({ second }) => second > Math.min(seconds * share, mostSeconds));
}

const shown = (number) => (number < 10 ? number.toFixed(2) : Math.round(number).toLocaleString('en'));
const signed = (number) => `${number < 0 ? '−' : '+'}${Math.abs(number).toFixed(2)}`;

/** The medians after the warm-up, and the whole counts. */
export function totals(windows) {
  const calm = settled(windows, WARM_UP);
  const middle = (name) => median(calm.map((one) => one[name]));
  /** @type {Record<string, number>} */
  const statuses = {};
  for (const one of windows) for (const [status, count] of Object.entries(one.statuses)) statuses[status] = (statuses[status] ?? 0) + count;
  return {
    answers: Object.values(statuses).reduce((sum, count) => sum + count, 0),
    statuses,
    ...Object.fromEntries(['perSecond', 'p50', 'p99', 'contention', 'cpuMicroseconds', 'rss', 'wasm'].map((name) => [name, middle(name)])),
  };
}
