// What the Worker is told of the identity providers here: the ASSAY binding, and the secrets that it names.
const AUDIENCE = {
  clerk: () => 'unchecked',
  supabase: () => ({ any_of: ['authenticated'] }),
  'better-auth': ({ issuer }) => ({ any_of: [issuer] }),
  oidc: () => ({ any_of: ['api'] }),
};

/** The `[[issuers]]` table for a provider, `overrides` laid over it. */
export function issuerTable(provider, overrides = {}) {
  const table = { issuer: provider.issuer, preset: provider.kind, audience: AUDIENCE[provider.kind](provider) };
  if (provider.algorithm.startsWith('HS')) table.secrets = [{ binding: secretName(provider) }];
  return { ...table, ...overrides };
}

/** The secrets that these providers' tables name. */
export function secretsOf(providers) {
  return Object.fromEntries(providers.filter(({ algorithm }) => algorithm.startsWith('HS')).map((one) => [secretName(one), one.secret]));
}

const secretName = ({ name }) => `${name.toUpperCase().replaceAll('-', '_')}_JWT_SECRET`;
