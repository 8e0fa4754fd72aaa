// Line charts as plain SVG, one above the other with one axis of time. Readable on a light and on a dark page: the colours are of middle
// lightness, and nothing is filled behind them.

const WIDTH = 720;
const LEFT = 64;
const RIGHT = 12;
const HEAD = 30;
const PANEL = 96;
const GAP = 34;
const FOOT = 42;
/** The least distance between the middles of two labels of an axis. */
const LINE = 13;
/** The colours of series, in the order of a chart. */
export const COLOURS = ['#d9622b', '#3f86c6', '#8a939b'];

/**
 * @typedef {{ label: string, points: { x: number, y: number }[], colour?: string, area?: boolean, dashed?: boolean }} Series
 * @typedef {{ title: string, series: Series[], least?: number, logarithmic?: boolean }} Panel `least` is the smallest top of the axis; a logarithmic
 * axis begins with 0, 1.
 */

/**
 * An SVG with these panels. `alt` says what it shows to somebody who does not see it.
 *
 * @param {{ title: string, alt: string, xTitle: string, xMost: number, marks?: number[], panels: Panel[] }} chart `marks` are drawn as thin lines through
 * all panels.
 */
export function plot({ title, alt, xTitle, xMost, marks = [], panels }) {
  const height = HEAD + panels.length * (PANEL + GAP) + FOOT;
  const across = (x) => LEFT + (x / xMost) * (WIDTH - LEFT - RIGHT);
  const bottom = (index) => HEAD + index * (PANEL + GAP) + GAP + PANEL;
  const lines = panels.map((panel, index) => drawn(panel, bottom(index), across));
  const last = bottom(panels.length - 1);
  const ticks = ticksTo(xMost, 8).map((x) => text(across(x), last + 16, number(x), 'text-anchor="middle"'));
  const marked = marks.map((x) => `<path class="mark" d="M${fixed(across(x))} ${HEAD + GAP}V${last}"/>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(alt)}">
<style>text { font: 12px system-ui, sans-serif; fill: #7c7c7c } .title { font-size: 14px; font-weight: 600 } .name { font-weight: 600 } path { fill: none; stroke-width: 1.5; stroke-linejoin: round } .grid { stroke: #8888; stroke-width: .5 } .mark { stroke: #8886; stroke-width: .7; stroke-dasharray: 2 3 }</style>
${[text(LEFT, 18, title, 'class="title"'), ...marked, ...lines.flat(), ...ticks, text(WIDTH - RIGHT, last + 33, xTitle, 'text-anchor="end"')].join('\n')}
</svg>
`;
}

/** The elements of one panel, whose axis of time is at `bottom`. */
function drawn({ title, series, least = 0, logarithmic = false }, bottom, across) {
  const top = bottom - PANEL;
  const most = Math.max(least, ...series.flatMap(({ points }) => points.map(({ y }) => y)));
  const values = logarithmic ? powersTo(most) : ticksTo(most * 1.02, 3);
  const end = Math.max(values.at(-1) ?? 0, most);
  const place = logarithmic ? (y) => Math.log10(1 + y) / Math.log10(1 + end) : (y) => y / end;
  const up = (y) => bottom - place(y) * PANEL;
  let free = Infinity;
  const grid = values.map((y) => {
    const line = `<path class="grid" d="M${LEFT} ${fixed(up(y))}H${WIDTH - RIGHT}"/>`;
    // Close to 0, a logarithmic axis has no room for each label.
    if (free - up(y) < LINE) return line;
    free = up(y);
    return line + text(LEFT - 6, up(y) + 4, number(y), 'text-anchor="end"');
  });
  const shapes = series.map(({ points, area, dashed }, index) => {
    const colour = series[index].colour ?? COLOURS[index];
    const line = points.map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${fixed(across(x))} ${fixed(up(y))}`).join('');
    if (!area) return `<path stroke="${colour}"${dashed ? ' stroke-dasharray="4 3"' : ''} d="${line}"/>`;
    const [first, last] = [points[0], points.at(-1)];
    return first && last ? `<path style="fill:${colour};fill-opacity:.5;stroke:none" d="${line}V${bottom}H${fixed(across(first.x))}Z"/>` : '';
  });
  // A name of 12 px has about 7 px per character.
  let right = WIDTH - RIGHT;
  const legend = series.toReversed().flatMap(({ label, colour }, index) => {
    right -= label.length * 7 + 26;
    const own = colour ?? COLOURS[series.length - 1 - index];
    return series.length < 2
      ? []
      : [`<rect x="${right}" y="${top - 17}" width="10" height="10" rx="2" fill="${own}"/>${text(right + 15, top - 8, label)}`];
  });
  return [text(LEFT, top - 8, title, 'class="name"'), ...grid, ...shapes, ...legend];
}

/** Round values from 0 up to `most`, about `count` of them. */
function ticksTo(most, count) {
  if (!(most > 0)) return [0];
  const rough = most / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = magnitude * ([1, 2, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, index) => index * step);
}

/** 0, 1 and each further power of ten up to the first one that is not smaller than `most`. */
function powersTo(most) {
  const powers = [0, 1];
  for (let power = 1; power < most;) {
    power *= 10;
    powers.push(power);
  }
  return powers;
}

const number = (value) => (value >= 1000 ? value.toLocaleString('en') : String(Number(value.toPrecision(3))));
const fixed = (value) => Number(value.toFixed(1));
const escaped = (content) => content.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
const text = (x, y, content, attributes = '') => `<text x="${fixed(x)}" y="${fixed(y)}"${attributes && ` ${attributes}`}>${escaped(content)}</text>`;
