// Only edge-assay's signature check, as a method that other Workers call. `verify-alone` measures its time in wasm.
import { WorkerEntrypoint } from 'cloudflare:workers';
import { bench_verify as verify } from 'edge-assay';

export default class extends WorkerEntrypoint {
  bench_verify(algorithm, key, token, times) {
    return verify(algorithm, key, token, times);
  }
}
