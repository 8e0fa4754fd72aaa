// The module of the slim build, which verifies, forwards and answers proxies: the Worker's handlers, the entrypoint that other Workers bind, and the
// class of the coordinator.
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
import { coordinate, handlers, verify } from './instance.js';

/** @import { VerifyOptions } from '../npm/types/index.d.ts' */

export default handlers;

/** The calls of other Workers, through a service binding with `entrypoint = "Assay"`. docs/rpc.md describes arguments and values. */
export class Assay extends WorkerEntrypoint {
  /**
   * @param {string | null | undefined} token
   * @param {VerifyOptions} [options]
   */
  verify(token, options) {
    return verify(this.env, this.ctx, token, options);
  }
}

/**
 * The coordinator, which fetches key sets for all isolates: one object for each document. It has no `fetch`, so no HTTP request reaches it.
 * docs/operations/coordinator.md says when to bind it, and how.
 */
export class Coordinator extends DurableObject {
  /** @param {string} question */
  ask(question) {
    return coordinate(this.env, question);
  }
}
