// Makes the package a second time, in another folder and from nothing, and compares every file with the first.
//
// The second build has a copy of the sources, an empty target folder, and another path for cargo's own folder, in which the sources of the
// crates are. It uses the installed npm packages, which package-lock.json pins.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { staged, STAGE } from './package.mjs';
import { at } from './paths.mjs';
import { copySourcesTo } from './source-copy.mjs';
import { Failure, quietly, step } from './steps.mjs';
import { sha256 } from './worker.mjs';

const BYTES_SHOWN = 48;

/** Throws a `Failure` that names the first file that differs, and shows where. `archive` is the path of the package made here. */
export async function checkReproducible(archive) {
  const folder = mkdtempSync(join(tmpdir(), 'edge-assay-reproduced-'));
  try {
    const copy = join(folder, 'in', 'another', 'folder');
    copySourcesTo(copy);
    symlinkSync(at('node_modules'), join(copy, 'node_modules'));
    const env = { CARGO_HOME: otherCargoHome(join(folder, 'cargo')), CARGO_TARGET_DIR: undefined, ...(await gitOf(copy)) };
    await step('Making the package again, in another folder and from nothing', '3 to 5 min', () =>
      quietly(process.execPath, [join(copy, 'scripts', 'package.mjs')], { env }),
    );
    compare(copy, archive);
    console.log(`✓ The package is reproducible. SHA-256 of ${archive}: ${sha256(archive)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes a folder that has the contents of cargo's own folder under another path. Returns its path. */
function otherCargoHome(folder) {
  const real = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  mkdirSync(folder);
  for (const name of readdirSync(real)) symlinkSync(join(real, name), join(folder, name));
  return folder;
}

/** Lets git see the copy as the work tree, so that it compares the copied files with the commit. */
async function gitOf(copy) {
  try {
    const folder = (await quietly('git', ['rev-parse', '--absolute-git-dir'], { stdoutOnly: true })).trim();
    return { GIT_DIR: folder, GIT_WORK_TREE: copy, GIT_OPTIONAL_LOCKS: '0' };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return {};
  }
}

/** Compares the package made here with the one made in `copy`. Throws a `Failure` if they differ. */
export function compare(copy, archive) {
  const [ours, others] = [staged(), staged(join(copy, STAGE))];
  const unmatched = [...ours.filter((path) => !others.includes(path)), ...others.filter((path) => !ours.includes(path))];
  if (unmatched.length > 0) throw new Failure(`✗ The build is not reproducible: only one of two builds has ${unmatched.join(', ')}`);
  const differing = [...ours.map((path) => join(STAGE, path)), archive].find((path) => sha256(path) !== sha256(join(copy, path)));
  if (!differing) return;
  const [here, there] = [at(differing), join(copy, differing)].map((path) => readFileSync(path));
  throw new Failure(
    `✗ The build is not reproducible: ${basename(differing)} differs when it is built in another folder.\n${differences(here, there)}`,
  );
}

/** Where two files differ first, with the bytes around it. */
function differences(here, there) {
  const first = here.findIndex((byte, index) => byte !== there[index]);
  const offset = first === -1 ? here.length : first;
  const begin = Math.max(0, offset - BYTES_SHOWN / 2);
  const shown = (bytes) => {
    const around = bytes.subarray(begin, begin + BYTES_SHOWN);
    return `${around.toString('hex')}  ${around.toString('latin1').replace(/[^ -~]/g, '.')}`;
  };
  return [
    `  ${here.length} and ${there.length} bytes; the first difference is at byte ${offset}. From byte ${begin}:`,
    `  here:   ${shown(here)}`,
    `  there:  ${shown(there)}`,
  ].join('\n');
}
