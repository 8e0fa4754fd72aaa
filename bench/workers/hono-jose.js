// What a careful developer writes today: Hono, and jose with remote JWKS. It answers as edge-assay's /verify does.
import { Hono } from 'hono';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';

const issuers = new Map();

/** The key and the rules for an issuer; made once per isolate. */
function trusted(env, iss) {
  if (!issuers.has(iss)) {
    const issuer = env.ISSUERS.find(({ issuer }) => issuer === iss);
    if (!issuer) return undefined;
    const key = issuer.secret ? new TextEncoder().encode(issuer.secret) : createRemoteJWKSet(new URL(issuer.jwksUri));
    issuers.set(iss, { key, options: { issuer: iss, audience: issuer.audience, algorithms: issuer.algorithms, requiredClaims: ['exp'], clockTolerance: 5 } });
  }
  return issuers.get(iss);
}

const app = new Hono();
app.get('/verify', async (context) => {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(context.req.header('authorization') ?? '')?.[1];
  context.header('cache-control', 'no-store');
  try {
    const { iss } = decodeJwt(token);
    const { key, options } = trusted(context.env, iss);
    const { payload, protectedHeader } = await jwtVerify(token, key, options);
    const { alg, kid } = protectedHeader;
    return context.json({ issuer: iss, subject: payload.sub, claims: payload, key: { alg, kid }, expires_at: payload.exp, issued_at: payload.iat });
  } catch (error) {
    context.header('www-authenticate', 'Bearer realm="bench", error="invalid_token"');
    return context.json({ code: error.code }, 401);
  }
});

export default app;
