// `verify.engine` in the built Worker: each engine gives the same verdicts and codes, and no token makes an isolate not
// ready. tests/native/verify/engines.rs tests the same with a fake WebCrypto.
import assert from 'node:assert/strict';
import { constants, createHash, createPublicKey, generateKeyPairSync, publicDecrypt } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { compatibilityDate } from '../../scripts/lib/worker.mjs';
import { rsaRaw, toNumber, toOctets } from './support/forgery.mjs';
import { lifetime } from './support/lifetime.mjs';
import { createOrigin } from './support/origin.mjs';
import { assemble, epochSeconds, keyOf, signer, testKey } from './support/tokens.mjs';
import { answerOf, startWorker } from './support/worker.mjs';

const ISSUER = 'https://issuer.example';
const SECRET = 'a test secret that secures nothing, of exactly sixty-four octets';
const FORMER = 'another secret of sixty-four octets, which signed until yesterday';
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const ENGINES = [{}, { cross_check: { sample: 1 } }, { engine: 'webcrypto' }, { engine: 'both' }];

const sha512 = (...parts) => createHash('sha512').update(Buffer.concat(parts)).digest();
const fromLittleEndian = (octets) => toNumber(Buffer.from(octets).reverse());

/** An Ed25519 signature with the neutral element as R: S = H(R, A, M) a. BoringSSL accepts it. */
function hostile({ privateJwk }) {
  const a = sha512(Buffer.from(privateJwk.d, 'base64url')).subarray(0, 32);
  a[0] &= 0xf8;
  a[31] = (a[31] & 0x3f) | 0x40;
  return (input) => {
    const r = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]);
    const k = fromLittleEndian(sha512(r, Buffer.from(privateJwk.x, 'base64url'), input));
    return Buffer.concat([r, toOctets((k * fromLittleEndian(a)) % ED25519_ORDER, 32).reverse()]);
  };
}

/** A new RSA key with a modulus or an exponent that is rare. */
function rareRsa(kid, modulusLength, publicExponent = 65537) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent });
  return keyOf(kid, privateKey.export({ format: 'jwk' }));
}

