// The tokens to verify: per algorithm an issuer with its keys, and tokens of an ordinary or another size.
import { randomBytes, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export const AUDIENCE = 'https://api.example.com';
/** Tokens are a little longer or shorter than requested; the target is lowered so that none exceeds the requested size. */
const ROUNDING = 48;

/**
 * `{ name, algorithm, issuer, key, otherKeys, tokens }`: `key` is a public JWK, or a shared secret's text, and the first
 * token is the one that is repeated. `bytes` is the approximate length of a token, `keys` the number of keys that the issuer publishes, and
 * `modulusLength` the bits of an RSA key.
 *
 * @param {string} algorithm
 * @param {number} tokens how many
 * @param {{ bytes?: number, keys?: number, modulusLength?: number, name?: string }} [options]
 */
export async function createSubject(algorithm, tokens, { bytes, keys = 1, modulusLength = 2048, name = algorithm } = {}) {
  const issuer = `https://${name.toLowerCase().replace(/\W+/g, '-')}.bench.example`;
  const secret = algorithm.startsWith('HS') ? randomBytes(48).toString('base64') : undefined;
  const pairs = secret ? [] : await Promise.all(Array.from({ length: keys }, () => newKey(algorithm, modulusLength)));
  /** @type {{ kid: string, privateKey: CryptoKey | Uint8Array, jwk?: import('jose').JWK }} */
  const signer = secret
    ? { kid: randomUUID().slice(0, 8), privateKey: new TextEncoder().encode(secret) }
    : /** @type {(typeof pairs)[0]} */ (pairs.at(-1));
  const mint = (padding) => sign(algorithm, issuer, signer, padding);
  // Base64url makes four characters of three.
  const missing = bytes ? bytes - ROUNDING - (await mint()).length : 0;
  const padding = missing > 0 ? 'x'.repeat(Math.floor((missing * 3) / 4)) : undefined;
  return {
    name,
    algorithm,
    issuer,
    key: secret ?? signer.jwk,
    otherKeys: pairs.slice(0, -1).map(({ jwk }) => jwk),
    tokens: await Promise.all(Array.from({ length: tokens }, () => mint(bytes && missing <= 0 ? null : padding))),
  };
}

async function newKey(alg, modulusLength) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength });
  const kid = randomUUID().slice(0, 8);
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** `padding` null: as few claims as possible. */
function sign(alg, issuer, { kid, privateKey }, padding) {
  const now = Math.floor(Date.now() / 1000);
  const ordinary = {
    jti: randomUUID(),
    azp: 'https://app.example.com',
    email: 'ada@example.com',
    role: 'authenticated',
    session_id: randomUUID(),
    scope: 'profiles:read profiles:write',
  };
  return new SignJWT({
    sub: padding === null ? randomUUID().slice(0, 8) : randomUUID(),
    ...(padding === null ? {} : ordinary),
    ...(padding ? { padding } : {}),
  })
    .setProtectedHeader(padding === null ? { alg, kid } : { alg, kid, typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setIssuedAt(now)
    .setExpirationTime(now + 24 * 3600)
    .sign(privateKey);
}
