// Verifies a token that the exchange issued, like any consumer: with jose and the JWKS URL of the Worker. It knows nothing else about
// the Worker.
//
//   curl -s … http://127.0.0.1:8787/token | node demo/verify.mjs http://127.0.0.1:8787
//
// Standard input is a token, or the JSON response of /token or /api that contains one.
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const worker = process.argv[2];
if (!worker) {
  console.error('node demo/verify.mjs <URL of the Worker> < token-or-answer');
  process.exit(2);
}

const given = (await text(process.stdin)).trim();
try {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', worker));
  const { payload, protectedHeader } = await jwtVerify(tokenIn(given), keys, { algorithms: ['ES256', 'EdDSA'] });
  console.log(`verified ${JSON.stringify(protectedHeader)}\n${JSON.stringify(payload, null, 2)}`);
} catch (error) {
  console.error(`not verified: ${error.message}`);
  process.exitCode = 1;
}

function tokenIn(input) {
  if (!input.startsWith('{')) return input;
  const answer = JSON.parse(input);
  const token = answer.access_token ?? answer.token ?? answer.cloudToken;
  if (!token) throw new Error(`the Worker issued no token: ${answer.error_description ?? answer.message ?? input}`);
  return token;
}
