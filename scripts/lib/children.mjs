// Servers that a script starts and must not leave behind, and the ports they want. Node's own modules only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { root } from './paths.mjs';
import { Failure } from './steps.mjs';

const PATIENCE_MS = 5000;

/** Throws a `Failure` with `advice` if something else listens on the port. */
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
 * Starts a server in a process group of its own, so that `stop` reaches its children too. `onLine` gets each line it
 * writes; `ended` resolves when it has ended.
 */
export function startServer(command, args, { env = {}, onLine = () => {} } = {}) {
  const child = spawn(command, args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const ended = once(child, 'exit');
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      lines.forEach(onLine);
    });
  }
  const signalAll = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // All of them have ended.
    }
  };
  return {
    ended,
    async stop() {
      signalAll('SIGTERM');
      const timer = setTimeout(() => signalAll('SIGKILL'), PATIENCE_MS);
      await ended;
      clearTimeout(timer);
      // The one that was started may end before those it started.
      signalAll('SIGKILL');
    },
  };
}
