// One verification many times within one request, by three engines. The clock of workerd does not advance meanwhile, so
// the caller measures the time.
import { importJWK, jwtVerify } from 'jose';

const SUBTLE = {
  RS256: { import: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, verify: 'RSASSA-PKCS1-v1_5' },
  PS256: { import: { name: 'RSA-PSS', hash: 'SHA-256' }, verify: { name: 'RSA-PSS', saltLength: 32 } },
  ES256: { import: { name: 'ECDSA', namedCurve: 'P-256' }, verify: { name: 'ECDSA', hash: 'SHA-256' } },
  ES384: { import: { name: 'ECDSA', namedCurve: 'P-384' }, verify: { name: 'ECDSA', hash: 'SHA-384' } },
  EdDSA: { import: { name: 'Ed25519' }, verify: 'Ed25519' },
  HS256: { import: { name: 'HMAC', hash: 'SHA-256' }, verify: 'HMAC' },
};

const engines = {
  /** The signature check alone, in wasm. */
  rust: (env, { algorithm, key, token }, times) =>
    env.ASSAY.bench_verify(algorithm, typeof key === 'string' ? key : JSON.stringify(key), token, times),

  /** The signature check alone, in the runtime's own cryptography. */
  async subtle(env, { algorithm, key, token }, times) {
    const { import: parameters, verify } = SUBTLE[algorithm];
    const imported =
      typeof key === 'string'
        ? await crypto.subtle.importKey('raw', new TextEncoder().encode(key), parameters, false, ['verify'])
        : await crypto.subtle.importKey('jwk', bare(key), parameters, false, ['verify']);
    const end = token.lastIndexOf('.');
    const message = new TextEncoder().encode(token.slice(0, end));
    const signature = Uint8Array.from(
      atob(
        token
          .slice(end + 1)
          .replaceAll('-', '+')
          .replaceAll('_', '/'),
      ),
      (c) => c.charCodeAt(0),
    );
    let good = 0;
    for (let i = 0; i < times; i += 1) if (await crypto.subtle.verify(verify, imported, signature, message)) good += 1;
    return good;
  },

  /** Parsing, the signature and the times: jose always does all three. */
  async jose(env, { algorithm, key, token }, times) {
    const imported = typeof key === 'string' ? new TextEncoder().encode(key) : await importJWK(key, algorithm);
    let good = 0;
    for (let i = 0; i < times; i += 1) if ((await jwtVerify(token, imported, { algorithms: [algorithm] })).payload) good += 1;
    return good;
  },
};

// workerd's import refuses some of the other members.
const bare = ({ kty, crv, x, y, n, e }) => ({ kty, crv, x, y, n, e });

export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const subject = env.SUBJECTS.find(({ name }) => name === searchParams.get('name'));
    const times = Number(searchParams.get('times'));
    const good = await engines[searchParams.get('engine')](env, subject, times);
    return good === times ? new Response() : new Response(`${good} of ${times} were good`, { status: 500 });
  },
};
