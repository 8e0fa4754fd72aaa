// A web server on loopback that serves the answers that a test sets for its paths, and records the requests: for key sets
// that no real identity provider publishes.
import { once } from 'node:events';
import { createServer } from 'node:http';

/** Starts it. Paths without an answer are 404; every request is remembered all the same. */
export async function createOrigin() {
  const answers = new Map();
  const requests = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://local').pathname;
    requests.push({ path, method: request.method, headers: request.headers });
    const answer = answers.get(path);
    if (!answer) response.writeHead(404).end();
    else answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;

  return {
    url,
    /** Every request so far: `{ path, method, headers }`. */
    requests,
    /** How often `path` was asked for. */
    count: (path) => requests.filter((request) => request.path === path).length,
    /** Answers `path` by a function `(request, response)`, or with JSON: a text as it is, anything else written as JSON. */
    serve(path, answer, headers = {}) {
      const body = () => (typeof answer === 'string' || Buffer.isBuffer(answer) ? answer : JSON.stringify(answer));
      const asJson = (_, response) => response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body());
      answers.set(path, typeof answer === 'function' ? answer : asJson);
      return url + path;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
