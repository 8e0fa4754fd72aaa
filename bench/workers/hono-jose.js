// The code that a careful developer writes today: Hono, and jose with remote JWKS. It answers like edge-assay's /verify, and
// forwards requests to an API like its gateway.
import { Hono } from 'hono';
import { proxy } from 'hono/proxy';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';

const issuers = new Map();

/** The key and the rules for an issuer; made once per isolate. */
function trusted(env, iss) {
  if (!issuers.has(iss)) {
    const issuer = env.ISSUERS.find(({ issuer }) => issuer === iss);
    if (!issuer) return undefined;
    const key = issuer.secret ? new TextEncoder().encode(issuer.secret) : createRemoteJWKSet(new URL(issuer.jwksUri));
    issuers.set(iss, {
      key,
      options: { issuer: iss, audience: issuer.audience, algorithms: issuer.algorithms, requiredClaims: ['exp'], clockTolerance: 5 },
    });
  }
  return issuers.get(iss);
}

/** The payload and the header of the request's token; an error if it is not good. */
async function verified(context) {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(context.req.header('authorization') ?? '')?.[1] ?? '';
  const { iss } = decodeJwt(token);
  const { key, options } = trusted(context.env, iss);
  return jwtVerify(token, key, options);
}

function refused(context, error) {
  context.header('www-authenticate', 'Bearer realm="bench", error="invalid_token"');
  return context.json({ code: error.code }, 401);
}

const app = new Hono();
app.get('/verify', async (context) => {
  context.header('cache-control', 'no-store');
  try {
    const { payload, protectedHeader } = await verified(context);
    const { alg, kid } = protectedHeader;
    return context.json({
      issuer: payload.iss,
      subject: payload.sub,
      claims: payload,
      key: { alg, kid },
      expires_at: payload.exp,
      issued_at: payload.iat,
    });
  } catch (error) {
    return refused(context, error);
  }
});

app.all('/profiles/*', async (context) => {
  let payload;
  try {
    ({ payload } = await verified(context));
  } catch (error) {
    return refused(context, error);
  }
  const { pathname, search } = new URL(context.req.url);
  return proxy(`https://api.bench.example${pathname}${search}`, {
    raw: context.req.raw,
    headers: { ...context.req.header(), authorization: undefined, 'x-user-id': payload.sub, 'x-forwarded-host': context.req.header('host') },
    redirect: 'manual',
  });
});

export default app;
