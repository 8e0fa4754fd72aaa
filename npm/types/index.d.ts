// The types of `edge-assay`. They need the types of the Workers runtime, which `npx wrangler types` makes.
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
import type { Configuration, ConfigurationRecord } from './configuration.d.ts';
import type { ExchangeRefusal, ExplainRefusal, Refusal } from './refusal.d.ts';
import type { ExchangeParameters, IssuedToken, JsonValue, Question, Report, VerifiedToken, VerifyOptions } from './token.d.ts';

export type * from './configuration.d.ts';
export type * from './refusal.d.ts';
export type * from './token.d.ts';
export type { CauseId } from './codes.d.ts';

/** The part of a handler's third argument that the Worker uses. */
export interface WorkerContext {
  waitUntil(promise: Promise<unknown>): void;
}

/** The handlers of the Worker. Their bindings are `JWKS_CACHE`, `COORDINATOR` if there is one, and the secrets and services that the configuration names. */
export interface AssayWorker {
  /** Answers a request: the endpoints, and the routes of the gateway. */
  fetch(request: Request, env: object, context: WorkerContext): Response | Promise<Response>;
  /** Refreshes the key sets that are due. Its cron trigger is `crons` in the configuration of wrangler. */
  scheduled(event: unknown, env: object, context: WorkerContext): void | Promise<void>;
}

/** The same handlers, which can do without the third argument. */
export interface EmbeddedWorker {
  fetch(request: Request, env: object, context?: WorkerContext): Response | Promise<Response>;
  scheduled(event: unknown, env: object, context?: WorkerContext): void | Promise<void>;
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
  /** Issues a token of our own. */
  exchange(parameters: ExchangeParameters): Promise<IssuedToken | ExchangeRefusal>;
  /** Says why a token is refused, and what to change. */
  explain(question: Question): Promise<Report | ExplainRefusal>;
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

/** The refusal of a request. */
export type RequestRefusal = Refusal & {
  /** The response that the Worker gives to such a request, without CORS headers. Each call makes a new one. */
  response(): Response;
};

/** Verifies tokens with one configuration. Its functions need no `this`. */
export interface Verifier {
  /** Verifies a token. A refusal is a value, not an exception. */
  verify<C extends object = {}>(token: string | null | undefined, options?: VerifyOptions): Promise<VerifiedToken<C> | Refusal>;
  /** Verifies the Bearer token of a request. The body of the request is not read. */
  authenticate<C extends object = {}>(request: Request, options?: VerifyOptions): Promise<VerifiedToken<C> | RequestRefusal>;
}

/**
 * A verifier with this configuration. `env` is what the runtime passes to a handler: its bindings are `JWKS_CACHE`, and the secrets that the
 * configuration names. Calls with an equal configuration and the same `env` share what they have parsed.
 *
 * @throws TypeError if `configuration` is neither a text nor an object that JSON can hold, or if `env` is not an object.
 */
export function createVerifier(configuration: Configuration | ConfigurationRecord | string, env: object): Verifier;
