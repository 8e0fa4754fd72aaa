// The main module of the package: the Worker itself, and the same core with a configuration that is given in code.
export { createVerifier, createWorker } from './embedded.js';
export { default, Assay, Coordinator } from '../src/entry.js';
