// The memory of an isolate after attacks that try to fill it. An isolate has 128 MiB for everything; the sizes are those of
// the WebAssembly memory, which contains all data of the Worker and never shrinks.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { signingKeys } from '../../demo/signing-keys.mjs';
import { during } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { eventually, startWorker } from './support/worker.mjs';

const MIB = 1024 * 1024;
const TOKEN_BYTES = 16_000;
const SECRET = 'a secret that is as long as the hash that it is used with';
const ISS = 'https://issuer.example';

const hs256 = signer('HS256', Buffer.from(SECRET));
const now = epochSeconds();
const withShape = (claims) => assemble({ alg: 'HS256' }, { iss: ISS, sub: 'u', exp: now + 3600, ...claims }, hs256);

/** Claims that fill a token of 16 KiB, by the kind of content that took much memory. */
const SHAPES = {
  'objects of one member': (number) => ({ n: number, user_metadata: repeated({ '': 0 }, 1640) }),
  'empty arrays': (number) => ({ n: number, user_metadata: repeated([], 3800) }),
  numbers: (number) => ({ n: number, user_metadata: repeated(0, 5800) }),
  'many claims': (number) => Object.fromEntries(repeated(0, 980).map((_, index) => [`${number}.${index}`, 0])),
  'many audiences': (number) => ({ n: number, aud: repeated('', 3800) }),
  'one long text': (number) => ({ n: number, text: 'x'.repeat(11_500) }),
};
const repeated = (value, count) => Array.from({ length: count }, () => value);

/** A public RSA key without a private key: only its size matters. */
function publicKey(kid) {
  const modulus = randomBytes(512);
  modulus[0] |= 0x80;
  modulus[511] |= 1;
  return { kty: 'RSA', kid, alg: 'RS256', e: 'AQAB', n: modulus.toString('base64url') };
}

