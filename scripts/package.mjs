// npm run package: makes the npm package dist/edge-assay-<version>.tgz from the current sources.
//
//   npm run package                             makes it
//   npm run package -- --check-reproducible     makes it twice, the second time in another folder from nothing, and compares every file
import { onPinnedNode } from './lib/bootstrap.mjs';
import { Failure, run } from './lib/steps.mjs';

await onPinnedNode(import.meta.url);
const { buildPackage } = await import('./lib/package.mjs');
const { checkReproducible } = await import('./lib/reproducible.mjs');

await run(async () => {
  const args = process.argv.slice(2);
  if (args.length > 1 || (args.length === 1 && args[0] !== '--check-reproducible')) throw new Failure('✗ npm run package -- [--check-reproducible]');
  const { archive, files } = await buildPackage();
  console.log(`✓ ${archive}, ${files.length} files`);
  if (args.length === 1) await checkReproducible(archive);
});
