// The API behind the gateway of the demo. It does not verify tokens: it reads the user from a header.
import { once } from 'node:events';
import { createServer } from 'node:http';

/** Starts the API on a free port; returns `{ url, close() }`. */
export async function createApi() {
  const server = createServer((request, response) => {
    const user = request.headers['x-user-id'];
    const profile = { id: user, email: request.headers['x-user-email'], seen: { authorization: request.headers.authorization ?? null } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify({ profiles: [profile] })}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The configuration of the gateway for this API. */
export const gatewayTo = (url) => ({
  routes: [
    { path: '/profiles/*', upstream: url, require: { scopes: ['profiles:read'] }, headers: { 'x-user-id': '/sub', 'x-user-email': '/email' } },
  ],
});
