// The chart of docs/performance.md: how long one verification takes, by algorithm and engine. Plain SVG, readable on a light
// and on a dark page.
import { ENGINES } from './alone.mjs';
import { rowOf } from './rounds.mjs';

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'];
const LOOKS = {
  rust: { label: 'edge-assay: Rust in wasm', colour: '#d9622b' },
  subtle: { label: 'crypto.subtle.verify', colour: '#5b8db8' },
  jose: { label: 'jose.jwtVerify', colour: '#9aa3ab' },
};
const LEFT = 70;
const WIDTH = 720;
const TOP = 64;
const BAR = 16;
const GAP = 18;

/** The chart of these results, as SVG. */
export function chart({ alone, date }) {
  const value = (algorithm, engine) => rowOf(alone, algorithm, engine).microseconds;
  const longest = Math.max(...ALGORITHMS.flatMap((algorithm) => ENGINES.map((engine) => value(algorithm, engine))));
  const scale = (WIDTH - LEFT - 60) / longest;
  const group = ENGINES.length * BAR + GAP;
  const height = TOP + ALGORITHMS.length * group;
  const bars = ALGORITHMS.flatMap((algorithm, row) => {
    const top = TOP + row * group;
    const label = text(LEFT - 10, top + (ENGINES.length * BAR) / 2 + 5, algorithm, 'class="name" text-anchor="end"');
    const each = ENGINES.map((engine, index) => {
      const [y, width] = [top + index * BAR, Math.max(1, value(algorithm, engine) * scale)];
      const figure = value(algorithm, engine);
      return `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" rx="2" fill="${LOOKS[engine].colour}"/>${text(LEFT + width + 6, y + BAR - 6, figure < 10 ? figure.toFixed(1) : String(Math.round(figure)))}`;
    });
    return [label, ...each];
  });
  const legend = ENGINES.map((engine, index) => {
    const x = LEFT + index * 200;
    return `<rect x="${x}" y="34" width="12" height="12" rx="2" fill="${LOOKS[engine].colour}"/>${text(x + 18, 44, LOOKS[engine].label)}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Microseconds per verification, by algorithm and engine">
<style>text { font: 12px system-ui, sans-serif; fill: #777 } .name, .title { font-weight: 600 } .title { font-size: 14px }</style>
${text(LEFT, 18, `One verification in workerd, µs; less is better (${date})`, 'class="title"')}
${[...legend, ...bars].join('\n')}
</svg>
`;
}

const text = (x, y, content, attributes = '') => `<text x="${Number(x).toFixed(1)}" y="${y}"${attributes && ` ${attributes}`}>${content}</text>`;
