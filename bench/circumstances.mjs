// The conditions of a run, which a reader needs to interpret its figures.
import { cpus } from 'node:os';

/** The date, the machine, and its load before the run. */
export function circumstances(load) {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${processors[0].model.trim()}, ${processors.length} cores, ${process.platform} ${process.arch}`,
    load,
  };
}
