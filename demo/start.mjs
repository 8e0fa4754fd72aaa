// The demo as a whole: identity provider, configuration, wrangler dev, the printed commands, and an end that leaves
// nothing running.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { requireFree, startServer } from '../scripts/lib/children.mjs';
import { at, wranglerFolder } from '../scripts/lib/paths.mjs';
import { Failure, step } from '../scripts/lib/steps.mjs';
import { buildWorker, compatibilityDate, sizeLines } from '../scripts/lib/worker.mjs';
import { demoCommands, exchangeCommands, printed } from './commands.mjs';
import { CLIENT, exchangeTable, issuerTable, secretsOf } from './configuration.mjs';
import { createIdentityProvider } from './identity-provider.mjs';
import { signingKeys } from './signing-keys.mjs';

const PROVIDERS = ['clerk', 'supabase', 'better-auth', 'oidc'];
const PATIENCE_MS = 60_000;
const LINES_OF_A_FAILURE = 20;

/** Runs the demo until a signal ends it; returns the exit code. */
export async function startDemo(args) {
  const { port, idpPort } = options(args);
  const advice = 'Stop that one, or choose others: npm start -- --port 9787 --idp-port 9788';
  await requireFree(port, advice);
  await requireFree(idpPort, advice);
  console.log(sizeLines(await buildWorker()).join('\n'));

  const signalled = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, resolve);
  });
  const identityProvider = await createIdentityProvider({ port: idpPort, providers: PROVIDERS.map((name) => ({ name })) });
  const url = `http://127.0.0.1:${port}`;
  const output = [];
  let onLine = (line) => output.push(line);
  const wrangler = startServer(process.execPath, await wranglerArguments(port, url, identityProvider), {
    env: { WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', WRANGLER_LOG_PATH: folderFor(port), NO_COLOR: '1' },
    onLine: (line) => onLine(line),
  });
  try {
    const ending = wrangler.ended.then(() => 'ended');
    const ready = step('Starting the Worker on wrangler dev', '5 s', () => untilHealthy(url));
    const first = await Promise.race([ready, ending, signalled.then(() => 'signalled')]);
    if (first === 'ended') throw new Failure(['✗ wrangler dev has ended:', ...output.slice(-LINES_OF_A_FAILURE).map((line) => `  | ${line}`)].join('\n'));
    if (first === 'signalled') return 0;

    console.log(introduction(url, identityProvider.url));
    onLine = (line) => line.trim() && console.log(line);
    if ((await Promise.race([ending, signalled])) === 'ended') throw new Failure('✗ wrangler dev has ended');
    return 0;
  } finally {
    await Promise.all([wrangler.stop(), identityProvider.close()]);
  }
}

function options(args) {
  try {
    const { values } = parseArgs({ args, options: { port: { type: 'string', default: '8787' }, 'idp-port': { type: 'string', default: '8788' } } });
    const [port, idpPort] = [values.port, values['idp-port']].map(Number);
    if ([port, idpPort].some((number) => !Number.isInteger(number) || number < 1 || number > 65_535)) throw new Error('a port is a number from 1 to 65535');
    if (port === idpPort) throw new Error('the two ports must differ');
    return { port, idpPort };
  } catch (error) {
    throw new Failure(`✗ ${error.message}\n  npm start -- [--port 8787] [--idp-port 8788]`);
  }
}

const folderFor = (port) => join(wranglerFolder, `demo-${port}`);

/** Writes the demo's own wrangler configuration and secrets, with an empty KV, and returns how wrangler is called with them. */
async function wranglerArguments(port, url, { providers }) {
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
        // Here keys rotate whenever somebody pastes a line; the default lets a set be asked for anew every 30 s.
        jwks: { unknown_kid_cooldown_seconds: 1 },
        explain: { access: 'open' },
        exchange: exchangeTable(url, providers),
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
    const healthy = await fetch(`${url}/healthz`).then(({ ok }) => ok, () => false);
    if (healthy) return 'ready';
    if (Date.now() > deadline) throw new Failure(`✗ ${url}/healthz did not answer 200 within ${PATIENCE_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function introduction(url, idpUrl) {
  return `
edge-assay listens on ${url}, a local identity provider on ${idpUrl}. Ctrl-C ends both.
Paste any of these into another terminal; the number says what the Worker answers.

${printed(demoCommands(url, idpUrl))}
${printed(exchangeCommands(url, idpUrl))}
# Whom it trusts, and the state of their keys
curl -s ${url}/readyz

On ${url}/console a page explains a token that is pasted there.
What the Worker logs appears below.
`;
}
