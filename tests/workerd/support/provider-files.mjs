// The files of tests/providers, which tests/native/providers.rs describes: a table, key sets as providers serve them, and tokens.
import { createPublicKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { assemble, epochSeconds, signer, testKey } from './tokens.mjs';

const FOLDER = new URL('../../providers/', import.meta.url);
const SECRET = 'a test secret that secures nothing, of exactly sixty-four octets';

/** All files, by the names of their presets. */
export function providerFiles() {
  const names = readdirSync(FOLDER).map((name) => name.replace(/\.json$/, ''));
  return new Map(names.map((name) => [name, JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'))]));
}

/** `value` with the times that it states relative to now. */
function resolved(value) {
  if (typeof value === 'string') return /^[+-]\d+$/.test(value) ? epochSeconds() + Number(value) : value;
  if (Array.isArray(value)) return value.map(resolved);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolved(member)]));
}

/** The token that an entry of `tokens` describes. */
export function minted({ header, claims, key }) {
  const signing = key === 'secret' ? Buffer.from(SECRET) : testKey(key).privateKey;
  return assemble(header, resolved(claims), signer(header.alg, signing));
}

/** A document as it is served: with the public parts of the test keys. */
export function served(document) {
  if (!Array.isArray(document.keys)) return document;
  const keys = document.keys.map(({ of, ...members }) => {
    const { kid: _, ...material } = testKey(of).publicJwk;
    return { ...material, ...members };
  });
  return { ...document, keys };
}

/** The key set of a file. */
export const keySetOf = (file) => served(Object.values(file.documents).find((document) => Array.isArray(document.keys)));

/** The keys of a set as PEM, by `kid`. */
export function pemsOf({ keys }) {
  const pem = (key) => createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
  return Object.fromEntries(keys.map((key) => [key.kid, pem(key)]));
}
