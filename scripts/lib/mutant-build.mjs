// Builds the tests of the Worker and of the libraries with mutants: all that fit into one build, or one at a time.
//
// tools/mutants writes the changed sources. The mutants whose text does not compile are found by the compiler's errors and taken out.
// Everything happens in a copy of the sources under target/mutants.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MUTATION_MODULE } from './mutant-tests.mjs';
import { at, root } from './paths.mjs';
import { copySourcesTo } from './source-copy.mjs';
import { Failure, quietly } from './steps.mjs';

const TREE = at('target', 'mutants', 'crate');
const BUILD = at('target', 'mutants', 'crate-build');
const TOOL = at('target', 'mutants', 'tool');
// The compiler reports types before lifetimes, so several rounds are usual.
const MOST_ROUNDS = 20;
/** The packages that are changed, each with the folder of its sources. */
const SOURCES = { 'edge-assay': 'src', 'edge-assay-jose': 'crates/jose/src', 'edge-assay-verifier': 'crates/verifier/src' };
export const PACKAGES = Object.keys(SOURCES);
const ALL = ['--lib', '--test', 'native', '--test', 'cli'];
/** The modules of tests/native that concern the fast paths. The whole binary takes several times as long to compile. */
const OF_FAST_PATHS = ['exchange', 'gateway', 'repeated', 'support', 'verify'];

/** Copies the sources, with the switch for mutants. The compiler's incremental data are kept from one run to the next. */
function copySources() {
  copySourcesTo(TREE);
  for (const folder of Object.values(SOURCES)) {
    writeFileSync(join(TREE, folder, 'lib.rs'), readFileSync(at(folder, 'lib.rs'), 'utf8') + MUTATION_MODULE);
  }
}

/**
 * Copies the libraries that `npm test` has compiled, which are the same here, before the first build. The crates of this workspace differ, and are left
 * out.
 */
function takeCompiledLibraries() {
  const [from, to] = [at('target', 'debug'), join(BUILD, 'debug')];
  if (existsSync(to) || !existsSync(join(from, 'deps'))) return;
  const isOurs = (path) => /^(lib)?edge[_-]assay|^native-/.test(basename(path));
  for (const folder of ['.fingerprint', 'build', 'deps']) {
    cpSync(join(from, folder), join(to, folder), { recursive: true, preserveTimestamps: true, filter: (path) => !isOurs(path) });
  }
}

/**
 * Builds the tests with all of these mutants that compile. Calls `leaveOut` with each of the others and its outcome: `unviable` if its own text does
 * not compile, `separate` if it cannot be switched on at run time; it has to set `outcome`. Returns the paths of the binaries: `units`, one for each package, `native` and `cli`.
 */
export async function builtTogether(mutants, leaveOut) {
  copySources();
  takeCompiledLibraries();
  await quietly('cargo', ['build', '--locked', '--package', 'mutants', '--target-dir', TOOL]);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    for (const file of new Set(mutants.map((mutant) => mutant.file))) cpSync(at(file), join(TREE, file));
    const placed = mutants.filter((mutant) => mutant.outcome === undefined);
    const { unplaced, unviable } = await placedIn(TREE, placed);
    for (const mutant of placed) {
      if (unplaced.includes(mutant.id)) leaveOut(mutant, 'separate');
      if (unviable.includes(mutant.id)) leaveOut(mutant, 'unviable');
    }
    const unitTests = await builtTests(['--lib']);
    const { errors, build } = unitTests.errors.length > 0 ? unitTests : await builtTests(ALL);
    if (errors.length === 0) return build;
    if (!drop(errors, mutants, leaveOut)) throw new Failure(`✗ The mutants do not compile:\n${errors.map(({ rendered }) => rendered).join('\n')}`);
  }
  throw new Failure(`✗ The mutants do not compile after ${MOST_ROUNDS} rounds.`);
}

/**
 * Builds the tests of the fast paths with these texts in place of the files: the unit tests of the verifier, and a part of tests/native.
 *
 * @param {Map<string, string>} changed
 */
