// Makes the npm package: collects what it consists of in dist/package, and packs that with npm. It compiles nothing that the Worker's build
// has compiled already: the package has the same wasm.
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { at } from './paths.mjs';
import { Failure, quietly, step } from './steps.mjs';
import { thirdPartyLicences } from './third-party.mjs';
import { buildCommandLine, buildWorker, bundle, sha256, SLIM } from './worker.mjs';

/** The folder with the package's files, before they are packed. */
export const STAGE = join('dist', 'package');

// What of npm/ is in the package as it is. A name without an asterisk must exist.
const SOURCES = [
  'hono.js',
  'client.js',
  'client.d.ts',
  'cli.js',
  'cli/**/*.js',
  'types/index.d.ts',
  'types/gateway.d.ts',
  'types/hono.d.ts',
  'types/**/*.d.ts',
  'schema/assay.json',
  'schema/wrangler.json',
  'schema/wrangler-toml.json',
  'README.md',
];
const PROVENANCE = 'provenance.json';

/** The one version of the crates and of the package. It is written in Cargo.toml. */
export function version() {
  const found = readFileSync(at('Cargo.toml'), 'utf8').match(/^\[workspace\.package\]\nversion = "(.+)"$/m)?.[1];
  if (!found) throw new Failure('✗ Cargo.toml does not begin [workspace.package] with a version');
  return found;
}

/** Builds the package from the current sources. Returns the path of the archive and the paths of the files in it. */
export async function buildPackage() {
  const sources = sourceFiles();
  await buildWorker();
  await buildWorker(SLIM);
  const commandLine = dirname(await buildCommandLine());
  rmSync(at(STAGE), { recursive: true, force: true });
  await step('Making the package', '3 s', async () => {
    await bundle({ entry: 'npm/index.js', outfile: join(STAGE, 'index.js') });
    place('build/index_bg.wasm', 'index_bg.wasm');
    await bundle({ entry: 'npm/gateway.js', folder: SLIM.folder, outfile: join(STAGE, 'gateway', 'index.js') });
    place(join(SLIM.folder, 'index_bg.wasm'), join('gateway', 'index_bg.wasm'));
    place(join(commandLine, 'edge-assay.wasm'), join('cli', 'edge-assay.wasm'));
    for (const path of sources) place(join('npm', path), path);
    for (const path of ['LICENSE', 'CHANGELOG.md']) place(path, path);
    write('THIRD-PARTY-LICENSES.txt', await thirdPartyLicences());
    write('package.json', manifest());
    write(PROVENANCE, `${JSON.stringify(await provenance(), null, 2)}\n`);
    for (const path of staged()) chmodSync(at(STAGE, path), path === 'cli.js' ? 0o755 : 0o644);
  });
  const archive = join('dist', `edge-assay-${version()}.tgz`);
  rmSync(at(archive), { force: true });
  const packed = JSON.parse(
    await quietly('npm', ['pack', `./${STAGE}`, '--pack-destination', 'dist', '--json', '--ignore-scripts'], { stdoutOnly: true }),
  );
  const [{ filename, files }] = Object.values(packed);
  if (join('dist', filename) !== archive || !existsSync(at(archive))) throw new Failure(`✗ npm pack made ${filename}, and not ${archive}`);
  const paths = files.map(({ path }) => path).sort();
  const leftOut = staged().filter((path) => !paths.includes(path));
  if (leftOut.length > 0) throw new Failure(`✗ npm pack left out ${leftOut.join(', ')}. Add it to "files" in npm/package.json.`);
  return { archive, files: paths };
}

/** The files of the package in dist/package. */
export const staged = (folder = at(STAGE)) =>
  globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

function sourceFiles() {
  const required = ['index.js', 'gateway.js', 'embedded.js', 'package.json', ...SOURCES.filter((name) => !name.includes('*'))];
  const absent = required.filter((name) => !existsSync(at('npm', name))).map((name) => `npm/${name}`);
  if (absent.length > 0) throw new Failure(`✗ The package is incomplete without ${absent.join(', ')}`);
  return [...new Set(SOURCES.flatMap((name) => globSync(name, { cwd: at('npm') })))];
}

function place(from, to) {
  mkdirSync(dirname(at(STAGE, to)), { recursive: true });
  cpSync(at(from), at(STAGE, to));
}

const write = (path, text) => writeFileSync(at(STAGE, path), text);

function manifest() {
  const fields = JSON.parse(readFileSync(at('npm', 'package.json'), 'utf8'));
  return `${JSON.stringify({ ...fields, version: version() }, null, 2)}\n`;
}

/** The commit and the tools that the package was made with, and the SHA-256 of each other file in it. */
async function provenance() {
  const { devDependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  return {
    version: version(),
    ...(await commit()),
    tools: { rustc: (await quietly('rustc', ['--version'])).trim(), binaryen: devDependencies.binaryen, esbuild: devDependencies.esbuild },
    locks: Object.fromEntries(['Cargo.lock', 'package-lock.json'].map((path) => [path, sha256(path)])),
    files: Object.fromEntries(staged().map((path) => [path, sha256(join(STAGE, path))])),
  };
}

/** The commit of the sources, and whether they are exactly that commit. Sources without git have no commit. */
async function commit() {
  try {
    const [hash, changes] = [
      await quietly('git', ['rev-parse', 'HEAD'], { stdoutOnly: true }),
      await quietly('git', ['status', '--porcelain'], { stdoutOnly: true }),
    ];
    return { commit: hash.trim(), unchanged: changes === '' };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { commit: null, unchanged: false };
  }
}
