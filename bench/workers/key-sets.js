// The origin of all key sets: https://<issuer>/.well-known/jwks.json, from its bindings.
export default {
  fetch(request, env) {
    const keys = env.KEY_SETS[new URL(request.url).host];
    return keys ? Response.json({ keys }, { headers: { 'cache-control': 'max-age=3600' } }) : new Response('', { status: 404 });
  },
};
