// One workerd process with everything that is compared in it: edge-assay with a KV namespace, Hono with jose, a bare
// Worker, the origin of the key sets, and the loop that verifies alone. No wrangler, whose proxy would be the bottleneck.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { build } from 'esbuild';
import { at } from '../scripts/lib/paths.mjs';
import { compatibilityDate } from '../scripts/lib/worker.mjs';
import { AUDIENCE } from './subjects.mjs';

const FOLDER = at('target', 'bench');
const SECRET_BINDING = 'BENCH_SECRET';
const SOCKETS = ['edge-assay', 'hono-jose', 'hello', 'verify-alone'];

/** Starts it for these subjects; returns `{ ports, stop }`, the ports by the names above. */
export async function startWorkerd(subjects, { worker, benchWorker }) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  await Promise.all(['hono-jose', 'hello', 'key-sets', 'kv', 'verify-alone'].map(bundle));
  for (const [name, folder] of [['assay', worker], ['bench', benchWorker]]) {
    copyFileSync(at(folder, 'index.js'), join(FOLDER, `${name}.js`));
    copyFileSync(at(folder, 'index_bg.wasm'), join(FOLDER, `${name}.wasm`));
  }
  writeFileSync(join(FOLDER, 'config.capnp'), configuration(subjects));
  const child = spawn(at('node_modules', '.bin', 'workerd'), ['serve', 'config.capnp', '--control-fd=3'], {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const ports = await Promise.race([listening(child.stdio[3]), ended.then((code) => Promise.reject(new Error(`workerd exited with ${code}`)))]);
  return {
    ports,
    async stop() {
      child.kill();
      await ended;
    },
  };
}

async function bundle(name) {
  await build({ entryPoints: [at('bench', 'workers', `${name}.js`)], outfile: join(FOLDER, `${name}.js`), bundle: true, format: 'esm', minify: true, conditions: ['workerd'] });
}

async function listening(control) {
  const ports = {};
  for await (const line of createInterface({ input: control })) {
    const { event, socket, port } = JSON.parse(line);
    if (event === 'listen') ports[socket] = port;
    if (SOCKETS.every((name) => ports[name])) return ports;
  }
  throw new Error('workerd did not say where it listens');
}

function configuration(subjects) {
  const isShared = ({ key }) => typeof key === 'string';
  const jwksUri = ({ issuer }) => `${issuer}/.well-known/jwks.json`;
  const shared = subjects.find(isShared);
  const assay = {
    issuers: subjects.map((subject) => ({
      issuer: subject.issuer,
      algorithms: [subject.algorithm],
      audience: { any_of: [AUDIENCE] },
      ...(isShared(subject) ? { secrets: [{ binding: SECRET_BINDING }] } : { jwks_uri: jwksUri(subject) }),
    })),
  };
  // The gateways' API is fetched like everything else, from the same Worker.
  assay.gateway = { routes: [{ path: '/profiles/*', upstream: 'https://api.bench.example', headers: { 'x-user-id': '/sub' } }] };
  const hono = subjects.map((subject) => ({
    issuer: subject.issuer,
    algorithms: [subject.algorithm],
    audience: AUDIENCE,
    ...(isShared(subject) ? { secret: subject.key } : { jwksUri: jwksUri(subject) }),
  }));
  const keySets = Object.fromEntries(subjects.filter((subject) => !isShared(subject)).map(({ issuer, key }) => [new URL(issuer).host, [key]]));
  const alone = subjects.map(({ algorithm, key, tokens }) => ({ algorithm, key, token: tokens[0] }));

  const json = (binding, file, value) => {
    writeFileSync(join(FOLDER, file), JSON.stringify(value));
    return `(name = "${binding}", json = embed "${file}")`;
  };
  const worker = (modules, bindings) =>
    `(modules = [${modules.join(', ')}], bindings = [${bindings.join(', ')}], compatibilityDate = "${compatibilityDate()}", globalOutbound = "key-sets")`;
  const script = (file) => `(name = "${file}", esModule = embed "${file}")`;
  const rust = (name) => [`(name = "index.js", esModule = embed "${name}.js")`, `(name = "index_bg.wasm", wasm = embed "${name}.wasm")`];
  const services = {
    'edge-assay': worker(rust('assay'), [
      json('ASSAY', 'assay.json', assay),
      `(name = "${SECRET_BINDING}", text = "${shared?.key ?? ''}")`,
      '(name = "JWKS_CACHE", kvNamespace = "kv")',
    ]),
    'hono-jose': worker([script('hono-jose.js')], [json('ISSUERS', 'hono.json', hono)]),
    hello: worker([script('hello.js')], []),
    'key-sets': worker([script('key-sets.js')], [json('KEY_SETS', 'key-sets.json', keySets)]),
    kv: worker([script('kv.js')], []),
    bench: worker(rust('bench'), []),
    'verify-alone': worker([script('verify-alone.js')], [json('SUBJECTS', 'alone.json', alone), '(name = "ASSAY", service = "bench")']),
  };
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
${Object.entries(services).map(([name, definition]) => `    (name = "${name}", worker = ${definition}),`).join('\n')}
  ],
  sockets = [
${SOCKETS.map((name) => `    (name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}"),`).join('\n')}
  ],
);
`;
}
