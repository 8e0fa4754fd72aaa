// A closed-loop HTTP/1.1 load on keep-alive connections. Written on bare sockets: a full HTTP client costs more per
// request than the fastest Worker here, and would measure itself; the usual load tools round latencies to milliseconds.
import { connect } from 'node:net';

const HEAD_END = '\r\n\r\n';
/**
 * For each list of requests, how many of them were sent to each port. The next load continues there: if each began with the first one, those that fit into a
 * short load would come again before the Worker has forgotten them, and would be no distinct tokens.
 *
 * @type {WeakMap<Buffer[], Map<number, number>>}
 */
const progress = new WeakMap();

/**
 * Sends `requests` (buffers, in turn) over `connections` for `seconds` after a warm-up, and returns
 * `{ perSecond, p50, p99, answers }`: the latencies in milliseconds, and all answers, those of the warm-up included. Any answer other than 200
 * is an error. With `count`, it ends after so many answers.
 *
 * @param {number} port
 * @param {Buffer[]} requests
 * @param {{ connections: number, seconds: number, warmUpSeconds?: number, count?: number }} options
 */
export async function load(port, requests, { connections, seconds, warmUpSeconds = 0.3, count = Infinity }) {
  const latencies = [];
  const sent = progress.get(requests) ?? new Map();
  progress.set(requests, sent);
  let next = sent.get(port) ?? 0;
  let answers = 0;
  const begin = performance.now() + warmUpSeconds * 1000;
  const end = begin + seconds * 1000;
  const take = () => requests[next++ % requests.length];
  await Promise.all(
    Array.from({ length: connections }, () =>
      converse(port, take, (begun, received) => {
        answers += 1;
        if (begun >= begin && received <= end) latencies.push(received - begun);
        return received < end && answers < count;
      }),
    ),
  );
  sent.set(port, next);
  latencies.sort((a, b) => a - b);
  const quantile = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  return { perSecond: latencies.length / seconds, p50: quantile(0.5), p99: quantile(0.99), answers };
}

/** A GET with these headers, as the bytes that go over the wire. */
export function getRequest(path, headers = {}) {
  const lines = Object.entries({ host: 'bench.example', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
}

/** A POST of a form, as the bytes that go over the wire. */
export function postRequest(path, form) {
  const body = new URLSearchParams(form).toString();
  const headers = ['host: bench.example', 'content-type: application/x-www-form-urlencoded', `content-length: ${body.length}`];
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}

/**
 * One connection: sends, waits for the whole answer, and continues as long as `answered` says so.
 *
 * @returns {Promise<void>}
 */
function converse(port, take, answered) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    let sent = 0;
    let pending = '';
    const send = () => {
      sent = performance.now();
      socket.write(take());
    };
    socket.once('connect', send);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (bytes) => {
      pending = pending === '' ? bytes.toString('latin1') : pending + bytes.toString('latin1');
      const headEnd = pending.indexOf(HEAD_END);
      if (headEnd < 0) return;
      if (!pending.startsWith('HTTP/1.1 200 ')) return void socket.destroy(new Error(`unexpected answer: ${pending.slice(0, 600)}`));
      const length = /\r\ncontent-length: (\d+)/i.exec(pending.slice(0, headEnd + 2))?.[1];
      if (length === undefined) return void socket.destroy(new Error('an answer without Content-Length'));
      if (pending.length < headEnd + HEAD_END.length + Number(length)) return;
      pending = '';
      if (answered(sent, performance.now())) return send();
      socket.removeAllListeners('close').destroy();
      resolve();
    });
  });
}
