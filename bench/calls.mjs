// npm run bench -- --rpc: what a call of `verify` by another Worker costs, by RPC and over HTTP, through service bindings of one workerd. It
// measures the CPU time of the whole process, so of both Workers together.
import { Failure, step } from '../scripts/lib/steps.mjs';
import { cpuClock } from './cpu.mjs';
import { inRounds, rowOf } from './rounds.mjs';
import { DISTINCT_TOKENS } from './served.mjs';
import { createSubject } from './subjects.mjs';
import { CALLER, startWorkerd } from './workerd.mjs';

const WAYS = ['rpc', 'http'];
/** Calls within one request; the clock of the CPU time has ticks of 10 ms. */
const TIMES = 3000;

/** The table, as Markdown: CPU microseconds per call. */
export async function calls({ rounds, folders }) {
  const subject = await step('Minting the tokens', '10 s', () => createSubject('RS256', DISTINCT_TOKENS));
  const workerd = await startWorkerd([subject], { ...folders, only: CALLER });
  const cpuSeconds = cpuClock(workerd.pid);
  const ask = async (way, tokens, times) => {
    const begin = cpuSeconds();
    const response = await fetch(`http://127.0.0.1:${workerd.ports[CALLER]}/?${new URLSearchParams({ way, tokens, times })}`);
    const text = await response.text();
    if (!response.ok) throw new Failure(`✗ ${way}: ${text}`);
    return ((cpuSeconds() - begin) * 1e6) / times;
  };
  const cases = [
    ['RS256, one token', 1],
    ['RS256, distinct tokens', DISTINCT_TOKENS],
  ].flatMap(([name, tokens]) => WAYS.map((target) => ({ name, target, tokens })));
  try {
    const rows = await step(`Calls of another Worker, ${rounds} rounds of ${cases.length} cases`, '1 min', async () => {
      for (const { target, tokens } of cases) await ask(target, tokens, TIMES);
      return inRounds(rounds, cases, async ({ target, tokens }) => ({ microseconds: await ask(target, tokens, TIMES) }));
    });
    const lines = [...new Set(rows.map(({ name }) => name))].map((name) => {
      const [rpc, http] = WAYS.map((way) => rowOf(rows, name, way).microseconds);
      return `| ${name} | ${rpc.toFixed(0)} | ${http.toFixed(0)} | ${(rpc / http).toFixed(2)} |`;
    });
    return ['| CPU µs per call | RPC | HTTP | ratio |', '| --- | ---: | ---: | ---: |', ...lines].join('\n');
  } finally {
    await workerd.stop();
  }
}
