// Parts of edge-assay's work in plain JavaScript, without any decision: what a Worker in any language pays for them. WAY names the part.
const bodies = new Map();

/** What edge-assay answers about this token, made at its first request. */
function bodyFor(authorization) {
  const [header, claims] = authorization
    .slice('Bearer '.length)
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/'))));
  const { iss: issuer, sub: subject, exp: expires_at, iat: issued_at } = claims;
  return JSON.stringify({ issuer, subject, claims, key: { alg: header.alg, kid: header.kid, thumbprint: 'x'.repeat(43) }, expires_at, issued_at });
}

function upstream(url) {
  const { pathname, search } = new URL(url);
  return `https://api.bench.example${pathname}${search}`;
}

const WAYS = {
  /** Reads what edge-assay reads of a request, and answers as the bare Worker. */
  reads({ headers, url, method }) {
    const isKnown = bodies.has(headers.get('authorization'));
    return new Response(isKnown || url.length < 9 || method !== 'GET' ? 'known' : 'hello');
  },

  /** The same, and an answer of edge-assay's size with its two headers. */
  answers({ headers, url, method }) {
    const authorization = headers.get('authorization');
    let body = bodies.get(authorization);
    if (body === undefined) bodies.set(authorization, (body = bodyFor(authorization)));
    return new Response(method === 'GET' && url.length > 8 ? body : '', {
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    });
  },

  /** Forwards the request to the API behind the gateways. */
  forwards: (request) => fetch(upstream(request.url), request),

  /** The same, with the headers that a gateway removes and adds. */
  rewrites(request) {
    const headers = new Headers(request.headers);
    headers.delete('authorization');
    headers.set('x-user-id', '6f9619ff-8b86-d011-b42d-000000000000');
    headers.set('x-forwarded-host', headers.get('host') ?? '');
    return fetch(upstream(request.url), { method: request.method, headers, redirect: 'manual' });
  },
};

export default {
  fetch: (request, env) => WAYS[env.WAY](request),
};
