// The configuration of the Worker for the local identity providers: the parts of the ASSAY binding, and the secrets that it names.

/** The audiences of the tokens that the exchange of the demo issues. */
export const AUDIENCES = { web: 'https://api.example.com', cli: 'https://cli-api.example.com' };
/** The client that authenticates to the exchange. */
export const CLIENT = { id: 'cli', secret: 'a-secret-for-the-demo-and-nothing-else', binding: 'CLI_CLIENT_SECRET' };

const AUDIENCE = {
  clerk: () => 'unchecked',
  supabase: () => ({ any_of: ['authenticated'] }),
  'better-auth': ({ issuer }) => ({ any_of: [issuer] }),
  oidc: () => ({ any_of: ['api'] }),
};

/** The `[[issuers]]` table for a provider, with the members of `overrides` replaced. */
export function issuerTable(provider, overrides = {}) {
  const table = { issuer: provider.issuer, preset: provider.kind, audience: AUDIENCE[provider.kind](provider) };
  if (provider.algorithm.startsWith('HS')) table.secrets = [{ binding: secretName(provider) }];
  return { ...table, ...overrides };
}

/** The secrets that the tables of these providers name. */
export function secretsOf(providers) {
  return Object.fromEntries(providers.filter(({ algorithm }) => algorithm.startsWith('HS')).map((one) => [secretName(one), one.secret]));
}

/** The `[exchange]` table of the demo: for users of a web application, of a command line, and of Fireproof. */
export function exchangeTable(worker, providers) {
  const issuerOf = (wanted) => providers.find(({ name }) => name === wanted).issuer;
  const [clerk, supabase, betterAuth] = ['clerk', 'supabase', 'better-auth'].map(issuerOf);
  return {
    issuer: worker,
    targets: [
      {
        audience: AUDIENCES.web,
        from: [clerk],
        public_clients: true,
        scopes: ['profiles:read', 'profiles:write'],
        default_scopes: ['profiles:read'],
        claims: { user_id: { claim: '/sub' } },
      },
      {
        audience: AUDIENCES.cli,
        from: [supabase],
        algorithm: 'EdDSA',
        claims: { user_id: { claim: '/sub' }, role: { claim: '/role' }, email: { claim: '/email' } },
      },
    ],
    clients: [{ id: CLIENT.id, secret: CLIENT.binding, targets: [AUDIENCES.cli] }],
    fireproof: { auth_types: { clerk: [clerk], better: [betterAuth] }, claims: { userId: { claim: '/sub' } } },
  };
}

const secretName = ({ name }) => `${name.toUpperCase().replaceAll('-', '_')}_JWT_SECRET`;
