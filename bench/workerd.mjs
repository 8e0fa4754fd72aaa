// One workerd process with everything that is compared: edge-assay with a KV namespace, Hono with jose, a minimal
// Worker, the origin of the key sets, and the loop that only verifies. Without wrangler, whose proxy would be the bottleneck.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { build } from 'esbuild';
import workerd from 'workerd';
import { at } from '../scripts/lib/paths.mjs';
import { compatibilityDate } from '../scripts/lib/worker.mjs';
import { AUDIENCE } from './subjects.mjs';

const FOLDER = at('target', 'bench');
const SECRET_BINDING = 'BENCH_SECRET';
const INSPECTOR = '127.0.0.1:9229';
const SOCKETS = ['edge-assay', 'hono-jose', 'hello', 'verify-alone'];
/** The Worker that calls edge-assay. */
export const CALLER = 'caller';
/** edge-assay with each `verify.engine`. */
export const ENGINES = ['rust', 'webcrypto', 'both'];
const engineSocket = (engine) => `edge-assay-${engine}`;

/** The bindings of each Worker that gets requests from outside, in addition to the key sets, which all of them have. */
const NEEDS = {
  'edge-assay': ['kv'],
  'hono-jose': [],
  hello: [],
  'verify-alone': ['bench'],
  [CALLER]: ['edge-assay', 'kv'],
  ...Object.fromEntries(ENGINES.map((engine) => [engineSocket(engine), ['kv']])),
};

/** Starts the process for these subjects; returns `{ ports, stop }`, with the ports by the names above. */
export async function startWorkerd(subjects, options) {
  return (await prepareWorkerd(subjects, options))();
}

/**
 * Writes all files that workerd needs and returns the function that starts it. `worker` and `benchWorker` are the folders of the builds;
 * `only` names the one Worker to be served; `engines` serves edge-assay with each engine instead, `otherIssuers` how many issuers are configured that send no token.
 */
export async function prepareWorkerd(subjects, { worker, benchWorker, only, engines = false, otherIssuers = 0 }) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  await Promise.all(['hono-jose', 'hello', 'key-sets', 'kv', 'verify-alone', CALLER].map(bundle));
  for (const [name, folder] of [
    ['assay', worker],
    ['bench', benchWorker],
  ]) {
    copyFileSync(at(folder, 'index.js'), join(FOLDER, `${name}.js`));
    copyFileSync(at(folder, 'index_bg.wasm'), join(FOLDER, `${name}.wasm`));
  }
  const sockets = only ? [only] : engines ? ENGINES.map(engineSocket) : SOCKETS;
  writeFileSync(join(FOLDER, 'config.capnp'), configuration(subjects, sockets, otherIssuers));
  return (options) => start(sockets, options);
}

const start = (sockets, { inspected = false } = {}) => serve(FOLDER, sockets, { args: inspected ? [`--inspector-addr=${INSPECTOR}`] : [] });

/**
 * Starts workerd with `config.capnp` of a folder and waits until it listens on these sockets. `onLine` gets each line that the Workers log;
 * without it the lines are dropped.
 *
 * @param {string} folder
 * @param {string[]} sockets
 * @param {{ args?: string[], onLine?: (line: string) => void }} [options]
 */
