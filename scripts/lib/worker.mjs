// Builds the Worker: Rust to wasm, wasm-bindgen, wasm-opt, one bundled JavaScript module. Also builds the command line: Rust to wasm for
// Node. Skips a build if no input has changed. It compares the contents of the inputs and not their times: a checkout changes times, and an
// edit may not.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { basename, join, relative, resolve } from 'node:path';
import { at, root } from './paths.mjs';
import { Failure, quietly, step } from './steps.mjs';
import { named, withoutExports } from './wasm.mjs';
import { buildBindgen, COMMAND_LINE_TARGET, ensureToolchain, runBindgen, WITHOUT_FLAGS, withoutLocalPaths, WORKER_TARGET } from './toolchain.mjs';

const OUTPUTS = ['index.js', 'index_bg.wasm'];
// wasm-opt would make it 2 % smaller, and take half a minute.
const COMMAND_LINE = { folder: join('build', 'cli'), target: COMMAND_LINE_TARGET, profile: 'command-line', wasm: 'edge-assay.wasm' };
const STAMP = '.inputs.json';
/** Cargo's list of the files that it compiled in. */
const COMPILED = 'edge_assay.d';

/**
 * The optimisation levels of the slim build, in place of those in Cargo.toml: the kernels and SHA-2 stay at 3. As options and not as a profile, so that
 * cargo uses what it has compiled of all other crates for the whole.
 */
const SMALLER = { 'edge-assay-jose': 's', base64: 's', 'curve25519-dalek': 'z', 'ed25519-dalek': 'z' };

/** The whole: `edge-assay` of the package, and what wrangler deploys from this repository. */
const WHOLE = { folder: 'build', entry: 'src/entry.js', parts: null, levels: {} };
/** Without `exchange` and `explain` of Cargo.toml: `edge-assay/gateway` of the package. */
export const SLIM = { folder: join('build', 'gateway'), entry: 'src/gateway.js', parts: ['kernels'], levels: SMALLER };

// Optimised for size: -O3 makes the file larger and the kernels no faster, and the flattening of -O4 does not support wasm's exceptions.
// Names and producers are a tenth of the size that Cloudflare counts.
const WASM_OPT = [
  '-Os',
  // Inlining a large function into its only caller saves raw bytes and costs compressed ones: 3.6 kB of the whole.
  '--one-caller-inline-max-function-size=25',
  // Joins an addition with the offset of a load or a store. This differs only where the sum leaves 32 bits, and then the access traps.
  '--low-memory-unused',
  '--strip-debug',
  '--strip-producers',
];
// Those that rustc and wasm-bindgen use, so that wasm-opt writes nothing that workerd cannot read.
const FEATURES = [
  'mutable-globals',
  'sign-ext',
  'nontrapping-float-to-int',
  'bulk-memory',
  'multivalue',
  'reference-types',
  'exception-handling',
  'simd',
  'relaxed-simd',
].map((feature) => `--enable-${feature}`);

/**
 * Builds the Worker from the current sources with these cargo features into `folder`, unless it is up to date there, and returns the
 * sizes of its files. Sets up the toolchain first if necessary. `parts` are the features in place of the default ones,
 * `levels` the optimisation levels of crates in place of those in Cargo.toml.
 *
 * @param {{ folder?: string, features?: string[], entry?: string, parts?: string[] | null, levels?: Record<string, string> }} [options]
 */
