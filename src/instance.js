// The WebAssembly instance, its handlers and its calls. A panic leaves the memory of the instance in an unknown state, so the next event or
// call after it runs in a new instance with empty caches.
import * as assay from 'edge-assay';
import { forget, write } from './platform/head.js';
import { send } from './platform/upstream.js';

/** @import { AssayWorker, ExchangeParameters, Question, Refusal, VerifyOptions, WorkerContext } from '../npm/types/index.d.ts' */

const state = assay.__worker_init_state();

/** @param {unknown} error */
function noteIfPanic(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
}

/** A panic after an `await` reaches no caller, so the runtime reports it as an event. */
addEventListener('error', ({ error }) => noteIfPanic(error));

/**
 * `run`, in a new instance if the present one has panicked.
 *
 * @type {<Args extends unknown[], Result>(run: (...args: Args) => Result) => (...args: Args) => Result}
 */
const guarded =
  (run) =>
  (...args) => {
    if (state.criticalError) {
      assay.__wbg_reset_state();
      forget();
      state.criticalError = false;
      console.error(
        JSON.stringify({
          event: 'instance_replaced',
          detail: 'Rust panicked; the panic is in the log before this line. All caches of this isolate are empty now.',
        }),
      );
    }
    try {
      return run(...args);
    } catch (error) {
      noteIfPanic(error);
      throw error;
    }
  };

/**
 * A request, with the parts of it that nearly every endpoint needs. The runtime's object costs a call for each of them.
 *
 * @typedef {{ request: Request, method: string, url: string, authorization: string | null }} Incoming
 *
 * A response, and what it takes to give it again.
 *
 * @typedef {{ response: Response, number: number, text: string | null, init: ResponseInit }} Kept
 *
 * A response or a value to give again, or the number of a verdict. Only a response has `init` and a URL; no request has an empty URL.
 *
 * @typedef {{ credential: string, env: object, url: string, number: number, text: string, init?: ResponseInit }} Entry
 */

/**
 * @param {Request} request
 * @returns {Incoming}
 */
const incoming = (request) => ({ request, method: request.method, url: request.url, authorization: request.headers.get('authorization') });

// No longer than a signature is remembered by default: tokens that do not come again are not kept for nothing.
const MILLISECONDS = 60_000;
const MOST_FOR_ONE = 32 * 1024;

// A token has its signature at the end, of which a Base64 character has six bits.
const MARKED_CHARACTERS = 10;

/**
 * A number for the end of a credential; others may have the same. A Map with the whole text as its key would make the runtime enter each text of a request
 * into its table of strings.
 *
 * @param {string} credential
 */
function markOf(credential) {
  let mark = 0;
  for (let i = Math.max(0, credential.length - MARKED_CHARACTERS); i < credential.length; i += 1)
    mark = (Math.imul(mark, 61) + credential.charCodeAt(i)) | 0;
  // V8 stores an integer of 31 bits in the Map itself, without an object on its heap.
  return mark >> 1;
}

/** What was kept last for each credential. Whether it may be used is decided in src/entry.rs at every request. */
class Memory {
  /** @type {Map<number, Entry>} By the marks of the credentials. */
  #young = new Map();
  /** @type {Map<number, Entry>} */
  #old = new Map();
  #characters = 0;
  #since = 0;
  #most;

  /** @param {number} most The characters of a generation, of which each takes a byte, or two if one in the text is beyond Latin-1. There are two. */
  constructor(most) {
    this.#most = most;
  }

  /**
   * @param {string} credential
   * @param {string} url
   * @param {object} env
   */
  find(credential, url, env) {
    const mark = markOf(credential);
    const known = this.#young.get(mark) ?? this.#old.get(mark);
    return known !== undefined && known.credential === credential && known.url === url && known.env === env ? known : undefined;
  }

