// What `npm run soak` does: the settings, one run, the files that it writes, and the exit code.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { at } from '../../scripts/lib/paths.mjs';
import { Failure, duration, step } from '../../scripts/lib/steps.mjs';
import { buildWorker } from '../../scripts/lib/worker.mjs';
import { circumstances } from '../circumstances.mjs';
import { PAGE, PICTURE, RESULTS, filled, picture, summary } from './page.mjs';
import { soak } from './soak.mjs';

const USAGE = '✗ npm run soak -- [--minutes 5] [--connections 16] [--seed N] [--coordinator] [--faults "leak verdict …"] [--write]';
const FOLDER = 'target/soak';
const WINDOWS = 60;
/** How often keys rotate: about twenty times in a run, but every few minutes. */
const PERIOD = { share: 1 / 20, leastSeconds: 60, mostSeconds: 180 };

/** Runs it. Throws a `Failure` with everything that is wrong. */
export async function main(args) {
  const { minutes, write, ...settings } = options(args);
  await buildWorker();
  // So that workerd is ended too.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  const seconds = minutes * 60;
  const { leastSeconds, mostSeconds, share } = PERIOD;
  const periodSeconds = Math.min(mostSeconds, Math.max(leastSeconds, seconds * share));
  const load = loadavg()[0];
  const run = {
    ...circumstances(load),
    versions: versions(),
    ...(await step(`The soak, seed ${settings.seed}`, duration(seconds * 1000), () =>
      soak({ seconds, windowSeconds: seconds / WINDOWS, periodSeconds, say: console.log, ...settings }),
    )),
  };
  const { wrong, ...figures } = run;
  // The page and the picture show what the file has.
  const results = JSON.parse(json(figures));
  mkdirSync(at(FOLDER), { recursive: true });
  writeFileSync(at(FOLDER, 'figures.json'), json(figures));
  writeFileSync(at(FOLDER, 'summary.md'), summary(results));
  if (results.windows.length > 0) writeFileSync(at(FOLDER, 'soak.svg'), picture(results));
  console.log(`\n${summary(results)}\n✓ Wrote ${FOLDER}/summary.md, figures.json and soak.svg`);
  if (wrong.length > 0) {
    // These keys and tokens are of this run alone.
    const kept = wrong.map(({ item: { issuer, key, ...item }, ...rest }) => ({
      ...rest,
      ...item,
      issuer: issuer.iss,
      keys: issuer.known.map(({ publicJwk }) => publicJwk),
    }));
    writeFileSync(at(FOLDER, 'wrong.json'), `${JSON.stringify(kept, null, 1)}\n`);
    console.log(`  ${FOLDER}/wrong.json has the tokens that got wrong answers`);
  }
  if (results.failures.length > 0) throw new Failure(results.failures.map((text) => `✗ ${text}`).join('\n'));
  if (!write) return;
  writeFileSync(at(RESULTS), json(figures));
  writeFileSync(at(PAGE), filled(readFileSync(at(PAGE), 'utf8'), results));
  writeFileSync(at(PICTURE), picture(results));
  console.log(`✓ Wrote ${[RESULTS, PAGE, PICTURE].join(', ')}`);
}

/** As JSON with a line for each window. */
function json({ windows, ...rest }) {
  const rounded = (_, value) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value);
  const text = JSON.stringify({ ...rest, windows: 'WINDOWS' }, rounded, 1);
  return `${text.replace('"WINDOWS"', `[\n${windows.map((one) => `  ${JSON.stringify(one, rounded)}`).join(',\n')}\n ]`)}\n`;
}

function options(args) {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '5' },
      connections: { type: 'string', default: '16' },
      seed: { type: 'string', default: String(randomInt(2 ** 32)) },
      coordinator: { type: 'boolean', default: false },
      faults: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  const [minutes, connections, seed] = [values.minutes, values.connections, values.seed].map(Number);
  if (![minutes, connections].every((number) => number > 0) || !Number.isInteger(connections) || !Number.isInteger(seed)) throw new Failure(USAGE);
  return { minutes, connections, seed, coordinator: values.coordinator, faults: values.faults, write: values.write };
}

/** The versions of what the run consists of. */
function versions() {
  const { devDependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  return { workerd: devDependencies.workerd, Node: process.versions.node, jose: devDependencies.jose };
}
