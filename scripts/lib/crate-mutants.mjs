// npm run mutants -- <area>: changes the root crate in one place at a time, and expects its native tests to fail.
//
// `cargo mutants --list` says what the mutants are. cargo-mutants itself would compile the crate and its tests once per mutant, which is
// half a minute each; tools/mutants puts them all into one build instead, each switched on by a number in an environment variable. Mutants
// that do not fit into this build, such as those in constants, are compiled one by one.
//
// Everything happens in a copy of the sources under target/mutants. A mutant that no test catches must be in crate-mutants-survivors.mjs,
// with the reason why it may survive; otherwise this fails.
import { spawn } from 'node:child_process';
import { appendFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { SURVIVORS } from './crate-mutants-survivors.mjs';
import { at, root } from './paths.mjs';
import { copySourcesTo } from './source-copy.mjs';
import { Failure, quietly, step, succeeds } from './steps.mjs';

const VERSION = '27.1.0';
const TREE = at('target', 'mutants', 'crate');
const BUILD = at('target', 'mutants', 'crate-build');
const TOOL = at('target', 'mutants', 'tool');
// One line per test run of a mutant, written as they end.
const RESULTS = at('target', 'mutants', 'crate-results.txt');
const SWITCH = 'ASSAY_MUTANT';
const LONGEST_MS = 600_000;
// A mutant can loop for ever. It gets this time, and five times what the tests take without it.
const SHORTEST_LIMIT_MS = 20_000;
// The compiler reports types before lifetimes, so several rounds are usual.
const MOST_ROUNDS = 20;

const ATTACKS_AND_VERDICTS = ['attacks_tokens', 'jwk_sets', 'rfc_vectors', 'verify::claims', 'verify::times', 'verify::order', 'verify::keys', 'verify::secrets'];

/**
 * Each area, which is a folder of src, with the tests of tests/native that run first: texts that their names contain. A mutant that survives
 * them and the unit tests of its module meets all other tests, except UNRELATED.
 */
export const AREAS = {
  jose: ATTACKS_AND_VERDICTS,
  verify: ATTACKS_AND_VERDICTS,
  trust: [...ATTACKS_AND_VERDICTS, 'configuration'],
  gateway: ['gateway'],
  exchange: ['exchange'],
  keys: ['jwks_cache', 'jwk_sets'],
  config: ['configuration'],
};

// They compare files of the repository with each other.
const UNRELATED = ['documents', 'supply_chain', 'security_page'];

const MUTATION_MODULE = `
#[doc(hidden)]
pub mod mutation {
    //! Which mutant is switched on.
    static ACTIVE: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    #[must_use]
    pub fn active(id: u32) -> bool {
        *ACTIVE.get_or_init(|| std::env::var("${SWITCH}").ok().and_then(|text| text.parse().ok()).unwrap_or(0)) == id
    }
}
`;

/**
 * Tries the mutants of an area, or of all. With a shard `{ index, count }`, every count-th of them from index on. Returns the exit code.
 * `separately` says whether mutants that need a build of their own are tried too. With `atLeast`, survivors without a reason are permitted
 * as long as this percentage of all mutants is caught or explained.
 */
export async function crateMutants(name, { shard = { index: 0, count: 1 }, separately = true, atLeast } = {}) {
  const areas = name === 'all' ? Object.keys(AREAS) : [name];
  const unknown = areas.find((area) => !AREAS[area]);
  if (unknown) throw new Failure(`✗ There is no area ${unknown}. There are: ${Object.keys(AREAS).join(', ')}, all`);
  const tool = await cargoMutants();
  const mutants = await listed(tool, areas);
  const chosen = mutants.filter((_, index) => index % shard.count === shard.index);
  console.log(`${chosen.length} of ${mutants.length} mutants`);

  copySources();
  writeFileSync(RESULTS, '');
  const build = await step('Compiling the mutants', '3 to 8 min', () => builtTogether(chosen));
  const limits = await step('Testing without a mutant', '20 s', () => timed(build, new Set(chosen.map(({ area }) => area))));
  const together = chosen.filter(({ outcome }) => outcome === undefined);
  await step(`Testing ${together.length} mutants with the tests of their modules and areas`, '1 to 3 s each', () =>
    inParallel(together, async (mutant) => report(mutant, await nearOutcome(build, mutant, limits))),
  );
  const survivors = together.filter(({ outcome }) => outcome === 'survived');
  const alone = separately ? chosen.filter(({ outcome }) => outcome === 'separate') : [];
  if (survivors.length + alone.length > 0) {
    await step(`Testing ${survivors.length} survivors with all tests`, '1 min each', async () => {
      Object.assign(limits, await timed(build, ['all']));
      await inParallel(survivors, async (mutant) => report(mutant, await outcome([build.unit, build.native], [], mutant, limits.all)));
    });
  }
  await oneByOne(alone, limits);
  return summary(areas, chosen, atLeast);
}

/** The path of cargo-mutants, which is compiled into target/tools if it is absent. It is a test tool, and not part of what is deployed. */
async function cargoMutants() {
  const folder = at('target', 'tools');
  const tool = join(folder, 'bin', 'cargo-mutants');
  if (await succeeds(tool, ['mutants', '--version'])) return tool;
  await step(`Compiling cargo-mutants ${VERSION}`, '2 to 5 min', () =>
    quietly('cargo', ['install', '--locked', '--debug', '--version', VERSION, '--root', folder, 'cargo-mutants']),
  );
  return tool;
}

/** The mutants of these areas, in their order, with the members `id`, from 1 on, `area` and `key`. */
async function listed(tool, areas) {
  const files = areas.flatMap((area) => ['--file', `src/${area}/**`]);
  const list = JSON.parse(await quietly(tool, ['mutants', '--list', '--json', '--package', 'edge-assay', ...files], { stdoutOnly: true }));
  const area = (mutant) => mutant.file.split('/')[1];
  list.sort((one, other) => areas.indexOf(area(one)) - areas.indexOf(area(other)));
  // The key is the name without the place, so that the table of survivors stays right when lines move.
  return list.map((mutant, index) => ({ ...mutant, id: index + 1, area: area(mutant), key: mutant.name.replace(/:\d+:\d+: /, ': ') }));
}

/** Copies the sources, with the switch for mutants. The compiler's incremental data are kept from one run to the next. */
function copySources() {
  copySourcesTo(TREE);
  writeFileSync(join(TREE, 'src', 'lib.rs'), readFileSync(at('src', 'lib.rs'), 'utf8') + MUTATION_MODULE);
}

/**
 * Builds the tests with all mutants that compile. Sets `outcome` to `unviable` for a mutant whose own text does not compile, and to
 * `separate` for one that cannot be switched on at run time.
 */
async function builtTogether(mutants) {
  await quietly('cargo', ['build', '--locked', '--package', 'mutants', '--target-dir', TOOL]);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    for (const file of new Set(mutants.map((mutant) => mutant.file))) cpSync(at(file), join(TREE, file));
    const placed = mutants.filter((mutant) => mutant.outcome === undefined);
    const unplaced = new Set(await placedIn(TREE, placed));
    for (const mutant of placed) if (unplaced.has(mutant.id)) mutant.outcome = 'separate';
    const { errors, build } = await builtTests();
    if (errors.length === 0) return build;
    if (!drop(errors, mutants)) throw new Failure(`✗ The mutants do not compile:\n${errors.map(({ rendered }) => rendered).join('\n')}`);
  }
  throw new Failure(`✗ The mutants do not compile after ${MOST_ROUNDS} rounds.`);
}

