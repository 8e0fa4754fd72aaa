// A value for the Worker secret SIGNING_KEYS, as `edge-assay keys new` writes it: keys that sign from now on for a quarter.
import { randomBytes, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';

const DAY = 24 * 3600;

/** The secret's text, with a new key for each algorithm; `age` seconds old. */
export async function signingKeys(algorithms = ['ES256'], { age = 0 } = {}) {
  const publish_at = Math.floor(Date.now() / 1000) - age;
  const times = { publish_at, activate_at: publish_at, retire_at: publish_at + 91 * DAY, remove_at: publish_at + 98 * DAY };
  const keys = algorithms.map(async (alg) => {
    // A shared secret needs a name: a thumbprint would be a hash of it.
    if (alg === 'HS256') return { kty: 'oct', k: randomBytes(32).toString('base64url'), kid: randomUUID(), alg, ...times };
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    return { ...(await exportJWK(privateKey)), alg, ...times };
  });
  return JSON.stringify({ keys: await Promise.all(keys) });
}
