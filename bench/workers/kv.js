// An in-memory KV namespace with the HTTP protocol of workerd's binding: enough for one key set per issuer.
const values = new Map();

export default {
  async fetch(request) {
    const key = new URL(request.url).pathname;
    if (request.method === 'PUT') values.set(key, await request.text());
    return request.method === 'GET' && !values.has(key) ? new Response('', { status: 404 }) : new Response(values.get(key));
  },
};
