// Workers KV for the soak, in the load process: a web server with the HTTP protocol of workerd's binding. As a Worker in the same workerd it would have
// a heap of its own, whose growth would be taken for the Worker's.
import { once } from 'node:events';
import { createServer } from 'node:http';

/** Starts it. It keeps what was written; nothing expires. */
export async function serveStore() {
  const values = new Map();
  const server = createServer(async (request, response) => {
    const key = new URL(request.url ?? '', 'http://kv').pathname;
    if (request.method === 'PUT') values.set(key, (await request.toArray()).join(''));
    if (request.method === 'DELETE') values.delete(key);
    if (request.method === 'GET' && !values.has(key)) return void response.writeHead(404).end();
    response.writeHead(200).end(request.method === 'GET' ? values.get(key) : '');
  });
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: /** @type {import('node:net').AddressInfo} */ (server.address()).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