export async function builtByHand(changed) {
  copySources();
  takeCompiledLibraries();
  for (const [file, text] of changed) writeFileSync(join(TREE, file), text);
  const tests = join(TREE, 'tests', 'native', 'main.rs');
  const isLeftOut = (line) => /^mod (\w+);$/.test(line) && !OF_FAST_PATHS.includes(line.slice(4, -1));
  const lines = readFileSync(tests, 'utf8').split('\n');
  writeFileSync(tests, lines.filter((line) => !isLeftOut(line)).join('\n'));
  const builds = [];
  for (const [packages, targets] of [
    [['edge-assay'], ['--test', 'native']],
    [['edge-assay-verifier'], ['--lib']],
  ]) {
    const { errors, build } = await builtTests(targets, packages);
    if (errors.length > 0) throw new Failure(`✗ The mutants do not compile:\n${errors.map(({ rendered }) => rendered).join('\n')}`);
    builds.push(build);
  }
  return { ...builds[0], units: builds[1].units };
}

/** Builds the tests once per mutant, in the otherwise unchanged sources, and calls `work` with the mutant and the build, or nothing if it does not compile. */
export async function builtAlone(mutants, work) {
  copySourcesTo(TREE);
  takeCompiledLibraries();
  for (const mutant of mutants) {
    const path = join(TREE, mutant.file);
    const original = readFileSync(path, 'utf8');
    writeFileSync(path, replaced(original, mutant.span, mutant.replacement));
    const { errors, build } = await builtTests(ALL);
    await work(mutant, errors.length > 0 ? undefined : build);
    writeFileSync(path, original);
  }
}

/** Writes the changed files with tools/mutants. Returns the ids that it cannot place (`unplaced`), and of those that never compile (`unviable`). */
async function placedIn(tree, mutants) {
  const child = spawn(join(TOOL, 'debug', 'mutants'), [root, tree], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(mutants));
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) output += chunk;
  return JSON.parse(output);
}

/** Leaves out each mutant that an error points at. Returns whether there was one. */
function drop(errors, mutants, leaveOut) {
  const byId = new Map(mutants.map((mutant) => [mutant.id, mutant]));
  const texts = new Map();
  let dropped = false;
  const set = (id, outcome) => {
    const mutant = byId.get(id);
    if (!mutant || mutant.outcome) return;
    leaveOut(mutant, outcome);
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
  for (const mark of bytes
    .subarray(0, byte)
    .toString('latin1')
    .matchAll(/\/\*(?:([[<])([\d,]+)|[\]>])\*\//g)) {
    if (mark[1]) open.push({ own: mark[1] === '<', ids: mark[2].split(',').map(Number) });
    else open.pop();
  }
  return open;
}

/** Compiles these targets. Returns the paths of the binaries with the unit tests, with tests/native and with those of the command line, or the compiler's errors. */
function builtTests(targets, packages = [...PACKAGES, 'edge-assay-cli']) {
  const args = ['test', '--locked', ...packages.flatMap((name) => ['--package', name]), ...targets, '--no-run', '--message-format=json'];
  const env = { ...process.env, CARGO_TARGET_DIR: BUILD };
  return new Promise((resolve, reject) => {
    const child = spawn('cargo', args, { cwd: TREE, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => {
      const messages = output
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line));
      const errors = messages.filter(({ reason, message }) => reason === 'compiler-message' && message.level === 'error' && message.spans.length > 0);
      if (code !== 0 && errors.length === 0) reject(new Failure(`✗ cargo ${args.join(' ')}\n${stderr}`));
      const binary = (name) => messages.find(({ executable, target }) => executable && target.name === name && target.kind[0] !== 'bin')?.executable;
      resolve({
        errors: errors.map(({ message }) => message),
        build: { units: PACKAGES.map((name) => binary(name.replaceAll('-', '_'))), native: binary('native'), cli: binary('cli') },
      });
    });
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
