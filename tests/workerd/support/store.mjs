// The key cache's records in KV, to look at and to change. Time does not pass faster in workerd, so a test that needs an
// old set writes the record as it would be by then, and asks an isolate that has yet to read it.

const TIMES = ['fetched_at', 'fresh_until', 'stale_until', 'last_attempt_at', 'last_unknown_kid_fetch_at'];

/** The record of the one source that has been fetched: `{ key, record }`. */
export async function storedRecord(worker) {
  const kv = await worker.kv();
  const { keys } = await kv.list({ prefix: 'jwks:v1:' });
  if (keys.length !== 1) throw new Error(`there are ${keys.length} records in KV, not one`);
  const [{ name }] = keys;
  return { key: name, record: JSON.parse(await kv.get(name)) };
}

/** Replaces that record by what `change` makes of it: an object, or a text that is no record any more. */
export async function changeRecord(worker, change) {
  const { key, record } = await storedRecord(worker);
  const changed = change(record);
  const kv = await worker.kv();
  await kv.put(key, typeof changed === 'string' ? changed : JSON.stringify(changed));
}

/** The record as it looks `seconds` after it was written (before, if negative). */
export const aged = (seconds) => (record) => {
  const times = TIMES.flatMap((name) => (typeof record[name] === 'number' ? [[name, record[name] - seconds]] : []));
  return { ...record, ...Object.fromEntries(times) };
};