export async function buildWorker({ folder = WHOLE.folder, features = [], entry = WHOLE.entry, parts = WHOLE.parts, levels = WHOLE.levels } = {}) {
  await ensureToolchain();
  const cargo = [
    ...(parts ? ['--no-default-features'] : []),
    ...[...(parts ?? []), ...features].flatMap((feature) => ['--features', feature]),
    ...Object.entries(levels).flatMap(([name, level]) => ['--config', `profile.release.package.${name}.opt-level="${level}"`]),
  ];
  const settings = {
    cargo,
    entry,
    // Every build with other features writes the same file in target/, so each keeps its own copy.
    compiled: join(glueOf(folder), COMPILED),
    pathsLeftOut: true,
    compatibilityDate: compatibilityDate(),
    rustc: (await quietly('rustc', ['-vV'])).trim(),
    ...versions(),
  };
  if (existsSync(at(glueOf(folder), 'index.js')) && isCurrent(folder, settings)) {
    console.log(`✓ ${folder}/ is up to date`);
  } else {
    const before = hashesOf(inputs(settings));
    await step(`Building the Worker into ${folder}/`, '1 to 2 min, 3 min the first time', () => compile(folder, cargo, entry));
    stamp(folder, settings, before);
  }
  return OUTPUTS.map((name) => {
    const bytes = readFileSync(at(folder, name));
    return { path: `${folder}/${name}`, bytes: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
  });
}

/**
 * Builds the command line from the current sources into build/cli, unless it is up to date there: `main.js` runs it under Node. Returns
 * the path of `main.js`.
 */
export async function buildCommandLine() {
  const { folder, target, profile, wasm } = COMMAND_LINE;
  await ensureToolchain(target);
  const compiled = join('target', target, profile, 'edge-assay.d');
  const settings = { entry: 'npm/cli/*.js', compiled, pathsLeftOut: true, rustc: (await quietly('rustc', ['-vV'])).trim() };
  const scripts = globSync(settings.entry, { cwd: root });
  const outputs = [wasm, ...scripts.map((path) => basename(path))].sort();
  if (isCurrent(folder, settings, outputs)) {
    console.log(`✓ ${folder}/ is up to date`);
  } else {
    const before = hashesOf(inputs(settings));
    await step(`Building the command line into ${folder}/`, '20 s, 1 to 2 min the first time', async () => {
      await quietly(
        'cargo',
        ['build', '--locked', ...(await withoutLocalPaths()), '--package', 'edge-assay-cli', '--profile', profile, '--target', target],
        { env: WITHOUT_FLAGS },
      );
      rmSync(at(folder), { recursive: true, force: true });
      mkdirSync(at(folder), { recursive: true });
      for (const path of [...scripts, join('target', target, profile, wasm)]) copyFileSync(at(path), at(folder, basename(path)));
    });
    stamp(folder, settings, before, outputs);
  }
  return join(folder, 'main.js');
}

async function compile(folder, cargo, entry) {
  // In parallel: they write into different folders of target/, and the last part of the Worker's compilation uses one thread.
  await Promise.all([compileRust(cargo), buildBindgen()]);
  const glue = glueOf(folder);
  rmSync(at(glue), { recursive: true, force: true });
  const built = join('target', WORKER_TARGET, 'release');
  await runBindgen(join(built, 'edge_assay.wasm'), glue);
  copyFileSync(at(built, COMPILED), at(glue, COMPILED));
  writeFileSync(at(glue, 'index.js'), bundled(readFileSync(at(glue, 'index.js'), 'utf8')));
  const script = join(glue, 'bundle.js');
  await bundle({ entry, folder, outfile: script });
  const optimised = await optimise(glue, readFileSync(at(script), 'utf8'));
  // In one step each: another wrangler that watches the folder (`npm start`) would stop at a file that is half written.
  mkdirSync(at(folder), { recursive: true });
  renameSync(at(optimised), at(folder, 'index_bg.wasm'));
  renameSync(at(script), at(folder, 'index.js'));
}

/** wasm-bindgen's script as a bundler needs it. */
function bundled(script) {
  return (
    script
      // Bundlers do not support the syntax of the source phase import yet. workerd provides the module with either syntax.
      .replace('import source ', 'import ')
      // The classes that `worker` exports and nobody uses. These two statements of each are all that keeps it and its functions in the wasm.
      .replaceAll(/^if \(Symbol\.dispose\) \w+\.prototype\[Symbol\.dispose\] = \w+\.prototype\.free;$/gm, '')
      .replaceAll(': new FinalizationRegistry(', ': /* @__PURE__ */ new FinalizationRegistry(')
  );
}

/** Makes the wasm of the folder `glue` small: without what the bundled `script` does not use of it. Returns the path of the result. */
async function optimise(glue, script) {
  const wasmOpt = (options, from, to) => quietly(at('node_modules', '.bin', 'wasm-opt'), [...options, join(glue, from), '-o', join(glue, to)]);
  const rewrite = (from, to, change) => writeFileSync(at(glue, to), change(readFileSync(at(glue, from))));
  const words = new Set(script.match(/[\w$]+/g));
  rewrite('index_bg.wasm', 'used.wasm', (wasm) => withoutExports(wasm, (name) => words.has(name)));
  await wasmOpt([...WASM_OPT, ...FEATURES], 'used.wasm', 'small.wasm');
  rewrite('small.wasm', 'named.wasm', named);
  await wasmOpt(['--reorder-functions-by-name', '--strip-debug', ...FEATURES], 'named.wasm', 'optimised.wasm');
  return join(glue, 'optimised.wasm');
}

const glueOf = (folder) => join('target', 'glue', basename(folder));

/** Bundles the module `entry` with the JavaScript around the wasm of `folder`, which it imports as `edge-assay`, into `outfile`. */
export async function bundle({ entry, folder = 'build', outfile }) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: [at(entry)],
    outfile: at(outfile),
    alias: { 'edge-assay': at(glueOf(folder), 'index.js') },
    inject: [at('src', 'platform', 'microtask.js')],
    external: ['./index_bg.wasm', 'cloudflare:*'],
    bundle: true,
    format: 'esm',
    minify: true,
    logLevel: 'silent',
  });
}

