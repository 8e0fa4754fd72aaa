// The API of a gateway's route: a plain Node server that does not verify tokens. It records every request that reaches it,
// and misbehaves as its path says.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream';

const MEGABYTE = Buffer.alloc(1 << 20, 'edge-assay ');

/** Starts it; `requests` are `{ method, url, headers, rawHeaders }`, in the order in which they came. */
export async function createApi() {
  const requests = [];
  const bodies = [];
  const broken = [];
  const server = createServer((request, response) => {
    const { method, url, headers, rawHeaders } = request;
    requests.push({ method, url, headers, rawHeaders });
    request.once('close', () => !request.complete && broken.push(url));
    const { pathname, searchParams } = new URL(url, 'http://api');
    const behaviour = BEHAVIOURS[pathname.split('/')[1]] ?? echo;
    behaviour(request, response, { pathname, searchParams, bodies });
  });
  const upgraded = new Set();
  server.on('upgrade', (request, socket) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    const { method, url, headers, rawHeaders } = request;
    requests.push({ method, url, headers, rawHeaders });
    echoFrames(request, socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
    port: /** @type {import('node:net').AddressInfo} */ (server.address()).port,
    requests,
    /** The length of each body that `/sink` has read to its end. */
    bodies,
    /** The URL of each request whose body has not come to its end. */
    broken,
    async close() {
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The received request as JSON. */
function echo(request, response) {
  const { method, url, headers, rawHeaders } = request;
  request.resume();
  request.once('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method, url, headers, rawHeaders }));
  });
}

const BEHAVIOURS = {
  hang: () => {},
  reset: (request) => request.socket.resetAndDestroy(),
  // Headers in time, the body later than any time limit for headers.
  late: (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('first');
    setTimeout(() => response.end(' last'), 1500);
  },
  events: (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
    request.socket.once('close', () => clearTimeout(timer));
    const timer = setTimeout(() => response.end('data: last\n\n'), 1000);
  },
  status: (request, response, { pathname }) => {
    request.resume();
    response.writeHead(Number(pathname.split('/')[2]), { 'x-from': 'api', etag: '"1"' }).end();
  },
  redirect: (_, response) => response.writeHead(307, { location: 'https://elsewhere.example/there?x=1' }).end(),
  cookies: (_, response) => {
    response.setHeader('set-cookie', ['a=1; Path=/; Expires=Wed, 21 Oct 2099 07:28:00 GMT', 'b=2; HttpOnly', 'a=3']);
    response.setHeader('vary', 'Accept');
    response.setHeader('access-control-allow-origin', '*');
    response.end('cookies');
  },
  control: (_, response) => response.writeHead(200, { 'cache-control': 'public, max-age=60' }).end(),
  early: (_, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    response.writeProcessing();
    setTimeout(() => response.end('final'), 50);
  },
  teapot: (_, response) => response.writeHead(418, 'Short and stout', { 'content-type': 'text/plain' }).end('tea'),
  sink: (request, response, { bodies }) => {
    let length = 0;
    request.on('data', (chunk) => (length += chunk.length));
    request.once('end', () => {
      bodies.push(length);
      response.end(String(length));
    });
  },
  // Reads this many bytes of the body, and no more for three seconds; then it checks whether the connection still exists.
  stall: (request, _, { searchParams }) => {
    let left = Number(searchParams.get('after'));
    request.on('data', (chunk) => {
      const before = left;
      left -= chunk.length;
      if (before <= 0 || left > 0) return;
      request.pause();
      setTimeout(() => request.resume(), 3000);
    });
  },
  // Sends back each piece as it comes.
  duplex: (request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.flushHeaders();
    request.pipe(response);
    request.on('error', () => response.destroy());
  },
  source: (_, response, { searchParams }) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    // A client may go away half-way.
    pipeline(megabytes(Number(searchParams.get('megabytes'))), response, () => {});
  },
};

/** The part of RFC 6455 that an echo of short texts needs. */
function echoFrames(request, socket) {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  // The first protocol that is offered.
  const offered = request.headers['sec-websocket-protocol']?.split(',')[0].trim();
  const chosen = offered ? `Sec-WebSocket-Protocol: ${offered}\r\n` : '';
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen}\r\n`);
  socket.on('error', () => {});
  socket.on('data', (frame) => {
    if ((frame[0] & 0x0f) !== 1) return void socket.end();
    const length = frame[1] & 0x7f;
    const text = frame.subarray(6, 6 + length).map((byte, index) => byte ^ frame[2 + (index % 4)]);
    const answer = Buffer.from(`${request.headers['x-user-id'] ?? 'nobody'}: ${text.toString()}`);
    socket.write(Buffer.concat([Buffer.from([0x81, answer.length]), answer]));
  });
}

/** A body of this many megabytes, as a stream. */
export async function* megabytes(count) {
  for (let left = count; left > 0; left -= 1) yield MEGABYTE;
}
