// A request sent on: its own stream goes out, the answer's own stream comes back. What is changed, Rust has decided.

const lines = (text) => (text === '' ? [] : text.split('\n'));

function* pairs(text) {
  const texts = text.split('\n');
  for (let i = 0; i + 1 < texts.length; i += 2) yield [texts[i], texts[i + 1]];
}

function change(headers, remove, set, append) {
  for (const name of lines(remove)) headers.delete(name);
  for (const [name, value] of pairs(set)) headers.set(name, value);
  for (const [name, value] of pairs(append)) headers.append(name, value);
}

/** A stream to write to and one to read from. What has a length keeps it. The runtime moves the bytes itself. */
function passage(length) {
  return length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
}

/**
 * Sends `request` to `url`, by `service` or by HTTP, and promises the answer, or `undefined` if none has begun
 * `milliseconds` after the request's end. Names come one a line; names and values in turn, each ended by a line break. Throws
 * what cannot be sent.
 */
export function send(request, service, url, remove, set, milliseconds) {
  const headers = new Headers(request.headers);
  change(headers, remove, set, '');
  const init = { method: request.method, headers, redirect: 'manual' };
  // Not `AbortSignal.timeout`, which would count the time that a large upload takes and cut a long answer short. And nothing
  // is aborted: once a request is answered, the runtime cancels what it has left behind.
  const clock = () => scheduler.wait(milliseconds);
  let late;
  if (request.body === null) {
    late = clock();
  } else {
    const { readable, writable } = passage(headers.get('content-length'));
    init.body = readable;
    // Also where it is not taken to its end: an API may answer before it has read all.
    late = request.body.pipeTo(writable).then(clock, clock);
  }
  return Promise.race([(service ?? globalThis).fetch(url, init), late]);
}

/** The same answer with other headers. Its stream is handed on. */
export function amend(response, remove, set, append) {
  const amended = new Response(response.body, response);
  change(amended.headers, remove, set, append);
  return amended;
}
