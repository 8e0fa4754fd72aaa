// docs/operations/outages.md word for word: each command of the page runs against the Worker, with local URLs in place of those of the page, and each answer
// and log line is compared with the page, where `…` stands for anything. Also the one line of docs/operations/jwks-rotation.md for a key that has leaked.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { age } from './support/beside.mjs';
import { during, lifetime } from './support/lifetime.mjs';
import { recordKey } from './support/store.mjs';
import { eventually, startWorker, trusting } from './support/worker.mjs';

const WORKER = 'https://auth.example.com';
const PROVIDER = 'https://clerk.example.com';
const EXPLAIN_KEY = 'the explain key of the test, which is long enough';
const DAY = 86_400;
const HOUR = 3600;
// The answer of the whole fetch, and of a KV that hangs, on a busy machine.
const PATIENCE_MS = 15_000;
const missing = ['bash', 'curl', 'jq', 'openssl'].find((tool) => spawnSync(tool, ['--version']).error);

const page = (name) => readFileSync(at('docs', 'operations', name), 'utf8');
/** The blocks of code of a page, in their order: `{ language, text }`. */
const blocksOf = (text) =>
  [...text.matchAll(/^( *)```(\w+)\n([^]*?)^\1```/gm)].map(([, indent, language, block]) => ({
    language,
    text: block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));

/** Whether `text` is what the page says. */
function assertSays(text, said) {
  const pattern = said
    .trim()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  assert.match(text.trim(), new RegExp(`^${pattern}$`), `the page says:\n${said}`);
}

/** `[vars.ASSAY]` with this provider and these lines in its table, as wrangler reads it. */
async function configured(folder, lines) {
  const file = join(folder, 'wrangler.toml');
  const table = ['[[vars.ASSAY.issuers]]', `issuer = "${PROVIDER}"`, 'preset = "clerk"', 'audience = "unchecked"', ...lines];
  writeFileSync(file, `${readFileSync(at('wrangler.toml'), 'utf8')}\n${table.join('\n')}\n`);
  const { unstable_readConfig: readConfig } = await import('wrangler');
  return readConfig({ config: file }, { hideWarnings: true }).vars.ASSAY;
}

suite('docs/operations/outages.md', { skip: missing && `${missing} is not installed` }, () => {
  const use = lifetime(after);
  const folder = mkdtempSync(join(tmpdir(), 'edge-assay-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const blocks = blocksOf(page('outages.md'));
  let place = 0;
  let identityProvider, provider, worker;

  before(async () => {
    identityProvider = await use(createIdentityProvider({ providers: [{ name: 'clerk', origin: PROVIDER }] }));
    [provider] = identityProvider.providers;
    worker = await use(startWorker({ ...trusting([provider]), isolates: 3, identityProvider, secrets: { EXPLAIN_KEY } }));
    // In place of wrangler: it prints the record of that key, and fails for any other call.
    writeFileSync(join(folder, 'npx'), `#!/bin/sh\n[ "$*" = "$WRANGLER_CALL" ] && cat record.json\n`, { mode: 0o755 });
  });

  /** The text of the next block of the page, which has this language. */
  function next(language) {
    const block = blocks[place];
    assert.equal(block?.language, language, `block ${place} of the page`);
    place += 1;
    return block.text;
  }

  async function shell(command) {
    // The provider's own URL is asked from the reader's machine; the Worker keeps its name for it.
    const local = command
      .replaceAll(WORKER, worker.urls[0].origin)
      .replaceAll(/(?<=curl [^|]*)https:\/\/clerk\.example\.com\/\.well-known/g, `${provider.localOrigin}/.well-known`);
    const env = {
      ...process.env,
      EXPLAIN_KEY,
      PATH: [folder, process.env.PATH].join(delimiter),
      WRANGLER_CALL: `wrangler kv key get --binding JWKS_CACHE --remote --text ${recordKey(provider.jwksUri)}`,
    };
    return (await promisify(execFile)('bash', ['-c', `set -eo pipefail\n${local}`], { cwd: folder, env })).stdout;
  }

  /** Runs the next command of the page, again until it prints what the page says after it. */
  async function nextCommand() {
    const [command, said] = [next('sh'), next('text')];
    return printed(command, said);
  }

  async function printed(command, said) {
    let output = '';
    const isSaid = async () => {
      output = await shell(command);
      try {
        assertSays(output, said);
        return true;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 500));
        return false;
      }
    };
    await eventually(isSaid, 'what the page says', PATIENCE_MS).catch(() => assertSays(output, said));
    return { command, output };
  }

  /** Each line of the next block is in the log. */
  async function nextLogLines() {
    for (const line of next('json').trim().split('\n')) {
      const said = JSON.parse(line);
      const found = (logged) => Object.keys(said).every((name) => logged[name] === said[name]) && Object.keys(logged).every((name) => name in said);
      await worker.logged(found).catch(() => assert.fail(`the log does not have ${line}\n${JSON.stringify(worker.log(), null, 1)}`));
    }
  }

  const verdict = async (token, isolate = 0) => {
    const { status, body, headers } = await worker.verify(token, { isolate });
    if (status === 503) assert.match(headers.get('retry-after'), /^[1-9]\d*$/);
    return status === 200 ? 200 : `${status} ${body.code}`;
  };

  suite('a provider is down', () => {
    let token, readiness;

    test('/readyz, the log and the provider itself show it', async () => {
      token = await provider.mint();
      assert.equal(await verdict(token), 200);
      provider.behave('failing');
      readiness = (await nextCommand()).command;
      await nextLogLines();
      await nextCommand();
    });

    test('cached keys are used until the time that the page has printed, in new isolates too', async () => {
      const { output } = await nextCommand();
      const until = Date.parse(/until (\S+)/.exec(output)[1]) / 1000 - Date.now() / 1000;
      assert.ok(Math.abs(until - (HOUR + DAY)) < 60, output);
      assert.equal(await verdict(token), 200);
      assert.equal(await verdict(token, 1), 200);
      assert.equal(await verdict(await provider.mint({ header: { kid: 'published since' } })), '503 jwks_unavailable');
      await age(worker, provider, HOUR + DAY + 60);
      assert.equal(await verdict(token, 2), '503 jwks_unavailable');
    });

    test('dropping the cached keys makes it worse', async () => {
      await nextCommand();
      assert.equal(await verdict(token), '503 jwks_unavailable');
    });

    test('the keys from KV can be written into the configuration', async (context) => {
      const record = await (await worker.kv()).get(recordKey(provider.jwksUri));
      writeFileSync(join(folder, 'record.json'), record);
      const { output } = await nextCommand();
      const config = await configured(folder, [output.trim()]);
      const other = await during(context)(startWorker({ config, identityProvider }));
      const asked = provider.jwksRequests;
      assert.equal((await other.verify(token)).status, 200);
      assert.equal((await other.verify(await provider.mint({ expired: true }))).status, 401);
      assert.equal(provider.jwksRequests, asked);
    });

    test('its end is noticed without a deployment', async () => {
      provider.behave('up');
      await printed(readiness, next('text'));
      await worker.logged(({ event }) => event === 'jwks_fetched');
      assert.equal(await verdict(token), 200);
    });
  });

  suite('KV is down', () => {
    let token, readiness;
    before(async () => {
      worker = await use(startWorker({ ...trusting([provider]), isolates: 4, identityProvider, secrets: { EXPLAIN_KEY } }));
      token = await provider.mint();
    });

    test('/readyz and the log show it, and tokens are verified', async () => {
      assert.equal(await verdict(token), 200);
      for (const isolate of [0, 1]) await worker.kvBehaves('down', isolate);
      readiness = (await nextCommand()).command;
      for (const isolate of [0, 1]) assert.equal(await verdict(token, isolate), 200);
      await nextLogLines();
    });

    test('one that does not answer delays a new isolate once', async () => {
      await worker.kvBehaves('silent', 2);
      assert.equal(await verdict(token, 2), 200);
      const begun = performance.now();
      for (let number = 0; number < 5; number += 1) assert.equal(await verdict(token, 2), 200);
      assert.ok(performance.now() - begun < 1000, 'the next requests wait too');
    });

    test('cached keys cannot be dropped everywhere, and the command says so', async () => void (await nextCommand()));

    test('its end needs no action', async () => {
      for (const isolate of [0, 1]) await worker.kvBehaves('up', isolate);
      await printed(readiness, next('text'));
      assert.equal(await verdict(token), 200);
    });

    test('refused writes are in the log, and the Worker is ready', async () => {
      await worker.kvBehaves('throttled', 3);
      await provider.rotate();
      assert.equal(await verdict(await provider.mint(), 3), 200);
      await nextLogLines();
      assert.equal((await (await worker.fetch('/readyz', { isolate: 3 })).json()).status, 'ready');
    });
  });

  test('has no block that was not tried', () => assert.equal(place, blocks.length));
});

suite('docs/operations/jwks-rotation.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-assay-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('has one line that distrusts a key of a provider, by its kid or its thumbprint, without a fetch', async (context) => {
    const use = during(context);
    const [line] = blocksOf(page('jwks-rotation.md')).filter(({ text }) => text.startsWith('distrusted_keys'));
    assert.equal(line.language, 'toml');
    const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'clerk', origin: PROVIDER }] }));
    const [provider] = identityProvider.providers;
    const leaked = await provider.mint();
    const [key] = provider.publicKeys();
    await provider.rotate();
    const good = await provider.mint();

    const withLine = async (name) => {
      const config = await configured(folder, [line.text.trim().replace('ins_2abc', name)]);
      return use(startWorker({ config, identityProvider, secrets: { EXPLAIN_KEY } }));
    };
    const worker = await withLine(key.kid);
    const refused = await worker.verify(leaked);
    assert.deepEqual([refused.status, refused.body.code], [401, 'key_distrusted']);
    assert.equal(provider.jwksRequests, 0);
    assert.equal((await worker.verify(good)).status, 200);
    const { details } = await (await worker.fetch('/readyz', { headers: { 'x-explain-key': EXPLAIN_KEY } })).json();
    assert.deepEqual(
      details.issuers[0].keys.set_aside.map(({ kid }) => kid),
      [key.kid],
    );

    const byThumbprint = await withLine(await calculateJwkThumbprint(key));
    assert.equal((await byThumbprint.verify(leaked)).body.code, 'key_distrusted');
    assert.equal((await byThumbprint.verify(good)).status, 200);
  });
});
