// One soak: workerd under a paced load of changing tokens, whose every answer is compared with what is right.
import { createLocalJWKSet } from 'jose';
import { readFileSync } from 'node:fs';
import { generator } from '../../tests/workerd/support/oracle.mjs';
import { duration } from '../../scripts/lib/steps.mjs';
import { cpuClock, waitClock } from '../cpu.mjs';
import { ASKS, LEAVING_SHARE, chosen } from './asks.mjs';
import { Connection } from './client.mjs';
import { Window, judgement, totals } from './figures.mjs';
import { createIssuers, rotate, serveIssuers } from './issuers.mjs';
import { createLog } from './log.mjs';
import { right } from './oracle.mjs';
import { startSoaked } from './runtime.mjs';
import { serveStore } from './store.mjs';
import { USED_SECONDS, tokenSource } from './tokens.mjs';

/** Tokens that are in use at the same time: more than an isolate remembers. */
const POOL = 2500;
const FIRST_TOKENS = 300;
/** New tokens in a second; each replaces an old one. */
const MINTED_PER_SECOND = 60;
/** Every so many tokens one stays in use until USED_SECONDS, so that its key is withdrawn meanwhile. */
const VETERAN_EVERY = 20;
/** The share of requests with one of a few tokens, like the clients of a busy API. */
const REPEATED_SHARE = 0.3;
const REPEATED_TOKENS = 50;
const VETERAN_SHARE = 0.02;
/** The share of the run's length that the calibration takes before it, and the most. */
const CALIBRATION = { share: 1 / 4, mostSeconds: 8 };
/** Of what the machine can. */
const LOAD = 0.5;
/** How often garbage is collected and the memory measured. With longer pauses, garbage would enlarge the process for good. */
const SAMPLED_EVERY_MS = 3000;
/** An answer that does not come for so long is missing. */
const PATIENCE_MS = 30_000;
/** COORDINATOR_FETCHES_PER_MINUTE of the verifier's limits. */
const COORDINATED_PER_MINUTE = 4;
/** After so many wrong answers the run ends. */
const WRONG_ANSWERS_KEPT = 20;

/**
 * @typedef {{ problem: string, ask: string, item: import('./tokens.mjs').Item, second: number, times: { sent: number, received: number } }} Wrong
 */

/**
 * Runs one soak of this many seconds after the calibration. `faults` names deliberate ones (bench/workers/faulty.js), `periodSeconds` how often keys rotate.
 * Returns the results; `results.failures` says what is wrong, and is empty if nothing is.
 *
 * @param {{ seconds: number, windowSeconds: number, periodSeconds: number, connections: number, seed: number, faults?: string, coordinator?: boolean, say?: (line: string) => void }} settings
 */
