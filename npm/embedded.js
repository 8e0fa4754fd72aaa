// The Worker's core with a configuration that is given in code: the part that both modules of the package have.
import { waitUntil } from 'cloudflare:workers';
import { authenticate, handlers, verify } from '../src/instance.js';

/** @import { Configuration, ConfigurationRecord, EmbeddedWorker, Verifier, VerifyOptions } from './types/index.d.ts' */

// How many configurations are kept for one `env`. src/limits.rs has the same number.
const MAX_CONFIGURATIONS = 8;

/**
 * For each `env`, the objects that replace it, by the text of the configuration.
 *
 * @type {WeakMap<object, Map<string, object>>}
 */
const replaced = new WeakMap();

/** In place of the context of a handler: `waitUntil` for the work that remains after an answer, such as the refresh of keys that are due. */
const context = { waitUntil };

/**
 * The Worker with this configuration in place of the binding `ASSAY`.
 *
 * @param {Configuration | ConfigurationRecord | string} configuration The configuration, or its JSON text. An object is read once, here.
 * @returns {EmbeddedWorker} The handlers.
 * @throws {TypeError} If `configuration` is neither.
 */
export function createWorker(configuration) {
  const text = textOf(configuration, 'createWorker');
  return {
    fetch: (request, env, ctx = context) => handlers.fetch(request, configured(env, text, 'fetch of createWorker'), ctx),
    scheduled: (event, env, ctx = context) => handlers.scheduled(event, configured(env, text, 'scheduled of createWorker'), ctx),
  };
}

/**
 * Verifies tokens with this configuration.
 *
 * @param {Configuration | ConfigurationRecord | string} configuration The configuration, or its JSON text. An object is read once, here.
 * @param {object} env The bindings, as the runtime passes them to a handler.
 * @returns {Verifier}
 * @throws {TypeError} If an argument is missing or of another type.
 */
export function createVerifier(configuration, env) {
  const own = configured(env, textOf(configuration, 'createVerifier'), 'createVerifier');
  return {
    verify: async (token, options) => verify(own, context, token, options),
    authenticate: async (request, options) => {
      if (!(request instanceof Request)) throw new TypeError('authenticate: pass the Request that the handler gets');
      return authenticate(own, context, request, options);
    },
  };
}

/**
 * @param {unknown} configuration
 * @param {string} caller
 */
function textOf(configuration, caller) {
  if (typeof configuration === 'string') return configuration;
  const hint = `${caller}: pass the configuration as an object, or as a JSON text`;
  if (typeof configuration !== 'object' || configuration === null || Array.isArray(configuration))
    throw new TypeError(`${hint}; it is ${kindOf(configuration)}`);
  if (typeof (/** @type {{ then?: unknown }} */ (configuration).then) === 'function')
    throw new TypeError(`${hint}; it is a promise, so await it first`);
  try {
    return JSON.stringify(configuration);
  } catch (cause) {
    throw new TypeError(`${hint}; this object cannot be written as JSON`, { cause });
  }
}

/**
 * An object with the bindings of `env` and this configuration. Rust recognises a configuration by the identity of this object.
 *
 * @param {object} env
 * @param {string} text
 * @param {string} caller
 * @returns {object}
 */
function configured(env, text, caller) {
  if (typeof env !== 'object' || env === null)
    throw new TypeError(`${caller}: pass env, the bindings that the runtime passes to the handler; it is ${kindOf(env)}`);
  let known = replaced.get(env);
  if (!known) replaced.set(env, (known = new Map()));
  const found = known.get(text) ?? Object.create(env, { ASSAY: { value: text } });
  known.delete(text);
  known.set(text, found);
  // A Map is in the order of insertion, so the first is the one that was not used for the longest time.
  if (known.size > MAX_CONFIGURATIONS) known.delete(/** @type {string} */ (known.keys().next().value));
  return found;
}

/** @param {unknown} value */
function kindOf(value) {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}
