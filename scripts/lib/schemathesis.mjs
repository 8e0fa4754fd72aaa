// schemathesis, which tests/workerd/openapi.test.mjs runs, from PyPI. It and its dependencies have pinned versions
// and checksums (scripts/lib/schemathesis.txt) and are installed below target/schemathesis.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at } from './paths.mjs';
import { Failure, matched, quietly, step, succeeds } from './steps.mjs';

const REQUIREMENTS = at('scripts', 'lib', 'schemathesis.txt');
const [, VERSION] = matched(/^schemathesis==(\S+)/m, readFileSync(REQUIREMENTS, 'utf8'));

// A folder per version, so that an update is installed.
const folder = at('target', 'schemathesis', VERSION);

/** How schemathesis is run: the command, its first arguments and the environment that finds its modules. */
export const SCHEMATHESIS = {
  version: VERSION,
  command: 'python3',
  args: ['-m', 'schemathesis.cli'],
  env: { PYTHONPATH: folder },
};

/** Why it cannot be run here, or `false`. */
export const schemathesisMissing = () =>
  existsSync(join(folder, 'schemathesis', 'cli')) ? false : `schemathesis ${VERSION} is not installed: npm run schemathesis`;

/** Installs it unless it is there. */
export async function ensureSchemathesis() {
  if (!schemathesisMissing()) return;
  if (!(await succeeds('python3', ['-m', 'pip', '--version']))) {
    throw new Failure('✗ python3 has no pip. Install it (Debian: apt-get install python3-pip) and try again.');
  }
  await step(`Installing schemathesis ${VERSION} into target/schemathesis, once`, '20 s', () =>
    quietly('python3', [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--no-deps',
      '--only-binary=:all:',
      '--require-hashes',
      '--target',
      folder,
      '--requirement',
      REQUIREMENTS,
    ]),
  );
}
