// The deployed files: their size, on which start-up time and Cloudflare's limits depend, and that wrangler deploys them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { at } from '../../scripts/lib/paths.mjs';
import { compressible, named, withoutExports } from '../../scripts/lib/wasm.mjs';

// A little above what it is now: growth is to be noticed, and this raised only with a reason.
const MAX_WASM_BYTES_GZIPPED = 520_000;
const MAX_SCRIPT_BYTES_GZIPPED = 8_600;

const gzipped = (name) => gzipSync(readFileSync(new URL(`../../build/${name}`, import.meta.url)), { level: 9 }).length;

suite('the build', () => {
  test('the wasm is not larger than its limit', () => {
    assert.ok(gzipped('index_bg.wasm') <= MAX_WASM_BYTES_GZIPPED, `${gzipped('index_bg.wasm')} bytes gzipped`);
  });

  test('the wasm exports nothing that its script does not use', () => {
    const script = readFileSync(at('build', 'index.js'), 'utf8');
    const words = new Set(script.match(/[\w$]+/g));
    const exports = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(at('build', 'index_bg.wasm')))).map(({ name }) => name);
    assert.ok(exports.includes('memory') && exports.includes('fetch'), exports.join(', '));
    assert.deepEqual(
      exports.filter((name) => !words.has(name)),
      [],
    );
  });

  test('a module stays valid without exports and with names, and has the others still', () => {
    const wasm = readFileSync(at('build', 'index_bg.wasm'));
    const less = new WebAssembly.Module(withoutExports(wasm, (name) => name !== 'fetch'));
    const names = (module) => WebAssembly.Module.exports(module).map(({ name }) => name);
    const all = names(new WebAssembly.Module(wasm));
    assert.deepEqual(
      names(less),
      all.filter((name) => name !== 'fetch'),
    );
    assert.equal(WebAssembly.Module.customSections(new WebAssembly.Module(named(wasm)), 'name').length, 1);
    assert.throws(() => withoutExports(wasm.subarray(0, 1000), () => true), /cut|cannot be read/);
  });

  test('the order that compresses well has each function once, and those with much in common together', () => {
    const bodies = ['first, the same for two', 'quite another body here', 'second, the same for two', 'quite another body there', ''].map((text) =>
      Buffer.from(text),
    );
    const order = compressible(bodies);
    assert.deepEqual([...order].sort(), [0, 1, 2, 3, 4]);
    for (const [one, other] of [
      [0, 2],
      [1, 3],
    ]) {
      assert.equal(Math.abs(order.indexOf(one) - order.indexOf(other)), 1, order.join(' '));
    }
  });

  test('optimising leaves the probe for fused multiplication in the wasm, and it compares both lanes', () => {
    const wasm = readFileSync(new URL('../../build/index_bg.wasm', import.meta.url));
    const count = (hex) => wasm.toString('hex').split(hex).length - 1;
    const vector = (lane) => `fd0c${lane}${lane}`;
    // See `Lanes::fuses`: (1 + ε)^2 - (1 + 2 ε) is ε^2 = 2^-104 if it is rounded once. Keys of RSA and of Ed25519 ask the same function.
    assert.equal(count(vector('010000000000f03f')), 1, '1 + ε');
    assert.equal(count(vector('020000000000f0bf')), 1, '-(1 + 2 ε)');
    assert.equal(count('4280808080808080b839'), 2, 'the bits of 2^-104, for each lane');
  });

  test('the script around it stays small', () => {
    assert.ok(gzipped('index.js') <= MAX_SCRIPT_BYTES_GZIPPED, `${gzipped('index.js')} bytes gzipped`);
  });

  test('wrangler deploys it with the configuration that ships, and no package has run an install script', () => {
    const args = ['deploy', '--dry-run', '--outdir', at('target', 'dry-run')];
    const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };
    const { status, stdout, stderr } = spawnSync(at('node_modules', '.bin', 'wrangler'), args, { cwd: at(), env, encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /JWKS_CACHE/);
    assert.doesNotMatch(stdout, /issuers/);
  });

  test('wrangler deploys it with the coordinator, if the comment marks of wrangler.toml are taken away', () => {
    const shipped = readFileSync(at('wrangler.toml'), 'utf8').split('\n\n');
    const block = shipped.find((one) => one.includes('COORDINATOR'));
    const lines = block.split('\n').slice(1);
    assert.ok(lines.every((line) => line.startsWith('# ')));
    const on = lines.map((line) => line.slice(2)).join('\n');
    // The page says the same lines.
    const page = readFileSync(at('docs', 'operations', 'coordinator.md'), 'utf8');
    assert.ok(page.replaceAll('\n\n', '\n').includes(on), on);
    const folder = at('target', 'dry-run-coordinator');
    mkdirSync(folder, { recursive: true });
    const config = shipped.filter((one) => !one.includes('[build]')).map((one) => (one === block ? on : one.replace('"build/', '"../../build/')));
    writeFileSync(at('target', 'dry-run-coordinator', 'wrangler.toml'), config.join('\n\n'));
    const args = [
      'deploy',
      '--dry-run',
      '--config',
      at('target', 'dry-run-coordinator', 'wrangler.toml'),
      '--outdir',
      at('target', 'dry-run-coordinator', 'out'),
    ];
    const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };
    const { status, stdout, stderr } = spawnSync(at('node_modules', '.bin', 'wrangler'), args, { cwd: at(), env, encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /env\.COORDINATOR \(Coordinator\)/);
    assert.doesNotMatch(stdout + stderr, /not exported/);
  });
});
