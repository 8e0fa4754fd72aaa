// The build of the Worker with the verification and the gateway only.
import { existsSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { at } from '../scripts/lib/paths.mjs';

const FOLDER = 'build/gateway';

/** Its folder and the sizes of its parts; `undefined` if it was not built. */
export async function slimWorker() {
  const paths = ['index.js', 'index_bg.wasm'].map((name) => join(FOLDER, name));
  if (!paths.every((path) => existsSync(at(path)))) return undefined;
  const parts = paths.map((path) => {
    const bytes = readFileSync(at(path));
    return { path, bytes: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
  });
  return { folder: FOLDER, parts };
}
