// Reads and changes the key cache's records in KV. Time cannot be advanced in workerd, so a test that needs an old set
// writes the record with older times, and asks an isolate that has not read it yet.
import { createHash } from 'node:crypto';

const TIMES = ['fetched_at', 'fresh_until', 'stale_until', 'last_attempt_at', 'last_unknown_kid_fetch_at'];

/** The key of the record of the set at `uri` (docs/kv-schema.md). */
export const recordKey = (uri) => `jwks:v1:${createHash('sha256').update(uri).digest('base64url')}`;

/** The key of the record of the last failure to fetch that set. */
export const failuresKey = (uri) => `${recordKey(uri)}:failures`;

/** The record of the set at `uri`, or the one under another key; `undefined` while there is none that is JSON. */
export async function storedRecord(worker, uri, key = recordKey) {
  const text = await (await worker.kv()).get(key(uri));
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Replaces that record by what `change` makes of it: an object, or a text that is no record any more. */
export async function changeRecord(worker, uri, change, key = recordKey) {
  const record = await storedRecord(worker, uri, key);
  if (!record) throw new Error(`there is no record of ${uri} in KV yet`);
  const changed = change(record);
  await (await worker.kv()).put(key(uri), typeof changed === 'string' ? changed : JSON.stringify(changed));
}

/** The record as it looks `seconds` after it was written (before, if negative). */
export const aged = (seconds) => (record) => {
  const times = TIMES.flatMap((name) => (typeof record[name] === 'number' ? [[name, record[name] - seconds]] : []));
  return { ...record, ...Object.fromEntries(times) };
};