suite("an isolate's memory", () => {
  test('is not filled by remembered tokens of any shape', async (context) => {
    const use = during(context);
    const worker = await use(
      startWorker({
        config: { issuers: [{ issuer: ISS, audience: 'unchecked', algorithms: ['HS256'], secrets: [{ binding: 'KEY' }] }] },
        secrets: { KEY: SECRET },
      }),
    );
    await worker.verify(withShape({}));
    const before = await worker.wasmBytes();
    for (const [name, claims] of Object.entries(SHAPES)) {
      for (let number = 0; number < 300; number += 1) {
        const token = withShape(claims(number));
        assert.ok(token.length < TOKEN_BYTES + 384, `${name}: ${token.length}`);
        // A token is remembered when it comes for the second time.
        for (let i = 0; i < 2; i += 1) {
          const response = await worker.fetch('/verify', { headers: { authorization: `Bearer ${token}` } });
          await response.arrayBuffer();
          assert.equal(response.status, 200, name);
        }
      }
      const grown = ((await worker.wasmBytes()) - before) / MIB;
      context.diagnostic(`after 300 tokens with ${name}: ${grown.toFixed(1)} MiB`);
      assert.ok(grown < 16, `${grown} MiB after ${name}`);
    }
  });

  test('is not filled by key sets that are fetched again and again', async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const key = testKey('p-256');
    const keys = [{ ...key.publicJwk, alg: 'ES256' }, ...Array.from({ length: 60 }, (_, index) => publicKey(`k${index}`))];
    let serial = 0;
    const jwksUri = origin.serve('/jwks', (_, response) => {
      serial += 1;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys, serial }));
    });
    const worker = await use(
      startWorker({
        config: {
          issuers: [{ issuer: ISS, jwks_uri: jwksUri, audience: 'unchecked' }],
          jwks: { unknown_kid_cooldown_seconds: 1 },
        },
      }),
    );
    const sign = signer('ES256', key.privateKey);
    const token = (kid, number) => assemble({ alg: 'ES256', kid }, { iss: ISS, exp: now + 3600, number }, sign);
    const round = async (number) => {
      const expected = serial + 1;
      await eventually(async () => {
        assert.equal((await worker.verify(token(`unknown ${number}`, 0))).body.code, 'key_not_found');
        return serial >= expected;
      }, 'another fetch');
      assert.equal((await worker.verify(token(key.kid, number))).status, 200);
    };
    for (let number = 0; number < 3; number += 1) await round(number);
    const before = await worker.wasmBytes();
    for (let number = 3; number < 12; number += 1) await round(number);
    const grown = ((await worker.wasmBytes()) - before) / MIB;
    context.diagnostic(`${serial} fetches; ${grown.toFixed(1)} MiB in the last nine, ${(before / MIB).toFixed(1)} MiB before`);
    assert.ok(grown < 1.5, `it grew by ${grown} MiB`);
  });

  test('is not filled by unsigned tokens that wait for a slow identity provider', async (context) => {
    const use = during(context);
    const key = testKey('p-256');
    const origin = await use(createOrigin());
    const waiting = [];
    const jwksUri = origin.serve('/jwks', (_, response) => waiting.push(response));
    const worker = await use(startWorker({ config: { issuers: [{ issuer: ISS, jwks_uri: jwksUri, audience: 'unchecked' }] } }));
    await worker.fetch('/healthz');
    const before = await worker.wasmBytes();
    const forged = (number) =>
      assemble({ alg: 'ES256', kid: key.kid }, { iss: ISS, exp: now + 3600, ...SHAPES['objects of one member'](number) }, () => Buffer.alloc(64));
    const asked = Array.from({ length: 200 }, (_, number) => worker.verify(forged(number)));
    await eventually(() => waiting.length === 1, 'the fetch');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const grown = ((await worker.wasmBytes()) - before) / MIB;
    context.diagnostic(`200 waiting tokens: ${grown.toFixed(1)} MiB`);
    waiting[0].writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [key.publicJwk] }));
    for (const { status } of await Promise.all(asked)) assert.equal(status, 401);
    assert.ok(grown < 16, `it grew by ${grown} MiB`);
    assert.equal(origin.count('/jwks'), 1);
  });

  test('is not filled by stalled bodies, and others are served', async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const key = testKey('p-256');
    const jwksUri = origin.serve('/jwks', (_, response) => response.end(JSON.stringify({ keys: [{ ...key.publicJwk, alg: 'ES256' }] })));
    const worker = await use(
      startWorker({
        config: {
          issuers: [{ issuer: ISS, jwks_uri: jwksUri, audience: 'unchecked' }],
          exchange: { issuer: 'https://auth.example.com', targets: [{ audience: 'https://api.example.com', from: [ISS], public_clients: true }] },
        },
        secrets: { SIGNING_KEYS: await signingKeys(['ES256'], { age: 3600 }) },
      }),
    );
    const sign = signer('ES256', key.privateKey);
    const token = assemble({ alg: 'ES256', kid: key.kid }, { iss: ISS, sub: 'u', iat: now, exp: now + 3600 }, sign);
    const exchanged = async () => {
      const body = new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        subject_token: token,
        audience: 'https://api.example.com',
      });
      const response = await worker.fetch('/token', { method: 'POST', body });
      return { status: response.status, text: await response.text() };
    };
    assert.equal((await exchanged()).status, 200);
    const before = await worker.wasmBytes();
    const { port, hostname } = new URL(worker.urls[0]);
    const head = ['POST /token HTTP/1.1', 'Host: h', 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 131072', '', ''];
    const answers = [];
    const stalled = [];
    await use({ close: () => stalled.forEach((socket) => socket.destroy()) });
    const stall = () => {
      const socket = connect(Number(port), hostname);
      const at = answers.push('') - 1;
      socket
        .setEncoding('latin1')
        .on('error', () => {})
        .on('data', (text) => (answers[at] += text));
      socket.write(head.join('\r\n'));
      socket.write(Buffer.alloc(131_000, 'a'));
      stalled.push(socket);
    };
    const grown = async () => ((await worker.wasmBytes()) - before) / MIB;
    for (let number = 0; number < 600; number += 1) {
      stall();
      if (number % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 150));
    }
    const under = await exchanged();
    assert.equal(under.status, 200, under.text);
    assert.equal((await worker.verify(token)).status, 200);
    context.diagnostic(`600 stalled bodies: ${(await grown()).toFixed(1)} MiB`);
    assert.ok((await grown()) < 32, `it grew by ${await grown()} MiB`);
    // Each has ended: by its time limit, or because its memory was needed.
    await eventually(() => answers.every((answer) => /^HTTP\/1\.1 (408|503) /.test(answer)), 'the answers', 30_000);
    assert.ok(answers.some((answer) => answer.includes('"body_incomplete"')));
    // Clients that disconnect half-way leave no memory occupied.
    for (let round = 0; round < 8; round += 1) {
      const first = stalled.length;
      for (let number = 0; number < 100; number += 1) stall();
      await new Promise((resolve) => setTimeout(resolve, 500));
      for (const socket of stalled.slice(first)) socket.destroy();
    }
    context.diagnostic(`after 800 more that went away: ${(await grown()).toFixed(1)} MiB`);
    assert.ok((await grown()) < 40, `it grew by ${await grown()} MiB`);
    const after = await exchanged();
    assert.equal(after.status, 200, after.text);
  });
});
