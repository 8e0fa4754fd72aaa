// The tokens of four identity providers: claims, key ids, algorithms, and the path of the JWKS. HTTP and the keys are in
// identity-provider.mjs.
import { randomBytes, randomUUID } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const letters = (count) => [...randomBytes(count)].map((byte) => LETTERS[byte % LETTERS.length]).join('');

/**
 * By name: `issuer(origin)`, `jwksPath`, the usual `algorithm`, the lifetime of a token in seconds, `keyId()` for a new key,
 * `claims({ issuer, now, template })`, and further members of the `header({ template })`.
 */
export const PROVIDERS = {
  clerk: {
    issuer: (origin) => origin,
    jwksPath: '/.well-known/jwks.json',
    algorithm: 'RS256',
    lifetime: 60,
    keyId: () => `ins_${letters(27)}`,
    // The class of the token: of a session, or of a template.
    header: ({ template }) => ({ cat: template === undefined ? 'cl_B7d4PD111AAA' : 'cl_B7d4PD222AAA' }),
    claims({ now, template }) {
      const both = { azp: 'http://localhost:5173', jti: letters(20), nbf: now - 10, sub: 'user_2vXWc4bPm0qkPaU9h3vJwZ1gYdT' };
      // A token from a template has no claims about the session. Only a template can set an audience.
      if (template !== undefined) return { ...both, aud: template, user_id: both.sub };
      return { ...both, fva: [3, -1], sid: 'sess_2vXWd1nRz8oL5sKfHq6tYbM4cEu', sts: 'active', v: 2, pla: 'u:free', fea: '' };
    },
  },

  supabase: {
    issuer: (origin) => `${origin}/auth/v1`,
    jwksPath: '/auth/v1/.well-known/jwks.json',
    algorithm: 'HS256',
    // When a project replaces its shared secret by a signing key, the JWKS has the public key.
    algorithmAfterRotation: 'ES256',
    lifetime: 3600,
    sharedSecretKeyId: '0TRLgU4IVDYEpL98',
    keyId: () => randomUUID(),
    claims: ({ now }) => ({
      aud: 'authenticated',
      sub: '7c9d2f1e-4b58-4a36-9f0d-3f6f1a5f2b71',
      role: 'authenticated',
      email: 'ada@example.com',
      app_metadata: { provider: 'email', providers: ['email'] },
      user_metadata: { name: 'Ada' },
      amr: [{ method: 'password', timestamp: now - 30 }],
      session_id: 'd5a0f5d4-0a5e-4a0c-8d4c-0f0f3a7d9b11',
    }),
  },

  'better-auth': {
    issuer: (origin) => origin,
    jwksPath: '/api/auth/jwks',
    algorithm: 'EdDSA',
    lifetime: 900,
    keyId: () => letters(32),
    claims: ({ issuer }) => ({
      aud: issuer,
      sub: '0b9f7c6e-2d61-4f0a-b6a7-5b1e6e2a9c34',
      email: 'grace@example.com',
      name: 'Grace',
      scope: 'profiles:read profiles:write',
    }),
  },

  oidc: {
    issuer: (origin) => origin,
    jwksPath: '/keys',
    discoveryPath: '/.well-known/openid-configuration',
    algorithm: 'ES256',
    lifetime: 300,
    keyId: () => letters(12),
    claims: () => ({ aud: 'api', sub: 'alan', scope: 'read' }),
  },
};
