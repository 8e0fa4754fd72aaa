// npm run bench -- --rpc: what a call of `verify` by another Worker costs, by RPC and over HTTP, through service bindings of one workerd, and what a call costs
// that does nothing. It measures the CPU time of the whole process, so of both Workers together.
import { Failure, step } from '../scripts/lib/steps.mjs';
import { cpuClock } from './cpu.mjs';
import { inRounds, ratioOfRows, rowOf } from './rounds.mjs';
import { spread, table } from './sections.mjs';
import { DISTINCT_TOKENS } from './served.mjs';
import { createSubject } from './subjects.mjs';
import { CALLER, startWorkerd } from './workerd.mjs';

export const WAYS = ['rpc', 'http', 'nothing'];
/** Calls within one request. */
const TIMES = 3000;

/** CPU microseconds per call, in each way. */
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
    return await step(`Calls of another Worker, ${rounds} rounds of ${cases.length} cases`, '1 min', async () => {
      for (const { target, tokens } of cases) await ask(target, tokens, TIMES);
      return inRounds(rounds, cases, async ({ target, tokens }) => ({ microseconds: await ask(target, tokens, TIMES) }));
    });
  } finally {
    await workerd.stop();
  }
}

/** The table of these rows. */
export const callsTable = (rows) =>
  table([
    ['CPU µs per call', 'RPC', 'HTTP', 'HTTP : RPC', 'RPC that does nothing', 'HTTP : that'],
    ...[...new Set(rows.map(({ name }) => name))].map((name) => {
      const [rpc, http, nothing] = WAYS.map((way) => rowOf(rows, name, way));
      const [ours, overHttp, least] = [rpc, http, nothing].map(({ microseconds }) => microseconds.toFixed(0));
      return [name, ours, overHttp, spread(ratioOfRows(http, rpc)), least, spread(ratioOfRows(http, nothing))];
    }),
  ]);
