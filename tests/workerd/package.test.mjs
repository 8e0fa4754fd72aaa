// The npm package: its files, its manifest, its types and its provenance, with the linters of the field and with the compiler.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { STAGE, version } from '../../scripts/lib/package.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { compare } from '../../scripts/lib/reproducible.mjs';
import { compatibilityDate, sha256 } from '../../scripts/lib/worker.mjs';
import { archive, emptyProject } from './support/package.mjs';

// Everything that is published. Another file in the package is a mistake until it is written here.
const FILES = `
CHANGELOG.md LICENSE README.md THIRD-PARTY-LICENSES.txt package.json provenance.json
index.js index_bg.wasm gateway/index.js gateway/index_bg.wasm hono.js client.js client.d.ts
cli.js cli/main.js cli/host.js cli/http.js cli/edge-assay.wasm
types/index.d.ts types/gateway.d.ts types/hono.d.ts types/codes.d.ts types/configuration.d.ts types/refusal.d.ts types/token.d.ts
schema/assay.json schema/wrangler.json schema/wrangler-toml.json
`
  .trim()
  .split(/\s+/)
  .sort();

// The package has ES modules only. TypeScript's way `node10` to find a module does not read "exports", and TypeScript 7 no longer has it; a
// CommonJS module has to load an ES module by `import()`.
const concerns = (/** @type {any} */ { kind, resolutionKind }) => resolutionKind !== 'node10' && kind !== 'CJSResolvesToESM';

const json = (path) => JSON.parse(readFileSync(at(path), 'utf8'));

