// The `queueMicrotask` of the JavaScript around the WebAssembly, which wakes each future of Rust with it. The runtime's own is a call that takes seven percent of
// an exchange; a promise's job is made by V8.

const fulfilled = Promise.resolve();

/** @param {() => void} job */
export function queueMicrotask(job) {
  void fulfilled.then(() => {
    try {
      job();
    } catch (error) {
      // As the runtime's own does: src/instance.js listens for panics.
      reportError(error);
    }
  });
}
