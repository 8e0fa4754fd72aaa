// One verification alone, without a request around it: pure Rust in wasm, bare WebCrypto, jose. The CPU time of the process.
import { Failure, step } from '../scripts/lib/steps.mjs';
import { cpuClock } from './cpu.mjs';
import { inRounds } from './rounds.mjs';

export const ENGINES = ['rust', 'subtle', 'jose'];
const MEASURED_MS = 250;

/** Microseconds per verification, by subject and engine. */
export async function alone({ pid, ports }, subjects, { rounds }) {
  const cpuSeconds = cpuClock(pid);
  const ask = async (name, engine, times) => {
    const begin = cpuSeconds();
    const response = await fetch(`http://127.0.0.1:${ports['verify-alone']}/?${new URLSearchParams({ name, engine, times })}`);
    const text = await response.text();
    if (!response.ok) throw new Failure(`✗ ${engine} ${name}: ${text}`);
    return (cpuSeconds() - begin) * 1000;
  };
  const cases = subjects.flatMap(({ name }) => ENGINES.map((engine) => ({ name, target: engine })));
  return step(
    `The verification alone, ${rounds} rounds of ${cases.length} cases`,
    `${Math.ceil((rounds * cases.length * 0.4) / 60)} min`,
    async () => {
      for (const one of cases) {
        // How many fit into the time that a round takes; also the warm-up, for the compilers of both languages.
        await ask(one.name, one.target, 200);
        one.times = Math.max(50, Math.round((MEASURED_MS * 200) / (await ask(one.name, one.target, 200))));
      }
      return inRounds(rounds, cases, async ({ name, target, times }) => {
        const empty = await ask(name, target, 0);
        return { microseconds: ((await ask(name, target, times)) - empty) * (1000 / times) };
      });
    },
  );
}
