// One call per direction between Rust and the runtime's Request and Response: each call costs as much as checking a MAC.

/** @import { Incoming, Kept } from '../instance.js' */

const encoder = new TextEncoder();

/**
 * Writes `<method> <url>` into `into`; if there is an Authorization header, a line break and its value follow. Returns the length in bytes. If
 * there is too little room, returns a length for which there is none, and enough room for a second attempt.
 *
 * @param {Incoming} incoming
 * @param {Uint8Array} into
 */
export function head({ method, url, authorization }, into) {
  const line = `${method} ${url}`;
  const text = authorization === null ? line : `${line}\n${authorization}`;
  const { read, written } = encoder.encodeInto(text, into);
  // No character takes more than three bytes.
  return read === text.length ? written : text.length * 3 + into.length;
}

/**
 * The names of the headers in lower case, one per line.
 *
 * @param {Incoming} incoming
 */
export function header_names({ request }) {
  return [...request.headers.keys()].join('\n');
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

const decoder = new TextDecoder();

/**
 * Most responses of an isolate have the same status and headers as the previous response.
 *
 * @type {{ status: number, text: string, init: ResponseInit }}
 */
let latest = { status: 0, text: '', init: {} };

/**
 * Status and headers of a response. `headers` has names and values in turn, each followed by a line break; no name occurs twice.
 *
 * @param {number} status
 * @param {string} headers
 */
function initOf(status, headers) {
  if (headers !== latest.text || status !== latest.status) {
    const texts = headers.split('\n');
    /** @type {Record<string, string>} */
    const record = {};
    for (let i = 0; i + 1 < texts.length; i += 2) record[texts[i]] = texts[i + 1];
    latest = { status, text: headers, init: { status, headers: record } };
  }
  return latest.init;
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
 * @param {string} headers
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
 * @param {string} headers
 * @param {Uint8Array} body
 * @returns {Kept}
 */
export function respond_and_keep(number, status, headers, body) {
  const [text, init] = [textOf(body), initOf(status, headers)];
  return { response: new Response(text, init), number, text, init };
}
