// GET /openapi.json against the running Worker: schemathesis makes requests from the document, good and bad ones, and checks that
// every answer is one that the document describes, and that none is a server error.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { signingKeys } from '../../demo/signing-keys.mjs';
import { SCHEMATHESIS, schemathesisMissing } from '../../scripts/lib/schemathesis.mjs';
import { createApi } from './support/api.mjs';
import { during } from './support/lifetime.mjs';
import { startWorker, trusting } from './support/worker.mjs';

const EXPLAIN_KEY = 'an explain key of more than 32 characters';
const CLIENT_SECRET = 'a client secret of more than 32 characters';
const API = 'https://api.example.com';

/** A Worker on which every endpoint is enabled, and a token that it accepts. */
async function everything(use) {
  const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'better-auth' }] }));
  const [provider] = identityProvider.providers;
  const api = await use(createApi());
  const { config, secrets } = trusting([provider], {
    endpoints: { prefix: '/_assay' },
    forward_auth: { trusted: true },
    gateway: { routes: [{ path: '/*', upstream: api.url }] },
    exchange: {
      issuer: 'https://auth.example.com/tenant',
      targets: [{ audience: API, from: [provider.issuer], public_clients: true, scopes: ['profiles:read'] }],
      clients: [{ id: 'cli', secret: 'CLI_CLIENT_SECRET', targets: [API] }],
      fireproof: { auth_types: { better: [provider.issuer] }, claims: { userId: { claim: '/sub' } } },
    },
  });
  const bound = { ...secrets, SIGNING_KEYS: await signingKeys(['ES256'], { age: 3600 }), CLI_CLIENT_SECRET: CLIENT_SECRET, EXPLAIN_KEY };
  const worker = await use(startWorker({ config, secrets: bound }));
  return { worker, token: await provider.mint() };
}

/** Runs schemathesis on the document at `url`, which has to find nothing; returns each request with its status. */
async function schemathesis(url, env) {
  const folder = mkdtempSync(join(tmpdir(), 'edge-assay-'));
  try {
    writeFileSync(join(folder, 'token.txt'), `"${env.TOKEN}"\n`);
    copyFileSync(new URL('./support/schemathesis.toml', import.meta.url), join(folder, 'schemathesis.toml'));
    const reports = ['--report', 'har', '--report-har-path', 'report.har'];
    const child = spawn(
      SCHEMATHESIS.command,
      [...SCHEMATHESIS.args, '--config-file', 'schemathesis.toml', 'run', '--no-color', '--checks', 'all', ...reports, url],
      {
        cwd: folder,
        env: { ...process.env, ...SCHEMATHESIS.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    const [code] = await once(child, 'close');
    assert.equal(code, 0, output);
    const { log } = JSON.parse(readFileSync(join(folder, 'report.har'), 'utf8'));
    return log.entries.map(({ request, response }) => ({ method: request.method, path: new URL(request.url).pathname, status: response.status }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

suite('the OpenAPI document', { skip: schemathesisMissing() }, () => {
  test('describes every answer that schemathesis gets', async (context) => {
    const { worker, token } = await everything(during(context));
    const url = new URL('/_assay/openapi.json', worker.urls[0]).href;
    const entries = await schemathesis(url, { TOKEN: token, EXPLAIN_KEY, CLIENT_SECRET });
    // Each operation has succeeded at least once, so the schemas of the good answers were checked too.
    const { paths } = await (await fetch(url)).json();
    const operations = Object.entries(paths).flatMap(([template, item]) =>
      Object.keys(item)
        .filter((name) => name !== 'parameters')
        .map((name) => [name.toUpperCase(), template]),
    );
    const failed = operations.filter(
      ([method, template]) => !entries.some((one) => one.status === 200 && one.method === method && matches(template, one.path)),
    );
    // Envoy asks with the original method, and forward-auth lets no TRACE pass. The document itself is not requested again.
    assert.deepEqual(failed, [
      ['TRACE', '/_assay/ext-authz'],
      ['TRACE', '/_assay/ext-authz/{rest}'],
      ['GET', '/_assay/openapi.json'],
    ]);
  });
});

/** Whether `path` is one of the template's, as in `/api{rest}`. */
function matches(template, path) {
  const [beginning, rest] = template.split('{rest}');
  return rest === undefined ? path === template : path.startsWith(beginning);
}
