// The native command line, for the test that compares it with the WebAssembly.
import { at } from './paths.mjs';
import { quietly } from './steps.mjs';
import { NATIVE_TESTS } from './toolchain.mjs';

/** Builds the native command line as `cargo test` builds it, so that it is compiled once, and returns its path. */
export async function buildNativeCommandLine() {
  await quietly('cargo', ['build', '--locked', '--profile', 'test', '--features', 'es512', '--bins']);
  return at('target', 'debug', process.platform === 'win32' ? 'edge-assay.exe' : 'edge-assay');
}

/** Runs the native tests of the command line with the `main.js` of the WebAssembly in place of the native binary, and returns the output. */
export const nativeTestsWith = (mainScript) => quietly('cargo', [...NATIVE_TESTS, '--test', 'cli'], { env: { EDGE_ASSAY_MAIN_JS: mainScript } });
