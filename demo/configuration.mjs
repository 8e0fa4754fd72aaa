// What the Worker is told of the identity providers here: the ASSAY binding, and the secrets that it names.

/** For whom the demo's exchange issues tokens. */
export const AUDIENCES = { web: 'https://api.example.com', cli: 'https://cli-api.example.com' };
/** Who authenticates to it. */
export const CLIENT = { id: 'cli', secret: 'a-secret-for-the-demo-and-nothing-else', binding: 'CLI_CLIENT_SECRET' };

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

/** The demo's `[exchange]` table: a web application's users, a command line's, and Fireproof's. */
export function exchangeTable(worker, providers) {
  const issuerOf = (wanted) => providers.find(({ name }) => name === wanted).issuer;
  const [clerk, supabase, betterAuth] = ['clerk', 'supabase', 'better-auth'].map(issuerOf);
  return {
    issuer: worker,
    targets: [
      { audience: AUDIENCES.web, from: [clerk], public_clients: true, scopes: ['profiles:read', 'profiles:write'], default_scopes: ['profiles:read'], claims: { user_id: { claim: '/sub' } } },
      { audience: AUDIENCES.cli, from: [supabase], algorithm: 'EdDSA', claims: { user_id: { claim: '/sub' }, role: { claim: '/role' }, email: { claim: '/email' } } },
    ],
    clients: [{ id: CLIENT.id, secret: CLIENT.binding, targets: [AUDIENCES.cli] }],
    fireproof: { auth_types: { clerk: [clerk], better: [betterAuth] }, claims: { userId: { claim: '/sub' } } },
  };
}

const secretName = ({ name }) => `${name.toUpperCase().replaceAll('-', '_')}_JWT_SECRET`;
