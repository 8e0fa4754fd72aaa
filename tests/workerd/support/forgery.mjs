// Signatures that no library makes: RSA on any encoded message, EMSA encodings with one error, and conversions between
// numbers and octets.
import { constants, createHash, privateEncrypt } from 'node:crypto';

export const toNumber = (octets) => BigInt(`0x${Buffer.from(octets).toString('hex') || '0'}`);

export function toOctets(number, length) {
  const hex = number.toString(16);
  const octets = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  if (length === undefined) return octets;
  if (octets.length > length) throw new Error(`${octets.length} octets do not fit in ${length}`);
  return Buffer.concat([Buffer.alloc(length - octets.length), octets]);
}

/** RSASP1 (RFC 8017 §5.2.1): the private key applied to exactly these octets. */
export const rsaRaw = (key, encoded) => privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded);

const SHA256_PREFIX = Buffer.from('3031300d060960864801650304020105000420', 'hex');
export const sha256 = (input) => createHash('sha256').update(input).digest();
export const sha256Info = (input) => Buffer.concat([SHA256_PREFIX, sha256(input)]);

/**
 * EMSA-PKCS1-v1_5 (RFC 8017 §9.2) around `info`, with the given errors.
 *
 * @param {{ info: Buffer, length?: number, blockType?: number, filler?: number, separator?: Buffer, trailer?: Buffer, fillers?: number }} encoding
 */
export function pkcs1({ info, length = 256, blockType = 1, filler = 0xff, separator = Buffer.from([0]), trailer = Buffer.alloc(0), fillers }) {
  const count = fillers ?? length - 2 - separator.length - info.length - trailer.length;
  const head = Buffer.concat([Buffer.from([0, blockType]), Buffer.alloc(count, filler), separator, info, trailer]);
  return Buffer.concat([head, Buffer.alloc(length - head.length)]);
}

/** EMSA-PSS with SHA-256 (RFC 8017 §9.1.1) for a modulus of `length` octets, with the given errors. */
export function pss({ input, length = 256, salt = Buffer.alloc(32, 7), maskHash = 'sha256', trailer = 0xbc, marker = 1, filler = 0 }) {
  const digest = sha256(Buffer.concat([Buffer.alloc(8), sha256(input), salt]));
  const block = Buffer.concat([Buffer.alloc(length - salt.length - digest.length - 2, filler), Buffer.from([marker]), salt]);
  const mask = mgf1(digest, block.length, maskHash);
  const masked = Buffer.from(block.map((octet, index) => octet ^ mask[index]));
  masked[0] &= 0x7f;
  return Buffer.concat([masked, digest, Buffer.from([trailer])]);
}

function mgf1(seed, length, hash) {
  const parts = [];
  for (let counter = 0, total = 0; total < length; counter += 1) {
    const part = createHash(hash)
      .update(seed)
      .update(toOctets(BigInt(counter), 4))
      .digest();
    parts.push(part);
    total += part.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** A DER SEQUENCE of two INTEGERs, the form of ECDSA signatures outside JOSE. */
export function der(...numbers) {
  const integers = numbers.map((number) => {
    const octets = toOctets(number);
    const value = octets[0] >= 0x80 ? Buffer.concat([Buffer.from([0]), octets]) : octets;
    return Buffer.concat([Buffer.from([2, value.length]), value]);
  });
  const content = Buffer.concat(integers);
  return Buffer.concat([Buffer.from([0x30, content.length]), content]);
}

/** A 2048-bit modulus with the fingerprint of CVE-2017-15361. It is not a product of two primes, and need not be. */
export function rocaModulus() {
  const primes = [];
  for (let n = 2n; primes.length < 39; n += 1n) if (primes.every((prime) => n % prime !== 0n)) primes.push(n);
  const product = primes.reduce((a, b) => a * b);
  let residue = 1n;
  for (let i = 0; i < 1234; i += 1) residue = (residue * 65_537n) % product;
  return ((3n << 2046n) / product) * product + residue;
}
