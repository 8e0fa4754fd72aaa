// npm run bench -- --against FOLDER: this build of the Worker beside another one, such as the build of an earlier commit. Each is served by a
// process of its own, and the CPU time of that process is measured.
import { existsSync } from 'node:fs';
import { at } from '../scripts/lib/paths.mjs';
import { Failure, step } from '../scripts/lib/steps.mjs';
import { loaded } from './cpu.mjs';
import { inRounds, ratioOfRows, rowOf } from './rounds.mjs';
import { spread } from './sections.mjs';
import { casesOf } from './served.mjs';
import { startWorkerd } from './workerd.mjs';

const WORKER = 'edge-assay';
const TARGETS = ['this', 'other'];

/** The table, as Markdown: CPU microseconds per request of this build, those of the build in `other`, and their ratio. */
export async function against(other, subjects, { rounds, seconds, connections, folders }) {
  if (!existsSync(at(other, 'index_bg.wasm'))) {
    throw new Failure(
      `✗ ${other} is not the build of a Worker: it has no index_bg.wasm. Give the build/ folder in which npm run build has put the other one.`,
    );
  }
  const processes = {};
  try {
    for (const [target, worker] of [
      ['this', folders.worker],
      ['other', other],
    ]) {
      processes[target] = await startWorkerd(subjects, { ...folders, worker, only: WORKER });
    }
    const cases = casesOf(subjects);
    const all = cases.flatMap((one) => TARGETS.map((target) => ({ ...one, target })));
    const measure = ({ target, requests }) => {
      const { pid, ports } = processes[target];
      return loaded({ pid, port: ports[WORKER] }, requests, { connections, seconds });
    };
    const rows = await step(`Two builds, ${rounds} rounds of ${all.length} cases`, `${Math.ceil((rounds * all.length * seconds) / 60)} min`, () =>
      inRounds(rounds, all, measure),
    );
    const lines = cases.map(({ name }) => {
      const [mine, others] = TARGETS.map((target) => rowOf(rows, name, target));
      return `| ${name} | ${mine.microseconds.toFixed(0)} | ${others.microseconds.toFixed(0)} | ${spread(ratioOfRows(mine, others))} |`;
    });
    return ['| CPU µs per request | this build | the other | ratio |', '| --- | ---: | ---: | ---: |', ...lines].join('\n');
  } finally {
    for (const { stop } of Object.values(processes)) await stop();
  }
}
