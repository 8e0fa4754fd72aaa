// What the runtime loads: the handlers of entry.rs, and a fresh instance after a panic. A panic leaves the instance's
// memory in an unknown state, so the next event starts anew, with empty caches.
import * as assay from 'edge-assay';

const state = assay.__worker_init_state();

function noteBroken(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
}

/** A panic after an `await` has no caller left: the runtime reports it as an event. */
addEventListener('error', ({ error }) => noteBroken(error));

const guarded = (handler) => (event, env, context) => {
  if (state.criticalError) {
    assay.__wbg_reset_state();
    state.criticalError = false;
    console.error(JSON.stringify({ event: 'instance_replaced', detail: 'Rust panicked; the panic is in the log before this line. All caches of this isolate are empty now.' }));
  }
  try {
    return handler(event, env, context);
  } catch (error) {
    noteBroken(error);
    throw error;
  }
};

export default { fetch: guarded(assay.fetch), scheduled: guarded(assay.scheduled) };
