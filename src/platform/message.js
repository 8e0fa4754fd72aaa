// One call per direction between Rust and the runtime's Request and Response: each call costs as much as checking a MAC.

/** @import { Incoming, Kept } from '../instance.js' */

/**
 * The names of the headers in lower case, one per line.
 *
 * @param {Incoming} incoming
 */
export function header_names({ request }) {
  let names = '';
  for (const name of request.headers.keys()) names += `${name}\n`;
  return names;
}

/**
 * @param {Incoming} incoming
 * @param {string} name
 */
export function header({ request }, name) {
  return request.headers.get(name) ?? undefined;
}

/**
 * Whether the request came through Cloudflare's edge. Elsewhere workerd sets no `cf`, and a client cannot set it with a header.
 *
 * @param {Incoming} incoming
 */
export function has_cf({ request: { cf } }) {
  return cf !== undefined && cf !== null;
}

/**
 * The body of a request, if its length is announced and is no more than `most`. The promise resolves to the bytes, to `late` after `milliseconds`, or to
 * `broken` if the body ended early. One promise and one timer cost a third of what a stream's reader costs.
 *
 * @param {Incoming} incoming
 * @param {number} most
 * @param {number} milliseconds
 * @returns {Promise<Uint8Array | 'late' | 'broken'> | undefined}
 */
export function small_body({ request }, most, milliseconds) {
  const length = request.headers.get('content-length');
  if (length === null || !(Number(length) <= most)) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds, 'late');
    request.arrayBuffer().then(
      (bytes) => {
        clearTimeout(timer);
        resolve(new Uint8Array(bytes));
      },
      () => {
        clearTimeout(timer);
        resolve('broken');
      },
    );
  });
}

const decoder = new TextDecoder();

/** @type {ResponseInit} */
let latest = {};

/**
 * Status and headers of a response. `headers` has names and values in turn, each followed by a line break; no name occurs twice. Without `headers`, status and
 * headers are those of the previous response: Rust compares them.
 *
 * @param {number} status
 * @param {string | undefined} headers
 */
function initOf(status, headers) {
  if (headers !== undefined) {
    const texts = headers.split('\n');
    /** @type {Record<string, string>} */
    const record = {};
    for (let i = 0; i + 1 < texts.length; i += 2) record[texts[i]] = texts[i + 1];
    // The runtime copies these faster than it reads a record.
    latest = { status, headers: new Headers(record) };
  }
  return latest;
}

/**
 * The body as a text. `body` is a view of memory that Rust will reuse, so it has to be copied. Decoding copies it, and a string is cheaper than bytes.
 *
 * @param {Uint8Array} body
 */
const textOf = (body) => (body.length === 0 ? null : decoder.decode(body));

/**
 * A text response, with headers as in `initOf`.
 *
 * @param {number} status
 * @param {string | undefined} headers
 * @param {Uint8Array} body
 */
export const respond = (status, headers, body) => new Response(textOf(body), initOf(status, headers));

let number = 0;

/** The number of the next response or value that is kept. No two of an isolate have the same, whatever instance makes them. */
export function next_number() {
  number += 1;
  return number;
}

/**
 * As `respond`, with what src/instance.js needs to give the response again.
 *
 * @param {number} number
 * @param {number} status
 * @param {string | undefined} headers
 * @param {Uint8Array} body
 * @returns {Kept}
 */
export function respond_and_keep(number, status, headers, body) {
  const [text, init] = [textOf(body), initOf(status, headers)];
  return { response: new Response(text, init), number, text, init };
}
