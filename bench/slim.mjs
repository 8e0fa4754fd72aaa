// The build of the Worker with the verification and the gateway only.
import * as builds from '../scripts/lib/worker.mjs';

/** Builds it if it is not up to date, and returns its folder and the sizes of its parts; `undefined` if these sources have no such build. */
export async function slimWorker() {
  const { SLIM: slim, buildWorker } = /** @type {any} */ (builds);
  return slim && { folder: slim.folder, parts: await buildWorker(slim) };
}
