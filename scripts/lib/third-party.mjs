// The licences of the crates that are compiled into the wasm files of the package.
//
// A crate is used under the Apache License 2.0 if that is one of its licences; LICENSE contains that text once. For every other crate, the
// texts of its licences are repeated, because those licences demand it.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, quietly } from './steps.mjs';
import { crates, WASM_TARGETS } from './toolchain.mjs';

const INTRODUCTION = `edge-assay contains compiled code of the crates below. They come from crates.io, in the versions of Cargo.lock.
A crate that may be used under several licences is used under the Apache License 2.0 if that is one of them. The file LICENSE has its text.
`;
// Code of the compiler's own libraries is in every wasm.
const RUST = 'The Rust standard library (MIT OR Apache-2.0), with compiler-builtins (MIT AND Apache-2.0 WITH LLVM-exception AND (MIT OR Apache-2.0))';

/** The text of THIRD-PARTY-LICENSES.txt. */
export async function thirdPartyLicences() {
  const compiledIn = await compiledCrates();
  const rows = compiledIn.map(({ name, version, license }) => `  ${name} ${version}: ${license}`);
  const texts = new Map();
  for (const crate of compiledIn) {
    for (const text of noticesOf(crate)) texts.set(text, [...(texts.get(text) ?? []), `${crate.name} ${crate.version}`]);
  }
  const notices = [...texts].map(([text, names]) => `${'-'.repeat(80)}\n${names.join(', ')}\n\n${text}\n`);
  return `${INTRODUCTION}\n  ${RUST}\n${rows.join('\n')}\n\n${notices.join('\n')}`;
}

/** The crates that are compiled into a wasm file: no procedural macros, build scripts or tests. */
async function compiledCrates() {
  const targets = WASM_TARGETS.flatMap((target) => ['--target', target]);
  const tree = await quietly(
    'cargo',
    [
      'tree',
      '--locked',
      '--package',
      'edge-assay',
      '--package',
      'edge-assay-cli',
      '--edges',
      'normal,no-proc-macro',
      ...targets,
      '--prefix',
      'none',
      '--format',
      '{p}',
    ],
    { stdoutOnly: true },
  );
  const names = new Set(tree.split('\n').map((line) => line.replace(' (*)', '').trim()));
  return (await crates())
    .filter(({ name, version }) => names.has(`${name} v${version}`))
    .sort((one, other) => (`${one.name} ${one.version}` < `${other.name} ${other.version}` ? -1 : 1));
}

/** The texts that have to go with a crate. */
function noticesOf({ name, license, folder }) {
  const underApache = /\bApache-2\.0\b(?! WITH)/.test(license) && !/\bAND\b/.test(license);
  const files = globSync(underApache ? ['NOTICE*'] : ['LICENSE*', 'LICENCE*', 'COPYING*', 'COPYRIGHT*', 'NOTICE*', 'UNLICENSE'], {
    cwd: folder,
  }).sort();
  if (!underApache && files.length === 0)
    throw new Failure(`✗ The sources of ${name} (${license}) contain no text of its licence, which the package has to repeat`);
  return files.map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim());
}
