// All documents that are fetched: the key sets, https://<issuer>/.well-known/jwks.json, from its bindings; and the API behind the
// gateways, which answers with the user in its header.
export default {
  fetch(request, env) {
    const { host } = new URL(request.url);
    if (host === 'api.bench.example') return new Response(`hello ${request.headers.get('x-user-id')}`);
    const keys = env.KEY_SETS[host];
    return keys ? Response.json({ keys }, { headers: { 'cache-control': 'max-age=3600' } }) : new Response('', { status: 404 });
  },
};
