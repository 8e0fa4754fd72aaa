// jose verifies the same tokens: a few thousand, good ones and ones with a fault in each part, under every algorithm. Each
// disagreement must be on the list of intended departures, and the Worker must accept no token that jose refuses.
//
//   ASSAY_SEED=<number>     repeats a run, except for the randomness in signatures and secrets
//   ASSAY_ROUNDS=<number>   how often each fault is tried with each algorithm; the default is 3
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, randomBytes, randomInt } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { lifetime } from './support/lifetime.mjs';
import { MUTATIONS, departuresOf } from './support/mutations.mjs';
import { createOrigin } from './support/origin.mjs';
import { DEPARTURES, FAULTS, generator } from './support/oracle.mjs';
import { assemble, epochSeconds, keyOf, signer, testKey } from './support/tokens.mjs';
import { startWorker } from './support/worker.mjs';

const ISSUER = 'https://oracle.example';
const LEEWAY = 5;
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA', 'HS256', 'HS384', 'HS512'];
const AT_ONCE = 32;
const SEED = Number(process.env.ASSAY_SEED ?? randomInt(2 ** 32));
const ROUNDS = Number(process.env.ASSAY_ROUNDS ?? 3);
// How often each way of changing a token at random is tried with each algorithm, in one round.
const MUTATED = 16;
const repeat = `ASSAY_SEED=${SEED} repeats it`;

