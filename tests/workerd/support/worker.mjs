// The built Worker in workerd for tests: any configuration, several isolates with one KV, a KV that fails, collected log
// lines, and a cron trigger that the test fires.
import { readFileSync } from 'node:fs';
import { Miniflare, Response } from 'miniflare';
import { issuerTable, secretsOf } from '../../../demo/configuration.mjs';
import { at } from '../../../scripts/lib/paths.mjs';
import { compatibilityDate } from '../../../scripts/lib/worker.mjs';

/** The modules of the Worker that was built into this folder. */
const modulesOf = (build) => ({
  'index.js': { type: 'esm', contents: readFileSync(at(build, 'index.js'), 'utf8') },
  'index_bg.wasm': { type: 'wasm', contents: readFileSync(at(build, 'index_bg.wasm')) },
});
const MODULES = modulesOf('build');
const KV_BINDING = 'JWKS_CACHE';
const CALLER = 'caller';
const COORDINATING = 'coordinator';

// Wraps the Worker and gives it a KV namespace whose behaviour a test sets. One object per isolate, as for the real
// namespace.
const UNRELIABLE_KV = `
import { wasmBytes } from './watch.js';
import handlers from './index.js';
export * from './index.js';
const failed = (operation, status) => { throw new Error('KV ' + operation + ' failed: ' + status); };
const rubbish = ['', '{', 'null', '[]', '{"version":99}', '\\u0000'];
let count = 0;
const gets = {};
const late = (milliseconds, act) => new Promise((resolve) => setTimeout(resolve, milliseconds)).then(act);
const behaviours = {
  // Reads and writes take half a second.
  slow: (kv) => ({ get: (...args) => late(500, () => kv.get(...args)), put: (...args) => late(500, () => kv.put(...args)) }),
  truncated: (kv) => ({ get: async (...args) => { const text = await kv.get(...args); return text?.slice(0, text.length / 2) ?? null; }, put: (...args) => kv.put(...args) }),
  // The connection ends in the middle of each operation.
  reset: () => ({ get: () => late(20, () => failed('GET', 'Network connection lost.')), put: () => late(20, () => failed('PUT', 'Network connection lost.')) }),
  up: (kv) => kv,
  down: () => ({ get: async () => failed('GET', '503 Service Unavailable'), put: async () => failed('PUT', '503 Service Unavailable') }),
  throttled: (kv) => ({ get: (...args) => kv.get(...args), put: async () => failed('PUT', '429 Too Many Requests') }),
  rubbish: () => ({ get: async () => rubbish[count++ % rubbish.length], put: async () => {} }),
  silent: () => ({ get: () => new Promise(() => {}), put: () => new Promise(() => {}) }),
};
let behaviour, wrapped, overrides;
const rightClock = Date.now;
const brokenClock = () => { throw new WebAssembly.RuntimeError('unreachable'); };
function wrap(env) {
  behaviour ??= env.KV_BEHAVIOUR;
  const namespace = (name) => {
    const now = () => behaviours[behaviour](env[name]);
    return { get: (...args) => ((gets[name] = (gets[name] ?? 0) + 1), now().get(...args)), put: (...args) => now().put(...args), delete: async (...args) => now().delete?.(...args), getWithMetadata() {}, list() {} };
  };
  return (wrapped ??= { ...env, ...overrides, ...Object.fromEntries(env.KV_NAMES.split(' ').map((name) => [name, namespace(name)])) });
}
export default {
  async fetch(request, env, context) {
    // Another object for the bindings, as after a deployment of variables or secrets under a running isolate.
    if (request.headers.has('x-bindings')) return (overrides = await request.json()), (wrapped = undefined), new Response();
    const wanted = request.headers.get('x-kv-behaviour');
    if (wanted) return (behaviour = wanted), new Response();
    if (request.headers.has('x-wasm-bytes')) return new Response(String(wasmBytes()));
    // The effect of Rust's panic hook.
    if (request.headers.has('x-panic')) return (globalThis.__worker_init_state.criticalError = true), new Response();
    const clock = request.headers.get('x-clock');
    if (clock && Number.isFinite(Number(clock))) return (Date.now = () => rightClock() + 1000 * Number(clock)), new Response();
    if (clock) return (Date.now = clock === 'right' ? rightClock : brokenClock), new Response();
    const counted = request.headers.get('x-kv-gets');
    if (counted) return new Response(String(gets[counted] ?? 0));
    return handlers.fetch(request, wrap(env), context);
  },
  scheduled: (event, env, context) => handlers.scheduled(event, wrap(env), context),
};`;

