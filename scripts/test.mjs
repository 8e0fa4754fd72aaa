// npm test: builds the Worker, then runs the native tests (cargo), the unit tests and test vectors again as wasm in V8, and the tests in
// workerd (node:test). A part runs even if the part before it fails.
//
//   npm test                      everything
//   npm test -- native            only cargo
//   npm test -- wasm              only the unit tests and Wycheproof's vectors in V8
//   npm test -- workerd [name…]   only the tests in workerd; with names, only tests/workerd/<name>.test.mjs
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { onPinnedNode } from './lib/bootstrap.mjs';
import { at } from './lib/paths.mjs';
import { Failure, run, visibly } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { ensureToolchain, NATIVE_TESTS } = await import('./lib/toolchain.mjs');
const { buildPackage } = await import('./lib/package.mjs');
const { wasmTests } = await import('./lib/wasm-tests.mjs');
const { buildWorker, sizeLines } = await import('./lib/worker.mjs');

// With more files at once, slow tests exceed their time limits on a machine with two cores.
const FILES_AT_ONCE = 2;

await run(async () => {
  const [which, ...names] = process.argv.slice(2);
  if (which !== undefined && !['native', 'wasm', 'workerd'].includes(which)) {
    throw new Failure('✗ npm test -- [native | wasm | workerd [name…]]');
  }
  const chosen = (part) => which === undefined || which === part;
  const failed = [];
  if (!chosen('workerd')) await ensureToolchain();
  else console.log(sizeLines(await buildWorker()).join('\n'));

  if (chosen('native') && (await visibly('cargo', NATIVE_TESTS)) !== 0) failed.push('the native tests: npm test -- native');
  if (chosen('wasm') && !(await wasmTests())) failed.push('the unit tests in V8: npm test -- wasm');
  if (chosen('workerd') && !(await workerdTests(names))) failed.push('the tests in workerd: npm test -- workerd');

  if (failed.length === 0) return 0;
  console.error(failed.map((line) => `✗ Failed: ${line}`).join('\n'));
  return 1;
});

async function workerdTests(names) {
  const found = readdirSync(at('tests', 'workerd'))
    .filter((name) => name.endsWith('.test.mjs'))
    .map((name) => `tests/workerd/${name}`)
    .sort();
  const chosen = names.length === 0 ? found : names.map((name) => `tests/workerd/${name}.test.mjs`);
  const unknown = chosen.find((path) => !found.includes(path));
  if (unknown) throw new Failure(`✗ There is no ${unknown}. The tests are:\n${found.map((path) => `  ${path}`).join('\n')}`);
  if (chosen.some((path) => path.startsWith('tests/workerd/package'))) await buildPackage();
  const skipped = at('target', 'skipped-tests.txt');
  rmSync(skipped, { force: true });
  const code = await visibly(process.execPath, [
    '--test',
    `--test-concurrency=${FILES_AT_ONCE}`,
    '--test-reporter=./scripts/lib/skipped-reporter.mjs',
    `--test-reporter-destination=target/skipped-tests.txt`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    ...chosen,
  ]);
  const lines = existsSync(skipped) ? readFileSync(skipped, 'utf8') : '';
  if (lines !== '') console.log(`Skipped, because a tool is missing on this machine:\n${lines.trimEnd()}`);
  // In CI, a skipped test counts as failed.
  return code === 0 && !(process.env.CI && lines !== '');
}