export async function soak({ seconds, windowSeconds, periodSeconds, connections, seed, faults, coordinator = false, say = () => {} }) {
  const issuers = await createIssuers();
  const server = await serveIssuers(issuers);
  const store = await serveStore();
  const log = createLog();
  const workerd = await startSoaked(issuers, server.url, { storePort: store.port, faults, coordinator, onLine: log.line });
  let stopped = false;
  const isStopped = () => stopped;
  const pool = createPool(tokenSource(issuers, seed), seed);
  const open = Array.from({ length: connections }, () => new Connection(workerd.port));
  try {
    await pool.fill(FIRST_TOKENS);
    const publicKeys = await (await fetch(`http://127.0.0.1:${workerd.port}/.well-known/jwks.json`)).json();
    const random = generator(seed + 1);
    const world = { explainKey: workerd.explainKey, seen: server.seen, signedHere: createLocalJWKSet(publicKeys), random, coordinator };
    const run = createRun(world, pool, random, isStopped);

    const calibrated = new Window();
    const calibrationSeconds = Math.min(seconds * CALIBRATION.share, CALIBRATION.mostSeconds);
    await load(open, { seconds: calibrationSeconds, perSecond: Infinity, random, isStopped }, run.ask(calibrated));
    const capacity = calibrated.answers / calibrationSeconds;
    const perSecond = capacity * LOAD;
    say(`  the machine answers ${Math.round(capacity)} requests/s of this load, so ${Math.round(perSecond)} are sent`);

    const background = [
      ...issuers.map((issuer, index) => rotate(issuer, { periodMs: periodSeconds * 1000, overlapsFirst: index % 2 === 0, stopped: isStopped })),
      pool.renew(isStopped),
    ];
    /** @type {import('./figures.mjs').Figures[]} */
    const windows = [];
    const cpuSeconds = cpuClock(workerd.pid);
    const clocks = [waitClock(workerd.pid), waitClock(process.pid)];
    const begun = performance.now();
    let window = new Window();
    const measuring = (async () => {
      while (!stopped && windows.length * windowSeconds < seconds) {
        const [from, cpu] = [performance.now(), cpuSeconds()];
        const end = from + windowSeconds * 1000;
        while (!stopped && performance.now() < end) {
          await new Promise((resolve) => setTimeout(resolve, Math.min(SAMPLED_EVERY_MS, end - performance.now())));
          const wasm = await workerd.wasmBytesAfterCollection();
          window.sampled({ wasm, rss: rssBytes(workerd.pid) });
        }
        const finished = window;
        window = new Window();
        const now = performance.now();
        const waits = clocks.map((clock) => clock());
        const figures = finished.figures({ waits, second: (now - begun) / 1000, seconds: (now - from) / 1000, cpuSeconds: cpuSeconds() - cpu });
        windows.push(figures);
        say(lineOf(figures));
        if (run.wrong.length >= WRONG_ANSWERS_KEPT) stopped = true;
      }
      stopped = true;
    })();
    const ended = workerd.ended.then(() => {
      if (!stopped) run.broke('workerd ended');
      stopped = true;
    });
    await Promise.race([load(open, { seconds: Infinity, perSecond, random, isStopped }, (...args) => run.ask(window)(...args)), ended]);
    await Promise.all([measuring, ...background]);

    const findings = windows.length * windowSeconds < seconds ? [] : judgement(windows);
    return {
      settings: { seconds, windowSeconds, periodSeconds, connections, seed, load: LOAD, coordinator },
      capacity,
      windows,
      totals: totals(windows),
      asks: run.counts,
      tokens: pool.made(),
      ways: pool.ways(),
      rotations: issuers.map(({ algorithm, rotations, fetches, mostPerMinute }) => ({ algorithm, ...rotations, fetches, mostPerMinute })),
      log: log.events(),
      findings,
      wrong: run.wrong,
      failures: [
        ...run.failures(),
        ...log.failures(),
        ...(coordinator && !log.events().coordinator_failed ? tooManyFetches(issuers) : []),
        ...findings.filter(({ failed }) => failed).map(({ text, limit }) => `${text}; ${limit}`),
      ],
    };
  } finally {
    stopped = true;
    for (const connection of open) connection.close();
    await workerd.stop();
    await Promise.all([server.close(), store.close()]);
  }
}

const rssBytes = (pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;

function lineOf({ second, contention, perSecond, p50, p99, cpuMicroseconds, rss, wasm }) {
  const mib = (bytes) => (bytes / 1024 / 1024).toFixed(1);
  return `  ${duration(second * 1000).padStart(11)}  ${Math.round(perSecond)} requests/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms  contention ${contention.toFixed(1)}  CPU ${Math.round(cpuMicroseconds)} µs  memory ${mib(rss)} MiB, wasm ${mib(wasm)} MiB`;
}

/** The tokens in use. */
function createPool(next, seed) {
  const random = generator(seed + 2);
  /** @type {import('./tokens.mjs').Item[]} */
  const items = [];
  /** @type {import('./tokens.mjs').Item[]} */
  let veterans = [];
  const ways = new Set();
  let made = 0;
  async function add() {
    const item = await next();
    ways.add(item.way);
    if (items.length < POOL) items.push(item);
    else items[made % POOL] = item;
    if (made % VETERAN_EVERY === 0) veterans = [...veterans.filter(({ madeAt }) => Date.now() - madeAt < (USED_SECONDS - 5) * 1000), item];
    made += 1;
  }
  return {
    async fill(count) {
      while (made < count) await add();
    },
    async renew(isStopped) {
      const begun = Date.now();
      for (let renewed = 0; !isStopped();) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        for (; renewed < ((Date.now() - begun) / 1000) * MINTED_PER_SECOND && !isStopped(); renewed += 1) await add();
      }
    },
    /** One of them for the next request. */
    one() {
      const share = random.next();
      if (share < VETERAN_SHARE) return random.one(veterans);
      if (share >= VETERAN_SHARE + REPEATED_SHARE) return random.one(items);
      // The newest ones; a ring once it is full.
      const back = 1 + random.below(Math.min(REPEATED_TOKENS, items.length));
      return items[(made - back) % items.length];
    },
    made: () => made,
    ways: () => ways.size,
  };
}

