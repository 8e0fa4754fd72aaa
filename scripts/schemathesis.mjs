// npm run schemathesis: installs schemathesis, which tests/workerd/openapi.test.mjs runs, about 60 MB below
// target/schemathesis. Needs Python 3.10 or later with pip. A second run installs nothing.
import { ensureSchemathesis, SCHEMATHESIS } from './lib/schemathesis.mjs';
import { run } from './lib/steps.mjs';

await run(async () => {
  await ensureSchemathesis();
  console.log(`✓ schemathesis ${SCHEMATHESIS.version} is in target/schemathesis`);
});
