// A minimal Worker: it shows the cost of a request without verification, and that of a call.
import { WorkerEntrypoint } from 'cloudflare:workers';

export default {
  fetch: () => new Response('hello'),
};

const VALUE = { ok: true, subject: 'nobody' };

/** Answers a call without looking at it. */
export class Nothing extends WorkerEntrypoint {
  verify() {
    return VALUE;
  }
}
