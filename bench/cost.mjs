// npm run bench -- --cost: the CPU time of a request, of edge-assay, of Hono with jose, and of a Worker that does nothing. Each is served by a process
// of its own. On a busy machine this says more than requests per second.
import { step } from '../scripts/lib/steps.mjs';
import { microsecondsPerRequest } from './cpu.mjs';
import { getRequest } from './load.mjs';
import { median, ratioOf } from './rounds.mjs';
import { DISTINCT_TOKENS, casesOf, distinctTokens, verifyRequest } from './served.mjs';
import { createSubject } from './subjects.mjs';
import { startWorkerd } from './workerd.mjs';

const TARGETS = ['edge-assay', 'hono-jose', 'hello'];
const SIZES = [4, 16];

/** The table, as Markdown: microseconds per request, and how many times as much the other two need, with the quartiles of the rounds. */
export async function cost(subjects, settings) {
  const ordinary = casesOf(subjects);
  const rows = await measured(subjects, ordinary, settings);
  for (const kibibytes of SIZES) {
    const large = await step(`Minting tokens of ${kibibytes} KiB`, '10 s', () =>
      createSubject('ES256', DISTINCT_TOKENS, { bytes: kibibytes * 1024 }),
    );
    const name = `${distinctTokens('ES256')} of ${kibibytes} KiB`;
    rows.push(...(await measured([large], [{ name, requests: large.tokens.map(verifyRequest) }], settings)));
  }
  const head = ['| CPU µs per request | edge-assay | hono-jose | ratio | no verification | ratio |', '| --- | ---: | ---: | ---: | ---: | ---: |'];
  return [...head, ...rows].join('\n');
}

async function measured(subjects, cases, { rounds, seconds, connections, folders }) {
  const processes = {};
  try {
    for (const target of TARGETS) processes[target] = await startWorkerd(subjects, { ...folders, only: target });
    const measure = async (target, requests) => {
      const { pid, ports } = processes[target];
      return microsecondsPerRequest({ pid, port: ports[target] }, requests, { connections, seconds });
    };
    const all = rounds * cases.length * TARGETS.length;
    return await step(`CPU time, ${rounds} rounds of ${cases.length} cases`, `${Math.ceil((all * (seconds + 0.3)) / 60)} min`, async () => {
      const figures = cases.map(() => Object.fromEntries(TARGETS.map((target) => [target, /** @type {number[]} */ ([])])));
      for (let round = 0; round < rounds; round += 1) {
        for (const [index, { requests }] of cases.entries()) {
          for (const target of TARGETS) {
            figures[index][target].push(await measure(target, target === 'hello' ? [getRequest('/')] : requests));
          }
        }
      }
      return cases.map(({ name }, index) => row(name, figures[index]));
    });
  } finally {
    for (const { stop } of Object.values(processes)) await stop();
  }
}

function row(name, figures) {
  const [own, ...others] = TARGETS.map((target) => figures[target]);
  const cells = others.flatMap((other) => {
    const { median: middle, quartiles } = ratioOf(other, own);
    return [median(other).toFixed(0), `${middle.toFixed(2)} (${quartiles.map((quartile) => quartile.toFixed(2)).join(' to ')})`];
  });
  return `| ${[name, median(own).toFixed(0), ...cells].join(' | ')} |`;
}