/** The requests, their answers, and what is wrong with these. */
function createRun(world, pool, random, isStopped) {
  /** @type {Wrong[]} */
  const wrong = [];
  /** @type {string[]} */
  const broken = [];
  /** @type {Record<string, number>} */
  const counts = Object.fromEntries([...Object.keys(ASKS), 'left'].map((name) => [name, 0]));
  let number = 0;
  const begun = Date.now();

  /** @param {Window} window */
  const ask = (window) => async (/** @type {Connection} */ connection) => {
    number += 1;
    const own = number;
    const item = pool.one();
    const name = chosen(item, random);
    const text = ASKS[name].text(item, world, own);
    if (random.next() < LEAVING_SHARE) {
      counts.left += 1;
      return connection.leave(text);
    }
    const [sent, from] = [Date.now(), performance.now()];
    const overdue = setTimeout(() => broken.push(`no answer of ${name} within ${PATIENCE_MS / 1000} s`), PATIENCE_MS);
    try {
      const answer = await connection.send(text);
      window.answered(answer.status, performance.now() - from);
      const received = Date.now();
      counts[name] += 1;
      const expected = await right(item, { sent, received, coordinator: world.coordinator });
      const problem = await ASKS[name].fault(answer, expected, item, world, own);
      if (problem) wrong.push({ problem, ask: name, item, second: (sent - begun) / 1000, times: { sent, received } });
    } catch (error) {
      // The process that is being stopped closes its connections.
      if (!isStopped()) broken.push(`${name}: ${error instanceof Error ? error.message : error}`);
    } finally {
      clearTimeout(overdue);
    }
  };

  return {
    ask,
    wrong,
    counts,
    broke: (problem) => void broken.push(problem),
    failures: () => [...wrong.map(described), ...broken.slice(0, WRONG_ANSWERS_KEPT)],
  };
}

/** What is wrong with a coordinator that fetches too often. */
function tooManyFetches(issuers) {
  return issuers
    .filter(({ mostPerMinute }) => mostPerMinute > COORDINATED_PER_MINUTE)
    .map(
      ({ algorithm, mostPerMinute }) =>
        `the issuer of ${algorithm} was asked ${mostPerMinute} times within a minute, although there is a coordinator`,
    );
}

/** A wrong answer in words, without the token. */
function described({ problem, ask, item, second, times }) {
  const { number, way, issuer, key, token, madeAt } = item;
  const age = (from) => `${((times.sent - from) / 1000).toFixed(1)} s`;
  const ofKey = [
    key.publishedAt > 0 && `published ${age(key.publishedAt)} before`,
    key.withdrawnAt !== undefined && key.withdrawnAt < times.received && `withdrawn ${age(key.withdrawnAt)} before`,
  ];
  return [
    `wrong answer at ${second.toFixed(1)} s, ${ask}: ${problem}`,
    `token ${number} (${way}; ${issuer.algorithm}, ${token.length} characters, made ${age(madeAt)} before; its key ${ofKey.filter(Boolean).join(', ') || 'one of the first'})`,
  ].join('; ');
}

/**
 * Calls `ask` on each connection, again and again: at once after the answer, or at random moments so that all together send `perSecond`. A
 * connection sends nothing before it has its answer, so a slow machine gets fewer requests and no queue grows.
 *
 * @param {Connection[]} connections
 * @param {{ seconds: number, perSecond: number, random: { next: () => number }, isStopped: () => boolean }} options
 * @param {(connection: Connection) => Promise<void>} ask
 */
async function load(connections, { seconds, perSecond, random, isStopped }, ask) {
  const end = performance.now() + seconds * 1000;
  const pause = (connections.length / perSecond) * 1000;
  await Promise.all(
    connections.map(async (connection) => {
      let due = performance.now() + pause * random.next();
      while (!isStopped() && performance.now() < end) {
        const wait = due - performance.now();
        if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait));
        due = Math.max(due - pause * Math.log(1 - random.next()), performance.now() - pause);
        await ask(connection);
      }
    }),
  );
}
