// npm run mutants -- <area>: changes the Worker or the libraries in one place at a time, and expects its native tests to fail.
//
// `cargo mutants --list` says what the mutants are. cargo-mutants itself would compile the crate and its tests once per mutant, which is
// a minute each; mutant-build.mjs puts them all into one build instead, each switched on by a number in an environment variable, and
// mutant-tests.mjs runs only the tests that reach a mutant. Mutants that do not fit into this build are compiled one by one.
//
// A mutant that no test catches must be in crate-mutants-survivors.mjs, with the reason why it may survive; otherwise this fails.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { SURVIVORS } from './crate-mutants-survivors.mjs';
import { builtAlone, builtTogether, PACKAGES } from './mutant-build.mjs';
import { reaching, tried, triedAlone } from './mutant-tests.mjs';
import { at, root } from './paths.mjs';
import { Failure, quietly, step, succeeds } from './steps.mjs';

const VERSION = '27.1.0';
// One line of JSON per mutant, written as the outcomes are known. A run that was interrupted goes on from there.
const RESULTS = at('target', 'mutants', 'crate-results.jsonl');

const ATTACKS_AND_VERDICTS = [
  'attacks_tokens',
  'jwk_sets',
  'rfc_vectors',
  'verify::claims',
  'verify::times',
  'verify::order',
  'verify::keys',
  'verify::secrets',
];

/** Each area: its folder, and the tests of tests/native that a mutant with a build of its own meets first, as texts that their names contain. */
export const AREAS = {
  jose: { folder: 'crates/jose/src', first: ATTACKS_AND_VERDICTS },
  verify: { folder: 'crates/verifier/src/verify', first: ATTACKS_AND_VERDICTS },
  trust: { folder: 'crates/verifier/src/trust', first: [...ATTACKS_AND_VERDICTS, 'configuration', 'exchange', 'gateway'] },
  credentials: { folder: 'crates/verifier/src/credentials', first: ['credentials', 'gateway'] },
  gateway: { folder: 'src/gateway', first: ['gateway'] },
  claims: { folder: 'src/claims', first: ['exchange', 'gateway'] },
  exchange: { folder: 'src/exchange', first: ['exchange'] },
  keys: { folder: 'crates/verifier/src/keys', first: ['jwks_cache', 'jwk_sets'] },
  config: { folder: 'src/config', first: ['configuration'] },
};

/**
 * Tries the mutants of an area, or of all. Returns the exit code.
 *
 * `shard` is `{ index, count }`: every count-th of them from index on. `sample` is a number of mutants instead, which the hash of `seed`, by default that of
 * the commit, chooses. `alone` tries those that need a build of their own, and only those. With `fast`, no mutant meets the slowest tests. With `atLeast`, survivors without a reason are permitted
 * as long as this percentage of all mutants is caught or explained. With `fresh`, outcomes of earlier runs are not used.
 *
 * @param {string} name
 * @param {{ shard?: { index: number, count: number }, sample?: number, seed?: string, alone?: boolean, fast?: boolean, atLeast?: number, fresh?: boolean }} [options]
 */
export async function crateMutants(name, { shard = { index: 0, count: 1 }, sample, seed, alone = false, fast = false, atLeast, fresh = false } = {}) {
  const areas = name === 'all' ? Object.keys(AREAS) : [name];
  const unknown = areas.find((area) => !AREAS[area]);
  if (unknown) throw new Failure(`✗ There is no area ${unknown}. There are: ${Object.keys(AREAS).join(', ')}, all`);
  const mutants = await listed(await cargoMutants(), areas);
  const known = fresh ? new Map() : earlierOutcomes();
  for (const mutant of mutants) mutant.earlier = known.get(mutant.hash);
  let chosen = mutants.filter((_, index) => index % shard.count === shard.index);
  if (alone) chosen = chosen.filter(({ earlier }) => earlier?.outcome === 'separate' || earlier?.alone);
  if (sample) chosen = sampled(chosen, sample, seed ?? execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim());
  for (const mutant of chosen) {
    const { earlier } = mutant;
    if (earlier && (earlier.outcome !== 'separate' || !alone) && (earlier.outcome !== 'survived' || earlier.tests === testsHash()))
      Object.assign(mutant, earlier);
  }
  const open = chosen.filter(({ outcome }) => outcome === undefined);
  testsHash();
  console.log(`${chosen.length} of ${mutants.length} mutants, ${open.length} of them without an outcome yet`);
  if (open.length > 0) await (alone ? oneByOne(open) : together(open, fast));
  return summary(areas, chosen, atLeast);
}

