// The Worker as it is deployed, and an entrypoint in the same isolate that measures its memory.
import { measured } from './watch.js';

export { default } from './index.js';
export * from './index.js';
export const memory = { fetch: measured };
