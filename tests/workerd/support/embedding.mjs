// The npm package as files, and Workers that import it: bundled as wrangler bundles them, and run in workerd.
import { cpSync, mkdirSync } from 'node:fs';
import { build } from 'esbuild';
import { at } from '../../../scripts/lib/paths.mjs';
import { bundle } from '../../../scripts/lib/worker.mjs';

const FOLDER = 'target/embedding/edge-assay';

/** Bundles the main module of the package beside its other modules, as they are in the package. */
export async function layOutPackage() {
  mkdirSync(at(FOLDER), { recursive: true });
  await bundle({ entry: 'npm/index.js', outfile: `${FOLDER}/index.js` });
  cpSync(at('npm/hono.js'), at(FOLDER, 'hono.js'));
}

/**
 * The bundle of a module that imports `edge-assay`: a file, or the text of one.
 *
 * @param {{ file?: string, text?: string }} module
 */
export async function bundled({ file, text }) {
  const { outputFiles } = await build({
    ...(file ? { entryPoints: [at(file)] } : { stdin: { contents: text, resolveDir: at() } }),
    alias: { 'edge-assay': at(FOLDER) },
    external: ['./index_bg.wasm', 'cloudflare:*'],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0].text;
}
