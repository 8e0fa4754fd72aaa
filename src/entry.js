// The module that the runtime loads: the Worker's handlers, and the entrypoint that other Workers bind.
import { WorkerEntrypoint } from 'cloudflare:workers';
import { exchange, explain, handlers, verify } from './instance.js';

export default handlers;

/** The calls of other Workers, through a service binding with `entrypoint = "Assay"`. docs/rpc.md describes arguments and values. */
export class Assay extends WorkerEntrypoint {
  verify(token, options) {
    return verify(this.env, this.ctx, token, options);
  }

  exchange(params) {
    return exchange(this.env, this.ctx, params);
  }

  explain(question) {
    return explain(this.env, this.ctx, question);
  }
}
