// The types of `edge-assay/gateway`: the Worker without the exchange and explanations. They need the types of the Workers runtime, which
// `npx wrangler types` makes.
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
import type {
  Configuration as WholeConfiguration,
  ConfigurationRecord,
  GatewayConfiguration as WholeGatewayConfiguration,
  RouteConfiguration as WholeRouteConfiguration,
} from './configuration.d.ts';
import type { AssayWorker, EmbeddedWorker, Verifier } from './index.d.ts';
import type { Refusal } from './refusal.d.ts';
import type { JsonValue, VerifiedToken, VerifyOptions } from './token.d.ts';

export type { AssayWorker, ConfigurationRecord, EmbeddedWorker, JsonValue, Refusal, Verifier, VerifiedToken, VerifyOptions };
export type { RequestRefusal, WorkerContext } from './index.d.ts';

/** A route. Its API gets no token of ours, which only the exchange issues. */
export interface RouteConfiguration extends Omit<WholeRouteConfiguration, 'credential'> {
  /** What the API gets in `Authorization`. The default is `strip`. */
  credential?: 'strip' | 'forward';
}

/** The APIs behind the Worker. */
export interface GatewayConfiguration extends Omit<WholeGatewayConfiguration, 'routes'> {
  routes: readonly RouteConfiguration[];
}

/** The whole configuration. With `exchange` it would be refused. */
export interface Configuration extends Omit<WholeConfiguration, 'exchange' | 'gateway'> {
  gateway?: GatewayConfiguration;
}

/** The Worker whose configuration is the binding `ASSAY`. */
declare const worker: AssayWorker;
export default worker;

/**
 * The entrypoint for service bindings, whose configuration is the binding `ASSAY`. A Worker that calls it declares the binding as
 * `Service<typeof Assay>`. A refusal is a value, not an exception.
 */
export class Assay<Env = object> extends WorkerEntrypoint<Env> {
  /** Verifies a token. */
  verify(token: string | null | undefined, options?: VerifyOptions): Promise<VerifiedToken<{ [claim: string]: JsonValue }> | Refusal>;
}

/**
 * The coordinator: a Durable Object that fetches key sets for all isolates. A Worker that exports it and binds it as `COORDINATOR` uses it, with any
 * configuration. docs/operations/coordinator.md of edge-assay says when it is worth it.
 */
export class Coordinator<Env = object> extends DurableObject<Env> {
  /** Answers a question of an isolate. Only the Worker itself asks. */
  ask(question: string): string | Promise<string>;
}

/**
 * The same Worker with this configuration in place of the binding `ASSAY`, whose limit of 5 KB does not apply to it. A text is JSON. If the
 * configuration has faults, they are logged, and every request is answered 503 `config_invalid`.
 *
 * @throws TypeError if `configuration` is neither a text nor an object that JSON can hold.
 */
export function createWorker(configuration: Configuration | ConfigurationRecord | string): EmbeddedWorker;

/**
 * A verifier with this configuration. `env` is what the runtime passes to a handler: its bindings are `JWKS_CACHE`, and the secrets that the
 * configuration names. Calls with an equal configuration and the same `env` share what they have parsed.
 *
 * @throws TypeError if `configuration` is neither a text nor an object that JSON can hold, or if `env` is not an object.
 */
export function createVerifier(configuration: Configuration | ConfigurationRecord | string, env: object): Verifier;