async function compileRust(options) {
  await quietly(
    'cargo',
    ['rustc', '--locked', ...(await withoutLocalPaths()), '--lib', '--crate-type', 'cdylib', '--release', '--target', WORKER_TARGET, ...options],
    {
      env: { ...WITHOUT_FLAGS, EDGE_ASSAY_COMPATIBILITY_DATE: compatibilityDate() },
    },
  );
}

function versions() {
  const { devDependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  return { wasmOpt: WASM_OPT, afterwards: sha256('scripts/lib/wasm.mjs'), binaryen: devDependencies.binaryen, esbuild: devDependencies.esbuild };
}

/** All files that the result depends on: cargo's list of the files that were compiled in, and those that configure the compilation. */
function inputs({ entry, compiled }) {
  const listed = at(compiled);
  const compiledIn = existsSync(listed)
    ? readFileSync(listed, 'utf8')
        .split('\n')
        .flatMap((line) => line.slice(line.indexOf(': ') + 2).split(/(?<!\\) /))
        .map((path) => path.replaceAll('\\ ', ' ').trim())
        .filter((path) => path.startsWith(root))
        .map((path) => relative(root, path))
    : [];
  const sources = globSync(
    ['src/**/*', 'crates/*/Cargo.toml', 'crates/*/src/**/*', 'tools/**/*', 'build.rs', '.cargo/config.toml', 'Cargo.toml', 'Cargo.lock', entry],
    { cwd: root, withFileTypes: true },
  )
    .filter((found) => found.isFile())
    .map((found) => relative(root, join(found.parentPath, found.name)));
  return [...new Set([...sources, ...compiledIn])].sort();
}

/** The SHA-256 of a file, in hexadecimal. The path may be relative to this project. */
export const sha256 = (path) =>
  createHash('sha256')
    .update(readFileSync(resolve(root, path)))
    .digest('hex');

const hashesOf = (paths) => Object.fromEntries(paths.map((path) => [path, existsSync(at(path)) ? sha256(path) : null]));

function isCurrent(folder, settings, outputs = OUTPUTS) {
  const path = at(folder, STAMP);
  if (!existsSync(path)) return false;
  const then = JSON.parse(readFileSync(path, 'utf8'));
  const now = { settings, inputs: hashesOf(inputs(settings)), outputs: hashesOf(outputs.map((name) => join(folder, name))) };
  return JSON.stringify(then) === JSON.stringify(now);
}

/** Records the inputs as they were `before` the build, so that a file that was edited during the build causes another build. */
function stamp(folder, settings, before, outputs = OUTPUTS) {
  mkdirSync(at(folder), { recursive: true });
  const record = { settings, inputs: { ...hashesOf(inputs(settings)), ...before }, outputs: hashesOf(outputs.map((name) => join(folder, name))) };
  writeFileSync(at(folder, STAMP), JSON.stringify(record));
}

/** The compatibility date. It is written only in wrangler.toml. */
export function compatibilityDate() {
  const date = readFileSync(at('wrangler.toml'), 'utf8').match(/^compatibility_date = "(.+)"$/m)?.[1];
  if (!date) throw new Failure('✗ wrangler.toml has no compatibility_date');
  return date;
}

/** The sizes as lines of text. Cloudflare counts the gzipped size. */
export function sizeLines(parts) {
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
  return parts.map(
    ({ path, bytes, gzipped }) => `  ${path.padEnd(24)}${kilobytes(bytes).padStart(10)}${`${kilobytes(gzipped)} gzipped`.padStart(20)}`,
  );
}
