// The module that the runtime loads: that of the slim build, and the calls that only the whole one has.
import { Assay as Verifying } from './gateway.js';
import { exchange, explain } from './instance.js';

/** @import { ExchangeParameters, Question } from '../npm/types/index.d.ts' */

export { default, Coordinator } from './gateway.js';

/** The calls of other Workers, through a service binding with `entrypoint = "Assay"`. docs/rpc.md describes arguments and values. */
export class Assay extends Verifying {
  /** @param {ExchangeParameters} params */
  exchange(params) {
    return exchange(this.env, this.ctx, params);
  }

  /** @param {Question} question */
  explain(question) {
    return explain(this.env, this.ctx, question);
  }
}
