// An HTTP client that sends exactly the given bytes. A library could correct a path or refuse a header.
import { connect } from 'node:net';
import { once } from 'node:events';

/**
 * Sends one request to `url`'s host; `headers` are lines. Returns `{ status, headers, body }` of the final answer.
 * `connection` is the value of that header; if it contains `Upgrade`, only the answer's head is read.
 */
export async function raw(url, target, headers = [], { method = 'GET', host = new URL(url).host, connection = 'close' } = {}) {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('latin1').on('data', (text) => {
    answer += text;
    if (isComplete(answer, /\bupgrade\b/i.test(connection))) socket.destroy();
  });
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, `Connection: ${connection}`, ...headers];
  socket.write([...lines, '', ''].join('\r\n'), 'latin1');
  await once(socket, 'close');
  const [head, ...rest] = answer.split('\r\n\r\n');
  const [first, ...fields] = head.split('\r\n');
  /** @type {[string, string][]} */
  const pairs = fields.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
  return { status: Number(first.split(' ')[1]), headers: new Headers(pairs), body: rest.join('\r\n\r\n') };
}

// Some servers keep a connection open for a second after they have refused a request.
function isComplete(answer, headAlone) {
  const end = answer.indexOf('\r\n\r\n');
  if (end < 0 || headAlone) return end >= 0;
  const length = answer.slice(0, end).match(/^content-length: *(\d+)$/im)?.[1];
  return length !== undefined && answer.length - end - 4 >= Number(length);
}