/** Writes the changed files with tools/mutants. Returns the ids that it cannot place. */
async function placedIn(tree, mutants) {
  const child = spawn(join(TOOL, 'debug', 'mutants'), [root, tree], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(mutants));
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) output += chunk;
  return JSON.parse(output);
}

/** Gives each mutant that an error points at its outcome. Returns whether there was one. */
function drop(errors, mutants) {
  const byId = new Map(mutants.map((mutant) => [mutant.id, mutant]));
  const texts = new Map();
  let dropped = false;
  const set = (id, outcome) => {
    const mutant = byId.get(id);
    if (!mutant || mutant.outcome) return;
    mutant.outcome = outcome;
    dropped = true;
  };
  for (const error of errors) {
    for (const { file_name: file, byte_start: byte } of error.spans.filter((span) => span.is_primary)) {
      if (!texts.has(file)) texts.set(file, readFileSync(join(TREE, file)));
      const around = marksAround(texts.get(file), byte);
      const own = around.findLast((mark) => mark.own);
      if (own) set(own.ids[0], 'unviable');
      else for (const id of around.at(-1)?.ids ?? []) set(id, 'separate');
    }
  }
  return dropped;
}

/** The marks of tools/mutants that are open at this byte, the outermost first. */
function marksAround(bytes, byte) {
  const open = [];
  for (const mark of bytes.subarray(0, byte).toString('latin1').matchAll(/\/\*(?:([[<])([\d,]+)|[\]>])\*\//g)) {
    if (mark[1]) open.push({ own: mark[1] === '<', ids: mark[2].split(',').map(Number) });
    else open.pop();
  }
  return open;
}

/** Compiles the unit tests and tests/native. Returns the paths of the two binaries, or the compiler's errors. */
function builtTests() {
  const args = ['test', '--locked', '--profile', 'mutants', '--package', 'edge-assay', '--lib', '--test', 'native', '--no-run', '--message-format=json'];
  const env = { ...process.env, CARGO_TARGET_DIR: BUILD };
  return new Promise((resolve, reject) => {
    const child = spawn('cargo', args, { cwd: TREE, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => {
      const messages = output.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
      const errors = messages.filter(({ reason, message }) => reason === 'compiler-message' && message.level === 'error' && message.spans.length > 0);
      if (code !== 0 && errors.length === 0) reject(new Failure(`✗ cargo ${args.join(' ')}\n${stderr}`));
      const binary = (name) => messages.find(({ executable, target }) => executable && target.name === name && target.kind[0] !== 'bin')?.executable;
      resolve({ errors: errors.map(({ message }) => message), build: { unit: binary('edge_assay'), native: binary('native') } });
    });
  });
}

/** Runs the tests of each area, or those of `all`, without a mutant. Returns for each the time after which a mutant's tests count as endless. */
async function timed({ unit, native }, areas) {
  const limits = {};
  for (const area of areas) {
    const begin = performance.now();
    const { code, output } = await tests([unit, native], AREAS[area] ?? [], 0, LONGEST_MS);
    if (code !== 0) throw new Failure(`✗ The tests of ${area} fail without a mutant:\n${output}`);
    limits[area] = SHORTEST_LIMIT_MS + 5 * (performance.now() - begin);
  }
  return limits;
}

/** Two at a time where there are two processors. */
async function inParallel(mutants, work) {
  const queue = mutants.values();
  const worker = async () => {
    for (const mutant of queue) await work(mutant);
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
}

/** The outcome of the unit tests of the mutant's module, and if it survives them, of the native tests of its area. */
async function nearOutcome({ unit, native }, mutant, limits) {
  const module = mutant.file.replace(/^src\//, '').replace(/(\/mod)?\.rs$/, '').replaceAll('/', '::');
  const first = await outcome([unit], [`${module}::`], mutant, limits[mutant.area]);
  return first === 'survived' ? outcome([native], AREAS[mutant.area], mutant, limits[mutant.area]) : first;
}

/** `caught`, `timeout` or `survived`. */
async function outcome(binaries, filters, mutant, limit) {
  const { code } = await tests(binaries, filters, mutant.id, limit);
  if (code === null) return 'timeout';
  return code === 0 ? 'survived' : 'caught';
}

/** Runs the tests with one mutant switched on. An exit code of null stands for a time-out. */
async function tests(binaries, filters, id, limit) {
  const skipped = UNRELATED.flatMap((name) => ['--skip', `${name}::`]);
  let result;
  for (const binary of binaries) {
    result = await new Promise((resolve) => {
      const env = { ...process.env, [SWITCH]: String(id), CARGO_MANIFEST_DIR: TREE };
      const child = spawn(binary, ['--quiet', '--test-threads', '2', ...skipped, ...filters], { cwd: TREE, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      const keep = (text) => {
        output = (output + text).slice(-20_000);
        // libtest goes on after a failure, but one is enough.
        if (text.includes(' --- FAILED')) child.kill('SIGKILL');
      };
      child.stdout.setEncoding('utf8').on('data', keep);
      child.stderr.setEncoding('utf8').on('data', keep);
      let late = false;
      const clock = setTimeout(() => {
        late = true;
        child.kill('SIGKILL');
      }, limit);
      child.on('close', (code) => {
        clearTimeout(clock);
        resolve({ code: late ? null : (code ?? 1), output });
      });
    });
    if (result.code !== 0) return result;
  }
  return result;
}

/** Compiles and tests each of these mutants by itself, in the unchanged sources. */
async function oneByOne(mutants, limits) {
  if (mutants.length === 0) return;
  await step(`Compiling and testing ${mutants.length} mutants one by one`, '1 min each', async () => {
    copySources();
    for (const mutant of mutants) {
      const path = join(TREE, mutant.file);
      const original = readFileSync(path, 'utf8');
      writeFileSync(path, replaced(original, mutant.span, mutant.replacement));
      const { errors, build } = await builtTests();
      report(mutant, errors.length > 0 ? 'unviable' : await outcome([build.unit, build.native], [], mutant, limits.all));
      writeFileSync(path, original);
    }
  });
}

/** The text with a span replaced. Lines and columns count from 1; columns count characters. */
function replaced(text, { start, end }, replacement) {
  const lines = text.split('\n').map((line) => [...line]);
  const before = [...lines.slice(0, start.line - 1), lines[start.line - 1].slice(0, start.column - 1)];
  const after = [lines[end.line - 1].slice(end.column - 1), ...lines.slice(end.line)];
  const join = (parts) => parts.map((characters) => characters.join('')).join('\n');
  return join(before) + replacement + join(after);
}

function report(mutant, result) {
  mutant.outcome = result;
  appendFileSync(RESULTS, `${result} ${mutant.name}\n`);
}

/** Prints a line per area and every survivor that the table does not explain. Returns the exit code. */
function summary(areas, mutants, atLeast = 100) {
  const wrong = [];
  let all = 0;
  for (const area of areas) {
    const counts = { caught: 0, timeout: 0, survived: 0, unviable: 0, separate: 0 };
    for (const mutant of mutants.filter((one) => one.area === area)) {
      counts[mutant.outcome] += 1;
      if (mutant.outcome === 'survived' && !SURVIVORS[mutant.key]) wrong.push(`✗ No test catches ${mutant.name}`);
    }
    const tried = counts.caught + counts.timeout + counts.survived;
    all += tried;
    const share = tried === 0 ? '' : `, ${(((counts.caught + counts.timeout) / tried) * 100).toFixed(1)} % caught`;
    const left = counts.separate === 0 ? '' : `, ${counts.separate} not tried`;
    console.log(`${area}: ${tried} mutants tried: ${counts.caught} caught, ${counts.timeout} timed out, ${counts.survived} survived${share}; ${counts.unviable} do not compile${left}`);
  }
  for (const line of wrong) console.error(line);
  return all - wrong.length >= (all * atLeast) / 100 ? 0 : 1;
}

