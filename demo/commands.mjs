// The commands that `npm start` prints, each with its expected result: the status of the Worker's answer and the code of a
// refusal, or the first word of the output. tests/workerd/demo.test.mjs runs them as they are printed.
import { fileURLToPath } from 'node:url';
import { AUDIENCES, CLIENT } from './configuration.mjs';

/** The commands for a Worker and an identity provider at these URLs. Their order matters: some change keys or stop a provider. */
export function demoCommands(worker, idp) {
  const verify = (token) => `curl -i -H "Authorization: Bearer ${token}" ${worker}/verify`;
  const mint = (query) => `$(curl -s '${idp}/token/${query}')`;
  const post = (path, then) => `curl -s -X POST ${idp}/${path} && ${then}`;
  return [
    { says: 'A Clerk session token: RS256, verified with a key of the JWKS', status: 200, command: verify(mint('clerk')) },
    { says: 'A Supabase token: HS256 with a kid, verified with the shared secret', status: 200, command: verify(mint('supabase')) },
    { says: 'A Better Auth token: EdDSA', status: 200, command: verify(mint('better-auth')) },
    { says: 'An expired token', status: 401, code: 'token_expired', command: verify(mint('clerk?expired=1')) },
    {
      says: 'A token for another audience',
      status: 401,
      code: 'audience_mismatch',
      command: verify(mint('better-auth?aud=https://elsewhere.example')),
    },
    {
      says: 'A token of an issuer that is not configured',
      status: 401,
      code: 'issuer_unknown',
      command: verify(mint('clerk?iss=https://unknown.example')),
    },
    { says: 'No token: a challenge without an error code', status: 401, code: 'token_missing', command: `curl -i ${worker}/verify` },
    { says: 'The word null, which clients send if they request a token before sign-in', status: 401, code: 'token_missing', command: verify('null') },
    {
      says: 'Why is the token refused? Every step, the root cause, and the fix',
      status: 200,
      command: `curl -i -H "Accept: text/plain" --data-urlencode "token=${mint('clerk?expired=1')}" ${worker}/explain`,
    },
    {
      says: 'Better Auth rotates its key; a token signed with the new key verifies at once',
      status: 200,
      command: post('rotate/better-auth', verify(mint('better-auth'))),
    },
    {
      says: 'Clerk does not answer; its keys are cached, so its tokens still verify',
      status: 200,
      command: post('down/clerk', verify(mint('clerk'))),
    },
    {
      says: 'An OpenID provider does not answer, and its keys were never fetched: 503, not 401',
      status: 503,
      code: 'jwks_unavailable',
      command: post('down/oidc', verify(mint('oidc'))),
    },
    {
      says: 'Both providers answer again, and the same request is a 200',
      status: 200,
      command: post('up/clerk', post('up/oidc', `sleep 2 && ${verify(mint('oidc'))}`)),
    },
  ];
}

/** The exchange: a third-party token becomes a token for our API, which a consumer verifies. */
export function exchangeCommands(worker, idp) {
  const mint = (provider) => `$(curl -s '${idp}/token/${provider}')`;
  const urn = (kind) => `urn:ietf:params:oauth:${kind}`;
  const exchange = (flags, provider, audience) =>
    `curl ${flags} -d grant_type=${urn('grant-type:token-exchange')} -d subject_token_type=${urn('token-type:jwt')} -d audience=${audience} --data-urlencode "subject_token=${mint(provider)}" ${worker}/token`;
  const fireproof = (flags) =>
    `curl ${flags} -X PUT -H "Content-Type: application/json" -d '{"type":"reqCloudSessionToken","auth":{"type":"clerk","token":"'${mint('clerk')}'"}}' ${worker}/api`;
  const verified = (command) => `${command} | node "${fileURLToPath(new URL('verify.mjs', import.meta.url))}" ${worker}`;
  return [
    { says: 'A Clerk token becomes a token for our API (RFC 8693)', status: 200, command: exchange('-i', 'clerk', AUDIENCES.web) },
    {
      says: 'The same, and jose verifies the issued token with the JWKS of the Worker',
      prints: 'verified',
      command: verified(exchange('-s', 'clerk', AUDIENCES.web)),
    },
    { says: 'A Clerk token becomes a Fireproof cloud token', status: 200, command: fireproof('-i') },
    { says: 'The same, verified by jose', prints: 'verified', command: verified(fireproof('-s')) },
    {
      says: 'A command line authenticates and exchanges a Supabase token for a token for its API',
      status: 200,
      command: exchange(`-i -u ${CLIENT.id}:${CLIENT.secret}`, 'supabase', AUDIENCES.cli),
    },
    {
      says: 'With a wrong client secret',
      status: 401,
      code: 'client_unauthenticated',
      command: exchange(`-i -u ${CLIENT.id}:wrong`, 'supabase', AUDIENCES.cli),
    },
    {
      says: 'For an audience that does not accept Supabase tokens',
      status: 400,
      code: 'issuer_not_accepted',
      command: exchange('-i', 'supabase', AUDIENCES.web),
    },
  ];
}

/** The gateway: an API that does not verify tokens and reads the user from a header. */
export function gatewayCommands(worker, idp) {
  const mint = (provider) => `$(curl -s '${idp}/token/${provider}')`;
  const profiles = (options) => `curl -i ${options}${worker}/profiles`;
  const bearer = (token) => `-H "Authorization: Bearer ${token}" `;
  return [
    { says: 'An API behind the gateway: it gets the user in a header, and no token', status: 200, command: profiles(bearer(mint('better-auth'))) },
    {
      says: 'Without a token the request does not reach the API, with any identity in its headers',
      status: 401,
      code: 'token_missing',
      command: profiles('-H "X-User-Id: root" '),
    },
    {
      says: 'A good token without the scope that the route requires',
      status: 403,
      code: 'scope_insufficient',
      command: profiles(bearer(mint('clerk'))),
    },
  ];
}

/** The commands as text: lines to paste into a shell, with the expected results as comments. */
export function printed(commands) {
  return commands
    .map(({ says, status, code, prints, command }) => `# ${says} → ${prints ?? status}${code ? ` ${code}` : ''}\n${command}\n`)
    .join('\n');
}

/** Parses the printed text into the list of commands. */
export function parsePrinted(text) {
  return [...text.matchAll(/^# (.+) → (?:(\d{3})(?: (\w+))?|(\w+))\n(.+)$/gm)].map(([, says, status, code, prints, command]) => ({
    says,
    status: status && Number(status),
    code,
    prints,
    command,
  }));
}
