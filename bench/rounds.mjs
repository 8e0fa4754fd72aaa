// Interleaved rounds, so that other load on the machine affects all cases equally; medians, so that a single slow round has no effect.

/**
 * Runs `measure` for each case in each round, every second round in the opposite order, and returns the cases with the median of each figure. A row also has
 * the `microseconds` of each round, as `each`, from which ratios have their spread.
 */
export async function inRounds(rounds, cases, measure) {
  const results = cases.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    const inOrder = [...cases.entries()];
    for (const [index, one] of round % 2 ? inOrder.reverse() : inOrder) results[index].push(await measure(one));
  }
  return cases.map(({ name, target }, index) => {
    const figures = Object.keys(results[index][0]).map((figure) => [figure, median(results[index].map((result) => result[figure]))]);
    const each = results[index].map(({ microseconds }) => microseconds && Number(microseconds.toFixed(3)));
    return { name, target, ...Object.fromEntries(figures), ...(each[0] !== undefined && { each }) };
  });
}

/** The quartiles of the ratio of two cases' figures in the same round. Load that lasts for a round affects both. */
export function ratioOf(ones, others) {
  const sorted = ones.map((one, round) => one / others[round]).toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { median: median(sorted), quartiles: [at(0.25), at(0.75)] };
}

/** The same for two rows of `inRounds`; `undefined` if there is no such row, or its process' CPU time was not measured. */
export const ratioOfRows = (row, other) => (row?.each && other?.each ? ratioOf(row.each, other.each) : undefined);

/** The middle value, or the mean of the two in the middle. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The row of these rows that is about `target` in the case `name`. */
export const rowOf = (rows, name, target) => rows.find((row) => row.name === name && row.target === target);