for (const verify of ENGINES) {
  suite(`verify = ${JSON.stringify(verify)}`, () => {
    const use = lifetime(after);
    const keys = { RS: testKey('rsa-2048'), PS: testKey('rsa-4096'), ES256: testKey('p-256'), ES384: testKey('p-384'), EdDSA: testKey('ed25519') };
    // The first has 2049 bits, so that its PSS encoding is an octet shorter than the modulus.
    const rare = [
      testKey('rsa-2049'),
      rareRsa('2056 bits', 2056),
      rareRsa('3070 bits', 3070),
      rareRsa('e = 65539', 2048, 65539),
      rareRsa('e = 2^32 - 5', 2048, 2 ** 32 - 5),
    ];
    let worker, origin;

    before(async () => {
      origin = await use(createOrigin());
      const jwks_uri = origin.serve('/jwks', { keys: [...Object.values(keys), ...rare].map(({ publicJwk }) => publicJwk) });
      const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA', 'HS256', 'HS384', 'HS512'];
      const secrets = [{ binding: 'FORMER' }, { binding: 'CURRENT' }];
      const issuers = [{ issuer: ISSUER, jwks_uri, audience: 'unchecked', algorithms, secrets }];
      worker = await use(startWorker({ config: { verify, issuers, explain: { access: 'open' } }, secrets: { FORMER, CURRENT: SECRET } }));
    });

    let serial = 0;
    const token = (alg, kid, sign, claims = {}) =>
      assemble({ alg, kid }, { iss: ISSUER, exp: epochSeconds() + 600, jti: (serial += 1), ...claims }, sign);
    async function expectVerdict(text, status, code, what) {
      const answer = await worker.verify(text);
      assert.equal(answer.body.code, code, `${what} ${JSON.stringify(answer.body)}`);
      assert.equal(answer.status, status, what);
    }

    test('every algorithm: good, altered, cut, by another key, expired', async () => {
      for (const alg of ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA', 'HS256', 'HS384', 'HS512']) {
        const key = keys[alg] ?? keys[alg.slice(0, 2)];
        const [kid, sign] = key ? [key.kid, signer(alg, key.privateKey)] : [undefined, signer(alg, SECRET)];
        await expectVerdict(token(alg, kid, sign), 200, undefined, alg);
        await expectVerdict(token(alg, undefined, sign), 200, undefined, `${alg} without a kid`);
        const good = token(alg, kid, sign);
        for (const what of [alg, `${alg} again`, `${alg}, remembered`]) await expectVerdict(good, 200, undefined, what);
        const altered = (input) => {
          const signature = sign(input);
          signature[9] ^= 4;
          return signature;
        };
        await expectVerdict(token(alg, kid, altered), 401, 'signature_invalid', `${alg}, altered`);
        await expectVerdict(
          token(alg, kid, (input) => sign(input).subarray(1)),
          401,
          'signature_invalid',
          `${alg}, cut`,
        );
        await expectVerdict(
          token(alg, kid, (input) => sign(Buffer.concat([input, input]))),
          401,
          'signature_invalid',
          `${alg}, of another text`,
        );
        await expectVerdict(token(alg, kid, sign, { exp: epochSeconds() - 600 }), 401, 'token_expired', `${alg}, expired`);
      }
    });

    test('an Ed25519 signature with an R of small order, which BoringSSL accepts, is refused and no disagreement', async () => {
      for (let times = 0; times < 3; times += 1) {
        await expectVerdict(token('EdDSA', keys.EdDSA.kid, hostile(keys.EdDSA)), 401, 'signature_invalid', 'R of small order');
      }
      const explained = await answerOf(await worker.fetch('/explain', { method: 'POST', body: token('EdDSA', keys.EdDSA.kid, hostile(keys.EdDSA)) }));
      assert.equal(explained.body.code, 'signature_invalid');
    });

    test('rare RSA keys: each engine gives the same verdicts, or reports that it cannot check the signature', async () => {
      for (const key of rare) {
        const n = toNumber(Buffer.from(key.publicJwk.n, 'base64url'));
        const bits = n.toString(2).length;
        const length = Math.ceil(bits / 8);
        // WebCrypto of workerd imports no other exponents than 3 and 65537.
        const isSupported = !verify.engine || key.publicJwk.e === 'AQAB';
        for (const alg of ['RS256', 'PS256', 'PS512']) {
          const what = `${alg}, ${key.kid}`;
          const sign = signer(alg, key.privateKey);
          await expectVerdict(token(alg, key.kid, sign), isSupported ? 200 : 503, isSupported ? undefined : 'config_invalid', what);
          if (!isSupported) continue;
          // Numbers that only the owner of the private key can sign, and a good encoding with an additional bit.
          const edges = [0n, 1n, n - 1n, 2n ** BigInt(bits - 1), toNumber(Buffer.alloc(length - 1, 0xbc))];
          for (const number of edges) {
            await expectVerdict(
              token(alg, key.kid, () => rsaRaw(key.privateKey, toOctets(number, length))),
              401,
              'signature_invalid',
              what,
            );
          }
          const raised = (input) => {
            const publicKey = { key: createPublicKey(key.privateKey), padding: constants.RSA_NO_PADDING };
            for (;;) {
              const number = toNumber(publicDecrypt(publicKey, sign(input))) + 2n ** BigInt(bits - 1);
              // PKCS#1 v1.5 always gives the same encoding, which may not fit.
              if (number < n || alg === 'RS256') return rsaRaw(key.privateKey, toOctets(number % n, length));
            }
          };
          await expectVerdict(token(alg, key.kid, raised), 401, 'signature_invalid', `${what}, a bit too many`);
        }
      }
    });

    // WebCrypto cannot use two of the rare keys, and /readyz says so.
    test('and afterwards the isolate is ready, or degraded because of the rare keys, and no engine has disagreed', async () => {
      const { status, body } = await answerOf(await worker.fetch('/readyz?deep=1'));
      assert.equal(status, 200, JSON.stringify(body));
      const isLimited = verify.engine !== undefined;
      assert.equal(body.status, isLimited ? 'degraded' : 'ready');
      assert.deepEqual(
        body.details.issuers[0].keys.set_aside.map(({ kid }) => kid),
        isLimited ? ['e = 65539', 'e = 2^32 - 5'] : [],
      );
      assert.equal(body.details.cross_check.disagreements, 0);
      assert.equal(body.details.deep.environment.compatibility_date, compatibilityDate());
      const asked = verify.engine === 'webcrypto' ? null : true;
      for (const { alg, pure_rust, web_crypto } of body.details.deep.self_test)
        assert.deepEqual({ alg, pure_rust, web_crypto }, { alg, pure_rust: asked, web_crypto: true });
    });
  });
}
