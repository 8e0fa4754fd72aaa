// Changes the fast paths in one place at a time, and expects the native tests to fail. The changes, and why some are equivalent, are in
// fast-path-mutants.mjs. All of them are in one build, as those of crate-mutants.mjs, and an environment variable switches one on.
import { readFileSync } from 'node:fs';
import { MUTANTS } from './fast-path-mutants.mjs';
import { builtByHand } from './mutant-build.mjs';
import { reaching, tried } from './mutant-tests.mjs';
import { at } from './paths.mjs';
import { Failure, step } from './steps.mjs';

/**
 * Tries the changes whose name or file contains `text`. Returns 1 if a change survives that is not marked as equivalent, or if one is caught that is;
 * else 0.
 *
 * @param {string} text
 */
export async function fastPathMutants(text) {
  const chosen = MUTANTS.map((mutant, index) => ({ ...mutant, id: index + 1 })).filter(
    ({ name, file }) => name.includes(text) || file.includes(text),
  );
  if (chosen.length === 0) throw new Failure(`✗ No mutant has "${text}" in its name or file.`);
  const changed = new Map([...new Set(chosen.map(({ file }) => file))].map((file) => [file, switched(file, chosen)]));
  const build = await step('Compiling the mutants', '2 to 8 min', () => builtByHand(changed));
  const tests = await step('Running the tests without a mutant', '20 s', () => reaching(build, 'fast'));
  const counts = { caught: 0, equivalent: 0, wrong: 0 };
  for (const mutant of chosen) {
    const { outcome, by } = await tried(mutant, tests);
    const isCaught = outcome === 'caught' || outcome === 'timeout';
    const isExpected = isCaught !== Boolean(mutant.equivalent);
    counts[isExpected ? (isCaught ? 'caught' : 'equivalent') : 'wrong'] += 1;
    const reason = mutant.equivalent ? ` (equivalent: ${mutant.equivalent})` : '';
    console.log(`${isExpected ? '✓' : '✗'} ${mutant.file}: ${mutant.name}: ${outcome}${by ? ` by ${by}` : ''}${reason}`);
  }
  console.log(`${chosen.length} mutants: ${counts.caught} caught, ${counts.equivalent} equivalent, ${counts.wrong} not as expected.`);
  return counts.wrong === 0 ? 0 : 1;
}

/**
 * The text of the file with all of its changes in it, each behind its number.
 *
 * @param {string} file
 * @param {{ id: number, file: string, name: string, text: string, to: string }[]} mutants
 */
function switched(file, mutants) {
  const source = readFileSync(at(file), 'utf8');
  const sites = new Map();
  for (const mutant of mutants.filter((one) => one.file === file)) {
    const [before, from, after] = mutant.text.split(/[«»]/);
    const pieces = source.split(before + from + after);
    if (pieces.length !== 2) throw new Failure(`✗ ${file}: ${mutant.name}: the text to change occurs ${pieces.length - 1} times: ${mutant.text}`);
    const start = pieces[0].length + before.length;
    const site = sites.get(start) ?? { start, from, mutants: [] };
    if (site.from !== from) throw new Failure(`✗ ${file}: ${mutant.name}: another change begins at the same place and is longer or shorter.`);
    site.mutants.push(mutant);
    sites.set(start, site);
  }
  let text = source;
  for (const { start, from, mutants: own } of [...sites.values()].sort((one, other) => other.start - one.start)) {
    const choice = own.map(({ id, to }) => `if crate::mutation::active(${id}) { ${to} } else `).join('');
    text = `${text.slice(0, start)}(${choice}{ ${from} })${text.slice(start + from.length)}`;
  }
  return text;
}
