// What crosses between JavaScript and the WebAssembly: the head and the body of a request, and the head of a response. Each has a short way and a long one, which
// give the same answers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { signingKeys } from '../../demo/signing-keys.mjs';
import { lifetime } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { startWorker } from './support/worker.mjs';

const ISS = 'https://issuer.example';
const AUDIENCE = 'https://api.example.com';
const now = epochSeconds();
const key = testKey('p-256');
const token = assemble({ alg: 'ES256', kid: key.kid }, { iss: ISS, sub: 'u', iat: now, exp: now + 3600 }, signer('ES256', key.privateKey));
const authorization = `Bearer ${token}`;

let worker;
const use = lifetime(after);
before(async () => {
  const origin = await use(createOrigin());
  const jwksUri = origin.serve('/jwks', (_, response) => response.end(JSON.stringify({ keys: [{ ...key.publicJwk, alg: 'ES256' }] })));
  const starting = startWorker({
    config: {
      issuers: [{ issuer: ISS, jwks_uri: jwksUri, audience: 'unchecked' }],
      exchange: { issuer: 'https://auth.example.com', targets: [{ audience: AUDIENCE, from: [ISS], public_clients: true }] },
    },
    secrets: { SIGNING_KEYS: await signingKeys(['ES256'], { age: 3600 }) },
  });
  worker = await use(starting);
  assert.equal((await worker.fetch('/verify', { headers: { authorization } })).status, 200);
});
suite('the head of a request', () => {
  test('is read whole at every length, between others that are shorter and longer', async () => {
    const expected = await (await worker.fetch('/verify', { headers: { authorization } })).text();
    // The room for a head has 24,576 bytes at first.
    const lengths = [0, 4096, 1, 23_000, 23_500, 24_000, 24_300, 24_575, 24_577, 30_000, 2, 60_000, 5000, 10];
    for (const length of lengths) {
      const response = await worker.fetch(`/verify?x=${'y'.repeat(length)}`, { headers: { authorization } });
      assert.deepEqual([response.status, await response.text()], [200, expected], `${length} more characters`);
    }
    await Promise.all(
      lengths.map(async (length) => {
        const sub = `user ${length}`;
        const own = assemble(
          { alg: 'ES256', kid: key.kid },
          { iss: ISS, sub, exp: now + 3600, x: 'é'.repeat(length / 8) },
          signer('ES256', key.privateKey),
        );
        const response = await worker.fetch('/verify', { headers: { authorization: `Bearer ${own}` } });
        // A longer token than 16 KiB is refused.
        assert.equal(own.length > 16_384 ? response.status : (await response.json()).subject, own.length > 16_384 ? 401 : sub);
      }),
    );
  });

  test('with characters beyond ASCII is refused like one without a token', async () => {
    // The runtime takes each octet of a header for a character.
    for (const value of [`Bearer ${'ü'.repeat(10)}`, `Bearer ${'ü'.repeat(12_280)}`, `Bearer ${token}ü`]) {
      const response = await worker.fetch('/verify', { headers: { authorization: value } });
      assert.ok([400, 401].includes(response.status), `${response.status}`);
    }
    assert.equal((await worker.fetch('/verify', { headers: { authorization } })).status, 200);
  });
});

test('the status and the headers of a response are its own, whatever the one before had', async () => {
  /** @type {[string, object][]} */
  const asks = [
    ['/verify', { headers: { authorization } }],
    ['/verify', {}],
    ['/verify', { headers: { authorization: 'Bearer a.b.c' } }],
    ['/nothing', {}],
    ['/verify', { method: 'PUT', headers: { authorization } }],
    ['/healthz', {}],
    ['/.well-known/jwks.json', {}],
    ['/token', { method: 'POST', body: new URLSearchParams({ grant_type: 'other' }) }],
  ];
  const seen = async ([path, init]) => {
    const response = await worker.fetch(path, init);
    const headers = [...response.headers].filter(([name]) => !/^(date|content-length|connection|keep-alive|transfer-encoding)$/.test(name));
    await response.arrayBuffer();
    return { status: response.status, headers };
  };
  const alone = [];
  for (const ask of asks) {
    await seen(ask);
    alone.push(await seen(ask));
  }
  assert.deepEqual(
    alone.map(({ status }) => status),
    [200, 401, 401, 404, 405, 200, 200, 400],
  );
  for (let first = 0; first < asks.length; first += 1) {
    for (let second = 0; second < asks.length; second += 1) {
      assert.deepEqual([await seen(asks[first]), await seen(asks[second])], [alone[first], alone[second]]);
    }
  }
});

suite('the body of a request', () => {
  const form = (padding) =>
    new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      subject_token: token,
      audience: AUDIENCE,
      ignored: 'x'.repeat(padding),
    }).toString();
  /** Sends these pieces one after the other, and returns the status and the body of the answer. */
  const posted = async (framing, pieces) => {
    const { port, hostname } = new URL(worker.urls[0]);
    const socket = connect(Number(port), hostname).setEncoding('utf8');
    let answer = '';
    socket.on('error', () => {}).on('data', (text) => (answer += text));
    const closed = once(socket, 'close');
    socket.write(
      ['POST /token HTTP/1.1', 'Host: h', 'Connection: close', 'Content-Type: application/x-www-form-urlencoded', framing, '', ''].join('\r\n'),
    );
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await closed;
    return { status: Number(answer.split(' ')[1]), body: answer.slice(answer.indexOf('\r\n\r\n') + 4) };
  };
  const chunk = (piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`;

  // Up to 8 KiB are read by one promise.
  for (const padding of [0, 5000, 7400, 7800, 8200, 20_000]) {
    test(`with ${padding} more characters is the same whole, in pieces, and in chunks`, async () => {
      const whole = form(padding);
      const halves = [whole.slice(0, 300), whole.slice(300)];
      const ways = {
        whole: [`Content-Length: ${whole.length}`, [whole]],
        pieces: [`Content-Length: ${whole.length}`, halves],
        chunks: ['Transfer-Encoding: chunked', [...halves.map(chunk), '0\r\n\r\n']],
      };
      for (const [way, [framing, pieces]] of Object.entries(ways)) {
        const { status, body } = await posted(framing, pieces);
        assert.equal(status, 200, `${way}: ${body}`);
        assert.match(body, /"access_token":"eyJ/, way);
      }
    });
  }

  test('that does not arrive is 408 after ten seconds, on both ways', { timeout: 30_000 }, async () => {
    const begin = Date.now();
    const answers = await Promise.all(['Content-Length: 500', 'Content-Length: 9000'].map((framing) => posted(framing, ['grant_type='])));
    for (const { status, body } of answers) assert.deepEqual([status, body.includes('body_incomplete')], [408, true], body);
    assert.ok(Date.now() - begin >= 9000 && Date.now() - begin < 20_000, `${Date.now() - begin} ms`);
  });

  test('of a client that goes away leaves nothing behind, on both ways', async () => {
    const { port, hostname } = new URL(worker.urls[0]);
    for (const length of [500, 9000]) {
      for (let round = 0; round < 50; round += 1) {
        const socket = connect(Number(port), hostname).on('error', () => {});
        socket.write(
          `POST /token HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n\r\ngrant_type=`,
        );
        await new Promise((resolve) => setTimeout(resolve, 2));
        socket.destroy();
      }
    }
    const whole = form(0);
    assert.equal((await posted(`Content-Length: ${whole.length}`, [whole])).status, 200);
    assert.deepEqual(
      worker.log().filter(({ event }) => event === 'instance_replaced'),
      [],
    );
  });
});
