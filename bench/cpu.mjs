// The CPU time of a process. Other load on the machine changes it less than the time that passes.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { Failure } from '../scripts/lib/steps.mjs';
import { load } from './load.mjs';

/** A function that returns the seconds of CPU time that the process has used, in all its threads. */
export function cpuClock(pid) {
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']));
  return () => {
    // The fields after the command's name, of which utime and stime are the 12th and 13th (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  };
}

/** The microseconds of CPU time that a process uses for one of these requests, sent to its `port` for `seconds`. */
export async function microsecondsPerRequest({ pid, port }, requests, { connections, seconds }) {
  const cpuSeconds = cpuClock(pid);
  const begin = cpuSeconds();
  const { answers } = await load(port, requests, { connections, seconds });
  if (answers === 0) throw new Failure('✗ No request was answered in the time. Give --seconds more.');
  return ((cpuSeconds() - begin) * 1e6) / answers;
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
