// A Worker that asks edge-assay about tokens through its two service bindings: by RPC, and over HTTP. It also calls a Worker that does nothing.
const WAYS = {
  rpc: (env, token) => env.AUTH.verify(token),
  nothing: (env, token) => env.NOTHING.verify(token),
  async http(env, token) {
    const response = await env.AUTH_HTTP.fetch('https://auth.example.com/verify', { headers: { authorization: `Bearer ${token}` } });
    return { ok: response.ok, ...(await response.json()) };
  },
};

export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const ask = WAYS[searchParams.get('way')];
    const [tokens, times] = ['tokens', 'times'].map((name) => Number(searchParams.get(name)));
    for (let i = 0; i < times; i += 1) {
      const { ok, subject } = await ask(env, env.TOKENS[i % tokens]);
      if (!ok || !subject) return new Response('a token was refused', { status: 500 });
    }
    return new Response();
  },
};
