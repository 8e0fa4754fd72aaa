// Changes the kernels in one place at a time, and expects their tests to fail. The changes, and why some are equivalent, are in
// kernel-mutants.mjs. It works on a copy of the sources under target/mutants.
import { spawn } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MUTANTS } from './kernel-mutants.mjs';
import { at } from './paths.mjs';
import { copySourcesTo } from './source-copy.mjs';
import { Failure, duration } from './steps.mjs';

const TREE = at('target', 'mutants', 'tree');
// A mutant may never end. The unchanged tests take 20 s, and 90 s to build.
const LONGEST_MS = 300_000;
// Most mutants are caught without the slowest tests, so these run last.
const SLOWEST = ['of_p384', 'powers_under_random_moduli'];

/**
 * Tries the changes whose name or file contains `text`. Returns 1 if a change survives that is not marked as equivalent, or if one is
 * caught that is; else 0.
 */
export async function kernelMutants(text) {
  const chosen = MUTANTS.filter(({ name, file }) => name.includes(text) || file.includes(text));
  if (chosen.length === 0) throw new Failure(`✗ No mutant has "${text}" in its name or file.`);
  copySourcesTo(TREE);
  symlinkSync(at('node_modules'), join(TREE, 'node_modules'));
  const baseline = await tests({});
  if (baseline.code !== 0) throw new Failure(`✗ The tests fail without a change:\n${baseline.output}`);

  const counts = { caught: 0, equivalent: 0, wrong: 0 };
  for (const mutant of chosen) {
    const begin = performance.now();
    const caught = await isCaught(mutant);
    const expected = caught !== Boolean(mutant.equivalent);
    counts[expected ? (caught ? 'caught' : 'equivalent') : 'wrong'] += 1;
    const verdict = caught ? 'caught' : 'survives';
    const reason = mutant.equivalent ? ` (equivalent: ${mutant.equivalent})` : '';
    console.log(`${expected ? '✓' : '✗'} ${mutant.file}: ${mutant.name}: ${verdict}${reason}, ${duration(performance.now() - begin)}`);
  }
  console.log(`${chosen.length} mutants: ${counts.caught} caught, ${counts.equivalent} equivalent, ${counts.wrong} not as expected.`);
  return counts.wrong === 0 ? 0 : 1;
}

async function isCaught({ name, file, from, to, wasm }) {
  const path = join(TREE, 'crates', 'kernels', 'src', file);
  const original = readFileSync(path, 'utf8');
  const pieces = original.split(from);
  if (pieces.length !== 2) throw new Failure(`✗ ${file}: ${name}: the text to replace occurs ${pieces.length - 1} times: ${from}`);
  writeFileSync(path, pieces.join(to));
  try {
    const fails = async (settings) => {
      const { code, output } = await tests(settings);
      // A change that does not compile says nothing about the tests.
      if (output.includes('could not compile')) throw new Failure(`✗ ${file}: ${name}: the changed file does not compile:\n${output}`);
      return code !== 0;
    };
    return wasm ? await fails({ wasm }) : (await fails({ skipped: SLOWEST })) || (await fails({}));
  } finally {
    writeFileSync(path, original);
  }
}

/** Runs the kernels' tests on the copy, natively or as wasm. The exit code is null if they took too long. */
function tests({ wasm = false, skipped = [] }) {
  const native = ['test', '--locked', '--quiet', '-p', 'edge-assay-kernels', '--lib', '--', ...skipped.flatMap((name) => ['--skip', name])];
  const [command, args] = wasm ? [process.execPath, ['scripts/test.mjs', 'wasm']] : ['cargo', native];
  // A change may leave code unused.
  const env = { ...process.env, CARGO_TARGET_DIR: at('target', 'mutants', 'build'), RUSTFLAGS: wasm ? undefined : '--cap-lints=warn' };
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: TREE, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const clock = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), wasm ? 4 * LONGEST_MS : LONGEST_MS);
    child.on('close', (code) => {
      clearTimeout(clock);
      resolve({ code, output });
    });
  });
}
