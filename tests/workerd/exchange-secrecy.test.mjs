// No private key, secret or token of a caller is in any response or log line. Every endpoint gets every kind of request, with the
// most open configuration that is possible, so that the Worker shows all that it ever shows.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { createIdentityProvider } from '../../demo/identity-provider.mjs';
import { signingKeys } from '../../demo/signing-keys.mjs';
import { eventually, startWorker, trusting } from './support/worker.mjs';

const API = 'https://api.example.com';
const CLI = 'https://cli.example.com';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const CLIENT_SECRET = 'marker+of the/client=secret, long enough';
const EXPLAIN_KEY = 'marker-of-the-explain-key-that-is-long';
const FORWARD_AUTH_SECRET = 'marker-of-the-forward-auth-secret';

const form = (parameters, headers = {}) => ({ method: 'POST', headers, body: new URLSearchParams(parameters) });
const json = (method, value) => ({ method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) });
const basic = (secret) => ({ authorization: `Basic ${Buffer.from(`cli:${encodeURIComponent(secret)}`).toString('base64')}` });
const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });

/** Every endpoint with every way to send it a token or a secret. */
const REQUESTS = {
  '/healthz': (token) => [bearer(token)],
  '/readyz': (token) => [bearer(token), { headers: { 'x-explain-key': EXPLAIN_KEY } }, { headers: basic(EXPLAIN_KEY) }],
  '/readyz?deep=1': () => [{}],
  '/verify': (token) => [
    bearer(token),
    { ...bearer(token), method: 'POST' },
    { headers: { authorization: token } },
    { headers: basic(CLIENT_SECRET) },
    { ...bearer(token), method: 'DELETE' },
  ],
  '/forward-auth': (token) => [
    bearer(token),
    { headers: { authorization: token, 'x-forwarded-uri': `/?t=${token}`, 'x-forward-auth-secret': FORWARD_AUTH_SECRET } },
  ],
  '/auth-request': (token) => [bearer(token), { headers: { authorization: `Bearer ${token}`, 'x-original-uri': `/${CLIENT_SECRET}` } }],
  '/ext-authz/profiles': (token) => [bearer(token), { headers: { authorization: `Basic ${token}` } }],
  '/profiles': (token) => [bearer(token), { headers: { authorization: token } }, { headers: basic(CLIENT_SECRET) }],
  '/explain': (token) => [
    json('POST', { token }),
    form({ token }),
    { ...json('POST', { token }), headers: { 'content-type': 'application/json', accept: 'text/plain' } },
    { ...bearer(token), method: 'POST' },
  ],
  '/console': (token) => [{}, form({ token })],
  '/token': (token) =>
    [API, CLI, 'https://nobody.example', undefined].flatMap((audience) => {
      const parameters = { grant_type: GRANT, subject_token: token, subject_token_type: JWT, ...(audience && { audience }) };
      return [
        form(parameters),
        form({ ...parameters, scope: 'admin' }),
        form({ ...parameters, client_id: 'cli', client_secret: CLIENT_SECRET }),
        form({ ...parameters, client_id: CLIENT_SECRET }, basic(CLIENT_SECRET)),
        form(parameters, basic(CLIENT_SECRET)),
        form(parameters, basic(`${CLIENT_SECRET}-wrong`)),
        form({ ...parameters, actor_token: token, actor_token_type: JWT }),
        form({ ...parameters, subject_token_type: token }),
        form({ ...parameters, resource: token }),
        form({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: token }),
        form({ grant_type: token }),
        form([
          ['subject_token', token],
          ['subject_token', token],
        ]),
        form([
          [token, '1'],
          [token, '2'],
        ]),
        json('POST', parameters),
      ];
    }),
  '/api': (token) => [
    ...['clerk', 'supabase', 'ucan', token].flatMap((type) => [
      json('PUT', { type: 'reqCloudSessionToken', auth: { type, token }, resultId: `result-of-${type.slice(0, 8)}` }),
      json('POST', { type: 'reqEnsureCloudToken', auth: { type, token }, appId: 'notes' }),
      json('PUT', { type: 'reqCloudSessionToken', auth: { type, token }, selected: { tenant: token } }),
    ]),
    json('PUT', { type: 'reqTokenByResultId', resultId: 'result-of-nobody' }),
    json('PUT', { type: token, auth: token }),
    json('PUT', token),
    { method: 'OPTIONS' },
    bearer(token),
  ],
  '/.well-known/jwks.json': (token) => [bearer(token), { headers: { 'if-none-match': '*' } }],
  '/.well-known/oauth-authorization-server': () => [{}],
  '/openapi.json': (token) => [bearer(token)],
  '/nowhere': (token) => [bearer(token), form({ token })],
};

