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
 * @property {AbortController} abort Ends the request.
 */

/**
 * Copies a body from the client to the upstream through one buffer, so a slow upstream slows the client down. Records each step in
 * `upload`; `pipeTo` does not report progress. If the client disconnects during the body, the whole request is aborted: if only the
 * stream were aborted, the runtime would end a chunked body properly, and the upstream would treat the partial body as complete.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {WritableStream<Uint8Array>} writable
 * @param {string | null} length
 * @param {Upload} upload
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
 * Begins to send the request's body, and adds it to `init`. Returns what is known of it.
 *
 * @param {Request} request
 * @param {RequestInit & { headers: Headers }} init
 * @returns {Upload}
 */
function uploaded(request, init) {
  const length = init.headers.get('content-length');
  const { readable, writable } = passage(length);
  const abort = new AbortController();
  /** @type {Upload} */
  const upload = { lastStep: Date.now(), isClientsTurn: false, isBroken: false, abort };
  init.body = readable;
  init.signal = abort.signal;
  carry(/** @type {ReadableStream} */ (request.body), writable, length, upload);
  return upload;
}

/**
 * How sending ended: `answered` with a response, or without one. `late` if for the time limit of the route the upstream has read nothing of the body, or has
 * not answered after the end of the body; `stalled` if the client has sent nothing of the body for that time; `broken` if the body ended early; `unreachable`
 * with an exception if the request could not be sent.
 *
 * @typedef {'answered' | 'late' | 'stalled' | 'broken' | 'unreachable'} Outcome
 */

/**
 * Sends the request to `url`, through `service` or by HTTP, and resolves to what `made` makes of the outcome. Throws if the request cannot be sent.
 *
 * One promise, and one timer that is cleared: `scheduler.wait` takes two and a half times as long, and needs a race of promises besides.
 *
 * @param {Request} request
 * @param {{ hasBody: boolean, service: { fetch: typeof fetch }, url: string, remove: string, set: string, isCacheable: boolean, milliseconds: number }} upstream
 * @param {(outcome: Outcome, value: any) => Response} made
 * @returns {Promise<Response>}
 */
function sent(request, { hasBody, service, url, remove, set, isCacheable, milliseconds }, made) {
  const headers = new Headers(request.headers);
  change(headers, remove, set, '');
  /** @type {RequestInit & { headers: Headers }} */
  const init = { method: request.method, headers, redirect: 'manual' };
  if (!isCacheable) init.cache = 'no-store';
  const upload = hasBody ? uploaded(request, init) : undefined;
  const answer = Promise.resolve(service.fetch(url, init));
  return new Promise((resolve, reject) => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    // The first outcome counts, and the time limit ends with it: the rest of a body has none. After the response ends, the runtime cancels what is left of
    // the body.
    const end = (/** @type {Outcome} */ outcome, /** @type {unknown} */ value) => {
      if (timer === undefined) return;
      clearTimeout(timer);
      timer = undefined;
      try {
        resolve(made(outcome, value));
      } catch (error) {
        reject(error);
      }
    };
    const expire = () => {
      // Every step of a body is progress.
      const left = upload === undefined ? 0 : upload.lastStep + milliseconds - Date.now();
      if (left > 0) {
        timer = setTimeout(expire, left);
        return;
      }
      end(upload?.isClientsTurn ? 'stalled' : 'late', undefined);
      upload?.abort.abort();
    };
    timer = setTimeout(expire, milliseconds);
    answer.then(
      (response) => end('answered', response),
      (error) => end(upload?.isBroken ? 'broken' : 'unreachable', error),
    );
  });
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
 * What makes the response if there is no answer: the outcome is `unbound` or `unsendable` if nothing was sent, or one of those of `sent`. `rest` is the part of
 * the decision that Rust has left for this case.
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
  const upstream = { hasBody: flags.includes('b'), service, url, remove, set, isCacheable: flags.includes('c'), milliseconds };
  const isAmended = flags.includes('a');
  /** @type {(outcome: Outcome, value: any) => Response} */
  const made = (outcome, value) => {
    if (outcome !== 'answered') return without(outcome, value);
    if (!isAmended) return value;
    try {
      return amended(value, lost, changed, added);
    } catch (error) {
      return without('unreachable', error);
    }
  };
  try {
    return sent(request, upstream, made);
  } catch (error) {
    return without('unsendable', error);
  }
}
