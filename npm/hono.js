// Middleware for Hono.
import { createVerifier } from './index.js';

/** @import { Context, MiddlewareHandler } from 'hono' */
/** @import { AssayVariables, ConfigurationSource } from './types/hono.d.ts' */
/** @import { Verifier, VerifyOptions } from './types/index.d.ts' */

/**
 * Middleware that sets `user` to the verified token and lets a request pass if its Bearer token is good. Otherwise it returns the response
 * that the Worker would send.
 *
 * @param {ConfigurationSource} [configuration] The configuration, its JSON text, or a function of the context that returns one of
 *   them. Without it, the binding `ASSAY`.
 * @param {VerifyOptions} [options] What the token must have besides the rules of its issuer.
 * @returns {MiddlewareHandler<{ Variables: AssayVariables }>} The middleware.
 */
export function assay(configuration, options) {
  /** @type {WeakMap<object, Verifier>} */
  const verifiers = new WeakMap();
  const verifierFor = async (/** @type {Context<any>} */ c) => {
    if (typeof configuration === 'function') return createVerifier(await configuration(c), c.env);
    const known = verifiers.get(c.env);
    if (known) return known;
    const made = createVerifier(configuration === undefined ? c.env?.ASSAY : configuration, c.env);
    verifiers.set(c.env, made);
    return made;
  };
  return async (c, next) => {
    const { authenticate } = await verifierFor(c);
    const verdict = await authenticate(c.req.raw, options);
    if (!verdict.ok) return verdict.response();
    c.set('user', verdict);
    await next();
  };
}
