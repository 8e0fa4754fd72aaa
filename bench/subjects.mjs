// What is verified: per algorithm an issuer with its key, and tokens of an ordinary size.
import { randomBytes, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export const AUDIENCE = 'https://api.example.com';

/** `{ algorithm, issuer, key, tokens }`: `key` is a public JWK, or a shared secret's text; the first token is the repeated one. */
export async function createSubject(algorithm, tokens) {
  const issuer = `https://${algorithm.toLowerCase()}.bench.example`;
  const kid = randomUUID();
  const secret = algorithm.startsWith('HS') ? randomBytes(48).toString('base64') : undefined;
  const pair = secret ? undefined : await generateKeyPair(algorithm, { extractable: true });
  const signingKey = secret ? new TextEncoder().encode(secret) : pair.privateKey;
  const now = Math.floor(Date.now() / 1000);
  const mint = () =>
    new SignJWT({
      sub: randomUUID(),
      jti: randomUUID(),
      azp: 'https://app.example.com',
      email: 'ada@example.com',
      role: 'authenticated',
      session_id: randomUUID(),
      scope: 'profiles:read profiles:write',
    })
      .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(AUDIENCE)
      .setIssuedAt(now)
      .setExpirationTime(now + 24 * 3600)
      .sign(signingKey);
  return {
    algorithm,
    issuer,
    key: secret ?? { ...(await exportJWK(pair.publicKey)), kid, alg: algorithm, use: 'sig' },
    tokens: await Promise.all(Array.from({ length: tokens }, mint)),
  };
}