// Wraps the class of the coordinator, so that a test sets its behaviour. The object and this module's `fetch` are in one isolate.
const COORDINATOR = `
import { Coordinator as Own } from './index.js';
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const nonsense = ['', '{', 'null', '[]', 42, undefined, '{"state":"document"}', '{"state":"later"}', { state: 'pending' }, 'x'.repeat(5_000_000)];
const names = new Set();
let behaviour = 'up', asked = 0, count = 0;
const behaviours = {
  up: (answer) => answer(),
  throws: () => { throw new Error('the object is overloaded'); },
  hangs: () => new Promise(() => {}),
  nonsense: () => nonsense[count++ % nonsense.length],
  truncated: async (answer) => { const text = await answer(); return text.slice(0, text.length / 2); },
  slow: async (answer) => (await pause(1200), answer()),
  // The object ends while it answers.
  resets: async (answer, context) => (answer(), await pause(50), context.abort('reset by the test'), 'never'),
};
export class Coordinator extends Own {
  ask(question) {
    asked += 1;
    names.add(this.ctx.id.toString());
    return behaviours[behaviour](() => super.ask(question), this.ctx);
  }
}
const rightClock = Date.now;
export default {
  fetch(request) {
    const wanted = request.headers.get('x-behaviour');
    if (wanted) behaviour = wanted;
    const clock = request.headers.get('x-clock');
    if (clock) Date.now = () => rightClock() + 1000 * Number(clock);
    if (request.headers.has('x-panic')) globalThis.__worker_init_state.criticalError = true;
    return Response.json({ asked, objects: names.size });
  },
};`;

// Evaluated before the Worker, so that it sees the WebAssembly instance being made and can measure its memory.
// That memory never shrinks, so its size is the most that was ever needed.
const WATCH = `
const { Instance } = WebAssembly;
let memory;
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    memory = this.exports.memory;
  }
};
export const wasmBytes = () => memory.buffer.byteLength;`;

/**
 * The configuration and the secrets with which the Worker trusts these providers; `issuers[name]` overrides a table.
 *
 * @param {any[]} providers
 * @param {{ issuers?: object, [table: string]: unknown }} [options]
 * @returns {{ config: Record<string, any>, secrets: Record<string, string> }}
 */
export function trusting(providers, { issuers = {}, ...rest } = {}) {
  return {
    config: { issuers: providers.map((provider) => issuerTable(provider, issuers[provider.name])), ...rest },
    secrets: secretsOf(providers),
  };
}

/**
 * Starts the Worker. `config` is the ASSAY binding (`undefined` leaves it unset), `secrets` are text bindings,
 * `isolates` how many of it run side by side over one KV, `kv` is `up` (the default), `none`, or how it misbehaves from
 * the start: `down`, `throttled` (every write is a 429), `rubbish`. `persist` is a folder in which KV outlives this instance. Where providers have origins of their own, their
 * `identityProvider` gets the requests for these origins. `services` are Workers' sources, by the names of
 * the service bindings that lead to them. `caller` is the source of a Worker that calls the first isolate: by RPC as AUTH, over HTTP as AUTH_HTTP.
 * `script` replaces the built module around the wasm. `namespaces` are the bindings of further KV namespaces, which behave as `kv` says.
 * With `coordinator` all isolates share one coordinator, a Durable Object in an isolate of its own. `outbound` answers what the Worker sends
 * over the network, in place of the network. `build` is the folder of another build of the Worker. `asker` is the source of the module that takes the place of the test's own around the Worker.
 *
 * @param {{ coordinator?: boolean, build?: string, asker?: string, outbound?: (request: any) => any, config?: unknown, secrets?: object, isolates?: number, kv?: string, persist?: string, identityProvider?: object, services?: object, caller?: string, script?: string, namespaces?: string[] }} options
 */
