// The goals, and what a run measured for each.
import { ratioOfRows, rowOf } from './rounds.mjs';
import { BARE, HELLO, RIVALS, SERVED_ALGORITHMS, atGateway, distinctTokens, inKibibytes, issuing, oneToken } from './served.mjs';
import { SLIM_TARGET } from './startup.mjs';
import { ISSUING } from './workerd.mjs';

const NATIVE = { RS256: 0.9, ES256: 0.6, ES384: 0.5, EdDSA: 0.4 };
const [OWN] = RIVALS;
/** Why a goal has no value if its part did not run. */
export const NOT_MEASURED = 'not measured';

/**
 * A goal with what was measured.
 *
 * @typedef {object} Goal
 * @property {string} what
 * @property {number} [least] the bound, or
 * @property {number} [most]
 * @property {number} [value] by CPU time, where there is no other unit
 * @property {number[]} [quartiles] of the rounds
 * @property {number} [perSecond] the same ratio by requests per second
 * @property {string} [unit]
 * @property {string} [missing] why there is no value
 */

/**
 * Every line of the goals, for the results of a run.
 *
 * @param {any} results
 * @returns {Goal[]}
 */
export function goals({ served = [], gateway = [], sizes = [], exchange = [], calls = [], growth = [], native, startUp = [], slim, failed = {} }) {
  const why = (part) => (failed[part] ? 'failed' : NOT_MEASURED);
  const against = (part, rows, what, name, least) => {
    const [own, other] = RIVALS.map((target) => rowOf(rows, name, target));
    return line(part, what, { least }, ratioOfRows(other, own), own && other && own.perSecond / other.perSecond);
  };
  const line = (part, what, bound, ratio, perSecond) => ({
    what,
    ...bound,
    ...(ratio ? { value: ratio.median, quartiles: ratio.quartiles, perSecond } : { missing: why(part) }),
  });
  const grown = (what, target, name) => {
    const [one, many] = ['1', name].map((wanted) => rowOf(growth, wanted, target));
    return line('growth', what, { most: 1.05 }, ratioOfRows(many, one), one && many && many.perSecond / one.perSecond);
  };
  const [repeated, bare] = [rowOf(served, oneToken('RS256'), OWN), rowOf(served, HELLO, BARE)];
  const [rpc, http] = ['rpc', 'http'].map((way) => rowOf(calls, oneToken('RS256'), way));
  const [start, bareStart] = [SLIM_TARGET, BARE].map((target) => rowOf(startUp, 'start-up', target));
  const unbuilt = startUp.length > 0 || failed.startUp ? 'not built' : NOT_MEASURED;
  return [
    ...SERVED_ALGORITHMS.map((name) => against('served', served, `\`/verify\`, ${oneToken(name)}`, oneToken(name), 1.8)),
    ...SERVED_ALGORITHMS.map((name) => against('served', served, `\`/verify\`, ${distinctTokens(name)}`, distinctTokens(name), 1.3)),
    ...[4, 16].map((size) => against('sizes', sizes, `distinct ES256 tokens of ${inKibibytes(size)}`, inKibibytes(size), 1.2)),
    line(
      'served',
      'RS256, one token, against a bare Worker',
      { least: 0.75 },
      ratioOfRows(bare, repeated),
      repeated && bare && repeated.perSecond / bare.perSecond,
    ),
    against('served', gateway, atGateway('RS256'), oneToken('RS256'), 1.3),
    line('calls', 'RPC `verify`, RS256, one token, against HTTP', { least: 1.5 }, ratioOfRows(http, rpc)),
    ...ISSUING.map((name) => against('exchange', exchange, `exchange, ${issuing(name)}`, `${issuing(name)}, distinct subject tokens`, 1)),
    { what: 'slim build', most: 250, unit: ' kB', ...(slim ? { value: slim.gzipped / 1000 } : { missing: unbuilt }) },
    {
      what: 'start-up of the slim build over a bare Worker',
      most: 10,
      unit: ' ms',
      ...(start && bareStart ? { value: start.milliseconds - bareStart.milliseconds } : { missing: slim ? why('startUp') : unbuilt }),
    },
    ...Object.entries(NATIVE).map(([name, most]) => {
      const row = native?.rows.find(({ algorithm }) => algorithm === name);
      return line('native', `native ${name}, time against \`jsonwebtoken\` on aws-lc`, { most }, row?.toAwsLc);
    }),
    grown('10,000 issuers, time against one', 'issuers', '10,000'),
    grown('100 keys in the set, time against one', 'keys', '100'),
  ];
}

/**
 * Whether the goal is reached; `undefined` if it was not measured.
 *
 * @param {Goal} goal
 */
export function isReached({ value, least, most }) {
  if (value === undefined) return undefined;
  return least === undefined ? value <= (most ?? 0) : value >= least;
}