/**
 * The path of cargo-mutants: the installed one if it has the right version. Otherwise it is compiled into target/tools. It is a test tool, and not part of
 * what is deployed.
 */
async function cargoMutants() {
  const folder = at('target', 'tools');
  const tool = join(folder, 'bin', 'cargo-mutants');
  const isRight = async (command) =>
    (await succeeds(command, ['mutants', '--version'])) &&
    (await quietly(command, ['mutants', '--version'], { stdoutOnly: true })).trim() === `cargo-mutants ${VERSION}`;
  for (const command of ['cargo-mutants', tool]) if (await isRight(command)) return command;
  await step(`Compiling cargo-mutants ${VERSION}`, '2 to 5 min', () =>
    quietly('cargo', ['install', '--locked', '--debug', '--version', VERSION, '--root', folder, 'cargo-mutants']),
  );
  return tool;
}

/** The mutants of these areas, in their order, with the members `id`, from 1 on, `area`, `key` and `hash`. */
async function listed(tool, areas) {
  const files = areas.flatMap((area) => ['--file', `${AREAS[area].folder}/**`]);
  const packages = PACKAGES.flatMap((name) => ['--package', name]);
  const list = JSON.parse(await quietly(tool, ['mutants', '--list', '--json', ...packages, ...files], { stdoutOnly: true }));
  const area = (mutant) => areas.find((name) => mutant.file.startsWith(`${AREAS[name].folder}/`));
  list.sort((one, other) => areas.indexOf(area(one)) - areas.indexOf(area(other)));
  const sources = new Map();
  return list.map((mutant, index) => {
    if (!sources.has(mutant.file)) sources.set(mutant.file, readFileSync(at(mutant.file), 'utf8').split('#[cfg(test)]\nmod tests {')[0]);
    // The key is the name without the place, so that the table of survivors stays right when lines move.
    const key = mutant.name.replace(/:\d+:\d+: /, ': ');
    return { ...mutant, id: index + 1, area: area(mutant), key, hash: hashOf(sources.get(mutant.file), mutant.name) };
  });
}

const hashOf = (...texts) => createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 24);

/** The hash of all sources of tests: a mutant that survived is tried again when a test has changed. */
let hashOfTests;
function testsHash() {
  const files = () =>
    execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'src', 'tests', 'crates'], { cwd: root, encoding: 'utf8' }).split(
      '\n',
    );
  hashOfTests ??= hashOf(
    ...files()
      .filter((file) => file.endsWith('.rs') && existsSync(at(file)))
      .map((file) => readFileSync(at(file), 'utf8')),
  );
  return hashOfTests;
}

/** `count` of the mutants, as the hash of the seed and of their names chooses. */
function sampled(mutants, count, seed) {
  const rank = new Map(mutants.map((mutant) => [mutant, hashOf(seed, mutant.name)]));
  return [...mutants]
    .sort((one, other) => (rank.get(one) < rank.get(other) ? -1 : 1))
    .slice(0, count)
    .sort((one, other) => one.id - other.id);
}