export async function startWorker({
  config,
  secrets = {},
  isolates = 1,
  kv = 'up',
  persist,
  identityProvider,
  services = {},
  caller,
  script,
  namespaces = [],
  coordinator = false,
  build,
  asker,
  outbound = identityProvider && bringTo(identityProvider),
} = {}) {
  const lines = [];
  const serviceBindings = Object.fromEntries(Object.keys(services).map((name) => [name, { type: 'worker', worker: serviceName(name) }]));
  /** @type {Record<string, any>} */
  const env = {
    ...(config === undefined ? {} : { ASSAY: { type: 'json', value: config } }),
    ...textBindings(secrets),
    ...serviceBindings,
    ...(coordinator ? { COORDINATOR: { type: 'durable-object', worker: COORDINATING, exportName: 'Coordinator' } } : {}),
    ...Object.fromEntries(namespaces.map((name) => [name, { type: 'kv', id: name.toLowerCase() }])),
    ...(kv === 'none'
      ? {}
      : { [KV_BINDING]: { type: 'kv', id: 'jwks-cache' }, ...textBindings({ KV_BEHAVIOUR: kv, KV_NAMES: [KV_BINDING, ...namespaces].join(' ') }) }),
  };
  const modules = build ? modulesOf(build) : MODULES;
  const own = script ? { ...modules, 'index.js': { type: 'esm', contents: script } } : modules;
  /** @type {any} */
  const manifest =
    kv === 'none'
      ? { mainModule: 'index.js', modules: own }
      : {
          mainModule: 'kv.js',
          modules: { ...own, 'watch.js': { type: 'esm', contents: WATCH }, 'kv.js': { type: 'esm', contents: asker ?? UNRELIABLE_KV } },
        };
  const names = Array.from({ length: isolates }, (_, index) => `edge-assay-${index}`);
  const instance = new Miniflare({
    handleStructuredLogs: ({ level, message }) => lines.push({ level, message }),
    ...(persist ? { resourcePersistencePath: persist } : {}),
    workers: [
      ...names.map((name) => ({
        config: { name, compatibilityDate: compatibilityDate(), manifest, env },
        dev: {
          // A socket of its own for each: no proxy between the test and the Worker that could change or refuse requests.
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
          ...(outbound ? { outboundService: /** @type {any} */ ({ type: 'fetcher', handler: outbound }) } : {}),
        },
      })),
      ...(coordinator
        ? [
            {
              config: {
                name: COORDINATING,
                compatibilityDate: compatibilityDate(),
                manifest: { mainModule: 'coordinator.js', modules: { ...own, 'coordinator.js': esm(COORDINATOR) } },
                exports: { Coordinator: { type: 'durable-object', storage: 'sqlite' } },
                // No configuration: it needs none. Its KV always works.
                env: { ...serviceBindings, ...(kv === 'none' ? {} : { [KV_BINDING]: { type: 'kv', id: 'jwks-cache' } }) },
              },
              dev: {
                unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
                ...(outbound ? { outboundService: /** @type {any} */ ({ type: 'fetcher', handler: outbound }) } : {}),
              },
            },
          ]
        : []),
      ...(caller === undefined
        ? []
        : [
            {
              config: {
                name: CALLER,
                compatibilityDate: compatibilityDate(),
                manifest: { mainModule: 'caller.js', modules: { 'caller.js': esm(caller) } },
                env: { AUTH: { type: 'worker', worker: names[0], exportName: 'Assay' }, AUTH_HTTP: { type: 'worker', worker: names[0] } },
              },
              dev: { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] },
            },
          ]),
      ...Object.entries(services).map(([name, source]) => ({
        config: {
          name: serviceName(name),
          compatibilityDate: compatibilityDate(),
          manifest: { mainModule: 'service.js', modules: { 'service.js': esm(source) } },
        },
      })),
    ],
  });
  await instance.ready;
  const urls = await Promise.all(names.map((name) => instance.unsafeGetDirectURL(name)));
  /** @type {(path: string, init?: RequestInit & { isolate?: number }) => Promise<any>} */
  const request = (path, { isolate = 0, ...init } = {}) => fetch(new URL(path, urls[isolate]), { redirect: 'manual', ...init });
  const coordinating = async (headers = {}) => (await fetch(await instance.unsafeGetDirectURL(COORDINATING), { headers })).json();
  // An isolate compiles the WebAssembly when it starts. On a busy machine that takes longer than a coordinator may.
  if (coordinator) await coordinating();

  return {
    /** Where each isolate listens. */
    urls,
    /** Sends a request to one of the isolates. */
    fetch: request,
    /** Asks `/verify` about a token; returns `{ status, headers, body }`. */
    async verify(token, { isolate = 0, headers = {} } = {}) {
      return answerOf(await request('/verify', { isolate, headers: { authorization: `Bearer ${token}`, ...headers } }));
    },
    /** Fires the cron trigger. */
    scheduled: async (isolate = 0) => /** @type {any} */ (await instance.getWorker(names[isolate])).scheduled({ cron: '*/5 * * * *' }),
    /** Makes KV `up`, `down`, `throttled`, `silent` or full of `rubbish` from now on. */
    kvBehaves: (behaviour, isolate = 0) => request('/', { isolate, headers: { 'x-kv-behaviour': behaviour } }),
    /** Sends a request to the Worker that calls. */
    caller: async (path, init) => fetch(new URL(path, await instance.unsafeGetDirectURL(CALLER)), init),
    /** Makes the clock `broken`, so that Rust is left in the middle of its work as by a panic, or `right`. */
    clockIs: (state, isolate = 0) => request('/', { isolate, headers: { 'x-clock': state } }),
    /** Sets the clock this many seconds ahead. */
    clockIsAhead: (seconds, isolate = 0) => request('/', { isolate, headers: { 'x-clock': String(seconds) } }),
    /** How often an isolate has read from a KV namespace so far. */
    kvGets: async (isolate = 0, binding = KV_BINDING) => Number(await (await request('/', { isolate, headers: { 'x-kv-gets': binding } })).text()),
    /** Gives an isolate other bindings from now on, beside those that stay. */
    bind: (bindings, isolate = 0) => request('/', { isolate, method: 'POST', headers: { 'x-bindings': 'yes' }, body: JSON.stringify(bindings) }),
    /** Makes the coordinator `up`, or it `throws`, `hangs`, is `slow`, `resets` or gives `nonsense` or `truncated` answers from now on. */
    coordinatorBehaves: (behaviour) => coordinating({ 'x-behaviour': behaviour }),
    /** Sets the clock of the coordinator this many seconds ahead. */
    coordinatorIsAhead: (seconds) => coordinating({ 'x-clock': String(seconds) }),
    /** The same if there is one. */
    coordinatorIsAheadIfAny: async (seconds) => coordinator && coordinating({ 'x-clock': String(seconds) }),
    /** Makes the coordinator forget everything, as a restart does. */
    coordinatorRestarts: () => coordinating({ 'x-panic': 'yes' }),
    /** How many questions the coordinator got, and how many objects there are: `{ asked, objects }`. */
    coordinatorCounts: () => coordinating(),
    /** Leaves the instance as a panic does. */
    panics: (isolate = 0) => request('/', { isolate, headers: { 'x-panic': 'yes' } }),
    /** The bytes of WebAssembly memory that an isolate has asked for so far. */
    wasmBytes: async (isolate = 0) => Number(await (await request('/', { isolate, headers: { 'x-wasm-bytes': 'yes' } })).text()),
    /** The KV namespace, to read and to change. */
    kv: (binding = KV_BINDING) => instance.getKVNamespace(binding, names[0]),
    /** Everything the Worker has written so far: `{ level, message }`. */
    lines,
    /** Its log lines that are JSON objects, parsed. They arrive asynchronously: see `logged`. */
    log: () => lines.flatMap(({ message }) => parsed(message)),
    /** Waits for a log line that `matches`. */
    logged: (matches) => eventually(() => lines.flatMap(({ message }) => parsed(message)).find(matches), 'a matching log line'),
    dispose: () => instance.dispose(),
  };
}

/** A response as data, its body parsed where it is JSON. */
export async function answerOf(response) {
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** Asks `probe` until it returns something, for at most `milliseconds`. */
export async function eventually(probe, what, milliseconds = 5000) {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${milliseconds} ms for ${what}, which did not come`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function bringTo(identityProvider) {
  return async (request) => {
    const local = identityProvider.localUrl(request.url);
    if (!local) throw new Error(`the Worker asked for ${request.url}, which no provider of this test serves`);
    const { status, headers, body } = await fetch(local, { headers: [...request.headers], redirect: 'manual' });
    return new Response(body, { status, headers: [...headers] });
  };
}

const serviceName = (binding) => `service-${binding.toLowerCase()}`;

/** @type {(contents: string) => { type: 'esm', contents: string }} */
const esm = (contents) => ({ type: 'esm', contents });
const textBindings = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { type: 'text', value }]));

function parsed(message) {
  try {
    const value = JSON.parse(message);
    return value !== null && typeof value === 'object' ? [value] : [];
  } catch {
    return [];
  }
}
