// Keys that do not come from a public URL, in workerd: from the configuration, through a service binding, for the tenants of one issuer, and
// keys that the operator distrusts.
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { during } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { startWorker } from './support/worker.mjs';

const ISSUER = 'https://issuer.example';
const rsa = testKey('rsa-2048');
const ed25519 = testKey('ed25519');
const pem = (name) => readFileSync(new URL(`../vectors/pem/${name}.pem`, import.meta.url), 'utf8');

const token = (alg, key, { header = {}, claims = {} } = {}) =>
  assemble({ alg, kid: key.kid, ...header }, { iss: ISSUER, exp: epochSeconds() + 60, ...claims }, signer(alg, key.privateKey));

async function verdictsOf(context, issuer, options = {}) {
  const use = during(context);
  const worker = await use(startWorker({ config: { issuers: [{ issuer: ISSUER, audience: 'unchecked', ...issuer }] }, ...options }));
  const verdict = async (sent) => {
    const { status, body } = await worker.verify(sent);
    return status === 200 ? 'accepted' : body.code;
  };
  return { worker, verdict };
}

suite('keys in the configuration', () => {
  test('verify tokens without any fetch, as a JWK Set and as PEM that Node or OpenSSL wrote', async (context) => {
    const { worker, verdict } = await verdictsOf(context, {
      jwks: { keys: [ed25519.publicJwk] },
      public_keys: [
        { kid: 'spki', pem: createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' }) },
        { kid: 'pkcs1', pem: pem('rsa-2048.pkcs1') },
        { kid: 'certificate', pem: pem('rsa-2048.certificate') },
        { kid: 'p-256', pem: pem('p-256.certificate') },
        { kid: 'p-384', pem: pem('p-384.spki') },
      ],
    });
    assert.equal(await verdict(token('EdDSA', ed25519)), 'accepted');
    for (const kid of ['spki', 'pkcs1', 'certificate']) assert.equal(await verdict(token('RS256', rsa, { header: { kid } })), 'accepted', kid);
    assert.equal(await verdict(token('ES256', testKey('p-256'))), 'key_not_found');
    assert.equal(await verdict(token('ES256', testKey('p-256'), { header: { kid: 'p-256' } })), 'accepted');
    assert.equal(await verdict(token('ES384', testKey('p-384'), { header: { kid: 'p-384' } })), 'accepted');
    assert.equal(await verdict(token('EdDSA', testKey('ed25519-second'), { header: { kid: ed25519.kid } })), 'signature_invalid');
    const { keys } = await (await worker.kv()).list();
    assert.deepEqual(keys, [], 'nothing is stored');
  });

  test('a public key is no HMAC secret', async (context) => {
    const { verdict } = await verdictsOf(context, { public_keys: [{ kid: rsa.kid, pem: pem('rsa-2048.spki') }] });
    const forged = assemble({ alg: 'HS256', kid: rsa.kid }, { iss: ISSUER, exp: epochSeconds() + 60 }, signer('HS256', pem('rsa-2048.spki')));
    assert.equal(await verdict(forged), 'algorithm_not_allowed');
  });

  test('a private key there is a fault of the configuration', async (context) => {
    const { worker, verdict } = await verdictsOf(context, { jwks: { keys: [ed25519.privateJwk] } });
    assert.equal(await verdict(token('EdDSA', ed25519)), 'config_invalid');
    assert.ok(!JSON.stringify(worker.lines).includes(ed25519.privateJwk.d));
  });
});

suite('a set behind a service binding', () => {
  const provider = (set) => `
    export default {
      fetch(request) {
        const { pathname, host } = new URL(request.url);
        if (pathname === '/api/auth/jwks' && host === 'issuer.example') return Response.json(${JSON.stringify(set)});
        return new Response('error code: 1042', { status: 404 });
      },
    };`;

  test('is fetched from the other Worker at the path of the set, and never over the network', async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const jwks_uri = `${origin.url}/api/auth/jwks`;
    const source = provider({ keys: [ed25519.publicJwk] }).replace("host === 'issuer.example'", 'true');
    const { verdict } = await verdictsOf(context, { jwks_uri, jwks_service: 'AUTH' }, { services: { AUTH: source } });
    assert.equal(await verdict(token('EdDSA', ed25519)), 'accepted');
    assert.equal(await verdict(token('EdDSA', ed25519, { header: { kid: 'other' } })), 'key_not_found');
    assert.deepEqual(origin.requests, []);
  });

  test('has the address that the preset says', async (context) => {
    const service = { AUTH: provider({ keys: [ed25519.publicJwk] }) };
    const { verdict } = await verdictsOf(context, { preset: 'better-auth', jwks_service: 'AUTH' }, { services: service });
    assert.equal(await verdict(token('EdDSA', ed25519)), 'accepted');
  });

  test('that does not exist is a fault with its fix', async (context) => {
    const use = during(context);
    const issuers = [{ issuer: ISSUER, audience: 'unchecked', preset: 'better-auth', jwks_service: 'AUTH' }];
    const worker = await use(startWorker({ config: { issuers, explain: { access: 'open' } } }));
    const ready = await (await worker.fetch('/readyz')).json();
    assert.equal(ready.code, 'jwks_invalid');
    assert.match(ready.details.issuers[0].problem, /nothing is bound as AUTH/);
    assert.match(ready.details.issuers[0].fix, /\[\[services\]\]/);
  });

  test('is no service if a binding of another kind has the name, and the other issuers are served', async (context) => {
    const use = during(context);
    const other = 'https://other.example';
    const issuers = [
      { issuer: ISSUER, audience: 'unchecked', preset: 'better-auth', jwks_service: 'AUTH' },
      { issuer: other, audience: 'unchecked', jwks: { keys: [ed25519.publicJwk] } },
    ];
    const config = { issuers, explain: { access: 'open' } };
    for (const options of [{ secrets: { AUTH: 'a text' } }, { namespaces: ['AUTH'] }]) {
      const worker = await use(startWorker({ config, ...options }));
      const { status, body } = await worker.verify(token('EdDSA', ed25519));
      assert.deepEqual([status, body.code], [503, 'jwks_invalid']);
      const ready = await (await worker.fetch('/readyz')).json();
      assert.match(ready.details.issuers[0].fix, /\[\[services\]\]/);
      assert.equal((await worker.verify(token('EdDSA', ed25519, { claims: { iss: other } }))).status, 200);
      assert.ok(!worker.log().some(({ event }) => event === 'instance_replaced'));
    }
  });
});

