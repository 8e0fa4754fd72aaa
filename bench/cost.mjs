// The CPU time of a request, of edge-assay, of Hono with jose, and of a Worker that does nothing. Each is served by a process of its own. On a busy machine
// this says more than requests per second.
import { ratioOfRows, rowOf } from './rounds.mjs';
import { spread, table } from './sections.mjs';
import { BARE, GATEWAY, HELLO, RIVALS } from './served.mjs';

/** The table of these rows: microseconds per request, how many times as much Hono with jose needs, and what share a Worker that does nothing needs. */
export function cost(rows) {
  const bare = rowOf(rows, HELLO, BARE);
  const names = [...new Set(rows.map(({ name }) => name))].filter((name) => name !== HELLO);
  const lines = names.map((name) => {
    const [own, other] = RIVALS.map((target) => rowOf(rows, name, target));
    return [
      name,
      ...[own, other].map(({ microseconds }) => microseconds.toFixed(0)),
      spread(ratioOfRows(other, own)),
      name.startsWith(GATEWAY) ? '' : spread(ratioOfRows(bare, own)),
    ];
  });
  const head = ['CPU µs per request', ...RIVALS, `${RIVALS[1]} : ${RIVALS[0]}`, `a bare Worker : ${RIVALS[0]}`];
  const last = bare && `\n\nA bare JavaScript Worker: ${bare.microseconds.toFixed(0)} µs.`;
  return `${table(bare ? [head, ...lines] : [head, ...lines].map((line) => line.slice(0, -1)))}${last ?? ''}`;
}
