// The slim module of the package, `edge-assay/gateway`: the same without the exchange and explanations, around a smaller wasm.
export { createVerifier, createWorker } from './embedded.js';
export { default, Assay, Coordinator } from '../src/gateway.js';
