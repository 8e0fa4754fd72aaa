// Real nginx and real Caddy, run with the very files that docs/forward-auth.md offers: only what their comments tell a
// reader to replace is replaced, and what a test on one machine needs (ports, folders) is put in.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './worker.mjs';

const documented = (name) => readFileSync(new URL(`../../../docs/forward-auth/${name}`, import.meta.url), 'utf8');

/** Why a proxy cannot be tested here; `false` if it can. */
export const absent = (name, argument) => (spawnSync(name, [argument]).error ? `${name} is not installed` : false);

/** By name: how each is started for `{ worker, api, secret }`, URLs and a text. */
export const PROXIES = {
  nginx: {
    skip: absent('nginx', '-v'),
    start: (scene) =>
      run((folder, port) => {
        const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
        const file = replaced(documented('nginx.conf'), [
          ['assay.example.workers.dev:443', new URL(scene.worker).host],
          ['https://assay/', 'http://assay/'],
          ['127.0.0.1:8080', new URL(scene.api).host],
          ['listen 80;', `listen 127.0.0.1:${port};`],
          ['replace this by the value of FORWARD_AUTH_SECRET', scene.secret],
          ['\nhttp {', `\nhttp {\n    access_log off;\n    ${paths.join('\n    ')}`],
        ]);
        const path = join(folder, 'nginx.conf');
        writeFileSync(path, file);
        return { command: 'nginx', args: ['-p', folder, '-c', path, '-e', 'stderr', '-g', `daemon off; pid ${folder}/pid;`] };
      }),
  },
  Caddy: {
    skip: absent('caddy', 'version'),
    start: (scene) =>
      run((folder, port) => {
        const file = replaced(documented('Caddyfile'), [
          ['https://assay.example.workers.dev', new URL(scene.worker).origin],
          ['127.0.0.1:8080', new URL(scene.api).host],
          ['\napi.example.com {', `\nhttp://127.0.0.1:${port} {`],
        ]);
        const path = join(folder, 'Caddyfile');
        writeFileSync(path, `{\n\tadmin off\n}\n${file}`);
        const env = { FORWARD_AUTH_SECRET: scene.secret, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder };
        return { command: 'caddy', args: ['run', '--config', path, '--adapter', 'caddyfile'], env };
      }),
  },
};

/** `text` with each of the pairs replaced; every one has to be there. */
function replaced(text, pairs) {
  return pairs.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the documented file no longer holds ${JSON.stringify(from)}`);
    return text.replaceAll(from, to);
  }, text);
}

async function run(prepare) {
  const folder = mkdtempSync(join(tmpdir(), 'edge-assay-'));
  const port = await freePort();
  const { command, args, env = {} } = prepare(folder, port);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const listening = eventually(() => fetch(`${url}/`).then((response) => response.text().then(() => true), () => false), `${command}:\n${output}`, 10_000);
  await Promise.race([listening, ended.then(() => Promise.reject(new Error(`${command} has ended:\n${output}`)))]);
  return {
    url,
    output: () => output,
    async close() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await ended;
      clearTimeout(timer);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
