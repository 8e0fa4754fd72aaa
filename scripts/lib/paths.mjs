// The paths of the project. Uses only Node's own modules, because scripts import it before anything is installed.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const at = (...parts) => join(root, ...parts);

export const buildFolder = at('build');
export const wranglerFolder = at('.wrangler');