suite('jose as the oracle', () => {
  const keys = {
    RS: testKey('rsa-2048'),
    PS: testKey('rsa-3072'),
    ES256: testKey('p-256'),
    ES384: testKey('p-384'),
    Ed: testKey('ed25519'),
  };
  const foreignKeys = {
    RS: testKey('rsa-2048-second'),
    PS: testKey('rsa-4096'),
    ES256: testKey('p-256-second'),
    ES384: testKey('p-384'),
    Ed: testKey('ed25519-second'),
  };
  const secret = { kid: 'secret', text: randomBytes(64).toString('base64url') };
  const weakSecret = { kid: 'weak', text: 'twenty characters ..' };
  const smallExponent = keyOf('e-3', generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey.export({ format: 'jwk' }));
  const published = { keys: [...Object.values(keys), smallExponent].map(({ publicJwk }) => publicJwk) };
  const localKeys = createLocalJWKSet(published);
  const use = lifetime(after);
  let worker;

  before(async () => {
    const origin = await use(createOrigin());
    worker = await use(
      startWorker({
        config: {
          verify: { leeway_seconds: LEEWAY },
          // Some tokens have unknown kids, which must not fetch from the origin again and again.
          jwks: { unknown_kid_cooldown_seconds: 3600 },
          issuers: [
            {
              issuer: ISSUER,
              jwks_uri: origin.serve('/jwks', published),
              algorithms: ALGORITHMS,
              audience: { any_of: ['api'] },
              secrets: [
                { binding: 'ORACLE_SECRET', kid: secret.kid },
                { binding: 'WEAK_SECRET', kid: weakSecret.kid },
              ],
            },
          ],
        },
        secrets: { ORACLE_SECRET: secret.text, WEAK_SECRET: weakSecret.text },
      }),
    );
  });

  const kindOf = (algorithm) => (algorithm.startsWith('ES') ? algorithm : algorithm.slice(0, 2));

  /** The input of the faults: a good header and payload, and the keys of all parties. */
  function material(algorithm, random) {
    const now = epochSeconds();
    const shared = algorithm.startsWith('HS');
    const key = shared ? Buffer.from(secret.text) : keys[kindOf(algorithm)].privateKey;
    const foreign = shared ? undefined : foreignKeys[kindOf(algorithm)];
    const foreignKey = shared ? randomBytes(64) : foreign.privateKey;
    const kid = shared ? secret.kid : keys[kindOf(algorithm)].kid;
    return {
      algorithm,
      random,
      now,
      key,
      header: { alg: algorithm, typ: 'JWT', kid },
      payload: {
        iss: ISSUER,
        aud: 'api',
        sub: `user-${random.below(1e6)}`,
        iat: now - random.below(600),
        nbf: now - 60,
        exp: now + 600 + random.below(6000),
      },
      sign: signer(algorithm, key),
      foreignSign: signer(algorithm === 'ES384' ? 'ES256' : algorithm, algorithm === 'ES384' ? foreignKeys.ES256.privateKey : foreignKey),
      foreign: (foreign ?? keys.RS).publicJwk,
      other: random.one(ALGORITHMS.filter((one) => one !== algorithm)),
      foreignKid: random.one(
        Object.values(keys)
          .map((one) => one.kid)
          .filter((one) => one !== kid),
      ),
      publicPem: createPublicKey(keys.RS.privateKey).export({ type: 'spki', format: 'pem' }),
    };
  }

  /** Whether jose accepts the token as of `milliseconds`. */
  async function oracle(token, milliseconds) {
    const getKey = (header, jws) => (header.alg?.startsWith('HS') ? secretOf(header.kid) : localKeys(header, jws));
    const options = {
      issuer: ISSUER,
      audience: ['api'],
      algorithms: [...ALGORITHMS, 'Ed25519'],
      clockTolerance: LEEWAY,
      currentDate: new Date(milliseconds),
      requiredClaims: ['exp'],
    };
    try {
      await jwtVerify(token, getKey, options);
      return { accepted: true };
    } catch (error) {
      // Without a kid several keys are possible; jose's user has to try them.
      if (error.code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') {
        for await (const key of error) {
          const accepted = await jwtVerify(token, key, options).then(
            () => true,
            () => false,
          );
          if (accepted) return { accepted };
        }
      }
      return { accepted: false, why: error.code ?? error.message };
    }
  }

  /** As the Worker does: without a kid any secret, and the first is the good one. */
  function secretOf(kid) {
    const found = kid === undefined ? secret : [secret, weakSecret].find((one) => one.kid === kid);
    if (!found) throw new Error('there is no secret for this kid');
    return Buffer.from(found.text);
  }

  /** Both verdicts; `undefined` if jose's verdict changes during the Worker's check because the token expires. */
  async function verdicts({ token, ...rest }) {
    const asked = epochSeconds();
    const before = await oracle(token, Date.now() - 1000);
    const answer = await worker.verify(token);
    const after = await oracle(token, Date.now());
    if (before.accepted !== after.accepted) return undefined;
    return { ...rest, token, asked, jose: after, accepted: answer.status === 200, status: answer.status, code: answer.body.code };
  }

  async function verdictsOn(cases) {
    const results = [];
    const queue = cases.values();
    const work = async () => {
      for (const one of queue) results.push(await verdicts(one));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return results.filter(Boolean);
  }

  /** Fails with the disagreements that are not intended; returns the intended ones that occurred. */
  function compare(results) {
    const departed = new Set();
    const unmeant = results.filter(({ accepted, jose, code, departure }) => {
      if (accepted === jose.accepted) return false;
      if (accepted || !DEPARTURES[departure]?.codes.includes(code)) return true;
      departed.add(departure);
      return false;
    });
    const lines = unmeant.map(
      ({ way, algorithm, code, jose, token }) =>
        `${way} (${algorithm}): Worker ${code ?? 'accepts'}, jose ${jose.why ?? 'accepts'}\n  ${token.slice(0, 300)}`,
    );
    assert.equal(unmeant.length, 0, `${repeat}\n${lines.slice(0, 20).join('\n')}\n${lines.length} in all`);
    return departed;
  }

  test('every good token is accepted by both', async () => {
    const random = generator(SEED);
    const cases = ALGORITHMS.flatMap((algorithm) =>
      Array.from({ length: 20 }, () => {
        const { header, payload, sign } = material(algorithm, random);
        return { way: 'good', algorithm, token: assemble(header, payload, sign) };
      }),
    );
    const results = await verdictsOn(cases);
    compare(results);
    assert.ok(
      results.every(({ accepted }) => accepted),
      repeat,
    );
  });

  test('tokens with a fault in each part get the same verdict, except for the listed departures', async (context) => {
    const random = generator(SEED + 1);
    const cases = ALGORITHMS.flatMap((algorithm) =>
      Object.entries(FAULTS).flatMap(([way, apply]) =>
        Array.from({ length: ROUNDS }, () => {
          const faulty = apply(material(algorithm, random));
          return { way, algorithm, ...(typeof faulty === 'string' ? { token: faulty } : faulty) };
        }),
      ),
    );
    const keyCases = [
      ['RS256', smallExponent.kid, smallExponent.privateKey, 'small exponent'],
      ['PS256', smallExponent.kid, smallExponent.privateKey, 'small exponent'],
      ['HS256', weakSecret.kid, Buffer.from(weakSecret.text), 'weak secret'],
      ['HS512', weakSecret.kid, Buffer.from(weakSecret.text), 'weak secret'],
    ].map(([algorithm, kid, key, departure]) => {
      const { header, payload } = material(algorithm, random);
      return { way: 'weak key', algorithm, departure, token: assemble({ ...header, kid }, payload, signer(algorithm, key)) };
    });
    // A header cannot hold every octet that a token can hold; such tokens are not sent.
    const sendable = [...cases, ...keyCases].filter(({ token }) => /^[\t\x20-\x7e]*$/.test(token));
    const results = await verdictsOn(sendable);
    const departed = compare(results);
    const accepted = results.filter((one) => one.accepted).length;
    context.diagnostic(`seed ${SEED}: ${results.length} tokens, ${accepted} accepted by both, departures: ${[...departed].join(', ')}`);
    assert.ok(results.length > 2000 || ROUNDS < 3, `only ${results.length} tokens were verified`);
    assert.ok(accepted > 200 || ROUNDS < 3, `only ${accepted} tokens were good`);
    // A departure that never occurs does not belong on the list.
    assert.deepEqual([...departed].sort(), Object.keys(DEPARTURES).sort(), repeat);
  });

  test('tokens changed at random get the same verdict, except for the listed departures', async (context) => {
    const random = generator(SEED + 2);
    const cases = ALGORITHMS.flatMap((algorithm) =>
      Object.entries(MUTATIONS).flatMap(([way, mutate]) =>
        Array.from({ length: MUTATED * ROUNDS }, () => ({ way, algorithm, token: mutate(material(algorithm, random)) })),
      ),
    );
    const results = await verdictsOn(cases.filter(({ token }) => /^[\t\x20-\x7e]+$/.test(token) && token.trim() === token));
    const departed = new Set();
    const unmeant = results.filter(({ token, asked, accepted, jose, code }) => {
      if (accepted === jose.accepted) return false;
      const meant = accepted ? [] : [...departuresOf(token, asked, LEEWAY)].filter((one) => DEPARTURES[one].codes.includes(code));
      meant.forEach((one) => departed.add(one));
      return meant.length === 0;
    });
    const lines = unmeant.map(
      ({ way, algorithm, code, jose, token }) => `${way} (${algorithm}): Worker ${code ?? 'accepts'}, jose ${jose.why ?? 'accepts'}\n  ${token}`,
    );
    assert.equal(unmeant.length, 0, `${repeat}\n${lines.slice(0, 20).join('\n')}\n${lines.length} in all`);
    const accepted = results.filter((one) => one.accepted).length;
    context.diagnostic(`seed ${SEED}: ${results.length} tokens, ${accepted} accepted by both, departures: ${[...departed].join(', ')}`);
    // A token under HS* that loses its kid may be signed with the weak secret, which verifies nothing.
    const faults = results.filter(({ status, code, algorithm }) => status >= 500 && !(code === 'secret_missing' && algorithm.startsWith('HS')));
    assert.deepEqual(faults, [], repeat);
    assert.ok(results.length > 2000 || ROUNDS < 3, `only ${results.length} tokens were verified`);
    assert.ok(accepted > 20 || ROUNDS < 3, `only ${accepted} tokens were good`);
  });
});
