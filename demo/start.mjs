// Runs the demo: starts the identity provider, the API and `wrangler dev`, prints the commands, and stops everything at the end.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { requireFree, startServer } from '../scripts/lib/children.mjs';
import { at, wranglerFolder } from '../scripts/lib/paths.mjs';
import { Failure, step } from '../scripts/lib/steps.mjs';
import { buildWorker, compatibilityDate, sizeLines } from '../scripts/lib/worker.mjs';
import { createApi, gatewayTo } from './api.mjs';
import { demoCommands, exchangeCommands, gatewayCommands, printed } from './commands.mjs';
import { CLIENT, exchangeTable, issuerTable, secretsOf } from './configuration.mjs';
import { createIdentityProvider } from './identity-provider.mjs';
import { signingKeys } from './signing-keys.mjs';

const PROVIDERS = ['clerk', 'supabase', 'better-auth', 'oidc'];
const PATIENCE_MS = 60_000;
const LINES_OF_A_FAILURE = 20;

/** Runs the demo until a signal stops it; returns the exit code. */
export async function startDemo(args) {
  const { port, idpPort } = options(args);
  const advice = 'Stop that program, or choose other ports: npm start -- --port 9787 --idp-port 9788';
  await requireFree(port, advice);
  await requireFree(idpPort, advice);
  console.log(sizeLines(await buildWorker()).join('\n'));

  const signalled = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, resolve);
  });
  const identityProvider = await createIdentityProvider({ port: idpPort, providers: PROVIDERS.map((name) => ({ name })) });
  const api = await createApi();
  const url = `http://127.0.0.1:${port}`;
  const output = [];
  /** @type {(line: string) => void} */
  let onLine = (line) => output.push(line);
  const wrangler = startServer(process.execPath, await wranglerArguments(port, url, identityProvider, api), {
    env: { WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', WRANGLER_LOG_PATH: folderFor(port), NO_COLOR: '1' },
    onLine: (line) => onLine(line),
  });
  try {
    const ending = wrangler.ended.then(() => 'ended');
    const ready = step('Starting the Worker on wrangler dev', '5 s', () => untilHealthy(url));
    const first = await Promise.race([ready, ending, signalled.then(() => 'signalled')]);
    if (first === 'ended')
      throw new Failure(['✗ wrangler dev has stopped:', ...output.slice(-LINES_OF_A_FAILURE).map((line) => `  | ${line}`)].join('\n'));
    if (first === 'signalled') return 0;

    console.log(introduction(url, identityProvider.url));
    onLine = (line) => line.trim() && console.log(line);
    if ((await Promise.race([ending, signalled])) === 'ended') throw new Failure('✗ wrangler dev has stopped');
    return 0;
  } finally {
    await Promise.all([wrangler.stop(), identityProvider.close(), api.close()]);
  }
}

function options(args) {
  try {
    const { values } = parseArgs({ args, options: { port: { type: 'string', default: '8787' }, 'idp-port': { type: 'string', default: '8788' } } });
    const [port, idpPort] = [values.port, values['idp-port']].map(Number);
    if ([port, idpPort].some((number) => !Number.isInteger(number) || number < 1 || number > 65_535))
      throw new Error('a port is a number from 1 to 65535');
    if (port === idpPort) throw new Error('the two ports must differ');
    return { port, idpPort };
  } catch (error) {
    throw new Failure(`✗ ${error.message}\n  npm start -- [--port 8787] [--idp-port 8788]`);
  }
}

const folderFor = (port) => join(wranglerFolder, `demo-${port}`);

/** Writes the wrangler configuration and the secrets of the demo, with an empty KV; returns the arguments for wrangler. */
async function wranglerArguments(port, url, { providers }, api) {
  const folder = folderFor(port);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const configuration = {
    name: 'edge-assay-demo',
    main: relative(folder, at('build', 'index.js')),
    compatibility_date: compatibilityDate(),
    kv_namespaces: [{ binding: 'JWKS_CACHE', id: 'demo' }],
    vars: {
      ASSAY: {
        issuers: providers.map((provider) => issuerTable(provider)),
        // The commands rotate keys at any time. By default a set is fetched again for an unknown kid only every 30 s.
        jwks: { unknown_kid_cooldown_seconds: 1 },
        explain: { access: 'open' },
        exchange: exchangeTable(url, providers),
        gateway: gatewayTo(api.url),
      },
    },
  };
  writeFileSync(join(folder, 'wrangler.json'), JSON.stringify(configuration, null, 2));
  const secrets = { ...secretsOf(providers), [CLIENT.binding]: CLIENT.secret, SIGNING_KEYS: await signingKeys(['ES256', 'EdDSA']) };
  const lines = Object.entries(secrets).map(([name, value]) => `${name}='${value}'\n`);
  writeFileSync(join(folder, '.dev.vars'), lines.join(''), { mode: 0o600 });
  return [
    at('node_modules', 'wrangler', 'bin', 'wrangler.js'),
    ...['dev', '--config', join(folder, 'wrangler.json'), '--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
    ...['--persist-to', join(folder, 'state'), '--show-interactive-dev-session=false'],
  ];
}

async function untilHealthy(url) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const healthy = await fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (healthy) return 'ready';
    if (Date.now() > deadline) throw new Failure(`✗ ${url}/healthz did not answer 200 within ${PATIENCE_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function introduction(url, idpUrl) {
  return `
edge-assay listens on ${url} and fronts an example API. A local identity provider listens on ${idpUrl}. Ctrl-C stops everything.
Paste any of these commands into another terminal; the number is the status of the Worker's answer.

${printed(demoCommands(url, idpUrl))}
${printed(exchangeCommands(url, idpUrl))}
${printed(gatewayCommands(url, idpUrl))}
# The trusted issuers and the state of their keys
curl -s ${url}/readyz

Open ${url}/console to paste a token and have it explained.
What the Worker logs appears below.
`;
}
