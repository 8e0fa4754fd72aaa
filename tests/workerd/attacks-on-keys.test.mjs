// Attacks with keys: weak and private ones in a set, duplicate ids, invalid sets, forged records in KV,
// and floods of unknown ids.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { suite, test } from 'node:test';
import { pkcs1, rocaModulus, sha256Info, toOctets } from './support/forgery.mjs';
import { during } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { aged, changeRecord, storedRecord } from './support/store.mjs';
import { assemble, epochSeconds, keyOf, signer, testKey } from './support/tokens.mjs';
import { eventually, startWorker } from './support/worker.mjs';

const ISSUER = 'https://issuer.example';
const issuerAt = (jwks_uri, more = {}) => ({ issuer: ISSUER, jwks_uri, audience: 'unchecked', ...more });
const claims = (more = {}) => ({ iss: ISSUER, sub: 'alice', exp: epochSeconds() + 600, ...more });
const tokenOf = (alg, key, more = {}) => assemble({ alg, kid: key.kid, ...more.header }, claims(more.claims), signer(alg, key.privateKey));

/** The Worker over an origin that serves `set`. */
async function started(context, set, options = {}) {
  const use = during(context);
  const origin = await use(createOrigin());
  const uri = origin.serve('/jwks', set, options.headers);
  const worker = await use(startWorker({ ...options, config: { issuers: [issuerAt(uri)], ...options.config } }));
  return { origin, uri, worker };
}

const code = async (worker, token, options) => (await worker.verify(token, options)).body.code ?? 'accepted';

