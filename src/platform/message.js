// One call each way between Rust and the runtime's Request and Response: every crossing costs as much as checking a MAC.

/** `<method> <url>`, and after a line break the Authorization header, if there is one. */
export function head(request) {
  const authorization = request.headers.get('authorization');
  const line = `${request.method} ${request.url}`;
  return authorization === null ? line : `${line}\n${authorization}`;
}

/** The names of its headers in lower case, one a line. */
export function header_names(request) {
  return [...request.headers.keys()].join('\n');
}

/** Whether Cloudflare's edge has delivered it. workerd elsewhere sets no `cf`, and no header of a client does. */
export function has_cf(request) {
  return request.cf !== undefined && request.cf !== null;
}

const decoder = new TextDecoder();

// Most answers of an isolate have the same headers as the one before.
let latest = { text: '', record: {} };

/** A response of text with these headers: names and values in turn, each ended by a line break; no name comes twice. */
export function respond(status, headers, body) {
  if (headers !== latest.text) {
    const texts = headers.split('\n');
    const record = {};
    for (let i = 0; i + 1 < texts.length; i += 2) record[texts[i]] = texts[i + 1];
    latest = { text: headers, record };
  }
  // Decoded, it is a copy: what is passed is a view of memory that Rust is about to use again. And a text costs less.
  return new Response(body.length === 0 ? null : decoder.decode(body), { status, headers: latest.record });
}
