// HTTP requests without waiting for promises: a worker thread sends the request, and the calling thread stops until it has the answer.
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Worker, MessageChannel, isMainThread, receiveMessageOnPort, workerData } from 'node:worker_threads';

// How much longer than the request's own time limit the worker may take, to start and to answer.
const MILLISECONDS_FOR_THE_WORKER = 10_000;

/** @typedef {{ method: string, url: string, headers: [string, string][], body: string | null, timeout: number, max: number }} HttpRequest */
/** @typedef {{ error: string } | { status: number | undefined, headers: string[], body: Uint8Array }} Answer */

/**
 * What went wrong, by the code of Node's error.
 *
 * @type {Record<string, string>}
 */
const FAILURES = {
  ENOTFOUND: 'no address',
  EAI_AGAIN: 'no address',
  EAI_NODATA: 'no address',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'ended',
  ECONNABORTED: 'ended',
  EPIPE: 'ended',
};

/**
 * Sends a request and returns the answer: a line of JSON with `status` and `headers`, or with `error`, and after it the body. No redirect
 * is followed, and every status is an answer.
 *
 * @param {HttpRequest} request `timeout` in milliseconds for the whole answer, `max` bytes of its body
 * @returns {Buffer}
 */
export function exchange(request) {
  const done = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  new Worker(new URL(import.meta.url), { workerData: { request, done, port: port2 }, transferList: [port2], execArgv: [] });
  Atomics.wait(done, 0, 0, request.timeout + MILLISECONDS_FOR_THE_WORKER);
  const received = receiveMessageOnPort(port1);
  port1.close();
  const { body = [], ...head } = received?.message ?? { error: 'timeout' };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), Buffer.from(body)]);
}

/**
 * Sends the request, in the worker thread. The promise is never rejected by an error of the network.
 *
 * @param {HttpRequest} request
 * @returns {Promise<Answer>}
 */
function send({ method, url, headers, body, timeout, max }) {
  return new Promise((resolve) => {
    const ask = new URL(url).protocol === 'https:' ? requestHttps : requestHttp;
    const asked = ask(url, { method, headers: Object.fromEntries(headers), agent: false });
    const answer = (/** @type {Answer} */ message) => {
      clearTimeout(timer);
      asked.destroy();
      resolve(message);
    };
    const fail = (/** @type {NodeJS.ErrnoException} */ { code = '', message }) =>
      answer({ error: FAILURES[code] ?? (/^HPE_/.test(code) ? 'not http' : message) });
    const timer = setTimeout(() => answer({ error: 'timeout' }), timeout);
    asked.on('error', fail);
    asked.on('response', (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      let length = 0;
      response.on('error', fail);
      response.on('data', (chunk) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > max) answer({ error: 'too large' });
      });
      response.on('end', () => answer({ status: response.statusCode, headers: response.rawHeaders, body: Buffer.concat(chunks) }));
    });
    asked.end(body ?? undefined);
  });
}

if (!isMainThread && workerData?.port) {
  const { request, done, port } = workerData;
  const message = await send(request).catch((error) => ({ error: error.message }));
  port.postMessage(message);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
}
