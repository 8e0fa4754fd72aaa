// Runs the unit tests and Wycheproof's vectors as wasm in V8, where the kernels use SIMD registers. A test that fails traps.
//
// The vectors also run with other settings of V8: each compiler alone, and a processor without fused multiplication, where the kernels must
// decline and leave keys to other crates.
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { at } from './paths.mjs';
import { duration, quietly, step } from './steps.mjs';
import { WITHOUT_FLAGS, withoutLocalPaths } from './toolchain.mjs';

const CARGO = [
  'test',
  '--locked',
  '-p',
  'edge-assay',
  '-p',
  'edge-assay-jose',
  '-p',
  'edge-assay-kernels',
  '-p',
  'edge-assay-verifier',
  '--release',
  '--target',
  'wasm32-unknown-unknown',
  '--no-run',
  '--message-format=json',
];
// The libraries of the four crates, and two tests.
const TESTS = ['--lib', '--test', 'wycheproof', '--test', 'fuses'];

// What `fuses` returns: 0 if the kernels accept keys, 3 if they decline. On other processors than x86-64, fusing cannot be turned off.
const SETTINGS = [
  { flags: [], fuses: 0 },
  { flags: ['--liftoff-only'], fuses: 0 },
  { flags: ['--no-liftoff'], fuses: 0 },
  { flags: ['--no-enable-fma3'], fuses: process.arch === 'x64' ? 3 : 0 },
];

/** Builds and runs them; returns whether all passed. */
export async function wasmTests() {
  // As for the Worker, so that cargo compiles the crates once for both.
  const remapped = await withoutLocalPaths();
  const messages = await step('Building the unit tests and vectors for V8', '1 min, 2 min the first time', () =>
    quietly('cargo', [...CARGO, ...TESTS, ...remapped], { env: WITHOUT_FLAGS, stdoutOnly: true }),
  );
  const files = messages
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter((message) => message.reason === 'compiler-artifact' && message.profile.test)
    .flatMap((message) => message.filenames.filter((name) => name.endsWith('.wasm')));
  const named = (wanted) => files.filter((file) => nameOf(file) === wanted);
  const [libraries, vectors, fuses] = [files.filter((file) => !['wycheproof', 'fuses'].includes(nameOf(file))), named('wycheproof'), named('fuses')];
  if (libraries.length !== 4 || vectors.length !== 1 || fuses.length !== 1) return false;
  return [
    ...libraries.map((file) => returns(0, file, [])),
    ...SETTINGS.flatMap(({ flags, fuses: expected }) => [returns(expected, fuses[0], flags), returns(0, vectors[0], flags)]),
  ].every(Boolean);
}

const nameOf = (file) => basename(file).replace(/-[0-9a-f]+\.wasm$/, '');

/** Whether the test returns `expected` under these flags of V8. */
function returns(expected, file, flags) {
  const name = [nameOf(file), 'in V8', ...flags].join(' ');
  const begin = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [...flags, at('scripts', 'lib', 'wasm-main.mjs'), file], { encoding: 'utf8' });
  if (status === expected) console.log(`✓ ${name}: ${duration(performance.now() - begin)}`);
  else
    console.error(
      `✗ ${name}: it returned ${status}, not ${expected}. ${stderr.trim()} npm test -- native names the test, unless it fails only in wasm.`,
    );
  return status === expected;
}
