// The npm package as its users get it: the archive that `npm run package` makes, and projects that install it without the tools of this
// project on their PATH.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { startServer } from '../../../scripts/lib/children.mjs';
import { version } from '../../../scripts/lib/package.mjs';
import { at } from '../../../scripts/lib/paths.mjs';
import { eventually } from './worker.mjs';

/** The archive. scripts/test.mjs makes it before the tests whose names begin with `package`. */
export const archive = at('dist', `edge-assay-${version()}.tgz`);

/** The pinned version of wrangler, as an argument of npm install. */
export const wrangler = `wrangler@${JSON.parse(readFileSync(at('package.json'), 'utf8')).devDependencies.wrangler}`;

const MOST_MS_TO_START = 60_000;

/**
 * An empty folder with an environment in which only Node, npm and a shell are on the PATH. `run` starts a program there and returns its
 * exit code and output; `dev` runs `wrangler dev` and returns its URL and `close`. The folder is removed after the test or suite.
 */
export function emptyProject(after) {
  const folder = mkdtempSync(join(tmpdir(), 'edge-assay-project-'));
  const path = mkdtempSync(join(tmpdir(), 'edge-assay-path-'));
  after(() => [folder, path].forEach((one) => rmSync(one, { recursive: true, force: true })));
  symlinkSync(process.execPath, join(path, 'node'));
  for (const name of ['npm', 'npx', 'sh']) symlinkSync(found(name), join(path, name));
  const env = {
    HOME: process.env.HOME,
    PATH: path,
    CI: 'true',
    NO_COLOR: '1',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_LOG_PATH: join(folder, '.wrangler', 'logs'),
  };
  for (const [name, value] of Object.entries(process.env))
    if (/^(npm_config_registry|npm_config_cafile|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy)$/i.test(name)) env[name] = value;

  const run = async (program, args) => {
    try {
      const { stdout, stderr } = await promisify(execFile)(join(path, program), args, { cwd: folder, env });
      return { code: 0, stdout, output: stdout + stderr };
    } catch (error) {
      if (typeof error.code !== 'number') throw error;
      return { code: error.code, stdout: error.stdout, output: error.stdout + error.stderr };
    }
  };
  return {
    folder,
    path,
    run,
    write: (name, text) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    },
    /** Runs a program that has to succeed, and returns its output. */
    async must(program, args) {
      const { code, output } = await run(program, args);
      if (code !== 0) throw new Error(`${program} ${args.join(' ')} exited with ${code}:\n${output}`);
      return output;
    },
    async dev(args = []) {
      let output = '';
      const server = startServer(
        'npx',
        ['wrangler', 'dev', '--ip', '127.0.0.1', '--port', '0', '--inspector-port', '0', '--show-interactive-dev-session=false', ...args],
        {
          cwd: folder,
          env: { ...Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined])), ...env },
          onLine: (line) => (output += `${line}\n`),
        },
      );
      const address = () => output.match(/Ready on (http:\/\/\S+)/)?.[1];
      const failed = server.ended.then(() => {
        throw new Error(`wrangler dev has ended:\n${output}`);
      });
      try {
        await Promise.race([failed, eventually(address, 'the address of wrangler dev', MOST_MS_TO_START)]);
      } catch (error) {
        await server.stop();
        throw error;
      }
      return { url: address(), close: () => server.stop(), output: () => output };
    },
  };
}

/** The program of this name on this process's PATH, outside the packages of this project. */
function found(name) {
  for (const folder of process.env.PATH.split(delimiter).filter((one) => one !== '' && !one.includes('node_modules'))) {
    try {
      return realpathSync(join(folder, name));
    } catch {
      // It is in a later folder.
    }
  }
  throw new Error(`${name} is not on the PATH`);
}
