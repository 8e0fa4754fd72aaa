// Where things lie. Node's own modules only: this is read before anything is installed.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const at = (...parts) => join(root, ...parts);

export const buildFolder = at('build');
export const wranglerFolder = at('.wrangler');