suite('a set of PEM texts, as Google serves it', () => {
  test('verifies tokens, and the record in KV serves the next isolate', async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const jwks_uri = origin.serve('/x509', { one: pem('rsa-2048.certificate'), two: pem('p-256.spki') });
    const { worker, verdict } = await verdictsOf(context, { jwks_uri }, { isolates: 2 });
    assert.equal(await verdict(token('RS256', rsa, { header: { kid: 'one' } })), 'accepted');
    assert.equal(await verdict(token('ES256', testKey('p-256'), { header: { kid: 'two' } })), 'accepted');
    assert.equal((await worker.verify(token('RS256', rsa, { header: { kid: 'one' } }), { isolate: 1 })).status, 200);
  });
});

suite('tenants', () => {
  const TENANT = '11111111-2222-3333-4444-555555555555';
  const OTHER = '99999999-aaaa-bbbb-cccc-dddddddddddd';
  const iss = (tenant) => `https://login.microsoftonline.com/${tenant}/v2.0`;
  const of = (tenant, tid = tenant) => token('EdDSA', ed25519, { claims: { iss: iss(tenant), tid } });

  test('are those of `tenants`, and the verdict names the iss of the token', async (context) => {
    const keys = [{ ...ed25519.publicJwk, issuer: iss('{tenantid}') }];
    const { worker, verdict } = await verdictsOf(context, { issuer: iss('{tenantid}'), tenants: [TENANT], jwks: { keys } });
    const { status, body } = await worker.verify(of(TENANT));
    assert.deepEqual([status, body.issuer], [200, iss(TENANT)]);
    for (const sent of [of(OTHER), of(TENANT, OTHER), of('common'), of('{tenantid}'), of(OTHER.toUpperCase())])
      assert.equal(await verdict(sent), 'issuer_unknown');
  });
});

suite('distrusted keys', () => {
  test('are refused from the first request on, and the other keys of the cached set serve', async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const jwks_uri = origin.serve('/jwks', { keys: [ed25519.publicJwk, rsa.publicJwk] });
    const { verdict } = await verdictsOf(context, { jwks_uri, distrusted_keys: [ed25519.kid] });
    assert.equal(await verdict(token('EdDSA', ed25519)), 'key_distrusted');
    assert.deepEqual(origin.requests, []);
    assert.equal(await verdict(token('RS256', rsa)), 'accepted');
    assert.equal(await verdict(token('EdDSA', ed25519, { header: { kid: undefined } })), 'key_distrusted');
  });
});