suite('the npm package', () => {
  test('has exactly the files that are meant to be published', () => {
    const listed = JSON.parse(execFileSync('npm', ['pack', `./${STAGE}`, '--dry-run', '--json'], { cwd: at(), encoding: 'utf8' }));
    const [{ files }] = Object.values(listed);
    assert.deepEqual(files.map(({ path }) => path).sort(), FILES);
  });

  test('has the wasm of the Worker, and is no larger than it has to be', () => {
    assert.equal(sha256(`${STAGE}/index_bg.wasm`), sha256('build/index_bg.wasm'));
    const { length } = readFileSync(archive);
    // Three wasm files: the Worker, the slim one, and the command line.
    assert.ok(length < 1_800_000, `${length} bytes`);
  });

  test('has nothing to criticise for publint', async () => {
    const manifest = json(`${STAGE}/package.json`);
    const { messages } = await publint({ pkgDir: at(STAGE), pack: false, strict: true, level: 'suggestion' });
    assert.deepEqual(
      messages.map((message) => formatMessage(message, manifest, { color: false })),
      [],
    );
  });

  test('has right types for every export', async () => {
    const analysis = /** @type {import('@arethetypeswrong/core').Analysis} */ (
      await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(archive))))
    );
    assert.deepEqual(Object.keys(analysis.entrypoints).sort(), ['.', './client', './gateway', './hono', './package.json']);
    for (const [name, { resolutions }] of Object.entries(analysis.entrypoints)) {
      for (const kind of ['node16-esm', 'bundler']) assert.ok(resolutions[kind].resolution, `${name} for ${kind}`);
    }
    assert.deepEqual(analysis.problems.filter(concerns), []);
  });

  test('says from what it was made', () => {
    const { commit, locks, files, version: stated, tools } = json(`${STAGE}/provenance.json`);
    assert.equal(stated, version());
    assert.match(commit ?? '', /^([0-9a-f]{40})?$/);
    assert.match(tools.rustc, /^rustc \d/);
    assert.deepEqual(
      Object.keys(files).sort(),
      FILES.filter((path) => path !== 'provenance.json'),
    );
    for (const [path, hash] of Object.entries(files)) assert.equal(hash, sha256(`${STAGE}/${path}`), path);
    for (const [path, hash] of Object.entries(locks)) assert.equal(hash, sha256(path), path);
  });

  test('repeats the licences of the crates in its wasm files, and names no folder of this machine', () => {
    const text = readFileSync(at(STAGE, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const crate of ['curve25519-dalek', 'rsa', 'worker', 'lexopt']) assert.match(text, new RegExp(`^  ${crate} \\d.*: `, 'm'), crate);
    for (const holder of ['isis agora lovecruft', 'Unicode, Inc.']) assert.ok(text.includes(holder), holder);
    for (const path of FILES) {
      const content = readFileSync(at(STAGE, path), 'latin1');
      for (const folder of [at(), '.cargo/registry', 'index.crates.io']) assert.ok(!content.includes(folder), `${path} contains ${folder}`);
    }
  });

  test('is compared with another build file by file: a byte that differs is found', (context) => {
    const other = mkdtempSync(join(tmpdir(), 'edge-assay-other-build-'));
    context.after(() => rmSync(other, { recursive: true, force: true }));
    cpSync(at('dist'), join(other, 'dist'), { recursive: true });
    const path = relative(at(), archive);
    compare(other, path);
    const wasm = join(other, STAGE, 'index_bg.wasm');
    const bytes = readFileSync(wasm);
    bytes[1000] ^= 1;
    writeFileSync(wasm, bytes);
    assert.throws(() => compare(other, path), /index_bg\.wasm differs [^]* first difference is at byte 1000\./);
    rmSync(wasm);
    assert.throws(() => compare(other, path), /only one of two builds has index_bg\.wasm/);
  });

  suite('installed in another project', () => {
    const project = emptyProject(after);
    const tool = (name, ...args) => {
      const env = { ...process.env, WRANGLER_SEND_METRICS: 'false' };
      const { status, stdout, stderr } = spawnSync(at('node_modules', '.bin', name), args, { cwd: project.folder, encoding: 'utf8', env });
      assert.equal(status, 0, stdout + stderr);
    };
    before(async () => {
      project.write('package.json', '{ "private": true, "type": "module" }\n');
      await project.must('npm', ['install', archive]);
    });

    test('brings no other package', async () => {
      const lock = JSON.parse(readFileSync(join(project.folder, 'package-lock.json'), 'utf8'));
      assert.deepEqual(Object.keys(lock.packages).sort(), ['', 'node_modules/edge-assay']);
    });

    test('has a client that Node imports without WebAssembly', async () => {
      project.write(
        'client.js',
        "delete globalThis.WebAssembly;\nconst { createFetch } = await import('edge-assay/client');\nconsole.log(typeof createFetch({ getToken: () => null, origins: ['https://api.example.com'] }));\n",
      );
      assert.equal((await project.must('node', ['client.js'])).trim(), 'function');
    });

    test('has a command line that runs under Node', async () => {
      assert.match(await project.must('npx', ['edge-assay', 'check', '--help']), /edge-assay check/);
    });

    suite('with TypeScript', () => {
      before(() => {
        project.write('index.ts', PROGRAM);
        project.write(
          'wrangler.json',
          JSON.stringify({ name: 'types', main: 'index.ts', compatibility_date: compatibilityDate(), kv_namespaces: [{ binding: 'JWKS_CACHE' }] }),
        );
        tool('wrangler', 'types', '--config', 'wrangler.json');
      });

      for (const [module, moduleResolution] of [
        ['node16', 'node16'],
        ['esnext', 'bundler'],
      ]) {
        test(`compiles with moduleResolution ${moduleResolution}`, () => {
          // The types of the runtime have errors of their own with node16.
          const options = {
            strict: true,
            noEmit: true,
            target: 'es2022',
            lib: ['es2022'],
            module,
            moduleResolution,
            types: ['./worker-configuration.d.ts'],
            skipLibCheck: true,
          };
          project.write('tsconfig.json', JSON.stringify({ compilerOptions: options, files: ['index.ts'] }));
          tool('tsc', '--pretty', 'false', '-p', 'tsconfig.json');
        });
      }
    });
  });
});

const PROGRAM = `
import worker, { Assay, Coordinator, createVerifier, createWorker } from 'edge-assay';
import { createFetch } from 'edge-assay/client';

const configuration = { issuers: [{ issuer: 'https://clerk.example.com', preset: 'clerk', audience: 'unchecked' }] } as const;
const call = createFetch({ getToken: () => null, origins: ['https://api.example.com'] });
const other = createWorker(configuration);
export { Assay, Coordinator };
export default {
  async fetch(request: Request, env: object, context: ExecutionContext): Promise<Response> {
    const verdict = await createVerifier(configuration, env).authenticate(request);
    if (!verdict.ok) return verdict.response();
    if (request.method === 'POST') return call(new URL('https://api.example.com'));
    return request.url.endsWith('/other') ? other.fetch(request, env, context) : worker.fetch(request, env, context);
  },
};
`;
