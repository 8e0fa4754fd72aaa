// Makes tokens that no library would sign. The keys are those of tests/vectors/keys.
import { constants, createHmac, createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';

const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e'];

/** One of the keys in tests/vectors/keys by its file's name: `{ kid, privateJwk, publicJwk, privateKey }`. */
export function testKey(name) {
  const privateJwk = JSON.parse(readFileSync(new URL(`../../vectors/keys/${name}.jwk.json`, import.meta.url), 'utf8'));
  return keyOf(privateJwk.kid, privateJwk);
}

/** The same of any private JWK. */
export function keyOf(kid, privateJwk) {
  const members = PUBLIC_MEMBERS.flatMap((member) => (member in privateJwk ? [[member, privateJwk[member]]] : []));
  return {
    kid,
    privateJwk: { ...privateJwk, kid },
    publicJwk: { ...Object.fromEntries(members), kid },
    privateKey: createPrivateKey({ key: privateJwk, format: 'jwk' }),
  };
}

/** Signs as `algorithm` says with `key`, a private key or, for HS*, the secret's bytes. */
export function signer(algorithm, key) {
  const hash = `sha${algorithm.slice(2)}`;
  switch (algorithm.slice(0, 2)) {
    case 'HS':
      return (input) => createHmac(hash, key).update(input).digest();
    case 'RS':
      return (input) => sign(hash, input, key);
    case 'PS':
      return (input) => sign(hash, input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(algorithm.slice(2)) / 8 });
    case 'ES':
      return (input) => sign(hash, input, { key, dsaEncoding: 'ieee-p1363' });
    default:
      return (input) => sign(null, input, key);
  }
}

/** A segment: octets and texts as they are, anything else as its JSON. */
export const segment = (part) => Buffer.from(typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part)).toString('base64url');

/** `<header>.<payload>.<signature>`, signed over the segments as they are spelt. */
export function seal(headerSegment, payloadSegment, signBytes) {
  const input = `${headerSegment}.${payloadSegment}`;
  return `${input}.${signBytes(Buffer.from(input)).toString('base64url')}`;
}

/** A token with this header and payload (see `segment`). */
export const assemble = (header, payload, signBytes) => seal(segment(header), segment(payload), signBytes);

/** The time in whole seconds, as JWTs count it. */
export const epochSeconds = () => Math.floor(Date.now() / 1000);
