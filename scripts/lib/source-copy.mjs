// A copy of the project's sources, in which a script may change files.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { at, root } from './paths.mjs';

/**
 * Replaces `folder` by a copy of every file that git knows or would add. Every file counts as new, so that cargo never takes the
 * build of a changed copy for that of this one.
 */
export function copySourcesTo(folder) {
  rmSync(folder, { recursive: true, force: true });
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' });
  for (const file of files.split('\0').filter((name) => name !== '' && existsSync(at(name)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(at(file), join(folder, file));
  }
}
