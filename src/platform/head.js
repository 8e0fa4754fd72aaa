// The head of a request, which JavaScript writes into the memory of the WebAssembly before it passes the request: a call from there would cost as much as
// checking a MAC, and a view of the memory more than that.
import * as assay from 'edge-assay';

/** @import { Incoming } from '../instance.js' */

const encoder = new TextEncoder();
/**
 * The room for the heads of usual length.
 *
 * @type {Uint8Array | undefined}
 */
let room;

/** Forgets the memory of an instance that is replaced. */
export function forget() {
  room = undefined;
}

/**
 * Writes `<method> <url>`; if there is an Authorization header, a line break and its value follow. Returns the length in bytes. The next call of the
 * WebAssembly has to read it.
 *
 * @param {Incoming} incoming
 */
export function write({ method, url, authorization }) {
  const line = `${method} ${url}`;
  const text = authorization === null ? line : `${line}\n${authorization}`;
  // A memory that has grown leaves a view without length.
  if (room === undefined || room.length === 0) room = assay.head_room(0);
  const { read, written } = encoder.encodeInto(text, room);
  if (read === text.length) return written;
  // No character takes more than three bytes. The room is made smaller when it was read, which may move it.
  const large = assay.head_room(text.length * 3);
  room = undefined;
  return encoder.encodeInto(text, large).written;
}
