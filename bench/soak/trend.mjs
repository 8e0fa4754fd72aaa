// Whether a series of samples grows or drifts. The tests are robust: one high sample, or one step, changes no result. They know nothing
// about what was sampled.
import { median } from '../rounds.mjs';

// The distance from the middle of the normal distribution beyond which both tails together have 5 %.
const Z = 1.96;
const FEWEST_SAMPLES = 8;

/**
 * The median of the slopes between all pairs of points, with its interval of 95 % (Theil and Sen): `{ slope, low, high }` in units of y
 * per unit of x. Up to 29 % of the points may have any value without moving the median much.
 *
 * @param {{ x: number, y: number }[]} points at least three
 */
export function theilSen(points) {
  const slopes = points.flatMap((a, index) => points.slice(index + 1).map((b) => (b.y - a.y) / (b.x - a.x))).sort((a, b) => a - b);
  const n = points.length;
  const spread = Z * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const at = (place) => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(place)))];
  return { slope: median(slopes), low: at((slopes.length - spread) / 2), high: at((slopes.length + spread) / 2) };
}

/**
 * How much samples grow: `{ slope, low, grown, grows }`. `grown` is the median of the last quarter less that of the first quarter. They grow if
 * the slope is above 0 with a confidence of 97.5 %, and `grown` is more than `allowed`. So noise does not count, nor a step within the
 * allowed size, nor a trend that is too small to matter.
 *
 * @param {{ x: number, y: number }[]} samples those after the warm-up
 * @param {number} allowed in units of y
 */
export function growth(samples, allowed) {
  requireEnough(samples);
  const { slope, low } = theilSen(samples);
  const [first, last] = ends(
    samples.map(({ y }) => y),
    4,
  );
  return { slope, low, grown: last - first, grows: low > 0 && last - first > allowed };
}

/**
 * How values change: `{ first, last, ratio, drifts }` with the medians of the first and of the last fifth. They drift if the ratio is more than
 * `limit` and the difference more than `floor`, below which a ratio says nothing.
 *
 * @param {number[]} values
 * @param {{ limit: number, floor: number }} allowed
 */
export function drift(values, { limit, floor }) {
  requireEnough(values);
  const [first, last] = ends(values, 5);
  return { first, last, ratio: last / first, drifts: last / first > limit && last - first > floor };
}

/** The medians of the first and of the last of this many equal parts. */
function ends(values, parts) {
  const length = Math.ceil(values.length / parts);
  return [median(values.slice(0, length)), median(values.slice(-length))];
}

function requireEnough(samples) {
  if (samples.length < FEWEST_SAMPLES) throw new Error(`${samples.length} samples are too few to see a trend; ${FEWEST_SAMPLES} are needed`);
}