export async function serve(folder, sockets, { args = [], onLine } = {}) {
  const child = spawn(workerd.default, ['serve', 'config.capnp', '--control-fd=3', ...args], {
    cwd: folder,
    stdio: ['ignore', onLine ? 'pipe' : 'ignore', onLine ? 'pipe' : 'inherit', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) if (stream && onLine) createInterface({ input: stream }).on('line', onLine);
  // Also when this process is ended before it could call `stop`.
  const kill = () => void child.kill();
  process.once('exit', kill);
  const ended = new Promise((resolve) => child.once('exit', resolve)).finally(() => process.off('exit', kill));
  const ports = await Promise.race([
    listening(child.stdio[3], sockets),
    ended.then((code) => Promise.reject(new Error(`workerd exited with ${code}`))),
  ]);
  return {
    ports,
    pid: child.pid,
    inspector: INSPECTOR,
    ended,
    async stop() {
      child.kill();
      await ended;
    },
  };
}

async function bundle(name) {
  await build({
    entryPoints: [at('bench', 'workers', `${name}.js`)],
    outfile: join(FOLDER, `${name}.js`),
    bundle: true,
    format: 'esm',
    minify: true,
    conditions: ['workerd'],
  });
}

async function listening(control, sockets) {
  const ports = {};
  for await (const line of createInterface({ input: control })) {
    const { event, socket, port } = JSON.parse(line);
    if (event === 'listen') ports[socket] = port;
    if (sockets.every((name) => ports[name])) return ports;
  }
  throw new Error('workerd did not say where it listens');
}

function configuration(subjects, sockets, otherIssuers) {
  const isShared = ({ key }) => typeof key === 'string';
  const jwksUri = ({ issuer }) => `${issuer}/.well-known/jwks.json`;
  const shared = subjects.find(isShared);
  const others = Array.from({ length: otherIssuers }, (_, index) => ({ issuer: `https://other-${index}.bench.example`, algorithm: 'RS256' }));
  // The measured issuer comes last, so that a search from the beginning would find it last.
  const issuers = [...others, ...subjects];
  const assay = {
    issuers: issuers.map((subject) => ({
      issuer: subject.issuer,
      algorithms: [subject.algorithm],
      audience: { any_of: [AUDIENCE] },
      ...(isShared(subject) ? { secrets: [{ binding: SECRET_BINDING }] } : { jwks_uri: jwksUri(subject) }),
    })),
  };
  // The gateways' API is served by the same Worker as all other fetched documents.
  assay.gateway = { routes: [{ path: '/profiles/*', upstream: 'https://api.bench.example', headers: { 'x-user-id': '/sub' } }] };
  const hono = issuers.map((subject) => ({
    issuer: subject.issuer,
    algorithms: [subject.algorithm],
    audience: AUDIENCE,
    ...(isShared(subject) ? { secret: subject.key } : { jwksUri: jwksUri(subject) }),
  }));
  const keySets = Object.fromEntries(
    subjects.filter((subject) => !isShared(subject)).map(({ issuer, key, otherKeys }) => [new URL(issuer).host, [...otherKeys, key]]),
  );
  const alone = subjects.map(({ name, algorithm, key, tokens }) => ({ name, algorithm, key, token: tokens[0] }));

  const json = (binding, file, value) => {
    writeFileSync(join(FOLDER, file), JSON.stringify(value));
    return `(name = "${binding}", json = embed "${file}")`;
  };
  const worker = (modules, bindings) =>
    `(modules = [${modules.join(', ')}], bindings = [${bindings.join(', ')}], compatibilityDate = "${compatibilityDate()}", globalOutbound = "key-sets")`;
  const script = (file) => `(name = "${file}", esModule = embed "${file}")`;
  const rust = (name) => [`(name = "index.js", esModule = embed "${name}.js")`, `(name = "index_bg.wasm", wasm = embed "${name}.wasm")`];
  const assayWorker = (file, value) =>
    worker(rust('assay'), [
      json('ASSAY', file, value),
      `(name = "${SECRET_BINDING}", text = "${shared?.key ?? ''}")`,
      '(name = "JWKS_CACHE", kvNamespace = "kv")',
    ]);
  const services = {
    'edge-assay': assayWorker('assay.json', assay),
    ...Object.fromEntries(ENGINES.map((engine) => [engineSocket(engine), assayWorker(`assay-${engine}.json`, { ...assay, verify: { engine } })])),
    'hono-jose': worker([script('hono-jose.js')], [json('ISSUERS', 'hono.json', hono)]),
    hello: worker([script('hello.js')], []),
    'key-sets': worker([script('key-sets.js')], [json('KEY_SETS', 'key-sets.json', keySets)]),
    kv: worker([script('kv.js')], []),
    [CALLER]: worker(
      [script('caller.js')],
      [
        json('TOKENS', 'tokens.json', subjects[0].tokens),
        '(name = "AUTH", service = (name = "edge-assay", entrypoint = "Assay"))',
        '(name = "AUTH_HTTP", service = "edge-assay")',
      ],
    ),
    bench: worker(rust('bench'), []),
    'verify-alone': worker([script('verify-alone.js')], [json('SUBJECTS', 'alone.json', alone), '(name = "ASSAY", service = "bench")']),
  };
  const served = new Set(sockets.flatMap((name) => [name, 'key-sets', ...NEEDS[name]]));
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
${Object.entries(services)
  .filter(([name]) => served.has(name))
  .map(([name, definition]) => `    (name = "${name}", worker = ${definition}),`)
  .join('\n')}
  ],
  sockets = [
${sockets.map((name) => `    (name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}"),`).join('\n')}
  ],
);
`;
}
