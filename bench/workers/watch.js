// Evaluated before the Worker, so that it sees the WebAssembly instance being made and can measure its memory. That memory never shrinks, so
// its size is the most that was ever needed.
const { Instance } = WebAssembly;
/** @type {any} */
let memory;
WebAssembly.Instance = class extends Instance {
  /** @param {[module: WebAssembly.Module, imports?: WebAssembly.Imports]} args */
  constructor(...args) {
    super(...args);
    memory = this.exports.memory;
  }
};

/** Collects garbage, so that the memory of the process shows what is in use, and answers with the size of the WebAssembly memory. */
export function measured() {
  /** @type {any} */ (globalThis).gc();
  return new Response(String(memory?.buffer.byteLength ?? 0));
}

/**
 * Takes pages of 64 KiB that nothing gives back: a leak.
 *
 * @param {number} pages
 */
export const grow = (pages) => memory.grow(pages);
