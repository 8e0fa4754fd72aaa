// The workerd process of the soak: the built Worker, alone. Its KV namespace and all that it fetches are in the load process.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { signingKeys } from '../../demo/signing-keys.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { compatibilityDate } from '../../scripts/lib/worker.mjs';
import { serve } from '../workerd.mjs';
import { EXCHANGE_ISSUER, TARGET } from './asks.mjs';
import { COOLDOWN_SECONDS, TTL_SECONDS } from './oracle.mjs';
import { AUDIENCE, LEEWAY_SECONDS } from './tokens.mjs';

// Several soaks may run at the same time.
const FOLDER = at('target', 'soak', `workerd-${process.pid}`);
const MAIN = 'edge-assay';
// An entrypoint in the same isolate.
const MEMORY = 'memory';
const secretBinding = (index) => `SOAK_SECRET_${index}`;

/** `ASSAY`: every issuer, the gateway with one route, the exchange with one target. */
function configuration(issuers, url) {
  return {
    verify: { leeway_seconds: LEEWAY_SECONDS },
    jwks: { ttl_seconds: TTL_SECONDS, unknown_kid_cooldown_seconds: COOLDOWN_SECONDS },
    issuers: issuers.map((issuer) => ({
      issuer: issuer.iss,
      algorithms: [issuer.algorithm],
      audience: { any_of: [AUDIENCE] },
      ...(issuer.isShared
        ? { secrets: issuer.published.map(({ kid }, index) => ({ binding: secretBinding(index), kid })) }
        : { jwks_uri: url + issuer.path }),
    })),
    gateway: { routes: [{ path: '/profiles/*', upstream: url, headers: { 'x-user-id': '/sub' } }] },
    exchange: {
      issuer: EXCHANGE_ISSUER,
      targets: [
        { audience: TARGET, from: issuers.map(({ iss }) => iss), subject: 'prefixed', public_clients: true, claims: { user_id: { claim: '/sub' } } },
      ],
    },
  };
}

/**
 * Starts it. `faults` names deliberate faults (bench/workers/faulty.js), separated by spaces, `coordinator` binds one, `storePort` is that of the KV namespace, `onLine` gets each line of the Worker's log.
 *
 * @param {import('./issuers.mjs').Issuer[]} issuers
 * @param {string} url of the web server with their keys
 * @param {{ storePort: number, faults?: string, coordinator?: boolean, onLine: (line: string) => void }} options
 */
export async function startSoaked(issuers, url, { storePort, faults, coordinator = false, onLine }) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const name of ['index.js', 'index_bg.wasm']) copyFileSync(at('build', name), join(FOLDER, name));
  const main = faults ? 'faulty.js' : 'soaked.js';
  for (const name of ['watch.js', main]) copyFileSync(at('bench', 'workers', name), join(FOLDER, name));
  const explainKey = randomBytes(32).toString('hex');
  const secrets = issuers.filter(({ isShared }) => isShared).flatMap(({ published }) => published.map(({ privateKey }) => privateKey.toString()));
  const texts = {
    EXPLAIN_KEY: explainKey,
    SIGNING_KEYS: await signingKeys(['ES256'], { age: 3600 }),
    ...Object.fromEntries(secrets.map((secret, index) => [secretBinding(index), secret])),
    ...(faults ? { FAULTS: faults } : {}),
  };
  writeFileSync(join(FOLDER, 'assay.json'), JSON.stringify(configuration(issuers, url)));
  writeFileSync(join(FOLDER, 'config.capnp'), capnp(main, texts, { storePort, coordinator }));
  const workerd = await serve(FOLDER, [MAIN, MEMORY], { onLine });
  return {
    ...workerd,
    async stop() {
      await workerd.stop();
      rmSync(FOLDER, { recursive: true, force: true });
    },
    port: workerd.ports[MAIN],
    explainKey,
    /** Collects garbage, and returns the bytes of WebAssembly memory that the isolate has asked for so far. */
    async wasmBytesAfterCollection() {
      return Number(await (await fetch(`http://127.0.0.1:${workerd.ports[MEMORY]}/`)).text());
    },
  };
}

function capnp(main, texts, { storePort, coordinator }) {
  const date = compatibilityDate();
  const script = (file) => `(name = "${file}", esModule = embed "${file}")`;
  const modules = [script(main), script('watch.js'), script('index.js'), '(name = "index_bg.wasm", wasm = embed "index_bg.wasm")'];
  const bindings = [
    '(name = "ASSAY", json = embed "assay.json")',
    '(name = "JWKS_CACHE", kvNamespace = "kv")',
    ...Object.entries(texts).map(([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`),
    ...(coordinator ? ['(name = "COORDINATOR", durableObjectNamespace = "Coordinator")'] : []),
  ];
  const objects = coordinator
    ? ', durableObjectNamespaces = [(className = "Coordinator", uniqueKey = "coordinator", enableSql = true)], durableObjectStorage = (inMemory = void)'
    : '';
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = ["--expose-gc"],
  services = [
    (name = "${MAIN}", worker = (modules = [${modules.join(', ')}], bindings = [${bindings.join(', ')}], compatibilityDate = "${date}", globalOutbound = "loopback"${objects})),
    (name = "kv", external = (address = "127.0.0.1:${storePort}", http = ())),
    (name = "loopback", network = (allow = ["local", "private"])),
  ],
  sockets = [
    (name = "${MAIN}", address = "127.0.0.1:0", http = (), service = "${MAIN}"),
    (name = "${MEMORY}", address = "127.0.0.1:0", http = (), service = (name = "${MAIN}", entrypoint = "memory")),
  ],
);
`;
}