  /** @param {Entry} entry */
  keep(entry) {
    const characters = entry.credential.length + entry.url.length + entry.text.length;
    if (characters > MOST_FOR_ONE) return;
    const now = Date.now();
    const age = Math.abs(now - this.#since);
    if (this.#characters + characters > this.#most || age > MILLISECONDS) {
      this.#old = age > 2 * MILLISECONDS ? new Map() : this.#young;
      this.#young = new Map();
      this.#characters = 0;
      this.#since = now;
    }
    this.#characters += characters;
    this.#young.set(markOf(entry.credential), entry);
  }
}

/** The responses and the values that may be given again: 4 MiB at most. */
const kept = new Memory(1024 * 1024);
/** The numbers of the verdicts on the credentials of forwarded requests: 2 MiB at most. */
const verdicts = new Memory(512 * 1024);

/** @param {Entry | undefined} entry */
const standing = (entry) => (entry !== undefined && assay.stands(entry.number, Math.floor(Date.now() / 1000)) ? entry : undefined);

/** The upstream may have answered with a failure long after an instance has ended, so this may begin the next one. */
const unanswered = guarded(assay.unanswered);

/** @type {AssayWorker['fetch']} */
function fetch(request, env, context) {
  const read = incoming(request);
  const { method, url, authorization } = read;
  // Only a GET is kept.
  const again = authorization === null || method !== 'GET' ? undefined : standing(kept.find(authorization, url, env));
  if (again !== undefined) return new Response(again.text, again.init);
  /** @param {Response | Kept | string} made */
  const responseOf = (made) => {
    if (typeof made === 'string') {
      const number = made.slice(0, made.indexOf('\0'));
      if (number !== '' && authorization !== null) verdicts.keep({ credential: authorization, env, url: '', number: Number(number), text: '' });
      return send(request, env, made, unanswered);
    }
    if (made instanceof Response) return made;
    const { response, number, text, init } = made;
    if (authorization !== null && text !== null) kept.keep({ credential: authorization, env, url, number, text, init });
    return response;
  };
  const known = authorization === null ? undefined : verdicts.find(authorization, '', env);
  const handled = assay.fetch(read, write(read), env, context, known?.number ?? 0);
  return handled instanceof Promise ? handled.then(responseOf) : responseOf(handled);
}

/**
 * The handlers of the Worker.
 *
 * @type {AssayWorker}
 */
export const handlers = { fetch: guarded(fetch), scheduled: guarded(assay.scheduled) };

// One more character than the bytes that Rust accepts in an argument, so that a longer text is refused and is not copied into the memory
// of the instance, which never shrinks. src/limits.rs has the limit as MAX_REQUEST_BODY_BYTES.
const MOST_CHARACTERS = 128 * 1024 + 1;
/**
 * @template Argument
 * @param {Argument} argument
 */
const bounded = (argument) => (typeof argument === 'string' ? argument.slice(0, MOST_CHARACTERS) : argument);

const call = guarded(assay.answer);
/** @type {(number: number, env: object, context: WorkerContext, subject: unknown, options?: string) => string | Promise<string>} */
const answer = (number, env, context, subject, options) => call(number, env, context, bounded(subject), 0, bounded(options));

const asked = guarded(assay.coordinate);
/**
 * The coordinator's answer to a question of an isolate. Both are texts of crates/verifier/src/keys/coordinator/wire.rs.
 *
 * @type {(env: object, question: unknown) => string | Promise<string>}
 */
export const coordinate = (env, question) => asked(env, bounded(question));

// The numbers of the calls; src/entry.rs has the same.
const [VERIFY, AUTHENTICATE, EXCHANGE, EXPLAIN] = [0, 1, 2, 3];

/**
 * `read` of the text that Rust returns: at once if Rust had to await nothing, otherwise when its promise is fulfilled.
 *
 * @template Value
 * @param {string | Promise<string>} text
 * @param {(text: string) => Value} read
 */
const then = (text, read) => (typeof text === 'string' ? read(text) : text.then(read));

/** @param {string} text */
const valueOf = (text) => JSON.parse(text);

/**
 * `value` as JSON; what JSON cannot express, such as a cycle, becomes null, which Rust refuses.
 *
 * @param {unknown} value
 * @param {(value: unknown) => unknown} [read]
 */
function json(value, read = (it) => it) {
  try {
    return JSON.stringify(read(value)) ?? 'null';
  } catch {
    return 'null';
  }
}

/**
 * JSON leaves out functions, undefined members, and the contents of a Map, a Promise or a class's object, so `{ scopes: undefined }` or
 * `new Map([['scopes', ['admin']]])` would require nothing. Such options are a mistake that must not accept every token.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function plain(value) {
  if (Array.isArray(value)) return Array.from(value, plain);
  if (typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return value;
  throw new TypeError('not JSON');
}

/** @param {unknown} options */
const optionsOf = (options) => (options === undefined ? undefined : json(options, plain));

/**
 * The form of POST /token. A parameter that is absent in JavaScript is absent in the form.
 *
 * @param {ExchangeParameters | undefined} params
 */
function formOf(params) {
  const form = new URLSearchParams();
  for (const [name, values] of Object.entries(params ?? {})) {
    for (const value of [values].flat())
      if (value !== undefined && value !== null) form.append(name, typeof value === 'string' ? value : json(value));
  }
  return form.toString();
}

/** The value that was kept for this token, as its text. */
const valueAgain = guarded((/** @type {string} */ token, /** @type {object} */ env) => standing(kept.find(token, '', env))?.text);

/**
 * Verifies a token with the configuration in `env`. `context` has `waitUntil`. A refusal is a value, and so is a mistake in the arguments.
 *
 * @param {object} env
 * @param {WorkerContext} context
 * @param {string | null | undefined} token
 * @param {VerifyOptions} [options]
 */
export function verify(env, context, token, options) {
  // What options require is decided each time.
  const again = typeof token === 'string' && options === undefined ? valueAgain(token, env) : undefined;
  // Each caller gets a value of its own, which it may change.
  if (again !== undefined) return valueOf(again);
  return then(answer(VERIFY, env, context, token, optionsOf(options)), (made) => {
    const begin = made.indexOf('{');
    const text = made.slice(begin);
    if (begin > 0 && typeof token === 'string') kept.keep({ credential: token, env, url: '', number: Number(made.slice(0, begin)), text });
    return valueOf(text);
  });
}

/**
 * Exchanges a token. `params` has the names of RFC 8693; `audience` and `resource` may be lists.
 *
 * @param {object} env
 * @param {WorkerContext} context
 * @param {ExchangeParameters} params
 */
export const exchange = (env, context, params) => then(answer(EXCHANGE, env, context, formOf(params)), valueOf);

/**
 * Explains why a token is refused. `question` is `{ token, method?, host?, path? }`.
 *
 * @param {object} env
 * @param {WorkerContext} context
 * @param {Question} question
 */
export const explain = (env, context, question) => then(answer(EXPLAIN, env, context, json(question)), valueOf);

/**
 * Verifies the credential of a `Request`, as `/verify` does. A refusal also has `response()`, which makes the response that the Worker
 * would send.
 *
 * @param {object} env
 * @param {WorkerContext} context
 * @param {Request} request
 * @param {VerifyOptions} [options]
 */
export const authenticate = (env, context, request, options) => then(asking(env, context, request, bounded(optionsOf(options))), authenticated);

const asking = guarded(
  (/** @type {object} */ env, /** @type {WorkerContext} */ context, /** @type {Request} */ request, /** @type {string | undefined} */ options) => {
    const read = incoming(request);
    return assay.answer(AUTHENTICATE, env, context, read, write(read), options);
  },
);

/** @param {string} text */
function authenticated(text) {
  if (text.startsWith('{"ok":true')) return valueOf(text);
  const [value, ...lines] = text.split('\n');
  const refusal = valueOf(value);
  const { ok, retry_after, ...problem } = refusal;
  /** @type {[string, string][]} */
  const headers = [];
  for (let i = 0; i + 1 < lines.length; i += 2) headers.push([lines[i], lines[i + 1]]);
  return { ...refusal, response: () => new Response(JSON.stringify(problem), { status: refusal.status, headers }) };
}
