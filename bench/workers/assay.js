// edge-assay's signature check alone, as a method that other Workers call: what `verify-alone` times in wasm.
import { WorkerEntrypoint } from 'cloudflare:workers';
import { bench_verify as verify } from 'edge-assay';

export default class extends WorkerEntrypoint {
  bench_verify(algorithm, key, token, times) {
    return verify(algorithm, key, token, times);
  }
}
