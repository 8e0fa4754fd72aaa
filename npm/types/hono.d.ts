// The types of `edge-assay/hono`.
import type { Context, MiddlewareHandler } from 'hono';
import type { Configuration } from './configuration.d.ts';
import type { VerifiedToken, VerifyOptions } from './token.d.ts';

/** The variables that the middleware sets: `new Hono<{ Variables: AssayVariables }>()`. `C` describes further claims. */
export interface AssayVariables<C extends object = {}> {
  /** The verified token of the request. */
  user: VerifiedToken<C>;
}

/** A configuration, or a function of the context that returns it. */
export type ConfigurationSource = Configuration | string | ((context: Context<any>) => Configuration | string | Promise<Configuration | string>);

/**
 * Middleware that sets `user` and lets a request pass if its Bearer token is good. Otherwise it returns the response that the Worker would
 * send, and no later handler runs. This holds for every method, so put `cors()` before it if browsers send preflights. Without
 * `configuration` it uses the binding `ASSAY`.
 */
export function assay<C extends object = {}>(
  configuration?: ConfigurationSource,
  options?: VerifyOptions,
): MiddlewareHandler<{ Variables: AssayVariables<C> }>;
