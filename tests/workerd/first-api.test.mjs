// docs/first-api.md as a reader follows it: its configuration and its commands, with local URLs in place of those that
// the reader must change.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { parsePrinted } from '../../demo/commands.mjs';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { createApi } from './support/api.mjs';
import { lifetime } from './support/lifetime.mjs';
import { startWorker } from './support/worker.mjs';

const LOCAL_API = 'http://127.0.0.1:3000';
const LOCAL_WORKER = 'http://127.0.0.1:8787';
const ISSUER = 'https://auth.example.com';
const MOST_LINES = 20;
const missing = ['curl', 'openssl'].find((tool) => spawnSync(tool, ['--version']).error);

const page = readFileSync(new URL('../../docs/first-api.md', import.meta.url), 'utf8');
const blocks = (language) => [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(([, block]) => block);

/** `text` with `from` replaced, which it must contain. */
function replaced(text, from, to) {
  assert.ok(text.includes(from), `docs/first-api.md no longer holds ${from}`);
  return text.replaceAll(from, to);
}

suite('docs/first-api.md', { skip: missing && `${missing} is not installed` }, () => {
  const use = lifetime(after);
  const folder = mkdtempSync(join(tmpdir(), 'edge-assay-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let api, worker, token;

  const shell = async (command) => {
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder, env: { ...process.env, TOKEN: token } });
    return stdout;
  };

  before(async () => {
    api = await use(createApi());
    const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'better-auth' }] }));
    const provider = identityProvider.provider('better-auth');
    token = await provider.mint();

    await shell(blocks('sh').find((block) => block.includes('> .dev.vars')));
    const [[, name, value]] = [...readFileSync(join(folder, '.dev.vars'), 'utf8').matchAll(/^(\w+)=(.+)$/gm)];
    worker = await use(startWorker({ config: await configured(provider), secrets: { [name]: value } }));
  });

  /** The page's configuration at the end of the one that ships, read as wrangler reads it, with local URLs. */
  async function configured(provider) {
    const [toml] = blocks('toml');
    const local = replaced(replaced(toml, ISSUER, provider.issuer), LOCAL_API, api.url);
    const file = join(folder, 'wrangler.toml');
    writeFileSync(file, `${readFileSync(at('wrangler.toml'), 'utf8')}\n${local}`);
    const { unstable_readConfig: readConfig } = await import('wrangler');
    return readConfig({ config: file }, { hideWarnings: true }).vars.ASSAY;
  }

  test('has a configuration of about twenty lines', () => {
    const lines = blocks('toml')[0]
      .split('\n')
      .filter((line) => line.trim() && !line.startsWith('#'));
    assert.ok(lines.length <= MOST_LINES, `${lines.length} lines`);
  });

  test('has commands with the results that the page states', async (context) => {
    const commands = blocks('sh').flatMap(parsePrinted);
    assert.equal(commands.length, 4);
    for (const { says, status, code, command } of commands) {
      await context.test(`${says} → ${status}${code ? ` ${code}` : ''}`, async () => {
        const asked = api.requests.length;
        const stdout = await shell(replaced(command, LOCAL_WORKER, worker.urls[0].origin));
        assert.match(stdout, new RegExp(`HTTP/1\\.1 ${status} `), stdout);
        if (code) assert.ok(stdout.includes(`"code":"${code}"`), stdout);
        const reaches = says.includes('reaches the API');
        assert.equal(api.requests.length - asked, reaches ? 1 : 0, stdout);
        if (reaches) assert.ok(api.requests.at(-1).headers['x-user-id'], stdout);
      });
    }
  });

  test('leaves the public route open', async () => {
    const response = await worker.fetch('/health');
    assert.equal(response.status, 200);
    assert.equal(api.requests.at(-1).url, '/health');
  });
});
