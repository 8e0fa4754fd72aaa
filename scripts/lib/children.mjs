// Starts servers in a way that stops them and their children reliably, and checks that their ports are free. Uses only Node's own modules.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { root } from './paths.mjs';
import { Failure } from './steps.mjs';

const PATIENCE_MS = 5000;

/** Throws a `Failure` with `advice` if another program listens on the port. */
export async function requireFree(port, advice) {
  const server = createServer();
  const outcome = await new Promise((resolve) => {
    server.once('error', resolve).listen(port, '127.0.0.1', () => resolve(undefined));
  });
  if (outcome?.code === 'EADDRINUSE') throw new Failure(`✗ Port ${port} is taken by another program. ${advice}`);
  if (outcome) throw new Failure(`✗ Port ${port} cannot be used: ${outcome.message}. ${advice}`);
  server.close();
  await once(server, 'close');
}

/**
 * Starts a server in a process group of its own, so that `stop` also stops its children. `onLine` gets each line of its output; `ended`
 * resolves when it has exited.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, onLine?: (line: string) => unknown }} [options]
 */
export function startServer(command, args, { cwd = root, env = {}, onLine = () => {} } = {}) {
  const child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const ended = once(child, 'exit');
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach((line) => onLine(line));
    });
  }
  const signalAll = (signal) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // All processes of the group have exited.
    }
  };
  return {
    ended,
    async stop() {
      signalAll('SIGTERM');
      const timer = setTimeout(() => signalAll('SIGKILL'), PATIENCE_MS);
      await ended;
      clearTimeout(timer);
      // The server may exit before its children.
      signalAll('SIGKILL');
    },
  };
}