function earlierOutcomes() {
  if (!existsSync(RESULTS)) return new Map();
  const lines = readFileSync(RESULTS, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return new Map(lines.map(({ hash, name: _, ...result }) => [hash, result]));
}

function report(mutant, result) {
  Object.assign(mutant, result);
  const { hash, name } = mutant;
  appendFileSync(RESULTS, `${JSON.stringify({ hash, name, ...result })}\n`);
}

async function together(mutants, onlyFast) {
  const build = await step('Compiling the mutants', '2 to 8 min', () => builtTogether(mutants, (mutant, outcome) => report(mutant, { outcome })));
  const fast = await step('Running the fast tests without a mutant', '40 s', () => reaching(build, 'fast'));
  const placed = mutants.filter(({ outcome }) => outcome === undefined);
  const left = [];
  // An explained mutant meets all its tests in vain.
  const chosen = placed.filter(({ key }) => !onlyFast || !SURVIVORS[key]);
  await step(`Trying ${chosen.length} mutants with the fast tests that reach them`, '0.3 s each', () =>
    inParallel(chosen, async (mutant) => {
      const { outcome, by } = await tried(mutant, fast);
      if (outcome === 'caught' || outcome === 'timeout') report(mutant, { outcome, by });
      else left.push({ mutant, reached: outcome !== 'unreached' });
    }),
  );
  const survived = (mutant, reached) => report(mutant, { outcome: 'survived', reached, tests: onlyFast ? undefined : testsHash() });
  const open = left.filter(({ mutant }) => !onlyFast && !SURVIVORS[mutant.key]);
  for (const { mutant, reached } of left.filter((one) => !open.includes(one))) survived(mutant, reached);
  for (const mutant of placed.filter((one) => !chosen.includes(one))) survived(mutant, true);
  if (open.length === 0) return;
  const slow = await step('Running the slow tests without a mutant', '1 min', () => reaching(build, 'slow'));
  await step(`Trying ${open.length} survivors with the slow tests that reach them`, '20 s each', () =>
    inParallel(open, async ({ mutant, reached }) => {
      const { outcome, by } = await tried(mutant, slow);
      if (outcome === 'caught' || outcome === 'timeout') report(mutant, { outcome, by });
      else survived(mutant, reached || outcome !== 'unreached');
    }),
  );
}

/** Compiles and tests each of these mutants by itself, in the unchanged sources. */
async function oneByOne(mutants) {
  await step(`Compiling and testing ${mutants.length} mutants one by one`, '1 to 2 min each', () =>
    builtAlone(mutants, async (mutant, build) => {
      if (!build) return report(mutant, { outcome: 'unviable', alone: true });
      const module = mutant.file
        .replace(/^(crates\/[a-z]+\/)?src\//, '')
        .replace(/(\/mod)?\.rs$/, '')
        .replaceAll('/', '::');
      const { outcome, by } = await triedAlone(build, module, AREAS[mutant.area].first);
      return report(mutant, { outcome, by, alone: true, ...(outcome === 'survived' && { reached: true, tests: testsHash() }) });
    }),
  );
}

/** Two at a time where there are two processors. */
async function inParallel(items, work) {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
}

/** Prints a line per area and every survivor that the table does not explain. Returns the exit code. */
function summary(areas, mutants, atLeast = 100) {
  const wrong = [];
  let all = 0;
  for (const area of areas) {
    const counts = { caught: 0, timeout: 0, survived: 0, explained: 0, unviable: 0, separate: 0 };
    for (const mutant of mutants.filter((one) => one.area === area)) {
      const explained = mutant.outcome === 'survived' && SURVIVORS[mutant.key];
      counts[explained ? 'explained' : mutant.outcome] += 1;
      if (mutant.outcome === 'survived' && !explained) wrong.push(`✗ No test catches ${mutant.name}${mutant.reached ? '' : ' (no test reaches it)'}`);
    }
    const { caught, timeout, survived, explained, unviable, separate } = counts;
    const tried = caught + timeout + survived + explained;
    all += tried;
    const share = tried === 0 ? '' : `, ${(((caught + timeout) / tried) * 100).toFixed(1)} % caught`;
    const left = separate === 0 ? '' : `, ${separate} not tried (they need --one-by-one)`;
    console.log(
      `${area}: ${tried} mutants tried: ${caught} caught, ${timeout} timed out, ${explained} explained, ${survived} survived${share}; ${unviable} do not compile${left}`,
    );
  }
  for (const line of wrong) console.error(line);
  return all - wrong.length >= (all * atLeast) / 100 ? 0 : 1;
}
