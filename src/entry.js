// The module that the runtime loads. It exports the handlers of entry.rs, and makes a new instance after a panic: a panic leaves the
// memory of the instance in an unknown state, so the next event runs in a new instance with empty caches.
import * as assay from 'edge-assay';

const state = assay.__worker_init_state();

function noteIfPanic(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
}

/** A panic after an `await` reaches no caller, so the runtime reports it as an event. */
addEventListener('error', ({ error }) => noteIfPanic(error));

const guarded = (handler) => (event, env, context) => {
  if (state.criticalError) {
    assay.__wbg_reset_state();
    state.criticalError = false;
    console.error(JSON.stringify({ event: 'instance_replaced', detail: 'Rust panicked; the panic is in the log before this line. All caches of this isolate are empty now.' }));
  }
  try {
    return handler(event, env, context);
  } catch (error) {
    noteIfPanic(error);
    throw error;
  }
};

export default { fetch: guarded(assay.fetch), scheduled: guarded(assay.scheduled) };
