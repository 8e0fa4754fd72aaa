// examples/deploy: the project behind the button "Deploy to Cloudflare", copied to another folder, with the package that is not published yet.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { lifetime } from './support/lifetime.mjs';
import { archive, emptyProject } from './support/package.mjs';

const ENVIRONMENTS = ['', 'staging', 'production'];

suite('examples/deploy', () => {
  const use = lifetime(after);
  const project = emptyProject(after);
  const read = (name) => readFileSync(join(project.folder, name), 'utf8');
  let provider;

  before(async () => {
    cpSync(at('examples', 'deploy'), project.folder, { recursive: true });
    const identityProvider = await use(createIdentityProvider({ providers: [{ name: 'better-auth' }] }));
    provider = identityProvider.provider('better-auth');
    const manifest = JSON.parse(read('package.json'));
    manifest.dependencies['edge-assay'] = `file:${archive}`;
    project.write('package.json', JSON.stringify(manifest));
    await project.must('npm', ['install']);
  });

  test('is told by the command line that it names no issuer yet, once for each environment', async () => {
    const { code, output } = await project.run('npm', ['run', 'check']);
    assert.equal(code, 1, output);
    assert.equal(output.match(/names no issuer/g)?.length, ENVIRONMENTS.length, output);
  });

  test('has no fault once each environment names an issuer, as its README shows', async () => {
    const [, shown] = read('README.md').match(/```jsonc\n("issuers": .+)\n```/);
    const own = shown.replaceAll('https://auth.example.com', provider.issuer);
    const original = read('wrangler.jsonc');
    assert.equal(original.split('"issuers": []').length - 1, ENVIRONMENTS.length);
    project.write('wrangler.jsonc', original.replaceAll('"issuers": []', own));
    const { code, output } = await project.run('npm', ['run', 'check']);
    assert.equal(code, 0, output);
  });

  for (const environment of ENVIRONMENTS) {
    test(`can be deployed${environment && ` to ${environment}`}`, async () => {
      const output = await project.must('npx', ['wrangler', 'deploy', '--dry-run', `--env=${environment}`]);
      assert.match(output, /env\.JWKS_CACHE/);
      assert.match(output, /env\.ASSAY/);
      assert.doesNotMatch(output, /WARNING/);
    });
  }

  test('runs, and verifies a token; the secret of .dev.vars.example opens the explanations', async () => {
    copyFileSync(join(project.folder, '.dev.vars.example'), join(project.folder, '.dev.vars'));
    const key = 'a-key-for-the-test-of-the-template-and-nothing-else';
    project.write('.dev.vars', read('.dev.vars').replace(/^EXPLAIN_KEY=$/m, `EXPLAIN_KEY=${key}`));
    const worker = await use(project.dev(['--env=']));
    const token = await provider.mint();
    const verified = await fetch(`${worker.url}/verify`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(verified.status, 200, await verified.text());
    const explained = (headers) => fetch(`${worker.url}/explain`, { method: 'POST', headers, body: new URLSearchParams({ token }) });
    assert.equal((await explained({ 'x-explain-key': key })).status, 200);
    assert.equal((await explained({ 'x-explain-key': 'wrong' })).status, 401);
  });

  test('describes every binding that somebody who presses the button is asked for', () => {
    const { cloudflare } = JSON.parse(read('package.json'));
    const asked = ['ASSAY', 'JWKS_CACHE', ...[...read('.dev.vars.example').matchAll(/^(\w+)=/gm)].map(([, name]) => name)];
    assert.deepEqual(Object.keys(cloudflare.bindings).sort(), asked.sort());
    for (const { description } of Object.values(cloudflare.bindings)) assert.ok(description.length > 20);
  });
});
