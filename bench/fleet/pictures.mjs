// The pictures of docs/operations/fleet-pictures.md: one for each scenario, with a panel for each tier, from the series of a run of the simulation.
import { plot } from '../plot.mjs';
import { filledSections } from '../sections.mjs';

export const PAGE = 'docs/operations/fleet-pictures.md';
export const SERIES = 'docs/operations/fleet-series.json';
/** Where the picture of a scenario is, from the root of the project. */
export const pictureOf = (scenario) => `docs/images/fleet/${scenario}.svg`;

/** The tiers in the order of the page, each with its title in a picture. */
export const TIERS = {
  without: 'KV alone',
  cache: 'with the cache of the data centre',
  coordinator: 'with the coordinator',
};
/** Points in a picture. Each shows the most fetches of a second, and the wrong answers per second on average, in its part of the time. */
const POINTS = 180;
const COLOURS = { fetches: '#3f86c6', wrong: '#d9622b' };

/**
 * One scenario: for each of its tiers the points, which are `width` seconds apart, and the counts of the whole run.
 *
 * @typedef {{ fetches: number[], wrong: number[], sum: number, most: number, wrongs: number }} Tier
 * @typedef {{ about: string, duration: number, isolates: number, dataCentres: number, width: number, tiers: Record<string, Tier> }} Scenario
 */

/**
 * The scenarios in the text that `npm run fleet -- --series FILE` writes: JSON lines, for each run a line without `second` that says what it is, and
 * then one for each second in which something happened. If a run occurs twice, the last one counts.
 *
 * @returns {Record<string, Scenario>}
 */
export function scenariosIn(text) {
  const lines = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const unknown = lines.find(({ tier }) => !(tier in TIERS));
  if (unknown) throw new Error(`there is no tier "${unknown.tier}"; there are ${Object.keys(TIERS).join(', ')}`);
  /** @type {Map<string, { head: any, seconds: any[] }>} */
  const runs = new Map();
  for (const { scenario, tier, ...line } of lines) {
    const name = JSON.stringify([scenario, tier]);
    if (!('second' in line)) runs.set(name, { head: line, seconds: [] });
    else if (runs.has(name)) runs.get(name)?.seconds.push(line);
    else throw new Error(`the run of ${scenario} (${tier}) does not begin with the line that says what it is`);
  }
  /** @type {Record<string, Scenario>} */
  const scenarios = {};
  for (const [name, { head, seconds }] of runs) {
    const [scenario, tier] = JSON.parse(name);
    const { about, duration, isolates, data_centres: dataCentres } = head;
    const width = Math.max(1, Math.ceil(duration / POINTS));
    const entry = (scenarios[scenario] ??= { about, duration, isolates, dataCentres, width, tiers: {} });
    entry.tiers[tier] = pointsOf(seconds, duration, width);
  }
  return scenarios;
}

/** @returns {Tier} */
function pointsOf(seconds, duration, width) {
  const count = Math.ceil(duration / width);
  const [fetches, wrong] = [new Array(count).fill(0), new Array(count).fill(0)];
  const [sum, wrongs] = ['fetches', 'wrong'].map((name) => seconds.reduce((total, one) => total + one[name], 0));
  for (const one of seconds) {
    const place = Math.floor(one.second / width);
    if (!(place in fetches)) continue;
    fetches[place] = Math.max(fetches[place], one.fetches);
    wrong[place] += one.wrong / width;
  }
  return {
    fetches,
    wrong: wrong.map((value) => Number(value.toFixed(2))),
    sum,
    most: seconds.reduce((most, one) => Math.max(most, one.fetches), 0),
    wrongs,
  };
}

/** The tiers of a scenario that were run, in the order of the page. */
const tiersOf = ({ tiers }) => Object.entries(TIERS).flatMap(([tier, title]) => (tier in tiers ? [{ title, ...tiers[tier] }] : []));

/**
 * The picture of a scenario.
 *
 * @param {string} name
 * @param {Scenario} scenario
 */
export function picture(name, scenario) {
  const { about, duration, isolates, dataCentres, width } = scenario;
  const chosen = tiersOf(scenario);
  const points = (values) => values.map((y, place) => ({ x: (place * width) / 60, y }));
  return plot({
    title: `${name}: ${about}`,
    alt: words(name, scenario),
    xTitle: `minutes; ${isolates.toLocaleString('en')} isolates in ${dataCentres} data centres; per second, logarithmic`,
    xMost: duration / 60,
    panels: chosen.map(({ title, fetches, wrong }) => ({
      title,
      logarithmic: true,
      least: Math.max(1, ...chosen.flatMap((tier) => [...tier.fetches, ...tier.wrong])),
      series: [
        { label: 'fetches at the origin', points: points(fetches), colour: COLOURS.fetches },
        { label: 'wrong answers', points: points(wrong), colour: COLOURS.wrong, area: true },
      ],
    })),
  });
}

/** What a picture shows, for readers who do not see it. */
export function words(name, scenario) {
  const parts = tiersOf(scenario).map(
    ({ title, sum, most, wrongs }) =>
      `${title}, ${sum.toLocaleString('en')} fetches, at most ${most.toLocaleString('en')} in a second, and ${wrongs.toLocaleString('en')} wrong answers`,
  );
  return `${name}, ${scenario.about}: ${parts.join('; ')}`;
}

/** The page with a section for each of these scenarios. */
export function filled(page, scenarios) {
  const sections = {
    pictures: () =>
      Object.entries(scenarios)
        .map(([name, scenario]) => `### \`${name}\`\n\n![${words(name, scenario)}](../images/fleet/${name}.svg)\n\n${words(name, scenario)}.`)
        .join('\n\n'),
  };
  return filledSections(page, 'fleet', sections, scenarios);
}
