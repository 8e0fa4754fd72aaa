// The commands that `npm start` prints, each with what to expect: the status of the Worker's answer and, where it is a
// refusal, its code; or the word that the command prints. tests/workerd/demo.test.mjs runs them as they are printed.
import { fileURLToPath } from 'node:url';
import { AUDIENCES, CLIENT } from './configuration.mjs';

/** The list for a Worker and an identity provider at these URLs, in an order in which each finds what it says. */
export function demoCommands(worker, idp) {
  const verify = (token) => `curl -i -H "Authorization: Bearer ${token}" ${worker}/verify`;
  const mint = (query) => `$(curl -s '${idp}/token/${query}')`;
  const post = (path, then) => `curl -s -X POST ${idp}/${path} && ${then}`;
  return [
    { says: 'A Clerk session token: RS256, its key found in the JWKS', status: 200, command: verify(mint('clerk')) },
    { says: 'A Supabase token: HS256 with a kid, checked with the shared secret', status: 200, command: verify(mint('supabase')) },
    { says: 'A Better Auth token: EdDSA', status: 200, command: verify(mint('better-auth')) },
    { says: 'Expired', status: 401, code: 'token_expired', command: verify(mint('clerk?expired=1')) },
    { says: 'For another audience', status: 401, code: 'audience_mismatch', command: verify(mint('better-auth?aud=https://elsewhere.example')) },
    { says: 'From an issuer that is not configured', status: 401, code: 'issuer_unknown', command: verify(mint('clerk?iss=https://stranger.example')) },
    { says: 'No token: a challenge without an error', status: 401, code: 'token_missing', command: `curl -i ${worker}/verify` },
    { says: 'What a client sends that asked for its token too early', status: 401, code: 'token_missing', command: verify('null') },
    { says: 'Why? Every step, the one root cause, and what to do', status: 200, command: `curl -i -H "Accept: text/plain" --data-urlencode "token=${mint('clerk?expired=1')}" ${worker}/explain` },
    { says: 'Better Auth rotates its key; a token signed with the new one verifies at once', status: 200, command: post('rotate/better-auth', verify(mint('better-auth'))) },
    { says: 'Clerk goes down; its keys are cached, so its tokens still verify', status: 200, command: post('down/clerk', verify(mint('clerk'))) },
    { says: 'An OpenID provider goes down before it was ever asked: 503, never a 401', status: 503, code: 'jwks_unavailable', command: post('down/oidc', verify(mint('oidc'))) },
    { says: 'Both are back, and what was a 503 is a 200', status: 200, command: post('up/clerk', post('up/oidc', `sleep 2 && ${verify(mint('oidc'))}`)) },
  ];
}

/** The exchange: a third party's token in, the API's own out, and what a consumer makes of it. */
export function exchangeCommands(worker, idp) {
  const mint = (provider) => `$(curl -s '${idp}/token/${provider}')`;
  const urn = (kind) => `urn:ietf:params:oauth:${kind}`;
  const exchange = (flags, provider, audience) =>
    `curl ${flags} -d grant_type=${urn('grant-type:token-exchange')} -d subject_token_type=${urn('token-type:jwt')} -d audience=${audience} --data-urlencode "subject_token=${mint(provider)}" ${worker}/token`;
  const fireproof = (flags) =>
    `curl ${flags} -X PUT -H "Content-Type: application/json" -d '{"type":"reqCloudSessionToken","auth":{"type":"clerk","token":"'${mint('clerk')}'"}}' ${worker}/api`;
  const verified = (command) => `${command} | node "${fileURLToPath(new URL('verify.mjs', import.meta.url))}" ${worker}`;
  return [
    { says: "A Clerk token becomes the API's own (RFC 8693)", status: 200, command: exchange('-i', 'clerk', AUDIENCES.web) },
    { says: 'The same, and jose verifies what came out from the JWKS of the Worker', prints: 'verified', command: verified(exchange('-s', 'clerk', AUDIENCES.web)) },
    { says: 'A Clerk token becomes a Fireproof cloud token', status: 200, command: fireproof('-i') },
    { says: 'The same, verified by jose', prints: 'verified', command: verified(fireproof('-s')) },
    { says: 'A command line that proves who it is turns a Supabase token into one for its API', status: 200, command: exchange(`-i -u ${CLIENT.id}:${CLIENT.secret}`, 'supabase', AUDIENCES.cli) },
    { says: 'With a wrong client secret', status: 401, code: 'client_unauthenticated', command: exchange(`-i -u ${CLIENT.id}:wrong`, 'supabase', AUDIENCES.cli) },
    { says: 'For an audience that takes no Supabase tokens', status: 400, code: 'issuer_not_accepted', command: exchange('-i', 'supabase', AUDIENCES.web) },
  ];
}

/** How the list is printed: lines to paste into a shell, what to expect as comments. */
export function printed(commands) {
  return commands.map(({ says, status, code, prints, command }) => `# ${says} → ${prints ?? status}${code ? ` ${code}` : ''}\n${command}\n`).join('\n');
}

/** The list back from what was printed. */
export function parsePrinted(text) {
  return [...text.matchAll(/^# (.+) → (?:(\d{3})(?: (\w+))?|(\w+))\n(.+)$/gm)].map(([, says, status, code, prints, command]) => ({ says, status: status && Number(status), code, prints, command }));
}
