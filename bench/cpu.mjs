// The CPU time of a process. Other load on the machine changes it less than the time that passes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Failure } from '../scripts/lib/steps.mjs';
import { load } from './load.mjs';

/**
 * A function that returns the seconds of CPU time that the process has used, in all its threads. The kernel counts them in nanoseconds for each thread; the
 * threads of workerd do not end before it.
 */
export function cpuClock(pid) {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(`${tasks}/${pid}/schedstat`))
    throw new Failure('✗ The CPU time of a process is read from /proc/PID/task/*/schedstat, which Linux has.');
  return () => readdirSync(tasks).reduce((sum, thread) => sum + Number(readFileSync(`${tasks}/${thread}/schedstat`, 'utf8').split(' ')[0]), 0) / 1e9;
}

/**
 * What `load` measures while these requests are sent to the `port` of a process for `seconds`, and the `microseconds` of CPU time that the process
 * uses for one of them.
 */
export async function loaded({ pid, port }, requests, { connections, seconds }) {
  const cpuSeconds = cpuClock(pid);
  const begin = cpuSeconds();
  const { answers, ...figures } = await load(port, requests, { connections, seconds });
  if (answers === 0) throw new Failure('✗ No request was answered in the time. Give --seconds more.');
  return { ...figures, microseconds: ((cpuSeconds() - begin) * 1e6) / answers };
}

/**
 * A function that returns how long the main thread of the process has run and how long it has waited for a processor since it last returned, as
 * `{ run, waited }` in seconds. Without the kernel's statistics, `waited` is 0.
 */
export function waitClock(pid) {
  const path = `/proc/${pid}/schedstat`;
  const read = () =>
    existsSync(path)
      ? readFileSync(path, 'utf8')
          .split(' ')
          .map((nanoseconds) => Number(nanoseconds) / 1e9)
      : [0, 0];
  let before = read();
  return () => {
    const now = read();
    const [run, waited] = [now[0] - before[0], now[1] - before[1]];
    before = now;
    return { run, waited };
  };
}
