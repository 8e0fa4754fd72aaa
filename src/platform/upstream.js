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

// One read of a body: large enough that the runtime is called seldom, small enough that a hundred uploads at once take little
// of an isolate's memory.
const MOST_BYTES_AT_ONCE = 64 * 1024;

/** A stream to write to and one to read from. What has a length keeps it. */
function passage(length) {
  return length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
}

/**
 * Moves a body from the client to the upstream through one buffer, which holds it back where the upstream reads slowly. Notes
 * each step in `upload`. Not by `pipeTo`, which shows no progress. And where the client has gone away half-way, the whole request
 * is aborted: a chunked body that is merely aborted is ended properly by the runtime, and the upstream takes the half for the
 * whole.
 */
async function carry(body, writable, length, upload) {
  const reader = body.getReader({ mode: 'byob' });
  const writer = writable.getWriter();
  let buffer = new ArrayBuffer(Math.min(Number(length ?? MOST_BYTES_AT_ONCE), MOST_BYTES_AT_ONCE));
  const step = (isClientsTurn) => {
    upload.lastStep = Date.now();
    upload.isClientsTurn = isClientsTurn;
  };
  try {
    for (;;) {
      step(true);
      const { done, value } = await reader.read(new Uint8Array(buffer));
      step(false);
      if (done) break;
      await writer.write(value);
      buffer = value.buffer;
    }
    await writer.close();
    step(false);
  } catch (error) {
    // If it is the upstream that has failed or does not want the rest, its answer says more.
    if (!upload.isClientsTurn) return;
    upload.isBroken = true;
    upload.abort.abort(error);
  }
}

/** Ends when there is no answer and nothing has moved for so long: neither the body nor, once that is sent, the answer. */
async function silence(upload, milliseconds) {
  while (!upload.isAnswered) {
    const left = upload.lastStep + milliseconds - Date.now();
    if (left <= 0) {
      const outcome = upload.isClientsTurn ? 'stalled' : 'late';
      upload.abort?.abort();
      return outcome;
    }
    await scheduler.wait(left);
  }
}

/**
 * Sends `request` to `url`, by `service` or by HTTP. Promises the answer; or `late` if the upstream has taken nothing of the
 * body for `milliseconds`, or not answered for so long after its end; `stalled` if the client has sent nothing of it for so
 * long; `broken` if it has ended early. Names come one a line; names and values in turn, each ended by a line break. Throws
 * what cannot be sent.
 */
export function send(request, hasBody, service, url, remove, set, isCacheable, milliseconds) {
  const headers = new Headers(request.headers);
  change(headers, remove, set, '');
  const init = { method: request.method, headers, redirect: 'manual' };
  if (!isCacheable) init.cache = 'no-store';
  const upload = { lastStep: Date.now(), isClientsTurn: false, isBroken: false, isAnswered: false, abort: null };
  if (hasBody) {
    const length = headers.get('content-length');
    const { readable, writable } = passage(length);
    init.body = readable;
    upload.abort = new AbortController();
    init.signal = upload.abort.signal;
    carry(request.body, writable, length, upload);
  }
  const answer = (service ?? globalThis).fetch(url, init).then(
    (response) => {
      // What is left of the body may wait for as long as the answer goes on.
      upload.isAnswered = true;
      return response;
    },
    (error) => {
      if (upload.isBroken) return 'broken';
      throw error;
    },
  );
  // Once there is an answer, the runtime cancels what is left behind when the answer ends.
  return Promise.race([answer, silence(upload, milliseconds)]);
}

/** The same answer with other headers. Its stream is handed on. */
export function amend(response, remove, set, append) {
  const amended = new Response(response.body, response);
  change(amended.headers, remove, set, append);
  return amended;
}
