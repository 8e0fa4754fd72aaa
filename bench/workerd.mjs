// One workerd process with everything that is compared: edge-assay with a KV namespace, Hono with jose, a minimal
// Worker, the origin of the key sets, and the loop that only verifies. Without wrangler, whose proxy would be the bottleneck.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { build } from 'esbuild';
import workerd from 'workerd';
import { signingKeys } from '../demo/signing-keys.mjs';
import { at } from '../scripts/lib/paths.mjs';
import { compatibilityDate } from '../scripts/lib/worker.mjs';
import { AUDIENCE } from './subjects.mjs';

const FOLDER = at('target', 'bench');
const SECRET_BINDING = 'BENCH_SECRET';
const SIGNING_KEYS = 'SIGNING_KEYS';
const EXCHANGE_ISSUER = 'https://auth.bench.example';
const SCOPE = 'profiles:read';
const INSPECTOR = 'inspector';
/** How long a process may take to end. It waits for connections that are open. */
const PATIENCE_MS = 2000;
const SOCKETS = ['edge-assay', 'hono-jose', 'hello', 'verify-alone'];
/** The Worker that calls edge-assay. */
export const CALLER = 'caller';
/** edge-assay with each `verify.engine`. */
export const ENGINES = ['rust', 'webcrypto', 'both'];
const engineSocket = (engine) => `edge-assay-${engine}`;
/** Workers in JavaScript that do a part of edge-assay's work without any decision. */
export const BOUNDS = ['reads', 'answers', 'forwards', 'rewrites'];
/** The algorithms with which tokens are issued, and the audience that gets tokens of each. */
export const ISSUING = ['ES256', 'EdDSA'];
export const audienceOf = (algorithm) => `https://${algorithm.toLowerCase()}.bench.example`;
/** The socket at which a Worker that is `watched` measures its memory. */
export const MEMORY = 'memory';

/** The bindings of each Worker that gets requests from outside, in addition to the key sets, which all of them have. */
const NEEDS = {
  'edge-assay': ['kv'],
  'hono-jose': [],
  hello: [],
  'verify-alone': ['bench'],
  [CALLER]: ['edge-assay', 'kv', 'hello'],
  ...Object.fromEntries(ENGINES.map((engine) => [engineSocket(engine), ['kv']])),
  ...Object.fromEntries(BOUNDS.map((way) => [way, []])),
};

/** Starts the process for these subjects; returns `{ ports, stop }`, with the ports by the names above. */
export async function startWorkerd(subjects, options) {
  return (await prepareWorkerd(subjects, options))({ inspected: options.watched });
}

/**
 * Writes all files that workerd needs and returns the function that starts it. `worker` and `benchWorker` are the folders of the builds;
 * `only` names the one Worker to be served; `engines` serves edge-assay with each engine instead; `otherIssuers` is how many issuers are configured that
 * send no token; with `exchange`, tokens are issued too; a Worker that is `watched` measures its memory at the socket MEMORY.
 *
 * @param {any[]} subjects
 * @param {{ worker: string, benchWorker: string, only?: string, engines?: boolean, otherIssuers?: number, exchange?: boolean, watched?: boolean }} options
 */
export async function prepareWorkerd(subjects, { worker, benchWorker, only, engines = false, ...differences }) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  await Promise.all(['hono-jose', 'hello', 'key-sets', 'kv', 'verify-alone', 'bounds', CALLER].map(bundle));
  for (const name of ['watch.js', 'soaked.js']) copyFileSync(at('bench', 'workers', name), join(FOLDER, name));
  for (const [name, folder] of [
    ['assay', worker],
    ['bench', benchWorker],
  ]) {
    copyFileSync(at(folder, 'index.js'), join(FOLDER, `${name}.js`));
    copyFileSync(at(folder, 'index_bg.wasm'), join(FOLDER, `${name}.wasm`));
  }
  const sockets = only ? [only] : engines ? ENGINES.map(engineSocket) : SOCKETS;
  writeFileSync(join(FOLDER, 'config.capnp'), await configuration(subjects, sockets, differences));
  return (options) => start(differences.watched ? [...sockets, MEMORY] : sockets, options);
}

const start = (sockets, { inspected = false } = {}) => serve(FOLDER, sockets, { inspected });

/**
 * Starts workerd with `config.capnp` of a folder and waits until it listens on these sockets. `onLine` gets each line that the Workers log;
 * without it the lines are dropped.
 *
 * @param {string} folder
 * @param {string[]} sockets
 * @param {{ inspected?: boolean, onLine?: (line: string) => void }} [options]
 */
