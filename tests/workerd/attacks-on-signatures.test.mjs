// Attacks with the signature's octets: encodings with one error, other encodings of a good signature, and values at the
// bounds of the algorithms.
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { der, pkcs1, pss, rsaRaw, sha256, sha256Info, toNumber, toOctets } from './support/forgery.mjs';
import { lifetime } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { assemble, epochSeconds, signer, testKey } from './support/tokens.mjs';
import { startWorker } from './support/worker.mjs';

const ISSUER = 'https://issuer.example';
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P384_ORDER = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n;
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

for (const engine of ['rust', 'webcrypto', 'both'])
  suite(`attacks with the signature, verify.engine = "${engine}"`, () => {
    const keys = { rsa: testKey('rsa-2048'), p256: testKey('p-256'), p384: testKey('p-384'), ed25519: testKey('ed25519') };
    const use = lifetime(after);
    let worker;

    before(async () => {
      const origin = await use(createOrigin());
      const jwks_uri = origin.serve('/jwks', { keys: Object.values(keys).map(({ publicJwk }) => publicJwk) });
      worker = await use(startWorker({ config: { verify: { engine }, issuers: [{ issuer: ISSUER, jwks_uri, audience: 'unchecked' }] } }));
    });

    let serial = 0;
    /** A token under `alg` whose signature `make` computes from its signing input. */
    const token = (alg, key, make) => assemble({ alg, kid: key.kid }, { iss: ISSUER, exp: epochSeconds() + 600, jti: (serial += 1) }, make);

    async function refuses(alg, key, make, what) {
      const { status, body } = await worker.verify(token(alg, key, make));
      assert.equal(body.code, 'signature_invalid', `${what} ${JSON.stringify(body)}`);
      assert.equal(status, 401);
    }
    async function accepts(alg, key, make, what) {
      const { status, body } = await worker.verify(token(alg, key, make));
      assert.equal(status, 200, `${what} ${JSON.stringify(body)}`);
    }

    test('PKCS#1 v1.5 encodings with any error', async () => {
      const { privateKey } = keys.rsa;
      const by = (encoding) => (input) => rsaRaw(privateKey, pkcs1({ info: sha256Info(input), ...encoding(input) }));
      await accepts(
        'RS256',
        keys.rsa,
        by(() => ({})),
        'the encoding as it should be',
      );

      const algorithmIdentifier = (hex) => (input) => ({ info: Buffer.concat([Buffer.from(hex, 'hex'), sha256(input)]) });
      const wrong = {
        'block type 0': () => ({ blockType: 0, filler: 0 }),
        'block type 2': () => ({ blockType: 2 }),
        'a filler of zeros': () => ({ filler: 0 }),
        'a filler of 0xfe': () => ({ filler: 0xfe }),
        'another separator': () => ({ separator: Buffer.from([1]) }),
        'no separator': () => ({ separator: Buffer.alloc(0) }),
        'two separators': () => ({ separator: Buffer.alloc(2) }),
        'eight fillers and rubbish behind (Bleichenbacher 2006)': () => ({ fillers: 8, trailer: Buffer.alloc(20, 1) }),
        'one filler too few and a zero behind': (input) => ({ fillers: 256 - 3 - sha256Info(input).length - 1 }),
        'no fillers at all': () => ({ fillers: 0 }),
        'no NULL beside the hash (RFC 8017 §9.2 has it)': algorithmIdentifier('302f300b0609608648016503040201' + '0420'),
        'a BER length in its long form': algorithmIdentifier('308131300d060960864801650304020105000420'),
        'another hash named': algorithmIdentifier('3031300d060960864801650304020205000420'),
        'parameters in place of NULL': algorithmIdentifier('3033300f06096086480165030402010402' + 'beef0420'),
        'a digest without its name': (input) => ({ info: sha256(input) }),
        'a digest of something else': () => ({ info: sha256Info('something else') }),
        'a digest cut short': (input) => ({
          info: Buffer.concat([Buffer.from('3030300d06096086480165030402010500041f', 'hex'), sha256(input).subarray(0, 31)]),
        }),
      };
      for (const [what, encoding] of Object.entries(wrong)) await refuses('RS256', keys.rsa, by(encoding), what);
      for (const hash of ['sha1', 'sha384', 'sha512']) await refuses('RS256', keys.rsa, (input) => sign(hash, input, privateKey), hash);
      await refuses('RS256', keys.rsa, signer('PS256', privateKey), 'PSS under RS256');
    });

    test('PSS with another salt, mask, marker, filler or trailer', async () => {
      const { privateKey } = keys.rsa;
      const by = (encoding) => (input) => rsaRaw(privateKey, pss({ input, ...encoding }));
      await accepts('PS256', keys.rsa, by({}), 'the encoding as it should be');
      for (const length of [0, 1, 20, 31, 33, 48, 64, 222])
        await refuses('PS256', keys.rsa, by({ salt: Buffer.alloc(length, 7) }), `a salt of ${length} octets`);
      for (const maskHash of ['sha1', 'sha384', 'sha512']) await refuses('PS256', keys.rsa, by({ maskHash }), `MGF1 with ${maskHash}`);
      for (const trailer of [0, 0xcc, 0xbd, 0xff]) await refuses('PS256', keys.rsa, by({ trailer }), `the trailer ${trailer}`);
      for (const marker of [0, 2, 0xff]) await refuses('PS256', keys.rsa, by({ marker }), `the marker ${marker}`);
      await refuses('PS256', keys.rsa, by({ filler: 1 }), 'a filler');
      await refuses('PS256', keys.rsa, signer('RS256', privateKey), 'PKCS#1 v1.5 under PS256');
      await refuses('PS256', keys.rsa, signer('PS384', privateKey), 'PS384 under PS256');
    });

    test('an RSA signature in another encoding, or out of range', async () => {
      const { privateKey, publicJwk } = keys.rsa;
      const n = toNumber(Buffer.from(publicJwk.n, 'base64url'));
      for (const alg of ['RS256', 'PS256']) {
        const good = signer(alg, privateKey);
        await accepts(alg, keys.rsa, good, alg);
        await refuses(alg, keys.rsa, (input) => Buffer.concat([Buffer.alloc(1), good(input)]), 'a zero octet before it');
        await refuses(alg, keys.rsa, (input) => Buffer.concat([good(input), Buffer.alloc(1)]), 'a zero octet after it');
        await refuses(alg, keys.rsa, (input) => toOctets(n - toNumber(good(input)), 256), 'n - s');
        for (const value of [0n, 1n, n - 1n, n, n + 1n, 2n ** 2048n - 1n])
          await refuses(alg, keys.rsa, () => toOctets(value, 256), 'a number at the edge');
        // s + n is the same number modulo n. It has the same length only for a small s, so look for one.
        let fits;
        for (let tries = 0; tries < 400 && !fits; tries += 1) {
          const candidate = token(alg, keys.rsa, (input) => {
            const signature = good(input);
            fits = toNumber(signature) + n < 2n ** 2048n;
            return fits ? toOctets(toNumber(signature) + n, 256) : signature;
          });
          if (fits) assert.equal((await worker.verify(candidate)).body.code, 'signature_invalid', 's + n');
        }
        assert.ok(fits, 'no small signature was found');
      }
    });

    test('ECDSA: r and s zero, beyond the order, in DER, or of another length', async () => {
      for (const { alg, key, order, size } of [
        { alg: 'ES256', key: keys.p256, order: P256_ORDER, size: 32 },
        { alg: 'ES384', key: keys.p384, order: P384_ORDER, size: 48 },
      ]) {
        const good = signer(alg, key.privateKey);
        const pair = (r, s) => Buffer.concat([toOctets(r, size), toOctets(s, size)]);
        const halves = (signature) => [toNumber(signature.subarray(0, size)), toNumber(signature.subarray(size))];
        const by = (change) => (input) => change(...halves(good(input)));
        await accepts(alg, key, good, alg);
        // The other root is a signature too, by every standard; a token is identified by its text.
        await accepts(
          alg,
          key,
          by((r, s) => pair(r, order - s)),
          'n - s',
        );
        const wrong = {
          'both zero': () => pair(0n, 0n),
          'r zero': (_, s) => pair(0n, s),
          's zero': (r) => pair(r, 0n),
          'both one': () => pair(1n, 1n),
          'r the order': (_, s) => pair(order, s),
          's the order': (r) => pair(r, order),
          'both the order': () => pair(order, order),
          'order minus one': () => pair(order - 1n, order - 1n),
          'the greatest numbers': () => Buffer.alloc(2 * size, 0xff),
          's and r exchanged': (r, s) => pair(s, r),
          'n - r': (r, s) => pair(order - r, s),
          DER: (r, s) => der(r, s),
          'an octet less': (r, s) => pair(r, s).subarray(1),
          'an octet more at the end': (r, s) => Buffer.concat([pair(r, s), Buffer.alloc(1)]),
          'an octet more before each': (r, s) => Buffer.concat([toOctets(r, size + 1), toOctets(s, size + 1)]),
          'r alone': (r) => toOctets(r, size),
          'twice itself': (r, s) => Buffer.concat([pair(r, s), pair(r, s)]),
        };
        for (const [what, change] of Object.entries(wrong)) await refuses(alg, key, by(change), `${alg}: ${what}`);
      }
      await refuses('ES256', keys.p256, (input) => sign('sha384', input, { key: keys.p256.privateKey, dsaEncoding: 'ieee-p1363' }), 'another hash');
    });

    test('Ed25519: s not reduced, points of small order, other lengths', async () => {
      const good = signer('EdDSA', keys.ed25519.privateKey);
      const reversed = (octets) => Buffer.from(octets).reverse();
      const withS = (change) => (input) => {
        const signature = good(input);
        const s = toNumber(reversed(signature.subarray(32)));
        return Buffer.concat([signature.subarray(0, 32), reversed(toOctets(change(s), 32))]);
      };
      await accepts('EdDSA', keys.ed25519, good, 'EdDSA');
      await accepts('Ed25519', keys.ed25519, good, 'by its other name');
      for (let times = 1n; times <= 15n; times += 1n)
        await refuses(
          'EdDSA',
          keys.ed25519,
          withS((s) => s + times * ED25519_ORDER),
          `s + ${times} L`,
        );
      await refuses(
        'EdDSA',
        keys.ed25519,
        withS((s) => ED25519_ORDER - s),
        'L - s',
      );
      const identity = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]);
      const smallOrder = [
        identity,
        Buffer.alloc(32),
        Buffer.concat([Buffer.from([0xec]), Buffer.alloc(30, 0xff), Buffer.from([0x7f])]),
        Buffer.concat([Buffer.from([0xee]), Buffer.alloc(30, 0xff), Buffer.from([0x7f])]),
      ];
      for (const r of smallOrder) await refuses('EdDSA', keys.ed25519, () => Buffer.concat([r, Buffer.alloc(32)]), `R = ${r.toString('hex')}, s = 0`);
      await refuses('EdDSA', keys.ed25519, (input) => good(input).subarray(0, 63), '63 octets');
      await refuses('EdDSA', keys.ed25519, (input) => Buffer.concat([good(input), Buffer.alloc(1)]), '65 octets');
      await refuses('EdDSA', keys.ed25519, (input) => good(sha256(input)), 'of the hash');
    });
  });
