// What the runtime loads: the handlers of entry.rs, and a fresh instance after a panic. A panic leaves the instance's
// memory in an unknown state, so the next event starts anew, with empty caches.
import * as assay from 'edge-assay';

let broken = false;

function noteBroken(error) {
  if (error instanceof WebAssembly.RuntimeError) broken = true;
}

/** A panic after an `await` has no caller left: the runtime reports it as an event. */
addEventListener('error', ({ error }) => noteBroken(error));

const guarded = (handler) => (event, env, context) => {
  if (broken) {
    assay.__wbg_reset_state();
    broken = false;
  }
  try {
    return handler(event, env, context);
  } catch (error) {
    noteBroken(error);
    throw error;
  }
};

export default { fetch: guarded(assay.fetch), scheduled: guarded(assay.scheduled) };
