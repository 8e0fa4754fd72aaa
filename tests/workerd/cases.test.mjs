// The cases of tests/cases in the built Worker: each must give the same report as natively. One isolate for
// each case, with a fixed clock and the identity providers of the case.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { Miniflare, Response } from 'miniflare';
import { at } from '../../scripts/lib/paths.mjs';
import { NATIVE_TESTS } from '../../scripts/lib/toolchain.mjs';
import { compatibilityDate } from '../../scripts/lib/worker.mjs';

// Runs before the Worker: sets the clock, and makes WebCrypto give a wrong result or fail if the case says so.
const STAGE = `
import Assay from './index.js';
const RealDate = Date;
let now;
globalThis.Date = class extends RealDate {
  constructor(...parts) { super(...(parts.length > 0 ? parts : [now ?? RealDate.now()])); }
  static now() { return now ?? RealDate.now(); }
};
let isReplaced = false;
export default {
  fetch(request, env, context) {
    const clock = request.headers.get('x-clock');
    if (clock) now = Number(clock) * 1000;
    if (env.ENGINE && !isReplaced) {
      isReplaced = true;
      const verify = SubtleCrypto.prototype.verify;
      SubtleCrypto.prototype.verify = async function (...all) {
        if (env.ENGINE === 'absent') throw new Error('there is no second engine');
        return !(await verify.apply(this, all));
      };
    }
    return Assay.fetch(request, env, context);
  },
};`;

/** A value of the JSON without ES512, which the native tests have and the Worker has not. Reports list the algorithms, in texts and in arrays. */
function ofTheWorker(_name, value) {
  if (Array.isArray(value)) return value.filter((member) => member !== 'ES512');
  return typeof value === 'string' ? value.replaceAll(', ES512', '') : value;
}

suite('every case gives the same report in workerd as natively', () => {
  const folder = at('target', 'cases');
  const answers = new Map();
  const fixtures = [];
  let miniflare;

  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    const native = spawnSync('cargo', [...NATIVE_TESTS, '--quiet', '--test', 'native', 'cases::every_case'], { cwd: at(), encoding: 'utf8' });
    assert.equal(native.status, 0, native.stdout + native.stderr);
    for (const name of readdirSync(folder)) fixtures.push(JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'), ofTheWorker));
    const built = (name) => readFileSync(at('build', name));
    /** @type {Record<string, any>} */
    const modules = {
      'stage.js': { type: 'esm', contents: STAGE },
      'index.js': { type: 'esm', contents: built('index.js').toString() },
      'index_bg.wasm': { type: 'wasm', contents: built('index_bg.wasm') },
    };
    /** @type {(value: string) => { type: 'text', value: string }} */
    const text = (value) => ({ type: 'text', value });
    miniflare = new Miniflare({
      handleStructuredLogs: () => {},
      workers: fixtures.map((fixture) => ({
        config: {
          name: fixture.name,
          compatibilityDate: compatibilityDate(),
          manifest: { mainModule: 'stage.js', modules },
          env: {
            ASSAY: { type: 'json', value: fixture.config },
            JWKS_CACHE: { type: 'kv', id: fixture.name },
            ...(fixture.engine ? { ENGINE: text(fixture.engine) } : {}),
            ...(fixture.directory ? { [fixture.directory.binding]: { type: 'kv', id: `${fixture.name}-directory` } } : {}),
            ...Object.fromEntries(Object.entries(fixture.secrets).map(([name, value]) => [name, text(value)])),
          },
        },
        dev: {
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
          outboundService: {
            type: 'fetcher',
            handler: (request) => {
              const answer = answers.get(fixture.name)?.find(({ url }) => url === request.url);
              if (!answer) throw new Error(`no provider of the case serves ${request.url}`);
              const headers = { 'content-type': answer.contentType, ...(answer.location ? { location: answer.location } : {}) };
              return new Response(answer.body || null, { status: answer.status, headers });
            },
          },
        },
      })),
    });
    await miniflare.ready;
    for (const { name, directory } of fixtures.filter((fixture) => fixture.directory)) {
      const namespace = await miniflare.getKVNamespace(directory.binding, name);
      for (const [key, record] of Object.entries(directory.records)) await namespace.put(key, record);
    }
  });
  after(() => miniflare?.dispose());

  test('and there are at least forty', async (context) => {
    assert.ok(fixtures.length >= 40, `${fixtures.length}`);
    for (const fixture of fixtures) {
      await context.test(`${fixture.name}: ${fixture.says}`, async () => {
        const url = await miniflare.unsafeGetDirectURL(fixture.name);
        const call = (path, now, init = {}) => fetch(new URL(path, url), { ...init, headers: { 'x-clock': `${now}`, ...init.headers } });
        if (fixture.warm) {
          answers.set(fixture.name, fixture.warm.serves);
          for (const { now, token } of fixture.warm.requests) {
            await call('/verify', now, { headers: { authorization: `Bearer ${token}` } });
          }
        }
        answers.set(fixture.name, fixture.serves);
        const response = await call('/explain', fixture.now, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...fixture.sent },
          ...(fixture.sent ? {} : { body: JSON.stringify(fixture.asked) }),
        });
        assert.equal(response.status, 200);
        assert.deepEqual(await response.json(), fixture.report);
      });
    }
  });
});
