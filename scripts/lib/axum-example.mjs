// The example server of crates/axum, for its test.
import { at } from './paths.mjs';
import { quietly } from './steps.mjs';

/** Builds the server, with the profile that `cargo test` has built it with, and returns its path. */
export async function buildProfiles() {
  await quietly('cargo', ['build', '--locked', '--profile', 'test', '--features', 'es512', '--example', 'profiles']);
  return at('target', 'debug', 'examples', process.platform === 'win32' ? 'profiles.exe' : 'profiles');
}
