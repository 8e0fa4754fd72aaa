// The build of the Worker with the verification and the gateway only.
import { SLIM, buildWorker } from '../scripts/lib/worker.mjs';

/** Builds it if it is not up to date, and returns its folder and the sizes of its parts. */
export const slimWorker = async () => ({ folder: SLIM.folder, parts: await buildWorker(SLIM) });
