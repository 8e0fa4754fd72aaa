// The module that the runtime loads: the Worker's handlers, and the entrypoint that other Workers bind.
import { WorkerEntrypoint } from 'cloudflare:workers';
import { exchange, explain, handlers, verify } from './instance.js';

/** @import { ExchangeParameters, Question, VerifyOptions } from '../npm/types/index.d.ts' */

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

  /** @param {ExchangeParameters} params */
  exchange(params) {
    return exchange(this.env, this.ctx, params);
  }

  /** @param {Question} question */
  explain(question) {
    return explain(this.env, this.ctx, question);
  }
}
