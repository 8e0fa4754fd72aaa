// The verdicts of WebCrypto (BoringSSL, in workerd) and of Node (OpenSSL) on the Ed25519 signatures of
// tests/vectors/ed25519-verdicts.json, which tests/native/ed25519_verdicts.rs makes. With UPDATE_DOCS=1 in the environment
// this writes them into the file; then the native test writes the table of docs/kernels.md.
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { Miniflare } from 'miniflare';
import workerd from 'workerd/package.json' with { type: 'json' };
import { at } from '../../scripts/lib/paths.mjs';
import { compatibilityDate } from '../../scripts/lib/worker.mjs';
import { lifetime } from './support/lifetime.mjs';

const FILE = at('tests', 'vectors', 'ed25519-verdicts.json');

// Answers with WebCrypto's verdict on each signature: true, false, or null if the key is refused. Imports keys as
// src/platform/webcrypto.rs does.
const WORKER = `
const octets = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
export default {
  async fetch(request) {
    const verdicts = [];
    for (const { key: x, message, signature } of await request.json()) {
      try {
        const key = await crypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x }, { name: 'Ed25519' }, false, ['verify']);
        verdicts.push(await crypto.subtle.verify({ name: 'Ed25519' }, key, octets(signature), new TextEncoder().encode(message)));
      } catch {
        verdicts.push(null);
      }
    }
    return Response.json(verdicts);
  },
};`;

function byOpenSsl({ key: x, message, signature }) {
  let key;
  try {
    key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  } catch {
    return null;
  }
  return verify(null, Buffer.from(message), key, Buffer.from(signature, 'base64url'));
}

suite('the verdicts of other engines on Ed25519 signatures', () => {
  const use = lifetime(after);
  const known = JSON.parse(readFileSync(FILE, 'utf8'));
  let byWebCrypto;

  before(async () => {
    /** @type {any} */
    const config = {
      name: 'verdicts',
      compatibilityDate: compatibilityDate(),
      manifest: { mainModule: 'index.js', modules: { 'index.js': { type: 'esm', contents: WORKER } } },
    };
    const instance = await use(new Miniflare({ workers: [{ config, dev: { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] } }] }));
    await instance.ready;
    const url = await instance.unsafeGetDirectURL('verdicts');
    byWebCrypto = async (vectors) => (await fetch(url, { method: 'POST', body: JSON.stringify(vectors) })).json();
  });

  test('are those that the table of docs/kernels.md lists', async () => {
    const word = (verdict) => (verdict === null ? 'key refused' : verdict ? 'accepts' : 'refuses');
    const found = structuredClone(known);
    for (const { says, vectors, verdicts } of found.classes) {
      const only = (all) => {
        assert.equal(new Set(all).size, 1, `${says}: ${all}`);
        return word(all[0]);
      };
      verdicts.web_crypto = only(await byWebCrypto(vectors));
      verdicts.openssl = only(vectors.map(byOpenSsl));
    }
    if (process.env.UPDATE_DOCS) {
      found.versions = { workerd: workerd.version, openssl: process.versions.openssl };
      writeFileSync(FILE, `${JSON.stringify(found, null, 2)}\n`);
    } else {
      assert.deepEqual(found, known, 'out of date: UPDATE_DOCS=1 node scripts/test.mjs workerd ed25519-verdicts');
    }
  });
});