suite("a private key, a secret or a caller's token", () => {
  let identityProvider, worker, secrets;
  const tokens = [];

  before(async () => {
    identityProvider = await createIdentityProvider();
    const [clerk, supabase, betterAuth] = identityProvider.providers;
    const trusted = trusting(identityProvider.providers, { explain: { access: 'open' }, verify: { cross_check: { sample: 1 } } });
    trusted.config.exchange = {
      issuer: 'https://auth.example.com',
      targets: [
        { audience: API, from: [clerk.issuer, betterAuth.issuer], subject: 'prefixed', public_clients: true, scopes: ['read'] },
        { audience: CLI, from: [supabase.issuer], algorithm: 'HS256', when: [{ claim: '/email', matches: '*@example.com' }] },
      ],
      clients: [{ id: 'cli', secret: 'CLI_CLIENT_SECRET', targets: [CLI] }],
      fireproof: { auth_types: { clerk: [clerk.issuer], supabase: [supabase.issuer] }, algorithm: 'EdDSA', claims: { userId: { claim: '/sub' } } },
    };
    trusted.config.forward_auth = { secret: 'FORWARD_AUTH_SECRET' };
    trusted.config.gateway = { routes: [{ path: '/profiles', upstream: 'http://127.0.0.1:9', credential: { exchange: API } }] };
    const keys = await signingKeys(['ES256', 'EdDSA', 'HS256']);
    secrets = { ...trusted.secrets, EXPLAIN_KEY, FORWARD_AUTH_SECRET, CLI_CLIENT_SECRET: CLIENT_SECRET, SIGNING_KEYS: keys };
    worker = await startWorker({ config: trusted.config, secrets });
    for (const provider of identityProvider.providers) {
      const good = await provider.mint();
      tokens.push(good, await provider.mint({ expired: true }), good.replace(/.{8}$/, 'AAAAAAAA'));
    }
  });
  after(() => Promise.all([worker.dispose(), identityProvider.close()]));

  /** Every text that must not be shown, with its name. */
  function inside() {
    const { SIGNING_KEYS, ...texts } = secrets;
    const found = JSON.parse(SIGNING_KEYS).keys.map((key) => [`the private ${key.alg} key`, key.d ?? key.k]);
    for (const [name, value] of Object.entries(texts)) {
      found.push(
        [name, value],
        [`${name}, encoded`, encodeURIComponent(value)],
        [`${name}, in base64`, Buffer.from(value).toString('base64').replace(/=+$/, '')],
      );
    }
    tokens.forEach((token, index) => token.split('.').forEach((part, place) => found.push([`part ${place} of token ${index}`, part])));
    return found.filter(([, text]) => text.length >= 8);
  }

  function nothingOf(text, where) {
    for (const [what, secret] of inside()) assert.ok(!text.includes(secret), `${what} is in ${where}:\n${text.slice(0, 2000)}`);
  }

  for (const [path, requests] of Object.entries(REQUESTS)) {
    test(`is in no answer of ${path}`, async () => {
      for (const token of [...tokens, 'null', 'sb_secret_0123456789abcdef']) {
        for (const request of requests(token)) {
          const response = await worker.fetch(path, request);
          const text = `${[...response.headers].join('\n')}\n${await response.text()}`;
          nothingOf(text, `the answer ${response.status} to ${request.method ?? 'GET'} ${path}`);
        }
      }
    });
  }

  test('is in no log line', async () => {
    await worker.verify('last.of.all', { headers: { 'cf-ray': 'the-last-one' } });
    await eventually(() => worker.log().some(({ ray }) => ray === 'the-last-one'), 'the last log line');
    assert.ok(worker.lines.length > 100);
    nothingOf(worker.lines.map(({ message }) => message).join('\n'), 'the log');
  });
});