suite('keys in a set', () => {
  const rsa = testKey('rsa-2048');

  test('weak, private, symmetric and misplaced ones are set aside by name, and the good one beside them serves', async (context) => {
    /** @type {(type: any, options: object) => any} */
    const pair = (type, options) => generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
    const withKid = (kid, privateJwk, more = {}) => ({
      ...keyOf(kid, privateJwk),
      publicJwk: { ...keyOf(kid, privateJwk).publicJwk, ...more },
    });
    const short = withKid('rsa-1024', pair('rsa', { modulusLength: 1024 }));
    const nearly = withKid('rsa-2040', pair('rsa', { modulusLength: 2040 }));
    const three = withKid('e-3', pair('rsa', { modulusLength: 2048, publicExponent: 3 }));
    const encryption = withKid('use-enc', rsa.privateJwk, { use: 'enc' });
    const signing = withKid('ops-sign', rsa.privateJwk, { key_ops: ['sign'] });
    const unheard = withKid('alg-oaep', rsa.privateJwk, { alg: 'RSA-OAEP-256' });
    const p521 = withKid('p-521', pair('ec', { namedCurve: 'P-521' }));
    const set = {
      keys: [
        ...[short, nearly, three, encryption, signing, unheard, p521].map(({ publicJwk }) => publicJwk),
        { ...rsa.publicJwk, kid: 'e-1', e: 'AQ' },
        { ...rsa.publicJwk, kid: 'e-even', e: 'AQAA' },
        { ...rsa.publicJwk, kid: 'roca', n: toOctets(rocaModulus(), 256).toString('base64url') },
        { ...rsa.privateJwk, kid: 'private' },
        { kty: 'oct', kid: 'oct', k: Buffer.alloc(64, 1).toString('base64url'), alg: 'HS256' },
        { kty: 'OKP', crv: 'Ed25519', kid: 'small-order', x: Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]).toString('base64url') },
        { ...testKey('p-256').publicJwk, kid: 'off-curve', y: Buffer.alloc(32, 1).toString('base64url') },
        { kid: 'rubbish' },
        'no key at all',
        rsa.publicJwk,
      ],
    };
    const { worker } = await started(context, set, { config: { explain: { access: 'open' } } });

    assert.equal(await code(worker, tokenOf('RS256', rsa)), 'accepted');
    const forgeries = [short, nearly, three, encryption, signing, unheard].map((key) => tokenOf('RS256', key));
    // With the exponent 1 every encoded message is its own signature.
    forgeries.push(assemble({ alg: 'RS256', kid: 'e-1' }, claims(), (input) => pkcs1({ info: sha256Info(input) })));
    const signRs256 = signer('RS256', rsa.privateKey);
    for (const kid of ['e-even', 'roca', 'private', 'rubbish', 'p-521']) forgeries.push(assemble({ alg: 'RS256', kid }, claims(), signRs256));
    forgeries.push(assemble({ alg: 'ES256', kid: 'off-curve' }, claims(), signer('ES256', testKey('p-256').privateKey)));
    // For a key that is the identity, R = s·B fits any message.
    const identity = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);
    forgeries.push(assemble({ alg: 'EdDSA', kid: 'small-order' }, claims(), () => identity));
    for (const forgery of forgeries)
      assert.equal(await code(worker, forgery), 'key_unusable', Buffer.from(forgery.split('.')[0], 'base64url').toString());

    // A published secret is never used: not for HS256, which this issuer does not allow, and not for any other algorithm.
    const secret = Buffer.alloc(64, 1);
    assert.equal(await code(worker, assemble({ alg: 'HS256', kid: 'oct' }, claims(), signer('HS256', secret))), 'algorithm_not_allowed');
    assert.equal(await code(worker, assemble({ alg: 'RS256', kid: 'oct' }, claims(), signRs256)), 'key_unusable');

    const readiness = await (await worker.fetch('/readyz')).json();
    const { keys, set_aside: setAside } = readiness.details.issuers[0].keys;
    assert.equal(keys.length, 1);
    assert.equal(setAside.length, set.keys.length - 1);
    assert.ok(setAside.every(({ reason }) => reason.length > 0));
    assert.ok(!JSON.stringify(readiness).includes(rsa.privateJwk.d.slice(0, 20)), 'no private member is shown');
  });

  test('a published oct key is not used as a secret of an issuer that has its own secret', async (context) => {
    const published = Buffer.alloc(64, 1);
    const use = during(context);
    const origin = await use(createOrigin());
    const uri = origin.serve('/jwks', { keys: [{ kty: 'oct', kid: 'oct', k: published.toString('base64url') }] });
    const worker = await use(
      startWorker({ config: { issuers: [issuerAt(uri, { secrets: [{ binding: 'SECRET' }] })] }, secrets: { SECRET: 's'.repeat(64) } }),
    );
    assert.equal(await code(worker, assemble({ alg: 'HS256', kid: 'oct' }, claims(), signer('HS256', published))), 'signature_invalid');
    assert.equal(await code(worker, assemble({ alg: 'HS256', kid: 'oct' }, claims(), signer('HS256', Buffer.from('s'.repeat(64))))), 'accepted');
  });

  test('a key serves only its own algorithm', async (context) => {
    const own = { ...rsa.publicJwk, alg: 'PS256' };
    const { worker } = await started(context, { keys: [own, testKey('p-256').publicJwk] });
    assert.equal(await code(worker, tokenOf('PS256', rsa)), 'accepted');
    assert.equal(await code(worker, tokenOf('RS256', rsa)), 'key_not_found');
    const mixed = assemble({ alg: 'ES256', kid: rsa.kid }, claims(), signer('ES256', testKey('p-256').privateKey));
    assert.equal(await code(worker, mixed), 'key_not_found');
  });

  test('two keys with one kid each verify only their own tokens', async (context) => {
    const [first, second, unpublished] = [testKey('rsa-2048'), testKey('rsa-2048-second'), testKey('rsa-3072')].map((key) => ({
      ...key,
      kid: 'same',
    }));
    const { worker } = await started(context, { keys: [first, second].map(({ publicJwk }) => ({ ...publicJwk, kid: 'same' })) });
    assert.equal(await code(worker, tokenOf('RS256', first)), 'accepted');
    assert.equal(await code(worker, tokenOf('RS256', second)), 'accepted');
    assert.equal(await code(worker, tokenOf('RS256', unpublished)), 'signature_invalid');
  });

  test('a token without a kid tries at most eight keys', async (context) => {
    const fillers = Array.from({ length: 8 }, (_, index) => ({ ...testKey('p-256-second').publicJwk, kid: `filler-${index}` }));
    const ninth = testKey('p-256');
    const { worker } = await started(context, { keys: [...fillers, ninth.publicJwk] });
    assert.equal(await code(worker, tokenOf('ES256', ninth)), 'accepted');
    assert.equal(await code(worker, tokenOf('ES256', ninth, { header: { kid: undefined } })), 'signature_invalid');
    assert.equal(await code(worker, tokenOf('ES256', testKey('p-256-second'), { header: { kid: undefined } })), 'accepted');
  });

  test("the same kid at two issuers: neither verifies the other's tokens", async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const ours = { ...testKey('ed25519'), kid: 'same' };
    const theirs = { ...testKey('ed25519-second'), kid: 'same' };
    const OTHER = 'https://other.example';
    const issuers = [
      issuerAt(origin.serve('/ours', { keys: [{ ...ours.publicJwk, kid: 'same' }] })),
      { ...issuerAt(origin.serve('/theirs', { keys: [{ ...theirs.publicJwk, kid: 'same' }] })), issuer: OTHER },
    ];
    const worker = await use(startWorker({ config: { issuers } }));
    assert.equal(await code(worker, tokenOf('EdDSA', ours)), 'accepted');
    assert.equal(await code(worker, tokenOf('EdDSA', theirs, { claims: { iss: OTHER } })), 'accepted');
    assert.equal(await code(worker, tokenOf('EdDSA', theirs)), 'signature_invalid');
    assert.equal(await code(worker, tokenOf('EdDSA', ours, { claims: { iss: OTHER } })), 'signature_invalid');
  });

  test('the same kid with new material: a bad signature causes no fetch, and the new key is used after the set is renewed', async (context) => {
    const [before, after] = [testKey('ed25519'), testKey('ed25519-second')].map((key) => ({ ...key, kid: 'same' }));
    const { origin, uri, worker } = await started(context, { keys: [{ ...before.publicJwk, kid: 'same' }] }, { isolates: 2 });
    assert.equal(await code(worker, tokenOf('EdDSA', before)), 'accepted');
    origin.serve('/jwks', { keys: [{ ...after.publicJwk, kid: 'same' }] });
    for (let i = 0; i < 20; i += 1) assert.equal(await code(worker, tokenOf('EdDSA', after)), 'signature_invalid');
    assert.equal(origin.count('/jwks'), 1, 'a bad signature cannot make the Worker fetch');

    await changeRecord(worker, uri, aged(3700));
    await eventually(async () => (await code(worker, tokenOf('EdDSA', after), { isolate: 1 })) === 'accepted', 'the new key');
    assert.equal(await code(worker, tokenOf('EdDSA', before), { isolate: 1 }), 'signature_invalid');
  });

  test('a set that two parsers could read differently, or that is too large, is refused', async (context) => {
    const key = JSON.stringify(rsa.publicJwk);
    const many = Array.from({ length: 101 }, (_, index) => ({ ...rsa.publicJwk, kid: `key-${index}` }));
    const sets = {
      'a key member twice': `{"keys":[${key.replace('{', `{"kid":"${rsa.kid}",`)}]}`,
      'keys twice': `{"keys":[],"keys":[${key}]}`,
      '101 keys': JSON.stringify({ keys: many }),
      'keys no list': `{"keys":${key}}`,
      'a list of keys': `[${key}]`,
      'a key alone': key,
      'two documents': `{"keys":[${key}]}{"keys":[]}`,
      null: 'null',
      'not UTF-8': Buffer.concat([Buffer.from(`{"keys":[${key}],"x":"`), Buffer.from([0xff]), Buffer.from('"}')]),
      deep: `{"keys":[${key}],"x":${'['.repeat(2000)}${']'.repeat(2000)}}`,
    };
    const use = during(context);
    const origin = await use(createOrigin());
    const issuers = Object.entries(sets).map(([what, set], index) => ({
      ...issuerAt(origin.serve(`/${index}`, set)),
      issuer: `https://${encodeURIComponent(what)}.example`,
    }));
    const worker = await use(startWorker({ config: { issuers } }));
    for (const { issuer } of issuers) {
      const { status, body, headers } = await worker.verify(tokenOf('RS256', rsa, { claims: { iss: issuer } }));
      assert.equal(status, 503, `${issuer} ${JSON.stringify(body)}`);
      assert.equal(body.code, 'jwks_invalid', issuer);
      assert.match(headers.get('retry-after'), /^[1-9]\d*$/);
    }
  });
});

