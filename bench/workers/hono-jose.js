// The code that a careful developer writes today: Hono, and jose with remote JWKS. It answers like edge-assay's /verify,
// forwards requests to an API like its gateway, and issues tokens with the same claims as its exchange, signed by WebCrypto.
import { Hono } from 'hono';
import { proxy } from 'hono/proxy';
import { calculateJwkThumbprint, createRemoteJWKSet, decodeJwt, importJWK, jwtVerify, SignJWT } from 'jose';

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

/** The token of the request's header, or the empty text. */
const bearer = (context) => /^Bearer ([\w.~+/-]+=*)$/i.exec(context.req.header('authorization') ?? '')?.[1] ?? '';

/** The payload and the header of the token; an error if it is not good. */
async function verified(context, token = bearer(context)) {
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

const URN = 'urn:ietf:params:oauth:';
const TTL_SECONDS = 900;
/** @type {Map<string, Promise<{ key: CryptoKey | Uint8Array, kid: string }>>} */
const signers = new Map();

/** The key that signs with `algorithm`; imported once per isolate. */
function signer(env, algorithm) {
  let found = signers.get(algorithm);
  if (!found) {
    const jwk = JSON.parse(env.SIGNING_KEYS).keys.find(({ alg }) => alg === algorithm);
    found = Promise.all([importJWK(jwk, algorithm), calculateJwkThumbprint(jwk)]).then(([key, kid]) => ({ key, kid }));
    signers.set(algorithm, found);
  }
  return found;
}

/** 128 random bits in base64url. */
const newId = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

app.post('/token', async (/** @type {import('hono').Context} */ context) => {
  context.header('cache-control', 'no-store');
  context.header('pragma', 'no-cache');
  const form = new URLSearchParams(await context.req.text());
  if (form.get('grant_type') !== `${URN}grant-type:token-exchange`) return context.json({ error: 'unsupported_grant_type' }, 400);
  const subjectToken = form.get('subject_token');
  if (form.get('subject_token_type') !== `${URN}token-type:jwt` || !subjectToken) return context.json({ error: 'invalid_request' }, 400);
  const target = context.env.TARGETS.find(({ audience }) => audience === form.get('audience'));
  if (!target) return context.json({ error: 'invalid_target' }, 400);
  let subject;
  try {
    ({ payload: subject } = await verified(context, subjectToken));
  } catch (error) {
    return context.json({ error: 'invalid_request', code: /** @type {any} */ (error).code }, 400);
  }
  if (!target.from.includes(subject.iss) || typeof subject.email !== 'string') return context.json({ error: 'invalid_target' }, 400);
  const scope = form.get('scope') ?? target.scope;
  if (scope !== target.scope) return context.json({ error: 'invalid_scope' }, 400);
  const { key, kid } = await signer(context.env, target.algorithm);
  const now = Math.floor(Date.now() / 1000);
  const expiresAt = Math.min(now + TTL_SECONDS, subject.exp);
  const jti = newId();
  const token = await new SignJWT({ client_id: 'public', email: subject.email, scope })
    .setProtectedHeader({ alg: target.algorithm, kid, typ: 'at+jwt' })
    .setIssuer(context.env.EXCHANGE_ISSUER)
    .setSubject(`${subject.iss}|${subject.sub}`)
    .setAudience(target.audience)
    .setIssuedAt(now)
    .setExpirationTime(expiresAt)
    .setJti(jti)
    .sign(key);
  console.log(JSON.stringify({ event: 'token_issued', jti, client: 'public', targets: [target.audience], expires_at: expiresAt, iss: subject.iss }));
  return context.json({
    access_token: token,
    issued_token_type: `${URN}token-type:access_token`,
    token_type: 'Bearer',
    expires_in: expiresAt - now,
    scope,
  });
});

export default app;
