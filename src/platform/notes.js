// Notes in the cache of the data centre.

// A cache of this name, so that no Worker that writes into `caches.default` what its clients send can write a note.
const CACHE = 'edge-assay';
// In a header, so that no body is read.
const HEADER = 'edge-assay-note';

/**
 * The key of the note about fetches from `url`. It has the host of that URL, because the cache may look its name up.
 *
 * @param {string} url
 */
const keyOf = (url) => new URL(`/edge-assay/${encodeURIComponent(url)}`, url).href;

/**
 * The note about fetches from `url`.
 *
 * @param {string} url
 */
export async function readNote(url) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(keyOf(url));
  return found?.headers.get(HEADER) ?? undefined;
}

/**
 * Keeps `note` about fetches from `url` for `seconds`.
 *
 * @param {string} url
 * @param {string} note
 * @param {number} seconds
 */
export async function writeNote(url, note, seconds) {
  const cache = await caches.open(CACHE);
  await cache.put(keyOf(url), new Response(null, { headers: { [HEADER]: note, 'cache-control': `max-age=${seconds}` } }));
}
