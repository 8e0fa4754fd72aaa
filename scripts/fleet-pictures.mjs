// npm run fleet:pictures -- FILE…: draws docs/images/fleet/*.svg from the series that `npm run fleet -- … --series FILE` has written, and fills
// docs/operations/fleet-pictures.md. Scenarios that are in no file keep their pictures. Without a file, everything is drawn again from
// docs/operations/fleet-series.json.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PAGE, SERIES, filled, picture, pictureOf, scenariosIn } from '../bench/fleet/pictures.mjs';
import { at } from './lib/paths.mjs';
import { run } from './lib/steps.mjs';

await run(() => {
  const known = existsSync(at(SERIES)) ? JSON.parse(readFileSync(at(SERIES), 'utf8')) : {};
  const read = process.argv.slice(2).map((path) => scenariosIn(readFileSync(path, 'utf8')));
  for (const [name, scenario] of read.flatMap((one) => Object.entries(one))) {
    const former = known[name];
    const isSameFleet = former && ['duration', 'isolates', 'dataCentres'].every((member) => former[member] === scenario[member]);
    known[name] = isSameFleet ? { ...scenario, tiers: { ...former.tiers, ...scenario.tiers } } : scenario;
  }
  for (const [name, scenario] of Object.entries(known)) {
    mkdirSync(dirname(at(pictureOf(name))), { recursive: true });
    writeFileSync(at(pictureOf(name)), picture(name, scenario));
  }
  const lines = Object.entries(known).map(([name, scenario]) => ` ${JSON.stringify(name)}: ${JSON.stringify(scenario)}`);
  writeFileSync(at(SERIES), `{\n${lines.join(',\n')}\n}\n`);
  writeFileSync(at(PAGE), filled(readFileSync(at(PAGE), 'utf8'), known));
  console.log(`✓ Wrote ${PAGE}, ${SERIES} and ${Object.keys(known).length} pictures`);
});