suite('forged records in KV', () => {
  const ours = testKey('ed25519');
  const theirs = testKey('ed25519-second');
  const set = { keys: [ours.publicJwk] };
  const tomorrow = epochSeconds() + 86_400;

  /** The changes that make a record invalid, by name. */
  const poisons = {
    'no JSON': () => 'rubbish',
    'an HTML page': () => '<!doctype html><title>Maintenance</title>',
    'of another schema': (record) => ({ ...record, version: 2 }),
    'of another source': (record) => ({
      ...record,
      source_uri: 'https://attacker.example/jwks',
      set: JSON.stringify({ keys: [theirs.publicJwk] }),
    }),
    'of another key set URL': (record) => ({ ...record, jwks_uri: 'https://attacker.example/jwks' }),
    'fetched in the future': (record) => ({
      ...record,
      fetched_at: tomorrow,
      last_attempt_at: tomorrow,
      fresh_until: tomorrow + 60,
      stale_until: tomorrow + 60,
    }),
    'attempted in the future': (record) => ({ ...record, last_attempt_at: tomorrow, consecutive_failures: 9 }),
    'an unknown kid looked for in the future': (record) => ({ ...record, last_attempt_at: tomorrow, last_unknown_kid_fetch_at: tomorrow }),
    'times that contradict each other': (record) => ({ ...record, fresh_until: record.fetched_at - 1 }),
    'times that are no numbers': (record) => ({ ...record, fetched_at: String(record.fetched_at) }),
    'half a set': (record) => ({ ...record, stale_until: null }),
    'a set that is none': (record) => ({ ...record, set: '{"keys":7}' }),
    'a set with a member twice': (record) => ({ ...record, set: '{"keys":[],"keys":[]}' }),
    'a megabyte': (record) => ({ ...record, etag: 'x'.repeat(1_000_000) }),
  };
  test('are discarded and logged, and the set is fetched again', async (context) => {
    const use = during(context);
    const origin = await use(createOrigin());
    const cases = Object.entries(poisons).map(([what, poison], index) => ({
      what,
      poison,
      path: `/${index}`,
      issuer: `https://issuer-${index}.example`,
    }));
    const issuers = cases.map(({ path, issuer }) => ({ ...issuerAt(origin.serve(path, set)), issuer }));
    const worker = await use(startWorker({ isolates: 2, config: { issuers } }));
    for (const { what, poison, path, issuer } of cases) {
      const token = tokenOf('EdDSA', ours, { claims: { iss: issuer } });
      const uri = origin.url + path;
      assert.equal(await code(worker, token), 'accepted', what);
      await changeRecord(worker, uri, poison);
      assert.equal(await code(worker, token, { isolate: 1 }), 'accepted', what);
      assert.equal(origin.count(path), 2, what);
      await worker.logged((line) => line.event === 'jwks_record_discarded' && line.issuer === issuer);
      const repaired = await eventually(() => storedRecord(worker, uri), `a good record after one ${what}`);
      assert.deepEqual(JSON.parse(repaired.set), set, what);
    }
    assert.ok(
      origin.requests.every(({ path }) => path !== '/jwks'),
      'nothing else was asked',
    );
  });

  test("a life longer than the policy's is cut to it", async (context) => {
    const { origin, uri, worker } = await started(context, set, { isolates: 2 });
    assert.equal(await code(worker, tokenOf('EdDSA', ours)), 'accepted');
    const year = 365 * 86_400;
    await changeRecord(worker, uri, (record) => ({
      ...aged(86_400 + 3700)(record),
      fresh_until: epochSeconds() + year,
      stale_until: epochSeconds() + year,
    }));
    // It was fetched longer ago than a set may be used, although its own times say otherwise.
    assert.equal(await code(worker, tokenOf('EdDSA', ours), { isolate: 1 }), 'accepted');
    assert.equal(origin.count('/jwks'), 2);
    await worker.logged(({ event, members }) => event === 'jwks_record_cut' && members.includes('stale_until'));
  });
});

