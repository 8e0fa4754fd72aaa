// Sends an upstream request, and passes the answer on. The bodies of the request and of the response are streamed. Rust has decided where the
// request goes and which headers change, before anything is sent.

/**
 * Changes headers. `remove` has one name per line; `set` and `append` have names and values in turn, each followed by a line break.
 *
 * @param {Headers} headers
 * @param {string} remove
 * @param {string} set
 * @param {string} append
 */
function change(headers, remove, set, append) {
  if (remove !== '') for (const name of remove.split('\n')) headers.delete(name);
  const values = set.split('\n');
  for (let i = 0; i + 1 < values.length; i += 2) headers.set(values[i], values[i + 1]);
  const more = append.split('\n');
  for (let i = 0; i + 1 < more.length; i += 2) headers.append(more[i], more[i + 1]);
}

// The buffer for a request body: large enough for few calls of the runtime, small enough that a hundred simultaneous uploads take
// little of the memory of an isolate.
const BUFFER_BYTES = 64 * 1024;

/**
 * A writable and a readable stream. With a length, the body keeps its Content-Length.
 *
 * @param {string | null} length
 */
function passage(length) {
  return length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
}

/**
 * What is known of a request's body while it is sent.
 *
 * @typedef {object} Upload
 * @property {number} lastStep When the body moved last, in milliseconds since the epoch.
 * @property {boolean} isClientsTurn Whether the client has to send, and not the upstream to read.
 * @property {boolean} isBroken Whether the body ended early.
 * @property {boolean} isAnswered Whether there is a response.
 * @property {AbortController | null} abort Ends the request; absent if it has no body.
 */

/**
 * Copies a body from the client to the upstream through one buffer, so a slow upstream slows the client down. Records each step in
 * `upload`; `pipeTo` does not report progress. If the client disconnects during the body, the whole request is aborted: if only the
 * stream were aborted, the runtime would end a chunked body properly, and the upstream would treat the partial body as complete.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {WritableStream<Uint8Array>} writable
 * @param {string | null} length
 * @param {Upload & { abort: AbortController }} upload
 */
async function carry(body, writable, length, upload) {
  const reader = body.getReader({ mode: 'byob' });
  const writer = writable.getWriter();
  let buffer = new ArrayBuffer(Math.min(Number(length ?? BUFFER_BYTES), BUFFER_BYTES));
  const step = (/** @type {boolean} */ isClientsTurn) => {
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
    // If the upstream has failed or does not read the rest, its response explains more.
    if (!upload.isClientsTurn) return;
    upload.isBroken = true;
    upload.abort.abort(error);
  }
}

/**
 * Resolves after `milliseconds` without progress, if there is no response yet. Progress is every step of the body.
 *
 * @param {Upload} upload
 * @param {number} milliseconds
 */
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
 * Sends the request to `url`, through `service` or by HTTP. Resolves to the response, or to one of these texts: `late` if for
 * `milliseconds` the upstream has read nothing of the body, or has not answered after the end of the body; `stalled` if the client
 * has sent nothing of the body for that time; `broken` if the body ended early. Throws if the request cannot be sent.
 *
 * @param {Request} request
 * @param {{ hasBody: boolean, service: { fetch: typeof fetch }, url: string, remove: string, set: string, isCacheable: boolean, milliseconds: number }} upstream
 */
function sent(request, { hasBody, service, url, remove, set, isCacheable, milliseconds }) {
  const headers = new Headers(request.headers);
  change(headers, remove, set, '');
  /** @type {RequestInit} */
  const init = { method: request.method, headers, redirect: 'manual' };
  if (!isCacheable) init.cache = 'no-store';
  /** @type {Upload} */
  const upload = { lastStep: Date.now(), isClientsTurn: false, isBroken: false, isAnswered: false, abort: null };
  if (hasBody) {
    const length = headers.get('content-length');
    const { readable, writable } = passage(length);
    init.body = readable;
    upload.abort = new AbortController();
    init.signal = upload.abort.signal;
    carry(/** @type {ReadableStream} */ (request.body), writable, length, /** @type {Upload & { abort: AbortController }} */ (upload));
  }
  const answer = service.fetch(url, init).then(
    (response) => {
      // The rest of the body has no time limit once there is a response.
      upload.isAnswered = true;
      return response;
    },
    (error) => {
      if (upload.isBroken) return 'broken';
      throw error;
    },
  );
  // After the response ends, the runtime cancels what is left of the body.
  return /** @type {Promise<Response | string>} */ (Promise.race([answer, silence(upload, milliseconds)]));
}

/**
 * The same response with changed headers. Its body is passed on as a stream.
 *
 * @param {Response} response
 * @param {string} remove
 * @param {string} set
 * @param {string} append
 */
function amended(response, remove, set, append) {
  const copy = new Response(response.body, response);
  change(copy.headers, remove, set, append);
  return copy;
}

/**
 * The service binding of this name. A binding of another kind is none.
 *
 * @param {Record<string, any>} env
 * @param {string} name
 */
function bound(env, name) {
  const service = env[name];
  return typeof service?.fetch === 'function' ? service : undefined;
}

/**
 * What makes the response if there is no answer: the outcome is `unbound` or `unsendable` if nothing was sent, `unreachable` if sending failed, or one
 * of the texts of `sent`. `rest` is the part of the decision that Rust has left for this case.
 *
 * @typedef {(env: object, rest: string, outcome: string, milliseconds: number, error: unknown, ray: string | undefined) => Response} Unanswered
 */

/**
 * Sends the upstream request for `request`, and resolves to the response for the client. `decision` is the text that Rust has made: the parts of
 * src/http/forwarding.rs. Rust is not asked again if the upstream answers.
 *
 * @param {Request} request
 * @param {object} env
 * @param {string} decision
 * @param {Unanswered} unanswered
 * @returns {Response | Promise<Response>}
 */
export function send(request, env, decision, unanswered) {
  const [, url, name, limit, flags, remove, set, lost, changed, added, rest] = decision.split('\0');
  const milliseconds = Number(limit);
  const without = (/** @type {string} */ outcome, /** @type {unknown} */ error) =>
    unanswered(env, rest, outcome, milliseconds, error, request.headers.get('cf-ray') ?? undefined);
  const service = name === '' ? globalThis : bound(env, name);
  if (service === undefined) return without('unbound', undefined);
  const isAmended = flags.includes('a');
  let answer;
  try {
    answer = sent(request, { hasBody: flags.includes('b'), service, url, remove, set, isCacheable: flags.includes('c'), milliseconds });
  } catch (error) {
    return without('unsendable', error);
  }
  return answer.then(
    (response) => {
      if (typeof response === 'string') return without(response, undefined);
      if (!isAmended) return response;
      try {
        return amended(response, lost, changed, added);
      } catch (error) {
        return without('unreachable', error);
      }
    },
    (error) => without('unreachable', error),
  );
}
