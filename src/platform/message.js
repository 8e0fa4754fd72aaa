// One call per direction between Rust and the runtime's Request and Response: each call costs as much as checking a MAC.

/**
 * `<method> <url>`; if there is an Authorization header, a line break and its value follow.
 *
 * @param {Request} request
 */
export function head(request) {
  const authorization = request.headers.get('authorization');
  const line = `${request.method} ${request.url}`;
  return authorization === null ? line : `${line}\n${authorization}`;
}

/**
 * The names of the headers in lower case, one per line.
 *
 * @param {Request} request
 */
export function header_names(request) {
  return [...request.headers.keys()].join('\n');
}

/**
 * Whether the request came through Cloudflare's edge. Elsewhere workerd sets no `cf`, and a client cannot set it with a header.
 *
 * @param {Request} request
 */
export function has_cf(request) {
  return request.cf !== undefined && request.cf !== null;
}

const decoder = new TextDecoder();

/**
 * Most responses of an isolate have the same headers as the previous response.
 *
 * @type {{ text: string, record: Record<string, string> }}
 */
let latest = { text: '', record: {} };

/**
 * A text response. `headers` has names and values in turn, each followed by a line break; no name occurs twice.
 *
 * @param {number} status
 * @param {string} headers
 * @param {Uint8Array} body
 */
export function respond(status, headers, body) {
  if (headers !== latest.text) {
    const texts = headers.split('\n');
    /** @type {Record<string, string>} */
    const record = {};
    for (let i = 0; i + 1 < texts.length; i += 2) record[texts[i]] = texts[i + 1];
    latest = { text: headers, record };
  }
  // `body` is a view of memory that Rust will reuse, so it has to be copied. Decoding copies it, and a string is cheaper than bytes.
  return new Response(body.length === 0 ? null : decoder.decode(body), { status, headers: latest.record });
}