suite('floods of unknown kids', () => {
  const key = testKey('ed25519');
  const flood = (count) => Array.from({ length: count }, (_, index) => tokenOf('EdDSA', key, { header: { kid: `unknown-${index}` } }));

  test('1,000 at once cause one fetch, and no known kid waits for it', async (context) => {
    const { origin, worker } = await started(context, { keys: [key.publicJwk] });
    assert.equal(await code(worker, tokenOf('EdDSA', key)), 'accepted');
    assert.equal(origin.count('/jwks'), 1);
    const verdicts = await Promise.all([
      ...flood(1000).map((token) => code(worker, token)),
      ...Array.from({ length: 50 }, () => code(worker, tokenOf('EdDSA', key))),
    ]);
    assert.ok(verdicts.slice(0, 1000).every((verdict) => verdict === 'key_not_found'));
    assert.ok(verdicts.slice(1000).every((verdict) => verdict === 'accepted'));
    assert.equal(origin.count('/jwks'), 2);
  });

  test('1,000 one after another cause one fetch', async (context) => {
    const { origin, worker } = await started(context, { keys: [key.publicJwk] });
    for (const token of flood(1000)) assert.equal(await code(worker, token), 'key_not_found');
    // One fetch for the set, and one for the first kid that it lacks.
    assert.ok(origin.count('/jwks') <= 2, `${origin.count('/jwks')} fetches`);
  });

  test('a flood while the origin is slow delays no token with a known kid', async (context) => {
    const { origin, worker } = await started(context, { keys: [key.publicJwk] });
    assert.equal(await code(worker, tokenOf('EdDSA', key)), 'accepted');
    let release;
    const held = new Promise((resolve) => (release = resolve));
    origin.serve('/jwks', async (_, response) => {
      await held;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [key.publicJwk] }));
    });
    const unknown = flood(30).map((token) => code(worker, token));
    await eventually(() => origin.count('/jwks') === 2, 'the fetch');
    const begun = Date.now();
    for (let i = 0; i < 20; i += 1) assert.equal(await code(worker, tokenOf('EdDSA', key)), 'accepted');
    assert.ok(Date.now() - begun < 2000, `${Date.now() - begun} ms`);
    assert.equal(origin.count('/jwks'), 2);
    release();
    assert.ok((await Promise.all(unknown)).every((verdict) => verdict === 'key_not_found'));
    assert.equal(origin.count('/jwks'), 2);
  });
});
