// The memory that workerd takes while a function runs. Linux only, because it reads /proc.
import { existsSync, readFileSync, readdirSync } from 'node:fs';

export const canMeasure = existsSync('/proc/self/status');

/** The process ids of the workerd processes that this process has started, and theirs. */
function workerdIds(parent = process.pid) {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((id) => {
      try {
        const stat = readFileSync(`/proc/${id}/stat`, 'latin1');
        const [, name, rest] = stat.match(/\((.*)\) (.*)/s);
        return Number(rest.split(' ')[1]) === parent ? [{ id: Number(id), name }] : [];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
  return children.flatMap(({ id, name }) => [...(name.startsWith('workerd') ? [id] : []), ...workerdIds(id)]);
}

const megabytesOf = (id) => Number(readFileSync(`/proc/${id}/status`, 'latin1').match(/^VmRSS:\s+(\d+) kB/m)?.[1] ?? 0) / 1024;

/** Runs `work`, and returns by how many megabytes workerd grew at the most meanwhile. */
export async function growthDuring(work) {
  const ids = workerdIds();
  if (ids.length === 0) throw new Error('no workerd process was found');
  const now = () => ids.reduce((sum, id) => sum + megabytesOf(id), 0);
  const before = now();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, now())), 20);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return Math.max(most, now()) - before;
}
