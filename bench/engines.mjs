// npm run bench -- --engines: what each `verify.engine` costs. Requests with distinct tokens, so that each is a signature check;
// the CPU time of the whole workerd process per request, which other load on the machine changes less than the time of a request.
import { step } from '../scripts/lib/steps.mjs';
import { cpuClock } from './cpu.mjs';
import { getRequest, load } from './load.mjs';
import { inRounds, rowOf } from './rounds.mjs';
import { DISTINCT_TOKENS } from './served.mjs';
import { createSubject } from './subjects.mjs';
import { ENGINES, startWorkerd } from './workerd.mjs';

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256'];

/** The table, as Markdown. */
export async function engines({ rounds, seconds, connections, folders }) {
  const subjects = await step('Minting the tokens', '10 s', () =>
    Promise.all(ALGORITHMS.map((algorithm) => createSubject(algorithm, DISTINCT_TOKENS))),
  );
  const workerd = await startWorkerd(subjects, { ...folders, engines: true });
  const cpuSeconds = cpuClock(workerd.pid);
  const cases = subjects.flatMap(({ algorithm, tokens }) => {
    const requests = tokens.map((token) => getRequest('/verify', { authorization: `Bearer ${token}` }));
    return ENGINES.map((engine) => ({ name: algorithm, target: engine, requests }));
  });
  try {
    const rows = await step(
      `Requests by each engine, ${rounds} rounds of ${cases.length} cases`,
      `${Math.ceil((rounds * cases.length * seconds) / 60)} min`,
      () =>
        inRounds(rounds, cases, async ({ target, requests }) => {
          const before = cpuSeconds();
          const { perSecond } = await load(workerd.ports[`edge-assay-${target}`], requests, { connections, seconds, warmUpSeconds: 0 });
          return { micros: ((cpuSeconds() - before) * 1e6) / (perSecond * seconds) };
        }),
    );
    const micros = (algorithm, engine) => rowOf(rows, algorithm, engine).micros;
    const lines = ALGORITHMS.map((algorithm) => {
      const [rust, ...others] = ENGINES.map((engine) => micros(algorithm, engine));
      return `| ${algorithm} | ${rust.toFixed(0)} | ${others.map((other) => `${other.toFixed(0)} | ${(other / rust).toFixed(2)}`).join(' | ')} |`;
    });
    return ['| CPU µs per request | rust | webcrypto | ratio | both | ratio |', '| --- | ---: | ---: | ---: | ---: | ---: |', ...lines].join('\n');
  } finally {
    await workerd.stop();
  }
}
