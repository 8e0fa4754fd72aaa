// The CPU time of a process. Other load on the machine changes it less than the time that passes.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A function that returns the seconds of CPU time that the process has used, in all its threads. */
export function cpuClock(pid) {
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']));
  return () => {
    // The fields after the command's name, of which utime and stime are the 12th and 13th (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  };
}
