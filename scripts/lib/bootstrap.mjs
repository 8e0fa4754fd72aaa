// Installs the npm packages and restarts a script under the pinned Node. Uses only Node's own modules, because a fresh clone has no
// packages: every script calls this first, and then imports dynamically what needs a package or a newer Node.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { at } from './paths.mjs';
import { Failure, quietly, step } from './steps.mjs';

// The oldest Node that wrangler supports, for platforms without a Node in the lock file.
const OLDEST_NODE = [22, 12];

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/**
 * Returns when the packages of package-lock.json are installed and this process is the pinned Node. If this is another Node, it starts
 * the script again under the pinned one and exits with its exit code. On a platform without a pinned Node, this Node is used if it is
 * new enough.
 */
export async function onPinnedNode(script) {
  const pinned = pinnedNode();
  try {
    if (!pinned) requireRecentNode();
    await installPackages(pinned);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    process.exit(1);
  }
  process.env.PATH = [at('node_modules', '.bin'), process.env.PATH].join(delimiter);
  if (pinned && process.versions.node !== pinned.version) await startAgain(pinned.path, fileURLToPath(script));
}

/** The pinned Node for this platform: an optional dependency in package.json that contains the executable and has no install script. */
function pinnedNode() {
  const windows = process.platform === 'win32';
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`;
  const version = readJson(at('package.json')).optionalDependencies[name];
  return version && { version, path: at('node_modules', name, 'bin', windows ? 'node.exe' : 'node') };
}

function requireRecentNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Failure(
    `✗ package.json pins no Node for ${process.platform} ${process.arch}, and this one is ${process.versions.node}. Install Node ${OLDEST_NODE.join('.')} or later.`,
  );
}

async function installPackages(pinned) {
  if (packagesAreCurrent(pinned)) return;
  await step(`Installing the npm packages${pinned ? `, with Node ${pinned.version}` : ''}`, '20 s to 1 min', () =>
    quietly('npm', ['ci', '--loglevel=error'], { advice: 'For the whole output, run: npm ci' }),
  );
}

/** Compares npm's record of installed packages with package-lock.json. The times of files say nothing after a checkout. */
function packagesAreCurrent(pinned) {
  const record = at('node_modules', '.package-lock.json');
  if (!existsSync(record) || (pinned && !existsSync(pinned.path))) return false;
  const installed = readJson(record).packages;
  return Object.entries(readJson(at('package-lock.json')).packages).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    return found ? found.version === wanted.version : Boolean(wanted.optional);
  });
}

function startAgain(node, script) {
  return new Promise(() => {
    const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
    // A terminal sends Ctrl-C to both processes. A signal to only this process is passed on.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(/** @type {NodeJS.Signals} */ (signal)));
    child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
    child.on('error', (error) => {
      console.error(`✗ the pinned Node cannot be started (${error.message}). Try: rm -rf node_modules && npm ci`);
      process.exit(1);
    });
  });
}
