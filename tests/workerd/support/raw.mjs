// An HTTP client that sends exactly what it is given: no library stands between a test and the wire, to mend a path or to
// refuse a header.
import { connect } from 'node:net';
import { once } from 'node:events';

/** Sends one request to `url`'s host; `headers` are lines. Returns `{ status, headers, body }` of the final answer. */
export async function raw(url, target, headers = [], { method = 'GET', host = new URL(url).host } = {}) {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('latin1').on('data', (text) => (answer += text));
  socket.write([`${method} ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers, '', ''].join('\r\n'), 'latin1');
  await once(socket, 'close');
  const [head, ...rest] = answer.split('\r\n\r\n');
  const [first, ...lines] = head.split('\r\n');
  const pairs = lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
  return { status: Number(first.split(' ')[1]), headers: new Headers(pairs), body: rest.join('\r\n\r\n') };
}
