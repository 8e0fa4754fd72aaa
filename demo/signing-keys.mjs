// Makes a value for the Worker secret SIGNING_KEYS, like `edge-assay keys new`: the keys sign for 91 days from now.
import { randomBytes, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';

const DAY = 24 * 3600;

/** The text of the secret: a new key for each algorithm, published `age` seconds ago. */
export async function signingKeys(algorithms = ['ES256'], { age = 0 } = {}) {
  const publish_at = Math.floor(Date.now() / 1000) - age;
  const times = { publish_at, activate_at: publish_at, retire_at: publish_at + 91 * DAY, remove_at: publish_at + 98 * DAY };
  const keys = algorithms.map(async (alg) => {
    // The kid of a shared secret must not be a thumbprint, which would be a hash of the secret.
    if (alg === 'HS256') return { kty: 'oct', k: randomBytes(32).toString('base64url'), kid: randomUUID(), alg, ...times };
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    return { ...(await exportJWK(privateKey)), alg, ...times };
  });
  return JSON.stringify({ keys: await Promise.all(keys) });
}