export async function serve(folder, sockets, { inspected = false, onLine } = {}) {
  const args = ['serve', 'config.capnp', '--control-fd=3', ...(inspected ? ['--inspector-addr=127.0.0.1:0'] : [])];
  const child = spawn(workerd.default, args, {
    cwd: folder,
    stdio: ['ignore', onLine ? 'pipe' : 'ignore', onLine ? 'pipe' : 'inherit', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) if (stream && onLine) createInterface({ input: stream }).on('line', onLine);
  // Also when this process is ended before it could call `stop`.
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise((resolve) => child.once('exit', resolve)).finally(() => process.off('exit', kill));
  const ports = await Promise.race([
    listening(child.stdio[3], inspected ? [...sockets, INSPECTOR] : sockets),
    ended.then((code) => Promise.reject(new Error(`workerd exited with ${code}`))),
  ]);
  return {
    ports,
    pid: child.pid,
    inspector: `127.0.0.1:${ports[INSPECTOR]}`,
    ended,
    async stop() {
      child.kill();
      const late = setTimeout(kill, PATIENCE_MS);
      await ended;
      clearTimeout(late);
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
    external: ['cloudflare:workers'],
  });
}

async function listening(control, sockets) {
  const ports = {};
  for await (const line of createInterface({ input: control })) {
    const { event, socket, port } = JSON.parse(line);
    if (event === 'listen') ports[socket] = port;
    if (event === 'listen-inspector') ports[INSPECTOR] = port;
    if (sockets.every((name) => ports[name])) return ports;
  }
  throw new Error('workerd did not say where it listens');
}

async function configuration(subjects, sockets, { otherIssuers = 0, exchange = false, watched = false }) {
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
  if (exchange) {
    assay.exchange = {
      issuer: EXCHANGE_ISSUER,
      targets: ISSUING.map((algorithm) => ({
        audience: audienceOf(algorithm),
        from: subjects.map(({ issuer }) => issuer),
        algorithm,
        scopes: [SCOPE],
        default_scopes: [SCOPE],
        subject_scopes: 'ignored',
        claims: { email: { claim: '/email' } },
        public_clients: true,
        subject: 'prefixed',
      })),
    };
  }
  const keys = exchange ? await signingKeys(ISSUING, { age: 2 * 3600 }) : '';
  const signing = exchange ? [`(name = "${SIGNING_KEYS}", text = ${JSON.stringify(keys)})`] : [];
  const targets = ISSUING.map((algorithm) => ({
    audience: audienceOf(algorithm),
    algorithm,
    scope: SCOPE,
    from: subjects.map(({ issuer }) => issuer),
  }));
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
  const script = (file, name = file) => `(name = "${name}", esModule = embed "${file}")`;
  // The first module is the Worker. One that measures its memory imports the Worker as ./index.js.
  const watch = watched ? [script('soaked.js'), script('watch.js')] : [];
  const main = (file) => [...watch, script(file, 'index.js')];
  const rust = (name) => [...main(`${name}.js`), `(name = "index_bg.wasm", wasm = embed "${name}.wasm")`];
  const assayWorker = (file, value) =>
    worker(rust('assay'), [
      json('ASSAY', file, value),
      `(name = "${SECRET_BINDING}", text = "${shared?.key ?? ''}")`,
      '(name = "JWKS_CACHE", kvNamespace = "kv")',
      ...signing,
    ]);
  const services = {
    'edge-assay': assayWorker('assay.json', assay),
    ...Object.fromEntries(ENGINES.map((engine) => [engineSocket(engine), assayWorker(`assay-${engine}.json`, { ...assay, verify: { engine } })])),
    'hono-jose': worker(main('hono-jose.js'), [
      json('ISSUERS', 'hono.json', hono),
      json('TARGETS', 'targets.json', targets),
      `(name = "EXCHANGE_ISSUER", text = "${EXCHANGE_ISSUER}")`,
      ...signing,
    ]),
    hello: worker(main('hello.js'), []),
    ...Object.fromEntries(BOUNDS.map((way) => [way, worker([script('bounds.js')], [`(name = "WAY", text = "${way}")`])])),
    'key-sets': worker([script('key-sets.js')], [json('KEY_SETS', 'key-sets.json', keySets)]),
    kv: worker([script('kv.js')], []),
    [CALLER]: worker(
      [script('caller.js')],
      [
        json('TOKENS', 'tokens.json', subjects[0].tokens),
        '(name = "AUTH", service = (name = "edge-assay", entrypoint = "Assay"))',
        '(name = "AUTH_HTTP", service = "edge-assay")',
        '(name = "NOTHING", service = (name = "hello", entrypoint = "Nothing"))',
      ],
    ),
    bench: worker(rust('bench'), []),
    'verify-alone': worker([script('verify-alone.js')], [json('SUBJECTS', 'alone.json', alone), '(name = "ASSAY", service = "bench")']),
  };
  const served = new Set(sockets.flatMap((name) => [name, 'key-sets', ...NEEDS[name]]));
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (${watched ? '\n  v8Flags = ["--expose-gc"],' : ''}
  services = [
${Object.entries(services)
  .filter(([name]) => served.has(name))
  .map(([name, definition]) => `    (name = "${name}", worker = ${definition}),`)
  .join('\n')}
  ],
  sockets = [
${sockets.map((name) => `    (name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}"),`).join('\n')}${watched ? `\n    (name = "${MEMORY}", address = "127.0.0.1:0", http = (), service = (name = "${sockets[0]}", entrypoint = "memory")),` : ''}
  ],
);
`;
}
