// HTTP/1.1 requests on one keep-alive connection, with answers of any status and both ways to delimit a body. On bare sockets like ../load.mjs, and
// for the same reason: the client must cost less than the server.
import { connect } from 'node:net';

const HEAD_END = '\r\n\r\n';

/** A request as the text that goes over the wire. A body is sent with its length. */
export function requestText(method, path, headers, body) {
  const all = { host: 'soak.example', ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
}

/** One connection to `port`. It connects again if the server or `leave` has closed it. */
export class Connection {
  #port;
  /** @type {import('node:net').Socket | undefined} */
  #socket;
  #pending = '';
  /** @type {{ resolve: (answer: Answer) => void, reject: (error: Error) => void } | undefined} */
  #waiting;

  constructor(port) {
    this.#port = port;
  }

  /**
   * Sends the text of a request and returns the answer. The texts are latin1, so a character is an octet.
   *
   * @param {string} text
   * @returns {Promise<Answer>}
   */
  send(text) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      (this.#socket ?? this.#connect()).write(text, 'latin1');
    });
  }

  /** Sends a request and closes the connection at once, like a client that goes away. */
  async leave(text) {
    const socket = this.#socket ?? this.#connect();
    this.#socket = undefined;
    this.#pending = '';
    socket.removeAllListeners('data').removeAllListeners('close');
    await new Promise((resolve) => socket.write(text, 'latin1', resolve));
    socket.destroy();
  }

  close() {
    this.#socket?.removeAllListeners('close').destroy();
  }

  #connect() {
    const socket = connect(this.#port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text) => this.#receive(String(text)));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      this.#pending = '';
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.reject(new Error('the server closed the connection'));
    });
    this.#socket = socket;
    return socket;
  }

  #receive(text) {
    this.#pending += text;
    const answer = parsed(this.#pending);
    if (!answer) return;
    this.#pending = '';
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (/\r\nconnection: close\r\n/i.test(answer.head)) {
      this.#socket?.removeAllListeners('close').destroy();
      this.#socket = undefined;
    }
    waiting?.resolve(answer);
  }
}

/** @typedef {{ status: number, head: string, body: string }} Answer `body` is UTF-8 text. */

/**
 * The answer in `text`, if it is complete. Nothing follows it, because there is one request at a time.
 *
 * @returns {Answer | undefined}
 */
export function parsed(text) {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd + 2);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  const rest = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    return text.length < rest + Number(length) ? undefined : { status, head, body: utf8(text.slice(rest, rest + Number(length))) };
  }
  if (/\r\ntransfer-encoding: chunked/i.test(head)) {
    const body = unchunked(text, rest);
    return body === undefined ? undefined : { status, head, body: utf8(body) };
  }
  // Without either, a 204 or 304 has no body. Nothing else is sent without a length here.
  return { status, head, body: '' };
}

const utf8 = (latin1) => Buffer.from(latin1, 'latin1').toString();

/** The body of the chunks from `at` on; `undefined` before the last one. */
function unchunked(text, at) {
  let body = '';
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (text.length < next) return undefined;
    if (size === 0) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = next;
  }
}
