// The page /console in Chromium: with a pointer, with the keyboard alone, without scripts, in dark mode, on a narrow screen. The
// screenshots are in target/screenshots.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { chromium } from 'playwright-core';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { startWorker, trusting } from './support/worker.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const folder = at('target', 'screenshots');

suite('the console page in Chromium', { skip: !existsSync(CHROMIUM) && 'chromium is not installed' }, () => {
  let identityProvider, clerk, worker, browser, url;

  before(async () => {
    mkdirSync(folder, { recursive: true });
    identityProvider = await createIdentityProvider();
    [clerk] = identityProvider.providers;
    worker = await startWorker(trusting(identityProvider.providers, { explain: { access: 'open' } }));
    url = new URL('/console', worker.urls[0]).href;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  after(async () => {
    await browser?.close();
    await worker?.dispose();
    await identityProvider?.close();
  });

  /** Opens the page in a fresh context and passes it to `act`. Fails if the page reports an error or loads another resource. */
  async function visit(options, act) {
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'], ...options });
    const page = await context.newPage();
    const faults = [];
    const asked = new Set();
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('request', (request) => asked.add(request.url()));
    await page.goto(url);
    await act(page, context);
    assert.deepEqual(
      faults.filter((text) => !text.includes('favicon')),
      [],
    );
    assert.deepEqual(
      [...asked].filter((one) => one !== url && !one.endsWith('/favicon.ico')),
      [],
    );
    await context.close();
  }

  test('a pasted token is explained, with the failing step open', async () => {
    await visit({}, async (page) => {
      await page.getByLabel('The token').fill(await clerk.mint({ expired: true }));
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.getByRole('heading', { name: /The token (has )?expired/ }).waitFor();
      assert.equal(await page.locator('.steps > li').count(), 6);
      assert.equal(await page.locator('.steps > li.failed details').getAttribute('open'), '');
      assert.match(await page.locator('.steps > li.failed').innerText(), /claims failed/);
      assert.equal(page.url(), url, 'the token is in no URL');
      assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
      await page.screenshot({ path: `${folder}/light.png`, fullPage: true });
    });
  });

  test('the report is copied without the token', async () => {
    await visit({}, async (page) => {
      const token = await clerk.mint();
      await page.getByLabel('The token').fill(`Authorization: Bearer ${token}`);
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.getByRole('button', { name: 'Copy the report' }).click();
      await page.getByText('Copied.').waitFor();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      assert.match(copied, /^Accepted: The token is good\. Crypto ruled out: pure Rust and WebCrypto agree\./);
      for (const part of token.split('.').slice(1)) assert.ok(!copied.includes(part));
      assert.ok(!copied.includes(JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()).sub));
    });
  });

  test('it works by keyboard alone', async () => {
    await visit({}, async (page) => {
      await page.keyboard.press('Tab');
      await page.keyboard.insertText('Bearer null');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: /the word "null"/ }).waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.id), 'report', 'the report has the focus');
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY');
      await page.keyboard.press('Enter');
      assert.equal(await page.locator('.steps > li').first().locator('details').getAttribute('open'), null, 'closed by Enter');
    });
  });

  test('it works without scripts', async () => {
    await visit({ javaScriptEnabled: false }, async (page) => {
      await page.getByLabel('The token').fill('sb_secret_NotARealKeyAtAll00000');
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.getByRole('heading', { name: /a Supabase secret API key/ }).waitFor();
      assert.equal(page.url(), url);
      assert.equal(await page.getByRole('button', { name: 'Copy the report' }).count(), 0);
      await page.getByText('The report as text, without the token').click();
      assert.match(await page.locator('#text').innerText(), /^Refused: This is not a JWT/);
      assert.equal(await page.getByLabel('The token').inputValue(), '', 'the token does not come back');
      await page.screenshot({ path: `${folder}/no-script.png`, fullPage: true });
    });
  });

  test('it is dark if dark mode is preferred', async () => {
    await visit({ colorScheme: 'dark' }, async (page) => {
      await page.getByLabel('The token').fill(await clerk.mint());
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.locator('#report.accepted').waitFor();
      const [ink, paper] = await page.evaluate(() => {
        const { color, backgroundColor } = getComputedStyle(document.body);
        return [color, backgroundColor].map((text) =>
          text
            .match(/\d+/g)
            .slice(0, 3)
            .reduce((sum, part) => sum + Number(part), 0),
        );
      });
      assert.ok(ink > 600 && paper < 120, `${ink} on ${paper}`);
      await page.screenshot({ path: `${folder}/dark.png`, fullPage: true });
    });
  });

  test('nothing is cut off at a width of 320 pixels', async () => {
    await visit({ viewport: { width: 320, height: 640 } }, async (page) => {
      await page.getByLabel('The token').fill(await clerk.mint({ expired: true }));
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.locator('#report').waitFor();
      for (const summary of await page.locator('.steps > li:not(.failed) summary').all()) await summary.click();
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320);
      await page.screenshot({ path: `${folder}/narrow.png`, fullPage: true });
    });
  });

  test('a token that holds markup stays text', async () => {
    await visit({}, async (page) => {
      const header = Buffer.from('{"alg":"RS256"}').toString('base64url');
      const claims = Buffer.from(JSON.stringify({ iss: '<img src=x onerror=alert(1)>', exp: 1 })).toString('base64url');
      await page.getByLabel('The token').fill(`${header}.${claims}.c2ln`);
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.locator('#report').waitFor();
      assert.equal(await page.locator('#report img').count(), 0);
      assert.match(await page.locator('#cause').innerText(), /<img src=x/);
    });
  });
});
