// The operations on a KV namespace. The binding is read at each, because an environment is a plain object of the runtime.

/** @import { KVNamespace } from '@cloudflare/workers-types' */

/**
 * @param {Record<string, KVNamespace | undefined>} env
 * @param {string} binding
 */
function bound(env, binding) {
  const namespace = env[binding];
  if (namespace === undefined) throw new Error(`no KV namespace is bound as ${binding}`);
  return namespace;
}

/**
 * The text of `key`, or null. The edge may give a text that it has had for `cacheTtl` seconds.
 *
 * @param {Record<string, KVNamespace | undefined>} env
 * @param {string} binding
 * @param {string} key
 * @param {number} cacheTtl
 */
export async function get(env, binding, key, cacheTtl) {
  return bound(env, binding).get(key, { cacheTtl, type: 'text' });
}

/**
 * Stores `value` for `expirationTtl` seconds, or for ever.
 *
 * @param {Record<string, KVNamespace | undefined>} env
 * @param {string} binding
 * @param {string} key
 * @param {string} value
 * @param {number} [expirationTtl]
 */
export async function put(env, binding, key, value, expirationTtl) {
  await bound(env, binding).put(key, value, expirationTtl === undefined ? {} : { expirationTtl });
}

/**
 * Deletes the value of `key`.
 *
 * @param {Record<string, KVNamespace | undefined>} env
 * @param {string} binding
 * @param {string} key
 */
export async function remove(env, binding, key) {
  await bound(env, binding).delete(key);
}
